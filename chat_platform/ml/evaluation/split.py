"""What is trained on and what is tested on, with nothing of the test in the training.

What belongs here: dividing rows, finding texts that are near-copies of each other, proving that a division leaks
nothing. What does not: where rows come from (``labels``), training.

Tomorrow's class is the test: rows of a conversation stay together, and the latest conversations are the test. Rows
without a conversation (imported files, the seed set) are divided by whole groups, by the hash of the group's key, so
the same row is on the same side in every run. Then every training row that is a near-copy of a test row is dropped
and counted.

Two texts are near-copies when, without case, blanks, punctuation and elongation,

* they are equal, or
* both have ``LEAST_LETTERS`` letters or more and one letter was typed, left out or replaced, or
* their sets of four letters in a row overlap by ``SIMILAR`` (Jaccard) or more.

No pair of rows is compared unless it shares a rare key, so the time grows with the rows, not with their square: for
the second rule the text without each one of its letters (as SymSpell does), for the third the rarest four-letter
pieces. Sets that overlap by ``s`` share one of the first ``n - ⌈s·n⌉ + 1`` of ``n`` pieces, in any fixed order, so
the search misses none (prefix filtering: Chaudhuri, Ganti, Kaushik 2006).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SIMILAR = 0.9
LEAST_LETTERS = 8
_PIECE = 4
_PAIRS_AT_ONCE = 200_000
_BASE = np.uint64(0x9E3779B97F4A7C15)
_ELONGATED = re.compile(r"([^\d])\1+", re.DOTALL)


@dataclass(frozen=True)
class Split:
    """Rows of each side, by their numbers.

    Attributes:
        train: int64, ascending.
        test: int64, ascending.
        near_copies: training rows that were dropped because a test row says nearly the same.
        same_person: training rows that were dropped because their person is in the test.
    """

    train: np.ndarray
    test: np.ndarray
    near_copies: int = 0
    same_person: int = 0


@dataclass(frozen=True)
class Rows:
    """What leakage is looked for in; each of the length of ``texts`` or ``None``."""

    texts: Sequence[str]
    conversations: Sequence[str | None] | None = None
    persons: Sequence[str | None] | None = None


@dataclass(frozen=True)
class Leak:
    """Something of the test that stands in the training.

    Attributes:
        kind: ``same_text``, ``near_copy``, ``same_conversation`` or ``same_person``.
        train: number of the training row.
        test: number of the test row.
    """

    kind: str
    train: int
    test: int


def split_rows(
    texts: Sequence[str],
    *,
    conversations: Sequence[str | None] | None = None,
    times: Sequence[Any] | None = None,
    groups: Sequence[str | None] | None = None,
    persons: Sequence[str | None] | None = None,
    test_share: float = 0.2,
) -> Split:
    """Divide rows into training and test.

    Args:
        texts: of the rows.
        conversations: of each row; ``None`` for rows that belong to none. One conversation alone is trained on.
        times: when each row was said: anything that can be compared; a conversation is as late as its first row.
            Without it, conversations are ordered by their names.
        groups: key of a row without conversation; default: its text, so that copies stay together.
        persons: given only when nobody of the test may be trained on; their training rows are dropped.
        test_share: share of rows that the test should have.
    """
    number = len(texts)
    conversations = conversations or [None] * number
    late = _latest(conversations, times, test_share)
    keys = [text_key(text) for text in texts]
    in_test = np.zeros(number, dtype=bool)
    for row, conversation in enumerate(conversations):
        if conversation is not None:
            in_test[row] = conversation in late
        else:
            group = groups[row] if groups is not None else None
            in_test[row] = _share(group if group is not None else keys[row]) < test_share
    test, train = np.flatnonzero(in_test), np.flatnonzero(~in_test)
    copies = near_copies([texts[row] for row in train.tolist()], [texts[row] for row in test.tolist()])
    kept = train[copies < 0]
    known = _persons_outside(persons, kept, test)
    return Split(kept[known], test, int((copies >= 0).sum()), int((~known).sum()))


def leaks(train: Rows, test: Rows) -> list[Leak]:
    """Everything of the test that the training has seen; empty when the division is clean."""
    found = []
    keys = [text_key(text) for text in test.texts]
    for row, other in enumerate(near_copies(train.texts, test.texts)):
        if other >= 0:
            same = text_key(train.texts[row]) == keys[other]
            found.append(Leak("same_text" if same else "near_copy", row, int(other)))
    for kind, ours, theirs in (
        ("same_conversation", train.conversations, test.conversations),
        ("same_person", train.persons, test.persons),
    ):
        found += [Leak(kind, row, other) for row, other in _shared(ours, theirs)]
    return found


def two_names(persons: Sequence[Hashable], labels: Sequence[Hashable]) -> list[Hashable]:
    """Persons who stand under more than one label: one author as two classes, told apart by nothing."""
    names: dict[Hashable, set[Hashable]] = {}
    for person, label in zip(persons, labels, strict=True):
        names.setdefault(person, set()).add(label)
    return sorted((person for person, labels in names.items() if len(labels) > 1), key=str)


def text_key(text: str) -> str:
    """What is compared: compatibility form, no case, letters and digits only, no letter twice in a row.

    Digits may stand twice: problem 11 is not problem 1. A text without any letter or digit (``???``, an emoji) is
    its own key, without blanks and elongation.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(c for c in folded if c.isalnum()) or "".join(folded.split())
    return _ELONGATED.sub(r"\1", letters)


def near_copies(texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
    """A near-copy among ``others`` of each text: its number, or -1. int64 of shape (texts,)."""
    keys, other_keys = [text_key(text) for text in texts], [text_key(text) for text in others]
    place = {key: number for number, key in reversed(list(enumerate(other_keys)))}
    distinct = list(dict.fromkeys(key for key in keys if key not in place))
    found = _one_letter_apart(distinct, list(place))
    for number, other in _overlapping([key for key in distinct if key not in found], list(place)):
        found.setdefault(number, other)
    return np.array(
        [place[key] if key in place else place[found[key]] if key in found else -1 for key in keys],
        dtype=np.int64,
    )


def _latest(conversations: Sequence[str | None], times: Sequence[Any] | None, share: float) -> set[str]:
    """The last conversations that together have about ``share`` of the rows; never all of them."""
    rows: dict[str, int] = {}
    starts: dict[str, Any] = {}
    for row, name in enumerate(conversations):
        if name is None:
            continue
        rows[name] = rows.get(name, 0) + 1
        if times is not None and (name not in starts or times[row] < starts[name]):
            starts[name] = times[row]
    ordered = sorted(rows, key=lambda name: (starts[name], name) if starts else name)
    wanted, taken = share * sum(rows.values()), 0
    late: set[str] = set()
    for name in reversed(ordered[1:]):
        # The conversation that crosses the line is taken when most of it is below.
        if late and taken + rows[name] / 2 > wanted:
            break
        late.add(name)
        taken += rows[name]
    return late


def _share(key: str) -> float:
    """A number from 0 to 1 that depends on the key alone."""
    data = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(data, "big") / 2**64


def _persons_outside(persons: Sequence[str | None] | None, rows: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Whether each row's person is not in the test; true where nobody asked."""
    if persons is None:
        return np.ones(len(rows), dtype=bool)
    tested = {persons[row] for row in test} - {None}
    return np.array([persons[row] not in tested for row in rows], dtype=bool)


def _shared(
    ours: Sequence[str | None] | None, theirs: Sequence[str | None] | None
) -> Iterator[tuple[int, int]]:
    """First row of each value that stands on both sides, with its first row on the other."""
    first: dict[str, int] = {}
    for row, value in enumerate(theirs or ()):
        if value is not None:
            first.setdefault(value, row)
    seen = set()
    for row, value in enumerate(ours or ()):
        if value in first and value not in seen:
            seen.add(value)
            yield row, first[value]


def _one_letter_apart(keys: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Key → one of ``others`` from which one letter separates it."""
    keys = [key for key in keys if len(key) >= LEAST_LETTERS]
    others = [key for key in others if len(key) >= LEAST_LETTERS]
    owner, variants = _deletions(keys)
    other_owner, other_variants = _deletions(others)
    order = np.argsort(other_variants, kind="stable")
    ranked = other_variants[order]
    first, last = np.searchsorted(ranked, variants), np.searchsorted(ranked, variants, side="right")
    found: dict[str, str] = {}
    for hit in np.flatnonzero(last > first):
        key = keys[owner[hit]]
        for candidate in () if key in found else order[first[hit] : last[hit]]:
            other = others[other_owner[candidate]]
            # Hashes may collide, and two deletions at different places are two letters apart.
            if _is_one_letter(key, other):
                found[key] = other
                break
    return found


def _deletions(keys: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of every key and of every key without one of its letters, with the number of the key.

    Polynomial hashes modulo 2⁶⁴: the hash without letter ``i`` is put together from what stands before and behind.
    """
    owners, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    by_length: dict[int, list[int]] = {}
    for number, key in enumerate(keys):
        by_length.setdefault(len(key), []).append(number)
    for length, numbers in by_length.items():
        flat = "".join(keys[number] for number in numbers).encode("utf-32-le", "surrogatepass")
        letters = np.frombuffer(flat, dtype=np.uint32).reshape(len(numbers), length).astype(np.uint64) + 1
        powers = np.cumprod(np.concatenate(([np.uint64(1)], np.full(length, _BASE))), dtype=np.uint64)
        zero = np.zeros((len(numbers), 1), dtype=np.uint64)
        # Every letter takes the power of its place from the left; behind the gap that is one place less.
        before = np.cumsum(np.hstack([zero, letters * powers[:length]]), axis=1, dtype=np.uint64)
        shifted = np.hstack([zero, letters[:, 1:] * powers[: length - 1]])
        behind = np.cumsum(shifted, axis=1, dtype=np.uint64)
        without = before[:, :-1] + (behind[:, -1:] - behind)
        every = np.hstack([without, before[:, -1:]])
        owners.append(np.repeat(np.array(numbers, dtype=np.int64), length + 1))
        hashes.append(every.ravel())
    return np.concatenate(owners), np.concatenate(hashes)


def _is_one_letter(one: str, two: str) -> bool:
    """Whether one letter typed, left out or replaced leads from one to the other."""
    if abs(len(one) - len(two)) > 1:
        return False
    same = 0
    while same < min(len(one), len(two)) and one[same] == two[same]:
        same += 1
    if len(one) == len(two):
        return one[same + 1 :] == two[same + 1 :]
    longer, shorter = (one, two) if len(one) > len(two) else (two, one)
    return longer[same + 1 :] == shorter[same:]


def _overlapping(keys: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of keys whose sets of pieces overlap by ``SIMILAR`` or more."""
    pieces = _Pieces([*keys, *others])
    boundary = len(keys)
    for left, right in pieces.candidates(boundary):
        similar = pieces.overlap(left, right) >= SIMILAR
        for one, two in zip(left[similar], right[similar], strict=True):
            yield keys[one], others[two - boundary]


class _Pieces:
    """Sets of four letters in a row, as a sparse matrix with the rarest pieces first."""

    def __init__(self, keys: Sequence[str]) -> None:
        from scipy import sparse

        rows, hashes = _piece_hashes(keys)
        distinct, columns, frequency = np.unique(hashes, return_inverse=True, return_counts=True)
        # Rarest first; pieces of equal frequency in the order of their hashes.
        rank = np.empty(len(distinct), dtype=np.int64)
        rank[np.argsort(frequency, kind="stable")] = np.arange(len(distinct))
        shape = (len(keys), max(len(distinct), 1))
        matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, rank[columns])), shape=shape)
        matrix.sum_duplicates()
        matrix.sort_indices()
        matrix.data[:] = 1
        self._matrix = matrix
        self.sizes = np.diff(matrix.indptr)

    def candidates(self, boundary: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of a row below ``boundary`` and one from it on that may overlap enough, in portions."""
        rows, columns = self._prefixes()
        ours = rows < boundary
        theirs = np.flatnonzero(~ours)
        theirs = theirs[np.lexsort((self.sizes[rows[theirs]], columns[theirs]))]
        # Within a piece, only rows of a size that still allows the overlap.
        scale = int(self.sizes.max(initial=0)) + 1
        ranked = columns[theirs] * scale + self.sizes[rows[theirs]]
        sizes = self.sizes[rows[ours]]
        low = np.searchsorted(ranked, columns[ours] * scale + np.ceil(sizes * SIMILAR).astype(np.int64))
        most = np.minimum(np.floor(sizes / SIMILAR).astype(np.int64), scale - 1)
        high = np.searchsorted(ranked, columns[ours] * scale + most, side="right")
        yield from _portions(rows[ours], low, high, rows[theirs])

    def overlap(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Jaccard similarity of pairs of rows."""
        common = np.asarray(self._matrix[left].multiply(self._matrix[right]).sum(axis=1)).ravel()
        return common / (self.sizes[left] + self.sizes[right] - common)

    def _prefixes(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and piece of the first pieces of every row, as many as one of which must be shared."""
        lengths = self.sizes - np.ceil(self.sizes * SIMILAR - 1e-9).astype(np.int64) + 1
        lengths[self.sizes == 0] = 0
        rows = np.repeat(np.arange(len(self.sizes)), lengths)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return rows, self._matrix.indices[self._matrix.indptr[rows] + within].astype(np.int64)


def _piece_hashes(keys: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Row and hash of every piece; a key of fewer letters has none: equality and rule two judge it."""
    lengths = np.array([len(key) for key in keys], dtype=np.int64)
    flat = np.frombuffer("".join(keys).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(
        np.uint64
    )
    owners = np.repeat(np.arange(len(keys)), lengths)
    if len(flat) < _PIECE:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    number = len(flat) - _PIECE + 1
    hashes = np.zeros(number, dtype=np.uint64)
    for place in range(_PIECE):
        # A code point has 21 bits, four have 84: the mixing keeps what a shift by 16 would push out.
        hashes = (hashes ^ (hashes >> np.uint64(29))) * _BASE + flat[place : place + number]
    inside = owners[:number] == owners[_PIECE - 1 :]
    return owners[:number][inside], hashes[inside]


def _portions(
    ours: np.ndarray, low: np.ndarray, high: np.ndarray, theirs: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of ``ours[i]`` with ``theirs[low[i]:high[i]]``, at most about ``_PAIRS_AT_ONCE`` at a time, each once."""
    counts = np.maximum(high - low, 0)
    ends = np.cumsum(counts)
    start = 0
    while start < len(ours):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        part = slice(start, stop)
        left = np.repeat(ours[part], counts[part])
        within = np.arange(len(left)) - np.repeat(np.cumsum(counts[part]) - counts[part], counts[part])
        right = theirs[np.repeat(low[part], counts[part]) + within]
        pairs = np.unique(np.stack([left, right], axis=1), axis=0)
        if len(pairs):
            yield pairs[:, 0], pairs[:, 1]
        start = stop
