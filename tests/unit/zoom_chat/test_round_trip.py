"""Random chats written in each dialect are read back as they were; every line of any file is accounted for."""

from __future__ import annotations

import codecs
from datetime import UTC, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chat_platform.errors import InputError
from chat_platform.sources.records import to_tables
from chat_platform.sources.zoom.dialects import Dialect, Style, read_header
from chat_platform.sources.zoom.saved_chat import SavedFile, decode, parse_saved_chat, split_lines

from .chats import (
    DAY,
    HEADER_LIKE,
    LINES,
    NEWLINES,
    SEOUL,
    Chat,
    chats,
    every_line_is_accounted_for,
    found,
    tables_of,
)

SECONDS = (Dialect.V1, Dialect.V2, Dialect.V3, Dialect.V4)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_chat_written_in_a_dialect_is_read_back_as_it_was(dialect: Dialect) -> None:
    @QUICK
    @given(chats(dialects=(dialect,)))
    def holds(chat: Chat) -> None:
        parsed = chat.parse()
        assert found(parsed) == chat.expected()
        assert parsed.counts()["quarantined"] == 0
        assert parsed.counts()["removals"] == sum(len(said.removals) for said in chat.said)
        assert every_line_is_accounted_for(parsed)
        assert to_tables(parsed)["messages"].num_rows == len(chat.said)

    holds()


@QUICK
@given(
    chats(encodings=("utf-8",)), st.sampled_from((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF8))
)
def test_a_byte_order_mark_of_any_encoding_is_understood(chat: Chat, bom: bytes) -> None:
    encoding = {codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF8: "utf-8"}[
        bom
    ]
    data = bom + chat.data().decode("utf-8").encode(encoding)
    parsed = chat.parse(SavedFile("chat.txt", data))
    assert found(parsed) == chat.expected()


def _cut(chat: Chat, at: float) -> tuple[list[str], int]:
    """Lines of the file with their ends, and a place to cut at."""
    text, _ = decode(chat.data())
    lines = [line + chat.newline for line in split_lines(text)]
    return lines, round(at * len(lines))


def _file(name: str, lines: list[str]) -> SavedFile:
    return SavedFile(name, "".join(lines).encode("utf-8"))


def _is_header(line: str) -> bool:
    return read_header(line.rstrip("\r\n"), Style()) is not None


@QUICK
@given(chats(dialects=SECONDS, longest_step=1200, fewest=3), st.floats(0.1, 0.9))
def test_a_file_cut_between_any_two_lines_gives_the_same_tables_as_the_whole(chat: Chat, at: float) -> None:
    lines, cut = _cut(chat, at)
    assume(any(map(_is_header, lines[:cut])) and any(map(_is_header, lines[cut:])))
    whole = chat.parse()
    parts = [_file("a.txt", lines[:cut]), _file("b.txt", lines[cut:])]
    assert tables_of(chat.parse(*parts)) == tables_of(whole)
    backwards = chat.parse(*reversed(parts))
    assert tables_of(backwards) == tables_of(whole)
    assert every_line_is_accounted_for(backwards)


@QUICK
@given(chats(dialects=SECONDS, longest_step=1200, fewest=4), st.floats(0, 0.5), st.floats(0.5, 1))
def test_overlapping_copies_count_once_and_the_rest_are_duplicates(
    chat: Chat, first: float, last: float
) -> None:
    lines, _ = _cut(chat, 0)
    headers = [index for index, line in enumerate(lines) if _is_header(line)]
    begin = headers[int(first * (len(headers) - 1))]
    end = headers[int(last * (len(headers) - 1))]
    assume(chat.dialect is Dialect.V4 or begin == 0)
    assume(0 < end < len(lines) or begin > 0)
    early, late = _file("early.txt", lines[:end] or lines), _file("late.txt", lines[begin:])
    whole = chat.parse()
    for files in ((early, late), (late, early), (_file("whole.txt", lines), late, early)):
        parsed = chat.parse(*files)
        assert tables_of(parsed) == tables_of(whole)
        assert every_line_is_accounted_for(parsed)


@QUICK
@given(chats())
def test_the_same_file_twice_changes_nothing(chat: Chat) -> None:
    data = chat.data()
    once = chat.parse(SavedFile("a.txt", data))
    twice = chat.parse(SavedFile("a.txt", data), SavedFile("b.txt", data))
    assert twice.counts() == once.counts()
    assert found(twice) == found(once)
    assert twice.report.identical_files == 1


@QUICK
@given(chats(dialects=SECONDS, encodings=("utf-8",)))
def test_a_copy_in_another_encoding_is_all_duplicates(chat: Chat) -> None:
    once = chat.parse()
    copy = SavedFile("copy.txt", chat.data().decode("utf-8").encode("utf-16"))
    both = chat.parse(SavedFile("chat.txt", chat.data()), copy)
    assert tables_of(both) == tables_of(once)
    assert both.duplicates == once.records


HEADERS = (
    *HEADER_LIKE,
    "10:00:00\t From  Kim Ga : hello",
    "10:00:01 From Kim Ga to Lee Na(Direct Message):",
    "2026-03-02 10:00:00 From Kim Ga to Everyone:",
    "2026-13-45 10:00:00 From Kim Ga to Everyone:",
    "25:61:61 From Kim Ga to Everyone : late",
    "10:00:02 발신자 김가나 수신자 모두에게:",
    '10:00:03 From Lee Na to Everyone : Reacted to "hello" with 👍',
    '10:00:04 From Lee Na to Everyone : Removed a 👍 reaction from "hello"',
    '10:00:05 From Lee Na to Everyone : Replying to "hel..." yes',
    "10:00:06 From  : nobody",
    "10:00:07 From Kim Ga to Everyone : add 👍",
    "99999:59:59\tKim Ga:\tfar away",
    "from Kim Ga to Everyone:   12:05 AM",
)
SOUP = st.lists(st.sampled_from((*HEADERS, *HEADERS, *LINES)) | st.text(max_size=30), max_size=25)


@settings(max_examples=250, deadline=None)
@given(SOUP, st.sampled_from(NEWLINES), st.booleans())
def test_every_line_of_any_file_belongs_to_exactly_one_record(
    lines: list[str], newline: str, complete: bool
) -> None:
    text = newline.join(lines) + (newline if complete else "")
    data = text.encode("utf-8", "surrogatepass")
    try:
        parsed = parse_saved_chat([SavedFile("chat.txt", data)], conversation_id="c1", day=DAY, zone=SEOUL)
    except InputError as error:
        assert error.code in {"CP-FILE-001", "CP-FILE-002", "CP-FILE-003", "CP-FILE-006"}
        return
    assert every_line_is_accounted_for(parsed)
    assert parsed.report.lines == len(split_lines(decode(data)[0]))
    to_tables(parsed)


@settings(max_examples=250, deadline=None)
@given(st.lists(SOUP, min_size=2, max_size=3))
def test_several_files_of_any_content_are_accounted_for_in_any_order(files: list[list[str]]) -> None:
    saved = [
        SavedFile(f"2026-03-02 19.00.00 X/{index}.txt", "\n".join(lines).encode("utf-8", "surrogatepass"))
        for index, lines in enumerate(files)
    ]
    try:
        parsed = parse_saved_chat(saved, conversation_id="c1", day=None, zone=SEOUL)
    except InputError:
        return
    backwards = parse_saved_chat(saved[::-1], conversation_id="c1", day=None, zone=SEOUL)
    assert tables_of(backwards) == tables_of(parsed)
    assert every_line_is_accounted_for(parsed)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=400), st.booleans(), st.sampled_from((b"", b"10:00:00 From Kim to Everyone : ")))
def test_arbitrary_bytes_raise_nothing_but_a_coded_error(data: bytes, dated: bool, before: bytes) -> None:
    try:
        parsed = parse_saved_chat(
            [SavedFile("chat.txt", before + data)],
            conversation_id="c1",
            day=DAY if dated else None,
            zone=SEOUL,
        )
    except InputError as error:
        assert error.code.startswith("CP-FILE-")
        return
    assert every_line_is_accounted_for(parsed)
    to_tables(parsed)


@QUICK
@given(chats(), st.data())
def test_a_file_damaged_anywhere_raises_nothing_but_a_coded_error(chat: Chat, data: st.DataObject) -> None:
    original = chat.data()
    at = data.draw(st.integers(0, len(original)))
    damaged = original[:at] + data.draw(st.binary(max_size=6)) + original[at + data.draw(st.integers(0, 9)) :]
    try:
        parsed = chat.parse(SavedFile("chat.txt", damaged))
    except InputError:
        return
    assert every_line_is_accounted_for(parsed)
    to_tables(parsed)


def test_times_are_stored_in_utc() -> None:
    parsed = parse_saved_chat(
        [SavedFile("x", b"08:30:00 From Kim to Everyone : hi\n")], conversation_id="c", day=DAY, zone=SEOUL
    )
    assert parsed.messages[0].sent_at.tzinfo is UTC
    assert parsed.messages[0].sent_at.isoformat() == "2026-03-01T23:30:00+00:00"
    assert parsed.messages[0].sent_at.utcoffset() == timedelta(0)
