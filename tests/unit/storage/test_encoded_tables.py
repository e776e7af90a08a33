"""Text that comes encoded by a dictionary: checked as the values that it stands for, and read as these."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from chat_platform.errors import DataError
from chat_platform.storage.lake import Lake
from chat_platform.tables.spec import Column, TableSpec

SPEC = TableSpec(
    schema="core",
    name="letters",
    description="A letter.",
    primary_key=("word", "letter"),
    columns=(
        Column("word", "string", "Word.", nullable=False),
        Column("letter", "string", "Letter.", nullable=False),
        Column("note", "string", "Note."),
        Column("uses", "int64", "Uses.", nullable=False),
    ),
)


def encoded(values: list[str | None], dictionary: list[str | None]) -> pa.DictionaryArray:
    numbers = [None if value is None else dictionary.index(value) for value in values]
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(dictionary, pa.string()))


def letters(word: pa.Array, letter: pa.Array, note: pa.Array | None = None) -> pa.Table:
    notes = pa.nulls(len(word), pa.string()) if note is None else note
    return pa.table({"word": word, "letter": letter, "note": notes, "uses": pa.array(range(len(word)))})


def test_readers_of_the_lake_see_values(tmp_path: Path) -> None:
    words, notes = ["가", "나", "가"], ["x", None, "x"]
    table = letters(encoded(words, ["나", "가"]), pa.array(["a", "a", "b"]), encoded(notes, ["x"]))
    lake = Lake(tmp_path)
    lake.write(SPEC, table, "one")
    read = lake.read(SPEC, "one")
    assert read.schema.equals(SPEC.arrow_schema())
    assert read.equals(SPEC.conform(table)) and read["word"].to_pylist() == words
    assert read["note"].to_pylist() == notes
    path = lake.path(SPEC, "one")
    rows = duckdb.execute("select word, letter, note, typeof(word) from read_parquet(?)", [path]).fetchall()
    assert rows == [(*row, "VARCHAR") for row in zip(words, "aab", notes, strict=True)]
    lake.write(SPEC, SPEC.conform(table), "two")
    assert lake.read_many(SPEC, ["one", "two"]).num_rows == 6


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        (encoded(["a", "b", "a"], ["a", "b"]), "repeats 1 times"),
        (
            pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int32()), pa.array(["a", "b", "a"])),
            "repeats 1 times",
        ),
        (encoded(["a", None, "b"], ["a", "b"]), "word holds 1 nulls"),
        (
            pa.DictionaryArray.from_arrays(pa.array([0, 1, 1], pa.int32()), pa.array(["a", None])),
            "word holds 2 nulls",
        ),
        (pa.DictionaryArray.from_arrays(pa.array([0, 0, 0], pa.int32()), pa.array([1])), "is dictionary"),
    ],
)
def test_what_breaks_the_declaration_is_found(word: pa.Array, problem: str, tmp_path: Path) -> None:
    table = letters(word, pa.array(["x", "x", "x"]))
    assert any(problem in found for found in SPEC.violations(table))
    with pytest.raises(DataError, match="CP-DATA-001"):
        Lake(tmp_path).write(SPEC, table, "one")


def test_parts_with_dictionaries_of_their_own_are_compared_by_value() -> None:
    once = letters(encoded(["a", "b"], ["a", "b"]), pa.array(["x", "x"]))
    other = letters(encoded(["c"], ["c"]), pa.array(["x"]))
    assert SPEC.violations(pa.concat_tables([once, other])) == []
    again = letters(encoded(["b"], ["b"]), pa.array(["x"]))
    assert SPEC.violations(pa.concat_tables([once, again])) == ["key word+letter repeats 1 times"]
