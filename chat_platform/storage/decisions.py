"""The log of identity decisions: who merged, split or locked which name, when and why.

What belongs here: writing decisions and undoing them, with the rules that need the log. What does not: what
decisions lead to (``people.identity``).

Rows are only added; undoing writes who and when into the row. Every change takes the database's write lock
before it reads, so that two people who decide at the same moment decide one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from chat_platform.errors import InputError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import IdentityDecision, utc_now
from chat_platform.tables.class_chat import IDENTITY_DECISIONS


@dataclass(frozen=True)
class KnownIds:
    """Ids that a decision may name: those of ``core.identities`` and ``core.people``."""

    identities: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    @classmethod
    def of(cls, identities: Iterable[Mapping[str, Any]], people: Iterable[Mapping[str, Any]]) -> KnownIds:
        """From rows of the two tables."""
        return cls(
            frozenset(row["identity_id"] for row in identities), frozenset(row["person_id"] for row in people)
        )


@dataclass(frozen=True)
class Merge:
    """A name and the person that it belongs to, with the reason in words."""

    identity_id: str
    person_id: str
    evidence: str | None = None


class DecisionLog:
    """Decisions in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
        known: ids that may be named; without them a log can be read and decisions undone, nothing more.
        rehearse: every rule is applied and every refusal raised, but nothing is kept.
    """

    def __init__(self, engine: Engine, known: KnownIds | None = None, *, rehearse: bool = False) -> None:
        self._engine = engine
        self._known = known or KnownIds()
        self._rehearse = rehearse

    def merge(self, identity_id: str, person_id: str, *, by: str, evidence: str | None = None) -> int:
        """Decide that a name belongs to a person.

        Returns:
            Number of the decision.

        Raises:
            InputError: CP-PEOPLE-010 unknown identity, -011 unknown person, -012 locked, -015 decided so already,
                -016 without ``by``.
        """
        return self.merge_all([Merge(identity_id, person_id, evidence)], by=by)[0]

    def merge_all(self, merges: Sequence[Merge], *, by: str) -> list[int]:
        """Several merges: all of them, or none when one is refused.

        Raises:
            InputError: as ``merge``.
        """
        with self._changing() as session:
            return [
                self._decide(session, "merge", item.identity_id, by, item.evidence, item.person_id)
                for item in merges
            ]

    def split(self, identity_id: str, *, by: str, evidence: str | None = None) -> int:
        """Decide that a name is a person of its own.

        Raises:
            InputError: as ``merge``.
        """
        with self._changing() as session:
            return self._decide(session, "split", identity_id, by, evidence)

    def lock(self, identity_id: str, *, by: str, evidence: str | None = None) -> int:
        """Freeze a name: no suggestions, and no decision about it until the lock is undone.

        Raises:
            InputError: as ``merge``.
        """
        with self._changing() as session:
            return self._decide(session, "lock", identity_id, by, evidence)

    def undo(self, decision_id: int, *, by: str) -> None:
        """Take a decision back, whether it was the last one or not: the state is then as if it had never been made.

        Raises:
            InputError: CP-PEOPLE-012 when its identity is locked by another decision, -013 undone already,
                -014 unknown decision, -016 without ``by``.
        """
        with self._changing() as session:
            row = session.get(IdentityDecision, decision_id)
            if row is None:
                raise InputError("CP-PEOPLE-014", f"decision {decision_id}")
            if row.undone_at is not None:
                raise InputError("CP-PEOPLE-013", f"decision {decision_id}")
            _refuse_locked([other for other in _active(session, row.identity_id) if other is not row])
            row.undone_at, row.undone_by = utc_now(), _signed(by)

    def list(self) -> Sequence[dict[str, Any]]:
        """The whole log in its order, undone decisions too, as rows of ``core.identity_decisions``."""
        with Session(self._engine) as session:
            rows = session.scalars(select(IdentityDecision).order_by(IdentityDecision.decision_id))
            return [{name: getattr(row, name) for name in IDENTITY_DECISIONS.column_names} for row in rows]

    @contextmanager
    def _changing(self) -> Iterator[Session]:
        with write_session(self._engine) as session:
            yield session
            if self._rehearse:
                session.rollback()

    def _decide(
        self,
        session: Session,
        kind: str,
        identity_id: str,
        by: str,
        evidence: str | None,
        person_id: str | None = None,
    ) -> int:
        if identity_id not in self._known.identities:
            raise InputError("CP-PEOPLE-010", identity_id)
        if person_id is not None and person_id not in self._known.people:
            raise InputError("CP-PEOPLE-011", person_id)
        active = _active(session, identity_id)
        _refuse_locked(active)
        last = active[-1] if active else None
        if last is not None and (last.kind, last.person_id) == (kind, person_id):
            raise InputError("CP-PEOPLE-015", f"decision {last.decision_id}")
        row = IdentityDecision(
            kind=kind, identity_id=identity_id, person_id=person_id, decided_by=_signed(by), evidence=evidence
        )
        session.add(row)
        session.flush()
        return row.decision_id


def _active(session: Session, identity_id: str) -> Sequence[IdentityDecision]:
    """Decisions about an identity that have not been undone, in their order."""
    query = (
        select(IdentityDecision)
        .where(IdentityDecision.identity_id == identity_id, IdentityDecision.undone_at.is_(None))
        .order_by(IdentityDecision.decision_id)
    )
    return session.scalars(query).all()


def _refuse_locked(decisions: Iterable[IdentityDecision]) -> None:
    for decision in decisions:
        if decision.kind == "lock":
            raise InputError("CP-PEOPLE-012", f"decision {decision.decision_id}")


def _signed(by: str) -> str:
    if not by.strip():
        raise InputError("CP-PEOPLE-016")
    return by.strip()
