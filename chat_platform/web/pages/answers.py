"""Answers to questions: writing, preview, editing, history, votes, endorsement.

What belongs here: the routes. What does not: the rules (``storage.answers``), the page that they stand on
(``pages.questions``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi import Path as PathPart
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.storage.answers import Answer, AnswerStore, EditConflictError
from chat_platform.storage.written import LONGEST_ANSWER, written
from chat_platform.web import access
from chat_platform.web.board import Question, lectures
from chat_platform.web.markdown import to_html
from chat_platform.web.pages.questions import (
    Typed,
    address_of,
    found_question,
    question_page,
    reason_of,
    words_of,
)
from chat_platform.web.parameters import LARGEST
from chat_platform.web.rendering import clock
from chat_platform.web.revisions import compare
from chat_platform.web.seconds import opened_at, second_of
from chat_platform.web.writing import allow_write, wants_part

router = APIRouter()

Number = Annotated[int, PathPart(ge=1, le=LARGEST)]
Version = Annotated[int, Form(ge=1, le=LARGEST)]
MISTAKES = ("CP-WEB-021", "CP-WEB-022")
"""What the form shows beside what was typed, instead of a page of its own."""


@router.post("/c/{class_id}/answers")
def add(visit: access.Member, question_id: Typed, body: Typed = "", second: Typed = "") -> Response:
    """Write an answer."""
    allow_write(visit)
    question = found_question(visit, question_id)
    try:
        answer_id = _store(visit).add(
            question_id, visit.account.account_id, body, offset_s=_second(visit, question, second)
        )
    except WebError as error:
        if error.code not in MISTAKES:
            raise
        return question_page(visit, question, status=422, draft=body, second=second, error=error)
    return RedirectResponse(address_of(visit, question_id, answer_id), 303)


@router.post("/c/{class_id}/preview")
def preview(visit: access.Member, body: Typed = "", question_id: Typed = "", second: Typed = "") -> Response:
    """How an answer would look; without scripts, the page again with the draft and how it would look."""
    allow_write(visit)
    html, error = None, None
    try:
        html = to_html(written(body)) if body.strip() else None
    except WebError as problem:
        error = problem
    if wants_part(visit):
        return visit.page("questions/preview.html", preview=html, error=words_of(visit, error))
    question = found_question(visit, question_id)
    return question_page(visit, question, draft=body, second=second, preview=html, error=error)


@router.get("/c/{class_id}/answers/{answer_id}")
def history(visit: access.Member, answer_id: Number) -> Response:
    """Every version of an answer, each beside the one before."""
    answer = _store(visit).get(answer_id, visit.account.account_id)
    revisions = list(_store(visit).revisions(answer_id))
    before = ["", *(revision.body for revision in revisions)]
    shown = [
        {"row": row, "pieces": compare(old, row.body) if row.version > 1 else compare(row.body, row.body)}
        for old, row in zip(before, revisions, strict=False)
    ]
    return visit.page(
        "questions/history.html",
        answer=answer,
        question=found_question(visit, answer.question_id),
        revisions=shown[::-1],
    )


@router.get("/c/{class_id}/answers/{answer_id}/edit")
def edit_form(visit: access.Member, answer_id: Number) -> Response:
    """The form to edit an answer."""
    answer = _own(visit, answer_id)
    return _form(visit, answer, body=answer.body, second=_typed(answer.offset_s))


@router.post("/c/{class_id}/answers/{answer_id}/edit")
def edit(
    visit: access.Member,
    answer_id: Number,
    version: Version,
    body: Typed = "",
    second: Typed = "",
    show: Typed = "",
) -> Response:
    """Save an edit; when somebody else was quicker nothing is written, and both texts are shown."""
    allow_write(visit)
    answer = _own(visit, answer_id)
    question = found_question(visit, answer.question_id)
    try:
        if show == "preview":
            html = to_html(written(body))
            return _form(visit, answer, body=body, second=second, version=version, preview=html)
        _store(visit).edit(
            answer_id,
            visit.account.account_id,
            version,
            body,
            offset_s=_second(visit, question, second),
            staff=visit.is_staff,
        )
    except EditConflictError as conflict:
        return _form(
            visit, conflict.current, status=409, body=conflict.body, second=second, theirs=conflict.current
        )
    except WebError as error:
        if error.code not in MISTAKES:
            raise
        return _form(visit, answer, status=422, body=body, second=second, version=version, error=error)
    return RedirectResponse(address_of(visit, answer.question_id, answer_id), 303)


@router.post("/c/{class_id}/answers/{answer_id}/remove")
def remove(visit: access.Member, answer_id: Number, reason: Typed = "") -> Response:
    """Remove an own answer, or as staff any, with a reason."""
    allow_write(visit)
    answer = _own(visit, answer_id)
    by_staff = answer.account_id != visit.account.account_id
    kept = reason_of(reason) if by_staff else None
    _store(visit).remove(answer_id, visit.account.account_id, staff=visit.is_staff)
    if by_staff:
        visit.audit("answer.removed", str(answer_id), question=answer.question_id, reason=kept)
    return RedirectResponse(address_of(visit, answer.question_id), 303)


@router.post("/c/{class_id}/answers/{answer_id}/vote")
def vote(visit: access.Member, answer_id: Number, useful: Typed = "1") -> Response:
    """Say that an answer is useful, or say so no more."""
    allow_write(visit)
    _store(visit).set_vote(answer_id, visit.account.account_id, useful=useful == "1")
    return _after(visit, answer_id)


@router.post("/c/{class_id}/answers/{answer_id}/endorse")
def endorse(visit: access.Teacher, answer_id: Number, version: Version) -> Response:
    """Endorse the text that the teacher has read; one that was edited since is shown instead."""
    allow_write(visit)
    _store(visit).endorse(answer_id, visit.account.account_id, version)
    return _after(visit, answer_id)


@router.post("/c/{class_id}/answers/{answer_id}/endorsement/remove")
def take_endorsement_back(visit: access.Teacher, answer_id: Number) -> Response:
    """Endorse it no more."""
    allow_write(visit)
    _store(visit).take_endorsement_back(answer_id, visit.account.account_id)
    return _after(visit, answer_id)


def _after(visit: access.Visit, answer_id: int) -> Response:
    """The answer as it is now: the part of the page, or the page."""
    answer = _store(visit).get(answer_id, visit.account.account_id)
    if not wants_part(visit):
        return RedirectResponse(address_of(visit, answer.question_id, answer_id), 303)
    question = found_question(visit, answer.question_id)
    recording = lectures(visit).get(question.conversation_id or "")
    shown = {"row": answer, "html": to_html(answer.body), "link": opened_at(recording, answer.offset_s)}
    return visit.page("questions/answer.html", answer=shown)


def _form(
    visit: access.Visit,
    answer: Answer,
    *,
    body: str,
    second: str,
    version: int | None = None,
    status: int = 200,
    preview: str | None = None,
    theirs: Answer | None = None,
    error: WebError | None = None,
) -> Response:
    return visit.page(
        "questions/edit.html",
        status=status,
        answer=answer,
        question=found_question(visit, answer.question_id),
        version=version or answer.version,
        body=body,
        second=second,
        preview=preview,
        theirs=theirs,
        difference=compare(theirs.body, body) if theirs is not None else [],
        error=words_of(visit, error),
        longest=LONGEST_ANSWER,
    )


def _own(visit: access.Visit, answer_id: int) -> Answer:
    """An answer that the visitor may change.

    Raises:
        WebError: CP-WEB-001, CP-WEB-023.
    """
    answer = _store(visit).get(answer_id, visit.account.account_id)
    if answer.account_id != visit.account.account_id and not visit.is_staff:
        raise WebError("CP-WEB-023")
    return answer


def _second(visit: access.Visit, question: Question, typed: str) -> float | None:
    return second_of(typed, lectures(visit).get(question.conversation_id or ""))


def _typed(second: float | None) -> str:
    if second is None:
        return ""
    return clock(second) if second == int(second) else f"{second:.3f}"


def _store(visit: access.Visit) -> AnswerStore:
    return AnswerStore(visit.services.database, visit.room.class_id)
