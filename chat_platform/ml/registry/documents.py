"""The files that lie beside a model: card, pictures, figures, scored rows, drift reference.

What belongs here: putting them together under the names that readers of the store expect. What does not: their
content (``evaluation``, ``drift``), the model's own files.
"""

from __future__ import annotations

from chat_platform.ml.drift import REFERENCE_FILE, Reference
from chat_platform.ml.evaluation.card import CardFacts, model_card
from chat_platform.ml.evaluation.pictures import pictures
from chat_platform.ml.evaluation.report import Evaluation, ScoredRows
from chat_platform.ml.registry.store import CARD, EVALUATION, PREDICTIONS, predictions_file


def side_files(
    facts: CardFacts,
    evaluation: Evaluation,
    rows: ScoredRows,
    *,
    champion: tuple[str, ScoredRows] | None = None,
    reference: Reference | None = None,
) -> dict[str, bytes]:
    """File name → content, for ``ModelStore.save``.

    Args:
        facts: for the card; their version is what ``version_of`` said.
        evaluation: figures and curves.
        rows: test rows as this version scored them.
        champion: version that serves now, and the same rows as it scored them.
        reference: what drift is measured against.
    """
    drawn = pictures(evaluation)
    files = {
        CARD: model_card(facts, evaluation, sorted(drawn)).encode("utf-8"),
        EVALUATION: evaluation.to_json(),
        PREDICTIONS: rows.to_json(),
        **drawn,
    }
    if champion is not None and champion[0] != facts.version:
        files[predictions_file(champion[0])] = champion[1].to_json()
    if reference is not None:
        files[REFERENCE_FILE] = reference.to_json()
    return files
