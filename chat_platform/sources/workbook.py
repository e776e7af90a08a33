"""Lists that people keep: an Excel or CSV file as rows of cells.

What belongs here: telling what a file is, its encodings and separators, its sheets, and the limits of its size. What
does not: what the columns mean (``people.class_list``, ``streams.streamer_list``).

Blank rows are kept, so that the numbers of rows are those that a spreadsheet shows.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import fastexcel

from chat_platform.errors import InputError
from chat_platform.people.names import clean_name

MAX_BYTES = 20 * 2**20
MAX_UNPACKED_BYTES = 200 * 2**20
MAX_CELL = 1_000

_EXCEL_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_SEPARATORS = (("comma", ","), ("semicolon", ";"), ("tab", "\t"))


@dataclass(frozen=True)
class Grid:
    """One way to see a file as rows of cells.

    Attributes:
        form: ``excel``, or encoding and separator of the CSV.
        sheet: sheet of the workbook; ``None`` for CSV.
        rows: cells as clean text, empty ones as ``""``.
    """

    form: str
    sheet: str | None
    rows: list[list[str]]


@dataclass(frozen=True)
class GridErrors:
    """Codes of the errors that a list of one kind is refused with.

    Attributes:
        unreadable: neither Excel nor CSV, or damaged.
        too_large: more than a list can be.
    """

    unreadable: str
    too_large: str


def grids(data: bytes, filename: str, errors: GridErrors) -> Iterator[Grid]:
    """Every way to see a file: the sheets of a workbook in their order, or the lines of a CSV by each separator.

    A sheet is read when it is asked for.

    Args:
        data: Excel (xlsx, xls, xlsb, ods; told by its content) or CSV (UTF-8 with or without BOM, UTF-16 with BOM,
            CP949; separated by comma, semicolon or tab).
        filename: its name, for the text of errors.

    Raises:
        InputError: with the codes of ``errors``.
    """
    if len(data) > MAX_BYTES:
        raise InputError(errors.too_large, f"{filename}: {len(data)} bytes")
    if is_excel(data):
        _check_unpacked_size(data, filename, errors)
        yield from _sheets(data, filename, errors)
        return
    text, encoding = _decode(data, filename, errors)
    found = [
        Grid(f"{encoding}, {name}", None, rows)
        for name, mark in _SEPARATORS
        if (rows := _csv(text, mark)) is not None
    ]
    if not found:
        raise InputError(errors.unreadable, f"{filename}: not a CSV")
    yield from found


def is_excel(data: bytes) -> bool:
    """Whether a file is a workbook, damaged or not; else it is read as CSV."""
    return data.startswith(_EXCEL_MAGIC)


def _decode(data: bytes, filename: str, errors: GridErrors) -> tuple[str, str]:
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if marked else ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise InputError(errors.unreadable, f"{filename}: neither Excel nor text in {' or '.join(encodings)}")


def _csv(text: str, separator: str) -> list[list[str]] | None:
    try:
        return [
            [_cell(value) for value in row]
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        ]
    except csv.Error:
        return None


def _sheets(data: bytes, filename: str, errors: GridErrors) -> Iterator[Grid]:
    try:
        book = fastexcel.read_excel(data)
        for name in book.sheet_names:
            columns = (
                book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_arrow().to_pydict()
            )
            rows = [[_cell(value) for value in row] for row in zip(*columns.values(), strict=True)]
            yield Grid("excel", name, rows)
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0]
        raise InputError(errors.unreadable, f"{filename}: {reason}") from error


def _check_unpacked_size(data: bytes, filename: str, errors: GridErrors) -> None:
    """A small archive can unpack to any size; its directory says to which."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(errors.unreadable, f"{filename}: {error}") from error
    if size > MAX_UNPACKED_BYTES:
        raise InputError(errors.too_large, f"{filename}: {size} bytes unpacked")


def _cell(value: object) -> str:
    return "" if value is None else clean_name(str(value)[:MAX_CELL])
