"""What people did on the portal reaches the marts with the next run of the chain, and is counted once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chat_platform.digest.content import Digest, compose, published_week
from chat_platform.digest.weeks import Week
from chat_platform.runner import Runner
from chat_platform.settings import Settings
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import PORTAL_QUESTIONS
from chat_platform.web.application import create_app
from chat_platform.web.published import PublishedReader
from chat_platform.web.question_columns import STATES
from tests.integration.harness import Home
from tests.web.members import member
from tests.web.questions_class import BASE, answer, ask, board, label, published

pytestmark = [pytest.mark.exhaustive, pytest.mark.slow]
SHY = "가려진사람"
SECRET = "이건 비밀로 묻는 질문인가요?"
_NO_QUESTION = """
    select m.message_id, m.conversation_id
    from core.messages as m
    inner join marts.lectures as l on l.conversation_id = m.conversation_id
    inner join intermediate.int_participants as p on p.identity_id = m.identity_id
    anti join marts.lecture_questions as q on q.message_id = m.message_id
    anti join core.messages as replies on replies.parent_id = m.message_id
    where not m.removed and m.visibility = 'everyone' and p.role = 'student' and length(m.text) > 8
    order by m.message_id limit 1
"""


@dataclass(frozen=True)
class Class:
    """A class whose portal was used, before and after a run of the chain.

    Attributes:
        before: rows of ``lecture_questions`` when nobody had used the portal.
        boards: what the board showed just before the run, and after it: state → (number, ids).
        ids: what was done → id of the question.
    """

    home: Path
    settings: Settings
    before: dict[str, dict[str, Any]]
    boards: tuple[dict[str, Any], dict[str, Any]]
    ids: dict[str, str]

    def rows(self, table: str = "marts.lecture_questions") -> dict[str, dict[str, Any]]:
        return {row["message_id"]: row for row in published(self.home, f"select * from {table}")}


def every_board(client: TestClient) -> dict[str, Any]:
    return {state: board(client, **({"state": state} if state else {})) for state in ("", *STATES)}


def publish(settings: Settings, home: Path) -> None:
    with Home(home).entered({}):
        run = Runner(settings).publish()
    assert run.ok, run.error
    (home / "warehouse" / "published" / "for-tests.duckdb").unlink(missing_ok=True)


def use(app: FastAPI, rows: list[dict[str, Any]], no_question: dict[str, Any]) -> dict[str, str]:
    """What people do on the portal, and the ids of the questions that they do it with."""
    student, teacher = member(app, "student"), member(app, "teacher")
    shy = member(app, "student", f"{SHY}@example.com")
    waiting = [row for row in rows if row["state"] == "open"]
    answered = next(row for row in rows if row["state"] == "answered")
    ids = {
        "answered": waiting[0]["message_id"],
        "denied": waiting[1]["message_id"],
        "open": waiting[2]["message_id"],
        "in both": answered["message_id"],
        "told": no_question["message_id"],
    }
    number = answer(teacher, ids["answered"], "이렇게 풀었습니다")
    teacher.post(f"{BASE}/answers/{number}/endorse", data={"version": "1"})
    answer(student, ids["in both"], "채팅에도 답이 있어요")
    label(teacher, waiting[1], False)
    label(teacher, no_question, True)
    lecture = waiting[0]["conversation_id"]
    ids["hidden"] = ask(shy, SECRET, lecture=lecture, hidden="1")
    ids["typed"] = ask(student, "포털에서 묻는 질문인가요?", lecture=lecture)
    ids["of no lecture"] = ask(student, "수업과 상관없는 질문인가요?")
    answer(teacher, ids["typed"], "네 그렇습니다")
    return ids


@pytest.fixture(scope="module")
def room(taught_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    home = Home(taught_home).copied(tmp_path_factory.mktemp("used") / "home").path
    settings = Settings(home=home)
    rows = published(home, "select * from marts.lecture_questions order by asked_at, message_id")
    (no_question,) = published(home, _NO_QUESTION)
    app = create_app(settings)
    ids = use(app, rows, no_question)
    before = every_board(member(app, "student", "reader@example.com"))
    publish(settings, home)
    after = every_board(member(create_app(settings), "student", "reader@example.com"))
    yield Class(home, settings, {row["message_id"]: row for row in rows}, (before, after), ids)


def test_an_answer_of_the_portal_closes_a_question(room: Class) -> None:
    row = room.rows()[room.ids["answered"]]
    assert (row["state"], row["answered_in"], row["answer_basis"]) == ("answered", "portal", None)
    assert (row["answered_by_role"], row["is_endorsed"], row["portal_answers"]) == ("teacher", True, 1)
    assert row["seconds_to_answer"] > 0
    both, was = room.rows()[room.ids["in both"]], room.before[room.ids["in both"]]
    assert (both["answered_in"], both["portal_answers"]) == ("chat", 1)
    assert {name: both[name] for name in was} == was | {"portal_answers": 1}
    still_open = {name for name, one in room.rows().items() if one["state"] == "open"}
    assert set(room.rows("marts.open_questions")) == still_open
    assert room.ids["open"] in still_open
    assert not still_open & {room.ids["answered"], room.ids["typed"], room.ids["denied"]}


def test_the_word_of_people_adds_and_takes_away(room: Class) -> None:
    ids, rows = room.ids, room.rows()
    assert set(rows) == set(room.before) - {ids["denied"]} | {ids["told"], ids["hidden"], ids["typed"]}
    kinds = {name: rows[ids[name]]["found_by"] for name in ("answered", "told", "typed", "hidden")}
    assert kinds == {"answered": "model", "told": "people", "typed": "portal", "hidden": "portal"}
    ((asked, typed, answered_there),) = [
        tuple(row.values())
        for row in published(
            room.home,
            "select sum(asked), sum(asked_on_portal), sum(answered_on_portal) from marts.question_summary",
        )
    ]
    assert (asked, typed, answered_there) == (len(rows), 2, 2)


def test_who_hides_is_in_no_published_table(room: Class) -> None:
    row = room.rows()[room.ids["hidden"]]
    assert row["text"] == SECRET
    assert [row[name] for name in ("participant_id", "person_id", "name", "role")] == [None] * 4
    # Nobody who typed a question is named, and the account stands in no column.
    tables = published(
        room.home,
        "select schema_name || '.' || table_name as name from duckdb_tables() "
        "where schema_name in ('core', 'ml', 'intermediate', 'marts')",
    )
    assert {"core.portal_questions", "marts.lecture_questions"} <= {row["name"] for row in tables}
    for table in tables:
        assert SHY not in json.dumps(published(room.home, f"from {table['name']}"), default=str), table[
            "name"
        ]


def test_the_board_counts_nothing_twice(room: Class) -> None:
    before, after = room.boards
    for state in ("", *STATES):
        assert after[state][0] == before[state][0], state
        assert sorted(after[state][1]) == sorted(before[state][1]), state
        assert len(set(after[state][1])) == len(after[state][1])


def test_the_digest_names_a_question_once(room: Class) -> None:
    workspace = Workspace(room.settings)
    days = [row["lecture_date"] for row in room.rows().values()]

    def digest(day: date) -> Digest:
        week = Week(day - timedelta(days=day.weekday()))
        reader = PublishedReader(workspace.publication)
        found = compose(
            "class", "수업", week, published_week(reader.query, week, 1), reader.query, workspace.database,
            LabelLog(workspace.database), room.settings.zone, 1,
        )  # fmt: skip
        reader.close()
        return found

    week = digest(min(days))
    waiting = [
        name
        for name, row in room.rows().items()
        if (row["state"], row["found_by"] == "portal") == ("open", False)
        and week.week.monday <= row["lecture_date"] <= week.week.sunday
    ]
    assert week.open_questions == len(waiting)
    assert not {one.question_id for one in week.questions} & {room.ids["hidden"], room.ids["typed"]}


def test_a_word_that_is_taken_back_shows_the_question_again(room: Class) -> None:
    """Also before the next run: the mart has left it out, and the board has not forgotten it."""
    app = create_app(room.settings)
    teacher, student = member(app, "teacher"), member(app, "student")
    denied = room.before[room.ids["denied"]]
    assert denied["message_id"] not in board(student)[1]
    label(teacher, denied, True)
    try:
        assert denied["message_id"] in board(student, state="open")[1]
        page = student.get(f"/api/v1{BASE}/questions/{denied['message_id']}").json()
        assert (page["text"], page["state"]) == (denied["text"], "open")
    finally:
        label(teacher, denied, False)


def test_a_tile_leads_to_the_board_where_a_question_was_typed(room: Class) -> None:
    student = member(create_app(room.settings), "student")
    lecture = room.before[room.ids["answered"]]["conversation_id"]
    page = student.get(f"{BASE}/tiles/lecture_questions", params={"lecture": lecture, "sort": "-asked_at"})
    assert f"questions/{room.ids['typed']}" in page.text
    assert f"around={room.ids['typed']}" not in page.text


@pytest.mark.exhaustive
def test_a_run_without_a_change_leaves_the_table_and_a_change_reaches_the_mart(room: Class) -> None:
    workspace = Workspace(room.settings)
    before = workspace.lake.files(PORTAL_QUESTIONS)
    publish(room.settings, room.home)
    assert workspace.lake.files(PORTAL_QUESTIONS) == before
    number = answer(member(create_app(room.settings), "student"), room.ids["open"], "이제 알겠어요")
    publish(room.settings, room.home)
    assert room.rows()[room.ids["open"]]["answered_in"] == "portal"
    member(create_app(room.settings), "student").post(f"{BASE}/answers/{number}/remove")
    publish(room.settings, room.home)
    assert room.rows()[room.ids["open"]]["state"] == "open"
