"""What the class says of a message: a question or not.

What belongs here: the rule by which people's corrections are weighed for the board. What does not: keeping
corrections (``labels``), how they are weighed in training (``ml.labels.resolve``: everybody has one vote there).

The rule: the newest word of staff holds. Without one, what at least two students say holds, if fewer say the
opposite; one student alone labels for training and changes nothing on the board. Whoever corrects on the command
line operates the machine, and is staff.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PORTAL = "portal:"
STUDENTS_NEEDED = 2


@dataclass(frozen=True)
class Verdict:
    """What is said of a message.

    Attributes:
        is_question: what holds on the board; ``None``: the model's word.
        by_staff: whether staff decided.
        yes: people who say that it is a question.
        no: people who say that it is not.
    """

    is_question: bool | None
    by_staff: bool
    yes: int
    no: int


def signature(account_id: int) -> str:
    """How an account signs its corrections."""
    return f"{PORTAL}{account_id}"


def verdicts(standing: Iterable[Mapping[str, Any]], staff: Collection[int]) -> dict[str, Verdict]:
    """Message id → verdict.

    Args:
        standing: ``LabelLog.standing``: of every person and message the newest word, in the order of the log.
        staff: accounts that teach or operate the class now.
    """
    signatures = {signature(account_id) for account_id in staff}
    words: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in standing:
        words[row["message_id"]].append(row)
    return {message_id: _verdict(rows, signatures) for message_id, rows in words.items()}


def _verdict(rows: list[Mapping[str, Any]], staff: Collection[str]) -> Verdict:
    of_staff = [row["is_question"] for row in rows if _is_staff(row["corrected_by"], staff)]
    said = [row["is_question"] for row in rows]
    yes, no = said.count(True), said.count(False)
    if of_staff:
        return Verdict(of_staff[-1], True, yes, no)
    decided = None if yes == no or max(yes, no) < STUDENTS_NEEDED else yes > no
    return Verdict(decided, False, yes, no)


def _is_staff(corrected_by: str, staff: Collection[str]) -> bool:
    return corrected_by in staff or not corrected_by.startswith(PORTAL)
