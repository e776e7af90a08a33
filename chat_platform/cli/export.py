"""``chatp export``: published tables as files for other programs.

What belongs here: the command, where files go, how far it is, the report. What does not: the formats
(``storage.table_export``), which tables there are (``storage.published_tables``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli.console import err, print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry
from chat_platform.cli.progress import LINE_EVERY_S, Pace

if TYPE_CHECKING:
    from rich.progress import Progress

    from chat_platform.storage.published_tables import PublishedTable
    from chat_platform.storage.table_export import Days, Export, Written

app = typer.Typer()

DATABASE = "result.db"
_DATABASES = (".db", ".sqlite", ".sqlite3")


class Format(StrEnum):
    """Formats of files."""

    CSV = "csv"
    PARQUET = "parquet"
    SQLITE = "sqlite"


@app.command(
    help=tr(
        "Published tables as CSV, Parquet or one SQLite file, for Superset, DuckDB, pandas. A file that is there is "
        "replaced as a whole. CSV marks texts that a spreadsheet could take for formulas with a '; the other formats "
        "keep every text as it is.\n\nExamples:\n\n  chatp export marts.top_messages --format csv --out exports\n\n"
        "  chatp export --all --format sqlite --out result.db\n\n"
        "  chatp export 'marts.lecture_*' core.messages --format parquet --since 2026-03-02 --json\n\n"
        "  chatp export '*.*' --dry-run",
        "게시된 테이블을 CSV, Parquet 또는 SQLite 파일 하나로 내보냅니다(Superset, DuckDB, pandas용). 이미 있는 파일은 "
        "통째로 바뀝니다. CSV에서는 수식으로 보일 수 있는 글 앞에 '를 붙이고, 다른 형식은 글을 그대로 둡니다.\n\n예:\n\n"
        "  chatp export marts.top_messages --format csv --out exports\n\n"
        "  chatp export --all --format sqlite --out result.db\n\n"
        "  chatp export 'marts.lecture_*' core.messages --format parquet --since 2026-03-02 --json\n\n"
        "  chatp export '*.*' --dry-run",
    )
)
def export(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            help=tr(
                "Names or patterns; without a schema they mean marts.",
                "테이블 이름이나 패턴. 스키마가 없으면 marts입니다.",
            )
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help=tr("Every mart.", "모든 마트를 내보냅니다."))
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", "-f", help=tr("Format of the files.", "파일 형식."))
    ] = Format.CSV,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help=tr(
                f"Folder of the files; for SQLite also a file that ends in .db, else {DATABASE} in the folder.",
                f"파일을 둘 폴더. SQLite는 .db로 끝나는 파일도 되고, 폴더면 그 안의 {DATABASE}입니다.",
            ),
        ),
    ] = Path(),
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=tr("From this day on, in tables with a date.", "이 날부터 (날짜 열이 있는 테이블만)."),
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=tr("Up to this day, in tables with a date.", "이 날까지 (날짜 열이 있는 테이블만)."),
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write published tables as files."""
    from chat_platform.storage.publication import Publication
    from chat_platform.storage.published_tables import chosen_tables, published_tables
    from chat_platform.storage.table_export import Days, opened

    if not tables and not everything:
        raise typer.BadParameter(tr("name tables, or use --all", "테이블 이름이나 --all이 필요합니다"))
    values = settings()
    days = Days(since.date() if since else None, until.date() if until else None)
    with opened(Publication(values.warehouse / "published", values.published_versions), days) as source:
        known = published_tables(source.connection, values.home / "dbt" / "manifest.json")
        chosen = chosen_tables(known, tables or (), all_marts=everything)
        if dry_run:
            written = _planned(source, chosen, form, out)
        else:
            with _progress(source, chosen) as progress:
                written = _write(source, chosen, form, out, progress)
        report = _report(source, written, form, dry_run)
    if as_json:
        print_json(report)
        return
    print_table(
        [
            {"table": row["table"], "rows": row["rows"], "file": row["file"]}
            | {"key": ", ".join(row["key"]), "personal": ", ".join(row["personal"])}
            for row in report["tables"]
        ]
    )
    say(f"{tr('published version', '게시된 버전')} {source.version.number}{dry(dry_run)}")
    for line in _notes(written, days):
        say(line)


def _write(
    source: Export, tables: list[PublishedTable], form: Format, out: Path, progress: _Progress
) -> list[Written]:
    if form is Format.SQLITE:
        return source.write_sqlite(tables, _path(None, form, out), progress.rows)
    write = source.write_csv if form is Format.CSV else source.write_parquet
    return [write(table, _path(table, form, out), partial(progress.rows, table)) for table in tables]


def _planned(source: Export, tables: list[PublishedTable], form: Format, out: Path) -> list[Written]:
    from chat_platform.storage.table_export import Written

    return [
        Written(
            table,
            _path(table, form, out),
            source.count(table),
            table.key if form is Format.SQLITE else (),
        )
        for table in tables
    ]


def _path(table: PublishedTable | None, form: Format, out: Path) -> Path:
    """Where a table goes; in SQLite all go into one file."""
    if form is not Format.SQLITE and table is not None:
        return out / f"{table.name}.{form}"
    return out if out.is_file() or (out.suffix in _DATABASES and not out.is_dir()) else out / DATABASE


def _report(source: Export, written: list[Written], form: Format, dry_run: bool) -> dict[str, Any]:
    from chat_platform.storage.table_export import sqlite_name

    files = dict.fromkeys(one.path for one in written)
    return {
        "version": source.version.number,
        "published_at": source.version.published_at,
        "format": str(form),
        "dry_run": dry_run,
        "since": source.days.since,
        "until": source.days.until,
        "tables": [
            {
                "table": one.table.name,
                "name": sqlite_name(one.table) if form is Format.SQLITE else one.path.stem,
                "file": str(one.path),
                "rows": one.rows,
                "columns": dict(one.table.columns),
                "key": list(one.key),
                "date": one.table.date,
                "personal": dict(one.table.personal),
            }
            for one in written
        ],
        "files": {str(path): path.stat().st_size if path.exists() else None for path in files},
    }


def _notes(written: list[Written], days: Days) -> Iterator[str]:
    """What whoever passes the files on must know."""
    if any(one.table.personal for one in written):
        yield tr(
            "These files hold personal data (columns above); only you can read them (mode 0600). Erasing a person "
            "later does not reach them: delete them when they have served.",
            "이 파일에는 개인정보가 있으며(위의 열), 본인만 읽을 수 있습니다(권한 0600). 나중에 누군가를 삭제해도 이 "
            "파일에는 반영되지 않으므로 다 쓴 뒤 지우세요.",
        )
    undated = [one.table.name for one in written if one.table.date is None]
    if undated and (days.since or days.until):
        yield f"{tr('without a date, so with all rows', '날짜 열이 없어 모든 행 포함')}: {', '.join(undated)}"


class _Progress:
    """Rows of each table as they are written."""

    def __init__(self, totals: dict[str, int], bars: Progress | None) -> None:
        self._totals = totals
        self._bars = bars
        self._tasks = {name: bars.add_task(name, total=rows) for name, rows in totals.items()} if bars else {}
        self._paces = {name: Pace() for name in totals}
        self._next = time.monotonic() + LINE_EVERY_S

    def rows(self, table: PublishedTable, rows: int) -> None:
        """So many rows are written."""
        now = time.monotonic()
        if self._bars:
            self._bars.update(self._tasks[table.name], completed=rows)
            return
        total = self._totals[table.name]
        self._paces[table.name].see(rows, now)
        if now >= self._next:
            self._next = now + LINE_EVERY_S
            words = self._paces[table.name].words(total)
            err.print(f"{table.name} {rows:,}/{total:,}" + (f" ({words})" if words else ""), markup=False)


@contextmanager
def _progress(source: Export, tables: list[PublishedTable]) -> Iterator[_Progress]:
    """Bars on a terminal; elsewhere a line now and then, and none for what is quickly done."""
    totals = {table.name: source.count(table) for table in tables}
    if not sys.stderr.isatty():
        yield _Progress(totals, None)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as bars:
        yield _Progress(totals, bars)
