"""``chatp import``: files that somebody gives us.

What belongs here: the commands and how their results look. What does not: formats and steps (``ingestion.imports``,
``ingestion.streams.channels``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console, graph_runs
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry, read_file
from chat_platform.errors import ChatPlatformError

if TYPE_CHECKING:
    from chat_platform.ingestion.imports import ChatImport
    from chat_platform.storage.workspace import Workspace

# Exit codes above have meanings of their own to shells.
MOST_FAILURES = 125

app = typer.Typer(
    no_args_is_help=True,
    help=tr(
        "Import a saved chat, a class list, a list of streamers or a stream's chat.",
        "저장한 채팅, 수강생 명단, 스트리머 목록, 방송 채팅을 가져옵니다.",
    ),
)

NoRun = Annotated[
    bool,
    typer.Option("--no-run", help=tr("Keep it; a later run takes it up.", "저장만 하고 나중에 처리합니다.")),
]


@dataclass
class _File:
    """A file and what became of it: what was found in it, or why it is not used."""

    path: Path
    found: ChatImport | None = None
    error: ChatPlatformError | None = None
    outcome: dict[str, Any] | None = None

    @property
    def bad(self) -> bool:
        """Whether it could not be read, or its conversation could not be parsed."""
        return self.error is not None or (
            self.outcome is not None and self.outcome["state"] in ("failed", "quarantined", "gone")
        )


@app.command(
    "zoom",
    help=tr(
        "Chats that Zoom saved. A file that cannot be used does not stop the others; exit code = number of such files.\n\n"
        "Examples:\n\n  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp import zoom "2026-03-02 19.00.00 Class/meeting_saved_chat.txt" --dry-run\n\n'
        "  chatp import zoom chats/*/meeting_saved_chat.txt --json",
        "Zoom에서 저장한 채팅을 가져옵니다. 쓸 수 없는 파일이 있어도 나머지는 처리합니다. 종료 코드 = 그런 파일 수.\n\n"
        "예:\n\n  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp import zoom "2026-03-02 19.00.00 수업/meeting_saved_chat.txt" --dry-run\n\n'
        "  chatp import zoom chats/*/meeting_saved_chat.txt --json",
    ),
)
def import_zoom(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help=tr("Files, or parts of one meeting.", "파일들."))
    ],
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help=tr("Date of the meeting.", "회의 날짜.")),
    ] = None,
    title: Annotated[str | None, typer.Option(help=tr("Title of the meeting.", "회의 제목."))] = None,
    dry_run: DryRun = False,
    no_run: NoRun = False,
    as_json: Json = False,
) -> None:
    """Import saved chat files."""
    from chat_platform.storage.workspace import Workspace

    workspace = Workspace(settings())
    debug = bool(context.find_root().params.get("debug"))
    files = [_File(path) for path in paths]
    for file in files:
        _take(workspace, file, day.date() if day else None, title, dry_run=dry_run)
        if file.error is not None:
            console.err.print(f"{file.path}:", markup=False)
            console.show_error(file.error, debug=debug)
        elif not as_json:
            _show(file, dry_run=dry_run)
    failure = None
    if not dry_run:
        failure = None if no_run else _run(workspace, files)
        _look_up(workspace, files, as_json=as_json)
    if as_json:
        print_json([_facts(file) for file in files])
    if failure is not None:
        raise failure
    raise typer.Exit(min(sum(file.bad for file in files), MOST_FAILURES))


@app.command(
    "people",
    help=tr(
        "A class list: id, name, position, e-mail (Excel or CSV).\n\nExample:\n\n  chatp import people class.xlsx --dry-run",
        "수강생 명단: 아이디, 이름, 직책, 이메일 (Excel 또는 CSV).\n\n예:\n\n  chatp import people class.xlsx --dry-run",
    ),
)
def import_people(
    file: Annotated[Path, typer.Argument(help=tr("Excel or CSV.", "Excel 또는 CSV."))],
    dry_run: DryRun = False,
    no_run: NoRun = False,
    as_json: Json = False,
) -> None:
    """Import a class list."""
    from chat_platform.ingestion.imports import import_class_list
    from chat_platform.people.class_list import read_class_list
    from chat_platform.storage.workspace import Workspace

    data = read_file(file)
    if dry_run:
        report = read_class_list(data, file.name, settings().names)
    else:
        report = import_class_list(Workspace(settings()), file.name, data)
    bad = [asdict(row) for row in report.bad_rows]
    if as_json:
        print_json({"people": len(report.rows), "bad_rows": bad, "dry_run": dry_run})
    else:
        say(tr(f"{len(report.rows)} people", f"{len(report.rows)}명") + dry(dry_run))
        if bad:
            print_table(bad, title=tr("Not used, or only in part", "사용하지 못했거나 일부만 사용한 행"))
    if not dry_run and not no_run:
        graph_runs.publish()


@app.command(
    "streamers",
    help=tr(
        "A list of streamers: name and address (Excel or CSV). The platforms are asked who is meant; whoever is renamed "
        "later is followed, and whoever leaves the list keeps the history.\n\n"
        "Examples:\n\n  chatp import streamers streamers.xlsx --dry-run\n\n  chatp import streamers streamers.csv --json",
        "스트리머 목록: 이름과 주소 (Excel 또는 CSV). 누구인지 플랫폼에 확인합니다. 나중에 아이디가 바뀌어도 따라가고, "
        "목록에서 빠져도 기록은 남습니다.\n\n"
        "예:\n\n  chatp import streamers streamers.xlsx --dry-run\n\n  chatp import streamers streamers.csv --json",
    ),
)
def import_streamers_list(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help=tr("Excel or CSV.", "Excel 또는 CSV."))],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import a list of streamers."""
    from chat_platform.ingestion.streams.channels import import_streamers, plan_streamers
    from chat_platform.storage.workspace import Workspace

    data, workspace = read_file(file), Workspace(settings())
    if dry_run:
        report = plan_streamers(workspace, file.name, data)
        channels, bad_rows, errors, new = len(report.rows), report.bad_rows, {}, None
    else:
        found = import_streamers(workspace, file.name, data)
        report, channels, bad_rows = found.report, found.channels, found.bad_rows
        errors, new = found.errors, found.new
    bad = [asdict(row) for row in bad_rows]
    if as_json:
        print_json(
            {
                "rows": report.data_rows,
                "channels": channels,
                "bad_rows": bad,
                "columns": report.columns,
                "sheet": report.sheet,
                "other_sheets": report.other_sheets,
                "new": new,
                "errors": {name: error.code for name, error in errors.items()},
                "dry_run": dry_run,
            }
        )
    else:
        say(tr(f"{channels} channels", f"채널 {channels}개") + dry(dry_run))
        if bad:
            print_table(bad, title=tr("Not used", "사용하지 못한 행"))
        if report.other_sheets:
            said = tr("other sheets with addresses, not read", "주소가 있지만 읽지 않은 다른 시트")
            say(f"{tr('note', '참고')}: {said}: {', '.join(report.other_sheets)}")
    for error in errors.values():
        console.show_error(error, debug=bool(context.find_root().params.get("debug")))
    raise typer.Exit(1 if errors else 0)


@app.command(
    "stream-chat",
    help=tr(
        "Chats of recorded streams that TwitchDownloaderCLI downloaded (JSON, or text). Each becomes the chat of its video, "
        "in place of what was there. Exit code = number of files that cannot be used.\n\n"
        "Examples:\n\n  chatp import stream-chat chat.json --dry-run\n\n"
        "  chatp import stream-chat 2012345678.txt more/*.json --json",
        "TwitchDownloaderCLI로 내려받은 다시보기 채팅(JSON 또는 텍스트)을 가져옵니다. 파일은 그 영상의 채팅이 되며 먼저 있던 것을 "
        "대신합니다. 종료 코드 = 쓸 수 없는 파일 수.\n\n"
        "예:\n\n  chatp import stream-chat chat.json --dry-run\n\n  chatp import stream-chat 2012345678.txt more/*.json --json",
    ),
)
def import_stream_chat(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="FILES...", help=tr("Files.", "파일들."))],
    video: Annotated[
        str | None,
        typer.Option("--video", help=tr("Video of a text file, by its id.", "텍스트 파일의 영상 ID.")),
    ] = None,
    dry_run: DryRun = False,
    no_run: NoRun = False,
    as_json: Json = False,
) -> None:
    """Import files of streams' chat."""
    from chat_platform.ingestion.streams.chat_files import import_chat_file
    from chat_platform.storage.workspace import Workspace

    workspace = Workspace(settings())
    debug = bool(context.find_root().params.get("debug"))
    facts: list[dict[str, Any]] = []
    for path in paths:
        try:
            found = import_chat_file(workspace, path.name, read_file(path), video_id=video, dry_run=dry_run)
        except ChatPlatformError as error:
            console.err.print(f"{path}:", markup=False)
            console.show_error(error, debug=debug)
            facts.append({"file": str(path), "error": error.code})
            continue
        facts.append({"file": str(path), **asdict(found)})
        if not as_json:
            said = ", ".join(f"{name} {number}" for name, number in found.counts.items() if number)
            say(f"{path.name}: {found.conversation_id} ({said}){dry(dry_run)}")
    if as_json:
        print_json(facts)
    if not dry_run and not no_run and any(one.get("new") for one in facts):
        graph_runs.catch_up("stream_videos")
    raise typer.Exit(min(sum("error" in one for one in facts), MOST_FAILURES))


def _take(workspace: Workspace, file: _File, day: date | None, title: str | None, *, dry_run: bool) -> None:
    """Import one file, or only look at it."""
    from chat_platform.ingestion.imports import import_saved_chat, plan_saved_chat

    name = str(file.path.resolve())
    try:
        data = read_file(file.path)
        if dry_run:
            file.found = plan_saved_chat(workspace, name, data, day=day, title=title)[0]
        else:
            file.found = import_saved_chat(workspace, name, data, day=day, title=title)
    except ChatPlatformError as error:
        file.error = error


def _run(workspace: Workspace, files: list[_File]) -> ChatPlatformError | None:
    """Run what is not published yet; the error of a failed run is raised after the files were reported."""
    waiting = set(workspace.ledger.due("zoom_file")) | set(workspace.ledger.unpublished())
    if waiting.isdisjoint(file.found.conversation_id for file in files if file.found):
        return None
    try:
        graph_runs.catch_up()
    except ChatPlatformError as error:
        return error
    return None


def _look_up(workspace: Workspace, files: list[_File], *, as_json: bool) -> None:
    """What the ledger says of each conversation now."""
    unpublished = set(workspace.ledger.unpublished())
    for file in files:
        entry = workspace.ledger.get(file.found.conversation_id) if file.found else None
        if entry is None:
            continue
        waits = entry["state"] in ("announced", "fetched") or entry["conversation_id"] in unpublished
        file.outcome = {"state": entry["state"], "reason": entry["reason"], "published": not waits}
        if not as_json:
            said = tr("published", "게시됨") if not waits else tr("not published yet", "아직 게시되지 않음")
            remedy = console.remedy(entry["reason"] or "")
            say(
                " · ".join(
                    filter(None, (f"{file.path.name}: {entry['state']}", said, entry["reason"], remedy))
                )
            )


def _facts(file: _File) -> dict[str, Any]:
    facts: dict[str, Any] = {"file": str(file.path)}
    if file.error is not None:
        return {
            **facts,
            "error": file.error.code,
            "detail": str(file.error),
            "remedy": console.remedy(file.error.code),
        }
    if file.found is None:
        return facts
    return {**facts, **_found_facts(file.found), **(file.outcome or {})}


def _found_facts(found: ChatImport) -> dict[str, Any]:
    report = found.parsed.report
    return {
        "conversation_id": found.conversation_id,
        "new": found.new,
        **found.parsed.counts(),
        "direct_messages": sum(message.visibility == "direct" for message in found.parsed.messages),
        "replies_without_parent": report.replies_without_parent,
        "ambiguous": report.ambiguous,
        "lines": report.lines,
        "lines_by_kind": report.lines_by_kind,
        "warnings": report.warnings,
        "not_used": [asdict(record) for record in found.parsed.quarantined],
    }


def _show(file: _File, *, dry_run: bool) -> None:
    if file.found is None:
        return
    facts = _found_facts(file.found)
    not_used = facts.pop("not_used")
    say(f"{file.path.name}: {file.found.conversation_id}{dry(dry_run)}")
    skipped = ("conversation_id", "new", "lines_by_kind", "warnings")
    print_table(
        [{"": name.replace("_", " "), "#": value} for name, value in facts.items() if name not in skipped]
    )
    if facts["warnings"]:
        say(f"{tr('note', '참고')}: {', '.join(facts['warnings'])}")
    if not_used:
        print_table(not_used, title=tr("Could not be used", "사용하지 못한 것"))
    if not file.found.new:
        say(
            tr(
                "This file was imported before: nothing changes.",
                "이미 가져온 파일입니다. 바뀌는 것이 없습니다.",
            )
        )
