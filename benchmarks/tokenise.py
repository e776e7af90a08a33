"""Tokenising: our kernel beside Kiwi over the same text, undeduplicated; and where the process pool pays.

What belongs here: rates and ratios, printed in one run on one machine. What does not: whether tokens are right
(``tests/unit/text``).

    python benchmarks/tokenise.py [--messages 60000] [--threshold]

Texts are clean text of a generated class and, where it is present, of ``../shared/data/ko-comments`` (long
comments that hardly repeat: the case that is worst for us). Each variant runs in a process of its own, so that
no cache or heap of one helps or hurts another; the variants take turns, and the best of several turns counts,
because other programs on the machine only ever add time. Loading Kiwi is not counted, but for ``engine``.

* ``kiwi 1 thread`` — ``tokenize(text)`` for every text;
* ``kiwi`` — ``tokenize(list of all texts)`` with as many threads as there are cores: the peer;
* ``kernel`` — ``tokenise_messages`` over recordings as tables, in one process: from clean text to the Arrow table
  of tokens, which the peer does not build (it only reads form, tag, start and length of every token);
* ``engine`` — cleaning and tokenising by ``LocalEngine`` from Parquet to Parquet, pool and loading included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa

from chat_platform.simulators.class_generator import generate_class
from chat_platform.storage.engine import LocalEngine
from chat_platform.storage.files import write_parquet_atomic
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.text.kernels import clean_messages, tokenise_messages
from chat_platform.text.tokenise import tokenise

COMMENTS = Path(__file__).parents[2] / "shared" / "data" / "ko-comments" / "unlabeled_comments_5.txt"
REQUIRED = 1.5
RECORDING = 2_000
TURNS = 3


@dataclass(frozen=True)
class Result:
    """One variant: seconds of work, rows made, peak memory of its process and of the pool under it."""

    seconds: float
    rows: int
    peak_mib: float = 0.0


def class_texts(messages: int) -> list[str]:
    """What a generated class says, recording after recording."""
    recordings = max(1, messages // RECORDING)
    generated = generate_class(7, recordings=recordings, messages_per_recording=RECORDING)
    return [said.text for recording in generated for said in recording.utterances]


def messages_table(texts: list[str], conversation: str) -> pa.Table:
    """Texts as one recording's messages."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return MESSAGES.table(
        {
            "message_id": f"{conversation}-{number}",
            "source": "zoom",
            "conversation_id": conversation,
            "kind": "message",
            "position": number,
            "identity_id": "someone",
            "sent_at": at,
            "text": text,
            "clean_text": text,
            "visibility": "everyone",
            "edited": False,
            "removed": False,
            "ambiguous_parent": False,
        }
        for number, text in enumerate(texts)
    )


def recordings_of(texts: list[str]) -> list[pa.Table]:
    """Texts cut into recordings."""
    return [
        messages_table(texts[start : start + RECORDING], f"c{start // RECORDING:04}")
        for start in range(0, len(texts), RECORDING)
    ]


def clean_and_tokenise(messages: pa.Table) -> pa.Table:
    """The whole text step of a partition."""
    return tokenise_messages(clean_messages(messages))


def kiwi_single(texts: list[str]) -> Result:
    """Kiwi, one text after another, on one thread."""
    from kiwipiepy import Kiwi

    kiwi = Kiwi(num_workers=1)
    kiwi.tokenize("안녕")
    started = time.perf_counter()
    tokens = sum(len([(t.form, t.tag, t.start, t.len) for t in kiwi.tokenize(text)]) for text in texts)
    return Result(time.perf_counter() - started, tokens)


def kiwi_batch(texts: list[str]) -> Result:
    """Kiwi over the whole list, on all cores."""
    from kiwipiepy import Kiwi

    kiwi = Kiwi(num_workers=os.cpu_count() or 1)
    kiwi.tokenize("안녕")
    started = time.perf_counter()
    tokens = sum(len([(t.form, t.tag, t.start, t.len) for t in found]) for found in kiwi.tokenize(texts))
    return Result(time.perf_counter() - started, tokens)


def kernel(texts: list[str]) -> Result:
    """Our kernel over recordings, one after another, in one process."""
    tables = recordings_of(texts)
    tokenise("안녕")
    started = time.perf_counter()
    tokens = sum(tokenise_messages(table).num_rows for table in tables)
    return Result(time.perf_counter() - started, tokens)


def cleaning(texts: list[str]) -> Result:
    """Our cleaning kernel over recordings."""
    tables = recordings_of(texts)
    started = time.perf_counter()
    rows = sum(clean_messages(table).num_rows for table in tables)
    return Result(time.perf_counter() - started, rows)


def engine(texts: list[str], *, here: bool = False) -> Result:
    """Parquet to Parquet, through the engine."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = {}
        for number, table in enumerate(recordings_of(texts)):
            inputs[f"c{number:04}"] = Path(folder) / "in" / f"{number}.parquet"
            write_parquet_atomic(inputs[f"c{number:04}"], table)
        outputs = {key: Path(folder) / "out" / f"{key}.parquet" for key in inputs}
        workers = 1 if here else os.cpu_count() or 1
        local = LocalEngine(workers, small_partitions=0, small_rows=0)
        started = time.perf_counter()
        outcomes = local.map(clean_and_tokenise, inputs, outputs)
        seconds = time.perf_counter() - started
    errors = {outcome.error for outcome in outcomes.values() if outcome.error}
    if errors:
        raise RuntimeError(f"partitions failed: {sorted(errors)[:3]}")
    return Result(seconds, sum(outcome.rows_out for outcome in outcomes.values()))


def engine_here(texts: list[str]) -> Result:
    """The engine without a pool."""
    return engine(texts, here=True)


def tree_mib(process: psutil.Process) -> float:
    """Resident memory of a process and everything under it, in MiB; 0 when it has ended."""
    try:
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def alone(variant: Callable[[list[str]], Result], texts: list[str]) -> Result:
    """Run a variant in a fresh process that no pool started, so that Kiwi takes its threads as in a main process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        try:
            sender.send(variant(texts))
        finally:
            os._exit(0)
    sender.close()
    process, highest = psutil.Process(pid), 0.0
    while not receiver.poll(0.1):
        highest = max(highest, tree_mib(process))
    try:
        return replace(receiver.recv(), peak_mib=highest)
    except EOFError:
        raise RuntimeError(f"{variant.__name__} failed") from None
    finally:
        os.waitpid(pid, 0)


def compare(name: str, raw: list[str]) -> float:
    """Print the rates over one set of texts; return our kernel's ratio to the peer."""
    texts = clean_messages(messages_table(raw, "all"))["clean_text"].to_pylist()
    print(
        f"\n{name}: {len(texts):,} messages, {len(set(texts)) / len(texts):.0%} distinct, {os.cpu_count()} cores"
    )
    variants: dict[str, tuple[Callable[[list[str]], Result], list[str]]] = {
        "kiwi 1 thread": (kiwi_single, texts),
        "kiwi": (kiwi_batch, texts),
        "kernel": (kernel, texts),
        "engine": (engine, raw),
        "cleaning": (cleaning, raw),
    }
    turns = [{label: alone(*what) for label, what in variants.items()} for _ in range(TURNS)]
    results = {label: min((turn[label] for turn in turns), key=lambda r: r.seconds) for label in variants}
    for label, result in results.items():
        ratio = results["kiwi"].seconds / result.seconds
        print(
            f"  {label:14} {len(texts) / result.seconds:>9,.0f} messages/s  {result.rows:>10,} rows"
            f"  {result.peak_mib:>6,.0f} MiB  {ratio:5.2f} x kiwi"
        )
    return results["kiwi"].seconds / results["kernel"].seconds


def thresholds(texts: list[str]) -> None:
    """Print from how many messages on the pool is quicker than this process."""
    print("\nengine, pool beside this process (seconds, loading included):")
    for number in (2_000, 10_000, 50_000, 100_000, 200_000):
        part = texts[:number]
        pool = min(alone(engine, part).seconds for _ in range(TURNS))
        here = min(alone(engine_here, part).seconds for _ in range(TURNS))
        print(f"  {len(part):>7,} messages: pool {pool:5.2f}  here {here:5.2f}")


def main() -> int:
    """Print everything; exit code 1 when the ratio over a class is below what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--threshold", action="store_true", help="also compare the pool with one process")
    arguments = parser.parse_args()
    said = class_texts(arguments.messages)
    ratio = compare("generated class", said)
    if COMMENTS.exists():
        compare("real comments", COMMENTS.read_text(encoding="utf-8").splitlines()[: arguments.messages // 4])
    if arguments.threshold:
        thresholds(said)
    print(f"\nkernel over a class: {ratio:.2f} x Kiwi over undeduplicated text (must be >= {REQUIRED})")
    return 0 if ratio >= REQUIRED else 1


if __name__ == "__main__":
    raise SystemExit(main())
