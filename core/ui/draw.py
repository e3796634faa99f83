"""Putting a chart on the page."""

from __future__ import annotations

from typing import Any

import streamlit as st


def chart(built: Any, alt: str, key: str | None = None) -> None:
    """Show a chart.

    Its JSON goes to Streamlit unvalidated: the tests validate every builder, and validation
    doubles what a live tick costs.

    Args:
        built: any top-level Altair chart, or a Vega-Lite specification whose ``datasets`` may
            be DataFrames (they travel as Arrow).
        alt: what it shows, for those who do not see it.
        key: keeps the element through reruns.
    """
    spec = built if isinstance(built, dict) else built.to_dict(validate=False)
    st.vega_lite_chart(spec, alt=alt, key=key)


def ink() -> str:
    """The text colour of the theme in use, for text inside charts."""
    return "#FAFAFA" if st.context.theme.type == "dark" else "#31333F"
