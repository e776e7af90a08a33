"""The quiz: rounds that belong to an account, and its score.

What belongs here: opening, answering and ending rounds. What does not: which message is asked about and who wrote it
(``web.quiz_messages``), consents (``consents``).

Who wrote a message is not stored in a round, so nothing of it can reach the player before they have answered. A round
is opened and answered under the write lock: an account has one open round of a class at most, each message once, and
one answer a round. When somebody who is among its people takes their consent back, an open round becomes void: it
counts for nothing, and its message is not asked again, since the people of both rounds together could give the answer
away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, Select, case, func, select
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.portal_models import QuizRound

PLAYED_ENOUGH = 10
"""Answers from which on a player's share of right ones says something."""


@dataclass(frozen=True)
class Round:
    """A round of an account.

    Attributes:
        options: ids of the people to choose from.
        choice: person whom the player chose.
        is_right: ``None`` while it is open, or when it became void.
    """

    round_id: int
    message_id: str
    options: tuple[str, ...]
    model_choice: str | None
    choice: str | None
    is_right: bool | None
    model_is_right: bool | None
    answered_at: datetime | None


@dataclass(frozen=True)
class Score:
    """How an account plays.

    Attributes:
        streak: right answers in a row, up to the last one.
        longest: most of them in a row.
        model_right: of the same rounds, those that the model got right.
    """

    rounds: int = 0
    right: int = 0
    model_right: int = 0
    streak: int = 0
    longest: int = 0


class QuizStore:
    """Rounds in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open_round(self, account_id: int, class_id: str) -> Round | None:
        """The round that waits for an answer."""
        with Session(self._engine) as session:
            row = session.scalars(_open(account_id, class_id)).one_or_none()
            return _round(row) if row else None

    def round_of(self, account_id: int, class_id: str, round_id: int) -> Round | None:
        """A round of this account; ``None`` when it is another's."""
        with Session(self._engine) as session:
            row = session.get(QuizRound, round_id)
            return _round(row) if row and (row.account_id, row.class_id) == (account_id, class_id) else None

    def asked(self, account_id: int, class_id: str) -> frozenset[str]:
        """Messages that this account was ever asked about."""
        query = select(QuizRound.message_id).where(
            QuizRound.account_id == account_id, QuizRound.class_id == class_id
        )
        with Session(self._engine) as session:
            return frozenset(session.scalars(query))

    def start(
        self,
        account_id: int,
        class_id: str,
        *,
        message_id: str,
        options: Sequence[str],
        model_choice: str | None,
    ) -> Round:
        """Open a round; while one is open, that one is returned and nothing is opened.

        Raises:
            WebError: CP-WEB-031 when the account was asked about this message before.
        """
        with write_session(self._engine) as session:
            row = session.scalars(_open(account_id, class_id)).one_or_none()
            if row is not None:
                return _round(row)
            seen = select(QuizRound.round_id).where(
                QuizRound.account_id == account_id,
                QuizRound.class_id == class_id,
                QuizRound.message_id == message_id,
            )
            if session.scalars(seen).one_or_none() is not None:
                raise WebError("CP-WEB-031")
            row = QuizRound(
                account_id=account_id,
                class_id=class_id,
                message_id=message_id,
                options=json.dumps(list(options)),
                model_choice=model_choice,
            )
            session.add(row)
            session.flush()
            return _round(row)

    def answer(self, account_id: int, class_id: str, round_id: int, *, choice: str, author: str) -> Round:
        """Answer an open round of this account.

        Args:
            choice: one of the round's people.
            author: who wrote the message.

        Raises:
            WebError: CP-WEB-031 when it is not open, or another's; CP-WEB-006 for a choice that was not offered.
        """
        with write_session(self._engine) as session:
            row = session.scalars(
                _open(account_id, class_id).where(QuizRound.round_id == round_id)
            ).one_or_none()
            if row is None:
                raise WebError("CP-WEB-031")
            if choice not in json.loads(row.options):
                raise WebError("CP-WEB-006", "choice")
            row.choice, row.is_right, row.answered_at = choice, choice == author, utc_now()
            row.model_is_right = row.model_choice == author
            return _round(row)

    def end(self, account_id: int, class_id: str, round_id: int) -> None:
        """Make an open round void; nothing happens to one that is not open."""
        with write_session(self._engine) as session:
            for row in session.scalars(_open(account_id, class_id).where(QuizRound.round_id == round_id)):
                _void(row)

    def forget(self, class_id: str, person_id: str) -> int:
        """Make open rounds void in which somebody is one of the people to choose from; how many they were."""
        with write_session(self._engine) as session:
            query = select(QuizRound).where(QuizRound.class_id == class_id, QuizRound.answered_at.is_(None))
            rows = [row for row in session.scalars(query) if person_id in json.loads(row.options)]
            for row in rows:
                _void(row)
            return len(rows)

    def score(self, account_id: int, class_id: str) -> Score:
        """How an account plays in a class; void rounds count for nothing."""
        query = (
            select(QuizRound.is_right, QuizRound.model_is_right)
            .where(
                QuizRound.account_id == account_id,
                QuizRound.class_id == class_id,
                QuizRound.is_right.is_not(None),
            )
            .order_by(QuizRound.answered_at, QuizRound.round_id)
        )
        with Session(self._engine) as session:
            rows = session.execute(query).all()
        streak = longest = 0
        for is_right, _ in rows:
            streak = streak + 1 if is_right else 0
            longest = max(longest, streak)
        return Score(
            len(rows),
            sum(bool(is_right) for is_right, _ in rows),
            sum(bool(model) for _, model in rows),
            streak,
            longest,
        )

    def players(self, class_id: str, before: datetime) -> dict[int, tuple[datetime, float]]:
        """Account → first answer and share of right ones, of those with ``PLAYED_ENOUGH`` answers before a moment."""
        right = func.avg(case((QuizRound.is_right.is_(True), 1.0), else_=0.0))
        query = (
            select(QuizRound.account_id, func.min(QuizRound.answered_at), right)
            .where(
                QuizRound.class_id == class_id,
                QuizRound.is_right.is_not(None),
                QuizRound.answered_at < before,
            )
            .group_by(QuizRound.account_id)
            .having(func.count() >= PLAYED_ENOUGH)
        )
        with Session(self._engine) as session:
            return {account: (first, float(share)) for account, first, share in session.execute(query)}


def _open(account_id: int, class_id: str) -> Select[tuple[QuizRound]]:
    return select(QuizRound).where(
        QuizRound.account_id == account_id,
        QuizRound.class_id == class_id,
        QuizRound.answered_at.is_(None),
    )


def _void(row: QuizRound) -> None:
    row.options, row.model_choice, row.answered_at = "[]", None, utc_now()


def _round(row: QuizRound) -> Round:
    return Round(
        row.round_id,
        row.message_id,
        tuple(json.loads(row.options)),
        row.model_choice,
        row.choice,
        row.is_right,
        row.model_is_right,
        row.answered_at,
    )
