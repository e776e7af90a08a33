"""What people say about models: label corrections, imported labels, consents, promotions.

A migration is history: it names its columns itself and is never changed once released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chat_platform.storage.app_models import Int64, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the five tables."""
    _create_labels()
    op.create_table(
        "consents",
        sa.Column("consent_id", Int64, nullable=False, autoincrement=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime()),
        sa.Column("withdrawn_by", sa.Text()),
        sa.PrimaryKeyConstraint("consent_id", name="pk_consents"),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="ck_consents_withdrawn"),
        sqlite_autoincrement=True,
    )
    not_withdrawn = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "uq_consents_active",
        "consents",
        ["person_id", "purpose"],
        unique=True,
        sqlite_where=not_withdrawn,
        postgresql_where=not_withdrawn,
    )
    op.create_table(
        "model_promotions",
        sa.Column("promotion_id", Int64, nullable=False, autoincrement=True),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("promotion_id", name="pk_model_promotions"),
        sa.CheckConstraint("action IN ('promote', 'refuse', 'rollback')", name="ck_model_promotions_action"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_promotions_model_name", "model_promotions", ["model_name"])


def downgrade() -> None:
    """Drop them."""
    for name in ("model_promotions", "consents", "imported_labels", "label_imports", "label_corrections"):
        op.drop_table(name)


def _create_labels() -> None:
    op.create_table(
        "label_corrections",
        sa.Column("correction_id", Int64, nullable=False, autoincrement=True),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("is_question", sa.Boolean(), nullable=False),
        sa.Column("corrected_by", sa.Text(), nullable=False),
        sa.Column("corrected_at", UtcDateTime(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("undone_at", UtcDateTime()),
        sa.Column("undone_by", sa.Text()),
        sa.PrimaryKeyConstraint("correction_id", name="pk_label_corrections"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="ck_label_corrections_undone"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_label_corrections_message_id", "label_corrections", ["message_id"])
    op.create_table(
        "label_imports",
        sa.Column("import_id", Int64, nullable=False, autoincrement=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("rows_sha256", sa.Text(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("licence", sa.Text()),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", name="pk_label_imports"),
        sa.UniqueConstraint("file_sha256", name="uq_label_imports_file_sha256"),
        sa.CheckConstraint("weight > 0 AND weight <= 1", name="ck_label_imports_weight"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_label_imports_source", "label_imports", ["source"])
    op.create_table(
        "imported_labels",
        sa.Column("import_id", Int64, nullable=False),
        sa.Column("line", Int64, nullable=False, autoincrement=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_question", sa.Boolean(), nullable=False),
        sa.Column("group_key", sa.Text()),
        sa.PrimaryKeyConstraint("import_id", "line", name="pk_imported_labels"),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["label_imports.import_id"],
            name="fk_imported_labels_import_id_label_imports",
            ondelete="CASCADE",
        ),
    )
