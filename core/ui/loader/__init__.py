"""What the loader page is made of: start a tuning, watch it, see why, apply the answer."""

from core.ui.loader.form import form
from core.ui.loader.page import result

__all__ = ["form", "result"]
