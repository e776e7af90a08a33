"""The first page of operators, and how new each table is.

What belongs here: the state of everything at a glance. What does not: details, each of which has a page.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from chat_platform.errors import CATALOGUE
from chat_platform.storage.captures import captures
from chat_platform.web import access
from chat_platform.web.dagster_links import JOBS, DagsterLinks
from chat_platform.web.freshness import freshness
from chat_platform.web.health import check_health
from chat_platform.web.pages.operations.identities import unpublished_decisions, waiting

router = APIRouter(prefix="/c/{class_id}/operations")


@router.get("")
def overview(visit: access.Operator) -> Response:
    """States of conversations, records that are missing, what waits for publication, health."""
    workspace, now = visit.room.workspace, datetime.now(UTC)
    quality = visit.published.kept(
        "operations.quality",
        lambda: visit.published.query("select * from marts.data_quality order by source, kind"),
    )
    return visit.page(
        "operations/overview.html",
        health=check_health(visit.services),
        states=sorted(workspace.ledger.states().items()),
        unpublished=len(workspace.ledger.unpublished()),
        catalogue=CATALOGUE,
        captures=[(capture, capture.problem(now)) for capture in captures(workspace.settings.home)],
        undecided_names=len(waiting(visit)),
        pending_decisions=len(unpublished_decisions(visit.published, workspace.decisions.list())),
        quality=quality,
        version=visit.published.version,
        links=DagsterLinks.of(visit.services.settings),
        jobs=JOBS,
    )


@router.get("/freshness")
def tables(visit: access.Operator) -> Response:
    """Rows and newest data of every published table."""
    return visit.page(
        "operations/freshness.html",
        tables=freshness(visit.published),
        version=visit.published.version,
        unpublished=len(visit.room.workspace.ledger.unpublished()),
        links=DagsterLinks.of(visit.services.settings),
    )
