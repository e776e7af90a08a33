"""Which of many values every run of the tests tries; the exhaustive tests try all the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def first_of(values: Sequence[Any], number: int) -> list[Any]:
    """Values for ``parametrize``: the first ones for every run, the others for the exhaustive tests."""
    return [*values[:number], *(_rest(value) for value in values[number:])]


def _rest(value: Any) -> Any:
    # A tuple is several values of one case.
    values = value if isinstance(value, tuple) else (value,)
    return pytest.param(*values, marks=pytest.mark.exhaustive)
