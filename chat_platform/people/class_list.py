"""The class list: an Excel or CSV file that a person keeps, read with a report of what cannot be used.

What belongs here: from the bytes of a file to rows of ``core.class_list`` and a report. What does not: cells of a
file (``sources.workbook``), where it lies, who its members are in a chat (``identity``).

Columns are found by their headers, Korean or English, in any order; a title above them does no harm. The
first class system wrote seven headers (유니크 아이디, 실제이름, 디스플레이 이름, 직업, 이메일, 어드민여부,
봇 여부) over rows of six values, so that everything from the position on stood one column too far left: such
rows are recognised one by one and put right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chat_platform.errors import InputError
from chat_platform.people.names import NameSplitter
from chat_platform.settings import NameRules
from chat_platform.sources.workbook import Grid, GridErrors, grids, is_excel

HEADER_SEARCH_ROWS = 20

ALIASES: dict[str, tuple[str, ...]] = {
    "member_id": (
        "유니크 아이디", "유니크 id", "아이디", "슬랙 아이디", "슬랙 id", "회원 id", "학번", "사번",
        "id", "unique id", "user id", "userid", "member id", "slack id", "slack user id", "uid",
    ),
    "name": (
        "실제이름", "실명", "이름", "성명", "성함", "name", "real name", "full name", "student name",
    ),
    "display_name": ("디스플레이 이름", "표시 이름", "닉네임", "별명", "display name", "nickname"),
    "position": ("직업", "직책", "직위", "역할", "구분", "포지션", "position", "role", "job", "title"),
    "email": ("이메일", "이메일 주소", "메일", "전자우편", "email", "e-mail", "email address", "mail"),
    "team": ("팀", "팀명", "조", "반", "소속", "team", "group", "class"),
    "is_admin": ("어드민여부", "어드민", "관리자", "관리자 여부", "admin", "is admin"),
    "is_bot": ("봇 여부", "봇", "bot", "is bot"),
}  # fmt: skip
"""Column → headers that mean it; neither case nor blanks nor ``_ - .`` count."""

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}")
_YES = frozenset({"true", "1", "y", "yes", "o", "예", "네", "참"})
_BOOLEANS = _YES | {"false", "0", "n", "no", "x", "아니오", "아니요", "거짓"}
_ERRORS = GridErrors(unreadable="CP-PEOPLE-001", too_large="CP-PEOPLE-003")

Cells = Sequence[str]


@dataclass(frozen=True)
class BadRow:
    """Something in the list that could not be used.

    Attributes:
        row: number of the row as a spreadsheet counts, from 1, headers included.
        column: header of the column as the file words it; the field's name where the file lacks the column.
        reason: ``missing_id``, ``missing_name``, ``duplicate_id``, ``bad_email``, ``duplicate_email`` or
            ``bot``.
        detail: what exactly was found, in words.
        kept: the row is in the list all the same, without this value.
    """

    row: int
    column: str
    reason: str
    detail: str
    kept: bool = False


@dataclass(frozen=True)
class ClassListReport:
    """What a class list holds.

    Attributes:
        rows: rows for ``core.class_list``, in the order of the file.
        bad_rows: what could not be used, and why.
        columns: field → header of the file that it was read from.
        unknown_columns: headers that nothing is read from.
        realigned_rows: numbers of rows that were shifted and have been put right.
        data_rows: rows below the headers that hold anything; each is in ``rows`` or rejected in ``bad_rows``.
        form: what the file is: ``excel``, or encoding and separator of the CSV.
    """

    rows: list[dict[str, Any]]
    bad_rows: list[BadRow]
    columns: dict[str, str]
    unknown_columns: list[str]
    realigned_rows: list[int]
    data_rows: int
    form: str


@dataclass
class _Reading:
    """State of one reading."""

    headers: dict[str, str]
    splitter: NameSplitter
    rows: list[dict[str, Any]] = field(default_factory=list)
    bad_rows: list[BadRow] = field(default_factory=list)
    first_row_of_id: dict[str, int] = field(default_factory=dict)
    first_row_of_email: dict[str, int] = field(default_factory=dict)

    def reject(self, row: int, column: str, reason: str, detail: str, *, kept: bool = False) -> None:
        self.bad_rows.append(BadRow(row, self.headers.get(column, column), reason, detail, kept))


def read_class_list(data: bytes, filename: str, rules: NameRules | None = None) -> ClassListReport:
    """Read a class list.

    Args:
        data: the file: Excel (xlsx, xls, xlsb, ods; told by its content) or CSV (UTF-8 with or without BOM,
            UTF-16 with BOM, CP949; separated by comma, semicolon or tab).
        filename: its name, for the text of errors.
        rules: words for roles and teams.

    Raises:
        InputError: CP-PEOPLE-001 when it is neither or damaged, -002 when it has no columns for id and name,
            -003 when it is too large for a list of people.
    """
    splitter = NameSplitter(rules or NameRules())
    found: Iterable[Grid] = grids(data, filename, _ERRORS)
    if not is_excel(data):
        # The separator that uncovers most known headers is the right one.
        found = sorted(found, key=lambda grid: -_known_headers(grid.rows))
    for grid in found:
        header_row = _find_header(grid.rows)
        if header_row is not None:
            return _read_grid(grid.rows, header_row, grid.form, splitter)
    raise InputError("CP-PEOPLE-002", filename)


def _header_key(header: str) -> str:
    return re.sub(r"[\s_\-.]", "", header).casefold()


_FIELD_OF_HEADER = {_header_key(alias): name for name, aliases in ALIASES.items() for alias in aliases}


def _columns(row: Cells) -> dict[str, int]:
    """Field → index of the first column whose header means it."""
    found: dict[str, int] = {}
    for index, header in enumerate(row):
        name = _FIELD_OF_HEADER.get(_header_key(header))
        if name:
            found.setdefault(name, index)
    return found


def _known_headers(grid: Sequence[Cells]) -> int:
    return max((len(_columns(row)) for row in grid[:HEADER_SEARCH_ROWS]), default=0)


def _find_header(grid: Sequence[Cells]) -> int | None:
    """Index of the first row that names both an id and a name."""
    for index, row in enumerate(grid[:HEADER_SEARCH_ROWS]):
        found = _columns(row)
        if "member_id" in found and ("name" in found or "display_name" in found):
            return index
    return None


def _read_grid(grid: Sequence[Cells], header_row: int, form: str, splitter: NameSplitter) -> ClassListReport:
    headers = grid[header_row]
    places = _columns(headers)
    reading = _Reading({name: headers[index] for name, index in places.items()}, splitter)
    realigned = []
    data_rows = 0
    for number, cells in enumerate(grid[header_row + 1 :], start=header_row + 2):
        if not any(cells):
            continue
        data_rows += 1
        values = {name: _at(cells, index) for name, index in places.items()}
        if _is_shifted(values, places):
            realigned.append(number)
            place = places["position"]
            cells = [*cells[:place], "", *cells[place:]]
            values = {name: _at(cells, index) for name, index in places.items()}
        _read_row(reading, number, values)
    used = set(places.values())
    return ClassListReport(
        rows=reading.rows,
        bad_rows=reading.bad_rows,
        columns=reading.headers,
        unknown_columns=[header for index, header in enumerate(headers) if header and index not in used],
        realigned_rows=realigned,
        data_rows=data_rows,
        form=form,
    )


def _at(cells: Cells, index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _is_shifted(values: Mapping[str, str], places: Mapping[str, int]) -> bool:
    """Whether the position was left out of a row, so that what follows stands one column too far left.

    Seen by the values: an address in the column of positions, or yes or no in the column of addresses.
    """
    if places.get("email", -1) != places.get("position", -3) + 1:
        return False
    email_in_position = _EMAIL.fullmatch(values["position"]) is not None and "@" not in values["email"]
    boolean_in_email = not values["position"] and values["email"].casefold() in _BOOLEANS
    return email_in_position or boolean_in_email


def _read_row(reading: _Reading, number: int, values: Mapping[str, str]) -> None:
    """Take a row in, or say why not."""
    member_id = values["member_id"]
    name = values.get("name") or values.get("display_name") or ""
    if values.get("is_bot", "").casefold() in _YES:
        reading.reject(number, "is_bot", "bot", f"{member_id or 'the row'} is a bot")
    elif not member_id:
        reading.reject(number, "member_id", "missing_id", "the id is empty")
    elif not name:
        reading.reject(number, "name", "missing_name", "the name is empty")
    elif member_id in reading.first_row_of_id:
        first = reading.first_row_of_id[member_id]
        reading.reject(number, "member_id", "duplicate_id", f"{member_id} is in row {first} already")
    else:
        reading.first_row_of_id[member_id] = number
        reading.rows.append(
            {
                "member_id": member_id,
                "name": name,
                "email": _email(reading, number, values.get("email", "")),
                **_place_in_class(reading.splitter, values, name),
            }
        )


def _place_in_class(splitter: NameSplitter, values: Mapping[str, str], name: str) -> dict[str, str | None]:
    """Position, role and team; a team may be written as the position or in one of the names."""
    position = values.get("position") or None
    parts = [splitter.split(text) for text in (name, values.get("display_name", ""))]
    team = values.get("team") or None
    if team is None and position is not None and splitter.is_team(position):
        team = position
    role = splitter.role_of_position(position)
    if position is None or position == team:
        role = next((part.role for part in parts if part.role), role)
    return {
        "position": position,
        "role": role,
        "team": team or next((part.team for part in parts if part.team), None),
    }


def _email(reading: _Reading, number: int, text: str) -> str | None:
    """The address, or ``None`` with a line in the report.

    One address for two members would make them one person, so the second does not get it.
    """
    if not text:
        return None
    if not _EMAIL.fullmatch(text):
        reading.reject(number, "email", "bad_email", f"{text[:80]} is no address", kept=True)
        return None
    first = reading.first_row_of_email.setdefault(text.casefold(), number)
    if first != number:
        reading.reject(number, "email", "duplicate_email", f"{text} is in row {first} already", kept=True)
        return None
    return text
