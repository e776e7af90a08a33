"""Which label of a text counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.ml.labels.resolve import ConflictReport, compared, resolve
from chat_platform.ml.labels.rows import correction_rows, import_rows
from chat_platform.tables.models import LABELS

START = datetime(2026, 3, 2, tzinfo=UTC)


def label(
    origin: str, said: bool, message: str | None = None, text: str = "되나요", by: str = "a", **values: Any
) -> dict[str, Any]:
    row = {
        "label_id": "", "message_id": message, "conversation_id": None, "text": text, "language": "ko",
        "is_question": said, "origin": origin, "source": by, "weight": 1.0, "labelled_at": START, **values,
    }  # fmt: skip
    # As the platform makes ids: what was said, by whom, of what.
    row["label_id"] = values.get("label_id") or repr((origin, said, message, text, by, row["labelled_at"]))
    return row


def used(rows: Sequence[dict[str, Any]]) -> list[bool]:
    return [row["used"] for row in resolve(rows)[0]]


def report(*rows: dict[str, Any]) -> ConflictReport:
    return resolve(rows)[1]


def test_nothing_in_nothing_out() -> None:
    assert resolve([]) == ([], ConflictReport())


@pytest.mark.parametrize(("strong", "weak"), [("correction", "import"), ("import", "seed"), ("seed", "weak")])
@pytest.mark.parametrize("agrees", [True, False])
def test_the_stronger_origin_alone_is_heard(strong: str, weak: str, agrees: bool) -> None:
    rows = [label(weak, agrees), label(strong, True)]
    assert used(rows) == [False, True]
    assert report(*rows).counts() == ({} if agrees else {"overruled": 1})


@pytest.mark.parametrize(
    ("one", "other"), [("되나요", " 되나요 \n"), ("WHY not", "why  NOT"), ("한", "\u1112\u1161\u11ab")]
)
def test_texts_are_equal_without_case_and_blanks(one: str, other: str) -> None:
    assert used([label("import", True, text=one), label("weak", False, text=other)]) == [True, False]


def test_a_question_mark_makes_another_text() -> None:
    assert used([label("import", True, text="밥?"), label("weak", False, text="밥")]) == [True, True]


def test_of_several_people_the_majority_counts() -> None:
    rows = [label("correction", said, "m1", by=by) for by, said in (("a", True), ("b", True), ("c", False))]
    assert used(rows) == [True, True, False]
    (conflict,) = report(*rows).conflicts
    assert (conflict.kind, conflict.verdict, conflict.message_id) == ("outvoted", True, "m1")


def test_a_tie_of_people_is_open_and_no_weaker_label_steps_in() -> None:
    rows = [
        label("correction", True, "m1", by="a"),
        label("correction", False, "m1", by="b"),
        label("weak", True, "m1"),
        label("import", True),
    ]
    assert used(rows) == [False] * 4
    found = report(*rows)
    assert found.counts() == {"open": 2}
    assert {conflict.message_id for conflict in found.conflicts} == {"m1", None}
    assert found.used == {}
    assert found.unused == {"correction": 2, "weak": 1, "import": 1}


def test_only_the_newest_word_of_a_person_counts_wherever_it_stands() -> None:
    old = label("correction", True, "m1", by="a")
    new = label("correction", False, "m1", by="a", labelled_at=START + timedelta(seconds=1))
    other = label("correction", False, "m1", by="b", labelled_at=START - timedelta(days=1))
    assert used([new, old, other]) == [True, False, True]
    assert report(new, old, other).conflicts == ()


def test_two_words_of_the_same_moment_that_differ_do_not_count() -> None:
    rows = [label("correction", True, "m1"), label("correction", False, "m1"), label("import", False)]
    assert used(rows) == [False, False, True]


def test_a_correction_speaks_for_its_message_first_and_for_equal_texts_where_nobody_says_otherwise() -> None:
    rows = [
        label("correction", True, "m1"),
        label("correction", False, "m2"),
        label("correction", True, "m3"),
        label("weak", False, "m1"),
        label("weak", True, "m2"),
        label("weak", False, "m4"),
        label("import", False),
    ]
    assert used(rows) == [True, True, True, False, False, False, False]
    found = {conflict.message_id: conflict for conflict in report(*rows).conflicts}
    assert found.keys() == {"m1", "m2", None}
    assert [found[key].kind for key in ("m1", "m2", None)] == ["overruled", "overruled", "outvoted"]
    assert [found[key].verdict for key in ("m1", "m2", None)] == [True, False, True]


def test_corrections_of_two_places_that_differ_stand_both_and_leave_the_text_open() -> None:
    rows = [label("correction", True, "m1"), label("correction", False, "m2"), label("import", True)]
    assert used(rows) == [True, True, False]
    (conflict,) = report(*rows).conflicts
    assert (conflict.kind, conflict.message_id, conflict.verdict) == ("open", None, None)
    assert used(rows[:2]) == [True, True]
    assert report(*rows[:2]).conflicts == ()


def test_imports_are_weighed_and_a_tie_is_not_used() -> None:
    heavy, light = label("import", True, by="x", weight=0.8), label("import", False, by="y", weight=0.5)
    assert used([heavy, light]) == [True, False]
    assert report(heavy, light).counts() == {"outvoted": 1}
    tie = [{**heavy, "weight": 0.5}, light]
    assert used([*tie, label("seed", True), label("weak", True)]) == [False] * 4
    assert report(*tie).counts() == {"tied": 1}


def test_several_sources_add_up_and_a_source_that_repeats_itself_does_not() -> None:
    repeated = [label("import", True, by="x", weight=0.6, label_id=str(n)) for n in range(5)]
    others = [label("import", False, by=by, weight=0.4) for by in "yz"]
    assert used([*repeated, *others]) == [False] * 5 + [True] * 2


def test_sums_of_weights_that_differ_by_rounding_only_are_a_tie() -> None:
    rows = [label("import", True, by=by, weight=weight) for by, weight in (("x", 0.1), ("y", 0.2))]
    assert used([*rows, label("import", False, by="z", weight=0.3)]) == [False] * 3


def test_weak_labels_speak_for_their_message_only() -> None:
    rows = [label("weak", True, "m1"), label("weak", False, "m2"), label("weak", True)]
    assert used(rows) == [True] * 3
    assert report(*rows).conflicts == ()
    rules = [
        label("weak", True, "m1", by="ending", weight=0.9),
        label("weak", False, "m1", by="mark", weight=0.4),
    ]
    assert used(rules) == [True, False]


def test_the_report_names_who_said_what() -> None:
    rows = [label("correction", False, "m1", by="kim"), label("weak", True, "m1", by="ending")]
    (conflict,) = report(*rows).conflicts
    assert conflict.labels == (("correction", "kim", False), ("weak", "ending", True))
    assert report(*rows).used == {"correction": 1}
    assert report(*rows).unused == {"weak": 1}


# --- Properties -------------------------------------------------------------------------------------------------

LABELS_OF_ALL_KINDS = st.lists(
    st.builds(
        label,
        st.sampled_from(["correction", "import", "seed", "weak"]),
        st.booleans(),
        st.sampled_from([None, "m1", "m2", "m3"]),
        text=st.sampled_from(["되나요", "되나요 ", "왜"]),
        by=st.sampled_from("abc"),
        weight=st.sampled_from([0.1, 0.2, 0.3, 1.0]),
        labelled_at=st.sampled_from([None, START, START + timedelta(1)]),
    ),
    max_size=12,
    unique_by=lambda row: row["label_id"],
)


@given(LABELS_OF_ALL_KINDS, st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_matter(rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    (one, first), (other, second) = resolve(rows), resolve(shuffled)
    assert {row["label_id"]: row["used"] for row in one} == {row["label_id"]: row["used"] for row in other}
    assert first == second
    assert [row["label_id"] for row in other] == [row["label_id"] for row in shuffled]


@given(LABELS_OF_ALL_KINDS)
def test_resolving_what_was_resolved_changes_nothing(rows: list[dict[str, Any]]) -> None:
    once = resolve(rows)
    assert resolve(once[0]) == once


@given(LABELS_OF_ALL_KINDS)
def test_labels_that_are_not_used_can_be_left_out_unless_they_keep_a_question_open(
    rows: list[dict[str, Any]],
) -> None:
    resolved, found = resolve(rows)
    if not {"open", "tied", "outvoted"} & found.counts().keys():
        kept = [row for row in resolved if row["used"]]
        assert all(row["used"] for row in resolve(kept)[0])


@given(LABELS_OF_ALL_KINDS)
def test_no_message_and_no_text_is_used_as_both_by_one_origin(rows: list[dict[str, Any]]) -> None:
    sides: dict[tuple[str, str | None, str], set[bool]] = {}
    for row in resolve(rows)[0]:
        if row["used"]:
            key = (row["origin"], row["message_id"], compared(row["text"]))
            sides.setdefault(key, set()).add(row["is_question"])
    assert all(len(said) == 1 for said in sides.values())


@given(LABELS_OF_ALL_KINDS)
def test_labels_that_agree_make_no_conflict_and_something_is_used(rows: list[dict[str, Any]]) -> None:
    agreeing = [{**row, "is_question": True} for row in rows]
    resolved, found = resolve(agreeing)
    assert found.conflicts == ()
    assert any(row["used"] for row in resolved) == bool(rows)


# --- Rows -------------------------------------------------------------------------------------------------------


def test_rows_of_corrections_and_imports_are_of_the_declared_table() -> None:
    messages = {"m1": {"conversation_id": "c1", "clean_text": "되나요", "language": "ko"}}
    said = {"message_id": "m1", "corrected_by": "kim", "is_question": True, "corrected_at": START}
    corrections = correction_rows([said, {**said, "message_id": "gone"}], messages)
    imported = {
        "source": "own", "line": 1, "text": "되나요ㅋㅋㅋㅋㅋ", "is_question": True, "group_key": "g", "weight": 0.5,
        "imported_at": START,
    }  # fmt: skip
    again = {**imported, "line": 2, "weight": 0.7}
    other = {**imported, "line": 3, "is_question": False, "group_key": None}
    imports = import_rows([imported, again, other, {**imported, "text": "\u200b"}])
    table = LABELS.table(resolve([*corrections, *imports])[0])
    assert table.column("text").to_pylist() == ["되나요", "되나요ㅋㅋ", "되나요ㅋㅋ"]
    assert table.column("weight").to_pylist() == [1.0, 0.7, 0.5]
    assert table.column("conversation_id").to_pylist() == ["c1", "import:own:g", None]
    assert table.column("source").to_pylist() == ["kim", "own", "own"]
    assert len(set(table.column("label_id").to_pylist())) == 3
