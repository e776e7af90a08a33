"""The author model with an encoder: taught from nothing, picked by the evaluation, kept, loaded, explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from chat_platform.cli import who
from chat_platform.errors import ModelError
from chat_platform.ingestion import author_training
from chat_platform.ml.authors import naming
from chat_platform.ml.authors.dataset import SCHEMA, AuthorRows, AuthorSplit
from chat_platform.ml.authors.evaluate import evaluate
from chat_platform.ml.authors.model import (
    FILE,
    AnonymousText,
    AuthorModel,
    NamedText,
    Prepared,
    fit,
    load,
    prepare,
    save,
)
from chat_platform.ml.authors.reasons import HOW_OMITTED
from chat_platform.ml.encoder import embedding, extra, vocabulary
from chat_platform.ml.encoder.embedding import TextEncoder
from chat_platform.ml.encoder.progress import Progress
from chat_platform.ml.encoder.settings import EncoderSize, TransformerSettings
from chat_platform.ml.registry.formats import dump_arrays
from chat_platform.settings import AUTHOR_CANDIDATES, Settings
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace

needs_extra = pytest.mark.skipif(not extra.available(), reason="the extra [transformers] is not installed")

TINY = TransformerSettings(
    size=EncoderSize(layers=1, hidden=32, heads=2, vocabulary=460),
    keep_case=True,
    max_length=24,
    pretraining_epochs=1,
    epochs=4,
    batch_size=32,
    pretraining_rate=2e-3,
    rate=3e-3,
)
ENDINGS = {
    "dots": "했어요..",
    "formal": "했습니다",
    "laugh": "했어 ㅋㅋ",
    "yop": "했어욥",
    "CAPS": "했어요 OK",
}
_NOUNS = ("과제", "코드", "파일", "서버", "모델", "수업", "화면", "문서", "시험")
_CHILD = """
import sys
from pathlib import Path
import test_author_encoder as tests
tests.taught(tests.prepared_rows(), Path(sys.argv[1]), save_every_s=0,
             on_progress=lambda progress: print(progress.phase, progress.step, flush=True))
"""


def chat(days: int = 30, seed: int = 1) -> pa.Table:
    """Everybody says the same things; only how they end tells them apart."""
    rng = np.random.default_rng(seed)
    start, said = datetime(2026, 3, 2, tzinfo=UTC), []
    for day in range(days):
        for minute in range(4):
            for person, ending in ENDINGS.items():
                nouns = " ".join(rng.choice(_NOUNS, 3))
                said.append(
                    (person, f"{nouns} {ending}", start + timedelta(days=day, minutes=minute), f"day {day}")
                )
    persons, texts, times, days_of = zip(*said, strict=True)
    return pa.table(
        {
            "message_id": [f"m{number:05d}" for number in range(len(said))],
            "person_id": persons,
            "text": texts,
            "sent_at": times,
            "conversation_id": days_of,
        }
    ).cast(SCHEMA)


def divided() -> AuthorSplit:
    rows = chat()
    late = np.array([int(name.split()[1]) >= 24 for name in rows["conversation_id"].to_pylist()])
    return AuthorSplit(rows.filter(pa.array(~late)), rows.filter(pa.array(late)), 0)


def prepared_rows() -> Prepared:
    return prepare(divided().train, seed=2)


def taught(prepared: Prepared, folder: Path, **options: object) -> TextEncoder:
    on_progress = options.pop("on_progress", None)
    settings = TINY.model_copy(update=options)
    return naming.train_encoder(
        prepared.lessons(), settings=settings, work_folder=folder, on_progress=on_progress
    )


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepared_rows()


@pytest.fixture(scope="module")
def encoder(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    return taught(prepared, tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def models(prepared: Prepared, encoder: TextEncoder) -> dict[str, AuthorModel]:
    return fit(prepared, AUTHOR_CANDIDATES, encoder)


@needs_extra
def test_every_kind_is_measured_on_the_same_messages(models: dict[str, AuthorModel]) -> None:
    test = divided().test
    found = {kind: evaluate(model, test) for kind, model in models.items()}
    assert list(found) == list(AUTHOR_CANDIDATES)
    assert [models[kind].kind for kind in found] == list(found)
    for one in found.values():
        assert len(one.singles.authors) == len(test)
        assert one.value("all", "top1") > 0.9
        assert one.value("all", "ece") < 0.15
        assert one.value("pooled=5", "top1") >= one.value("all", "top1") - 0.05


@needs_extra
def test_an_encoder_is_not_taught_strangers_nor_later_conversations(prepared: Prepared) -> None:
    lessons = prepared.lessons()
    strangers = set(range(len(prepared.persons))) - set(prepared.acquainted().tolist())
    assert len(strangers) == 1
    assert strangers.isdisjoint(prepared.authors[lessons.learnt])
    assert not prepared.later[lessons.learnt].any()
    assert prepared.later[lessons.held_out].all()


@needs_extra
@pytest.mark.parametrize("kind", ["encoder", "characters_encoder"])
def test_a_loaded_model_says_the_same(models: dict[str, AuthorModel], kind: str) -> None:
    files = save(models[kind])
    again = load(files)
    assert set(files) == {FILE, *embedding.FILES}
    assert save(again) == files
    asked = [NamedText(text) for text in divided().test["text"].to_pylist()[:6]]
    assert [again.guess([text]) for text in asked] == [models[kind].guess([text]) for text in asked]
    assert again.guess(asked) == models[kind].guess(asked)


@needs_extra
def test_the_same_lessons_give_the_same_files(
    prepared: Prepared, models: dict[str, AuthorModel], tmp_path: Path
) -> None:
    again = fit(prepared, ("encoder",), taught(prepared, tmp_path))["encoder"]
    assert save(again) == save(models["encoder"])


@needs_extra
@pytest.mark.exhaustive
def test_a_killed_training_goes_on_and_ends_the_same(
    prepared: Prepared, encoder: TextEncoder, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", _CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.split() == ["naming", "9"]:
                os.kill(child.pid, signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    told: list[Progress] = []
    assert embedding.save(taught(prepared, tmp_path, on_progress=told.append)) == embedding.save(encoder)
    assert told[0].phase == "naming"
    assert told[0].step >= 9
    naming.discard_states(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs_extra
@pytest.mark.parametrize("kind", ["encoder", "characters_encoder"])
def test_evidence_is_the_word_without_which_a_person_is_less_likely(
    models: dict[str, AuthorModel], kind: str
) -> None:
    texts = ["ㅎ", "수업 화면 과제 했어욥", "파일 코드 했어욥"]
    guess = models[kind].guess([NamedText(text) for text in texts])
    assert guess.by_omission
    assert (guess.used, guess.candidates[0].person_id) == (2, "yop")
    strongest = guess.candidates[0].evidence[0]
    assert strongest.text == "했어욥"
    for one in guess.candidates[0].evidence:
        assert texts[one.message][one.start : one.end] == one.text
    assert not models["characters"].guess([NamedText(texts[1])]).by_omission


@needs_extra
def test_the_command_says_what_its_evidence_is(
    models: dict[str, AuthorModel], capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, model in models.items():
        who.answer(model, kind, {}, ["수업 화면 과제 했어욥"], each=False, top=2, as_json=False)
        said = capsys.readouterr().out
        assert (HOW_OMITTED[0] in said or HOW_OMITTED[1] in said) == (kind != "characters")


@needs_extra
def test_an_encoder_changes_nothing_of_what_is_refused(models: dict[str, AuthorModel]) -> None:
    model = models["characters_encoder"]
    with pytest.raises(ModelError) as caught:
        model.guess([AnonymousText("수업 화면 했어욥")])  # type: ignore[list-item]
    assert caught.value.code == "CP-ML-031"
    assert model.guess([NamedText("👍")]).reason == "too_little_text"
    assert model.guess([NamedText("この授業は何時からですか")]).reason == "unfamiliar"
    assert model.guess([NamedText("가" * 100_000)]).reason == "too_long"


@needs_extra
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({embedding.WEIGHTS: b"cut"}, "CP-ML-045"),
        ({embedding.CONFIG: b"{}"}, "CP-ML-045"),
        ({embedding.TOKENIZER: b"{}"}, "CP-ML-045"),
        ({embedding.READING: b'{"format": 1, "max_length": 4000}'}, "CP-ML-045"),
        ({embedding.READING: b'{"format": 9, "max_length": 24}'}, "CP-ML-045"),
        ({embedding.WEIGHTS: None}, "CP-ML-045"),
        (dict.fromkeys(embedding.FILES), "CP-ML-034"),
    ],
)
def test_a_damaged_encoder_is_a_coded_error(
    models: dict[str, AuthorModel], change: dict[str, bytes | None], code: str
) -> None:
    changed = {name: data for name, data in (save(models["encoder"]) | change).items() if data is not None}
    with pytest.raises(ModelError) as caught:
        load(changed)
    assert caught.value.code == code


@needs_extra
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder.center", np.zeros(3, np.float32)),
        ("encoder.scale", np.zeros(32, np.float32)),
        ("encoder.weights", np.full((32, 5), np.nan, np.float32)),
        ("encoder.intercepts", None),
    ],
)
def test_wrong_numbers_beside_an_encoder_are_a_coded_error(
    models: dict[str, AuthorModel], name: str, value: np.ndarray | None
) -> None:
    state = models["encoder"].state() | {name: value}
    data = dump_arrays({key: array for key, array in state.items() if array is not None})
    with pytest.raises(ModelError) as caught:
        load(save(models["encoder"]) | {FILE: data})
    assert caught.value.code == "CP-ML-034"


@needs_extra
def test_a_checkpoint_of_any_kind_is_taught_kept_and_loaded(prepared: Prepared, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = vocabulary.learn_vocabulary(prepared.texts, 460)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=20,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "checkpoint")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(
        tmp_path / "checkpoint"
    )
    told: list[Progress] = []
    checkpoint = str(tmp_path / "checkpoint")
    encoder = taught(prepared, tmp_path / "work", checkpoint=checkpoint, epochs=1, on_progress=told.append)
    assert {progress.phase for progress in told} == {"naming"}
    assert (encoder.width, encoder.reader.max_length) == (16, 20)
    again = embedding.load(embedding.save(encoder))
    np.testing.assert_array_equal(again.embed(prepared.texts[:20]), encoder.embed(prepared.texts[:20]))
    assert checkpoint not in embedding.save(encoder)[embedding.CONFIG].decode()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A home whose five people agreed; their messages come from ``chat`` instead of the lake."""
    wanted = {"author_candidates": list(AUTHOR_CANDIDATES)}
    low = {"floor": 0, "min_rows": 1, "min_each_class": 1, "max_calibration_error": 1}
    found = Workspace(Settings(home=tmp_path, models=wanted, promotion={"author": low}))
    for person in ENDINGS:
        ConsentLog(found.database).grant(person, AUTHOR_MODEL, by="test")
    monkeypatch.setattr(author_training, "_rows", lambda *_: AuthorRows(chat(), {}))
    monkeypatch.setattr(author_training.dataset, "split_by_time", lambda _: divided())
    monkeypatch.setattr(naming, "settings_for", lambda *_: TINY)
    return found


@needs_extra
def test_training_keeps_every_kind_and_notes_the_best(workspace: Workspace) -> None:
    found = author_training.train_candidate(workspace)
    assert list(found.kept) == list(found.top1) == list(AUTHOR_CANDIDATES)
    assert found.model.version in found.kept.values()
    assert found.skipped == {}
    store = author_training.model_store(workspace)
    assert set(store.versions("author")) == set(found.kept.values())
    for kind, version in found.kept.items():
        stored = store.load("author", version)
        assert stored.manifest.kind == kind
        assert f"| kind | {kind} |" in stored.read("card.md").decode()
        assert stored.manifest.figures["top1"] == pytest.approx(found.top1[kind])
        assert ("torch" in stored.manifest.training.libraries) == (kind != "characters")
    assert not list((workspace.settings.home / "work").rglob("*.safetensors"))
    assert author_training.train_candidate(workspace).kept == found.kept


@needs_extra
def test_without_the_extra_the_champion_before_serves(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = author_training.train_candidate(workspace).kept
    log = PromotionLog(workspace.database)
    for kind in ("characters", "encoder"):
        log.promote("author", kept[kind], by="test", reason="")
    assert author_training.load_author_champion(workspace).version == kept["encoder"]
    monkeypatch.setattr(extra, "available", lambda: False)
    served = author_training.load_author_champion(workspace)
    assert (served.version, served.champion) == (kept["characters"], kept["encoder"])
    assert "CP-ML-040" in served.problems[0]


def test_without_the_extra_the_others_are_trained_and_it_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "available", lambda: False)
    told: list[str] = []
    found = author_training.train_candidate(workspace, told.append)
    assert set(found.kept) == {"characters"}
    assert set(found.skipped) == {"encoder", "characters_encoder"}
    assert all("CP-ML-040" in why for why in found.skipped.values())
    assert [line.split(":")[0] for line in told] == ["encoder", "characters_encoder"]


def test_settings_name_kinds_that_exist() -> None:
    with pytest.raises(ValueError, match="author_candidates"):
        Settings(models={"author_candidates": ["characters", "transformer"]})
    with pytest.raises(ValueError, match="author_candidates"):
        Settings(models={"author_candidates": ["encoder"]})
