"""Finding passcodes, and taking them out of everything that is kept outside the raw vault.

What belongs here: the label rule (``암호: …``), secrets in addresses, and replacing both. What does not:
deciding which recording a passcode opens (``announcements``).

A passcode is a run of printable ASCII without blanks; it may hold ``* _ ` . ^ @ & < >``. Between it and its
label stands a colon, an equals sign, ``is`` or ``는``; with a mere blank it must not look like a word. In
addresses it is the value of ``pwd``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chat_platform.sources.slack.body import Leaf, Line, plain

REDACTED = "[redacted]"
_DONE = (REDACTED, REDACTED.strip("[]"))

_URL_SECRET = re.compile(r"([?&;](?:pwd|passwd|passcode|password)=)[^\s&#>|)\]]+", re.IGNORECASE)
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_BRACKETS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`", "*": "*", "_": "_", "~": "~"}
_MIN_SHARED_LENGTH = 4


@dataclass(frozen=True)
class LabelledPasscode:
    """A label found in lines, and what followed it.

    Attributes:
        line: index of the line that holds the label.
        line_end: index of the line that holds the passcode: the same, or the next one with text.
        start: column of the passcode in the plain text of ``line_end``.
        end: column after it.
        passcode: ``None`` when nothing that can be a passcode follows.
    """

    line: int
    line_end: int
    start: int
    end: int
    passcode: str | None

    def __repr__(self) -> str:
        return f"LabelledPasscode(line={self.line}, found={self.passcode is not None})"


@lru_cache(maxsize=64)
def _label_pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True) if label)
    return re.compile(
        # 암호화 (encryption) and its like are no labels.
        rf"(?<![A-Za-z0-9?&])(?:{words or '(?!)'})(?![A-Za-z0-9])(?!화|학|문)"
        r"(?:\s*(?:번호|코드|code)(?![A-Za-z0-9]))?"
        # 암호는 모두 동일합니다: …
        r"(?:(?:는|은)?\s*(?:(?:모두|전부|둘\s*다|공통|동일|같)(?:입니다|합니다|습니다|아요)?[\s,.]*)+)?"
        # The marks around a bold label may stand before or after the colon.
        r"[*_~`]*\s*(?P<separator>(?:[:：=]|는|은|\bis\b|[-–→](?=\s))(?:[*_~`]+(?=\s))?)?\s*",
        re.IGNORECASE,
    )


_NONE_NEEDED = re.compile(r"(?:이|가|은|는)?\s*(?:없|불필요|필요\s*없|not\s+(?:needed|required)|[Nn]one\s*$)")


def find_passcodes(lines: Sequence[Line], labels: Iterable[str]) -> list[LabelledPasscode]:
    """Every label in the lines, in order, with the passcode behind it.

    The passcode may stand behind the label, in a part of its own (code, bold) or alone on the next line.
    """
    pattern = _label_pattern(tuple(labels))
    found: list[LabelledPasscode] = []
    for number, line in enumerate(lines):
        text = _without_addresses(line)
        end = 0
        for match in pattern.finditer(text):
            if match.start() < end or _NONE_NEEDED.match(text, match.end()):
                continue
            hit = _behind(lines, number, text, match)
            end = hit.end if hit.line_end == number else end
            found.append(hit)
    return found


def redact(text: str, secrets: Iterable[str], labels: Iterable[str]) -> str:
    """Text without passcodes: known ones, whatever stands behind a label, and ``pwd`` of addresses.

    Args:
        text: plain text, unescaped.
        secrets: passcodes known from announcements; shorter than 4 characters only behind a label.
        labels: words before a passcode.
    """
    lines = text.split("\n")
    hits = find_passcodes([(Leaf("text", line),) for line in lines], labels)
    for hit in reversed(hits):
        if hit.passcode is not None and hit.passcode not in _DONE:
            line = lines[hit.line_end]
            lines[hit.line_end] = line[: hit.start] + REDACTED + line[hit.end :]
    known = sorted({s for s in secrets if len(s) >= _MIN_SHARED_LENGTH}, key=len, reverse=True)
    # What is redacted already is matched too, so that no secret is found within the word itself.
    text = re.sub("|".join(map(re.escape, (REDACTED, *known))), REDACTED, "\n".join(lines))
    return _URL_SECRET.sub(rf"\g<1>{REDACTED}", text)


def url_secrets(text: str) -> Iterator[str]:
    """Values of ``pwd`` in the addresses of a text."""
    for match in _URL_SECRET.finditer(text):
        yield match[0].removeprefix(match[1])


def without_url_secrets(url: str) -> str:
    """An address without its ``pwd``."""
    return re.sub(r"[?&]$", "", _URL_PARAMETER.sub(r"\1", url))


_URL_PARAMETER = re.compile(r"([?&])(?:pwd|passwd|passcode|password)=[^&#]*&?", re.IGNORECASE)


def _behind(lines: Sequence[Line], number: int, text: str, match: re.Match[str]) -> LabelledPasscode:
    start = match.end()
    separated = match["separator"] is not None
    if start < len(text):
        token = _own_part(lines[number], start) or _token(text, start, match.start())
        if token is not None and (separated or _unlike_a_word(token)):
            begin = text.index(token, start)
            return LabelledPasscode(number, number, begin, begin + len(token), token)
        return LabelledPasscode(number, number, start, start, None)
    following = next((n for n in range(number + 1, len(lines)) if plain(lines[n]).strip()), None)
    if following is not None:
        below = _without_addresses(lines[following])
        token = _unwrapped(below.strip())
        if _TOKEN.fullmatch(token) and (separated or _unlike_a_word(token)):
            begin = below.index(token)
            return LabelledPasscode(number, following, begin, begin + len(token), token)
    return LabelledPasscode(number, number, start, start, None)


def _own_part(line: Line, start: int) -> str | None:
    """The passcode when it was given a part of its own: the styled leaf that begins at ``start``."""
    column = 0
    for index, leaf in enumerate(line):
        if column == start and leaf.styled and leaf.kind == "text":
            token = leaf.text.strip()
            behind = plain(line[index + 1 :])[:1]
            ends_here = leaf.code or token != leaf.text or not _TOKEN.match(behind) or behind in ",.;)]"
            return token if ends_here and _TOKEN.fullmatch(token) else None
        if column > start:
            return None
        column += len(leaf.text)
    return None


def _token(text: str, start: int, label_start: int) -> str | None:
    """The run of printable ASCII at ``start``, without the marks that belong to the sentence around it."""
    match = _TOKEN.match(text, start)
    if match is None:
        return None
    token = match[0]
    last = token.rfind(_BRACKETS.get(token[0], "\n"))
    if last > 1 and not token[last + 1 :].strip(",.;"):
        return token[1:last]
    if len(token) > 1 and token[-1] in ",;" and text[match.end() :].strip():
        token = token[:-1]
    for opening, closing in (("(", ")"), ("[", "]")):
        around = text[:label_start].count(opening) > text[:label_start].count(closing)
        if around and len(token) > 1 and token.endswith(closing) and opening not in token:
            token = token[:-1]
    return token


def _unwrapped(token: str) -> str:
    if len(token) > 2 and _BRACKETS.get(token[0]) == token[-1]:
        return token[1:-1]
    return token


def _unlike_a_word(token: str) -> bool:
    """Whether this can be a passcode although nothing but a blank stands between it and the label."""
    return len(token) >= _MIN_SHARED_LENGTH and re.search(r"[0-9!@#$%^&*]", token) is not None


def _without_addresses(line: Line) -> str:
    """The line's text with addresses blanked out, so that columns stay and no address is a passcode."""
    return "".join(" " * len(leaf.text) if leaf.kind == "link" else leaf.text for leaf in line)
