"""Questions that were asked on the portal, and askers who want to be known to staff only.

What belongs here: asking, changing and removing such a question, hiding and showing an asker. What does not:
questions of the chats (the marts), answers (``answers``).

A question of the portal is known by ``portal-<number>``. Its asker may change or remove it as long as nobody has
answered; staff may remove it at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from chat_platform.errors import WebError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.follows import start_following
from chat_platform.storage.portal_models import Account, HiddenAsker, Membership, PortalAnswer, PortalQuestion
from chat_platform.storage.written import LONGEST_QUESTION, written

PREFIX = "portal-"
_ID = re.compile(PREFIX + r"([1-9][0-9]{0,17})")


@dataclass(frozen=True)
class Asked:
    """A question of the portal.

    Attributes:
        name: of the asker's account; never shown to the class when the asker is hidden.
        role: of the asker in the class; ``None`` for somebody who left it.
        person_id: person that the asker is, where proven.
    """

    number: int
    account_id: int
    name: str
    role: str | None
    person_id: str | None
    conversation_id: str | None
    offset_s: float | None
    text: str
    created_at: datetime

    @property
    def question_id(self) -> str:
        """Its id on the board."""
        return f"{PREFIX}{self.number}"


def number_of(question_id: str) -> int | None:
    """Number of a question of the portal; ``None`` for a question of a chat."""
    match = _ID.fullmatch(question_id)
    return int(match[1]) if match else None


def open_question(session: Session, class_id: str, question_id: str) -> PortalQuestion | None:
    """The row of a question of the portal that was not removed; ``None`` for a question of a chat.

    Raises:
        WebError: CP-WEB-001 when there is no such question in the class, or not any more.
    """
    number = number_of(question_id)
    if number is None:
        return None
    row = session.get(PortalQuestion, number)
    if row is None or row.class_id != class_id or row.deleted_at is not None:
        raise WebError("CP-WEB-001")
    return row


class AskedStore:
    """Questions of one class in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        class_id: the class.
    """

    def __init__(self, engine: Engine, class_id: str) -> None:
        self._engine = engine
        self._class_id = class_id

    def ask(
        self,
        account_id: int,
        text: str,
        *,
        conversation_id: str | None = None,
        offset_s: float | None = None,
        hidden: bool = False,
    ) -> str:
        """Ask a question; the asker follows it. The same text of the same asker again is the same question.

        Args:
            conversation_id: lecture that it is about; the caller knows that it exists.
            offset_s: second of its recording; the caller knows that it is inside.
            hidden: show the asker to staff only, from the first moment on.

        Returns:
            Its id.

        Raises:
            WebError: CP-WEB-021.
        """
        kept = written(text, LONGEST_QUESTION)
        same = select(PortalQuestion.number).where(
            PortalQuestion.class_id == self._class_id,
            PortalQuestion.account_id == account_id,
            PortalQuestion.text == kept,
            PortalQuestion.deleted_at.is_(None),
        )
        with write_session(self._engine) as session:
            known = session.scalars(same.limit(1)).first()
            if known is not None:
                return f"{PREFIX}{known}"
            row = PortalQuestion(
                class_id=self._class_id,
                account_id=account_id,
                text=kept,
                conversation_id=conversation_id,
                offset_s=offset_s,
            )
            session.add(row)
            session.flush()
            question_id = f"{PREFIX}{row.number}"
            if hidden:
                session.add(
                    HiddenAsker(class_id=self._class_id, question_id=question_id, account_id=account_id)
                )
            start_following(session, self._class_id, question_id, account_id)
            return question_id

    def change(
        self, question_id: str, account_id: int, text: str, *, conversation_id: str | None, offset_s: float | None
    ) -> None:  # fmt: skip
        """Change an own question that nobody has answered.

        Raises:
            WebError: CP-WEB-001, -021, -023 for somebody else's, -025 when it was answered.
        """
        kept = written(text, LONGEST_QUESTION)
        with write_session(self._engine) as session:
            row = self._own_unanswered(session, question_id, account_id)
            row.text, row.conversation_id, row.offset_s = kept, conversation_id, offset_s

    def remove(self, question_id: str, account_id: int, *, staff: bool = False) -> None:
        """Remove a question: an own one that nobody has answered, or as staff any.

        Raises:
            WebError: as ``change``.
        """
        with write_session(self._engine) as session:
            row = self._row(session, question_id) if staff else None
            row = row or self._own_unanswered(session, question_id, account_id)
            row.deleted_at = utc_now()

    def get(self, question_id: str) -> Asked | None:
        """A question that was not removed; ``None`` where there is none of this id."""
        number = number_of(question_id)
        found = self._found(PortalQuestion.number == number) if number is not None else []
        return found[0] if found else None

    def all(self) -> list[Asked]:
        """Every question that was not removed, oldest first."""
        return self._found()

    def some(self, question_ids: Iterable[str]) -> list[Asked]:
        """Those of these ids, oldest first."""
        numbers = [number for number in map(number_of, question_ids) if number is not None]
        return self._found(PortalQuestion.number.in_(numbers)) if numbers else []

    def newest(self, number: int) -> list[Asked]:
        """The newest ones, oldest first."""
        here = select(PortalQuestion.number).where(
            PortalQuestion.class_id == self._class_id, PortalQuestion.deleted_at.is_(None)
        )
        last = here.order_by(PortalQuestion.number.desc()).limit(number).scalar_subquery()
        return self._found(PortalQuestion.number.in_(last))

    def hidden(self) -> dict[str, int]:
        """Question id → account whose person is shown to staff only."""
        query = select(HiddenAsker.question_id, HiddenAsker.account_id).where(
            HiddenAsker.class_id == self._class_id
        )
        with Session(self._engine) as session:
            return {row.question_id: row.account_id for row in session.execute(query)}

    def set_hidden(self, question_id: str, account_id: int, *, hidden: bool) -> None:
        """Hide or show the asker. The caller knows that the account is the asker.

        Raises:
            WebError: CP-WEB-001, CP-WEB-023 for somebody else's question of the portal.
        """
        with write_session(self._engine) as session:
            row = open_question(session, self._class_id, question_id)
            if row is not None and row.account_id != account_id:
                raise WebError("CP-WEB-023")
            known = session.get(HiddenAsker, (self._class_id, question_id))
            if hidden and known is None:
                session.add(
                    HiddenAsker(class_id=self._class_id, question_id=question_id, account_id=account_id)
                )
            elif not hidden:
                session.execute(
                    delete(HiddenAsker).where(
                        HiddenAsker.class_id == self._class_id, HiddenAsker.question_id == question_id
                    )
                )

    def _found(self, *conditions: Any) -> list[Asked]:
        membership = (Membership.account_id == PortalQuestion.account_id) & (
            Membership.class_id == PortalQuestion.class_id
        )
        query = (
            select(PortalQuestion, Account.name, Membership.role, Membership.person_id)
            .join(Account, Account.account_id == PortalQuestion.account_id)
            .outerjoin(Membership, membership)
            .where(
                PortalQuestion.class_id == self._class_id, PortalQuestion.deleted_at.is_(None), *conditions
            )
            .order_by(PortalQuestion.number)
        )
        with Session(self._engine) as session:
            return [
                Asked(
                    row.number, row.account_id, name, role, person_id,
                    row.conversation_id, row.offset_s, row.text, row.created_at,
                )
                for row, name, role, person_id in session.execute(query)
            ]  # fmt: skip

    def _row(self, session: Session, question_id: str) -> PortalQuestion:
        row = open_question(session, self._class_id, question_id)
        if row is None:
            raise WebError("CP-WEB-001")
        return row

    def _own_unanswered(self, session: Session, question_id: str, account_id: int) -> PortalQuestion:
        row = self._row(session, question_id)
        if row.account_id != account_id:
            raise WebError("CP-WEB-023")
        answers = select(func.count()).where(
            PortalAnswer.class_id == self._class_id,
            PortalAnswer.question_id == question_id,
            PortalAnswer.deleted_at.is_(None),
        )
        if session.scalars(answers).one():
            raise WebError("CP-WEB-025")
        return row
