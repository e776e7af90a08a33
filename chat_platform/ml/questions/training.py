"""From resolved labels to trained and evaluated candidates of the question model.

What belongs here: dividing labels into training and test, making rows of them, fitting each kind of candidate,
scoring it. What does not: collecting labels, keeping models, promoting them (``ingestion``).

The test is what people, files and the seed say: weak labels are the rules' own opinion and would prove nothing.
Tidy texts are tested as chat would have typed them (``augment``), and once more with every ``?`` removed. Texts that
were written for testing only (``labels.seed.check_labels``) are never trained on and count threefold: they are few,
and nearest to what is asked of the model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from chat_platform.errors import ModelError
from chat_platform.ml.encoder.settings import TransformerSettings
from chat_platform.ml.evaluation.report import Evaluation, ScoredRows, evaluate_binary
from chat_platform.ml.evaluation.slices import slice_masks
from chat_platform.ml.evaluation.split import Rows, near_copies, split_rows
from chat_platform.ml.labels import weak
from chat_platform.ml.labels.seed import CHECK
from chat_platform.ml.messages import SCHEMA, from_texts
from chat_platform.ml.questions import model as linear
from chat_platform.ml.questions import rules, transformer
from chat_platform.ml.questions.augment import TrainingText, augmented

CODE_VERSION = "1"
DATASET = "holdout"
RAW, BARE = "raw", "no_question_mark"
TEST_SHARE = 0.2
RULES_FILE = "rules.json"
# What a label of each origin counts. Found by transfer to other corpora: a corpus of tens of thousands of tidy
# utterances should not drown a few thousand lines that look like chat.
_RESERVED = f"{CHECK}:"
_RESERVED_WEIGHT = 3.0
_ORIGIN_WEIGHTS = {"seed": 1.0, "import": 0.4, "weak": 0.3, "correction": 2.0}


class QuestionScorer(Protocol):
    """What every candidate can do."""

    threshold: float

    def probabilities(self, messages: pa.Table) -> np.ndarray:
        """Probability that each message of ``ml.messages.SCHEMA`` is a question."""


@dataclass(frozen=True)
class Examples:
    """Rows to train or test on.

    Attributes:
        messages: of ``ml.messages.SCHEMA``.
        is_question: bool, shape (rows,).
        weights: float, shape (rows,).
        groups: recording, paraphrases or predicate of each row.
        keys: stable names of the rows.
    """

    messages: pa.Table
    is_question: np.ndarray
    weights: np.ndarray
    groups: tuple[str, ...]
    keys: tuple[str, ...]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.keys)

    def of(self, rows: np.ndarray) -> Examples:
        """Those rows, by their numbers."""
        numbers = rows.tolist()
        return Examples(
            self.messages.take(pa.array(numbers, pa.int64())),
            self.is_question[rows],
            self.weights[rows],
            tuple(self.groups[row] for row in numbers),
            tuple(self.keys[row] for row in numbers),
        )

    def fingerprint(self) -> str:
        """SHA-256 of texts, labels and weights: the same training set has the same."""
        found = hashlib.sha256()
        for text, label, weight in zip(
            self.messages["text"].to_pylist(), self.is_question.tolist(), self.weights.tolist(), strict=True
        ):
            found.update(
                json.dumps([text, label, weight], ensure_ascii=False).encode("utf-8", "surrogatepass")
            )
        return found.hexdigest()


@dataclass(frozen=True)
class TrainingSet:
    """Both sides of the division, and what was left out.

    Attributes:
        unlabelled: messages of the platform, for thresholds and pre-training.
        trained_on: origin → labels.
        excluded: reason → labels left out of training.
    """

    train: Examples
    test: Examples
    unlabelled: pa.Table
    trained_on: Mapping[str, int]
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class Candidate:
    """A trained version before it is kept.

    Attributes:
        files: of the model, for the registry.
        scored: the raw test rows as it scored them.
    """

    kind: str
    scorer: QuestionScorer
    files: Mapping[str, bytes]
    scored: ScoredRows
    evaluation: Evaluation
    reasons: tuple[str, ...] = field(default=())


def assemble(
    labels: Sequence[Mapping[str, Any]],
    messages: pa.Table,
    *,
    dates: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> TrainingSet:
    """Divide used labels into training and test and make rows of them.

    Args:
        labels: rows of ``ml.labels``; those with ``used`` false are left out.
        messages: of ``ml.messages.SCHEMA``; labels of messages that are not in it are left out, the others of it
            are unlabelled.
        dates: conversation id → anything that orders conversations in time; default: their ids.
        seed: of the augmentation.

    Raises:
        ModelError: CP-ML-002 when no label is left on one of the sides.
    """
    place = {message_id: row for row, message_id in enumerate(messages["message_id"].to_pylist())}
    used = [row for row in labels if row["used"] and row["text"].strip()]
    known = [row for row in used if row["message_id"] is None or row["message_id"] in place]
    reserved = [row for row in known if _is_reserved(row)]
    said = [row for row in known if row["origin"] != "weak" and not _is_reserved(row)]
    split = split_rows(
        [row["text"] for row in said],
        conversations=[row["conversation_id"] if row["message_id"] else None for row in said],
        times=[str((dates or {}).get(row["conversation_id"], row["conversation_id"])) for row in said],
        groups=[None if row["message_id"] else row["conversation_id"] for row in said],
        test_share=TEST_SHARE,
    )
    test = [*reserved, *(said[row] for row in split.test.tolist())]
    late = {row["conversation_id"] for row in test if row["message_id"]}
    weakly = [row for row in known if row["origin"] == "weak" and row["conversation_id"] not in late]
    copies = near_copies([row["text"] for row in weakly], [row["text"] for row in test])
    clean = [row for row, copy in zip(weakly, copies.tolist(), strict=True) if copy < 0]
    taught = [said[row] for row in split.train.tolist()]
    unseen = near_copies([row["text"] for row in taught], [row["text"] for row in reserved]) < 0
    train = [*(row for row, free in zip(taught, unseen.tolist(), strict=True) if free), *clean]
    if not train or not test:
        raise ModelError("CP-ML-002", f"{len(train)} labels to train on, {len(test)} to test on")
    tested = _examples(test, messages, place, seed + 1, tidy_too=False)
    made = _examples(train, messages, place, seed, tidy_too=True)
    # A variant may say what another label says, as 네 왜요 made of 왜요 does; so what was made is compared once more.
    apart = near_copies(made.messages["text"].to_pylist(), tested.messages["text"].to_pylist()) < 0
    if not apart.any():
        raise ModelError("CP-ML-002", f"0 labels to train on, {len(test)} to test on")
    trained_on: dict[str, int] = {}
    for row in train:
        trained_on[row["origin"]] = trained_on.get(row["origin"], 0) + 1
    excluded = {
        "near copies of the test": split.near_copies + len(weakly) - len(clean) + int((~unseen).sum()),
        "weak labels of test recordings": len(known) - len(reserved) - len(said) - len(weakly),
        "messages that are gone": len(used) - len(known),
        "outweighed labels": len(labels) - len(used),
        "variants like the test": int(np.count_nonzero(~apart)),
    }
    return TrainingSet(
        made.of(np.flatnonzero(apart)),
        tested,
        messages,
        trained_on,
        {why: number for why, number in excluded.items() if number},
    )


def sides(training: TrainingSet) -> tuple[Rows, Rows]:
    """Training and test as ``evaluation.split.leaks`` looks at them."""
    train, test = (
        Rows(side.messages["text"].to_pylist(), conversations=side.groups)
        for side in (training.train, training.test)
    )
    return train, test


def train_rules(training: TrainingSet) -> Candidate:
    """The rules, which need no training: what the others must beat."""
    scorer = rules.RulesModel()
    return _scored("rules", scorer, rules_files(), training)


def rules_files() -> dict[str, bytes]:
    """What names a version of the rules: they are code, and a hash of it is all there is to keep."""
    return {RULES_FILE: json.dumps({"rules": rules.version()}).encode("utf-8")}


def train_linear(training: TrainingSet, *, kind: str = "linear", seed: int = 0, **blocks: bool) -> Candidate:
    """The calibrated linear model.

    Args:
        training: rows of both sides.
        kind: name of the variant.
        seed: of folds and solvers.
        blocks: blocks of features of ``QuestionModel`` to switch.
    """
    model = linear.QuestionModel(seed=seed, **blocks)
    model.fit(
        training.train.messages,
        training.train.is_question,
        groups=np.unique(np.array(training.train.groups), return_inverse=True)[1],
        weights=training.train.weights,
    )
    model.calibrate_thresholds(training.unlabelled)
    return _scored(kind, model, linear.save(model), training)


def train_transformer(
    training: TrainingSet,
    *,
    settings: TransformerSettings,
    work_folder: Path,
    on_progress: Callable[[Any], None] | None = None,
) -> Candidate:
    """The transformer; needs the extra.

    Raises:
        ModelError: CP-ML-040 and following.
    """
    found = transformer.train(
        training.train.messages["text"].to_pylist(),
        training.train.is_question,
        training.train.weights,
        unlabelled=training.unlabelled["text"].to_pylist(),
        groups=training.train.groups,
        settings=settings,
        work_folder=work_folder,
        on_progress=on_progress,
    )
    return _scored("transformer", TextScorer(found), transformer.save(found), training)


class TextScorer:
    """A model of texts behind the interface of models of messages."""

    threshold = 0.5

    def __init__(self, model: transformer.TransformerQuestionModel) -> None:
        self.model = model

    def probabilities(self, messages: pa.Table) -> np.ndarray:
        """As ``QuestionScorer``."""
        return self.model.probabilities(messages["text"].to_pylist())


def load(kind: str, files: Mapping[str, bytes], threshold: float | None) -> QuestionScorer:
    """A candidate of any kind from its files.

    Raises:
        ModelError: when they are damaged or of no kind known here.
    """
    if kind == "rules":
        return rules.RulesModel()
    if kind == "transformer":
        scorer = TextScorer(transformer.load(files))
        scorer.threshold = scorer.threshold if threshold is None else threshold
        return scorer
    if linear.FILE not in files:
        raise ModelError("CP-ML-003", f"{kind}: {sorted(files)}")
    return linear.load(files[linear.FILE])


def score(scorer: QuestionScorer, examples: Examples) -> ScoredRows:
    """Test rows as a model scores them, with the slices that figures are shown for."""
    probabilities = scorer.probabilities(examples.messages)
    table = examples.messages.select(["text", "language", "role"]).append_column(
        "has_code", pa.array(np.array(examples.messages["language"].to_pylist()) == "code")
    )
    opinions = weak.opinions(examples.messages)
    obvious = np.array([bool(opinion and opinion.is_question) for opinion in opinions])
    indirect = examples.is_question & ~obvious
    return ScoredRows(
        examples.keys,
        examples.groups,
        examples.is_question,
        probabilities,
        scorer.threshold,
        slice_masks(table, indirect=indirect),
        np.where([group.startswith(_RESERVED) for group in examples.groups], _RESERVED_WEIGHT, 1.0),
    )


def without_question_marks(examples: Examples) -> Examples:
    """The same rows with every question mark taken out, read anew."""
    texts = [
        text.replace("?", "").replace("？", "").strip() for text in examples.messages["text"].to_pylist()
    ]
    kept = ("role", "is_reply", "has_reply", "message_id", "conversation_id")
    columns = {name: examples.messages[name].to_pylist() for name in kept}
    return Examples(
        from_texts(texts, **columns), examples.is_question, examples.weights, examples.groups, examples.keys
    )


def _scored(
    kind: str, scorer: QuestionScorer, files: Mapping[str, bytes], training: TrainingSet
) -> Candidate:
    raw = score(scorer, training.test)
    bare = score(scorer, without_question_marks(training.test))
    return Candidate(kind, scorer, files, raw, evaluate_binary(DATASET, {RAW: raw, BARE: bare}))


def _examples(
    labels: Sequence[Mapping[str, Any]],
    messages: pa.Table,
    place: Mapping[str, int],
    seed: int,
    *,
    tidy_too: bool,
) -> Examples:
    """Rows of labels: messages as they stand, loose texts as chat would have typed them.

    Args:
        tidy_too: loose texts as they are, beside.
    """
    ours = [row for row in labels if row["message_id"] is not None]
    loose = [row for row in labels if row["message_id"] is None]
    texts = [_text(row) for row in loose]
    made = augmented(texts, copies=1, seed=seed)
    if not tidy_too:
        # Texts that have no variant (code), and those that were typed as chat, are tested as they are.
        typed = {text.group for text in texts if text.group.startswith(_RESERVED)}
        tidy = {text.text for text in texts if text.language in ("ko", "en") and text.group not in typed}
        variants = [text for text in made[len(texts) :] if text.group not in typed]
        made = [*(text for text in texts if text.text not in tidy), *variants]
    rows = messages.take(pa.array([place[row["message_id"]] for row in ours], pa.int64()))
    tables = [rows.cast(SCHEMA), from_texts([text.text for text in made])]
    weights = [_weight(row) for row in ours] + [text.weight for text in made]
    return Examples(
        pa.concat_tables(tables).combine_chunks(),
        np.array([row["is_question"] for row in ours] + [text.is_question for text in made], dtype=bool),
        np.array(weights, dtype=float),
        tuple([row["conversation_id"] for row in ours] + [text.group for text in made]),
        tuple(_numbered([row["label_id"] for row in ours] + [_key(text) for text in made])),
    )


def _text(row: Mapping[str, Any]) -> TrainingText:
    return TrainingText(
        row["text"],
        row["is_question"],
        row["conversation_id"] or row["label_id"],
        row["language"] if row["language"] in ("ko", "en") else _of_mixed(row["text"], row["language"]),
        _weight(row),
    )


def _of_mixed(text: str, language: str | None) -> str:
    """Language whose habits of typing a text of several languages follows."""
    if language != "mixed":
        return language or "other"
    return "ko" if any("가" <= letter <= "힣" for letter in text) else "en"


def _is_reserved(row: Mapping[str, Any]) -> bool:
    return str(row["conversation_id"]).startswith(_RESERVED)


def _weight(row: Mapping[str, Any]) -> float:
    return float(row["weight"]) * _ORIGIN_WEIGHTS[row["origin"]]


def _key(text: TrainingText) -> str:
    return hashlib.sha256(f"{text.group}|{text.text}".encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _numbered(keys: Iterable[str]) -> list[str]:
    """Keys, those that come again with a number behind them."""
    seen: dict[str, int] = {}
    found = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        found.append(key if seen[key] == 1 else f"{key}.{seen[key]}")
    return found
