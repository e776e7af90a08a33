"""People: oneself for everybody, the class for staff.

What belongs here: the routes below ``/c/{class_id}/people``. What does not: figures (``web.people_figures``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.web import people_figures
from chat_platform.web.pages.api.common import (
    USUAL,
    ApiModel,
    ApiRoute,
    Limit,
    Page,
    PeopleReader,
    PersonReader,
    TextCursor,
    keepable,
    key_of,
    page_of,
)
from chat_platform.web.pages.people import VIEWED

router = APIRouter(prefix="/c/{class_id}/people", route_class=ApiRoute, tags=["people"])

_PEOPLE = """
    select
        people.person_id, people.name, people.role, people.team,
        coalesce(trend.messages, 0) as messages, coalesce(trend.active_days, 0) as active_days,
        coalesce(trend.lecture_days, 0) as lecture_days, trend.last_written_date, trend.silent_lecture_days
    from core.people as people
    left join marts.participation_trend as trend on trend.person_id = people.person_id
    where not people.is_bot and ($after is null or people.person_id > $after)
    order by people.person_id
    limit $limit
"""


class Person(ApiModel):
    """A person of the class."""

    person_id: str = Field(examples=["9b1f03c2a4d5e6f7"])
    name: str = Field(examples=["김하늘"])
    role: str = Field(description="`teacher`, `staff` or `student`.", examples=["student"])
    team: str | None = Field(examples=["온라인"])
    messages: int = Field(description="Messages and replies in lectures.", examples=[41])
    active_days: int = Field(description="Dates of lectures on which they wrote.", examples=[6])
    lecture_days: int = Field(description="Dates of lectures since they first wrote.", examples=[8])
    last_written_date: date | None
    silent_lecture_days: int | None = Field(description="Dates of lectures since they last wrote.")


class Participation(ApiModel):
    """What somebody did; null where they were silent in every lecture."""

    messages: int | None = Field(examples=[41])
    replies: int | None
    reactions_given: int | None
    reactions_received: int | None
    days: int | None = Field(description="Days on which they did anything.")
    first_date: date | None
    last_date: date | None
    lecture_days: int | None
    active_days: int | None
    last_written_date: date | None
    silent_lecture_days: int | None
    average_last_4: float | None
    average_previous_4: float | None
    asked: int | None = Field(description="Questions asked in lectures.")
    asked_and_answered: int | None
    answered: int | None = Field(description="Questions of others that they answered.")


class Day(ApiModel):
    """What somebody did on a date."""

    local_date: date
    messages: int
    reactions_given: int
    reactions_received: int


class OneWord(ApiModel):
    """A word that somebody uses."""

    lemma: str = Field(examples=["함수"])
    occurrences: int = Field(examples=[4])


class PersonSummary(ApiModel):
    """Somebody's participation."""

    person_id: str
    name: str
    role: str
    team: str | None
    figures: Participation
    days: list[Day] = Field(description="By date, oldest first.")
    words: list[OneWord] = Field(description="Words used most.")
    own_words: list[OneWord] = Field(description="Words that tell the person from the room.")


@router.get("", response_model=Page[Person])
def people(
    visit: PeopleReader, response: Response, limit: Limit = USUAL, cursor: TextCursor = None
) -> dict[str, Any]:
    """People of the class with their participation, for staff."""
    keepable(visit, response)
    rows = visit.published.query(_PEOPLE, {"after": key_of(cursor), "limit": limit + 1})
    return page_of(visit, response, rows, limit, lambda row: row["person_id"])


@router.get("/me", response_model=PersonSummary)
def me(visit: PersonReader) -> dict[str, Any]:
    """One's own participation; 404 until an operator has linked the account to a person."""
    if visit.person_id is None:
        raise WebError("CP-WEB-001")
    return _summary(visit, visit.person_id)


@router.get("/{person_id}", response_model=PersonSummary)
def person(
    visit: PeopleReader, person_id: Annotated[str, Path(max_length=100, description="Id of the person.")]
) -> dict[str, Any]:
    """Somebody's participation, for staff; the person sees that they looked."""
    found = _summary(visit, person_id)
    if person_id != visit.person_id:
        visit.audit(VIEWED, person_id, by="api")
    return found


def _summary(visit: Any, person_id: str) -> dict[str, Any]:
    published = visit.published
    found = people_figures.person(published, person_id)
    if found is None:
        raise WebError("CP-WEB-001")
    return {
        **found,
        "figures": people_figures.figures(published, person_id),
        "days": people_figures.days(published, person_id),
        "words": people_figures.words(published, person_id),
        "own_words": people_figures.own_words(published, person_id),
    }
