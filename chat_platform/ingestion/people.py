"""People: who the names in the chats are, brought together for the warehouse.

What belongs here: collecting what resolution needs, writing its result, loading it, what people may decide about
it. What does not: the rules (``people.identity``), decisions (``storage.decisions``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat_platform.errors import InputError
from chat_platform.people.identity import Suggestion, aggregate_participants, resolve, suggestions
from chat_platform.storage.decisions import DecisionLog, KnownIds
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import CLASS_LIST, IDENTITIES, IDENTITY_DECISIONS, PEOPLE, SLACK_USERS
from chat_platform.tables.ids import normalise_name
from chat_platform.tables.spec import TableSpec

_OF_CLASS = "select * from core.participants where system in ('zoom', 'slack')"
PEOPLE_TABLES = (SLACK_USERS, CLASS_LIST, PEOPLE, IDENTITIES, IDENTITY_DECISIONS)


@dataclass(frozen=True)
class ResolvedPeople:
    """Numbers of a resolution."""

    people: int
    identities: int


def resolve_people(workspace: Workspace) -> ResolvedPeople:
    """Resolve every name of the class seen so far and load the result.

    Accounts of streaming platforms stay out: there are millions of them, and nobody of the class is looked for there.

    Decisions are read from the app database; their table, people and identities are replaced in the lake and
    in the warehouse.
    """
    lake, warehouse = workspace.lake, workspace.warehouse
    decisions = workspace.decisions.list()
    with warehouse.write() as connection:
        participants = connection.execute(_OF_CLASS).to_arrow_table()
    resolution = resolve(
        aggregate_participants(participants),
        lake.read(SLACK_USERS).to_pylist(),
        lake.read(CLASS_LIST).to_pylist(),
        decisions,
        workspace.settings.names,
    )
    for spec, rows in (
        (PEOPLE, resolution.people),
        (IDENTITIES, resolution.identities),
        (IDENTITY_DECISIONS, decisions),
    ):
        _write_if_changed(workspace, spec, rows)
    for spec in (SLACK_USERS, CLASS_LIST):
        if not lake.files(spec):
            lake.write(spec, spec.empty())
    warehouse.load(lake, PEOPLE_TABLES)
    return ResolvedPeople(len(resolution.people), len(resolution.identities))


def one_person(person: str, known: Mapping[str, str]) -> str:
    """Id of the one person that an id or a name means.

    Args:
        person: what somebody typed.
        known: person id → name.

    Raises:
        InputError: CP-PEOPLE-011 when there is none, or several of the name.
    """
    if person in known:
        return person
    wanted = normalise_name(person)
    found = sorted(person_id for person_id, name in known.items() if normalise_name(name) == wanted)
    if len(found) != 1:
        # Two of one name are two people: whoever decides has to say which.
        raise InputError("CP-PEOPLE-011", ", ".join([person, *found]))
    return found[0]


def decision_log(workspace: Workspace, *, rehearse: bool = False) -> DecisionLog:
    """The log of decisions about the identities and people of the last resolution.

    Args:
        workspace: of the class.
        rehearse: apply every rule and keep nothing.
    """
    lake = workspace.lake
    known = KnownIds.of(lake.read(IDENTITIES).to_pylist(), lake.read(PEOPLE).to_pylist())
    return DecisionLog(workspace.database, known, rehearse=rehearse)


def open_suggestions(workspace: Workspace) -> list[Suggestion]:
    """What a person could decide, as of the last resolution."""
    lake = workspace.lake
    return suggestions(lake.read(IDENTITIES).to_pylist(), lake.read(PEOPLE).to_pylist())


def _write_if_changed(workspace: Workspace, spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> None:
    table = spec.table(rows)
    if not workspace.lake.files(spec) or not workspace.lake.read(spec).equals(table):
        workspace.lake.write(spec, table)
