"""Going on from a checkpoint: of the parent of this job, or of a lost attempt of its own."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import torch

from core.errors import BadInput
from core.training.session import Session

_LOG = logging.getLogger(__name__)


def resume(session: Session) -> int:
    """Load the checkpoint that the job is to go on from, if any; the first epoch to train.

    A job that was lost and begun again goes on from its own last checkpoint.

    Raises:
        BadInput: the checkpoint is not there, does not fit the model, or leaves no epoch to train.
    """
    job = session.job
    own = job.folder / "checkpoints" / "last.pt"
    given = Path(job.resume_from) if job.resume_from else None
    path = own if job.attempt > 1 and own.exists() else given
    if path is None:
        return 1
    try:
        state = torch.load(path, map_location=session.device, weights_only=True)
        session.model.load_state_dict(state["model"])
        session.step.optimizer.load_state_dict(state["optimizer"])
        done = int(state["epoch"])
    except FileNotFoundError:
        raise BadInput(f"There is no checkpoint {path} to go on from. Start without it.") from None
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
        raise BadInput(
            f"The checkpoint {path} does not fit this model. Keep the parameters that shape it, "
            "or start without it."
        ) from None
    if done >= session.params.epochs:
        raise BadInput(
            f"The checkpoint is that of epoch {done}, and epochs is {session.params.epochs}. "
            "Raise epochs to go on."
        )
    _LOG.info("going on from epoch %d of %s", done, path)
    return done + 1
