"""Words and colours for causes, activities and severities: one place for charts, tables, pages.

Working time is drawn in blues and greens, waiting time in warm colours, what is unknown in grey.
The hues are Okabe and Ito's, extended by ColorBrewer ends where ten causes need more of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """How one key is shown.

    Attributes:
        key: the key in JSON and tables.
        title: what charts and tables say.
        explanation: one line on what it means.
        colour: hex, readable on light and on dark.
    """

    key: str
    title: str
    explanation: str
    colour: str


_CAUSES = (
    Label(
        "input-wait",
        "Waiting for the DataLoader",
        "The host sits in the DataLoader; the device has nothing to do.",
        "#D55E00",
    ),
    Label(
        "host-sync",
        "Host waits for the device",
        "The host is inside a synchronising call, so nothing new is launched.",
        "#CC79A7",
    ),
    Label(
        "copy-wait",
        "Blocking copy call",
        "The host is inside a copy call, so nothing new is launched.",
        "#E69F00",
    ),
    Label(
        "allocator",
        "Memory allocation",
        "The host is allocating or freeing device memory.",
        "#8C510A",
    ),
    Label(
        "launch-bound",
        "Launching kernels",
        "The next kernel's launch is under way: its call, and the time until it starts.",
        "#B2182B",
    ),
    Label(
        "host-bound",
        "Framework operators on the host",
        "The host is working through operators and has not launched the next kernel yet.",
        "#7A5195",
    ),
    Label(
        "python-bound",
        "Python",
        "The host runs Python or other code outside PyTorch's operators.",
        "#8A9A00",
    ),
    Label(
        "communication",
        "Host-side communication",
        "The host waits for other ranks (gloo, MPI, barrier).",
        "#00705A",
    ),
    Label(
        "device-queue",
        "Between queued kernels",
        "The next operation was already queued; the device itself left the gap.",
        "#5F8A8B",
    ),
    Label(
        "unattributed",
        "Nothing recorded",
        "The trace says nothing about this time; with_stack=True would show Python.",
        "#8E8E8E",
    ),
)

CAUSES: dict[str, Label] = {label.key: label for label in _CAUSES}
"""The ten causes of idle device time, most direct fix first; ties go to the earlier one."""

CAUSE_KEYS: tuple[str, ...] = tuple(CAUSES)

_ACTIVITIES = (
    Label("compute", "Computing", "The device runs kernels other than communication.", "#0072B2"),
    Label(
        "exposed-communication",
        "Exposed communication",
        "The device communicates while no computing hides it.",
        "#009E73",
    ),
    Label(
        "exposed-copies",
        "Exposed copies",
        "The device copies or fills memory while no kernel runs.",
        "#56B4E9",
    ),
    Label("forward", "Forward operators", "Operators outside backward and optimizer.", "#0072B2"),
    Label("backward", "Backward operators", "Operators run by autograd.", "#7B8FD4"),
    Label("optimizer", "Optimizer", "Optimizer.step and zero_grad.", "#8FBC5A"),
)

ACTIVITIES: dict[str, Label] = {label.key: label for label in (*_ACTIVITIES, *_CAUSES)}
"""What a step's time can go to: working time first, then the causes of waiting."""

DEVICE_ACTIVITIES: tuple[str, ...] = (
    "compute",
    "exposed-communication",
    "exposed-copies",
    *CAUSE_KEYS,
)
HOST_ACTIVITIES: tuple[str, ...] = (
    "input-wait",
    "forward",
    "backward",
    "optimizer",
    "communication",
    "python-bound",
)

RANK_PARTS: dict[str, Label] = {
    label.key: label
    for label in (
        Label(
            "communication-wait",
            "Waiting for a later rank",
            "Exposed communication in which the last rank had not arrived yet.",
            "#F4A582",
        ),
        Label(
            "communication-transfer",
            "Exchanging data",
            "Exposed communication in which data moves.",
            "#009E73",
        ),
        Label(
            "communication-alone",
            "Communication, not matched",
            "Exposed communication in collectives that were found on no other rank.",
            "#A6D9C7",
        ),
    )
}
"""What exposed communication is split into where several ranks are known."""

PRIMARIES: dict[str, Label] = {
    **CAUSES,
    "device-bound": Label(
        "device-bound",
        "The device is the limit",
        "Healthy: the device computes most of the time.",
        "#0072B2",
    ),
    "cold-start": Label(
        "cold-start",
        "Start-up was profiled",
        "No steady state to diagnose: profile again with warm-up steps.",
        "#8E8E8E",
    ),
    "no-device": Label(
        "no-device",
        "No device in this trace",
        "Only the host was profiled; its time is broken down instead.",
        "#8E8E8E",
    ),
}

SEVERITIES: tuple[str, ...] = ("critical", "warning", "note")


def title(key: str) -> str:
    """The words for a cause, activity or primary; the key itself if it is none."""
    label = ACTIVITIES.get(key) or PRIMARIES.get(key) or RANK_PARTS.get(key)
    return label.title if label else key
