"""Files of tables: readable, exact, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_platform.storage.csv_text import could_be_formula, csv_file
from chat_platform.web import exports

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\u2212 1",
    "﹢1",
    "\x00=1",
    "\x01=cmd|' /C calc'!A0",
    "|calc",
    '=HYPERLINK("http://evil.example","x")',
    "\u0301=1",
)
texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.dates(date(1900, 1, 2)),
    texts,
    st.builds(str.__add__, st.sampled_from(FORMULAS), texts),
)


def read_csv(chunks: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(chunks.decode("utf-8-sig"), newline="")))


def whole(header: list[str], rows: list[list[Any]]) -> bytes:
    return b"".join(csv_file(header, rows))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_could_be_a_formula_is_told_from_one_that_could_not(text: str) -> None:
    assert could_be_formula(text)
    (cell,) = read_csv(whole(["a"], [[text]]))[1]
    assert cell == "'" + text.replace("\x00", "\ufffd")


@pytest.mark.parametrize(
    "text", ["", "안녕", "a=1", "1-2", "50%", "🔥", "#", "'quoted", '"', "ㅋㅋ-", "http://a"]
)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert read_csv(whole(["a"], [["x", text]]))[1] == ["x", text]


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=6))
@example([["a\r\nb", 'c"d', ",;\t"]])
def test_csv_is_read_back_cell_by_cell_and_holds_no_formula(rows: list[list[Any]]) -> None:
    found = read_csv(whole(["하나", "=둘", "셋"], rows))
    assert found[0] == ["하나", "'=둘", "셋"]
    assert len(found) == len(rows) + 1
    for given_row, read_row in zip(rows, found[1:], strict=True):
        assert len(read_row) == 3
        for given_cell, text in zip(given_row, read_row, strict=True):
            if isinstance(given_cell, str):
                assert text.removeprefix("'") == given_cell.replace("\x00", "\ufffd").removeprefix("'")
                assert not could_be_formula(text)
            elif isinstance(given_cell, int) and not isinstance(given_cell, bool):
                assert int(text) == given_cell
            elif given_cell is None:
                assert text == ""


def test_numbers_of_csv_are_numbers_to_polars_and_texts_are_texts() -> None:
    body = whole(["n", "x", "t", "d"], [[-5, 0.25, "-5", date(2026, 3, 2)], [7, -1.5, "7", None]])
    frame = pl.read_csv(body, try_parse_dates=True)
    assert frame["n"].to_list() == [-5, 7]
    assert frame["x"].to_list() == [0.25, -1.5]
    assert frame["t"].to_list() == ["'-5", "7"]
    assert frame["d"].to_list() == [date(2026, 3, 2), None]
    assert body.startswith("\ufeff".encode())


def test_csv_comes_in_chunks_and_is_the_same_whole() -> None:
    rows = [[number, "가" * 50] for number in range(5_000)]
    chunks = list(csv_file(["n", "t"], iter(rows)))
    assert len(chunks) > 3
    assert [int(row[0]) for row in read_csv(b"".join(chunks))[1:]] == list(range(5_000))


def sheet(path: Path) -> list[tuple[str, ElementTree.Element]]:
    """(type, cell) of every cell; ``formula`` for one that holds any."""
    with zipfile.ZipFile(path) as book:
        assert not [name for name in book.namelist() if "external" in name.lower() or "vba" in name.lower()]
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert root.find(f"{MAIN}hyperlinks") is None
    return [
        ("formula" if cell.find(f"{MAIN}f") is not None else cell.get("t", "n"), cell)
        for cell in root.iter(f"{MAIN}c")
    ]


def test_excel_files_hold_texts_as_texts_and_numbers_as_numbers(tmp_path: Path) -> None:
    hostile = [*FORMULAS, "http://evil.example", "internal:Sheet!A1", "{=1}", "00123", "1e5", "가나다 🔥"]
    path = tmp_path / "table.xlsx"
    rows = [[text, -number, 0.5, date(2026, 3, 2), None, True] for number, text in enumerate(hostile)]
    assert exports.write_xlsx(path, "강의", ["text", "n", "x", "day", "none", "yes"], iter(rows)) == len(rows)
    kinds = [kind for kind, _ in sheet(path)]
    assert "formula" not in kinds
    assert kinds.count("n") == 3 * len(rows)
    texts_found = ["".join(cell.itertext()) for kind, cell in sheet(path) if kind == "inlineStr"][6:]
    assert "=1+1" in texts_found
    assert "00123" in texts_found
    assert "http://evil.example" in texts_found


@given(texts)
@example("\ud7ff\ufffe\x0b")
@example("x" * 40_000)
def test_any_text_makes_a_well_formed_excel_file(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.xlsx"
        exports.write_xlsx(path, text, [text], [[text, 2**60, float("nan"), datetime(2026, 3, 2, 10)]])
        kinds = [kind for kind, _ in sheet(path)]
    assert "formula" not in kinds


def test_what_excel_cannot_hold_exactly_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    exports.write_xlsx(path, "t", ["a"], [[2**53], [2**53 + 1], [float("inf")]])
    assert [kind for kind, _ in sheet(path)][1:] == ["n", "inlineStr", "inlineStr"]


def parsed_name(value: str) -> str:
    """The name as browsers read it: the extended one before the plain one."""
    kind, *parts = value.split("; ")
    assert kind == "attachment"
    named = dict(part.split("=", 1) for part in parts)
    if "filename*" not in named:
        return named["filename"].strip('"')
    charset, _, text = named["filename*"].partition("''")
    assert charset == "UTF-8"
    return unquote(text)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("talkers", "talkers.csv"),
        ("인기 채팅", "인기 채팅.csv"),
        ('a"b\r\nSet-Cookie: x=1', "abSet-Cookie x=1.csv"),
        ("../../etc/passwd", "etcpasswd.csv"),
        ("x\u202egpj", "xgpj.csv"),
        ("", "table.csv"),
        (".", "table.csv"),
        ("C:\\con\x00", "Ccon.csv"),
        # A file system takes 255 bytes.
        ("가" * 200, "가" * 66 + ".csv"),
    ],
)
def test_names_of_files_end_no_header_and_leave_no_folder(title: str, shown: str) -> None:
    assert parsed_name(exports.attachment(title, "csv")) == shown


@given(texts)
@example("\u00b4.\u00b4")
def test_any_name_is_one_header_value(title: str) -> None:
    value = exports.attachment(title, "csv")
    assert value.isascii()
    assert value.isprintable()
    assert not {"/", "\\", "\u202e"} & set(parsed_name(value))
    assert parsed_name(value).endswith(".csv")
    assert len(parsed_name(value).encode()) <= 204


@given(texts)
def test_any_title_is_a_name_of_a_sheet(title: str) -> None:
    name = exports.sheet_name(title)
    assert 0 < len(name) <= 31
    assert not set("[]:*?/\\") & set(name)
