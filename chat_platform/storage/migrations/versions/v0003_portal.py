"""The portal: accounts, sessions, questions and answers, quiz, digests.

A migration is history: it names its columns itself and is never changed once released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chat_platform.storage.app_models import Int64, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the portal."""
    op.create_table(
        "accounts",
        sa.Column("account_id", Int64, autoincrement=True, nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("theme", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("disabled_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
        sa.UniqueConstraint("login", name="uq_accounts_login"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_log",
        sa.Column("audit_id", Int64, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("account_id", Int64),
        sa.Column("class_id", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audit_log"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_log_account_id", "audit_log", ["account_id"])
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_table(
        "digest_deliveries",
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", Int64, nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime()),
        sa.CheckConstraint("channel IN ('mail', 'slack')", name="ck_digest_deliveries_channel"),
        sa.CheckConstraint("state IN ('sending', 'sent', 'failed')", name="ck_digest_deliveries_state"),
        sa.PrimaryKeyConstraint("class_id", "week", "channel", "recipient", name="pk_digest_deliveries"),
    )
    op.create_table(
        "invitations",
        sa.Column("invitation_id", Int64, autoincrement=True, nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text()),
        sa.Column("account_id", Int64),
        sa.Column("note", sa.Text()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.Column("used_by", Int64),
        sa.Column("revoked_at", UtcDateTime()),
        sa.CheckConstraint("kind IN ('setup', 'invite', 'password')", name="ck_invitations_kind"),
        sa.CheckConstraint("(kind = 'password') = (account_id IS NOT NULL)", name="ck_invitations_account"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_invitations_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("role IN ('student', 'teacher', 'operator')", name="ck_invitations_role"),
        sa.PrimaryKeyConstraint("invitation_id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "throttles",
        sa.Column("throttle_key", sa.Text(), nullable=False),
        sa.Column("failures", Int64, nullable=False),
        sa.Column("blocked_until", UtcDateTime()),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("throttle_key", name="pk_throttles"),
    )
    op.create_table(
        "account_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_account_identities_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_account_identities"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_id", Int64, autoincrement=True, nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("used_at", UtcDateTime()),
        sa.Column("revoked_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_api_tokens_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_id", name="pk_api_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_api_tokens_token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "digest_subscriptions",
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime()),
        sa.Column("ended_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_digest_subscriptions_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "class_id", name="pk_digest_subscriptions"),
        sa.UniqueConstraint("token_hash", name="uq_digest_subscriptions_token_hash"),
    )
    op.create_table(
        "hidden_askers",
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_hidden_askers_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("class_id", "question_id", name="pk_hidden_askers"),
    )
    op.create_table(
        "memberships",
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text()),
        sa.Column("proof", sa.Text()),
        sa.Column("linked_by", sa.Text()),
        sa.Column("linked_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("role IN ('student', 'teacher', 'operator')", name="ck_memberships_role"),
        sa.CheckConstraint("(person_id IS NULL) = (proof IS NULL)", name="ck_memberships_proof"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_memberships_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "class_id", name="pk_memberships"),
        sa.UniqueConstraint("class_id", "person_id", name="uq_memberships_class_id_person_id"),
    )
    op.create_table(
        "notifications",
        sa.Column("notification_id", Int64, autoincrement=True, nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("answer_id", Int64),
        sa.Column("actor_id", Int64),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("read_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_notifications_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("notification_id", name="pk_notifications"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notifications_account_id_read_at", "notifications", ["account_id", "read_at"])
    op.create_table(
        "portal_answers",
        sa.Column("answer_id", Int64, autoincrement=True, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("offset_s", sa.Float()),
        sa.Column("version", Int64, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime()),
        sa.Column("endorsed_at", UtcDateTime()),
        sa.Column("endorsed_by", Int64),
        sa.CheckConstraint(
            "(endorsed_at IS NULL) = (endorsed_by IS NULL)", name="ck_portal_answers_endorsed"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_portal_answers_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("answer_id", name="pk_portal_answers"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_portal_answers_class_id_question_id", "portal_answers", ["class_id", "question_id"])
    op.create_table(
        "portal_questions",
        sa.Column("number", Int64, autoincrement=True, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("conversation_id", sa.Text()),
        sa.Column("offset_s", sa.Float()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_portal_questions_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name="pk_portal_questions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_portal_questions_class_id", "portal_questions", ["class_id"])
    op.create_table(
        "question_follows",
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_question_follows_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("class_id", "question_id", "account_id", name="pk_question_follows"),
    )
    op.create_table(
        "quiz_rounds",
        sa.Column("round_id", Int64, autoincrement=True, nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("model_choice", sa.Text()),
        sa.Column("choice", sa.Text()),
        sa.Column("is_right", sa.Boolean()),
        sa.Column("model_is_right", sa.Boolean()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_quiz_rounds_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("round_id", name="pk_quiz_rounds"),
        sa.UniqueConstraint(
            "account_id", "class_id", "message_id", name="uq_quiz_rounds_account_id_class_id_message_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "web_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("csrf_token", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_web_sessions_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_web_sessions"),
    )
    op.create_index("ix_web_sessions_account_id", "web_sessions", ["account_id"])
    op.create_table(
        "answer_revisions",
        sa.Column("answer_id", Int64, nullable=False),
        sa.Column("version", Int64, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("offset_s", sa.Float()),
        sa.Column("edited_by", Int64, nullable=False),
        sa.Column("edited_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["portal_answers.answer_id"],
            name="fk_answer_revisions_answer_id_portal_answers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("answer_id", "version", name="pk_answer_revisions"),
    )
    op.create_table(
        "answer_votes",
        sa.Column("answer_id", Int64, nullable=False),
        sa.Column("account_id", Int64, nullable=False),
        sa.Column("voted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.account_id"],
            name="fk_answer_votes_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["portal_answers.answer_id"],
            name="fk_answer_votes_answer_id_portal_answers",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("answer_id", "account_id", name="pk_answer_votes"),
    )


def downgrade() -> None:
    """Drop them, with what was written on the portal."""
    op.drop_table("answer_votes")
    op.drop_table("answer_revisions")
    op.drop_table("web_sessions")
    op.drop_table("quiz_rounds")
    op.drop_table("question_follows")
    op.drop_table("portal_questions")
    op.drop_table("portal_answers")
    op.drop_table("notifications")
    op.drop_table("memberships")
    op.drop_table("hidden_askers")
    op.drop_table("digest_subscriptions")
    op.drop_table("api_tokens")
    op.drop_table("account_identities")
    op.drop_table("throttles")
    op.drop_table("invitations")
    op.drop_table("digest_deliveries")
    op.drop_table("audit_log")
    op.drop_table("accounts")
