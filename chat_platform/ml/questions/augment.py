"""More rows for training: labelled texts as chat would have written them.

What belongs here: changes of a text that keep its label, or change it in a known way. What does not: labels and
features.

Corpora of labelled utterances are tidy: a sentence each, no punctuation. Chat opens with 강사님, ends in ㅠㅠ or
in a question mark that stands on three questions of four, drops blanks, and puts two sentences into one message.
What a text becomes depends on the text and the seed only, not on its place among the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

# What a question ends in; the empty string: the author typed no question mark.
_ASKED_MARKS = ("?", "?", "?", "?", "?", "??", " ?", "?!", "", "", "")
_TOLD_MARKS = ("", "", "", "", ".", ".", "!", "~", "...")
_TAILS = {
    "ko": ("ㅠㅠ", "ㅜㅜ", "ㅋㅋ", "ㅎㅎ", "ㅠ", " 🤔", " 😅", " 🙏", "...", "~~", ";;"),
    "en": (" lol", " :)", " haha", " 😅", " 🤔", " ..", " :("),
}
_OPENINGS = {
    "ko": (
        "강사님 ", "강사님, ", "선생님 ", "저 ", "아 ", "근데 ", "그럼 ", "그러면 ", "네 ", "저기 ", "안녕하세요 ", "혹시 ", "음 ",
        "오 ", "그리고 ", "@강사님 ", "쌤 ", "질문이요 ", "잘 들었습니다 ", "앗 ",
    ),
    "en": (
        "hi, ", "hey ", "so ", "ok ", "and ", "but ", "um, ", "sorry, ", "well ", "hello everyone, ", "btw ", "wait ", "@all ",
        "yeah ", "thanks, ", "ok so ", "hmm ",
    ),
}  # fmt: skip
_YO = re.compile("요(?=$|[ ?!~.])")
# 해요체 says and asks with the same words; only the mark tells. 죠, 네요 and the like say what they are.
_OPEN_ENDING = re.compile("[가-힣][아어여워와려해돼져혀]요$|(?:이에|예|세|어|아|해)요$")


@dataclass(frozen=True)
class TrainingText:
    """A labelled text before it is tokenised.

    Attributes:
        group: texts of one group stay on one side of every split.
        language: ``ko`` or ``en``; others are left as they are.
    """

    text: str
    is_question: bool
    group: str
    language: str = "ko"
    weight: float = 1.0


def augmented(rows: Sequence[TrainingText], *, copies: int = 1, seed: int = 0) -> list[TrainingText]:
    """Each row as it is, and ``copies`` variants of it.

    A variant has the group of its row and half its weight.
    """
    partners = _partners(rows)
    found = list(rows)
    for row in rows:
        found += _variants(row, partners.get(row.language, ()), copies, seed)
    return found


def _variants(
    row: TrainingText, partners: Sequence[TrainingText], copies: int, seed: int
) -> Iterable[TrainingText]:
    if row.language not in _TAILS:
        return
    for copy in range(copies):
        rng = Random(
            int.from_bytes(hashlib.blake2b(f"{seed}|{copy}|{row.text}".encode(), digest_size=8).digest())
        )
        text, label = row.text, row.is_question
        if rng.random() < 0.2 and partners:
            text, label = _joined(row, partners[rng.randrange(len(partners))], rng)
        else:
            text, label = _marked(text, label, row.language, rng)
        yield replace(row, text=_roughened(text, row.language, rng), is_question=label, weight=row.weight / 2)


def _marked(text: str, label: bool, language: str, rng: Random) -> tuple[str, bool]:
    """With the punctuation that chat puts behind it."""
    if text[-1:] in "?!.~" or not text:
        return text, label
    if label:
        return text + rng.choice(_ASKED_MARKS), True
    if language == "ko" and rng.random() < 0.15 and _OPEN_ENDING.search(text):
        return text + "?", True
    return text + rng.choice(_TOLD_MARKS), False


def _joined(row: TrainingText, other: TrainingText, rng: Random) -> tuple[str, bool]:
    """Two sentences in one message: a question if one of them is."""
    parts = [row, other] if rng.random() < 0.5 else [other, row]
    texts = [_marked(part.text, part.is_question, part.language, rng)[0] for part in parts]
    asks = row.is_question or other.is_question or any(text.endswith("?") for text in texts)
    return rng.choice((" ", " ", "\n")).join(texts), asks


def _roughened(text: str, language: str, rng: Random) -> str:
    if rng.random() < 0.25:
        text = rng.choice(_OPENINGS[language]) + text
    if rng.random() < 0.15:
        text += rng.choice(_TAILS[language])
    if rng.random() < 0.15:
        text = _without_blanks(text, rng)
    if language == "ko" and rng.random() < 0.06:
        text = _YO.sub(rng.choice(("여", "욤", "욥", "용", "유")), text)
    if language == "en" and rng.random() < 0.5:
        text = text.lower().replace("'", "") if rng.random() < 0.3 else text.lower()
    return text


def _without_blanks(text: str, rng: Random) -> str:
    share = rng.choice((0.3, 0.6))
    return "".join(letter for letter in text if letter != " " or rng.random() >= share)


def _partners(rows: Sequence[TrainingText]) -> dict[str, list[TrainingText]]:
    """Short texts by language, in an order that does not depend on that of the rows."""
    found: dict[str, list[TrainingText]] = {}
    for row in sorted(rows, key=lambda r: (r.text, r.group)):
        if 2 <= len(row.text) <= 40:
            found.setdefault(row.language, []).append(row)
    return found
