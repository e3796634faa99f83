"""The parameters of kind ``tune``. Torch-free."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.workloads.fields import Params, field


class TuneParams(Params):
    """Kind ``tune``: how the DataLoader of a workload is measured.

    ``batch_size``, ``num_workers`` and ``prefetch_factor`` are those in use now.
    """

    budget_s: float = field(
        "training", "Seconds the whole measurement may take.", 60.0, ge=10, le=86_400
    )
    batch_size: int = field("training", "Samples per optimiser step.", 32, ge=1, le=65_536)
    batch_sizes: Literal["keep", "try"] = field(
        "training", "try considers 2 and 4 times the batch size too: that changes learning.", "keep"
    )
    num_workers: int = field("data", "Workers in use now: the gain is over them.", 0, ge=0, le=256)
    prefetch_factor: int = field("data", "Prefetch factor in use now.", 2, ge=1, le=64)
    max_workers: int = field(
        "data", "Largest num_workers considered; 0 chooses by cores and by what samples wait for.",
        0, ge=0, le=256,
    )  # fmt: skip
    pin_memory: Literal["auto", "off", "on"] = field(
        "data", "auto tries both where there is a CUDA device.", "auto"
    )
    multiprocessing_context: Literal["default", "fork", "spawn", "forkserver"] = field(
        "data", "How workers are started; default leaves it to Python.", "default"
    )
    in_order: Literal["keep", "try"] = field(
        "data", "try also takes whichever batch is ready first: the order then varies.", "keep"
    )
    threads: Literal["auto", "try"] = field(
        "data", "try also varies the threads of the main process.", "auto"
    )
    page_cache: Literal["warm", "cold"] = field(
        "data", "cold empties the system's page cache before each trial, where that is allowed.",
        "warm",
    )  # fmt: skip
    step_ms: float = field(
        "training", "A step that waits this long, in ms, instead of the real one; 0 for the real.",
        0.0, ge=0, le=600_000,
    )  # fmt: skip
    max_trials: int = field("training", "Trials made at most.", 6, ge=2, le=1_000)
    measure_s: float = field(
        "training", "Seconds measured in a trial after its warm-up.", 2.0, ge=0.2, le=600
    )
    trial_limit_s: float = field(
        "training", "Seconds after which a trial counts as hung.", 60.0, ge=5, le=3_600
    )
    seed: int = field("training", "Seed of every random choice.", 0, ge=0, le=2**31 - 1)
    like: str = Field(
        "", json_schema_extra={"group": "data"},
        description="Id of a run whose parameters the workload takes over.", max_length=200,
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$",
    )  # fmt: skip
