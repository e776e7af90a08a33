"""Replies, reactions and removals inside the body of a saved chat's record, and the message that they quote.

What belongs here: recognising those bodies, and finding the quoted message in time that does not grow with the
number of messages. What does not: headers, times, the tables.

Zoom writes ``Reacted to "first twenty charact..." with 👍``. The quote is a prefix of the target's text, of 17 to
50 characters, with blanks folded; it may hold quotation marks itself. A text that only begins like this, but is
not complete, is an ordinary message.

Format: ../shared/formats.md section 1.4.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

import regex

# Phrases by locale: en, ru, uk. Files in Korean hold the English phrases. Longer ones first.
REPLY_HEADS = ("Replying to", "Reply to", "Ответ на", "Відповідь на")
REACTIONS = (("Reacted to", "with"), ("Реакция на", "с помощью"))
REMOVALS = (
    ("Removed a", "reaction from"),
    ("Removed an", "reaction from"),
    ("Элемент", "удален из"),
    ("Элемент", "удалён из"),
)
_CLOSERS = {'"': '"', "“": "”", "«": "»", "„": "“”"}
_ELLIPSES = ("...", "…")
_LONGEST_QUOTE = 600
_LONGEST_EMOJI = 80
_MARKED = tuple(
    f"{word} " for word in (*REPLY_HEADS, *(w for w, _ in (*REACTIONS, *REMOVALS)), "add", "remove")
)

# What may stand where an emoji stands: an emoji sequence, Zoom's :name:, or the question marks that an old code
# page leaves of one.
_EMOJI = regex.compile(
    r"(?=.*[\p{Extended_Pictographic}\p{So}\p{Regional_Indicator}\u20e3])"
    r"[\p{Extended_Pictographic}\p{So}\p{Emoji_Modifier}\p{Regional_Indicator}0-9#*"
    r"\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]{1,80}"
)
_EMOJI_NAME = regex.compile(r":[\w+\-]{1,60}:|[?\ufffd]{1,8}")


@dataclass(slots=True)
class Body:
    """What a body says.

    Attributes:
        kind: ``message``, ``reply``, ``reaction`` or ``removal``.
        text: the message; of a reply, the text behind the quote (first candidate).
        emoji: of reactions and removals.
        quote: the quoted snippet; ``None`` when the target is the message just before (early beta builds).
        candidates: of a reply, every way to divide quote and text, most likely first.
    """

    kind: str
    text: str = ""
    emoji: str = ""
    quote: str | None = None
    candidates: list[tuple[str, str]] = field(default_factory=list)


def fold_emoji(emoji: str) -> str:
    """The emoji without variation selector 16, for comparison only."""
    return emoji.replace("\ufe0f", "")


def read_body(body: str) -> Body:
    """What the body of a record says; anything incomplete is a message."""
    if not body.startswith(_MARKED):
        return Body("message", body)
    return _reaction(body) or _removal(body) or _beta(body) or _reply(body) or Body("message", body)


def _reaction(body: str) -> Body | None:
    for head, joiner in REACTIONS:
        if not body.startswith(head + " "):
            continue
        rest = body[len(head) + 1 :]
        # The quoted text may hold the same word, the emoji cannot: the last one divides.
        cut = rest.rfind(f" {joiner} ")
        if cut < 0 or cut > _LONGEST_QUOTE or len(rest) - cut > _LONGEST_EMOJI:
            return None
        written = rest[cut + len(joiner) + 2 :].strip()
        bare = _unquote(written)
        emoji = bare if bare is not None else written
        quote = _unquote(rest[:cut].strip())
        if quote is None and bare is not None and rest[:1] not in _CLOSERS:
            quote = rest[:cut].strip()
        if quote is None or not is_emoji(emoji):
            return None
        return Body("reaction", emoji=emoji, quote=quote)
    return None


def _removal(body: str) -> Body | None:
    for head, joiner in REMOVALS:
        if not body.startswith(head + " "):
            continue
        written, found, rest = body[len(head) + 1 :].partition(f" {joiner} ")
        if not found or len(written) > _LONGEST_EMOJI or len(rest) > _LONGEST_QUOTE:
            continue
        bare = _unquote(written.strip())
        emoji = bare if bare is not None else written.strip()
        quote = _unquote(rest.strip())
        if quote is not None and is_emoji(emoji):
            return Body("removal", emoji=emoji, quote=quote)
    return None


def _beta(body: str) -> Body | None:
    """``add 👍`` and ``remove 👍`` of early builds, about the message just before."""
    verb, _, emoji = body.partition(" ")
    if verb not in ("add", "remove") or len(emoji) > _LONGEST_EMOJI or not _EMOJI.fullmatch(emoji.strip()):
        return None
    return Body("reaction" if verb == "add" else "removal", emoji=emoji.strip())


def _reply(body: str) -> Body | None:
    for head in REPLY_HEADS:
        if not body.startswith(head + " "):
            continue
        rest = body[len(head) + 1 :]
        closers = _CLOSERS.get(rest[:1])
        if closers is None:
            return None
        candidates = [
            (rest[1:at], text)
            for at in _closing_places(rest, closers)
            if (text := _behind(rest, at)) and rest[1:at].strip()
        ]
        if not candidates:
            return None
        return Body("reply", candidates[0][1], quote=candidates[0][0], candidates=candidates)
    return None


def _closing_places(rest: str, closers: str) -> list[int]:
    """Places of a closing mark, most likely first.

    The mark that ends the first line comes first; then, for text on the same line, the one behind an ellipsis,
    then the first one before a blank; last, a mark that ends a later line, for a quote that holds line breaks.
    """
    lines = rest[:_LONGEST_QUOTE].split("\n")
    first = lines[0]
    whole_line = len(lines) > 1 or len(rest) <= _LONGEST_QUOTE
    marks = [at for at in range(1, len(first)) if first[at] in closers]
    at_end = [at for at in marks[-1:] if whole_line and not first[at + 1 :].strip(" \t:")]
    followed = [at for at in marks if at not in at_end and first[at + 1 : at + 2] in (" ", "\t", ":")]
    cut_off = [at for at in followed if first[max(0, at - 4) : at].rstrip().endswith(_ELLIPSES)]
    later = []
    start = len(first) + 1
    for line in lines[1:]:
        written = line.rstrip(" \t:")
        if written and written[-1] in closers:
            later.append(start + len(written) - 1)
        start += len(line) + 1
    return list(dict.fromkeys([*at_end, *cut_off[:2], *followed[:6], *later[:2]]))


def _behind(rest: str, at: int) -> str:
    """The text behind the closing mark, without the colon, blanks or blank lines that separate it."""
    text = rest[at + 1 :]
    line, found, below = text.partition("\n")
    if not line.strip(" \t:"):
        return trim(below) if found else ""
    return trim(text.lstrip(" \t:"))


def _unquote(text: str) -> str | None:
    closers = _CLOSERS.get(text[:1])
    if closers is None or len(text) < 2 or text[-1] not in closers:
        return None
    return text[1:-1]


def is_emoji(text: str) -> bool:
    """Whether the text is an emoji, Zoom's ``:name:``, or what an old code page left of an emoji."""
    return bool(_EMOJI.fullmatch(text) or _EMOJI_NAME.fullmatch(text))


def trim(text: str) -> str:
    """The text without blank lines around it and without blanks at its end; indentation stays."""
    lines = text.split("\n")
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[start:end]).rstrip()


# --- finding the target ----------------------------------------------------------------------------------

# Snippets are at most 50 characters; decomposed Hangul takes up to three each.
_LONGEST_PREFIX = 160
_INDEXED_TEXT = 4_000
# Where the quote was cut, Zoom leaves 17 characters or more; a shorter one with dots is often a whole text
# that ends in dots.
_SHORTEST_CUT = 15
_ANYWHERE = "*"


@dataclass(slots=True)
class Target:
    """A quoted message.

    Attributes:
        key: what was given to ``TargetIndex.add``.
        ambiguous: another earlier message fits as well, or it is a guess.
        guessed: the quote was not cut, and no text equals it; the text only begins like it.
    """

    key: int
    ambiguous: bool
    guessed: bool = False


@dataclass(slots=True)
class _Needle:
    exact: str
    prefix: str
    cut: bool


class TargetIndex:
    """Earlier messages by the prefixes that are asked for; adding and finding take constant time.

    Args:
        quotes: every snippet that will be asked for.
    """

    def __init__(self, quotes: Iterable[str]) -> None:
        self._needles = {quote: _needle(quote) for quote in set(quotes)}
        self._wanted = {needle.prefix for needle in self._needles.values()} - {""}
        self._wanted_whole = {needle.exact for needle in self._needles.values()} - {""}
        self._lengths = sorted({len(prefix) for prefix in self._wanted})
        self._by_prefix: dict[tuple[str, str], list[int]] = {}
        self._by_text: dict[tuple[str, str], list[int]] = {}

    def add(self, key: int, text: str, channel: str) -> None:
        """Make a message findable by its text; call it in the order of the chat.

        Args:
            key: what ``find`` shall give back.
            text: a text that a quote of this message may begin.
            channel: messages of the same channel (everyone, or a pair of people) are preferred.
        """
        if not self._lengths:
            return
        folded = _fold(text[:_INDEXED_TEXT])
        for length in self._lengths:
            if length > len(folded):
                break
            prefix = folded[:length]
            if prefix in self._wanted:
                _put(self._by_prefix, prefix, channel, key)
        if len(text) <= _INDEXED_TEXT and folded in self._wanted_whole:
            _put(self._by_text, folded, channel, key)

    def find(self, quote: str, channel: str) -> Target | None:
        """The nearest earlier message that the quote fits, first in the same channel, then anywhere."""
        needle = self._needles[quote]
        for where in (channel, _ANYWHERE):
            whole = self._by_text.get((where, needle.exact))
            begun = self._by_prefix.get((where, needle.prefix))
            found = (begun or whole) if needle.cut else (whole or begun)
            if found is not None:
                guessed = found is begun and not _has_ellipsis(quote)
                return Target(found[0], guessed or found[1] > 1, guessed)
        return None


def channel_of(sender: str, recipient: str | None) -> str:
    """Everyone, or the two people of a direct message, whoever of them wrote."""
    if recipient is None:
        return ""
    return "\x1f".join(sorted((sender.casefold(), recipient.casefold())))


def _put(index: dict[tuple[str, str], list[int]], folded: str, channel: str, key: int) -> None:
    for where in (channel, _ANYWHERE):
        entry = index.get((where, folded))
        if entry is None:
            index[(where, folded)] = [key, 1]
        elif entry[0] != key:
            entry[0] = key
            entry[1] += 1


def _needle(quote: str) -> _Needle:
    core = quote.rstrip()
    for ellipsis in _ELLIPSES:
        if core.endswith(ellipsis):
            core = core[: -len(ellipsis)]
            break
    cut = _has_ellipsis(quote) and len(core) >= _SHORTEST_CUT
    # A cut in the middle of a pair of UTF-16 units leaves half a character.
    return _Needle(_fold(quote), _fold(core.rstrip("\ufffd") or core)[:_LONGEST_PREFIX], cut)


def _has_ellipsis(quote: str) -> bool:
    return quote.rstrip().endswith(_ELLIPSES)


def _fold(text: str) -> str:
    """For comparison: NFD (a cut may fall between a letter and its mark), blanks folded, no VS16."""
    return " ".join(unicodedata.normalize("NFD", text).split()).replace("\ufe0f", "")
