"""What somebody wrote, in pieces that a template can show: text, links, code.

What belongs here: finding links and code in chat. What does not: markup of any kind; templates escape every piece.
Nothing that people wrote becomes markup, whatever it looks like: a link is an address of the web that stands in the
text as it will be opened, code is what ``text.code`` takes for code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from chat_platform.text.code import segments

LONGEST_LINK = 2_000
# Ends at blanks, quotes, brackets of any width, what does not show, and Hangul: particles follow addresses directly.
_ADDRESS = re.compile(
    r"""(?<![\w@])https?://[^\s<>"'`{}|\\^\[\]「」『』【】（）＜＞\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"""
    r"""\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]+""",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?…·、。"


class Piece(NamedTuple):
    """A run of a message; joined the texts give the message.

    Attributes:
        kind: ``text``, ``link`` (its text is the address), ``code`` within a line, or ``block`` of code.
    """

    kind: Literal["text", "link", "code", "block"]
    text: str


def pieces(text: str) -> list[Piece]:
    """A message in pieces."""
    found: list[Piece] = []
    for segment in segments(text):
        if segment.is_code:
            found.append(Piece("block" if "\n" in segment.text else "code", segment.text))
        else:
            found += _with_links(segment.text)
    return found


def _with_links(text: str) -> Iterator[Piece]:
    done = 0
    for match in _ADDRESS.finditer(text):
        address = _trimmed(match.group())
        if not _opens(address):
            continue
        if match.start() > done:
            yield Piece("text", text[done : match.start()])
        yield Piece("link", address)
        done = match.start() + len(address)
    if done < len(text):
        yield Piece("text", text[done:])


def _trimmed(address: str) -> str:
    while address and (
        address[-1] in _TRAILING or (address[-1] == ")" and address.count(")") > address.count("("))
    ):
        address = address[:-1]
    return address


def _opens(address: str) -> bool:
    if len(address) > LONGEST_LINK:
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
