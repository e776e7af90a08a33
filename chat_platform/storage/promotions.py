"""The log of promotions: which version of a model serves, and what became of the others.

What belongs here: writing promotions, refusals and roll-backs, and who the champion is. What does not: whether a
version deserves it (``ml.evaluation``), and the files of a version (``ml.registry``).

Rows are only added. The champion is not stored but follows from the log: a promotion puts a version on top of those
before it, a roll-back takes the top one off. So two roll-backs go two versions back, and a promotion after a
roll-back stands on the version that served meanwhile. Every change takes the database's write lock before it
reads: of two promotions at the same moment one comes after the other, and a killed process leaves the champion
that was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from chat_platform.errors import ModelError, WebError
from chat_platform.storage.app_database import write_session
from chat_platform.storage.app_models import ModelPromotion
from chat_platform.storage.signatures import signed

CHECKS = "checks"
"""Who refuses: the checks of evaluation, not a person."""


class PromotionLog:
    """Promotions in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def champion(self, name: str) -> str | None:
        """Version of a model that serves, or ``None`` before the first promotion."""
        with Session(self._engine) as session:
            served = _served(_log(session, name))
        return served[-1].model_version if served else None

    def promote(self, name: str, version: str, *, by: str, reason: str) -> int:
        """Make a version the champion; when it is already, nothing is written.

        Returns:
            Number of the row that made it champion.

        Raises:
            ModelError: CP-ML-010 without ``by``.
        """
        with write_session(self._engine) as session:
            served = _served(_log(session, name))
            if served and served[-1].model_version == version:
                return served[-1].promotion_id
            return _add(session, name, version, "promote", signed(by), [reason])

    def refuse(self, name: str, version: str, *, reasons: Sequence[str]) -> int:
        """Note why a version does not become champion; the champion stays.

        The same refusal again, with nothing between, writes nothing: training is deterministic, so a retry meets
        the same candidate.

        Returns:
            Number of the refusal.
        """
        with write_session(self._engine) as session:
            log = _log(session, name)
            wanted = ("refuse", version, list(reasons))
            if log and (log[-1].action, log[-1].model_version, json.loads(log[-1].reasons)) == wanted:
                return log[-1].promotion_id
            return _add(session, name, version, "refuse", CHECKS, reasons)

    def rollback(self, name: str, *, by: str, seen: str | None = None) -> str:
        """Make the version champion that was before the one that serves; again: one further back.

        Args:
            name: of the model.
            by: who decides.
            seen: version that they took for the champion; ``None``: whichever it is.

        Returns:
            The version that serves from now on.

        Raises:
            ModelError: CP-ML-010 without ``by``, -011 when there was none before.
            WebError: CP-WEB-043 when another version has become champion meanwhile.
        """
        with write_session(self._engine) as session:
            served = _served(_log(session, name))
            if seen is not None and served and served[-1].model_version != seen:
                raise WebError("CP-WEB-043", served[-1].model_version)
            if len(served) < 2:
                raise ModelError("CP-ML-011", name)
            left, back = served[-1].model_version, served[-2].model_version
            _add(session, name, back, "rollback", signed(by), [f"rolled back from {left}"])
            return back

    def history(self, name: str) -> list[dict[str, Any]]:
        """Everything that was decided about a model, oldest first.

        Keys: promotion_id, model_name, model_version, action, decided_by, decided_at, reasons (a list).
        """
        with Session(self._engine) as session:
            return [_as_dict(row) for row in _log(session, name)]


def _log(session: Session, name: str) -> Sequence[ModelPromotion]:
    query = select(ModelPromotion).where(ModelPromotion.model_name == name)
    return session.scalars(query.order_by(ModelPromotion.promotion_id)).all()


def _served(log: Iterable[ModelPromotion]) -> list[ModelPromotion]:
    """Promotions that still stand, one upon the other: the last one serves."""
    standing: list[ModelPromotion] = []
    for row in log:
        if row.action == "promote":
            standing.append(row)
        elif row.action == "rollback":
            standing.pop()
    return standing


def _add(session: Session, name: str, version: str, action: str, by: str, reasons: Sequence[str]) -> int:
    row = ModelPromotion(
        model_name=name,
        model_version=version,
        action=action,
        decided_by=by,
        reasons=json.dumps(list(reasons), ensure_ascii=False),
    )
    session.add(row)
    session.flush()
    return row.promotion_id


def _as_dict(row: ModelPromotion) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in ModelPromotion.__table__.columns}
    return {**values, "reasons": json.loads(row.reasons)}
