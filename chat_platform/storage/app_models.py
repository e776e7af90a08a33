"""Tables of the app database: what people and sensors write, row by row.

What belongs here: SQLAlchemy models and the column type that they share. What does not: opening the database
and migrating it (``app_database``), or rules about the rows (``ledger``, ``decisions``, ``labels``,
``consents``, ``promotions``).

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
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql_text
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


class LabelCorrection(Base):
    """What a person says of one message: a question or not. Of a person's words on a message the newest counts.

    Rows are never changed, but for who took one back and when. The message's text is not repeated here.
    """

    __tablename__ = "label_corrections"
    __table_args__ = (
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
        Index(None, "message_id"),
        {"sqlite_autoincrement": True},
    )

    correction_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    message_id: Mapped[str]
    is_question: Mapped[bool]
    corrected_by: Mapped[str]
    corrected_at: Mapped[datetime] = mapped_column(default=utc_now)
    comment: Mapped[str | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class LabelImport(Base):
    """A file of labels that was taken in, once, under the name of its source; a source may have several files.

    Attributes:
        rows_sha256: hash of what was read from the file: another mapping of its classes is seen by it.
        weight: what its labels count in training, above 0, at most 1.
        licence: note on what the file may be used for.
    """

    __tablename__ = "label_imports"
    __table_args__ = (
        CheckConstraint("weight > 0 AND weight <= 1", name="weight"),
        UniqueConstraint("file_sha256"),
        Index(None, "source"),
        {"sqlite_autoincrement": True},
    )

    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    source: Mapped[str]
    file_sha256: Mapped[str]
    rows_sha256: Mapped[str]
    weight: Mapped[float]
    licence: Mapped[str | None]
    imported_by: Mapped[str]
    imported_at: Mapped[datetime] = mapped_column(default=utc_now)


class ImportedLabel(Base):
    """A text of an imported file and its label.

    Attributes:
        line: line of the file that it begins on.
        group_key: texts of one key belong together: training never stands on both sides of them.
    """

    __tablename__ = "imported_labels"

    import_id: Mapped[int] = mapped_column(
        ForeignKey(LabelImport.import_id, ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    is_question: Mapped[bool]
    group_key: Mapped[str | None]


class Consent(Base):
    """A person agreed that their messages serve a purpose, and may have withdrawn that; one row a cycle."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
        Index(
            "uq_consents_active",
            "person_id",
            "purpose",
            unique=True,
            sqlite_where=sql_text("withdrawn_at IS NULL"),
            postgresql_where=sql_text("withdrawn_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    consent_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    person_id: Mapped[str]
    purpose: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(default=utc_now)
    granted_by: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]


class ModelPromotion(Base):
    """A version of a model became champion, was refused, or became champion again by a roll-back.

    Rows are only added; the champion follows from their order.

    Attributes:
        model_version: of a roll-back, the version that serves after it.
        reasons: JSON list of sentences.
    """

    __tablename__ = "model_promotions"
    __table_args__ = (
        CheckConstraint("action IN ('promote', 'refuse', 'rollback')", name="action"),
        Index(None, "model_name"),
        {"sqlite_autoincrement": True},
    )

    promotion_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    model_name: Mapped[str]
    model_version: Mapped[str]
    action: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)
    reasons: Mapped[str]
