"""``chatp models``: versions of the models, how good they are, which one serves.

What belongs here: options of the commands and how results look. What does not: what the portal does alike
(``ingestion.model_versions``), the rules of promotion (``ml.registry.promotion``). What is slow to import is imported inside.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.errors import ModelError

if TYPE_CHECKING:
    from chat_platform.ingestion.model_versions import ModelVersions
    from chat_platform.ml.evaluation.report import Figure
    from chat_platform.ml.registry.store import StoredModel

QUESTION = "question"
app = typer.Typer(
    no_args_is_help=True,
    help=tr(
        "Versions of the models: look, compare, promote, roll back.",
        "모델 버전을 보고 비교하고 승격하고 되돌립니다.",
    ),
)

Json = Annotated[bool, typer.Option("--json", help=tr("Print JSON.", "JSON으로 출력합니다."))]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help=tr("Show what would happen; write nothing.", "쓰지 않고 결과만 보여 줍니다.")
    ),
]
By = Annotated[str, typer.Option("--by", help=tr("Who decides.", "결정한 사람."))]
Model = Annotated[
    str, typer.Option("--model", help=tr("`question` or `author`.", "`question` 또는 `author`."))
]
Version = Annotated[
    str,
    typer.Argument(help=tr("Version, or the beginning of its name.", "버전, 또는 그 이름의 앞부분.")),
]


@app.command(
    "list",
    help=tr(
        "Every version with its state and figures.\n\nExamples:\n\n  chatp models list\n\n  chatp models list --model author --json",
        "모든 버전의 상태와 수치를 보여 줍니다.\n\n예:\n\n  chatp models list\n\n  chatp models list --model author --json",
    ),
)
def list_models(
    model: Annotated[str | None, typer.Option("--model", help=tr("Only this model.", "이 모델만."))] = None,
    as_json: Json = False,
) -> None:
    """List versions, the latest first."""
    versions = _versions()
    rows = [row for name in ([model] if model else versions.store.names()) for row in versions.rows(name)]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows)
    else:
        say(tr("no version was trained yet", "아직 학습된 버전이 없습니다"))


@app.command(
    "show",
    help=tr(
        "The card of a version: data, figures by slice, limits.\n\nExamples:\n\n  chatp models show linear-0c1f\n\n"
        "  chatp models show --model author characters-77ab --json",
        "버전의 모델 카드: 데이터, 구간별 수치, 한계.\n\n예:\n\n  chatp models show linear-0c1f\n\n"
        "  chatp models show --model author characters-77ab --json",
    ),
)
def show(version: Version, model: Model = QUESTION, as_json: Json = False) -> None:
    """Show a version."""
    versions = _versions()
    stored = versions.find(model, version)
    if as_json:
        rows = [row for row in versions.rows(model) if row["version"] == stored.version]
        history = [row for row in versions.log.history(model) if row["model_version"] == stored.version]
        found = versions.evaluation(stored)
        figures = [] if found is None else found.table_rows(model, stored.version)
        print_json({**rows[0], "folder": stored.path, "history": history, "evaluations": figures})
        return
    card = versions.card(stored)
    if card is not None:
        _print_card(card)
    else:
        print_table([row for row in versions.rows(model) if row["version"] == stored.version])
    say(str(stored.path))


@app.command(
    "compare",
    help=tr(
        "Two versions side by side; on rows that both scored, with the interval of the difference.\n\n"
        "Example:\n\n  chatp models compare linear-0c1f transformer-9e02",
        "두 버전을 나란히 보여 줍니다. 둘 다 채점한 자료에서는 차이의 신뢰구간도 보여 줍니다.\n\n"
        "예:\n\n  chatp models compare linear-0c1f transformer-9e02",
    ),
)
def compare(first: Version, second: Version, model: Model = QUESTION, as_json: Json = False) -> None:
    """Compare two versions."""
    versions = _versions()
    one, two = versions.find(model, first), versions.find(model, second)
    figures = _side_by_side(versions, one, two)
    common, differences = _differences(versions, model, one, two)
    if as_json:
        print_json(
            {
                "a": one.version,
                "b": two.version,
                "figures": figures,
                "rows": common,
                "differences": differences,
            }
        )
        return
    print_table(figures, title=f"a = {one.version}, b = {two.version}")
    if differences:
        title = tr(f"a - b on {common} rows that both scored", f"둘 다 채점한 {common}개에서 a - b")
        print_table([_readable(row) for row in differences], title=title)
    else:
        say(
            tr(
                "they scored no rows together: differences of the figures above may come from the rows",
                "함께 채점한 자료가 없습니다. 위 수치의 차이는 자료의 차이일 수 있습니다",
            )
        )


@app.command(
    "promote",
    help=tr(
        "Make a version the champion, if it passes the checks.\n\nExamples:\n\n"
        "  chatp models promote linear-0c1f --dry-run\n\n"
        '  chatp models promote linear-0c1f --force --why "new class, old test set" --by 김강사',
        "검사를 통과하면 버전을 챔피언으로 승격합니다.\n\n예:\n\n"
        "  chatp models promote linear-0c1f --dry-run\n\n"
        '  chatp models promote linear-0c1f --force --why "새 학급, 이전 시험 자료" --by 김강사',
    ),
)
def promote(
    version: Version,
    model: Model = QUESTION,
    by: By = "operator",
    force: Annotated[
        bool, typer.Option("--force", help=tr("Override the checks.", "검사를 무시합니다."))
    ] = False,
    why: Annotated[str, typer.Option("--why", help=tr("Reason, in words.", "이유."))] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Promote a version."""
    outcome = _versions().promote(model, version, by=by, why=why, force=force, dry_run=dry_run)
    facts = {
        "model": model,
        "version": outcome.version,
        "promoted": outcome.promoted,
        "forced": outcome.forced,
        "written": not dry_run,
        "champion_before": outcome.before,
        "checks": [
            {"check": check.name, "passed": check.passed, "why": tr(check.why, check.why_ko)}
            for check in outcome.checks
        ],
    }
    if as_json:
        print_json(facts)
    else:
        _show_decision(facts, dry_run=dry_run)
    if not outcome.promoted:
        raise ModelError("CP-ML-026", f"{model} {outcome.version}")


@app.command(
    "rollback",
    help=tr(
        "Back to the champion before; again, one further.\n\nExamples:\n\n  chatp models rollback --dry-run\n\n"
        "  chatp models rollback --model author --by 김강사",
        "이전 챔피언으로 되돌립니다. 다시 실행하면 하나 더 앞으로 갑니다.\n\n예:\n\n  chatp models rollback --dry-run\n\n"
        "  chatp models rollback --model author --by 김강사",
    ),
)
def rollback(
    model: Model = QUESTION, by: By = "operator", dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Roll back."""
    versions = _versions()
    before = versions.log.champion(model)
    after = versions.before_champion(model) if dry_run else versions.log.rollback(model, by=by)
    if as_json:
        print_json({"model": model, "before": before, "after": after, "written": not dry_run})
    else:
        say(
            f"{before} → {after}"
            + ("" if not dry_run else tr(" (nothing was written)", " (쓰지 않았습니다)"))
        )


def _versions() -> ModelVersions:
    from chat_platform.ingestion.model_versions import ModelVersions
    from chat_platform.storage.app_database import open_database, upgrade

    values = settings()
    upgrade(values.app_database)
    return ModelVersions.of(values, open_database(values.app_database))


def _side_by_side(versions: ModelVersions, one: StoredModel, two: StoredModel) -> list[dict[str, Any]]:
    tables = []
    for stored in (one, two):
        evaluation = versions.evaluation(stored)
        figures = evaluation.figures if evaluation else ()
        tables.append({(f.dataset, f.variant, f.slice, f.metric): f for f in figures})
    rows = []
    for key in dict.fromkeys([*tables[0], *tables[1]]):
        dataset, variant, part, metric = key
        rows.append(
            {
                "dataset": dataset,
                "variant": variant,
                "slice": part,
                "metric": metric,
                "a": _figure(tables[0].get(key)),
                "b": _figure(tables[1].get(key)),
            }
        )
    return rows


def _differences(
    versions: ModelVersions, model: str, one: StoredModel, two: StoredModel
) -> tuple[int, list[dict[str, Any]]]:
    """Number of rows that both scored, and the differences on them with their intervals."""
    from chat_platform.ml.registry.promotion import differences

    first, second = versions.scored(one), versions.scored(two)
    if first is None or second is None:
        return 0, []
    number, found = differences(first, second, versions.rules(model))
    return number, [
        {"metric": metric, "difference": gap.value, "low": gap.low, "high": gap.high}
        for metric, gap in found.items()
    ]


def _figure(figure: Figure | None) -> str:
    if figure is None or math.isnan(figure.value):
        return "–"
    text = f"{figure.value:.3f}"
    return text if math.isnan(figure.low) else f"{text} ({figure.low:.3f}–{figure.high:.3f})"


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {key: f"{value:+.3f}" if isinstance(value, float) else value for key, value in row.items()}


def _print_card(card: str) -> None:
    if not console.out.is_terminal:
        say(card)
        return
    from rich.markdown import Markdown

    console.out.print(Markdown(card))


def _show_decision(facts: dict[str, Any], *, dry_run: bool) -> None:
    marks = {True: "✓", False: "✗"}
    print_table([{**check, "passed": marks[check["passed"]]} for check in facts["checks"]])
    if not facts["promoted"]:
        return
    text = f"{facts['champion_before'] or '–'} → {facts['version']}"
    if facts["forced"]:
        text += tr(" (forced)", " (강제)")
    if dry_run:
        text += tr(" (nothing was written)", " (쓰지 않았습니다)")
    say(text)
