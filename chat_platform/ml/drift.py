"""Drift: whether a recording still looks like what the model was trained on.

What belongs here: the reference that is stored with a model, measures of a recording against it, the rule by which
measures call for training. What does not: tokens and predictions themselves, launching anything (``sensors``).

Two measures, each beside a limit:

* **score**: population stability index of the predicted probabilities over ten bins of equal mass in the training
  recordings, less what chance alone makes of it: for ``n`` messages against ``N``, (bins - 1)·(1/n + 1/N).
* **vocabulary**: share of a recording's tokens that are not in the vocabulary of the training recordings.

Lectures differ: every week brings new words. So a limit is what the training recordings themselves show, each
measured against all others: mean and three deviations, and never below a least difference that matters. With fewer
than ``MIN_RECORDINGS`` of them there is no limit, and nothing is called drift.

The reference holds counts, and tokens that stand in ``MIN_MESSAGES`` messages of ``MIN_AUTHORS`` people or more: no
message, and no word that is only one person's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import ModelError

BINS = 10
MIN_MESSAGES = 5
MIN_AUTHORS = 3
MIN_RECORDINGS = 5
JUDGED_MESSAGES = 50
"""A recording with fewer messages is measured and not judged."""
LEAST_SCORE = 0.25
"""From 0.25 up, a population stability index is commonly read as a changed population."""
LEAST_VOCABULARY = 0.1
"""What the share of unknown tokens must exceed its mean by."""
FORMAT = 1
REFERENCE_FILE = "drift_reference.json"


@dataclass(frozen=True)
class Reference:
    """What the training recordings looked like.

    Attributes:
        edges: inner edges of the bins of probabilities, ascending.
        counts: training messages in each bin.
        vocabulary: tokens that many used.
        score_limit: from which a score measure is drift; ``None``: not judged.
        vocabulary_limit: the same for the vocabulary measure.
        recordings: recordings that it was learned from.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    vocabulary: frozenset[str]
    score_limit: float | None
    vocabulary_limit: float | None
    recordings: int

    def to_json(self) -> bytes:
        """The reference, for the folder of its model."""
        value = {
            "format": FORMAT,
            "edges": self.edges,
            "counts": self.counts,
            "vocabulary": sorted(self.vocabulary),
            "score_limit": self.score_limit,
            "vocabulary_limit": self.vocabulary_limit,
            "recordings": self.recordings,
        }
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @classmethod
    def from_json(cls, data: bytes) -> Reference:
        """What ``to_json`` wrote.

        Raises:
            ModelError: CP-ML-028 when it is something else.
        """
        try:
            value = json.loads(data.decode("utf-8", "surrogatepass"))
            if value["format"] != FORMAT or len(value["counts"]) != len(value["edges"]) + 1:
                raise ValueError("format")
            return cls(
                tuple(map(float, value["edges"])),
                tuple(map(int, value["counts"])),
                frozenset(value["vocabulary"]),
                value["score_limit"],
                value["vocabulary_limit"],
                int(value["recordings"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError("CP-ML-028", f"{REFERENCE_FILE}: {type(error).__name__}") from error


@dataclass(frozen=True)
class Measure:
    """A recording against the reference.

    Attributes:
        conversation_id: the recording.
        score: excess population stability index; NaN without messages.
        vocabulary: share of unknown tokens; NaN without tokens.
        messages: messages with a probability.
        score_beyond: whether ``score`` is beyond its limit, in a recording that is large enough to judge.
        vocabulary_beyond: the same for ``vocabulary``.
    """

    conversation_id: str
    score: float
    vocabulary: float
    messages: int
    score_beyond: bool
    vocabulary_beyond: bool

    @property
    def judged(self) -> bool:
        """Whether it is large enough to say anything."""
        return self.messages >= JUDGED_MESSAGES


@dataclass(frozen=True)
class DriftRule:
    """When measures call for training: ``needed`` of the last ``window`` judged recordings beyond one limit."""

    window: int = 5
    needed: int = 3


@dataclass(frozen=True)
class Drift:
    """What the rule says.

    Attributes:
        drifted: whether to train again.
        why: English.
        why_ko: Korean.
    """

    drifted: bool
    why: str
    why_ko: str


def learn_reference(scores: pa.Table, tokens: pa.Table) -> Reference:
    """Learn from the recordings that a model was trained on.

    Args:
        scores: ``conversation_id``, ``probability``: one row a message, as the model scores it.
        tokens: ``conversation_id``, ``message_id``, ``author``, ``token``: one row a token.
    """
    probabilities = _floats(scores.column("probability"))
    edges = _edges(probabilities)
    histograms = _histograms(scores, edges)
    return Reference(
        tuple(edges.tolist()),
        tuple(int(one) for one in sum(histograms.values(), np.zeros(len(edges) + 1, dtype=np.int64))),
        _vocabulary(tokens),
        _score_limit(histograms),
        _vocabulary_limit(tokens),
        len({*histograms, *_in_recordings(tokens).column("conversation_id").to_pylist()}),
    )


def measure(reference: Reference, scores: pa.Table, tokens: pa.Table) -> list[Measure]:
    """Measure each recording in the tables, in the order in which they first appear in ``scores``.

    Args:
        reference: of the model whose probabilities these are.
        scores: as of ``learn_reference``.
        tokens: ``conversation_id`` and ``token``.
    """
    histograms = _histograms(scores, np.array(reference.edges))
    unknown = _unknown_shares(tokens, reference.vocabulary)
    found = []
    names = [name for name in scores.column("conversation_id").to_pylist() if name is not None]
    for name in dict.fromkeys([*names, *unknown]):
        counts = histograms.get(name, np.zeros(len(reference.counts), dtype=np.int64))
        score = _excess_psi(counts, np.array(reference.counts))
        words, messages = unknown.get(name, math.nan), int(counts.sum())
        large = messages >= JUDGED_MESSAGES
        found.append(
            Measure(
                name,
                score,
                words,
                messages,
                large and _beyond(score, reference.score_limit),
                large and _beyond(words, reference.vocabulary_limit),
            )
        )
    return found


def drifted(measures: Sequence[Measure], rule: DriftRule | None = None) -> Drift:
    """Whether the latest recordings call for training; one odd lecture does not.

    Args:
        measures: oldest first.
        rule: how many of how many.
    """
    rule = rule or DriftRule()
    last = [one for one in measures if one.judged][-rule.window :]
    kinds = {
        "scores": ("점수 분포", sum(one.score_beyond for one in last)),
        "vocabulary": ("어휘", sum(one.vocabulary_beyond for one in last)),
    }
    told = [f"{kind} {number}" for kind, (_, number) in kinds.items()]
    told_ko = [f"{korean} {number}" for korean, number in kinds.values()]
    return Drift(
        any(number >= rule.needed for _, number in kinds.values()),
        f"of the last {len(last)} recordings beyond the limit: {', '.join(told)}; {rule.needed} of {rule.window} "
        "call for training",
        f"최근 녹화본 {len(last)}개 중 한계를 넘은 것: {', '.join(told_ko)}. "
        f"{rule.window}개 중 {rule.needed}개면 재학습",
    )


def picture(measures: Sequence[Measure], reference: Reference) -> dict[str, bytes]:
    """``score.svg`` and ``vocabulary.svg``: each measure over recordings with its limit."""
    from chat_platform.ml.evaluation.pictures import drift_picture

    names = [one.conversation_id for one in measures]
    return {
        "score.svg": drift_picture(
            names, [one.score for one in measures], reference.score_limit, "drift of scores"
        ),
        "vocabulary.svg": drift_picture(
            names, [one.vocabulary for one in measures], reference.vocabulary_limit, "unknown tokens"
        ),
    }


def _beyond(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.drop_null().to_numpy(), dtype=float)


def _edges(probabilities: np.ndarray) -> np.ndarray:
    """Inner edges of bins of equal mass; fewer where many probabilities are equal."""
    if not len(probabilities):
        return np.empty(0)
    edges = np.unique(np.quantile(probabilities, np.arange(1, BINS) / BINS))
    return edges[edges > probabilities.min()]


def _histograms(scores: pa.Table, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Recording → messages in each bin."""
    known = scores.select(["conversation_id", "probability"]).drop_null()
    names, codes = np.unique(
        np.array(known.column("conversation_id").to_pylist(), dtype=object), return_inverse=True
    )
    places = np.searchsorted(edges, _floats(known.column("probability")), side="right")
    width = len(edges) + 1
    counts = np.bincount(codes * width + places, minlength=len(names) * width).reshape(len(names), width)
    return dict(zip(names.tolist(), counts, strict=True))


def _excess_psi(counts: np.ndarray, reference: np.ndarray) -> float:
    """Population stability index beyond chance; NaN where one of both holds nothing.

    Half a message is added to each bin, so that an empty one costs much and not everything.
    """
    if not counts.sum() or not reference.sum():
        return math.nan
    here = (counts + 0.5) / (counts + 0.5).sum()
    there = (reference + 0.5) / (reference + 0.5).sum()
    psi = float(((here - there) * np.log(here / there)).sum())
    chance = (len(counts) - 1) * (1 / counts.sum() + 1 / reference.sum())
    return max(0.0, psi - float(chance))


def _limit(values: Sequence[float], least: float) -> float | None:
    defined = np.array([value for value in values if math.isfinite(value)])
    if len(defined) < MIN_RECORDINGS:
        return None
    return float(max(least, defined.mean() + 3 * defined.std(ddof=1)))


def _score_limit(histograms: Mapping[str, np.ndarray]) -> float | None:
    """Limit from each large recording against all others."""
    whole = sum(histograms.values(), np.zeros(1, dtype=np.int64))
    large = [one for one in histograms.values() if one.sum() >= JUDGED_MESSAGES]
    return _limit([_excess_psi(one, whole - one) for one in large], LEAST_SCORE)


@dataclass(frozen=True)
class _Uses:
    """Uses of tokens in recordings: one entry a pair of token and recording.

    Attributes:
        token: number of the token.
        recording: number of the recording.
        mass: times that it stands there.
        messages: messages that it stands in there.
        own_authors: people who used it there and nowhere else.
        all_messages: messages of each token, everywhere.
        all_authors: people of each token, everywhere.
        names: the tokens.
    """

    token: np.ndarray
    recording: np.ndarray
    mass: np.ndarray
    messages: np.ndarray
    own_authors: np.ndarray
    all_messages: np.ndarray
    all_authors: np.ndarray
    names: list[str]


def _uses(tokens: pa.Table) -> _Uses:
    known = _in_recordings(tokens)
    token, names = _codes(known.column("token"))
    recording, recordings = _codes(known.column("conversation_id"))
    message, _ = _codes(known.column("message_id"))
    author, authors = _codes(pc.fill_null(known.column("author"), ""))
    number, width = len(names), max(len(recordings), 1)
    pairs, place, mass = np.unique(token * width + recording, return_inverse=True, return_counts=True)
    in_message = np.unique(np.stack([place, message], axis=1), axis=0)[:, 0]
    people, first, recordings_of = _distinct_recordings(token * max(len(authors), 1) + author, recording)
    only_here = recordings_of == 1
    return _Uses(
        pairs // width,
        pairs % width,
        mass,
        np.bincount(in_message, minlength=len(pairs)),
        np.bincount(place[first[only_here]], minlength=len(pairs)),
        np.bincount(pairs[in_message] // width, minlength=number),
        np.bincount(people // max(len(authors), 1), minlength=number),
        names,
    )


def _distinct_recordings(
    keys: np.ndarray, recording: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct keys, a row of each, and in how many recordings each stands."""
    distinct, first, place = np.unique(keys, return_index=True, return_inverse=True)
    pairs = np.unique(np.stack([place, recording], axis=1), axis=0)
    return distinct, first, np.bincount(pairs[:, 0], minlength=len(distinct))


def _in_recordings(tokens: pa.Table) -> pa.Table:
    """Tokens of messages that belong to a recording; labelled texts of files belong to none."""
    valid = pc.and_(pc.is_valid(tokens.column("token")), pc.is_valid(tokens.column("conversation_id")))
    return tokens.filter(valid)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices, dtype=np.int64), encoded.dictionary.to_pylist()


def _vocabulary(tokens: pa.Table) -> frozenset[str]:
    """Tokens that enough people used in enough messages."""
    uses = _uses(tokens)
    many = (uses.all_messages >= MIN_MESSAGES) & (uses.all_authors >= MIN_AUTHORS)
    return frozenset(uses.names[token] for token in np.flatnonzero(many))


def _vocabulary_limit(tokens: pa.Table) -> float | None:
    """Limit from each recording against the vocabulary of all others."""
    uses = _uses(tokens)
    messages = uses.all_messages[uses.token] - uses.messages
    authors = uses.all_authors[uses.token] - uses.own_authors
    unknown = (messages < MIN_MESSAGES) | (authors < MIN_AUTHORS)
    whole = np.bincount(uses.recording, weights=uses.mass)
    outside = np.bincount(uses.recording, weights=uses.mass * unknown)
    shares = outside[whole > 0] / whole[whole > 0]
    least = float(shares.mean()) + LEAST_VOCABULARY if len(shares) else math.nan
    return _limit(shares.tolist(), least)


def _unknown_shares(tokens: pa.Table, vocabulary: frozenset[str]) -> dict[str, float]:
    """Recording → share of its tokens that are not in the vocabulary."""
    known = _in_recordings(tokens)
    token, names = _codes(known.column("token"))
    recording, recordings = _codes(known.column("conversation_id"))
    unknown = np.array([name not in vocabulary for name in names], dtype=bool)
    whole = np.bincount(recording, minlength=len(recordings))
    outside = np.bincount(recording, weights=unknown[token].astype(float), minlength=len(recordings))
    return dict(zip(recordings, (outside / np.maximum(whole, 1)).tolist(), strict=True))
