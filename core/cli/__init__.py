"""Every capability without a browser: ``python -m core VERB … [--json]``.

JSON goes to stdout alone, progress and messages to stderr. Exit codes: 0 done; 1 the thing asked
for failed or a gate was missed; 2 bad usage or unreadable input (one line, no traceback).
"""

from core.cli.command import main

__all__ = ["main"]
