"""What people say is a question, and what is not: labels for training, and the queue of the most uncertain messages.

What belongs here: the routes. What does not: the log (``storage.labels``), what counts on the board
(``storage.verdicts``), training (a job of the graph).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from chat_platform.errors import ModelError, WebError
from chat_platform.storage.board import BoardStore
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.notifications import NotificationStore
from chat_platform.storage.review import uncertain_pool
from chat_platform.storage.verdicts import signature
from chat_platform.web import access
from chat_platform.web.board import Board
from chat_platform.web.dagster_links import DagsterLinks
from chat_platform.web.pages.questions import Typed, address_of
from chat_platform.web.parameters import LARGEST
from chat_platform.web.published import PinnedReader
from chat_platform.web.surroundings import neighbours, public_message
from chat_platform.web.writing import allow_write, back, wants_part

router = APIRouter()

POOL = 2_000
"""Predictions that the queue of a published version is made from."""
RETRAINING = "retrain_question_model"


@router.get("/c/{class_id}/questions/uncertain")
def queue(visit: access.Member, skip: Annotated[int, Query(ge=0, le=POOL)] = 0) -> Response:
    """The message of which the model is least sure and that nobody spoke of."""
    return _queue(visit, skip)


@router.post("/c/{class_id}/labels")
def label(
    visit: access.Member,
    message_id: Typed,
    is_question: Typed,
    conversation_id: Typed = "",
    next: Typed = "",
    skip: Typed = "",
) -> Response:
    """Say whether a message is a question.

    Raises:
        WebError: CP-WEB-001 for a message that the class cannot see, CP-WEB-006.
    """
    allow_write(visit)
    if is_question not in ("yes", "no"):
        raise WebError("CP-WEB-006", "is_question")
    message = public_message(visit, message_id, conversation_id)
    if message is None:
        raise WebError("CP-WEB-001")
    before = _is_on_board(visit, message_id)
    number = _log(visit).correct(message_id, is_question == "yes", by=signature(visit.account.account_id))
    if not before and _is_on_board(visit, message_id):
        _tell_author(visit, message)
    if wants_part(visit):
        if skip.isascii() and skip.isdecimal():
            return _queue(visit, min(int(skip), POOL), undo=number)
        return visit.page("questions/label.html", label=_log(visit).get(number), next=next)
    return back(visit, next, address_of(visit, message_id))


@router.post("/c/{class_id}/labels/{correction_id}/undo")
def undo(
    visit: access.Member,
    correction_id: Annotated[int, Path(ge=1, le=LARGEST)],
    next: Typed = "",
    skip: Typed = "",
) -> Response:
    """Take an own word back, or as staff anybody's.

    Raises:
        WebError: CP-WEB-001, CP-WEB-023.
        ModelError: CP-ML-017 when it was taken back before.
    """
    allow_write(visit)
    found, own = _log(visit).get(correction_id), signature(visit.account.account_id)
    if found is None or public_message(visit, found["message_id"]) is None:
        raise WebError("CP-WEB-001")
    if found["corrected_by"] != own and not visit.is_staff:
        raise WebError("CP-WEB-023")
    _log(visit).undo(correction_id, by=own)
    if wants_part(visit):
        if skip.isascii() and skip.isdecimal():
            return _queue(visit, min(int(skip), POOL))
        return visit.page("questions/label.html", label=_log(visit).get(correction_id), next=next)
    return back(visit, next, address_of(visit, found["message_id"]))


def retraining(visit: access.Visit) -> dict[str, Any]:
    """How far the next training is.

    Keys: waiting (corrections since the last one), needed (before the next), link (to it, for staff; else ``None``).
    """
    from chat_platform.ingestion.model_state import corrections_waiting

    workspace = visit.room.workspace
    try:
        waiting = corrections_waiting(workspace)
    except ModelError:
        # The last training left its note in a lake that is no folder: all corrections are counted.
        waiting = _log(visit).count_since()
    link = DagsterLinks.of(visit.services.settings).job(RETRAINING) if visit.is_staff else None
    return {"waiting": waiting, "needed": workspace.settings.models.corrections_needed, "link": link}


def uncertain_messages(published: PinnedReader) -> list[dict[str, Any]]:
    """Messages of which the model is least sure (``uncertain_pool``), of the version that is read."""
    return published.kept(
        ("uncertain messages",), lambda: uncertain_pool(published.query, POOL), lasting=True, large=True
    )


def _queue(visit: access.Visit, skip: int, undo: int | None = None) -> Response:
    pool = uncertain_messages(visit.published)
    standing = _log(visit).standing()
    said = {row["message_id"] for row in standing}
    texts = {row["clean_text"] for row in pool if row["message_id"] in said}
    left = [row for row in pool if row["message_id"] not in said and row["clean_text"] not in texts]
    row = left[skip] if skip < len(left) else None
    own = signature(visit.account.account_id)
    return visit.page(
        "questions/queue_card.html" if wants_part(visit) else "questions/queue.html",
        message=row,
        chat=neighbours(visit, row["conversation_id"], row["message_id"], Board(visit).hidden())
        if row
        else [],
        left=len(left),
        skip=skip,
        undo=undo,
        predicted=bool(pool),
        mine=sum(row["corrected_by"] == own for row in standing),
        training=retraining(visit),
    )


def _is_on_board(visit: access.Visit, message_id: str) -> bool:
    question = Board(visit).question(message_id)
    return question is not None and question.state != "not_question"


def _tell_author(visit: access.Visit, message: dict[str, Any]) -> None:
    """Tell who wrote a message that it is a question now."""
    if message["person_id"] is None:
        return
    class_id, database = visit.room.class_id, visit.services.database
    account_id = BoardStore(database, class_id).account_of(message["person_id"])
    if account_id is not None:
        NotificationStore(database, class_id).became_question(
            message["message_id"], account_id, actor_id=visit.account.account_id
        )


def _log(visit: access.Visit) -> LabelLog:
    return LabelLog(visit.room.workspace.database)
