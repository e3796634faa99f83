"""The epoch slider with its zones, the verdict, the checkpoint to keep, advice; a simulator."""

import streamlit as st

from core.ui import dynamics, header, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.dynamics"))
run = header.show()
view = header.choose_view("view", "run", "several")
if view == "simulator":
    dynamics.simulator()
elif run is None:
    st.info(t("empty.run"), icon=":material/info:")
elif view == "several":
    dynamics.several_view()
else:
    dynamics.run_view(run)
