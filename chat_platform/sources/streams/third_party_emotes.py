"""Emotes of BTTV, FFZ and 7TV.

What belongs here: the lists that hold at the moment, of everybody and of one channel. What does not: which emote wins
where two share a code, since when one exists (whoever keeps the lists of each day), counting.

Format: BTTV ``/3/cached/emotes/global`` and ``/3/cached/users/twitch/<id>``; FFZ through BTTV's cache,
``/3/cached/frankerfacez/…``; 7TV ``/v3/emote-sets/global`` and ``/v3/users/twitch/<id>``. A channel that a provider
does not know is answered with 404: it has no emotes there. Any other failure is an error, so that a provider's bad
day is never taken for a channel without emotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from chat_platform.errors import StreamError
from chat_platform.sources.http import safe_base_url
from chat_platform.sources.streams.budget import Budget
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.fields import count, flag, ident, items, mapping, text
from chat_platform.sources.streams.http import BASE_URLS_SETTING, Call, PlatformHttp
from chat_platform.sources.streams.port import Emote

PROVIDERS = ("bttv", "ffz", "7tv")
BASE_URLS = {"bttv": "https://api.betterttv.net/3", "7tv": "https://7tv.io/v3"}
_7TV_ZERO_WIDTH_HERE = 1
_7TV_ZERO_WIDTH_ANYWHERE = 256


class ThirdPartyEmotes:
    """Lists of the three providers.

    Args:
        workspace: folder that processes share, for the request budget.
        base_urls: addresses of ``bttv`` and ``7tv``, where they are not the providers' own.
        platform: platform that channel ids belong to, as the providers name it.
    """

    def __init__(
        self,
        workspace: Path,
        base_urls: Mapping[str, str] | None = None,
        *,
        platform: str = "twitch",
        timeout_s: float = 20.0,
        max_wait_s: float = 300.0,
        clock: Clock | None = None,
    ) -> None:
        self._platform = platform
        self._urls = {
            name: safe_base_url((base_urls or {}).get(name, url), BASE_URLS_SETTING)
            for name, url in BASE_URLS.items()
        }
        self._http = {
            name: PlatformHttp(
                Budget(workspace / f"emotes-{name}.budget", name, limit=None, clock=clock),
                timeout_s=timeout_s,
                max_wait_s=max_wait_s,
                clock=clock,
            )
            for name in BASE_URLS
        }

    def close(self) -> None:
        """Close the connections."""
        for http in self._http.values():
            http.close()

    def emotes(self, provider: str, channel_id: str | None) -> list[Emote]:
        """Emotes of a channel, or with ``None`` those that everybody can use.

        Args:
            provider: one of ``PROVIDERS``.

        Raises:
            StreamError: CP-STREAM-010 when the provider does not answer as it should, CP-STREAM-003 when its limit
                lasts too long.
        """
        if channel_id is not None and not (channel_id.isascii() and channel_id.isalnum()):
            return []
        if provider == "7tv":
            path = "emote-sets/global" if channel_id is None else f"users/{self._platform}/{channel_id}"
            return list(self._seven_tv(self._get("7tv", path), channel_id))
        base = "cached/frankerfacez" if provider == "ffz" else "cached"
        path = "emotes/global" if channel_id is None else f"users/{self._platform}/{channel_id}"
        return list(self._bttv(provider, self._get("bttv", f"{base}/{path}"), channel_id))

    def _get(self, api: str, path: str) -> Any:
        """The body, or ``None`` where the provider does not know the channel."""
        call = Call(path, f"{self._urls[api]}/{path}", usable=lambda body: _lists(body) is not None)
        try:
            answer = self._http[api].call(call)
        except StreamError as error:
            if error.code == "CP-STREAM-003":
                raise
            # Under a code of its own: what it means is that a day's emotes are not known.
            raise StreamError("CP-STREAM-010", error.detail) from None
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise StreamError("CP-STREAM-010", f"{api} {path}: HTTP {answer.status}")
        return answer.body

    def _bttv(self, provider: str, body: Any, channel_id: str | None) -> Iterator[Emote]:
        for item in map(mapping, _lists(body) or []):
            emote_id, code = ident(item.get("id")), text(item.get("code"))
            if emote_id is not None and code is not None:
                yield Emote(
                    platform=self._platform,
                    provider=provider,
                    emote_id=emote_id,
                    code=code,
                    channel_id=channel_id,
                    animated=flag(item.get("animated")),
                    image_url=text(mapping(item.get("images")).get("1x")),
                )

    def _seven_tv(self, body: Any, channel_id: str | None) -> Iterator[Emote]:
        for item in map(mapping, _lists(body) or []):
            emote_id, code = ident(item.get("id")), text(item.get("name"))
            data = mapping(item.get("data"))
            if emote_id is not None and code is not None:
                here, anywhere = count(item.get("flags")), count(data.get("flags"))
                yield Emote(
                    platform=self._platform,
                    provider="7tv",
                    emote_id=emote_id,
                    code=code,
                    channel_id=channel_id,
                    animated=flag(data.get("animated")),
                    zero_width=None
                    if here is None and anywhere is None
                    else bool(
                        (here or 0) & _7TV_ZERO_WIDTH_HERE or (anywhere or 0) & _7TV_ZERO_WIDTH_ANYWHERE
                    ),
                    image_url=text(mapping(data.get("host")).get("url")),
                )


def _lists(body: object) -> list[Any] | None:
    """Emotes of any of the answers; ``None`` for what is none of them."""
    if isinstance(body, list):
        return body
    fields = mapping(body)
    if "emote_set" in fields:  # 7TV, a channel; one without a set has null
        return items(mapping(fields["emote_set"]).get("emotes"))
    if isinstance(fields.get("emotes"), list):  # 7TV, everybody
        return items(fields["emotes"])
    parts: Iterable[object] = (fields.get("channelEmotes"), fields.get("sharedEmotes"))
    if any(isinstance(part, list) for part in parts):  # BTTV, a channel
        return [emote for part in parts for emote in items(part)]
    return None
