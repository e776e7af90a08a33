"""``chatp labels``: what people say of messages and texts, a question or not.

What belongs here: the commands, their options and how their results look. What does not: reading label files and
weighing labels (``ml.labels``), keeping them (``storage.labels``).
"""

from __future__ import annotations

import getpass
import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.errors import InputError, ModelError

if TYPE_CHECKING:
    from chat_platform.ml.labels.files import LabelFile
    from chat_platform.ml.labels.resolve import ConflictReport
    from chat_platform.storage.labels import LabelLog
    from chat_platform.storage.workspace import Workspace

SHOWN_REJECTED = 20
SHOWN_CONFLICTS = 20

app = typer.Typer(
    no_args_is_help=True,
    help=tr(
        "What is a question: imported labels, corrections, conflicts.",
        "질문인지 아닌지: 가져온 라벨, 수정, 충돌.",
    ),
)

Json = Annotated[bool, typer.Option("--json", help=tr("Print JSON.", "JSON으로 출력합니다."))]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help=tr("Show what would happen; write nothing.", "쓰지 않고 결과만 보여 줍니다.")
    ),
]
By = Annotated[
    str | None, typer.Option("--by", help=tr("Who says so; default: you.", "말한 사람. 기본: 본인."))
]


@app.command(
    "import",
    help=tr(
        "Labelled texts from a file.\n\nExamples:\n\n  chatp labels import fci_train_val.txt --format 3i4k --name 3i4k\n\n"
        '  chatp labels import own.csv --format csv --text text --label class --yes "2,question" --no 0,1 --weight 0.8\n\n'
        "  chatp labels import own.jsonl --format jsonl --text text --label is_question --yes true --no false --dry-run",
        "라벨이 붙은 글을 파일에서 가져옵니다.\n\n예:\n\n  chatp labels import fci_train_val.txt --format 3i4k --name 3i4k\n\n"
        '  chatp labels import own.csv --format csv --text 글 --label 분류 --yes "2,질문" --no 0,1 --weight 0.8\n\n'
        "  chatp labels import own.jsonl --format jsonl --text text --label is_question --yes true --no false --dry-run",
    ),
)
def import_(
    file: Annotated[Path, typer.Argument(help=tr("The file.", "파일."))],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help=tr(
                "3i4k, paraKQC, mrda, csv, tsv or jsonl.", "3i4k, paraKQC, mrda, csv, tsv, jsonl 중 하나."
            ),
        ),
    ],
    text: Annotated[
        str | None, typer.Option("--text", help=tr("Column of the text.", "글이 있는 열."))
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help=tr("Column of the class.", "분류가 있는 열."))
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help=tr("Column of what belongs together.", "함께 묶이는 것을 나타내는 열.")),
    ] = None,
    yes: Annotated[str, typer.Option("--yes", help=tr("Classes that are questions.", "질문인 분류."))] = "",
    no: Annotated[str, typer.Option("--no", help=tr("Classes that are not.", "질문이 아닌 분류."))] = "",
    ignore: Annotated[
        str, typer.Option("--ignore", help=tr("Classes to leave out.", "사용하지 않을 분류."))
    ] = "",
    header: Annotated[
        bool,
        typer.Option(
            help=tr(
                "The first line names the columns; without it, columns are numbers from 1.",
                "첫 줄이 열 이름입니다. 없으면 열은 1부터 센 번호입니다.",
            )
        ),
    ] = True,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help=tr("Name of the source; default: the file's.", "출처 이름. 기본: 파일 이름.")
        ),
    ] = None,
    weight: Annotated[
        float,
        typer.Option(
            "--weight", help=tr("What a label counts: above 0, at most 1.", "라벨의 가중치: 0 초과 1 이하.")
        ),
    ] = 1.0,
    licence: Annotated[
        str | None, typer.Option("--license", help=tr("Note on its licence.", "라이선스 메모."))
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help=tr(
                "In place of what this source or file gave before.",
                "이 출처나 파일의 이전 라벨을 대신합니다.",
            ),
        ),
    ] = False,
    by: By = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Import a file of labels."""
    from chat_platform.storage.labels import LabelSource

    mapping = _mapping(yes, no, ignore)
    data = _read(file)
    found = _read_file(data, format_, mapping, (text, label, group), header=header)
    facts = _file_facts(file, found)
    if not dry_run:
        source = LabelSource(name or file.stem, hashlib.sha256(data).hexdigest(), weight, licence)
        facts |= asdict(_log().add_import(source, found.rows, by=who(by), replace=replace))
    if as_json:
        print_json({**facts, "dry_run": dry_run, "not_used": [asdict(line) for line in found.rejected]})
        return
    _show_file(facts, found)
    if dry_run:
        say(tr("dry run: nothing was written", "모의 실행: 저장하지 않았습니다"))
    elif not facts["new"]:
        say(
            tr(
                "This file was imported before: nothing changes.",
                "이미 가져온 파일입니다. 바뀌는 것이 없습니다.",
            )
        )


@app.command(
    help=tr(
        "Say whether a message is a question.\n\nExamples:\n\n  chatp labels add 3f1c0a52b7d94e10 --question\n\n"
        '  chatp labels add 3f1c0a52b7d94e10 --not-question --by kim --comment "asks for an action"',
        "메시지가 질문인지 아닌지 적습니다.\n\n예:\n\n  chatp labels add 3f1c0a52b7d94e10 --question\n\n"
        '  chatp labels add 3f1c0a52b7d94e10 --not-question --by 김가나 --comment "행동을 부탁하는 말"',
    )
)
def add(
    message_id: Annotated[str, typer.Argument(help=tr("Id of the message.", "메시지 id."))],
    question: Annotated[
        bool, typer.Option("--question/--not-question", help=tr("What it is.", "질문인지 아닌지."))
    ],
    by: By = None,
    comment: Annotated[str | None, typer.Option("--comment", help=tr("Why.", "이유."))] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Add a correction."""
    from chat_platform.storage.review import published_messages

    workspace = _workspace()
    if message_id not in published_messages(workspace.publication, [message_id]):
        raise ModelError("CP-ML-016", message_id[:80])
    number = None
    if not dry_run:
        number = _log(workspace).correct(message_id, question, by=who(by), comment=comment)
    if as_json:
        print_json({"correction_id": number, "message_id": message_id, "is_question": question})
        return
    kind = tr("a question", "질문") if question else tr("not a question", "질문 아님")
    say(f"{message_id}: {kind}" + (tr(" (dry run)", " (모의 실행)") if number is None else f" · #{number}"))


@app.command(
    help=tr(
        "Take a correction back.\n\nExample:\n\n  chatp labels undo 12",
        "수정을 되돌립니다.\n\n예:\n\n  chatp labels undo 12",
    )
)
def undo(
    correction: Annotated[int, typer.Argument(help=tr("Its number.", "수정 번호."))],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Undo a correction."""
    _log().undo(correction, by=who(by))
    if as_json:
        print_json({"correction_id": correction, "undone": True})
    else:
        say(f"{tr('taken back', '되돌림')}: #{correction}")


@app.command(
    help=tr(
        "Delete the labels of an imported source.\n\nExample:\n\n  chatp labels remove 3i4k --dry-run",
        "가져온 출처의 라벨을 지웁니다.\n\n예:\n\n  chatp labels remove 3i4k --dry-run",
    )
)
def remove(
    source: Annotated[str, typer.Argument(help=tr("Name of the source.", "출처 이름."))],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove imported labels."""
    log = _log()
    if dry_run:
        found = [row["labels"] for row in log.imports() if row["source"] == source]
        if not found:
            raise ModelError("CP-ML-017", source)
        gone = sum(found)
    else:
        gone = log.remove_import(source)
    if as_json:
        print_json({"source": source, "labels": gone, "dry_run": dry_run})
    elif dry_run:
        say(f"{gone} {tr('labels would go', '개 라벨이 지워집니다')}")
    else:
        say(f"{gone} {tr('labels are gone', '개 라벨을 지웠습니다')}")


@app.command(
    "list",
    help=tr(
        "Imported files and corrections.\n\nExamples:\n\n  chatp labels list\n\n  chatp labels list --all --json",
        "가져온 파일과 수정 목록.\n\n예:\n\n  chatp labels list\n\n  chatp labels list --all --json",
    ),
)
def list_(
    everything: Annotated[
        bool, typer.Option("--all", help=tr("Also what was taken back.", "되돌린 것도 보여 줍니다."))
    ] = False,
    as_json: Json = False,
) -> None:
    """List imports and corrections."""
    log = _log()
    imports = log.imports()
    corrections = [row for row in log.corrections() if everything or row["undone_at"] is None]
    if as_json:
        print_json({"imports": imports, "corrections": corrections})
        return
    shown = ("source", "labels", "questions", "weight", "licence", "imported_by", "imported_at")
    print_table(imports, title=tr("Imported", "가져온 라벨"), columns=shown)
    columns = ["correction_id", "message_id", "is_question", "corrected_by", "corrected_at", "comment"]
    columns += ["undone_at", "undone_by"] if everything else []
    print_table(corrections, title=tr("Corrections", "수정"), columns=columns)


@app.command(
    help=tr(
        "How many labels there are, by origin, and where they differ.\n\nExamples:\n\n  chatp labels summary\n\n"
        "  chatp labels summary --json",
        "출처별 라벨 수와 서로 다른 라벨.\n\n예:\n\n  chatp labels summary\n\n  chatp labels summary --json",
    )
)
def summary(as_json: Json = False) -> None:
    """Count labels and show conflicts."""
    rows, report, gone = _all_labels(_workspace())
    counts = Counter((row["origin"], row["is_question"], row["used"]) for row in rows)
    table = [
        {"origin": origin, "is_question": is_question, "used": used, "labels": number}
        for (origin, is_question, used), number in sorted(counts.items())
    ]
    conflicts = [asdict(conflict) for conflict in report.conflicts]
    if as_json:
        print_json(
            {
                "labels": table,
                "conflicts_by_kind": report.counts(),
                "conflicts": conflicts,
                "corrections_without_message": gone,
            }
        )
        return
    print_table(table, title=tr("Labels", "라벨"), columns=("origin", "is_question", "used", "labels"))
    _show_conflicts(report)
    if gone:
        say(
            f"{gone} {tr('corrections of messages that are not published', '개의 수정은 게시되지 않은 메시지에 대한 것입니다')}"
        )
    if not any(row["origin"] in ("weak", "seed") for row in rows):
        say(
            tr(
                "The seed and weak labels appear when ml/labels has been materialised.",
                "기본 라벨과 약한 라벨은 ml/labels를 실행하면 나타납니다.",
            )
        )


@app.command(
    help=tr(
        "All labels with their origin, to a file that only you can read.\n\nExamples:\n\n  chatp labels export labels.jsonl\n\n"
        "  chatp labels export labels.csv --used",
        "모든 라벨을 출처와 함께 본인만 읽을 수 있는 파일로 저장합니다.\n\n예:\n\n  chatp labels export labels.jsonl\n\n"
        "  chatp labels export labels.csv --used",
    )
)
def export(
    file: Annotated[Path, typer.Argument(help=tr("Where to; overwritten.", "저장할 곳. 덮어씁니다."))],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", help=tr("jsonl or csv; default: by the name.", "jsonl 또는 csv. 기본: 이름에 따라.")
        ),
    ] = None,
    used_only: Annotated[
        bool, typer.Option("--used", help=tr("Only labels that count.", "사용되는 라벨만."))
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Export labels."""
    from chat_platform.ml.labels import export as written
    from chat_platform.tables.models import LABELS

    kind = format_ or file.suffix.removeprefix(".")
    if kind not in written.FORMATS:
        raise typer.BadParameter(tr("--format is jsonl or csv", "--format은 jsonl 또는 csv입니다"))
    rows = [row for row in _all_labels(_workspace())[0] if row["used"] or not used_only]
    if not dry_run:
        columns = LABELS.column_names
        ordered = [{name: row[name] for name in columns} for row in rows]
        # A mark at the start of a CSV makes spreadsheets read Korean.
        content = (
            written.as_jsonl(ordered) if kind == "jsonl" else "\ufeff" + written.as_csv(ordered, columns)
        )
        _write(file, content)
    if as_json:
        print_json({"file": str(file), "format": kind, "labels": len(rows), "dry_run": dry_run})
    else:
        say(
            f"{file}: {len(rows)} {tr('labels', '개 라벨')}"
            + (tr(" (dry run)", " (모의 실행)") if dry_run else "")
        )


@app.command(
    help=tr(
        "The messages of which the model is least sure; on a terminal it asks.\n\nExamples:\n\n  chatp labels review\n\n"
        "  chatp labels review -n 50 --by kim\n\n  chatp labels review --json",
        "모델이 가장 확신하지 못하는 메시지. 터미널에서는 질문인지 묻습니다.\n\n예:\n\n  chatp labels review\n\n"
        "  chatp labels review -n 50 --by 김가나\n\n  chatp labels review --json",
    )
)
def review(
    number: Annotated[int, typer.Option("-n", "--number", min=1, help=tr("How many.", "개수."))] = 20,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Review uncertain predictions."""
    from chat_platform.storage.review import most_uncertain

    workspace = _workspace()
    log = _log(workspace)
    rows = most_uncertain(workspace.publication, number, {row["message_id"] for row in log.standing()})
    if as_json:
        print_json(rows)
    elif not rows:
        say(tr("Nothing is left to review.", "검토할 것이 없습니다."))
    elif _on_terminal():
        _ask(log, rows, who(by))
    else:
        print_table(rows)


def _ask(log: LabelLog, rows: list[dict[str, Any]], by: str) -> None:
    """Ask about each message; every answer is kept at once."""
    answers = {"y": True, "n": False}
    given = 0
    question = tr("A question? y(es) n(o) s(kip) q(uit)", "질문입니까? y(예) n(아니오) s(건너뛰기) q(그만)")
    for place, row in enumerate(rows, start=1):
        shown = {**row, "#": f"{place}/{len(rows)}", "probability": f"{row['probability']:.2f}"}
        print_table([shown], columns=("#", "probability", "before", "text"))
        answer = ""
        while answer not in {*answers, "s", "q"}:
            answer = typer.prompt(question, default="s").strip().lower()[:1]
        if answer == "q":
            break
        if answer in answers:
            log.correct(row["message_id"], answers[answer], by=by)
            given += 1
    say(f"{given} {tr('corrections', '건 수정')}")


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _workspace() -> Workspace:
    from chat_platform.storage.workspace import Workspace

    return Workspace(settings())


def _log(workspace: Workspace | None = None) -> LabelLog:
    from chat_platform.storage.labels import LabelLog

    return LabelLog((workspace or _workspace()).database)


def who(by: str | None) -> str:
    """Who says so: as given, else the name that the machine knows."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("CP-FILE-000", f"{path}: {error.strerror}") from error


def _write(path: Path, content: str) -> None:
    from chat_platform.storage.files import replace_text_atomic

    try:
        replace_text_atomic(path, content, mode=0o600)
    except OSError as error:
        raise InputError("CP-FILE-000", f"{path}: {error.strerror}") from error


def _mapping(yes: str, no: str, ignore: str) -> dict[str, bool | None]:
    """Class → is it a question, from the three options."""
    mapping: dict[str, bool | None] = {}
    for words, meaning in ((yes, True), (no, False), (ignore, None)):
        for word in filter(None, (part.strip() for part in words.split(","))):
            if word in mapping:
                raise typer.BadParameter(
                    tr(
                        f"{word} is in two of --yes, --no, --ignore",
                        f"{word}: --yes, --no, --ignore 중 둘에 있습니다",
                    )
                )
            mapping[word] = meaning
    return mapping


def _read_file(
    data: bytes,
    format_: str,
    mapping: Mapping[str, bool | None],
    columns: tuple[str | None, str | None, str | None],
    *,
    header: bool,
) -> LabelFile:
    from chat_platform.ml.labels.files import FORMATS, PRESETS, read_labels, read_preset

    text, label, group = columns
    if format_ in PRESETS:
        if any(columns):
            raise typer.BadParameter(
                tr(f"{format_} has its columns by itself", f"{format_}의 열은 정해져 있습니다")
            )
        return read_preset(data, format_, mapping)
    if format_ not in FORMATS:
        raise typer.BadParameter(f"--format: {', '.join((*PRESETS, *FORMATS))}")
    if text is None or label is None or not mapping:
        raise typer.BadParameter(
            tr("say --text, --label, and --yes or --no", "--text, --label과 --yes 또는 --no가 필요합니다")
        )
    by_number = format_ != "jsonl" and not header
    return read_labels(
        data,
        format=format_,
        mapping=mapping,
        text_column=_column(text, by_number=by_number),
        label_column=_column(label, by_number=by_number),
        group_column=None if group is None else _column(group, by_number=by_number),
        header=header,
    )


def _column(word: str, *, by_number: bool) -> str | int:
    """A column as ``read_labels`` takes it; people count from 1."""
    return int(word) - 1 if by_number and word.isdecimal() else word


def _file_facts(file: Path, found: LabelFile) -> dict[str, Any]:
    questions = sum(row["is_question"] for row in found.rows)
    return {
        "file": str(file),
        "encoding": found.encoding,
        "lines": found.lines,
        "lines_by_kind": found.lines_by_kind,
        "labels": len(found.rows),
        "questions": questions,
        "not_questions": len(found.rows) - questions,
        "ignored_by_class": found.ignored,
        "rejected_by_reason": dict(Counter(line.reason for line in found.rejected)),
    }


def _show_file(facts: Mapping[str, Any], found: LabelFile) -> None:
    flat: list[dict[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            flat += [{"": f"{name.replace('_', ' ')}: {key}", "#": number} for key, number in value.items()]
        elif name not in ("import_id", "new", "replaced"):
            flat.append({"": name.replace("_", " "), "#": value})
    print_table(flat)
    if found.rejected:
        rejected = [asdict(line) for line in found.rejected[:SHOWN_REJECTED]]
        title = tr("Could not be used", "사용하지 못한 것")
        print_table(rejected, title=f"{title} ({len(rejected)}/{len(found.rejected)})")


def _show_conflicts(report: ConflictReport) -> None:
    if not report.conflicts:
        return
    print_table(
        [{"conflict": kind, "#": number} for kind, number in sorted(report.counts().items())],
        title=tr("Conflicts", "충돌"),
    )
    shown = [
        {
            "conflict": conflict.kind,
            "text": conflict.text[:80],
            "verdict": conflict.verdict,
            "said": ", ".join(f"{origin} {source}: {label}" for origin, source, label in conflict.labels[:4]),
        }
        for conflict in sorted(report.conflicts, key=lambda item: item.kind != "open")[:SHOWN_CONFLICTS]
    ]
    print_table(shown, title=f"{len(shown)}/{len(report.conflicts)}")


def _all_labels(workspace: Workspace) -> tuple[list[dict[str, Any]], ConflictReport, int]:
    """Every label that is known now, the report, and how many corrections have no published message."""
    from chat_platform.ml.labels.resolve import resolve
    from chat_platform.ml.labels.rows import correction_rows, import_rows
    from chat_platform.storage.review import published_messages
    from chat_platform.tables.models import LABELS

    log = _log(workspace)
    standing = log.standing()
    messages = published_messages(workspace.publication, {row["message_id"] for row in standing})
    corrections = correction_rows(standing, messages)
    made = [row for row in workspace.lake.read(LABELS).to_pylist() if row["origin"] in ("seed", "weak")]
    rows, report = resolve([*corrections, *import_rows(log.imported_labels()), *made])
    return rows, report, len(standing) - len(corrections)
