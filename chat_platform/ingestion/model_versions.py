"""Versions of a model as people handle them: look, judge, promote, roll back.

What belongs here: what the command line and the portal do alike with the store of versions and the log of promotions.
What does not: the rules (``ml.registry.promotion``), the log (``storage.promotions``), how results look (``cli``,
``web``). What is slow to import is imported inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from chat_platform.errors import ModelError
from chat_platform.ml.registry.store import (
    CARD,
    EVALUATION,
    PREDICTIONS,
    ModelStore,
    StoredModel,
    predictions_file,
)
from chat_platform.settings import PromotionRules, PromotionSettings, Settings
from chat_platform.storage.promotions import PromotionLog

if TYPE_CHECKING:
    from chat_platform.ml.evaluation.report import Evaluation, ScoredRows
    from chat_platform.ml.registry.promotion import Check, Decision


@dataclass(frozen=True)
class Promotion:
    """What became of a wish to promote a version.

    Attributes:
        before: champion before it.
        checks: every check with its outcome.
        promoted: whether it serves now, or would.
        forced: although the checks refuse it.
    """

    model: str
    version: str
    before: str | None
    checks: tuple[Check, ...]
    promoted: bool
    forced: bool


@dataclass(frozen=True)
class ModelVersions:
    """Store and log of the models of a home.

    Attributes:
        promotion: rules of promotion of each model.
    """

    store: ModelStore
    log: PromotionLog
    promotion: PromotionSettings

    @classmethod
    def of(cls, settings: Settings, database: Engine) -> ModelVersions:
        """Those of a home.

        Raises:
            ModelError: CP-ML-027 when the lake is no local folder.
        """
        if "://" in settings.lake:
            raise ModelError("CP-ML-027")
        store = ModelStore(Path(settings.lake) / "models")
        return cls(store, PromotionLog(database), settings.promotion)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Versions of a model, the latest first; a damaged one says so.

        Keys: model, version, state, created (ISO), rows, threshold, figures (text).
        """
        states = self.states(name)
        rows = []
        for version in self.store.versions(name):
            row: dict[str, Any] = {
                "model": name,
                "version": version,
                "state": states.get(version, "candidate"),
            }
            try:
                manifest = self.store.manifest(name, version)
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

    def states(self, name: str) -> dict[str, str]:
        """Version → ``champion``, ``refused`` or ``retired``, from the log."""
        states = {}
        for row in self.log.history(name):
            states[row["model_version"]] = "refused" if row["action"] == "refuse" else "retired"
        champion = self.log.champion(name)
        return {**states, champion: "champion"} if champion else states

    def find(self, name: str, version: str) -> StoredModel:
        """The version of this name, or the only one whose name begins so.

        Raises:
            ModelError: CP-ML-020 when there is none or more than one, CP-ML-021 when it is damaged.
        """
        fitting = [known for known in self.store.versions(name) if known.startswith(version)]
        exact = version if version in fitting else fitting[0] if len(fitting) == 1 else None
        if exact is None:
            raise ModelError("CP-ML-020", f"{name} {version}: {', '.join(fitting) or '–'}")
        return self.store.load(name, exact)

    def card(self, stored: StoredModel) -> str | None:
        """Its card in Markdown."""
        return stored.read(CARD).decode("utf-8") if stored.has(CARD) else None

    def evaluation(self, stored: StoredModel) -> Evaluation | None:
        """How good it was found to be."""
        from chat_platform.ml.evaluation.report import Evaluation

        return Evaluation.from_json(stored.read(EVALUATION)) if stored.has(EVALUATION) else None

    def scored(self, stored: StoredModel) -> ScoredRows | None:
        """Its scores of the test rows."""
        from chat_platform.ml.evaluation.report import ScoredRows

        return ScoredRows.from_json(stored.read(PREDICTIONS)) if stored.has(PREDICTIONS) else None

    def rules(self, name: str) -> PromotionRules:
        """What a version of this model must reach."""
        return self.promotion.author if name == "author" else self.promotion.question

    def judge(self, name: str, stored: StoredModel, champion: str | None) -> Decision:
        """Run every check against a champion.

        Raises:
            ModelError: CP-ML-028 when the version was stored without its scores.
        """
        from chat_platform.ml.registry.promotion import judge

        rows = self.scored(stored)
        if rows is None:
            raise ModelError("CP-ML-028", f"{stored.version}: no predictions.json")
        if champion is None or champion == stored.version:
            return judge(rows, None, self.rules(name))
        rival = self._champion_rows(name, stored, champion)
        # Without the champion's scores there is nothing in common, which the checks refuse and say.
        return judge(rows, rival if rival is not None else rows.of([]), self.rules(name))

    def promote(
        self, name: str, version: str, *, by: str, why: str = "", force: bool = False, dry_run: bool = False
    ) -> Promotion:
        """Make a version champion if the checks let it; a refusal is written down, too.

        Args:
            name: of the model.
            version: of the version, or the only beginning of it.
            by: who decides.
            why: reason in words; needed with ``force``.
            force: override the checks.
            dry_run: judge, and write nothing.

        Raises:
            ModelError: CP-ML-029 for force without a reason; as ``find``, ``judge`` and the log.
        """
        from chat_platform.ml.registry.promotion import decide

        why = why.strip()
        if force and not why:
            raise ModelError("CP-ML-029")
        stored = self.find(name, version)
        before = self.log.champion(name)
        decision = self.judge(name, stored, before)
        reasons = "; ".join(decision.reasons)
        if not dry_run:
            if decision.promoted:
                self.log.promote(name, stored.version, by=by, reason=f"{why}; {reasons}" if why else reasons)
            elif force:
                self.log.promote(name, stored.version, by=by, reason=f"forced: {why} (overrides {reasons})")
            else:
                decide(self.log, name, stored.version, decision, by=by)
        return Promotion(
            name,
            stored.version,
            before,
            decision.checks,
            promoted=decision.promoted or force,
            forced=force and not decision.promoted,
        )

    def before_champion(self, name: str) -> str:
        """The version that a roll-back leads to.

        Raises:
            ModelError: CP-ML-011 when there is none.
        """
        from chat_platform.ml.registry.serving import champions

        standing = champions(self.log, name)
        if len(standing) < 2:
            raise ModelError("CP-ML-011", name)
        return standing[1]

    def _champion_rows(self, name: str, stored: StoredModel, champion: str) -> ScoredRows | None:
        """The champion's scores: those kept with the candidate where they are this champion's, else its own."""
        from chat_platform.ml.evaluation.report import ScoredRows

        file = predictions_file(champion)
        if stored.has(file):
            return ScoredRows.from_json(stored.read(file))
        try:
            return self.scored(self.store.load(name, champion))
        except ModelError:
            return None
