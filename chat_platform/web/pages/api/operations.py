"""Operations, for operators: completeness, quarantine, models, publication.

What belongs here: reading. What does not: decisions, which a person makes on the pages.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from chat_platform.ingestion.model_versions import ModelVersions
from chat_platform.storage.ledger import LedgerFilter, unaccounted
from chat_platform.web.freshness import freshness
from chat_platform.web.pages.api.common import (
    USUAL,
    ApiModel,
    ApiRoute,
    Limit,
    OperationsReader,
    Page,
    TextCursor,
    keepable,
    key_of,
    page_of,
)
from chat_platform.web.parameters import IsoDate

router = APIRouter(prefix="/c/{class_id}/operations", route_class=ApiRoute, tags=["operations"])

State = Literal["announced", "fetched", "parsed", "failed", "quarantined", "gone"]
_QUARANTINE = """
    select quarantine_id, source, conversation_id, position, reason, detail, excerpt
    from core.quarantine
    where ($reason is null or reason = $reason) and ($conversation is null or conversation_id = $conversation)
        and ($after is null or quarantine_id > $after)
    order by quarantine_id
    limit $limit
"""


class LedgerRow(ApiModel):
    """A conversation and how far it has come."""

    conversation_id: str = Field(examples=["zoom-20260302-5b7e2c1a7647"])
    source: str = Field(examples=["zoom"])
    kind: str = Field(examples=["recording"])
    title: str | None
    conversation_date: date | None
    state: str = Field(examples=["parsed"])
    reason: str | None = Field(description="Error code when it failed.", examples=["CP-ZOOM-002"])
    attempts: int
    next_attempt_at: datetime | None
    fetched_at: datetime | None
    parsed_at: datetime | None
    records: int | None = Field(description="Records in the raw answer; null until it was parsed.")
    messages: int | None
    replies: int | None
    reactions: int | None
    removals: int | None
    quarantined: int | None
    duplicates: int | None
    unaccounted: int | None = Field(description="Records that none of these explains; 0 when all is well.")
    published_version: int | None = Field(description="Published version that first held it.")
    updated_at: datetime


class QuarantinedRecord(ApiModel):
    """A record that could not be used."""

    quarantine_id: str
    source: str
    conversation_id: str
    position: int = Field(description="Line of the file or index in the answer.")
    reason: str = Field(examples=["system_message"])
    detail: str | None
    excerpt: str | None = Field(description="How it begins.")


class ModelVersion(ApiModel):
    """A version of a model."""

    model: str = Field(examples=["question"])
    version: str = Field(examples=["linear-0c1f5d2e7a90"])
    state: str = Field(description="`candidate`, `champion`, `refused` or `retired`.", examples=["champion"])
    created: str = Field(description="ISO time; empty when its files are damaged.")
    rows: int | None = Field(description="Rows it was trained on.")
    threshold: float | None
    figures: str = Field(description="Figures of its evaluation, or what is wrong with its files.")


class PublishedTable(ApiModel):
    """A published table and how new it is."""

    table_schema: str = Field(examples=["marts"])
    name: str = Field(examples=["lectures"])
    rows: int
    newest: datetime | date | None = Field(description="Largest value of `column`.")
    column: str | None = Field(description="Column that says when something happened.")


class Published(ApiModel):
    """The published version and its tables."""

    version: int = Field(examples=[12])
    published_at: datetime
    waiting: int = Field(description="Conversations that are finished and not in it.")
    tables: list[PublishedTable]


@router.get("/ledger", response_model=Page[LedgerRow])
def ledger(
    visit: OperationsReader,
    response: Response,
    state: State | None = None,
    source: Annotated[str | None, Query(max_length=40, pattern=r"^[^\x00]*$")] = None,
    since: Annotated[IsoDate | None, Query(description="First date.")] = None,
    until: Annotated[IsoDate | None, Query(description="Last date.")] = None,
    limit: Limit = USUAL,
    cursor: TextCursor = None,
) -> dict[str, Any]:
    """The completeness ledger, by id."""
    wanted = LedgerFilter(state=state, source=source, since=since, until=until)
    rows = visit.room.workspace.ledger.page(wanted, limit=limit + 1, after=key_of(cursor))
    found = [{**row, "unaccounted": unaccounted(row)} for row in rows]
    return page_of(visit, response, found, limit, lambda row: row["conversation_id"])


@router.get("/quarantine", response_model=Page[QuarantinedRecord])
def quarantine(
    visit: OperationsReader,
    response: Response,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    conversation: Annotated[str | None, Query(max_length=400)] = None,
    limit: Limit = USUAL,
    cursor: TextCursor = None,
) -> dict[str, Any]:
    """Records that could not be used, by id."""
    keepable(visit, response)
    wanted = {"reason": reason, "conversation": conversation, "after": key_of(cursor), "limit": limit + 1}
    rows = visit.published.query(_QUARANTINE, wanted)
    return page_of(visit, response, rows, limit, lambda row: row["quarantine_id"])


@router.get("/models", response_model=list[ModelVersion])
def models(visit: OperationsReader) -> list[dict[str, Any]]:
    """Every version of every model, the latest first."""
    workspace = visit.room.workspace
    versions = ModelVersions.of(workspace.settings, workspace.database)
    return [row for name in versions.store.names() for row in versions.rows(name)]


@router.get("/publication", response_model=Published)
def publication(visit: OperationsReader) -> dict[str, Any]:
    """The published version, and how new each of its tables is."""
    version = visit.published.version
    return {
        "version": version.number,
        "published_at": version.published_at,
        "waiting": len(visit.room.workspace.ledger.unpublished()),
        "tables": [
            {
                "table_schema": table.schema,
                "name": table.name,
                "rows": table.rows,
                "newest": table.newest,
                "column": table.column,
            }
            for table in freshness(visit.published)
        ],
    }
