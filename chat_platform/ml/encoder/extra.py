"""Whether the extra ``[transformers]`` is there.

What belongs here: asking for PyTorch without importing it, and saying how to get it. What does not: anything that
needs it.
"""

from __future__ import annotations

from importlib.util import find_spec

from chat_platform.errors import ModelError


def available() -> bool:
    """Whether candidates with an encoder can be trained and used here."""
    try:
        return find_spec("torch") is not None
    except (ImportError, ValueError):
        return False


def require() -> None:
    """Go on with PyTorch only.

    Raises:
        ModelError: CP-ML-040 when it is not installed.
    """
    if not available():
        raise ModelError("CP-ML-040")
