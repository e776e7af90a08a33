"""How a digest looks: as a page of a mail, as plain text, as a part of the portal's page.

What belongs here: the template environment, words and addresses in a digest. What does not: what it says
(``content``), headers and parts of a mail (``mail``), Slack (``slack``).

What people wrote is hostile: everything is escaped, cut to one line, and cleaned of characters that turn the
direction of writing or hide. In a mail, styles stand at each element, since mail programs drop style sheets; in the
portal, whose policy forbids that, classes stand there instead.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import regex
from markupsafe import Markup

from chat_platform.digest.content import Digest, Lecture, Peak
from chat_platform.digest.pictures import WEEK, WIDTH, lecture_name

if TYPE_CHECKING:
    # The code location of Dagster loads this module, and must load quickly.
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
LANGUAGES = ("ko", "en")
LONGEST_MESSAGE, LONGEST_TITLE, LONGEST_NAME = 240, 120, 40
_WEEKDAYS_KO = "월화수목금토일"
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_JOINERS = "\u200d\ufe0f"
"""Hold the parts of one emoji together; every other character that cannot be seen is dropped."""

_STYLES = {
    "page": "margin:0;padding:0;background:#f5f6f8",
    "sheet": "max-width:640px;margin:0 auto;padding:24px;background:#ffffff;color:#1d2939;"
    "font-family:Pretendard,'Apple SD Gothic Neo','Noto Sans KR','Malgun Gothic',sans-serif;"
    "font-size:15px;line-height:1.6",
    "h1": "font-size:22px;line-height:1.3;margin:0 0 4px",
    "h2": "font-size:17px;margin:28px 0 8px;padding-top:16px;border-top:1px solid #e4e7ec",
    "h3": "font-size:15px;margin:16px 0 2px",
    "muted": "color:#667085;font-size:13px;margin:2px 0",
    "text": "margin:8px 0",
    "list": "margin:4px 0;padding-left:20px",
    "quote": "margin:8px 0;padding:2px 0 2px 12px;border-left:3px solid #9ecae9",
    "link": "color:#175cd3",
    "button": "display:inline-block;margin:8px 0;padding:8px 16px;border-radius:8px;background:#175cd3;color:#ffffff;"
    "text-decoration:none",
    "picture": "display:block;width:100%;max-width:600px;height:auto;border:0",
    "badge": "background:#dcfae6;color:#085d3a;border-radius:8px;padding:0 8px;font-size:12px",
    "foot": "margin-top:32px;padding-top:12px;border-top:1px solid #e4e7ec;color:#667085;font-size:12px",
}
"""Looks by name; in the portal each is a class ``digest-<name>``."""


@dataclass(frozen=True)
class Links:
    """Addresses of the portal.

    Attributes:
        base_url: that people type, without a slash at its end.
    """

    base_url: str
    class_id: str

    def lecture(self, conversation_id: str) -> str:
        """A lecture's page."""
        return f"{self._room}/lectures/{quote(conversation_id, safe='')}"

    def message(self, conversation_id: str, message_id: str) -> str:
        """A message in its chat."""
        one = quote(message_id, safe="")
        return f"{self.lecture(conversation_id)}?around={one}#m-{one}"

    def question(self, question_id: str) -> str:
        """A question on the board."""
        return f"{self._room}/questions/{quote(question_id, safe='')}"

    @property
    def board(self) -> str:
        """All questions."""
        return f"{self._room}/questions"

    @property
    def digest(self) -> str:
        """Where the digest is subscribed to and ended."""
        return f"{self._room}/digest"

    def confirm(self, token: str) -> str:
        """Confirms an address."""
        return f"{self.digest}/confirm/{quote(token, safe='')}"

    def unsubscribe(self, token: str) -> str:
        """Ends the digest, without signing in."""
        return f"{self.base_url}/unsubscribe/{quote(token, safe='')}"

    @property
    def _room(self) -> str:
        return f"{self.base_url}/c/{quote(self.class_id, safe='')}"


def subject(digest: Digest, language: str) -> str:
    """One line, without a character that could end a header."""
    span, title = _span(digest, language), one_line(digest.title, LONGEST_TITLE)
    waiting = digest.open_questions
    if language == "ko":
        tail = f" · 답을 기다리는 질문 {waiting:,}개" if waiting else ""
        return f"[{title}] {span} 강의 소식{tail}"
    tail = f" · {_count(waiting, 'open question')}" if waiting else ""
    return f"[{title}] Lectures of {span}{tail}"


def page(
    digest: Digest, language: str, links: Links, pictures: Mapping[str, str], unsubscribe: str | None
) -> str:
    """The HTML of a mail.

    Args:
        pictures: name → address of the picture (``cid:…``).
        unsubscribe: address that ends the digest.
    """
    return _html("mail.html", digest, language, links, pictures, styled=True, unsubscribe=unsubscribe)


def part(digest: Digest, language: str, links: Links, pictures: Mapping[str, str]) -> Markup:
    """The same for a page of the portal: classes instead of styles, no head, no foot."""
    return Markup(_html("body.html", digest, language, links, pictures, styled=False))  # noqa: S704  escaped there


def plain_text(digest: Digest, language: str, links: Links, unsubscribe: str | None) -> str:
    """The same as text."""
    text = _environment(False).get_template("mail.txt")
    return text.render(**_values(digest, language, links), unsubscribe=unsubscribe)


def confirmation(title: str, language: str, links: Links, token: str) -> tuple[str, str]:
    """Subject and text of the mail that asks whether an address is right; only the class is named in it."""
    name = one_line(title, LONGEST_TITLE)
    text = _environment(False).get_template("confirm.txt")
    tr = translator(language)
    head = tr(f"[{name}] Confirm your weekly digest", f"[{name}] 주간 다이제스트 구독 확인")
    return head, text.render(title=name, tr=tr, link=links.confirm(token))


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Text on one line: blanks folded, invisible characters dropped, cut between graphemes."""
    visible = "".join(
        " " if char.isspace() else char
        for char in unicodedata.normalize("NFC", text)
        if char.isspace()
        or char in _JOINERS
        or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    graphemes = regex.findall(r"\X", " ".join(visible.split()))
    return "".join(graphemes) if len(graphemes) <= longest else "".join(graphemes[: longest - 1]) + "…"


def _html(
    template: str,
    digest: Digest,
    language: str,
    links: Links,
    pictures: Mapping[str, str],
    *,
    styled: bool,
    **values: Any,
) -> str:
    found = _environment(True).get_template(template)
    look = _styled if styled else _classed
    return found.render(
        **_values(digest, language, links), **values, pictures=pictures, look=look, width=WIDTH
    )


def _values(digest: Digest, language: str, links: Links) -> dict[str, Any]:
    return {
        "digest": digest,
        "published": digest.published,
        "language": language,
        "tr": translator(language),
        "links": links,
        "span": _span(digest, language),
        "day": lambda value: day(value, language),
        "week_line": week_line(digest, language),
        "lecture_line": lambda lecture: lecture_line(lecture, digest.smallest_group, language),
        "peak_line": lambda peak: _peak_line(peak, digest.smallest_group, language),
        "subject": subject(digest, language),
    }


@lru_cache
def _environment(escape: bool) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escape,  # noqa: S701  off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(line=one_line, number=lambda value: f"{value:,}", clock=_clock)
    found.globals.update(
        WEEK=WEEK, lecture_name=lecture_name, LONGEST_TITLE=LONGEST_TITLE, LONGEST_NAME=LONGEST_NAME
    )
    return found


def translator(language: str) -> Callable[[str, str], str]:
    """Chooses between an English and a Korean text."""
    return lambda english, korean: korean if language == "ko" else english


def _styled(name: str) -> Markup:
    return Markup('style="{}"').format(_STYLES[name])


def _classed(name: str) -> Markup:
    return Markup('class="digest-{}"').format(name) if name in _STYLES else Markup()


def day(value: date, language: str) -> str:
    """``3월 2일 (월)`` or ``Mon, 2 Mar``."""
    if language == "ko":
        return f"{value.month}월 {value.day}일 ({_WEEKDAYS_KO[value.weekday()]})"
    return f"{_WEEKDAYS_EN[value.weekday()]}, {value.day} {_MONTHS_EN[value.month - 1]}"


def _span(digest: Digest, language: str) -> str:
    first, last = digest.week.monday, digest.week.sunday
    if language == "ko":
        end = f"{last.day}일" if last.month == first.month else f"{last.month}월 {last.day}일"
        return f"{first.month}월 {first.day}일~{end}"
    begin = f"{first.day}" if last.month == first.month else f"{first.day} {_MONTHS_EN[first.month - 1]}"
    return f"{begin}–{last.day} {_MONTHS_EN[last.month - 1]}"


def week_line(digest: Digest, language: str) -> str:
    """The week in a sentence."""
    totals = digest.published.totals
    if not totals.messages:
        return translator(language)("Nothing was written this week.", "이번 주에는 오간 메시지가 없습니다.")
    people = _people(totals.people, digest.smallest_group, language)
    if language == "ko":
        before = f" 지난주에는 {totals.before:,}개였습니다." if totals.before else ""
        return f"{people}이 메시지 {totals.messages:,}개를 남겼습니다.{before}"
    before = f"; {totals.before:,} the week before" if totals.before else ""
    return f"{_count(totals.messages, 'message')} by {people}{before}."


def lecture_line(lecture: Lecture, smallest_group: int, language: str) -> str:
    """A lecture in a line: its day and its sums."""
    when = day(lecture.lecture_date, language)
    if not lecture.has_chat:
        late = translator(language)("its chat has not arrived yet", "채팅이 아직 수집되지 않았습니다")
        return f"{when} · {late}"
    people = _people(lecture.speakers, smallest_group, language)
    if language == "ko":
        asked = f" · 질문 {lecture.asked:,}개" if lecture.asked is not None else ""
        return f"{when} · 참여 {people} · 메시지 {lecture.messages:,}개 · 반응 {lecture.reactions:,}개{asked}"
    asked = f" · {_count(lecture.asked, 'question')}" if lecture.asked is not None else ""
    said = f"{_count(lecture.messages, 'message')} by {people}"
    return f"{when} · {said} · {_count(lecture.reactions, 'reaction')}{asked}"


def _peak_line(peak: Peak, smallest_group: int, language: str) -> str:
    people = _people(peak.speakers, smallest_group, language)
    if language == "ko":
        return f"{people}이 메시지 {peak.messages:,}개"
    return f"{_count(peak.messages, 'message')} by {people}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _people(count: int | None, smallest_group: int, language: str) -> str:
    if language == "ko":
        return f"{smallest_group}명 미만" if count is None else f"{count:,}명"
    if count is None:
        return f"< {smallest_group} people"
    return "1 person" if count == 1 else f"{count:,} people"


def _clock(peak: Peak) -> str:
    """Second of the recording; the minute, where nobody knows when it began."""
    minutes, rest = divmod(peak.minute * 60 if peak.second is None else peak.second, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
