"""What erasing a person of the class and a viewer of streams have in common.

What belongs here: the tables of a conversation without somebody, what is computed from them, the last look that ends
an erasure. What does not: finding somebody's ids, archives, and the order of an erasure (``erasure`` for a person,
``streams.viewers`` for a viewer); what becomes of a row (``people.erasure``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import InputError
from chat_platform.ingestion.predictions import predict
from chat_platform.ingestion.tables import PARSED_TABLES, STREAM_CHAT_TABLES
from chat_platform.people.erasure import Erased
from chat_platform.storage.erased_rows import ErasedRows
from chat_platform.storage.erasures import Erasure
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.publication import build_signature
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.models import QUESTION_PREDICTIONS
from chat_platform.tables.spec import TableSpec
from chat_platform.text.kernels import tokenise_messages

_SHORTEST_NAME = 2
OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Findings:
    """What there is of somebody, in numbers and names of files; never a text.

    Attributes:
        lake: table → rows that would be changed or deleted.
        database: table of the app database → rows.
        raw: archived answers that hold what they wrote, as ``source/partition/part``.
        files: files beside the archive with the same: saved into the inbox, or heard live.
        mentions: messages of others in which one of their names stands; these stay.
        not_covered: (table, column) of personal data without an author; these stay.
    """

    lake: dict[str, int] = field(default_factory=dict)
    database: dict[str, int] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    mentions: int = 0
    not_covered: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(self.lake.values()) + sum(self.database.values())


@dataclass(frozen=True)
class Conversation:
    """The tables of a conversation without somebody.

    Attributes:
        messages: as they lie in the lake.
        message_ids: those of them that are theirs.
        changes: table, what it becomes, and how many rows that changes; in the order of writing.
    """

    messages: pa.Table
    message_ids: frozenset[str]
    changes: tuple[tuple[TableSpec, pa.Table, int], ...]


def conversation_without(
    workspace: Workspace, erased: Erased, conversation_id: str, more: Sequence[TableSpec] = ()
) -> Conversation:
    """A conversation without somebody; nothing is written.

    Args:
        more: tables that are looked into beside those that parsing writes, in the order of writing.
    """
    before = {spec.name: workspace.lake.read(spec, conversation_id) for spec in (*PARSED_TABLES, *more)}
    messages = before["messages"]
    theirs = frozenset(
        message_id
        for message_id, identity in zip(
            messages["message_id"].to_pylist(), messages["identity_id"].to_pylist(), strict=True
        )
        if identity in erased.identities
    )
    after = erased.without_of_conversation({spec.name: before[spec.name] for spec in PARSED_TABLES})
    after |= {spec.name: erased.without(before[spec.name], spec, theirs) for spec in more}
    rows = {name: changed_rows(table, after[name]) for name, table in before.items()}
    changes = tuple(
        (spec, after[spec.name], rows[spec.name]) for spec in (*PARSED_TABLES, *more) if rows[spec.name]
    )
    return Conversation(messages, theirs, changes)


def changed_rows(before: pa.Table, after: pa.Table) -> int:
    """Rows that are gone, or another in some column."""
    if before.num_rows != after.num_rows:
        return before.num_rows - after.num_rows
    changed = [False] * before.num_rows
    for name in before.column_names:
        if not before[name].equals(after[name]):
            pairs = zip(before[name].to_pylist(), after[name].to_pylist(), strict=True)
            changed = [was or one != other for was, (one, other) in zip(changed, pairs, strict=True)]
    return sum(changed)


def long_enough(names: Iterable[str]) -> list[str]:
    """Words by which others could mention somebody."""
    return sorted({name for name in names if len(name) >= _SHORTEST_NAME})


def mentions(
    messages: pa.Table, theirs: Collection[str], names: Iterable[str], *, any_case: bool = False
) -> int:
    """Messages of others in which one of the names stands.

    Args:
        theirs: ids of their own messages.
        any_case: upper and lower case are the same in names.
    """
    named = pa.array([False] * messages.num_rows, pa.bool_())
    for name in names:
        hit = pc.match_substring(messages["text"].combine_chunks(), name, ignore_case=any_case)
        named = pc.or_(named, hit)
    own = pc.is_in(messages["message_id"].combine_chunks(), value_set=pa.array(list(theirs), pa.string()))
    return pc.sum(pc.and_(named, pc.invert(own))).as_py() or 0


def app_rows(workspace: Workspace, erased: Erased, message_ids: Collection[str]) -> ErasedRows:
    """What the app database keeps of them."""
    return ErasedRows(workspace.database, workspace.settings.web.class_id, erased, message_ids)


def refuse_while_at_work(workspace: Workspace) -> None:
    """Nothing may be written meanwhile.

    Raises:
        InputError: CP-STORE-001 while a run is at work.
    """
    if RunGuard(workspace.settings.home).anybody_alive():
        raise InputError("CP-STORE-001", str(workspace.settings.home))


def bring_up(workspace: Workspace, conversations: Collection[str]) -> None:
    """Compute again what is older than what it is computed from; the loader takes no half replaced conversation."""
    lake, ids = workspace.lake, set(conversations)
    parsed = [lake.files(spec) for spec in (*PARSED_TABLES, *STREAM_CHAT_TABLES)]
    newest = {one: max((files[one].modified for files in parsed if one in files), default=0.0) for one in ids}
    tokens = lake.files(TOKENS)
    stale = sorted(one for one in ids if one in tokens and tokens[one].modified < newest[one])
    outcomes = workspace.engine.map(
        tokenise_messages,
        {one: lake.path(MESSAGES, one) for one in stale},
        {one: lake.path(TOKENS, one) for one in stale},
    )
    failed = {one: outcome.error for one, outcome in outcomes.items() if outcome.error}
    tokens, predictions = lake.files(TOKENS), lake.files(QUESTION_PREDICTIONS)
    due = sorted(
        one
        for one in ids & tokens.keys() & predictions.keys()
        if predictions[one].modified < tokens[one].modified
    )
    report = predict(workspace, [one for one in due if one not in failed])
    failed |= {one: str(error) for one, error in report.failed.items()}
    if failed:
        raise InputError("CP-PEOPLE-022", ", ".join(sorted(failed)))


def finish(workspace: Workspace, entry: Erasure, look: Callable[[], Findings]) -> list[int]:
    """Remove the older published versions and note that nothing is left; their numbers.

    Args:
        look: the last look.

    Raises:
        InputError: CP-PEOPLE-022 when something is found all the same, or nothing was published since.
    """
    with workspace.erasures.working():
        left = look()
        if left.rows or not _published_since(workspace):
            raise InputError("CP-PEOPLE-022", ", ".join((*left.lake, *left.database)) or "published")
        gone = workspace.publication.keep_current_only()
        workspace.erasures.finish(entry.number)
        return gone


def _published_since(workspace: Workspace) -> bool:
    """Whether the current version was made from the build file that was begun anew."""
    build = workspace.warehouse.build_path
    return build.exists() and workspace.publication.current().build_signature == build_signature(build)
