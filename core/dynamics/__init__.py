"""Training dynamics: is a run under-, well or over-trained, since when, and what to do about it.

``pair_losses`` finds the training and validation loss of each run in a Scalars frame, ``diagnose``
judges a pair (as it would have been known at any step), ``stop_advice`` says after each epoch
whether to go on, ``stops`` when the rules in common use would have stopped, ``simulate`` makes
pairs from theory. What a page tells of a verdict is in ``outlook``, ``compared``, ``clock`` and
``export``.
"""

from core.dynamics.clock import Clock, clock_of
from core.dynamics.compared import OURS, StopRow, stop_rows
from core.dynamics.diagnose import diagnose
from core.dynamics.outlook import (
    Hindsight,
    confidence_level,
    hindsight,
    need,
    noise_level,
    trend_of,
)
from core.dynamics.pairing import loss_candidates, pair_losses
from core.dynamics.peers import PeerStop, stops
from core.dynamics.records import (
    PHASES,
    Advice,
    Check,
    Curve,
    LossPair,
    Phase,
    Verdict,
    VerdictName,
    Zone,
)
from core.dynamics.simulator import BOUNDS, LEARNING_RATES, PRESETS, SimulatorSettings, simulate
from core.dynamics.stopping import StopAdvice, first_stop, stop_advice

__all__ = [
    "BOUNDS",
    "LEARNING_RATES",
    "OURS",
    "PHASES",
    "PRESETS",
    "Advice",
    "Check",
    "Clock",
    "Curve",
    "Hindsight",
    "LossPair",
    "PeerStop",
    "Phase",
    "SimulatorSettings",
    "StopAdvice",
    "StopRow",
    "Verdict",
    "VerdictName",
    "Zone",
    "clock_of",
    "confidence_level",
    "diagnose",
    "first_stop",
    "hindsight",
    "loss_candidates",
    "need",
    "noise_level",
    "pair_losses",
    "simulate",
    "stop_advice",
    "stop_rows",
    "stops",
    "trend_of",
]
