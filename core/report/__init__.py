"""One HTML file that says it all: no network, no script, readable on a phone and on paper.

Names out of runs and traces are untrusted: every text is escaped, and a content policy in the file
itself forbids the browser to load or run anything.
"""

from core.report.diagnosis import section
from core.report.document import MAX_SECTIONS, document, several, worst_first
from core.report.profiles import body
from core.report.run import RunReport, failed, run_report

__all__ = [
    "MAX_SECTIONS",
    "RunReport",
    "body",
    "document",
    "failed",
    "run_report",
    "section",
    "several",
    "worst_first",
]
