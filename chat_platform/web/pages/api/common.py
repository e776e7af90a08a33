"""What all routes of the API have in common.

What belongs here: rules with scopes, answers that a client may keep, lists in pages, the shape of errors. What does
not: any route.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from chat_platform.errors import WebError
from chat_platform.web.access import EVERYBODY, STAFF, Rule, Visit

MOST = 500
"""Most items in one answer."""
USUAL = 100

T = TypeVar("T")


class Fault(BaseModel):
    """What went wrong, in words."""

    code: str = Field(description="Stable code; `docs/errors.md` lists them all.", examples=["CP-WEB-001"])
    what: str = Field(description="What happened, in the reader's language.")
    why: str = Field(description="Why it may have happened.")
    remedy: str = Field(description="What to do about it.")
    detail: str = Field(description="Facts of this case; may be empty.")


class Problem(BaseModel):
    """Every answer of 400 and above."""

    error: Fault


def _problem(description: str) -> dict[str, Any]:
    return {"model": Problem, "description": description}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("What was sent cannot be read: it is no JSON."),
    401: _problem("No token and no session, or one that has ended."),
    403: _problem("The role or the token's scopes do not allow it."),
    404: _problem("There is no such thing, or it is not open to you."),
    405: _problem("The address knows other methods; the header `Allow` names them."),
    409: _problem("Somebody changed it meanwhile."),
    413: _problem("The request is larger than any that this API needs."),
    422: _problem("A parameter is missing, unknown or out of bounds."),
    429: _problem("Too many requests; `Retry-After` says for how many seconds to wait."),
    500: _problem("A defect of ours."),
    503: _problem("The app database or the published tables cannot be read at the moment."),
}
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "What `If-None-Match` names still holds."}}


class ApiModel(BaseModel):
    """A part of an answer; a row of a table may have more columns than are told."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)


class Page(ApiModel, Generic[T]):
    """Some items of a list, and where it goes on."""

    items: list[T] = Field(description="In the order of the list.")
    next: str | None = Field(
        description="Pass it as `cursor` for the items after these; null at the end. "
        "The header `Link` holds the whole address.",
        examples=["0000002a"],
    )


@dataclass(frozen=True)
class ApiRule(Rule):
    """A rule of the API: beside who may, which parameters there are, and how often a token may ask."""

    async def __call__(self, request: Request) -> Visit:
        """Who asks, and whether that is allowed.

        Raises:
            WebError: as ``Rule``; CP-WEB-006 for unknown and repeated parameters, CP-WEB-007.
        """
        visit = await super().__call__(request)
        if visit.visitor is not None and visit.visitor.scopes is not None:
            visit.services.api_limits.take(visit.visitor.account_id)
        _refuse_unknown(request)
        return visit


def _refuse_unknown(request: Request) -> None:
    route = request.scope["route"]
    known = {field.alias for field in route.dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = sorted({name for name in given if name not in known or given.count(name) > 1})
    if wrong:
        raise WebError("CP-WEB-006", ", ".join(wrong)[:200])


AnyToken = Annotated[Visit, Depends(ApiRule("signed in, or a token", scope="read:account"))]
LectureReader = Annotated[Visit, Depends(ApiRule("member, read:lectures", EVERYBODY, scope="read:lectures"))]
SpeakerReader = Annotated[Visit, Depends(ApiRule("staff, read:lectures", STAFF, scope="read:lectures"))]
TileReader = Annotated[Visit, Depends(ApiRule("member, read:tiles", EVERYBODY, scope="read:tiles"))]
QuestionReader = Annotated[
    Visit, Depends(ApiRule("member, read:questions", EVERYBODY, scope="read:questions"))
]
AnswerWriter = Annotated[Visit, Depends(ApiRule("member, write:answers", EVERYBODY, scope="write:answers"))]
PersonReader = Annotated[Visit, Depends(ApiRule("member, read:people", EVERYBODY, scope="read:people"))]
PeopleReader = Annotated[Visit, Depends(ApiRule("staff, read:people", STAFF, scope="read:people"))]
OperationsReader = Annotated[
    Visit, Depends(ApiRule("operator, read:operations", frozenset({"operator"}), scope="read:operations"))
]

Limit = Annotated[int, Query(ge=1, le=MOST, description="Most items in the answer.")]
_CURSOR = "`next` of the answer before; without it the list begins."
# Every text that fits a pattern is a place in the list, so that no cursor has to be refused for what it holds.
TextCursor = Annotated[
    str | None, Query(max_length=1600, pattern=r"^([0-9a-f][0-9a-f])+$", description=_CURSOR)
]
NumberCursor = Annotated[str | None, Query(pattern=r"^[0-9a-f]{8}$", description=_CURSOR)]


def cursor_of(key: str | int) -> str:
    """The place in a list behind the item with this key."""
    return f"{key:08x}" if isinstance(key, int) else key.encode().hex()


def key_of(cursor: str | None) -> str | None:
    """The key of a place in a list that is ordered by a text."""
    return None if cursor is None else bytes.fromhex(cursor).decode(errors="replace").replace("\0", "\ufffd")


def number_of(cursor: str | None) -> int:
    """The number of a place in a list that is ordered by one; -1 at its beginning."""
    return -1 if cursor is None else int(cursor, 16)


def page_of(
    visit: Visit,
    response: Response,
    rows: Sequence[dict[str, Any]],
    limit: int,
    key: Callable[[dict[str, Any]], str | int],
) -> dict[str, Any]:
    """A page of a list.

    Args:
        visit: the request.
        response: gets the header ``Link``.
        rows: of a query with ``limit + 1``: one more than is shown tells that the list goes on.
        limit: items shown.
        key: of a row, by which the list is ordered.
    """
    items = list(rows[:limit])
    return {"items": items, "next": page_link(visit, response, key(items[-1]) if len(rows) > limit else None)}


def page_link(visit: Visit, response: Response, key: str | int | None) -> str | None:
    """The cursor of what follows, also as header ``Link``; ``None`` at the end."""
    if key is None:
        return None
    address = visit.request.url.include_query_params(cursor=cursor_of(key))
    response.headers["link"] = f'<{address.path}?{address.query}>; rel="next"'
    return cursor_of(key)


class NotModifiedError(Exception):
    """What the client has still holds."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


def keepable(visit: Visit, response: Response, *more: Hashable) -> None:
    """Say by which mark a client may ask again, for an answer that depends on the published tables only.

    Call it before any query: an unchanged answer costs none.

    Args:
        visit: the request.
        response: gets the headers.
        more: what the answer depends on beside the published tables.

    Raises:
        NotModifiedError: answered as 304.
        StorageError, WebError: as ``PinnedReader.version``.
    """
    version = visit.published.version
    parts = (
        version.number,
        version.build_signature,
        visit.room.class_id,
        visit.role,
        visit.person_id,
        visit.language,
        visit.request.url.path,
        visit.request.url.query,
        *more,
    )
    headers = _kept_headers(hashlib.sha256(repr(parts).encode()).hexdigest()[:32])
    headers["last-modified"] = format_datetime(version.published_at, usegmt=True)
    if _is_known(visit.request, headers["etag"]):
        raise NotModifiedError(headers)
    response.headers.update(headers)


class ApiRoute(APIRoute):
    """A route whose answers can be asked for again cheaply: one without a mark gets that of its content."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the answer's mark."""
        handle = super().get_route_handler()

        async def marked(request: Request) -> Response:
            try:
                response = await handle(request)
            except NotModifiedError as known:
                return Response(status_code=304, headers=known.headers)
            if request.method != "GET" or response.status_code != 200 or "etag" in response.headers:
                return response
            headers = _kept_headers(hashlib.sha256(bytes(response.body)).hexdigest()[:32])
            if _is_known(request, headers["etag"]):
                return Response(status_code=304, headers=headers)
            response.headers.update(headers)
            return response

        return marked


def _kept_headers(mark: str) -> dict[str, str]:
    return {
        "etag": f'"{mark}"',
        "cache-control": "private, no-cache",
        "vary": "Authorization, Cookie, Accept-Language",
    }


def _is_known(request: Request, etag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (etag, "*") for part in given.split(","))
