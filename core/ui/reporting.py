"""The button that makes one file of a run; nothing is read or computed before it is pressed."""

from __future__ import annotations

import re

import streamlit as st

from core import report, runs
from core.errors import GpulseError
from core.settings import settings
from core.ui.texts import t

_LONGEST = 80


def button(run: str, key: str, label: str) -> None:
    """A download of the report of a run.

    Args:
        run: key of the run.
        key: of the widget.
        label: what the button says.
    """
    st.download_button(
        label,
        lambda: made(run),
        file_name=f"{_stem(run)}.html",
        mime="text/html",
        key=key,
        icon=":material/description:",
        help=t("report.help"),
        on_click="ignore",
    )


def made(run: str) -> bytes:
    """The report of a run; a file that says so where it is gone."""
    roots = settings().all_roots
    try:
        html = report.run_report(runs.find(run, roots), roots).html
    except GpulseError as error:
        html = report.failed(run, error)
    return html.encode()


def _stem(run: str) -> str:
    """A file name of letters, digits and ``-_.``, at most 80 characters."""
    return re.sub(r"[^\w.-]+", "_", run)[-_LONGEST:].strip("._") or "run"
