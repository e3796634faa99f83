"""Alerts of live jobs: a toast where the run is in sight, and the list on the jobs page."""

from __future__ import annotations

import time

import streamlit as st

from core import jobs
from core.ui.format import ago, plain
from core.ui.texts import catalogue, t

_SEEN = "_alerts_seen"
_LIVE = "_alerts_live"
MAX_TOASTS = 3
"""Toasts at once; of more, the latest are shown."""


def _title(alert: jobs.Alert) -> str:
    """ "Overfitting at epoch 23"; names that are no verdict are shown as they are."""
    known = catalogue().get(f"verdict.{alert.verdict}", plain(alert.verdict))
    if alert.stopped:
        return t("alerts.stopped", step=f"{alert.step:,}")
    return t("alerts.turned", verdict=known, step=f"{alert.step:,}")


def toast(job: jobs.Job) -> None:
    """Show what is new, each alert once a session, while the job is live.

    Of a job that ended, only what this session saw begin: its last alerts often come with its end.
    """
    live: set[str] = st.session_state.setdefault(_LIVE, set())
    if not job.final:
        live.add(job.id)
    elif job.id not in live:
        return
    seen: set[tuple[str, int]] = st.session_state.setdefault(_SEEN, set())
    new = [alert for alert in jobs.alerts(job) if (job.id, alert.number) not in seen]
    for alert in new[-MAX_TOASTS:]:
        st.toast(
            t("alerts.toast", title=_title(alert), id=plain(job.id), reason=plain(alert.reason)),
            icon=":material/notification_important:",
            duration="long",
        )
    seen.update((job.id, alert.number) for alert in new)


def listed(job: jobs.Job) -> None:
    """The history of a job's verdict, the latest first; nothing where there is none."""
    found = jobs.alerts(job)
    if not found:
        return
    with st.expander(t("alerts.title", count=len(found)), expanded=True):
        for alert in reversed(found):
            st.markdown(
                t(
                    "alerts.line",
                    title=_title(alert),
                    when=ago(time.time() - alert.time),
                    reason=plain(alert.reason),
                )
            )
