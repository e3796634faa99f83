"""DataLoader settings, measured: throughput of num_workers and pin_memory, recommendation."""

import streamlit as st

from core.ui import header, nav, tuning
from core.ui.texts import t

nav.guard()

st.title(t("nav.loader"))
header.show()
tuning.form()
tuning.result()
