"""Lists of streamers, as people keep them."""

from __future__ import annotations

import io

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import InputError
from chat_platform.settings import StreamerListColumns
from chat_platform.sources.streams.port import ChannelReference
from chat_platform.sources.streams.registry import platform_specs
from chat_platform.sources.streams.streamer_list import read_streamer_list

SPECS = platform_specs()
CHZZK_ID = "0123456789abcdef0123456789abcdef"


def workbook(**sheets):
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return data.getvalue()


def read(data, **options):
    columns = StreamerListColumns(**options.pop("columns", {}))
    return read_streamer_list(data, "list", SPECS, columns, **options)


def csv(*lines):
    return "\n".join(lines).encode()


def logins(report):
    return [row.reference.value for row in report.rows]


def test_the_first_system_s_workbook_has_no_headers_and_keys_that_excel_keeps_as_floats():
    data = workbook(
        Notes=[["twitch.xlsx of the first system"]],
        Main=[
            [14221.0, "https://www.twitch.tv/ganada", "twitch"],
            [14222.0, "https://www.twitch.tv/Narae/videos?filter=all", "twitch"],
            [14222.0, f"https://chzzk.naver.com/{CHZZK_ID}", "chzzk"],
        ],
        Sheet1=[[14221.0, "https://www.twitch.tv/ganada", "twitch"]],
    )
    report = read(data)
    assert (report.sheet, report.other_sheets) == ("Main", ["Sheet1"])
    assert [(row.key, row.reference) for row in report.rows] == [
        ("14221", ChannelReference("twitch", "login", "ganada")),
        ("14222", ChannelReference("twitch", "login", "narae")),
        ("14222", ChannelReference("chzzk", "id", CHZZK_ID)),
    ]
    assert report.bad_rows == []
    assert report.columns == {"key": "A", "url": "B", "platform": "C"}


@pytest.mark.parametrize(
    "address",
    [
        "https://www.twitch.tv/ganada",
        "https://www.twitch.tv/ganada/",
        "https://www.twitch.tv/ganada/videos",
        "https://www.twitch.tv/ganada?tt_medium=x&y=z#about",
        "HTTPS://WWW.TWITCH.TV/GaNaDa",
        "https://m.twitch.tv/ganada",
        "http://twitch.tv//ganada",
        "twitch.tv/ganada",
        "//www.twitch.tv/ganada",
        " https://www.twitch.tv/ganada ",
        "https://www.twitch.tv:443/ganada",
    ],
)
def test_every_way_to_write_an_address_leads_to_the_same_login(address):
    assert logins(read(csv("url", f'"{address}"'))) == ["ganada"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("가나다,,twitch", "missing_address"),
        ("가나다,아직 없음,twitch", "not_an_address"),
        ("가나다,ftp://twitch.tv/ganada,", "not_an_address"),
        ("가나다,https://[::1/ganada,", "not_an_address"),
        ("가나다,https://bj.example.com/ganada,", "unknown_platform"),
        ("가나다,https://www.twitch.tv/,twitch", "no_channel"),
        ("가나다,https://www.twitch.tv/directory/game/x,", "no_channel"),
        ("가나다,https://www.twitch.tv/가나다,", "no_channel"),
        ("가나다,https://chzzk.naver.com/lives,", "no_channel"),
        ("가나다,https://www.twitch.tv/ganada,youtube", "platform_mismatch"),
        ("가나다,https://www.twitch.tv/nuri,", "duplicate"),
    ],
)
def test_a_row_that_cannot_be_used_says_where_and_why(cells, reason):
    report = read(csv("이름,주소,플랫폼", "누리,https://www.twitch.tv/nuri,twitch", cells))
    assert logins(report) == ["nuri"]
    assert [(bad.row, bad.reason) for bad in report.bad_rows] == [(3, reason)]
    assert report.data_rows == 2


def test_a_bare_login_will_do_where_the_platform_is_said():
    assert logins(read(csv("name,url,platform", "a,Nuri_1,Twitch", "b,twitch.tv/ganada,twitch"))) == [
        "nuri_1",
        "ganada",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_in_every_encoding_and_separator(encoding, separator):
    lines = [["스트리머", "링크"], ["가나다", "twitch.tv/ganada"], ["누리", "twitch.tv/nuri"]]
    data = "\r\n".join(separator.join(line) for line in lines).encode(encoding)
    report = read(data)
    assert [(row.name, row.reference.value) for row in report.rows] == [
        ("가나다", "ganada"),
        ("누리", "nuri"),
    ]


def test_columns_can_be_named_by_header_or_letter():
    data = csv("홈,활동,방송", "twitch.tv/wrong,가나다,twitch.tv/ganada")
    by_header = read(data, columns={"url": "방송", "name": "활동"})
    assert [(row.name, row.reference.value) for row in by_header.rows] == [("가나다", "ganada")]
    by_letter = read(csv("twitch.tv/wrong,가나다,twitch.tv/ganada"), columns={"url": "C", "name": "B"})
    assert [(row.name, row.reference.value) for row in by_letter.rows] == [("가나다", "ganada")]


def test_a_sheet_can_be_named():
    data = workbook(Main=[["x", "twitch.tv/ganada"]], Other=[["y", "twitch.tv/nuri"]])
    assert logins(read(data, sheet="Other")) == ["nuri"]
    with pytest.raises(InputError, match="CP-STREAM-021"):
        read(data, sheet="Third")


def test_1566_rows_are_read_and_each_is_used_or_reported():
    rows = [[14_000.0 + n, f"https://www.twitch.tv/streamer{n % 1_500}", "twitch"] for n in range(1_566)]
    report = read(workbook(Main=rows))
    assert len(report.rows) == 1_500
    assert {bad.reason for bad in report.bad_rows} == {"duplicate"}
    assert len(report.rows) + len(report.bad_rows) == report.data_rows == 1_566


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\x03\x04 not a workbook", "CP-STREAM-020"),
        (b"\xff\xfe\x00", "CP-STREAM-020"),
        (b"a,b\n1,2\n", "CP-STREAM-021"),
        (b"", "CP-STREAM-021"),
        (b"x" * (20 * 2**20 + 1), "CP-STREAM-022"),
    ],
    ids=["zip", "bytes", "no addresses", "empty", "large"],
)
def test_a_file_that_is_no_list_is_a_coded_error(data, code):
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.code == code


@given(data=st.binary(max_size=400))
def test_arbitrary_bytes_are_a_report_or_a_coded_error(data):
    try:
        report = read(data)
    except InputError as error:
        assert error.code.startswith("CP-STREAM-02")
    else:
        assert report.data_rows == len(report.rows) + len(report.bad_rows)


# A quote that is opened and never closed swallows what follows, by the rules of CSV.
CELLS = st.text(st.characters(exclude_characters='"\r\n\t'), max_size=40)


@given(cells=st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_arbitrary_rows_beside_a_good_one_never_hide_it(cells):
    lines = ["name\turl", *("\t".join(cell) for cell in cells), "가나다\ttwitch.tv/ganada"]
    data = "\n".join(lines).encode("utf-8", "replace")
    report = read(data)
    assert "ganada" in logins(report)
