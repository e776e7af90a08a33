r"""From the text as sent to ``clean_text``.

What belongs here: the rules by which a text becomes comparable. What does not: tokens, what language it is,
what is code (``code``) or an emoji (``emoji``).

The rules, in order; ``text`` keeps what is folded here:

1. Unicode NFC; single conjoining jamo become the letters that keyboards type; line ends become ``\n``; control
   characters and invisible ones are removed, except inside an emoji; lone surrogates become U+FFFD.
2. Code (see ``code``) stays as written, but for blanks at line ends. Everything below is for the rest.
3. Addresses of web pages, e-mail addresses and @mentions become ``⟨url⟩``, ``⟨email⟩``, ``⟨user⟩``: they hold
   passcodes and names, and are no words. A particle behind them stays.
4. Elongations: a letter, syllable, emoji or jamo that stands three times or more stands twice (ㅋㅋㅋㅋ → ㅋㅋ,
   와아아아 → 와아아, soooo → soo, 👏👏👏 → 👏👏), so does a group of two to four Korean letters
   (아니아니아니 → 아니아니). Digits stay. Capitals may stand three times (AAA, III).
5. Punctuation: ``!!!`` → ``!``, ``?!?!`` → ``?!``, ``~~~`` → ``~``, ``,,,`` → ``,``, two dots or more and
   ``…`` → ``...``, ``;;;`` → ``;;``, ``^^^`` → ``^^``, other signs at most three times. Full-width ! ? ~ ,
   become plain.
6. Runs of blanks become one space, empty lines go, ends are stripped.

``clean`` is idempotent: the rules are applied until nothing changes.
"""

from __future__ import annotations

import re
import unicodedata

import regex

from chat_platform.text.code import segments
from chat_platform.text.emoji import clusters, is_emoji, may_hold_emoji

URL = "⟨url⟩"
EMAIL = "⟨email⟩"
MENTION = "⟨user⟩"
PLACEHOLDERS = (URL, EMAIL, MENTION)

_MAX_PASSES = 12

# Text in which no rule can find anything: plain letters, single blanks and signs, nothing three times.
_TRIGGER = re.compile(
    r"[^ -~가-힣ㄱ-ㅎㅏ-ㅣ]"
    r"|([^0-9])\1\1|([ㄱ-ㅎㅏ-ㅣ가-힣]{2,4}?)\2\2"
    r"|[!?~,.]{2}|@|://|\.[A-Za-z]|^ | $|  "
)

_LINE_END = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE = regex.compile(
    r"""
      [[\p{Cc}\p{Default_Ignorable_Code_Point}]--[\n\t\u200d\ufe0e\ufe0f\U000e0020-\U000e007f]]
    | (?<![\p{Extended_Pictographic}\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e007f])\u200d
    | \u200d(?!\p{Extended_Pictographic})
    | (?<!\p{Emoji})[\ufe0e\ufe0f] | (?<=[0-9\#*])(?:\ufe0e|\ufe0f(?!\u20e3))
    | (?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007f]
    """,
    regex.VERBOSE | regex.VERSION1,
)
_TRANSLATION = str.maketrans({"！": "!", "？": "?", "～": "~", "〜": "~", "，": ",", "⠀": " "})

# Addresses are ASCII, but a path may go on in Hangul (…/wiki/한국); a particle may follow one (….com에서).
_URL_TEXT = r"[!#-;=?-_a-~]"
_URL_PATTERN = re.compile(
    r"(?<![A-Za-z0-9@])(?:"
    rf"[A-Za-z][A-Za-z0-9+.-]{{1,15}}://{_URL_TEXT}+"
    rf"|www\.{_URL_TEXT}+"
    r"|(?:[A-Za-z0-9-]{1,63}\.){1,5}(?:com|net|org|kr|us|io|dev|ai|gg|tv|ly|app|me|be|edu|gov|co)"
    rf"(?:(?::\d+)?/{_URL_TEXT}*|(?<=\.com)|(?<=\.net)|(?<=\.org)|(?<=\.kr))(?![A-Za-z0-9])"
    rf")(?:(?<=[/=%_#-])[가-힣]+{_URL_TEXT}*)*",
    re.IGNORECASE,
)
_URL_TAIL = re.compile(r"[.,!?)\]}'\";:~*]+$")
_EMAIL_PATTERN = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_MENTION_PATTERN = re.compile(r"(?<![\w@./⟩])@[^\W\d_][\w-]*(?:\.\w+)*")

_JAMO_RUN = re.compile(r"([ㄱ-ㅎㅏ-ㅣ가-힣])\1{2,}")
_GROUP_RUN = re.compile(r"([ㄱ-ㅎㅏ-ㅣ가-힣]{2,4}?)\1{2,}")
_LETTER_RUN = re.compile(r"([a-z])\1{2,}|([^\W\d_])\2{3,}")
_ASKED = re.compile(r"[!?]{2,}")
_ONE = re.compile(r"([~,·])\1+")
_DOTS = re.compile(r"(?:\.\.|…)[.…]*")
_TWO = re.compile(r"([;^])\1{2,}")
_THREE = re.compile(r"([^\w\s.!?~,;^·])\1{3,}|(_)\2{3,}")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
_LINE_TAIL = re.compile(r"[^\S\n]+$", re.MULTILINE)
_EMPTY_END = re.compile(r"\n{2,}\Z")


def clean(text: str) -> str:
    """``clean_text`` of ``text``; see the module for the rules. Never raises; time grows with the length."""
    if not _TRIGGER.search(text):
        return text
    for _ in range(_MAX_PASSES):
        cleaned = _pass(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def _pass(text: str) -> str:
    joined = ""
    for part in segments(_characters(text)):
        piece = _tidy_code(part.text) if part.is_code else _fold(part.text)
        if not joined or joined.endswith("\n"):
            piece = piece.lstrip("\n") if part.is_code else piece.lstrip()
        joined += piece
    return joined.rstrip()


def _characters(text: str) -> str:
    """Rule 1, and the full-width signs."""
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_END.sub("\n", _SURROGATE.sub("\ufffd", text)).translate(_TRANSLATION)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", text.translate(_LETTERS))


def _tidy_code(text: str) -> str:
    return _EMPTY_END.sub("\n", _LINE_TAIL.sub("", text))


def _fold(text: str) -> str:
    """Rules 3 to 6."""
    if "." in text or "@" in text or ":" in text:
        text = _EMAIL_PATTERN.sub(EMAIL, text)
        text = _URL_PATTERN.sub(_url, text)
        text = _MENTION_PATTERN.sub(MENTION, text)
    text = _GROUP_RUN.sub(r"\1\1", _JAMO_RUN.sub(r"\1\1", text))
    text = _LETTER_RUN.sub(lambda run: (run[1] or run[2]) * 2, text)
    text = _ASKED.sub(lambda run: "".join(dict.fromkeys(run[0])), text)
    text = _TWO.sub(r"\1\1", _DOTS.sub("...", _ONE.sub(r"\1", text)))
    if may_hold_emoji(text):
        text = _fold_emoji_runs(text)
    text = _THREE.sub(lambda run: (run[1] or run[2]) * 3, text)
    return _LINES.sub("\n", _BLANKS.sub(" ", text))


def _url(match: re.Match[str]) -> str:
    tail = _URL_TAIL.search(match[0])
    return URL + (tail[0] if tail else "")


def _fold_emoji_runs(text: str) -> str:
    kept: list[str] = []
    for cluster in clusters(text):
        if len(kept) >= 2 and kept[-1] == kept[-2] == cluster and is_emoji(cluster):
            continue
        kept.append(cluster)
    return "".join(kept)


def _keyboard_letters() -> dict[int, str]:
    """Conjoining jamo → the letter that a keyboard types (some systems send ᄏᄏ for ㅋㅋ)."""
    letters = {}
    for code in range(0x3131, 0x3164):
        name = unicodedata.name(chr(code)).removeprefix("HANGUL LETTER ")
        for place in ("CHOSEONG", "JUNGSEONG", "JONGSEONG"):
            try:
                letters[ord(unicodedata.lookup(f"HANGUL {place} {name}"))] = chr(code)
            except KeyError:
                continue
    return letters


_LETTERS = _keyboard_letters()
