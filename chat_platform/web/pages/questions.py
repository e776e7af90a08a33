"""Questions of a class: the board, asking, a question's page.

What belongs here: the routes. What does not: putting mart and app database together (``web.board``), answers
(``pages.answers``), what people say is or is not a question (``pages.labels``).

The id of a question is that of its message and may hold anything, so only the page of a question has it in its path,
and that route comes last; forms carry it as a field.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.storage.answers import AnswerStore
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.follows import FollowStore
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.verdicts import signature
from chat_platform.storage.written import LONGEST_ANSWER, LONGEST_QUESTION, LONGEST_REASON, written
from chat_platform.web import access, similar
from chat_platform.web.board import ROLES, SORTS, STATES, Board, Filters, Question, lectures, offered
from chat_platform.web.markdown import to_html
from chat_platform.web.seconds import opened_at, second_of
from chat_platform.web.surroundings import around
from chat_platform.web.writing import allow_write, back, wants_part

router = APIRouter()

Typed = Annotated[str, Form()]


@router.get("/c/{class_id}/questions")
def board(visit: access.Member) -> Response:
    """The board: every question, filtered and sorted as the address says."""
    filters = Filters.of(visit.request.query_params)
    found = Board(visit).page(filters)
    predicted = visit.published.kept(
        ("questions predicted",),
        lambda: visit.published.row("select 1 as found from marts.question_summary limit 1") is not None,
    )
    listed, has_older = offered(visit, filters.lecture)
    return visit.page(
        "questions/list.html" if wants_part(visit) else "questions/board.html",
        found=found,
        filters=filters,
        followed=_follows(visit).followed_by(visit.account.account_id),
        lectures=listed,
        has_older_lectures=has_older,
        predicted=predicted,
        states=STATES,
        roles=ROLES,
        sorts=SORTS,
    )


@router.get("/c/{class_id}/questions/new")
def new_question(visit: access.Member, lecture: str = "", second: str = "") -> Response:
    """The form to ask."""
    return _form(visit, lecture=lecture, second=second)


@router.get("/c/{class_id}/questions/similar")
def similar_questions(visit: access.Member, text: str = "") -> Response:
    """Questions like the text that is being typed."""
    found = similar.while_typing(visit, text[:LONGEST_QUESTION])
    return visit.page("questions/similar.html", similar=found)


@router.post("/c/{class_id}/questions")
def ask(
    visit: access.Member,
    text: Typed = "",
    lecture: Typed = "",
    second: Typed = "",
    hidden: Typed = "",
) -> Response:
    """Ask a question; on a mistake the form comes back with what was typed."""
    allow_write(visit)
    try:
        conversation_id, offset_s = _place(visit, lecture, second)
        question_id = _asked(visit).ask(
            visit.account.account_id,
            text,
            conversation_id=conversation_id,
            offset_s=offset_s,
            hidden=hidden == "1",
        )
    except WebError as error:
        return _form(visit, text=text, lecture=lecture, second=second, hidden=hidden == "1", error=error)
    return RedirectResponse(address_of(visit, question_id), 303)


@router.get("/c/{class_id}/questions/change")
def change_form(visit: access.Member, question_id: Annotated[str, Query()] = "") -> Response:
    """The form to change an own question."""
    one = _asked(visit).get(question_id)
    if one is None:
        raise WebError("CP-WEB-001")
    if one.account_id != visit.account.account_id:
        raise WebError("CP-WEB-023")
    second = "" if one.offset_s is None else f"{one.offset_s:g}"
    return _form(
        visit, text=one.text, lecture=one.conversation_id or "", second=second, question_id=question_id
    )


@router.post("/c/{class_id}/questions/change")
def change(
    visit: access.Member,
    question_id: Typed,
    text: Typed = "",
    lecture: Typed = "",
    second: Typed = "",
) -> Response:
    """Change an own question that nobody has answered."""
    allow_write(visit)
    try:
        conversation_id, offset_s = _place(visit, lecture, second)
        _asked(visit).change(
            question_id,
            visit.account.account_id,
            text,
            conversation_id=conversation_id,
            offset_s=offset_s,
        )
    except WebError as error:
        if error.code not in ("CP-WEB-021", "CP-WEB-022"):
            raise
        return _form(visit, text=text, lecture=lecture, second=second, question_id=question_id, error=error)
    return RedirectResponse(address_of(visit, question_id), 303)


@router.post("/c/{class_id}/questions/remove")
def remove(visit: access.Member, question_id: Typed, reason: Typed = "") -> Response:
    """Remove a question of the portal: the asker while nobody has answered, staff with a reason."""
    allow_write(visit)
    store = _asked(visit)
    one = store.get(question_id)
    if one is None:
        raise WebError("CP-WEB-001")
    by_staff = visit.is_staff and one.account_id != visit.account.account_id
    kept = reason_of(reason) if by_staff else None
    store.remove(question_id, visit.account.account_id, staff=by_staff)
    if by_staff:
        visit.audit("question.removed", question_id, reason=kept)
    return RedirectResponse(f"/c/{visit.room.class_id}/questions", 303)


@router.post("/c/{class_id}/questions/asker")
def show_asker(visit: access.Member, question_id: Typed, hidden: Typed = "") -> Response:
    """Hide or show the asker of an own question."""
    allow_write(visit)
    question = found_question(visit, question_id)
    if not question.asker.is_me:
        raise WebError("CP-WEB-023")
    _asked(visit).set_hidden(question_id, visit.account.account_id, hidden=hidden == "1")
    return RedirectResponse(address_of(visit, question_id), 303)


@router.post("/c/{class_id}/follows")
def follow(visit: access.Member, question_id: Typed, follow: Typed = "1", next: Typed = "") -> Response:
    """Follow a question, or follow it no more."""
    allow_write(visit)
    question = found_question(visit, question_id)
    store = _follows(visit)
    if follow == "1":
        store.follow(question_id, visit.account.account_id)
    else:
        store.unfollow(question_id, visit.account.account_id)
    if wants_part(visit):
        return visit.page("questions/follow.html", question=question, is_followed=follow == "1")
    return back(visit, next, address_of(visit, question_id))


@router.get("/c/{class_id}/questions/{question_id:path}")
def question(visit: access.Member, question_id: str) -> Response:
    """A question where it was asked, and its answers."""
    return question_page(visit, found_question(visit, question_id))


def question_page(
    visit: access.Visit,
    question: Question,
    *,
    status: int = 200,
    draft: str = "",
    second: str = "",
    preview: str | None = None,
    error: WebError | None = None,
) -> Response:
    """The page of a question, with what is being written to it.

    Args:
        draft: answer that is being written.
        second: second of the recording that was typed for it.
        preview: HTML of the draft.
        error: why it could not be kept.
    """
    own = signature(visit.account.account_id)
    log = [] if question.is_portal else LabelLog(visit.room.workspace.database).standing()
    recording = lectures(visit).get(question.conversation_id or "")
    answers = _answers(visit).of_question(question.question_id, visit.account.account_id)
    chat = [] if question.is_portal else around(visit, question, Board(visit).hidden())
    return visit.page(
        "questions/question.html",
        status=status,
        question=question,
        chat=chat,
        answers=[
            {"row": row, "html": to_html(row.body), "link": opened_at(recording, row.offset_s)}
            for row in answers
        ],
        similar=similar.of_question(visit, question),
        link=question.link or opened_at(recording, question.offset_s),
        recording=recording,
        is_followed=question.question_id in _follows(visit).followed_by(visit.account.account_id),
        own_label=next(
            (row for row in log if row["message_id"] == question.question_id and row["corrected_by"] == own),
            None,
        ),
        draft=draft,
        second=second,
        preview=preview,
        error=words_of(visit, error),
        longest=LONGEST_ANSWER,
    )


def found_question(visit: access.Visit, question_id: str) -> Question:
    """A question of the class.

    Raises:
        WebError: CP-WEB-001.
    """
    found = Board(visit).question(question_id)
    if found is None:
        raise WebError("CP-WEB-001")
    return found


def address_of(visit: access.Visit, question_id: str, answer_id: int | None = None) -> str:
    """Address of a question's page, or of an answer on it."""
    part = "" if answer_id is None else f"#answer-{answer_id}"
    return f"/c/{visit.room.class_id}/questions/{quote(question_id, safe='')}{part}"


def _form(
    visit: access.Visit,
    *,
    text: str = "",
    lecture: str = "",
    second: str = "",
    hidden: bool = False,
    question_id: str | None = None,
    error: WebError | None = None,
) -> Response:
    listed, has_older = offered(visit, lecture)
    return visit.page(
        "questions/ask.html",
        status=200 if error is None else 422,
        text=text,
        lecture=lecture,
        second=second,
        hidden=hidden,
        question_id=question_id,
        error=words_of(visit, error),
        lectures=listed,
        has_older_lectures=has_older,
        similar=similar.while_typing(visit, text[:LONGEST_QUESTION], but=question_id) if text else [],
        longest=LONGEST_QUESTION,
    )


def _place(visit: access.Visit, lecture: str, second: str) -> tuple[str | None, float | None]:
    """Lecture and second of a question.

    Raises:
        WebError: CP-WEB-006 for an unknown lecture, CP-WEB-022.
    """
    recording = lectures(visit).get(lecture)
    if lecture and recording is None:
        raise WebError("CP-WEB-006", "lecture")
    return (recording["conversation_id"] if recording else None), second_of(second, recording)


def words_of(visit: access.Visit, error: WebError | None) -> str | None:
    """What a form says about a mistake: what is wrong, and what to do."""
    if error is None:
        return None
    entry = error.entry
    return visit.tr(f"{entry.what}: {entry.remedy}.", f"{entry.what_ko}. {entry.remedy_ko}.")


def reason_of(typed: str) -> str:
    """Why staff removes somebody's text.

    Raises:
        WebError: CP-WEB-026 without a reason, CP-WEB-021 for a long one.
    """
    if not typed.strip():
        raise WebError("CP-WEB-026")
    return written(typed, LONGEST_REASON)


def _asked(visit: access.Visit) -> AskedStore:
    return AskedStore(visit.services.database, visit.room.class_id)


def _answers(visit: access.Visit) -> AnswerStore:
    return AnswerStore(visit.services.database, visit.room.class_id)


def _follows(visit: access.Visit) -> FollowStore:
    return FollowStore(visit.services.database, visit.room.class_id)
