"""Whether every conversation is there, and the records that could not be used.

What belongs here: the pages of the ledger and of quarantine. What does not: changing a state: a run does that.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chat_platform.errors import CATALOGUE
from chat_platform.storage.ledger import LedgerFilter, unaccounted
from chat_platform.web import access
from chat_platform.web.dagster_links import DagsterLinks
from chat_platform.web.parameters import PAGE_SIZE, Day, PageNumber, Word

router = APIRouter(prefix="/c/{class_id}/operations")

STATES = ("announced", "fetched", "parsed", "failed", "quarantined", "gone")

_QUARANTINE = """
    select source, conversation_id, position, reason, detail, excerpt
    from core.quarantine
    where ($reason is null or reason = $reason) and ($source is null or source = $source)
        and ($conversation is null or conversation_id = $conversation)
    order by source, conversation_id, position, quarantine_id
    limit $limit offset $offset
"""


@router.get("/ledger")
def ledger(
    visit: access.Operator,
    state: Annotated[Word, Query()] = None,
    source: Annotated[Word, Query()] = None,
    reason: Annotated[Word, Query()] = None,
    since: Annotated[Day, Query()] = None,
    until: Annotated[Day, Query()] = None,
    page: Annotated[PageNumber, Query()] = 1,
) -> Response:
    """Conversations with their state, reason and counts."""
    store = visit.room.workspace.ledger
    wanted = LedgerFilter(state, source, reason, since, until)
    totals = store.totals(wanted)
    rows = store.page(wanted, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return visit.page(
        "operations/ledger.html",
        rows=[{**row, "unaccounted": unaccounted(row)} for row in rows],
        totals={**totals, "unaccounted": unaccounted(totals)},
        pages=max(1, -(-totals["conversations"] // PAGE_SIZE)),
        page=page,
        wanted=wanted,
        states=STATES,
        sources=sorted({source for source, _ in store.states()}),
        reasons=store.reasons(),
        catalogue=CATALOGUE,
        links=DagsterLinks.of(visit.services.settings),
    )


@router.get("/quarantine")
def quarantine(
    visit: access.Operator,
    reason: Annotated[Word, Query()] = None,
    source: Annotated[Word, Query()] = None,
    conversation: Annotated[Word, Query()] = None,
    page: Annotated[PageNumber, Query()] = 1,
) -> Response:
    """Records that could not be used, with the reason and how they begin."""
    reasons = visit.published.kept(
        "operations.reasons",
        lambda: visit.published.query(
            "select * from marts.quarantine_reasons order by level, records desc, source, reason"
        ),
    )
    rows = visit.published.query(
        _QUARANTINE,
        {
            "reason": reason,
            "source": source,
            "conversation": conversation,
            "limit": PAGE_SIZE + 1,
            "offset": (page - 1) * PAGE_SIZE,
        },
    )
    return visit.page(
        "operations/quarantine.html",
        reasons=reasons,
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        reason=reason,
        source=source,
        conversation=conversation,
        catalogue=CATALOGUE,
    )
