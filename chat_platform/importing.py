"""Importing much, quickly.

What belongs here: how modules are imported. What does not: which; whoever needs them says that.
"""

import gc
import importlib.util
import sys
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


def remember_missing(name: str) -> bool:
    """Let each further try to import a package fail at once, if it is not installed; whether that is so.

    Python remembers what it has found, not what it has not: a library that looks for an optional package again and
    again has all folders gone through each time. ``None`` in place of a module is Python's own sign for this.
    """
    if importlib.util.find_spec(name) is not None:
        return False
    sys.modules[name] = None  # type: ignore[assignment]
    return True
