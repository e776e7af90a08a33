"""Figures agree with scikit-learn and with hand-made cases; what is not defined is NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.ml.evaluation import metrics
from chat_platform.ml.evaluation.intervals import METRICS, Judged, Resampler
from tests.cost import growth

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda n: n / 20), st.sampled_from([0.0, 0.5, 1.0, 3.0])),
    max_size=60,
)
BINARY = [metric for metric in METRICS if metric != "macro_f1"]


def arrays(rows: list[tuple[bool, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(
        np.array([row[n] for row in rows], dtype=kind) for n, kind in enumerate((bool, float, float))
    )


def same(one: float, two: float) -> bool:
    return (math.isnan(one) and math.isnan(two)) or one == pytest.approx(two, abs=1e-6)


@given(ROWS, st.integers(0, 20).map(lambda n: n / 20))
def test_binary_metrics_equal_scikit_learn(rows: list[tuple[bool, float, float]], threshold: float) -> None:
    y, p, w = arrays(rows)
    found = metrics.binary_metrics(y, p, threshold, w)
    kept = w > 0
    y, p, w = y[kept], p[kept], w[kept]
    said = p >= threshold
    expected = dict.fromkeys(found, math.nan)
    if len(y):
        expected["accuracy"] = reference.accuracy_score(y, said, sample_weight=w)
        expected["brier"] = float(np.average((p - y) ** 2, weights=w))
        expected["ece"] = found["ece"]
    if said.any():
        expected["precision"] = reference.precision_score(y, said, sample_weight=w)
    if y.any():
        expected["recall"] = reference.recall_score(y, said, sample_weight=w)
        expected["average_precision"] = reference.average_precision_score(y, p, sample_weight=w)
    if y.any() or said.any():
        expected["f1"] = reference.f1_score(y, said, sample_weight=w)
    if y.any() and not y.all():
        expected["auc"] = reference.roc_auc_score(y, p, sample_weight=w)
    assert {name: same(found[name], expected[name]) for name in found} == dict.fromkeys(found, True)


@given(ROWS)
def test_intervals_start_from_the_same_figures(rows: list[tuple[bool, float, float]]) -> None:
    y, p, w = arrays(rows)
    resampler = Resampler([str(n % 7) for n in range(len(y))], resamples=50)
    figures = metrics.binary_metrics(y, p, 0.5, w) | {
        "rate": metrics.ratio(float(w[y].sum()), float(w.sum()))
    }
    for metric in BINARY:
        found = resampler.interval(metric, Judged(y, p, 0.5, w))
        assert same(found.value, figures[metric]), metric
        assert math.isnan(found.low) == math.isnan(found.high)
        assert math.isnan(found.low) or found.low <= found.high


@given(ROWS)
def test_a_resample_is_the_metric_of_the_rows_drawn(rows: list[tuple[bool, float, float]]) -> None:
    """Areas under curves are computed on weighted, sorted rows; taking the rows by hand gives the same."""
    y, p, w = arrays(rows)
    groups = np.arange(len(y)) % 6
    resampler = Resampler(groups.astype(str), resamples=3)
    draws = resampler._draws[:, resampler._codes] if len(y) else np.empty((3, 0))
    for metric in ("auc", "average_precision", "f1"):
        _, samples = resampler._samples(metric, Judged(y, p, 0.5, w))
        for sample, times in zip(samples, draws, strict=True):
            by_hand = metrics.binary_metrics(y, p, 0.5, w * times)[metric]
            assert same(float(sample), by_hand) or (math.isnan(by_hand) and not math.isfinite(sample))


def test_calibration_error_of_a_hand_made_case() -> None:
    # Bin of 0.2: one of four happens; bin of 0.9: half happens. (|0.2-0.25|·4 + |0.9-0.5|·4) / 8
    p = np.array([0.2] * 4 + [0.9] * 4)
    y = np.array([1, 0, 0, 0, 1, 1, 0, 0], dtype=bool)
    assert metrics.expected_calibration_error(y, p) == pytest.approx((0.05 * 4 + 0.4 * 4) / 8)
    curve = metrics.reliability_curve(y, p)
    assert [(one.promised, one.happened, one.weight) for one in curve] == [
        (pytest.approx(0.2), 0.25, 4),
        (pytest.approx(0.9), 0.5, 4),
    ]


@given(st.lists(st.floats(0, 1), min_size=30, max_size=200))
def test_bins_hold_about_equal_mass(values: list[float]) -> None:
    p = np.array(values)
    places = metrics.mass_bins(p)
    _, ties = np.unique(p, return_counts=True)
    assert np.bincount(places).max() <= len(p) / 10 + ties.max() + 1
    assert len({(value, place) for value, place in zip(values, places, strict=True)}) == len(set(values))
    assert np.all(np.diff(places[np.argsort(p, kind="stable")]) >= 0)


def test_chance_alone_explains_the_error_of_a_calibrated_model() -> None:
    random = np.random.default_rng(0)
    p = random.random(400)
    errors = [metrics.expected_calibration_error(random.random(400) < p, p) for _ in range(300)]
    assert np.mean(errors) == pytest.approx(metrics.calibration_noise(p), rel=0.05)


@given(ROWS)
def test_best_threshold_cannot_be_beaten(rows: list[tuple[bool, float, float]]) -> None:
    y, p, w = arrays(rows)
    best = metrics.threshold_for_best_f1(y, p, w)
    if not (y & (w > 0)).any():
        assert math.isnan(best)
        return
    reached = metrics.confusion(y, p >= best, w).f1
    assert all(metrics.confusion(y, p >= other, w).f1 <= reached + 1e-9 for other in np.linspace(0, 1, 41))


def test_threshold_without_labels_is_near_the_best_one_when_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(1)
    p = random.beta(0.5, 2, 20_000)
    y = random.random(20_000) < p
    expected = metrics.threshold_for_expected_f1(p)
    assert expected == pytest.approx(metrics.threshold_for_best_f1(y, p), abs=0.05)
    reached, best = (
        metrics.confusion(y, p >= cut).f1 for cut in (expected, metrics.threshold_for_best_f1(y, p))
    )
    assert best - reached < 0.003


@pytest.mark.parametrize("values", [[], [0.0, 0.0]])
def test_no_threshold_where_nothing_can_be_a_yes(values: list[float]) -> None:
    assert math.isnan(metrics.threshold_for_expected_f1(np.array(values)))


def test_neighbouring_floats_are_told_apart_by_the_threshold() -> None:
    low, high = 0.5, math.nextafter(0.5, 1)
    cut = metrics.threshold_for_best_f1(np.array([False, True]), np.array([low, high]))
    assert low < cut <= high


def test_degenerate_input_gives_nan() -> None:
    empty = np.array([], dtype=bool), np.array([])
    assert all(math.isnan(value) for value in metrics.binary_metrics(*empty, 0.5).values())
    only_no = metrics.binary_metrics(np.zeros(3, bool), np.array([0.1, 0.2, 0.3]), 0.5)
    undefined = {name for name, value in only_no.items() if math.isnan(value)}
    assert undefined == {"precision", "recall", "f1", "auc", "average_precision"}
    assert math.isnan(metrics.multiclass_metrics(np.array([]), np.array([]))["macro_f1"])
    for metric in METRICS:
        assert math.isnan(Resampler([]).interval(metric, Judged(*empty)).value)


def test_weights_that_are_none_are_refused() -> None:
    for bad in ([1.0], [1.0, -1.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match="weights"):
            metrics.confusion(np.array([True, False]), np.array([True, True]), np.array(bad))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=50))
def test_multiclass_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    y, said = (np.array(column) for column in zip(*pairs, strict=True))
    found = metrics.multiclass_metrics(y, said)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, said))
    macro = reference.f1_score(y, said, average="macro")
    assert found["macro_f1"] == pytest.approx(macro)
    interval = Resampler(np.arange(len(y)) % 5, resamples=20).interval("macro_f1", Judged(y, said))
    assert interval.value == pytest.approx(macro)


def test_a_macro_f1_lies_in_its_interval_where_a_group_is_a_class() -> None:
    """As with pooled messages, which are resampled by author: half of the authors are missing in a resample."""
    random = np.random.default_rng(1)
    y = np.repeat(np.arange(20), 10)
    said = np.where(random.random(len(y)) < 0.8, y, random.integers(0, 20, len(y)))
    found = Resampler(y).interval("macro_f1", Judged(y, said))
    assert found.value == pytest.approx(metrics.multiclass_metrics(y, said)["macro_f1"])
    assert found.low < found.value < found.high
    # A class that nobody is of stays an error in every resample.
    wrong = np.where(np.arange(len(y)) % 10 == 0, 99, y)
    assert Resampler(y).interval("macro_f1", Judged(y, wrong)).high < 0.96


def test_ranks_count_ties_against_the_model() -> None:
    probabilities = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [0.1, 0.2, 0.7]])
    assert metrics.ranks(np.array([0, 2, -1]), probabilities).tolist() == [2, 1, metrics.UNRANKED]


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for trial in range(200):
        p = random.beta(2, 2, 300)
        y = random.random(300) < p
        found = Resampler((np.arange(300) % 40).astype(str), resamples=300, seed=trial).interval(
            "brier", Judged(y, p)
        )
        covered += found.low <= 0.2 <= found.high  # E[p(1-p)] of Beta(2, 2) is 1/5
    assert 176 <= covered <= 200


def test_rows_of_one_recording_alike_widen_the_interval() -> None:
    random = np.random.default_rng(4)
    easy = np.repeat(random.random(20), 50)
    y = np.ones(1000, bool)
    p = (random.random(1000) < easy).astype(float)
    groups = np.repeat(np.arange(20), 50)
    by_recording = Resampler(groups).interval("recall", Judged(y, p))
    by_row = Resampler(np.arange(1000)).interval("recall", Judged(y, p))
    assert by_recording.high - by_recording.low > 2 * (by_row.high - by_row.low)


def test_few_recordings_are_said_to_be_resampled_by_row() -> None:
    judged = Judged(np.array([True, False] * 10), np.linspace(0, 1, 20))
    assert Resampler(["a", "b"] * 10).interval("f1", judged).unit == "rows"
    assert Resampler(list("abcde") * 4).interval("f1", judged).unit == "groups"


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    random = np.random.default_rng(5)
    p = random.random(2000)
    y = random.random(2000) < p
    worse = np.where(random.random(2000) < 0.05, 1 - p, p)
    resampler = Resampler(np.arange(2000) % 50)
    gap = resampler.difference("f1", Judged(y, worse), Judged(y, p))
    single = resampler.interval("f1", Judged(y, p))
    assert gap.high < 0
    assert gap.high - gap.low < single.high - single.low
    assert resampler.difference("f1", Judged(y, p), Judged(y, p)).low == 0


def test_a_thousand_resamples_cost_little_more_than_ten() -> None:
    """The rows are counted once for each group; a draw only adds counts up."""
    random = np.random.default_rng(6)
    p = random.random(10_000)
    judged = Judged(random.random(10_000) < p, p)

    def measure(resamples: int) -> None:
        resampler = Resampler(np.arange(10_000) % 200, resamples)
        for metric in ("precision", "recall", "f1", "accuracy", "brier", "ece"):
            resampler.interval(metric, judged)

    assert growth(measure, 10, factor=100) < 0.1
