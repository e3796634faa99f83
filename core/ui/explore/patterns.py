"""Patterns that users type: regular expressions, or plain text where they are none."""

from __future__ import annotations

import re

import streamlit as st

from core.ui.format import plain
from core.ui.texts import t


def compiled(text: str | None) -> re.Pattern[str] | None:
    """The pattern of a text field; None for an empty one.

    What is no regular expression is taken literally, and a line says so.
    """
    if not text:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        st.warning(
            t("runs.badpattern", pattern=plain(text), why=plain(str(error))),
            icon=":material/report:",
        )
        return re.compile(re.escape(text), re.IGNORECASE)
