r"""Emoji as people see them: one grapheme cluster, one emoji.

What belongs here: finding emoji in text and folding the variants of one emoji together. What does not: emotes
(words that a channel shows as pictures), Slack's ``:names:``.

Clusters are those of Unicode's UAX 29 (``\X``): a flag is two letters, a family is joined by ZWJ, a skin tone
and the variation selector VS16 belong to what they follow. A symbol that Unicode shows as text by default
(©, ↔, ▶) counts when VS16 follows it, or when it is of the symbols and dingbats (U+2600 to U+27BF: ☺, ❤, ✔),
which chat programs send without VS16.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import emoji as sequences
import regex

VS15 = "\ufe0e"
VS16 = "\ufe0f"
ZWJ = "\u200d"

_CLUSTER = regex.compile(r"\X")
# Between two characters of ASCII or Hangul syllables a cluster always ends (but for CR LF), so all but the last of a
# run of them are passed over at once; they are the group.
_RUN_OR_CLUSTER = regex.compile(r"([\x00-\x7f\uac00-\ud7a3]+)(?=[\x00-\x7f\uac00-\ud7a3])|\X")
# A text without any of these holds no emoji; nearly all of chat is answered here.
_MAY_HOLD = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Presentation}\ufe0f\u20e3]")
_SHOWN_AS_PICTURE = regex.compile(r"\p{Emoji_Presentation}")
_PICTURE = regex.compile(
    r"\p{Emoji_Presentation}|\p{Extended_Pictographic}.*[\ufe0f\u200d\U0001f3fb-\U0001f3ff]"
)
_SKIN_TONES = regex.compile(r"[\U0001f3fb-\U0001f3ff]")
_TEXT_DINGBATS = frozenset("♀♂➡")


def may_hold_emoji(text: str) -> bool:
    """Whether ``text`` holds a character that can begin or mark an emoji; cheap."""
    return _MAY_HOLD.search(text) is not None


# A chat has a few hundred emoji, and says them thousands of times.
@lru_cache(maxsize=4096)
def is_emoji(cluster: str) -> bool:
    """Whether one grapheme cluster is an emoji."""
    if not may_hold_emoji(cluster) or VS15 in cluster:
        return False
    bare = cluster.replace(VS16, "")
    if len(cluster) == 1 and not _SHOWN_AS_PICTURE.match(cluster):
        return (
            "\u2600" <= cluster <= "\u27bf" and cluster not in _TEXT_DINGBATS and sequences.is_emoji(cluster)
        )
    if sequences.is_emoji(cluster) or sequences.is_emoji(bare):
        return True
    # Newer than the list of sequences, or followed by combining marks.
    return _PICTURE.match(cluster) is not None


def emoji_spans(text: str) -> list[tuple[int, int]]:
    """Start and length, in characters, of every emoji of ``text``, in order."""
    return [(match.start(), len(match[0])) for match in _emoji(text)]


def emoji_in(text: str) -> list[str]:
    """Every emoji of ``text``, in order, as written."""
    return [match[0] for match in _emoji(text)]


def fold_emoji(cluster: str) -> str:
    """The emoji under which variants are grouped: without VS16 and skin tone; ``👍🏽`` → ``👍``, ``❤️`` → ``❤``.

    Joined pictures (families, professions) and flags stay what they are.
    """
    bare = cluster.replace(VS16, "")
    return _SKIN_TONES.sub("", bare) or bare


def clusters(text: str) -> list[str]:
    """The grapheme clusters of ``text``."""
    return _CLUSTER.findall(text)


def _emoji(text: str) -> Iterator[regex.Match[str]]:
    if may_hold_emoji(text):
        for match in _RUN_OR_CLUSTER.finditer(text):
            if match.lastindex is None and is_emoji(match[0]):
                yield match
