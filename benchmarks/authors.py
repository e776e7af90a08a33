"""The author model on real chat: candidates side by side, pooling, time and memory.

What belongs here: rates printed in one run on one machine. What does not: whether parts work (``tests/unit/ml``).

    python benchmarks/authors.py [--authors 10 50] [--within-days N] [--keep-near-copies] [--no-peers]
        [--no-encoder] [--no-speed]

Data: ``../shared/data/en-irc-disentangle``, without its two bots. Names that differ in case or in underscores at
their end (``k1l``, ``k1l_``) are one person, as merged identities are on the platform. The most active people who
were there on three days or more are the authors. Each author's later days, a quarter of the messages, are the
test; a test message that the training has nearly the same is left out.
``--keep-near-copies`` leaves them in, as figures that others publish mostly do: what somebody always says counts.
Years may lie between training and test, and people change; ``--within-days`` takes as the test only what an author
wrote within so many days after the training's last message.

``linear`` is the platform's model as it is trained and saved. The peers get the same rows, scikit-learn's usual
way: pooled messages are guessed by adding up what single ones scored.

``encoder`` and ``characters_encoder`` are the candidates of the extra ``[transformers]``, which train for minutes:
a small encoder, pre-trained by masking on the training messages and taught to name their authors. What it is, and
how much it counts beside the characters, is printed.

The speed part trains on 100,000 messages of 50 authors: those of the 50 most active, each drawn several times and
given a few characters of noise, because the corpus has fewer.
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.ml.authors import naming
from chat_platform.ml.authors.dataset import SCHEMA, AuthorSplit, split_by_time, text_problem
from chat_platform.ml.authors.evaluate import POOLED, evaluate
from chat_platform.ml.authors.linear import parts
from chat_platform.ml.authors.model import KINDS, AuthorModel, NamedText, fit, load, prepare, save, train
from chat_platform.ml.encoder import extra
from chat_platform.ml.evaluation.metrics import ranks
from chat_platform.settings import AuthorRules

DATA = Path(__file__).parents[2] / "shared" / "data" / "en-irc-disentangle" / "ubuntu_irc_messages.tsv.gz"
BOTS = {"ubottu", "ubotu"}
LEAST_DAYS = 3
TEST_SHARE = 0.25
SPEED_MESSAGES = 100_000
RULES = AuthorRules(min_messages=10)


def person_of(nick: str) -> str:
    """Names of one person are one."""
    return nick.casefold().rstrip("_") or nick


def read_chat() -> pa.Table:
    """All messages that say something, of ``SCHEMA``; a day of the corpus is a conversation."""
    rules, rows = AuthorRules(), []
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        next(lines)
        for number, line in enumerate(lines):
            _, day, clock, nick, text = line.rstrip("\n").split("\t", 4)
            person = person_of(nick)
            if person in BOTS or text_problem(text, rules):
                continue
            hour, minute = re.match(r"(\d\d):(\d\d)", clock).groups()
            moment = datetime.fromisoformat(day[:10]).replace(hour=int(hour), minute=int(minute), tzinfo=UTC)
            rows.append((f"{number:07d}", person, text, moment, day))
    columns = list(zip(*rows, strict=True))
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def of_most_active(chat: pa.Table, number: int) -> tuple[pa.Table, pa.Table]:
    """Messages of the most active people, and of everybody else."""
    people = np.array(chat["person_id"].to_pylist(), dtype=object)
    days: dict[str, set[str]] = {}
    for person, day in zip(people, chat["conversation_id"].to_pylist(), strict=True):
        days.setdefault(person, set()).add(day)
    names, counts = np.unique(people, return_counts=True)
    ranked = sorted(zip(-counts, names, strict=True))
    chosen = {name for _, name in [r for r in ranked if len(days[r[1]]) >= LEAST_DAYS][:number]}
    inside = pa.array([person in chosen for person in people])
    return chat.filter(inside), chat.filter(pa.array([person not in chosen for person in people]))


def divided(rows: pa.Table, *, keep_near_copies: bool) -> AuthorSplit:
    """Earlier days to learn from, later ones as the test."""
    split = split_by_time(rows, test_share=TEST_SHARE, cut="author")
    if not keep_near_copies:
        return split
    learnt = pc.is_in(rows["message_id"], value_set=split.train["message_id"].combine_chunks())
    return AuthorSplit(split.train, rows.filter(pc.invert(learnt)), split.near_copies)


def written_soon(split: AuthorSplit, days: int) -> AuthorSplit:
    """The test's messages within so many days after their author's last one of the training."""
    last = {
        row["person_id"]: row["sent_at_max"]
        for row in split.train.group_by("person_id").aggregate([("sent_at", "max")]).to_pylist()
    }
    written = zip(split.test["person_id"].to_pylist(), split.test["sent_at"].to_pylist(), strict=True)
    soon = pa.array([moment - last[person] <= timedelta(days) for person, moment in written])
    return AuthorSplit(split.train, split.test.filter(soon), split.near_copies)


def peers() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Name → features and classifier, as one would write them with scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC

    def characters() -> Any:
        return TfidfVectorizer(
            analyzer="char",
            ngram_range=(1, 4),
            lowercase=False,
            sublinear_tf=True,
            min_df=2,
            dtype=np.float32,
        )

    return {
        "characters 1-4, naive Bayes": (characters, lambda: ComplementNB(alpha=0.1)),
        "characters 1-4, linear SVM": (characters, lambda: LinearSVC(C=0.3)),
        "characters 1-4, SGD logistic": (
            characters,
            lambda: SGDClassifier(loss="log_loss", alpha=1e-5, average=True, random_state=0, n_jobs=2),
        ),
        "characters 1-4, logistic": (characters, lambda: LogisticRegression(C=10, max_iter=40)),
    }


def judge(
    name: str, log_scores: np.ndarray, authors: np.ndarray, fit_s: float, each_ms: float
) -> dict[str, Any]:
    """A row of the table, from scores of single messages that may be added up."""
    row: dict[str, Any] = {"candidate": name}
    random = np.random.default_rng(0)
    for size in POOLED:
        for kind in ("drawn", "running") if size > 1 else ("drawn",):
            groups = [
                part
                for author in np.unique(authors)
                for own in [np.flatnonzero(authors == author)]
                if len(own) >= size
                for part in parts(random.permutation(own) if kind == "drawn" else own, size)
            ]
            pooled = np.array([log_scores[group].sum(axis=0) for group in groups])
            place = ranks(np.array([authors[group[0]] for group in groups]), pooled)
            row[f"{size} {kind}"] = f"{np.mean(place <= 1):.3f}/{np.mean(place <= 5):.3f}"
    return row | {"fit s": f"{fit_s:.1f}", "each ms": f"{each_ms:.2f}"}


def run_peer(name: str, split: AuthorSplit) -> dict[str, Any]:
    """Train and judge one of ``peers``."""
    make_features, make_classifier = peers()[name]
    persons, authors = np.unique(split.train["person_id"].to_pylist(), return_inverse=True)
    place = {person: number for number, person in enumerate(persons)}
    started = time.perf_counter()
    features, classifier = make_features(), make_classifier()
    classifier.fit(features.fit_transform(split.train["text"].to_pylist()), authors)
    fit_s = time.perf_counter() - started
    started = time.perf_counter()
    test = features.transform(split.test["text"].to_pylist())
    if hasattr(classifier, "predict_log_proba"):
        scores = np.maximum(classifier.predict_log_proba(test), -50)
    else:
        # A machine without probabilities: softmax of its scores, sharpened as fits them best on average.
        z = classifier.decision_function(test) * 4
        scores = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    each_ms = (time.perf_counter() - started) / len(split.test) * 1000
    truth = np.array([place[person] for person in split.test["person_id"].to_pylist()])
    return judge(name, scores, truth, fit_s, each_ms)


def run_linear(split: AuthorSplit, outsiders: pa.Table) -> tuple[dict[str, Any], list[str]]:
    """Train and judge the platform's model; the row of the table and further lines."""
    started = time.perf_counter()
    model = train(split.train, rules=RULES)
    return judge_ours("linear (ours)", model, split, outsiders, time.perf_counter() - started)


def run_encoder(split: AuthorSplit, outsiders: pa.Table) -> tuple[list[dict[str, Any]], list[str]]:
    """The same of the kinds with an encoder, which share it; times are of the encoder and all machines."""
    settings, told = naming.settings_for(), []
    started = time.perf_counter()
    prepared = prepare(split.train, rules=RULES)
    with tempfile.TemporaryDirectory() as folder:
        encoder = naming.train_encoder(
            prepared.lessons(), settings=settings, work_folder=Path(folder), on_progress=told.append
        )
    taught_s = time.perf_counter() - started
    models = fit(prepared, [kind for kind in KINDS if kind != "characters"], encoder)
    fit_s = time.perf_counter() - started
    size = settings.size
    steps = {
        phase: max((one.step for one in told if one.phase == phase), default=0) for phase in naming.PHASES
    }
    rows, lines = (
        [],
        [
            f"encoder: {size.layers} layers of {size.hidden}, {size.vocabulary} pieces, capitals kept, "
            f"{steps} steps of {settings.batch_size} messages, {settings.threads} thread, {taught_s:.0f} s"
        ],
    )
    for kind, model in models.items():
        row, more = judge_ours(f"{kind} (ours)", model, split, outsiders, fit_s)
        shares = ", ".join(f"{size} pooled: {share:.2f}" for size, share in model.second_shares.items())
        rows.append(row)
        lines += ["", kind, *([f"share of the encoder, {shares}"] if shares else []), *more]
    return rows, lines


def judge_ours(
    name: str, model: AuthorModel, split: AuthorSplit, outsiders: pa.Table, fit_s: float
) -> tuple[dict[str, Any], list[str]]:
    """Save, load and judge a model of the platform; the row of the table and further lines."""
    files = save(model)
    started = time.perf_counter()
    model = load(files)
    load_s = time.perf_counter() - started
    result = evaluate(model, pa.concat_tables([split.test, outsiders]))
    row: dict[str, Any] = {"candidate": name}
    for size in POOLED:
        for kind in ("drawn", "running") if size > 1 else ("drawn",):
            part = "all" if size == 1 else f"pooled={size}" + (",running" if kind == "running" else "")
            row[f"{size} {kind}"] = f"{result.value(part, 'top1'):.3f}/{result.value(part, 'top5'):.3f}"
    row |= {"fit s": f"{fit_s:.1f}", "each ms": f"{guess_ms(model, split.test):.2f}"}
    lines = [f"files {mebibytes(files):.0f} MiB, load in {load_s:.2f} s"]
    lines += [
        f"{f.slice:<18} {f.metric:<10} {f.value:.3f}  [{f.low:.3f}, {f.high:.3f}]  of {f.rows}"
        for f in result.figures
    ]
    return row, lines


def mebibytes(files: dict[str, bytes]) -> float:
    """Size of a model."""
    return sum(map(len, files.values())) / 2**20


def guess_ms(model: AuthorModel, test: pa.Table) -> float:
    """One guess with its reasons, milliseconds: the median of 200."""
    taken = []
    for text in test["text"].to_pylist()[:200]:
        started = time.perf_counter()
        model.guess([NamedText(text)])
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)) * 1000


def speed_rows(chat: pa.Table) -> pa.Table:
    """100,000 messages of 50 authors, 2,000 each."""
    rows, _ = of_most_active(chat, 50)
    random = np.random.default_rng(0)
    people = np.array(rows["person_id"].to_pylist(), dtype=object)
    letters = list("abcdefghijklmnopqrstuvwxyz ")
    taken, texts = [], []
    for person in np.unique(people):
        drawn = np.sort(random.choice(np.flatnonzero(people == person), SPEED_MESSAGES // 50))
        taken += drawn.tolist()
    for text in rows["text"].take(pa.array(taken)).to_pylist():
        changed = list(text)
        for at in random.integers(0, len(changed), size=1 + len(changed) // 20):
            changed[at] = letters[random.integers(len(letters))]
        texts.append("".join(changed))
    rows = rows.take(pa.array(taken))
    return rows.set_column(rows.schema.get_field_index("text"), SCHEMA.field("text"), [texts])


def _child(job: str, arguments: tuple[Any, ...], answers: Any) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    if job == "peer":
        answer: Any = (run_peer(*arguments), [])
    elif job == "linear":
        answer = run_linear(*arguments)
    elif job == "encoder":
        answer = run_encoder(*arguments)
    elif job == "load":
        load(arguments[0])
        answer = f"{(process.memory_info().rss - before) / 2**20:.0f} MiB"
    else:
        started, cpu = time.perf_counter(), sum(process.cpu_times()[:2])
        model = train(arguments[0])
        wall, used = time.perf_counter() - started, sum(process.cpu_times()[:2]) - cpu
        data = save(model)
        answer = (f"{wall:.1f} s wall, {used:.1f} s processor, peak {_peak():.0f} MiB", data)
    answers.put((answer, _peak()))


def _peak() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(job: str, *arguments: Any) -> tuple[Any, float]:
    """The job's answer and the peak memory of a process of its own, MiB."""
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    process = context.Process(target=_child, args=(job, arguments, answers))
    process.start()
    while answers.empty():
        if not process.is_alive() and answers.empty():
            raise SystemExit(f"{job} ended with {process.exitcode}")
        time.sleep(0.05)
    answer = answers.get()
    process.join()
    return answer


def print_rows(rows: list[dict[str, Any]]) -> None:
    """A table; top-1/top-5 in each column of sizes."""
    names = list(rows[0])
    widths = [
        max(len(str(row[name])) for row in [dict(zip(names, names, strict=True)), *rows]) for name in names
    ]
    for row in [dict(zip(names, names, strict=True)), *rows]:
        print("  ".join(f"{row[name]!s:<{width}}" for name, width in zip(names, widths, strict=True)))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--authors", type=int, nargs="*", default=[10, 50])
    parser.add_argument("--within-days", type=int)
    parser.add_argument("--keep-near-copies", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--no-encoder", action="store_true")
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"{DATA.name} is not here")
    chat = read_chat()
    for number in options.authors:
        inside, outside = of_most_active(chat, number)
        split = divided(inside, keep_near_copies=options.keep_near_copies)
        if options.within_days is not None:
            split = written_soon(split, options.within_days)
        outsiders = outside.take(
            pa.array(np.sort(np.random.default_rng(0).choice(len(outside), 1_000, replace=False)))
        )
        print(
            f"\n{number} authors: {len(split.train)} training messages, {len(split.test)} of the test, "
            f"{split.near_copies} near-copies {'kept in' if options.keep_near_copies else 'left out of'} it"
        )
        rows = []
        for name in [] if options.no_peers else peers():
            (row, _), peak = apart("peer", name, split)
            rows.append(row | {"MiB": f"{peak:.0f}"})
        (row, lines), peak = apart("linear", split, outsiders)
        rows.append(row | {"MiB": f"{peak:.0f}"})
        if not options.no_encoder and not extra.available():
            lines.append("without the extra [transformers] there is no candidate with an encoder")
        elif not options.no_encoder:
            (found, more), peak = apart("encoder", split, outsiders)
            rows += [row | {"MiB": f"{peak:.0f}"} for row in found]
            lines += ["", *more]
        print_rows(rows)
        print("\n".join(lines), flush=True)
    if not options.no_speed:
        (line, data), _ = apart("speed", speed_rows(chat))
        print(f"\n50 authors, {SPEED_MESSAGES} messages: trained in {line}; {mebibytes(data):.0f} MiB")
        print(f"loading it adds {apart('load', data)[0]}")


if __name__ == "__main__":
    main()
