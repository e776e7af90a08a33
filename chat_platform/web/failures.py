"""What people see when a request cannot be answered.

What belongs here: which error becomes which HTTP status, the page and the JSON that say so. What does not: the errors
(``errors``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from jinja2 import TemplateError
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from chat_platform.errors import ChatPlatformError, WebError
from chat_platform.web.access import Visit
from chat_platform.web.middleware import headers

log = logging.getLogger(__name__)

STATUS = {
    "CP-WEB-001": 404,
    "CP-WEB-002": 401,
    "CP-WEB-003": 403,
    "CP-WEB-004": 403,
    "CP-WEB-005": 413,
    "CP-WEB-006": 422,
    "CP-WEB-007": 429,
    "CP-WEB-008": 503,
    "CP-WEB-009": 503,
    "CP-WEB-010": 401,
    "CP-WEB-011": 403,
    "CP-WEB-012": 401,
    "CP-WEB-014": 404,
    "CP-WEB-016": 409,
    "CP-WEB-017": 400,
    "CP-WEB-018": 503,
    "CP-WEB-019": 403,
    "CP-WEB-030": 403,
    "CP-WEB-031": 409,
    "CP-WEB-032": 503,
    "CP-WEB-033": 409,
    "CP-ML-025": 503,
    "CP-ML-037": 503,
    "CP-WEB-040": 503,
    "CP-WEB-041": 500,
    "CP-WEB-042": 405,
    "CP-WEB-043": 409,
    "CP-STORE-003": 503,
    "CP-WEB-020": 409,
    "CP-WEB-023": 403,
    "CP-WEB-024": 403,
    "CP-WEB-025": 409,
    "CP-WEB-064": 409,
    "CP-WEB-065": 409,
    "CP-WEB-050": 409,
    "CP-WEB-051": 503,
    "CP-WEB-053": 503,
    "CP-WEB-054": 503,
    "CP-WEB-056": 404,
    "CP-WEB-057": 404,
    "CP-WEB-058": 503,
    "CP-STORE-005": 503,
    "CP-STORE-007": 503,
    "CP-STORE-020": 503,
    "CP-STORE-021": 503,
    "CP-STORE-022": 503,
    "CP-STORE-023": 503,
}
"""HTTP status by code; any other coded error is a 422."""


def install(app: FastAPI) -> None:
    """Answer errors in words."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)


def _coded(request: Request, error: ChatPlatformError) -> Response:
    status = STATUS.get(error.code, 422)
    if status >= 500:
        log.warning("%s %s: %s", request.method, request.url.path, error)
    if error.code == "CP-WEB-002" and not _wants_json(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target = f"/sign-in?next={quote(here, safe='')}" if request.method == "GET" else "/sign-in"
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": target})
        return RedirectResponse(target, 303)
    answer = _answer(request, error, status)
    if error.code == "CP-WEB-007":
        seconds = "".join(filter(str.isdecimal, error.detail))
        answer.headers["retry-after"] = seconds or "60"
    return answer


def _unusable(request: Request, error: Exception) -> Response:
    """A value that no column holds: a number of thirty digits, a NUL in a text of PostgreSQL."""
    return _answer(request, WebError("CP-WEB-006", type(error).__name__), 422)


def _database(request: Request, error: Exception) -> Response:
    # The statement and its values may be personal: only the kind of error is logged.
    log.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
    return _answer(request, WebError("CP-WEB-008"), 503)


def _invalid(request: Request, error: RequestValidationError) -> Response:
    names = ", ".join(sorted({str(part["loc"][-1]) for part in error.errors()}))
    return _answer(request, WebError("CP-WEB-006", names), 422)


def _http(request: Request, error: HTTPException) -> Response:
    code = {404: "CP-WEB-001", 405: "CP-WEB-042", 413: "CP-WEB-005"}.get(error.status_code, "CP-WEB-006")
    answer = _answer(request, WebError(code), error.status_code)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        # The router names the methods of the first route with this path only.
        answer.headers["allow"] = ", ".join(_methods(request))
    return answer


def _defect(request: Request, error: Exception) -> Response:
    # Starlette logs the trace after this; it answers outside our middleware, so the headers are set here.
    answer = _answer(request, WebError("CP-WEB-041"), 500)
    answer.headers.update({**headers(), "cache-control": "no-store, private"})
    return answer


def _methods(request: Request) -> list[str]:
    found: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        regex = getattr(context, "path_regex", None)
        if regex is not None and context.methods and regex.match(request.url.path):
            found |= context.methods
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


HANDLERS: dict[type[Exception], Callable[[Request, Any], Response]] = {
    ChatPlatformError: _coded,
    OverflowError: _unusable,
    DataError: _unusable,
    DBAPIError: _database,
    PoolTimeoutError: _database,
    RequestValidationError: _invalid,
    HTTPException: _http,
    Exception: _defect,
}


def in_words(visit: Visit, error: ChatPlatformError) -> dict[str, str]:
    """What people read of an error, in the visitor's language: code, what, why, remedy, detail."""
    entry, korean = error.entry, visit.language == "ko"
    return {
        "code": error.code,
        "what": entry.what_ko if korean else entry.what,
        "why": entry.why_ko if korean else entry.why,
        "remedy": entry.remedy_ko if korean else entry.remedy,
        "detail": error.detail,
    }


def _answer(request: Request, error: ChatPlatformError, status: int) -> Response:
    visit = Visit(request, request.app.state.services, getattr(request.state, "visitor", None))
    facts = in_words(visit, error)
    if _wants_json(request):
        # What the standard of bearer tokens (RFC 6750) asks for.
        headers = {"www-authenticate": "Bearer"} if status == 401 else None
        return JSONResponse({"error": facts}, status, headers)
    try:
        if request.headers.get("hx-request"):
            # The page stays as it is; what went wrong is said at its top.
            notice = visit.page("error_notice.html", status=status, error=facts)
            notice.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "innerHTML show:top"})
            return notice
        return visit.page("error.html", status=status, error=facts)
    except (ChatPlatformError, DBAPIError, TemplateError) as failed:
        # What every page shows may need the very thing that is broken.
        log.warning("the page of an error cannot be made: %s", type(failed).__name__)
        return PlainTextResponse(f"{error.code} · {facts['what']}\n{facts['remedy']}\n", status)


def _wants_json(request: Request) -> bool:
    return request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", "")
