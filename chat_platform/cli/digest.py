"""``chatp digest``: the weekly digest, looked at and sent by hand.

What belongs here: options of the commands and how results look. What does not: the digest (``digest``), the schedule.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chat_platform.cli.console import language, print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry

if TYPE_CHECKING:
    from chat_platform.digest.weeks import Week
    from chat_platform.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help=tr("The weekly digest: preview, send.", "주간 다이제스트: 미리 보기, 보내기."),
)

WeekOption = Annotated[
    str | None,
    typer.Option(
        "--week",
        help=tr("Monday of the week; default: the last week.", "그 주의 월요일. 기본: 지난주."),
    ),
]
ClassOption = Annotated[
    str | None,
    typer.Option("--class", help=tr("Class; default: that of the settings.", "수업. 기본: 설정의 수업.")),
]


@app.command(
    help=tr(
        "What the digest of a week says.\n\nExamples:\n\n  chatp digest preview\n\n"
        "  chatp digest preview --week 2026-03-02 --html digest.html",
        "한 주의 다이제스트 내용을 보여 줍니다.\n\n예:\n\n  chatp digest preview\n\n"
        "  chatp digest preview --week 2026-03-02 --html digest.html",
    )
)
def preview(
    week: WeekOption = None,
    class_id: ClassOption = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help=tr("Write the mail's page to a file.", "메일 화면을 파일로 저장합니다.")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the digest of a week."""
    from chat_platform.digest import render
    from chat_platform.digest.pictures import data_uris, pictures
    from chat_platform.digest.places import open_place
    from chat_platform.storage.workspace import Workspace

    chosen = settings()
    with open_place(Workspace(chosen), class_id or chosen.web.class_id) as place:
        digest = place.digest(_week(chosen, week))
        if html is not None:
            drawn = data_uris(pictures(digest.published))
            html.write_text(render.page(digest, language(), place.links, drawn, None), encoding="utf-8")
        if as_json:
            print_json(digest.to_dict())
        else:
            say(f"{render.subject(digest, language())}\n")
            say(render.plain_text(digest, language(), place.links, None))


@app.command(
    help=tr(
        "Send what is left of a week's digest. Whoever got it does not get it again.\n\nExamples:\n\n"
        "  chatp digest send --dry-run\n\n  chatp digest send --week 2026-03-02 --json",
        "한 주의 다이제스트를 아직 받지 못한 사람에게 보냅니다. 두 번 보내지 않습니다.\n\n예:\n\n"
        "  chatp digest send --dry-run\n\n  chatp digest send --week 2026-03-02 --json",
    )
)
def send(
    week: WeekOption = None, class_id: ClassOption = None, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Send the digest of a week; exit code 1 when somebody is left."""
    from chat_platform.digest.places import open_place
    from chat_platform.digest.sending import send as send_digest
    from chat_platform.storage.workspace import Workspace

    chosen = settings()
    with open_place(Workspace(chosen), class_id or chosen.web.class_id) as place:
        report = send_digest(place, _week(chosen, week), dry_run=dry_run)
    if as_json:
        print_json(report.to_dict())
    else:
        rows = [{"channel": name, **tally.to_dict()} for name, tally in report.channels.items()]
        print_table(rows, title=f"{report.class_id} {report.week}{dry(dry_run)}")
        if report.empty:
            say(tr("There is nothing to say of this week.", "이 주에는 보낼 내용이 없습니다."))
    if report.problems or any(tally.failed for tally in report.channels.values()):
        raise typer.Exit(1)


def _week(chosen: Settings, text: str | None) -> Week:
    from chat_platform.digest.weeks import last_week, parse_week

    now = datetime.now(UTC)
    return parse_week(text, now, chosen.zone) if text else last_week(now, chosen.zone)
