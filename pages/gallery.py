"""What costs training time most often: the code, its profile, the fix, the proof."""

import streamlit as st

from core.ui import gallery, header, nav
from core.ui.texts import t

nav.guard()

st.title(t("nav.gallery"))
header.show()
gallery.show()
