"""``chatp``: the command line.

What belongs here: commands, their options and how their results look. What does not: their work. Modules that are
slow to import (Dagster, Kiwi, Selenium) are imported inside the commands that need them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.errors import CATALOGUE, ConfigurationError, InputError
from chat_platform.settings import default_home, project_root

if TYPE_CHECKING:
    from chat_platform.ingestion.imports import ChatImport
    from chat_platform.storage.workspace import Workspace

DEMO_SEED = 1
app = typer.Typer(
    name="chatp",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=tr(
        "What a class says, as tables that can be trusted.\n\nExamples:\n\n  chatp demo\n\n"
        "  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp sql "select * from marts.lectures"\n\n  chatp --demo status',
        "수업에서 오간 말을 믿을 수 있는 테이블로 만듭니다.\n\n예:\n\n  chatp demo\n\n"
        "  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp sql "select * from marts.lectures"\n\n  chatp --demo status',
    ),
)
imports = typer.Typer(
    no_args_is_help=True,
    help=tr("Import a saved chat or a class list.", "저장한 채팅이나 수강생 명단을 가져옵니다."),
)
people = typer.Typer(
    no_args_is_help=True,
    help=tr("Who is behind a name: look, decide, undo.", "이름의 주인을 확인하고 결정하고 되돌립니다."),
)
app.add_typer(imports, name="import")
app.add_typer(people, name="people")

Json = Annotated[bool, typer.Option("--json", help=tr("Print JSON.", "JSON으로 출력합니다."))]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help=tr("Show what would happen; write nothing.", "쓰지 않고 결과만 보여 줍니다.")
    ),
]
_state = {"debug": False}


@app.callback()
def common(
    debug: Annotated[
        bool, typer.Option("--debug", help=tr("Show tracebacks.", "오류 추적을 보여 줍니다."))
    ] = False,
    demo_data: Annotated[
        bool, typer.Option("--demo", help=tr("Work on the demo's data.", "데모 데이터를 사용합니다."))
    ] = False,
) -> None:
    """Options of every command."""
    import os

    _state["debug"] = debug
    if demo_data:
        os.environ["CHATP_HOME"] = str(demo_home(DEMO_SEED))


def demo_home(seed: int) -> Path:
    """Home of a demo: ``demo`` beside your own data, another seed in a home of its own."""
    base = default_home()
    if base.name.startswith("demo"):
        return base
    return base / ("demo" if seed == DEMO_SEED else f"demo-{seed}")


@app.command(
    help=tr(
        "A generated class on local simulators, from announcement to metrics.\n\nExamples:\n\n  chatp demo\n\n"
        "  chatp demo --seed 7 --recordings 3",
        "만들어 낸 수업을 로컬 시뮬레이터에서 공지부터 지표까지 처리합니다.\n\n예:\n\n  chatp demo\n\n"
        "  chatp demo --seed 7 --recordings 3",
    )
)
def demo(
    seed: Annotated[
        int, typer.Option(help=tr("Another seed, another class.", "시드가 다르면 수업도 다릅니다."))
    ] = DEMO_SEED,
    recordings: Annotated[int, typer.Option(min=1, help=tr("Number of recordings.", "녹화본 수."))] = 12,
    students: Annotated[
        int, typer.Option(min=10, max=60, help=tr("Students of the class.", "수강생 수."))
    ] = 36,
    as_json: Json = False,
) -> None:
    """Run the demo."""
    import os

    home = demo_home(seed)
    os.environ["CHATP_HOME"] = str(home)
    from chat_platform.cli.setup_home import prepare as prepare_home

    prepare_home(settings())
    from chat_platform.demo import run_demo

    report = run_demo(home, seed=seed, recordings=recordings, students=students, on_event=console.progress())
    if as_json:
        print_json(asdict(report))
    else:
        print_table([{"": name.replace("_", " "), "#": value} for name, value in report.numbers.items()])
        for mart, rows in report.examples.items():
            print_table(rows, title=f"marts.{mart}")
        done = (
            tr("nothing was left to do", "더 할 일이 없습니다")
            if not report.runs
            else f"{len(report.runs)} runs"
        )
        say(f"{done}, {report.seconds} s · {report.published}")
        say('chatp --demo sql "select * from marts.participation_daily limit 5" · chatp dev --demo')
    if report.errors:
        for line in report.errors:
            console.err.print(line, markup=False)
        raise typer.Exit(1)


@app.command(
    help=tr(
        "Set up CHATP_HOME; quick, changes nothing twice.", "CHATP_HOME을 준비합니다. 반복해도 안전합니다."
    )
)
def prepare(as_json: Json = False) -> None:
    """Set up the home."""
    from chat_platform.cli.setup_home import prepare as prepare_home

    done = prepare_home(settings())
    if as_json:
        print_json(done)
    for line in [] if as_json else done:
        say(line)


@app.command(
    help=tr(
        "Dagster UI and daemon on this machine only.\n\nExamples:\n\n  chatp dev\n\n  chatp dev --demo --port 3001",
        "이 컴퓨터에서만 접속되는 Dagster UI와 데몬을 시작합니다.\n\n예:\n\n  chatp dev\n\n  chatp dev --demo --port 3001",
    )
)
def dev(
    port: Annotated[int, typer.Option(help=tr("Port of the UI.", "UI 포트."))] = 3000,
    demo_data: Annotated[
        bool,
        typer.Option(
            "--demo",
            help=tr("With the demo's data and simulators.", "데모 데이터와 시뮬레이터를 사용합니다."),
        ),
    ] = False,
) -> None:
    """Start Dagster."""
    import os

    from chat_platform.cli.setup_home import environment, program
    from chat_platform.cli.setup_home import prepare as prepare_home

    command = [program("dagster"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    say(f"http://127.0.0.1:{port}")
    if not demo_data:
        prepare_home(settings())
        raise typer.Exit(_wait_for(command, environment(settings())))
    home = demo_home(DEMO_SEED)
    os.environ["CHATP_HOME"] = str(home)
    from chat_platform.demo import demo_environment

    with demo_environment(home) as (values, _):
        prepare_home(values)
        code = _wait_for(command, environment(values))
    raise typer.Exit(code)


@imports.command(
    "zoom",
    help=tr(
        "A chat that Zoom saved.\n\nExamples:\n\n  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp import zoom "2026-03-02 19.00.00 Class/meeting_saved_chat.txt" --dry-run',
        "Zoom에서 저장한 채팅을 가져옵니다.\n\n예:\n\n  chatp import zoom meeting_saved_chat.txt --date 2026-03-02\n\n"
        '  chatp import zoom "2026-03-02 19.00.00 수업/meeting_saved_chat.txt" --dry-run',
    ),
)
def import_zoom(
    files: Annotated[list[Path], typer.Argument(help=tr("Files, or parts of one meeting.", "파일들."))],
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help=tr("Date of the meeting.", "회의 날짜.")),
    ] = None,
    title: Annotated[str | None, typer.Option(help=tr("Title of the meeting.", "회의 제목."))] = None,
    dry_run: DryRun = False,
    no_run: Annotated[
        bool,
        typer.Option(
            "--no-run", help=tr("Keep it; a later run takes it up.", "저장만 하고 나중에 처리합니다.")
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Import saved chat files."""
    from chat_platform.ingestion.imports import import_saved_chat, plan_saved_chat

    workspace, found = _workspace(), []
    for path in files:
        data = _read(path)
        name, when = str(path.resolve()), day.date() if day else None
        if dry_run:
            result = plan_saved_chat(workspace, name, data, day=when, title=title)[0]
        else:
            result = import_saved_chat(workspace, name, data, day=when, title=title)
        found.append(result)
        if not as_json:
            _show_import(path, result, dry_run=dry_run)
    if as_json:
        print_json([_import_facts(path, result) for path, result in zip(files, found, strict=True)])
    if not dry_run and not no_run and any(result.new for result in found):
        _catch_up()


@imports.command(
    "people",
    help=tr(
        "A class list: id, name, position, e-mail (Excel or CSV).\n\nExample:\n\n  chatp import people class.xlsx --dry-run",
        "수강생 명단: 아이디, 이름, 직책, 이메일 (Excel 또는 CSV).\n\n예:\n\n  chatp import people class.xlsx --dry-run",
    ),
)
def import_people(
    file: Annotated[Path, typer.Argument(help=tr("Excel or CSV.", "Excel 또는 CSV."))],
    dry_run: DryRun = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help=tr("Do not publish yet.", "아직 게시하지 않습니다."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a class list."""
    from chat_platform.ingestion.imports import import_class_list
    from chat_platform.people.class_list import read_class_list

    data = _read(file)
    if dry_run:
        report = read_class_list(data, file.name, settings().names)
    else:
        report = import_class_list(_workspace(), file.name, data)
    bad = [asdict(row) for row in report.bad_rows]
    if as_json:
        print_json({"people": len(report.rows), "bad_rows": bad})
    else:
        say(tr(f"{len(report.rows)} people", f"{len(report.rows)}명"))
        if bad:
            print_table(bad, title=tr("Not used, or only in part", "사용하지 못했거나 일부만 사용한 행"))
    if not dry_run and not no_run:
        _publish()


@people.command("list", help=tr("People and their names in chats.", "사람과 채팅에서 쓰는 이름."))
def people_list(as_json: Json = False) -> None:
    """List identities with their people."""
    from chat_platform.tables.class_chat import IDENTITIES, PEOPLE

    lake = _workspace().lake
    names = {row["person_id"]: row["name"] for row in lake.read(PEOPLE).to_pylist()}
    rows = [
        {
            "identity": row["identity_id"],
            "name": row["display_name"],
            "system": row["system"],
            "state": row["state"],
            "messages": row["messages"],
            "person": row["person_id"],
            "who": names.get(row["person_id"], ""),
        }
        for row in sorted(lake.read(IDENTITIES).to_pylist(), key=lambda row: -row["messages"])
    ]
    print_json(rows) if as_json else print_table(rows)


@people.command(
    "suggestions", help=tr("Names that fit people and wait for a decision.", "결정을 기다리는 후보.")
)
def people_suggestions(as_json: Json = False) -> None:
    """List suggestions."""
    rows = [
        {
            "identity": item.identity_id,
            "name": item.display_name,
            "messages": item.messages,
            "person": item.person_id,
            "who": item.person_name,
            "unique": item.unique,
            "agrees": ", ".join(item.agrees),
            "differs": ", ".join(item.differs),
        }
        for item in _suggestions(_workspace())
    ]
    print_json(rows) if as_json else print_table(rows)


By = Annotated[str, typer.Option("--by", help=tr("Who decides.", "결정한 사람."))]
Why = Annotated[str | None, typer.Option("--why", help=tr("Evidence, in words.", "근거."))]
Publish = Annotated[bool, typer.Option("--publish", help=tr("Publish at once.", "바로 게시합니다."))]


@people.command(
    "accept",
    help=tr(
        "Accept suggestions that fit one person only.\n\nExample:\n\n  chatp people accept --all-unique --publish",
        "한 사람에게만 맞는 후보를 받아들입니다.\n\n예:\n\n  chatp people accept --all-unique --publish",
    ),
)
def people_accept(
    all_unique: Annotated[bool, typer.Option("--all-unique", help=tr("All of them.", "모두."))] = False,
    by: By = "operator",
    dry_run: DryRun = False,
    publish_now: Publish = False,
) -> None:
    """Accept unambiguous suggestions."""
    from chat_platform.storage.decisions import Merge

    if not all_unique:
        raise typer.BadParameter(
            tr("say --all-unique, or use `merge`", "--all-unique 또는 merge 를 사용하세요")
        )
    workspace = _workspace()
    unique = [item for item in _suggestions(workspace) if item.unique]
    for item in unique:
        say(f"{item.display_name} → {item.person_name}")
    if unique and not dry_run:
        merges = [Merge(item.identity_id, item.person_id, item.evidence) for item in unique]
        workspace.decisions.merge_all(merges, by=by)
    _decided(len(unique), publish_now=publish_now and not dry_run)


@people.command("merge", help=tr("This name is that person.", "이 이름은 그 사람입니다."))
def people_merge(
    identity: str, person: str, by: By = "operator", why: Why = None, publish_now: Publish = False
) -> None:
    """Merge an identity into a person."""
    _workspace().decisions.merge(identity, person, by=by, evidence=why)
    _decided(1, publish_now=publish_now)


@people.command("split", help=tr("This name is a person of its own.", "이 이름은 별개의 사람입니다."))
def people_split(identity: str, by: By = "operator", why: Why = None, publish_now: Publish = False) -> None:
    """Split an identity off."""
    _workspace().decisions.split(identity, by=by, evidence=why)
    _decided(1, publish_now=publish_now)


@people.command("lock", help=tr("Leave this name as it is.", "이 이름을 그대로 둡니다."))
def people_lock(identity: str, by: By = "operator", why: Why = None, publish_now: Publish = False) -> None:
    """Lock an identity."""
    _workspace().decisions.lock(identity, by=by, evidence=why)
    _decided(1, publish_now=publish_now)


@people.command("undo", help=tr("Take a decision back.", "결정을 되돌립니다."))
def people_undo(decision: int, by: By = "operator", publish_now: Publish = False) -> None:
    """Undo a decision."""
    _workspace().decisions.undo(decision, by=by)
    _decided(1, publish_now=publish_now)


@people.command("log", help=tr("Every decision, also those undone.", "되돌린 것까지 모든 결정."))
def people_log(as_json: Json = False) -> None:
    """Show the log of decisions."""
    rows = list(_workspace().decisions.list())
    print_json(rows) if as_json else print_table(rows)


@app.command(
    help=tr("Load, resolve people, build the metrics and publish.", "불러오고 지표를 만들어 게시합니다.")
)
def publish() -> None:
    """Publish what lies in the lake."""
    _publish()


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
    """Show the ledger."""
    workspace = _workspace()
    rows, unpublished = workspace.ledger.rows(), set(workspace.ledger.unpublished())
    states = [
        {"source": source, "state": state, "conversations": number}
        for (source, state), number in sorted(workspace.ledger.states().items())
    ]
    shown = [
        {
            "conversation": row["conversation_id"],
            "date": row["conversation_date"],
            "title": row["title"],
            "state": row["state"],
            "reason": row["reason"],
            "attempts": row["attempts"],
            "next": row["next_attempt_at"],
            "remedy": _remedy(row["reason"]),
        }
        for row in rows
        if everything or row["state"] != "parsed" or row["conversation_id"] in unpublished
    ]
    pointer = workspace.settings.warehouse / "published" / "CURRENT"
    published = workspace.publication.describe() if pointer.exists() else None
    if as_json:
        print_json(
            {
                "states": states,
                "conversations": shown,
                "unpublished": sorted(unpublished),
                "published": published,
            }
        )
        return
    print_table(states)
    if shown:
        print_table(
            shown, title=tr("Not finished, or in need of somebody", "끝나지 않았거나 확인이 필요한 것")
        )
    say(f"{len(unpublished)} {tr('not published yet', '아직 게시되지 않음')}")
    if published:
        age = datetime.now(UTC) - datetime.fromisoformat(str(published["published_at"]))
        say(
            f"{tr('published version', '게시된 버전')} {published['number']}, {age.total_seconds() / 3600:.1f} h"
        )


@app.command(
    help=tr(
        'A query on the published file.\n\nExamples:\n\n  chatp sql "show all tables"\n\n'
        '  chatp sql "select * from marts.lectures" --csv > lectures.csv',
        '게시된 파일에 쿼리합니다.\n\n예:\n\n  chatp sql "show all tables"\n\n'
        '  chatp sql "select * from marts.lectures" --csv > lectures.csv',
    )
)
def sql(
    query: Annotated[str | None, typer.Argument(help=tr("SQL of DuckDB.", "DuckDB SQL."))] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help=tr("Read it from a file.", "파일에서 읽습니다."))
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help=tr("Print CSV.", "CSV로 출력합니다."))] = False,
    as_json: Json = False,
) -> None:
    """Query the published file."""
    import duckdb
    import polars

    text = file.read_text(encoding="utf-8") if file else query
    if not text:
        raise typer.BadParameter(tr("a query is missing", "쿼리가 없습니다"))
    with _workspace().publication.read() as connection:
        try:
            answer = connection.execute(text).to_arrow_table()
        except duckdb.Error as error:
            raise InputError("CP-CONF-004", str(error).splitlines()[0]) from error
    if csv:
        frame = polars.from_arrow(answer)
        assert isinstance(frame, polars.DataFrame)  # noqa: S101 - a table never becomes a series
        sys.stdout.write(frame.write_csv())
    elif as_json:
        print_json(answer.to_pylist())
    else:
        print_table(answer.to_pylist(), columns=answer.column_names)


@app.command(help=tr("Make the version before the current one current.", "이전 버전으로 되돌립니다."))
def rollback() -> None:
    """Point to the version before."""
    say(f"{tr('current version', '현재 버전')}: {_workspace().publication.rollback().number}")


@app.command(
    help=tr(
        "Is this machine able? Exit code = number of failures.",
        "이 컴퓨터를 점검합니다. 종료 코드 = 실패 수.",
    )
)
def doctor(as_json: Json = False) -> None:
    """Check the machine."""
    from chat_platform.cli.doctor import examine

    findings = examine(settings())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in [] if as_json else findings:
        mark = "✔" if finding.ok else "✘"
        say(f"{mark} {finding.name:12} {finding.seen}" + ("" if finding.ok else f"  →  {finding.remedy}"))
    raise typer.Exit(sum(not finding.ok for finding in findings))


@app.command(
    help=tr(
        "Remove temporary files and old screenshots.\n\nExamples:\n\n  chatp clean --dry-run\n\n"
        "  chatp --demo clean --all --yes",
        "임시 파일과 오래된 스크린샷을 지웁니다.\n\n예:\n\n  chatp clean --dry-run\n\n  chatp --demo clean --all --yes",
    )
)
def clean(
    everything: Annotated[
        bool, typer.Option("--all", help=tr("The whole home, data and all.", "데이터까지 모두."))
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask.", "묻지 않습니다."))] = False,
    dry_run: DryRun = False,
) -> None:
    """Clean up."""
    from chat_platform.storage.files import is_temporary, remove_stale_temporaries

    home = settings().home
    if everything:
        _delete_home(home, dry_run=dry_run, yes=yes)
        return
    month_ago = time.time() - 30 * 86400
    old = [path for path in settings().screenshots.glob("*.png") if path.stat().st_mtime < month_ago]
    temporary = [path for path in home.rglob("*") if is_temporary(path.name)] if home.exists() else []
    for path in [*old, *temporary]:
        say(str(path))
    if dry_run or not home.exists():
        return
    for path in old:
        path.unlink()
    remove_stale_temporaries(home)


@app.command(
    help=tr(
        "Explain an error code.\n\nExample:\n\n  chatp errors CP-ZOOM-001",
        "오류 코드를 설명합니다.\n\n예:\n\n  chatp errors CP-ZOOM-001",
    )
)
def errors(
    code: Annotated[str | None, typer.Argument(help=tr("A code; none: all.", "코드. 없으면 모두."))] = None,
    as_json: Json = False,
) -> None:
    """Explain error codes."""
    korean = console.language() == "ko"
    if code is not None and code.upper() not in CATALOGUE:
        raise typer.BadParameter(f"{code}?")
    rows = [
        {
            "code": entry.code,
            "what": entry.what_ko if korean else entry.what,
            "why": entry.why_ko if korean else entry.why,
            "remedy": entry.remedy_ko if korean else entry.remedy,
            "transient": entry.transient,
        }
        for entry in CATALOGUE.values()
        if code is None or entry.code == code.upper()
    ]
    print_json(rows) if as_json else print_table(rows)


@app.command(help=tr("Regenerate the generated pages of docs/.", "docs/의 자동 생성 문서를 다시 만듭니다."))
def docs(
    pictures: Annotated[
        bool, typer.Option(help=tr("Also pictures, from the demo.", "데모로 그림도 만듭니다."))
    ] = False,
) -> None:
    """Regenerate documentation."""
    from chat_platform.cli.documentation import write_pages

    for path in write_pages(app, project_root() / "docs"):
        say(str(path.relative_to(project_root())))
    if pictures:
        from chat_platform.cli.pictures import write_pictures

        for path in write_pictures(demo_home(DEMO_SEED), project_root() / "docs" / "pictures"):
            say(str(path.relative_to(project_root())))


def _wait_for(command: list[str], variables: dict[str, str]) -> int:
    """Run a program until it ends; on Ctrl-C let it stop its own children first."""
    process = subprocess.Popen(command, env=variables, cwd=project_root())
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait(60)


# What the platform itself makes in a home; nothing else is ever deleted.
_OURS = ("app.sqlite*", ".runs.lock", "simulators.json")
_OUR_FOLDERS = ("dagster", "dbt", "inbox", "lake", "logs", "screenshots", "warehouse")


def _delete_home(home: Path, *, dry_run: bool, yes: bool) -> None:
    """Delete what the platform made in a home; settings and foreign files stay."""
    from chat_platform.storage.liveness import RunGuard

    found = [home / name for name in _OUR_FOLDERS if (home / name).is_dir()]
    found += [path for pattern in _OURS for path in home.glob(pattern)]
    if not (home / "lake").is_dir() and not (home / "dagster").is_dir():
        raise InputError("CP-CONF-006", str(home))
    for path in found:
        say(str(path))
    if dry_run or not (yes or typer.confirm(tr("Delete all of it?", "모두 지울까요?"))):
        return
    if RunGuard(home).anybody_alive():
        raise InputError("CP-STORE-001", str(home))
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _workspace() -> Workspace:
    from chat_platform.storage.workspace import Workspace

    return Workspace(settings())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("CP-FILE-000", f"{path}: {error.strerror}") from error


def _suggestions(workspace: Workspace) -> list[Any]:
    from chat_platform.people.identity import suggestions
    from chat_platform.tables.class_chat import IDENTITIES, PEOPLE

    return list(
        suggestions(workspace.lake.read(IDENTITIES).to_pylist(), workspace.lake.read(PEOPLE).to_pylist())
    )


def _import_facts(path: Path, found: ChatImport) -> dict[str, Any]:
    report = found.parsed.report
    return {
        "file": str(path),
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


def _show_import(path: Path, found: ChatImport, *, dry_run: bool) -> None:
    facts = _import_facts(path, found)
    not_used = facts.pop("not_used")
    say(f"{path.name}: {found.conversation_id}" + (tr(" (dry run)", " (모의 실행)") if dry_run else ""))
    skipped = ("file", "conversation_id", "new", "lines_by_kind", "warnings")
    print_table(
        [{"": name.replace("_", " "), "#": value} for name, value in facts.items() if name not in skipped]
    )
    if facts["warnings"]:
        say(f"{tr('note', '참고')}: {', '.join(facts['warnings'])}")
    if not_used:
        print_table(not_used, title=tr("Could not be used", "사용하지 못한 것"))
    if not found.new:
        say(
            tr(
                "This file was imported before: nothing changes.",
                "이미 가져온 파일입니다. 바뀌는 것이 없습니다.",
            )
        )


def _catch_up() -> None:
    from chat_platform.cli.setup_home import prepare as prepare_home

    prepare_home(settings())
    from chat_platform.runner import Runner

    report = Runner(settings()).catch_up(console.progress())
    _stop_if_failed([run.error for run in report.runs if not run.ok])


def _publish() -> None:
    from chat_platform.cli.setup_home import prepare as prepare_home

    prepare_home(settings())
    from chat_platform.runner import Runner

    run = Runner(settings()).publish(console.progress())
    _stop_if_failed([] if run.ok else [run.error])


def _stop_if_failed(failures: list[str | None]) -> None:
    if failures:
        raise ConfigurationError("CP-CONF-005", "; ".join(filter(None, failures)))


def _decided(number: int, *, publish_now: bool) -> None:
    say(f"{number} {tr('decisions', '건 결정')}")
    if number and publish_now:
        _publish()
    elif number:
        say(tr("`chatp publish` applies them", "`chatp publish`로 반영하세요"))


def _remedy(reason: str | None) -> str:
    entry = CATALOGUE.get(reason or "")
    if entry is None:
        return ""
    return entry.remedy_ko if console.language() == "ko" else entry.remedy


def main() -> None:
    """Entry point."""
    with console.errors_as_messages(debug="--debug" in sys.argv):
        app()


if __name__ == "__main__":
    main()
