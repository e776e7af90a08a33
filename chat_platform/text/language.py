"""What a message is written in, by shares of scripts.

What belongs here: the rule. What does not: statistical language identification — a class chat is Korean with
English words in it, messages are a few words long, and the rule costs a microsecond.

``detect`` reads clean text, placeholders left out, and says:

* ``code`` — at least nine tenths of the visible characters are code, or there is code and fewer than two words
  beside it; a question that comes with code is in the language of the question;
* ``emoji`` — no letters, at least one emoji;
* ``other`` — no letters and no emoji (digits, signs), or more than half of the letters of other scripts;
* ``ko``, ``en`` — more than three quarters of the letters are Hangul, Latin. A Hangul syllable counts twice:
  it is about two Latin letters of sound. ㅋㅋ and ㅠㅠ are Hangul;
* ``mixed`` — everything between.
"""

from __future__ import annotations

import re
from typing import Literal

from chat_platform.text.code import may_hold_code, segments
from chat_platform.text.emoji import emoji_spans
from chat_platform.text.normalise import PLACEHOLDERS

Language = Literal["ko", "en", "mixed", "code", "emoji", "other"]

_ONLY_KOREAN = re.compile(r"[^A-Za-z`\x80-\U0010ffff]*[가-힣ㄱ-ㅎㅏ-ㅣ][가-힣ㄱ-ㅎㅏ-ㅣ\s\d.,!?~^]*")
_PLACEHOLDER = re.compile("|".join(PLACEHOLDERS))
_HANGUL = re.compile(r"[가-힣]|[ㄱ-ㅎㅏ-ㅣᄀ-ᇿ]+")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"\S*[^\W\d_]\S*")

_DOMINANT = 0.75
_CODE_SHARE = 0.9


def detect(text: str) -> Language:
    """Language of a clean text. Never raises."""
    if _ONLY_KOREAN.fullmatch(text):
        return "ko"
    if "⟨" in text:
        text = _PLACEHOLDER.sub(" ", text)
    if may_hold_code(text):
        text, is_code = _without_code(text)
        if is_code:
            return "code"
    return _by_script(text)


def _without_code(text: str) -> tuple[str, bool]:
    """The text beside the code, and whether the message as a whole is code."""
    parts = segments(text)
    prose = " ".join(part.text for part in parts if not part.is_code)
    if not any(part.is_code for part in parts):
        return prose, False
    visible = len("".join(text.split()))
    share = 1 - len("".join(prose.split())) / max(1, visible)
    return prose, share >= _CODE_SHARE or len(_WORD.findall(prose)) < 2


def _by_script(text: str) -> Language:
    letters = len(_LETTER.findall(text))
    if not letters:
        return "emoji" if emoji_spans(text) else "other"
    latin = len(_LATIN.findall(text))
    runs = _HANGUL.findall(text)
    if letters - latin - sum(map(len, runs)) > letters / 2:
        return "other"
    hangul = sum(2 if len(run) == 1 else len(run) for run in runs)
    total = hangul + latin
    if hangul > _DOMINANT * total:
        return "ko"
    return "en" if latin > _DOMINANT * total else "mixed"
