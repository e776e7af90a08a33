"""``chatp prepare``, ``doctor``, ``clean``, ``errors`` and ``docs``: the machine, the home and the pages.

What belongs here: the commands and how their results look. What does not: what a home needs (``setup_home``), the checks
(``doctor``), the pages (``documentation``).
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chat_platform.cli import console
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, demo_home, dry
from chat_platform.errors import CATALOGUE, InputError
from chat_platform.settings import project_root

app = typer.Typer()

SCREENSHOTS_KEPT_S = 30 * 86400
# What the platform itself makes in a home; nothing else is ever deleted.
_OURS = ("app.sqlite*", ".runs.lock", "simulators.json")
_OUR_FOLDERS = ("captures", "dagster", "dbt", "inbox", "lake", "logs", "screenshots", "warehouse")


@app.command(
    help=tr(
        "Set up CHATP_HOME; quick, changes nothing twice.\n\nExamples:\n\n  chatp prepare --dry-run\n\n"
        "  chatp prepare --json",
        "CHATP_HOME을 준비합니다. 반복해도 안전합니다.\n\n예:\n\n  chatp prepare --dry-run\n\n  chatp prepare --json",
    )
)
def prepare(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Set up the home."""
    from chat_platform.cli.setup_home import prepare as prepare_home

    values = settings()
    done = prepare_home(values, dry_run=dry_run)
    if as_json:
        revisions = done.migrated or (None, None)
        facts = {**asdict(done), "migrated": done.migrated is not None, "revision": revisions[1]}
        print_json({"home": values.home, **facts, "dry_run": dry_run})
        return
    for line in done.lines():
        say(line + dry(dry_run))


@app.command(
    help=tr(
        "Is this machine able? Exit code = number of failures.\n\nExamples:\n\n  chatp doctor\n\n  chatp doctor --json",
        "이 컴퓨터를 점검합니다. 종료 코드 = 실패 수.\n\n예:\n\n  chatp doctor\n\n  chatp doctor --json",
    )
)
def doctor(as_json: Json = False) -> None:
    """Check the machine."""
    from chat_platform.cli.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in [] if as_json else findings:
        remedy = "" if finding.ok else f"  →  {finding.remedy}"
        say(f"{console.mark(finding.ok)} {finding.name:12} {finding.seen}{remedy}")
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
    as_json: Json = False,
) -> None:
    """Clean up."""
    from chat_platform.storage.files import is_temporary, remove_stale_temporaries
    from chat_platform.storage.liveness import RunGuard

    home = settings().home
    if everything:
        found = _ours_in(home)
    else:
        before = time.time() - SCREENSHOTS_KEPT_S
        old = [path for path in settings().screenshots.glob("*.png") if path.stat().st_mtime < before]
        found = [*old, *(path for path in home.rglob("*") if is_temporary(path.name))]
    if not as_json:
        for path in found:
            say(f"{path}{dry(dry_run)}")
    agreed = not dry_run and (
        yes or not everything or typer.confirm(tr("Delete all of it?", "모두 지울까요?"), err=as_json)
    )
    if agreed and everything:
        if RunGuard(home).anybody_alive():
            raise InputError("CP-STORE-001", str(home))
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif agreed:
        for path in old:
            path.unlink()
        if home.exists():
            # Only what no living process writes.
            remove_stale_temporaries(home)
    if as_json:
        removed = [path for path in found if not path.exists()]
        print_json({"home": home, "found": found, "removed": removed, "dry_run": dry_run})


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


@app.command(
    help=tr(
        "Regenerate the generated pages of docs/.\n\nExamples:\n\n  chatp docs --dry-run\n\n  chatp docs --pictures",
        "docs/의 자동 생성 문서를 다시 만듭니다.\n\n예:\n\n  chatp docs --dry-run\n\n  chatp docs --pictures",
    )
)
def docs(
    pictures: Annotated[
        bool, typer.Option(help=tr("Also pictures, from the demo.", "데모로 그림도 만듭니다."))
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Regenerate documentation."""
    from chat_platform.cli.documentation import generated_pages
    from chat_platform.cli.main import app as whole

    folder, changed = project_root() / "docs", []
    for name, text in generated_pages(whole).items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path)
            if not dry_run:
                path.write_text(text, encoding="utf-8")
    if pictures and not dry_run:
        from chat_platform.cli.pictures import write_pictures

        changed += write_pictures(demo_home(), folder / "pictures")
    names = [str(path.relative_to(project_root())) for path in changed]
    if as_json:
        print_json({"changed": names, "dry_run": dry_run})
    for name in [] if as_json else names:
        say(f"{name}{dry(dry_run)}")


def _ours_in(home: Path) -> list[Path]:
    """What the platform made in a home; settings and foreign files are not among it.

    Raises:
        InputError: CP-CONF-006 when the folder is no home.
    """
    if not (home / "lake").is_dir() and not (home / "dagster").is_dir():
        raise InputError("CP-CONF-006", str(home))
    found = [home / name for name in _OUR_FOLDERS if (home / name).is_dir()]
    return found + [path for pattern in _OURS for path in home.glob(pattern)]
