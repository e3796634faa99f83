"""The parameters of every workload: names, bounds, defaults and what they mean. Torch-free.

The form on the jobs page, the command line's ``--set`` and the job process all read the same
models, so a value is refused at the door with the same sentence everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from core.errors import BadInput
from core.workloads.fields import Group, Params, field
from core.workloads.tune_params import TuneParams

Kind = Literal["train", "profile", "tune"]

PROFILE_DEFAULTS: dict[str, object] = {"epochs": 1, "profile_steps": 8}
"""What kind ``profile`` uses where nothing is given: it ends with the last profiled step."""


class CommonParams(Params):
    """Parameters that every workload has; a workload's own model adds to them.

    Every default passes its own bounds; overriding a field in a subclass changes its default.
    """

    epochs: int = field("training", "Passes over the training data.", 10, ge=1, le=10_000)
    batch_size: int = field("training", "Samples per optimiser step.", 32, ge=1, le=65_536)
    lr: float = field("training", "Learning rate of AdamW.", 1e-3, gt=0, le=10)
    weight_decay: float = field("training", "Decoupled weight decay of AdamW.", 0.0, ge=0, le=10)
    dropout: float = field("training", "Share of activations dropped.", 0.0, ge=0, le=0.95)
    patience: int = field(
        "training", "Stop after this many epochs without a better validation loss; 0 never stops.",
        0, ge=0, le=10_000,
    )  # fmt: skip
    early_stop: Literal["off", "auto"] = field(
        "training", "auto stops once overfitting or divergence is established.", "off"
    )
    seed: int = field("training", "Seed of every random choice.", 0, ge=0, le=2**31 - 1)
    train_samples: int = field(
        "data", "Training samples used; 0 uses all there are.", 0, ge=0, le=100_000_000
    )
    num_workers: int = field(
        "data", "DataLoader processes; 0 loads in the training process.", 0, ge=0, le=256
    )
    pin_memory: bool = field(
        "data", "Page-locked batches, for asynchronous copies to a CUDA device.", True
    )
    persistent_workers: bool = field(
        "data", "Keep the workers between epochs (needs num_workers of 1 or more).", True
    )
    prefetch_factor: int = field(
        "data", "Batches each worker keeps ready (needs num_workers of 1 or more).",
        2, ge=1, le=64,
    )  # fmt: skip
    multiprocessing_context: Literal["default", "fork", "spawn", "forkserver"] = field(
        "data", "How workers are started; default leaves it to Python.", "default"
    )
    in_order: bool = field(
        "data", "False takes whichever batch is ready first: the order then varies.", True
    )
    threads: int = field(
        "data", "Threads of the main process; 0 leaves the workers' cores to them.",
        0, ge=0, le=1_024,
    )  # fmt: skip
    sync_every_step: bool = field(
        "mistakes", "Read the loss back from the device at every step: a classic mistake.", False
    )
    profile_steps: int = field(
        "profile", "Steps to record with torch.profiler; 0 records none.", 0, ge=0, le=1_000
    )
    with_stack: bool = field(
        "profile", "Record Python call stacks too: larger traces, slower steps.", False
    )


class DigitsParams(CommonParams):
    """``digits``: defaults that overfit within a minute on two CPU cores."""

    epochs: int = field("training", "Passes over the training data.", 36, ge=1, le=10_000)
    train_samples: int = field(
        "data", "Training images used, 0 for all 1,437.", 300, ge=0, le=1_437
    )
    label_noise: float = field(
        "data", "Share of training labels replaced by a wrong one.", 0.3, ge=0, le=1
    )


class PhotosParams(CommonParams):
    """``photos``: defaults with the classic mistake, a DataLoader without workers."""

    epochs: int = field("training", "Passes over the training data.", 4, ge=1, le=10_000)
    batch_size: int = field("training", "Samples per optimiser step.", 64, ge=1, le=65_536)
    files: int = field(
        "data", "JPEG files cut from the photographs, once.", 3_000, ge=200, le=50_000
    )
    image_size: int = field("data", "Side of the network's input in px.", 64, ge=32, le=256)


class CharsParams(CommonParams):
    """``chars``: a small transformer that predicts the next character."""

    epochs: int = field("training", "Passes over the training data.", 20, ge=1, le=10_000)
    batch_size: int = field("training", "Samples per optimiser step.", 64, ge=1, le=65_536)
    train_samples: int = field(
        "data", "Training windows used, 0 for all.", 1_500, ge=0, le=1_000_000
    )
    context: int = field("data", "Characters the model sees at once.", 64, ge=8, le=512)
    width: int = field(
        "training", "Width of the model, a multiple of 4.", 64, ge=16, le=1_024, multiple_of=4
    )
    layers: int = field("training", "Transformer blocks.", 2, ge=1, le=24)


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter, as a form needs it.

    Attributes:
        minimum: smallest allowed value (for ``exclusive_minimum``: values must be above it).
        maximum: largest allowed value.
    """

    name: str
    kind: Literal["int", "float", "bool", "text", "choice"]
    default: int | float | bool | str
    minimum: int | float | None
    maximum: int | float | None
    choices: tuple[str, ...]
    help: str
    group: Group
    exclusive_minimum: bool = False


def _bound(field: FieldInfo, name: str) -> int | float | None:
    return next((getattr(m, name) for m in field.metadata if hasattr(m, name)), None)


def _param(name: str, field: FieldInfo, defaults: Mapping[str, object]) -> Param:
    kind = field.annotation
    choices = tuple(str(c) for c in get_args(kind)) if get_origin(kind) is Literal else ()
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    above = _bound(field, "gt")
    default: Any = defaults.get(name, field.get_default(call_default_factory=True))
    return Param(
        name=name,
        kind="choice" if choices else {int: "int", float: "float", bool: "bool", str: "text"}[kind],  # type: ignore[index]
        default=default,
        minimum=above if above is not None else _bound(field, "ge"),
        maximum=_bound(field, "le"),
        choices=choices,
        help=field.description or "",
        group=extra.get("group", "training"),  # type: ignore[arg-type]
        exclusive_minimum=above is not None,
    )


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    plain = (int, float, bool, str)
    return {
        name: field
        for name, field in model.model_fields.items()
        if field.annotation in plain or get_origin(field.annotation) is Literal
    }


def defaults_for(model: type[CommonParams], kind: Kind) -> dict[str, object]:
    """Defaults that a job kind puts in the place of the model's own."""
    if kind == "profile":
        return dict(PROFILE_DEFAULTS)
    if kind == "tune":
        return {"batch_size": model.model_fields["batch_size"].get_default()}
    return {}


def model_for(model: type[CommonParams], kind: Kind) -> type[Params]:
    """The parameter model of a job kind on a workload with parameters ``model``."""
    return TuneParams if kind == "tune" else model


def schema_of(model: type[CommonParams], kind: Kind = "train") -> list[Param]:
    """The parameters of a job kind in the order of the form."""
    defaults = defaults_for(model, kind)
    return [_param(name, f, defaults) for name, f in _fields(model_for(model, kind)).items()]


def parse(model: type[CommonParams], params: Mapping[str, object], kind: Kind = "train") -> Any:
    """Check parameters and fill in the defaults of a job kind.

    Strings as the command line has them ("0.5", "true") are converted.

    Returns:
        An instance of ``model`` (of TuneParams for kind ``tune``).

    Raises:
        BadInput: one line naming the parameter, its bound and the value given.
    """
    target = model_for(model, kind)
    fields = target.model_fields
    for name, value in params.items():
        if name not in fields:
            known = ", ".join(sorted(fields))
            raise BadInput(f"Unknown parameter {_show(name)}. Known: {known}.")
        if isinstance(value, bool) and fields[name].annotation in (int, float):
            raise BadInput(f"{name} must be a number, got {str(value).lower()}.")
    try:
        return target.model_validate({**defaults_for(model, kind), **params})
    except ValidationError as error:
        raise BadInput(_sentence(error.errors(include_url=False)[0])) from None


_EXPECTED = {
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
    "multiple_of": ("multiple_of", "a multiple of"),
}


def _sentence(error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"]) or "parameters"
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        expected = f"{words} {_number(context[key])}"
    elif kind == "literal_error":
        expected = f"one of {context['expected']}"
    elif kind in _EXPECTED:
        expected = _EXPECTED[kind]
    else:
        message = error["msg"].removeprefix("Value error, ").rstrip(".")
        return f"{name}: {message}, got {_show(error['input'])}."
    return f"{name} must be {expected}, got {_show(error['input'])}."


def _number(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return str(value)


def _show(value: object, limit: int = 60) -> str:
    text = ascii(value) if isinstance(value, str) else _number(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
