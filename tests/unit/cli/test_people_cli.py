"""``chatp people``: decisions are written once, and a rehearsal applies every rule and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result

from chat_platform.cli import graph_runs
from chat_platform.errors import InputError
from chat_platform.people.accounts import account_person_id
from chat_platform.people.identity import Resolution, resolve
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import IDENTITIES, PEOPLE

SEEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def participant(name: str) -> dict[str, Any]:
    return {
        "identity_id": f"id-{name}",
        "system": "zoom",
        "identity_key": name,
        "display_name": name,
        "conversations": 1,
        "messages": 5,
        "senders": 1,
        "first_seen_at": SEEN,
        "last_seen_at": SEEN,
    }


@pytest.fixture
def resolution(workspace: Workspace) -> Resolution:
    """Two of the class list, three names in chats of which two fit them."""
    listed = [
        {"member_id": f"L{n}", "name": name, "position": None, "email": None}
        for n, name in enumerate(("김가나", "이다라"))
    ]
    names = [participant(name) for name in ("김가나_온라인", "이다라", "바사")]
    found = resolve(names, [], listed, [], workspace.settings.names)
    workspace.lake.write(PEOPLE, PEOPLE.table(found.people))
    workspace.lake.write(IDENTITIES, IDENTITIES.table(found.identities))
    return found


GA, DA = (account_person_id("list", number) for number in ("L0", "L1"))


def log(workspace: Workspace) -> list[tuple[int, str, bool]]:
    return [
        (row["decision_id"], row["kind"], row["undone_at"] is not None) for row in workspace.decisions.list()
    ]


def test_accepting_takes_what_is_unique_and_a_dry_run_shows_the_same(
    as_json: Callable[..., Any], workspace: Workspace, resolution: Resolution
) -> None:
    dry = as_json("people", "accept", "--all-unique", "--dry-run")
    assert log(workspace) == []
    done = as_json("people", "accept", "--all-unique", "--by", "kim")
    pairs = {(row["identity_id"], row["person_id"]) for row in done["decisions"]}
    assert pairs == {
        ("id-김가나_온라인", GA),
        ("id-이다라", DA),
    }
    assert {(row["identity_id"], row["person_id"]) for row in dry["decisions"]} == pairs
    assert {row["decision_id"] for row in dry["decisions"]} == {None}
    assert (dry["dry_run"], done["dry_run"]) == (True, False)
    assert [kind for _, kind, _ in log(workspace)] == ["merge", "merge"]


@pytest.mark.parametrize("kind", ["merge", "split", "lock"])
def test_a_decision_is_written_only_without_dry_run(
    as_json: Callable[..., Any], workspace: Workspace, resolution: Resolution, kind: str
) -> None:
    person = [GA] if kind == "merge" else []
    arguments = ("people", kind, "id-바사", *person)
    assert as_json(*arguments, "--dry-run")["decisions"][0]["decision_id"] is None
    assert log(workspace) == []
    (row,) = as_json(*arguments, "--by", "kim")["decisions"]
    assert (row["kind"], row["identity_id"]) == (kind, "id-바사")
    assert log(workspace) == [(row["decision_id"], kind, False)]


def test_undoing_is_rehearsed_too(
    as_json: Callable[..., Any], workspace: Workspace, resolution: Resolution
) -> None:
    (row,) = as_json("people", "split", "id-바사")["decisions"]
    number = row["decision_id"]
    assert as_json("people", "undo", str(number), "--dry-run")["decisions"][0]["decision_id"] == number
    assert log(workspace) == [(number, "split", False)]
    as_json("people", "undo", str(number))
    assert log(workspace) == [(number, "split", True)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("merge", "id-none", "p"), "CP-PEOPLE-010"),
        (("merge", "id-바사", "p"), "CP-PEOPLE-011"),
        (("lock", "id-none"), "CP-PEOPLE-010"),
        (("undo", "99"), "CP-PEOPLE-014"),
    ],
)
def test_a_rehearsal_refuses_what_would_be_refused(
    invoke: Callable[..., Result], resolution: Resolution, arguments: tuple[str, ...], code: str
) -> None:
    for dry in ((), ("--dry-run",)):
        result = invoke("people", *arguments, *dry)
        assert isinstance(result.exception, InputError)
        assert result.exception.code == code


def test_publishing_at_once_happens_after_the_decision_and_never_in_a_rehearsal(
    as_json: Callable[..., Any],
    workspace: Workspace,
    resolution: Resolution,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(graph_runs, "publish", lambda: seen.append(len(log(workspace))))
    assert as_json("people", "split", "id-바사", "--publish", "--dry-run")["published"] is False
    assert seen == []
    assert as_json("people", "split", "id-바사", "--publish")["published"] is True
    assert seen == [1]
