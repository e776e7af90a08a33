"""The labelled set that ships with the project, so that a fresh clone can train without any data of its own.

What belongs here: reading ``seed.tsv``. What does not: how it was made (``grammar``).

The file has a line for each text: ``1`` or ``0``, language, group, text, parted by tabs. It is the
grammar's output as somebody has read it: a test holds that every line comes from the grammar, so what was taken out
stays out and what was changed is changed there.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

from chat_platform.ml.labels.grammar import Labelled

NAME = "seed"


def seed_labels() -> list[Labelled]:
    """All labelled texts that ship, in the order of the file."""
    text = resources.files("chat_platform.ml.labels").joinpath("seed.tsv").read_text(encoding="utf-8")
    return [_parsed(line) for line in text.splitlines()]


def as_tsv(rows: Iterable[Labelled]) -> str:
    """The file's content for these rows; a text that comes twice is kept once."""
    lines: dict[str, str] = {}
    for row in rows:
        lines.setdefault(row.text, f"{int(row.is_question)}\t{row.language}\t{row.group}\t{row.text}")
    return "".join(f"{line}\n" for line in lines.values())


def _parsed(line: str) -> Labelled:
    label, language, group, text = line.split("\t")
    return Labelled(label == "1", language, group, text)
