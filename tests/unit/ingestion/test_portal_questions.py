"""What people did about questions on the portal, as the table that metrics read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chat_platform.ingestion.portal_questions import write_portal_questions
from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.answers import AnswerStore
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.erased_rows import ErasedRows
from chat_platform.storage.erasures import ErasureList
from chat_platform.storage.follows import FollowStore
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.verdicts import signature
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import PORTAL_QUESTIONS

CLASS = "class"
ROLES = {"shy": "student", "helper": "student", "teacher": "teacher", "operator": "operator"}


@pytest.fixture
def workspace(database_url: str, tmp_path: Path) -> Workspace:
    """A home whose portal has four accounts, on either kind of database."""
    return Workspace(Settings(home=tmp_path / "home", app_database_url=database_url))


@pytest.fixture
def who(workspace: Workspace) -> dict[str, int]:
    accounts = AccountStore(workspace.database)
    found = {name: accounts.create(f"{name}@example.com", f"이름 {name}") for name in ROLES}
    for name, number in found.items():
        accounts.set_role(number, CLASS, ROLES[name])
    return found


@pytest.fixture
def answers(workspace: Workspace) -> AnswerStore:
    return AnswerStore(workspace.database, CLASS)


@pytest.fixture
def asked(workspace: Workspace) -> AskedStore:
    return AskedStore(workspace.database, CLASS)


def rows(workspace: Workspace) -> dict[str, dict[str, Any]]:
    write_portal_questions(workspace)
    table = workspace.lake.read(PORTAL_QUESTIONS)
    assert PORTAL_QUESTIONS.violations(table) == []
    return {row["message_id"]: row for row in table.to_pylist()}


def test_states_are_those_of_the_board(
    workspace: Workspace, who: dict[str, int], answers: AnswerStore
) -> None:
    first = answers.add("m1", who["operator"], "먼저 쓴 답")
    answers.add("m1", who["helper"], "나중에 쓴 답")
    endorsed = answers.add("m2", who["helper"], "맞는 답")
    answers.endorse(endorsed, who["teacher"], 1)
    log = LabelLog(workspace.database)
    for message, is_question, name in (
        ("m3", True, "teacher"),
        ("m4", False, "teacher"),
        # One student alone changes nothing on the board, so nothing here.
        ("m5", False, "helper"),
        ("m2", True, "helper"),
    ):
        log.correct(message, is_question, by=signature(who[name]))
    FollowStore(workspace.database, CLASS).follow("m6", who["helper"])
    found = rows(workspace)
    shown = {name: (row["state"], row["answers"], row["answered_by_role"]) for name, row in found.items()}
    assert shown == {
        "m1": ("answered", 2, "staff"),
        "m2": ("endorsed", 1, "student"),
        "m3": ("open", 0, None),
        "m4": ("not_question", 0, None),
    }
    assert found["m1"]["answered_at"] == answers.get(first, who["helper"]).created_at
    assert {row["is_typed"] for row in found.values()} == {False}
    # What was removed answers nothing; the next one is the first then.
    answers.remove(first, who["operator"])
    assert rows(workspace)["m1"]["answered_by_role"] == "student"
    answers.remove(endorsed, who["helper"])
    assert "m2" not in rows(workspace)


def test_nobody_is_named_and_who_hides_has_no_role(
    workspace: Workspace, who: dict[str, int], asked: AskedStore
) -> None:
    hidden = asked.ask(who["shy"], "이건 왜 그런가요?", conversation_id="r1", offset_s=12.5, hidden=True)
    shown = asked.ask(who["helper"], "과제는 언제까지인가요?")
    gone = asked.ask(who["helper"], "지운 질문인가요?")
    asked.remove(gone, who["helper"])
    found = rows(workspace)
    assert {name: (row["role"], row["conversation_id"], row["offset_s"]) for name, row in found.items()} == {
        hidden: (None, "r1", 12.5),
        shown: ("student", None, None),
    }
    assert found[hidden]["text"] == "이건 왜 그런가요?"
    assert "이름" not in str(found)
    assert "example.com" not in str(found)
    asked.set_hidden(hidden, who["shy"], hidden=False)
    assert rows(workspace)[hidden]["role"] == "student"


def test_only_a_change_is_written(workspace: Workspace, who: dict[str, int], answers: AnswerStore) -> None:
    answers.add("m1", who["helper"], "하나")
    assert write_portal_questions(workspace)
    before = workspace.lake.files(PORTAL_QUESTIONS)
    assert not write_portal_questions(workspace)
    assert workspace.lake.files(PORTAL_QUESTIONS) == before
    answers.add("m2", who["helper"], "둘")
    assert write_portal_questions(workspace)
    assert workspace.lake.files(PORTAL_QUESTIONS) != before


def test_another_class_of_the_portal_is_not_read(workspace: Workspace, who: dict[str, int]) -> None:
    AskedStore(workspace.database, "elsewhere").ask(who["helper"], "다른 수업의 질문인가요?")
    AnswerStore(workspace.database, "elsewhere").add("m1", who["helper"], "다른 수업의 답")
    assert rows(workspace) == {}


def test_what_an_erased_person_typed_and_answered_is_gone(
    workspace: Workspace, who: dict[str, int], asked: AskedStore, answers: AnswerStore
) -> None:
    AccountStore(workspace.database).link_person(who["shy"], CLASS, "p1", proof="operator", by="kim")
    own = asked.ask(who["shy"], "이건 왜 그런가요?", conversation_id="r1")
    answers.add("m1", who["shy"], "제가 알아요")
    other = asked.ask(who["helper"], "과제는 언제까지인가요?")
    assert set(rows(workspace)) == {own, "m1", other}
    erasures = ErasureList(workspace.settings.home)
    erased = erasures.only(erasures.add(people={"p1"}, identities=set(), names={"이름 shy"}, by="kim"))
    ErasedRows(workspace.database, CLASS, erased, ()).erase()
    assert set(rows(workspace)) == {other}
