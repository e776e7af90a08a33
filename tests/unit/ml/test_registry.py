"""The registry: whole or not at all, verified before use, the same model under the same name."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from chat_platform.errors import ModelError
from chat_platform.ml.drift import Reference
from chat_platform.ml.evaluation.card import CardFacts
from chat_platform.ml.evaluation.report import Evaluation, ScoredRows, evaluate_binary
from chat_platform.ml.features.ngrams import NgramVectorizer
from chat_platform.ml.features.sequences import of_characters
from chat_platform.ml.registry import store as store_module
from chat_platform.ml.registry.documents import side_files
from chat_platform.ml.registry.formats import (
    canonical_skops,
    dump_arrays,
    dump_skops,
    load_arrays,
    load_skops,
)
from chat_platform.ml.registry.promotion import decide, differences, judge
from chat_platform.ml.registry.serving import champions, serve
from chat_platform.ml.registry.store import ModelStore, StoredModel, Training, predictions_file, version_of
from chat_platform.settings import AuthorPromotionRules, PromotionRules
from chat_platform.storage.app_database import open_database, upgrade
from chat_platform.storage.promotions import PromotionLog
from chat_platform.tables.models import MODELS
from tests.unit.ml.test_evaluation_report import scored

TRAINING = Training(rows=100, data_sha256="ab" * 32, code_version="1", seed=0, libraries={"numpy": "2"})
FILES = {"model.json": b'{"weights": [1, 2]}', "tokenizer/vocab.txt": b"a\nb\n"}
SIDE = {"card.md": b"# card\n", "reliability.svg": b"<svg/>"}


def save(store: ModelStore, name: str = "question", weight: int = 1, **more: object) -> StoredModel:
    files = {**FILES, "model.json": json.dumps({"weights": [weight]}).encode()}
    return store.save(name, "linear", files, threshold=0.5, training=TRAINING, side_files=SIDE, **more)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ModelError) as error:
        call()
    return error.value.code


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def log(tmp_path: Path) -> PromotionLog:
    url = f"sqlite:///{tmp_path / 'app.sqlite'}"
    upgrade(url)
    return PromotionLog(open_database(url))


def test_what_was_saved_is_loaded(store: ModelStore) -> None:
    when = datetime(2026, 3, 2, tzinfo=UTC)
    saved = store.save(
        "question", "linear", FILES, threshold=0.4, training=TRAINING, side_files=SIDE, created_at=when,
        figures={"raw.f1": 0.9, "raw.auc": None},
    )  # fmt: skip
    loaded = store.load("question", saved.version)
    assert loaded == saved
    assert {name: loaded.read(name) for name in (*FILES, *SIDE)} == {**FILES, **SIDE}
    assert (loaded.manifest.created_at, loaded.manifest.threshold) == (when, 0.4)
    assert loaded.manifest.figures == {"raw.f1": 0.9, "raw.auc": None}
    row = loaded.manifest.table_row() | {"state": "candidate"}
    assert MODELS.table([row]).num_rows == 1
    assert store.names() == ["question"] and store.versions("question") == [saved.version]


def test_the_same_content_is_the_same_version(store: ModelStore) -> None:
    first = save(store, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    again = save(store, created_at=datetime(2026, 2, 2, tzinfo=UTC))
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*")} == before
    assert save(store, weight=2).version != first.version
    assert version_of("linear", FILES, 0.5) != version_of("linear", FILES, 0.6)
    assert version_of("linear", FILES, np.float64(0.5)) == version_of("linear", FILES, 0.5)


def test_a_damaged_version_is_replaced_by_saving_it_again(store: ModelStore) -> None:
    saved = save(store)
    (saved.path / "model.json").write_bytes(b"{}")
    assert save(store).read("model.json") == b'{"weights": [1]}'
    assert [path.name for path in saved.path.parent.iterdir()] == [saved.version]


@hypothesis_settings(max_examples=60)
@given(st.data())
def test_a_flipped_bit_anywhere_is_seen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = ModelStore(tmp_path_factory.mktemp("models"))
    saved = save(store, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    files = sorted(path for path in saved.path.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    # A bit of the manifest's format number may make it look newer; a name in it may become one that is not allowed.
    assert code_of(lambda: store.load("question", saved.version)) in {"CP-ML-021", "CP-ML-022", "CP-ML-023"}


def truncate(folder: Path) -> None:
    path = folder / "model.json"
    path.write_bytes(path.read_bytes()[:-3])


def add_pickle(folder: Path) -> None:
    (folder / "extra.pkl").write_bytes(pickle.dumps({"x": 1}))


def link(folder: Path) -> None:
    path = folder / "model.json"
    content = path.read_bytes()
    path.unlink()
    (folder.parent / "elsewhere.json").write_bytes(content)
    path.symlink_to(folder.parent / "elsewhere.json")


def edit_manifest(change: Callable[[dict], None], *, checksum: bool = True) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "manifest.json"
        value = json.loads(path.read_bytes())
        change(value)
        value.pop("checksum")
        value["checksum"] = store_module._checksum(value) if checksum else "0"
        path.write_text(json.dumps(value), encoding="utf-8")

    return damage


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (truncate, "CP-ML-021"),
        (lambda folder: (folder / "model.json").unlink(), "CP-ML-021"),
        (lambda folder: (folder / "card.md").unlink(), "CP-ML-021"),
        (lambda folder: (folder / "manifest.json").unlink(), "CP-ML-021"),
        (lambda folder: (folder / "manifest.json").write_bytes(b""), "CP-ML-021"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"[]"), "CP-ML-021"),
        (add_pickle, "CP-ML-021"),
        (link, "CP-ML-023"),
        (edit_manifest(lambda value: value.update(format=2)), "CP-ML-022"),
        (edit_manifest(lambda value: value.update(seed=1), checksum=False), "CP-ML-021"),
        (edit_manifest(lambda value: value.update(threshold=0.9)), "CP-ML-021"),
        (edit_manifest(lambda value: value.update(name="author")), "CP-ML-021"),
        (edit_manifest(lambda value: value.update(more=1)), "CP-ML-021"),
        (
            edit_manifest(lambda value: value["model_files"].update({"x.pkl": {"sha256": "0", "bytes": 1}})),
            "CP-ML-023",
        ),
        (
            edit_manifest(
                lambda value: value["model_files"].update({"../x.json": {"sha256": "0", "bytes": 1}})
            ),
            "CP-ML-023",
        ),
    ],
)
def test_damage_is_a_coded_error(store: ModelStore, damage: Callable[[Path], None], code: str) -> None:
    saved = save(store)
    damage(saved.path)
    assert code_of(lambda: store.load("question", saved.version)) == code


def test_a_file_changed_after_loading_is_not_handed_out(store: ModelStore) -> None:
    saved = save(store)
    (saved.path / "model.json").write_bytes(b'{"weights": [9]}')
    assert code_of(lambda: saved.read("model.json")) == "CP-ML-021"
    assert code_of(lambda: saved.read("../secret.json")) == "CP-ML-021"


@pytest.mark.parametrize(
    "name", ["model.pkl", "model.pt", "model.joblib", "../model.json", "a/b/c.json", ".json", "/x.json"]
)
def test_only_safe_files_are_saved(store: ModelStore, name: str) -> None:
    assert (
        code_of(lambda: store.save("question", "linear", {name: b"x"}, threshold=None, training=TRAINING))
        == "CP-ML-023"
    )
    assert store.names() == []


@pytest.mark.parametrize(
    ("name", "version"), [("question", "linear-000000000000"), ("../x", "y"), ("question", "../..")]
)
def test_unknown_versions(store: ModelStore, name: str, version: str) -> None:
    assert code_of(lambda: store.load(name, version)) == "CP-ML-020"


def test_a_save_that_fails_in_the_middle_leaves_nothing(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raising at every write in turn: never a version, and then a whole one."""
    real, calls, stop = store_module._write_file, [], [0]

    def failing(path: Path, data: bytes) -> None:
        calls.append(path)
        if len(calls) == stop[0]:
            raise OSError("disk full")
        real(path, data)

    monkeypatch.setattr(store_module, "_write_file", failing)
    for stop[0] in range(1, 6):
        calls.clear()
        with pytest.raises(OSError, match="disk full"):
            save(store)
        assert store.versions("question") == []
        assert list((store.root / "question").iterdir()) == []
    stop[0] = 0
    assert save(store).read("model.json")


KILLED = """
import os, signal, sys
from pathlib import Path
from chat_platform.ml.registry import store as module
real, left = module._write_file, [int(sys.argv[2])]
def dying(path, data):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    real(path, data)
module._write_file = dying
training = module.Training(1, "ab", "1", 0, {})
files = {"model.json": b"{}", "a.txt": b"x"}
module.ModelStore(Path(sys.argv[1])).save("question", "linear", files, threshold=None, training=training)
"""


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_killed_save_leaves_no_version_and_is_swept(store: ModelStore, writes: int) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(store.root), str(writes)], check=False)
    assert done.returncode == -9
    assert store.versions("question") == []
    (left,) = (store.root / "question").iterdir()
    save(store)
    assert left.exists(), "a saver that may still live is left alone"
    os.utime(left, (0, 0))
    save(store)
    assert not left.exists()
    assert len(store.versions("question")) == 1


def fitted(seed: int = 0) -> LogisticRegression:
    random = np.random.default_rng(seed)
    x = random.random((40, 3))
    return LogisticRegression().fit(x, x[:, 0] > 0.5)


TRAIN_AND_DUMP = """
import sys, numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from chat_platform.ml.registry.formats import dump_skops
x = np.random.default_rng(0).random((40, 3))
junk = [object() for _ in range(int(sys.argv[1]))]
sys.stdout.buffer.write(dump_skops(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, x[:, 0] > 0.5)))
"""


@pytest.mark.exhaustive
def test_skops_bytes_are_the_same_in_every_process() -> None:
    dumps = [
        subprocess.run(
            [sys.executable, "-c", TRAIN_AND_DUMP, str(junk)], capture_output=True, check=True
        ).stdout
        for junk in (1, 5000)
    ]
    assert dumps[0] == dumps[1]
    assert canonical_skops(dumps[0]) == dumps[0]


def test_skops_models_come_back_as_they_were() -> None:
    x = np.random.default_rng(1).random((20, 3))
    data = dump_skops(fitted())
    assert np.array_equal(load_skops(data, []).predict_proba(x), fitted().predict_proba(x))
    assert dump_skops(fitted(1)) != data
    texts = ["이거 왜 안 되나요", "네 됩니다", "왜 안 되나요"]
    vectorizer = NgramVectorizer().fit(of_characters(texts))
    back = load_skops(dump_skops(vectorizer), [NgramVectorizer])
    assert (back.transform(of_characters(texts)) != vectorizer.transform(of_characters(texts))).nnz == 0


def test_types_that_are_not_trusted_are_refused() -> None:
    data = dump_skops(NgramVectorizer().fit(of_characters(["가나", "가나"])))
    assert code_of(lambda: load_skops(data, [])) == "CP-ML-024"


@hypothesis_settings(max_examples=40)
@given(st.binary(max_size=200))
def test_other_bytes_are_a_coded_error(data: bytes) -> None:
    for read in (lambda: load_skops(data, []), lambda: canonical_skops(data)):
        assert code_of(read) == "CP-ML-021"


def test_arrays_come_back_and_their_bytes_repeat() -> None:
    arrays = {"b": np.arange(6, dtype=np.uint64).reshape(2, 3), "a": np.array([0.5, 1.5], dtype=np.float32).T}
    data = dump_arrays(arrays)
    assert data == dump_arrays(dict(reversed(arrays.items())))
    back = load_arrays(data)
    assert all(
        np.array_equal(back[name], arrays[name]) and back[name].dtype == arrays[name].dtype for name in arrays
    )
    for damaged in (b"", data[:-1], b"x" * 40):
        assert code_of(lambda damaged=damaged: load_arrays(damaged)) == "CP-ML-021"


def test_reading_arrays_imports_nothing_slow() -> None:
    code = (
        "import sys, numpy as np, chat_platform.ml.registry.store, chat_platform.ml.registry.formats as f\n"
        "f.load_arrays(f.dump_arrays({'a': np.ones(2)}))\n"
        "print([n for n in ('sklearn', 'scipy', 'skops', 'torch', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_skops_file_whose_schema_points_nowhere_is_a_coded_error() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "schema.json", json.dumps({"__loader__": "NdArrayNode", "file": "gone.npy", "protocol": 0})
        )
    assert code_of(lambda: canonical_skops(buffer.getvalue())) == "CP-ML-021"
    assert code_of(lambda: load_skops(buffer.getvalue(), [])) == "CP-ML-021"


def test_what_lies_beside_a_model_is_saved_and_read_back(store: ModelStore) -> None:
    rows, champion = scored(300), scored(300, seed=1)
    evaluation = evaluate_binary("holdout", {"raw": rows})
    version = version_of("linear", FILES, 0.4)
    facts = CardFacts(
        "question", version, "linear", datetime(2026, 1, 1, tzinfo=UTC), "Says whether it asks.", 0.4,
        {"seed": 100}, "ab" * 32, "1", 0, {},
    )  # fmt: skip
    reference = Reference((0.5,), (1, 2), frozenset({"질문"}), None, 0.3, 7)
    side = side_files(
        facts, evaluation, rows, champion=("linear-0123456789ab", champion), reference=reference
    )
    saved = store.save("question", "linear", FILES, threshold=0.4, training=TRAINING, side_files=side)
    assert saved.version == version
    assert Evaluation.from_json(saved.read("evaluation.json")).to_json() == evaluation.to_json()
    assert ScoredRows.from_json(saved.read("predictions-linear-0123456789ab.json")).keys == champion.keys
    assert Reference.from_json(saved.read("drift_reference.json")) == reference
    card = saved.read("card.md").decode("utf-8")
    linked = set(re.findall(r"\]\(([^)]+)\)", card))
    assert len(linked) == 3 and all(saved.has(name) for name in linked)
    own = side_files(facts, evaluation, rows, champion=(version, champion))
    assert predictions_file(version) not in own


RULES = PromotionRules(floor=0.6, min_rows=100, min_each_class=20)


def failed(decision: object) -> list[str]:
    return [check.name for check in decision.checks if not check.passed]


def test_a_good_first_candidate_is_promoted(log: PromotionLog) -> None:
    decision = judge(scored(2000), None, RULES)
    assert (decision.promoted, failed(decision)) == (True, [])
    assert decide(log, "question", "linear-a", decision, by="tests")
    assert log.champion("question") == "linear-a"
    assert "there is no champion yet" in log.history("question")[0]["reasons"][0]


def test_the_floor() -> None:
    decision = judge(scored(2000), None, RULES.model_copy(update={"floor": 0.95}))
    assert (
        failed(decision) == ["floor"] and "0.950" in decision.reasons[0] and "최소" in decision.reasons_ko[0]
    )


def test_too_few_rows() -> None:
    assert failed(judge(scored(2000), None, RULES.model_copy(update={"min_rows": 2001}))) == ["enough_rows"]
    assert failed(judge(scored(2000), None, RULES.model_copy(update={"min_each_class": 1500}))) == [
        "enough_rows"
    ]


def test_calibration() -> None:
    good = scored(2000)
    sharp = type(good)(
        good.keys, good.groups, good.labels, np.where(good.probabilities > 0.4, 0.99, 0.01), 0.4
    )
    assert failed(judge(sharp, None, RULES)) == ["calibration"]
    assert "calibration" not in failed(judge(scored(120), None, RULES)), "chance on few rows is allowed for"


def with_errors(rows: object, mask: np.ndarray, share: float) -> object:
    """The rows, with the probability mirrored on a share of the masked ones."""
    turned = mask & (np.random.default_rng(0).random(len(rows)) < share)
    mirrored = np.where(turned, np.where(rows.probabilities >= 0.4, 0.1, 0.7), rows.probabilities)
    return type(rows)(rows.keys, rows.groups, rows.labels, mirrored, rows.threshold, rows.masks)


def test_worse_than_the_champion() -> None:
    champion = scored(2000)
    everywhere = np.ones(2000, bool)
    lenient = RULES.model_copy(update={"max_calibration_error": 1.0, "slice_drop": 1.0, "floor": 0.0})
    assert failed(judge(with_errors(champion, everywhere, 0.2), champion, lenient)) == ["not_worse"]
    assert failed(judge(champion, champion, RULES)) == []
    assert failed(judge(champion, with_errors(champion, everywhere, 0.2), RULES)) == []


def test_a_large_drop_is_refused_even_within_its_interval() -> None:
    champion = scored(150)
    lenient = RULES.model_copy(
        update={"max_calibration_error": 1.0, "slice_drop": 1.0, "floor": 0.0, "largest_drop": 0.0}
    )
    found = np.flatnonzero(champion.labels & (champion.probabilities >= 0.4))
    worse = with_errors(champion, np.isin(np.arange(150), found[:1]), 1.0)
    gap = differences(worse, champion, lenient)[1]["f1"]
    assert gap.value < 0 <= gap.high
    assert failed(judge(worse, champion, lenient)) == ["not_worse"]


def test_rows_that_only_one_model_scored_do_not_compare() -> None:
    champion = scored(2000)
    other = type(champion)(
        tuple(f"other-{n}" for n in range(2000)),
        champion.groups,
        champion.labels,
        champion.probabilities,
        0.4,
    )
    decision = judge(champion, other, RULES)
    assert failed(decision) == ["not_worse"] and "only 0 rows" in decision.reasons[0]


def test_a_slice_that_collapses() -> None:
    champion = scored(2000)
    lenient = RULES.model_copy(update={"max_calibration_error": 1.0, "largest_drop": 1.0, "floor": 0.0})
    fallen = with_errors(champion, champion.masks["language=en"] & (np.arange(2000) < 400), 1.0)
    whole_passes = lenient.model_copy(update={"slice_rows": 5000})
    assert "slices" not in failed(judge(fallen, champion, whole_passes))
    decision = judge(fallen, champion, lenient)
    assert "slices" in failed(decision)
    assert any("language=en" in reason for reason in decision.reasons)
    assert not any("language=ko" in reason for reason in decision.reasons)


def test_a_corrected_label_counts_for_both() -> None:
    champion = scored(2000)
    corrected = type(champion)(
        champion.keys, champion.groups, ~champion.labels, champion.probabilities, 0.4, champion.masks
    )
    _, found = differences(corrected, champion, RULES)
    assert found["f1"].value == 0


def test_degenerate_candidates_are_refused_for_a_reason() -> None:
    rows = scored(0)
    decision = judge(rows, None, RULES)
    assert {"enough_rows", "floor", "calibration"} <= set(failed(decision))
    same = scored(300)
    only_no = type(same)(same.keys, same.groups, np.zeros(300, bool), same.probabilities, 0.4, same.masks)
    assert {"enough_rows", "floor"} <= set(failed(judge(only_no, same, RULES)))


def test_a_ranking_model_is_judged_by_its_first_guesses() -> None:
    rules = AuthorPromotionRules(floor=0.3)
    right = scored(1000)
    assert failed(judge(right, None, rules.model_copy(update={"floor": 0.2}))) == []
    better = type(right)(right.keys, right.groups, np.ones(1000, bool), np.full(1000, 0.95), 0.0)
    assert failed(judge(better, right, rules)) == []
    assert "not_worse" in failed(judge(right, better, rules))


def test_a_refusal_keeps_the_champion(log: PromotionLog) -> None:
    log.promote("question", "linear-a", by="tests", reason="first")
    decision = judge(scored(50), None, RULES)
    assert not decide(log, "question", "linear-b", decision, by="tests")
    assert log.champion("question") == "linear-a"
    assert log.history("question")[-1]["reasons"] == decision.reasons


def loader(stored: StoredModel) -> int:
    return json.loads(stored.read("model.json"))["weights"][0]


def test_the_champion_serves(store: ModelStore, log: PromotionLog) -> None:
    assert code_of(lambda: serve(store, log, "question", loader)) == "CP-ML-025"
    for weight in (1, 2, 3):
        log.promote("question", save(store, weight=weight).version, by="tests", reason="")
    served = serve(store, log, "question", loader)
    assert (served.model, served.problems) == (3, ())
    assert served.version == served.champion == log.champion("question")


def test_a_damaged_champion_lets_the_one_before_serve(store: ModelStore, log: PromotionLog) -> None:
    saved = [save(store, weight=weight) for weight in (1, 2, 3)]
    for one in saved:
        log.promote("question", one.version, by="tests", reason="")
    truncate(saved[2].path)
    served = serve(store, log, "question", loader)
    assert (served.model, served.version, served.champion) == (2, saved[1].version, saved[2].version)
    (problem,) = served.problems
    assert saved[2].version in problem and "CP-ML-021" in problem
    add_pickle(saved[1].path)
    assert serve(store, log, "question", loader).model == 1
    truncate(saved[0].path)
    assert code_of(lambda: serve(store, log, "question", loader)) == "CP-ML-025"


def test_a_version_that_was_rolled_back_does_not_serve_again(store: ModelStore, log: PromotionLog) -> None:
    saved = [save(store, weight=weight) for weight in (1, 2, 3)]
    for one in saved[:2]:
        log.promote("question", one.version, by="tests", reason="")
    log.rollback("question", by="tests")
    log.promote("question", saved[2].version, by="tests", reason="")
    assert champions(log, "question") == [saved[2].version, saved[0].version]
    truncate(saved[2].path)
    assert serve(store, log, "question", loader).model == 1
