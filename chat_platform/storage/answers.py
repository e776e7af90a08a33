"""Answers that people write on the portal.

What belongs here: writing, editing, removing, voting, endorsing, the history of an answer. What does not: the
question (``asked``, the marts), how Markdown becomes HTML (``web.markdown``), who is staff (``web.access``).

* An edit names the version that it was made from. When somebody else was quicker it is refused and nothing is
  written: the caller gets the text that is there now, and shows both.
* Author and staff may edit; every version stays in the history with who wrote it.
* An endorsement is of a text: an edit takes it back, and whoever gave it is told.
* Removing hides an answer from everybody; its rows stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, aliased

from chat_platform.errors import WebError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import utc_now
from chat_platform.storage.asked import open_question
from chat_platform.storage.follows import followers, start_following
from chat_platform.storage.notifications import notify
from chat_platform.storage.portal_models import Account, AnswerRevision, AnswerVote, Membership, PortalAnswer
from chat_platform.storage.written import written


@dataclass(frozen=True)
class Answer:
    """An answer as somebody sees it.

    Attributes:
        author: name of the account.
        role: of the author in the class now; ``None`` for somebody who left it.
        offset_s: second of the recording at which it was answered.
        votes: how many find it useful.
        voted: whether the reader does.
        endorsed_by: name of the teacher who endorsed this very text.
    """

    answer_id: int
    question_id: str
    account_id: int
    author: str
    role: str | None
    body: str
    offset_s: float | None
    version: int
    created_at: datetime
    updated_at: datetime
    votes: int
    voted: bool
    endorsed_by: str | None
    endorsed_at: datetime | None


@dataclass(frozen=True)
class Revision:
    """A version of an answer."""

    version: int
    body: str
    offset_s: float | None
    editor: str
    edited_at: datetime


class EditConflictError(WebError):
    """CP-WEB-020: an answer was edited after the reader opened it.

    Attributes:
        current: what is there now.
        body: what could not be saved.
    """

    def __init__(self, current: Answer, body: str) -> None:
        super().__init__("CP-WEB-020", f"{current.version}")
        self.current = current
        self.body = body


class AnswerStore:
    """Answers of one class in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        class_id: the class.
    """

    def __init__(self, engine: Engine, class_id: str) -> None:
        self._engine = engine
        self._class_id = class_id

    def add(self, question_id: str, account_id: int, body: str, *, offset_s: float | None = None) -> int:
        """Write an answer. Its author follows the question; who follows it already is told.

        The same text of the same author again, as a browser sends it that got no answer, is the same answer.

        Args:
            question_id: the caller knows that a question of a chat exists.
            offset_s: the caller knows that it is inside of the recording.

        Returns:
            Number of the answer.

        Raises:
            WebError: CP-WEB-001 when the question was removed from the portal, CP-WEB-021.
        """
        kept = written(body)
        with write_session(self._engine) as session:
            open_question(session, self._class_id, question_id)
            same = select(PortalAnswer.answer_id).where(
                PortalAnswer.class_id == self._class_id,
                PortalAnswer.question_id == question_id,
                PortalAnswer.account_id == account_id,
                PortalAnswer.body == kept,
                PortalAnswer.deleted_at.is_(None),
            )
            known = session.scalars(same.limit(1)).first()
            if known is not None:
                return known
            row = PortalAnswer(
                class_id=self._class_id,
                question_id=question_id,
                account_id=account_id,
                body=kept,
                offset_s=offset_s,
            )
            session.add(row)
            session.flush()
            self._keep_version(session, row, account_id)
            told = followers(session, self._class_id, question_id)
            start_following(session, self._class_id, question_id, account_id)
            self._notify(session, told, "answer", row, account_id)
            return row.answer_id

    def edit(
        self,
        answer_id: int,
        account_id: int,
        version: int,
        body: str,
        *,
        offset_s: float | None = None,
        staff: bool = False,
    ) -> int:
        """Change an answer that was opened in ``version``; the same text again changes nothing.

        Returns:
            The version that holds now.

        Raises:
            EditConflictError: CP-WEB-020 when there is a newer version.
            WebError: CP-WEB-001, -021, -023.
        """
        kept = written(body)
        with write_session(self._engine) as session:
            row = self._own(session, answer_id, account_id, staff=staff)
            if (row.body, row.offset_s) == (kept, offset_s):
                return row.version
            if row.version != version:
                raise EditConflictError(self._answer(session, answer_id, account_id), kept)
            row.body, row.offset_s = kept, offset_s
            row.version += 1
            row.updated_at = utc_now()
            self._keep_version(session, row, account_id)
            if row.endorsed_by is not None:
                self._notify(session, {row.endorsed_by}, "endorsement_lost", row, account_id)
                told = followers(session, self._class_id, row.question_id) | {row.account_id}
                self._notify(session, told - {row.endorsed_by}, "answer_edited", row, account_id)
                row.endorsed_at = row.endorsed_by = None
            elif row.account_id != account_id:
                self._notify(session, {row.account_id}, "answer_edited", row, account_id)
            return row.version

    def remove(self, answer_id: int, account_id: int, *, staff: bool = False) -> Answer:
        """Hide an answer from everybody; its author is told when somebody else did it.

        Returns:
            The answer as it was.

        Raises:
            WebError: CP-WEB-001, CP-WEB-023.
        """
        with write_session(self._engine) as session:
            row = self._own(session, answer_id, account_id, staff=staff)
            before = self._answer(session, answer_id, account_id)
            row.deleted_at = utc_now()
            self._notify(session, {row.account_id}, "answer_removed", row, account_id)
            return before

    def set_vote(self, answer_id: int, account_id: int, *, useful: bool) -> int:
        """Say, or say no more, that an answer is useful; saying it twice counts once.

        Returns:
            Votes that it has now.

        Raises:
            WebError: CP-WEB-001, CP-WEB-024 for an own answer.
        """
        with write_session(self._engine) as session:
            row = self._row(session, answer_id)
            if row.account_id == account_id:
                raise WebError("CP-WEB-024")
            known = session.get(AnswerVote, (answer_id, account_id))
            if useful and known is None:
                session.add(AnswerVote(answer_id=answer_id, account_id=account_id))
            elif not useful and known is not None:
                session.delete(known)
            session.flush()
            return session.scalars(select(func.count()).where(AnswerVote.answer_id == answer_id)).one()

    def endorse(self, answer_id: int, account_id: int, version: int) -> None:
        """Endorse the text of a version; the caller knows that the account is a teacher's.

        Raises:
            EditConflictError: when it was edited since the teacher read it.
            WebError: CP-WEB-001.
        """
        with write_session(self._engine) as session:
            row = self._row(session, answer_id)
            if row.version != version:
                raise EditConflictError(self._answer(session, answer_id, account_id), row.body)
            if row.endorsed_by is None:
                row.endorsed_at, row.endorsed_by = utc_now(), account_id
                told = followers(session, self._class_id, row.question_id) | {row.account_id}
                self._notify(session, told, "endorsed", row, account_id)

    def take_endorsement_back(self, answer_id: int, account_id: int) -> None:
        """The answer is endorsed no more; the teacher who gave it is told when it was another one.

        Raises:
            WebError: CP-WEB-001.
        """
        with write_session(self._engine) as session:
            row = self._row(session, answer_id)
            if row.endorsed_by is not None:
                told = {row.endorsed_by, row.account_id}
                self._notify(session, told, "endorsement_lost", row, account_id)
                row.endorsed_at = row.endorsed_by = None

    def get(self, answer_id: int, reader_id: int) -> Answer:
        """One answer.

        Raises:
            WebError: CP-WEB-001.
        """
        with Session(self._engine) as session:
            return self._answer(session, answer_id, reader_id)

    def of_question(self, question_id: str, reader_id: int) -> Sequence[Answer]:
        """Answers to a question: endorsed ones first, then by votes, then the oldest."""
        with Session(self._engine) as session:
            found = self._answers(session, reader_id, PortalAnswer.question_id == question_id)
        return sorted(found, key=lambda a: (a.endorsed_by is None, -a.votes, a.created_at, a.answer_id))

    def revisions(self, answer_id: int) -> Sequence[Revision]:
        """Every version of an answer that was not removed, oldest first.

        Raises:
            WebError: CP-WEB-001.
        """
        query = (
            select(AnswerRevision, Account.name)
            .outerjoin(Account, Account.account_id == AnswerRevision.edited_by)
            .where(AnswerRevision.answer_id == answer_id)
            .order_by(AnswerRevision.version)
        )
        with Session(self._engine) as session:
            self._row(session, answer_id)
            return [
                Revision(row.version, row.body, row.offset_s, name or "", row.edited_at)
                for row, name in session.execute(query)
            ]

    def _row(self, session: Session, answer_id: int) -> PortalAnswer:
        row = session.get(PortalAnswer, answer_id)
        if row is None or row.class_id != self._class_id or row.deleted_at is not None:
            raise WebError("CP-WEB-001")
        return row

    def _own(self, session: Session, answer_id: int, account_id: int, *, staff: bool) -> PortalAnswer:
        row = self._row(session, answer_id)
        if row.account_id != account_id and not staff:
            raise WebError("CP-WEB-023")
        return row

    def _keep_version(self, session: Session, row: PortalAnswer, editor: int) -> None:
        session.add(
            AnswerRevision(
                answer_id=row.answer_id,
                version=row.version,
                body=row.body,
                offset_s=row.offset_s,
                edited_by=editor,
                edited_at=row.updated_at,
            )
        )

    def _notify(
        self, session: Session, accounts: set[int], kind: str, row: PortalAnswer, actor_id: int
    ) -> None:
        notify(
            session,
            accounts,
            kind,
            class_id=self._class_id,
            question_id=row.question_id,
            actor_id=actor_id,
            answer_id=row.answer_id,
        )

    def _answer(self, session: Session, answer_id: int, reader_id: int) -> Answer:
        found = self._answers(session, reader_id, PortalAnswer.answer_id == answer_id)
        if not found:
            raise WebError("CP-WEB-001")
        return found[0]

    def _answers(self, session: Session, reader_id: int, condition: Any) -> list[Answer]:
        teacher = aliased(Account)
        votes = (
            select(func.count())
            .where(AnswerVote.answer_id == PortalAnswer.answer_id)
            .correlate(PortalAnswer)
            .scalar_subquery()
        )
        voted = (
            select(AnswerVote.answer_id)
            .where(AnswerVote.answer_id == PortalAnswer.answer_id, AnswerVote.account_id == reader_id)
            .correlate(PortalAnswer)
            .exists()
        )
        membership = (Membership.account_id == PortalAnswer.account_id) & (
            Membership.class_id == PortalAnswer.class_id
        )
        query = (
            select(PortalAnswer, Account.name, Membership.role, votes, voted, teacher.name)
            .join(Account, Account.account_id == PortalAnswer.account_id)
            .outerjoin(teacher, teacher.account_id == PortalAnswer.endorsed_by)
            .outerjoin(Membership, membership)
            .where(PortalAnswer.class_id == self._class_id, PortalAnswer.deleted_at.is_(None), condition)
        )
        return [
            Answer(
                row.answer_id, row.question_id, row.account_id, name, role, row.body, row.offset_s, row.version,
                row.created_at, row.updated_at, count, bool(mine), endorser, row.endorsed_at,
            )
            for row, name, role, count, mine, endorser in session.execute(query)
        ]  # fmt: skip
