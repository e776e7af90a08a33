"""``ml.models`` and ``ml.evaluations``: what the store and the log of promotions know, as tables.

What belongs here: writing the two tables into the lake. What does not: the store and the log themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chat_platform.errors import ModelError
from chat_platform.ingestion.model_state import models_folder
from chat_platform.ml.evaluation.report import Evaluation
from chat_platform.ml.registry.serving import champions
from chat_platform.ml.registry.store import EVALUATION, ModelStore, StoredModel
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.models import EVALUATIONS, MODELS


def model_store(workspace: Workspace) -> ModelStore:
    """The store of this workspace.

    Raises:
        ModelError: CP-ML-027 when the lake is not a local folder.
    """
    return ModelStore(models_folder(workspace))


def write_model_tables(workspace: Workspace) -> int:
    """Bring both tables in the lake up to the store and the log.

    Returns:
        Number of versions.
    """
    store, log = model_store(workspace), PromotionLog(workspace.database)
    models: list[dict[str, Any]] = []
    figures: list[dict[str, Any]] = []
    for name in store.names():
        decided = _last_words(log, name)
        standing, whole = champions(log, name), _whole(store, name)
        # While the champion is damaged, the one before it serves, and metrics show its predictions.
        champion = next((version for version in standing if version in whole), None)
        for version, (stored, evaluation) in whole.items():
            said = decided.get(version, {})
            state = _state(version, champion, set(standing), said)
            models.append(
                stored.manifest.table_row()
                | {
                    "state": state,
                    "promoted_at": said.get("promoted_at"),
                    "reasons": json.dumps(said.get("reasons", []), ensure_ascii=False),
                }
            )
            if evaluation is not None:
                figures += evaluation.table_rows(name, version)
    for spec, rows in ((MODELS, models), (EVALUATIONS, figures)):
        table = spec.table(rows)
        if not workspace.lake.files(spec) or not workspace.lake.read(spec).equals(table):
            workspace.lake.write(spec, table)
    return len(models)


def _whole(store: ModelStore, name: str) -> dict[str, tuple[StoredModel, Evaluation | None]]:
    """Versions that are whole, with their evaluations.

    A damaged one is shown by ``chatp models list``; a table row would have to be made up.
    """
    found: dict[str, tuple[StoredModel, Evaluation | None]] = {}
    for version in store.versions(name):
        try:
            stored = store.load(name, version)
            evaluation = Evaluation.from_json(stored.read(EVALUATION)) if stored.has(EVALUATION) else None
        except ModelError:
            continue
        found[version] = stored, evaluation
    return found


def _state(version: str, champion: str | None, standing: set[str], said: Mapping[str, Any]) -> str:
    if version == champion:
        return "champion"
    if version in standing or said.get("promoted_at") is not None:
        return "retired"
    return "refused" if said.get("action") == "refuse" else "candidate"


def _last_words(log: PromotionLog, name: str) -> dict[str, dict[str, Any]]:
    """Version → its last decision, and when it was last promoted."""
    found: dict[str, dict[str, Any]] = {}
    for row in log.history(name):
        before = found.get(row["model_version"], {})
        promoted = row["decided_at"] if row["action"] == "promote" else before.get("promoted_at")
        found[row["model_version"]] = {
            "action": row["action"],
            "reasons": row["reasons"],
            "promoted_at": promoted,
        }
    return found
