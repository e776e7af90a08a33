"""The question model: labels → candidate → blocking checks → champion, and drift.

What belongs here: the steps of a training as assets and their checks. What does not: training
(``ingestion.question_training``), predictions (``conversations``), when a training is launched (``sensors.models``).

Everything that imports scikit-learn is imported inside the steps: the code location must load quickly.
"""

import base64
from collections.abc import Iterator
from typing import Any

import dagster as dg

from chat_platform.assets.conversations import source_key
from chat_platform.assets.metadata import preview
from chat_platform.automation import OWNER
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.models import LABELS, QUESTION_PREDICTIONS

GROUP = "models"
LABELS_KEY = dg.AssetKey(["models", "question", "labels"])
CANDIDATE = dg.AssetKey(["models", "question", "candidate"])
CHAMPION = dg.AssetKey(["models", "question", "champion"])
DRIFT = dg.AssetKey(["models", "question", "drift"])
# Names of the checks as the rules of promotion give them (ml.registry.promotion.judge).
CHECK_NAMES = ("enough_rows", "floor", "not_worse", "calibration", "slices")


def _spec(key: dg.AssetKey, description: str, deps: list[dg.AssetKey], kinds: set[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        group_name=GROUP,
        kinds=kinds,
        owners=[OWNER],
        code_version="1",
    )


@dg.multi_asset(
    name="question_candidate",
    specs=[
        _spec(
            LABELS_KEY,
            "Labels of every origin (seed, rules, imported files, corrections by people), resolved: which of them "
            "counts, and where they differ.",
            [source_key(table, source) for source in ("zoom", "slack") for table in (MESSAGES, TOKENS)],
            {"parquet"},
        ),
        _spec(
            CANDIDATE,
            "Every kind of question model trained on the labels and evaluated on held-out recordings and groups; the "
            "best is the candidate. A version is a folder in the lake, named by its content.",
            [LABELS_KEY],
            {"scikitlearn"},
        ),
    ],
    pool="training",
)
def question_candidate(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    """Labels and the candidate trained on them."""
    from chat_platform.errors import ModelError
    from chat_platform.ingestion.labels import collect_labels
    from chat_platform.ingestion.question_training import train_candidates

    home = workspace.open()
    collected = collect_labels(home)
    yield dg.MaterializeResult(
        asset_key=LABELS_KEY,
        metadata={
            "dagster/row_count": len(collected.rows),
            "messages": collected.messages.num_rows,
            **{f"used/{origin}": number for origin, number in sorted(collected.report.used.items())},
            **{f"conflicts/{kind}": number for kind, number in sorted(collected.report.counts().items())},
            "preview": preview(LABELS, LABELS.table(collected.rows[:5])),
        },
    )
    try:
        picked = train_candidates(home, collected, context.log.info)
    except ModelError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    figures = picked.model.manifest.figures
    yield dg.MaterializeResult(
        asset_key=CANDIDATE,
        metadata={
            "version": picked.model.version,
            **{f"f1/{kind}": value for kind, value in picked.f1.items() if value is not None},
            **{name: value for name, value in figures.items() if value is not None},
            "training_rows": picked.model.manifest.training.rows,
            "test_rows": len(picked.training_set.test),
            **{f"skipped/{kind}": why for kind, why in picked.skipped.items()},
            "card": dg.MetadataValue.md(picked.model.read("card.md").decode("utf-8")),
            **pictures(picked.model),
        },
    )


@dg.multi_asset_check(
    name="question_candidate_checks",
    specs=[
        dg.AssetCheckSpec(name, asset=CANDIDATE, blocking=True, description=description)
        for name, description in zip(
            CHECK_NAMES,
            (
                "The test has enough rows of both answers.",
                "The deciding figure reaches its floor.",
                "Not worse than the champion beyond the interval, on the same rows.",
                "Probabilities mean what they say.",
                "No slice collapses against the champion.",
            ),
            strict=True,
        )
    ],
)
def question_candidate_checks(workspace: WorkspaceResource) -> Iterator[dg.AssetCheckResult]:
    """The rules of promotion; a candidate that breaks one is refused, with the reasons in the log of promotions."""
    from chat_platform.ingestion.question_training import judge_candidate, note_refusal

    home = workspace.open()
    candidate, decision = judge_candidate(home)
    if not decision.promoted:
        note_refusal(home, candidate, decision)
    for check in decision.checks:
        yield dg.AssetCheckResult(
            asset_key=CANDIDATE,
            check_name=check.name,
            passed=check.passed,
            description=check.why,
            metadata={"version": candidate.version, "why": check.why, "why_ko": check.why_ko},
        )


@dg.asset(
    key=CHAMPION,
    deps=[CANDIDATE],
    group_name=GROUP,
    kinds={"scikitlearn"},
    owners=[OWNER],
    code_version="1",
)
def question_champion(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource
) -> dg.MaterializeResult:
    """The version that serves: a pointer in the app database, moved at once and rolled back by ``chatp models``."""
    from chat_platform.ingestion.question_training import settle

    candidate, decision, promoted = settle(workspace.open())
    context.log.info(f"{candidate.version} {'is champion' if promoted else 'is refused'}")
    return dg.MaterializeResult(
        metadata={
            "version": candidate.version,
            "reasons": dg.MetadataValue.md("\n".join(f"* {reason}" for reason in decision.reasons)),
            **{name: value for name, value in candidate.manifest.figures.items() if value is not None},
        }
    )


@dg.asset(
    key=DRIFT,
    deps=[source_key(QUESTION_PREDICTIONS, source) for source in ("zoom", "slack")],
    group_name=GROUP,
    kinds={"numpy"},
    owners=[OWNER],
    code_version="1",
)
def question_drift(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """How far the latest recordings are from what the champion was trained on: its scores and their words."""
    from chat_platform.ingestion.predictions import measure_drift
    from chat_platform.ml.drift import picture

    found = measure_drift(workspace.open())
    if found is None:
        return dg.MaterializeResult(metadata={"recordings": 0, "drifted": False})
    measures, reference, drift = found
    context.log.info(drift.why)
    last = measures[-1]
    return dg.MaterializeResult(
        metadata={
            "recordings": len(measures),
            "drifted": drift.drifted,
            "why": drift.why,
            "score": last.score,
            "unknown_tokens": last.vocabulary,
            "last_recording": last.conversation_id,
            **{
                name.removesuffix(".svg"): _svg(name, data)
                for name, data in picture(measures, reference).items()
            },
        }
    )


def pictures(stored: Any) -> dict[str, dg.MarkdownMetadataValue]:
    """Pictures that lie beside a stored model, by name."""
    names = [name for name in stored.manifest.side_files if name.endswith(".svg")]
    return {name.removesuffix(".svg"): _svg(name, stored.read(name)) for name in sorted(names)}


def _svg(name: str, data: bytes) -> dg.MarkdownMetadataValue:
    encoded = base64.b64encode(data).decode("ascii")
    return dg.MetadataValue.md(f"![{name}](data:image/svg+xml;base64,{encoded})")


ASSETS: list[dg.AssetsDefinition] = [question_candidate, question_champion, question_drift]
CHECKS: list[dg.AssetChecksDefinition] = [question_candidate_checks]
