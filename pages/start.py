"""First screen: what this is, one button for the demo job, the latest runs with their health."""

import streamlit as st

from core.ui import data, header, nav, overview
from core.ui.texts import t

nav.guard()

st.title(t("start.title"))
st.markdown(t("start.text"))
data.remote_notes()
run = header.show()
overview.demo_button(first=run is None)
if run is None:
    overview.empty_state()
else:
    overview.next_action(run)
    overview.latest_runs()
overview.own_script()
