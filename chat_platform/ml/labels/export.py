"""Labels as a file for people and other programs.

What belongs here: rows of ``ml.labels`` as JSON lines or CSV. What does not: where the file lies, reading one back
(``files``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

FORMATS = ("jsonl", "csv")

# A spreadsheet runs a cell that begins so as a formula, full-width signs included.
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def as_jsonl(rows: Iterable[Mapping[str, Any]]) -> str:
    """A JSON object a line; texts are what they are."""
    return "".join(json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows)


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A header and a line a row; ``'`` stands before a text that a spreadsheet would run as a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value
    return "" if value is None else _plain(value)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
