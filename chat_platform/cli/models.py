"""``chatp models``: versions of the models, how good they are, which one serves.

What belongs here: options of the commands and how results look. What does not: the rules of promotion
(``ml.registry.promotion``), the log (``storage.promotions``). What is slow to import is imported inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import console
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.errors import ModelError

if TYPE_CHECKING:
    from chat_platform.ml.evaluation.report import Figure, ScoredRows
    from chat_platform.ml.registry.promotion import Decision
    from chat_platform.ml.registry.store import ModelStore, StoredModel
    from chat_platform.settings import PromotionRules, Settings
    from chat_platform.storage.promotions import PromotionLog

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
    place = _place()
    rows = [row for name in ([model] if model else place.store.names()) for row in _versions(place, name)]
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
    from chat_platform.ml.registry.store import CARD

    place = _place()
    stored = _find(place.store, model, version)
    if as_json:
        rows = [row for row in _versions(place, model) if row["version"] == stored.version]
        history = [row for row in place.log.history(model) if row["model_version"] == stored.version]
        figures = [] if (found := _evaluation(stored)) is None else found.table_rows(model, stored.version)
        print_json({**rows[0], "folder": stored.path, "history": history, "evaluations": figures})
        return
    if stored.has(CARD):
        _print_card(stored.read(CARD).decode("utf-8"))
    else:
        print_table([row for row in _versions(place, model) if row["version"] == stored.version])
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
    store = _place().store
    one, two = _find(store, model, first), _find(store, model, second)
    figures = _side_by_side(one, two)
    common, differences = _differences(one, two, _rules(model))
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
    from chat_platform.ml.registry.promotion import decide

    if force and not why.strip():
        raise ModelError("CP-ML-029")
    place = _place()
    stored = _find(place.store, model, version)
    before = place.log.champion(model)
    decision = _judge(place, model, stored, before)
    promoted = decision.promoted or force
    if not dry_run and decision.promoted:
        reason = f"{why.strip()}; " if why.strip() else ""
        place.log.promote(model, stored.version, by=by, reason=reason + "; ".join(decision.reasons))
    elif not dry_run and force:
        overridden = "; ".join(decision.reasons)
        place.log.promote(
            model, stored.version, by=by, reason=f"forced: {why.strip()} (overrides {overridden})"
        )
    elif not dry_run:
        decide(place.log, model, stored.version, decision, by=by)
    facts = {
        "model": model,
        "version": stored.version,
        "promoted": promoted,
        "forced": force and not decision.promoted,
        "written": not dry_run,
        "champion_before": before,
        "checks": [
            {"check": check.name, "passed": check.passed, "why": tr(check.why, check.why_ko)}
            for check in decision.checks
        ],
    }
    if as_json:
        print_json(facts)
    else:
        _show_decision(facts, dry_run=dry_run)
    if not promoted:
        raise ModelError("CP-ML-026", f"{model} {stored.version}")


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
    from chat_platform.ml.registry.serving import champions

    place = _place()
    before = place.log.champion(model)
    if dry_run:
        standing = champions(place.log, model)
        if len(standing) < 2:
            raise ModelError("CP-ML-011", model)
        after = standing[1]
    else:
        after = place.log.rollback(model, by=by)
    if as_json:
        print_json({"model": model, "before": before, "after": after, "written": not dry_run})
    else:
        say(
            f"{before} → {after}"
            + ("" if not dry_run else tr(" (nothing was written)", " (쓰지 않았습니다)"))
        )


@dataclass(frozen=True)
class _Place:
    settings: Settings
    store: ModelStore
    log: PromotionLog


def _place() -> _Place:
    from chat_platform.ml.registry.store import ModelStore
    from chat_platform.storage.app_database import open_database, upgrade
    from chat_platform.storage.promotions import PromotionLog

    values = settings()
    if "://" in values.lake:
        raise ModelError("CP-ML-027")
    upgrade(values.app_database)
    return _Place(
        values, ModelStore(Path(values.lake) / "models"), PromotionLog(open_database(values.app_database))
    )


def _versions(place: _Place, name: str) -> list[dict[str, Any]]:
    """Versions of a model, the latest first; a damaged one says so."""
    states = _states(place.log, name)
    rows = []
    for version in place.store.versions(name):
        row: dict[str, Any] = {"model": name, "version": version, "state": states.get(version, "candidate")}
        try:
            manifest = place.store.manifest(name, version)
        except ModelError as error:
            rows.append({**row, "created": "", "rows": None, "threshold": None, "figures": str(error)})
            continue
        shown = {key: value for key, value in manifest.figures.items() if value is not None}
        rows.append(
            {
                **row,
                "created": manifest.created_at.isoformat(timespec="seconds"),
                "rows": manifest.training.rows,
                "threshold": manifest.threshold,
                "figures": " ".join(f"{key}={value:.3f}" for key, value in shown.items()),
            }
        )
    return sorted(rows, key=lambda row: row["created"], reverse=True)


def _states(log: PromotionLog, name: str) -> dict[str, str]:
    """Version → ``champion``, ``refused`` or ``retired``, from the log."""
    states = {}
    for row in log.history(name):
        states[row["model_version"]] = "refused" if row["action"] == "refuse" else "retired"
    champion = log.champion(name)
    return {**states, champion: "champion"} if champion else states


def _find(store: ModelStore, model: str, version: str) -> StoredModel:
    """The version of this name, or the only one whose name begins so."""
    fitting = [name for name in store.versions(model) if name.startswith(version)]
    exact = version if version in fitting else fitting[0] if len(fitting) == 1 else None
    if exact is None:
        raise ModelError("CP-ML-020", f"{model} {version}: {', '.join(fitting) or '–'}")
    return store.load(model, exact)


def _rules(model: str) -> PromotionRules:
    promotion = settings().promotion
    return promotion.author if model == "author" else promotion.question


def _evaluation(stored: StoredModel) -> Any:
    from chat_platform.ml.evaluation.report import Evaluation
    from chat_platform.ml.registry.store import EVALUATION

    return Evaluation.from_json(stored.read(EVALUATION)) if stored.has(EVALUATION) else None


def _scored(stored: StoredModel) -> ScoredRows | None:
    from chat_platform.ml.evaluation.report import ScoredRows
    from chat_platform.ml.registry.store import PREDICTIONS

    return ScoredRows.from_json(stored.read(PREDICTIONS)) if stored.has(PREDICTIONS) else None


def _judge(place: _Place, model: str, stored: StoredModel, champion: str | None) -> Decision:
    from chat_platform.ml.registry.promotion import judge

    rows = _scored(stored)
    if rows is None:
        raise ModelError("CP-ML-028", f"{stored.version}: no predictions.json")
    if champion is None or champion == stored.version:
        return judge(rows, None, _rules(model))
    rival = _champion_rows(place.store, model, stored, champion)
    # Without the champion's scores there is nothing in common, which the checks refuse and say.
    return judge(rows, rival if rival is not None else rows.of([]), _rules(model))


def _champion_rows(store: ModelStore, model: str, stored: StoredModel, champion: str) -> ScoredRows | None:
    """The champion's scores: those kept with the candidate where they are this champion's, else its own."""
    from chat_platform.ml.evaluation.report import ScoredRows
    from chat_platform.ml.registry.store import predictions_file

    file = predictions_file(champion)
    if stored.has(file):
        return ScoredRows.from_json(stored.read(file))
    try:
        return _scored(store.load(model, champion))
    except ModelError:
        return None


def _side_by_side(one: StoredModel, two: StoredModel) -> list[dict[str, Any]]:
    tables = []
    for stored in (one, two):
        evaluation = _evaluation(stored)
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
    one: StoredModel, two: StoredModel, rules: PromotionRules
) -> tuple[int, list[dict[str, Any]]]:
    """Number of rows that both scored, and the differences on them with their intervals."""
    from chat_platform.ml.registry.promotion import differences

    first, second = _scored(one), _scored(two)
    if first is None or second is None:
        return 0, []
    number, found = differences(first, second, rules)
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
