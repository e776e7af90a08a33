"""Erasing a person of the class from everything that the platform keeps.

What belongs here: finding a person's ids, what an erasure would change, carrying it out, naming what is left to do
by hand. What does not: viewers of streams (``streams.viewers``), what becomes of a row (``people.erasure``), the list
that keeps somebody away (``storage.erasures``), rows of the app database (``storage.erased_rows``), publishing anew
(a run of the graph).

The order makes it safe to kill at any moment: the list comes first, so nothing that is parsed from then on brings
anybody back, and the list knows every id by its pseudonym, so each step finds what is left whether or not it ran
before. ``erase`` again completes what was begun. An erasure is finished (``finish``) when a new version was
published, the older ones are gone and nothing is found any more.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chat_platform.errors import InputError
from chat_platform.ingestion import erasure_steps
from chat_platform.ingestion.author_training import forget_withdrawn
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
from chat_platform.ingestion.model_state import author_note_path, last_author_note
from chat_platform.ingestion.model_tables import write_model_tables
from chat_platform.ingestion.people import one_person
from chat_platform.ingestion.portal_questions import write_portal_questions
from chat_platform.ingestion.recordings import FILE_SOURCE, archived_files
from chat_platform.ingestion.recordings import SOURCE as RECORDINGS
from chat_platform.ingestion.slack_days import SOURCE as SLACK
from chat_platform.ingestion.slack_days import USERS
from chat_platform.people.accounts import account_person_id, looks_like_slack_id, merge_accounts
from chat_platform.people.erasure import Erased, not_covered, pseudonym
from chat_platform.people.names import NameSplitter
from chat_platform.storage.app_database import scrub
from chat_platform.storage.erasures import Erasure
from chat_platform.storage.files import remove_stale_temporaries, write_bytes_atomic
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import (
    CLASS_LIST,
    CLASS_SOURCES,
    CONVERSATIONS,
    IDENTITIES,
    IDENTITY_DECISIONS,
    MESSAGES,
    PARTICIPANTS,
    PEOPLE,
    QUARANTINE,
    SLACK_USERS,
)
from chat_platform.tables.ids import identity_id, normalise_name
from chat_platform.tables.models import AUTHOR_PREDICTIONS, LABELS

CLASS_LISTS = "class_list"
# People and identities last: by them the person is found by name when a killed command is given again.
WHOLE_TABLES = (
    LABELS,
    AUTHOR_PREDICTIONS,
    SLACK_USERS,
    CLASS_LIST,
    CONVERSATIONS,
    IDENTITY_DECISIONS,
    IDENTITIES,
    PEOPLE,
)
_SLACK_ID = re.compile(r"\b[UWB][A-Z0-9]{6,}\b")


@dataclass(frozen=True)
class Subject:
    """Who is to be erased.

    Attributes:
        person_id: in ``core.people``; ``None`` when only the list knows them any more.
        name: as ``core.people`` has it.
        people: every id that the person has or could have had; pseudonyms when only the list knows them.
        identities: names and accounts in chats; likewise.
        shown: how they are called in chats.
        undecided: names that fit them and that nobody has merged: these stay.
    """

    person_id: str | None
    name: str | None
    people: frozenset[str]
    identities: frozenset[str]
    shown: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


def find_subject(workspace: Workspace, person: str) -> Subject:
    """The person that an id or a name means, with every id of theirs.

    Raises:
        InputError: CP-PEOPLE-011 when there is none, or several of the name.
    """
    people = workspace.lake.read(PEOPLE).to_pylist()
    try:
        person_id = one_person(person, {row["person_id"]: row["name"] for row in people})
    except InputError:
        # Of several who are called so, none is whom the list remembers.
        several = normalise_name(person) in {normalise_name(row["name"]) for row in people}
        entry = None if several else workspace.erasures.find(person)
        if entry is None:
            raise
        return Subject(None, None, frozenset(entry.people), frozenset(entry.identities))
    identities = workspace.lake.read(IDENTITIES).to_pylist()
    users = workspace.lake.read(SLACK_USERS).to_pylist()
    seen = {
        row["identity_key"]: row["display_name"] or row["identity_key"]
        for row in identities
        if row["system"] == "slack" and looks_like_slack_id(row["identity_key"])
    }
    members = workspace.lake.read(CLASS_LIST).to_pylist()
    accounts = merge_accounts(users, members, seen, NameSplitter(workspace.settings.names))
    ids = next((account.aliases for account in accounts if account.person_id == person_id), frozenset())
    slack_ids = {*seen, *(row["slack_id"] for row in users)}
    own = [row for row in identities if row["person_id"] == person_id]
    return Subject(
        person_id,
        next(row["name"] for row in people if row["person_id"] == person_id),
        frozenset({person_id, *ids}),
        frozenset(
            {row["identity_id"] for row in own}
            | {identity_id("slack", one) for one in slack_ids if account_person_id("slack", one) in ids}
        ),
        tuple(sorted({row["display_name"] or row["identity_key"] for row in own})),
        tuple(
            sorted(
                row["display_name"] or row["identity_key"]
                for row in identities
                if person_id in json.loads(row["suggested_person_ids"] or "[]")
            )
        ),
    )


def examine(workspace: Workspace, subject: Subject) -> Findings:
    """What an erasure would change; nothing is written."""
    erased = workspace.erasures.rehearsed(subject.people, subject.identities)
    lake: Counter[str] = Counter()
    message_ids: set[str] = set()
    named, names = 0, long_enough((*subject.shown, *([subject.name] if subject.name else ())))
    for conversation_id in _conversations(workspace):
        found = conversation_without(workspace, erased, conversation_id)
        message_ids |= found.message_ids
        for spec, _, rows in found.changes:
            lake[spec.full_name] += rows
        named += mentions(found.messages, found.message_ids, names)
    for spec in WHOLE_TABLES:
        before = workspace.lake.read(spec)
        # Resolving people anew gives a pseudonym a person of its own; that one is nobody's.
        after = erased.unreplaced.without(before, spec, message_ids)
        lake[spec.full_name] += changed_rows(before, after)
    conversations = _about(workspace, erased)
    return Findings(
        {table: number for table, number in lake.items() if number},
        app_rows(workspace, erased, message_ids).count(),
        tuple("/".join(one) for one in _raw(workspace, erased, conversations)),
        tuple(_saved_files(workspace, conversations)),
        named,
        tuple(f"{table}.{column}" for table, column in not_covered() if table != QUARANTINE.full_name),
    )


def erase(
    workspace: Workspace, subject: Subject, *, by: str, raw: bool = False, on_step: OnStep = lambda _: None
) -> Erasure:
    """Erase somebody from all but the published versions; ``finish`` after publishing anew.

    Args:
        workspace: of the class.
        subject: who.
        by: who asks for it.
        raw: also the archived answers and saved files that hold what they wrote.
        on_step: told in a word what begins.

    Raises:
        InputError: CP-STORE-001 while a run is at work.
    """
    refuse_while_at_work(workspace)
    with workspace.erasures.working():
        on_step("list")
        entry = workspace.erasures.add(
            people=subject.people,
            identities=subject.identities,
            names=() if subject.name is None else (subject.name,),
            by=by,
        )
        erased = workspace.erasures.only(entry)
        on_step("app database")
        message_ids = {one for found in _all(workspace, erased) for one in found.message_ids}
        app_rows(workspace, erased, message_ids).erase()
        scrub(workspace.database)
        if raw:
            # Before the lake: to whom a direct message went is known by name only, which is replaced there.
            on_step("archive")
            _erase_raw(workspace, erased)
        on_step("lake")
        _erase_lake(workspace, erased, message_ids)
        on_step("predictions")
        bring_up(workspace, _conversations(workspace))
        on_step("models")
        _erase_models(workspace, erased)
        workspace.warehouse.discard()
        # A killed writer's file may hold what it was to replace.
        remove_stale_temporaries(workspace.settings.home)
        return entry


def finish(workspace: Workspace, entry: Erasure) -> list[int]:
    """Remove the older published versions and note that nothing is left; their numbers.

    Raises:
        InputError: CP-PEOPLE-022 when something is found all the same, or nothing was published since.
    """
    subject = Subject(None, None, frozenset(entry.people), frozenset(entry.identities))
    return erasure_steps.finish(workspace, entry, lambda: examine(workspace, subject))


def _conversations(workspace: Workspace) -> list[str]:
    """Conversations of the class in the lake."""
    of_class = {i for source in CLASS_SOURCES for i in workspace.ledger.ids(source)}
    return sorted(of_class & workspace.lake.files(MESSAGES).keys())


def _all(workspace: Workspace, erased: Erased) -> Iterator[Conversation]:
    return (conversation_without(workspace, erased, one) for one in _conversations(workspace))


def _erase_lake(workspace: Workspace, erased: Erased, message_ids: set[str]) -> None:
    # What they asked and answered on the portal has gone from the app database, which this is a picture of.
    write_portal_questions(workspace)
    for conversation_id in _conversations(workspace):
        for spec, table, _ in conversation_without(workspace, erased, conversation_id).changes:
            workspace.lake.write(spec, table, conversation_id)
    for spec in WHOLE_TABLES:
        before = workspace.lake.read(spec)
        after = erased.unreplaced.without(before, spec, message_ids)
        if changed_rows(before, after):
            workspace.lake.write(spec, after)


def _erase_models(workspace: Workspace, erased: Erased) -> None:
    """Versions of the author model that know the person; the next training is due, since the consents differ."""
    forget_withdrawn(workspace)
    # States of a training that was interrupted remember what they learnt from.
    shutil.rmtree(workspace.settings.home / "work", ignore_errors=True)
    note = last_author_note(workspace)
    if note is not None and any(one in erased.people for one in note["people"]):
        people = [pseudonym(one, erased.key) if one in erased.people else one for one in note["people"]]
        text = json.dumps(note | {"people": sorted(people)}, sort_keys=True)
        write_bytes_atomic(author_note_path(workspace), text.encode("utf-8"), 0o600)
    write_model_tables(workspace)


def _about(workspace: Workspace, erased: Erased) -> list[str]:
    """Conversations in which they wrote or reacted, or were written to."""
    found = []
    for conversation_id in _conversations(workspace):
        written = workspace.lake.read(MESSAGES, conversation_id)
        values = {
            *workspace.lake.read(PARTICIPANTS, conversation_id)["identity_id"].to_pylist(),
            *written["identity_id"].to_pylist(),
        }
        recipients = set(written["recipient_name"].to_pylist()) - {None}
        if any(value in erased.identities for value in values) or any(
            erased.is_name(name) for name in recipients
        ):
            found.append(conversation_id)
    return found


def _raw(workspace: Workspace, erased: Erased, conversations: list[str]) -> Iterator[tuple[str, str, str]]:
    """Archived answers that hold them: of recordings, days of Slack, lists of members, class lists."""
    vault = workspace.vault
    for conversation_id in conversations:
        for source in (RECORDINGS, FILE_SOURCE):
            for part in vault.parts(source, conversation_id):
                yield source, conversation_id, part
    for day in vault.partitions(SLACK):
        for part in vault.parts(SLACK, day):
            # Also where they only joined or are mentioned: there Slack's answer has their id.
            text = vault.read(SLACK, day, part).decode("utf-8", "replace")
            if any(erased.has_account(one) for one in set(_SLACK_ID.findall(text))):
                yield SLACK, day, part
    for partition in vault.partitions(USERS):
        for part in vault.parts(USERS, partition):
            members = json.loads(vault.read(USERS, partition, part))
            if any(erased.has_account(member.get("id", "")) for member in members):
                yield USERS, partition, part
    # Lists in any form: which of them name the person is not looked into.
    for partition in vault.partitions(CLASS_LISTS):
        for part in vault.parts(CLASS_LISTS, partition):
            yield CLASS_LISTS, partition, part


def _saved_files(workspace: Workspace, conversations: list[str]) -> list[Path]:
    """Files in the inbox that are archived as one of these conversations."""
    archived = {
        file.data
        for conversation_id in conversations
        if workspace.vault.parts(FILE_SOURCE, conversation_id)
        for file in archived_files(workspace, conversation_id)
    }
    sizes = {len(data) for data in archived}
    return sorted(
        path
        for path in workspace.settings.inbox.rglob("*")
        if path.is_file() and path.stat().st_size in sizes and path.read_bytes() in archived
    )


def _erase_raw(workspace: Workspace, erased: Erased) -> None:
    """Saved files first: they are known by what is archived."""
    conversations = _about(workspace, erased)
    for path in _saved_files(workspace, conversations):
        path.unlink(missing_ok=True)
    for source, partition, part in list(_raw(workspace, erased, conversations)):
        if source == USERS:
            members = json.loads(workspace.vault.read(source, partition, part))
            kept = [member for member in members if not erased.has_account(member.get("id", ""))]
            body = json.dumps(kept, ensure_ascii=False, sort_keys=True).encode("utf-8")
            workspace.vault.write(source, partition, part, body)
        else:
            workspace.vault.delete(source, partition, part)
