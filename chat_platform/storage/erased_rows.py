"""What the app database keeps of a person: counting it, and erasing it.

What belongs here: which rows of which table are theirs, as statements. What does not: who the person is and which
messages are theirs (``ingestion.erasure``), the tables of the lake.

An account that is in this class alone goes as a whole, and with it what it wrote on the portal. One that is in
further classes stays, and loses what it has in this one. Rows of others in which the person's id stands keep their
place, with a pseudonym instead. Who signed a decision or a promotion stays: that is an account of this platform.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, or_, select, update

from chat_platform.people.erasure import Erased, pseudonym
from chat_platform.storage.app_database import writing
from chat_platform.storage.app_models import (
    Base,
    Consent,
    IdentityDecision,
    LabelCorrection,
    LedgerEntry,
    utc_now,
)
from chat_platform.storage.consents import ConsentLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.portal_models import (
    Account,
    AnswerVote,
    AuditEntry,
    DigestDelivery,
    DigestSubscription,
    HiddenAsker,
    Invitation,
    Membership,
    PortalAnswer,
    QuizRound,
)

# Ids in one statement; SQLite allows 32,766 parameters.
_MOST = 10_000
Deletion = tuple[type[Base], ColumnElement[bool]]
Change = tuple[type[Base], ColumnElement[bool], dict[str, Any]]


class ErasedRows:
    """Rows of one person in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        class_id: the class that the person is erased from.
        erased: the person.
        message_ids: their messages.
    """

    def __init__(self, engine: Engine, class_id: str, erased: Erased, message_ids: Collection[str]) -> None:
        self._engine = engine
        self._class_id = class_id
        self._erased = erased
        self._message_ids = sorted(message_ids)

    def count(self) -> dict[str, int]:
        """Table → rows that ``erase`` would delete or change; accounts without what goes with them."""
        found: Counter[str] = Counter()
        with self._engine.connect() as connection:
            logs: list[Deletion] = [(Consent, Consent.person_id.in_(self._people()))]
            logs += [
                (LabelCorrection, LabelCorrection.message_id.in_(ids)) for ids in _chunks(self._message_ids)
            ]
            changes = [(model, condition) for model, condition, _ in self._changes(connection)]
            for model, condition in (*logs, *self._deletions(connection), *changes):
                rows = connection.scalar(select(func.count()).select_from(model).where(condition)) or 0
                found[model.__tablename__] += rows
        return {table: rows for table, rows in sorted(found.items()) if rows}

    def erase(self) -> None:
        """Erase; the same again changes nothing."""
        people = self._people()
        LabelLog(self._engine).erase(self._message_ids)
        # Before the account goes: whose consent it is stays known in any case.
        ConsentLog(self._engine).erase(people)
        with writing(self._engine) as connection:
            for model, condition, values in list(self._changes(connection)):
                connection.execute(update(model).where(condition).values(**values))
            for model, condition in list(self._deletions(connection)):
                connection.execute(delete(model).where(condition))

    def _people(self) -> list[str]:
        """Ids of the person that stand in a row about them, before a pseudonym took their place."""
        with self._engine.connect() as connection:
            found = {
                value
                for column in (Consent.person_id, Membership.person_id, Invitation.person_id)
                for value in connection.scalars(select(column).distinct())
            }
        return sorted(value for value in found if value is not None and value in self._erased.people)

    def _deletions(self, connection: Connection) -> Iterator[Deletion]:
        """What is deleted, in an order in which each can still be found."""
        people = self._people()
        for ids in _chunks(self._message_ids):
            yield QuizRound, (QuizRound.class_id == self._class_id) & QuizRound.message_id.in_(ids)
            yield HiddenAsker, (HiddenAsker.class_id == self._class_id) & HiddenAsker.question_id.in_(ids)
        alone, shared = self._accounts(connection)
        yield Invitation, or_(Invitation.person_id.in_(people), Invitation.used_by.in_(alone))
        for model in _of_class():
            columns = model.__table__.c
            yield model, (columns.class_id == self._class_id) & columns.account_id.in_(shared)
        answers = select(PortalAnswer.answer_id).where(PortalAnswer.class_id == self._class_id)
        yield AnswerVote, AnswerVote.account_id.in_(shared) & AnswerVote.answer_id.in_(answers)
        yield Membership, (Membership.class_id == self._class_id) & Membership.account_id.in_(shared)
        addresses = select(DigestSubscription.address).where(DigestSubscription.account_id.in_(alone))
        logins = select(Account.login).where(Account.account_id.in_(alone))
        recipients = [
            DigestDelivery.recipient.in_([str(number) for number in alone]),
            DigestDelivery.recipient.in_(addresses),
            DigestDelivery.recipient.in_(logins),
        ]
        yield DigestDelivery, (DigestDelivery.channel == "mail") & or_(*recipients)
        yield Account, Account.account_id.in_(alone)

    def _accounts(self, connection: Connection) -> tuple[list[int], list[int]]:
        """Accounts of the person: in this class alone, and in further ones."""
        theirs = list(
            connection.scalars(
                select(Membership.account_id).where(
                    Membership.class_id == self._class_id, Membership.person_id.in_(self._people())
                )
            )
        )
        elsewhere = set(
            connection.scalars(
                select(Membership.account_id).where(
                    Membership.account_id.in_(theirs), Membership.class_id != self._class_id
                )
            )
        )
        return [one for one in theirs if one not in elsewhere], sorted(elsewhere)

    def _changes(self, connection: Connection) -> Iterator[Change]:
        """Rows of others that name the person, and logs in which they stand."""
        yield from self._decisions(connection)
        yield from self._announcements(connection)
        yield from self._rounds(connection)
        yield from self._audited(connection)

    def _decisions(self, connection: Connection) -> Iterator[Change]:
        names = (IdentityDecision.decision_id, IdentityDecision.identity_id, IdentityDecision.person_id)
        for number, identity, person in connection.execute(select(*names)):
            if self._is_new(identity, self._erased.identities) or self._is_new(person, self._erased.people):
                values = {"identity_id": identity, "person_id": person, "evidence": None}
                if identity in self._erased.identities:
                    values["identity_id"] = self._pseudonym(identity)
                if person in self._erased.people:
                    values["person_id"] = self._pseudonym(person)
                yield IdentityDecision, IdentityDecision.decision_id == number, values

    def _announcements(self, connection: Connection) -> Iterator[Change]:
        announcer = LedgerEntry.announced_by
        for slack_id in connection.scalars(select(announcer).where(announcer.is_not(None)).distinct()):
            if slack_id is not None and self._erased.has_account(slack_id):
                yield LedgerEntry, announcer == slack_id, {"announced_by": self._pseudonym(slack_id)}

    def _rounds(self, connection: Connection) -> Iterator[Change]:
        """Rounds in which they were one of those to choose from; one that is open counts for nothing from now on."""
        columns = (
            QuizRound.round_id,
            QuizRound.options,
            QuizRound.model_choice,
            QuizRound.choice,
            QuizRound.answered_at,
        )
        for number, text, model, choice, answered in connection.execute(
            select(*columns).where(QuizRound.class_id == self._class_id)
        ):
            options = json.loads(text)
            if not any(self._is_new(one, self._erased.people) for one in (*options, model, choice)):
                continue
            values: dict[str, Any] = {
                "options": json.dumps([self._without(one) for one in options]),
                "model_choice": self._without(model),
                "choice": self._without(choice),
            }
            if answered is None:
                values = {"options": "[]", "model_choice": None, "answered_at": utc_now()}
            yield QuizRound, QuizRound.round_id == number, values

    def _audited(self, connection: Connection) -> Iterator[Change]:
        alone, _ = self._accounts(connection)
        logins = set(connection.scalars(select(Account.login).where(Account.account_id.in_(alone))))
        columns = (
            AuditEntry.audit_id,
            AuditEntry.account_id,
            AuditEntry.subject,
            AuditEntry.detail,
            AuditEntry.address,
        )
        for number, account, subject, detail, address in connection.execute(select(*columns)):
            values: dict[str, Any] = {}
            if self._names(subject, logins):
                values["subject"] = self._pseudonym(subject)
            if detail is not None and any(self._names(one, logins) for one in json.loads(detail).values()):
                values["detail"] = None
            if account in alone and address is not None:
                values["address"] = None
            if values:
                yield AuditEntry, AuditEntry.audit_id == number, values

    def _names(self, value: Any, logins: Collection[str]) -> bool:
        """Whether a value says who they are."""
        ids = (self._erased.people, self._erased.identities)
        return isinstance(value, str) and (value in logins or any(self._is_new(value, one) for one in ids))

    def _is_new(self, value: Any, ids: Collection[str]) -> bool:
        """Whether a value is one of the ids, and not its pseudonym already."""
        return isinstance(value, str) and value in ids and self._pseudonym(value) != value

    def _without(self, person_id: str | None) -> str | None:
        return self._pseudonym(person_id) if person_id in self._erased.people else person_id

    def _pseudonym(self, value: Any) -> str:
        return pseudonym(value, self._erased.key)


def _of_class() -> list[type[Base]]:
    """Tables of what an account did or set in a class. Who is in it, and who was invited, goes by itself."""
    return sorted(
        (
            mapper.class_
            for mapper in Base.registry.mappers
            if "class_id" in mapper.columns
            and "account_id" in mapper.columns
            and mapper.columns.account_id.foreign_keys
            and mapper.class_ not in (Membership, Invitation)
        ),
        key=lambda model: str(model.__tablename__),
    )


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (ids[start : start + _MOST] for start in range(0, len(ids), _MOST))
