"""Announcements of recordings: which messages are some, and what they announce.

What belongs here: recognising announcements by the rules in the settings and pairing links, passcodes and
dates. What does not: reading Slack (``collect``), opening a recording (the Zoom source).

Nothing is guessed: a message that looks like an announcement but does not say which date or passcode belongs
to a link becomes a quarantined record with a reason, and nothing is carried from one message to the next.

Reasons: ``announcement_without_link``, ``announcement_without_date``, ``announcement_without_passcode`` (a
label but nothing behind it, also not in the thread), ``announcement_dates_unclear``,
``announcement_date_in_future``, ``passcode_count_differs``, ``link_host_not_allowed``,
``link_without_announcement`` (a recording's link in a message that the pattern does not fit) and
``message_malformed``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from chat_platform.settings import AnnouncementRules
from chat_platform.sources.records import EXCERPT_LENGTH, QuarantinedRecord
from chat_platform.sources.slack.body import Leaf, Line, bodies, plain
from chat_platform.sources.slack.emoji_names import with_emoji
from chat_platform.sources.slack.lecture_dates import FoundDate, find_dates, find_relative_dates
from chat_platform.sources.slack.raw import is_written, messages_of, thread_of, writer_ids
from chat_platform.sources.slack.redaction import (
    LabelledPasscode,
    find_passcodes,
    redact,
    url_secrets,
    without_url_secrets,
)
from chat_platform.sources.slack.stamps import sent_at
from chat_platform.tables.ids import digest

ZOOM_HOSTS = ("zoom.us", ".zoom.us")
TITLE_LENGTH = 200

_RECORDING_PATH = re.compile(r"/rec(?:ording)?/(?:share|play)/([\w.\-]+)", re.ASCII)
_BARE_LINK = re.compile(r"https?://[^\s<>\"'|/]+/rec(?:ording)?/(?:share|play)/[\w\-./?=&%#~+]+", re.ASCII)
_SHARED = re.compile(r"공통|동일|모두|전부|같습니다|같아요|\bsame\b|\bboth\b|\ball\b", re.IGNORECASE)
_HALF = re.compile(r"오전|오후|(?<![A-Za-z])(?:morning|afternoon)(?![A-Za-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Announcement:
    """One recording that a message announces.

    Attributes:
        recording_key: 12 hex digits from the share token; the same recording has the same key wherever and
            however often its link is posted.
        link: address without its ``pwd``, for tables and people.
        full_link: address as posted, for whoever fetches; a ``pwd`` in it opens the recording without typing,
            and is not the passcode.
        passcode: what to type where the page asks; ``None`` when the message says nothing of one, or the link
            carries a ``pwd``.
        lecture_date: day of the lecture.
        title: the announcing line, without links and passcodes.
        author: Slack user id, or bot id.
        announced_at: when the message was posted, UTC; edits do not change it.
        revision: changes when link, passcode, date or title do.
    """

    recording_key: str
    link: str
    full_link: SecretStr
    passcode: SecretStr | None
    lecture_date: date
    title: str
    channel_id: str
    message_ts: str
    author: str | None
    announced_at: datetime
    revision: str


def recording_key(link: str) -> str:
    """Twelve hex digits that depend on the share token of a link, not on host, query or form.

    Raises:
        ValueError: the link is not one of a recording.
    """
    match = _RECORDING_PATH.search(urlsplit(link).path)
    if match is None:
        raise ValueError("not a recording's link")
    return digest("recording", match[1].rstrip("."), length=12)


def recording_id(key: str, announced_at: datetime, zone: tzinfo) -> str:
    """Conversation id and lake partition: ``zoom-<day of the announcing message in zone>-<key>``."""
    return f"zoom-{announced_at.astimezone(zone):%Y%m%d}-{key}"


def merge_repeats(announcements: Iterable[Announcement]) -> list[Announcement]:
    """One announcement a recording: the first message names it, the last one's passcode opens it.

    A reminder repeats a link days later; the recording keeps its id and date, a corrected passcode counts.
    """
    by_key: dict[str, list[Announcement]] = {}
    for announcement in sorted(announcements, key=lambda a: (a.announced_at, a.message_ts)):
        by_key.setdefault(announcement.recording_key, []).append(announcement)
    return [_merged(repeats) for repeats in by_key.values()]


def find_announcements(
    payload: Mapping[str, Any],
    rules: AnnouncementRules,
    *,
    zone: tzinfo,
    channel_id: str,
    allowed_hosts: Iterable[str] = ZOOM_HOSTS,
) -> tuple[list[Announcement], list[QuarantinedRecord]]:
    """Announcements in a channel-day, and what looked like one but could not be understood.

    Args:
        payload: ``{"messages": […], "replies": {thread_ts: […]}}`` as ``collect`` makes it.
        rules: pattern, authors and labels.
        zone: the class's time zone; dates without a year and 오늘/어제 are read in it.
        channel_id: channel of the payload.
        allowed_hosts: hosts whose links are taken; ``.zoom.us`` means its sub-domains.

    Returns:
        Announcements in the order posted, and quarantined records whose excerpts hold no passcode. A
        ``position`` is the index in ``payload["messages"]``; ``detail`` begins with the message's ``ts``.
    """
    reader = _Reader(rules, zone, channel_id, tuple(host.lower() for host in allowed_hosts))
    found: list[Announcement] = []
    quarantined: list[QuarantinedRecord] = []
    for position, message in enumerate(messages_of(payload)):
        if not isinstance(message, Mapping):
            quarantined.append(QuarantinedRecord(position, "message_malformed"))
            continue
        announced, problems = reader.read(position, message, list(thread_of(payload, message)))
        found += announced
        quarantined += problems
    found.sort(key=lambda announcement: announcement.announced_at)
    return found, quarantined


def announced_secrets(payload: Mapping[str, Any], rules: AnnouncementRules) -> set[str]:
    """Passcodes in the messages of a payload that speak of recordings, and in their threads.

    Whoever turns messages into tables takes these out of every text.
    """
    pattern = re.compile(rules.pattern, re.IGNORECASE)
    secrets: set[str] = set()
    for message in messages_of(payload):
        if not isinstance(message, Mapping):
            continue
        forms = bodies(message)
        speaks = any(pattern.search(plain(line)) or _links(lines) for lines in forms for line in lines)
        if not speaks:
            continue
        for post in (message, *thread_of(payload, message)):
            secrets |= _all_secrets(bodies(post), rules.passcode_labels)
    return secrets


class _UnclearError(Exception):
    """Why a message could not be understood; never leaves this module."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class _Link:
    """A recording's link and where it stands: line and column."""

    url: str
    line: int
    column: int

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.column


@dataclass(frozen=True)
class _Dated:
    """A date and where it stands."""

    day: date
    line: int
    column: int

    @property
    def place(self) -> tuple[int, int]:
        return self.line, self.column


@dataclass(frozen=True)
class _Reader:
    """Reads one message after the other; keeps nothing between them."""

    rules: AnnouncementRules
    zone: tzinfo
    channel_id: str
    allowed_hosts: tuple[str, ...]

    def read(
        self, position: int, message: Mapping[str, Any], thread: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Announcement], list[QuarantinedRecord]]:
        if not is_written(message) or not self._may_announce(message):
            return [], []
        forms = bodies(message)
        title_line = self._title_line(forms)
        linked = any(_links(lines) for lines in forms)
        if title_line is None and not linked:
            return [], []
        moment = sent_at(message.get("ts"))
        try:
            if moment is None:
                raise _UnclearError("message_malformed", "no time stamp")
            if title_line is None:
                raise _UnclearError("link_without_announcement", "the pattern does not fit")
            return self._announcements(message, forms, thread, moment), []
        except _UnclearError as problem:
            detail = f"ts {message.get('ts')}" + (f": {problem.detail}" if problem.detail else "")
            return [], [QuarantinedRecord(position, problem.reason, detail, self._excerpt(forms, thread))]

    def _may_announce(self, message: Mapping[str, Any]) -> bool:
        authors = self.rules.authors
        return not authors or not set(authors).isdisjoint(writer_ids(message))

    def _title_line(self, forms: Sequence[Sequence[Line]]) -> Line | None:
        """The first line that the pattern fits, in the best form that has one."""
        for lines in forms:
            number = self._title_number(lines)
            if number is not None:
                return lines[number]
        return None

    def _title_number(self, lines: Sequence[Line]) -> int | None:
        """Index of the line where the pattern's match begins; a match may span lines."""
        text = "\n".join("".join(_shown(leaf) for leaf in line) for line in lines)
        match = re.search(self.rules.pattern, text, re.IGNORECASE)
        return None if match is None else text.count("\n", 0, match.start())

    def _announcements(
        self,
        message: Mapping[str, Any],
        forms: Sequence[Sequence[Line]],
        thread: Sequence[Mapping[str, Any]],
        moment: datetime,
    ) -> list[Announcement]:
        trusted, others = self._thread_lines(message, thread)
        lines = next((lines for lines in forms if _links(lines)), None)
        if lines is None:
            # The link came later, in the thread of who announced it.
            lines = [*forms[0], *trusted]
        links = self._allowed(_links(lines))
        dates = self._dates(lines, links, moment.astimezone(self.zone).date())
        passcodes = self._passcodes(lines, links, trusted, others)
        secrets = _all_secrets([*forms, trusted, others], self.rules.passcode_labels)
        title = self._title(forms, secrets)
        author = next(iter(writer_ids(message)), None)
        return [
            self._announcement(link, passcode, day, title + half, message, author, moment)
            for link, passcode, day, half in zip(links, passcodes, dates, _halves(lines, links), strict=True)
        ]

    def _announcement(
        self,
        link: _Link,
        passcode: str | None,
        day: date,
        title: str,
        message: Mapping[str, Any],
        author: str | None,
        moment: datetime,
    ) -> Announcement:
        public = without_url_secrets(link.url)
        # Revisions are shown and stored. All of a passcode in one would let it be found by trying; four hex
        # digits show that it changed and leave too many that fit.
        trace = digest("passcode", passcode, _pwd(link.url), length=4)
        return Announcement(
            recording_key=recording_key(link.url),
            link=public,
            full_link=SecretStr(link.url),
            passcode=SecretStr(passcode) if passcode else None,
            lecture_date=day,
            title=title,
            channel_id=self.channel_id,
            message_ts=str(message["ts"]),
            author=author,
            announced_at=moment,
            revision=digest(public, trace, day, title),
        )

    def _allowed(self, links: Sequence[_Link]) -> list[_Link]:
        if not links:
            raise _UnclearError("announcement_without_link")
        strange = {host for link in links if not self._is_allowed(host := urlsplit(link.url).hostname or "")}
        if strange:
            raise _UnclearError("link_host_not_allowed", ", ".join(sorted(strange)))
        return list(links)

    def _is_allowed(self, host: str) -> bool:
        return any(
            host.endswith(allowed) if allowed.startswith(".") else host == allowed
            for allowed in self.allowed_hosts
        )

    def _thread_lines(
        self, message: Mapping[str, Any], thread: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Line], list[Line]]:
        """Lines of the replies by who announced (or may announce), and of all others."""
        announcers = {*writer_ids(message), *self.rules.authors}
        trusted: list[Line] = []
        others: list[Line] = []
        for reply in thread:
            if not is_written(reply):
                continue
            stranger = announcers.isdisjoint(writer_ids(reply))
            forms = bodies(reply)
            (others if stranger else trusted).extend(forms[0] if forms else [])
        return trusted, others

    def _passcodes(
        self, lines: Sequence[Line], links: Sequence[_Link], trusted: list[Line], others: list[Line]
    ) -> list[str | None]:
        """A passcode for each link: the n-th for the n-th, from the message, else from its thread."""
        labels = self.rules.passcode_labels
        in_links = [_pwd(link.url) for link in links]
        label_seen = False
        for place in (lines, trusted, others):
            hits = find_passcodes(place, labels)
            label_seen = label_seen or bool(hits and place is lines)
            typed = _distinct_hits(hits, len(links))
            if not typed:
                continue
            if len(typed) == len(links):
                return list(typed)
            if len(typed) == in_links.count(None):
                rest = iter(typed)
                return [next(rest) if pwd is None else None for pwd in in_links]
            if len(typed) == 1 and any(_SHARED.search(plain(line)) for line in place):
                return [typed[0] if pwd is None else None for pwd in in_links]
            # Anybody may mention a passcode in a thread.
            if place is not others and None in in_links:
                raise _UnclearError("passcode_count_differs", f"{len(links)} links, {len(typed)} passcodes")
        if label_seen and None in in_links:
            raise _UnclearError("announcement_without_passcode")
        return [None] * len(links)

    def _dates(self, lines: Sequence[Line], links: Sequence[_Link], sent_on: date) -> list[date]:
        """A lecture date for each link."""
        texts = self._without_passcodes(lines)
        dated = _located(texts, sent_on, find_dates) or _located(texts, sent_on, find_relative_dates)
        if not dated:
            raise _UnclearError("announcement_without_date")
        chosen = _pair_dates(dated, links, self._title_number(lines))
        if max(chosen) > sent_on + timedelta(days=1):
            raise _UnclearError("announcement_date_in_future", max(chosen).isoformat())
        return chosen

    def _without_passcodes(self, lines: Sequence[Line]) -> list[str]:
        """Lines as text in which addresses and passcodes are blanks, so that neither is read as a date."""
        texts = [
            "".join(" " * len(leaf.text) if leaf.url or leaf.kind == "link" else leaf.text for leaf in line)
            for line in lines
        ]
        for hit in find_passcodes(lines, self.rules.passcode_labels):
            text = texts[hit.line_end]
            texts[hit.line_end] = text[: hit.start] + " " * (hit.end - hit.start) + text[hit.end :]
        return [_BARE_LINK.sub(lambda match: " " * len(match[0]), text) for text in texts]

    def _title(self, forms: Sequence[Sequence[Line]], secrets: Iterable[str]) -> str:
        line = self._title_line(forms) or ()
        words = "".join(_shown(leaf) for leaf in line)
        words = redact(_BARE_LINK.sub("", words), secrets, self.rules.passcode_labels)
        words = with_emoji(words).replace("*", " ")
        return " ".join(words.split())[:TITLE_LENGTH]

    def _excerpt(self, forms: Sequence[Sequence[Line]], thread: Sequence[Mapping[str, Any]]) -> str:
        labels = self.rules.passcode_labels
        secrets = _all_secrets([*forms, *(lines for reply in thread for lines in bodies(reply))], labels)
        text = "\n".join("".join(map(_shown, line)) for line in (forms[0] if forms else []))
        return redact(text, secrets, labels)[:EXCERPT_LENGTH]


def _merged(repeats: Sequence[Announcement]) -> Announcement:
    first = repeats[0]
    newest = next((a for a in reversed(repeats) if a.passcode or _pwd(a.full_link.get_secret_value())), first)
    if newest is first:
        return first
    return Announcement(
        **{
            **{name: getattr(first, name) for name in Announcement.__dataclass_fields__},
            "full_link": newest.full_link,
            "passcode": newest.passcode,
            "revision": digest(first.revision, newest.revision),
        }
    )


def _links(lines: Sequence[Line]) -> list[_Link]:
    """Recording links in order, each recording once."""
    found: dict[str, _Link] = {}
    for number, line in enumerate(lines):
        column = 0
        for leaf in line:
            for offset, url in _leaf_links(leaf):
                key = recording_key(url)
                if key not in found:
                    found[key] = _Link(url, number, column + offset)
                elif _pwd(url) and not _pwd(found[key].url):
                    found[key] = replace(found[key], url=url)
            column += len(leaf.text)
    return list(found.values())


def _leaf_links(leaf: Leaf) -> Iterator[tuple[int, str]]:
    bare = [(match.start(), match[0].rstrip(".,;")) for match in _BARE_LINK.finditer(leaf.text)]
    for offset, url in [(0, leaf.url)] if leaf.url else bare:
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname and _RECORDING_PATH.search(parts.path):
            yield offset, url


def _pwd(url: str) -> str | None:
    """The secret that a link carries."""
    query = dict(parse_qsl(urlsplit(url).query))
    return next((query[name] for name in ("pwd", "passcode", "passwd", "password") if query.get(name)), None)


def _distinct_hits(hits: Sequence[LabelledPasscode], wanted: int) -> list[str]:
    """Passcodes in order. The same one written twice for one recording is one."""
    typed = [hit.passcode for hit in hits if hit.passcode is not None]
    return typed if len(typed) == wanted else list(dict.fromkeys(typed))


def _all_secrets(forms: Iterable[Sequence[Line]], labels: Iterable[str]) -> set[str]:
    labels = tuple(labels)
    secrets: set[str] = set()
    for lines in forms:
        secrets |= {hit.passcode for hit in find_passcodes(lines, labels) if hit.passcode}
        for line in lines:
            for leaf in line:
                secrets |= set(url_secrets(leaf.url or leaf.text))
                if leaf.url and (pwd := _pwd(leaf.url)):
                    secrets.add(pwd)
    return secrets


def _located(texts: Sequence[str], sent_on: date, find: Any) -> list[_Dated]:
    """Dates that can be a lecture's, in order."""
    return [
        _Dated(found.day, number, found.start)
        for number, text in enumerate(texts)
        for found in _lecture_dates(find(text, sent_on))
    ]


def _lecture_dates(found: Iterable[FoundDate]) -> Iterator[FoundDate]:
    return (entry for entry in found if not entry.period)


def _pair_dates(dated: Sequence[_Dated], links: Sequence[_Link], title: int | None) -> list[date]:
    """A date for each link: its own, which stands beside it, else the title's, else that of the link before.

    Where several dates stand in one place, nothing says which of them is meant.

    Args:
        dated: dates in order, at least one.
        links: links in order, at least one.
        title: line of the title.
    """
    in_title = [d for d in dated if d.line == title and d.place < links[0].place]
    headline = _days(in_title)
    below = [d for d in dated if d not in in_title]
    own = _own_days(below, links)
    if len(headline) == 1 and len(links) == 1:
        return headline
    if not any(own) and len(headline) == len(links):
        return headline
    current = headline
    chosen: list[date] = []
    for days in own:
        current = days or current
        if len(current) != 1:
            raise _UnclearError("announcement_dates_unclear", "no date, or several, for a link")
        chosen += current
    return chosen


def _own_days(dated: Sequence[_Dated], links: Sequence[_Link]) -> list[list[date]]:
    """Days that stand between the link before and each link; when all stand behind, those up to the next."""
    places = [link.place for link in links]
    first = (-1, -1)
    ends = (sys.maxsize, 0)
    if dated and dated[0].place > places[0]:
        borders = list(zip(places, [*places[1:], ends], strict=True))
        behind = [_days(d for d in dated if start < d.place < end) for start, end in borders]
        if all(len(days) == 1 for days in behind):
            return behind
    borders = list(zip([first, *places], places, strict=False))
    return [_days(d for d in dated if start < d.place < end) for start, end in borders]


def _days(dated: Iterable[_Dated]) -> list[date]:
    return list(dict.fromkeys(entry.day for entry in dated))


def _halves(lines: Sequence[Line], links: Sequence[_Link]) -> list[str]:
    """`` (오전)`` or `` (오후)`` for each link that has one of its own, when a message announces several."""
    if len(links) < 2:
        return [""]
    marks = [
        (number, match.start(), match[0])
        for number, line in enumerate(lines)
        for match in _HALF.finditer(plain(line))
    ]
    halves: list[str] = []
    previous = (-1, -1)
    for link in links:
        own = [word for number, column, word in marks if previous < (number, column) < link.place]
        halves.append(f" ({own[-1]})" if own else "")
        previous = link.place
    return halves


def _shown(leaf: Leaf) -> str:
    """A leaf in a title or excerpt, where neither addresses nor @channel say anything."""
    if leaf.kind == "broadcast":
        return ""
    return "" if leaf.kind == "link" and leaf.text == leaf.url else leaf.text
