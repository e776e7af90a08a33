"""From scores to probabilities, and when to say nothing.

What belongs here: the temperature for so many messages, how much each of two readings counts, the threshold below
which no name is given. What does not: where scores come from (``readings``).

Both are learnt on later conversations than the machines were: they say how sure the model may be tomorrow.
Scores of 1, 5 and 20 messages have a temperature each, and the sizes between them one in between. The
threshold makes ``precision`` of the names given right when one asking in ten is about somebody whom the model
does not know: such askings are put to machines that have never seen a fifth of the authors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

SIZES = (1, 5, 20)
"""Messages pooled, for which the temperature is learnt."""
OUTSIDERS = 0.1
"""Share of askings about somebody unknown that the threshold reckons with."""
LEAST_GROUPS = 30
_USUAL = 40
_USUAL_SCALE = 4.0
_LONG = 1_000
SHARES = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8)
"""Of the second reading, as tried."""
NEVER = 2.0
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class Scaling:
    """How scores of askings of one size become probabilities.

    softmax of ``scale`` · (characters / 40) ** ``power`` · score + ``prior`` · log share of the author; of that all
    but ``doubt``, which goes to the authors by their shares.

    Attributes:
        power: the row of a short text is as long as that of a long one, so its scores are as high, on less.
        doubt: nobody can be surer than so many askings allow.
    """

    scale: float
    power: float
    prior: float
    doubt: float

    def probabilities(self, scores: np.ndarray, characters: np.ndarray, log_shares: np.ndarray) -> np.ndarray:
        """Of shape (rows, authors).

        Args:
            scores: shape (rows, authors).
            characters: of all texts of each row.
            log_shares: logarithm of each author's share of the messages.
        """
        scale = self.scale * (np.clip(characters, 1, _LONG) / _USUAL) ** self.power
        z = scale[:, None] * scores.astype(np.float64) + self.prior * log_shares
        likely = np.exp(z - z.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        return (1 - self.doubt) * likely + self.doubt * np.exp(log_shares)


@dataclass(frozen=True)
class Asked:
    """Askings about one person each, of one size.

    Attributes:
        scores: shape (rows, authors).
        characters: of all texts of each asking.
        authors: number of the right author, where the machines know them.
        log_shares: of the authors that the machines know.
    """

    scores: np.ndarray
    characters: np.ndarray
    authors: np.ndarray
    log_shares: np.ndarray

    def probabilities(self, scaling: Scaling) -> np.ndarray:
        """Of shape (rows, authors)."""
        return scaling.probabilities(self.scores, self.characters, self.log_shares)


@dataclass(frozen=True)
class Calibration:
    """What was learnt on later conversations; each entry belongs to the size of the same place in ``SIZES``.

    Attributes:
        scalings: by size.
        thresholds: least probability at which a name is given, by size.
        second_shares: how much the second of two readings counts, by size.
    """

    scalings: tuple[Scaling, ...]
    thresholds: tuple[float, ...]
    second_shares: tuple[float, ...] = (0.0,) * len(SIZES)

    def scaling(self, size: int) -> Scaling:
        """For so many messages pooled."""
        names = ("scale", "power", "prior", "doubt")
        return Scaling(*(between(size, [getattr(one, name) for one in self.scalings]) for name in names))

    def threshold(self, size: int) -> float:
        """For so many messages pooled."""
        return between(size, self.thresholds)

    def mixed(self, size: int, scores: Sequence[np.ndarray]) -> np.ndarray:
        """Scores of one or two readings as one."""
        return mixed(scores, between(size, self.second_shares))


def between(size: int, values: Sequence[float]) -> float:
    """The value of a size, in between on the logarithm of sizes; those of the ends beyond them."""
    return float(np.interp(np.log(max(size, 1)), np.log(SIZES), values))


def mixed(scores: Sequence[np.ndarray], second_share: float) -> np.ndarray:
    """Scores of one reading as they are; of two their weighted mean."""
    first, *others = scores
    return first if not others else (1 - second_share) * first + second_share * others[0]


def fit_scaling(known: Asked) -> Scaling:
    """The scaling under which the right authors are likeliest."""
    from scipy.optimize import minimize

    doubt = 1 / (len(known.authors) + 2)
    usual = np.array([np.log(_USUAL_SCALE), 0.0, 1.0])

    def loss(values: np.ndarray) -> float:
        # A weak pull to usual values decides where the askings do not: all right, or lengths or shares alike.
        return _log_loss(known, _scaling(values, doubt)) + 1e-3 * float(((values - usual) ** 2).sum())

    best = minimize(loss, x0=usual, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
    return _scaling(best.x, doubt)


def _log_loss(known: Asked, scaling: Scaling) -> float:
    rows = np.arange(len(known.authors))
    return float(-np.log(known.probabilities(scaling)[rows, known.authors]).mean())


def _scaling(values: np.ndarray, doubt: float) -> Scaling:
    scale, power, prior = (float(value) for value in values)
    return Scaling(
        float(np.exp(np.clip(scale, -5, 5))), float(np.clip(power, 0, 1)), float(np.clip(prior, 0, 2)), doubt
    )


def fit_threshold(sure: np.ndarray, right: np.ndarray, outsiders: np.ndarray, precision: float) -> float:
    """Least probability from which on ``precision`` of the names given are right.

    Args:
        sure: probability of the first guess, of askings about known authors.
        right: whether it was right.
        outsiders: probability of the first guess, of askings about unknown people.
        precision: what is wanted.

    Returns:
        ``NEVER`` when no threshold that still names anybody does it.
    """
    weight = OUTSIDERS / (1 - OUTSIDERS) * len(sure) / len(outsiders) if len(outsiders) else 0.0
    values = np.concatenate([sure, outsiders])
    hits = np.concatenate([right.astype(float), np.zeros(len(outsiders))])
    weights = np.concatenate([np.ones(len(sure)), np.full(len(outsiders), weight)])
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(hits[order]) / np.cumsum(weights[order])
    # The first few names given say little; and of equal probabilities the last one decides.
    enough = np.arange(1, len(values) + 1) >= min(20, len(values))
    last_of_value = np.append(values[order][1:] < values[order][:-1], True)
    good = np.flatnonzero((reached >= precision) & enough & last_of_value)
    if not len(good):
        return NEVER
    least = float(values[order][good[-1]])
    # Where all of them may be named, nothing speaks against less sure ones but the probability itself.
    return min(least, precision) if good[-1] == len(values) - 1 else least


def fit_second_shares(first: Mapping[int, Asked], second: Mapping[int, Asked]) -> tuple[float, ...]:
    """How much the second reading of the same askings should count, by size: right authors become likeliest."""
    shares: list[float] = []
    for size in SIZES:
        if shares and len(first[size].authors) < LEAST_GROUPS:
            shares.append(shares[-1])
            continue
        tried = [mixed_askings(first, second, size, share) for share in SHARES]
        losses = [_log_loss(asked, fit_scaling(asked)) for asked in tried]
        shares.append(SHARES[int(np.argmin(losses))])
    return tuple(shares)


def mixed_askings(
    first: Mapping[int, Asked], second: Mapping[int, Asked], size: int, second_share: float
) -> Asked:
    """Askings of one size with the scores of both readings as one."""
    scores = mixed([first[size].scores, second[size].scores], second_share)
    return replace(first[size], scores=scores)


def calibrate(known: Mapping[int, Asked], unknown: Mapping[int, Asked], precision: float) -> Calibration:
    """Learn both from later conversations.

    Args:
        known: size → askings about authors, for each size.
        unknown: size → askings about people whom the machines never saw; empty when nobody could be spared.
        precision: as in ``fit_threshold``.
    """
    scalings: list[Scaling] = []
    thresholds: list[float] = []
    for size in SIZES:
        asked = known[size]
        if scalings and len(asked.authors) < LEAST_GROUPS:
            # Too little was written later to pool so many; what holds for fewer is the more careful guess.
            scalings.append(scalings[-1])
            thresholds.append(thresholds[-1])
            continue
        scaling = fit_scaling(asked)
        found = asked.probabilities(scaling)
        right = found.argmax(axis=1) == asked.authors
        outsiders = np.empty(0)
        if size in unknown and len(unknown[size].authors):
            outsiders = unknown[size].probabilities(scaling).max(axis=1)
        scalings.append(scaling)
        thresholds.append(fit_threshold(found.max(axis=1), right, outsiders, precision))
    return Calibration(tuple(scalings), tuple(thresholds))
