"""Kind ``train``: epochs, validation, everything a page shows, checkpoints, early stopping."""

from __future__ import annotations

import logging

from torch.utils.data.distributed import DistributedSampler

from core.errors import JobFailed
from core.settings import settings
from core.training import ranks
from core.training.checkpoint import BestSoFar, save_checkpoint
from core.training.epoch import AfterStep, TrainResult, evaluate, train_epoch
from core.training.judging import Judge
from core.training.ondemand import OnDemand
from core.training.pictures import log_inputs, log_mistakes
from core.training.probe import Probe
from core.training.profiling import make_profiler, plan_window
from core.training.record import EventLog, finite
from core.training.resume import resume
from core.training.session import Session
from core.training.setup import log_setup

_LOG = logging.getLogger(__name__)

DIVERGED_EPOCHS = 3
"""Epochs in a row with a non-finite training loss after which the job ends: enough of them are
logged for the page to show what happened."""

MISTAKES_EVERY = 5
"""Epochs between two grids of the worst mistakes (the first epoch has one too)."""

WORST = 32

MAX_HISTOGRAMS = 100
"""Histograms a layer at most; long runs log one every few epochs."""


def train_job(session: Session, log: EventLog) -> None:
    """Train for the epochs of the spec, or until patience, the advice or the loss says stop.

    Raises:
        JobFailed: the training loss was not finite for DIVERGED_EPOCHS epochs in a row.
    """
    params = session.params
    session.progress.stage("epoch", params.epochs, "starting")
    log_inputs(session, log)
    probe = Probe(session.train_loader.dataset, session.train_loader.collate_fn, params.batch_size)
    log_setup(session, log, probe)
    stop_early = params.early_stop == "auto"
    with Judge(session.job.folder, stop_early, settings().webhook_url) as judge:
        _epochs(session, log, probe, judge)


def _epochs(session: Session, log: EventLog, probe: Probe, judge: Judge) -> None:
    params, sampler = session.params, session.train_loader.sampler
    asked = OnDemand(session.job.folder, session.device, session.trace_file)
    begin, best, diverged = resume(session), BestSoFar(params.patience), 0
    if begin > 1:
        best.restore(session.job.folder / "checkpoints" / "best.pt")
    for epoch in range(begin, params.epochs + 1):
        if isinstance(sampler, DistributedSampler):
            sampler.set_epoch(epoch)
        result = _train(session, epoch, asked)
        session.progress.update(epoch - 0.1, f"epoch {epoch} of {params.epochs}: validating")
        val = _validate(session, log, epoch, result, probe)
        _save(session, best, epoch, val["loss"])
        session.progress.update(epoch, f"epoch {epoch} of {params.epochs} done", force=True)
        _LOG.info(
            "epoch %d of %d: train loss %.4g, validation loss %.4g, %.0f samples/s",
            epoch,
            params.epochs,
            result.values["loss"],
            val["loss"],
            result.speed()["samples_per_s"],
        )
        if ranks.this_rank().first:
            judge.epoch(epoch, result.values["loss"], val["loss"])
        diverged = 0 if finite(result.values["loss"]) else diverged + 1
        if diverged >= DIVERGED_EPOCHS:
            raise JobFailed(
                f"Training diverged: the loss is not finite since epoch {epoch - diverged + 1}. "
                f"Lower lr (it is {params.lr:g}) or check the data."
            )
        text = ranks.told(_stop(judge, best, epoch) if not diverged else "")
        if text:
            session.progress.update(epoch, text, force=True)
            _LOG.info(text)
            return


def _stop(judge: Judge, best: BestSoFar, epoch: int) -> str:
    """Why to stop after this epoch, "" to go on."""
    if best.exhausted:
        return f"stopped early at epoch {epoch}, best was {best.epoch}"
    reason = judge.advice()
    if not reason:
        return ""
    judge.stopped(epoch, reason)
    return f"stopped at epoch {epoch}: {reason}; the best checkpoint is that of epoch {best.epoch}"


def _train(session: Session, epoch: int, asked: OnDemand) -> TrainResult:
    params, progress = session.params, session.progress
    profiled = params.profile_steps > 0 and epoch == min(2, params.epochs)
    if not profiled:
        after = _after_step(session, epoch, asked)
        return train_epoch(session.step, session.train_loader, session.device, after)
    window = plan_window(params.profile_steps, len(session.train_loader))
    trace = session.trace_file(f"epoch{epoch}")
    with make_profiler(trace, window, session.device, params.with_stack) as profiler:

        def after_step(step: int, steps: int) -> None:
            profiler.step()
            progress.update(
                epoch - 1 + 0.9 * step / steps, f"epoch {epoch} of {params.epochs}: profiling"
            )

        return train_epoch(session.step, session.train_loader, session.device, after_step)


def _after_step(session: Session, epoch: int, asked: OnDemand) -> AfterStep:
    epochs = session.params.epochs

    def after_step(step: int, steps: int) -> None:
        phase = f"epoch {epoch} of {epochs}: step {step} of {steps}"
        session.progress.update(epoch - 1 + 0.9 * step / steps, phase)
        asked.after_step(step, steps)

    return after_step


def _validate(
    session: Session, log: EventLog, epoch: int, result: TrainResult, probe: Probe
) -> dict[str, float]:
    params, step = session.params, session.step
    show = epoch == 1 or epoch % MISTAKES_EVERY == 0 or epoch == params.epochs
    val, mistakes = evaluate(
        session.model, step.loss, step.metrics, session.val_loader, session.device, WORST * show
    )
    if mistakes is not None:
        log_mistakes(session.workload, log, mistakes, epoch)
    if epoch % -(-params.epochs // MAX_HISTOGRAMS) == 0 or epoch == 1:
        log.histograms(session.model, epoch)
    if ranks.this_rank().first:
        val |= probe.measure(session.model, step.loss, session.device)
    log.epoch(epoch, result, val, step.optimizer.param_groups[0]["lr"])
    return val


def _save(session: Session, best: BestSoFar, epoch: int, val_loss: float) -> None:
    folder = session.job.folder / "checkpoints"
    names = ["last.pt", "best.pt"] if best.update(epoch, val_loss) else ["last.pt"]
    for name in names if ranks.this_rank().first else ():
        save_checkpoint(
            folder / name, session.model, session.step.optimizer, epoch, val_loss, session.config
        )
