"""Question models on public corpora: how well, from where to where, how fast.

What belongs here: figures printed in one run on one machine. What does not: whether parts work
(``tests/unit/ml``), the platform's own evaluation of its own messages (``ml.questions.training``).

    python benchmarks/questions.py [cv] [transfer] [speed] [--help]

Data: folders of ``../shared/data``; what is absent is left out and said.

* ``cv`` — ko-3i4k by folds: the question against the rest by rules and by our linear model with several sets of
  features, and all seven classes over the same features. The corpus has no punctuation, so the ``?``-rule finds
  nothing. Texts that recur are dropped unless ``--duplicates`` is given.
* ``transfer`` — trained as the platform trains: seed, ko-3i4k and (``--mrda``, ``--irc``) English as imported and
  weakly labelled rows, resolved, divided and augmented by ``ml.questions.training``. Tested on what it never saw,
  raw and with every ``?`` removed. ``expected F1`` moves the threshold by the test's texts without its labels.
  Your own labelled file: ``--test FILE --format csv --text COLUMN --label COLUMN --yes 1 --no 0``.
* ``speed`` — time to fit, rate, and what a fresh process needs to load a model and to answer once.
"""

from __future__ import annotations

import argparse
import copy
import csv
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from chat_platform.ml.evaluation.metrics import (
    binary_metrics,
    confusion,
    multiclass_metrics,
    threshold_for_best_f1,
)
from chat_platform.ml.labels import weak
from chat_platform.ml.labels.files import read_labels, read_preset
from chat_platform.ml.labels.resolve import resolve
from chat_platform.ml.labels.rows import import_rows
from chat_platform.ml.labels.seed import seed_labels
from chat_platform.ml.messages import from_texts
from chat_platform.ml.questions.features import QuestionFeatures
from chat_platform.ml.questions.model import FILE, QuestionModel, save
from chat_platform.ml.questions.rules import RulesModel
from chat_platform.ml.questions.training import assemble, train_linear
from chat_platform.text.normalise import clean

SECTIONS = ("cv", "transfer", "speed")
DATA = Path(__file__).parents[2] / "shared" / "data"
QUESTION = 2
"""Class of 3i4k."""
NO_BLOCKS = dict.fromkeys(("characters", "jamo", "morphemes", "frames", "pairs", "grammar", "context"), False)
LINEAR: dict[str, dict[str, bool]] = {
    "characters": NO_BLOCKS | {"characters": True},
    "morphemes": NO_BLOCKS | {"morphemes": True},
    "characters, morphemes": NO_BLOCKS | {"characters": True, "morphemes": True},
    "full": {"context": False},
    "full, jamo": {"context": False, "jamo": True},
}
SEVEN: dict[str, dict[str, bool]] = {
    "full": {"context": False, "punctuation": False, "jamo": False},
    "jamo, morphemes": NO_BLOCKS | {"punctuation": False, "jamo": True, "morphemes": True},
}
SPEED_ROWS, FITS_S, PREDICTS = 55_000, 20.0, 20_000
LOADS_S, LOADS_MIB, ANSWERS_MS = 1.0, 300.0, 30.0


class Corpus(NamedTuple):
    """Texts with labels.

    Attributes:
        name: for the table.
        texts: as they stand in the file.
        labels: bool, shape (texts,).
    """

    name: str
    texts: list[str]
    labels: np.ndarray


Row = dict[str, Any]


# --- Corpora ----------------------------------------------------------------------------------------------------


def read_3i4k(data: Path, *, duplicates: bool = False) -> tuple[list[str], np.ndarray]:
    """Texts and classes 0–6; a text that recurs has its first class unless ``duplicates``."""
    lines = (data / "ko-3i4k" / "fci_train_val.txt").read_text(encoding="utf-8-sig").splitlines()
    rows = [line.split("\t", 1) for line in lines if "\t" in line]
    if not duplicates:
        first: dict[str, str] = {}
        for label, text in rows:
            first.setdefault(clean(text), label)
        rows = [[label, text] for text, label in first.items() if text]
    return [text for _, text in rows], np.array([int(label) for label, _ in rows])


def labelled_corpora(data: Path) -> Iterator[Corpus]:
    """Corpora to test transfer on, those that are there."""
    known = {
        "paraKQC": data / "ko-paraKQC" / "paraKQC_v1.txt",
        "mrda": data / "en-mrda" / "val_set.txt",
    }
    for preset, path in known.items():
        if path.exists():
            rows = read_preset(path.read_bytes(), preset).rows
            yield corpus_of(path.parent.name, rows)
    turns = data / "ko-chatbot" / "ChatbotData.csv"
    if turns.exists():
        with turns.open(encoding="utf-8", newline="") as lines:
            texts = [row[column] for row in csv.DictReader(lines) for column in ("Q", "A")]
        yield weak_corpus("ko-chatbot (has ?)", texts)
    days = irc_days(data)
    if days:
        # The last tenth of the days; ``--irc`` trains on the first ones.
        late = [text for day in sorted(days)[-len(days) // 10 :] for text in days[day]]
        yield weak_corpus("en-irc (has ?)", late)


def corpus_of(name: str, rows: Sequence[Row]) -> Corpus:
    """Texts and labels of an imported file."""
    labels = np.array([row["is_question"] for row in rows], dtype=bool)
    return Corpus(name, [row["text"] for row in rows], labels)


def weak_corpus(name: str, texts: Sequence[str]) -> Corpus:
    """Distinct texts, a question where somebody typed ``?``."""
    distinct = list(dict.fromkeys(text for text in texts if text.strip()))
    return Corpus(name, distinct, np.array(["?" in text for text in distinct]))


def irc_days(data: Path) -> dict[str, list[str]]:
    """Day → messages of people, in their order."""
    path = data / "en-irc-disentangle" / "ubuntu_irc_messages.tsv.gz"
    days: dict[str, list[str]] = {}
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            next(lines)
            for line in lines:
                _, day, _, nick, text = line.rstrip("\n").split("\t", 4)
                if not nick.startswith("ubot"):
                    days.setdefault(day, []).append(text)
    return days


def without_marks(texts: Sequence[str]) -> list[str]:
    """Texts with every question mark removed."""
    return [text.replace("?", " ").replace("？", " ").strip() for text in texts]


def without_stops(texts: Sequence[str]) -> list[str]:
    """Texts without question marks and final stops, which transcribers put behind what is no question."""
    return [text.rstrip(" .,-=") for text in without_marks(texts)]


# --- Tables -----------------------------------------------------------------------------------------------------


def print_rows(rows: Sequence[Row]) -> None:
    """A table; numbers with four digits."""
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([shown(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    for line in cells:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def shown(value: Any) -> str:
    """A cell."""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def mean_row(rows: Sequence[Row]) -> Row:
    """Means of the numbers of rows alike."""
    return {
        name: float(np.mean([row[name] for row in rows])) if isinstance(value, float) else value
        for name, value in rows[0].items()
    }


def figures(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> Row:
    """Precision, recall, F1 and AUC."""
    found = binary_metrics(labels, probabilities, threshold)
    return {name: found[name] for name in ("precision", "recall", "f1", "auc")}


# --- Cross-validation -------------------------------------------------------------------------------------------


def run_cv(options: argparse.Namespace) -> None:
    """ko-3i4k by folds."""
    if not (options.data / "ko-3i4k").exists():
        print("cv: ko-3i4k is not here")
        return
    from sklearn.model_selection import StratifiedKFold

    texts, classes = read_3i4k(options.data, duplicates=options.duplicates)
    messages = from_texts(texts)
    folds = list(StratifiedKFold(options.folds, shuffle=True, random_state=0).split(texts, classes))
    folds = folds[: options.first or None]
    y = classes == QUESTION
    print(f"\nko-3i4k: {len(texts):,} texts, {y.mean():.1%} questions, {len(folds)} of {options.folds} folds")
    rows = [
        {"candidate": "?-rule", **figures(y, np.array(["?" in text for text in texts], dtype=float), 0.5)},
        rules_row(messages, y),
    ]
    print_rows(rows)
    for name in options.linear:
        found = [linear_fold(messages, y, *fold, LINEAR[name]) for fold in folds]
        print_rows([{"candidate": f"linear: {name}", **mean_row(found)}])
    if options.transformer:
        found = [transformer_fold(texts, y, *fold, options) for fold in folds[: options.transformer_folds]]
        print_rows([{"candidate": f"transformer ({len(found)} folds)", **mean_row(found)}])
    if not options.seven:
        return
    seven = [seven_fold(messages, classes, *fold) for fold in folds]
    print("\nseven classes")
    print_rows([{"candidate": name, **mean_row([fold[name] for fold in seven])} for name in seven[0]])


def rules_row(messages: pa.Table, y: np.ndarray) -> Row:
    """The rules learn nothing, so all rows are their test."""
    started = time.perf_counter()
    probabilities = RulesModel().probabilities(messages)
    rate = len(messages) / (time.perf_counter() - started)
    return {"candidate": "rules", **figures(y, probabilities, 0.5), "fit s": 0.0, "messages/s": round(rate)}


def linear_fold(
    messages: pa.Table, y: np.ndarray, train: np.ndarray, test: np.ndarray, blocks: dict[str, bool]
) -> Row:
    """One fold of ``QuestionModel``; ``expected_share`` is that of the training, of whose make the test is.

    ``best f1`` is at the threshold that is best on the test: what a threshold could give at most.
    """
    rows = messages.take(pa.array(train))
    started = time.perf_counter()
    model = QuestionModel(expected_share=float(y[train].mean()), **blocks).fit(rows, y[train])
    fit_s = time.perf_counter() - started
    asked = messages.take(pa.array(test))
    started = time.perf_counter()
    probabilities = model.probabilities(asked)
    rate = len(test) / (time.perf_counter() - started)
    best = threshold_for_best_f1(y[test], probabilities)
    return {
        **figures(y[test], probabilities, model.threshold),
        "best f1": confusion(y[test], probabilities >= best).f1,
        "fit s": fit_s,
        "messages/s": rate,
    }


def transformer_fold(
    texts: Sequence[str], y: np.ndarray, train: np.ndarray, test: np.ndarray, options: argparse.Namespace
) -> Row:
    """One fold of the transformer candidate."""
    from chat_platform.ml.encoder.settings import TransformerSettings
    from chat_platform.ml.questions import transformer

    settings = TransformerSettings(checkpoint=options.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        model = transformer.train(
            [texts[row] for row in train], y[train], settings=settings, work_folder=Path(folder)
        )
        fit_s = time.perf_counter() - started
    started = time.perf_counter()
    probabilities = model.probabilities([texts[row] for row in test])
    rate = len(test) / (time.perf_counter() - started)
    return {**figures(y[test], probabilities, 0.5), "fit s": fit_s, "messages/s": rate}


def seven_fold(
    messages: pa.Table, classes: np.ndarray, train: np.ndarray, test: np.ndarray
) -> dict[str, Row]:
    """One fold with all classes: each view of the text by itself, and what a logistic model makes of their scores.

    The logistic model learns from scores of training rows that their machines had not seen.
    """
    from sklearn.model_selection import StratifiedKFold

    y, parts = classes[train], StratifiedKFold(3, shuffle=True, random_state=0)
    found, unseen, asked = {}, [], []
    for name, blocks in SEVEN.items():
        started = time.perf_counter()
        features = QuestionFeatures(**blocks)
        rows = features.fit_transform(messages.take(pa.array(train)))
        asked.append(seven_scores(rows, y, features.transform(messages.take(pa.array(test)))))
        fit_s = time.perf_counter() - started
        found[name] = {**seven_figures(classes[test], asked[-1].argmax(axis=1)), "fit s": fit_s}
        scores = np.zeros((len(train), asked[-1].shape[1]))
        for inner, outer in parts.split(scores, y):
            scores[outer] = seven_scores(rows[inner], y[inner], rows[outer])
        unseen.append(scores)
    started = time.perf_counter()
    predicted = stacked(np.hstack(unseen), y, np.hstack(asked))
    fit_s = time.perf_counter() - started
    found["stacked"] = {**seven_figures(classes[test], predicted), "fit s": fit_s}
    return found


def seven_scores(rows: Any, classes: np.ndarray, asked: Any) -> np.ndarray:
    """Scores of shape (asked, 7) of one linear machine a class."""
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=0.12, class_weight=rarity(classes, 0.5), tol=1e-3, random_state=0)
    return machine.fit(rows, classes).decision_function(asked)


def stacked(scores: np.ndarray, classes: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Classes that a logistic model reads from the scores of all views."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=300, class_weight=rarity(classes, 0.25))
    return model.fit(scores, classes).predict(asked)


def rarity(classes: np.ndarray, exponent: float) -> dict[int, float]:
    """Weights of the classes: 0 leaves them alone, 1 makes all count the same."""
    counts = np.bincount(classes)
    return {number: float((counts.max() / count) ** exponent) for number, count in enumerate(counts)}


def seven_figures(classes: np.ndarray, predicted: np.ndarray) -> Row:
    """Accuracy, macro F1 and the F1 of the question."""
    found = multiclass_metrics(classes, predicted)
    return {
        "accuracy": found["accuracy"],
        "macro f1": found["macro_f1"],
        "question f1": confusion(classes == QUESTION, predicted == QUESTION).f1,
    }


# --- Transfer ---------------------------------------------------------------------------------------------------


def run_transfer(options: argparse.Namespace) -> None:
    """Train as the platform does, test elsewhere."""
    labels, messages = training_rows(options)
    started = time.perf_counter()
    training = assemble(labels, messages)
    candidate = train_linear(training)
    print(
        f"\ntrained on {len(training.train):,} rows of {dict(training.trained_on)},"
        f" left out {dict(training.excluded)}, in {time.perf_counter() - started:.0f} s"
    )
    corpora = [own_corpus(options)] if options.test else labelled_corpora(options.data)
    for corpus in corpora:
        if corpus.name == "ko-paraKQC" and options.para:
            continue
        print(f"\n{corpus.name}: {len(corpus.texts):,} texts, {corpus.labels.mean():.1%} questions")
        views = {"raw": corpus.texts, "no ?": without_marks(corpus.texts)}
        if corpus.name == "en-mrda":
            views["no ? and stops"] = without_stops(corpus.texts)
        if "has ?" in corpus.name:
            del views["raw"]
        print_rows(
            [
                row
                for view, texts in views.items()
                for row in transfer_rows(view, texts, corpus, candidate.scorer)
            ]
        )


def training_rows(options: argparse.Namespace) -> tuple[list[Row], pa.Table]:
    """Resolved labels of everything that the options name, and messages of those that are weakly labelled."""
    rows = seed_rows()
    for preset, path in imports(options):
        if path.exists():
            rows += imported(preset, path)
    days = irc_days(options.data)
    texts = [(day, text) for day in sorted(days) for text in days[day]][: options.irc]
    ids = [f"irc{number}" for number in range(len(texts))]
    messages = from_texts(
        [text for _, text in texts], message_id=ids, conversation_id=[day for day, _ in texts]
    )
    return resolve([*rows, *weak_rows(messages)])[0], messages


def imports(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Presets and files to train on."""
    yield "3i4k", options.data / "ko-3i4k" / "fci_train_val.txt"
    if options.para:
        yield "paraKQC", options.data / "ko-paraKQC" / "paraKQC_v1.txt"
    if options.mrda:
        yield "mrda", options.data / "en-mrda" / "train_set.txt"


def imported(preset: str, path: Path) -> list[Row]:
    """Rows of ``ml.labels``, as ``chatp labels import`` and the training asset make them."""
    found = read_preset(path.read_bytes(), preset).rows
    return import_rows(
        {
            "text": row["text"],
            "is_question": row["is_question"],
            "source": preset,
            "weight": 1.0,
            "group_key": None if preset == "mrda" else row["group"],
            "imported_at": None,
        }
        for row in found
    )


def seed_rows() -> list[Row]:
    """The shipped set as rows of ``ml.labels``."""
    return [
        label_row("seed", row.text, row.is_question, row.language, f"seed:{row.group}", 1.0)
        for row in seed_labels()
    ]


def weak_rows(messages: pa.Table) -> list[Row]:
    """What the rules say of messages."""
    said = zip(messages.to_pylist(), weak.opinions(messages), strict=True)
    return [
        label_row(
            "weak", m["text"], o.is_question, m["language"], m["conversation_id"], o.weight, m["message_id"]
        )
        for m, o in said
        if o is not None and m["text"]
    ]


def label_row(
    origin: str,
    text: str,
    is_question: bool,
    language: str,
    group: str,
    weight: float,
    message: str | None = None,
) -> Row:
    """A row of ``ml.labels``."""
    key = hashlib.sha256(json.dumps([origin, text, message]).encode()).hexdigest()[:24]
    return {
        "label_id": key, "message_id": message, "conversation_id": group, "text": text, "language": language,
        "is_question": is_question, "origin": origin, "source": origin, "weight": weight, "labelled_at": None,
    }  # fmt: skip


def transfer_rows(view: str, texts: Sequence[str], corpus: Corpus, model: QuestionModel) -> list[Row]:
    """All candidates on one view of a corpus."""
    messages = from_texts(texts)
    y = corpus.labels
    rows = [
        {"candidate": "?-rule", **figures(y, np.array(["?" in text for text in texts], dtype=float), 0.5)}
    ]
    rows.append({"candidate": "rules", **figures(y, RulesModel().probabilities(messages), 0.5)})
    moved = copy.copy(model).calibrate_thresholds(messages)
    for name, one in (("linear", model), ("linear, expected F1", moved)):
        probabilities = one.probabilities(messages)
        best = threshold_for_best_f1(y, probabilities)
        rows.append(
            {
                "candidate": name,
                **figures(y, probabilities, one.threshold),
                "threshold": one.threshold,
                "best f1": confusion(y, probabilities >= best).f1,
            }
        )
    return [{"view": view, **row} for row in rows]


def own_corpus(options: argparse.Namespace) -> Corpus:
    """The file that ``--test`` names."""
    mapping: dict[str, bool | None] = dict.fromkeys(options.yes.split(","), True)
    mapping |= dict.fromkeys(options.no.split(","), False)
    found = read_labels(
        options.test.read_bytes(),
        format=options.format or options.test.suffix.removeprefix("."),
        mapping=mapping,
        text_column=options.text,
        label_column=options.label,
    )
    if found.rejected:
        print(f"{len(found.rejected)} lines could not be used, first {found.rejected[0]}")
    return corpus_of(options.test.name, found.rows)


# --- Speed ------------------------------------------------------------------------------------------------------

LOADING = """
import sys, time
from pathlib import Path
import psutil
started, process = time.perf_counter(), psutil.Process()
before = process.memory_info().rss
from chat_platform.ml.questions.model import load
imported = time.perf_counter()
model = load(Path(sys.argv[1]).read_bytes())
loaded, after = time.perf_counter(), process.memory_info().rss
from chat_platform.ml.messages import from_texts
model.probabilities(from_texts(["첫 질문은 모델을 데웁니다"]))
taken = []
for number in range(100):
    begun = time.perf_counter()
    model.probabilities(from_texts([f"이 오류는 왜 나나요 {number}"]))
    taken.append(time.perf_counter() - begun)
taken.sort()
print(imported - started, loaded - imported, (after - before) / 2**20, taken[50] * 1e3, taken[95] * 1e3,
      (process.memory_info().rss - before) / 2**20)
"""


def run_speed(options: argparse.Namespace) -> None:
    """Fit, predict, load, answer."""
    messages, y = speed_rows(options.data)
    started, cpu = time.perf_counter(), time.process_time()
    model = QuestionModel(context=False).fit(messages, y)
    fit_s, fit_cpu = time.perf_counter() - started, time.process_time() - cpu
    rates = [timed(lambda: model.probabilities(messages)) for _ in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(save(model)[FILE])
        size = path.stat().st_size / 2**20
        command = [sys.executable, "-c", LOADING, str(path)]
        answers = [
            [
                float(word)
                for word in subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
            ]
            for _ in range(3)
        ]
    imports_s, loads_s, loads_mib, median, late, total = np.min(answers, axis=0)
    print(
        f"\n{len(messages):,} texts from tokens; file {size:.1f} MiB; with Kiwi, a process grows by {total:.0f} MiB"
    )
    print_rows(
        [
            bound("fit (s)", fit_s, FITS_S),
            {"what": "fit, processor (s)", "measured": fit_cpu},
            bound("messages/s from tokens", len(messages) / min(rates), PREDICTS, least=True),
            bound("import and load (s)", imports_s + loads_s, LOADS_S),
            bound("memory to load (MiB)", loads_mib, LOADS_MIB),
            bound("one answer, median (ms)", median, ANSWERS_MS),
            bound("one answer, 95 of 100 (ms)", late, ANSWERS_MS),
        ]
    )


def bound(what: str, measured: float, limit: float, *, least: bool = False) -> Row:
    """A row with what must hold."""
    held = measured >= limit if least else measured <= limit
    return {
        "what": what,
        "measured": float(measured),
        "must": f"{'>=' if least else '<='} {limit:g}",
        "holds": held,
    }


def speed_rows(data: Path) -> tuple[pa.Table, np.ndarray]:
    """55,000 texts: of 3i4k where it is, else the seed's over and over with a number behind each."""
    if (data / "ko-3i4k").exists():
        texts, classes = read_3i4k(data, duplicates=True)
        texts, y = texts[:SPEED_ROWS], classes[:SPEED_ROWS] == QUESTION
    else:
        seed = seed_labels()
        rows = [
            (f"{seed[n % len(seed)].text} {n}", seed[n % len(seed)].is_question) for n in range(SPEED_ROWS)
        ]
        texts, y = [text for text, _ in rows], np.array([label for _, label in rows])
    return from_texts(texts), y


def timed(work: Callable[[], Any]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the corpora")
    cv = parser.add_argument_group("cv")
    cv.add_argument("--folds", type=int, default=5)
    cv.add_argument("--first", type=int, default=0, help="only so many of the folds")
    cv.add_argument("--duplicates", action="store_true", help="keep texts that recur")
    cv.add_argument(
        "--linear", nargs="*", choices=list(LINEAR), default=list(LINEAR), help="sets of features"
    )
    cv.add_argument("--no-seven", dest="seven", action="store_false", help="question against the rest only")
    cv.add_argument("--transformer", action="store_true")
    cv.add_argument("--transformer-folds", type=int, default=1)
    cv.add_argument("--checkpoint", help="hub id or folder; default: the own small encoder")
    transfer = parser.add_argument_group("transfer")
    transfer.add_argument("--para", action="store_true", help="train on ko-paraKQC too")
    transfer.add_argument("--mrda", action="store_true", help="train on en-mrda's train file too")
    transfer.add_argument("--irc", type=int, default=0, help="weakly labelled messages of en-irc to train on")
    transfer.add_argument("--test", type=Path, help="a labelled file of your own")
    transfer.add_argument("--format", choices=("csv", "tsv", "jsonl"), help="default: by the file's name")
    transfer.add_argument("--text", default="text", help="its column of texts")
    transfer.add_argument("--label", default="label", help="its column of classes")
    transfer.add_argument("--yes", default="1", help="its classes that are questions, by comma")
    transfer.add_argument("--no", default="0", help="its classes that are none, by comma")
    return parser


def main() -> None:
    """Run the sections and print."""
    parser = arguments()
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section is named {', '.join(sorted(unknown))}")
    run = {"cv": run_cv, "transfer": run_transfer, "speed": run_speed}
    for section in options.sections or SECTIONS:
        run[section](options)


if __name__ == "__main__":
    main()
