"""The log of consents: who agreed to what, since when, and who withdrew it.

What belongs here: granting, withdrawing, and who agrees now. What does not: what a purpose allows (the author
model trains on ``author_model`` only), and who is behind a name (``people.identity``).

A person may agree, withdraw and agree again: each cycle is a row, and a withdrawal is written into it. Every change
takes the database's write lock before it reads, and the database itself holds at most one standing consent of a
person for a purpose.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, delete, select
from sqlalchemy.orm import Session

from chat_platform.errors import ModelError
from chat_platform.storage.app_database import write_session, writing
from chat_platform.storage.app_models import Consent, utc_now
from chat_platform.storage.signatures import signed

AUTHOR_MODEL = "author_model"
"""Purpose: own messages train the model that guesses authors, and it may name the person."""


class ConsentLog:
    """Consents in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def grant(self, person_id: str, purpose: str, *, by: str) -> int:
        """Note that a person agrees; while a consent stands, nothing is written.

        Returns:
            Number of the standing consent.

        Raises:
            ModelError: CP-ML-010 without ``by``.
        """
        with write_session(self._engine) as session:
            standing = session.scalars(_standing(purpose).where(Consent.person_id == person_id)).one_or_none()
            if standing is not None:
                return standing.consent_id
            row = Consent(person_id=person_id, purpose=purpose, granted_by=signed(by))
            session.add(row)
            session.flush()
            return row.consent_id

    def withdraw(self, person_id: str, purpose: str, *, by: str) -> int:
        """Note that a person no longer agrees.

        Returns:
            Number of the consent that was withdrawn.

        Raises:
            ModelError: CP-ML-010 without ``by``, -019 when no consent stands.
        """
        with write_session(self._engine) as session:
            standing = session.scalars(_standing(purpose).where(Consent.person_id == person_id)).one_or_none()
            if standing is None:
                raise ModelError("CP-ML-019", f"{person_id}, {purpose}")
            standing.withdrawn_at, standing.withdrawn_by = utc_now(), signed(by)
            return standing.consent_id

    def active(self, purpose: str) -> frozenset[str]:
        """Ids of the people who agree now."""
        with Session(self._engine) as session:
            return frozenset(row.person_id for row in session.scalars(_standing(purpose)))

    def withdrawn_since(self, purpose: str, moment: datetime) -> frozenset[str]:
        """Ids of the people who withdrew at ``moment`` or later and have not agreed again.

        Args:
            purpose: what they had agreed to.
            moment: with a time zone. For a model, when its training *read* the consents, not when it ended: a
                withdrawal in between would be missed.
        """
        withdrawn = select(Consent.person_id).where(
            Consent.purpose == purpose, Consent.withdrawn_at >= moment
        )
        with Session(self._engine) as session:
            standing = {row.person_id for row in session.scalars(_standing(purpose))}
            return frozenset(session.scalars(withdrawn)) - standing

    def history(self, person_id: str | None = None, purpose: str | None = None) -> list[dict[str, Any]]:
        """Every cycle, oldest first, of everybody or of one person or purpose.

        Keys: consent_id, person_id, purpose, granted_at, granted_by, withdrawn_at, withdrawn_by.
        """
        query = select(Consent).order_by(Consent.consent_id)
        if person_id is not None:
            query = query.where(Consent.person_id == person_id)
        if purpose is not None:
            query = query.where(Consent.purpose == purpose)
        names = [column.name for column in Consent.__table__.columns]
        with Session(self._engine) as session:
            return [{name: getattr(row, name) for name in names} for row in session.scalars(query)]

    def erase(self, person_ids: Collection[str]) -> int:
        """Delete every trace of people who are erased; returns the number of rows."""
        with writing(self._engine) as connection:
            return connection.execute(delete(Consent).where(Consent.person_id.in_(person_ids))).rowcount


def _standing(purpose: str) -> Select[tuple[Consent]]:
    return select(Consent).where(Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
