"""Generated streamers on a local Twitch and a local CHZZK, with the emote providers: the world outside of the demo.

What belongs here: starting the servers and moving time. What does not: what they answer.

    with start_streams(StreamWorld(1, streamers=30, days=60)) as outside:
        settings = Settings(**…)            # outside.environment() has the variables
        outside.world.today = date(2026, 3, 6)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from chat_platform.simulators.chzzk_server import ChzzkServer
from chat_platform.simulators.emote_servers import EmoteServer
from chat_platform.simulators.faults import FaultScript
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.simulators.twitch_server import POINTS_PER_MINUTE, TwitchServer


@dataclass(frozen=True)
class StreamServers:
    """Running servers over one world; their credentials are new at every start."""

    world: StreamWorld
    twitch: TwitchServer
    chzzk: ChzzkServer
    emotes: EmoteServer
    client_id: str
    client_secret: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """Environment variables that point the settings at these servers."""
        addresses = {
            "twitch": self.twitch.base_urls(),
            "chzzk": self.chzzk.base_urls(),
            "emotes": self.emotes.base_urls(),
        }
        return {
            "CHATP_STREAMS__BASE_URLS": json.dumps(addresses),
            "CHATP_STREAM_CLIENT_IDS": json.dumps(
                {"twitch": self.client_id, "twitch_web": self.client_id, "chzzk": self.client_id}
            ),
            "CHATP_STREAM_CLIENT_SECRETS": json.dumps(
                {"twitch": self.client_secret, "chzzk": self.client_secret}
            ),
        }


@contextmanager
def start_streams(
    world: StreamWorld,
    *,
    faults: FaultScript | None = None,
    limit: int | None = POINTS_PER_MINUTE,
    window_s: float = 60.0,
) -> Iterator[StreamServers]:
    """Start the servers; they stop at the end.

    Args:
        faults: fault script of all servers (``server`` tells them apart: ``twitch``, ``chzzk``, ``emotes``).
        limit: points a window at Twitch; ``None``: no limit.
        window_s: length of the window.
    """
    script = faults or FaultScript()
    client_id, client_secret = f"sim{secrets.token_hex(13)}", secrets.token_hex(15)
    with ExitStack() as stack:
        twitch = TwitchServer(
            world,
            client_id=client_id,
            client_secret=client_secret,
            web_client_id=client_id,
            limit=limit,
            window_s=window_s,
            faults=script,
        )
        chzzk = ChzzkServer(world, client_id=client_id, client_secret=client_secret, faults=script)
        emotes = EmoteServer(world, faults=script)
        for server in (twitch, chzzk, emotes):
            stack.enter_context(server)
        yield StreamServers(world, twitch, chzzk, emotes, client_id, client_secret)
