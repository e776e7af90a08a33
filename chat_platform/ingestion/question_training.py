"""Training of the question model, step by step: candidates, their evaluation, the decision.

What belongs here: the three steps as the assets call them, and what they leave for each other. What does not:
fitting (``ml.questions``), the rules of promotion (``ml.registry``), predicting (``predictions``).

Each step leaves its result where a killed run finds it: candidates in the store (a version is a hash of its
content, so training again saves the same one), the pick in ``candidate.json``, the decision in the app database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import ModelError
from chat_platform.ingestion.labels import CollectedLabels, collect_labels
from chat_platform.ingestion.model_state import NAME, last_pick, pick_path
from chat_platform.ingestion.model_tables import model_store, write_model_tables
from chat_platform.ml.drift import Reference, learn_reference
from chat_platform.ml.encoder.settings import TransformerSettings
from chat_platform.ml.evaluation.card import CardFacts
from chat_platform.ml.evaluation.report import ScoredRows
from chat_platform.ml.questions import training, transformer
from chat_platform.ml.registry.documents import side_files
from chat_platform.ml.registry.promotion import Check, Decision, decide, judge
from chat_platform.ml.registry.serving import champions, serve
from chat_platform.ml.registry.store import (
    PREDICTIONS,
    ModelStore,
    StoredModel,
    Training,
    predictions_file,
    version_of,
)
from chat_platform.storage.files import write_bytes_atomic
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace

WHAT = (
    "Says whether a chat message is a question: an utterance that expects an answer from somebody, direct or "
    "indirect, punctuated or not. The definition is in docs/questions.md."
)
LIMITS = (
    "Requests in the form of a question are judged by their wording; people differ on them too.",
    "Messages of one or two words are decided by their punctuation.",
    "Languages other than Korean and English are judged by their punctuation and mostly not called questions.",
)
_LIBRARIES = ("scikit-learn", "scipy", "numpy", "kiwipiepy", "kiwipiepy-model", "skops")


@dataclass(frozen=True)
class Picked:
    """The candidate that the evaluation picked, and those beside it.

    Attributes:
        model: the picked version.
        kept: versions of this training by kind.
        f1: kind → F1 on the raw test.
        skipped: kind → why it was not trained.
    """

    model: StoredModel
    kept: Mapping[str, str]
    f1: Mapping[str, float | None]
    skipped: Mapping[str, str]
    training_set: training.TrainingSet
    newest_correction: int


def train_candidates(
    workspace: Workspace,
    collected: CollectedLabels | None = None,
    on_event: Callable[[str], None] = lambda _: None,
) -> Picked:
    """Train every kind of candidate, keep them, and note which one the evaluation picks.

    Raises:
        ModelError: CP-ML-001, -002 when there is nothing to learn from.
    """
    settings = workspace.settings.models
    collected = collected or collect_labels(workspace)
    data = training.assemble(collected.rows, collected.messages, dates=collected.dates, seed=settings.seed)
    on_event(f"{len(data.train)} rows to train on, {len(data.test)} to test on")
    champion = _champion_rows(workspace, data)
    candidates, skipped = [], {}
    for kind in settings.candidates:
        try:
            candidates.append(_trained(workspace, kind, data))
        except ModelError as error:
            # A missing extra or checkpoint must not stop the other candidates; with no label none can be trained.
            if kind != "transformer":
                raise
            skipped[kind] = str(error)
            on_event(f"{kind}: {error}")
    kept = {
        candidate.kind: _kept(workspace, candidate, data, collected, champion).version
        for candidate in candidates
    }
    # The first of equals: kinds stand in the order of their cost.
    best = max(candidates, key=_merit)
    model = model_store(workspace).load(NAME, kept[best.kind])
    picked = {
        "version": model.version,
        "versions": kept,
        "newest_correction": collected.newest_correction,
        "trained_at": datetime.now(UTC).isoformat(),
    }
    _note_rows(workspace, model.version, best.scored, champion)
    write_bytes_atomic(pick_path(workspace), json.dumps(picked, sort_keys=True).encode("utf-8"))
    transformer.discard_states(_work_folder(workspace))
    f1 = {candidate.kind: _f1(candidate, training.RAW) for candidate in candidates}
    return Picked(model, kept, f1, skipped, data, collected.newest_correction)


def judge_candidate(workspace: Workspace) -> tuple[StoredModel, Decision]:
    """Run the checks of promotion on the picked candidate; nothing is decided yet.

    Raises:
        ModelError: CP-ML-025 when there is no candidate, others when its files are damaged.
    """
    pick = last_pick(workspace)
    if pick is None:
        raise ModelError("CP-ML-025", f"{NAME}: nothing was trained")
    store, log = model_store(workspace), PromotionLog(workspace.database)
    candidate = store.load(NAME, pick["version"])
    noted = _noted_rows(workspace, candidate.version)
    rows = noted[candidate.version] if noted else ScoredRows.from_json(candidate.read(PREDICTIONS))
    theirs = None
    if log.champion(NAME) not in (None, candidate.version):
        serving = _first_whole(store, champions(log, NAME))
        known = noted.get(serving.version) if serving else None
        theirs = known or _kept_rows(serving, candidate) or rows.of(np.zeros(len(rows), dtype=bool))
    return candidate, judge(rows, theirs, workspace.settings.promotion.question)


def note_refusal(workspace: Workspace, candidate: StoredModel, decision: Decision) -> None:
    """Write the reasons of a refusal into the log; the champion stays who it is."""
    PromotionLog(workspace.database).refuse(NAME, candidate.version, reasons=decision.reasons)
    write_model_tables(workspace)


def settle(workspace: Workspace, *, by: str = "retrain_question_model") -> tuple[StoredModel, Decision, bool]:
    """Judge the candidate, write the decision into the log, and bring the tables up to it.

    Returns:
        The candidate, the decision, and whether it is champion now. A candidate that is champion already stays so;
        one that somebody has rolled back is refused, since the same labels give the same version every week.
    """
    candidate, decision = judge_candidate(workspace)
    log = PromotionLog(workspace.database)
    if log.champion(NAME) == candidate.version:
        promoted = True
    else:
        decision = _unless_rolled_back(log, candidate.version, decision)
        promoted = decide(log, NAME, candidate.version, decision, by=by)
    write_model_tables(workspace)
    return candidate, decision, promoted


def _unless_rolled_back(log: PromotionLog, candidate: str, decision: Decision) -> Decision:
    standing: list[str] = []
    by = None
    for row in log.history(NAME):
        if row["action"] == "promote":
            standing.append(row["model_version"])
            by = None if row["model_version"] == candidate else by
        elif row["action"] == "rollback" and standing.pop() == candidate:
            by = row["decided_by"]
    if by is None:
        return decision
    check = Check(
        "rolled_back",
        False,
        f"{by} rolled this version back; only a person makes it champion again (chatp models promote)",
        f"{by} 님이 이 버전을 되돌렸습니다. 다시 챔피언으로 만들려면 chatp models promote",
    )
    return Decision(False, (*decision.checks, check))


def _note_rows(
    workspace: Workspace, candidate: str, rows: ScoredRows, champion: tuple[str, ScoredRows] | None
) -> None:
    """Keep the test as candidate and champion score it, for the judgement of this very training.

    A version that was kept before stays as it was, with the test of then and compared with the champion of then.
    """
    noted = {candidate: rows} | (dict([champion]) if champion else {})
    value = {
        "candidate": candidate,
        "rows": {version: scored.to_json().decode("utf-8") for version, scored in noted.items()},
    }
    write_bytes_atomic(_rows_path(workspace), json.dumps(value).encode("utf-8"))


def _noted_rows(workspace: Workspace, candidate: str) -> dict[str, ScoredRows]:
    """Version → rows of the training that picked this candidate; empty when they are another's."""
    path = _rows_path(workspace)
    value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"candidate": None}
    if value["candidate"] != candidate:
        return {}
    return {version: ScoredRows.from_json(rows.encode("utf-8")) for version, rows in value["rows"].items()}


def _rows_path(workspace: Workspace) -> Path:
    return pick_path(workspace).with_name("candidate_rows.json")


def _first_whole(store: ModelStore, versions: Sequence[str]) -> StoredModel | None:
    """The first version whose files are not damaged: the one that serves."""
    for each in versions:
        try:
            return store.load(NAME, each)
        except ModelError:
            continue
    return None


def _kept_rows(serving: StoredModel | None, candidate: StoredModel) -> ScoredRows | None:
    """The serving model's rows as an earlier training kept them, beside the candidate's or its own."""
    if serving is None:
        return None
    beside = predictions_file(serving.version)
    if candidate.has(beside):
        return ScoredRows.from_json(candidate.read(beside))
    return ScoredRows.from_json(serving.read(PREDICTIONS)) if serving.has(PREDICTIONS) else None


def load_scorer(stored: StoredModel) -> training.QuestionScorer:
    """The model of a stored version."""
    files = {name: stored.read(name) for name in stored.manifest.model_files}
    return training.load(stored.manifest.kind, files, stored.manifest.threshold)


def _trained(workspace: Workspace, kind: str, data: training.TrainingSet) -> training.Candidate:
    settings = workspace.settings.models
    if kind == "rules":
        return training.train_rules(data)
    if kind == "transformer":
        transformer.require()
        wanted = TransformerSettings(checkpoint=settings.transformer_checkpoint, seed=settings.seed)
        return training.train_transformer(data, settings=wanted, work_folder=_work_folder(workspace))
    blocks: dict[str, dict[str, bool]] = {
        "linear": {},
        "linear_characters": {"morphemes": False, "frames": False, "pairs": False},
        "linear_morphemes": {"characters": False},
    }
    return training.train_linear(data, kind=kind, seed=settings.seed, **blocks[kind])


def _work_folder(workspace: Workspace) -> Path:
    """Where a transformer's training keeps its states, so that a killed one goes on."""
    return workspace.settings.home / "work" / "transformer"


def _kept(
    workspace: Workspace,
    candidate: training.Candidate,
    data: training.TrainingSet,
    collected: CollectedLabels,
    champion: tuple[str, ScoredRows] | None,
) -> StoredModel:
    store, threshold = model_store(workspace), float(candidate.scorer.threshold)
    libraries = {name: version(name) for name in _LIBRARIES}
    facts = Training(
        sum(data.trained_on.values()),
        data.train.fingerprint(),
        training.CODE_VERSION,
        workspace.settings.models.seed,
        libraries,
    )
    created = datetime.now(UTC)
    card = CardFacts(
        model_name=NAME,
        version=version_of(candidate.kind, candidate.files, threshold),
        kind=candidate.kind,
        created_at=created,
        what=WHAT,
        threshold=threshold,
        trained_on=data.trained_on,
        data_sha256=facts.data_sha256,
        code_version=facts.code_version,
        seed=facts.seed,
        libraries=libraries,
        excluded=data.excluded,
        licences={
            row["name"]: row["licence"] or "not stated" for row in LabelLog(workspace.database).imports()
        },
        limits=LIMITS,
    )
    beside = side_files(
        card,
        candidate.evaluation,
        candidate.scored,
        champion=champion,
        reference=_reference(workspace, candidate.scorer, collected.messages),
    )
    return store.save(
        NAME,
        candidate.kind,
        candidate.files,
        threshold=threshold,
        training=facts,
        side_files=beside,
        figures=candidate.evaluation.summary(),
        created_at=created,
    )


def _champion_rows(workspace: Workspace, data: training.TrainingSet) -> tuple[str, ScoredRows] | None:
    """The test as the serving champion scores it, for the comparison; ``None`` while there is none."""
    log = PromotionLog(workspace.database)
    if log.champion(NAME) is None:
        return None
    served = serve(model_store(workspace), log, NAME, load_scorer)
    return served.version, training.score(served.model, data.test)


def _reference(workspace: Workspace, scorer: training.QuestionScorer, messages: pa.Table) -> Reference | None:
    """What drift is measured against: the platform's own conversations as this version scores them."""
    if not messages.num_rows:
        return None
    scores = pa.table(
        {
            "conversation_id": messages["conversation_id"],
            "probability": pa.array(scorer.probabilities(messages)),
        }
    )
    return learn_reference(scores, drift_tokens(messages))


def drift_tokens(messages: pa.Table) -> pa.Table:
    """Tokens as drift reads them: conversation_id, message_id, author, token; one row a token."""
    forms = _column(messages, "forms")
    owner = pc.list_parent_indices(forms)
    return pa.table(
        {
            **{
                name: _column(messages, name).take(owner)
                for name in ("conversation_id", "message_id", "author")
            },
            "token": forms.flatten(),
        }
    )


def _column(messages: pa.Table, name: str) -> pa.Array:
    return pa.concat_arrays([pa.array([], messages[name].type), *messages[name].chunks])


def _merit(candidate: training.Candidate) -> float:
    """What the pick goes by: F1 as chat is typed and F1 without question marks, half each."""
    both = [_f1(candidate, variant) or 0.0 for variant in (training.RAW, training.BARE)]
    return sum(both) / len(both)


def _f1(candidate: training.Candidate, variant: str) -> float | None:
    figure = candidate.evaluation.figure("f1", variant=variant)
    return None if figure is None else figure.value
