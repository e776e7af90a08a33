"""Labels that people give: corrections of single messages, and imported files.

What belongs here: writing, taking back and reading them. What does not: reading a label file
(``ml.labels.files``), which label wins (``ml.labels.resolve``), and whether a message exists (the caller knows).

Corrections are a log: rows are only added, and undoing writes who and when into the row. A person's newest word on
a message that was not undone is the one that counts. Imported files come and go as a whole, in one transaction:
their licence may demand that they go. Every change takes the database's write lock before it reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from chat_platform.errors import ModelError
from chat_platform.storage.app_database import write_session, writing
from chat_platform.storage.app_models import ImportedLabel, LabelCorrection, LabelImport, utc_now
from chat_platform.storage.signatures import signed

# Ids in one statement: SQLite allows 32,766 parameters, PostgreSQL 65,535.
_MAX_PARAMETERS = 10_000


@dataclass(frozen=True)
class LabelSource:
    """Where imported labels come from.

    Attributes:
        name: name of the source; several files may share it.
        file_sha256: hash of the file's bytes.
        weight: what its labels count, above 0, at most 1.
        licence: note on what the file may be used for.
    """

    name: str
    file_sha256: str
    weight: float = 1.0
    licence: str | None = None


@dataclass(frozen=True)
class ImportResult:
    """What an import did.

    Attributes:
        import_id: number of the import that now holds the file's labels.
        new: False when the file was there before, in the same way.
        replaced: imports that it took the place of.
    """

    import_id: int
    new: bool
    replaced: tuple[int, ...] = ()


class LabelLog:
    """Corrections and imported labels in the app database.

    Args:
        engine: of a database that ``app_database.upgrade`` has brought up to date.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def correct(self, message_id: str, is_question: bool, *, by: str, comment: str | None = None) -> int:
        """Say whether a message is a question; the same word again, without a comment, writes nothing.

        Returns:
            Number of the correction.

        Raises:
            ModelError: CP-ML-010 without ``by``.
        """
        name = signed(by)
        query = (
            select(LabelCorrection)
            .where(LabelCorrection.message_id == message_id, LabelCorrection.corrected_by == name)
            .where(LabelCorrection.undone_at.is_(None))
            .order_by(LabelCorrection.correction_id.desc())
        )
        with write_session(self._engine) as session:
            last = session.scalars(query.limit(1)).one_or_none()
            if last is not None and last.is_question == is_question and comment in (None, last.comment):
                return last.correction_id
            row = LabelCorrection(
                message_id=message_id, is_question=is_question, corrected_by=name, comment=comment
            )
            session.add(row)
            session.flush()
            return row.correction_id

    def undo(self, correction_id: int, *, by: str) -> None:
        """Take a correction back; the person's word before it counts again.

        Raises:
            ModelError: CP-ML-010 without ``by``, -017 when there is none of this number or it was undone before.
        """
        with write_session(self._engine) as session:
            row = session.get(LabelCorrection, correction_id)
            if row is None or row.undone_at is not None:
                raise ModelError("CP-ML-017", f"correction {correction_id}")
            row.undone_at, row.undone_by = utc_now(), signed(by)

    def corrections(self) -> list[dict[str, Any]]:
        """The whole log in its order, undone corrections too.

        Keys: correction_id, message_id, is_question, corrected_by, corrected_at, comment, undone_at, undone_by.
        """
        names = [column.name for column in LabelCorrection.__table__.columns]
        query = select(LabelCorrection).order_by(LabelCorrection.correction_id)
        with Session(self._engine) as session:
            return [{name: getattr(row, name) for name in names} for row in session.scalars(query)]

    def standing(self) -> list[dict[str, Any]]:
        """Of every person and message the newest correction that was not undone, in the order of the log."""
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.corrections():
            if row["undone_at"] is None:
                # Removed first, so that the order is that of the newest word.
                key = (row["corrected_by"], row["message_id"])
                newest.pop(key, None)
                newest[key] = row
        return list(newest.values())

    def get(self, correction_id: int) -> dict[str, Any] | None:
        """One correction with the keys of ``corrections``, or ``None``."""
        names = [column.name for column in LabelCorrection.__table__.columns]
        with Session(self._engine) as session:
            row = session.get(LabelCorrection, correction_id)
            return None if row is None else {name: getattr(row, name) for name in names}

    def mark(self) -> tuple[int, int, int]:
        """Something that is another one as soon as the log is: its rows, the newest number, how many were undone."""
        query = select(
            func.count(),
            func.coalesce(func.max(LabelCorrection.correction_id), 0),
            func.count(LabelCorrection.undone_at),
        )
        with Session(self._engine) as session:
            rows, newest, undone = session.execute(query).one()
            return rows, newest, undone

    def count_since(self, since: datetime | int | None = None) -> int:
        """Corrections that were added, and not undone, after a moment or after a correction's number.

        Args:
            since: a moment with a time zone, the number of a correction, or ``None`` for all. A number misses
                nothing and counts nothing twice, whatever the clocks of several machines say.
        """
        query = select(func.count()).where(LabelCorrection.undone_at.is_(None))
        if isinstance(since, datetime):
            query = query.where(LabelCorrection.corrected_at > since)
        elif since is not None:
            query = query.where(LabelCorrection.correction_id > since)
        with Session(self._engine) as session:
            return session.scalars(query).one()

    def add_import(
        self, source: LabelSource, rows: Sequence[Mapping[str, Any]], *, by: str, replace: bool = False
    ) -> ImportResult:
        """Take in what was read from a file; the same file in the same way changes nothing.

        Args:
            source: where the labels come from.
            rows: line (distinct), text, is_question and group (or ``None``).
            by: who imports.
            replace: take the place of what this source, and this file under any name, gave before.

        Raises:
            ModelError: CP-ML-010 without ``by``, -014 when the file was imported in another way and ``replace`` is
                not said, -015 without rows or with a weight outside of (0, 1].
        """
        name = signed(by)
        if not rows or not 0 < source.weight <= 1:
            raise ModelError("CP-ML-015", f"{len(rows)} labels, weight {source.weight:g}")
        new = LabelImport(
            source=source.name,
            file_sha256=source.file_sha256,
            rows_sha256=_hash(rows),
            weight=source.weight,
            licence=source.licence,
            imported_by=name,
        )
        with write_session(self._engine) as session:
            before = session.scalars(_overlapping(source)).all()
            same_file = next((row for row in before if row.file_sha256 == source.file_sha256), None)
            kept = same_file if same_file is not None and _way(same_file) == _way(new) else None
            if same_file is not None and kept is None and not replace:
                raise ModelError("CP-ML-014", f"import {same_file.import_id}, {same_file.source}")
            gone = tuple(row.import_id for row in before if row is not kept) if replace else ()
            session.execute(delete(LabelImport).where(LabelImport.import_id.in_(gone)))
            if kept is not None:
                return ImportResult(kept.import_id, new=False, replaced=gone)
            session.add(new)
            session.flush()
            session.execute(insert(ImportedLabel), [_stored(new.import_id, row) for row in rows])
            return ImportResult(new.import_id, new=True, replaced=gone)

    def imports(self) -> list[dict[str, Any]]:
        """Every imported file, oldest first.

        Keys: import_id, source, file_sha256, weight, licence, imported_by, imported_at, labels, questions.
        """
        names = ["import_id", "source", "file_sha256", "weight", "licence", "imported_by", "imported_at"]
        questions = func.count().filter(ImportedLabel.is_question)
        query = (
            select(
                *(getattr(LabelImport, name) for name in names),
                func.count().label("labels"),
                questions.label("questions"),
            )
            .join(ImportedLabel, ImportedLabel.import_id == LabelImport.import_id)
            .group_by(LabelImport.import_id)
            .order_by(LabelImport.import_id)
        )
        with Session(self._engine) as session:
            return [dict(row) for row in session.execute(query).mappings()]

    def imported_labels(self) -> list[dict[str, Any]]:
        """Every imported label, by import and line.

        Keys: import_id, source, line, text, is_question, group_key, weight, imported_at.
        """
        query = (
            select(
                ImportedLabel.import_id,
                LabelImport.source,
                ImportedLabel.line,
                ImportedLabel.text,
                ImportedLabel.is_question,
                ImportedLabel.group_key,
                LabelImport.weight,
                LabelImport.imported_at,
            )
            .join(LabelImport, LabelImport.import_id == ImportedLabel.import_id)
            .order_by(ImportedLabel.import_id, ImportedLabel.line)
        )
        with Session(self._engine) as session:
            return [dict(row) for row in session.execute(query).mappings()]

    def remove_import(self, source: str) -> int:
        """Delete every label of a source.

        Returns:
            Number of labels that are gone.

        Raises:
            ModelError: CP-ML-017 when nothing was imported under this name.
        """
        with write_session(self._engine) as session:
            ids = session.scalars(select(LabelImport.import_id).where(LabelImport.source == source)).all()
            if not ids:
                raise ModelError("CP-ML-017", source)
            labels = select(func.count()).where(ImportedLabel.import_id.in_(ids))
            gone = session.scalars(labels).one()
            # Their labels go with them.
            session.execute(delete(LabelImport).where(LabelImport.import_id.in_(ids)))
            return gone

    def erase(self, message_ids: Collection[str]) -> int:
        """Delete what was said of messages that are erased; returns the number of rows."""
        ids = list(message_ids)
        with writing(self._engine) as connection:
            return sum(
                connection.execute(
                    delete(LabelCorrection).where(
                        LabelCorrection.message_id.in_(ids[start : start + _MAX_PARAMETERS])
                    )
                ).rowcount
                for start in range(0, len(ids), _MAX_PARAMETERS)
            )


def _overlapping(source: LabelSource) -> Any:
    """Query of the imports that an import could repeat or replace."""
    return select(LabelImport).where(
        or_(LabelImport.source == source.name, LabelImport.file_sha256 == source.file_sha256)
    )


def _way(row: LabelImport) -> tuple[str, str, float, str | None]:
    """What makes one import of a file differ from another."""
    return row.source, row.rows_sha256, row.weight, row.licence


def _hash(rows: Sequence[Mapping[str, Any]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        line = [row["line"], row["text"], row["is_question"], row["group"]]
        digest.update(json.dumps(line, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()


def _stored(import_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "import_id": import_id,
        "line": row["line"],
        "text": row["text"],
        "is_question": row["is_question"],
        "group_key": row["group"],
    }
