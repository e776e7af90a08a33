"""The calibrated linear machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from chat_platform.errors import ModelError
from chat_platform.ml.questions.linear import FOLDS, CalibratedLinearSVC, folds_of


def cloud(rows: int = 400, noise: float = 3.0, seed: int = 0) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Two overlapping clouds in 20 dimensions."""
    random = np.random.default_rng(seed)
    y = random.random(rows) < 0.4
    x = random.normal(size=(rows, 20)) * noise + np.where(y, 0.4, -0.4)[:, None]
    return sparse.csr_matrix(x.astype(np.float32)), y


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60), st.integers(0, 9))
def test_a_group_is_in_one_fold(rows: list[tuple[int, bool]], seed: int) -> None:
    groups, y = (np.array(column) for column in zip(*rows, strict=True))
    folds = folds_of(y, groups, seed=seed)
    assert set(folds) <= set(range(FOLDS))
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60), st.integers(0, 9))
def test_a_class_in_enough_groups_is_in_every_fold(rows: list[tuple[int, bool]], seed: int) -> None:
    groups, y = (np.array(column) for column in zip(*rows, strict=True))
    folds = folds_of(y, groups, seed=seed)
    for value in (True, False):
        if len(set(groups[y == value])) >= FOLDS:
            assert set(folds[y == value]) == set(range(FOLDS))


def test_folds_are_alike() -> None:
    random = np.random.default_rng(1)
    groups, y = random.integers(0, 900, 3_000), random.random(3_000) < 0.3
    folds = folds_of(y, groups, seed=0)
    sizes = np.bincount(folds)
    shares = [y[folds == number].mean() for number in range(FOLDS)]
    assert sizes.max() < 1.1 * sizes.min()
    assert max(shares) - min(shares) < 0.06


def test_probabilities_are_as_often_right_as_they_say() -> None:
    model = CalibratedLinearSVC().fit(*cloud())
    x, y = cloud(4_000, seed=1)
    promised = model.probabilities(x)
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
        inside = (promised >= low) & (promised < high)
        assert abs(y[inside].mean() - promised[inside].mean()) < 0.08


def test_the_decision_is_the_log_odds_of_the_probability() -> None:
    x, y = cloud()
    model = CalibratedLinearSVC().fit(x, y)
    p = model.probabilities(x)
    assert np.allclose(model.decision_function(x), np.log(p / (1 - p)))


def test_paraphrases_do_not_vouch_for_each_other() -> None:
    """Ten copies of each of forty random points: nothing can be learnt that holds for another group."""
    random = np.random.default_rng(3)
    x = np.repeat(random.normal(size=(40, 200)), 10, axis=0).astype(np.float32)
    y = np.repeat(np.arange(40) % 2 == 0, 10)
    groups = np.repeat(np.arange(40), 10)
    together, apart = CalibratedLinearSVC(), CalibratedLinearSVC()
    together.fit(sparse.csr_matrix(x), y)
    apart.fit(sparse.csr_matrix(x), y, groups=groups)
    sure, unsure = (np.abs(model.pop_out_of_fold() - 0.5).mean() for model in (together, apart))
    assert sure > 0.4
    assert unsure < 0.25


def test_weights_count_like_copies() -> None:
    x, y = cloud(200)
    weights = np.where(y, 3.0, 1.0)
    heavy = CalibratedLinearSVC().fit(x, y, weights=weights).probabilities(x).mean()
    assert heavy > CalibratedLinearSVC().fit(x, y).probabilities(x).mean() + 0.05


def test_the_same_rows_give_the_same_machine() -> None:
    one, two = (CalibratedLinearSVC(seed=5).fit(*cloud()) for _ in range(2))
    assert np.array_equal(one.coef_, two.coef_)
    assert one.numbers() == two.numbers()


def test_out_of_fold_probabilities_are_handed_over_once() -> None:
    x, y = cloud()
    model = CalibratedLinearSVC().fit(x, y)
    assert model.pop_out_of_fold().shape == y.shape
    with pytest.raises(AttributeError):
        model.pop_out_of_fold()


def test_a_restored_machine_says_the_same() -> None:
    x, y = cloud()
    model = CalibratedLinearSVC().fit(x, y)
    back = CalibratedLinearSVC().restore(model.coef_, model.numbers())
    assert np.array_equal(back.probabilities(x), model.probabilities(x))


@pytest.mark.parametrize(
    ("y", "groups"),
    [
        ([True] * 12, range(12)),
        ([False] * 12, range(12)),
        ([True] * 2 + [False] * 10, range(12)),
        ([True] * 6 + [False] * 6, [0] * 6 + list(range(6))),
        ([], []),
    ],
)
def test_too_few_groups_of_a_class_are_a_coded_error(y: list[bool], groups: list[int]) -> None:
    x = sparse.csr_matrix(np.random.default_rng(0).random((len(y), 3)))
    with pytest.raises(ModelError) as caught:
        CalibratedLinearSVC().fit(x, np.array(y, dtype=bool), groups=np.array(groups))
    assert caught.value.code == "CP-ML-002"
