"""``chatp streams``: what streams need beside the sensors.

What belongs here: the commands and how their results look. What does not: steps (``ingestion.streams``); the list of
streamers, which is imported like any other file (``imports``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console, graph_runs
from chat_platform.cli.console import print_json, print_table, settings, tr
from chat_platform.cli.options import DryRun, Json, dry
from chat_platform.errors import StreamError

if TYPE_CHECKING:
    from chat_platform.storage.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help=tr("Streams of the list of streamers.", "스트리머 목록의 방송."))


@app.callback()
def group() -> None:
    """A group, so that its one command has a name."""


@app.command(
    "backfill",
    help=tr(
        "Every recorded stream since a day, with its chat: looked for, fetched and counted. What is there already costs "
        "nothing; a back-fill that was interrupted goes on where it stopped.\n\n"
        "Examples:\n\n  chatp streams backfill --since 2024-01-01\n\n"
        "  chatp streams backfill --since 2024-01-01 --no-run --json",
        "어느 날부터의 모든 다시보기와 채팅을 찾아 가져오고 셉니다. 이미 있는 것은 다시 가져오지 않고, 중단되면 멈춘 곳부터 "
        "이어집니다.\n\n예:\n\n  chatp streams backfill --since 2024-01-01\n\n"
        "  chatp streams backfill --since 2024-01-01 --no-run --json",
    ),
)
def backfill(
    context: typer.Context,
    since: Annotated[datetime, typer.Option("--since", formats=["%Y-%m-%d"], help=tr("First day.", "첫날."))],
    no_run: Annotated[
        bool,
        typer.Option(
            "--no-run", help=tr("Only look; later runs fetch them.", "찾기만 하고 나중에 처리합니다.")
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for every recorded stream since a day, and take up what is due."""
    from chat_platform.storage.workspace import Workspace

    found = list(_look(Workspace(settings()), since))
    if as_json:
        print_json([{name: value for name, value in one.items() if name != "error"} for one in found])
    else:
        print_table([{name: value for name, value in one.items() if name != "error"} for one in found])
    failed = [one["error"] for one in found if one["error"] is not None]
    for error in failed:
        console.show_error(error, debug=bool(context.find_root().params.get("debug")))
    if not no_run and any(one["listed"] for one in found):
        graph_runs.catch_up("stream_videos")
    raise typer.Exit(1 if failed else 0)


@app.command(
    "live",
    help=tr(
        "Listen to channels while they stream and write down what is said, until Ctrl-C or a TERM signal. While chatp dev runs, "
        "the sensor stream_videos counts it twice an hour; with --run it is counted when the listening ends. Nobody needs an "
        "account to listen.\n\nExamples:\n\n  chatp streams live somebody\n\n  chatp streams live somebody another --run",
        "방송 중인 채널의 채팅을 Ctrl-C 또는 TERM 신호가 올 때까지 받아 적습니다. chatp dev가 실행 중이면 stream_videos 센서가 한 "
        "시간에 두 번 집계하고, --run을 주면 끝날 때 집계합니다. 계정은 필요 없습니다.\n\n"
        "예:\n\n  chatp streams live somebody\n\n  chatp streams live somebody another --run",
    ),
)
def live(
    channels: Annotated[list[str], typer.Argument(metavar="CHANNELS...", help=tr("Logins.", "채널 로그인."))],
    platform: Annotated[str, typer.Option(help=tr("Platform.", "플랫폼."))] = "twitch",
    run: Annotated[
        bool, typer.Option("--run", help=tr("Count it at the end.", "끝나면 집계합니다."))
    ] = False,
) -> None:
    """Listen until told to stop."""
    import signal
    from threading import Event

    from chat_platform.ingestion.streams.live import capture

    stop = Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    console.say(tr(f"Listening: {', '.join(channels)}", f"듣는 중: {', '.join(channels)}"))
    heard = capture(settings(), platform, channels, stop.is_set)
    console.say(tr(f"{heard} lines", f"{heard}줄"))
    if run:
        graph_runs.catch_up("stream_videos")


@app.command(
    "forget",
    help=tr(
        "Captures of live chat that no longer listen and are not wanted back: chatp status, chatp doctor and the sensor "
        "live_captures no longer speak of them. What was heard stays.\n\nExamples:\n\n  chatp streams forget --dry-run\n\n"
        "  chatp streams forget",
        "더 이상 듣고 있지 않고 다시 필요하지도 않은 실시간 채팅 수신을 잊습니다. chatp status, chatp doctor, live_captures "
        "센서가 더 이상 알리지 않습니다. 받은 채팅은 남습니다.\n\n예:\n\n  chatp streams forget --dry-run\n\n  chatp streams forget",
    ),
)
def forget(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Forget captures that are lost."""
    from chat_platform.storage.captures import forget_lost

    lost = forget_lost(settings().home, dry_run=dry_run)
    if as_json:
        print_json({"forgotten": [asdict(capture) for capture in lost], "dry_run": dry_run})
    for capture in [] if as_json else lost:
        console.say(f"{capture.name}{dry(dry_run)}")


def _look(workspace: Workspace, since: datetime) -> Iterator[dict[str, Any]]:
    """Write what each platform has into the ledger; one that fails does not stop the others."""
    from chat_platform.ingestion.streams.tables import listed_ids
    from chat_platform.ingestion.streams.vods import discover
    from chat_platform.sources.streams.connections import configured, open_platform
    from chat_platform.sources.streams.registry import PLATFORMS

    for name in PLATFORMS:
        listed = len(listed_ids(workspace, name))
        facts = {"platform": name, "listed": listed, "new": 0, "not_asked": 0, "code": None, "error": None}
        if listed and configured(workspace.settings, name):
            try:
                with closing(open_platform(workspace.settings, name)) as platform:
                    found = discover(workspace, platform, since=since.date())
                facts |= {"new": len(found.videos), "not_asked": len(found.failed)}
            except StreamError as error:
                facts |= {"code": error.code, "error": error}
        elif listed:
            facts |= {"code": "CP-STREAM-001", "error": StreamError("CP-STREAM-001", name)}
        yield facts
