"""Options and arguments that several commands have.

What belongs here: their types, spelled once, and the home that ``--demo`` means. What does not: options of one command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chat_platform.cli.console import tr
from chat_platform.errors import InputError
from chat_platform.settings import default_home

DEMO_SEED = 1

Json = Annotated[bool, typer.Option("--json", help=tr("Print JSON.", "JSON으로 출력합니다."))]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help=tr("Show what would happen; write nothing.", "쓰지 않고 결과만 보여 줍니다.")
    ),
]


def demo_home(seed: int = DEMO_SEED) -> Path:
    """Home of a demo: ``demo`` beside your own data, another seed in a home of its own."""
    base = default_home()
    if base.name.startswith("demo"):
        return base
    return base / ("demo" if seed == DEMO_SEED else f"demo-{seed}")


def dry(dry_run: bool) -> str:
    """What follows a result that was not written."""
    return tr(" (dry run)", " (모의 실행)") if dry_run else ""


def read_file(path: Path) -> bytes:
    """Bytes of a file that somebody named.

    Raises:
        InputError: CP-FILE-000 when it cannot be opened.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("CP-FILE-000", f"{path}: {error.strerror}") from error
