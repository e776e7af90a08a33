"""``chatp people erase``: it shows, asks, erases and publishes, and says what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from click.testing import Result

from chat_platform.cli import graph_runs
from chat_platform.errors import ChatPlatformError
from chat_platform.ingestion.people import resolve_people
from chat_platform.ingestion.predictions import predict
from chat_platform.ingestion.publication import publish
from chat_platform.ingestion.streams.chat_files import import_chat_file, parse_file
from chat_platform.ingestion.tables import load_conversations
from chat_platform.storage.erasures import KEY_FILE, LIST_FILE
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES
from tests.integration.classes import add_lines, tokenise

LINES = [("김가나", "혼자만의 이야기"), ("이다라", "김가나 님 안녕하세요"), ("이다라", "반가워요")]


@pytest.fixture
def conversation(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> str:
    """A chat of two, published; the run that publishes again is the same without metrics."""

    def publish_all() -> None:
        load_conversations(workspace)
        resolve_people(workspace)
        publish(workspace)

    found = add_lines(workspace, LINES, date(2026, 3, 3), "lecture")
    predict(workspace, [found])
    publish_all()
    monkeypatch.setattr(graph_runs, "publish", publish_all)
    return found


def said(workspace: Workspace, conversation: str) -> list[str]:
    return workspace.lake.read(MESSAGES, conversation)["text"].to_pylist()


def test_a_dry_run_shows_what_there_is_and_writes_nothing(
    as_json: Callable[..., Any], workspace: Workspace, conversation: str
) -> None:
    before = workspace.lake.files(MESSAGES)
    found = as_json("people", "erase", "김가나", "--dry-run")
    assert (found["name"], found["erased"], found["dry_run"]) == ("김가나", False, True)
    assert found["lake"]["core.messages"] == found["lake"]["core.people"] == 1
    assert [name.split("/")[:2] for name in found["raw"]] == [["zoom_file", conversation]]
    assert (found["mentions"], found["undecided"]) == (1, [])
    assert "core.conversations.link" in found["not_covered"]
    assert workspace.lake.files(MESSAGES) == before
    assert not (workspace.settings.home / LIST_FILE).exists()
    assert not (workspace.settings.home / KEY_FILE).exists()


def test_what_is_shown_holds_no_text(
    invoke: Callable[..., Result], workspace: Workspace, conversation: str
) -> None:
    shown = invoke("people", "erase", "김가나", "--dry-run").stdout
    assert "core.messages" in shown
    assert "혼자만의" not in shown


def test_without_a_yes_nothing_is_erased(
    invoke: Callable[..., Result], workspace: Workspace, conversation: str
) -> None:
    answer = invoke("people", "erase", "김가나", input="n\n")
    assert isinstance(answer.exception, ChatPlatformError)
    assert answer.exception.code == "CP-PEOPLE-023"
    assert said(workspace, conversation) == [text for _, text in LINES]
    assert workspace.erasures.entries() == []


def test_an_erasure_is_published_and_a_second_finds_nothing(
    as_json: Callable[..., Any], workspace: Workspace, conversation: str
) -> None:
    first = as_json("people", "erase", "김가나", "--yes", "--by", "kim")
    assert (first["erased"], first["removed_versions"]) == (True, [1])
    assert said(workspace, conversation) == ["", *(text for _, text in LINES[1:])]
    with workspace.publication.read() as connection:
        query = "select count(*) from core.people where name = '김가나'"
        assert connection.execute(query).fetchall() == [(0,)]
    (entry,) = workspace.erasures.entries()
    assert (entry.asked_by, entry.done_at is not None) == ("kim", True)
    second = as_json("people", "erase", "김가나", "--yes")
    assert (second["erased"], second["lake"], second["database"]) == (False, {}, {})
    assert len(second["raw"]) == 1
    third = as_json("people", "erase", "김가나", "--yes", "--raw")
    assert third["erased"]
    assert workspace.vault.partitions("zoom_file") == []


def test_an_erasure_that_was_not_published_is_completed(
    as_json: Callable[..., Any],
    invoke: Callable[..., Result],
    workspace: Workspace,
    conversation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> None:
        raise ChatPlatformError("CP-CONF-005", "a test")

    with monkeypatch.context() as patched:
        patched.setattr(graph_runs, "publish", fails)
        assert invoke("people", "erase", "김가나", "--yes").exception is not None
    assert [entry.done_at for entry in workspace.erasures.entries()] == [None]
    assert as_json("people", "erase", "김가나", "--yes")["erased"]
    assert None not in [entry.done_at for entry in workspace.erasures.entries()]


def test_while_a_run_is_at_work_nothing_is_erased(
    invoke: Callable[..., Result], workspace: Workspace, conversation: str
) -> None:
    guard = RunGuard(workspace.settings.home)
    guard.hold()
    try:
        answer = invoke("people", "erase", "김가나", "--yes")
    finally:
        guard.release()
    assert isinstance(answer.exception, ChatPlatformError)
    assert answer.exception.code == "CP-STORE-001"
    assert workspace.erasures.entries() == []


def test_nobody_is_erased_by_a_name_that_is_nobodys(
    invoke: Callable[..., Result], workspace: Workspace, conversation: str
) -> None:
    answer = invoke("people", "erase", "아무도", "--yes")
    assert isinstance(answer.exception, ChatPlatformError)
    assert answer.exception.code == "CP-PEOPLE-011"


@pytest.fixture
def video(workspace: Workspace, conversation: str) -> str:
    """The chat of a stream beside the class, parsed and published."""
    lines = [
        "[2026-03-02 11:00:01 UTC] viewer_x: 혼자만의 이야기",
        "[2026-03-02 11:00:02 UTC] other: @viewer_x hi",
    ]
    found = import_chat_file(workspace, "2000000001.txt", "\n".join(lines).encode())
    parse_file(workspace, "twitch", found.conversation_id)
    tokenise(workspace, found.conversation_id)
    predict(workspace, [found.conversation_id])
    graph_runs.publish()
    return found.conversation_id


def test_a_viewer_of_streams_is_shown_erased_and_found_again(
    as_json: Callable[..., Any], invoke: Callable[..., Result], workspace: Workspace, video: str
) -> None:
    asked = ("people", "erase", "--viewer", "twitch:Viewer_X")
    found = as_json(*asked, "--dry-run")
    assert (found["platform"], found["names"], found["channel"]) == ("twitch", ["Viewer_X"], None)
    assert (found["lake"]["core.messages"], found["mentions"], found["erased"]) == (1, 1, False)
    assert [name.split("/")[:2] for name in found["raw"]] == [["twitch", video]]
    shown = invoke(*asked, "--dry-run").stdout
    assert "core.messages" in shown and "혼자만의" not in shown
    done = as_json(*asked, "--yes", "--raw", "--by", "kim")
    assert done["erased"]
    assert said(workspace, video) == ["", "@viewer_x hi"]
    again = as_json(*asked, "--yes", "--raw")
    assert (again["erased"], again["lake"], again["raw"]) == (False, {}, [])
    assert [entry.asked_by for entry in workspace.erasures.entries()] == ["kim"]


@pytest.mark.parametrize("who", [(), ("김가나", "--viewer", "twitch:somebody")])
def test_a_person_or_a_viewer_is_named(invoke: Callable[..., Result], who: tuple[str, ...]) -> None:
    result = invoke("people", "erase", *who)
    assert result.exit_code == 2
