"""Many jobs from one: every combination of some values, or random draws from ranges."""

from __future__ import annotations

import itertools
import math
import random
import re
import secrets
from collections.abc import Mapping, Sequence

from core.errors import BadInput
from core.jobs import api
from core.jobs.model import Job
from core.jobs.spec import JobSpec, make_spec

MOST = 200
"""Jobs in a sweep; more is most often a slip of the pen."""

_RANGE = re.compile(r"^\s*(?P<low>[-+.\deE]+)\s*\.\.\s*(?P<high>[-+.\deE]+)\s*(?P<log>log)?\s*$")


def grid(values: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Every combination of the values of each parameter, the last one changing fastest.

    Raises:
        BadInput: a parameter without a value, or more than :data:`MOST` combinations.
    """
    for name, choices in values.items():
        if not choices:
            raise BadInput(f"{name} has no value to try. Write some, separated by commas.")
    size = math.prod(len(choices) for choices in values.values())
    if not values or size > MOST:
        raise BadInput(
            f"A sweep has 1 to {MOST} jobs; this one has {size if values else 0}. "
            "Name parameters and give each fewer values."
        )
    names = list(values)
    return [
        dict(zip(names, combination, strict=True))
        for combination in itertools.product(*values.values())
    ]


def drawn(values: Mapping[str, str], count: int, seed: int) -> list[dict[str, str]]:
    """``count`` random settings, the same for the same seed.

    Args:
        values: for each parameter ``low..high`` (uniform; whole numbers where both ends are),
            ``low..high log`` (uniform in its logarithm), or choices separated by commas.
        count: 1 to :data:`MOST`.
        seed: of the draws.

    Raises:
        BadInput: a range that is none, or a count out of bounds.
    """
    if not values or not 1 <= count <= MOST:
        raise BadInput(f"A random sweep has 1 to {MOST} jobs and at least one parameter.")
    chance = random.Random(seed)
    return [
        {name: _draw(chance, name, text) for name, text in values.items()} for _ in range(count)
    ]


def _draw(chance: random.Random, name: str, text: str) -> str:
    match = _RANGE.match(text)
    if match is None:
        choices = [part.strip() for part in text.split(",") if part.strip()]
        if not choices:
            raise BadInput(f"{name} has no value to draw from. Write low..high or choices.")
        return chance.choice(choices)
    try:
        low, high = float(match["low"]), float(match["high"])
    except ValueError:
        raise BadInput(f"{name}: {text!r} is no range. Write low..high, 1e-4..1e-1 log.") from None
    if not low <= high or (match["log"] and low <= 0):
        raise BadInput(f"{name}: a range goes up, and a logarithmic one begins above 0.")
    if match["log"]:
        return f"{math.exp(chance.uniform(math.log(low), math.log(high))):.4g}"
    whole = all(re.fullmatch(r"[-+]?\d+", match[end]) for end in ("low", "high"))
    return str(chance.randint(int(low), int(high))) if whole else f"{chance.uniform(low, high):.4g}"


def launch_family(base: JobSpec, settings: Sequence[Mapping[str, str]]) -> list[Job]:
    """Queue one job for each setting of parameters, all of one family.

    Nothing is queued unless every setting is valid.

    Raises:
        BadInput: a setting is out of bounds, or cannot be queued.
    """
    family = f"sweep-{secrets.token_hex(3)}"
    shared = {
        "priority": base.priority, "retries": base.retries, "note": base.note, "family": family,
    }  # fmt: skip
    specs = [
        make_spec(
            base.kind, base.workload, {**base.params, **setting}, base.device, base.parent, **shared
        ).model_copy(update={"needs": base.needs})
        for setting in settings
    ]
    return [api.launch(spec) for spec in specs]
