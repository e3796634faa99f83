"""Explore what a run logged: scalars, images, histograms, text, hyper-parameters."""

import streamlit as st

from core.ui import data, explore, header, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.runs"))
data.remote_notes()
run = header.show()
if run is None:
    st.info(t("empty.run"), icon=":material/info:")
else:
    explore.show(run)
