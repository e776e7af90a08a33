"""People: who the names in the chats are, brought together for the warehouse.

What belongs here: collecting what resolution needs, writing its result, loading it. What does not: the rules
(``people.identity``), decisions (``storage.decisions``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chat_platform.people.identity import resolve
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import CLASS_LIST, IDENTITIES, IDENTITY_DECISIONS, PEOPLE, SLACK_USERS

PEOPLE_TABLES = (SLACK_USERS, CLASS_LIST, PEOPLE, IDENTITIES, IDENTITY_DECISIONS)

_SEEN = """
select identity_id, any_value(system) as system, any_value(identity_key) as identity_key,
    arg_max(display_name, coalesce(last_at, timestamptz '1970-01-01') order by conversation_id) as display_name,
    count(distinct conversation_id) as conversations, sum(messages)::bigint as messages,
    min(first_at) as first_seen_at, max(last_at) as last_seen_at, max(senders) as senders
from core.participants
group by identity_id
order by identity_id
"""


@dataclass(frozen=True)
class ResolvedPeople:
    """Numbers of a resolution."""

    people: int
    identities: int


def resolve_people(workspace: Workspace) -> ResolvedPeople:
    """Resolve every name seen so far and load the result.

    Decisions are read from the app database; their table, people and identities are replaced in the lake and
    in the warehouse.
    """
    lake, warehouse = workspace.lake, workspace.warehouse
    decisions = workspace.decisions.list()
    with warehouse.write() as connection:
        seen = connection.execute(_SEEN).to_arrow_table().to_pylist()
    resolution = resolve(
        seen,
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


def _write_if_changed(workspace: Workspace, spec: Any, rows: list[dict[str, Any]]) -> None:
    table = spec.table(rows)
    if not workspace.lake.files(spec) or not workspace.lake.read(spec).equals(table):
        workspace.lake.write(spec, table)
