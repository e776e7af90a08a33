"""The API's own description: OpenAPI for programs, a page for people.

What belongs here: the two routes. What does not: making the description (``web.api_document``). Whoever is signed in,
or holds any token with ``read:account``, may read it.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from chat_platform.web.api_document import openapi_document, operations, scopes
from chat_platform.web.markdown import to_html
from chat_platform.web.pages.api.common import AnyToken, ApiRoute

router = APIRouter(route_class=ApiRoute, include_in_schema=False)


@router.get("/openapi.json")
def openapi(visit: AnyToken, request: Request) -> dict[str, Any]:
    """OpenAPI 3.1."""
    return _document(visit, request)


@router.get("/docs")
def docs(visit: AnyToken, request: Request) -> Response:
    """The same for people."""
    document = _document(visit, request)
    found = operations(document)
    return visit.page(
        "api/docs.html",
        introduction=to_html(document["info"]["description"]),
        tags=list(dict.fromkeys(operation.tag for operation in found)),
        operations=found,
        scopes=scopes(),
    )


def _document(visit: AnyToken, request: Request) -> dict[str, Any]:
    state = request.app.state
    if not hasattr(state, "api_document"):
        state.api_document = openapi_document(request.app.routes, visit.services.base_url)
    return state.api_document
