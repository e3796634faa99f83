"""Training dynamics: is a run under-, well or over-trained, since when, and what to do about it.

``pair_losses`` finds the training and validation loss of each run in a Scalars frame, ``diagnose``
judges a pair (as it would have been known at any step), ``stop_advice`` says after each epoch
whether to go on, ``stops`` when the rules in common use would have stopped, ``simulate`` makes
pairs from theory.
"""

from core.dynamics.diagnose import diagnose
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
from core.dynamics.simulator import BOUNDS, SimulatorSettings, simulate
from core.dynamics.stopping import StopAdvice, first_stop, stop_advice

__all__ = [
    "BOUNDS",
    "PHASES",
    "Advice",
    "Check",
    "Curve",
    "LossPair",
    "PeerStop",
    "Phase",
    "SimulatorSettings",
    "StopAdvice",
    "Verdict",
    "VerdictName",
    "Zone",
    "diagnose",
    "first_stop",
    "loss_candidates",
    "pair_losses",
    "simulate",
    "stop_advice",
    "stops",
]
