"""What all commands share: language, output, errors.

What belongs here: choosing Korean or English, tables and JSON, turning exceptions into messages. What does not: any
command's work, progress (``progress``). Nothing heavy is imported: ``chatp --help`` must answer at once.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from io import TextIOWrapper
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chat_platform.errors import CATALOGUE, ChatPlatformError, ConfigurationError
from chat_platform.settings import Settings

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def language() -> str:
    """``ko`` or ``en``: ``CHATP_LANG``, else the locale of the environment."""
    for name in ("CHATP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "ko" if value.lower().startswith("ko") else "en"
    return "en"


def tr(english: str, korean: str) -> str:
    """The text in the language of the environment."""
    return korean if language() == "ko" else english


def settings() -> Settings:
    """The settings.

    Raises:
        ConfigurationError: CP-CONF-001, naming what is wrong but never a value: it may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        facts = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ConfigurationError("CP-CONF-001", facts) from None
    except ValueError as error:
        raise ConfigurationError("CP-CONF-001", str(error)) from None


@contextmanager
def errors_as_messages(*, debug: bool) -> Iterator[None]:
    """Coded errors as *what · why · what to do · code* on stderr with exit code 1; a traceback with ``debug``."""
    try:
        yield
    except ChatPlatformError as error:
        show_error(error, debug=debug)
        sys.exit(1)
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = tr(
            "`chatp --debug …` shows the traceback", "`chatp --debug …` 로 자세한 내용을 볼 수 있습니다"
        )
        err.print(f"{type(error).__name__}: {error} · {hint}", style="red", markup=False)
        sys.exit(1)


def print_json(value: Any) -> None:
    """A value as JSON on stdout; dates in ISO form."""
    # Where Korean cannot be written, JSON has escapes of its own, which every reader understands.
    text = json.dumps(_finite(value), ensure_ascii=not _can_write("가😀"), indent=2, default=_plain)
    sys.stdout.write(text + "\n")


def json_text(value: Any) -> str:
    """A value as JSON in one line, as ``print_json`` writes it."""
    return json.dumps(_finite(value), ensure_ascii=False, default=_plain)


def print_table(
    rows: Sequence[Mapping[str, Any]], title: str | None = None, columns: Iterable[str] = ()
) -> None:
    """Rows as a table; on a pipe as lines with tabs."""
    names = list(columns) or (list(rows[0]) if rows else [])
    if not out.is_terminal:
        if title:
            out.print(title, markup=False)
        for row in [dict(zip(names, names, strict=True)), *rows]:
            sys.stdout.write("\t".join(_cell(row.get(name)) for name in names) + "\n")
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in names))
    out.print(table)


def say(text: str) -> None:
    """A line for people on stdout."""
    out.print(text, markup=False)


def write_anything() -> None:
    """Let the standard streams write every character; where they cannot, it appears as an escape.

    A terminal or pipe in ASCII or Latin-1 would else end a command in the middle of a Korean name, and so would half
    of a surrogate pair, which chat may hold, on any of them.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def readable_arguments(arguments: Iterable[str]) -> list[str]:
    """Arguments as text: in an ASCII locale Python hands over the bytes of other letters in a form of its own.

    The name of a file that exists stays as it is: in that form, and no other, such a locale opens it.
    """
    return [
        argument
        if argument.isprintable() or os.path.lexists(argument)
        else os.fsencode(argument).decode("utf-8", "replace")
        for argument in arguments
    ]


def mark(ok: bool) -> str:
    """A sign for passed or failed that the terminal can show."""
    sign = "✔" if ok else "✘"
    return sign if _can_write(sign) else "ok" if ok else "!!"


def show_error(error: ChatPlatformError, *, debug: bool) -> None:
    """A coded error as *what · why · what to do · code* on stderr; with ``debug`` where it comes from."""
    if debug:
        traceback.print_exception(error)
    err.print(error.render(language()), style="red", markup=False)


def remedy(code: str) -> str:
    """What to do about an error code, in the language of the environment; empty for what is none."""
    entry = CATALOGUE.get(code)
    if entry is None:
        return ""
    return entry.remedy_ko if language() == "ko" else entry.remedy


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _finite(value: Any) -> Any:
    """NaN and infinities are no JSON; they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="seconds")
    elif isinstance(value, (list, dict)):
        text = json_text(value)
    else:
        text = value.hex() if isinstance(value, bytes) else str(value)
    text = text.replace("\t", " ").replace("\n", "⏎")
    # Chat is hostile input: an escape sequence in it could drive the terminal.
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
