"""``chatp people``: who is behind a name.

What belongs here: the commands and how their results look. What does not: rules of identity (``people.identity``),
the log of decisions (``storage.decisions``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import graph_runs
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry
from chat_platform.errors import InputError

if TYPE_CHECKING:
    from chat_platform.ingestion.erasure import Findings, Subject
    from chat_platform.people.identity import Suggestion
    from chat_platform.storage.decisions import DecisionLog
    from chat_platform.storage.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    help=tr("Who is behind a name: look, decide, undo.", "이름의 주인을 확인하고 결정하고 되돌립니다."),
)

By = Annotated[str, typer.Option("--by", help=tr("Who decides.", "결정한 사람."))]
Why = Annotated[str | None, typer.Option("--why", help=tr("Evidence, in words.", "근거."))]
Publish = Annotated[bool, typer.Option("--publish", help=tr("Publish at once.", "바로 게시합니다."))]
Identity = Annotated[
    str, typer.Argument(help=tr("Id of the name, of `chatp people list`.", "`chatp people list`의 이름 id."))
]
Person = Annotated[
    str,
    typer.Argument(help=tr("Id of the person, of `chatp people list`.", "`chatp people list`의 사람 id.")),
]


@app.command(
    "list",
    help=tr(
        "People and their names in chats.\n\nExamples:\n\n  chatp people list\n\n  chatp --demo people list --json",
        "사람과 채팅에서 쓰는 이름.\n\n예:\n\n  chatp people list\n\n  chatp --demo people list --json",
    ),
)
def list_(as_json: Json = False) -> None:
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


@app.command(
    "suggestions",
    help=tr(
        "Names that fit people and wait for a decision.\n\nExample:\n\n  chatp people suggestions",
        "결정을 기다리는 후보.\n\n예:\n\n  chatp people suggestions",
    ),
)
def list_suggestions(as_json: Json = False) -> None:
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


@app.command(
    help=tr(
        "Accept suggestions that fit one person only.\n\nExamples:\n\n  chatp people accept --all-unique --dry-run\n\n"
        "  chatp people accept --all-unique --publish",
        "한 사람에게만 맞는 후보를 받아들입니다.\n\n예:\n\n  chatp people accept --all-unique --dry-run\n\n"
        "  chatp people accept --all-unique --publish",
    )
)
def accept(
    all_unique: Annotated[bool, typer.Option("--all-unique", help=tr("All of them.", "모두."))] = False,
    by: By = "operator",
    dry_run: DryRun = False,
    publish_now: Publish = False,
    as_json: Json = False,
) -> None:
    """Accept unambiguous suggestions."""
    from chat_platform.storage.decisions import Merge

    if not all_unique:
        raise typer.BadParameter(
            tr("say --all-unique, or use `merge`", "--all-unique 또는 merge 를 사용하세요")
        )
    workspace = _workspace()
    unique = [item for item in _suggestions(workspace) if item.unique]
    merges = [Merge(item.identity_id, item.person_id, item.evidence) for item in unique]
    numbers = _log(workspace, dry_run=dry_run).merge_all(merges, by=by) if merges else []
    if not as_json:
        for item in unique:
            say(f"{item.display_name} → {item.person_name}")
    _decided(
        [
            _facts("merge", item.identity_id, item.person_id, n)
            for item, n in zip(unique, numbers, strict=True)
        ],
        publish_now=publish_now,
        dry_run=dry_run,
        as_json=as_json,
    )


@app.command(
    help=tr(
        "This name is that person.\n\nExample:\n\n"
        '  chatp people merge 7c0d5f1e9a3b2c44 9b1f03c2a4d5e6f7 --why "said so in class" --by kim',
        "이 이름은 그 사람입니다.\n\n예:\n\n"
        '  chatp people merge 7c0d5f1e9a3b2c44 9b1f03c2a4d5e6f7 --why "본인 확인" --by 운영자',
    )
)
def merge(
    identity: Identity,
    person: Person,
    by: By = "operator",
    why: Why = None,
    publish_now: Publish = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Merge an identity into a person."""
    number = _log(_workspace(), dry_run=dry_run).merge(identity, person, by=by, evidence=why)
    _decided(
        [_facts("merge", identity, person, number)],
        publish_now=publish_now,
        dry_run=dry_run,
        as_json=as_json,
    )


@app.command(
    help=tr(
        "This name is a person of its own.\n\nExample:\n\n  chatp people split 7c0d5f1e9a3b2c44 --publish",
        "이 이름은 별개의 사람입니다.\n\n예:\n\n  chatp people split 7c0d5f1e9a3b2c44 --publish",
    )
)
def split(
    identity: Identity,
    by: By = "operator",
    why: Why = None,
    publish_now: Publish = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Split an identity off."""
    number = _log(_workspace(), dry_run=dry_run).split(identity, by=by, evidence=why)
    _decided(
        [_facts("split", identity, None, number)], publish_now=publish_now, dry_run=dry_run, as_json=as_json
    )


@app.command(
    help=tr(
        "Leave this name as it is.\n\nExample:\n\n  chatp people lock 7c0d5f1e9a3b2c44 --dry-run",
        "이 이름을 그대로 둡니다.\n\n예:\n\n  chatp people lock 7c0d5f1e9a3b2c44 --dry-run",
    )
)
def lock(
    identity: Identity,
    by: By = "operator",
    why: Why = None,
    publish_now: Publish = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Lock an identity."""
    number = _log(_workspace(), dry_run=dry_run).lock(identity, by=by, evidence=why)
    _decided(
        [_facts("lock", identity, None, number)], publish_now=publish_now, dry_run=dry_run, as_json=as_json
    )


@app.command(
    help=tr(
        "Take a decision back.\n\nExample:\n\n  chatp people undo 12 --publish",
        "결정을 되돌립니다.\n\n예:\n\n  chatp people undo 12 --publish",
    )
)
def undo(
    decision: Annotated[
        int,
        typer.Argument(help=tr("Number of it, of `chatp people log`.", "`chatp people log`의 결정 번호.")),
    ],
    by: By = "operator",
    publish_now: Publish = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Undo a decision."""
    _log(_workspace(), dry_run=dry_run).undo(decision, by=by)
    facts = {"kind": "undo", "decision_id": decision}
    _decided([facts], publish_now=publish_now, dry_run=dry_run, as_json=as_json)


@app.command(
    help=tr(
        "Every decision, also those undone.\n\nExample:\n\n  chatp people log --json",
        "되돌린 것까지 모든 결정.\n\n예:\n\n  chatp people log --json",
    )
)
def log(as_json: Json = False) -> None:
    """Show the log of decisions."""
    rows = list(_workspace().decisions.list())
    print_json(rows) if as_json else print_table(rows)


@app.command(
    help=tr(
        "Erase a person from everything that is kept. Nothing brings them back.\n\nExamples:\n\n"
        "  chatp people erase 김가나 --dry-run\n\n  chatp people erase 9b1f03c2a4d5e6f7 --raw --yes",
        "한 사람의 정보를 모두 지웁니다. 되돌릴 수 없습니다.\n\n예:\n\n"
        "  chatp people erase 김가나 --dry-run\n\n  chatp people erase 9b1f03c2a4d5e6f7 --raw --yes",
    )
)
def erase(
    person: Annotated[
        str,
        typer.Argument(
            help=tr("Id of a person, or a name that only one has.", "사람의 id 또는 한 사람만 쓰는 이름.")
        ),
    ],
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help=tr(
                "Also delete the archived answers and saved files that hold what they wrote.",
                "이 사람의 글이 담긴 보관 원본과 저장 파일도 지웁니다.",
            ),
        ),
    ] = False,
    by: By = "operator",
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask.", "묻지 않습니다."))] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Erase a person."""
    from chat_platform.ingestion import erasure

    workspace = _workspace()
    subject = erasure.find_subject(workspace, person)
    found = erasure.examine(workspace, subject)
    known = workspace.erasures.find(person)
    needed = (
        bool(found.rows or (raw and (found.raw or found.files)))
        or subject.person_id is not None
        or known is None
        or known.done_at is None
    )
    if not as_json:
        _show_findings(subject, found, raw=raw)
    done, removed = False, []
    if needed and not dry_run:
        if not yes and not typer.confirm(tr("Erase all of it?", "모두 지울까요?"), err=as_json):
            raise InputError("CP-PEOPLE-023")
        entry = erasure.erase(
            workspace, subject, by=by, raw=raw, on_step=say if not as_json else lambda _: None
        )
        graph_runs.publish()
        done, removed = True, erasure.finish(workspace, entry)
    if as_json:
        print_json(_erasure_facts(subject, found, removed, done=done, dry_run=dry_run))
    elif done:
        say(tr("erased, and published anew", "지우고 다시 게시했습니다"))
    elif not needed:
        say(tr("nothing is left to erase", "지울 것이 없습니다"))


def _workspace() -> Workspace:
    from chat_platform.storage.workspace import Workspace

    return Workspace(settings())


def _log(workspace: Workspace, *, dry_run: bool) -> DecisionLog:
    from chat_platform.ingestion.people import decision_log

    return decision_log(workspace, rehearse=dry_run)


def _suggestions(workspace: Workspace) -> list[Suggestion]:
    from chat_platform.ingestion.people import open_suggestions

    return open_suggestions(workspace)


def _facts(kind: str, identity: str, person: str | None, number: int) -> dict[str, Any]:
    return {"kind": kind, "identity_id": identity, "person_id": person, "decision_id": number}


def _decided(decisions: list[dict[str, Any]], *, publish_now: bool, dry_run: bool, as_json: bool) -> None:
    """Say what was decided, and publish where that is asked for."""
    if dry_run:
        # The number that a decision got in the rehearsal is free again.
        decisions = [
            {**row, "decision_id": row["decision_id"] if row["kind"] == "undo" else None} for row in decisions
        ]
    publishes = bool(decisions) and publish_now and not dry_run
    if publishes:
        graph_runs.publish()
    if as_json:
        print_json({"decisions": decisions, "published": publishes, "dry_run": dry_run})
        return
    say(f"{len(decisions)} {tr('decisions', '건 결정')}{dry(dry_run)}")
    if decisions and not publishes and not dry_run:
        say(tr("`chatp publish` applies them", "`chatp publish`로 반영하세요"))


def _show_findings(subject: Subject, found: Findings, *, raw: bool) -> None:
    """What there is of a person, and what an erasure leaves."""
    say(
        f"{subject.name or subject.person_id or tr('erased before', '이미 삭제됨')}: {', '.join(subject.shown)}"
    )
    counts = [*found.lake.items(), *((f"app.{table}", rows) for table, rows in found.database.items())]
    print_table([{"table": table, "rows": rows} for table, rows in counts])
    kept = [*found.raw, *map(str, found.files)]
    if kept and raw:
        say(tr("goes too:", "함께 지웁니다:"))
    elif kept:
        say(tr("still holds their texts; --raw deletes it:", "글이 남아 있습니다. --raw로 지웁니다:"))
    for name in kept:
        say(f"  {name}")
    if subject.undecided:
        said = tr(
            "fits too and was never decided: merge it first", "후보 이름이 남아 있습니다. 먼저 merge 하세요"
        )
        say(f"{said}: {', '.join(subject.undecided)}")
    if found.mentions:
        say(
            f"{found.mentions} {tr('messages of others name them: these stay', '건의 다른 사람 글에 이름이 남습니다')}"
        )
    say(f"{tr('not reached', '지우지 않는 것')}: {', '.join(found.not_covered)}")


def _erasure_facts(
    subject: Subject, found: Findings, removed: list[int], *, done: bool, dry_run: bool
) -> dict[str, Any]:
    return {
        "person_id": subject.person_id,
        "name": subject.name,
        "names": subject.shown,
        "lake": found.lake,
        "database": found.database,
        "raw": found.raw,
        "files": found.files,
        "mentions": found.mentions,
        "undecided": subject.undecided,
        "not_covered": found.not_covered,
        "erased": done,
        "removed_versions": removed,
        "dry_run": dry_run,
    }
