"""The transformer candidate from nothing: it learns, survives a kill, repeats itself, and refuses what is damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chat_platform.errors import ModelError
from chat_platform.ml.encoder import extra
from chat_platform.ml.encoder.progress import Progress
from chat_platform.ml.encoder.settings import EncoderSize, TransformerSettings
from chat_platform.ml.questions.transformer import model, training
from chat_platform.ml.questions.transformer.model import TransformerQuestionModel

pytestmark = pytest.mark.skipif(not extra.available(), reason="the extra [transformers] is not installed")

TINY = TransformerSettings(
    size=EncoderSize(layers=2, hidden=48, heads=2, vocabulary=500),
    max_length=24,
    pretraining_epochs=2,
    epochs=8,
    batch_size=32,
    pretraining_rate=2e-3,
    rate=2e-3,
)
_NOUNS = ("과제", "코드", "파일", "서버", "모델", "수업", "화면", "문서")
_ASKED = ("는 언제 하나요", "는 어디서 보나요", "를 왜 쓰는지요", "도 제출할까요")
_TOLD = ("를 했습니다", "가 보이네요", "는 어렵습니다", "도 제출했어요")
_CHILD = """
import json, sys
from pathlib import Path
from chat_platform.ml.questions.transformer import training
from chat_platform.ml.encoder.settings import TransformerSettings
given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
training.train(
    given["texts"], given["labels"], settings=TransformerSettings(**given["settings"]),
    work_folder=Path(sys.argv[2]),
    on_progress=lambda progress: print(progress.phase, progress.step, flush=True),
)
"""


def classroom(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Sentences that ask or tell by their ending only."""
    rng = np.random.default_rng(seed)
    asks = rng.random(count) < 0.5
    texts = [
        f"{rng.choice(_NOUNS)} {rng.choice(_NOUNS)}{rng.choice(_ASKED if ask else _TOLD)}" for ask in asks
    ]
    return texts, asks


def trained(
    folder: Path, settings: TransformerSettings, count: int = 480, told: list[Progress] | None = None
) -> TransformerQuestionModel:
    texts, labels = classroom(count, seed=1)
    record = told.append if told is not None else None
    return training.train(texts, labels, settings=settings, work_folder=folder, on_progress=record)


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, told: list[Progress]) -> TransformerQuestionModel:
    return trained(tmp_path_factory.mktemp("work"), TINY, told=told)


@pytest.fixture(scope="module")
def files(tiny: TransformerQuestionModel) -> dict[str, bytes]:
    return model.save(tiny)


def test_it_learns_a_rule_from_a_random_start(tiny: TransformerQuestionModel) -> None:
    texts, asks = classroom(300, seed=2)
    assert np.mean((tiny.probabilities(texts) >= 0.5) == asks) >= 0.97


def test_its_probabilities_are_not_surer_than_it_is_right(tiny: TransformerQuestionModel) -> None:
    texts, asks = classroom(300, seed=3)
    probabilities = tiny.probabilities(texts)
    assert abs(probabilities.mean() - asks.mean()) < 0.05
    assert 0 < probabilities.min() < probabilities.max() < 1


def test_it_tells_every_step_of_both_phases(tiny: TransformerQuestionModel, told: Sequence[Progress]) -> None:
    for phase in ("pretraining", "fine-tuning"):
        steps = [progress for progress in told if progress.phase == phase]
        assert [progress.step for progress in steps] == list(range(1, len(steps) + 1))
        assert len(steps) <= steps[-1].steps
        assert steps[-1].loss < steps[0].loss
    assert told[-1].seconds_left < 60


def test_a_model_that_was_loaded_says_the_same(
    tiny: TransformerQuestionModel, files: dict[str, bytes]
) -> None:
    texts, _ = classroom(100, seed=4)
    again = model.load(files)
    np.testing.assert_array_equal(again.probabilities(texts), tiny.probabilities(texts))
    assert model.save(again) == files


def test_order_and_company_of_a_text_change_nothing(tiny: TransformerQuestionModel) -> None:
    texts, _ = classroom(50, seed=5)
    mixed = [*texts, "수업 " * 40, *texts]
    together = tiny.probabilities(mixed)
    alone = np.concatenate([tiny.probabilities([text]) for text in texts])
    np.testing.assert_allclose(together[:50], alone, atol=1e-5)
    np.testing.assert_array_equal(together[:50], together[51:])


@pytest.mark.parametrize("text", ["", " ", "🤔🤔", "...!", "🙏🏽 ㆍ", "这是什么问题", "كيف حالك"])
def test_a_text_that_says_nothing_gets_the_share_of_questions(
    tiny: TransformerQuestionModel, text: str
) -> None:
    assert tiny.probabilities([text])[0] == tiny.calibration.prior
    assert 0.4 < tiny.calibration.prior < 0.6


def test_no_text_at_all_gives_no_probability(tiny: TransformerQuestionModel) -> None:
    assert tiny.probabilities([]).shape == (0,)


def test_of_a_very_long_text_the_end_still_counts(tiny: TransformerQuestionModel) -> None:
    middle = "과제 코드 " * 10_000
    asked, said = tiny.probabilities([f"수업 {middle}는 언제 하나요", f"수업 {middle}를 했습니다"])
    assert len(middle.encode()) > 100_000
    assert asked > said


@pytest.mark.parametrize(("phase", "step"), [("pretraining", 9), ("fine-tuning", 20)])
@pytest.mark.exhaustive
def test_a_killed_training_ends_as_if_nothing_had_happened(
    tmp_path: Path, files: dict[str, bytes], phase: str, step: int
) -> None:
    texts, labels = classroom(480, seed=1)
    given = {"texts": texts, "labels": labels.tolist(), "settings": TINY.model_dump() | {"save_every_s": 0}}
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="utf-8")
    work = tmp_path / "work"
    kill_at(phase, step, [sys.executable, "-c", _CHILD, str(tmp_path / "given.json"), str(work)])

    told: list[Progress] = []
    assert model.save(trained(work, TINY, told=told)) == files
    assert (told[0].phase, told[0].step >= step) == (phase, True)


def kill_at(phase: str, step: int, command: list[str]) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.split() == [phase, str(step)]:
                os.kill(child.pid, signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"pretraining_epochs": 1, "epochs": 1})
    first = trained(tmp_path, settings, count=120)
    told: list[Progress] = []
    assert model.save(trained(tmp_path, settings, count=120, told=told)) == model.save(first)
    assert told == []


@pytest.mark.parametrize("harm", ["other data", "cut off", "not a state"])
def test_a_state_that_does_not_fit_is_not_used(tmp_path: Path, harm: str) -> None:
    settings = TINY.model_copy(update={"pretraining_epochs": 0, "epochs": 1})
    clean = model.save(trained(tmp_path / "clean", settings, count=120))
    if harm == "other data":
        trained(tmp_path / "work", settings, count=200)
    else:
        state = (tmp_path / "clean" / "fine-tuning.safetensors").read_bytes()
        (tmp_path / "work").mkdir()
        damaged = state[:-100] if harm == "cut off" else b"{}"
        (tmp_path / "work" / "fine-tuning.safetensors").write_bytes(damaged)
    assert model.save(trained(tmp_path / "work", settings, count=120)) == clean


def test_only_its_owner_reads_the_states_until_they_are_discarded(tmp_path: Path) -> None:
    trained(tmp_path, TINY.model_copy(update={"pretraining_epochs": 0, "epochs": 1}), count=64)
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [
        ("fine-tuning.safetensors", 0o600)
    ]
    training.discard_states(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"pretraining_epochs": 0, "epochs": 1})
    one = model.save(trained(tmp_path / "a", settings, count=64))
    other = model.save(trained(tmp_path / "b", settings.model_copy(update={"seed": 1}), count=64))
    assert one[model.WEIGHTS] != other[model.WEIGHTS]


def test_training_leaves_the_callers_random_numbers_and_threads_alone(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(5)
    trained(tmp_path, TINY.model_copy(update={"pretraining_epochs": 0, "epochs": 1}), count=64)
    assert torch.equal(torch.rand(3), expected)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_learns_too_and_goes_on_after_a_stop(tmp_path: Path, precision: str) -> None:
    class StoppedError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 20:
            raise StoppedError

    settings = TINY.model_copy(
        update={"precision": precision, "pretraining_epochs": 0, "epochs": 6, "save_every_s": 0}
    )
    texts, labels = classroom(240, seed=1)
    undisturbed = training.train(texts, labels, settings=settings, work_folder=tmp_path / "a")
    with pytest.raises(StoppedError):
        training.train(texts, labels, settings=settings, work_folder=tmp_path / "b", on_progress=stop)
    resumed = training.train(texts, labels, settings=settings, work_folder=tmp_path / "b")
    assert model.save(resumed) == model.save(undisturbed)
    asked, answers = classroom(200, seed=6)
    assert np.mean((resumed.probabilities(asked) >= 0.5) == answers) > 0.8


def test_held_out_texts_end_a_training_that_gets_no_better(tmp_path: Path) -> None:
    texts, _ = classroom(200, seed=1)
    noise = np.random.default_rng(0).random(200) < 0.5
    settings = TINY.model_copy(update={"pretraining_epochs": 0, "epochs": 60, "patience": 1})
    told: list[Progress] = []
    training.train(texts, noise, settings=settings, work_folder=tmp_path, on_progress=told.append)
    assert told[-1].step < told[-1].steps


def test_a_loss_without_bounds_is_said(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"pretraining_epochs": 0, "rate": 1e30})
    with pytest.raises(ModelError) as caught:
        trained(tmp_path, settings, count=200)
    assert caught.value.code == "CP-ML-044"


@pytest.mark.parametrize(
    ("texts", "labels", "weights"),
    [
        ([], [], None),
        (["왜요", "어디예요", "언제예요", "누구예요", "몇 시예요"], [True] * 5, None),
        (["왜요"] * 20 + ["네"] * 20, [True] * 20 + [False] * 20, None),
        ([f"과제 {n} 하나요" for n in range(9)], [True, False] * 4 + [True], [1.0, 0.0] * 4 + [1.0]),
    ],
    ids=["nothing", "one answer", "one text of each", "weightless"],
)
def test_too_little_to_learn_from_is_said(
    tmp_path: Path, texts: list[str], labels: list[bool], weights: list[float] | None
) -> None:
    with pytest.raises(ModelError) as caught:
        training.train(texts, labels, weights, settings=TINY, work_folder=tmp_path)
    assert caught.value.code == "CP-ML-041"


class TestDamage:
    @pytest.mark.parametrize(
        "name", ["model.safetensors", "config.json", "tokenizer.json", "calibration.json"]
    )
    @pytest.mark.parametrize("harm", ["missing", "empty", "cut off", "overwritten"])
    def test_a_damaged_file_is_refused(self, files: dict[str, bytes], name: str, harm: str) -> None:
        data = files[name]
        changed = {"empty": b"", "cut off": data[: len(data) // 2], "overwritten": b"\x00" + data[1:]}
        damaged = {key: value for key, value in files.items() if key != name}
        if harm != "missing":
            damaged[name] = changed[harm]
        refuses(damaged)

    def test_files_of_two_models_are_refused(self, files: dict[str, bytes], tmp_path: Path) -> None:
        larger = EncoderSize(layers=1, hidden=48, heads=2, vocabulary=900)
        settings = TINY.model_copy(update={"size": larger, "pretraining_epochs": 0, "epochs": 1})
        other = model.save(trained(tmp_path, settings, count=64))
        refuses(files | {model.WEIGHTS: other[model.WEIGHTS]})
        refuses(files | {model.CONFIG: other[model.CONFIG]})

    @pytest.mark.parametrize(
        "change",
        [{"format": 2}, {"temperature": 0}, {"temperature": "warm"}, {"prior": 1.5}, {"max_length": 4_000}],
    )
    def test_an_impossible_calibration_is_refused(
        self, files: dict[str, bytes], change: dict[str, object]
    ) -> None:
        value = json.loads(files[model.CALIBRATION]) | change
        refuses(files | {model.CALIBRATION: json.dumps(value).encode()})

    def test_a_file_too_many_is_refused(self, files: dict[str, bytes]) -> None:
        refuses(files | {"pytorch_model.bin": b"\x80\x04"})


def refuses(files: dict[str, bytes]) -> None:
    with pytest.raises(ModelError) as caught:
        model.load(files)
    assert caught.value.code == "CP-ML-045"


class TestCheckpoints:
    """A checkpoint in a local folder; the hub cannot be reached from a test."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
        """A tiny RoBERTa of seven classes with a tokenizer of its own kind."""
        from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
        from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForSequenceClassification

        texts, _ = classroom(200, seed=1)
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        special = ["<s>", "<pad>", "</s>", "<unk>"]
        trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>")
        tokenizer.train_from_iterator(texts, trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        config = RobertaConfig(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=22, num_labels=7, pad_token_id=1,
        )  # fmt: skip
        path = tmp_path_factory.mktemp("checkpoint")
        RobertaForSequenceClassification(config).save_pretrained(path)
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token="<pad>",
            unk_token="<unk>",
            bos_token="<s>",
            eos_token="</s>",
        )
        fast.save_pretrained(path)
        yield path

    def test_it_is_fine_tuned_saved_and_loaded(self, folder: Path, tmp_path: Path) -> None:
        settings = TINY.model_copy(update={"checkpoint": str(folder), "rate": 5e-3})
        told: list[Progress] = []
        fitted = trained(tmp_path, settings, told=told)
        texts, asks = classroom(200, seed=2)
        probabilities = fitted.probabilities(texts)
        assert np.mean((probabilities >= 0.5) == asks) > 0.9
        assert 0 < fitted.probabilities(["수업 " * 50])[0] < 1
        assert {progress.phase for progress in told} == {"fine-tuning"}
        again = model.load(model.save(fitted))
        np.testing.assert_array_equal(again.probabilities(texts), probabilities)
        assert str(folder) not in model.save(fitted)[model.CONFIG].decode()

    @pytest.mark.parametrize(
        ("missing", "code"), [("model.safetensors", "CP-ML-043"), ("config.json", "CP-ML-043")]
    )
    def test_a_folder_that_lacks_something_is_refused(
        self, folder: Path, tmp_path: Path, missing: str, code: str
    ) -> None:
        for path in folder.iterdir():
            if path.name != missing:
                (tmp_path / path.name).write_bytes(path.read_bytes())
        self._refused(str(tmp_path), tmp_path / "work", code)

    def test_weights_that_are_pickled_are_refused(self, folder: Path, tmp_path: Path) -> None:
        import torch

        for path in folder.iterdir():
            if path.name != "model.safetensors":
                (tmp_path / path.name).write_bytes(path.read_bytes())
        torch.save({"classifier.weight": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
        self._refused(str(tmp_path), tmp_path / "work", "CP-ML-043")

    def test_code_that_comes_with_a_checkpoint_is_refused(self, folder: Path, tmp_path: Path) -> None:
        for path in folder.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / "own.py").write_text(
            f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n", encoding="utf-8"
        )
        config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
        config |= {
            "model_type": "own",
            "auto_map": {"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"},
        }
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        self._refused(str(tmp_path), tmp_path / "work", "CP-ML-043")
        assert not (tmp_path / "ran").exists()

    def test_a_folder_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        self._refused(str(tmp_path / "nowhere"), tmp_path / "work", "CP-ML-042")

    def test_an_unreachable_hub_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        self._refused("somebody/some-encoder", tmp_path / "work", "CP-ML-042")

    def _refused(self, checkpoint: str, work: Path, code: str) -> None:
        settings = TINY.model_copy(update={"checkpoint": checkpoint})
        with pytest.raises(ModelError) as caught:
            trained(work, settings, count=64)
        assert caught.value.code == code


def test_the_prior_of_a_calibration_does_not_depend_on_scores() -> None:
    from chat_platform.ml.questions.transformer.calibration import Calibration

    calibration = Calibration(temperature=2.0, prior=0.3, max_length=8)
    scores, silent = np.array([-4.0, 0.0, 4.0, 4.0]), np.array([False, False, False, True])
    expected = [1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-2)), 0.3]
    np.testing.assert_allclose(calibration.probabilities(scores, silent), expected)
    assert replace(calibration, prior=0.9).probabilities(scores, silent)[2] == pytest.approx(expected[2])
