"""Slack's emoji names and the emoji they stand for.

What belongs here: names to Unicode. What does not: counting, or reading emoji out of Unicode text.

Slack keeps ``:fire:`` where Zoom keeps 🔥; only one of the two can be counted. Names come from the ``emoji``
package (its aliases hold most of Slack's); what Slack calls differently follows below. A custom emoji has no
Unicode and stays ``:name:``.
"""

from __future__ import annotations

import re
from functools import lru_cache

import emoji

_EMOJI = re.compile(r"(?<![A-Za-z0-9]):([\w+'-]+(?:::skin-tone-[2-6])?):")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)

# Slack's own spellings that neither the aliases nor the rules below reach.
_SLACK_NAMES = {
    "simple_smile": "🙂",
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "large_orange_circle": "🟠",
    "large_purple_circle": "🟣",
    "large_brown_circle": "🟤",
    "keycap_star": "*️⃣",
    "spock-hand": "🖖",
    "the_horns": "🤘",
    "hand_with_index_and_middle_fingers_crossed": "🤞",
    "reversed_hand_with_middle_finger_extended": "🖕",
    "raised_hand_with_fingers_splayed": "🖐️",
    "man-woman-girl": "👨‍👩‍👧",
    "man-woman-boy": "👨‍👩‍👦",
}
_PEOPLE = {"male": "man", "female": "woman"}
_FLAG_BASE = ord("🇦") - ord("a")
_TONE_BASE = ord("🏻") - 2


@lru_cache(maxsize=4096)
def emoji_of(name: str) -> str:
    """The emoji of a Slack name, skin tone included; ``:name:`` for one that only the workspace knows.

    Examples:
        ``fire`` → 🔥, ``+1::skin-tone-2`` → 👍🏻, ``flag-kr`` → 🇰🇷, ``our_logo`` → ``:our_logo:``.
    """
    base, _, tone = name.partition("::skin-tone-")
    found = _SLACK_NAMES.get(base) or _flag(base) or _by_alias(base)
    if found is None:
        return f":{name}:"
    if tone not in set("23456"):
        return found
    # The tone stands behind the person or hand, which comes first in a joined sequence.
    return found[0] + chr(_TONE_BASE + int(tone)) + found[1:].removeprefix("\ufe0f")


def with_emoji(text: str) -> str:
    """Text in which Slack's ``:name:`` are emoji, except within code and except unknown names."""
    parts = _CODE.split(text)
    # Every second part is code.
    parts[::2] = [_EMOJI.sub(_known, part) for part in parts[::2]]
    return "".join(parts)


def _known(match: re.Match[str]) -> str:
    return emoji_of(match[1])


def _flag(name: str) -> str | None:
    code = name.removeprefix("flag-")
    if code == name or not re.fullmatch(r"[a-z]{2}", code):
        return None
    return "".join(chr(_FLAG_BASE + ord(letter)) for letter in code)


def _by_alias(name: str) -> str | None:
    """By the package's aliases.

    They say ``woman_bowing`` and ``woman_cook`` where Slack says ``woman-bowing`` and ``female-cook``.
    """
    head, _, tail = name.partition("-")
    spellings = [name, name.replace("-", "_")]
    if tail:
        spellings.append(f"{_PEOPLE.get(head, head)}_{tail.replace('-', '_')}")
    for spelling in spellings:
        found = emoji.emojize(f":{spelling}:", language="alias")
        if emoji.is_emoji(found):
            return found
    return None
