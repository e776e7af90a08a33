"""The list of streamers: an Excel or CSV file that a person keeps, read with a report of what cannot be used.

What belongs here: from the bytes of a file to references of channels and a report. What does not: where the file
lies, asking a platform who is meant (``snapshots.resolve``).

Columns are found by the settings, else by headers (Korean or English), else by what is in them: the list of the first
system had no headers, a number of the person in column A (which Excel keeps as ``14221.0``), the address in B and the
platform in C. A person may stand in several rows, one a platform; a channel only in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from chat_platform.errors import InputError
from chat_platform.settings import StreamerListColumns
from chat_platform.sources.streams.port import ChannelReference, PlatformSpec
from chat_platform.sources.workbook import GridErrors, grids, is_excel

ALIASES: dict[str, tuple[str, ...]] = {
    "url": ("url", "주소", "링크", "채널 주소", "채널", "link", "address", "channel", "channel url"),
    "name": (
        "name", "이름", "닉네임", "스트리머", "활동명", "방송인", "streamer", "user name", "username", "celeb",
    ),
    "key": ("key", "번호", "아이디", "user key", "no", "id"),
    "platform": ("platform", "플랫폼", "사이트", "site"),
}  # fmt: skip
"""Field → headers that mean it; neither case nor blanks nor ``_ - .`` count."""

FIELDS = tuple(ALIASES)
HEADER_ROWS = 20
_LETTER = re.compile(r"[A-Za-z]{1,2}", re.ASCII)
_WHOLE = re.compile(r"(\d+)(\.0+)?", re.ASCII)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.ASCII | re.IGNORECASE)
_PREFIXES = ("www.", "m.", "mobile.")
_SHOWN = 80
_ERRORS = GridErrors(unreadable="CP-STREAM-020", too_large="CP-STREAM-022")

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class StreamerRow:
    """A row that leads to a channel.

    Attributes:
        row: number of the row as a spreadsheet counts, from 1.
        key: the list's own number or word for the person.
    """

    row: int
    reference: ChannelReference
    name: str | None
    key: str | None
    address: str


@dataclass(frozen=True)
class BadRow:
    """A row that could not be used.

    Attributes:
        row: number of the row as a spreadsheet counts, from 1.
        reason: ``missing_address``, ``not_an_address``, ``unknown_platform``, ``no_channel`` (an address of a
            platform that leads to no channel), ``platform_mismatch`` (the column of platforms says another) or
            ``duplicate``.
        detail: what was found.
    """

    row: int
    reason: str
    detail: str


@dataclass(frozen=True)
class StreamerListReport:
    """What a list holds.

    Attributes:
        rows: rows that can be used, in the order of the file.
        bad_rows: those that cannot, and why.
        columns: field → letter of the column that it was read from.
        sheet: sheet of the workbook; ``None`` for CSV.
        other_sheets: sheets with addresses that were not read.
        data_rows: rows that hold anything, headers aside; each is in ``rows`` or ``bad_rows``.
        form: ``excel``, or encoding and separator of the CSV.
    """

    rows: list[StreamerRow]
    bad_rows: list[BadRow]
    columns: dict[str, str]
    sheet: str | None
    other_sheets: list[str]
    data_rows: int
    form: str


@dataclass(frozen=True)
class _Table:
    form: str
    sheet: str | None
    rows: Rows
    places: dict[str, int]
    first_row: int

    def values(self, row: int, name: str) -> str:
        place = self.places.get(name)
        cells = self.rows[row]
        return cells[place] if place is not None and place < len(cells) else ""


def read_streamer_list(
    data: bytes,
    filename: str,
    specs: Sequence[PlatformSpec],
    columns: StreamerListColumns | None = None,
    *,
    sheet: str | None = None,
) -> StreamerListReport:
    """Read a list of streamers.

    Args:
        data: the file: Excel (xlsx, xls, xlsb, ods; told by its content) or CSV (UTF-8 with or without BOM,
            UTF-16 with BOM, CP949; separated by comma, semicolon or tab).
        filename: its name, for the text of errors.
        specs: platforms that addresses may lead to.
        columns: which columns mean what, where that is to be said.
        sheet: sheet of the workbook; ``None``: the first with addresses.

    Raises:
        InputError: CP-STREAM-020 when it is neither or damaged, -021 when no column holds addresses, -022 when it is
            too large.
    """
    reader = _Reader(specs, columns or StreamerListColumns())
    tables = [
        table
        for grid in grids(data, filename, _ERRORS)
        if sheet in (None, grid.sheet)
        and (table := reader.table(grid.form, grid.sheet, grid.rows)) is not None
    ]
    if not tables:
        raise InputError("CP-STREAM-021", filename)
    with_addresses = [table for table in tables if reader.addresses(table)]
    if is_excel(data):
        best = (with_addresses or tables)[0]
        return reader.report(best, [str(table.sheet) for table in with_addresses if table is not best])
    return reader.report(max(tables, key=reader.addresses), [])


class _Reader:
    """Reads rows of cells with one set of platforms and settings."""

    def __init__(self, specs: Sequence[PlatformSpec], columns: StreamerListColumns) -> None:
        self._specs = specs
        self._columns = columns
        self._words = {word.casefold(): spec for spec in specs for word in (spec.name, spec.label)}

    def table(self, form: str, sheet: str | None, rows: Rows) -> _Table | None:
        """Where columns and rows of a list are; ``None`` when no column can be that of addresses."""
        header = self._header_row(rows)
        first_row = 0 if header is None else header + 1
        places = {} if header is None else _by_header(rows[header])
        for name in FIELDS:
            place = self._by_settings(rows, header, getattr(self._columns, name))
            if place is not None:
                places = {field: at for field, at in places.items() if at != place} | {name: place}
        for name, fits in (("url", self._is_address), ("platform", self._is_word), ("key", _is_number)):
            if name not in places and (header is None or name == "url"):
                place = _by_content(rows[first_row:], fits, set(places.values()))
                places |= {} if place is None else {name: place}
        if header is None and "name" not in places:
            place = _by_content(rows, lambda cell: bool(cell) and not _is_number(cell), set(places.values()))
            places |= {} if place is None else {"name": place}
        return _Table(form, sheet, rows, places, first_row) if "url" in places else None

    def addresses(self, table: _Table) -> int:
        """How many addresses of known platforms a table has."""
        return sum(
            self._is_address(table.values(row, "url")) for row in range(table.first_row, len(table.rows))
        )

    def report(self, table: _Table, other_sheets: list[str]) -> StreamerListReport:
        """Every row of a table, used or not."""
        rows: list[StreamerRow] = []
        bad_rows: list[BadRow] = []
        first: dict[ChannelReference, int] = {}
        for index in range(table.first_row, len(table.rows)):
            if not any(table.rows[index]):
                continue
            address = table.values(index, "url")
            found = self._reference(address, table.values(index, "platform"))
            if isinstance(found, ChannelReference) and found in first:
                bad_rows.append(
                    BadRow(index + 1, "duplicate", f"{found.value} is in row {first[found]} already")
                )
            elif isinstance(found, ChannelReference):
                first[found] = index + 1
                key, name = table.values(index, "key"), table.values(index, "name")
                rows.append(StreamerRow(index + 1, found, name or None, _key(key), address))
            else:
                bad_rows.append(BadRow(index + 1, found, address[:_SHOWN]))
        return StreamerListReport(
            rows=rows,
            bad_rows=bad_rows,
            columns={name: _letter(place) for name, place in table.places.items()},
            sheet=table.sheet,
            other_sheets=other_sheets,
            data_rows=len(rows) + len(bad_rows),
            form=table.form,
        )

    def _reference(self, address: str, word: str) -> ChannelReference | str:
        """The channel of a row, or the reason why there is none."""
        if not address:
            return "missing_address"
        named = self._words.get(word.casefold())
        parts = _split(address)
        if parts is None:
            # A bare login will do where the row says of which platform.
            bare = named.reference(address) if named and re.fullmatch(r"\w+", address, re.ASCII) else None
            return bare or "not_an_address"
        host, path = parts
        spec = next((spec for spec in self._specs if host in spec.hosts), None)
        if spec is None:
            return "unknown_platform"
        if word and named is not spec:
            return "platform_mismatch"
        return spec.reference(path) or "no_channel"

    def _is_address(self, cell: str) -> bool:
        parts = _split(cell)
        return parts is not None and any(parts[0] in spec.hosts for spec in self._specs)

    def _is_word(self, cell: str) -> bool:
        return cell.casefold() in self._words

    def _header_row(self, rows: Rows) -> int | None:
        """The first row that names the column of addresses, by the settings or by what usually does."""
        wanted = {_header_key(self._columns.url)} if self._columns.url else set()
        known = wanted | {_header_key(alias) for alias in ALIASES["url"]}
        for index, row in enumerate(rows[:HEADER_ROWS]):
            if any(_header_key(cell) in known for cell in row):
                return index
            if any(map(self._is_address, row)):
                return None
        return None

    def _by_settings(self, rows: Rows, header: int | None, setting: str | None) -> int | None:
        if not setting:
            return None
        cells = [] if header is None else [_header_key(cell) for cell in rows[header]]
        if _header_key(setting) in cells:
            return cells.index(_header_key(setting))
        if not _LETTER.fullmatch(setting):
            return None
        place = 0
        for letter in setting.upper():
            place = place * 26 + ord(letter) - ord("A") + 1
        return place - 1


def _by_header(row: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, cell in enumerate(row):
        name = _FIELD_OF_HEADER.get(_header_key(cell))
        if name:
            found.setdefault(name, index)
    return found


def _by_content(rows: Rows, fits: Callable[[str], bool], taken: set[int]) -> int | None:
    """The first column of which most cells that hold anything fit."""
    for place in range(max(map(len, rows), default=0)):
        cells = [row[place] for row in rows if place < len(row) and row[place]]
        if place not in taken and cells and 2 * sum(map(fits, cells)) > len(cells):
            return place
    return None


def _header_key(header: str) -> str:
    return re.sub(r"[\s_\-.]", "", header).casefold()


_FIELD_OF_HEADER = {_header_key(alias): name for name, aliases in ALIASES.items() for alias in aliases}


def _split(address: str) -> tuple[str, str] | None:
    """Host without the prefixes of its mobile pages, and path; ``None`` for what is no web address."""
    scheme = _SCHEME.match(address)
    if (scheme and scheme[1].lower() not in ("http", "https")) or " " in address:
        return None
    try:
        parts = urlsplit(address if scheme else f"https://{address.lstrip('/')}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return None
    for prefix in _PREFIXES:
        host = host.removeprefix(prefix)
    return (host, parts.path) if "." in host else None


def _is_number(cell: str) -> bool:
    return _WHOLE.fullmatch(cell) is not None


def _key(cell: str) -> str | None:
    """The list's own key; Excel keeps a number as ``14221.0``."""
    match = _WHOLE.fullmatch(cell)
    return match[1] if match else cell or None


def _letter(place: int) -> str:
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
