"""The author model: candidate → blocking checks → champion. People who agreed, and nobody else.

What belongs here: the steps of a training as assets. What does not: checks and champion (``promotion``), training
(``ingestion.author_training``), consents, when a training is launched (``sensors.models``).
"""

from typing import Any

import dagster as dg

from chat_platform.assets.conversations import source_key
from chat_platform.assets.promotion import GROUP, build_promotion, documents, figures
from chat_platform.automation import OWNER
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.tables.class_chat import MESSAGES

CANDIDATE = dg.AssetKey(["models", "author", "candidate"])


@dg.asset(
    key=CANDIDATE,
    deps=[
        *(source_key(MESSAGES, source) for source in ("zoom", "slack")),
        dg.AssetKey(["core", "identities"]),
    ],
    group_name=GROUP,
    kinds={"scikitlearn"},
    owners=[OWNER],
    pool="training",
    code_version="2",
)
def author_candidate(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """The author model trained on what people who agreed wrote, evaluated on their later conversations."""
    from chat_platform.errors import ModelError
    from chat_platform.ingestion.author_training import train_candidate

    try:
        found = train_candidate(workspace.open(), context.log.info)
    except ModelError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(
        f"{found.people} people, {found.train_rows} messages to learn from, {found.test_rows} to test on"
    )
    return dg.MaterializeResult(
        metadata={
            "version": found.model.version,
            "people": found.people,
            "training_rows": found.train_rows,
            "test_rows": found.test_rows,
            **{f"version/{kind}": one for kind, one in found.kept.items()},
            **{f"top1/{kind}": value for kind, value in found.top1.items()},
            **{f"skipped/{kind}": why for kind, why in found.skipped.items()},
            **figures(found.model),
            **{f"excluded/{why}": number for why, number in found.excluded.items()},
            **documents(found.model),
        }
    )


def _training() -> Any:
    from chat_platform.ingestion import author_training

    return author_training


PROMOTION = build_promotion("author", CANDIDATE, _training)
ASSETS: list[dg.AssetsDefinition] = [author_candidate, PROMOTION.champion]
CHECKS: list[dg.AssetChecksDefinition] = [PROMOTION.checks]
