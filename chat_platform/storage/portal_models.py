"""Tables of the portal in the app database: accounts and what people write on its pages.

What belongs here: SQLAlchemy models. What does not: rules about the rows (``accounts``, ``answers``, …), the tables
of the graph (``app_models``). Label corrections, consents, identity decisions and promotions have their logs there;
the portal writes into those.

A row of a class carries ``class_id``. Questions are known by the id of their message, or, asked on the portal, by
``portal-<n>``. A secret that opens something (session, invitation, token) is stored as its SHA-256 only.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chat_platform.storage.app_models import Base, utc_now

ROLES = ("student", "teacher", "operator")
_ROLES_SQL = "role IN ('student', 'teacher', 'operator')"


def _account() -> Mapped[int]:
    return mapped_column(ForeignKey("accounts.account_id", ondelete="CASCADE"))


class Account(Base):
    """Somebody who can sign in.

    Attributes:
        login: e-mail address or name that is typed, in lower case.
        password_hash: argon2id; none for somebody who comes by OpenID Connect only.
        language: ``ko`` or ``en``; none: as the browser says.
        theme: ``light`` or ``dark``; none: as the browser says.
    """

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("login"), {"sqlite_autoincrement": True})

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    login: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    language: Mapped[str | None]
    theme: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    disabled_at: Mapped[datetime | None]


class AccountIdentity(Base):
    """An account at an OpenID provider that signs into one of ours."""

    __tablename__ = "account_identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = _account()
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Membership(Base):
    """The role of an account in a class, and which person of the class it is.

    Attributes:
        person_id: person of ``core.people``; none until it is proven.
        proof: ``slack`` (signed in with the person's Slack account) or ``operator`` (an operator said so).
        linked_by: name of who linked them.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        CheckConstraint(_ROLES_SQL, name="role"),
        CheckConstraint("(person_id IS NULL) = (proof IS NULL)", name="proof"),
        UniqueConstraint("class_id", "person_id"),
    )

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    )
    class_id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    person_id: Mapped[str | None]
    proof: Mapped[str | None]
    linked_by: Mapped[str | None]
    linked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Invitation(Base):
    """A link that makes an account, or adds a role to one.

    Attributes:
        kind: ``invite``; ``setup`` makes the first operator; ``password`` sets the password of an account.
        account_id: whose password it sets.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("kind IN ('setup', 'invite', 'password')", name="kind"),
        CheckConstraint("(kind = 'password') = (account_id IS NOT NULL)", name="account"),
        CheckConstraint(_ROLES_SQL, name="role"),
        UniqueConstraint("token_hash"),
        {"sqlite_autoincrement": True},
    )

    invitation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    token_hash: Mapped[str]
    kind: Mapped[str]
    class_id: Mapped[str]
    role: Mapped[str]
    person_id: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id", ondelete="CASCADE"))
    note: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[int | None]
    revoked_at: Mapped[datetime | None]


class WebSession(Base):
    """Somebody who is signed in with a browser."""

    __tablename__ = "web_sessions"
    __table_args__ = (Index(None, "account_id"),)

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = _account()
    csrf_token: Mapped[str]
    browser: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]


class Throttle(Base):
    """Failures under one key (a login, an address, an account's guesses) and until when it has to wait."""

    __tablename__ = "throttles"

    throttle_key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    blocked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)


class AuditEntry(Base):
    """Something that must be known later: a sign-in, an export, a change of role, a look at somebody else's page.

    Rows are only added. ``detail`` is JSON without secrets.
    """

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "at"), Index(None, "account_id"), {"sqlite_autoincrement": True})

    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)
    account_id: Mapped[int | None]
    class_id: Mapped[str | None]
    action: Mapped[str]
    subject: Mapped[str | None]
    detail: Mapped[str | None]
    address: Mapped[str | None]


class ApiToken(Base):
    """A token for programs, with the rights of its owner narrowed to ``scopes`` (blank-separated)."""

    __tablename__ = "api_tokens"
    __table_args__ = (UniqueConstraint("token_hash"), {"sqlite_autoincrement": True})

    token_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    token_hash: Mapped[str]
    account_id: Mapped[int] = _account()
    name: Mapped[str]
    scopes: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class PortalQuestion(Base):
    """A question that was asked on the portal instead of in a chat; its id on the board is ``portal-<number>``."""

    __tablename__ = "portal_questions"
    __table_args__ = (Index(None, "class_id"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    class_id: Mapped[str]
    account_id: Mapped[int] = _account()
    conversation_id: Mapped[str | None]
    offset_s: Mapped[float | None]
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[datetime | None]


class HiddenAsker(Base):
    """The asker of a question is shown to staff only."""

    __tablename__ = "hidden_askers"

    class_id: Mapped[str] = mapped_column(primary_key=True)
    question_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = _account()
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PortalAnswer(Base):
    """How a question was answered, as somebody wrote it down.

    Attributes:
        version: grows by one with each edit; an edit names the version that it was made from.
        offset_s: second of the recording at which it was answered.
    """

    __tablename__ = "portal_answers"
    __table_args__ = (
        CheckConstraint("(endorsed_at IS NULL) = (endorsed_by IS NULL)", name="endorsed"),
        Index(None, "class_id", "question_id"),
        {"sqlite_autoincrement": True},
    )

    answer_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    class_id: Mapped[str]
    question_id: Mapped[str]
    account_id: Mapped[int] = _account()
    body: Mapped[str]
    offset_s: Mapped[float | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[datetime | None]
    endorsed_at: Mapped[datetime | None]
    endorsed_by: Mapped[int | None]


class AnswerRevision(Base):
    """An answer as it was in one of its versions, the newest included."""

    __tablename__ = "answer_revisions"

    answer_id: Mapped[int] = mapped_column(
        ForeignKey("portal_answers.answer_id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    offset_s: Mapped[float | None]
    edited_by: Mapped[int]
    edited_at: Mapped[datetime] = mapped_column(default=utc_now)


class AnswerVote(Base):
    """Somebody found an answer useful."""

    __tablename__ = "answer_votes"

    answer_id: Mapped[int] = mapped_column(
        ForeignKey("portal_answers.answer_id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    )
    voted_at: Mapped[datetime] = mapped_column(default=utc_now)


class QuestionFollow(Base):
    """Somebody wants to know what becomes of a question."""

    __tablename__ = "question_follows"

    class_id: Mapped[str] = mapped_column(primary_key=True)
    question_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Notification(Base):
    """Something happened to a question that an account follows."""

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "account_id", "read_at"), {"sqlite_autoincrement": True})

    notification_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    account_id: Mapped[int] = _account()
    class_id: Mapped[str]
    kind: Mapped[str]
    question_id: Mapped[str]
    answer_id: Mapped[int | None]
    actor_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    read_at: Mapped[datetime | None]


class QuizRound(Base):
    """A message of somebody who agreed, the people to choose from, and what an account chose.

    No account is asked about a message twice. A round that ended without an answer (somebody in it took their
    consent back) has ``answered_at`` and no ``is_right``.

    Attributes:
        options: JSON list of person ids; emptied when the round is void.
        model_choice: person whom the author model would have chosen.
    """

    __tablename__ = "quiz_rounds"
    __table_args__ = (
        UniqueConstraint("account_id", "class_id", "message_id"),
        {"sqlite_autoincrement": True},
    )

    round_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    account_id: Mapped[int] = _account()
    class_id: Mapped[str]
    message_id: Mapped[str]
    options: Mapped[str]
    model_choice: Mapped[str | None]
    choice: Mapped[str | None]
    is_right: Mapped[bool | None]
    model_is_right: Mapped[bool | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    answered_at: Mapped[datetime | None]


class DigestSubscription(Base):
    """An account that gets the weekly digest of a class by mail; the link in the mail ends it without signing in.

    Attributes:
        address: where the digest goes, once its owner has shown that mail to it is read.
        token_hash: of the link that confirms the address; once it is confirmed, of the link that ends the digest.
    """

    __tablename__ = "digest_subscriptions"
    __table_args__ = (UniqueConstraint("token_hash"),)

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    )
    class_id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]
    token_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class DigestDelivery(Base):
    """A digest on its way to one recipient; at most one of a class, week, channel and recipient is ever sent.

    Attributes:
        week: Monday, ISO date.
        channel: ``mail`` or ``slack``.
        recipient: number of the account, or channel of Slack.
        state: ``sending`` (claimed), ``sent`` or ``failed``.
        error: code of what went wrong, and facts; never an address.
    """

    __tablename__ = "digest_deliveries"
    __table_args__ = (
        CheckConstraint("state IN ('sending', 'sent', 'failed')", name="state"),
        CheckConstraint("channel IN ('mail', 'slack')", name="channel"),
    )

    class_id: Mapped[str] = mapped_column(primary_key=True)
    week: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=1)
    error: Mapped[str | None]
    claimed_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]
