"""Lists of emotes, day by day: from the platform and the providers to ``core.emotes``.

What belongs here: fetching the lists of channels, archiving what changed, and replacing their rows. What does not:
how lists become days (``ingestion.emote_lists``), which emote a word is (``text.emotes``).

A list is archived on the first day and on each day on which it differs from before. Its rows are always computed from
all that is archived of it, so that a step that was killed is simply repeated. A list that cannot be fetched stays as
it is, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import StreamError
from chat_platform.ingestion.emote_lists import with_list
from chat_platform.ingestion.streams.facts import emotes_bytes, read_emotes
from chat_platform.ingestion.streams.tables import one_writer
from chat_platform.sources.streams.port import NATIVE, Emote, StreamPlatform, Video
from chat_platform.sources.streams.registry import platform_spec
from chat_platform.sources.streams.third_party_emotes import PROVIDERS, ThirdPartyEmotes
from chat_platform.storage.lake import Lake
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.streams import EMOTES

SOURCE = "stream_emotes"
_EVERYBODY = "global"

Fetch = Callable[[str | None], list[Emote]]


@dataclass(frozen=True)
class EmoteList:
    """One list: a provider's emotes of one channel, or with ``None`` those that everybody can use."""

    platform: str
    provider: str
    channel_id: str | None

    @property
    def partition(self) -> str:
        """Where it is archived."""
        return f"{self.platform}-{self.provider}-{self.channel_id or _EVERYBODY}"


@dataclass
class EmoteRefresh:
    """What became of the lists.

    Attributes:
        lists: those that were read.
        changed: how many of them differ from before.
        failed: list → why it could not be read; what was known of it stands.
    """

    lists: list[EmoteList] = field(default_factory=list)
    changed: int = 0
    failed: dict[EmoteList, StreamError] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many lists were read."""
        return len(self.lists)


def refresh_emotes(
    workspace: Workspace,
    platform: StreamPlatform,
    third_party: ThirdPartyEmotes | None,
    channel_ids: Iterable[str],
    day: date,
) -> EmoteRefresh:
    """Read the global lists and those of channels, and replace their rows.

    Args:
        third_party: the providers; ``None`` where they do not know the platform.
        day: today.
    """
    result = archive_emotes(workspace, platform, third_party, channel_ids, day)
    write_emotes(workspace, result.lists)
    return result


def archive_emotes(
    workspace: Workspace,
    platform: StreamPlatform,
    third_party: ThirdPartyEmotes | None,
    channel_ids: Iterable[str],
    day: date,
) -> EmoteRefresh:
    """Read the global lists and those of channels, and archive what changed; no table is written.

    Args:
        third_party: the providers; ``None`` where they do not know the platform.
        day: today.
    """
    result = EmoteRefresh()
    for channel_id in (None, *dict.fromkeys(channel_ids)):
        for provider, fetch in _fetchers(platform, third_party).items():
            wanted = EmoteList(platform.name, provider, channel_id)
            try:
                emotes = fetch(channel_id)
            except StreamError as error:
                result.failed[wanted] = error
                continue
            result.lists.append(wanted)
            result.changed += _archive(workspace, wanted, day, emotes)
    return result


def rewrite_emotes(workspace: Workspace, platform: str, channel_ids: Iterable[str]) -> int:
    """Write the rows of a platform's lists from the archive alone; gives how many lists there are."""
    providers = [NATIVE, *(PROVIDERS if platform_spec(platform).third_party_emotes else ())]
    lists = [
        EmoteList(platform, provider, channel_id)
        for channel_id in (None, *channel_ids)
        for provider in providers
    ]
    there = set(workspace.vault.partitions(SOURCE))
    archived = [one for one in lists if one.partition in there]
    write_emotes(workspace, archived)
    return len(archived)


def write_emotes(workspace: Workspace, lists: Sequence[EmoteList]) -> None:
    """Replace the rows of some lists in the lake by what is archived of them."""
    with one_writer(workspace):
        known = workspace.lake.read(EMOTES)
        parts = [_without(known, lists), *(_rows(workspace, wanted) for wanted in lists)]
        table = pa.concat_tables([EMOTES.empty(), *parts])
        if not table.equals(known):
            workspace.lake.write(EMOTES, table)


def usable_emotes(workspace: Workspace, platform: str, channel_id: str) -> pa.Table:
    """Of ``core.emotes`` the rows of a channel, and those that everybody can use."""
    signature = next((file.signature for file in workspace.lake.files(EMOTES).values()), None)
    emotes = _emotes_of(workspace.lake.url, signature)
    own = pc.or_(
        pc.is_null(emotes["channel_id"]), pc.fill_null(pc.equal(emotes["channel_id"], channel_id), False)
    )
    return emotes.filter(pc.and_(pc.equal(emotes["platform"], platform), own))


# A run asks for one channel after another, and reads the table of all of them once.
@lru_cache(maxsize=1)
def _emotes_of(lake: str, _: str | None) -> pa.Table:
    return Lake(lake).read(EMOTES)


def with_embedded(usable: pa.Table, video: Video, embedded: Iterable[Emote]) -> pa.Table:
    """Usable emotes, and those that came with a chat where no list has their code.

    The platform's own are left out: messages mark where they stand.
    """
    known = set(usable["code"].to_pylist())
    wanted: dict[str, list[Emote]] = {}
    for emote in embedded:
        if emote.provider != NATIVE and emote.code not in known:
            wanted.setdefault(emote.provider, []).append(emote)
    parts = [
        with_list(
            EMOTES.empty(),
            emotes,
            platform=video.platform,
            provider=provider,
            channel_id=video.channel_id or None,
            day=date.max,
            first=True,
        )
        for provider, emotes in wanted.items()
    ]
    return pa.concat_tables([usable, *parts])


def _fetchers(platform: StreamPlatform, third_party: ThirdPartyEmotes | None) -> dict[str, Fetch]:
    others = {} if third_party is None else {p: partial(third_party.emotes, p) for p in PROVIDERS}
    return {NATIVE: platform.emotes, **others}


def _archive(workspace: Workspace, wanted: EmoteList, day: date, emotes: Iterable[Emote]) -> bool:
    """Keep a list when it differs from the one before, or from what was read earlier on this day."""
    body = emotes_bytes(emotes)
    parts = workspace.vault.parts(SOURCE, wanted.partition)
    if parts and workspace.vault.read(SOURCE, wanted.partition, parts[-1]) == body:
        return False
    workspace.vault.write(SOURCE, wanted.partition, day.isoformat(), body)
    return True


def _rows(workspace: Workspace, wanted: EmoteList) -> pa.Table:
    """Rows of a list from everything that is archived of it."""
    table = EMOTES.empty()
    for place, part in enumerate(workspace.vault.parts(SOURCE, wanted.partition)):
        table = with_list(
            table,
            read_emotes(workspace.vault.read(SOURCE, wanted.partition, part)),
            platform=wanted.platform,
            provider=wanted.provider,
            channel_id=wanted.channel_id,
            day=date.fromisoformat(part),
            first=place == 0,
        )
    return table


def _without(known: pa.Table, lists: Sequence[EmoteList]) -> pa.Table:
    names = {(wanted.platform, wanted.provider, wanted.channel_id) for wanted in lists}
    keys = zip(*(known[name].to_pylist() for name in ("platform", "provider", "channel_id")), strict=True)
    return known.filter(pa.array([key not in names for key in keys], pa.bool_()))
