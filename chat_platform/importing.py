"""Importing much, quickly.

What belongs here: how modules are imported. What does not: which; whoever needs them says that.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Import without the garbage collector looking again and again through what stays until the end.

    Of two thousand modules the collector takes a sixth of the time. What was made meanwhile is not looked at later
    either (``gc.freeze``): collections of a run are shorter, and memory stays shared with what is forked.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
