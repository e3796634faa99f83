"""Event files into DataFrames: the rows of tbparse, at a small fraction of its time.

Plain scalar records, which are nearly all of a log, are decoded with numpy; every other record is
handed to tbparse. What was read is kept in memory and in the state folder, and of a file that grew
only the new bytes are read. Damage is passed over and named as a :class:`Problem`; one bad file
never hides the rest. Nothing is ever written into a log folder.

From bytes to frames: :mod:`framing` finds the records, :mod:`plain` decodes scalars,
:mod:`values`, :mod:`tables` and :mod:`memory_reader` (tbparse) take the rest, :mod:`scan` makes
one pass of it, :mod:`snapshot` is what is known of a file, :mod:`library` keeps snapshots,
:mod:`reader` and :mod:`contents` answer what pages ask.
"""

from core.events.contents import Contents, contents
from core.events.files import Problem, find_event_files
from core.events.reader import KINDS, Events, load
from core.events.restarts import latest, superseded
from core.events.wide import as_tbparse

__all__ = [
    "KINDS",
    "Contents",
    "Events",
    "Problem",
    "as_tbparse",
    "contents",
    "find_event_files",
    "latest",
    "load",
    "superseded",
]
