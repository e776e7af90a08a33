"""How far a run is: what the ledger says, with rate and remaining time.

What belongs here: counting conversations in the ledger while a run works on them, bars on a terminal and plain lines
elsewhere. What does not: running (``graph_runs``), the states themselves (``storage.ledger``).

The ledger is looked at from beside the run: a run need not know that somebody watches.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

from chat_platform.cli.console import tr

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from chat_platform.settings import Settings
    from chat_platform.storage.ledger import Ledger

LOOK_EVERY_S = 0.5
# On a pipe or in a log, one line in so many seconds and only when something moved.
LINE_EVERY_S = 5.0


@dataclass(frozen=True)
class Steps:
    """Conversations of the ledger that have come so far.

    Attributes:
        known: all of them.
        fetched: archived, or not to be had.
        parsed: in the lake, or not usable.
        published: in the published version.
    """

    known: int = 0
    fetched: int = 0
    parsed: int = 0
    published: int = 0

    @classmethod
    def of(cls, ledger: Ledger) -> Steps:
        """What the ledger says now."""
        numbers: dict[str, int] = {}
        for (_, state), number in ledger.states().items():
            numbers[state] = numbers.get(state, 0) + number
        known = sum(numbers.values())
        fetched = known - numbers.get("announced", 0)
        parsed = fetched - numbers.get("fetched", 0)
        return cls(known, fetched, parsed, parsed - len(ledger.unpublished()))


class Pace:
    """How quickly a number grows, from the moment before it began to grow."""

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None
        self._last = (0.0, 0)

    def see(self, number: int, now: float) -> None:
        """Take in what the number is at a moment, seconds."""
        if self._start is None or number <= self._start[1]:
            self._start = (now, number)
        self._last = (now, number)

    @property
    def rate(self) -> float | None:
        """Growth a second; ``None`` before there is any."""
        if self._start is None or self._last[1] <= self._start[1]:
            return None
        return (self._last[1] - self._start[1]) / max(self._last[0] - self._start[0], 1e-3)

    def remaining_s(self, total: int) -> float | None:
        """Seconds until the number is ``total`` at this pace."""
        return None if self.rate is None else max(0, total - self._last[1]) / self.rate

    def words(self, total: int) -> str:
        """Rate and remaining time, or nothing where nothing moves or all is done."""
        left = self.remaining_s(total)
        if not left or self.rate is None:
            return ""
        rate = f"{self.rate:.1f}/s" if self.rate >= 1 else f"{self.rate * 60:.1f}/min"
        return f"{rate}, {tr('left', '남은 시간')} {left:.0f} s"


class Display(Protocol):
    """Where progress is shown."""

    def event(self, line: str) -> None:
        """Something began or ended."""

    def steps(self, steps: Steps, now: float) -> None:
        """So far it has come."""

    def close(self) -> None:
        """Nothing more comes."""


@contextmanager
def run_progress(settings: Settings, display: Display | None = None) -> Iterator[Callable[[str], None]]:
    """Show how far runs are while they are under way.

    Args:
        settings: of a home that is prepared.
        display: default: bars on a terminal, else lines, on stderr.

    Yields:
        A function that shows what begins and ends.
    """
    from chat_platform.storage.workspace import Workspace

    ledger = Workspace(settings).ledger
    shown = display or _display()
    stop = threading.Event()

    def look() -> None:
        while True:
            ended = stop.wait(LOOK_EVERY_S)
            shown.steps(Steps.of(ledger), time.monotonic())
            if ended:
                return

    watcher = threading.Thread(target=look, name="progress", daemon=True)
    watcher.start()
    try:
        yield shown.event
    finally:
        stop.set()
        watcher.join()
        shown.close()


def _display() -> Display:
    # Runs send what dbt and Dagster print into a log; progress is for the terminal that was there before.
    stream = Console(file=sys.__stderr__, soft_wrap=True, highlight=False)
    return Bars(stream) if stream.is_terminal else Lines(stream)


class Lines:
    """Plain lines with the seconds since the start, for pipes and logs."""

    def __init__(self, stream: Console) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._paces = (Pace(), Pace(), Pace())
        self._shown: Steps | None = None
        self._next = 0.0

    def event(self, line: str) -> None:
        """A line."""
        self._stream.print(f"{time.monotonic() - self._started:6.1f} s  {line}", markup=False)

    def steps(self, steps: Steps, now: float) -> None:
        """A line when something moved, not too often."""
        _, *done = astuple(steps)
        for pace, number in zip(self._paces, done, strict=True):
            pace.see(number, now)
        # What was finished before anything began is no news.
        if self._shown is None and steps.published == steps.known:
            self._shown = steps
        if steps == self._shown or (now < self._next and steps.published < steps.known):
            return
        self._shown, self._next = steps, now + LINE_EVERY_S
        parts = []
        for name, pace, number in zip(_names(), self._paces, done, strict=True):
            words = pace.words(steps.known)
            parts.append(f"{name} {number}/{steps.known}" + (f" ({words})" if words else ""))
        self.event(" · ".join(parts))

    def close(self) -> None:
        """Nothing is held."""


class Bars:
    """One bar a step, with rate and remaining time, below the lines."""

    def __init__(self, stream: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        self._started = time.monotonic()
        self._paces = (Pace(), Pace(), Pace())
        self._bars: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}", markup=False),
            console=stream,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._tasks: list[TaskID] = []
        self._bars.start()

    def event(self, line: str) -> None:
        """A line above the bars."""
        self._bars.console.print(f"{time.monotonic() - self._started:6.1f} s  {line}", markup=False)

    def steps(self, steps: Steps, now: float) -> None:
        """Move the bars; they appear when there is something to do."""
        _, *done = astuple(steps)
        if not self._tasks:
            if steps.published == steps.known:
                return
            self._tasks = [self._bars.add_task(name, total=steps.known, pace="") for name in _names()]
        for task, pace, number in zip(self._tasks, self._paces, done, strict=True):
            pace.see(number, now)
            self._bars.update(task, completed=number, total=steps.known, pace=pace.words(steps.known))

    def close(self) -> None:
        """Leave the bars as they stand."""
        self._bars.stop()


def _names() -> tuple[str, str, str]:
    return tr("fetched", "가져옴"), tr("parsed", "해석함"), tr("published", "게시함")
