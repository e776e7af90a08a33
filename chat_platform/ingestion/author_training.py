"""Training and serving of the author model, for people who agreed and for nobody else.

What belongs here: collecting their messages, the candidate, its evaluation, the decision, loading what serves. What
does not: fitting (``ml.authors``), consents themselves (``storage.consents``).

Consent is read when a training begins, and again whenever the model is loaded: a version that knows somebody who
has withdrawn does not serve, from that moment on, and the next training deletes its files.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chat_platform.errors import ModelError
from chat_platform.ingestion.model_state import AUTHOR as NAME
from chat_platform.ingestion.model_state import author_note_path, last_author_note
from chat_platform.ingestion.model_tables import model_store, write_model_tables
from chat_platform.ml.authors import dataset, naming
from chat_platform.ml.authors.evaluate import AuthorEvaluation, evaluate
from chat_platform.ml.authors.model import KINDS, AuthorModel, Prepared, fit, load, prepare, save
from chat_platform.ml.authors.readings import ENCODER
from chat_platform.ml.encoder.embedding import TextEncoder
from chat_platform.ml.evaluation.card import CardFacts
from chat_platform.ml.evaluation.report import Evaluation, Figure, ScoredRows, ranking_rows
from chat_platform.ml.registry.documents import side_files
from chat_platform.ml.registry.promotion import Decision, decide, judge
from chat_platform.ml.registry.serving import Served, serve
from chat_platform.ml.registry.store import PREDICTIONS, StoredModel, Training, version_of
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.files import write_bytes_atomic
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import CLASS_SOURCES, IDENTITIES, MESSAGES, PEOPLE
from chat_platform.tables.ids import digest
from chat_platform.tables.models import AUTHOR_PREDICTIONS

PEOPLE_FILE = "people.json"
CODE_VERSION = "3"
GUESSES = 5
WHAT = (
    "Guesses who of the people who agreed would say a text. A game and a test of privacy, not an identification: "
    "it never looks at anonymous posts, and says 모름 when it is not sure."
)
LIMITS = (
    "Short and common messages are nobody's: most of them get no name.",
    "It knows the people who agreed only; a text of anybody else is called unknown or, wrongly, somebody's.",
)
ENCODER_LIMIT = (
    "Its evidence is words that were left out, one at a time: what changes without a word is shown, not what the "
    "encoder saw in it."
)
_LIBRARIES = ("scikit-learn", "scipy", "numpy", "safetensors")
_ENCODER_LIBRARIES = ("torch", "transformers", "tokenizers")


@dataclass(frozen=True)
class TrainedAuthors:
    """The candidate that the evaluation picked, those beside it, and what they were made from.

    Attributes:
        kept: versions of this training by kind.
        top1: kind → share of right first guesses from single messages.
        skipped: kind → why it was not trained.
    """

    model: StoredModel
    evaluation: Evaluation
    people: int
    train_rows: int
    test_rows: int
    excluded: Mapping[str, int]
    kept: Mapping[str, str] = field(default_factory=dict)
    top1: Mapping[str, float] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


def train_candidate(workspace: Workspace, on_event: Callable[[str], None] = lambda _: None) -> TrainedAuthors:
    """Train and evaluate every kind on the messages of people who agree now; keep all, note the best as candidate.

    Raises:
        ModelError: CP-ML-030 and following when too few people agreed or wrote enough.
    """
    consents = ConsentLog(workspace.database)
    read_at, agreed = datetime.now(UTC), consents.active(AUTHOR_MODEL)
    forget_withdrawn(workspace)
    rows = _rows(workspace, agreed)
    split = dataset.split_by_time(rows.rows)
    prepared = prepare(split.train, rules=workspace.settings.authors)
    encoder, skipped = _encoder(workspace, prepared)
    for kind, why in skipped.items():
        on_event(f"{kind}: {why}")
    kinds = [kind for kind in workspace.settings.models.author_candidates if kind not in skipped]
    models = fit(prepared, kinds, encoder)
    measured = {kind: evaluate(model, split.test) for kind, model in models.items()}
    excluded = {**rows.excluded, "near copies of the training in the test": split.near_copies}
    kept = {kind: _kept(workspace, model, measured[kind], split, excluded) for kind, model in models.items()}
    # The first of equals: kinds stand in the order of their cost.
    best = max(kinds, key=lambda kind: merit(measured[kind]))
    model, stored, found = models[best], kept[best], measured[best]
    _write_guesses(workspace, stored.version, model, split.test, found)
    note = {"version": stored.version, "trained_at": read_at.isoformat(), "people": sorted(agreed)}
    write_bytes_atomic(author_note_path(workspace), json.dumps(note, sort_keys=True).encode("utf-8"), 0o600)
    naming.discard_states(_work_folder(workspace))
    return TrainedAuthors(
        stored,
        _evaluation(found),
        len(model.persons),
        len(split.train),
        len(split.test),
        excluded,
        {kind: one.version for kind, one in kept.items()},
        {kind: one.value("all", "top1") for kind, one in measured.items()},
        skipped,
    )


def merit(found: AuthorEvaluation) -> float:
    """What the pick goes by: right first guesses from single messages and from five pooled, half each."""
    top1 = {one.slice: one.value for one in found.figures if one.metric == "top1"}
    judged = [top1[part] for part in ("all", "pooled=5") if not np.isnan(top1.get(part, np.nan))]
    return sum(judged) / len(judged)


def _encoder(workspace: Workspace, prepared: Prepared) -> tuple[TextEncoder | None, dict[str, str]]:
    """The encoder of the kinds that need one, or why they are skipped: the others must not wait for an extra."""
    settings = workspace.settings.models
    needing = [kind for kind in settings.author_candidates if ENCODER in KINDS[kind]]
    if not needing:
        return None, {}
    wanted = naming.settings_for(settings.author_checkpoint, prepared.seed)
    try:
        folder = _work_folder(workspace)
        return naming.train_encoder(prepared.lessons(), settings=wanted, work_folder=folder), {}
    except ModelError as error:
        return None, dict.fromkeys(needing, str(error))


def _work_folder(workspace: Workspace) -> Path:
    """Where an encoder's training keeps its states, so that a killed one goes on."""
    return workspace.settings.home / "work" / "author_encoder"


def judge_candidate(workspace: Workspace) -> tuple[StoredModel, Decision]:
    """Run the checks of promotion on the candidate.

    A champion that knows somebody who has withdrawn is no measure: it may not serve however good it is.

    Raises:
        ModelError: CP-ML-025 when there is no candidate.
    """
    note = last_author_note(workspace)
    if note is None:
        raise ModelError("CP-ML-025", f"{NAME}: nothing was trained")
    store, log = model_store(workspace), PromotionLog(workspace.database)
    candidate = store.load(NAME, note["version"])
    champion = log.champion(NAME)
    theirs = None
    if champion is not None and champion != candidate.version and _may_serve(workspace, champion):
        theirs = ScoredRows.from_json(store.load(NAME, champion).read(PREDICTIONS))
    mine = ScoredRows.from_json(candidate.read(PREDICTIONS))
    return candidate, judge(mine, theirs, workspace.settings.promotion.author)


def settle(workspace: Workspace, *, by: str = "retrain_author_model") -> tuple[StoredModel, Decision, bool]:
    """Judge the candidate, write the decision, bring the tables up to it; whether it is champion now."""
    candidate, decision = judge_candidate(workspace)
    log = PromotionLog(workspace.database)
    promoted = log.champion(NAME) == candidate.version or decide(
        log, NAME, candidate.version, decision, by=by
    )
    write_model_tables(workspace)
    return candidate, decision, promoted


def note_refusal(workspace: Workspace, candidate: StoredModel, decision: Decision) -> None:
    """Write the reasons of a refusal into the log."""
    PromotionLog(workspace.database).refuse(NAME, candidate.version, reasons=decision.reasons)
    write_model_tables(workspace)


def load_author_champion(workspace: Workspace) -> Served[AuthorModel]:
    """The author model that serves.

    Raises:
        ModelError: CP-ML-025 when none was promoted or is whole, CP-ML-037 when somebody whom it knows has withdrawn.
    """
    served = serve(model_store(workspace), PromotionLog(workspace.database), NAME, _loaded)
    agreed = ConsentLog(workspace.database).active(AUTHOR_MODEL)
    gone = set(served.model.persons) - agreed
    if gone:
        raise ModelError("CP-ML-037", f"{served.version}: {len(gone)}")
    return served


def author_names(workspace: Workspace, persons: Sequence[str]) -> dict[str, str]:
    """Person id → name, of the people in the lake."""
    wanted = set(persons)
    people = workspace.lake.read(PEOPLE).select(["person_id", "name"]).to_pylist()
    return {row["person_id"]: row["name"] for row in people if row["person_id"] in wanted}


def forget_withdrawn(workspace: Workspace) -> list[str]:
    """Delete versions that know somebody who does not agree any more; their names."""
    store = model_store(workspace)
    gone = [v for v in store.versions(NAME) if not _may_serve(workspace, v)]
    for one in gone:
        shutil.rmtree(store.root / NAME / one, ignore_errors=True)
    return gone


def _may_serve(workspace: Workspace, one: str) -> bool:
    """Whether everybody whom a version knows agrees; a version that does not say whom it knows may not."""
    agreed = ConsentLog(workspace.database).active(AUTHOR_MODEL)
    try:
        stored = model_store(workspace).load(NAME, one)
        return set(json.loads(stored.read(PEOPLE_FILE))) <= agreed
    except ModelError:
        return False


def _loaded(stored: StoredModel) -> AuthorModel:
    return load({name: stored.read(name) for name in stored.manifest.model_files})


def _rows(workspace: Workspace, agreed: frozenset[str]) -> dataset.AuthorRows:
    lake = workspace.lake
    people = lake.read(PEOPLE).to_pylist()
    bots = [row["person_id"] for row in people if row["is_bot"]]
    of_class = {i for source in CLASS_SOURCES for i in workspace.ledger.ids(source)}
    messages = lake.read_many(MESSAGES, sorted(of_class & lake.files(MESSAGES).keys()))
    hidden = AskedStore(workspace.database, workspace.settings.web.class_id).hidden()
    rules = workspace.settings.authors
    return dataset.author_rows(messages, lake.read(IDENTITIES), agreed, rules, bots=bots, anonymous=hidden)


def _evaluation(found: AuthorEvaluation) -> Evaluation:
    return Evaluation(
        tuple(
            Figure(
                "later_conversations", "raw", one.slice, one.metric, one.value, one.low, one.high, one.rows
            )
            for one in found.figures
        )
    )


def _known(model: AuthorModel, test: pa.Table) -> pa.Table:
    """Test rows of people whom the model knows: those behind ``AuthorEvaluation.singles``, in their order."""
    return test.filter(pc.is_in(test["person_id"], pa.array(model.persons)))


def _scored(model: AuthorModel, test: pa.Table, found: AuthorEvaluation) -> ScoredRows:
    rows = _known(model, test)
    return ranking_rows(
        rows["message_id"].to_pylist(),
        rows["conversation_id"].to_pylist(),
        found.singles.authors,
        found.singles.probabilities,
    )


def _write_guesses(
    workspace: Workspace, one: str, model: AuthorModel, test: pa.Table, found: AuthorEvaluation
) -> None:
    """``ml.author_predictions``: the likeliest people of each held-out message."""
    rows, probabilities = _known(model, test), found.singles.probabilities
    guesses = min(GUESSES, probabilities.shape[1])
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :guesses]
    chosen = np.repeat(np.arange(len(rows)), guesses)
    persons = np.array(model.persons, dtype=object)[order.ravel()]
    taken = rows.take(pa.array(chosen))
    table = pa.table(
        {
            "message_id": taken["message_id"],
            "conversation_id": taken["conversation_id"],
            "model_version": pa.repeat(one, len(chosen)),
            "rank": pa.array(np.tile(np.arange(1, guesses + 1), len(rows)), pa.int64()),
            "person_id": pa.array(persons, pa.string()),
            "probability": pa.array(probabilities[chosen, order.ravel()].astype(float)),
            "is_author": pa.array(order.ravel() == found.singles.authors[chosen]),
        }
    )
    workspace.lake.write(AUTHOR_PREDICTIONS, table.cast(AUTHOR_PREDICTIONS.arrow_schema()))


def _kept(
    workspace: Workspace,
    model: AuthorModel,
    found: AuthorEvaluation,
    split: dataset.AuthorSplit,
    excluded: Mapping[str, int],
) -> StoredModel:
    files, evaluation, needs = save(model), _evaluation(found), model.encoder is not None
    libraries = {name: version(name) for name in _LIBRARIES + (_ENCODER_LIBRARIES if needs else ())}
    ids = split.train["message_id"].to_pylist()
    facts = Training(model.training_rows, digest(*ids, length=64), CODE_VERSION, 0, libraries)
    created = datetime.now(UTC)
    card = CardFacts(
        model_name=NAME,
        version=version_of(model.kind, files, None),
        kind=model.kind,
        created_at=created,
        what=WHAT,
        threshold=None,
        trained_on={"messages of people who agreed": model.training_rows, "people": len(model.persons)},
        data_sha256=facts.data_sha256,
        code_version=CODE_VERSION,
        seed=0,
        libraries=libraries,
        excluded=excluded,
        limits=(*LIMITS, ENCODER_LIMIT) if needs else LIMITS,
    )
    beside = side_files(card, evaluation, _scored(model, split.test, found))
    beside[PEOPLE_FILE] = json.dumps(sorted(model.persons)).encode("utf-8")
    summary = {figure.metric: figure.value for figure in evaluation.figures if figure.slice == "all"}
    return model_store(workspace).save(
        NAME,
        model.kind,
        files,
        threshold=None,
        training=facts,
        side_files=beside,
        figures={name: None if np.isnan(value) else value for name, value in summary.items()},
        created_at=created,
    )
