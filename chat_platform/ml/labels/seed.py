"""The labelled sets that ship with the project, so that a fresh clone can train without any data of its own.

What belongs here: reading ``seed.tsv`` and ``check.tsv``. What does not: how the seed was made (``grammar``).

``seed.tsv`` trains and tests. ``check.tsv`` was written by hand, as classes type, and is never trained on: what the
grammar makes, a model of the grammar knows, so a test made of it alone would praise the wrong model.

A file has a line for each text: ``1`` or ``0``, language, group, text, parted by tabs. It is the
grammar's output as somebody has read it: a test holds that every line comes from the grammar, so what was taken out
stays out and what was changed is changed there.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

from chat_platform.ml.labels.grammar import Labelled

NAME = "seed"
CHECK = "check"


def seed_labels() -> list[Labelled]:
    """Labelled texts that ship for training, in the order of the file."""
    return _read("seed.tsv")


def check_labels() -> list[Labelled]:
    """Labelled texts that ship for testing only, in the order of the file."""
    return _read("check.tsv")


def as_tsv(rows: Iterable[Labelled]) -> str:
    """The file's content for these rows; a text that comes twice is kept once."""
    lines: dict[str, str] = {}
    for row in rows:
        lines.setdefault(row.text, f"{int(row.is_question)}\t{row.language}\t{row.group}\t{row.text}")
    return "".join(f"{line}\n" for line in lines.values())


def _read(name: str) -> list[Labelled]:
    text = resources.files("chat_platform.ml.labels").joinpath(name).read_text(encoding="utf-8")
    return [_parsed(line) for line in text.splitlines()]


def _parsed(line: str) -> Labelled:
    label, language, group, text = line.split("\t")
    return Labelled(label == "1", language, group, text)
