"""The name under a label, a consent or a promotion.

What belongs here: what counts as a name. What does not: accounts and rights (``web``), the logs themselves.
"""

from __future__ import annotations

from chat_platform.errors import ModelError


def signed(by: str) -> str:
    """The name without blanks around it.

    Raises:
        ModelError: CP-ML-010 when nothing is left.
    """
    name = by.strip()
    if not name:
        raise ModelError("CP-ML-010")
    return name
