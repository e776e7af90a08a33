"""What routes that write have in common: how often, where to go afterwards, whether a part of a page is wanted.

What belongs here: those three. What does not: what is written (``storage``), who may (``access``).
"""

from __future__ import annotations

import re

from starlette.responses import RedirectResponse, Response

from chat_platform.web.access import Visit

WRITES = 120
WRITES_PER_S = 60.0
"""An account writes at most so often in so many seconds: more than anybody types, less than a program would."""
_OTHER_SITE = re.compile(r"[\\\s\x00-\x1f]|^//")


def allow_write(visit: Visit) -> None:
    """Count a change of the visitor.

    Raises:
        WebError: CP-WEB-007 when there were too many in a short time.
    """
    visit.services.throttles.take(f"write:{visit.account.account_id}", WRITES, WRITES_PER_S)


def wants_part(visit: Visit) -> bool:
    """Whether htmx asks, which swaps a part of the page that it is on."""
    return "hx-request" in visit.request.headers


def back(visit: Visit, wanted: str, default: str) -> Response:
    """Go to a page of the class after a form: the one that the form names if it is one of ours, else the default."""
    inside = wanted.startswith(f"/c/{visit.room.class_id}/") and _OTHER_SITE.search(wanted) is None
    return RedirectResponse(wanted if inside else default, 303)
