"""A home, and a local Twitch with emote providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_platform.settings import Settings
from chat_platform.simulators.emote_servers import EmoteServer
from chat_platform.simulators.faults import FaultScript
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.sources.streams.third_party_emotes import ThirdPartyEmotes
from chat_platform.storage.workspace import Workspace
from tests.unit.streams.conftest import FastClock, connect, twitch  # noqa: F401


@pytest.fixture
def world() -> StreamWorld:
    """Ten streamers, one of each planted kind, on a day on which nobody is in a gap."""
    made = StreamWorld(5, streamers=10, days=30, messages_per_video=120)
    made.today = made.day(12)
    return made


@pytest.fixture
def clock(world: StreamWorld) -> FastClock:
    """The world's time; waiting moves it on at once."""
    return FastClock(world.now.timestamp())


@pytest.fixture
def new_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Workspace]:
    """A home of its own; chats are read one after another, so that requests come in one order."""

    def make(name: str) -> Workspace:
        monkeypatch.setenv("CHATP_HOME", str(tmp_path / name))
        monkeypatch.setenv("CHATP_STREAMS__PARALLEL", "1")
        return Workspace(Settings())

    return make


@pytest.fixture
def workspace(new_workspace: Callable[[str], Workspace]) -> Workspace:
    """The storage of a home in which nothing is."""
    return new_workspace("home")


@pytest.fixture
def third_party(
    tmp_path: Path, world: StreamWorld, clock: FastClock
) -> Iterator[Callable[..., ThirdPartyEmotes]]:
    """Open the emote providers over the world, with faults."""
    opened: list[Any] = []

    def start(*faults: Any) -> ThirdPartyEmotes:
        server = EmoteServer(world, faults=FaultScript(faults)).__enter__()
        opened.append(server)
        return ThirdPartyEmotes(tmp_path / "budgets", server.base_urls(), timeout_s=2.0, clock=clock)

    yield start
    for server in opened:
        server.__exit__(None, None, None)
