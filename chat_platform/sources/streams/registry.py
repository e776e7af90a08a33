"""Which platforms there are.

What belongs here: one line a platform. What does not: anything else about one.

A platform is imported when it is asked for, so that none pays for another.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from chat_platform.errors import StreamError

if TYPE_CHECKING:
    from chat_platform.sources.streams.port import PlatformSpec

PLATFORMS: dict[str, str] = {
    "twitch": "chat_platform.sources.streams.twitch.platform",
    "chzzk": "chat_platform.sources.streams.chzzk.platform",
}
"""Short name → module whose ``PLATFORM`` describes and opens it."""


def platform_spec(name: str) -> PlatformSpec:
    """The platform of a short name.

    Raises:
        StreamError: CP-STREAM-009 when there is none.
    """
    if name not in PLATFORMS:
        raise StreamError("CP-STREAM-009", name)
    spec: PlatformSpec = import_module(PLATFORMS[name]).PLATFORM
    return spec


def platform_specs() -> list[PlatformSpec]:
    """Every platform."""
    return [platform_spec(name) for name in PLATFORMS]
