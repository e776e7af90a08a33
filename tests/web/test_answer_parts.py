"""Seconds of a recording as people type them, and what changed between two versions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import WebError
from chat_platform.web.revisions import compare
from chat_platform.web.seconds import opened_at, second_of
from tests.cost import growth

RECORDING = {
    "duration_s": 4000.5,
    "started_at": datetime(2026, 3, 2, tzinfo=UTC),
    "link": "https://zoom.example/rec/a?pwd=%2B&startTime=1",
}


@pytest.mark.parametrize(
    ("typed", "second"),
    [
        ("", None),
        (" 1:02:03 ", 3723),
        ("62:03", 3723),
        ("3723", 3723),
        ("0:00.5", 0.5),
        ("4000.5", 4000.5),
        ("0", 0),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(typed: str, second: float | None) -> None:
    assert second_of(typed, RECORDING) == second


@pytest.mark.parametrize(
    "typed",
    [
        "4000.6", "1:06:41", "-1", "1:60", "1:60:00", "1:2:3:4", "x", "1e3", "nan", "１:02", "9" * 50, "1:02:", ":1",
        "1 2",
    ],
)  # fmt: skip
def test_what_is_no_second_of_the_recording_is_refused(typed: str) -> None:
    with pytest.raises(WebError, match="CP-WEB-022"):
        second_of(typed, RECORDING)


def test_without_a_recording_there_is_no_second_and_without_a_length_a_day() -> None:
    with pytest.raises(WebError, match="CP-WEB-022"):
        second_of("1", None)
    assert second_of("23:59:59", {"duration_s": None}) == 86_399
    with pytest.raises(WebError, match="CP-WEB-022"):
        second_of("25:00:00", {"duration_s": None})


def test_a_link_opens_the_recording_at_the_second() -> None:
    assert opened_at(RECORDING, 10.9) == "https://zoom.example/rec/a?pwd=%2B&startTime=1772409610000"
    assert opened_at(RECORDING, None) is None
    for link in (None, "", "javascript:alert(1)"):
        assert opened_at({**RECORDING, "link": link}, 1) is None


TEXTS = st.text(alphabet="ab \n가", max_size=60)


@given(TEXTS, TEXTS)
def test_pieces_make_both_texts(before: str, after: str) -> None:
    pieces = compare(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after
    assert all(piece.text for piece in pieces)


def test_a_changed_word_is_all_that_is_marked() -> None:
    pieces = compare("첫 줄\n둘째 줄은 같다\n", "첫 줄\n둘째 줄은 다르다\n")
    assert [(piece.kind, piece.text) for piece in pieces if piece.kind != "same"] == [
        ("removed", "같다"),
        ("added", "다르다"),
    ]


@pytest.mark.parametrize("line", ["a\n", "a b\n", "ab" * 10])
def test_long_texts_are_compared_in_step_with_their_length(line: str) -> None:
    def compared(length: int) -> None:
        before, after = (line * length)[:length], (line[::-1] * length)[:length]
        compare(before, after)
        compare(before, "\n".join(f"{number} {line}" for number in range(length // 20)))

    assert growth(compared, 5_000) < 2
