"""What a piece of work costs against another one, measured in the same moment.

Tests have no limits in seconds: the machine may be busy, and a process of tests collects a large heap at any moment.
They compare: a hostile text with a tame one of its length, much input with little. Where a requirement names seconds,
or a bad case would take minutes, the best of three tries counts. Limits of waiting (a lock, an answer) are another
matter: these tests say what would be waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def cost(work: Callable[[], object], times: int = 3) -> float:
    """Processor seconds of the quickest of some runs."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def within(seconds: float, work: Callable[[], object], tries: int = 3) -> bool:
    """Whether some work takes no more processor time in the best of some tries; the first that does not ends them."""
    return any(cost(work, times=1) <= seconds for _ in range(tries))


def growth(work: Callable[[int], object], size: int, factor: int = 4, times: int = 3) -> float:
    """How much more ``factor`` times the size costs, over ``factor``: 1 is linear, ``factor`` is quadratic.

    A millisecond is added to both, below which a clock says little.
    """
    little = cost(lambda: work(size), times) + 1e-3
    return (cost(lambda: work(factor * size), times) + 1e-3) / (factor * little)
