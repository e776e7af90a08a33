"""Features of the question models.

What belongs here: blocks of features over ``ml.messages`` and their union. What does not: how n-grams are counted
(``ml.features``), classifiers (``linear``).

Words and punctuation are kept apart: characters and tokens are read with all punctuation removed, and what the
punctuation says is a block of its own that can be switched off. So a text means the same to the other blocks
whether its author typed a question mark or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from chat_platform.errors import ModelError
from chat_platform.ml.features.ngrams import NgramVectorizer, PairVectorizer
from chat_platform.ml.features.sequences import Sequences, of_characters, of_jamo, of_tokens
from chat_platform.ml.questions.hints import HINTS, hints

# Longer texts are pastes; what makes a question stands at their start or end.
_LONGEST_TEXT = 400
_LONGEST_TOKENS = 160
_PUNCTUATION = r"[\pP\pS]+|[ㅋㅎㅠㅜ]{2,}"
_SILENT_TAGS = ("SF", "SP", "SS", "SSO", "SSC", "SE", "SO", "SW", "EMOJI", "UN")
# Content words are replaced by their tag: what is asked about differs from class to class, how it is asked does not.
_CONTENT_TAGS = frozenset({"NNG", "NNP", "SL", "SN", "NR", "XR", "SH"})
# Closed classes of English stay as they are; list of function words after Quirk et al. 1985, ch. 2.34.
_FUNCTION_WORDS = frozenset(
    """a about after again all also am an and any anybody anyone anything are aren't as at be because been before
    but by can can't cannot could couldn't did didn't do does doesn't doing don't else everybody everyone for from
    get got had has hasn't have haven't having he her here hers him his how i i'm i've if in into is isn't it its
    just let let's like may maybe me might mine must my need no nobody not nothing now of ok okay on or our ours
    please really right shall she should shouldn't since so some somebody someone something sorry still than thank
    thanks that that's the their them then there these they thing this those to too try until up us use want was
    wasn't we well were weren't what what's when where where's which while who whom whose why will with won't work
    would wouldn't yes yet you your yours know any1 anyone's how's who's whats hows""".split()
)
_LANGUAGES = ("ko", "en", "mixed", "code", "emoji")
_CONTEXT = ("teacher", "staff", "student", "is_reply", "has_reply")
_MARKS: tuple[tuple[str, str], ...] = (
    ("question_mark", r"[?？]"),
    ("ends_with_question_mark", r"[?？][^\pL\pN]*[ㅋㅎㅠㅜ]*[^\pL\pN]*$"),
    ("several_question_marks", r"[?？].*[?？]"),
    ("question_mark_alone", r"^[^\pL\pN]*[?？][^\pL\pN]*$"),
    ("exclamation", r"!"),
    ("ends_with_stop", r"\.\s*$"),
    ("dots", r"\.\.\.|…"),
    ("tilde", r"~"),
    ("laughs", r"[ㅋㅎ]{2,}"),
    ("cries", r"[ㅠㅜ]{2,}"),
)


class Views(NamedTuple):
    """The sequences that blocks read: of one batch, built once."""

    characters: Sequences
    jamo: Sequences
    morphemes: Sequences
    frames: Sequences
    previous: Sequences


class QuestionFeatures:
    """Union of blocks, each row of each block of length 1 (or zero).

    Args:
        characters: n-grams of 1–4 characters.
        jamo: n-grams of 3–6 letters, syllables taken apart.
        morphemes: n-grams of 1–3 tokens (form and tag).
        frames: n-grams of 1–4 tokens with content words replaced by their tag.
        pairs: pairs of tokens near each other, and of each token with the last one.
        grammar: which endings, wh-words and word order stand there (``hints``).
        punctuation: what the punctuation says.
        context: role of the author, reply or not, replied to or not, tokens of the message before.
        min_rows: messages that an n-gram must stand in.

    Attributes:
        blocks_: fitted vectorisers by name, in the order of the columns.
    """

    def __init__(
        self,
        *,
        characters: bool = True,
        jamo: bool = True,
        morphemes: bool = True,
        frames: bool = True,
        pairs: bool = True,
        grammar: bool = True,
        punctuation: bool = True,
        context: bool = True,
        min_rows: int = 2,
    ) -> None:
        self.characters = characters
        self.jamo = jamo
        self.morphemes = morphemes
        self.frames = frames
        self.pairs = pairs
        self.grammar = grammar
        self.punctuation = punctuation
        self.context = context
        self.min_rows = min_rows

    def fit(self, messages: pa.Table, y: Any = None) -> Self:
        """Learn the vocabularies of all blocks.

        Args:
            messages: of ``ml.messages.SCHEMA``.
            y: ignored.

        Raises:
            ModelError: CP-ML-001 when no block found anything to learn.
        """
        self.fit_transform(messages)
        return self

    def fit_transform(self, messages: pa.Table, y: Any = None, **_: Any) -> sparse.csr_matrix:
        """``fit`` and ``transform`` at once."""
        views = _views(messages)
        self.blocks_: dict[str, NgramVectorizer | PairVectorizer] = {}
        parts = []
        for name, view, vectorizer in self._declared():
            try:
                parts.append(vectorizer.fit_transform(view(views)))
            except ModelError:
                continue  # a class without a single reply has no previous messages; other blocks may still learn
            self.blocks_[name] = vectorizer
        if not self.blocks_:
            raise ModelError("CP-ML-001", f"{messages.num_rows} messages")
        return self._joined(messages, parts)

    def transform(self, messages: pa.Table) -> sparse.csr_matrix:
        """Features: float32 CSR of shape (messages, features)."""
        views = _views(messages)
        parts = [
            self.blocks_[name].transform(view(views))
            for name, view, _ in self._declared()
            if name in self.blocks_
        ]
        return self._joined(messages, parts)

    def without_marks(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Features with those of the punctuation set to zero."""
        if not self.punctuation:
            return matrix
        behind = len(_CONTEXT) if self.context else 0
        keep = np.ones(matrix.shape[1], dtype=np.float32)
        keep[matrix.shape[1] - behind - len(_MARKS) : matrix.shape[1] - behind] = 0
        data = matrix.data * keep[matrix.indices]
        return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)

    def state(self) -> dict[str, np.ndarray]:
        """What was learnt, as arrays by name."""
        return {
            f"{name}.{part}": getattr(block, f"{part}_")
            for name, block in self.blocks_.items()
            for part in ("vocabulary", "idf")
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> Self:
        """Take over what ``state`` gave.

        Raises:
            ModelError: CP-ML-003 when it is something else.
        """
        self.blocks_ = {}
        for name, _, vectorizer in self._declared():
            if f"{name}.vocabulary" in state:
                self.blocks_[name] = _restored(vectorizer, name, state)
        if not self.blocks_ or 2 * len(self.blocks_) != len(state):
            raise ModelError("CP-ML-003", ", ".join(sorted(state))[:200])
        return self

    @property
    def width(self) -> int:
        """Number of features."""
        learnt = sum(len(block.vocabulary_) for block in self.blocks_.values())
        grammar = len(HINTS) if self.grammar else 0
        marks = len(_MARKS) if self.punctuation else 0
        context = len(_CONTEXT) if self.context else 0
        return learnt + len(_LANGUAGES) + 1 + grammar + marks + context

    def _joined(self, messages: pa.Table, parts: list[sparse.csr_matrix]) -> sparse.csr_matrix:
        dense = [_shape(messages)]
        if self.grammar:
            dense.append(hints(*(_column(messages, name) for name in ("text", "forms", "tags"))))
        if self.punctuation:
            dense.append(_marks(messages))
        if self.context:
            dense.append(_context(messages))
        return sparse.hstack([*parts, sparse.csr_matrix(np.hstack(dense))], format="csr", dtype=np.float32)

    def _declared(
        self,
    ) -> Iterator[tuple[str, Callable[[Views], Sequences], NgramVectorizer | PairVectorizer]]:
        rows = self.min_rows
        if self.characters:
            yield "characters", lambda v: v.characters, NgramVectorizer(1, 4, min_rows=rows)
        if self.jamo:
            yield "jamo", lambda v: v.jamo, NgramVectorizer(3, 6, min_rows=rows + 1)
        if self.morphemes:
            yield "morphemes", lambda v: v.morphemes, NgramVectorizer(1, 3, min_rows=rows)
        if self.frames:
            yield "frames", lambda v: v.frames, NgramVectorizer(1, 4, min_rows=rows)
        if self.pairs:
            yield "near", lambda v: v.frames, PairVectorizer(8, min_rows=rows)
            yield "with_last", lambda v: v.morphemes, PairVectorizer(with_last=True, min_rows=rows)
        if self.context:
            yield "previous", lambda v: v.previous, NgramVectorizer(1, 2, min_rows=rows)


def _restored(
    vectorizer: NgramVectorizer | PairVectorizer, name: str, state: Mapping[str, np.ndarray]
) -> NgramVectorizer | PairVectorizer:
    vocabulary, idf = state[f"{name}.vocabulary"], state.get(f"{name}.idf")
    if (
        idf is None
        or vocabulary.dtype != np.uint64
        or idf.dtype != np.float32
        or vocabulary.ndim != 1
        or vocabulary.shape != idf.shape
        or not len(vocabulary)
        or not np.isfinite(idf).all()
        or np.any(vocabulary[1:] <= vocabulary[:-1])
    ):
        raise ModelError("CP-ML-003", name)
    vectorizer.vocabulary_, vectorizer.idf_ = vocabulary, idf
    return vectorizer


def bare_text(texts: pa.Array) -> pa.Array:
    """Lower case, without punctuation and laughter, single blanks."""
    short = pc.if_else(
        pc.greater(pc.utf8_length(texts), _LONGEST_TEXT),
        pc.binary_join_element_wise(
            pc.utf8_slice_codeunits(texts, 0, _LONGEST_TEXT // 2),
            pc.utf8_slice_codeunits(texts, -(_LONGEST_TEXT // 2)),
            " ",
        ),
        texts,
    )
    bare = pc.replace_substring_regex(pc.utf8_lower(short), _PUNCTUATION, " ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(bare, r"\s+", " "))


def _views(messages: pa.Table) -> Views:
    texts = bare_text(_column(messages, "text")).to_pylist()
    morphemes, frames = _token_views(messages, "forms", "tags")
    _, previous = _token_views(messages, "previous_forms", "previous_tags")
    return Views(
        of_characters(texts), of_jamo(texts), of_tokens(morphemes), of_tokens(frames), of_tokens(previous)
    )


def _token_views(messages: pa.Table, form_name: str, tag_name: str) -> tuple[pa.ListArray, pa.ListArray]:
    """Tokens as form/tag, and with content words replaced; both without punctuation."""
    lists = _column(messages, tag_name)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    forms, tags = _column(messages, form_name).flatten(), lists.flatten()
    owner = np.repeat(np.arange(len(lengths)), lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = np.arange(len(owner)) - first
    ends = (place < _LONGEST_TOKENS // 2) | (np.repeat(lengths, lengths) - place <= _LONGEST_TOKENS // 2)
    spoken = ~pc.is_in(tags, pa.array(_SILENT_TAGS)).to_numpy(zero_copy_only=False) & ends
    kept = pa.array(np.flatnonzero(spoken))
    forms, tags, owner = forms.take(kept), tags.take(kept), owner[spoken]
    offsets = pa.array(
        np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=len(lengths))))), pa.int32()
    )
    # Each distinct (form, tag) is looked at once.
    both = pc.binary_join_element_wise(pc.utf8_lower(forms), tags, "/").dictionary_encode()
    frames = pa.array([_frame(word) for word in both.dictionary.to_pylist()], pa.string())
    return (
        pa.ListArray.from_arrays(offsets, both.dictionary.take(both.indices)),
        pa.ListArray.from_arrays(offsets, frames.take(both.indices)),
    )


def _frame(word: str) -> str:
    form, _, tag = word.rpartition("/")
    return tag if tag in _CONTENT_TAGS and form not in _FUNCTION_WORDS else word


def _marks(messages: pa.Table) -> np.ndarray:
    texts = _column(messages, "text")
    return np.column_stack(
        [
            pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False).astype(np.float32)
            for _, pattern in _MARKS
        ]
    )


def _shape(messages: pa.Table) -> np.ndarray:
    """Length, as far as it is read, and language."""
    texts = _column(messages, "text")
    characters = pc.min_element_wise(pc.utf8_length(texts), _LONGEST_TEXT).to_numpy(zero_copy_only=False)
    length = np.log1p(characters).astype(np.float32) / 6
    language = _column(messages, "language")
    return np.column_stack([length, *(_is(language, name) for name in _LANGUAGES)])


def _context(messages: pa.Table) -> np.ndarray:
    role = _column(messages, "role")
    columns = [_is(role, name) for name in _CONTEXT[:3]]
    for name in _CONTEXT[3:]:
        known = pc.fill_null(_column(messages, name), False)
        columns.append(known.to_numpy(zero_copy_only=False).astype(np.float32))
    return np.column_stack(columns)


def _is(values: pa.Array, name: str) -> np.ndarray:
    equal = pc.fill_null(pc.equal(values, name), False)
    return equal.to_numpy(zero_copy_only=False).astype(np.float32)


def _column(messages: pa.Table, name: str) -> pa.Array:
    return pa.concat_arrays([pa.array([], messages[name].type), *messages[name].chunks])
