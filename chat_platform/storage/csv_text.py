"""CSV that is read back as it was written, and that nothing in it can turn into a formula.

What belongs here: what could be a formula, in Python and as a pattern for DuckDB; values as cells; rows as a file.
What does not: which rows, other formats (``table_export``, ``web.exports``).

What people wrote is hostile: a message of ``=HYPERLINK(…)`` must stay a text when somebody opens the file. In CSV
there are no types, so a text that a spreadsheet could take for a formula gets a ``'`` before it (as OWASP advises); a
number stays a number because it comes as one.

CSV is RFC 4180 in UTF-8 with a byte order mark, without which Excel shows Korean as gibberish.
"""

from __future__ import annotations

import csv
import io
import math
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

BOM = "\ufeff"
LINE_END = "\r\n"
_FORMULA = frozenset("=+-@|%")
# NFKC leaves the minus signs that are no hyphen.
_MINUS = frozenset("\u2212\u02d7\u2796\ufe63")
_BREAKS = frozenset("\t\r\n")
_PASSED_OVER = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp", "Mn"))
_CHUNK = 64 * 1024

Cells = Sequence[Any]


def could_be_formula(text: str) -> bool:
    """Whether a spreadsheet could take a text for a formula.

    That is one whose first character that shows is ``= + - @ | %`` in any width, or that begins with a tab or a line
    break: some programs drop blanks and invisible characters before they look.
    """
    for character in text:
        begins = _begins_formula(character)
        if begins is not None:
            return begins
    return False


def _begins_formula(character: str) -> bool | None:
    """Whether a text is a formula whose first character this is; ``None``: the next one tells."""
    if character in _BREAKS:
        return True
    plain = unicodedata.normalize("NFKC", character).strip()
    if not plain or unicodedata.category(character) in _PASSED_OVER:
        return None
    return plain[0] in _FORMULA or character in _MINUS


@cache
def formula_pattern() -> str:
    """``could_be_formula`` as a regular expression of RE2, for texts that never come to Python.

    It is made from the same rule, character by character: RE2 knows another version of Unicode.
    """
    begin: list[int] = []
    passed_over: list[int] = []
    for number in range(sys.maxunicode + 1):
        begins = _begins_formula(chr(number))
        if begins is not False:
            (begin if begins else passed_over).append(number)
    return f"^{_character_class(passed_over)}*{_character_class(begin)}"


def _character_class(numbers: Sequence[int]) -> str:
    """Code points in rising order as a class of RE2."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    inside = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
    return f"[{inside}]"


def csv_cell(value: Any) -> str | int | float:
    """A value as a cell of CSV: numbers stay numbers, everything else is a text that is no formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    text = value.isoformat() if isinstance(value, date) else str(value)
    # NUL ends a text for many readers of CSV, and quotes beside it would then be read as others.
    shown = text.replace("\x00", "\ufffd")
    return f"'{shown}" if could_be_formula(text) else shown


def csv_file(header: Iterable[str], rows: Iterable[Cells]) -> Iterator[bytes]:
    """A CSV file in chunks."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=LINE_END)
    text.write(BOM)
    writer.writerow([csv_cell(name) for name in header])
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])
        if text.tell() >= _CHUNK:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
