"""Predictions of the champion: which conversations are due, and writing them.

What belongs here: serving the question model to conversations in the lake, drift against its training. What does
not: training, loading predictions into the warehouse.

Which predictions are due is in ``model_state``. A run predicts what is due beside its own partitions, so one run
after a promotion brings all up to the new champion; until it did, marts show the conversations of the champion only
(``int_question_champion``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from chat_platform.errors import ChatPlatformError, ModelError
from chat_platform.ingestion.labels import conversation_messages
from chat_platform.ingestion.model_state import NAME
from chat_platform.ingestion.model_tables import model_store, write_model_tables
from chat_platform.ingestion.question_training import drift_tokens, load_scorer
from chat_platform.ml.drift import REFERENCE_FILE, Drift, Measure, Reference, drifted, measure
from chat_platform.ml.questions import rules, training
from chat_platform.ml.registry.serving import Served, serve
from chat_platform.ml.registry.store import StoredModel, Training
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.models import QUESTION_PREDICTIONS

PLATFORM = "platform"
# Drift is that of lectures.
LECTURES = ("zoom", "zoom_file")


@dataclass
class PredictionReport:
    """What a step predicted.

    Attributes:
        version: version that predicted.
        conversations: that were written.
        messages: rows written.
        questions: rows that say yes.
        failed: conversation → why it has no predictions.
        problems: why a champion does not serve; empty when it does.
    """

    version: str
    conversations: int = 0
    messages: int = 0
    questions: int = 0
    failed: dict[str, ChatPlatformError] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def serving_model(workspace: Workspace) -> Served[training.QuestionScorer]:
    """The question model that serves; the rules, until a trained one was promoted.

    Raises:
        ModelError: CP-ML-025 when nothing that was ever champion is whole.
    """
    log = PromotionLog(workspace.database)
    if log.champion(NAME) is None or _are_old_rules(workspace, str(log.champion(NAME))):
        _promote_rules(workspace, log)
    try:
        return serve(model_store(workspace), log, NAME, load_scorer)
    except ModelError:
        # The rules are code and were champion first: their files can always be written again.
        _save_rules(workspace)
        return serve(model_store(workspace), log, NAME, load_scorer)


def predict(
    workspace: Workspace,
    conversation_ids: Sequence[str],
    on_done: Callable[[str], None] = lambda _: None,
) -> PredictionReport:
    """Predict conversations; one that fails has no predictions and does not stop the others."""
    served, log = serving_model(workspace), PromotionLog(workspace.database)
    report = PredictionReport(served.version, problems=served.problems)
    for conversation_id in conversation_ids:
        try:
            if log.champion(NAME) != served.champion:
                # Promoted meanwhile: what is written from now on would look like the new champion's.
                served = serving_model(workspace)
                report.version, report.problems = served.version, served.problems
            table = predicted(workspace, conversation_id, served)
            workspace.lake.write(QUESTION_PREDICTIONS, table, conversation_id)
        except ChatPlatformError as error:
            report.failed[conversation_id] = error
            continue
        report.conversations += 1
        report.messages += table.num_rows
        report.questions += int(np.count_nonzero(table["is_question"].to_numpy(zero_copy_only=False)))
        on_done(conversation_id)
    return report


def predicted(
    workspace: Workspace, conversation_id: str, served: Served[training.QuestionScorer]
) -> pa.Table:
    """Rows of ``ml.question_predictions`` of one conversation."""
    messages = conversation_messages(workspace, conversation_id)
    probabilities = served.model.probabilities(messages)
    threshold = float(served.model.threshold)
    rows = messages.num_rows
    return pa.table(
        {
            "conversation_id": messages["conversation_id"],
            "message_id": messages["message_id"],
            "model_name": pa.repeat(NAME, rows),
            "model_version": pa.repeat(served.version, rows),
            "probability": pa.array(probabilities, pa.float64()),
            "threshold": pa.repeat(threshold, rows),
            "is_question": pa.array(probabilities >= threshold, pa.bool_()),
        },
        schema=QUESTION_PREDICTIONS.arrow_schema(),
    )


def measure_drift(workspace: Workspace) -> tuple[list[Measure], Reference, Drift] | None:
    """Drift of the latest recordings against what the champion was trained on; ``None`` while it cannot be said."""
    served = serving_model(workspace)
    stored = model_store(workspace).load(NAME, served.version)
    if not stored.has(REFERENCE_FILE):
        return None
    reference = Reference.from_json(stored.read(REFERENCE_FILE))
    known = workspace.lake.files(QUESTION_PREDICTIONS)
    rows = [
        row
        for row in workspace.ledger.rows()
        if row["conversation_id"] in known and row["source"] in LECTURES
    ]
    rows.sort(key=lambda row: (str(row["conversation_date"]), row["conversation_id"]))
    latest = [row["conversation_id"] for row in rows[-workspace.settings.models.drift_window :]]
    if not latest:
        return None
    scores = workspace.lake.read_many(QUESTION_PREDICTIONS, latest)
    tokens = pa.concat_tables([drift_tokens(conversation_messages(workspace, i)) for i in latest])
    measures = measure(reference, scores, tokens)
    return measures, reference, drifted(measures)


def _are_old_rules(workspace: Workspace, champion: str) -> bool:
    if not champion.startswith("rules-"):
        return False
    try:
        stored = model_store(workspace).load(NAME, champion)
        return json.loads(stored.read(training.RULES_FILE))["rules"] != rules.version()
    except ModelError:
        return True


def _promote_rules(workspace: Workspace, log: PromotionLog) -> None:
    stored = _save_rules(workspace)
    log.promote(NAME, stored.version, by=PLATFORM, reason="serves until a trained model is promoted")
    write_model_tables(workspace)


def _save_rules(workspace: Workspace) -> StoredModel:
    return model_store(workspace).save(
        NAME,
        "rules",
        training.rules_files(),
        threshold=rules.THRESHOLD,
        training=Training(0, "", training.CODE_VERSION, 0, {"kiwipiepy": version("kiwipiepy")}),
    )
