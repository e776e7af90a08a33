"""Dagster resource over streaming platforms: it opens what the settings say, and does nothing else."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime

from dagster import ConfigurableResource

from chat_platform.settings import Settings
from chat_platform.sources.streams import connections
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import StreamPlatform
from chat_platform.sources.streams.registry import platform_spec
from chat_platform.sources.streams.third_party_emotes import ThirdPartyEmotes


class StreamsResource(ConfigurableResource):
    """The streaming platforms; their credentials come from the environment."""

    def clock(self) -> Clock:
        """What time it is."""
        return Clock()

    def today(self) -> date:
        """The day, in the time zone of the settings."""
        return datetime.fromtimestamp(self.clock().now(), UTC).astimezone(Settings().zone).date()

    def configured(self, platform: str) -> bool:
        """Whether the credentials of a platform are set."""
        return connections.configured(Settings(), platform)

    def connect(self, settings: Settings, platform: str) -> StreamPlatform:
        """Open a platform; whoever opens it closes it.

        Raises:
            StreamError: CP-STREAM-001 when its credentials are missing.
        """
        return connections.open_platform(settings, platform, clock=self.clock())

    @contextmanager
    def open(self, platform: str) -> Iterator[StreamPlatform]:
        """A platform, closed in any case.

        Raises:
            StreamError: CP-STREAM-001 when its credentials are missing.
        """
        with closing(self.connect(Settings(), platform)) as opened:
            yield opened

    @contextmanager
    def third_party_emotes(self, platform: str) -> Iterator[ThirdPartyEmotes | None]:
        """BTTV, FFZ and 7TV, closed in any case; ``None`` where they do not know the platform's channels."""
        if not platform_spec(platform).third_party_emotes:
            yield None
            return
        with closing(
            connections.open_third_party_emotes(Settings(), platform, clock=self.clock())
        ) as providers:
            yield providers
