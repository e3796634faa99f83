"""The epoch slider with its zones, the verdict, the checkpoint to keep, advice; a simulator."""

import streamlit as st

from core.ui import header, learning, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.dynamics"))
run = header.show()
if header.choose_view("view", "run") == "simulator":
    learning.simulator()
elif run is None:
    st.info(t("empty.run"), icon=":material/info:")
else:
    learning.run_view(run)
