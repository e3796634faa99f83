"""GPUlse: the entry point of ``streamlit run streamlit_app.py``."""

from core.ui import nav

nav.run()
