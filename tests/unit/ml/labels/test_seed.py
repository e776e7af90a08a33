"""The labelled set that ships."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from chat_platform.ml.evaluation.split import near_copies, text_key
from chat_platform.ml.labels.grammar import Labelled, sentences
from chat_platform.ml.labels.seed import as_tsv, check_labels, seed_labels
from chat_platform.text.normalise import clean


@pytest.fixture(scope="module")
def rows() -> list[Labelled]:
    return seed_labels()


def test_the_file_is_what_the_grammar_gives() -> None:
    shipped = resources.files("chat_platform.ml.labels").joinpath("seed.tsv").read_text(encoding="utf-8")
    assert as_tsv(sentences()) == shipped


def test_it_comes_back_as_it_was_written(rows: list[Labelled]) -> None:
    assert as_tsv(rows) == as_tsv(sentences())
    assert {type(row.is_question) for row in rows} == {bool}
    assert {row.language for row in rows} == {"ko", "en", "code"}


def test_it_is_large_enough_and_no_text_comes_twice(rows: list[Labelled]) -> None:
    assert len(rows) > 4_000
    assert len({row.text for row in rows}) == len(rows)


def test_texts_are_clean_text(rows: list[Labelled]) -> None:
    assert [row.text for row in rows if clean(row.text) != row.text] == []


def test_no_text_is_both_when_only_letters_count(rows: list[Labelled]) -> None:
    asked, told = ({text_key(row.text) for row in rows if row.is_question is said} for said in (True, False))
    assert not asked & told


def test_near_copies_of_the_other_label_are_in_one_group_or_differ_at_their_start(
    rows: list[Labelled],
) -> None:
    """되나요 and 되네요 stay together in every division; "could I" and "I could" are what English asks by."""
    asked, told = ([row for row in rows if row.is_question is said] for said in (True, False))
    copies = near_copies([row.text for row in told], [row.text for row in asked])
    apart = [
        (told[place], asked[copy])
        for place, copy in enumerate(copies)
        if copy >= 0 and told[place].group != asked[copy].group
    ]
    assert (copies >= 0).sum() > len(apart)
    for one, other in apart:
        assert one.language == other.language == "en"
        assert one.text.split()[0] != other.text.split()[0]


def test_a_row_that_comes_twice_is_kept_once() -> None:
    row = Labelled(True, "ko", "g", "왜요")
    assert as_tsv([row, row._replace(group="h")]) == "1\tko\tg\t왜요\n"
    assert np.all([line.count("\t") == 3 for line in as_tsv([row]).splitlines()])


def documented(section: str) -> list[str]:
    """Examples in the table of a section of ``docs/questions.md``, without emphasis and final marks."""
    page = (Path(__file__).parents[4] / "docs" / "questions.md").read_text(encoding="utf-8")
    table = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    cells = [cell for line in table.splitlines() if line.startswith("| ") for cell in line.split("|")[2:4]]
    return [example.replace("*", "").strip(" ?`") for cell in cells for example in cell.split(" · ")]


@pytest.mark.parametrize(("section", "label"), [("Questions", True), ("Not questions", False)])
def test_what_ships_and_what_annotators_are_told_agree(
    rows: list[Labelled], section: str, label: bool
) -> None:
    shipped = {row.text.strip(" ?"): row.is_question for row in [*rows, *check_labels()]}
    examples = documented(section)
    known = [example for example in examples if example in shipped]
    assert len(known) >= 15, sorted(set(examples) - set(known))
    assert [example for example in known if shipped[example] is not label] == []


def test_what_is_kept_for_testing_is_not_trained_on(rows: list[Labelled]) -> None:
    check = check_labels()
    assert {row.is_question for row in check} == {True, False}
    assert not {text_key(row.text) for row in check} & {text_key(row.text) for row in rows}
