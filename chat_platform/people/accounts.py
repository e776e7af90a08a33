"""People who have an id: Slack accounts and rows of the class list, merged where an id says that they are one.

What belongs here: which accounts are one person by exact ids, and what they say about that person. What does not:
chat names without an id, and what people decided (``identity``).

An id is a Slack user id, an id of the class list, or an e-mail address. A name never merges anything here.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chat_platform.people.names import DEFAULT_ROLE, NameParts, NameSplitter, clean_name, name_key
from chat_platform.tables.ids import digest

Row = Mapping[str, Any]

SLACKBOT = "USLACKBOT"
_ROLE_ORDER = ("teacher", "staff")
_SLACK_ID = re.compile(r"[UWB][A-Z0-9]{6,}")


def account_person_id(system: str, account_id: str) -> str:
    """Id of the person behind an account: ``slack`` with a user id, ``list`` with an id of the class list."""
    return digest("person", system, account_id)


def looks_like_slack_id(text: str) -> bool:
    """Whether a text has the form of a Slack user id (``U…``, ``W…``) or bot id (``B…``)."""
    return _SLACK_ID.fullmatch(text) is not None


def strongest_role(roles: Iterable[str | None]) -> str | None:
    """One of several roles, whatever their order: teacher before staff before any other."""
    found = sorted({role for role in roles if role})
    return next((role for role in _ROLE_ORDER if role in found), found[0] if found else None)


@dataclass(frozen=True)
class Account:
    """A person with an id.

    Attributes:
        person_id: derived from the smallest Slack id, else from the smallest id of the list.
        aliases: every person id that could be derived from these accounts: a decision made while fewer of them
            were known keeps its person.
        names: what the accounts are called, taken apart.
        keys: these names for comparison.
        role: by the position in the class list, else by a word in a name; ``None`` when nothing says one.
        links: which kinds of id hold the accounts together: ``slack_id``, ``class_list_id``, ``email``.
    """

    person_id: str
    aliases: frozenset[str]
    name: str
    names: tuple[NameParts, ...]
    keys: frozenset[str]
    role: str | None
    position: str | None
    team: str | None
    email: str | None
    slack_id: str | None
    is_bot: bool
    is_admin: bool
    origin: str
    links: tuple[str, ...]


def merge_accounts(
    slack_users: Iterable[Row], class_list: Iterable[Row], seen: Mapping[str, str], splitter: NameSplitter
) -> list[Account]:
    """Merge accounts by exact ids.

    Args:
        slack_users: rows of ``core.slack_users``.
        class_list: rows of ``core.class_list``.
        seen: Slack ids seen in chats → display name; unknown ones become accounts too.
        splitter: takes names apart.

    Returns:
        One account a person, ordered by person id; the same whatever the order of the rows.
    """
    users = _first_by("slack_id", slack_users)
    members = _first_by("member_id", class_list)
    slack_ids = {*users, *seen, *filter(looks_like_slack_id, members)}
    groups = _Groups()
    by_email: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for slack_id in slack_ids:
        groups.add(("slack", slack_id))
    for member_id in members:
        groups.add(("slack" if member_id in slack_ids else "list", member_id))
    for node, row in [
        *((("slack", key), row) for key, row in users.items()),
        *((("slack" if key in slack_ids else "list", key), row) for key, row in members.items()),
    ]:
        email = (row.get("email") or "").strip().casefold()
        if email:
            by_email[email].append(node)
    for nodes in by_email.values():
        groups.join(nodes)
    accounts = [
        _account(
            sorted(nodes),
            [users[key] for system, key in sorted(nodes) if system == "slack" and key in users],
            [members[key] for _, key in sorted(nodes) if key in members],
            [seen[key] for system, key in sorted(nodes) if system == "slack" and key in seen],
            splitter,
        )
        for nodes in groups.all()
    ]
    return sorted(accounts, key=lambda account: account.person_id)


class _Groups:
    """Disjoint sets of nodes (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, node: tuple[str, str]) -> None:
        self._parent.setdefault(node, node)

    def join(self, nodes: list[tuple[str, str]]) -> None:
        for node in nodes[1:]:
            self._parent[self._root(node)] = self._root(nodes[0])

    def all(self) -> list[list[tuple[str, str]]]:
        found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for node in self._parent:
            found[self._root(node)].append(node)
        return list(found.values())

    def _root(self, node: tuple[str, str]) -> tuple[str, str]:
        while self._parent[node] != node:
            self._parent[node] = self._parent[self._parent[node]]
            node = self._parent[node]
        return node


def _first_by(column: str, rows: Iterable[Row]) -> dict[str, Row]:
    """Id → row; of several rows with one id the same one is taken whatever their order."""
    found: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str)):
        found.setdefault(row[column], row)
    return found


def _account(
    nodes: list[tuple[str, str]],
    users: list[Row],
    members: list[Row],
    seen_names: list[str],
    splitter: NameSplitter,
) -> Account:
    slack_ids = [key for system, key in nodes if system == "slack"]
    smallest = ("slack", slack_ids[0]) if slack_ids else nodes[0]
    active = sorted((bool(user.get("deleted")), user["slack_id"]) for user in users)
    texts = [member["name"] for member in members]
    texts += [user.get(column) for user in users for column in ("real_name", "display_name")]
    texts += seen_names + [user.get("name") for user in users]
    names = [splitter.split(text) for text in texts if text and clean_name(text)]
    listed = [member for member in members if member.get("position")]
    is_bot = any(user.get("is_bot") for user in users) or any(
        key == SLACKBOT or (key.startswith("B") and looks_like_slack_id(key)) for key in slack_ids
    )
    return Account(
        person_id=account_person_id(*smallest),
        aliases=frozenset(account_person_id(system, key) for _, key in nodes for system in ("slack", "list")),
        name=names[0].name if names else smallest[1],
        names=tuple(names),
        keys=frozenset(name_key(name.name) for name in names),
        role=strongest_role(member["role"] for member in listed)
        if listed
        else strongest_role(name.role for name in names),
        position=next((member["position"] for member in listed), None),
        team=next(
            filter(None, [*(member.get("team") for member in members), *(name.team for name in names)]), None
        ),
        email=next((row["email"] for row in (*members, *users) if row.get("email")), None),
        slack_id=active[0][1] if active else next(iter(slack_ids), None),
        is_bot=is_bot,
        is_admin=any(user.get("is_admin") for user in users),
        origin="slack" if users or seen_names else "list",
        links=_links(nodes, users, members),
    )


def _links(nodes: list[tuple[str, str]], users: list[Row], members: list[Row]) -> tuple[str, ...]:
    links = ["slack_id"] if any(system == "slack" for system, _ in nodes) else []
    if {user["slack_id"] for user in users} & {member["member_id"] for member in members}:
        links.append("class_list_id")
    if len(nodes) > 1:
        links.append("email")
    return tuple(links)


def person_row(account: Account, linked_role: str | None, linked_team: str | None) -> dict[str, Any]:
    """The row of ``core.people`` of an account.

    Args:
        account: the person.
        linked_role: role that chat names of the person say.
        linked_team: team that they say.
    """
    return {
        "person_id": account.person_id,
        "name": account.name,
        "role": account.role or linked_role or DEFAULT_ROLE,
        "position": account.position,
        "team": account.team or linked_team,
        "email": account.email,
        "slack_id": account.slack_id,
        "is_bot": account.is_bot,
        "is_admin": account.is_admin,
        "origin": account.origin,
    }
