"""Pages from templates.

What belongs here: the template environment, filters, the visitor's language. What does not: what a page shows
(``pages``), texts (they stand in the templates, in both languages: ``{{ tr("Lectures", "강의") }}``).

Everything is escaped unless a template says ``| safe``, which only answers cleaned by ``web.markdown`` may.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from chat_platform.errors import ChatPlatformError
from chat_platform.storage.accounts import Visitor
from chat_platform.storage.publication import PublishedVersion
from chat_platform.web.recordings import at_moment
from chat_platform.web.static_files import asset_url, assets_built, icon, style
from chat_platform.web.stream_figures import has_streams

if TYPE_CHECKING:
    from chat_platform.web.access import Visit

TEMPLATES = Path(__file__).with_name("templates")
LANGUAGES = ("ko", "en")
THEMES = ("light", "dark")


def language(request: Request, visitor: Visitor | None) -> str:
    """``ko`` or ``en``: as the account says, else the cookie of the switch, else the browser, else Korean."""
    for choice in (visitor.language if visitor else None, request.cookies.get("language")):
        if choice in LANGUAGES:
            return choice
    wanted = request.headers.get("accept-language", "")
    first = next((part[:2] for part in wanted.lower().split(",") if part[:2] in LANGUAGES), None)
    return first or "ko"


def theme(request: Request, visitor: Visitor | None) -> str | None:
    """``light`` or ``dark`` as the account says, else the cookie of the switch; ``None``: as the device says."""
    choice = (visitor.theme if visitor else None) or request.cookies.get("theme")
    return choice if choice in THEMES else None


@lru_cache
def environment() -> Environment:
    """The template environment; a name that a template does not get is an error, not an empty text."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Else every request looks at the files of all templates that it uses.
        auto_reload=False,
    )
    found.filters.update(
        number=number,
        clock=clock,
        day=day,
        moment=moment,
        percent=percent,
        json=json_island,
        segment=segment,
    )
    found.globals.update(asset=asset_url, icon=icon, style=style, at_moment=at_moment)
    return found


def page(visit: Visit, template: str, status: int, values: dict[str, Any]) -> Response:
    """A page, or a part of one for htmx."""
    return HTMLResponse(render(visit, template, values), status)


def render(visit: Visit, template: str, values: dict[str, Any]) -> str:
    """The text of a template for a visit."""
    return (
        environment()
        .get_template(template)
        .render(
            visit=visit,
            tr=visit.tr,
            language=visit.language,
            zone=visit.services.settings.zone,
            **_frame(visit),
            **values,
        )
    )


def _frame(visit: Visit) -> dict[str, Any]:
    """What stands around every page: colours, the section that is marked, freshness, where switches come back to."""
    request = visit.request
    path, query = request.url.path, request.url.query
    parts = path.split("/")
    return {
        "theme": theme(request, visit.visitor),
        "here": (path + (f"?{query}" if query else "")) if request.method in ("GET", "HEAD") else "/",
        "section": parts[3] if visit.classroom and len(parts) > 3 else None,
        "freshness": _freshness(visit),
        "has_streams": _has_streams(visit),
        "assets_built": assets_built(),
        # Else the page is painted without them, and its script fetches them then.
        "fonts_kept": request.cookies.get("fonts") == asset_url("fonts.css").rpartition("/")[2],
    }


def _freshness(visit: Visit) -> PublishedVersion | None:
    if visit.classroom is None:
        return None
    try:
        return visit.published.version
    except ChatPlatformError:
        return None  # the page itself says what is missing


def _has_streams(visit: Visit) -> bool:
    if visit.classroom is None:
        return False
    try:
        return has_streams(visit.published)
    except ChatPlatformError:
        return False  # the page itself says what is missing


def json_island(value: Any) -> Markup:
    """JSON for ``<script type="application/json">``: no character of it can end the element.

    Dates become ISO texts, decimals numbers; what is not a number (NaN, infinite) becomes ``null``.
    """
    return htmlsafe_json_dumps(_plain(value), dumps=partial(json.dumps, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date) else value


def segment(value: str) -> str:
    """A text as one part of an address's path, slashes included."""
    return quote(value, safe="")


def number(value: float | None, digits: int = 0) -> str:
    """``12,345``; ``–`` for nothing."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    """``0.123`` → ``12 %``."""
    return "–" if value is None else f"{value * 100:.{digits}f} %"


def clock(seconds: float | None) -> str:
    """Second of a recording as ``1:02:03``."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def day(value: date | datetime | None) -> str:
    """ISO date."""
    return "–" if value is None else value.strftime("%Y-%m-%d")


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    """Date and time to the minute in the class's zone."""
    return "–" if value is None else value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
