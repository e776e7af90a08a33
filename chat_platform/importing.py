"""Importing much, quickly.

What belongs here: how modules are imported. What does not: which; whoever needs them says that.
"""

import gc
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import ClassVar


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


class _Remembering(PathFinder):
    """Python's own finder of installed modules, which does not look again for what it did not find."""

    missing: ClassVar[set[str]] = set()

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As Python's; nothing at once for what is known to be missing."""
        return None if fullname in cls.missing else super().find_spec(fullname, path, target)


def remember_missing(name: str) -> bool:
    """Let each further try to import a package fail at once, if it is not installed; whether that is so.

    Python remembers what it has found, not what it has not: a library that looks for an optional package again and
    again has all folders gone through each time.
    """
    if importlib.util.find_spec(name) is not None:
        return False
    _Remembering.missing.add(name)
    if PathFinder in sys.meta_path:
        sys.meta_path[sys.meta_path.index(PathFinder)] = _Remembering
    return True
