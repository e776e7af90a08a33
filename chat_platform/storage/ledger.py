"""The ledger: where each conversation stands between its announcement and its publication.

What belongs here: states and the only transitions between them. What does not: fetching, parsing, and what
Dagster knows of runs.

    announced ──► fetched ──► parsed            parsed again whenever the raw answer or the parser changes
        │            │
        ├──► failed ─┘   transient: tried again after a wait that doubles, up to ``max_attempts``
        ├──► quarantined     cannot work until somebody changes something (wrong passcode, no link)
        └──► gone            deleted or expired at the source

A changed announcement (other link, passcode or date) starts its recording over from ``announced`` unless it has
been fetched already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from chat_platform.errors import ChatPlatformError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import LedgerEntry
from chat_platform.tables.class_chat import CONVERSATIONS

GONE_CODES = frozenset({"CP-ZOOM-002", "CP-ZOOM-003", "CP-STREAM-007"})
_CONVERSATION_COLUMNS = tuple(CONVERSATIONS.column_names)
_COUNTS = ("records", "messages", "replies", "reactions", "removals", "quarantined", "duplicates")


@dataclass(frozen=True)
class Announced:
    """A conversation that somebody announced, or that discovery found.

    Attributes:
        revision: changes when the announcement (or the channel's day) changes.
        announcement_ref: ``<channel>:<ts>`` of the Slack message, where there is one.
    """

    conversation_id: str
    source: str
    kind: str
    revision: str
    title: str | None = None
    conversation_date: date | None = None
    link: str | None = None
    announced_at: datetime | None = None
    announced_by: str | None = None
    announcement_ref: str | None = None


@dataclass(frozen=True)
class LedgerFilter:
    """Which entries are wanted; ``None`` means all.

    Attributes:
        since: first date of a conversation.
        until: last date.
    """

    state: str | None = None
    source: str | None = None
    reason: str | None = None
    since: date | None = None
    until: date | None = None


class Ledger:
    """States of conversations in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        retry_wait: wait after the first transient failure; it doubles with each further one.
        max_attempts: attempts before a recording stays failed.
    """

    def __init__(self, engine: Engine, *, retry_wait: timedelta, max_attempts: int) -> None:
        self._engine = engine
        self._retry_wait = retry_wait
        self._max_attempts = max_attempts

    def announce(self, found: Iterable[Announced]) -> list[str]:
        """Write down what was found.

        Returns:
            Ids that are new or whose revision changed.
        """
        changed = []
        with write_session(self._engine) as session:
            for item in found:
                entry = session.get(LedgerEntry, item.conversation_id)
                if entry is not None and entry.revision == item.revision:
                    continue
                changed.append(item.conversation_id)
                if entry is None:
                    entry = LedgerEntry(conversation_id=item.conversation_id, state="announced", attempts=0)
                    session.add(entry)
                elif entry.state not in ("fetched", "parsed"):
                    entry.state, entry.reason, entry.attempts, entry.next_attempt_at = (
                        "announced",
                        None,
                        0,
                        None,
                    )
                entry.published_version = None
                for name, value in vars(item).items():
                    setattr(entry, name, value)
                entry.updated_at = _now()
        return changed

    def quarantine(self, item: Announced, reason: str) -> None:
        """Write down something that looks like an announcement and cannot be understood."""
        self.announce([item])
        self._set(item.conversation_id, state="quarantined", reason=reason, quarantined=1, records=1)

    def forget(self, conversation_id: str) -> None:
        """Take out an entry that turned out to be none (a corrected announcement)."""
        with write_session(self._engine) as session:
            session.execute(delete(LedgerEntry).where(LedgerEntry.conversation_id == conversation_id))

    def mark_fetched(
        self, conversation_id: str, *, strategy: str, payload_sha256: str, fetched_at: datetime
    ) -> None:
        """The raw answer is archived."""
        self._set(
            conversation_id,
            state="fetched",
            reason=None,
            next_attempt_at=None,
            strategy=strategy,
            payload_sha256=payload_sha256,
            fetched_at=fetched_at,
            published_version=None,
        )

    def mark_failed(self, conversation_id: str, error: ChatPlatformError) -> str:
        """A fetch or a parse failed.

        Returns:
            The new state: ``failed``, ``quarantined`` or ``gone``.
        """
        with write_session(self._engine) as session:
            entry = session.get_one(LedgerEntry, conversation_id)
            entry.attempts += 1
            entry.reason = error.code
            entry.next_attempt_at = None
            entry.updated_at = _now()
            entry.published_version = None
            if error.transient:
                entry.state = "failed"
                if entry.attempts < self._max_attempts:
                    wait = self._retry_wait * 2 ** min(entry.attempts - 1, 6)
                    entry.next_attempt_at = _now() + wait
            else:
                entry.state = "gone" if error.code in GONE_CODES else "quarantined"
            return entry.state

    def mark_parsed(
        self,
        conversation_id: str,
        counts: Mapping[str, int],
        *,
        title: str | None = None,
        started_at: datetime | None = None,
        duration_s: float | None = None,
    ) -> None:
        """The archived answer was parsed and its tables are in the lake."""
        values: dict[str, Any] = {name: counts[name] for name in _COUNTS}
        if title is not None:
            values["title"] = func.coalesce(LedgerEntry.title, title)
        self._set(
            conversation_id,
            state="parsed",
            reason=None,
            parsed_at=_now(),
            started_at=started_at,
            duration_s=duration_s,
            published_version=None,
            **values,
        )

    def mark_published(self, version: int, published: Mapping[str, tuple[str, datetime | None]]) -> int:
        """The published version holds these conversations.

        Args:
            version: number of the published version.
            published: id → (state, parsed_at) as the published core.conversations has them. An entry that has
                moved on since then stays unpublished.

        Returns:
            Entries that were marked.
        """
        marked = 0
        query = select(LedgerEntry).where(LedgerEntry.published_version.is_(None))
        with write_session(self._engine) as session:
            for entry in session.scalars(query):
                if published.get(entry.conversation_id) == (entry.state, entry.parsed_at):
                    entry.published_version = version
                    marked += 1
        return marked

    def due(self, source: str, *, now: datetime | None = None) -> list[str]:
        """Conversations of a source that a run should take up now, in order of their ids.

        One that is parsed and not published belongs to them: the run that parsed it died before its end, perhaps
        before its tokens were written.
        """
        moment = now or _now()
        query = (
            select(LedgerEntry.conversation_id)
            .where(LedgerEntry.source == source)
            .where(
                or_(
                    LedgerEntry.state.in_(("announced", "fetched")),
                    (LedgerEntry.state == "parsed") & LedgerEntry.published_version.is_(None),
                    (LedgerEntry.state == "failed") & (LedgerEntry.next_attempt_at <= moment),
                )
            )
            .order_by(LedgerEntry.conversation_id)
        )
        with Session(self._engine) as session:
            return list(session.scalars(query))

    def unpublished(self, sources: Iterable[str] | None = None) -> list[str]:
        """Conversations that are finished in the lake, or for good, and not in the published version.

        Args:
            sources: of these; ``None``: of all.
        """
        query = (
            select(LedgerEntry.conversation_id)
            .where(LedgerEntry.published_version.is_(None))
            .where(LedgerEntry.state.in_(("parsed", "quarantined", "gone", "failed")))
        )
        if sources is not None:
            query = query.where(LedgerEntry.source.in_(list(sources)))
        with Session(self._engine) as session:
            return list(session.scalars(query))

    def ids(self, source: str) -> list[str]:
        """Ids of every entry of a source, sorted."""
        query = select(LedgerEntry.conversation_id).where(LedgerEntry.source == source)
        with Session(self._engine) as session:
            return sorted(session.scalars(query))

    def slack_days(self, since: date, until: date) -> dict[str, str | None]:
        """Id → revision of the known days of Slack's channels from ``since`` to ``until``."""
        query = (
            select(LedgerEntry.conversation_id, LedgerEntry.revision)
            .where(LedgerEntry.source == "slack")
            .where(LedgerEntry.conversation_date.between(since, until))
        )
        with Session(self._engine) as session:
            return {conversation_id: revision for conversation_id, revision in session.execute(query)}  # noqa: C416

    def progress(self, ids: Iterable[str]) -> list[str]:
        """One text for each entry that changes whenever there is something new to do for it; sorted by id."""
        return [f"{i}:{facts}" for i, facts in sorted(self._facts(ids).items())]

    def states_of(self, ids: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        """Id → (state, revision) of those that are known."""
        return {i: (state, revision) for i, (revision, _, state, _) in self._facts(ids).items()}

    def _facts(self, ids: Iterable[str]) -> dict[str, tuple[Any, ...]]:
        wanted = list(ids)
        columns = (LedgerEntry.revision, LedgerEntry.attempts, LedgerEntry.state, LedgerEntry.payload_sha256)
        found: dict[str, tuple[Any, ...]] = {}
        with Session(self._engine) as session:
            for first in range(0, len(wanted), 500):
                query = select(LedgerEntry.conversation_id, *columns).where(
                    LedgerEntry.conversation_id.in_(wanted[first : first + 500])
                )
                found |= {row[0]: tuple(row[1:]) for row in session.execute(query)}
        return found

    def get(self, conversation_id: str) -> dict[str, Any] | None:
        """One entry with the columns of core.conversations, or ``None``."""
        with Session(self._engine) as session:
            entry = session.get(LedgerEntry, conversation_id)
            return None if entry is None else _row(entry)

    def rows(self) -> list[dict[str, Any]]:
        """Every entry, with the columns of core.conversations, ordered by id."""
        with Session(self._engine) as session:
            entries = session.scalars(select(LedgerEntry).order_by(LedgerEntry.conversation_id))
            return [_row(entry) for entry in entries]

    def page(
        self, wanted: LedgerFilter, *, limit: int, after: str | None = None, offset: int = 0
    ) -> list[dict[str, Any]]:
        """Entries in the order of their ids, with ``published_version`` and ``updated_at`` beside their columns.

        Args:
            wanted: which.
            limit: how many at most.
            after: only ids beyond this one.
            offset: how many are left out before the first.
        """
        query = _fitting(select(LedgerEntry), wanted).order_by(LedgerEntry.conversation_id)
        if after is not None:
            query = query.where(LedgerEntry.conversation_id > after)
        with Session(self._engine) as session:
            return [
                {**_row(entry), "published_version": entry.published_version, "updated_at": entry.updated_at}
                for entry in session.scalars(query.limit(limit).offset(offset))
            ]

    def totals(self, wanted: LedgerFilter) -> dict[str, int]:
        """``conversations``, and the sums of every kind of record over them; nothing known counts 0."""
        sums = [func.coalesce(func.sum(getattr(LedgerEntry, name)), 0) for name in _COUNTS]
        query = _fitting(select(func.count(LedgerEntry.conversation_id), *sums), wanted)
        with Session(self._engine) as session:
            row = session.execute(query).one()
        return dict(zip(("conversations", *_COUNTS), (int(value) for value in row), strict=True))

    def reasons(self) -> dict[str, int]:
        """Code → number of conversations that it keeps away."""
        query = select(LedgerEntry.reason, func.count()).where(LedgerEntry.reason.is_not(None))
        with Session(self._engine) as session:
            rows = session.execute(query.group_by(LedgerEntry.reason).order_by(LedgerEntry.reason))
            return {reason: number for reason, number in rows}  # noqa: C416

    def states(self) -> dict[tuple[str, str], int]:
        """(source, state) → number of conversations."""
        query = select(LedgerEntry.source, LedgerEntry.state, func.count()).group_by(
            LedgerEntry.source, LedgerEntry.state
        )
        with Session(self._engine) as session:
            return {(source, state): number for source, state, number in session.execute(query)}

    def _set(self, conversation_id: str, **values: Any) -> None:
        with write_session(self._engine) as session:
            session.execute(
                update(LedgerEntry)
                .where(LedgerEntry.conversation_id == conversation_id)
                .values(updated_at=_now(), **values)
            )


def unaccounted(counts: Mapping[str, int | None]) -> int | None:
    """Records that no message, reply, reaction, removal, quarantined record or duplicate explains.

    ``None`` while nothing was parsed.
    """
    if counts["records"] is None:
        return None
    return counts["records"] - sum(counts[name] or 0 for name in _COUNTS if name != "records")


def _fitting(query: Select[Any], wanted: LedgerFilter) -> Select[Any]:
    exact = {"state": wanted.state, "source": wanted.source, "reason": wanted.reason}
    for name, value in exact.items():
        if value is not None:
            query = query.where(getattr(LedgerEntry, name) == value)
    if wanted.since is not None:
        query = query.where(LedgerEntry.conversation_date >= wanted.since)
    if wanted.until is not None:
        query = query.where(LedgerEntry.conversation_date <= wanted.until)
    return query


def _row(entry: LedgerEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _CONVERSATION_COLUMNS}


def _now() -> datetime:
    return datetime.now(UTC)
