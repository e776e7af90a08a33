"""Files of labelled texts that somebody brings: CSV, TSV and JSON lines, every line accounted for.

What belongs here: from the bytes of a file to texts with a label and a report of what could not be used; the layouts
of data sets that many people have. What does not: keeping them (``storage.labels``), and which label wins
(``resolve``).

A *class* is the word or number that the file gives a text; a mapping says of each class whether it is a question
(``True``, ``False``) or is left out (``None``). A class that the mapping does not know rejects its line: a
mistake in the mapping must not pass for "not a question".

CSV is read as RFC 4180 has it, a cell may run over several lines. A quote that is never closed rejects its line
only, not the rest of the file. TSV has no such rule that all keep: each line is a record, and quotes around
a cell are taken off where they are well formed. The time to read grows with the size, whatever the content.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chat_platform.errors import ModelError
from chat_platform.text.normalise import clean

MAX_BYTES = 256 * 2**20
MAX_TEXT = 131_072
"""Characters of a cell: the limit of Python's csv module, which is one for the whole process and left alone."""
FORMATS = ("csv", "tsv", "jsonl")

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_MAX_RECORD_LINES = 2_000
_SURROGATE = re.compile("[\ud800-\udfff]")

Classes = Mapping[str, bool | None]


@dataclass(frozen=True)
class LabelLayout:
    """How a file holds its labels.

    Attributes:
        format: ``csv``, ``tsv`` or ``jsonl``.
        mapping: class → is it a question; ``None`` leaves its texts out.
        text_column: name of a column, or its index from 0.
        label_column: as ``text_column``.
        group_column: whose texts belong together and may not be split between training and test.
        header: whether the first line names the columns; without meaning for ``jsonl``.
        delimiter: one character; default: comma (semicolon or tab where the header shows it), tab for ``tsv``.
        quoted: whether quotes around a cell are no part of it.
        group_size: where the file has no column for it: so many records in a row belong together.
    """

    format: str
    mapping: Classes
    text_column: str | int
    label_column: str | int
    group_column: str | int | None = None
    header: bool = True
    delimiter: str | None = None
    quoted: bool = True
    group_size: int | None = None


PRESETS: dict[str, LabelLayout] = {
    # 3i4k, Korean speech acts, `class<TAB>text`. 0 fragment: nothing is asked by it, and chat is full of short
    # ones ("네", "지금 도착"), which a model that never saw any would take for whatever is short: no question.
    # 1 statement, 3 command, 4 rhetorical question, 5 rhetorical command: no question by our definition, which
    # wants an answer. 2 question. 6 depends on intonation: the text alone does not say, so it is left out.
    "3i4k": LabelLayout(
        "tsv",
        {"0": False, "1": False, "2": True, "3": False, "4": False, "5": False, "6": None},
        text_column=1,
        label_column=0,
        header=False,
        quoted=False,
    ),
    # paraKQC, Korean paraphrases, `topic<TAB>type<TAB>text`, ten in a row say the same. 0 alternative question,
    # 1 wh-question; 2 prohibition, 3 requirement.
    "paraKQC": LabelLayout(
        "tsv",
        {"0": True, "1": True, "2": False, "3": False},
        text_column=2,
        label_column=1,
        header=False,
        quoted=False,
        group_size=10,
    ),
    # MRDA, English meetings, `speaker|text|basic|general|full`. Basic tags: S statement, B backchannel, D
    # disruption, F floor grabber, Q question. The `?` are the transcribers'. A speaker's turns belong together.
    "mrda": LabelLayout(
        "tsv",
        {"S": False, "B": False, "D": False, "F": False, "Q": True},
        text_column=1,
        label_column=2,
        group_column=0,
        header=False,
        delimiter="|",
        quoted=False,
    ),
}
"""Layouts of known data sets, by the name that ``chatp labels import --format`` takes."""


@dataclass(frozen=True)
class RejectedLine:
    """A line that could not be used.

    Attributes:
        line: its number, from 1; of a record of several lines the first.
        reason: ``open_quote``, ``bad_quote``, ``too_long``, ``too_few_columns``, ``too_many_columns``,
            ``not_json``, ``not_an_object``, ``no_text``, ``no_class``, ``empty_text`` or ``unknown_class``.
        detail: the unknown class, shortened; else empty.
    """

    line: int
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class LabelFile:
    """What a file of labels holds.

    Attributes:
        rows: usable labels in the order of the file: ``line``, ``text``, ``is_question``, ``group`` (or ``None``).
        rejected: what could not be used, and why.
        ignored: class that the mapping leaves out → records.
        lines_by_kind: ``header``, ``used``, ``ignored``, ``rejected``, ``blank`` → lines; they add up to ``lines``.
        lines: lines of the file.
        encoding: of its text.
    """

    rows: list[dict[str, Any]]
    rejected: list[RejectedLine]
    ignored: dict[str, int]
    lines_by_kind: dict[str, int]
    lines: int
    encoding: str


@dataclass(frozen=True)
class _Record:
    """A record of a file: its first line, how many lines it takes, and its cells or what is wrong with it."""

    line: int
    lines: int
    cells: Sequence[str] = ()
    problem: str = ""


@dataclass
class _Reading:
    """State of one reading."""

    layout: LabelLayout
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    records: int = 0

    def group(self, value: str | None) -> str | None:
        """Group of the next record; one that cannot be used has its place in a group as well."""
        size = self.layout.group_size
        self.records += 1
        return value if size is None else str((self.records - 1) // size)

    def reject(self, record: _Record, reason: str, detail: str = "") -> None:
        self.rejected.append(RejectedLine(record.line, reason, detail))
        self.lines["rejected"] += record.lines

    def take(self, record: _Record, text: str, label: str, group: str | None) -> None:
        """Use a record, leave it out, or say why it cannot be used."""
        text, label = _storable(text), label.strip()
        if len(text) > MAX_TEXT:
            self.reject(record, "too_long")
        elif not label:
            self.reject(record, "no_class")
        elif label not in self.layout.mapping:
            self.reject(record, "unknown_class", _storable(label)[:40])
        elif not clean(text):
            self.reject(record, "empty_text")
        elif (is_question := self.layout.mapping[label]) is None:
            self.ignored[label] += 1
            self.lines["ignored"] += record.lines
        else:
            row = {"line": record.line, "text": text, "is_question": is_question, "group": group}
            self.rows.append(row)
            self.lines["used"] += record.lines


def read_labels(
    data: bytes,
    *,
    format: str,  # noqa: A002 - the word of the command line
    mapping: Classes,
    text_column: str | int,
    label_column: str | int,
    group_column: str | int | None = None,
    header: bool = True,
    delimiter: str | None = None,
    quoted: bool = True,
    group_size: int | None = None,
) -> LabelFile:
    """Read a file of labels; the arguments are those of ``LabelLayout``.

    Args:
        data: the file: UTF-8 with or without BOM, UTF-16 with BOM, or CP949.
        format: ``csv``, ``tsv`` or ``jsonl``.
        mapping: class → is it a question; ``None`` leaves its texts out.
        text_column: name of a column, or its index from 0.
        label_column: as ``text_column``.
        group_column: whose texts belong together.
        header: whether the first line names the columns.
        delimiter: one character, where it is not the usual one.
        quoted: whether quotes around a cell are no part of it.
        group_size: so many records in a row belong together.

    Raises:
        ModelError: CP-ML-012 when it cannot be read at all, -013 when it lacks a column.
    """
    return _read(
        data,
        LabelLayout(
            format, mapping, text_column, label_column, group_column, header, delimiter, quoted, group_size
        ),
    )


def read_preset(data: bytes, name: str, mapping: Classes | None = None) -> LabelFile:
    """Read a file of a layout in ``PRESETS``.

    Args:
        data: the file.
        name: key of ``PRESETS``.
        mapping: classes that shall mean something else than the layout says.

    Raises:
        ModelError: as ``read_labels``.
    """
    layout = PRESETS[name]
    return _read(data, replace(layout, mapping={**layout.mapping, **(mapping or {})}))


def _read(data: bytes, layout: LabelLayout) -> LabelFile:
    if layout.format not in FORMATS:
        raise ModelError("CP-ML-012", f"no format is named {layout.format[:40]}")
    text, encoding = _decode(data)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    if not any(line.strip() for line in lines):
        raise ModelError("CP-ML-012", "the file is empty")
    reading = _Reading(layout)
    if layout.format == "jsonl":
        _read_json(reading, lines)
    else:
        _read_delimited(reading, lines)
    return LabelFile(
        rows=reading.rows,
        rejected=reading.rejected,
        ignored=dict(reading.ignored),
        lines_by_kind=dict(reading.lines),
        lines=len(lines),
        encoding=encoding,
    )


def _decode(data: bytes) -> tuple[str, str]:
    if len(data) > MAX_BYTES:
        raise ModelError("CP-ML-012", f"{len(data)} bytes")
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if marked else ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise ModelError("CP-ML-012", f"not text in {' or '.join(encodings)}")


def _storable(text: str) -> str:
    """NFC, without what a database cannot hold: PostgreSQL no NUL, neither one half of a surrogate pair."""
    if text.isascii():
        return text.replace("\0", "").strip()
    return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text.replace("\0", ""))).strip()


# --- JSON lines -------------------------------------------------------------------------------------------------


def _read_json(reading: _Reading, lines: Sequence[str]) -> None:
    layout = reading.layout
    records = [(_Record(number, 1), _object(line)) for number, line in _with_content(reading, lines)]
    objects = [value for _, value in records if isinstance(value, dict)]
    if not objects:
        raise ModelError("CP-ML-012", "no line is a JSON object")
    for column in (layout.text_column, layout.label_column, layout.group_column):
        if column is not None and not any(column in value for value in objects):
            raise ModelError("CP-ML-013", _short(column))
    for record, value in records:
        if isinstance(value, str):
            reading.group(None)
            reading.reject(record, value)
            continue
        text, label, group = (
            value.get(column) for column in (layout.text_column, layout.label_column, layout.group_column)
        )
        group = reading.group(_word(group) or None)
        if not isinstance(text, str):
            reading.reject(record, "no_text")
        else:
            reading.take(record, text, _word(label), group)


def _object(line: str) -> dict[Any, Any] | str:
    """The object on a line, or the reason why there is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "not_json"
    return value if isinstance(value, dict) else "not_an_object"


def _word(value: object) -> str:
    """A class or group as the mapping writes it: ``2``, ``true``, ``question``; nothing for what is neither."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else ""


def _with_content(reading: _Reading, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; blank ones are counted and left out."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line
        else:
            reading.lines["blank"] += 1


# --- CSV and TSV ------------------------------------------------------------------------------------------------


def _read_delimited(reading: _Reading, lines: Sequence[str]) -> None:
    layout = reading.layout
    delimiter = layout.delimiter or _delimiter(layout, lines)
    if layout.format == "csv" and layout.quoted:
        records = list(_csv_records(reading, lines, delimiter))
    else:
        records = [
            _Record(number, 1, _tsv_cells(line, delimiter, quoted=layout.quoted))
            for number, line in _with_content(reading, lines)
        ]
    names: Sequence[str] | None = None
    if layout.header:
        header, *records = records
        names = [cell.strip() for cell in header.cells]
        reading.lines["header"] += header.lines
    usual = len(names) if names is not None else _usual_width(records)
    text, label = (_place(column, names, usual) for column in (layout.text_column, layout.label_column))
    group = None if layout.group_column is None else _place(layout.group_column, names, usual)
    for record in records:
        _take_cells(reading, record, (text, label, group), usual)


def _take_cells(reading: _Reading, record: _Record, places: tuple[int, int, int | None], usual: int) -> None:
    text, label, group = places
    cells = record.cells
    in_group = reading.group(
        (_storable(cells[group]) or None) if group is not None and group < len(cells) else None
    )
    if record.problem:
        reading.reject(record, record.problem)
    elif len(cells) <= max(text, label):
        reading.reject(record, "too_few_columns")
    elif any(cell.strip() for cell in cells[usual:]):
        # A delimiter inside an unquoted text shifts what follows: the class would be read from the wrong cell.
        reading.reject(record, "too_many_columns")
    else:
        reading.take(record, cells[text], cells[label], in_group)


def _delimiter(layout: LabelLayout, lines: Sequence[str]) -> str:
    """The usual one, or for CSV with a header the one under which the header has the columns."""
    usual = _DELIMITERS[layout.format]
    if layout.format != "csv" or not layout.header:
        return usual
    first = next(line for line in lines if line.strip())
    for candidate in (usual, ";", "\t"):
        names = [cell.strip() for cell in _tsv_cells(first, candidate, quoted=layout.quoted)]
        if all(isinstance(c, str) and c in names for c in (layout.text_column, layout.label_column)):
            return candidate
    return usual


def _usual_width(records: Iterable[_Record]) -> int:
    """How many cells most records have; the larger number when two are as frequent."""
    widths = Counter(len(record.cells) for record in records if not record.problem)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _place(column: str | int, names: Sequence[str] | None, width: int) -> int:
    """Index of a column.

    Raises:
        ModelError: CP-ML-013 when there is none, or two of the name.
    """
    if isinstance(column, int):
        if not 0 <= column < width:
            raise ModelError("CP-ML-013", f"column {column + 1} of {width}")
        return column
    found = [index for index, name in enumerate(names or ()) if name == column]
    if len(found) != 1:
        raise ModelError("CP-ML-013", f"{_short(column)}: {len(found)} columns of this name")
    return found[0]


def _short(column: str | int) -> str:
    return str(column)[:40]


def _tsv_cells(line: str, delimiter: str, *, quoted: bool) -> Sequence[str]:
    """Cells of a line; where its quotes are not well formed, they are text."""
    if quoted and '"' in line:
        cells = _csv_cells([line], delimiter)
        if not isinstance(cells, str):
            return cells
    return line.split(delimiter)


def _csv_records(reading: _Reading, lines: Sequence[str], delimiter: str) -> Iterator[_Record]:
    closing = _next_odd_line(lines)
    index = 0
    while index < len(lines):
        if not lines[index].strip():
            reading.lines["blank"] += 1
            index += 1
            continue
        record = _csv_record(lines, index, closing[index], delimiter)
        yield record
        index += record.lines


def _csv_record(lines: Sequence[str], index: int, closing: int, delimiter: str) -> _Record:
    """The record that begins on a line; it takes this line alone when it cannot be read."""
    if '"' not in lines[index]:
        return _Record(index + 1, 1, lines[index].split(delimiter))
    cells = _csv_cells([lines[index]], delimiter)
    if cells == "open_quote" and index < closing <= index + _MAX_RECORD_LINES:
        longer = _csv_cells([f"{line}\n" for line in lines[index : closing + 1]], delimiter)
        if not isinstance(longer, str):
            return _Record(index + 1, closing + 1 - index, longer)
    if isinstance(cells, str):
        return _Record(index + 1, 1, problem=cells)
    return _Record(index + 1, 1, cells)


def _next_odd_line(lines: Sequence[str]) -> list[int]:
    """Per line the next one with an odd number of quotes: only there can a cell end that is open; -1 for none."""
    following, found = [-1] * len(lines), -1
    for index in range(len(lines) - 1, -1, -1):
        following[index] = found
        if lines[index].count('"') % 2:
            found = index
    return following


def _csv_cells(lines: Sequence[str], delimiter: str) -> list[str] | str:
    """Cells of one record, or the reason why it cannot be read."""
    try:
        records = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error):
            return "open_quote"
        return "too_long" if "field larger" in str(error) else "bad_quote"
    return records[0] if len(records) == 1 else "bad_quote"
