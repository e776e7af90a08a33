"""The ledger of conversations and the log of identity decisions.

A migration is history: it names its columns itself and is never changed once released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chat_platform.storage.app_models import Int64, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create ``ledger`` and ``identity_decisions``."""
    op.create_table(
        "ledger",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("conversation_date", sa.Date()),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("duration_s", sa.Float()),
        sa.Column("link", sa.Text()),
        sa.Column("announced_at", UtcDateTime()),
        sa.Column("announced_by", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("attempts", Int64, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", UtcDateTime()),
        sa.Column("fetched_at", UtcDateTime()),
        sa.Column("parsed_at", UtcDateTime()),
        sa.Column("strategy", sa.Text()),
        sa.Column("payload_sha256", sa.Text()),
        sa.Column("records", Int64),
        sa.Column("messages", Int64),
        sa.Column("replies", Int64),
        sa.Column("reactions", Int64),
        sa.Column("removals", Int64),
        sa.Column("quarantined", Int64),
        sa.Column("duplicates", Int64),
        sa.Column("revision", sa.Text()),
        sa.Column("announcement_ref", sa.Text()),
        sa.Column("published_version", Int64),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_state", "ledger", ["state"])
    op.create_index("ix_ledger_source", "ledger", ["source"])
    op.create_table(
        "identity_decisions",
        sa.Column("decision_id", Int64, nullable=False, autoincrement=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text()),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("evidence", sa.Text()),
        sa.Column("undone_at", UtcDateTime()),
        sa.Column("undone_by", sa.Text()),
        sa.PrimaryKeyConstraint("decision_id", name="pk_identity_decisions"),
        sa.CheckConstraint("kind IN ('merge', 'split', 'lock')", name="ck_identity_decisions_kind"),
        sa.CheckConstraint("(kind = 'merge') = (person_id IS NOT NULL)", name="ck_identity_decisions_person"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="ck_identity_decisions_undone"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_identity_decisions_identity_id", "identity_decisions", ["identity_id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("identity_decisions")
    op.drop_table("ledger")
