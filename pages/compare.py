"""Two runs side by side, predicted against measured; a family of runs as a ladder of gains."""

import streamlit as st

from core.ui import compare, data, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.compare"))
data.remote_notes()
compare.show()
