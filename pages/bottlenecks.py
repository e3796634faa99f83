"""Where a step's time goes, why the device idles, what to change; timeline; a simulator."""

import streamlit as st

from core.ui import bottlenecks, header, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.bottlenecks"))
run = header.show()
view = header.choose_view("profile", "trace", "compare")
if view == "simulator":
    bottlenecks.simulator()
elif run is None:
    st.info(t("empty.run"), icon=":material/info:")
elif view == "compare":
    bottlenecks.compare_view(run)
else:
    bottlenecks.run_view(run)
