"""What all commands print with: tables, JSON, progress, errors.

What belongs here: how results look on a terminal and on a pipe, turning exceptions into messages. What does not:
any command's work, texts. Nothing heavy is imported: ``chatp --help`` must answer at once.

Chat text is hostile input: control characters are shown, never sent, so that no message can move the cursor or
hide what stands before it.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time as clock_time
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chat_platform.cli.texts import language, tr
from chat_platform.errors import ChatPlatformError

# More rows than this tell a person nothing; pipes get all of them.
MOST_ROWS = 500
_CONTROLS = {code: chr(0x2400 + code) for code in range(32)} | {127: "\u2421", ord("\n"): "⏎", ord("\t"): " "}
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), "\ufffd")

# (done, total) of whatever a command counts.
Count = Callable[[], tuple[int, int]]

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def errors_as_messages(*, debug: bool) -> Iterator[None]:
    """Errors as *what · why · what to do · code* on stderr with exit code 1; a traceback with ``debug`` only."""
    try:
        yield
    except ChatPlatformError as error:
        if debug:
            traceback.print_exc()
        complain(error.render(language()))
        sys.exit(1)
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = tr("run again with --debug for the traceback", "자세한 내용은 --debug 로 다시 실행하세요")
        complain(f"{type(error).__name__}: {error} · {hint}")
        sys.exit(1)


def print_json(value: Any) -> None:
    """A value as JSON on stdout; times in ISO form, numbers that JSON does not have as null."""
    text = json.dumps(_jsonable(value), ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")


def print_table(
    rows: Sequence[Mapping[str, Any]], title: str | None = None, columns: Iterable[str] = ()
) -> None:
    """Rows as a table; on a pipe as lines with tabs."""
    names = list(columns) or (list(rows[0]) if rows else [])
    print_rows(names, [[row.get(name) for name in names] for row in rows], title=title)


def print_rows(names: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """As ``print_table``, for columns whose names may repeat."""
    if not out.is_terminal:
        if title:
            say(title)
        for row in [names, *rows] if names else []:
            sys.stdout.write("\t".join(_cell(value) for value in row) + "\n")
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for position, name in enumerate(names):
        numbers = all(isinstance(row[position], (int, float, Decimal, type(None))) for row in rows)
        table.add_column(Text(_cell(name)), overflow="fold", justify="right" if rows and numbers else "left")
    for row in rows[:MOST_ROWS]:
        table.add_row(*(Text(_cell(value)) for value in row))
    out.print(table)
    if len(rows) > MOST_ROWS:
        left = len(rows) - MOST_ROWS
        say(tr(f"… and {left:,} more rows; a pipe gets all", f"… 외 {left:,}행; 파이프로는 모두 출력됩니다"))
    elif not rows:
        say(tr("no rows", "행이 없습니다"))


def say(text: str) -> None:
    """A line for people on stdout."""
    out.print(Text(_cell(text)))


def complain(text: str) -> None:
    """A line for people on stderr, in red."""
    err.print(Text(_cell(text), style="red"))


@contextmanager
def progress(count: Count | None = None, what: str = "") -> Iterator[Callable[[str], None]]:
    """Tell on stderr what happens, with the seconds since the start.

    On a terminal a last line shows how many of all are done, how many a minute, and how long the rest will take;
    elsewhere there are plain lines only.

    Args:
        count: asked once a second from another thread; ``None`` shows no last line.
        what: what is counted, in words.

    Yields:
        A function that prints a line.
    """
    # Runs redirect sys.stderr into their log; people read the real one.
    stream = Console(file=sys.__stderr__, soft_wrap=True, highlight=False)
    started = time.monotonic()

    def line(text: str) -> None:
        stream.print(Text(f"{time.monotonic() - started:6.1f} s  {_cell(text)}"))

    if count is None or not stream.is_terminal:
        yield line
        return
    with Live(console=stream, redirect_stdout=False, redirect_stderr=False, transient=True) as live:
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(live, count, what, ended), daemon=True)
        watcher.start()
        try:
            yield line
        finally:
            ended.set()
            watcher.join(5)


def _watch(live: Live, count: Count, what: str, ended: threading.Event) -> None:
    started, first = time.monotonic(), None
    while not ended.wait(1.0):
        try:
            done, total = count()
        except Exception:  # noqa: S112 - a number that cannot be had now is no reason to disturb the work
            continue
        first = done if first is None else first
        live.update(Text(pace(done - first, total - done, total, time.monotonic() - started, what)))


def pace(done: int, left: int, total: int, seconds: float, what: str) -> str:
    """How far the work is, how fast it goes, how long the rest takes.

    Args:
        done: finished since the start.
        left: not finished yet.
        total: all that there is, also what was finished before.
        seconds: time since the start.
        what: what is counted, in words.
    """
    text = f"{total - left}/{total} {what}"
    if done <= 0 or seconds <= 0:
        return text
    rate = done / seconds
    minutes, rest = divmod(round(left / rate), 60)
    per_minute, remaining = tr("a minute", "분당"), tr("left", "남음")
    return f"{text} · {rate * 60:.0f} {per_minute} · {minutes}:{rest:02d} {remaining}"


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_jsonable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (date, datetime, clock_time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else str(value)
    return text.translate(_CONTROLS)
