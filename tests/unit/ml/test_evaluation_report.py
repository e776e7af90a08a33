"""Slices, reports, pictures and cards: honest, repeatable, without a word of any message."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from chat_platform.errors import ModelError
from chat_platform.ml.evaluation.card import CardFacts, model_card
from chat_platform.ml.evaluation.pictures import drift_picture, pictures
from chat_platform.ml.evaluation.report import (
    Evaluation,
    ScoredRows,
    evaluate_binary,
    evaluate_ranking,
    ranking_rows,
)
from chat_platform.ml.evaluation.slices import slice_masks
from chat_platform.tables.models import EVALUATIONS


def scored(number: int = 400, seed: int = 0, shift: float = 0.0) -> ScoredRows:
    random = np.random.default_rng(seed)
    p = random.beta(0.5, 1.5, number)
    y = random.random(number) < p
    masks = {"language=ko": np.arange(number) % 4 != 0, "language=en": np.arange(number) % 4 == 0}
    keys = tuple(f"k{n}" for n in range(number))
    groups = tuple(f"rec-{n % 8}" for n in range(number))
    return ScoredRows(keys, groups, y, np.clip(p + shift, 0, 1), 0.4, masks)


def test_slices() -> None:
    rows = pa.table(
        {
            "text": ["네", "이거 왜 안 되나요", "a" * 21, "b" * 41, ""],
            "language": ["ko", "ko", "en", "code", None],
            "role": ["teacher", "student", "staff", None, "auditor"],
            "parent_id": [None, "m1", None, None, None],
        }
    )
    masks = slice_masks(rows, indirect=np.array([False, True, False, False, False]))
    assert {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()} == {
        "all": [0, 1, 2, 3, 4],
        "length=1-10": [0, 1],
        "length=21-40": [2],
        "length=41+": [3],
        "language=code": [3],
        "language=en": [2],
        "language=ko": [0, 1],
        "language=unknown": [4],
        "role=staff": [2],
        "role=student": [1],
        "role=teacher": [0],
        "role=unknown": [3, 4],
        "reply": [1],
        "code": [3],
        "indirect": [1],
    }


def test_slices_need_the_text_only() -> None:
    assert list(slice_masks(pa.table({"text": pa.array([], pa.string())}))) == ["all"]


def test_an_evaluation_fills_its_table() -> None:
    found = evaluate_binary("holdout", {"raw": scored(), "no_question_mark": scored(shift=-0.1)})
    table = EVALUATIONS.table(found.table_rows("question", "linear-0123456789ab"))
    assert table.num_rows == 2 * (8 + 2 * 4)
    f1 = found.figure("f1")
    assert f1 is not None and f1.low < f1.value < f1.high and f1.rows == 400
    korean = found.figure("f1", slice_name="language=ko")
    assert korean is not None and korean.rows == 300
    assert found.figure("f1", dataset="other") is None
    assert found.summary()["raw.f1"] == pytest.approx(f1.value, abs=1e-6)


def test_json_keeps_everything() -> None:
    found = evaluate_binary("holdout", {"raw": scored(60)})
    empty = evaluate_binary("empty", {"raw": ScoredRows((), (), np.array([], bool), np.array([]), 0.5)})
    both = found.joined(empty)
    again = Evaluation.from_json(both.to_json())
    assert again.to_json() == both.to_json()
    assert again.curves == both.curves
    assert all(math.isnan(f.value) for f in again.figures if f.dataset == "empty")
    rows = scored(30)
    back = ScoredRows.from_json(rows.to_json())
    assert (back.keys, back.groups, back.threshold) == (rows.keys, rows.groups, rows.threshold)
    assert np.array_equal(back.labels, rows.labels) and np.allclose(
        back.probabilities, rows.probabilities, atol=1e-6
    )
    assert np.array_equal(back.masks["language=en"], rows.masks["language=en"])


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"keys": ["a"], "masks": {"x": [9]}}', b"\xff\xfe"]
)
def test_other_json_is_a_coded_error(data: bytes) -> None:
    for kind in (Evaluation, ScoredRows):
        with pytest.raises(ModelError) as error:
            kind.from_json(data)
        assert error.value.code == "CP-ML-028"


def test_common_rows_are_paired_by_key() -> None:
    one, two = scored(50), scored(50)
    shuffled = two.of(np.arange(49, 9, -1))
    mine, theirs = one.common(shuffled)
    assert mine.keys == theirs.keys == one.keys[10:]
    assert np.array_equal(mine.probabilities, theirs.probabilities)


def test_keys_are_unique() -> None:
    with pytest.raises(ValueError, match="no key twice"):
        ScoredRows(("a", "a"), ("g", "g"), np.array([True, False]), np.array([0.1, 0.2]), 0.5)


def test_a_ranking_model_is_evaluated() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 10, 500)
    probabilities = random.dirichlet(np.ones(10), 500)
    probabilities[np.arange(500), truth] += 0.3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    groups = [f"rec-{n % 9}" for n in range(500)]
    found = evaluate_ranking(
        "holdout", "raw", truth, probabilities, groups, {"length=1-10": np.arange(500) < 100}
    )
    value = {f.metric: f.value for f in found.figures if f.slice == "all"}
    assert value["top1"] == pytest.approx(np.mean(probabilities.argmax(axis=1) == truth))
    assert value["top1"] < value["top5"] <= 1
    assert value["majority"] == pytest.approx(np.bincount(truth).max() / 500)
    rows = ranking_rows([str(n) for n in range(500)], groups, truth, probabilities)
    assert rows.labels.mean() == pytest.approx(value["top1"])


def test_no_author_at_all_is_no_crash() -> None:
    found = evaluate_ranking("holdout", "raw", np.array([-1, -1]), np.zeros((2, 0)), ["a", "b"])
    assert found.figure("top1").value == 0
    empty = evaluate_ranking("holdout", "raw", np.array([]), np.zeros((0, 3)), [])
    assert all(math.isnan(f.value) for f in empty.figures)


def test_pictures_are_svg_and_repeat() -> None:
    found = evaluate_binary("holdout", {"raw": scored()})
    drawn = pictures(found)
    assert set(drawn) == {
        f"{kind}-holdout-raw.svg" for kind in ("reliability", "confusion", "precision-recall")
    }
    assert drawn == pictures(found)
    for picture in (*drawn.values(), drift_picture(["a", "b"], [0.1, math.nan], 0.05, "drift")):
        assert ET.fromstring(picture).tag.endswith("svg")


def test_pictures_of_nothing_are_drawn_too() -> None:
    empty = evaluate_binary("holdout", {"raw": ScoredRows((), (), np.array([], bool), np.array([]), 0.5)})
    assert all(ET.fromstring(picture) is not None for picture in pictures(empty).values())


def test_the_card_says_what_must_be_known() -> None:
    found = evaluate_binary("holdout", {"raw": scored()})
    facts = CardFacts(
        "question", "linear-0123456789ab", "linear", datetime(2026, 3, 2, tzinfo=UTC), "Says whether it asks.",
        0.41, {"seed": 1200, "correction": 60}, "ab" * 32, "1", 7, {"scikit-learn": "1.9.1"},
        {"near-copies of the test": 12}, {"ko-3i4k": "CC BY-SA 4.0"}, ["Knows no French."],
    )  # fmt: skip
    card = model_card(facts, found, ["confusion-holdout-raw.svg"])
    for part in (
        "# question linear-0123456789ab", "0.4100", "| correction | 60 |", "| together | 1,260 |", "ab" * 32,
        "near-copies of the test | 12", "CC BY-SA 4.0", "language=en | 100", "Knows no French.",
        "scikit-learn | 1.9.1", "(confusion-holdout-raw.svg)",
    ):  # fmt: skip
        assert part in card, part
    figure = found.figure("f1")
    assert f"| f1 | {figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f}) | 400 |" in card
