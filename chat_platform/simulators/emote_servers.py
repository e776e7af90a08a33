"""BTTV (with FFZ in its cache) and 7TV over a generated world.

What belongs here: what their lists look like on the world's day. What does not: which emotes there are
(``stream_generator``), transport faults (``server``).

Both live on one server, under ``/3`` and ``/v3``. A channel without an emote at a provider is unknown to it: 404.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.server import SimulatorServer
from chat_platform.simulators.stream_generator import GeneratedEmote, StreamWorld

Payload = dict[str, Any]


class EmoteServer(SimulatorServer):
    """The lists of BTTV, FFZ and 7TV; endpoints are ``bttv``, ``ffz`` and ``7tv``."""

    name = "emotes"

    def __init__(self, world: StreamWorld, *, faults: FaultScript | None = None) -> None:
        super().__init__(faults)
        self.world = world

    def base_urls(self) -> dict[str, str]:
        """Addresses for the settings, by the reader's names."""
        return {"bttv": f"{self.origin}/3", "7tv": f"{self.origin}/v3"}

    def routes(self) -> list[BaseRoute]:
        """Lists of everybody and of channels."""
        return [
            self.endpoint("/3/cached/emotes/global", "bttv", self._bttv_global),
            self.endpoint("/3/cached/users/twitch/{channel}", "bttv", self._bttv_channel),
            self.endpoint("/3/cached/frankerfacez/emotes/global", "ffz", self._ffz),
            self.endpoint("/3/cached/frankerfacez/users/twitch/{channel}", "ffz", self._ffz),
            self.endpoint("/v3/emote-sets/global", "7tv", self._seven_tv_global),
            self.endpoint("/v3/users/twitch/{channel}", "7tv", self._seven_tv_channel),
        ]

    async def _bttv_global(self, request: Request, fault: Fault | None) -> Response:
        return JSONResponse([_bttv(emote) for emote in self.world.emotes("bttv", None)])

    async def _bttv_channel(self, request: Request, fault: Fault | None) -> Response:
        emotes = self._held("bttv", request)
        if not emotes:
            return JSONResponse({"message": "User not found"}, 404)
        own = [_bttv(emote) for emote in emotes if not emote.shared]
        shared = [_bttv(emote) for emote in emotes if emote.shared]
        return JSONResponse({"id": "x", "bots": [], "channelEmotes": own, "sharedEmotes": shared})

    async def _ffz(self, request: Request, fault: Fault | None) -> Response:
        emotes = self._held("ffz", request)
        if not emotes:
            return JSONResponse({"message": "Not Found"}, 404)
        image = "https://cdn.betterttv.net/frankerfacez_emote/"
        return JSONResponse(
            [
                {
                    "id": place,
                    "user": {"id": 1, "name": "maker", "displayName": "Maker"},
                    "code": emote.code,
                    "images": {"1x": f"{image}{place}/1", "2x": None, "4x": None},
                    "imageType": "png",
                    "animated": emote.animated,
                }
                for place, emote in enumerate(emotes, start=100)
            ]
        )

    async def _seven_tv_global(self, request: Request, fault: Fault | None) -> Response:
        return JSONResponse(_set(self.world.emotes("7tv", None)))

    async def _seven_tv_channel(self, request: Request, fault: Fault | None) -> Response:
        emotes = self._held("7tv", request)
        if not emotes:
            return JSONResponse({"status_code": 404, "error": "Unknown User"}, 404)
        return JSONResponse({"id": "x", "platform": "TWITCH", "emote_set": _set(emotes)})

    def _held(self, provider: str, request: Request) -> list[GeneratedEmote]:
        channel = request.path_params.get("channel")
        streamer = None if channel is None else self.world.by_channel(channel)
        return [] if channel is not None and streamer is None else self.world.emotes(provider, streamer)


def _bttv(emote: GeneratedEmote) -> Payload:
    return {
        "id": emote.emote_id,
        "code": emote.code,
        "imageType": "gif" if emote.animated else "png",
        "animated": emote.animated,
        "userId": "x",
    }


def _set(emotes: list[GeneratedEmote]) -> Payload:
    return {
        "id": "x",
        "name": "emotes",
        "emotes": [
            {
                "id": emote.emote_id,
                "name": emote.code,
                "flags": int(emote.zero_width),
                "data": {
                    "id": emote.emote_id,
                    "name": emote.code,
                    "flags": 256 if emote.zero_width else 0,
                    "animated": emote.animated,
                    "host": {"url": f"//cdn.7tv.app/emote/{emote.emote_id}", "files": []},
                },
            }
            for emote in emotes
        ],
    }
