"""The slider over a run, and a button that moves it by itself."""

from __future__ import annotations

import streamlit as st

from core.dynamics import LossPair
from core.ui.texts import t

TICK_S = 0.5
FRAMES = 60
"""A run plays in at most this many frames: half a minute."""

POSITIONS = 1_000
"""Places of the slider at most, so that an arrow key moves it visibly."""

_PLAYING, _BEGUN = "_playing", "_begun"
_SCALE, _FOLLOWS, _HELD, _TRAIL = "_slider_scale", "_follows", "_held_scale", "_played"

ECHOES = 4
"""Places a play has just been at. A browser that has not drawn the latest one reports an earlier
one, as if a hand had moved the slider there."""


def playing() -> bool:
    """Whether the slider is moving by itself."""
    return bool(st.session_state.get(_PLAYING))


def stop() -> None:
    """Let the slider stand."""
    st.session_state[_PLAYING] = False


def _start() -> None:
    st.session_state[_PLAYING], st.session_state[_BEGUN] = True, False
    st.session_state[_FOLLOWS] = False
    st.session_state[_HELD] = st.session_state[_SCALE]
    st.session_state[_TRAIL] = (st.session_state["step"],)


def _follow() -> None:
    """Go to the end of the run, and stay there while it grows."""
    st.session_state[_FOLLOWS] = True
    st.session_state[_HELD] = st.session_state[_SCALE]
    st.session_state["step"] = st.session_state[_SCALE][1]


def _by_hand() -> None:
    """The user moved the slider: it stays there, and goes with the run if that is its end."""
    if playing() and st.session_state["step"] in st.session_state[_TRAIL]:
        return
    stop()
    st.session_state[_FOLLOWS] = st.session_state["step"] >= st.session_state[_SCALE][1]


def _button() -> None:
    """Play or pause: two buttons, since a click that meets a tick may be told twice."""
    name, click, icon = "play", _start, ":material/play_arrow:"
    if playing():
        name, click, icon = "pause", stop, ":material/pause:"
    st.button(t(f"dynamics.{name}"), key=name, on_click=click, icon=icon, shortcut="P", width=130)


def scale(pair: LossPair) -> tuple[int, int, int] | None:
    """(first, last, stride) of the slider: one place a validation point, the last one included."""
    span = pair.step_range()
    if span is None:
        return None
    first, last = span
    curve = pair.val if pair.val is not None and len(pair.val) else pair.train
    points = 1 if curve is None else len(curve)
    spacing = 1 if curve is None or points < 2 else int(curve.steps[-1] - curve.steps[0])
    stride = max(1, round(spacing / max(points - 1, 1)), -(-(last - first) // POSITIONS))
    return last - (last - first) // stride * stride, last, stride


def slider(
    unit: str, first: int, last: int, stride: int, *, ticking: bool, live: bool = False
) -> int:
    """Draw slider and buttons; where it stands.

    Args:
        unit: what a step is.
        first, last, stride: as from :func:`scale`.
        ticking: whether what is drawn around it comes anew by itself.
        live: whether the run still grows.
    """
    if last <= first:
        return last
    first, last, stride = _held(first, last, stride)
    _move(first, last, stride)
    if playing() != ticking:
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _button()
        if live and not playing() and not st.session_state[_FOLLOWS]:
            st.button(
                t("dynamics.follow"), key="follow", on_click=_follow, icon=":material/skip_next:",
                help=t("dynamics.follow.help"), width=130,
            )  # fmt: skip
        return st.slider(
            unit, first, last, value=last, step=stride, key="step", bind="query-params",
            on_change=_by_hand,
        )  # fmt: skip


def _held(first: int, last: int, stride: int) -> tuple[int, int, int]:
    """The scale to draw: of a growing run that which it had, while the page moves the slider."""
    held = st.session_state.get(_HELD)
    if not playing():
        st.session_state.pop(_HELD, None)
    if held is None or held[1] > last or (held[0], held[2]) != (first, stride):
        return first, last, stride
    return held


def _move(first: int, last: int, stride: int) -> None:
    """Set the slider where it plays, follows a growing run, or stands outside.

    Streamlit takes a slider with new ends for a new one, which begins where the URL says, else at
    its default. The end of the run is the default, so that it never stands in the URL.
    """
    now, before = st.session_state.get("step"), st.session_state.get(_SCALE)
    st.session_state[_SCALE] = first, last, stride
    asked = "step" in st.query_params if now is None else now < last
    st.session_state.setdefault(_FOLLOWS, not asked)
    if playing():
        trail = st.session_state[_TRAIL]
        st.session_state["step"] = _next(trail[-1], first, last, stride)
        st.session_state[_TRAIL] = (*trail, st.session_state["step"])[-ECHOES:]
    elif now is None or now == last:
        return
    elif st.session_state[_FOLLOWS] and before != (first, last, stride):
        st.session_state.pop("step")
    elif st.session_state[_FOLLOWS] or not first <= now <= last:
        st.session_state["step"] = last


def _next(now: int, first: int, last: int, stride: int) -> int:
    """The next frame; the end stops the play, and playing from the end begins at the start."""
    hop = stride * max(1, -(-((last - first) // stride) // FRAMES))
    begun = st.session_state.get(_BEGUN, False)
    st.session_state[_BEGUN] = True
    if now >= last and not begun:
        return first
    if now + hop >= last:
        stop()
        st.session_state[_FOLLOWS] = True
        return last
    return now + hop
