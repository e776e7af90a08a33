"""Cookies: their names and how they are set.

What belongs here: options that every cookie of ours has. What does not: what they hold (``access``, ``signing_in``,
``oidc``).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

SESSION = "session"
FORM = "form"
"""What forms of somebody who is not signed in must carry again."""
BROWSER = "browser"
"""Proof that an account has signed in with this browser before."""
DAY = 24 * 60 * 60


def full_name(name: str, base_url: str) -> str:
    """The cookie's name; with TLS one that browsers bind to this very host, so that no neighbour can set it."""
    return f"__Host-{name}" if base_url.startswith("https://") else name


def get(request: Request, name: str, base_url: str) -> str | None:
    """Value of a cookie."""
    return request.cookies.get(full_name(name, base_url))


def put(response: Response, name: str, value: str, base_url: str, *, days: float | None) -> None:
    """Set a cookie that no script reads and no other site's form sends; without days it ends with the browser."""
    response.set_cookie(
        full_name(name, base_url),
        value,
        max_age=None if days is None else int(days * DAY),
        path="/",
        secure=base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def drop(response: Response, name: str, base_url: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(
        full_name(name, base_url), path="/", secure=base_url.startswith("https://"), httponly=True
    )
