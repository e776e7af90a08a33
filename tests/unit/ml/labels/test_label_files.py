"""Files of labels: every line accounted for, whatever is in the file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat_platform.errors import ModelError
from chat_platform.ml.labels.export import as_csv, as_jsonl
from chat_platform.ml.labels.files import (
    MAX_TEXT,
    PRESETS,
    LabelFile,
    read_labels,
    read_preset,
)
from chat_platform.settings import project_root
from tests.chosen import first_of
from tests.cost import within

DATA = project_root().parent / "shared" / "data"
YES_NO = {"1": True, "0": False, "9": None}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=20).filter(
    lambda text: any(c.isalnum() for c in text)
)


def read(data: bytes | str, format: str = "csv", **options: object) -> LabelFile:
    return read_labels(
        data if isinstance(data, bytes) else data.encode(),
        **{"format": format, "mapping": YES_NO, "text_column": "text", "label_column": "label", **options},
    )


def found(file: LabelFile) -> list[tuple[str, bool]]:
    return [(row["text"], row["is_question"]) for row in file.rows]


def reasons(file: LabelFile) -> list[tuple[int, str]]:
    return [(line.line, line.reason) for line in file.rejected]


def reconciles(file: LabelFile) -> bool:
    """The lines add up, and the records of each kind are as many as its lines allow."""
    kinds = file.lines_by_kind
    return (
        sum(kinds.values()) == file.lines
        and len(file.rows) <= kinds.get("used", 0)
        and len(file.rejected) <= kinds.get("rejected", 0)
        and sum(file.ignored.values()) <= kinds.get("ignored", 0)
        and (len(file.rows) > 0) == (kinds.get("used", 0) > 0)
        and (len(file.rejected) > 0) == (kinds.get("rejected", 0) > 0)
    )


def test_every_line_is_used_left_out_or_rejected_with_its_reason_and_number() -> None:
    file = read("text,label\n뭐예요,1\n\n네,0\n글쎄,9\n음,7\n,1\n혼자\n셋,1,x\n넷,\n")
    assert found(file) == [("뭐예요", True), ("네", False)]
    assert [row["line"] for row in file.rows] == [2, 4]
    assert file.ignored == {"9": 1}
    assert reasons(file) == [
        (6, "unknown_class"),
        (7, "empty_text"),
        (8, "too_few_columns"),
        (9, "too_many_columns"),
        (10, "no_class"),
    ]
    assert file.rejected[0].detail == "7"
    assert file.lines_by_kind == {"header": 1, "blank": 1, "used": 2, "ignored": 1, "rejected": 5}
    assert file.lines == 10


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "utf-8-sig"), ("utf-8-sig", "utf-8-sig"), ("cp949", "cp949"), ("utf-16", "utf-16")],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_of_korean_files_are_recognised(
    encoding: str, name: str, line_end: str
) -> None:
    file = read(line_end.join(["text,label", "언제 해요?,1", "똠방각하,0"]).encode(encoding))
    assert (found(file), file.encoding, file.lines) == ([("언제 해요?", True), ("똠방각하", False)], name, 3)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\xff\xff\xff", b"\x80\x80", b"", b"\n \n\t\n"])
def test_what_is_no_text_or_empty_is_a_coded_error(data: bytes) -> None:
    with pytest.raises(ModelError, match="CP-ML-012"):
        read(data)


def test_quoted_cells_hold_delimiters_quotes_and_line_ends() -> None:
    file = read('text,label\n"a, ""b""\n\nc",1\n"d" ,0\nsay "hi",0\n5" disk,1\n')
    assert found(file) == [('a, "b"\n\nc', True), ('say "hi"', False), ('5" disk', True)]
    assert reasons(file) == [(5, "bad_quote")]
    assert file.lines_by_kind == {"header": 1, "used": 5, "rejected": 1}


def test_a_quote_that_is_never_closed_costs_its_line_and_not_the_rest() -> None:
    file = read('text,label\n"open,1\n둘,1\n셋,0\n')
    assert (found(file), reasons(file)) == ([("둘", True), ("셋", False)], [(2, "open_quote")])
    twice = read('text,label\n"open,1\n둘,1\n"open,1\n셋,0\n')
    assert reconciles(twice)
    assert ("셋", False) in found(twice)


def test_cells_of_100_kilobytes_are_read_and_longer_ones_rejected() -> None:
    long, too_long = "가" * 102_400, "b" * (MAX_TEXT + 1)
    file = read(f'text,label\n{long},1\n"{long}",0\n{too_long},1\n"{too_long}",1\n')
    assert found(file) == [(long, True), (long, False)]
    assert reasons(file) == [(4, "too_long"), (5, "too_long")]


@pytest.mark.parametrize(
    "text",
    first_of(
        [
            '"' * 1_000_000,
            '"\n' + "\n" * 500_000 + '"',
            '"a\n' * 300_000,
            "a,1\n" * 300_000,
            'x"y\n' * 200_000,
        ],
        2,
    ),
    ids=["quotes", "blank lines in a cell", "open quotes", "plain", "quotes within"],
)
def test_the_time_grows_with_the_size_whatever_the_content(text: str) -> None:
    found = []
    assert within(20, lambda: found.append(read("text,label\n" + text)))
    assert reconciles(found[0])


def test_columns_are_found_by_name_or_number() -> None:
    assert found(read("label,other,text\n1,x,무엇\n")) == [("무엇", True)]
    assert found(read("1,무엇\n", header=False, text_column=1, label_column=0)) == [("무엇", True)]
    assert found(read("a,b\n1,무엇\n", text_column=1, label_column=0)) == [("무엇", True)]


@pytest.mark.parametrize(
    "options",
    [
        {"text_column": "nothing"},
        {"label_column": 2},
        {"group_column": "nothing"},
        {"header": False},
        {"format": "jsonl", "text_column": "nothing"},
    ],
)
def test_a_column_that_is_not_there_is_a_coded_error(options: dict[str, object]) -> None:
    data = '{"text": "a", "label": "1"}\n' if options.get("format") == "jsonl" else "text,label\na,1\n"
    with pytest.raises(ModelError, match="CP-ML-013"):
        read(data, **options)


def test_two_columns_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(ModelError, match="2 columns.*CP-ML-013"):
        read("text,text,label\na,b,1\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_of_a_csv_shows_its_delimiter(delimiter: str) -> None:
    lines = [["text", "label"], ["무엇", "1"]]
    assert found(read("\n".join(delimiter.join(line) for line in lines))) == [("무엇", True)]


def test_trailing_empty_cells_do_no_harm_and_shifted_ones_are_not_read() -> None:
    file = read("text,label,note\n무엇,1,,\n아니,오,1,\n둘,1\n")
    assert (found(file), reasons(file)) == ([("무엇", True), ("둘", True)], [(3, "unknown_class")])


def test_tsv_takes_quotes_off_where_they_are_well_formed_and_else_leaves_them() -> None:
    file = read('text\tlabel\n"a\tb"\t1\n"열린 따옴표\t0\n"인용" 이래요\t0\n', "tsv")
    assert found(file) == [("a\tb", True), ('"열린 따옴표', False), ('"인용" 이래요', False)]


def test_json_lines_are_read_and_each_bad_one_has_its_reason() -> None:
    lines = [
        '{"text": "무엇", "label": 1, "g": 7}',
        '{"text": "네", "label": "0"}',
        '{"text": "참", "label": true}',
        "",
        "[1]",
        "{nothing",
        '{"label": 1}',
        '{"text": 5, "label": 1}',
        '{"text": "x"}',
        '{"text": "x", "label": [1]}',
        "[" * 100_000,
        '{"text": "\\ud800", "label": 1}',
    ]
    file = read("\n".join(lines), "jsonl", mapping={**YES_NO, "true": True}, group_column="g")
    assert found(file) == [("무엇", True), ("네", False), ("참", True), ("\ufffd", True)]
    assert [row["group"] for row in file.rows] == ["7", None, None, None]
    assert reasons(file) == [
        (5, "not_an_object"), (6, "not_json"), (7, "no_text"), (8, "no_text"), (9, "no_class"), (10, "no_class"),
        (11, "not_json"),
    ]  # fmt: skip
    assert reconciles(file)


def test_texts_are_kept_as_databases_can_hold_them() -> None:
    (row,) = read("text,label\n  가\0나  ,1\n".replace("가", "\u1100\u1161")).rows
    assert row["text"] == "가나"


def test_invisible_text_is_empty_and_a_lone_question_mark_is_not() -> None:
    file = read("text,label\n\u200b\u2060,1\n?,1\n👍,0\n")
    assert (found(file), reasons(file)) == ([("?", True), ("👍", False)], [(2, "empty_text")])


def test_groups_of_a_fixed_size_count_rejected_records_too() -> None:
    file = read("a,1\n,1\n\nb,1\nc,0\n", header=False, text_column=0, label_column=1, group_size=2)
    assert [(row["text"], row["group"]) for row in file.rows] == [("a", "0"), ("b", "1"), ("c", "1")]


def test_the_layouts_of_known_data_sets() -> None:
    assert found(read_preset("\ufeff2\t언제 와\n6\t밥 먹었어\n0\t만화\n".encode(), "3i4k")) == [
        ("언제 와", True),
        ("만화", False),
    ]
    assert found(read_preset("2\t언제 와\n6\t응\n".encode(), "3i4k", {"2": False, "6": True})) == [
        ("언제 와", False),
        ("응", True),
    ]
    assert found(read_preset("0\t1\t뭐야?\n3\t2\t하지 마\n".encode(), "paraKQC")) == [
        ("뭐야?", True),
        ("하지 마", False),
    ]
    (row,) = read_preset(b"me003|which one?|Q|qw|t1\n", "mrda").rows
    assert row == {"line": 1, "text": "which one?", "is_question": True, "group": "me003"}


@pytest.mark.parametrize("name", sorted(PRESETS))
@pytest.mark.parametrize("junk", ["", "없음\n", "7\t글\n", '"' * 50])
def test_a_file_that_is_not_of_the_layout_gives_a_coded_error_or_rejected_lines(name: str, junk: str) -> None:
    try:
        file = read_preset(junk.encode(), name)
    except ModelError as error:
        assert error.code in ("CP-ML-012", "CP-ML-013")
    else:
        assert reconciles(file)
        assert file.rows == []


# --- Properties -------------------------------------------------------------------------------------------------


@given(st.binary(max_size=400), st.sampled_from(["csv", "tsv", "jsonl"]), st.booleans())
@example(b"text,label\n\x00,1", "csv", True)
@example(b'"', "csv", True)
@example(b"text,label", "csv", True)
def test_arbitrary_bytes_give_a_report_that_adds_up_or_a_coded_error(
    data: bytes, format: str, header: bool
) -> None:
    names = {"text_column": "text", "label_column": "label"} if header or format == "jsonl" else {}
    columns = names or {"text_column": 0, "label_column": 1}
    try:
        file = read(data, format, header=header, **columns)
    except ModelError as error:
        assert error.code in ("CP-ML-012", "CP-ML-013")
    else:
        assert reconciles(file)


@given(st.text(st.sampled_from('",;\t\n\r 10가?a\\{}'), max_size=120), st.sampled_from(["csv", "tsv"]))
def test_arbitrary_lines_below_a_header_add_up(body: str, format: str) -> None:
    header = "text,label\n" if format == "csv" else "text\tlabel\n"
    assert reconciles(read(header + body, format))


@given(
    st.lists(st.tuples(st.text('",;\n ?a가', min_size=1, max_size=8), st.booleans()), min_size=1, max_size=8)
)
def test_what_a_csv_writer_writes_is_read_as_it_was(labels: list[tuple[str, bool]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *((f"{text}.", int(label)) for text, label in labels)])
    file = read(buffer.getvalue())
    assert found(file) == [(f"{text}.".strip(), label) for text, label in labels]
    assert file.rejected == []


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["1", "0", "9", "8"])), min_size=1, max_size=8))
def test_every_record_of_json_lines_has_one_fate(records: list[tuple[str, str]]) -> None:
    file = read("\n".join(json.dumps({"text": t, "label": c}) for t, c in records), "jsonl")
    assert len(file.rows) + len(file.rejected) + sum(file.ignored.values()) == len(records)
    assert sum(file.ignored.values()) == sum(c == "9" for _, c in records)


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=6))
def test_exported_labels_can_be_imported(labels: list[tuple[str, bool]]) -> None:
    rows = [{"text": text.strip(), "is_question": label} for text, label in labels]
    if not rows:
        return
    options = {
        "mapping": {"true": True, "false": False},
        "text_column": "text",
        "label_column": "is_question",
    }
    back = read_labels(as_jsonl(rows).encode(), format="jsonl", **options)
    assert len(back.rows) == len(rows)
    assert [row["is_question"] for row in back.rows] == [row["is_question"] for row in rows]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "  ="])
def test_no_cell_of_an_exported_csv_is_a_formula(start: str) -> None:
    text = f'{start}HYPERLINK("x")'
    line = as_csv([{"text": text, "n": -1.5}], ["text", "n"])
    assert next(iter(list(csv.reader(io.StringIO(line, newline="")))[1:])) == [f"'{text}", "-1.5"]


def test_an_exported_csv_leaves_plain_text_alone() -> None:
    rows = [{"text": "왜 a=b 인가요?", "ok": True, "none": None}]
    assert as_csv(rows, ["text", "ok", "none"]) == "text,ok,none\n왜 a=b 인가요?,true,\n"


# --- Real files -------------------------------------------------------------------------------------------------


def real(path: str) -> bytes:
    file: Path = DATA / path
    if not file.exists():
        pytest.skip(f"{path} is not here")
    return file.read_bytes()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "preset", "lines", "questions"),
    [
        ("ko-3i4k/fci_train_val.txt", "3i4k", 55_134, 16_083),
        ("ko-paraKQC/paraKQC_v1.txt", "paraKQC", 10_000, 6_000),
        ("en-mrda/train_set.txt", "mrda", 75_067, 4_640),
        ("en-mrda/val_set.txt", "mrda", 16_433, 1_112),
    ],
)
def test_real_data_sets_are_read_to_the_last_line(path: str, preset: str, lines: int, questions: int) -> None:
    file = read_preset(real(path), preset)
    assert (file.lines, file.rejected) == (lines, [])
    assert len(file.rows) + sum(file.ignored.values()) == lines
    assert sum(row["is_question"] for row in file.rows) == questions
    if preset == "paraKQC":
        assert len({row["group"] for row in file.rows}) == 1_000
