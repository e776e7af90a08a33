"""Who is behind a name: suggestions to decide, and the log of what was decided.

What belongs here: the pages, and which decisions the published tables do not know yet. What does not: the rules
(``people.identity``) and the log (``storage.decisions``), which `chatp people` uses, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path
from starlette.responses import RedirectResponse, Response

from chat_platform.errors import WebError
from chat_platform.people.identity import Suggestion
from chat_platform.storage.decisions import Merge
from chat_platform.tables.class_chat import IDENTITIES, PEOPLE
from chat_platform.web import access
from chat_platform.web.dagster_links import DagsterLinks
from chat_platform.web.parameters import LARGEST, Text, Word
from chat_platform.web.published import PinnedReader

router = APIRouter(prefix="/c/{class_id}/operations/identities")

SHOWN = 200
"""Most suggestions and decisions on one page: those of the names that were used most, and the latest."""

Kind = Literal["accept", "refuse", "split", "lock"]


@router.get("")
def identities(visit: access.Operator) -> Response:
    """Suggestions, names that were decided, and the log."""
    lake = visit.room.workspace.lake
    names = {row["identity_id"]: row for row in lake.read(IDENTITIES).to_pylist()}
    people = {row["person_id"]: row for row in lake.read(PEOPLE).to_pylist()}
    decisions = list(visit.room.workspace.decisions.list())
    suggestions = waiting(visit)
    return visit.page(
        "operations/identities.html",
        suggestions=suggestions[:SHOWN],
        more=len(suggestions) - SHOWN,
        unique=sum(item.unique for item in suggestions),
        names=names,
        people=people,
        decisions=decisions[::-1][:SHOWN],
        pending={row["decision_id"] for row in unpublished_decisions(visit.published, decisions)},
        links=DagsterLinks.of(visit.services.settings),
    )


@router.post("/decisions")
def decide(
    visit: access.Operator,
    kind: Annotated[Kind, Form()],
    identity_id: Annotated[Text, Form()],
    person_id: Annotated[Word, Form()] = None,
    evidence: Annotated[Word, Form()] = None,
) -> Response:
    """Accept or refuse a suggestion, split a name off or lock it."""
    log, by = visit.room.workspace.decisions, visit.account.name
    if kind == "accept":
        if person_id is None:
            raise WebError("CP-WEB-006", "person_id")
        number = log.merge(identity_id, person_id, by=by, evidence=evidence)
    elif kind == "lock":
        number = log.lock(identity_id, by=by, evidence=evidence)
    else:
        refused = f"suggestion refused: {person_id}" if kind == "refuse" else None
        number = log.split(identity_id, by=by, evidence=evidence or refused)
    visit.audit("identity decided", identity_id, kind=kind, person_id=person_id, decision=number)
    return _back(visit)


@router.post("/accept-unique")
def accept_unique(visit: access.Operator) -> Response:
    """Accept every suggestion that only one person fits, all or none."""
    chosen = [item for item in waiting(visit) if item.unique]
    if chosen:
        merges = [Merge(item.identity_id, item.person_id, item.evidence) for item in chosen]
        numbers = visit.room.workspace.decisions.merge_all(merges, by=visit.account.name)
        visit.audit("identities decided", kind="accept", decisions=numbers)
    return _back(visit)


@router.post("/decisions/{decision_id}/undo")
def undo(visit: access.Operator, decision_id: Annotated[int, Path(ge=1, le=LARGEST)]) -> Response:
    """Take a decision back."""
    visit.room.workspace.decisions.undo(decision_id, by=visit.account.name)
    visit.audit("identity decision undone", str(decision_id))
    return _back(visit)


def waiting(visit: access.Visit) -> list[Suggestion]:
    """Suggestions about names that nobody has decided since the last resolution."""
    from chat_platform.ingestion.people import open_suggestions

    workspace = visit.room.workspace
    decided = {row["identity_id"] for row in workspace.decisions.list() if row["undone_at"] is None}
    return [item for item in open_suggestions(workspace) if item.identity_id not in decided]


def unpublished_decisions(
    published: PinnedReader, decisions: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Decisions that were made or undone after the published version was built."""
    known = {
        row["decision_id"]: row["undone"]
        for row in published.query(
            "select decision_id, undone_at is not null as undone from core.identity_decisions"
        )
    }
    # A decision that was undone before it was ever published changes nothing there: as if it were published undone.
    return [row for row in decisions if known.get(row["decision_id"], True) != (row["undone_at"] is not None)]


def _back(visit: access.Visit) -> Response:
    return RedirectResponse(f"/c/{visit.room.class_id}/operations/identities", 303)
