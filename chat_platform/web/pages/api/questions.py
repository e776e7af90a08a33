"""Questions of the class, and what people answered.

What belongs here: the routes below ``/c/{class_id}/questions``. What does not: the board (``web.board``), rules about
answers (``storage.answers``).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.storage.answers import Answer, AnswerStore
from chat_platform.storage.written import LONGEST_ANSWER
from chat_platform.web.access import Visit
from chat_platform.web.board import LONGEST_SEARCH, MOST_PAGES, Board, Filters, Question
from chat_platform.web.pages.api.common import (
    AnswerWriter,
    ApiModel,
    ApiRoute,
    NumberCursor,
    Page,
    QuestionReader,
    number_of,
    page_link,
)
from chat_platform.web.parameters import LARGEST
from chat_platform.web.seconds import LONGEST_S

router = APIRouter(prefix="/c/{class_id}/questions", route_class=ApiRoute, tags=["questions"])

QuestionId = Annotated[
    str,
    Path(max_length=400, description="Id of the question's message, or `portal-<n>`.", examples=["portal-1"]),
]
AnswerId = Annotated[int, Path(ge=1, le=LARGEST, description="Number of the answer.", examples=[1])]
State = Literal["open", "answered", "endorsed", "not_question"]


class QuestionItem(ApiModel):
    """A question of a chat, or one asked on the portal."""

    question_id: str = Field(examples=["portal-1"])
    conversation_id: str | None = Field(description="Lecture that it was asked in.")
    lecture_date: date | None
    title: str | None = Field(description="Title of the lecture.")
    asked_at: datetime
    offset_s: float | None = Field(description="Seconds from the start of the recording.")
    text: str = Field(examples=["과제 제출은 언제까지인가요"])
    state: State
    asker: str | None = Field(description="Name; null when it is not for you.")
    asker_role: str | None
    is_portal: bool = Field(description="Asked on the portal, not in a chat.")
    probability: float | None = Field(description="How surely the model takes it for a question; staff only.")
    answers: int = Field(description="Answers on the portal.")
    chat_answers: int = Field(description="Replies in the chat.")
    votes: int
    follows: int
    link: str | None = Field(description="Opens the recording at that second.")


class AnswerItem(ApiModel):
    """How a question was answered, as somebody wrote it down."""

    answer_id: int = Field(examples=[1])
    author: str = Field(examples=["김하늘"])
    role: str | None
    body: str = Field(description="Markdown.")
    offset_s: float | None = Field(description="Second of the recording at which it was answered.")
    version: int = Field(description="Grows with each edit; an edit names the one that it was made from.")
    created_at: datetime
    updated_at: datetime
    votes: int
    voted: bool = Field(description="Whether you voted for it.")
    endorsed_by: str | None = Field(description="Teacher who endorsed it.")
    endorsed_at: datetime | None


class QuestionWithAnswers(QuestionItem):
    """A question and its answers: endorsed ones first, then by votes."""

    answer_list: list[AnswerItem]


class NewAnswer(BaseModel):
    """An answer to write."""

    model_config = ConfigDict(strict=True, extra="forbid")

    body: str = Field(
        min_length=1,
        max_length=LONGEST_ANSWER,
        description="Markdown.",
        examples=["다음 주 월요일까지입니다."],
    )
    offset_s: float | None = Field(
        None, ge=0, le=LONGEST_S, description="Second of the recording at which it was answered."
    )


class ChangedAnswer(NewAnswer):
    """An answer to change."""

    version: int = Field(ge=1, le=LARGEST, description="Version that the change was made from.")


class Votes(ApiModel):
    """Votes that an answer has."""

    votes: int


@router.get("", response_model=Page[QuestionItem])
def questions(
    visit: QuestionReader,
    response: Response,
    state: Annotated[State | None, Query(description="Without it: all but what is no question.")] = None,
    lecture: Annotated[str | None, Query(max_length=400, description="Id of a lecture.")] = None,
    role: Annotated[Literal["student", "teacher", "staff"] | None, Query(description="Of who asked.")] = None,
    mine: Annotated[bool, Query(description="Only what you asked.")] = False,
    followed: Annotated[bool, Query(description="Only what you follow.")] = False,
    text: Annotated[str, Query(max_length=LONGEST_SEARCH, description="Part of the question.")] = "",
    cursor: NumberCursor = None,
) -> dict[str, Any]:
    """Questions, the newest first, 20 in one answer."""
    number = max(number_of(cursor), 1)
    if number > MOST_PAGES:
        return {"items": [], "next": None}
    filters = Filters(
        state=state,
        lecture=lecture or None,
        role=role,
        mine=mine,
        followed=followed,
        text=text.replace("\0", "").strip(),
        page=number,
    )
    page = Board(visit).page(filters)
    following = number + 1 if number < min(page.pages, MOST_PAGES) else None
    items = [_item(visit, question) for question in page.questions]
    return {"items": items, "next": page_link(visit, response, following)}


@router.get("/{question_id}", response_model=QuestionWithAnswers)
def question(visit: QuestionReader, question_id: QuestionId) -> dict[str, Any]:
    """One question with its answers."""
    found = _known(visit, question_id)
    answers = _answers(visit).of_question(question_id, visit.account.account_id)
    return {**_item(visit, found), "answer_list": answers}


@router.post("/{question_id}/answers", response_model=AnswerItem, status_code=201)
def answer(visit: AnswerWriter, question_id: QuestionId, new: NewAnswer) -> Answer:
    """Write an answer; the same text again is the same answer."""
    found, store = _known(visit, question_id), _answers(visit)
    _check_second(visit, found, new.offset_s)
    number = store.add(question_id, visit.account.account_id, new.body, offset_s=new.offset_s)
    return store.get(number, visit.account.account_id)


@router.put("/{question_id}/answers/{answer_id}", response_model=AnswerItem)
def change(
    visit: AnswerWriter, question_id: QuestionId, answer_id: AnswerId, changed: ChangedAnswer
) -> Answer:
    """Change an own answer; 409 when it was edited since ``version``."""
    found, store = _known(visit, question_id), _answers(visit)
    _of(store, question_id, answer_id, visit)
    _check_second(visit, found, changed.offset_s)
    store.edit(answer_id, visit.account.account_id, changed.version, changed.body, offset_s=changed.offset_s)
    return store.get(answer_id, visit.account.account_id)


@router.put("/{question_id}/answers/{answer_id}/vote", response_model=Votes)
def vote(visit: AnswerWriter, question_id: QuestionId, answer_id: AnswerId) -> dict[str, int]:
    """Say that an answer is useful; twice counts once."""
    return _vote(visit, question_id, answer_id, useful=True)


@router.delete("/{question_id}/answers/{answer_id}/vote", response_model=Votes)
def take_vote_back(visit: AnswerWriter, question_id: QuestionId, answer_id: AnswerId) -> dict[str, int]:
    """Say so no more."""
    return _vote(visit, question_id, answer_id, useful=False)


def _vote(visit: Visit, question_id: str, answer_id: int, *, useful: bool) -> dict[str, int]:
    store = _answers(visit)
    _of(store, question_id, answer_id, visit)
    return {"votes": store.set_vote(answer_id, visit.account.account_id, useful=useful)}


def _answers(visit: Visit) -> AnswerStore:
    return AnswerStore(visit.services.database, visit.room.class_id)


def _known(visit: Visit, question_id: str) -> Question:
    found = Board(visit).question(question_id)
    if found is None:
        raise WebError("CP-WEB-001")
    return found


def _of(store: AnswerStore, question_id: str, answer_id: int, visit: Visit) -> None:
    """Refuse an answer of another question.

    Raises:
        WebError: CP-WEB-001.
    """
    if store.get(answer_id, visit.account.account_id).question_id != question_id:
        raise WebError("CP-WEB-001")


def _check_second(visit: Visit, found: Question, second: float | None) -> None:
    """Refuse a second outside of the recording.

    Raises:
        WebError: CP-WEB-022.
    """
    if second is None:
        return
    lecture = visit.published.row(
        "select duration_s from marts.lectures where conversation_id = $lecture",
        {"lecture": found.conversation_id},
    )
    if lecture is None or second > (lecture["duration_s"] or LONGEST_S):
        raise WebError("CP-WEB-022", f"{second:g}")


def _item(visit: Visit, found: Question) -> dict[str, Any]:
    return {
        "question_id": found.question_id,
        "conversation_id": found.conversation_id,
        "lecture_date": found.lecture_date,
        "title": found.title,
        "asked_at": found.asked_at,
        "offset_s": found.offset_s,
        "text": found.text,
        "state": found.state,
        "asker": found.asker.name,
        "asker_role": found.asker.role,
        "is_portal": found.is_portal,
        "probability": found.probability if visit.is_staff else None,
        "answers": found.counts.answers,
        "chat_answers": found.chat_answers,
        "votes": found.counts.votes,
        "follows": found.counts.follows,
        "link": found.link,
    }
