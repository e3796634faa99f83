"""What a step would take without a cause: the trace replayed with edits, behind guards."""

from core.traces.whatif.edits import Edit
from core.traces.whatif.predict import WhatIf, attach, prepare, what_if

__all__ = ["Edit", "WhatIf", "attach", "prepare", "what_if"]
