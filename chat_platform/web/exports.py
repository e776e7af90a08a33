"""Tables as files of a browser: Excel, which nothing in them can turn into a formula or a link, and their names.

What belongs here: writing rows as Excel files, names of files in headers. What does not: CSV (``storage.csv_text``),
which rows (``tile_data``), who may and that it is noted (``pages``).

What people wrote is hostile: a message of ``=HYPERLINK(…)`` must stay a text when a teacher opens the file. Excel
files have types: texts are written as texts, whatever they begin with, and numbers as numbers.
"""

from __future__ import annotations

import math
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote

from chat_platform.storage.csv_text import Cells

MOST_ROWS = 100_000
"""Rows of one file; a warehouse is not copied through the portal (``chatp export`` is there for that)."""
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHUNK = 64 * 1024
_LONGEST_CELL = 32_767
_EXACT = 2**53
_LONGEST_NAME = 200
"""Bytes; file systems take 255, and what saves a file adds to its name."""


def write_xlsx(path: Path, title: str, header: Sequence[str], rows: Iterable[Cells]) -> int:
    """Write an Excel file with one sheet, row by row.

    Args:
        path: of the file.
        title: of the sheet; what Excel does not allow in it is replaced.
        header: names of the columns.
        rows: their values; moments without a zone.

    Returns:
        Rows written, the header aside.
    """
    import xlsxwriter  # slow to import, and few requests need it

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(path.parent),
    }
    number = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet(sheet_name(title))
        bold = book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(header):
            sheet.write_string(0, column, _cut(name, _LONGEST_CELL), bold)
        for number, row in enumerate(rows, start=1):  # noqa: B007, the last number is returned
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(number, column, value)
                elif isinstance(value, int | float) and math.isfinite(value) and abs(value) <= _EXACT:
                    sheet.write_number(number, column, value)
                elif isinstance(value, datetime) and value.year >= 1900:
                    sheet.write_datetime(number, column, value, moment)
                elif isinstance(value, date) and value.year >= 1900:
                    sheet.write_datetime(number, column, value, day)
                else:
                    sheet.write_string(number, column, _cut(str(value), _LONGEST_CELL))
    return number


def xlsx_file(title: str, header: Sequence[str], rows: Iterable[Cells]) -> Iterator[bytes]:
    """An Excel file in chunks, made on the disk and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "table.xlsx"
        write_xlsx(path, title, header, rows)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def sheet_name(title: str) -> str:
    r"""A name of a sheet: at most 31 characters, none of ``[]:*?/\``, no apostrophe at its ends."""
    kept = "".join(" " if c in "[]:*?/\\" or not c.isprintable() else c for c in title)
    name = _cut(kept.strip("' "), 31).strip("' ")
    return name if name and name.lower() != "history" else "Table"


def _cut(text: str, most: int) -> str:
    """The beginning of a text, counted as Excel counts: an emoji is two."""
    return (
        text if len(text) * 2 <= most else text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
    )


def attachment(title: str, suffix: str) -> str:
    """Value of ``Content-Disposition`` for a file with a title in any script (RFC 6266, RFC 8187).

    What could end the header, lead to another folder, or show the name in a false order is taken out.

    Args:
        title: of the file, without its suffix.
        suffix: as ``csv``.
    """
    kept = "".join(
        c for c in unicodedata.normalize("NFC", title) if c.isprintable() and c not in '/\\:*?"<>|;%'
    )
    stem = kept.strip(". ").encode()[:_LONGEST_NAME].decode("utf-8", "ignore").strip(". ") or "table"
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = "".join(c for c in plain if c.isalnum() or c in " ._-").strip(" ._-") or "table"
    value = f'attachment; filename="{plain}.{suffix}"'
    return value if plain == stem else f"{value}; filename*=UTF-8''{quote(f'{stem}.{suffix}', safe='')}"
