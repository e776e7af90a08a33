"""What changed between two versions of a text.

What belongs here: comparing two texts for a page. What does not: keeping versions (``storage.answers``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 400
"""Changed lines with more words are shown whole: comparing takes time that grows with the square."""


@dataclass(frozen=True)
class Piece:
    """A part of a comparison: ``same``, ``removed`` or ``added``."""

    kind: str
    text: str


def compare(before: str, after: str) -> list[Piece]:
    """Pieces that make both texts: without the added ones the first, without the removed ones the second."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pieces: list[Piece] = []
    for kind, old_lines, new_lines in _changes(old, new):
        if kind != "replace":
            pieces += _of(kind, old_lines, new_lines)
            continue
        words = _words("".join(old_lines)), _words("".join(new_lines))
        if len(words[0]) + len(words[1]) > MOST_WORDS:
            pieces += [*_of("delete", old_lines, []), *_of("insert", [], new_lines)]
            continue
        for part, old_words, new_words in _changes(*words):
            pieces += _of(part, old_words, new_words)
    return pieces


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        yield kind, old[a:b], new[c:d]


def _of(kind: str, old: Sequence[str], new: Sequence[str]) -> list[Piece]:
    if kind == "equal":
        return [Piece("same", "".join(old))]
    found = [Piece("removed", "".join(old)), Piece("added", "".join(new))]
    return [piece for piece in found if piece.text]


def _words(text: str) -> list[str]:
    """Words and the blanks between them."""
    words: list[str] = []
    for character in text:
        if words and words[-1][-1].isspace() == character.isspace() and character != "\n":
            words[-1] += character
        else:
            words.append(character)
    return words
