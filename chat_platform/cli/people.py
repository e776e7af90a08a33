"""``chatp people``: who is behind a name.

What belongs here: the commands and how their results look. What does not: rules of identity (``people.identity``),
the log of decisions (``storage.decisions``).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import graph_runs
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry
from chat_platform.errors import InputError, StreamError

if TYPE_CHECKING:
    from chat_platform.ingestion.erasure_steps import Findings
    from chat_platform.people.identity import Suggestion
    from chat_platform.storage.decisions import DecisionLog
    from chat_platform.storage.erasures import Erasure
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


@dataclass(frozen=True)
class _Subject:
    """Somebody who is to be erased, whichever kind of somebody.

    Attributes:
        title: who, for people.
        facts: who, for programs.
        found: what there is of them.
        is_done: they were erased before, and nothing was left then.
        erase: by whom, whether from archives too, and what to tell of steps → the entry in the list.
        finish: the end, once it was published.
    """

    title: str
    facts: dict[str, Any]
    found: Findings
    is_done: bool
    erase: Callable[[str, bool, Callable[[str], None]], Erasure]
    finish: Callable[[Erasure], list[int]]


@app.command(
    help=tr(
        "Erase a person of the class, or with --viewer somebody who wrote in chats of streams, from everything that is "
        "kept. Nothing brings them back.\n\nExamples:\n\n"
        "  chatp people erase 김가나 --dry-run\n\n  chatp people erase 9b1f03c2a4d5e6f7 --raw --yes\n\n"
        "  chatp people erase --viewer twitch:somebody --dry-run",
        "수업의 한 사람, 또는 --viewer로 방송 채팅에 글을 쓴 시청자의 정보를 모두 지웁니다. 되돌릴 수 없습니다.\n\n예:\n\n"
        "  chatp people erase 김가나 --dry-run\n\n  chatp people erase 9b1f03c2a4d5e6f7 --raw --yes\n\n"
        "  chatp people erase --viewer twitch:somebody --dry-run",
    )
)
def erase(
    person: Annotated[
        str | None,
        typer.Argument(
            help=tr("Id of a person, or a name that only one has.", "사람의 id 또는 한 사람만 쓰는 이름.")
        ),
    ] = None,
    viewer: Annotated[
        str | None,
        typer.Option(
            "--viewer",
            metavar="PLATFORM:ID",
            help=tr(
                "A viewer of streams instead: platform, and id or name of the account.",
                "대신 방송 시청자: 플랫폼과 계정의 id 또는 이름.",
            ),
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help=tr(
                "Also what is archived and saved: what holds texts of a person is deleted, chats of streams are "
                "rewritten without the viewer.",
                "보관 원본과 저장 파일도 처리합니다. 사람의 글이 담긴 것은 지우고, 방송 채팅은 시청자를 빼고 다시 씁니다.",
            ),
        ),
    ] = False,
    by: By = "operator",
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask.", "묻지 않습니다."))] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Erase somebody."""
    if (person is None) == (viewer is None):
        raise typer.BadParameter(tr("say PERSON or --viewer", "PERSON 또는 --viewer 하나만 적으세요"))
    workspace = _workspace()
    subject = _person(workspace, person) if person is not None else _viewer(workspace, str(viewer))
    found = subject.found
    needed = bool(found.rows or (raw and (found.raw or found.files))) or not subject.is_done
    if not as_json:
        _show_findings(subject, raw=raw)
    done, removed = False, []
    if needed and not dry_run:
        if not yes and not typer.confirm(tr("Erase all of it?", "모두 지울까요?"), err=as_json):
            raise InputError("CP-PEOPLE-023")
        entry = subject.erase(by, raw, say if not as_json else lambda _: None)
        graph_runs.publish()
        done, removed = True, subject.finish(entry)
    if as_json:
        print_json(_erasure_facts(subject, removed, done=done, dry_run=dry_run))
    elif done:
        say(tr("erased, and published anew", "지우고 다시 게시했습니다"))
    elif not needed:
        say(tr("nothing is left to erase", "지울 것이 없습니다"))


def _person(workspace: Workspace, person: str) -> _Subject:
    from chat_platform.ingestion import erasure

    subject = erasure.find_subject(workspace, person)
    known = workspace.erasures.find(person)
    name = subject.name or subject.person_id or tr("erased before", "이미 삭제됨")
    return _Subject(
        f"{name}: {', '.join(subject.shown)}",
        {
            "person_id": subject.person_id,
            "name": subject.name,
            "names": subject.shown,
            "undecided": subject.undecided,
        },
        erasure.examine(workspace, subject),
        subject.person_id is None and known is not None and known.done_at is not None,
        lambda by, raw, on_step: erasure.erase(workspace, subject, by=by, raw=raw, on_step=on_step),
        lambda entry: erasure.finish(workspace, entry),
    )


def _viewer(workspace: Workspace, named: str) -> _Subject:
    from chat_platform.ingestion.streams import viewers

    found = viewers.find_viewer(
        workspace, named, lambda platform, login: _account(workspace, platform, login)
    )
    return _Subject(
        f"{found.platform}: {', '.join(found.names)}",
        {"platform": found.platform, "names": found.names, "channel": found.channel},
        viewers.examine(workspace, found),
        found.is_done,
        lambda by, raw, on_step: viewers.erase(workspace, found, by=by, raw=raw, on_step=on_step),
        lambda entry: viewers.finish(workspace, found, entry),
    )


def _account(workspace: Workspace, platform: str, login: str) -> str | None:
    """Id of a login that no chat shows, where the platform can be asked."""
    from chat_platform.sources.streams.connections import configured, open_platform

    if not configured(workspace.settings, platform):
        return None
    with suppress(StreamError), closing(open_platform(workspace.settings, platform)) as opened:
        return next((channel.channel_id for channel in opened.channels_by_login([login])), None)
    return None


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


def _show_findings(subject: _Subject, *, raw: bool) -> None:
    """What there is of somebody, and what an erasure leaves."""
    found = subject.found
    say(subject.title)
    counts = [*found.lake.items(), *((f"app.{table}", rows) for table, rows in found.database.items())]
    print_table([{"table": table, "rows": rows} for table, rows in counts])
    kept = [*found.raw, *map(str, found.files)]
    if kept and raw:
        say(tr("goes too:", "함께 지웁니다:"))
    elif kept:
        say(
            tr(
                "still holds their texts; with --raw that goes too:",
                "글이 남아 있습니다. --raw로 함께 지웁니다:",
            )
        )
    for name in kept:
        say(f"  {name}")
    if subject.facts.get("undecided"):
        said = tr(
            "fits too and was never decided: merge it first", "후보 이름이 남아 있습니다. 먼저 merge 하세요"
        )
        say(f"{said}: {', '.join(subject.facts['undecided'])}")
    if subject.facts.get("channel"):
        said = tr(
            "streams too: what they wrote in chats goes, their public channel stays",
            "방송도 하는 계정입니다. 채팅에 쓴 글만 지우고 공개 채널은 남깁니다",
        )
        say(f"{said}: {subject.facts['channel']}")
    if found.mentions:
        say(
            f"{found.mentions} {tr('messages of others name them: these stay', '건의 다른 사람 글에 이름이 남습니다')}"
        )
    if found.not_covered:
        say(f"{tr('not reached', '지우지 않는 것')}: {', '.join(found.not_covered)}")


def _erasure_facts(subject: _Subject, removed: list[int], *, done: bool, dry_run: bool) -> dict[str, Any]:
    found = subject.found
    return {
        **subject.facts,
        "lake": found.lake,
        "database": found.database,
        "raw": found.raw,
        "files": found.files,
        "mentions": found.mentions,
        "not_covered": found.not_covered,
        "erased": done,
        "removed_versions": removed,
        "dry_run": dry_run,
    }
