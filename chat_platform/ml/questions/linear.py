"""The calibrated linear question model.

What belongs here: the classifier over ``features`` and the folds of its calibration. What does not: labels,
evaluation, keeping models. scikit-learn is imported where something is fitted: a model that serves needs none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import sparse

from chat_platform.errors import ModelError

if TYPE_CHECKING:
    from sklearn.svm import LinearSVC

FOLDS = 3


class CalibratedLinearSVC:
    """A linear support vector machine whose scores become probabilities.

    The sigmoid (Platt 1999) is fitted on scores that models without the row's group gave it, so paraphrases of
    one text, or messages of one lecture, do not vouch for each other. The machine itself is fitted on all rows.

    Args:
        cost: inverse of the regularisation, as scikit-learn's ``C``.
        seed: of the folds and of the solver.

    Attributes:
        coef_: float32 of shape (features,).
        intercept_: of the machine.
        slope_, offset_: probability = 1 / (1 + exp(-(slope · score + offset))).
    """

    def __init__(self, *, cost: float = 0.2, seed: int = 0) -> None:
        self.cost = cost
        self.seed = seed

    def fit(
        self,
        features: sparse.csr_matrix,
        y: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> Self:
        """Fit machine and sigmoid.

        Args:
            features: shape (rows, features).
            y: bool of shape (rows,).
            groups: rows of one group are never on both sides of a fold.
            weights: of the rows, above 0.

        Raises:
            ModelError: CP-ML-002 when a class is in fewer groups than there are folds.
        """
        from sklearn.linear_model import LogisticRegression

        y = np.asarray(y, dtype=bool)
        groups = np.arange(len(y)) if groups is None else np.asarray(groups)
        weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
        for value in (True, False):
            if len(np.unique(groups[y == value])) < FOLDS:
                raise ModelError("CP-ML-002", f"{int((y == value).sum())} texts labelled {value}")
        scores = np.zeros(len(y))
        folds = folds_of(y, groups, seed=self.seed)
        for number in range(FOLDS):
            train, held_out = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
            machine = self._machine().fit(features[train], y[train], sample_weight=weights[train])
            scores[held_out] = machine.decision_function(features[held_out])
        sigmoid = LogisticRegression(C=1e4).fit(scores[:, None], y, sample_weight=weights)
        machine = self._machine().fit(features, y, sample_weight=weights)
        self.coef_ = machine.coef_[0].astype(np.float32)
        self.intercept_ = float(machine.intercept_[0])
        self.slope_, self.offset_ = float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])
        self._out_of_fold = 1 / (1 + np.exp(-(self.slope_ * scores + self.offset_)))
        return self

    def pop_out_of_fold(self) -> np.ndarray:
        """Probabilities of the training rows by machines that had not seen their group; once, they are not kept."""
        found = self._out_of_fold
        del self._out_of_fold
        return found

    def decision_function(self, features: sparse.csr_matrix) -> np.ndarray:
        """Log odds of a question, shape (rows,)."""
        # In single precision what is nearly certain would be certain, and ties.
        scores = (features @ self.coef_).astype(np.float64) + self.intercept_
        return self.slope_ * scores + self.offset_

    def probabilities(self, features: sparse.csr_matrix) -> np.ndarray:
        """Of a question, shape (rows,)."""
        return 1 / (1 + np.exp(-self.decision_function(features)))

    def numbers(self) -> dict[str, float]:
        """What was fitted besides ``coef_``."""
        return {"intercept": self.intercept_, "slope": self.slope_, "offset": self.offset_}

    def restore(self, coef: np.ndarray, numbers: Mapping[str, float]) -> Self:
        """Take over a fitted state: ``coef_`` and ``numbers``."""
        self.coef_ = coef
        self.intercept_ = float(numbers["intercept"])
        self.slope_, self.offset_ = float(numbers["slope"]), float(numbers["offset"])
        return self

    def _machine(self) -> LinearSVC:
        from sklearn.svm import LinearSVC

        return LinearSVC(C=self.cost, random_state=self.seed)


def folds_of(y: np.ndarray, groups: np.ndarray, *, seed: int) -> np.ndarray:
    """Fold of each row: a group is in one fold, and the folds are alike in size and in both classes.

    Groups are dealt like cards, those with one class, both and the other behind each other, the large ones of each
    first. So a class that is in as many groups as there are folds is in every fold. (scikit-learn's
    ``StratifiedGroupKFold`` weighs every fold for every group: 7 s for 55,000 groups.)

    Args:
        y: bool of shape (rows,).
        groups: shape (rows,).
        seed: of the order among groups of a size.
    """
    _, owners = np.unique(groups, return_inverse=True)
    rows = np.bincount(owners)
    asking = np.bincount(owners, weights=y)
    kind = (asking > 0).astype(int) + (asking == rows)
    chance = np.random.default_rng(seed).permutation(len(rows))
    fold_of_group = np.empty(len(rows), dtype=np.int64)
    fold_of_group[np.lexsort((chance, -rows, kind))] = np.arange(len(rows)) % FOLDS
    return fold_of_group[owners]
