"""Where a step's time goes, why the device idles, what to change; timeline; a simulator."""

import streamlit as st

from core.ui import bottlenecks, header, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.bottlenecks"))
run = header.show()
if header.choose_view("profile", "trace") == "simulator":
    bottlenecks.simulator()
elif run is None:
    st.info(t("empty.run"), icon=":material/info:")
else:
    bottlenecks.run_view(run)
