"""The author model: candidate → blocking checks → champion. People who agreed, and nobody else.

What belongs here: the steps of a training as assets and their checks. What does not: training
(``ingestion.author_training``), consents, when a training is launched (``sensors.models``).
"""

from collections.abc import Iterator

import dagster as dg

from chat_platform.assets.conversations import source_key
from chat_platform.assets.question_model import CHECK_NAMES, GROUP, pictures
from chat_platform.automation import OWNER
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.tables.class_chat import MESSAGES

CANDIDATE = dg.AssetKey(["models", "author", "candidate"])
CHAMPION = dg.AssetKey(["models", "author", "champion"])


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
    code_version="1",
)
def author_candidate(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """The author model trained on what people who agreed wrote, evaluated on their later conversations."""
    from chat_platform.errors import ModelError
    from chat_platform.ingestion.author_training import train_candidate

    try:
        found = train_candidate(workspace.open())
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
            **{name: value for name, value in found.model.manifest.figures.items() if value is not None},
            **{f"excluded/{why}": number for why, number in found.excluded.items()},
            "card": dg.MetadataValue.md(found.model.read("card.md").decode("utf-8")),
            **pictures(found.model),
        }
    )


@dg.multi_asset_check(
    name="author_candidate_checks",
    specs=[
        dg.AssetCheckSpec(
            name,
            asset=CANDIDATE,
            blocking=True,
            description="A rule of promotion of the author model; the reason is in the result.",
        )
        for name in CHECK_NAMES
    ],
)
def author_candidate_checks(workspace: WorkspaceResource) -> Iterator[dg.AssetCheckResult]:
    """The rules of promotion; a candidate that breaks one is refused, with the reasons in the log of promotions."""
    from chat_platform.ingestion.author_training import judge_candidate, note_refusal

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
def author_champion(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """The author model that answers ``chatp who``; rolled back by ``chatp models``."""
    from chat_platform.ingestion.author_training import settle

    candidate, decision, promoted = settle(workspace.open())
    context.log.info(f"{candidate.version} {'is champion' if promoted else 'is refused'}")
    return dg.MaterializeResult(
        metadata={
            "version": candidate.version,
            "reasons": dg.MetadataValue.md("\n".join(f"* {reason}" for reason in decision.reasons)),
            **{name: value for name, value in candidate.manifest.figures.items() if value is not None},
        }
    )


ASSETS: list[dg.AssetsDefinition] = [author_candidate, author_champion]
CHECKS: list[dg.AssetChecksDefinition] = [author_candidate_checks]
