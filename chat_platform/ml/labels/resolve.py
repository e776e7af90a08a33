"""Which label of a text counts, when several sources speak of it.

What belongs here: the rule by which labels are weighed against each other, and the report of where they differ. What
does not: where labels come from (``rows``, ``weak``, the seed), keeping them (``storage.labels``), training.

The rule
--------

A label speaks of a message, or of a text alone. Texts are the same when they are equal after Unicode NFC, without
case, and with blanks folded; a question mark makes a difference.

1. **Who is heard.** A correction beats an import, an import the seed, the seed a weak label. Only the strongest
   origin that speaks of a message or text is heard: the labels of the others are not used, also where they
   agree, so that a text does not count more because many repeat it.
2. **Which message.** The same words can be a question in one place and none in another. So a label about the very
   message goes first within its origin; only where it has none do labels of that origin about equal texts speak for
   it. This holds for corrections, imports and the seed. Weak labels follow from what stands around a message, and
   speak for that message only.
3. **Corrections** are votes: of each person the newest word on each message. The majority counts; a tie is *open*:
   nobody is used, neither those who voted nor a weaker origin.
4. **Imports, the seed, weak labels** are weighed: of each source the greatest weight that it gives a side counts
   once, however often it repeats itself. The heavier side counts; a tie is not used.

The rows may come in any order; what is used depends on them only, and resolving what was resolved changes nothing.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import fsum
from typing import Any

ORIGINS = ("correction", "import", "seed", "weak")
"""Origins of labels, the strongest first."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Weights are added up in any order; what differs by less is a tie.
_SAME_WEIGHT = 1e-9

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Conflict:
    """Labels of one message or text that differ.

    Attributes:
        kind: ``open`` (corrections are tied), ``tied`` (weights are), ``outvoted`` (a side of the heard origin lost),
            or ``overruled`` (all that are heard agree, and a weaker origin says otherwise).
        message_id: the message, or ``None`` when it is about a text.
        text: the text.
        verdict: what counts; ``None`` for nothing.
        labels: origin, source and label of all that spoke, in a fixed order.
    """

    kind: str
    message_id: str | None
    text: str
    verdict: bool | None
    labels: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class ConflictReport:
    """Where labels differ.

    Attributes:
        conflicts: in the order of message and text.
        used: origin → labels that are used.
        unused: origin → labels that are not.
    """

    conflicts: tuple[Conflict, ...] = ()
    used: Mapping[str, int] = field(default_factory=dict)
    unused: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Kind of conflict → how many."""
        return dict(Counter(conflict.kind for conflict in self.conflicts))


@dataclass(frozen=True)
class _Verdict:
    """What counts for a message or text.

    Attributes:
        is_question: ``None`` for nothing.
        heard: numbers of the rows that were heard.
        own: they are about the very message, not about equal texts.
    """

    is_question: bool | None
    heard: frozenset[int]
    own: bool


Subject = tuple[str | None, str]
"""A message (or ``None``) and its text as it is compared."""


def resolve(labels: Iterable[Row]) -> tuple[list[dict[str, Any]], ConflictReport]:
    """Decide which labels are used.

    Args:
        labels: rows of ``ml.labels``; ``used`` may be missing and is not read.

    Returns:
        The rows in their order, each with ``used``, and a report of the conflicts.
    """
    rows = [dict(row) for row in labels]
    court = _Court(rows)
    for number, row in enumerate(rows):
        verdict = court.verdict(court.subjects[number])
        row["used"] = number in verdict.heard and row["is_question"] == verdict.is_question
    return rows, ConflictReport(
        tuple(court.conflicts()),
        dict(Counter(row["origin"] for row in rows if row["used"])),
        dict(Counter(row["origin"] for row in rows if not row["used"])),
    )


def compared(text: str) -> str:
    """A text as it is compared: NFC, without case, blanks folded."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


class _Court:
    """All labels, found by what they speak of.

    Args:
        rows: of ``ml.labels``; their numbers are their places in it.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        keys = {text: compared(text) for text in {row["text"] for row in rows}}
        self.subjects: list[Subject] = [(row["message_id"], keys[row["text"]]) for row in rows]
        # (origin, message or None, text or None) → numbers of rows.
        self._speaking: dict[tuple[str, str | None, str | None], list[int]] = defaultdict(list)
        self._verdicts: dict[Subject, _Verdict] = {}
        self._current = frozenset(self._newest_words())
        for number, (row, (message, text)) in enumerate(zip(rows, self.subjects, strict=True)):
            if row["origin"] == "correction" and number not in self._current:
                continue
            if message is not None:
                self._speaking[row["origin"], message, None].append(number)
            if message is None or row["origin"] != "weak":
                self._speaking[row["origin"], None, text].append(number)

    def verdict(self, subject: Subject) -> _Verdict:
        """What counts for a message or text that at least one row is about."""
        if subject not in self._verdicts:
            self._verdicts[subject] = self._judge(*subject)
        return self._verdicts[subject]

    def conflicts(self) -> list[Conflict]:
        """Where labels differ: once for each message that is judged by labels of its own, once for each text."""
        parties: dict[Subject, set[int]] = defaultdict(set)
        verdicts: dict[Subject, bool | None] = {}
        for number, (message, text) in enumerate(self.subjects):
            verdict = self.verdict((message, text))
            subject = (message if verdict.own else None, text)
            parties[subject] |= {number, *verdict.heard}
            verdicts[subject] = verdict.is_question
        found = []
        for subject in sorted(parties, key=lambda item: (item[0] or "", item[1])):
            conflict = self._conflict(subject, parties[subject], verdicts[subject])
            if conflict is not None:
                found.append(conflict)
        return found

    def _judge(self, message: str | None, text: str) -> _Verdict:
        for origin in ORIGINS:
            own = self._speaking.get((origin, message, None)) if message is not None else None
            heard = own or self._of_text(origin, message, text)
            if heard:
                side = self._vote(heard) if origin == "correction" else self._weigh(heard)
                return _Verdict(side, frozenset(heard), own is not None)
        # Only words that the same person took up again, of which none counts.
        return _Verdict(None, frozenset(), message is not None)

    def _of_text(self, origin: str, message: str | None, text: str) -> list[int]:
        if origin == "weak" and message is not None:
            return []
        return self._speaking.get((origin, None, text), [])

    def _vote(self, numbers: Iterable[int]) -> bool | None:
        votes = {(self._voter(number), self._rows[number]["is_question"]) for number in numbers}
        sides = Counter(side for _, side in votes)
        return None if sides[True] == sides[False] else sides[True] > sides[False]

    def _weigh(self, numbers: Iterable[int]) -> bool | None:
        heaviest: dict[tuple[bool, Any], float] = defaultdict(float)
        for number in numbers:
            row = self._rows[number]
            key = (row["is_question"], row["source"])
            heaviest[key] = max(heaviest[key], row["weight"])
        yes, no = (
            fsum(weight for key, weight in heaviest.items() if key[0] is side) for side in (True, False)
        )
        return None if abs(yes - no) < _SAME_WEIGHT else yes > no

    def _voter(self, number: int) -> tuple[Any, str | None, str]:
        """A person speaking of a message, or of a text."""
        message, text = self.subjects[number]
        return self._rows[number]["source"], message, "" if message is not None else text

    def _newest_words(self) -> list[int]:
        """Corrections that their author did not replace; none where two of the same moment differ."""
        words: dict[tuple[Any, str | None, str], list[int]] = defaultdict(list)
        for number, row in enumerate(self._rows):
            if row["origin"] == "correction":
                words[self._voter(number)].append(number)
        newest: list[int] = []
        for numbers in words.values():
            last = max(self._moment(number) for number in numbers)
            latest = [number for number in numbers if self._moment(number) == last]
            if len({self._rows[number]["is_question"] for number in latest}) == 1:
                newest += latest
        return newest

    def _moment(self, number: int) -> datetime:
        return self._rows[number]["labelled_at"] or _LONG_AGO

    def _conflict(self, subject: Subject, numbers: set[int], verdict: bool | None) -> Conflict | None:
        speaking = [
            self._rows[number]
            for number in numbers
            if self._rows[number]["origin"] != "correction" or number in self._current
        ]
        if len({row["is_question"] for row in speaking}) < 2:
            return None
        strongest = min((row["origin"] for row in speaking), key=ORIGINS.index)
        contested = len({row["is_question"] for row in speaking if row["origin"] == strongest}) > 1
        return Conflict(
            kind=_kind(strongest, verdict, contested=contested),
            message_id=subject[0],
            text=min(row["text"] for row in speaking),
            verdict=verdict,
            labels=tuple(
                sorted({(row["origin"], row["source"] or "", row["is_question"]) for row in speaking})
            ),
        )


def _kind(origin: str, verdict: bool | None, *, contested: bool) -> str:
    if not contested:
        return "overruled"
    if verdict is not None:
        return "outvoted"
    return "open" if origin == "correction" else "tied"
