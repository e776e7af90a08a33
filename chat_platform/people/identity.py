"""Who is behind a name: identities resolved to people.

What belongs here: the pure function from what was seen, listed and decided to people and identities, and the
suggestions that follow from them. What does not: merging accounts by id (``accounts``), the log of decisions
(``storage.decisions``), reading and writing tables.

    exact        a Slack account: its id is a person's
    decided      somebody merged or split it; this holds whatever the lists say later
    provisional  a name only (all that Zoom's chat gives): a person of its own, perhaps with suggestions
    ambiguous    a name that several people bear, or that several senders used within one meeting:
                 no person until somebody decides

Names never merge. A name *suggests* the people who bear it: those of Slack and the class list, and those to
whom somebody has linked the same name before. Where there is none, it suggests the first chat name with the same
name part (people change ``가나다`` to ``가나다_온라인``).

Several sender numbers under one name within one meeting can also come from somebody who left and joined again:
the name then waits, too, until somebody splits or merges it. A wrong merge costs more than a question.

Decisions apply in the order of their ids, each identity on its own:

* *merge* into a person. The person may be somebody's provisional person; if that name is merged on, this one goes
  with it. A merge that would lead back to the same name has no effect. A person who is no longer in any list
  cannot be a target; the identity then is as if undecided, and its evidence says so.
* *split*: a person of its own, even where an id or a merge said otherwise.
* *lock*: no suggestions, and no later decision applies.

A decision that was undone is as if never made, so undoing restores exactly the state before.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from chat_platform.people.accounts import (
    Account,
    account_person_id,
    looks_like_slack_id,
    merge_accounts,
    person_row,
    strongest_role,
)
from chat_platform.people.names import DEFAULT_ROLE, NameParts, NameSplitter, clean_name, name_key
from chat_platform.settings import NameRules
from chat_platform.tables.ids import digest

Row = Mapping[str, Any]
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Resolution:
    """People and identities, as rows of ``core.people`` and ``core.identities``, ordered by their ids."""

    people: list[dict[str, Any]]
    identities: list[dict[str, Any]]


@dataclass(frozen=True)
class Suggestion:
    """A person who may be behind a name.

    Attributes:
        person_name: the person's name.
        agrees: what speaks for it beside the name: ``role``, ``team``.
        differs: what speaks against it.
        unique: safe to accept together with others: only one person fits, nothing speaks against it, no other name
            at the same system that was seen in the same span of time leads to that person (as this name, or one
            that goes with it), and that person is not a name that may itself be merged into somebody.
        evidence: why, in words, for the log of decisions.
    """

    identity_id: str
    display_name: str
    messages: int
    person_id: str
    person_name: str
    agrees: tuple[str, ...]
    differs: tuple[str, ...]
    unique: bool
    evidence: str


def provisional_person_id(identity_id: str) -> str:
    """Id of the person that an identity is on its own."""
    return digest("person", "identity", identity_id)


def aggregate_participants(participants: pa.Table) -> list[dict[str, Any]]:
    """Rows of ``core.participants`` of any number of conversations, summed up by identity.

    Returns:
        What ``resolve`` takes: ``identity_id``, ``system``, ``identity_key`` and ``display_name`` (as last seen),
        ``conversations``, ``messages``, ``first_seen_at``, ``last_seen_at`` and ``senders`` (the most in one
        conversation).
    """
    ordered = participants.sort_by(
        [("last_at", "ascending"), ("display_name", "ascending"), ("identity_key", "ascending")]
    )
    grouped = ordered.group_by("identity_id", use_threads=False).aggregate(
        [
            ("system", "last"),
            ("identity_key", "last"),
            ("display_name", "last"),
            ("conversation_id", "count_distinct"),
            ("messages", "sum"),
            ("first_at", "min"),
            ("last_at", "max"),
            ("senders", "max"),
        ]
    )
    names = {
        "system_last": "system",
        "identity_key_last": "identity_key",
        "display_name_last": "display_name",
        "conversation_id_count_distinct": "conversations",
        "messages_sum": "messages",
        "first_at_min": "first_seen_at",
        "last_at_max": "last_seen_at",
        "senders_max": "senders",
    }
    renamed = grouped.rename_columns([names.get(name, name) for name in grouped.column_names])
    return sorted(renamed.to_pylist(), key=lambda row: row["identity_id"])


def resolve(
    participants: Iterable[Row],
    slack_users: Iterable[Row],
    class_list: Iterable[Row],
    decisions: Iterable[Row],
    rules: NameRules,
) -> Resolution:
    """Resolve every identity; the result does not depend on the order of any input.

    Args:
        participants: one row an identity, as ``aggregate_participants`` gives them.
        slack_users: rows of ``core.slack_users``.
        class_list: rows of ``core.class_list``.
        decisions: rows of ``core.identity_decisions``; those that were undone count nothing.
        rules: how names are taken apart.
    """
    splitter = NameSplitter(rules)
    users, members = list(slack_users), list(class_list)
    ids = {user["slack_id"] for user in users} | {member["member_id"] for member in members}
    names = {row["identity_id"]: _Name.of(row, splitter, ids) for row in participants}
    seen = {name.row["identity_key"]: name.shown for name in names.values() if name.is_account}
    accounts = _Accounts(merge_accounts(users, members, seen, splitter))
    verdicts = _verdicts(decisions, names.keys())
    targets = _targets(names, accounts, verdicts)
    _suggest(names, accounts, targets, verdicts)
    return Resolution(
        people=_people(names, accounts, targets),
        identities=[
            _identity_row(names[i], targets[i], verdicts.get(i, _Verdict()), accounts) for i in sorted(names)
        ],
    )


@dataclass
class _Name:
    """An identity as it was seen.

    ``is_account`` tells Slack accounts from the names that some bots of Slack write under.
    """

    row: Row
    shown: str
    parts: NameParts
    key: str
    is_account: bool
    candidates: list[_Candidate] = field(default_factory=list)

    @classmethod
    def of(cls, row: Row, splitter: NameSplitter, ids: set[str]) -> _Name:
        key = row["identity_key"]
        shown = row.get("display_name") or key
        parts = splitter.split(shown)
        is_account = row["system"] == "slack" and (key in ids or looks_like_slack_id(key))
        return cls(row, shown, parts, name_key(parts.name), is_account)

    @property
    def identity_id(self) -> str:
        return self.row["identity_id"]

    @property
    def several_senders(self) -> bool:
        return not self.is_account and (self.row.get("senders") or 1) > 1


@dataclass(frozen=True)
class _Candidate:
    """A person whose name fits, and what else agrees or differs."""

    person_id: str
    rule: str
    agrees: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


class _Accounts:
    """People with ids, found by person id, Slack id and name."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.all = accounts
        self.by_id = {account.person_id: account for account in accounts}
        self.by_alias = {alias: account for account in accounts for alias in account.aliases}
        self._by_key: dict[str, list[Account]] = defaultdict(list)
        for account in accounts:
            for key in account.keys if not account.is_bot else ():
                self._by_key[key].append(account)

    def of_slack_id(self, slack_id: str) -> Account:
        return self.by_alias[account_person_id("slack", slack_id)]

    def named(self, key: str) -> list[Account]:
        return self._by_key.get(key, []) if key else []


@dataclass(frozen=True)
class _Verdict:
    """What the log says about one identity."""

    decision: Row | None = None
    lock: Row | None = None


@dataclass(frozen=True)
class _Target:
    """Where an identity leads."""

    state: str
    person_id: str | None
    problem: str | None = None


def _verdicts(decisions: Iterable[Row], known: Iterable[str]) -> dict[str, _Verdict]:
    """Identity → the last decision that applies to it, and its lock."""
    identity_of_own = {provisional_person_id(identity): identity for identity in known}
    verdicts: dict[str, _Verdict] = {}
    for decision in sorted(decisions, key=lambda row: row["decision_id"]):
        identity = decision["identity_id"]
        before = verdicts.get(identity, _Verdict())
        if decision["undone_at"] is not None or before.lock is not None:
            continue
        if decision["kind"] == "lock":
            verdicts[identity] = _Verdict(before.decision, decision)
        elif not _leads_back(decision, verdicts, identity_of_own):
            verdicts[identity] = _Verdict(decision)
    return verdicts


def _leads_back(decision: Row, verdicts: Mapping[str, _Verdict], identity_of_own: Mapping[str, str]) -> bool:
    """Whether a merge would close a circle of names that are each merged into the next one."""
    start = decision["identity_id"]
    step: Row | None = decision
    while step is not None and step["kind"] == "merge":
        following = identity_of_own.get(step["person_id"])
        if following is None or following == step["identity_id"]:
            return False
        if following == start:
            return True
        step = verdicts.get(following, _Verdict()).decision
    return False


def _targets(
    names: Mapping[str, _Name], accounts: _Accounts, verdicts: Mapping[str, _Verdict]
) -> dict[str, _Target]:
    identity_of_own = {provisional_person_id(identity): identity for identity in names}
    targets: dict[str, _Target] = {}

    def target(identity: str) -> _Target:
        # Steps along merges, with an explicit stack: a chain may be longer than Python recurses.
        stack = [identity]
        while stack:
            current = stack[-1]
            decision = verdicts.get(current, _Verdict()).decision
            following = _followed(current, decision, identity_of_own)
            if following is not None and following not in targets:
                stack.append(following)
                continue
            targets[current] = _decided(current, decision, following, targets, accounts) or _undecided(
                names[current], accounts, decision
            )
            stack.pop()
        return targets[identity]

    for identity in sorted(names):
        target(identity)
    return targets


def _followed(identity: str, decision: Row | None, identity_of_own: Mapping[str, str]) -> str | None:
    """Identity whose provisional person this one was merged into."""
    if decision is None or decision["kind"] != "merge":
        return None
    following = identity_of_own.get(decision["person_id"])
    return following if following != identity else None


def _decided(
    identity: str,
    decision: Row | None,
    following: str | None,
    targets: Mapping[str, _Target],
    accounts: _Accounts,
) -> _Target | None:
    """Where a decision leads; ``None`` when there is none or its person is unknown."""
    if decision is None:
        return None
    own = provisional_person_id(identity)
    if decision["kind"] == "split" or decision["person_id"] == own:
        return _Target("decided", own)
    if following is not None:
        # A name that waits has no person; what somebody merged with it keeps the one it was merged into.
        return _Target("decided", targets[following].person_id or decision["person_id"])
    account = accounts.by_alias.get(decision["person_id"])
    return None if account is None else _Target("decided", account.person_id)


def _undecided(name: _Name, accounts: _Accounts, decision: Row | None) -> _Target:
    problem = None if decision is None else "unknown_person"
    if name.is_account:
        return _Target("exact", accounts.of_slack_id(name.row["identity_key"]).person_id, problem)
    if name.several_senders or len(accounts.named(name.key)) > 1:
        return _Target("ambiguous", None, problem)
    return _Target("provisional", provisional_person_id(name.identity_id), problem)


def _suggest(
    names: Mapping[str, _Name],
    accounts: _Accounts,
    targets: Mapping[str, _Target],
    verdicts: Mapping[str, _Verdict],
) -> None:
    """Fill in the candidates of every name that nobody has decided or locked."""
    linked: dict[str, set[str]] = defaultdict(set)
    undecided: dict[str, list[_Name]] = defaultdict(list)
    for identity, name in names.items():
        target = targets[identity]
        if target.state == "decided" and target.person_id is not None:
            linked[name.key].add(target.person_id)
        elif target.state in ("provisional", "ambiguous") and name.key:
            undecided[name.key].append(name)
    for key, group in undecided.items():
        first = min(group, key=lambda name: (name.row["first_seen_at"] or _NEVER, name.identity_id))
        for name in group:
            if verdicts.get(name.identity_id, _Verdict()).lock is None:
                name.candidates = _candidates(name, key, accounts, linked.get(key, set()), first, targets)


def _candidates(
    name: _Name,
    key: str,
    accounts: _Accounts,
    linked: set[str],
    first: _Name,
    targets: Mapping[str, _Target],
) -> list[_Candidate]:
    found = {account.person_id: _compare(name, account, "name") for account in accounts.named(key)}
    for person_id in linked - found.keys():
        account = accounts.by_id.get(person_id)
        found[person_id] = (
            _compare(name, account, "linked_name") if account else _Candidate(person_id, "linked_name")
        )
    own_of_first = targets[first.identity_id].person_id
    if not found and first is not name and own_of_first is not None:
        found[own_of_first] = _Candidate(own_of_first, "earlier_name")
    found.pop(provisional_person_id(name.identity_id), None)
    return sorted(found.values(), key=lambda c: (-len(c.agrees), len(c.differs), c.person_id))


def _compare(name: _Name, account: Account, rule: str) -> _Candidate:
    pairs = (
        ("role", name.parts.role, account.role or DEFAULT_ROLE),
        ("team", _folded(name.parts.team), _folded(account.team)),
    )
    said = [(what, one == other) for what, one, other in pairs if one is not None and other is not None]
    return _Candidate(
        account.person_id,
        rule,
        tuple(what for what, same in said if same),
        tuple(what for what, same in said if not same),
    )


def _folded(text: str | None) -> str | None:
    return None if text is None else clean_name(text).casefold()


def _people(
    names: Mapping[str, _Name], accounts: _Accounts, targets: Mapping[str, _Target]
) -> list[dict[str, Any]]:
    """Rows of everybody with an id and of everybody who is a name of their own."""
    linked: dict[str, list[_Name]] = defaultdict(list)
    for identity, target in targets.items():
        if target.person_id is not None:
            linked[target.person_id].append(names[identity])
    own = {provisional_person_id(identity): name for identity, name in names.items()}
    rows = [person_row(account, *_said(linked.get(account.person_id, []))) for account in accounts.all]
    rows += [
        _own_row(person_id, own[person_id], *_said(linked[person_id]), accounts)
        for person_id in linked
        if person_id not in accounts.by_id
    ]
    return sorted(rows, key=lambda row: row["person_id"])


def _said(names: Iterable[_Name]) -> tuple[str | None, str | None]:
    """Role and team that the chat names of one person say; the name that was used most goes first."""
    ordered = sorted(names, key=lambda name: (-name.row["messages"], name.identity_id))
    team = next((name.parts.team for name in ordered if name.parts.team), None)
    return strongest_role(name.parts.role for name in ordered), team


def _own_row(
    person_id: str, name: _Name, role: str | None, team: str | None, accounts: _Accounts
) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "name": name.parts.name or name.shown,
        "role": role or DEFAULT_ROLE,
        "position": None,
        "team": team,
        "email": None,
        "slack_id": None,
        "is_bot": name.is_account and accounts.of_slack_id(name.row["identity_key"]).is_bot,
        "is_admin": False,
        "origin": "name",
    }


def _identity_row(name: _Name, target: _Target, verdict: _Verdict, accounts: _Accounts) -> dict[str, Any]:
    suggested = [candidate.person_id for candidate in name.candidates]
    return {
        "identity_id": name.identity_id,
        "system": name.row["system"],
        "identity_key": name.row["identity_key"],
        "display_name": name.row.get("display_name"),
        "name_part": name.parts.name or None,
        "role_part": name.parts.role_word,
        "team_part": name.parts.team,
        "person_id": target.person_id,
        "state": target.state,
        "suggested_person_ids": json.dumps(suggested) if suggested else None,
        "evidence": json.dumps(_evidence(name, target, verdict, accounts), ensure_ascii=False),
        "locked": verdict.lock is not None,
        "conversations": name.row["conversations"],
        "messages": name.row["messages"],
        "first_seen_at": name.row["first_seen_at"],
        "last_seen_at": name.row["last_seen_at"],
    }


def _evidence(name: _Name, target: _Target, verdict: _Verdict, accounts: _Accounts) -> list[dict[str, Any]]:
    """Which rules and decisions led to the state, each with its facts."""
    found: list[dict[str, Any]] = []
    if target.state == "exact":
        account = accounts.of_slack_id(name.row["identity_key"])
        found += [{"rule": link} for link in account.links]
    if target.state == "ambiguous" and name.several_senders:
        found.append({"rule": "several_senders", "senders": name.row["senders"]})
    found += [
        {
            "rule": candidate.rule,
            "person_id": candidate.person_id,
            "agrees": list(candidate.agrees),
            "differs": list(candidate.differs),
        }
        for candidate in name.candidates
    ]
    for decision in filter(None, (verdict.decision, verdict.lock)):
        entry = {"rule": "decision", "decision_id": decision["decision_id"], "kind": decision["kind"]}
        if decision is verdict.decision and target.problem is not None:
            entry["problem"] = target.problem
        found.append(entry)
    return found


def suggestions(identities: Iterable[Row], people: Iterable[Row]) -> list[Suggestion]:
    """What a person could decide, best candidate of each name first, names that were used most first.

    Args:
        identities: rows of ``core.identities``.
        people: rows of ``core.people``.
    """
    rows = list(identities)
    name_of = {person["person_id"]: person["name"] for person in people}
    leading: dict[str, list[Row]] = defaultdict(list)
    bearing: dict[str, list[Row]] = defaultdict(list)
    moving = {provisional_person_id(row["identity_id"]) for row in rows if _suggested(row)}
    for row in rows:
        for person_id in {row["person_id"], *_suggested(row)} - {None}:
            leading[person_id].append(row)
        bearing[row["person_id"]].append(row)
    found = []
    for row in sorted(rows, key=lambda row: (-row["messages"], row["identity_id"])):
        facts = {fact.get("person_id"): fact for fact in json.loads(row["evidence"] or "[]")}
        suggested = _suggested(row)
        for person_id in suggested:
            fact = facts.get(person_id, {})
            unique = (
                row["state"] == "provisional"
                and len(suggested) == 1
                and not fact.get("differs")
                and person_id not in moving
                and not any(
                    _meets(name, other) for name in bearing[row["person_id"]] for other in leading[person_id]
                )
            )
            found.append(_suggestion(row, person_id, name_of.get(person_id, person_id), fact, unique))
    return found


def _suggested(row: Row) -> list[str]:
    return json.loads(row["suggested_person_ids"] or "[]")


def _meets(one: Row, other: Row) -> bool:
    """Whether two names of one system were seen in overlapping spans, so that they may be two people."""
    if one["identity_id"] == other["identity_id"] or one["system"] != other["system"]:
        return False
    times = [row[column] for row in (one, other) for column in ("first_seen_at", "last_seen_at")]
    if None in times:
        return True
    return one["first_seen_at"] <= other["last_seen_at"] and other["first_seen_at"] <= one["last_seen_at"]


def _suggestion(row: Row, person_id: str, person_name: str, fact: Row, unique: bool) -> Suggestion:
    agrees, differs = tuple(fact.get("agrees", ())), tuple(fact.get("differs", ()))
    words = [f"{row['name_part']} in {row['display_name']} fits {person_name}"]
    words += [f"{what} agrees" for what in agrees] + [f"{what} differs" for what in differs]
    words.append("nobody else fits" if unique else "others may fit")
    return Suggestion(
        identity_id=row["identity_id"],
        display_name=row["display_name"] or row["identity_key"],
        messages=row["messages"],
        person_id=person_id,
        person_name=person_name,
        agrees=agrees,
        differs=differs,
        unique=unique,
        evidence="; ".join(words),
    )
