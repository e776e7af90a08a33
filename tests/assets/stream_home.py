"""A home that follows streamers of a generated world on local platforms, at the world's time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_platform.ingestion.streams.channels import import_streamers
from chat_platform.ingestion.streams.vods import discover
from chat_platform.resources.streams import StreamsResource
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import Streamer, StreamWorld
from chat_platform.simulators.stream_world import StreamServers, start_streams
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.connections import open_platform
from chat_platform.storage.workspace import Workspace
from tests.unit.streams.conftest import FastClock


class StreamHome:
    """A home with a list of streamers, and the platforms that it asks."""

    def __init__(self, servers: StreamServers) -> None:
        self.servers = servers
        self.world = servers.world
        self.workspace = Workspace(Settings())

    @property
    def clock(self) -> Clock:
        """The world's time; waiting moves it on at once."""
        return FastClock(self.world.now.timestamp())

    def resource(self) -> StreamsResource:
        """The platforms at the world's time."""
        home = self

        class WorldStreams(StreamsResource):
            def clock(self) -> Clock:
                return home.clock

        return WorldStreams()

    def list_streamers(self, *more: str, streamers: list[Streamer] | None = None) -> None:
        """Import a list of everybody, or of some, and further lines."""
        everybody = self.world.everybody() if streamers is None else streamers
        lines = [f"{s.display_name},https://www.twitch.tv/{self.world.login(s)}" for s in everybody]
        data = "\n".join(["name,url", *lines, *more]).encode()
        import_streamers(self.workspace, "list.csv", data, clock=self.clock)

    def discover(self) -> list[str]:
        """Look for videos, all that there are; gives those that are new or longer."""
        platform = open_platform(self.workspace.settings, "twitch", clock=self.clock)
        try:
            return discover(self.workspace, platform, since=self.world.first_day, clock=self.clock).videos
        finally:
            platform.close()


@contextmanager
def stream_home(home: Path, world: StreamWorld) -> Iterator[StreamHome]:
    """Start the platforms of a world, and point the environment at them and at a home."""
    with pytest.MonkeyPatch.context() as patch, start_streams(world, limit=None) as servers:
        variables = {
            **servers.environment(),
            "CHATP_HOME": str(home),
            "CHATP_WORKERS": "1",
            "CHATP_STREAMS__PARALLEL": "2",
            "CHATP_STREAMS__START_DATE": "2026-03-01",
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        yield StreamHome(servers)
