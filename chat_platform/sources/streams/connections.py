"""Platforms and emote providers, opened as the settings say.

What belongs here: from settings to a ``Connection``. What does not: what the settings are (``settings``), what a
platform does with them.
"""

from __future__ import annotations

from pathlib import Path

from chat_platform.settings import Settings
from chat_platform.sources.streams.clock import Clock
from chat_platform.sources.streams.port import Connection, StreamPlatform
from chat_platform.sources.streams.registry import platform_spec
from chat_platform.sources.streams.third_party_emotes import ThirdPartyEmotes

EMOTES = "emotes"
"""Name of the three emote providers in ``streams.base_urls``."""


def budgets(settings: Settings) -> Path:
    """Folder of the request budgets, which all processes of a home share."""
    return settings.home / "budgets"


def configured(settings: Settings, name: str) -> bool:
    """Whether the credentials of a platform are set; without them nothing is asked of it."""
    return name in settings.stream_client_ids and name in settings.stream_client_secrets


def open_platform(settings: Settings, name: str, *, clock: Clock | None = None) -> StreamPlatform:
    """Open a platform; whoever opens it closes it.

    Raises:
        StreamError: CP-STREAM-009 when there is none of that name, -001 when its credentials are missing.
        ConfigurationError: CP-CONF-001 when credentials would travel unprotected.
    """
    return platform_spec(name).connect(
        Connection(
            workspace=budgets(settings),
            client_id=settings.stream_client_ids.get(name),
            client_secret=settings.stream_client_secrets.get(name),
            web_client_id=settings.stream_client_ids.get(f"{name}_web"),
            base_urls=settings.streams.base_urls.get(name, {}),
            timeout_s=settings.streams.timeout_s,
            clock=clock or Clock(),
        )
    )


def open_third_party_emotes(
    settings: Settings, platform: str, *, clock: Clock | None = None
) -> ThirdPartyEmotes:
    """Open the emote providers for the channels of a platform; whoever opens them closes them.

    Raises:
        ConfigurationError: CP-CONF-001 when an address is not a plain one.
    """
    return ThirdPartyEmotes(
        budgets(settings),
        settings.streams.base_urls.get(EMOTES, {}),
        platform=platform,
        timeout_s=settings.streams.timeout_s,
        clock=clock,
    )
