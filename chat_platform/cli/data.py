"""``chatp status``, ``sql``, ``publish`` and ``rollback``: what there is and what readers see of it.

What belongs here: the commands and how their results look. What does not: the ledger and publication themselves
(``storage``).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console, graph_runs
from chat_platform.cli.console import json_text, print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry, read_file
from chat_platform.errors import InputError
from chat_platform.sources.streams.registry import PLATFORMS

if TYPE_CHECKING:
    from chat_platform.storage.captures import Capture
    from chat_platform.storage.publication import Publication, PublishedVersion

app = typer.Typer()

SOURCES = ("zoom", "zoom_file", "slack", *PLATFORMS, "stream_snapshots", "streamer_list")


@app.command(
    help=tr(
        "Where each conversation stands.\n\nExamples:\n\n  chatp status\n\n  chatp status --all --json",
        "각 대화의 상태를 보여 줍니다.\n\n예:\n\n  chatp status\n\n  chatp status --all --json",
    )
)
def status(
    everything: Annotated[
        bool, typer.Option("--all", help=tr("Also what is finished.", "끝난 것도 보여 줍니다."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the ledger, and who listens to live chat."""
    from chat_platform.storage.captures import captures
    from chat_platform.storage.workspace import Workspace

    workspace = Workspace(settings())
    ledger = workspace.ledger
    rows, unpublished = ledger.rows(), set(ledger.unpublished())
    states = [
        {"source": source, "state": state, "conversations": number}
        for (source, state), number in sorted(ledger.states().items())
    ]
    shown = [
        _entry(row)
        for row in rows
        if everything or row["state"] != "parsed" or row["conversation_id"] in unpublished
    ]
    missing = sum(row["fetched_at"] is None for row in rows)
    due = sum(len(ledger.due(source)) for source in SOURCES)
    pointer = workspace.settings.warehouse / "published" / "CURRENT"
    published = workspace.publication.describe() if pointer.exists() else None
    heard = captures(workspace.settings.home)
    if as_json:
        print_json(
            {
                "states": states,
                "missing": missing,
                "due": due,
                "conversations": shown,
                "unpublished": sorted(unpublished),
                "captures": [_capture(capture) for capture in heard],
                "published": published,
            }
        )
        return
    print_table(states)
    if shown:
        print_table(
            shown, title=tr("Not finished, or in need of somebody", "끝나지 않았거나 확인이 필요한 것")
        )
    if heard:
        print_table([_capture(capture) for capture in heard], title=tr("Live chat", "실시간 채팅"))
    say(f"{missing} {tr('announced and not fetched (missing)', '공지되었으나 가져오지 못함 (누락)')}")
    say(f"{due} {tr('due: the next run takes them up', '처리 대기: 다음 실행이 처리합니다')}")
    say(f"{len(unpublished)} {tr('not published yet', '아직 게시되지 않음')}")
    if published:
        age = datetime.now(UTC) - datetime.fromisoformat(str(published["published_at"]))
        say(
            f"{tr('published version', '게시된 버전')} {published['number']}, {age.total_seconds() / 3600:.1f} h"
        )


@app.command(
    help=tr(
        'A query on the published file.\n\nExamples:\n\n  chatp sql "show all tables"\n\n'
        '  chatp sql "select * from marts.lectures" --csv > lectures.csv\n\n  chatp sql -f report.sql --json',
        '게시된 파일에 쿼리합니다.\n\n예:\n\n  chatp sql "show all tables"\n\n'
        '  chatp sql "select * from marts.lectures" --csv > lectures.csv\n\n  chatp sql -f report.sql --json',
    )
)
def sql(
    query: Annotated[str | None, typer.Argument(help=tr("SQL of DuckDB.", "DuckDB SQL."))] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help=tr("Read it from a file.", "파일에서 읽습니다."))
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help=tr("Print CSV.", "CSV로 출력합니다."))] = False,
    as_json: Json = False,
) -> None:
    """Query the published file."""
    import duckdb

    text = _query_of(file) if file else query
    if not text or not text.strip():
        raise typer.BadParameter(tr("a query is missing", "쿼리가 없습니다"))
    with _publication().read() as connection:
        try:
            answer = connection.execute(text).to_arrow_table()
        except duckdb.Error as error:
            raise InputError("CP-CONF-004", str(error).splitlines()[0]) from error
    names = distinct(answer.column_names)
    rows = answer.rename_columns(names).to_pylist()
    if as_csv:
        write_csv(names, rows)
    elif as_json:
        print_json(rows)
    else:
        print_table(rows, columns=names)


@app.command(
    help=tr(
        "Load, resolve people, build the metrics and publish.\n\nExamples:\n\n  chatp publish --dry-run\n\n"
        "  chatp publish --json",
        "불러오고 지표를 만들어 게시합니다.\n\n예:\n\n  chatp publish --dry-run\n\n  chatp publish --json",
    )
)
def publish(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Publish what lies in the lake."""
    from chat_platform.storage.workspace import Workspace

    waiting = Workspace(settings()).ledger.unpublished()
    before = _current()
    if not dry_run:
        graph_runs.publish()
    after = _current()
    if as_json:
        print_json(
            {
                "waiting": waiting,
                "before": _version(before),
                "after": _version(after),
                "new": after != before,
                "dry_run": dry_run,
            }
        )
        return
    say(f"{len(waiting)} {tr('conversations waited', '개 대화가 기다리고 있었습니다')}{dry(dry_run)}")
    if after is not None:
        say(f"{tr('current version', '현재 버전')}: {after.number}, {after.path}")


@app.command(
    help=tr(
        "Make the version before the current one current.\n\nExamples:\n\n  chatp rollback --dry-run\n\n  chatp rollback",
        "이전 버전으로 되돌립니다.\n\n예:\n\n  chatp rollback --dry-run\n\n  chatp rollback",
    )
)
def rollback(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Point to the version before."""
    publication = _publication()
    before = publication.current()
    after = publication.previous() if dry_run else publication.rollback()
    if as_json:
        print_json({"before": _version(before), "after": _version(after), "dry_run": dry_run})
    else:
        say(f"{tr('current version', '현재 버전')}: {before.number} → {after.number}{dry(dry_run)}")


def distinct(names: Sequence[str]) -> list[str]:
    """Column names of which none repeats: the second ``a`` is ``a_1``, as DuckDB names it in a table."""
    found: list[str] = []
    for name in names:
        number, given = 0, name
        while given in found or (number and given in names):
            number += 1
            given = f"{name}_{number}"
        found.append(given)
    return found


def write_csv(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Rows as CSV on stdout; lists and structs as JSON in their cell."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(_csv_cell(row[name]) for name in names)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else value


def _query_of(file: Path) -> str:
    try:
        return read_file(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("CP-FILE-002", str(file)) from None


def _publication() -> Publication:
    # Not by a workspace, which would import every part of the storage.
    from chat_platform.storage.publication import Publication

    values = settings()
    return Publication(values.warehouse / "published", values.published_versions)


def _current() -> PublishedVersion | None:
    publication = _publication()
    return publication.current() if (publication.folder / "CURRENT").exists() else None


def _version(version: PublishedVersion | None) -> dict[str, Any] | None:
    return None if version is None else asdict(version)


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "conversation": row["conversation_id"],
        "date": row["conversation_date"],
        "title": row["title"],
        "state": row["state"],
        "reason": row["reason"],
        "attempts": row["attempts"],
        "next": row["next_attempt_at"],
        "remedy": remedy_of(row["reason"]),
    }


def _capture(capture: Capture) -> dict[str, Any]:
    problem = capture.problem(datetime.now(UTC))
    return {
        "platform": capture.platform,
        "channels": ", ".join(capture.channels),
        "state": "listening" if problem is None else problem.code,
        "since": capture.begun_at,
        "connected": capture.listening_at,
        "heard": capture.heard_at,
        "lines": capture.lines,
        "remedy": "" if problem is None else console.remedy(problem.code),
    }


def remedy_of(reason: str | None) -> str:
    """What to do about a reason of the ledger: an error code, or why an announcement was not understood."""
    if reason in _ANNOUNCEMENTS:
        return tr(*_ANNOUNCEMENTS[reason])
    return console.remedy(reason or "")


_EDIT = ("edit the announcement in Slack", "Slack에서 공지를 고치세요")
# Reasons of sources/slack/announcements.py; the next look at Slack sees the corrected message.
_ANNOUNCEMENTS = {
    "announcement_without_link": (
        f"{_EDIT[0]}: add the recording's link",
        f"{_EDIT[1]}: 녹화본 링크를 넣으세요",
    ),
    "announcement_without_date": (
        f"{_EDIT[0]}: add the lecture's date (2026-03-02)",
        f"{_EDIT[1]}: 강의 날짜(2026-03-02)를 넣으세요",
    ),
    "announcement_without_passcode": (
        f"{_EDIT[0]}: write the passcode behind its label, or reply with it",
        f"{_EDIT[1]}: 암호를 적거나 댓글로 남기세요",
    ),
    "announcement_dates_unclear": (
        f"{_EDIT[0]}: one date before each link",
        f"{_EDIT[1]}: 링크마다 날짜를 하나씩 적으세요",
    ),
    "announcement_date_in_future": (
        f"{_EDIT[0]}: correct the date",
        f"{_EDIT[1]}: 날짜를 바로잡으세요",
    ),
    "passcode_count_differs": (
        f"{_EDIT[0]}: one passcode for each link, or one for all",
        f"{_EDIT[1]}: 링크마다 암호를 하나씩, 또는 모두에 하나만 적으세요",
    ),
    "link_host_not_allowed": (
        "check the link; if the host is right, add it to CHATP_ZOOM__ALLOWED_HOSTS",
        "링크를 확인하세요. 맞는 주소라면 CHATP_ZOOM__ALLOWED_HOSTS에 추가하세요",
    ),
    "link_without_announcement": (
        "if it announces a recording, widen CHATP_SLACK__ANNOUNCEMENTS__PATTERN; else nothing",
        "녹화본 공지라면 CHATP_SLACK__ANNOUNCEMENTS__PATTERN을 넓히고, 아니면 그대로 두세요",
    ),
    "message_malformed": (
        "Slack's answer is damaged; post the announcement again",
        "Slack의 응답이 손상되었습니다. 공지를 다시 올리세요",
    ),
}
