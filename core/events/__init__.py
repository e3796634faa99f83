"""Event files into DataFrames, read with tbparse one file at a time.

A log folder in the wild holds empty, truncated and foreign files; one of them must not hide the
rest, so each file is inspected before tbparse opens it and what cannot be read is reported as a
:class:`Problem`. Nothing is ever written into the folder.
"""

from core.events.contents import Contents, contents
from core.events.files import Problem, find_event_files
from core.events.reader import KINDS, Events, load
from core.events.restarts import latest, superseded

__all__ = [
    "KINDS",
    "Contents",
    "Events",
    "Problem",
    "contents",
    "find_event_files",
    "latest",
    "load",
    "superseded",
]
