"""What is somebody's: their rows in every table of the platform.

What belongs here: which rows and columns of which table are theirs. What does not: the archive that they are put into
(``own_data``).

What is theirs: what they wrote, did, agreed to and set, what was counted or guessed about them, and what was noted of
them in the log. What is not: what others wrote or did to it. So of an answered question there is when, not the
answer; of a reaction received the emoji, not the giver; of a quiz round the choice, not the others to choose from.
Secrets (hashes of passwords, sessions, tokens) open doors and say nothing about anybody: they are left out.

Direct and removed messages are shown on no page of the portal. They are listed without their text: a name that was
joined to the wrong person would hand somebody's private words to another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import DeclarativeBase

from chat_platform.storage.app_models import Consent, IdentityDecision, LabelCorrection, ModelPromotion
from chat_platform.storage.portal_models import (
    Account,
    AccountIdentity,
    AnswerRevision,
    AnswerVote,
    ApiToken,
    AuditEntry,
    DigestDelivery,
    DigestSubscription,
    HiddenAsker,
    Invitation,
    Membership,
    Notification,
    PortalAnswer,
    PortalQuestion,
    QuestionFollow,
    QuizRound,
    WebSession,
)
from chat_platform.storage.verdicts import signature


@dataclass(frozen=True)
class Owner:
    """Whose data: the account, and the person of the class that it was proven to be."""

    account_id: int
    login: str
    class_id: str
    person_id: str | None


@dataclass(frozen=True)
class Held:
    """Rows of a table of the app database that are somebody's.

    Attributes:
        whose: condition on the rows.
        left_out: columns that are secrets, or about others.
    """

    name: str
    model: type[DeclarativeBase]
    whose: Callable[[Owner], ColumnElement[bool]]
    left_out: frozenset[str] = frozenset()


def _of_account(column: Any) -> Callable[[Owner], ColumnElement[bool]]:
    return lambda owner: column == owner.account_id


def _noted_about(owner: Owner) -> ColumnElement[bool]:
    """What others did to the account or looked at of the person."""
    # Subjects are of many kinds: a number is an account only where the action is about accounts.
    on_account = or_(AuditEntry.action.startswith("role."), AuditEntry.action.startswith("account."))
    about = or_(
        and_(AuditEntry.subject == str(owner.account_id), on_account),
        and_(AuditEntry.subject == owner.login, AuditEntry.action.startswith("sign-in")),
    )
    if owner.person_id is not None:
        about = or_(about, and_(AuditEntry.class_id == owner.class_id, AuditEntry.subject == owner.person_id))
    return and_(about, AuditEntry.account_id.is_distinct_from(owner.account_id))


ON_PORTAL = (
    Held("account", Account, _of_account(Account.account_id), frozenset({"password_hash"})),
    Held("sign_in_providers", AccountIdentity, _of_account(AccountIdentity.account_id)),
    Held("memberships", Membership, _of_account(Membership.account_id)),
    Held(
        "invitations",
        Invitation,
        lambda owner: or_(Invitation.used_by == owner.account_id, Invitation.account_id == owner.account_id),
        frozenset({"token_hash", "created_by"}),
    ),
    Held("sessions", WebSession, _of_account(WebSession.account_id), frozenset({"token_hash", "csrf_token"})),
    Held("api_tokens", ApiToken, _of_account(ApiToken.account_id), frozenset({"token_hash"})),
    Held("log", AuditEntry, _of_account(AuditEntry.account_id)),
    Held("log_about_you", AuditEntry, _noted_about, frozenset({"address", "detail"})),
    Held("board_questions", PortalQuestion, _of_account(PortalQuestion.account_id)),
    Held("hidden_questions", HiddenAsker, _of_account(HiddenAsker.account_id)),
    Held("board_answers", PortalAnswer, _of_account(PortalAnswer.account_id), frozenset({"endorsed_by"})),
    Held("answer_versions", AnswerRevision, _of_account(AnswerRevision.edited_by)),
    Held("votes", AnswerVote, _of_account(AnswerVote.account_id)),
    Held("followed_questions", QuestionFollow, _of_account(QuestionFollow.account_id)),
    Held("notifications", Notification, _of_account(Notification.account_id), frozenset({"actor_id"})),
    Held("quiz", QuizRound, _of_account(QuizRound.account_id), frozenset({"options", "model_choice"})),
    Held(
        "digest_subscriptions",
        DigestSubscription,
        _of_account(DigestSubscription.account_id),
        frozenset({"token_hash"}),
    ),
    Held(
        "digests_sent",
        DigestDelivery,
        lambda owner: DigestDelivery.recipient.in_(
            select(DigestSubscription.address)
            .where(DigestSubscription.account_id == owner.account_id)
            .union(select(Account.login).where(Account.account_id == owner.account_id))
        ),
        frozenset({"error"}),
    ),
)
"""Tables of the portal: rows of every class that the account is in."""

IN_CLASS = (
    Held("consents", Consent, lambda owner: Consent.person_id == owner.person_id),
    Held(
        "labels",
        LabelCorrection,
        lambda owner: LabelCorrection.corrected_by == signature(owner.account_id),
    ),
    Held(
        "model_decisions",
        ModelPromotion,
        lambda owner: ModelPromotion.decided_by == signature(owner.account_id),
    ),
    Held(
        "identity_decisions",
        IdentityDecision,
        lambda owner: or_(
            IdentityDecision.person_id == owner.person_id,
            IdentityDecision.decided_by == signature(owner.account_id),
        ),
        frozenset({"decided_by", "undone_by", "evidence"}),
    ),
)
"""Logs of the class."""

PUBLISHED = {
    "person": """
        select person_id, name, role, position, team, email, slack_id, is_admin, origin
        from core.people where person_id = $person_id
    """,
    "slack_user": """
        select * from core.slack_users
        where slack_id in (select slack_id from core.people where person_id = $person_id)
    """,
    "names": """
        select identity_id, system, identity_key, display_name, name_part, role_part, team_part, state,
            conversations, messages, first_seen_at, last_seen_at
        from core.identities where person_id = $person_id order by identity_id
    """,
    "conversations": """
        select * from core.participants
        where identity_id in (select identity_id from core.identities where person_id = $person_id)
        order by conversation_id, identity_id
    """,
    "announcements": """
        select conversation_id, title, conversation_date, announced_at from core.conversations
        where announced_by in (select slack_id from core.people where person_id = $person_id)
        order by announced_at, conversation_id
    """,
    "days": """
        select * exclude (participant_id, name) from marts.participation_daily
        where person_id = $person_id order by local_date
    """,
    "words": """
        select lemma, occurrences, share, rank from marts.person_words
        where person_id = $person_id order by rank
    """,
    "own_words": """
        select lemma, occurrences, log_odds, z_score, rank from marts.person_distinctive_words
        where person_id = $person_id order by rank
    """,
    "questions": """
        select message_id, conversation_id, lecture_date, asked_at, text, probability, state, answered_at,
            seconds_to_answer
        from marts.lecture_questions where person_id = $person_id order by asked_at, message_id
    """,
    "answers_in_chat": """
        select answer_message_id, conversation_id, answered_at, seconds_to_answer
        from marts.lecture_questions where answered_by = $person_id order by answered_at, answer_message_id
    """,
}
"""Tables that are read at once: a row a day, a word, a conversation."""

BY_CONVERSATION = {
    "messages": """
        select message_id, conversation_id, kind, sent_at, offset_s, text, language, parent_id, edited
        from core.messages
        where conversation_id = $conversation_id and visibility = 'everyone' and not removed
            and identity_id in (select identity_id from core.identities where person_id = $person_id)
        order by position
    """,
    "messages_not_shown": """
        select message_id, conversation_id, kind, sent_at, visibility, removed
        from core.messages
        where conversation_id = $conversation_id and not (visibility = 'everyone' and not removed)
            and identity_id in (select identity_id from core.identities where person_id = $person_id)
        order by position
    """,
    "reactions_given": """
        select reaction_id, conversation_id, message_id, emoji, count, reacted_at, removed
        from core.reactions
        where conversation_id = $conversation_id
            and identity_id in (select identity_id from core.identities where person_id = $person_id)
        order by reaction_id
    """,
    "reactions_received": """
        select reactions.message_id, reactions.emoji, sum(reactions.count)::bigint as count
        from core.reactions as reactions
        inner join core.messages as messages
            on messages.message_id = reactions.message_id
            and messages.conversation_id = reactions.conversation_id
        where reactions.conversation_id = $conversation_id
            and messages.visibility = 'everyone' and not messages.removed and not reactions.removed
            and messages.identity_id in (select identity_id from core.identities where person_id = $person_id)
        group by all order by all
    """,
    "question_guesses": """
        select predictions.message_id, predictions.model_version, predictions.probability, predictions.is_question
        from ml.question_predictions as predictions
        inner join core.messages as messages
            on messages.message_id = predictions.message_id
            and messages.conversation_id = predictions.conversation_id
        where predictions.conversation_id = $conversation_id
            and messages.identity_id in (select identity_id from core.identities where person_id = $person_id)
        order by messages.position
    """,
    "author_guesses": """
        select predictions.message_id, predictions.model_version, predictions.rank, predictions.probability,
            predictions.is_author
        from ml.author_predictions as predictions
        inner join core.messages as messages
            on messages.message_id = predictions.message_id
            and messages.conversation_id = predictions.conversation_id
        where predictions.conversation_id = $conversation_id
            and messages.identity_id in (select identity_id from core.identities where person_id = $person_id)
        order by messages.position, predictions.rank
    """,
}
"""Tables that may be long: read conversation by conversation, those of ``conversations``."""
