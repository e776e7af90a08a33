"""``chatp consent``: who agreed that their messages train the author model.

What belongs here: the commands and how their results look. What does not: keeping consents (``storage.consents``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.labels import By, DryRun, Json, who
from chat_platform.errors import ModelError

if TYPE_CHECKING:
    from chat_platform.storage.consents import ConsentLog
    from chat_platform.storage.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    help=tr(
        "Who agreed to what; nobody is taken in unasked.",
        "누가 무엇에 동의했는지. 동의 없이는 쓰지 않습니다.",
    ),
)

Person = Annotated[
    str,
    typer.Argument(
        help=tr("Id of a person, or a name that only one has.", "사람의 id 또는 한 사람만 쓰는 이름.")
    ),
]
Purpose = Annotated[str, typer.Option("--purpose", help=tr("What for.", "목적."))]


@app.command(
    help=tr(
        "A person agrees.\n\nExamples:\n\n  chatp consent grant 김가나\n\n"
        "  chatp consent grant 9b1f03c2a4d5e6f7 --purpose author_model --by kim",
        "동의를 적습니다.\n\n예:\n\n  chatp consent grant 김가나\n\n"
        "  chatp consent grant 9b1f03c2a4d5e6f7 --purpose author_model --by 운영자",
    )
)
def grant(
    person: Person,
    purpose: Purpose = "author_model",
    by: By = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Grant a consent."""
    workspace = _workspace()
    known = _people(workspace)
    person_id = _one(person, known)
    number = None if dry_run else _log(workspace).grant(person_id, purpose, by=who(by))
    _show(tr("agreed", "동의"), person_id, known.get(person_id), purpose, number, as_json=as_json)


@app.command(
    help=tr(
        "A person no longer agrees: the next training leaves them out.\n\nExample:\n\n  chatp consent withdraw 김가나",
        "동의를 철회합니다. 다음 학습에서 제외됩니다.\n\n예:\n\n  chatp consent withdraw 김가나",
    )
)
def withdraw(
    person: Person,
    purpose: Purpose = "author_model",
    by: By = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Withdraw a consent."""
    workspace = _workspace()
    log, known = _log(workspace), _people(workspace)
    # Who agreed once may withdraw, also when core.people no longer has the id.
    gave = log.active(purpose)
    person_id = person if person in gave else _one(person, known)
    if person_id not in gave:
        raise ModelError("CP-ML-019", f"{person_id}, {purpose}")
    number = None if dry_run else log.withdraw(person_id, purpose, by=who(by))
    _show(tr("withdrawn", "철회"), person_id, known.get(person_id), purpose, number, as_json=as_json)


@app.command(
    "list",
    help=tr(
        "Consents that stand, or the whole history.\n\nExamples:\n\n  chatp consent list\n\n  chatp consent list 김가나 --all --json",
        "유효한 동의 또는 전체 기록.\n\n예:\n\n  chatp consent list\n\n  chatp consent list 김가나 --all --json",
    ),
)
def list_(
    person: Annotated[
        str | None, typer.Argument(help=tr("One person; none: all.", "한 사람. 없으면 모두."))
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help=tr("One purpose.", "한 가지 목적."))
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help=tr("Also what was withdrawn.", "철회한 것도 보여 줍니다."))
    ] = False,
    as_json: Json = False,
) -> None:
    """List consents."""
    workspace = _workspace()
    known, log = _people(workspace), _log(workspace)
    ids = {row["person_id"] for row in log.history()}
    person_id = person if person is None or person in ids else _one(person, known)
    rows = [
        {"name": known.get(row["person_id"]), **row}
        for row in log.history(person_id, purpose)
        if everything or row["withdrawn_at"] is None
    ]
    if as_json:
        print_json(rows)
        return
    columns = ["consent_id", "name", "person_id", "purpose", "granted_at", "granted_by"]
    print_table(rows, columns=[*columns, *(("withdrawn_at", "withdrawn_by") if everything else ())])


def _workspace() -> Workspace:
    from chat_platform.storage.workspace import Workspace

    return Workspace(settings())


def _log(workspace: Workspace) -> ConsentLog:
    from chat_platform.storage.consents import ConsentLog

    return ConsentLog(workspace.database)


def _people(workspace: Workspace) -> dict[str, str]:
    """Person id → name."""
    from chat_platform.tables.class_chat import PEOPLE

    return {row["person_id"]: row["name"] for row in workspace.lake.read(PEOPLE).to_pylist()}


def _one(person: str, known: dict[str, str]) -> str:
    from chat_platform.ingestion.people import one_person

    return one_person(person, known)


def _show(
    word: str, person_id: str, name: str | None, purpose: str, number: int | None, *, as_json: bool
) -> None:
    if as_json:
        facts: dict[str, Any] = {
            "consent_id": number,
            "person_id": person_id,
            "name": name,
            "purpose": purpose,
        }
        print_json(facts)
        return
    end = tr(" (dry run)", " (모의 실행)") if number is None else f" · #{number}"
    say(f"{name or person_id} ({person_id}): {word}, {purpose}{end}")
