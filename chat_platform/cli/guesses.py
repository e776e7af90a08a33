"""``chatp ask-question``, ``chatp who``, ``chatp retrain``: the models at work.

What belongs here: the commands and how answers look; ``who`` has a module of its own. What does not: models
(``ml``), which version serves (``ingestion``).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chat_platform.cli import who as who_command
from chat_platform.cli.console import print_json, print_table, say, settings, tr
from chat_platform.cli.options import DryRun, Json, dry
from chat_platform.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from chat_platform.ml.questions.answers import Answer

app = typer.Typer()
app.command("who", help=who_command.HELP)(who_command.who)


class Model(StrEnum):
    """Models that can be trained."""

    question = "question"
    author = "author"


@app.command(
    "ask-question",
    help=tr(
        "Is this a question? With its probability, the version that says so, and the words that spoke.\n\n"
        'Examples:\n\n  chatp ask-question "why does this not work"\n\n'
        "  chatp ask-question --file lines.txt --json\n\n"
        "  cat lines.txt | chatp ask-question --file -",
        "이 글이 질문인가요? 확률, 판단한 모델 버전, 근거가 된 단어를 보여 줍니다.\n\n"
        '예:\n\n  chatp ask-question "이거 왜 안 되나요"\n\n  chatp ask-question --file lines.txt --json\n\n'
        "  cat lines.txt | chatp ask-question --file -",
    ),
)
def ask_question(
    texts: Annotated[list[str] | None, typer.Argument(help=tr("Messages.", "메시지."))] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help=tr(
                "Messages from a file, one a line; - is stdin.", "한 줄에 하나씩 적은 파일. -는 표준 입력."
            ),
        ),
    ] = None,
    why: Annotated[
        bool | None,
        typer.Option(
            "--why/--no-why", help=tr("Words that spoke; default: up to 20 messages.", "근거 단어.")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether messages are questions."""
    said = [*(texts or []), *(who_command.lines(file) if file else [])]
    if not said:
        raise ModelError("CP-ML-035", tr("no text", "글 없음"))
    from chat_platform.ingestion.predictions import serving_model
    from chat_platform.ml.questions.answers import answer
    from chat_platform.storage.workspace import Workspace

    served = serving_model(Workspace(settings()))
    explained = len(said) <= 20 if why is None else why
    answers = answer(served.model, said, explain=explained)
    if as_json:
        print_json([_record(one, served.version) for one in answers])
        return
    print_table([_row(one, explained) for one in answers])
    say(
        tr(
            f"model {served.version}, yes from {served.model.threshold:.0%}",
            f"모델 {served.version}, {served.model.threshold:.0%}부터 질문",
        )
    )
    for problem in served.problems:
        say(problem)


@app.command(
    help=tr(
        "Train a model now: collect labels, train, evaluate, check, promote or refuse; then predict with it.\n\n"
        "Examples:\n\n  chatp labels import fci_train_val.txt --format 3i4k\n\n  chatp retrain question\n\n"
        "  chatp retrain author --json",
        "모델을 지금 학습합니다: 라벨 수집, 학습, 평가, 검사, 승격 또는 거절, 그리고 새 모델로 다시 예측합니다.\n\n"
        "예:\n\n  chatp labels import fci_train_val.txt --format 3i4k\n\n  chatp retrain question\n\n"
        "  chatp retrain author --json",
    )
)
def retrain(
    model: Annotated[Model, typer.Argument(help=tr("Which model.", "모델."))],
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Train and settle, as the scheduled jobs do."""
    from chat_platform.cli.progress import run_progress
    from chat_platform.cli.setup_home import prepare
    from chat_platform.storage.promotions import PromotionLog
    from chat_platform.storage.workspace import Workspace

    values = settings()
    workspace = Workspace(values)
    prepare(values, dry_run=dry_run)
    errors: list[str] = []
    if not dry_run:
        with run_progress(values) as on_event:
            from chat_platform.runner import Runner

            report = Runner(values).retrain(on_event, model=model.value)
        errors = [run.error or run.job for run in report.runs if not run.ok]
    log = PromotionLog(workspace.database)
    last = (log.history(model.value) or [{}])[-1]
    facts = {
        "champion": log.champion(model.value),
        "last_decision": {key: last.get(key) for key in ("action", "model_version", "reasons")},
        "errors": errors,
        "dry_run": dry_run,
    }
    if as_json:
        print_json(facts)
    else:
        say(tr("champion: ", "챔피언: ") + str(facts["champion"]) + dry(dry_run))
        for reason in last.get("reasons", []):
            say(f"  {reason}")
    if errors:
        raise ConfigurationError("CP-CONF-005", "; ".join(errors))


def _row(one: Answer, explained: bool) -> dict[str, Any]:
    row = {
        tr("text", "글"): who_command.one_line(one.text),
        tr("question", "질문"): tr("yes", "예") if one.is_question else tr("no", "아니요"),
        tr("probability", "확률"): f"{one.probability:.0%}",
    }
    if explained:
        words = (f"{who_command.one_line(reason.text)} {reason.weight:+.1f}" for reason in one.reasons)
        row[tr("because of", "근거")] = ", ".join(words)
    return row


def _record(one: Answer, version: str) -> dict[str, Any]:
    return {
        "text": one.text,
        "is_question": one.is_question,
        "probability": round(one.probability, 6),
        "threshold": one.threshold,
        "model_version": version,
        "why": [{"text": reason.text, "weight": round(reason.weight, 3)} for reason in one.reasons],
    }
