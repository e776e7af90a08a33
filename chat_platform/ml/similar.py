"""Questions over all lectures that ask nearly the same.

What belongs here: how alike two questions are, and groups of them. What does not: which messages are questions
(``questions``), what became of them (marts).

Two questions are as alike as their content words and their letters are: the mean of two cosines of TF-IDF.
Words alone miss typing slips and words cut differently, letters alone find endings alike. Pairs that reach the
threshold make a graph; its components chain (a is like b, b like c, and a and c have nothing in common), so
each is cut again by average linkage: a group stays together while its questions are alike on the average.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from chat_platform.ml.features.ngrams import NgramVectorizer
from chat_platform.ml.features.sequences import of_jamo, of_tokens
from chat_platform.tables.models import QUESTION_GROUPS

SCHEMA = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("sent_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("lemmas", pa.list_(pa.string()), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)
"""Questions to group. ``lemmas`` are content words and words that ask, in order; ``text`` is clean text."""

THRESHOLD = 0.55
"""Of pairs in one group, 94 of 100 are paraphrases of each other (10,000 questions, groups of ten)."""

_CONTENT_TAGS = ("NNG", "NNP", "XR", "SL", "SN", "NR", "VV", "VA", "MAG")
_ASKING = frozenset(
    """왜 뭐 무엇 뭣 누구 언제 어디 어느 어떤 어떻다 어떻게 어떡하다 어쩌다 얼마 얼마나 몇 무슨
    what who whom whose which when where why how""".split()  # noqa: SIM905
)
# Words that say nothing about what is asked: with these and words that ask alone, two people mean two things.
_GENERAL = frozenset(
    """하다 되다 있다 없다 이다 아니다 같다 않다 못하다 말다 보다 주다 가다 오다 들다 나다 지다 싶다 알다 모르다
    맞다 그렇다 이렇다 저렇다 그러다 이러다 저러다 그래서 그런데 근데 그럼 그러면 안 못 잘 더 좀 또 다 다시 지금
    이제 혹시 일단 아직 바로 그냥 진짜 정말 너무 많이 계속 질문 궁금 궁금하다 이것 그것 저것
    a an the this that these those it its is are was were be been am do does did done have has had can could will
    would should may might must i you he she we they me my your our to of in on at by for with from as and or but
    if then so not no yes ok okay just also any some there here question please""".split()  # noqa: SIM905
)
_NOT_WORDS = re.compile(r"[\W_]+|[ㅋㅎㅠㅜ]{2,}")
_NUMBER = re.compile(r"\d+")
# Longer texts are pastes; what they ask stands in their first lines or nowhere.
_LONGEST_TEXT = 400
_LONGEST_LEMMAS = 100
# Letters are never so much more alike than words that a pair below this reaches the threshold: of the million pairs
# of 10,000 questions that share a word, none did.
_LEAST_WORDS = 0.25
_BLOCK = 500
# A component is compared whole: 3,000 texts take 70 MB.
_LARGEST = 3_000
_STEP = 0.05
# Of an index: texts that its n-grams are learned from, and texts that are turned into vectors at once.
_SAMPLE = 10_000
_CHUNK = 2_000


class _Pairs(NamedTuple):
    """Pairs of texts: rows of the earlier and the later one, and how alike they are."""

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray


@dataclass(frozen=True)
class _Texts:
    """Distinct texts in the order of their first question.

    Attributes:
        words: TF-IDF of the lemmas, rows of length 1.
        letters: TF-IDF of the letters, rows of length 1.
        numbers: id of the set of numbers in each text, 0 without any.
    """

    words: sparse.csr_matrix
    letters: sparse.csr_matrix
    numbers: np.ndarray

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Similarity of each pair, whatever numbers stand in them."""
        words = self.words[first].multiply(self.words[second]).sum(axis=1)
        letters = self.letters[first].multiply(self.letters[second]).sum(axis=1)
        return (np.asarray(words).ravel() + np.asarray(letters).ravel()) / 2

    def among(self, rows: np.ndarray) -> np.ndarray:
        """Similarity of each to each, 0 where numbers contradict; float64 of shape (rows, rows)."""
        values = (_products(self.words[rows]) + _products(self.letters[rows])) / 2
        return np.where(self.contradict(rows[:, None], rows[None, :]), 0.0, values)

    def contradict(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Exercise 2 is not exercise 3, however alike the rest."""
        left, right = self.numbers[first], self.numbers[second]
        return (left != right) & (left > 0) & (right > 0)


class LetterIndex:
    """Questions by their letters, to find those that are like a text that somebody is typing.

    Letters alone, because nothing that is being typed has been tokenised: what a typing slip or an unfinished word
    leaves is still alike. Building it from 50,000 questions takes 1 s and at most 150 MB, keeping it 40 MB, asking it
    2 ms.

    Args:
        texts: clean texts or texts as sent.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        bare = [_bare(text) for text in texts]
        known: dict[frozenset[str], frozenset[str]] = {}
        self._numbers = [known.setdefault(numbers, numbers) for numbers in map(_numbers_in, bare)]
        self._letters = NgramVectorizer(3, 4, min_rows=1)
        # What a question is about is said in words that many questions share; a part of them knows nearly all.
        sample = bare[:_SAMPLE]
        if not any(sample):
            self._columns: sparse.csc_matrix | None = None
            return
        self._letters.fit(of_jamo(sample))
        # By n-gram: of a text that is typed only the few columns are read that it has.
        self._columns = sparse.vstack(
            [self._vectors(bare[start : start + _CHUNK]) for start in range(0, len(bare), _CHUNK)], "csr"
        ).tocsc()

    def nearest(
        self, text: str, number: int, *, least: float = 0.0, more: Sequence[str] = ()
    ) -> list[tuple[int, float]]:
        """Rows that are like a text, the nearest first.

        Args:
            text: at most its first 400 characters count.
            number: how many at most.
            least: similarity from 0 to 1 that a row must reach.
            more: further texts that are not in the index; their rows follow those of the index.

        Returns:
            Row and similarity. A row with other numbers than the text has is not like it.
        """
        bare = _bare(text)
        if self._columns is None or not bare:
            return []
        others = [_bare(other) for other in more]
        vector = self._vectors([bare])
        similarity = self._columns[:, vector.indices] @ vector.data
        if others:
            similarity = np.concatenate([similarity, (self._vectors(others) @ vector.T).toarray().ravel()])
        own = _numbers_in(bare)
        found: list[tuple[int, float]] = []
        for row in _largest(similarity, 4 * number).tolist():
            theirs = (
                self._numbers[row]
                if row < len(self._numbers)
                else _numbers_in(others[row - len(self._numbers)])
            )
            if similarity[row] >= max(least, 1e-6) and not (own and theirs and own != theirs):
                found.append((row, min(1.0, float(similarity[row]))))
        return found[:number]

    def _vectors(self, bare: Sequence[str]) -> sparse.csr_matrix:
        return self._letters.transform(of_jamo(bare))


def _largest(values: np.ndarray, number: int) -> np.ndarray:
    """Rows of the largest values; ties are broken by the row, so that the same question gives the same answer."""
    rows = np.arange(len(values))
    if len(values) > number:
        rows = np.flatnonzero(values >= np.partition(values, -number)[-number])
    return rows[np.argsort(-values[rows], kind="stable")][:number]


def questions_of(messages: pa.Table, tokens: pa.Table) -> pa.Table:
    """Questions as ``group_similar`` takes them.

    Args:
        messages: rows of ``core.messages`` that are questions.
        tokens: rows of ``core.tokens``, of these messages at least.

    Returns:
        One row a message, with the schema ``SCHEMA``, in the order of ``messages``.
    """
    tags = pc.list_element(pc.split_pattern(tokens["tag"], "-"), 0)
    told = pc.or_(
        pc.is_in(tags, pa.array(_CONTENT_TAGS)),
        pc.is_in(tokens["lemma"], pa.array(sorted(_ASKING))),
    )
    told = pc.and_(told, pc.is_in(tokens["message_id"], messages["message_id"].combine_chunks()))
    ordered = tokens.filter(told).sort_by([("message_id", "ascending"), ("position", "ascending")])
    lemmas: dict[str, list[str]] = {message_id: [] for message_id in messages["message_id"].to_pylist()}
    for message_id, lemma in zip(
        ordered["message_id"].to_pylist(), pc.utf8_lower(ordered["lemma"]).to_pylist(), strict=True
    ):
        lemmas[message_id].append(lemma)
    columns = {
        "message_id": messages["message_id"],
        "conversation_id": messages["conversation_id"],
        "sent_at": messages["sent_at"],
        "lemmas": pa.array(list(lemmas.values()), SCHEMA.field("lemmas").type),
        "text": messages["clean_text"],
    }
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def group_similar(questions: pa.Table, *, threshold: float = THRESHOLD) -> pa.Table:
    """Group questions that ask nearly the same.

    The same questions give the same groups in whichever order they come. A question without a word that says what
    it is about ("네?", "왜 안 되나요?") stays alone, even beside its twin.

    Args:
        questions: of ``SCHEMA``; message ids are distinct.
        threshold: similarity, from 0 to 1, that two questions must reach, and a group on the average.

    Returns:
        Rows of ``ml.question_groups``, ordered by message id.
    """
    questions = questions.sort_by([("sent_at", "ascending"), ("message_id", "ascending")])
    ids = questions["message_id"].to_pylist()
    texts = [_bare(text) for text in questions["text"].to_pylist()]
    lemmas = [tuple(words[:_LONGEST_LEMMAS]) for words in questions["lemmas"].to_pylist()]
    group = np.arange(len(ids))
    similarity = np.full(len(ids), np.nan)
    telling = [row for row, words in enumerate(lemmas) if _is_telling(words)]
    twins: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for row in telling:
        twins.setdefault((texts[row], lemmas[row]), []).append(row)
    labels, nearest = _grouped([text for text, _ in twins], [words for _, words in twins], threshold)
    first_of: dict[int, int] = {}
    for rows, label, near in zip(twins.values(), labels.tolist(), nearest.tolist(), strict=True):
        # Texts come in the order of their first question, so the first of a label is the group's first.
        group[rows] = first_of.setdefault(label, rows[0])
        similarity[rows] = 1.0 if len(rows) > 1 else near
    return _rows_of_table(ids, group, similarity)


def _rows_of_table(ids: Sequence[str], group: np.ndarray, similarity: np.ndarray) -> pa.Table:
    found = pa.table(
        {
            "message_id": pa.array(ids, pa.string()),
            "group_id": pa.array([ids[row] for row in group.tolist()], pa.string()),
            "similarity": pa.array(similarity, pa.float64(), from_pandas=True),
        }
    )
    return QUESTION_GROUPS.conform(found.sort_by("message_id"))


def _bare(text: str) -> str:
    """Letters and digits of the start, without laughter and blanks: 안되나요 is 안 되나요."""
    return _NOT_WORDS.sub("", text[:_LONGEST_TEXT].lower())


def _is_telling(lemmas: Sequence[str]) -> bool:
    distinct = set(lemmas)
    return len(distinct) > 1 and bool(distinct - _ASKING - _GENERAL)


def _grouped(
    texts: Sequence[str], lemmas: Sequence[tuple[str, ...]], threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Label of each distinct text, and its similarity to the nearest other of its label (NaN when alone)."""
    labels = np.arange(len(texts))
    nearest = np.full(len(texts), np.nan)
    if len(texts) < 2:
        return labels, nearest
    known = _Texts(
        words=NgramVectorizer(1, 1, min_rows=1).fit_transform(of_tokens(pa.array(lemmas))),
        letters=NgramVectorizer(3, 5, min_rows=1).fit_transform(of_jamo(texts)),
        numbers=_numbers(texts),
    )
    pairs = _alike(known, threshold)
    for rows in _components(np.arange(len(texts)), pairs, threshold):
        among = known.among(rows)
        parts = fcluster(linkage(_condensed(among), "average"), 1 - threshold, "distance")
        np.fill_diagonal(among, np.nan)
        for part in np.unique(parts):
            inside = np.flatnonzero(parts == part)
            if len(inside) > 1:
                labels[rows[inside]] = rows[inside[0]]
                nearest[rows[inside]] = np.nanmax(among[np.ix_(inside, inside)], axis=1).clip(0, 1)
    return labels, nearest


def _products(vectors: sparse.csr_matrix) -> np.ndarray:
    """Product of each row with each, without the columns that none of them has: they are nearly all."""
    columns, places = np.unique(vectors.indices, return_inverse=True)
    narrow = sparse.csr_matrix((vectors.data, places, vectors.indptr), shape=(vectors.shape[0], len(columns)))
    return (narrow @ narrow.T).toarray().astype(np.float64)


def _numbers(texts: Sequence[str]) -> np.ndarray:
    known: dict[frozenset[str], int] = {frozenset(): 0}
    found = (_numbers_in(text) for text in texts)
    return np.array([known.setdefault(numbers, len(known)) for numbers in found], dtype=np.int64)


def _numbers_in(text: str) -> frozenset[str]:
    return frozenset(number.lstrip("0") for number in _NUMBER.findall(text))


def _alike(texts: _Texts, threshold: float) -> _Pairs:
    """Pairs that reach the threshold. Letters are compared for those only whose words leave a chance."""
    floor = max(2 * threshold - 1, min(_LEAST_WORDS, threshold))
    turned = texts.words.T.tocsc()
    found = [_Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for start in range(0, texts.words.shape[0], _BLOCK):
        block = (texts.words[start : start + _BLOCK] @ turned).tocoo()
        first, second = block.row.astype(np.int64) + start, block.col.astype(np.int64)
        kept = (block.data >= floor) & (first < second)
        first, second = first[kept], second[kept]
        kept = ~texts.contradict(first, second)
        first, second = first[kept], second[kept]
        similarity = texts.between(first, second)
        kept = similarity >= threshold
        found.append(_Pairs(first[kept], second[kept], similarity[kept]))
    return _Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _components(rows: np.ndarray, pairs: _Pairs, threshold: float) -> Iterator[np.ndarray]:
    """Rows that pairs connect, two or more, each sorted.

    One that is too large to be compared whole is first taken apart at higher thresholds; what hangs together up to
    the last is cut by time.
    """
    count = len(rows)
    graph = sparse.coo_matrix(
        (
            np.ones(len(pairs.first), np.int8),
            (np.searchsorted(rows, pairs.first), np.searchsorted(rows, pairs.second)),
        ),
        shape=(count, count),
    )
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels))
    for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        inside = rows[order[start:end]]
        if len(inside) < 2:
            continue
        if len(inside) <= _LARGEST:
            yield inside
        elif threshold + _STEP < 1:
            kept = (pairs.similarity >= threshold + _STEP) & np.isin(pairs.first, inside)
            yield from _components(inside, _Pairs(*(column[kept] for column in pairs)), threshold + _STEP)
        else:
            yield from np.array_split(inside, -(-len(inside) // _LARGEST))


def _condensed(similarities: np.ndarray) -> np.ndarray:
    """Distances as SciPy's linkage takes them."""
    distances = (1 - similarities).clip(0, 1)
    np.fill_diagonal(distances, 0)
    return squareform(distances, checks=False)
