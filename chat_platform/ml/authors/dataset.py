"""Training rows of the author model.

What belongs here: which messages may be learnt from, and dividing them into training and test. What does not:
who agreed (``storage``: consent), which name is whose (``people.identity``), features and models.

Only messages of people who agreed come in; everything else is counted by the reason that kept it out and never
looked at. An author is a *person*: all names and accounts that were merged into one are one class. The text is
what was sent, not clean text: elongation, dots, capitals and emoji are how somebody writes.

Later conversations are the test. What stands nearly the same in the training is left out of the test (a habit
is still learnt, and a pasted text that many share proves nothing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.ml.evaluation.split import near_copies
from chat_platform.settings import AuthorRules

SCHEMA = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("person_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("sent_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("conversation_id", pa.string(), nullable=False),
    ]
)
"""A row is a message of somebody who agreed."""

Cut = Literal["class", "author"]


@dataclass(frozen=True)
class AuthorRows:
    """Messages that may be learnt from.

    Attributes:
        rows: of ``SCHEMA``, in the order of time.
        excluded: reason → messages: ``not_consenting`` (or nobody knows whose it is), ``bot``, ``direct``,
            ``removed``, ``code``, ``too_little_text``, ``too_long``, ``too_few_messages``.
    """

    rows: pa.Table
    excluded: dict[str, int]


@dataclass(frozen=True)
class AuthorSplit:
    """Training and test, both of ``SCHEMA``.

    Attributes:
        near_copies: test rows left out because the training says nearly the same.
    """

    train: pa.Table
    test: pa.Table
    near_copies: int


def author_rows(
    messages: pa.Table,
    identities: pa.Table,
    consenting: Collection[str],
    rules: AuthorRules | None = None,
    *,
    bots: Collection[str] = (),
    anonymous: Collection[str] = (),
) -> AuthorRows:
    """Join messages to merged identities and keep what may be learnt from.

    Args:
        messages: rows of ``core.messages``.
        identities: rows of ``core.identities``; only ``identity_id`` and ``person_id`` are read.
        consenting: ids of people who agreed.
        rules: least messages an author and least text a message.
        bots: ids of people who are programs.
        anonymous: ids of messages whose authors chose to stay unnamed in the portal.
    """
    rules = rules or AuthorRules()
    person_of = dict(
        zip(identities["identity_id"].to_pylist(), identities["person_id"].to_pylist(), strict=True)
    )
    columns = ("message_id", "identity_id", "text", "sent_at", "conversation_id")
    values = {name: messages[name].to_pylist() for name in (*columns, "visibility", "removed", "language")}
    consenting, bots, anonymous = frozenset(consenting), frozenset(bots), frozenset(anonymous)
    excluded: Counter[str] = Counter()
    kept: list[tuple[Any, ...]] = []
    for row, identity in enumerate(values["identity_id"]):
        person = person_of.get(identity)
        reason = _reason_by_person(person, consenting, bots) or _reason_by_message(
            values["text"][row],
            values["visibility"][row],
            values["removed"][row],
            values["language"][row],
            values["message_id"][row] in anonymous,
            rules,
        )
        if reason:
            excluded[reason] += 1
        else:
            kept.append((values["sent_at"][row], values["conversation_id"][row], row, person))
    counts = Counter(person for *_, person in kept)
    enough = [item for item in sorted(kept) if counts[item[3]] >= rules.min_messages]
    if len(enough) < len(kept):
        excluded["too_few_messages"] = len(kept) - len(enough)
    order = pa.array([row for _, _, row, _ in enough], pa.int64())
    people = pa.array([person for *_, person in enough], pa.string())
    chosen = messages.take(order)
    filled = [people if name == "person_id" else chosen[name] for name in SCHEMA.names]
    return AuthorRows(pa.table(filled, names=SCHEMA.names).cast(SCHEMA), dict(sorted(excluded.items())))


def _reason_by_person(person: str | None, consenting: frozenset[str], bots: frozenset[str]) -> str | None:
    if person is not None and person in bots:
        return "bot"
    return None if person in consenting else "not_consenting"


def _reason_by_message(
    text: str, visibility: str, removed: bool, language: str | None, anonymous: bool, rules: AuthorRules
) -> str | None:
    if anonymous:
        return "anonymous"
    if visibility != "everyone":
        return "direct"
    if removed:
        return "removed"
    if language == "code":
        return "code"
    return text_problem(text, rules)


def text_problem(text: str, rules: AuthorRules) -> str | None:
    """Why a text says nothing of its author: ``too_little_text`` or ``too_long`` (a paste); else ``None``."""
    if len(text) > rules.max_characters:
        return "too_long"
    letters = sum(character.isalpha() for character in text)
    return "too_little_text" if letters < rules.min_letters else None


def split_by_time(rows: pa.Table, *, test_share: float = 0.2, cut: Cut = "class") -> AuthorSplit:
    """Later conversations are the test.

    Args:
        rows: of ``SCHEMA``.
        test_share: about this share of the rows is the test.
        cut: ``class``: one moment for everybody, before which a whole conversation is training and after which
            it is test. ``author``: a moment for each author, where authors were there at different times.

    Returns:
        Both sides in the order of time. The test may hold people whom the training does not know.
    """
    people = rows["person_id"].to_pylist() if cut == "author" else ["everybody"] * len(rows)
    late = later_conversations(people, rows["conversation_id"].to_pylist(), rows["sent_at"], test_share)
    train, test = rows.filter(pa.array(~late)), rows.filter(pa.array(late))
    copies = near_copies(test["text"].to_pylist(), train["text"].to_pylist()) >= 0
    return AuthorSplit(train, test.filter(pa.array(~copies)), int(copies.sum()))


def later_conversations(
    people: list[str], conversations: list[str], sent_at: pa.ChunkedArray, share: float
) -> np.ndarray:
    """Whether a row is in the later conversations of its person; bool of shape (rows,).

    The first conversation of a person is never a later one; so somebody with one conversation has no later rows.
    """
    times = np.asarray(pc.cast(sent_at, pa.timestamp("us", "UTC")).cast(pa.int64()), dtype=np.int64)
    starts: dict[tuple[str, str], int] = {}
    counts: Counter[tuple[str, str]] = Counter()
    keys = list(zip(people, conversations, strict=True))
    for key, time in zip(keys, times.tolist(), strict=True):
        starts[key] = min(time, starts.get(key, time))
        counts[key] += 1
    late: set[tuple[str, str]] = set()
    for person, own in _by_person(starts).items():
        wanted, taken = share * sum(counts[person, name] for name in own), 0
        for name in sorted(own, key=lambda name: (starts[person, name], name))[:0:-1]:
            size = counts[person, name]
            # The conversation that crosses the line is taken when most of it is below.
            if taken and taken + size / 2 > wanted:
                break
            late.add((person, name))
            taken += size
    return np.array([key in late for key in keys], dtype=bool)


def _by_person(starts: Mapping[tuple[str, str], int]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for person, conversation in starts:
        found.setdefault(person, []).append(conversation)
    return found
