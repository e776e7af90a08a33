"""Questions and answers in the portal: the board, answers, anonymity, labels, notifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from chat_platform.settings import Settings
from chat_platform.storage.app_database import open_database, writing
from chat_platform.storage.audit import AuditLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.portal_models import Account
from tests.chosen import first_of
from tests.web.conftest import SignIn
from tests.web.questions_class import (
    BASE,
    QUESTIONS,
    Page,
    address,
    answer,
    ask,
    board,
    in_chats,
    label,
    published,
)

ANONYMOUS = "익명"


@pytest.fixture
def database(settings: Settings) -> Engine:
    return open_database(settings.app_database)


@pytest.fixture
def asked(home: Path) -> list[dict[str, Any]]:
    return in_chats(home)


@pytest.fixture
def no_question(home: Path) -> dict[str, Any]:
    """A message of somebody known that the model takes for no question."""
    (row,) = published(
        home,
        """
        select m.message_id, m.conversation_id, m.text, p.person_id, p.name
        from core.messages as m
        inner join marts.lectures as l on l.conversation_id = m.conversation_id
        inner join intermediate.int_participants as p on p.identity_id = m.identity_id
        anti join marts.lecture_questions as q on q.message_id = m.message_id
        where not m.removed and m.visibility = 'everyone' and p.role = 'student' and length(m.text) > 8
            and p.person_id is not null
        order by m.message_id limit 1
        """,
    )
    return row


# --- The board --------------------------------------------------------------------------------------------------


def test_the_board_is_the_mart_and_what_people_asked_and_said(
    sign_in: SignIn, asked: list[dict[str, Any]], no_question: dict[str, Any]
) -> None:
    student, teacher = sign_in("student"), sign_in("teacher")
    ids = [row["message_id"] for row in asked]
    assert board(student) == (len(ids), ids)
    question = ask(student, "포털에서 묻는 질문입니다")
    gone, too = asked[3], no_question
    label(teacher, gone, False)
    label(teacher, too, True)
    open_one = next(row for row in asked if row["state"] == "open" and row is not gone)
    written = answer(student, open_one["message_id"], "이렇게 풀렸습니다")
    expected = {question, too["message_id"], *ids} - {gone["message_id"]}
    total, shown = board(student)
    assert (total, set(shown)) == (len(expected), expected)
    assert shown[0] == question
    states = {row["message_id"]: row["state"] for row in asked}
    states |= {question: "open", too["message_id"]: "open", gone["message_id"]: "not_question"}
    states[open_one["message_id"]] = "answered"
    teacher.post(f"{BASE}/answers/{written}/endorse", data={"version": "1"})
    states[open_one["message_id"]] = "endorsed"
    for state in ("open", "answered", "endorsed", "not_question"):
        wanted = {name for name, found in states.items() if found == state}
        total, shown = board(student, state=state)
        assert (total, set(shown)) == (len(wanted), wanted), state


def test_filters_narrow_and_sorts_order(sign_in: SignIn, home: Path, asked: list[dict[str, Any]]) -> None:
    person = next(row for row in asked if row["person_id"] and row["role"] == "student")["person_id"]
    student, other = sign_in("student", person_id=person), sign_in("student", "other@example.com")
    lecture = asked[0]["conversation_id"]
    question = ask(student, "Kafka 파티션은 몇 개로 하나요?", lecture=lecture)

    def of(condition: Any) -> set[str]:
        return {row["message_id"] for row in asked if condition(row)}

    assert set(board(student, lecture=lecture)[1]) == of(lambda r: r["conversation_id"] == lecture) | {
        question
    }
    assert set(board(student, role="teacher")[1]) == of(lambda r: r["role"] == "teacher")
    assert set(board(student, role="student")[1]) == of(lambda r: r["role"] == "student") | {question}
    assert set(board(student, mine="1")[1]) == of(lambda r: r["person_id"] == person) | {question}
    assert board(other, mine="1")[1] == []
    assert set(board(student, text="나요")[1]) == of(lambda r: "나요" in r["text"]) | {question}
    assert board(student, text="kAFKA 파티션")[1] == [question]
    assert board(student, followed="1")[1] == [question]
    second = asked[5]["message_id"]
    for client in (student, other):
        client.post(f"{BASE}/follows", data={"question_id": second})
    assert board(other, followed="1")[1] == [second]
    assert board(other, sort="followed")[1][:2] == [second, question]
    written = answer(student, asked[7]["message_id"], "답")
    other.post(f"{BASE}/answers/{written}/vote", data={"useful": "1"})
    assert board(other, sort="voted")[1][0] == asked[7]["message_id"]
    opened = sorted(
        (r for r in asked if r["state"] == "open"), key=lambda r: (r["asked_at"], r["message_id"])
    )
    assert board(other, sort="oldest")[1][: len(opened)] == [row["message_id"] for row in opened]
    groups = published(home, "select group_id from marts.similar_questions order by questions desc, group_id")
    similar = board(other, sort="similar")[1]
    assert len(similar) == len(asked) + 1
    if groups:
        first = published(home, "select group_id from ml.question_groups where message_id = ?", [similar[0]])
        assert first == groups[:1]


@pytest.mark.parametrize(
    "value",
    first_of([
        "'", "' or 1=1 --", "\\", "%", "_", ".*", "(", "\x1f", "\x00", "가\x1f나", "'; drop table x; --", "$1", "{}",
        "\ud7ff", "a(", "\\Q", "(?i)a",
    ], 6),
)  # fmt: skip
def test_what_is_typed_into_a_filter_is_only_a_value(sign_in: SignIn, value: str) -> None:
    student = sign_in("student")
    for name in ("text", "lecture", "state", "role", "sort", "page", "mine", "followed"):
        got = student.get(QUESTIONS, params={name: value})
        assert got.status_code in (200, 422), (name, got.text)
    assert board(student, text="' or 1=1 --") == (0, [])
    assert board(student, lecture="' or 1=1 --") == (0, [])


def test_a_page_beyond_the_last_one_is_empty(sign_in: SignIn) -> None:
    got = sign_in("student").get(QUESTIONS, params={"page": "9999"})
    assert got.status_code == 200
    assert "마지막 페이지를 지났습니다" in got.text


# --- From a question to an endorsed answer ------------------------------------------------------------------------


def test_a_student_answers_another_votes_the_teacher_endorses(
    sign_in: SignIn, asked: list[dict[str, Any]]
) -> None:
    asker, writer = sign_in("student", "asker@example.com"), sign_in("student", "writer@example.com")
    teacher = sign_in("teacher")
    question = ask(asker, "배치 크기는 어떻게 정하나요?", lecture=asked[0]["conversation_id"], second="0:10")
    written = answer(writer, question, "**메모리**에 맞춥니다.\n\n1. 작게 시작", second="1:02:03")
    assert Page(asker.get(address(question))).words.count("녹화 1:02:03") == 1
    assert "<strong>메모리</strong>" in asker.get(address(question)).text
    assert "새 답변" in asker.get(f"{BASE}/notifications").text
    for _ in range(2):
        asker.post(f"{BASE}/answers/{written}/vote", data={"useful": "1"})
    part = asker.post(
        f"{BASE}/answers/{written}/endorse", data={"version": "1"}, headers={"HX-Request": "true"}
    )
    assert part.status_code == 403
    part = teacher.post(
        f"{BASE}/answers/{written}/endorse", data={"version": "1"}, headers={"HX-Request": "true"}
    )
    assert part.status_code == 200
    assert "선생님 확인" in part.text
    assert "<html" not in part.text
    page = Page(writer.get(address(question)))
    assert "추천 1" in " ".join(page.words.split())
    assert board(writer, state="endorsed")[1] == [question]
    assert "선생님이 답변을 확인했습니다" in writer.get(f"{BASE}/notifications").text
    # An edit takes the endorsement back, and the teacher is told.
    edit = f"{BASE}/answers/{written}/edit"
    assert "확인이 취소되고" in writer.get(edit).text
    assert writer.post(edit, data={"version": "1", "body": "메모리에 맞춥니다"}).status_code == 303
    assert board(writer, state="endorsed")[1] == []
    assert "확인이 취소되었습니다" in teacher.get(f"{BASE}/notifications").text
    history = Page(asker.get(f"{BASE}/answers/{written}"))
    assert [tag for tag, _ in history.elements if tag in ("ins", "del")] != []
    assert "writer" in history.words


def test_of_two_edits_the_second_is_shown_both_texts(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    writer, teacher = sign_in("student"), sign_in("teacher")
    written = answer(writer, asked[0]["message_id"], "처음 글")
    edit = f"{BASE}/answers/{written}/edit"
    assert teacher.post(edit, data={"version": "1", "body": "선생님이 고친 글"}).status_code == 303
    refused = writer.post(edit, data={"version": "1", "body": "학생이 고친 글 <b>"})
    assert refused.status_code == 409
    page = Page(refused)
    assert "선생님이 고친 글" in page.words
    assert page.words.count("학생이 고친 글 <b>") >= 1
    assert ("input", {"type": "hidden", "name": "version", "value": "2"}) in page.elements
    assert "선생님이 고친 글" in writer.get(address(asked[0]["message_id"])).text
    assert writer.post(edit, data={"version": "2", "body": "둘을 합친 글"}).status_code == 303
    assert "둘을 합친 글" in writer.get(address(asked[0]["message_id"])).text


def test_a_draft_survives_a_mistake_and_a_preview(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    student = sign_in("student")
    fields = {"question_id": asked[0]["message_id"], "body": "*초안*", "second": "99:00:00"}
    refused = student.post(f"{BASE}/answers", data=fields)
    assert refused.status_code == 422
    assert "녹화에 없는 시각" in refused.text
    assert "*초안*</textarea>" in refused.text
    assert 'value="99:00:00"' in refused.text
    shown = student.post(f"{BASE}/preview", data=fields)
    assert "<em>초안</em>" in shown.text
    assert "*초안*</textarea>" in shown.text
    part = student.post(f"{BASE}/preview", data=fields, headers={"HX-Request": "true"})
    assert "<em>초안</em>" in part.text
    assert "<html" not in part.text
    assert "아직 답변이 없습니다" in student.get(address(asked[0]["message_id"])).text
    for body in (" ", "가" * 20_001):
        assert student.post(f"{BASE}/answers", data={**fields, "second": "", "body": body}).status_code == 422


def test_a_question_is_changed_and_removed_only_while_unanswered(sign_in: SignIn) -> None:
    asker, other = sign_in("student"), sign_in("student", "other@example.com")
    question = ask(asker, "처음 질문")
    fields = {"question_id": question, "text": "고친 질문"}
    assert other.post(f"{QUESTIONS}/change", data=fields).status_code == 403
    assert asker.post(f"{QUESTIONS}/change", data=fields).status_code == 303
    assert "고친 질문" in other.get(address(question)).text
    answer(other, question, "답")
    assert asker.post(f"{QUESTIONS}/change", data=fields).status_code == 409
    assert asker.post(f"{QUESTIONS}/remove", data={"question_id": question}).status_code == 409


def test_staff_removes_with_a_reason_that_is_kept(sign_in: SignIn, database: Engine) -> None:
    asker, teacher = sign_in("student"), sign_in("teacher")
    question = ask(asker, "지울 질문")
    written = answer(asker, question, "지울 답")
    assert teacher.post(f"{BASE}/answers/{written}/remove").status_code == 422
    assert teacher.post(f"{BASE}/answers/{written}/remove", data={"reason": "욕설"}).status_code == 303
    assert "지울 답" not in asker.get(address(question)).text
    assert "운영진이 내 답변을 지웠습니다" in asker.get(f"{BASE}/notifications").text
    assert (
        teacher.post(f"{QUESTIONS}/remove", data={"question_id": question, "reason": "광고"}).status_code
        == 303
    )
    assert asker.get(address(question)).status_code == 404
    noted = {row.action: row.detail.get("reason") for row in AuditLog(database).list("class")}
    assert noted == {"answer.removed": "욕설", "question.removed": "광고"}


def test_who_may_do_what(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    writer, other, teacher = sign_in("student"), sign_in("student", "other@example.com"), sign_in("teacher")
    operator, stranger = sign_in("operator"), sign_in(None)
    written = answer(writer, asked[0]["message_id"], "답")
    base = f"{BASE}/answers/{written}"
    assert other.get(f"{base}/edit").status_code == 403
    assert other.post(f"{base}/edit", data={"version": "1", "body": "x"}).status_code == 403
    assert other.post(f"{base}/remove").status_code == 403
    assert writer.post(f"{base}/vote").status_code == 403
    for client in (writer, operator):
        assert client.post(f"{base}/endorse", data={"version": "1"}).status_code == 403
        assert client.post(f"{base}/endorsement/remove").status_code == 403
    assert teacher.post(f"{base}/endorse", data={"version": "2"}).status_code == 409
    for path in (QUESTIONS, address(asked[0]["message_id"]), base, f"{BASE}/notifications"):
        assert stranger.get(path).status_code == 404
        assert writer.get(path.replace(BASE, "/c/other")).status_code == 404
    for path in ("/answers", "/labels", "/follows", "/questions", "/preview"):
        assert stranger.post(f"{BASE}{path}", data={"question_id": "x"}).status_code == 404
    for path in (address("nothing"), address("portal-1"), f"{BASE}/answers/999"):
        assert writer.get(path).status_code == 404
    writer.headers.pop("X-CSRF-Token")
    assert writer.post(f"{BASE}/follows", data={"question_id": asked[0]["message_id"]}).status_code == 403


# --- Anonymity ----------------------------------------------------------------------------------------------------


def test_a_hidden_asker_is_nowhere_for_the_class_and_known_to_staff(
    sign_in: SignIn, asked: list[dict[str, Any]]
) -> None:
    asker = sign_in("student", "부끄러운사람@example.com")
    other, teacher = sign_in("student", "other@example.com"), sign_in("teacher")
    question = ask(asker, "기울기 소실이 뭔가요?", hidden="1")
    written = answer(other, question, "작아지는 것입니다")
    places = [
        QUESTIONS, address(question), f"{QUESTIONS}?text=기울기 소실", f"{QUESTIONS}?sort=followed",
        f"{QUESTIONS}/similar?text=기울기 소실이 뭔가요", f"{BASE}/notifications",
        f"{BASE}/answers/{written}", f"{BASE}/answers/{written}/edit",
    ]  # fmt: skip
    for place in places:
        got = other.get(place)
        assert "부끄러운사람" not in got.text, place
    assert ANONYMOUS in other.get(address(question)).text
    assert "부끄러운사람" in teacher.get(address(question)).text
    assert "수업에는 익명" in teacher.get(address(question)).text
    # A filter does not tell either; for staff it does.
    assert question not in board(other, role="student")[1]
    assert question in board(teacher, role="student")[1]
    assert board(other, text="부끄러운사람") == (0, [])
    assert board(asker, mine="1")[1] == [question]
    # The choice can be taken back, by nobody else.
    assert other.post(f"{QUESTIONS}/asker", data={"question_id": question, "hidden": "0"}).status_code == 403
    assert asker.post(f"{QUESTIONS}/asker", data={"question_id": question, "hidden": "0"}).status_code == 303
    assert "부끄러운사람" in other.get(address(question)).text


def test_the_asker_of_a_chat_may_hide_later(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    row = next(row for row in asked if row["person_id"] and row["role"] == "student")
    asker = sign_in("student", "linked@example.com", person_id=row["person_id"])
    other, teacher = sign_in("student", "other@example.com"), sign_in("teacher")
    there = address(row["message_id"])
    assert row["name"] in other.get(there).text
    assert (
        other.post(f"{QUESTIONS}/asker", data={"question_id": row["message_id"], "hidden": "1"}).status_code
        == 403
    )
    asker.post(f"{QUESTIONS}/asker", data={"question_id": row["message_id"], "hidden": "1"})
    # Neither as the asker nor as the author of the message, or of what the same person wrote around it.
    page = other.get(there).text
    before = page[: page.index('id="similar"')]
    assert row["name"] not in before
    assert ANONYMOUS in before
    assert row["name"] in teacher.get(there).text
    assert row["name"] in asker.get(there).text
    total, ids = board(other, text=row["text"][:40])
    assert row["message_id"] in ids
    assert row["message_id"] not in board(other, role="student")[1]


# --- Labels -------------------------------------------------------------------------------------------------------


def test_staff_says_no_question_and_takes_it_back(
    sign_in: SignIn, asked: list[dict[str, Any]], database: Engine
) -> None:
    teacher, student = sign_in("teacher"), sign_in("student")
    row, log = asked[0], LabelLog(database)
    assert label(teacher, row, False).status_code == 303
    (said,) = log.standing()
    assert (said["message_id"], said["is_question"]) == (row["message_id"], False)
    assert said["corrected_by"].startswith("portal:")
    assert row["message_id"] not in board(student)[1]
    assert board(student, state="not_question")[1] == [row["message_id"]]
    assert "운영진이 정함" in student.get(address(row["message_id"])).text
    undo = f"{BASE}/labels/{said['correction_id']}/undo"
    assert student.post(undo).status_code == 403
    assert teacher.post(undo).status_code == 303
    assert log.standing() == []
    assert row["message_id"] in board(student)[1]
    assert teacher.post(undo).status_code == 422


def test_one_student_labels_and_two_change_the_board(
    sign_in: SignIn, asked: list[dict[str, Any]], database: Engine
) -> None:
    first, second = sign_in("student"), sign_in("student", "second@example.com")
    row = asked[1]
    label(first, row, False)
    assert len(LabelLog(database).standing()) == 1
    assert row["message_id"] in board(first)[1]
    label(second, row, False)
    assert row["message_id"] not in board(first)[1]
    label(sign_in("teacher"), row, True)
    assert row["message_id"] in board(first)[1]


def test_a_message_becomes_a_question_and_its_author_is_told_once(
    sign_in: SignIn, no_question: dict[str, Any], database: Engine
) -> None:
    author = sign_in("student", "author@example.com", person_id=no_question["person_id"])
    teacher = sign_in("teacher")
    there = address(no_question["message_id"])
    assert author.get(there).status_code == 404
    label(teacher, no_question, True)
    page = Page(author.get(there))
    assert no_question["text"] in page.words
    assert "질문 게시판에 올라갔습니다" in author.get(f"{BASE}/notifications").text
    label(teacher, no_question, False)
    label(teacher, no_question, True)
    assert author.get(f"{BASE}/notifications").text.count("질문 게시판에 올라갔습니다") == 1
    assert board(author, mine="1")[1].count(no_question["message_id"]) == 1
    # What people answered stays, also when nobody says any more that it is a question.
    answer(author, no_question["message_id"], "스스로 풀었습니다")
    log = LabelLog(database)
    while log.standing():
        teacher.post(f"{BASE}/labels/{log.standing()[0]['correction_id']}/undo")
    assert board(teacher, state="answered")[1].count(no_question["message_id"]) == 1


def test_messages_that_the_class_cannot_see_cannot_be_labelled(
    sign_in: SignIn, home: Path, asked: list[dict[str, Any]], database: Engine
) -> None:
    student = sign_in("student")
    unseen = published(
        home,
        "select message_id, conversation_id from core.messages where removed or visibility <> 'everyone'",
    )
    for row in [*unseen[:5], {"message_id": "nothing", "conversation_id": ""}]:
        assert label(student, row, True).status_code == 404
    wrong = {"message_id": asked[0]["message_id"], "conversation_id": "another"}
    assert label(student, wrong, True).status_code == 404
    fields = {"message_id": asked[0]["message_id"], "is_question": "perhaps"}
    assert student.post(f"{BASE}/labels", data=fields).status_code == 422
    assert LabelLog(database).corrections() == []


def test_after_a_form_one_comes_back_to_the_class_and_nowhere_else(
    sign_in: SignIn, asked: list[dict[str, Any]]
) -> None:
    student = sign_in("student")
    default = address(asked[0]["message_id"])
    for wanted, expected in [
        (f"{BASE}/lectures/x?around=1", f"{BASE}/lectures/x?around=1"),
        ("https://evil.example/", default),
        ("//evil.example/c/class/", default),
        ("/c/other/questions", default),
        ("/c/class/\\evil", default),
        ("/c/class/\r\nset-cookie: x=1", default),
        ("", default),
    ]:
        fields = {"question_id": asked[0]["message_id"], "next": wanted}
        assert student.post(f"{BASE}/follows", data=fields).headers["location"] == expected


def test_the_queue_goes_from_one_uncertain_message_to_the_next(
    sign_in: SignIn, home: Path, database: Engine, settings: Settings
) -> None:
    student = sign_in("student")
    closest = published(
        home,
        """
        select p.message_id, m.text, m.clean_text, m.conversation_id from ml.question_predictions as p
        inner join core.messages as m on m.message_id = p.message_id
        where not m.removed and m.visibility = 'everyone' and m.clean_text <> ''
        qualify row_number() over (
            partition by m.clean_text order by abs(p.probability - p.threshold), p.message_id
        ) = 1
        order by abs(p.probability - p.threshold), p.message_id limit 3
        """,
    )
    first, second, third = closest

    def shown(got: Any) -> str | None:
        page = Page(got)
        return next((a["value"] for a in page.all("input") if a.get("name") == "message_id"), None)

    queue = f"{QUESTIONS}/uncertain"
    assert shown(student.get(queue)) == first["message_id"]
    assert shown(student.get(queue, params={"skip": "1"})) == second["message_id"]
    fields = {**{k: first[k] for k in ("message_id", "conversation_id")}, "is_question": "yes", "skip": "0"}
    part = student.post(f"{BASE}/labels", data=fields, headers={"HX-Request": "true"})
    assert shown(part) == second["message_id"]
    assert "<html" not in part.text
    assert f"1 / {settings.models.corrections_needed}" in part.text
    plain = student.post(
        f"{BASE}/labels", data={**fields, "message_id": second["message_id"], "next": f"{queue}?skip=0",
                                "conversation_id": second["conversation_id"]},
    )  # fmt: skip
    assert plain.headers["location"] == f"{queue}?skip=0"
    assert shown(student.get(queue)) == third["message_id"]
    newest = LabelLog(database).standing()[-1]
    back = student.post(
        f"{BASE}/labels/{newest['correction_id']}/undo", data={"skip": "0"}, headers={"HX-Request": "true"}
    )
    assert shown(back) == second["message_id"]
    assert student.get(queue, params={"skip": "-1"}).status_code == 422


def test_staff_is_offered_the_retraining(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    teacher, student = sign_in("teacher"), sign_in("student")
    queue = f"{QUESTIONS}/uncertain"
    assert "retrain_question_model" not in teacher.get(queue).text
    label(teacher, asked[0], False)
    links = [a["href"] or "" for a in Page(teacher.get(queue)).all("a")]
    assert [link for link in links if link.endswith("/jobs/retrain_question_model")]
    assert "retrain_question_model" not in student.get(queue).text


# --- Similar questions, notifications, limits ---------------------------------------------------------------------


def test_similar_questions_are_found_while_typing_and_on_the_page(
    sign_in: SignIn, asked: list[dict[str, Any]]
) -> None:
    student = sign_in("student")
    row = max(asked, key=lambda r: len(set(r["text"])))
    part = student.get(f"{QUESTIONS}/similar", params={"text": row["text"][:-2]})
    assert row["text"][:30] in Page(part).words
    question = ask(student, "양자 컴퓨터로 신경망을 학습할 수 있나요?")
    part = student.get(f"{QUESTIONS}/similar", params={"text": "양자 컴퓨터로 신경망 학습"})
    assert address(question) in part.text
    assert address(question) not in student.get(address(question)).text.partition('id="similar"')[2]
    label(sign_in("teacher"), row, False)
    part = student.get(f"{QUESTIONS}/similar", params={"text": row["text"]})
    assert address(row["message_id"]) not in part.text
    for nothing in ("", "가", "\x1f\x00", "?" * 5_000):
        assert student.get(f"{QUESTIONS}/similar", params={"text": nothing}).status_code == 200


def test_notifications_are_counted_opened_and_read(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    asker, writer = sign_in("student"), sign_in("student", "writer@example.com")
    first, second = ask(asker, "하나?"), ask(asker, "둘?")
    written = answer(writer, first, "첫 답")
    answer(writer, second, "둘째 답")
    page = Page(asker.get(f"{BASE}/notifications"))
    numbers = [a["value"] for a in page.all("input") if a.get("name") == "notification_id"]
    assert len(numbers) == 2
    opened = asker.post(f"{BASE}/notifications/open", data={"notification_id": str(numbers[-1])})
    assert opened.headers["location"] == f"{address(first)}#answer-{written}"
    assert Page(asker.get(QUESTIONS)).words.count("알림") >= 1
    other = writer.post(f"{BASE}/notifications/open", data={"notification_id": str(numbers[0])})
    assert other.headers["location"] == f"{BASE}/notifications"
    assert asker.get(f"{BASE}/notifications").text.count(">새 알림<") == 1
    asker.post(f"{BASE}/notifications/read", data={"up_to": str(numbers[0])})
    assert asker.get(f"{BASE}/notifications").text.count(">새 알림<") == 0


def test_nobody_writes_faster_than_a_person(sign_in: SignIn, asked: list[dict[str, Any]]) -> None:
    student, other = sign_in("student"), sign_in("student", "other@example.com")
    fields = {"question_id": asked[0]["message_id"]}
    codes = [student.post(f"{BASE}/follows", data=fields).status_code for _ in range(125)]
    assert codes[:120] == [303] * 120
    assert codes[120:] == [429] * 5
    assert other.post(f"{BASE}/follows", data=fields).status_code == 303


# --- Hostile texts ------------------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg onload=alert(1)>",
    "</textarea><script>x()</script>",
    "{{ 7*7 }}{% raw %}", "${7*7}", "</script><script>alert(1)</script>", "<!--", "]]>", "=cmd|' /C calc'!A0",
    "a\r\nSet-Cookie: x=1", "\u202egnp.exe", "\u200b\u200dx\ufeff", "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)", "<iframe srcdoc='<script>alert(1)</script>'>", "&lt;script&gt;", "%3Cscript%3E", "`<b>`",
    "<input autofocus onfocus=alert(1)>", "\x1f\x00\x1b[31m<b>", "<math><mi xlink:href=javascript:x>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)", "<style>*{display:none}</style>", "😀" * 50 + "<b>",
]  # fmt: skip


@pytest.mark.parametrize("hostile", first_of(HOSTILE, 5))
def test_hostile_texts_are_shown_as_text(
    sign_in: SignIn, asked: list[dict[str, Any]], database: Engine, hostile: str
) -> None:
    student, other = sign_in("student", "hostile@example.com"), sign_in("student", "other@example.com")
    with writing(database) as connection:
        named = update(Account).where(Account.login == "hostile@example.com")
        connection.execute(named.values(name=hostile.replace("\x00", "")))
    clean = [
        Page(other.get(place)) for place in (QUESTIONS, f"{QUESTIONS}/new", address(asked[0]["message_id"]))
    ]
    question = ask(student, f"{hostile} 왜 그런가요?")
    written = answer(student, question, f"{hostile} 때문입니다")
    student.post(f"{BASE}/answers/{written}/edit", data={"version": "1", "body": f"{hostile} 탓입니다"})
    student.post(f"{BASE}/answers/{written}/edit", data={"version": "1", "body": f"{hostile} 다시"})
    allowed = {tag for page in clean for tag, _ in page.elements} | {
        "p", "h3", "em", "strong", "a", "code", "pre", "ins", "del", "span", "details", "summary", "article", "div",
    }  # fmt: skip
    pages = [
        other.get(QUESTIONS), other.get(address(question)), other.get(f"{BASE}/answers/{written}"),
        student.get(f"{BASE}/answers/{written}/edit"), student.get(f"{QUESTIONS}/change?question_id={question}"),
        other.get(QUESTIONS, params={"text": hostile}),
        student.post(f"{BASE}/answers/{written}/edit", data={"version": "1", "body": f"{hostile} 충돌"}),
        student.post(f"{BASE}/preview", data={"question_id": question, "body": hostile, "second": hostile}),
        other.get(f"{QUESTIONS}/similar", params={"text": f"{hostile} 왜 그런가요"}),
        student.get(f"{BASE}/notifications"),
    ]  # fmt: skip
    for got in pages:
        assert got.status_code in (200, 403, 409, 422), got.text
        assert "set-cookie: x=1" not in str(got.headers).lower()
        page = Page(got)
        assert {tag for tag, _ in page.elements} <= allowed, got.url
        for tag, attributes in page.elements:
            assert not [key for key in attributes if key.startswith("on") or key in ("style", "srcdoc")], (
                tag,
                attributes,
            )
            for key in ("href", "src", "action", "formaction"):
                value = attributes.get(key) or ""
                assert not value.lower().startswith(("javascript:", "data:")), attributes
                assert "evil.example" not in value or tag == "a"
            assert tag != "script" or attributes.get("src", "").startswith("/static/")
    assert "49" not in other.get(address(question)).text.partition("<h1")[2].partition("</h1>")[0]
