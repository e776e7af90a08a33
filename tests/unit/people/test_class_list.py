"""Class lists in every form that people send."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.errors import InputError
from chat_platform.people.class_list import BadRow, ClassListReport, read_class_list
from chat_platform.sources import workbook
from chat_platform.tables.class_chat import CLASS_LIST

HEADERS = ["아이디", "이름", "직책", "이메일", "팀"]
ROWS = [
    ["U0AAAAAAA", "가나다", "강사", "ga@example.com", ""],
    ["U0BBBBBBB", "라마 바", "학생", "", "2팀"],
    ["S-03", "Ga Kim", "", "kim@example.com", "온라인"],
]
EXPECTED = [
    {"member_id": "U0AAAAAAA", "name": "가나다", "position": "강사", "role": "teacher", "team": None,
     "email": "ga@example.com"},
    {"member_id": "U0BBBBBBB", "name": "라마 바", "position": "학생", "role": "student", "team": "2팀",
     "email": None},
    {"member_id": "S-03", "name": "Ga Kim", "position": None, "role": "student", "team": "온라인",
     "email": "kim@example.com"},
]  # fmt: skip
SEED_HEADERS = ["유니크 아이디", "실제이름", "디스플레이 이름", "직업", "이메일", "어드민여부", "봇 여부"]


def as_csv(rows: Sequence[Sequence[object]], separator: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


def as_excel(*sheets: Sequence[Sequence[object]]) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return data.getvalue()


def read(*rows: Sequence[object]) -> ClassListReport:
    return read_class_list(as_csv(rows), "list.csv")


def failure(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_class_list(data, "list")
    return caught.value.code


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_csv_reads_the_same_in_every_encoding_and_with_every_separator(
    separator: str, encoding: str
) -> None:
    report = read_class_list(as_csv([HEADERS, *ROWS], separator, encoding), "list.csv")
    assert report.rows == EXPECTED
    assert (report.bad_rows, report.unknown_columns, report.realigned_rows) == ([], [], [])


def test_excel_reads_as_the_csv_does() -> None:
    report = read_class_list(as_excel([HEADERS, *ROWS]), "list.xlsx")
    assert report.rows == EXPECTED
    assert report.form == "excel"


def test_what_is_read_is_the_declared_table() -> None:
    assert CLASS_LIST.table(read(HEADERS, *ROWS).rows).to_pylist() == EXPECTED


def test_the_content_and_not_the_ending_tells_what_a_file_is() -> None:
    assert read_class_list(as_excel([HEADERS, *ROWS]), "list.csv").rows == EXPECTED


@pytest.mark.parametrize("offset", [0, 1, 4])
def test_a_title_and_blank_rows_above_the_headers_do_no_harm_and_rows_count_as_in_the_spreadsheet(
    offset: int,
) -> None:
    above = [["2기 명단"], [], [], []][:offset]
    bad = [*above, HEADERS, ["", "가나다"]]
    for data in (as_csv(bad), as_excel(bad)):
        assert [row.row for row in read_class_list(data, "list").bad_rows] == [offset + 2]


def test_the_sheet_that_holds_a_list_is_found() -> None:
    assert read_class_list(as_excel([["notes"]], [HEADERS, *ROWS]), "list.xlsx").rows == EXPECTED


@pytest.mark.parametrize(
    "headers",
    [
        ["ID", "Name", "Position", "E-Mail", "Team"],
        ["slack_id", "real name", "직업", "email address", "조"],
        [" 유니크  아이디 ", "실제 이름", "직책", "이메일 주소", "팀명"],
    ],
)
def test_headers_are_known_by_many_words(headers: list[str]) -> None:
    assert read(headers, *ROWS).rows == EXPECTED


def test_columns_stand_in_any_order_and_unknown_ones_are_listed() -> None:
    report = read(["전화", "이름", "아이디", "비고"], ["010", "가나다", "U0AAAAAAA", "x"])
    assert [(row["member_id"], row["name"]) for row in report.rows] == [("U0AAAAAAA", "가나다")]
    assert report.unknown_columns == ["전화", "비고"]
    assert report.columns == {"member_id": "아이디", "name": "이름"}


def test_each_row_that_cannot_be_used_is_reported_with_row_column_and_reason() -> None:
    report = read(
        HEADERS,
        ["", "가나다", "", "", ""],
        ["U1", "  ", "", "", ""],
        ["U2", "라마바", "", "not an address", ""],
        ["U2", "사아자", "", "", ""],
        ["U3", "차카타", "", "one@example.com", ""],
        ["U4", "파하가", "", "ONE@example.com", ""],
        [],
        ["U5"],
    )
    assert report.bad_rows == [
        BadRow(2, "아이디", "missing_id", "the id is empty"),
        BadRow(3, "이름", "missing_name", "the name is empty"),
        BadRow(4, "이메일", "bad_email", "not an address is no address", kept=True),
        BadRow(5, "아이디", "duplicate_id", "U2 is in row 4 already"),
        BadRow(7, "이메일", "duplicate_email", "ONE@example.com is in row 6 already", kept=True),
        BadRow(9, "이름", "missing_name", "the name is empty"),
    ]
    assert [(row["member_id"], row["email"]) for row in report.rows] == [
        ("U2", None),
        ("U3", "one@example.com"),
        ("U4", None),
    ]


def test_the_shifted_list_of_the_first_system_is_put_right_row_by_row() -> None:
    rows = [
        SEED_HEADERS,
        ["U1", "가나다", "가나_온라인", "ga@example.com", "FALSE", "FALSE"],
        ["U2", "라마바", "라마", "강사", "ra@example.com", "TRUE", "FALSE"],
        ["U3", "사아자", "사아_온라인", "", "FALSE", "FALSE"],
        ["U4", "로봇", "로봇", "bot@example.com", "FALSE", "TRUE"],
        ["U5", "차카타", "", "LM", "", "FALSE", "FALSE"],
    ]
    for data in (as_csv(rows), as_excel(rows)):
        report = read_class_list(data, "users")
        assert [(r["member_id"], r["position"], r["role"], r["team"], r["email"]) for r in report.rows] == [
            ("U1", None, "student", "온라인", "ga@example.com"),
            ("U2", "강사", "teacher", None, "ra@example.com"),
            ("U3", None, "student", "온라인", None),
            ("U5", "LM", "staff", None, None),
        ]
        assert report.realigned_rows == [2, 4, 5]
        assert [(bad.row, bad.reason) for bad in report.bad_rows] == [(5, "bot")]
        assert report.unknown_columns == []


def test_excel_cells_of_yes_and_no_are_understood_as_such() -> None:
    rows = [SEED_HEADERS, ["U4", "로봇", "로봇", "", "bot@example.com", False, True]]
    assert [bad.reason for bad in read_class_list(as_excel(rows), "users.xlsx").bad_rows] == ["bot"]


def test_numbers_as_ids_keep_their_digits() -> None:
    report = read_class_list(
        as_excel([["학번", "이름"], [20260001, "가나다"], ["007", "라마바"]]), "list.xlsx"
    )
    assert [row["member_id"] for row in report.rows] == ["20260001", "007"]


def test_a_position_that_is_a_place_is_the_team_and_the_name_says_the_role() -> None:
    report = read(HEADERS, ["U1", "강사_가나다", "온라인", "", ""])
    assert [(row["role"], row["team"]) for row in report.rows] == [("teacher", "온라인")]


def test_quoted_cells_may_hold_separators_and_line_breaks() -> None:
    data = 'id,name,email\nU1,"가나다, 라",\nU2,"마\n바",x\n'.encode()
    report = read_class_list(data, "list.csv")
    assert [row["name"] for row in report.rows] == ["가나다, 라", "마 바"]
    assert [bad.row for bad in report.bad_rows] == [3]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "CP-PEOPLE-002"),
        (b"a,b\n1,2\n", "CP-PEOPLE-002"),
        (as_excel([["a", "b"]]), "CP-PEOPLE-002"),
        (as_excel([HEADERS, *ROWS])[:900], "CP-PEOPLE-001"),
        (b"PK\x03\x04 nothing", "CP-PEOPLE-001"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "CP-PEOPLE-001"),
        (b"\xff\xfe\x00", "CP-PEOPLE-001"),
        (b"\x80\xff\xfe,\xff", "CP-PEOPLE-001"),
        (b"x" * (workbook.MAX_BYTES + 1), "CP-PEOPLE-003"),
    ],
)
def test_what_is_no_list_gives_a_coded_error(data: bytes, code: str) -> None:
    assert failure(data) == code


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 1_000)
    assert failure(as_excel([HEADERS, *ROWS])) == "CP-PEOPLE-003"


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=5, max_size=5), max_size=12), st.sampled_from([",", ";", "\t"]))
def test_every_row_that_holds_anything_is_in_the_list_or_rejected(
    rows: list[list[str]], separator: str
) -> None:
    report = read_class_list(as_csv([HEADERS, *rows], separator), "list.csv")
    rejected = [bad for bad in report.bad_rows if not bad.kept]
    assert report.data_rows == len(report.rows) + len(rejected)
    ids = [row["member_id"] for row in report.rows]
    assert len(set(ids)) == len(ids)
    assert CLASS_LIST.table(report.rows).num_rows == len(ids)


@settings(max_examples=150)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"id,name\n", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"])
)
def test_arbitrary_bytes_never_raise_anything_but_a_coded_error(data: bytes, start: bytes) -> None:
    try:
        assert isinstance(read_class_list(start + data, "list"), ClassListReport)
    except InputError as error:
        assert error.code.startswith("CP-PEOPLE-")


EXCEL = as_excel([HEADERS, *ROWS])


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(EXCEL) - 1), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_damaged_excel_file_never_raises_anything_but_a_coded_error(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(EXCEL)
    for place, value in changes:
        damaged[place] = value
    try:
        assert isinstance(read_class_list(bytes(damaged), "list"), ClassListReport)
    except InputError as error:
        assert error.code.startswith("CP-PEOPLE-")
