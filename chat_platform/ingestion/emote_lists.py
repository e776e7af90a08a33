"""Emotes through time: what a provider lists today becomes the days on which each emote could be used.

What belongs here: the pure step from the table ``core.emotes`` and one list to the table after it. What does not:
fetching lists (``sources.streams``), which emote a word is (``text.emotes``).

A provider shows only what there is now, so the days are known from when we look. An emote of the very first list is
taken to have been there before; one that appears later begins on the day on which it was first seen; one that is gone
ends there. A list that could not be fetched is not passed on, and what was known stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa

from chat_platform.sources.streams.port import Emote
from chat_platform.tables.streams import EMOTES

_FACTS = ("animated", "zero_width", "tier", "image_url")


def with_list(
    known: pa.Table,
    listed: Iterable[Emote],
    *,
    platform: str,
    provider: str,
    channel_id: str | None,
    day: date,
    first: bool,
) -> pa.Table:
    """The table after a list was read. Reading a list again on its day replaces what it said before.

    Args:
        known: rows of ``core.emotes``; those of other lists stay as they are.
        listed: all emotes of the list, as they are on ``day``.
        platform: platform of the list.
        provider: provider of the list.
        channel_id: channel of the list; ``None``: the global one.
        day: when it was read; not before the day on which it was last read.
        first: whether this list was never read on an earlier day, not even as an empty one.
    """
    now = {(emote.emote_id, emote.code): emote for emote in listed}
    others: list[dict[str, Any]] = []
    own: list[dict[str, Any]] = []
    for row in known.to_pylist():
        of_list = (row["platform"], row["provider"], row["channel_id"]) == (platform, provider, channel_id)
        (own if of_list else others).append(row)
    before = [] if first else [_as_before(row, day) for row in own if row["valid_from"] != day]
    after = [_as_listed(row, now, day) for row in before]
    there = {(row["emote_id"], row["code"]) for row in after if row["valid_to"] is None}
    new = [
        {
            "platform": platform,
            "provider": provider,
            "emote_id": emote.emote_id,
            "code": emote.code,
            "scope": "global" if channel_id is None else "channel",
            "channel_id": channel_id,
            "valid_from": None if first else day,
            **_facts(emote),
        }
        for key, emote in now.items()
        if key not in there
    ]
    return EMOTES.table([*others, *after, *new])


def _as_before(row: dict[str, Any], day: date) -> dict[str, Any]:
    """An emote that an earlier reading of this day ended is still there."""
    return row | {"valid_to": None} if row["valid_to"] == day else row


def _as_listed(row: dict[str, Any], now: dict[tuple[str, str], Emote], day: date) -> dict[str, Any]:
    if row["valid_to"] is not None:
        return row
    emote = now.get((row["emote_id"], row["code"]))
    return row | ({"valid_to": day} if emote is None else _facts(emote))


def _facts(emote: Emote) -> dict[str, Any]:
    return {name: getattr(emote, name) for name in _FACTS}
