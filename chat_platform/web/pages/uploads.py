"""Upload of a chat that somebody saved in Zoom, with its date.

What belongs here: the routes and what is noted in the log. What does not: the format and what an import writes
(``ingestion.imports``, the same as ``chatp import zoom``), files that wait (``pending_uploads``).

Nothing is imported before somebody has seen what was understood. A confirmed file lies in the vault and the ledger
says ``fetched``; the sensor takes it from there, as it does with files of the command line and of the inbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import ChatPlatformError, WebError
from chat_platform.ingestion.imports import ChatImport, import_saved_chat, plan_saved_chat
from chat_platform.ingestion.recordings import FILE_SOURCE
from chat_platform.storage.ledger import LedgerFilter
from chat_platform.web import access
from chat_platform.web.access import Visit
from chat_platform.web.failures import STATUS, in_words
from chat_platform.web.pending_uploads import PendingUpload, PendingUploads, check_is_text

router = APIRouter()

UPLOADED = "upload.checked"
IMPORTED = "upload.imported"
DROPPED = "upload.dropped"
EARLIEST = date(2010, 1, 1)
LISTED = 30
LONGEST_TITLE = 200


@dataclass(frozen=True)
class Understood:
    """What was understood of a file, without a word of what anybody wrote.

    Attributes:
        found: the import as it would be.
        day: date of the meeting, as the file or the form says.
        dialects: form of the lines → how many of them.
        direct: direct messages, which are counted and never shown.
        reasons: why records could not be used → how many.
    """

    found: ChatImport
    title: str | None
    day: date | None
    dialects: dict[str, int]
    people: int
    direct: int
    reasons: dict[str, int]


@router.get("/c/{class_id}/uploads")
def uploads(visit: access.Staff) -> Response:
    """The form, and what was uploaded before."""
    return _form(visit)


@router.post("/c/{class_id}/uploads")
def upload(
    visit: access.Staff,
    file: Annotated[UploadFile, File()],
    day: Annotated[str, Form(max_length=40)] = "",
    title: Annotated[str, Form(max_length=LONGEST_TITLE)] = "",
) -> Response:
    """Look at a file; it waits for a decision."""
    data = file.file.read()
    try:
        check_is_text(data)
        held = _pending(visit).keep(
            visit.account.account_id,
            file.filename or "",
            data,
            day=_day(visit, day),
            title=" ".join(title.split()) or None,
        )
        try:
            _understood(visit, held)
        except ChatPlatformError:
            _pending(visit).drop(held)
            raise
    except ChatPlatformError as error:
        return _form(visit, error, day=day, title=title)
    visit.audit(UPLOADED, held.name, bytes=len(data))
    return RedirectResponse(f"/c/{visit.room.class_id}/uploads/{held.upload_id}", 303)


@router.get("/c/{class_id}/uploads/{upload_id}")
def preview(visit: access.Staff, upload_id: str) -> Response:
    """What was understood of a file, to be confirmed or dropped."""
    held = _pending(visit).get(upload_id, visit.account.account_id)
    return visit.page("uploads/preview.html", held=held, understood=_understood(visit, held))


@router.post("/c/{class_id}/uploads/{upload_id}/confirm")
def confirm(visit: access.Staff, upload_id: str) -> Response:
    """Import the file as the command line does."""
    held = _pending(visit).get(upload_id, visit.account.account_id)
    found = import_saved_chat(visit.room.workspace, held.name, held.data, day=held.day, title=held.title)
    _pending(visit).drop(held)
    visit.audit(IMPORTED, found.conversation_id, file=held.name, new=found.new)
    return RedirectResponse(f"/c/{visit.room.class_id}/imports/{found.conversation_id}", 303)


@router.post("/c/{class_id}/uploads/{upload_id}/drop")
def drop(visit: access.Staff, upload_id: str) -> Response:
    """Forget the file."""
    held = _pending(visit).get(upload_id, visit.account.account_id)
    _pending(visit).drop(held)
    visit.audit(DROPPED, held.name)
    return RedirectResponse(f"/c/{visit.room.class_id}/uploads", 303)


@router.get("/c/{class_id}/imports/{conversation_id}")
def imported(visit: access.Staff, conversation_id: str) -> Response:
    """How far a confirmed file has come, as the ledger has it."""
    entry = visit.room.workspace.ledger.get(conversation_id)
    if entry is None or entry["source"] != FILE_SOURCE:
        raise WebError("CP-WEB-001")
    waiting = {*visit.room.workspace.ledger.due(FILE_SOURCE), *visit.room.workspace.ledger.unpublished()}
    page = "uploads/state.html" if visit.request.headers.get("hx-request") else "uploads/imported.html"
    return visit.page(
        page, entry=entry, published=entry["state"] == "parsed" and conversation_id not in waiting
    )


def _form(visit: Visit, error: ChatPlatformError | None = None, **typed: str) -> Response:
    ledger = visit.room.workspace.ledger
    wanted = LedgerFilter(source=FILE_SOURCE)
    total = ledger.totals(wanted)["conversations"]
    return visit.page(
        "uploads/form.html",
        status=STATUS.get(error.code, 422) if error else 200,
        error=in_words(visit, error) if error else None,
        detail=error.detail if error else "",
        typed={"day": "", "title": "", **typed},
        earlier=ledger.page(wanted, limit=LISTED, offset=max(0, total - LISTED)),
        largest_mb=visit.services.settings.web.largest_upload_mb,
        today=datetime.now(visit.services.settings.zone).date(),
    )


def _day(visit: Visit, typed: str) -> date | None:
    """The date typed, or ``None``: the file or its name may say it.

    Raises:
        WebError: CP-WEB-063.
    """
    if not typed.strip():
        return None
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError as error:
        raise WebError("CP-WEB-063", typed[:40]) from error
    if not EARLIEST <= day <= datetime.now(visit.services.settings.zone).date():
        raise WebError("CP-WEB-063", day.isoformat())
    return day


def _understood(visit: Visit, held: PendingUpload) -> Understood:
    found, entry, _ = plan_saved_chat(
        visit.room.workspace, held.name, held.data, day=held.day, title=held.title
    )
    counts: dict[str, Any] = {"dialects": {}, "reasons": {}}
    for report in found.parsed.report.files:
        for dialect, lines in report.dialects.items():
            counts["dialects"][dialect] = counts["dialects"].get(dialect, 0) + lines
    for record in found.parsed.quarantined:
        counts["reasons"][record.reason] = counts["reasons"].get(record.reason, 0) + 1
    messages = found.parsed.messages
    return Understood(
        found,
        entry.title,
        entry.conversation_date,
        counts["dialects"],
        people=len({message.author_name for message in messages}),
        direct=sum(message.visibility == "direct" for message in messages),
        reasons=dict(sorted(counts["reasons"].items(), key=lambda pair: -pair[1])),
    )


def _pending(visit: Visit) -> PendingUploads:
    return PendingUploads(visit.room.workspace.settings.home / "uploads")
