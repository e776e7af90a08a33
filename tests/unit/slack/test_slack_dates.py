"""Dates in announcements."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.sources.slack.lecture_dates import find_dates, find_relative_dates, infer_year
from chat_platform.sources.slack.stamps import day_of, sent_at, start_of

# The machine may be busy; what is slow has tests of its own.
unhurried = settings(deadline=None)

SENT_ON = date(2026, 3, 3)
WEEKDAYS = "월화수목금토일"

FORMS = {
    "m/d": lambda d: f"{d.month}/{d.day}",
    "m/d(weekday)": lambda d: f"{d.month}/{d.day}({WEEKDAYS[d.weekday()]})",
    "mm/dd": lambda d: f"{d:%m/%d}",
    "m월 d일": lambda d: f"{d.month}월 {d.day}일",
    "m월d일(weekday)": lambda d: f"{d.month}월{d.day}일({WEEKDAYS[d.weekday()]}요일)",
    "iso": lambda d: d.isoformat(),
    "dots": lambda d: f"{d:%Y.%m.%d}",
    "spaced dots": lambda d: f"{d.year}. {d.month}. {d.day}.",
    "short dots": lambda d: f"{d:%y.%m.%d}",
    "mm.dd": lambda d: f"{d:%m.%d}",
    "mm-dd": lambda d: f"{d:%m-%d}",
    "slashes": lambda d: f"{d:%Y/%m/%d}",
    "년월일": lambda d: f"{d.year}년 {d.month}월 {d.day}일",
    "digits": lambda d: f"{d:%Y%m%d}",
    "English": lambda d: f"{d:%b} {d.day}, {d.year}",
    "English without year": lambda d: f"{d:%B} {d.day}",
    "day first": lambda d: f"{d.day} {d:%B} {d.year}",
}
SURROUNDINGS = [
    ":fire:{}: 강의",
    "[강의 녹화본 공유_{}]",
    "{} 강의 녹화본을 공유드립니다",
    "Zoom recording {}",
    "지난 {}수업, 3시간",
]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@unhurried
@given(back=st.integers(-1, 300), sent_on=st.dates(date(2021, 1, 1), date(2060, 1, 1)))
def test_a_date_is_read_back_from_every_form(form, back, sent_on):
    day = sent_on - timedelta(days=back)
    for around in SURROUNDINGS:
        found = find_dates(around.format(form(day)), sent_on)
        assert [entry.day for entry in found] == [day], around


@unhurried
@given(sent_on=st.dates(date(2001, 1, 1), date(2090, 1, 1)), month=st.integers(1, 12), day=st.integers(1, 31))
def test_the_inferred_year_is_the_nearest_that_is_at_most_a_day_after_the_message(sent_on, month, day):
    found = infer_year(month, day, sent_on)
    if found is None:
        assert (month, day) in {(2, 30), (2, 31), (4, 31), (6, 31), (9, 31), (11, 31)}
        return
    latest = sent_on + timedelta(days=1)
    assert (found.month, found.day) == (month, day)
    assert found <= latest
    between = [latest - timedelta(days=n) for n in range((latest - found).days)]
    assert all((other.month, other.day) != (month, day) for other in between)


def test_a_december_lecture_announced_in_january_is_of_last_year():
    assert infer_year(12, 30, date(2026, 1, 2)) == date(2025, 12, 30)


def test_a_lecture_of_tomorrow_by_the_clock_of_the_message_keeps_its_year():
    assert infer_year(1, 1, date(2025, 12, 31)) == date(2026, 1, 1)


def test_29_february_is_of_a_leap_year():
    assert infer_year(2, 29, date(2026, 3, 1)) == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "2/30 강의",
        "13/1",
        "v3.2 설치",
        "10:30부터",
        "3.5시간",
        "010-1234-5678",
        "1/2/3",
        "99%",
        "3/2%",
        "24/7/365",
    ],
)
def test_what_is_no_date_is_not_taken_for_one(text):
    assert find_dates(text, SENT_ON) == []


@pytest.mark.parametrize(
    "text",
    [
        "3/16까지",
        "3월 16일(월)까지 볼 수 있어요",
        "2월 16일(월), 11:59 PM까지",
        "until 3/16",
        "3월 16일부터",
        "2/16~",
        "마감일: 3/1",
    ],
)
def test_the_end_of_a_period_is_no_lecture(text):
    found = find_dates(text.replace("2/16~", "2/16~2/20"), SENT_ON)
    assert found
    assert all(entry.period for entry in found)


def test_words_for_days_count_from_the_message():
    found = find_relative_dates("어제 수업과 오늘 수업, 내일까지", SENT_ON)
    assert [entry.day for entry in found] == [date(2026, 3, 2), date(2026, 3, 3)]
    assert find_relative_dates("오늘까지", SENT_ON)[0].period


@unhurried
@given(st.datetimes(datetime(2001, 1, 1), datetime(2200, 1, 1)))
def test_a_time_stamp_is_exact_to_the_microsecond(moment):
    moment = moment.replace(tzinfo=UTC)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert sent_at(f"{seconds}.{moment.microsecond:06d}") == moment


@pytest.mark.parametrize("ts", [None, 1.5, "", "1.", "x.1", "99999999999999.000000", "1772400000", "１.１"])
def test_what_is_no_time_stamp_has_no_moment(ts):
    assert sent_at(ts) is None


def test_a_day_begins_at_the_midnight_of_the_class():
    seoul = ZoneInfo("Asia/Seoul")
    midnight = start_of(date(2026, 3, 2), seoul)
    assert day_of(f"{midnight:.6f}", seoul) == date(2026, 3, 2)
    assert day_of(f"{midnight - 0.5:.6f}", seoul) == date(2026, 3, 1)
