"""Erasing a viewer of streams: somebody who wrote in chats of a platform and is nobody of the class.

What belongs here: finding a viewer's account and names, what an erasure would change, carrying it out in the tables
and in what is archived. What does not: how a format is written without somebody (``sources.streams``), what becomes
of a row (``people.erasure``), the list that keeps somebody away (``storage.erasures``), people of the class
(``ingestion.erasure``), publishing anew (a run of the graph).

The order is that of a person's erasure, and as safe to kill: the list comes first, and it knows every account and
name by its pseudonym, so each step finds what is left.

A chat is touched only where the viewer stands in it: DuckDB looks through the columns of ids, and no other chat is
read. An archived record of theirs stays as a record, with id, time and place: so counts, order and completeness of a
chat are what they were, and a platform's archive need not go because of one viewer.

Somebody who streams is a viewer like others where they write. Their channel is public and stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chat_platform.errors import InputError
from chat_platform.ingestion import erasure_steps
from chat_platform.ingestion.erasure_steps import (
    Conversation,
    Findings,
    OnStep,
    app_rows,
    bring_up,
    changed_rows,
    conversation_without,
    long_enough,
    mentions,
    refuse_while_at_work,
)
from chat_platform.ingestion.streams import chat_files, live, pages
from chat_platform.ingestion.streams.tables import Row, channel_rows
from chat_platform.ingestion.streams.vods import known_video
from chat_platform.people.accounts import account_person_id
from chat_platform.people.erasure import Erased, pseudonym
from chat_platform.sources.streams.port import PlatformSpec, StandIn
from chat_platform.sources.streams.registry import PLATFORMS, platform_spec
from chat_platform.storage.app_database import scrub
from chat_platform.storage.erasures import Erasure
from chat_platform.storage.files import remove_stale_temporaries, write_bytes_atomic
from chat_platform.storage.lake_scan import ask, partitions_with
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, PARTICIPANTS, QUARANTINE, TOKENS
from chat_platform.tables.ids import identity_id
from chat_platform.tables.models import AUTHOR_PREDICTIONS, LABELS
from chat_platform.tables.spec import TableSpec
from chat_platform.tables.streams import EMOTE_USES

Lookup = Callable[[str, str], str | None]
"""Platform and login → id of the account."""
# As a chat is written.
_IN_ORDER = (MESSAGES, PARTICIPANTS, EMOTE_USES)
_OF_CHAT = (EMOTE_USES, TOKENS)
_WHOLE = (LABELS, AUTHOR_PREDICTIONS)


@dataclass(frozen=True)
class Viewer:
    """Who is to be erased.

    Attributes:
        platform: short name.
        people: ids of a person that their accounts could have; pseudonyms when only the list knows them.
        identities: accounts and names in chats; likewise.
        called: ``<platform>:<account or login>``: each finds their entry in the list again.
        names: as they were shown in chats and elsewhere.
        channel: name of their own channel, which stays; ``None``: they have none that is known.
        is_done: the list says that they were erased, and nothing was left then.
    """

    platform: str
    people: frozenset[str]
    identities: frozenset[str]
    called: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    channel: str | None = None
    is_done: bool = False


def find_viewer(workspace: Workspace, viewer: str, lookup: Lookup = lambda platform, login: None) -> Viewer:
    """The viewer that ``<platform>:<id, login or name>`` means, with every name that the account had in chats.

    Args:
        workspace: the home.
        viewer: an id is looked for first.
        lookup: asked for the id of a login that no chat shows.

    Raises:
        InputError: CP-STREAM-023 when there is none, CP-STREAM-024 when several accounts had the name.
    """
    platform, _, wanted = viewer.strip().partition(":")
    wanted = wanted.removeprefix("@")
    if platform not in PLATFORMS or not wanted:
        raise InputError("CP-STREAM-023", viewer)
    accounts, channel = _accounts(workspace, platform, wanted)
    if len(accounts) > 1:
        raise InputError("CP-STREAM-024", f"{viewer}: {', '.join(sorted(accounts))}")
    entry = workspace.erasures.find(f"{platform}:{next(iter(accounts), wanted)}")
    names = _names(workspace, platform, accounts, channel) if accounts else {wanted}
    nameless: dict[str, str] = {}
    keys = set(accounts)
    if platform_spec(platform).names_are_logins:
        nameless = _nameless(workspace, platform, names)
        keys |= {spelled for name in (*names, *nameless.values()) for spelled in (name, name.lower())}
    if not accounts and not nameless and entry is None:
        found = lookup(platform, wanted)
        if found is None or found == wanted:
            raise InputError("CP-STREAM-023", viewer)
        return find_viewer(workspace, f"{platform}:{found}")
    people = {account_person_id(platform, one) for one in accounts or {wanted.lower()}}
    identities = {*(identity_id(platform, one) for one in keys), *nameless}
    return Viewer(
        platform,
        frozenset(people if entry is None else people.union(entry.people)),
        frozenset(identities if entry is None else identities.union(entry.identities)),
        frozenset(f"{platform}:{one}" for one in keys),
        tuple(sorted(names | accounts)),
        None if channel is None else channel["display_name"],
        is_done=entry is not None and entry.done_at is not None,
    )


def _accounts(workspace: Workspace, platform: str, wanted: str) -> tuple[set[str], Row | None]:
    """Accounts of an id or name, and the channel among them: one account where the id says so."""
    channels = {
        row["channel_id"]: row
        for (its_platform, _), row in channel_rows(workspace).items()
        if its_platform == platform
    }
    # Who is known by a name only is known by that name as the account, too.
    sql = """
        select distinct identity_key from rows
        where identity_key <> display_name and (identity_key = $wanted or lower(display_name) = lower($wanted))
    """
    found = ask(workspace.lake, PARTICIPANTS, _conversations(workspace, platform), sql, {"wanted": wanted})
    accounts = {account for (account,) in found}
    for channel_id, row in channels.items():
        if channel_id == wanted or wanted.lower() in {one.lower() for one in _called(row)}:
            accounts.add(channel_id)
    if wanted in accounts:
        accounts = {wanted}
    return accounts, next((channels[one] for one in accounts if one in channels), None)


def _names(workspace: Workspace, platform: str, accounts: Collection[str], channel: Row | None) -> set[str]:
    """Names that accounts had, in chats and as a channel."""
    sql = "select distinct display_name from rows where identity_key in (select unnest($accounts))"
    values = {"accounts": sorted(accounts)}
    found = ask(workspace.lake, PARTICIPANTS, _conversations(workspace, platform), sql, values)
    names = {name for (name,) in found if name}
    return names if channel is None else names | _called(channel)


def _called(channel: Row) -> set[str]:
    """Every name of a channel."""
    earlier = json.loads(channel["previous_logins"] or "[]")
    return {one for one in (channel["login"], channel["display_name"], *earlier) if one}


def _nameless(workspace: Workspace, platform: str, names: Collection[str]) -> dict[str, str]:
    """Identity → name, of those who stand under one of the names in files that show no account."""
    sql = """
        select distinct identity_id, identity_key from rows
        where identity_key = display_name and lower(display_name) in (select lower(unnest($names)))
    """
    values = {"names": sorted(names)}
    return dict(ask(workspace.lake, PARTICIPANTS, _conversations(workspace, platform), sql, values))


def examine(workspace: Workspace, viewer: Viewer, *, archives: bool = True) -> Findings:
    """What an erasure would change; nothing is written.

    Args:
        workspace: the home.
        viewer: who.
        archives: also look through what is archived, and count mentions.
    """
    erased = workspace.erasures.rehearsed(viewer.people, viewer.identities)
    lake: Counter[str] = Counter()
    message_ids: set[str] = set()
    named, names = 0, long_enough(viewer.names)
    any_case = platform_spec(viewer.platform).names_are_logins
    for conversation_id in _to_change(workspace, viewer.platform, erased):
        found = _without(workspace, erased, conversation_id)
        message_ids |= found.message_ids
        for spec, _, rows in found.changes:
            lake[spec.full_name] += rows
        if archives:
            named += mentions(found.messages, found.message_ids, names, any_case=any_case)
    for spec in _WHOLE:
        before = workspace.lake.read(spec)
        lake[spec.full_name] += changed_rows(before, erased.without(before, spec, message_ids))
    raw: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    if archives:
        raw = tuple("/".join(one) for one, _ in _raw(workspace, viewer.platform, erased))
        files = tuple(path for path, _ in _files(workspace, viewer.platform, erased))
    return Findings(
        {table: number for table, number in lake.items() if number},
        app_rows(workspace, erased, message_ids).count(),
        raw,
        files,
        named,
    )


def erase(
    workspace: Workspace, viewer: Viewer, *, by: str, raw: bool = False, on_step: OnStep = lambda _: None
) -> Erasure:
    """Erase a viewer from all but the published versions; ``finish`` after publishing anew.

    Args:
        workspace: the home.
        viewer: who.
        by: who asks for it.
        raw: also from what is archived and from what was saved or heard beside it.
        on_step: told in a word what begins.

    Raises:
        InputError: CP-STORE-001 while a run is at work, CP-STREAM-025 while somebody writes down what is to be
            rewritten.
    """
    refuse_while_at_work(workspace)
    platform = viewer.platform
    with workspace.erasures.working():
        if raw:
            rehearsed = workspace.erasures.rehearsed(viewer.people, viewer.identities)
            _refuse_while_heard(workspace, platform, rehearsed)
        on_step("list")
        entry = workspace.erasures.add(
            people=viewer.people, identities=viewer.identities, names=viewer.called, by=by
        )
        erased = workspace.erasures.only(entry)
        conversations = _to_change(workspace, platform, erased)
        on_step("app database")
        message_ids = {
            one
            for conversation_id in conversations
            for one in _without(workspace, erased, conversation_id).message_ids
        }
        app_rows(workspace, erased, message_ids).erase()
        scrub(workspace.database)
        if raw:
            on_step("archive")
            _erase_raw(workspace, platform, erased)
        on_step("lake")
        _erase_lake(workspace, erased, conversations, message_ids)
        on_step("predictions")
        bring_up(workspace, _conversations(workspace, platform))
        workspace.warehouse.discard()
        # A killed writer's file may hold what it was to replace.
        remove_stale_temporaries(workspace.settings.home)
        return entry


def finish(workspace: Workspace, viewer: Viewer, entry: Erasure) -> list[int]:
    """Remove the older published versions and note that nothing is left; their numbers.

    Raises:
        InputError: CP-PEOPLE-022 when something is found all the same, or nothing was published since.
    """
    left = Viewer(viewer.platform, frozenset(entry.people), frozenset(entry.identities))
    return erasure_steps.finish(workspace, entry, lambda: examine(workspace, left, archives=False))


def _conversations(workspace: Workspace, platform: str) -> list[str]:
    """Chats of a platform in the lake."""
    return sorted(set(workspace.ledger.ids(platform)) & workspace.lake.files(MESSAGES).keys())


def _theirs(workspace: Workspace, platform: str, erased: Erased) -> list[str]:
    """Chats in which they stand, under an account, a name or the pseudonym of one."""
    lake, found = workspace.lake, set[str]()
    for spec, partitions in _telling(workspace, platform).items():
        known = ask(lake, spec, partitions, "select distinct identity_id from rows", {})
        theirs = [one for (one,) in known if one in erased.identities]
        found |= partitions_with(lake, spec, partitions, "identity_id", theirs)
    return sorted(found)


def _telling(workspace: Workspace, platform: str) -> dict[TableSpec, list[str]]:
    """Which table tells who stands in which chat: the one of participants, which is small.

    Where a writer was killed between a chat's tables, those that do not belong to its participants tell, too.
    """
    everywhere = _conversations(workspace, platform)
    messages, participants, uses = (workspace.lake.files(spec) for spec in _IN_ORDER)

    def is_whole(one: str) -> bool:
        return one in participants and messages[one].modified <= participants[one].modified

    return {
        PARTICIPANTS: everywhere,
        MESSAGES: [one for one in everywhere if not is_whole(one)],
        EMOTE_USES: [
            one
            for one in everywhere
            if one in uses and (one not in participants or uses[one].modified < participants[one].modified)
        ],
    }


def _to_change(workspace: Workspace, platform: str, erased: Erased) -> list[str]:
    """Theirs, and those with the start of a record that does not say whose it is."""
    sql = "select distinct lake_partition from rows where excerpt <> ''"
    excerpts = ask(workspace.lake, QUARANTINE, _conversations(workspace, platform), sql, {})
    return sorted({*_theirs(workspace, platform, erased), *(one for (one,) in excerpts)})


def _without(workspace: Workspace, erased: Erased, conversation_id: str) -> Conversation:
    return conversation_without(workspace, erased, conversation_id, _OF_CHAT)


def _erase_lake(
    workspace: Workspace, erased: Erased, conversations: Collection[str], message_ids: Collection[str]
) -> None:
    lake = workspace.lake
    tokenised = lake.files(TOKENS)
    for conversation_id in conversations:
        changes = _without(workspace, erased, conversation_id).changes
        for spec, table, _ in changes:
            lake.write(spec, table, conversation_id)
        if changes and changes[-1][0] is not TOKENS and conversation_id in tokenised:
            # They stand as they are, and would be computed again if they were the older file.
            lake.write(TOKENS, lake.read(TOKENS, conversation_id), conversation_id)
    for spec in _WHOLE:
        before = lake.read(spec)
        after = erased.without(before, spec, message_ids)
        if changed_rows(before, after):
            lake.write(spec, after)


def _stand_in(spec: PlatformSpec, erased: Erased) -> StandIn:
    """What stands for them in an archive; what stands there already is nobody's."""
    theirs = erased.unreplaced.identities

    @cache
    def stand_in(key: str) -> str | None:
        for spelled in (key, key.lower()) if spec.names_are_logins else (key,):
            identity = identity_id(spec.name, spelled)
            if spelled and identity in theirs:
                return pseudonym(identity, erased.key)
        return None

    return stand_in


def _raw(workspace: Workspace, platform: str, erased: Erased) -> Iterator[tuple[tuple[str, str, str], bytes]]:
    """Archived answers that hold them, and each without them."""
    spec, vault = platform_spec(platform), workspace.vault
    stand_in = _stand_in(spec, erased)
    for conversation_id in _archived(workspace, platform, erased):
        for part in vault.parts(platform, conversation_id):
            payload = vault.read(platform, conversation_id, part)
            without = _part_without(workspace, spec, conversation_id, part, payload, stand_in)
            if without != payload:
                yield (platform, conversation_id, part), without


def _part_without(
    workspace: Workspace,
    spec: PlatformSpec,
    conversation_id: str,
    part: str,
    payload: bytes,
    stand_in: StandIn,
) -> bytes:
    if part.startswith(pages.PREFIX):
        video = known_video(workspace, spec.name, conversation_id)
        return pages.with_pages(payload, lambda page: spec.erase_page(video, page, stand_in))
    if part.startswith(chat_files.PREFIX) and spec.erase_chat_file is not None:
        return spec.erase_chat_file(payload, part, stand_in)
    if part == live.PART and spec.live is not None:
        return spec.live.erase(payload, stand_in)
    return payload


def _archived(workspace: Workspace, platform: str, erased: Erased) -> list[str]:
    """Archived chats that may hold them: those in which they stand, and those that tables do not show whole.

    What was heard live is left to the recorded video there, a chat that was not parsed yet is not there at all, and
    of a chat that is archived several ways one is there.
    """
    vault = workspace.vault
    archived = {one: vault.parts(platform, one) for one in vault.partitions(platform)}
    parsed = set(_conversations(workspace, platform))
    found = set(_theirs(workspace, platform, erased))
    found |= {one for one, parts in archived.items() if one not in parsed or _ways(parts) > 1}
    found |= {
        heard
        for one in found & archived.keys()
        if pages.VIDEO_PART in archived[one]
        for heard in live.heard_beside(workspace, platform, one)
    }
    entries = workspace.ledger.states_of(sorted(archived))
    # Fetched anew, and what is new is not parsed yet.
    found |= {one for one, (state, _) in entries.items() if state != "parsed"}
    return sorted(found & archived.keys())


def _ways(parts: Collection[str]) -> int:
    """How many times a chat is archived."""
    files = sum(part.startswith(chat_files.PREFIX) for part in parts)
    return files + any(part.startswith(pages.PREFIX) for part in parts)


def _files(workspace: Workspace, platform: str, erased: Erased) -> Iterator[tuple[Path, bytes | None]]:
    """Files beside the archive that hold them: each without them, or ``None`` where the archive has the same."""
    spec, settings = platform_spec(platform), workspace.settings
    stand_in = _stand_in(spec, erased)
    if spec.live is not None:
        for path in live.captured_files(settings, platform):
            data = path.read_bytes()
            without = spec.live.erase(data, stand_in)
            if without != data:
                yield path, without
    if spec.erase_chat_file is None or not settings.stream_chat_inbox.is_dir():
        return
    archived = chat_files.archived_hashes(workspace, platform)
    for path in sorted(settings.stream_chat_inbox.rglob("*")):
        if path.suffix.lower() not in chat_files.SUFFIXES or not path.is_file():
            continue
        data = path.read_bytes()
        same = hashlib.sha256(data).hexdigest() in archived
        if same and spec.erase_chat_file(data, path.name, stand_in) != data:
            yield path, None


def _refuse_while_heard(workspace: Workspace, platform: str, erased: Erased) -> None:
    """Raises CP-STREAM-025 while somebody listens and what was heard has to be rewritten."""
    heard = any(without is not None for _, without in _files(workspace, platform, erased))
    with live.nobody_listens(workspace.settings, platform) as free:
        if heard and not free:
            raise InputError("CP-STREAM-025", platform)


def _erase_raw(workspace: Workspace, platform: str, erased: Erased) -> None:
    with live.nobody_listens(workspace.settings, platform) as free:
        for path, without in _files(workspace, platform, erased):
            if without is None:
                path.unlink(missing_ok=True)
            elif free:
                write_bytes_atomic(path, without, 0o600)
            else:
                raise InputError("CP-STREAM-025", platform)
        for (source, partition, part), without in _raw(workspace, platform, erased):
            workspace.vault.write(source, partition, part, without)
