"""A real HTTP server on loopback, in a thread of its own, with a request log and transport faults.

What belongs here: starting, stopping, logging, rate limits, stalls and cut connections. What does not: what a
particular service answers (``slack_server``, ``zoom_server``).
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Self
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from chat_platform.simulators.faults import Fault, FaultScript

START_TIMEOUT_S = 10.0
STALL_STEP_S = 0.05

Handler = Callable[[Request, Fault | None], Awaitable[Response]]


@dataclass(frozen=True)
class LoggedRequest:
    """A request as the server saw it.

    Attributes:
        endpoint: name of the endpoint, as in fault scripts.
        recording: index of the recording that it was about.
        status: HTTP status; 0 when nothing was sent because the client went away.
        fault: kind of the fault that hit it.
    """

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    endpoint: str
    recording: int | None
    status: int
    fault: str | None


class CutResponse(Response):
    """Promises the whole body, sends a part of it, then closes the connection."""

    def __init__(self, whole: Response, part: float) -> None:
        super().__init__(whole.body, whole.status_code, media_type=whole.media_type)
        self.raw_headers += [header for header in whole.raw_headers if header[0] == b"set-cookie"]
        self._sent = bytes(self.body)[: int(len(self.body) * part)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Returning before the body is complete makes the server close the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


class SimulatorServer:
    """Base of the simulated services; a context manager that starts and stops the server.

    Attributes:
        name: ``slack`` or ``zoom``, as in fault scripts.
        requests: every request so far, in order of arrival of the answers.
    """

    name = "server"

    def __init__(self, faults: FaultScript | None = None) -> None:
        self.faults = faults or FaultScript()
        self.requests: list[LoggedRequest] = []
        self._stopping = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Port on 127.0.0.1, 0 before the first start."""
        return self._port

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self._port}"

    def start(self, port: int = 0) -> Self:
        """Listen on ``127.0.0.1``; port 0 takes a free one.

        Raises:
            RuntimeError: the server does not come up.
        """
        self._stopping.clear()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        self._port = listener.getsockname()[1]
        application = Starlette(routes=self.routes())
        config = uvicorn.Config(
            application,
            log_level="critical",
            access_log=False,
            lifespan="off",
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listener]},
            name=f"{self.name}-simulator",
            daemon=True,
        )
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"the {self.name} simulator did not start")
            time.sleep(0.005)
        return self

    def ask_to_stop(self) -> None:
        """Begin to stop without waiting: no new connections, open ones are dropped."""
        self._stopping.set()
        if self._server is not None:
            self._server.force_exit = True
            self._server.should_exit = True

    def stop(self) -> None:
        """Stop, and wait until it is done. Stopping twice does nothing."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(timeout=START_TIMEOUT_S)
        self._server = self._thread = None

    def routes(self) -> list[BaseRoute]:
        """Routes of the service; subclasses build them with ``endpoint``."""
        raise NotImplementedError

    async def locate(self, request: Request) -> tuple[int, str] | None:
        """Index and share token of the recording that a request is about."""
        return None

    def refuse(self, request: Request, endpoint: str) -> Response | None:
        """An answer given before anything else, such as a rate limit; ``None`` to go on."""
        return None

    def count(self, endpoint: str, recording: int | None = None) -> int:
        """How many requests an endpoint got, for one recording or for all."""
        return sum(
            seen.endpoint == endpoint and recording in (None, seen.recording) for seen in list(self.requests)
        )

    def endpoint(self, path: str, name: str, handler: Handler, methods: tuple[str, ...] = ("GET",)) -> Route:
        """A route whose requests are logged and can be hit by faults."""

        async def serve(request: Request) -> Response:
            recording = await self.locate(request)
            fault = self.faults.take(self.name, name, recording)
            answer = await self._answer(request, name, handler, fault)
            answer.headers.setdefault("date", _http_date(0))
            self.requests.append(
                LoggedRequest(
                    at=datetime.now(UTC),
                    method=request.method,
                    path=request.url.path,
                    query=dict(request.query_params),
                    endpoint=name,
                    recording=recording[0] if recording else None,
                    status=answer.status_code,
                    fault=fault.kind if fault else None,
                )
            )
            return answer

        return Route(path, serve, methods=list(methods), name=name)

    async def _answer(self, request: Request, name: str, handler: Handler, fault: Fault | None) -> Response:
        refused = self.refuse(request, name)
        if refused is not None:
            return refused
        if fault is None:
            return await handler(request, None)
        parameters = fault.parameters
        if fault.kind == "rate_limit":
            return rate_limited(parameters.get("retry_after", 1))
        if fault.kind == "server_error":
            return PlainTextResponse("Internal Server Error", parameters.get("status", 500))
        if fault.kind == "timeout":
            return await self._stall(request, parameters.get("seconds", 60.0))
        if fault.kind == "cut":
            return CutResponse(await handler(request, None), parameters.get("part", 0.5))
        answer = await handler(request, fault)
        if fault.kind == "clock_skew":
            answer.headers["date"] = _http_date(parameters.get("seconds", 120))
        return answer

    async def _stall(self, request: Request, seconds: float) -> Response:
        """Say nothing until the time is over, the client is gone or the server stops."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._stopping.is_set():
            if await request.is_disconnected():
                break
            await asyncio.sleep(STALL_STEP_S)
        return PlainTextResponse("Gateway Timeout", 504)


def rate_limited(retry_after: float) -> Response:
    """HTTP 429 as Slack words it; Zoom's callers look at status and header only."""
    return JSONResponse(
        {"ok": False, "error": "ratelimited"}, 429, headers={"Retry-After": f"{retry_after:g}"}
    )


async def parameters_of(request: Request) -> dict[str, str]:
    """Query, form and JSON parameters of a request in one dictionary; the body wins. What has parts is JSON."""
    found: dict[str, Any] = dict(request.query_params)
    if request.method == "POST":
        body = await request.body()
        if request.headers.get("content-type", "").startswith("application/json"):
            found |= await request.json()
        else:
            found |= dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
    return {key: _as_text(value) for key, value in found.items()}


def _http_date(skew_s: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=skew_s), usegmt=True)


def _as_text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
