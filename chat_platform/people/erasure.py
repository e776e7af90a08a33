"""Erasing a person: which columns hold personal data, and a table without somebody's.

What belongs here: the plan derived from the TableSpecs, the pure function that applies it to a table, and ids that
are known by their pseudonyms only. What does not: finding a person's ids and walking the lake
(``ingestion.erasure``), keeping who was erased (``storage.erasures``).

What ``erase_from_table`` does to a table, all from its declaration:

* A row is *about* the person when its ``identity_id`` or ``person_id`` is among those to erase, when its
  ``slack_id`` or ``member_id`` is an account of theirs, or, where ``message_id`` is part of the primary key
  or tagged as personal, when the message is among those to erase. A reaction of somebody else to an erased
  message is that somebody's row and stays.
* Such a row is dropped when one of its columns says ``delete_row``; else every personal column of it is emptied
  (``blank``: null, or no text where null is not allowed) or replaced (``pseudonymise``).
* In rows that are not about the person, a cell that *names* them follows its column's rule: the recipient of a
  direct message, who announced a recording, a list of suggested people and the evidence that names them by id.

A pseudonym is a keyed hash of the value: the same in every table and column, so that what joined before joins
after, and counts stay. Whoever holds the key can test a guess: use a key that is secret, or throw it away.

Not reached (``not_covered`` lists the columns): text that mentions a person in somebody else's message; the
start of a quarantined record, which has no author (``Erased.without_of_conversation`` empties all of them); a
recording's link; who made a decision, which is an account of this platform and no chat identity. Raw answers and
saved files outside the tables have to be deleted as files, and parsed data must be erased again after they are parsed
anew.

The app database keeps what people say of messages and to what they agreed. That is no table of the lake and is
deleted there (``ingestion.erasure``). Imported label files hold texts of others, without authors: they go as a whole
(``LabelLog.remove_import``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from chat_platform.errors import DataError
from chat_platform.people.accounts import account_person_id
from chat_platform.tables.catalogue import ALL_TABLES
from chat_platform.tables.class_chat import QUARANTINE
from chat_platform.tables.ids import identity_id, is_pseudonym
from chat_platform.tables.spec import Column, TableSpec

_WORD = re.compile(r"[\w-]+")
Test = Callable[[Any], bool]


@dataclass(frozen=True)
class _Subject:
    """Who is to be erased."""

    identities: Collection[str]
    people: Collection[str]
    messages: Collection[str]

    def has_account(self, account_id: str) -> bool:
        """Whether a Slack user id or an id of the class list is one of theirs."""
        return identity_id("slack", account_id) in self.identities or any(
            account_person_id(system, account_id) in self.people for system in ("slack", "list")
        )

    def is_name(self, name: str) -> bool:
        """Whether somebody of this name in a chat is one of theirs."""
        return any(identity_id(system, name) in self.identities for system in ("zoom", "slack"))

    def row_tests(self) -> dict[str, Test]:
        """Column → whether its value says that the row is about the person."""
        return {
            "identity_id": lambda value: value in self.identities,
            "person_id": lambda value: value in self.people,
            "message_id": lambda value: value in self.messages,
            "slack_id": self.has_account,
            "member_id": self.has_account,
        }

    def cell_tests(self) -> dict[str, Test]:
        """Column → whether its value names the person in a row that is about somebody else."""
        return {
            "announced_by": self.has_account,
            "recipient_name": self.is_name,
            "suggested_person_ids": lambda value: any(person in self.people for person in json.loads(value)),
            "evidence": lambda value: any(
                word in self.people or word in self.identities for word in _WORD.findall(value)
            ),
        }


_NOBODY = _Subject((), (), ())


class Pseudonyms(Collection[str]):
    """Ids of which only the pseudonyms are known.

    Args:
        pseudonyms: as ``pseudonym`` makes them.
        key: that made them.
        replaced: a pseudonym that took the place of an id is among them too.
    """

    def __init__(self, pseudonyms: Iterable[str], key: bytes, *, replaced: bool = True) -> None:
        self._known, self._key, self._replaced = frozenset(pseudonyms), key, replaced

    def __contains__(self, value: object) -> bool:
        """Whether a value is one of the ids."""
        if not isinstance(value, str) or not self._known:
            return False
        found = pseudonym(value, self._key)
        return found in self._known and (self._replaced or found != value)

    def __iter__(self) -> Iterator[str]:
        """The pseudonyms."""
        return iter(self._known)

    def __len__(self) -> int:
        """How many ids."""
        return len(self._known)


@dataclass(frozen=True)
class Erased:
    """Who was erased, as steps that write tables need to know it.

    Attributes:
        people: ids in ``core.people``, every id that an account of theirs could have had.
        identities: names and accounts in chats.
        key: makes the pseudonyms.
    """

    people: Pseudonyms
    identities: Pseudonyms
    key: bytes

    @property
    def unreplaced(self) -> Erased:
        """The same people, known by their ids alone: what stands under a pseudonym already is nobody's."""
        people, identities = (
            Pseudonyms(ids, self.key, replaced=False) for ids in (self.people, self.identities)
        )
        return Erased(people, identities, self.key)

    def has_account(self, account_id: str) -> bool:
        """Whether a Slack user id or an id of the class list is one of theirs."""
        return _Subject(self.identities, self.people, ()).has_account(account_id)

    def is_name(self, name: str) -> bool:
        """Whether somebody of this name in a chat is one of theirs."""
        return _Subject(self.identities, self.people, ()).is_name(name)

    def without(self, table: pa.Table, spec: TableSpec, message_ids: Collection[str] = ()) -> pa.Table:
        """A table without their personal data, as ``erase_from_table`` leaves it."""
        return erase_from_table(table, spec, self.identities, self.people, message_ids, key=self.key)

    def without_of_conversation(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The tables of one parsed conversation, by name, without their personal data.

        A quarantined record does not say whose it is, and many name somebody (who joined a channel): once anybody
        was erased, the start of none is kept.
        """
        found = {name: self.without(table, ALL_TABLES[f"core.{name}"]) for name, table in tables.items()}
        records = found[QUARANTINE.name]
        empty = pa.nulls(records.num_rows, pa.string())
        place = QUARANTINE.column_names.index("excerpt")
        return found | {QUARANTINE.name: records.set_column(place, "excerpt", empty)}


def erasure_plan() -> list[tuple[str, str, str]]:
    """(table, column, rule) of every column with personal data, in the order of the declarations.

    Raises:
        DataError: CP-PEOPLE-020 when a column has no rule, or one that its type does not allow.
    """
    plan: list[tuple[str, str, str]] = []
    for spec in ALL_TABLES.values():
        for column in spec.columns:
            problem = rule_problem(column)
            if problem:
                raise DataError("CP-PEOPLE-020", f"{spec.full_name}.{column.name}: {problem}")
            if column.erasure is not None:
                plan.append((spec.full_name, column.name, column.erasure))
    return plan


def rule_problem(column: Column) -> str | None:
    """What is wrong with a column's erasure rule, or ``None``."""
    if column.pii is not None and column.erasure is None:
        return f"tagged {column.pii} without an erasure rule"
    if column.erasure == "pseudonymise" and column.type != "string":
        return f"a {column.type} cannot hold a pseudonym"
    if column.erasure == "blank" and column.type != "string" and not column.nullable:
        return f"a {column.type} that is never null cannot be blank"
    return None


def not_covered() -> list[tuple[str, str]]:
    """(table, column) of personal data that ``erase_from_table`` never reaches."""
    return [
        (spec.full_name, column.name)
        for spec in ALL_TABLES.values()
        if not _row_columns(spec)
        for column in spec.columns
        if column.pii is not None and column.name not in _NOBODY.cell_tests()
    ]


def pseudonym(value: str, key: bytes) -> str:
    """The same for the same value and key; a pseudonym is its own pseudonym.

    So erasing twice equals erasing once.
    """
    if is_pseudonym(value):
        return value
    # In one call: chats of streams have millions of writers.
    return "erased-" + hmac.digest(key, value.encode(), hashlib.sha256).hex()[:16]


def erase_from_table(
    table: pa.Table,
    spec: TableSpec,
    identity_ids: Collection[str],
    person_ids: Collection[str],
    message_ids: Collection[str],
    *,
    key: bytes,
) -> pa.Table:
    """A table without somebody's personal data; see the module's text for what is covered.

    Args:
        table: of the schema of ``spec``.
        spec: the table's declaration.
        identity_ids: identities to erase.
        person_ids: people to erase.
        message_ids: messages to erase where a table knows the message only: pass those of the identities, so that
            their tokens go too.
        key: makes the pseudonyms.

    Returns:
        A table of the same schema, rows in the same order.

    Raises:
        DataError: CP-DATA-001 when the table is not of the schema.
    """
    table = spec.conform(table)
    subject = _Subject(identity_ids, person_ids, message_ids)
    tests = subject.row_tests()
    about = [False] * table.num_rows
    for name in _row_columns(spec):
        about = [was or is_ for was, is_ in zip(about, _matches(table, name, tests[name]), strict=True)]
    if any(column.erasure == "delete_row" for column in spec.columns):
        return table.filter(pa.array([not one for one in about], pa.bool_()))
    cell_tests = subject.cell_tests()
    for index, column in enumerate(spec.columns):
        if column.erasure is None:
            continue
        wanted = about
        if column.name in cell_tests:
            named = _matches(table, column.name, cell_tests[column.name])
            wanted = [one or other for one, other in zip(about, named, strict=True)]
        if any(wanted):
            table = table.set_column(index, table.schema.field(index), _erased(table, column, wanted, key))
    return spec.conform(table)


def _row_columns(spec: TableSpec) -> list[str]:
    """Columns of a table that tell whom a row is about."""
    return [
        column.name
        for column in spec.columns
        if column.name in _NOBODY.row_tests()
        # Elsewhere a message's id says what a row answers, not whose it is; unless it is tagged as personal itself.
        and (column.name != "message_id" or column.name in spec.primary_key or column.pii is not None)
        # Of core.people, the row is found by its person.
        and (column.name != "slack_id" or column.name in spec.primary_key)
    ]


def _matches(table: pa.Table, column: str, test: Test) -> list[bool]:
    """Row by row; each distinct value is tested once."""
    values = table.column(column).to_pylist()
    answers = {value: value is not None and test(value) for value in set(values)}
    return [answers[value] for value in values]


def _erased(table: pa.Table, column: Column, wanted: list[bool], key: bytes) -> pa.Array:
    values = table.column(column.name).to_pylist()
    if column.erasure == "blank":
        empty = None if column.nullable else ""
        replaced = [empty if hit else value for value, hit in zip(values, wanted, strict=True)]
    else:
        replaced = [
            pseudonym(value, key) if hit and value is not None else value
            for value, hit in zip(values, wanted, strict=True)
        ]
    return pa.array(replaced, type=table.schema.field(column.name).type)
