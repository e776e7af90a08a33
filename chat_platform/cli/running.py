"""``chatp demo`` and ``chatp dev``: the graph at work.

What belongs here: the commands and how their results look. What does not: the demo itself (``demo``), Dagster's programs.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.options import DEMO_SEED, DryRun, Json, demo_home
from chat_platform.settings import project_root

if TYPE_CHECKING:
    from chat_platform.demo import DemoReport

app = typer.Typer()


@app.command(
    help=tr(
        "A generated class and generated streamers on local simulators, from announcement to metrics.\n\nExamples:\n\n  chatp demo\n\n"
        "  chatp demo --seed 7 --recordings 3",
        "만들어 낸 수업과 스트리머를 로컬 시뮬레이터에서 공지부터 지표까지 처리합니다.\n\n예:\n\n  chatp demo\n\n"
        "  chatp demo --seed 7 --recordings 3",
    )
)
def demo(
    seed: Annotated[
        int, typer.Option(help=tr("Another seed, another class.", "시드가 다르면 수업도 다릅니다."))
    ] = DEMO_SEED,
    recordings: Annotated[int, typer.Option(min=1, help=tr("Number of recordings.", "녹화본 수."))] = 12,
    students: Annotated[
        int, typer.Option(min=14, max=60, help=tr("Students of the class.", "수강생 수."))
    ] = 36,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run the demo."""
    home = demo_home(seed)
    os.environ["CHATP_HOME"] = str(home)
    from chat_platform.cli.setup_home import prepare

    prepared = prepare(settings(), dry_run=dry_run)
    if dry_run:
        facts = {"home": home, "seed": seed, "recordings": recordings, "students": students, "dry_run": True}
        print_json({**facts, "lacking": prepared.lines()}) if as_json else say(
            tr(f"{recordings} recordings, in {home}", f"녹화본 {recordings}개, 위치: {home}")
        )
        return
    from chat_platform.cli.progress import run_progress

    with run_progress(settings()) as on_event:
        from chat_platform.demo import run_demo

        report = run_demo(home, seed=seed, recordings=recordings, students=students, on_event=on_event)
    print_json(asdict(report)) if as_json else _show(report)
    for line in report.errors:
        console.err.print(line, markup=False)
    if report.errors:
        raise typer.Exit(1)


def _show(report: DemoReport) -> None:
    print_table([{"": name.replace("_", " "), "#": value} for name, value in report.numbers.items()])
    for mart, rows in report.examples.items():
        print_table(rows, title=f"marts.{mart}")
    _show_streams(report.streams)
    nothing = tr("nothing was left to do", "더 할 일이 없습니다")
    done = f"{len(report.runs)} {tr('runs', '회 실행')}" if report.runs else nothing
    say(f"{done}, {report.seconds} s · {report.published}")
    for note in report.notes:
        say(note)
    say('chatp --demo ask-question "이거 왜 안 되나요" · chatp --demo who "안녕하세욥" "오늘 과제 뭐예욥"')
    say('chatp --demo sql "select * from marts.participation_daily limit 5" · chatp dev --demo')
    web = settings().web
    address = web.base_url or f"http://{web.host}:{web.port}"
    say(
        tr(
            f"The portal, full of this: chatp --demo serve → {address}",
            f"이 데이터로 채운 포털: chatp --demo serve → {address}",
        )
    )


def _show_streams(seen: dict[str, Any]) -> None:
    """Two lines on streams: who rises and falls, and which emotes."""
    if not seen.get("streamers"):
        return

    def named(trend: str) -> str:
        changes = ", ".join(f"{one['channel']} {one['change']:+.0%}" for one in seen[trend])
        return f"{seen['trends'].get(trend, 0)} ({changes})" if changes else "0"

    rising, falling = named("rising"), named("falling")
    say(
        tr(
            f"{seen['streamers']} streamers over {seen['days']} days · rising: {rising} · falling: {falling}",
            f"스트리머 {seen['streamers']}명, {seen['days']}일 · 상승: {rising} · 하락: {falling}",
        )
    )
    top, new = seen["top_emote"], seen["rising_emote"]
    if top:
        say(
            tr(
                f"{seen['videos']} chats, {seen['messages']} messages · most used emote: {top['code']} ({top['uses']}×)",
                f"채팅 {seen['videos']}개, 메시지 {seen['messages']}개 · 가장 많이 쓴 이모트: {top['code']} ({top['uses']}회)",
            )
        )
    if new:
        say(
            tr(
                f"On the rise: {new['code']}, {new['growth_at_least']:.0f}× at least, in {new['channels']} channels",
                f"떠오르는 이모트: {new['code']}, 최소 {new['growth_at_least']:.0f}배, 채널 {new['channels']}개",
            )
        )


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
    from chat_platform.cli.setup_home import environment, prepare, program

    command = [program("dagster"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    say(f"http://127.0.0.1:{port}")
    if not demo_data:
        prepare(settings())
        raise typer.Exit(_wait_for(command, environment(settings())))
    home = demo_home()
    os.environ["CHATP_HOME"] = str(home)
    from chat_platform.demo import demo_environment

    with demo_environment(home) as (values, _):
        prepare(values)
        code = _wait_for(command, environment(values))
    raise typer.Exit(code)


def _wait_for(command: list[str], variables: dict[str, str]) -> int:
    """Run a program until it ends; on Ctrl-C let it stop its own children first."""
    process = subprocess.Popen(command, env=variables, cwd=project_root())
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait(60)
