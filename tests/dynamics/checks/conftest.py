"""What the tests of the checks share: the result of a check by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.dynamics import Check, LossPair, diagnose


@pytest.fixture(scope="session")
def check() -> Callable[[LossPair, str], Check]:
    def find(pair: LossPair, name: str) -> Check:
        (found,) = [check for check in diagnose(pair).checks if check.name == name]
        return found

    return find
