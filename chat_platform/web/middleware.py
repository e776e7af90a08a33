"""What holds for every answer: headers that browsers obey, and a limit on what is read.

What belongs here: ASGI middleware without knowledge of pages. What does not: rules of routes (``access``).
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_platform.web.static_files import style_source

STYLES = "style-src 'self'"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        STYLES,
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def headers() -> dict[str, str]:
    """``HEADERS``, with the policy of this build: it allows the style sheet that pages carry, by its hash."""
    allowed = f"{STYLES} {style_source()}"
    return {name: value.replace(STYLES, allowed) for name, value in HEADERS.items()}


class SecurityHeaders:
    """Sets headers on every answer; pages are kept by nobody but the browser that asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = {**headers(), "cache-control": "no-store, private"}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in added.items() if k.encode() not in given),
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class HeadAsGet:
    """Answers HEAD wherever GET is answered: the same headers, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HEAD on as GET, and keep the body back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


class BodyLimit:
    """Refuses a body that is larger than its route reads: by its declared length at once, else while it is read.

    Such an answer, and every other one to a body that was not read to its end, closes the connection: else the server
    would go on reading what nobody wants.

    Args:
        app: what is protected.
        limit: path → bytes.
    """

    def __init__(self, app: ASGIApp, limit: Callable[[str], int]) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, read, started, refused = self._limit(scope["path"]), 0, False, False
        headers = dict(scope["headers"])
        unread = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        if int(headers.get(b"content-length", b"0") or b"0") > limit:
            await _too_large(send)
            return

        async def counted() -> Message:
            nonlocal read, refused, unread
            message = await receive()
            read += len(message.get("body", b""))
            unread = unread and message.get("more_body", False)
            if read <= limit:
                return message
            if not started and not refused:
                refused = True
                await _too_large(send)
            # To the application it is as if the browser had gone; what it answers is dropped.
            return {"type": "http.disconnect"}

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if refused:
                return
            if not started and unread:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            started = True
            await send(message)

        await self._app(scope, counted, watched)


async def _too_large(send: Send) -> None:
    text = "CP-WEB-005 · The request is too large. · 요청이 너무 큽니다.".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})
