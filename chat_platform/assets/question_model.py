"""The question model: labels → candidate → blocking checks → champion, and drift.

What belongs here: the steps of a training as assets. What does not: checks and champion (``promotion``), training
(``ingestion.question_training``), predictions (``conversations``), when a training is launched (``sensors.models``).

Everything that imports scikit-learn is imported inside the steps: the code location must load quickly.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from chat_platform.assets.conversations import source_key
from chat_platform.assets.metadata import preview
from chat_platform.assets.promotion import GROUP, build_promotion, documents, figures, picture
from chat_platform.automation import OWNER
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.models import LABELS, QUESTION_PREDICTIONS

LABELS_KEY = dg.AssetKey(["models", "question", "labels"])
CANDIDATE = dg.AssetKey(["models", "question", "candidate"])
DRIFT = dg.AssetKey(["models", "question", "drift"])


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
    yield dg.MaterializeResult(
        asset_key=CANDIDATE,
        metadata={
            "version": picked.model.version,
            **{f"f1/{kind}": value for kind, value in picked.f1.items() if value is not None},
            **figures(picked.model),
            "training_rows": picked.model.manifest.training.rows,
            "test_rows": len(picked.training_set.test),
            **{f"skipped/{kind}": why for kind, why in picked.skipped.items()},
            **documents(picked.model),
        },
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
    from chat_platform.ml.drift import picture as drift_pictures

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
                f"{name.removesuffix('.svg')}_picture": picture(name, data)
                for name, data in drift_pictures(measures, reference).items()
            },
        }
    )


def _training() -> Any:
    from chat_platform.ingestion import question_training

    return question_training


PROMOTION = build_promotion("question", CANDIDATE, _training)
ASSETS: list[dg.AssetsDefinition] = [question_candidate, PROMOTION.champion, question_drift]
CHECKS: list[dg.AssetChecksDefinition] = [PROMOTION.checks]
