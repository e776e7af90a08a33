"""Dates as people write them in announcements.

What belongs here: finding dates in a text and giving them a year. What does not: which date belongs to which
recording (``announcements``).

Understood: ``2026-03-02``, ``2026.3.2``, ``26.03.02``, ``2026년 3월 2일``, ``3월 2일``, ``3/2``,
``6/29(목)``, ``03.02``, ``03-02``, ``20260302``, ``Mar 2, 2026``, ``2 March``, and 오늘/어제/그제/today/
yesterday. Ends of periods (``7/13까지``, ``6/29~7/13``, ``until …``) are dates, but not of a lecture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<name>(?:{'|'.join(_MONTHS)})[a-z]*)\.?"
_WEEKDAY = r"\s*[(\[](?:[월화수목금토일]|mon|tue|wed|thu|fri|sat|sun)[a-z요일]*[)\]]"
_YEAR = r"(?P<year>20\d{2})"
_MD = r"(?P<month>\d{1,2})"
_DD = r"(?P<day>\d{1,2})"
_START = r"(?<![\d/.\-A-Za-z])(?<!\d:)"
_END = r"(?![\d/%]|[.:\-]\d)"

# Longest first: what one form has taken is not read again by a later one.
_FORMS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_START}{_YEAR}\s*년\s*{_MD}\s*월\s*{_DD}\s*일",
        rf"{_START}(?P<year>\d{{2}})\s*년\s*{_MD}\s*월\s*{_DD}\s*일",
        rf"{_START}{_YEAR}\s?([./-])\s?{_MD}\s?\2\s?{_DD}{_END}",
        rf"{_START}(?P<year>\d{{2}})\s?([./-])\s?{_MD}\s?\2\s?{_DD}{_END}",
        rf"(?<!\d){_YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}})(?!\d)",
        rf"(?<![a-z]){_MONTH}\s+{_DD}(?:st|nd|rd|th)?(?:\s*,?\s*{_YEAR})?(?!\d|:\d)",
        rf"{_START}{_DD}(?:st|nd|rd|th)?\s+{_MONTH}(?:\s*,?\s*{_YEAR})?(?!\w)",
        rf"{_START}{_MD}\s*월\s*{_DD}\s*일?(?!\s*[시분\d])",
        rf"{_START}{_MD}\s?/\s?{_DD}{_END}",
        rf"{_START}{_MD}[.\-]{_DD}(?={_WEEKDAY})",
        rf"{_START}(?P<month>\d{{2}})[.\-](?P<day>\d{{2}}){_END}",
    )
)
_RELATIVE = {
    "오늘": 0,
    "금일": 0,
    "today": 0,
    "어제": 1,
    "전일": 1,
    "yesterday": 1,
    "그제": 2,
    "그저께": 2,
    "엊그제": 2,
}
_RELATIVE_WORD = re.compile(
    rf"(?<![A-Za-z가-힣])(?:{'|'.join(sorted(_RELATIVE, key=len, reverse=True))})(?![A-Za-z])", re.IGNORECASE
)
_CLOCK = r"(?:\d{1,2}:\d{2}(?:\s*[ap]m)?|(?:오[전후]\s*)?\d{1,2}\s*시(?:\s*\d{1,2}\s*분)?|자정|정오|밤|저녁)?"
_PERIOD_BEHIND = re.compile(
    rf"(?:{_WEEKDAY})?\s*,?\s*{_CLOCK}\s*(?:까지|부터|이후|이전|[~∼〜–]\s*\(?\s*\d|until)", re.IGNORECASE
)
_PERIOD_BEFORE = re.compile(
    r"(?:[~∼〜]|\d\s*[–-]|\buntil|\bby|\btill|기한|마감일?|만료일?)\s*:?\s*$", re.IGNORECASE
)

_CUE_LENGTH = 16


@dataclass(frozen=True)
class FoundDate:
    """A date in a text.

    Attributes:
        start: column of its first character.
        end: column after its last character.
        day: the date, its year inferred from the message where it is not written.
        period: it begins or ends a period, so it is no date of a lecture.
    """

    start: int
    end: int
    day: date
    period: bool


def find_dates(text: str, sent_on: date) -> list[FoundDate]:
    """Real dates in a line of text, in order; ``2/30`` is none.

    Args:
        text: one line, with passcodes and addresses blanked out.
        sent_on: day of the message in the class's time zone.
    """
    found: list[FoundDate] = []
    taken = bytearray(len(text))
    for match in _matches(text):
        start, end = match.span()
        day = None if any(taken[start:end]) else _date_of(match, sent_on)
        if day is not None:
            taken[start:end] = b"\1" * (end - start)
            found.append(FoundDate(start, end, day, _is_period(text, start, end)))
    return sorted(found, key=lambda entry: entry.start)


def _is_period(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - _CUE_LENGTH) : start]
    return bool(_PERIOD_BEHIND.match(text, end) or _PERIOD_BEFORE.search(before))


def find_relative_dates(text: str, sent_on: date) -> list[FoundDate]:
    """``오늘``, ``어제``, … in a line of text, resolved from the day of the message."""
    return [
        FoundDate(
            match.start(),
            match.end(),
            sent_on - timedelta(days=_RELATIVE[match[0].lower()]),
            _PERIOD_BEHIND.match(text, match.end()) is not None,
        )
        for match in _RELATIVE_WORD.finditer(text)
    ]


def infer_year(month: int, day: int, sent_on: date) -> date | None:
    """The date of a month and day that is nearest to the message and at most one day after it.

    A December lecture that is announced in January is of last year. ``None`` when no year has such a date.
    """
    latest = sent_on + timedelta(days=1)
    # 29 February may be up to eight years back.
    for year in range(latest.year, max(latest.year - 9, 0), -1):
        found = _real(year, month, day)
        if found is not None and found <= latest:
            return found
    return None


def _matches(text: str) -> Iterator[re.Match[str]]:
    for form in _FORMS:
        yield from form.finditer(text)


def _date_of(match: re.Match[str], sent_on: date) -> date | None:
    parts = match.groupdict()
    name = parts.get("name")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["month"])
    day = int(parts["day"])
    if not parts.get("year"):
        return infer_year(month, day, sent_on)
    year = int(parts["year"])
    return _real(year if year > 99 else 2000 + year, month, day)


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
