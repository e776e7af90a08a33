"""What the models share: blocking checks of a candidate, and the champion behind them.

What belongs here: the factory of both, pictures of a stored model as metadata. What does not: training of one model
(``question_model``, ``author_model``), the rules themselves (``ml.registry.promotion``).
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import dagster as dg

from chat_platform.automation import OWNER
from chat_platform.resources.storage import WorkspaceResource

GROUP = "models"
# Names of the checks as the rules of promotion give them (ml.registry.promotion.judge).
CHECKS = {
    "enough_rows": "The test has enough rows of both answers.",
    "floor": "The deciding figure reaches its floor.",
    "not_worse": "Not worse than the champion beyond the interval, on the same rows.",
    "calibration": "Probabilities mean what they say.",
    "slices": "No slice collapses against the champion.",
}


class Promotion(NamedTuple):
    """Checks that block, and the asset that they block."""

    checks: dg.AssetChecksDefinition
    champion: dg.AssetsDefinition


def build_promotion(model: str, candidate: dg.AssetKey, steps: Callable[[], Any]) -> Promotion:
    """Checks of a candidate and asset ``models/<model>/champion``.

    Args:
        model: its name.
        candidate: key of the candidate's asset.
        steps: gives the module of ``ingestion`` with ``judge_candidate``, ``note_refusal`` and ``settle``; called
            within a step, since it imports scikit-learn and the code location must load quickly.
    """

    @dg.multi_asset_check(
        name=f"{model}_candidate_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=candidate, blocking=True, description=description)
            for name, description in CHECKS.items()
        ],
    )
    def checks(workspace: WorkspaceResource) -> Iterator[dg.AssetCheckResult]:
        """The rules of promotion; a candidate that breaks one is refused, and the log of promotions says why."""
        home, training = workspace.open(), steps()
        found, decision = training.judge_candidate(home)
        if not decision.promoted:
            training.note_refusal(home, found, decision)
        for check in decision.checks:
            yield dg.AssetCheckResult(
                asset_key=candidate,
                check_name=check.name,
                passed=check.passed,
                description=check.why,
                metadata={"version": found.version, "why": check.why, "why_ko": check.why_ko},
            )

    @dg.asset(
        key=["models", model, "champion"],
        deps=[candidate],
        description="The version that serves: a pointer in the app database, moved at once when every check of the "
        "candidate passed; `chatp models rollback` takes it back.",
        group_name=GROUP,
        kinds={"scikitlearn"},
        owners=[OWNER],
        code_version="1",
    )
    def champion(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
        found, decision, promoted = steps().settle(workspace.open())
        context.log.info(f"{found.version} {'is champion' if promoted else 'is refused'}")
        return dg.MaterializeResult(
            metadata={
                "version": found.version,
                "reasons": dg.MetadataValue.md("\n".join(f"* {reason}" for reason in decision.reasons)),
                **figures(found),
            }
        )

    return Promotion(checks, champion)


def figures(stored: Any) -> dict[str, float]:
    """Summary of a stored model's figures, as numbers that the UI plots."""
    return {name: value for name, value in stored.manifest.figures.items() if value is not None}


def documents(stored: Any) -> dict[str, dg.MarkdownMetadataValue]:
    """Card and pictures beside a stored model; the rules are kept before anything was evaluated, and have none."""
    names = [name for name in stored.manifest.side_files if name.endswith(".svg")]
    drawn = {name.removesuffix(".svg"): picture(name, stored.read(name)) for name in sorted(names)}
    if not stored.has("card.md"):
        return drawn
    return {"card": dg.MetadataValue.md(stored.read("card.md").decode("utf-8")), **drawn}


def picture(name: str, data: bytes) -> dg.MarkdownMetadataValue:
    """An SVG as metadata."""
    encoded = base64.b64encode(data).decode("ascii")
    return dg.MetadataValue.md(f"![{name}](data:image/svg+xml;base64,{encoded})")
