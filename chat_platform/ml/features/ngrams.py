"""N-grams and pairs of symbols as sparse features.

What belongs here: vectorisers for characters and for tokens, and where their features stand in a text. What
does not: which sequences a model looks at (``questions``, ``authors``).

scikit-learn's vectorisers build every n-gram as a Python string: 6,000 to 10,000 chat messages a second on one
core with 1–4 characters. Here n-grams are 64-bit hashes computed by NumPy over all messages at once, and the
vocabulary is a sorted array of those that were seen often enough; two different n-grams share a hash with a
probability below 1e-6 for a vocabulary of a million.

Nothing of scikit-learn is imported, because importing it takes longer than a model may take to load.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import sparse

from chat_platform.errors import ModelError
from chat_platform.ml.features.sequences import END, START, Sequences

_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True)
class Occurrence:
    """A feature of the vocabulary where it stands.

    Attributes:
        column: column of the feature.
        start: first symbol, counted in the sequence with its fences (so character ``start - 1`` of a text).
        length: symbols.
        weight: share of this occurrence in the feature's value.
    """

    column: int
    start: int
    length: int
    weight: float


class _HashedVectorizer:
    """Counts of patterns of symbols, damped, weighted by rarity, each row of length 1.

    A subclass says in ``_windows`` which patterns a sequence holds.

    Values are ``(1 + ln count) · idf`` with ``idf = 1 + ln((1 + rows) / (1 + rows with it))``, as
    ``TfidfVectorizer(sublinear_tf=True)`` computes them, then divided by the row's Euclidean length.

    Attributes:
        vocabulary_: hashes of the features, sorted; uint64 of shape (features,).
        idf_: float32 of shape (features,).
    """

    min_rows: int
    most: int | None
    binary: bool

    def fit(self, sequences: Sequences, y: Any = None) -> Self:
        """Learn the vocabulary.

        Raises:
            ModelError: CP-ML-001 when no n-gram stands in ``min_rows`` rows.
        """
        self._learn(sequences)
        return self

    def fit_transform(self, sequences: Sequences, y: Any = None, **_: Any) -> sparse.csr_matrix:
        """``fit`` and ``transform`` with the n-grams built once."""
        counts = self._learn(sequences)
        return self._weighted(counts)

    def transform(self, sequences: Sequences) -> sparse.csr_matrix:
        """Features: float32 CSR of shape (rows, features); a row without any known n-gram is zero."""
        rows, hashes = self._pairs(sequences)
        columns = self._columns(hashes)
        known = columns >= 0
        shape = (len(sequences), len(self.vocabulary_))
        return self._weighted(_counted(rows[known], columns[known], shape))

    def occurrences(self, sequences: Sequences) -> list[list[Occurrence]]:
        """Where the features of each row stand, for explanations of a few rows."""
        values = self.transform(sequences)
        found: list[list[Occurrence]] = [[] for _ in range(len(sequences))]
        for length, starts, hashes in self._windows(sequences):
            rows = np.searchsorted(sequences.offsets, starts, side="right") - 1
            columns = self._columns(hashes)
            for start, row, column in zip(starts, rows, columns, strict=True):
                if column >= 0:
                    place = int(start - sequences.offsets[row])
                    found[row].append(Occurrence(int(column), place, length, 0.0))
        return [self._shares(places, values[row]) for row, places in enumerate(found)]

    def _shares(self, places: list[Occurrence], row: sparse.csr_matrix) -> list[Occurrence]:
        value = dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))
        times: dict[int, int] = {}
        for place in places:
            times[place.column] = times.get(place.column, 0) + 1
        return [
            Occurrence(p.column, p.start, p.length, value.get(p.column, 0.0) / times[p.column])
            for p in places
        ]

    def _learn(self, sequences: Sequences) -> sparse.csr_matrix:
        rows, hashes = self._pairs(sequences)
        distinct, columns = np.unique(hashes, return_inverse=True)
        counts = _counted(rows, columns, (len(sequences), len(distinct)))
        seen = np.bincount(counts.indices, minlength=len(distinct))
        keep = np.flatnonzero(seen >= self.min_rows)
        if self.most is not None and len(keep) > self.most:
            # Ties are broken by the hash, which no run changes.
            keep = np.sort(keep[np.argsort(-seen[keep], kind="stable")[: self.most]])
        if not len(keep):
            raise ModelError("CP-ML-001", f"{len(sequences)} texts, none of their n-grams in {self.min_rows}")
        self.vocabulary_ = distinct[keep]
        self.idf_ = (1 + np.log((1 + len(sequences)) / (1 + seen[keep]))).astype(np.float32)
        return counts[:, keep]

    def _weighted(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        data = np.ones_like(counts.data) if self.binary else 1 + np.log(counts.data)
        data = data * self.idf_[counts.indices]
        lengths = np.sqrt(np.bincount(_row_of(counts), weights=data * data, minlength=counts.shape[0]))
        data = data / lengths[_row_of(counts)] if len(data) else data
        return sparse.csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)

    def _pairs(self, sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
        owners = sequences.owners()
        rows, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
        for _, starts, values in self._windows(sequences):
            rows.append(owners[starts])
            hashes.append(values)
        return np.concatenate(rows), np.concatenate(hashes)

    def _windows(self, sequences: Sequences) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Length in symbols, first symbols and hashes of the patterns, one length (or kind) at a time."""
        raise NotImplementedError

    def _columns(self, hashes: np.ndarray) -> np.ndarray:
        """Column of each hash, -1 when it is not in the vocabulary."""
        places = np.searchsorted(self.vocabulary_, hashes)
        places[places == len(self.vocabulary_)] = 0
        return np.where(self.vocabulary_[places] == hashes, places, -1)


class NgramVectorizer(_HashedVectorizer):
    """Contiguous n-grams; see ``_HashedVectorizer`` for the values.

    Args:
        shortest: symbols of the shortest n-gram.
        longest: symbols of the longest n-gram.
        min_rows: rows that an n-gram must stand in to become a feature.
        most: features kept at most, those in most rows first; ``None`` keeps all.
        binary: count an n-gram once a row.
    """

    def __init__(
        self,
        shortest: int = 1,
        longest: int = 4,
        *,
        min_rows: int = 2,
        most: int | None = None,
        binary: bool = False,
    ) -> None:
        self.shortest = shortest
        self.longest = longest
        self.min_rows = min_rows
        self.most = most
        self.binary = binary

    def _windows(self, sequences: Sequences) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Fences alone say nothing, so they are no n-grams."""
        symbols, owners = sequences.symbols, sequences.owners()
        starts = np.arange(len(symbols))
        hashes = _mixed(symbols)
        for length in range(1, self.longest + 1):
            if length > 1:
                starts_before = starts
                inside = starts_before + length - 1 < len(symbols)
                starts, hashes = starts_before[inside], hashes[inside]
                within = owners[starts] == owners[starts + length - 1]
                starts, hashes = starts[within], hashes[within]
                hashes = _mixed(hashes * _MULTIPLY + symbols[starts + length - 1])
            if length >= self.shortest:
                if length == 1:
                    real = (symbols != START) & (symbols != END)
                    yield length, starts[real], hashes[real]
                else:
                    spoken = ~((symbols[starts] == START) & (symbols[starts + 1] == END))
                    yield length, starts[spoken], hashes[spoken]


class PairVectorizer(_HashedVectorizer):
    """Ordered pairs of symbols that stand near each other, whatever is between them.

    Args:
        reach: largest distance of the two. A pair's distance is not part of it.
        with_last: pair each symbol with the last one of its sequence instead: what an utterance asks is in
            a word anywhere (무엇, when) and in its ending together.
        min_rows: rows that a pair must stand in to become a feature.
        most: as in ``NgramVectorizer``.
        binary: as in ``NgramVectorizer``.
    """

    def __init__(
        self,
        reach: int = 8,
        *,
        with_last: bool = False,
        min_rows: int = 2,
        most: int | None = None,
        binary: bool = False,
    ) -> None:
        self.reach = reach
        self.with_last = with_last
        self.min_rows = min_rows
        self.most = most
        self.binary = binary

    def _windows(self, sequences: Sequences) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        symbols, owners = sequences.symbols, sequences.owners()
        first = _mixed(symbols) * _MULTIPLY
        if self.with_last:
            last = sequences.offsets[1:][owners] - 2
            starts = np.flatnonzero((np.arange(len(symbols)) < last) & (symbols != START))
            yield 1, starts, _mixed(first[starts] + symbols[last[starts]])
            return
        inner = (symbols != START) & (symbols != END)
        for distance in range(1, self.reach + 1):
            starts = np.flatnonzero(inner[:-distance] & inner[distance:])
            starts = starts[owners[starts] == owners[starts + distance]]
            yield distance + 1, starts, _mixed(first[starts] + symbols[starts + distance])


def _mixed(values: np.ndarray) -> np.ndarray:
    """A finaliser in the manner of splitmix64 (Steele, Lea, Flood 2014): every bit of the input moves all."""
    values = (values ^ (values >> np.uint64(30))) * _MIX
    return values ^ (values >> np.uint64(27))


def _counted(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _row_of(matrix: sparse.csr_matrix) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
