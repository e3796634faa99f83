"""The page table, the access gate, and the guard that keeps a page behind both.

Streamlit also discovers the folder ``pages/`` by itself: a cold server whose first visit is a
deep link runs ``pages/x.py`` alone, without the entry point, so without navigation and without
the login gate. :func:`guard`, the first statement of every page, hands such a visit over to the
entry point; the URL with its query survives.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import streamlit as st

from core.ui import memory
from core.ui.texts import t

_ROUTED = "_routed_by_entry_point"
_PENDING = "_pending_state"
_GIVEN = "_given_state"
_ICON = Path(__file__).parent / "assets" / "icon.png"

PAGES: tuple[tuple[str, str], ...] = (
    ("start", ":material/home:"),
    ("jobs", ":material/play_circle:"),
    ("runs", ":material/show_chart:"),
    ("dynamics", ":material/school:"),
    ("bottlenecks", ":material/speed:"),
    ("loader", ":material/tune:"),
    ("gallery", ":material/menu_book:"),
)
"""(file name below ``pages/``, icon) in the order of the navigation."""


def path(name: str) -> str:
    """The path of a page for ``st.switch_page`` and ``st.page_link``."""
    return f"pages/{name}.py"


def _pages() -> list[st.Page]:
    return [
        st.Page(
            path(name),
            title=t(f"nav.{name}"),
            icon=icon,
            help=t(f"nav.{name}.help"),
            default=name == "start",
        )
        for name, icon in PAGES
    ]


def _gate() -> None:
    """Ask for a login where the administrator configured one (``[auth]`` in secrets.toml)."""
    try:
        protected = "auth" in st.secrets
    except FileNotFoundError:
        return
    if protected and not st.user.get("is_logged_in"):
        st.title("GPUlse")
        st.markdown(t("gate.text"))
        st.button(t("gate.button"), type="primary", on_click=st.login)
        st.stop()


def _navigation() -> st.Page:
    """Page config and navigation: the two must go together.

    Without a page icon of its own Streamlit takes that of the navigation's entry and fetches it
    from another host.
    """
    st.set_page_config(page_title="GPUlse", page_icon=str(_ICON), layout="wide")
    return st.navigation(_pages(), position="top")


def run() -> None:
    """Run the app: page config, navigation, gate, then the page. For the entry point alone."""
    page = _navigation()
    _gate()
    memory.settle()
    pending = st.session_state.pop(_PENDING, {})
    st.session_state[_GIVEN] = frozenset(pending)
    for key, value in pending.items():
        st.session_state[key] = value
    st.session_state[_ROUTED] = True
    try:
        page.run()
    finally:
        st.session_state.pop(_ROUTED, None)


def go(name: str, **state: object) -> NoReturn:
    """Leave for another page with widget values of its own, from inside a page.

    ``st.switch_page`` refuses to touch a query parameter that a widget of this page is bound to,
    and a widget's value cannot be set any more once it was drawn. So the values wait until the
    next run begins.

    Args:
        name: file name below ``pages/``.
        state: widget key -> value; the chosen run is kept unless given.
    """
    st.session_state[_PENDING] = {"run": st.session_state.get("run"), **state}
    st.switch_page(path(name), query_params={})


def given(key: str) -> bool:
    """Whether :func:`go` set this widget's value for this run: it must not get a default too."""
    return key in st.session_state.get(_GIVEN, ())


def guard() -> None:
    """Hand over to the entry point when Streamlit opened this page by itself."""
    if _ROUTED not in st.session_state:
        _navigation()
        st.rerun()
