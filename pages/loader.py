"""DataLoader settings: predicted, measured where it matters, recommended with certainty."""

import streamlit as st

from core.ui import header, loader, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.loader"))
loader.form(header.show())
loader.result()
