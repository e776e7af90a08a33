"""What becomes of a question by what people did on the portal.

What belongs here: the one rule, for the board and for the metrics. What does not: what people say of a message
(``verdicts``), what they wrote (``answers``, ``asked``), what happened in the chat (the marts).
"""

from __future__ import annotations

from chat_platform.storage.board import Counts
from chat_platform.storage.verdicts import Verdict


def state_of(found: str, counts: Counts | None, verdict: Verdict | None) -> str:
    """State of a question: the first of ``not_question``, ``endorsed`` and ``answered`` that fits.

    Args:
        found: stands where people have nothing to say against it.
        counts: what people did about it.
        verdict: what people say of its message.
    """
    if verdict is not None and verdict.is_question is False:
        return "not_question"
    if counts is not None and counts.answers:
        return "endorsed" if counts.endorsed else "answered"
    return found


def is_wanted(verdict: Verdict | None, counts: Counts | None) -> bool:
    """Whether a message is a question although the model does not say so."""
    if verdict is not None and verdict.is_question is not None:
        return verdict.is_question
    return counts is not None and counts.answers > 0


def role_in_class(role: str | None) -> str | None:
    """Role on the portal as the marts call it."""
    return "staff" if role == "operator" else role
