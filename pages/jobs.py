"""Launch form, queue, live progress and log, stop, rerun."""

import streamlit as st

from core.ui import header, jobs, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.jobs"))
header.show()
form, board = st.columns([2, 3], gap="large")
with form:
    jobs.launch_form()
with board:
    jobs.board()
