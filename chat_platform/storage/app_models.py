"""Tables of the app database: what people and sensors write, row by row.

What belongs here: SQLAlchemy models and the column type that they share. What does not: opening the database
and migrating it (``app_database``), or rules about the rows (``ledger``, ``decisions``).

A change here needs a migration in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

Int64 = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere; SQLite's ``INTEGER`` already is, and only that word makes a row id."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: timezone-aware in, UTC out, on every database.

    SQLite has no time zones: there the value is stored as UTC without one.

    Raises:
        ValueError: when a moment without a time zone is written (SQLAlchemy wraps it in ``StatementError``).
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone: {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Root of the models. Constraints are named, so that a migration can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), date: Date(), str: Text(), int: Int64, float: Float()}


class LedgerEntry(Base):
    """A conversation and how far it has come; ``core.conversations`` is read from here.

    The first columns are those of ``tables.class_chat.CONVERSATIONS``, with its meanings. Beyond them:

    Attributes:
        revision: what the source last said about it, as a short text; another revision is fetched again.
        announcement_ref: ``<channel>:<ts>`` of the Slack message that announced it.
        published_version: number of the published file that first held it.
        updated_at: last change of this row.
    """

    __tablename__ = "ledger"
    __table_args__ = (Index(None, "state"), Index(None, "source"))

    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    kind: Mapped[str]
    title: Mapped[str | None]
    conversation_date: Mapped[date | None]
    started_at: Mapped[datetime | None]
    duration_s: Mapped[float | None]
    link: Mapped[str | None]
    announced_at: Mapped[datetime | None]
    announced_by: Mapped[str | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_attempt_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    parsed_at: Mapped[datetime | None]
    strategy: Mapped[str | None]
    payload_sha256: Mapped[str | None]
    records: Mapped[int | None]
    messages: Mapped[int | None]
    replies: Mapped[int | None]
    reactions: Mapped[int | None]
    removals: Mapped[int | None]
    quarantined: Mapped[int | None]
    duplicates: Mapped[int | None]
    revision: Mapped[str | None]
    announcement_ref: Mapped[str | None]
    published_version: Mapped[int | None]
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


class IdentityDecision(Base):
    """A merge, split or lock that somebody decided; columns of ``tables.class_chat.IDENTITY_DECISIONS``.

    Rows are never deleted and ids never given twice: the order of the ids is the order of the log.
    """

    __tablename__ = "identity_decisions"
    __table_args__ = (
        CheckConstraint("kind IN ('merge', 'split', 'lock')", name="kind"),
        CheckConstraint("(kind = 'merge') = (person_id IS NOT NULL)", name="person"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
        Index(None, "identity_id"),
        {"sqlite_autoincrement": True},
    )

    decision_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    identity_id: Mapped[str]
    person_id: Mapped[str | None]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)
    evidence: Mapped[str | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]
