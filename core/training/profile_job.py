"""Kind ``profile``: as many steps as the profiler wants, then the trace, then the end."""

from __future__ import annotations

import logging

from core.training.epoch import train_epoch
from core.training.profiling import WAIT_STEPS, WARMUP_STEPS, Window, make_profiler
from core.training.record import EventLog
from core.training.session import Session

_LOG = logging.getLogger(__name__)


def profile_job(session: Session, log: EventLog) -> None:
    """Record ``profile_steps`` steps after a warm-up; epochs follow one another as needed.

    Each recorded step is a real one: the batch from the DataLoader, the copy to the device,
    forward, backward, optimiser. Its loss and speed are logged as epoch 1.
    """
    params = session.params
    window = Window(WAIT_STEPS, WARMUP_STEPS, max(1, params.profile_steps))
    trace = session.trace_file("profile")
    session.progress.stage("step", window.total, "profiling")
    epoch = done = 0
    with make_profiler(trace, window, session.device, params.with_stack) as profiler:

        def after_step(step: int, _steps: int) -> None:
            profiler.step()
            at = done + step
            recording = at > window.wait + window.warmup
            session.progress.update(at, "recording steps" if recording else "warming up")

        while done < window.total:
            epoch += 1
            result = train_epoch(
                session.step, session.train_loader, session.device, after_step, window.total - done
            )
            done += result.steps
            log.epoch(epoch, result, {}, params.lr)
    session.progress.update(window.total, f"trace written: {trace.name}", force=True)
    _LOG.info("%d steps recorded, trace written: %s", window.active, trace.name)
