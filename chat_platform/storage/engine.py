"""Runs kernels (Arrow table → Arrow table), or other work, over many partitions at once.

What belongs here: the process pool, atomic output, what becomes of a partition that fails or of a worker that
is killed. What does not: what a kernel computes, which partitions there are, remote clusters.

A partition fails alone: its error is part of the answer, the others go on. When a worker is killed (out of
memory, ``kill -9``), every partition that was in flight is a suspect: it runs again, alone in a pool of its
own, so that the one that kills its worker cannot take another with it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from chat_platform.errors import ChatPlatformError, StorageError
from chat_platform.storage.files import remove_stale_temporaries, write_parquet_atomic

Kernel = Callable[[pa.Table], pa.Table]
T = TypeVar("T")
R = TypeVar("R")

# Below either, the work is done in this process. Measured (benchmarks/tokenise.py --threshold, 2 cores): a pool
# costs 2 to 3 s, as each worker loads its own tokenizer, while this process spreads a text over threads and
# sees repeated texts of all partitions; they are level from some 50,000 to 200,000 messages, then the pool wins.
SMALL_PARTITIONS = 4
SMALL_ROWS = 50_000

_ERROR_LENGTH = 500
# Two: a suspect may not have begun when the pool broke, and whoever killed one worker may kill the next.
_ATTEMPTS_ALONE = 2
_main_lock = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """What became of one partition.

    Attributes:
        rows_in: rows of the input.
        rows_out: rows of the output; 0 when it failed.
        seconds: time that its worker spent on it, reading and writing included.
        error: ``None``, or what went wrong: a coded error's text, or the exception's type and text.
        code: the error's code, when it has one.
    """

    rows_in: int = 0
    rows_out: int = 0
    seconds: float = 0.0
    error: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class _Task:
    key: str
    source: Path
    target: Path
    size: int


class LocalEngine:
    """Kernels on this machine: in this process for small batches, else in a pool of processes.

    Args:
        workers: processes at once; 1 means: always in this process.
        small_partitions: a batch of fewer partitions stays in this process.
        small_rows: a batch of fewer rows stays in this process.
    """

    def __init__(
        self, workers: int, *, small_partitions: int = SMALL_PARTITIONS, small_rows: int = SMALL_ROWS
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        self.workers = workers
        self.small_partitions = small_partitions
        self.small_rows = small_rows

    def map(
        self, kernel: Kernel, inputs: Mapping[str, Path | str], outputs: Mapping[str, Path | str]
    ) -> dict[str, Outcome]:
        """Run ``kernel`` over each input file and replace each output file atomically.

        An input may be its own output. Nothing is raised for a partition; see its outcome.

        Args:
            kernel: a function at the top level of an importable module, without global state.
            inputs: partition → Parquet file on this machine.
            outputs: partition → Parquet file to write; same keys as ``inputs``.

        Returns:
            Outcome of every partition, in the order of ``inputs``.

        Raises:
            ValueError: the keys differ, or the kernel is not a top-level function.
        """
        _check(kernel, inputs, outputs)
        tasks = [
            _Task(key, Path(source), Path(outputs[key]), _size(Path(source)))
            for key, source in inputs.items()
        ]
        if self._runs_here(tasks):
            done = {task.key: _run(kernel, task) for task in tasks}
        else:
            done = {task.key: outcome for task, outcome in self._in_pool(kernel, tasks)}
        return {key: done[key] for key in inputs}

    def each(
        self, work: Callable[[str], R], keys: Sequence[str], module: str
    ) -> Iterator[tuple[str, R | StorageError]]:
        """Do some work for each key, in a pool of processes unless there may be none.

        What it gives comes one by one as it is done, in any order, so that none of it must be kept. What it raises
        ends everything.

        Args:
            work: can be pickled; it does the same when it is begun again, as its process may be killed.
            keys: what to call it with.
            module: module that the workers begin with.

        Yields:
            Key and result; CP-STORE-030 for one that kills its worker again and again.
        """
        if self._is_alone:
            yield from ((key, work(key)) for key in keys)
            return
        pool = _PoolRun[str, R](work, module, self.workers)
        for key, result in pool.results(keys):
            yield key, StorageError("CP-STORE-030", key) if result is None else result[0]

    @property
    def _is_alone(self) -> bool:
        # A daemonic process may not have children.
        return self.workers == 1 or multiprocessing.current_process().daemon

    def _in_pool(self, kernel: Kernel, tasks: list[_Task]) -> Iterator[tuple[_Task, Outcome]]:
        # The largest first: none of them is left to run alone at the end.
        order = sorted(tasks, key=lambda task: (-task.size, task.key))
        pool = _PoolRun[_Task, Outcome](partial(_run, kernel), kernel.__module__, self.workers, _left_behind)
        for task, result in pool.results(order):
            if result is None:
                killed = StorageError("CP-STORE-030", task.key)
                yield task, Outcome(error=str(killed), code=killed.code)
            else:
                yield task, result[0]

    def _runs_here(self, tasks: list[_Task]) -> bool:
        if self._is_alone or len(tasks) < self.small_partitions:
            return True
        rows = 0
        for task in sorted(tasks, key=lambda task: -task.size):
            rows += _rows(task.source)
            if rows >= self.small_rows:
                return False
        return True


class _PoolRun(Generic[T, R]):
    """Tasks in a pool that may break.

    Args:
        run: what a worker does with a task.
        module: module that the workers begin with.
        left_behind: removes what killed workers left of some tasks.
    """

    def __init__(
        self,
        run: Callable[[T], R],
        module: str,
        workers: int,
        left_behind: Callable[[Iterable[T]], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._module = module
        self._workers = workers
        self._left_behind = left_behind
        self._context = multiprocessing.get_context("forkserver")
        # Loaded once in the server that forks the workers, not once in each worker.
        self._context.set_forkserver_preload([__name__, module])

    def results(self, tasks: Iterable[T]) -> Iterator[tuple[T, tuple[R] | None]]:
        """Each task with its result, as it is done; ``None`` for one whose workers are killed."""
        waiting = deque(tasks)
        while waiting:
            suspects = yield from self._until_broken(waiting, self._workers)
            for suspect in suspects:
                yield from self._alone(suspect)

    def _alone(self, suspect: T) -> Iterator[tuple[T, tuple[R] | None]]:
        for _ in range(_ATTEMPTS_ALONE):
            if not (yield from self._until_broken(deque([suspect]), 1)):
                return
        yield suspect, None

    def _until_broken(
        self, waiting: deque[T], workers: int
    ) -> Generator[tuple[T, tuple[R] | None], None, list[T]]:
        """Work through ``waiting``; return the tasks that were in flight when a worker was killed."""
        pool = ProcessPoolExecutor(
            min(workers, len(waiting)), mp_context=self._context, initializer=_start_worker
        )
        running: dict[Future[R], T] = {}
        broken = False
        try:
            while (waiting and not broken) or running:
                # Few are in flight, so that few are suspects; one more than workers keeps them busy.
                while waiting and not broken and len(running) <= workers:
                    broken = not self._submit(pool, waiting, running)
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                whole = [
                    future for future in finished if not isinstance(future.exception(), BrokenProcessPool)
                ]
                broken = broken or len(whole) < len(finished)
                for future in whole:
                    yield running.pop(future), (future.result(),)
                if broken and not whole:
                    break
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        suspects = list(running.values())
        self._left_behind(suspects)
        return suspects

    def _submit(self, pool: ProcessPoolExecutor, waiting: deque[T], running: dict[Future[R], T]) -> bool:
        """Hand the next task to the pool; whether the pool took it."""
        try:
            with _main_hidden(self._module):
                future = pool.submit(self._run, waiting[0])
        except BrokenProcessPool:
            return False
        running[future] = waiting.popleft()
        return True


def _left_behind(tasks: Iterable[_Task]) -> None:
    for folder in {task.target.parent for task in tasks}:
        remove_stale_temporaries(folder, recursive=False)


def _run(kernel: Kernel, task: _Task) -> Outcome:
    """One partition: read, compute, write. Every exception becomes an outcome: a partition fails alone."""
    started = time.monotonic()
    rows_in = 0
    try:
        table = _read(task.source)
        rows_in = table.num_rows
        result = kernel(table)
        write_parquet_atomic(task.target, result)
    except ChatPlatformError as error:
        return Outcome(rows_in, 0, time.monotonic() - started, str(error)[:_ERROR_LENGTH], error.code)
    except Exception as error:  # noqa: BLE001  (a kernel may raise anything)
        text = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]
        return Outcome(rows_in, 0, time.monotonic() - started, text)
    return Outcome(rows_in, result.num_rows, time.monotonic() - started)


def _read(path: Path) -> pa.Table:
    # ParquetFile, not read_table: that one takes partition columns from folder names.
    try:
        with pq.ParquetFile(path) as file:
            return file.read(use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise StorageError("CP-STORE-003", f"{path.name}: {type(error).__name__}") from error


def _check(kernel: Kernel, inputs: Mapping[str, object], outputs: Mapping[str, object]) -> None:
    if set(inputs) != set(outputs):
        raise ValueError(f"inputs and outputs differ: {sorted(set(inputs) ^ set(outputs))[:5]}")
    try:
        pickle.dumps(kernel)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"a kernel must be a top-level function: {kernel!r}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _rows(path: Path) -> int:
    try:
        return pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError):
        return 0


def _start_worker() -> None:
    """Set up a worker: it ends with its parent, leaves Ctrl-C to it, and computes on one core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    # A killed parent closes nothing that a waiting worker would notice; it would stay for ever.
    parent.join()
    os._exit(1)


@contextmanager
def _main_hidden(module: str) -> Iterator[None]:
    """Hide ``__main__`` while a worker may be started, so that it does not import the program again.

    A worker imports the parent's main script: for the ``dagster`` command that is 1.5 s of imports in each
    worker, for a script without a guard it runs the script once more.
    """
    if module == "__main__":
        yield
        return
    with _main_lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
