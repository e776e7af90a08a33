"""The question model as it is trained, kept and served."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from chat_platform.errors import ModelError
from chat_platform.ml.evaluation.metrics import confusion
from chat_platform.ml.labels.seed import seed_labels
from chat_platform.ml.messages import from_texts
from chat_platform.ml.questions.augment import TrainingText, augmented
from chat_platform.ml.questions.linear import FOLDS, CalibratedLinearSVC
from chat_platform.ml.questions.model import FILE, QuestionModel, load, save
from chat_platform.ml.registry.formats import dump_arrays, load_arrays

# Class chat that nobody made from the grammar: label, text.
CLASS_CHAT = """
1 혹시 오늘 수업 녹화본 따로 올라오나요?
1 저 t검정이랑 z검정 중에 뭘 써야 하는 건가요?
1 p값이 0.05보다 작으면 무조건 기각인가요?
1 강사님 화면 공유 멈춘 거 맞죠?
1 flexbox 말고 grid로 해도 상관없나요?
1 이미지가 왜 자꾸 깨져서 나오죠??
1 발표 순서 어떻게 정해요?
1 조별로 몇 명까지 가능해요?
1 방금 설명하신 표본분산 n-1로 나누는 이유가 궁금합니다
1 잘 이해를 못 했는데 한 번만 더 짚어주실 수 있을까요?
1 비동기 함수 앞에 await 꼭 붙여야 되나요?
1 도커 안 깔고 진행해도 돼요?
1 지금 실습 파일이 3번 맞나요
1 다들 몇 버전 쓰고 계세요?
1 중간고사 대체 과제인지 아닌지 알 수 있을까요
1 아까 그 사이트 주소 다시 알려주실 수 있나요?
1 이 그래프에서 빨간 점은 뭘 뜻하나요?
1 회귀계수가 음수로 나오면 어떻게 해석하면 될까요ㅠㅠ
1 제 컴퓨터만 느린 건가요??
1 어? 이거 저장 안 하고 닫으면 날아가요?
1 왜 저는 404가 뜨는지 모르겠어요
1 내일도 같은 링크로 들어오면 되나요?
0 네 잘 보입니다!
0 저는 4번이 제일 헷갈렸어요
0 방금 새로고침하니까 해결됐습니다
0 오늘도 고생 많으셨습니다~
0 와 색깔 예쁘게 나왔네요
0 5분만 쉬었다가 다시 모이겠습니다
0 실습 파일은 공지방에 올려두었습니다
0 다음 시간까지 2장 읽어 오세요
0 이어폰 끼고 들으니까 훨씬 낫네요 ㅋㅋ
0 아 제가 오타를 냈었네요 감사합니다
0 소리 좀만 키워주세요
0 저희 조는 주제 정했어요
0 ㅋㅋㅋㅋㅋㅋ 공감합니다
0 표본이 작아서 그런 것 같습니다
0 늦게 들어와서 죄송해요
0 넵넵 이해됐어요!
0 저도 같은 에러 떴는데 캐시 지우니까 되더라고요
0 npm install 다시 해보세요
0 왜 그런지 알았어요 세미콜론 빠졌네요
0 다들 좋은 저녁 되세요
1 does anyone else see a blank screen?
1 what's the difference between a tuple and a list?
1 can we use our own dataset for the project?
1 how many pages should the report be
1 is attendance taken today?
1 why is my median bigger than my mean?
1 sorry, could you scroll up a bit? what was the url
1 which chapter covers hypothesis testing?
1 do we submit one file per team or per person?
0 I think you forgot to import matplotlib
0 that fixed it, thank you so much
0 my internet dropped for a minute
0 we usually meet on thursdays
0 great explanation, really clear
0 the deadline was moved to friday
0 same here, it prints None
0 please post the slides before class
0 yes, both work
0 haha that plot looks like a cat
"""
UNSURE = [
    "",
    "😀😀",
    "asdfjkl;",
    "```\nx = df[df.a == 1]\nprint(x)\n```",
    "1",
    "ㅋㅋㅋㅋ",
    "Ὦ ξεῖν’, ἀγγέλλειν",
]


def chat() -> tuple[list[str], np.ndarray]:
    lines = [line.split(" ", 1) for line in CLASS_CHAT.strip().splitlines()]
    return [text for _, text in lines], np.array([label == "1" for label, _ in lines])


def without_marks(texts: list[str]) -> list[str]:
    return [text.replace("?", "").strip() for text in texts]


def f1(model: QuestionModel, texts: list[str], y: np.ndarray) -> float:
    return confusion(y, model.probabilities(from_texts(texts)) >= model.threshold).f1


def small(number: int = 240) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """Some of the seed: messages, labels, groups."""
    seed = [row for row in seed_labels() if row.language == "ko"][:: 2_000 // number]
    y = np.array([row.is_question for row in seed])
    return from_texts([row.text for row in seed]), y, np.array([row.group for row in seed])


@pytest.fixture(scope="module")
def trained() -> QuestionModel:
    """Trained on all of the seed, as chat would have written it."""
    rows = augmented([TrainingText(r.text, r.is_question, r.group, r.language) for r in seed_labels()])
    return QuestionModel().fit(
        from_texts([row.text for row in rows]),
        np.array([row.is_question for row in rows]),
        groups=np.array([row.group for row in rows]),
        weights=np.array([row.weight for row in rows]),
    )


# --- What it can do ---------------------------------------------------------------------------------------------


def test_trained_on_the_seed_it_finds_questions_of_a_class_that_it_never_saw(trained: QuestionModel) -> None:
    texts, y = chat()
    assert not {row.text for row in seed_labels()} & set(texts)
    assert f1(trained, texts, y) >= 0.9
    assert f1(trained, without_marks(texts), y) >= 0.84


@pytest.mark.parametrize("text", UNSURE)
def test_it_is_never_sure_of_what_says_nothing(trained: QuestionModel, text: str) -> None:
    assert trained.probabilities(from_texts([text]))[0] < trained.threshold


def test_a_question_in_100_kb_is_no_harm(trained: QuestionModel) -> None:
    paste = "가나다 라마바 " * 14_000
    found = trained.probabilities(from_texts([paste, f"{paste} 이거 왜 안 되나요?"]))
    assert np.all((found >= 0) & (found <= 1))
    assert found[0] < trained.threshold
    assert found[1] > found[0]


def test_an_unknown_language_is_not_called_a_question(trained: QuestionModel) -> None:
    texts = ["これはペンです", "Здравствуйте, коллеги", "مرحبا بالجميع", "我明天不来上课"]
    assert np.all(trained.probabilities(from_texts(texts)) < trained.threshold)


def test_no_messages_no_probabilities(trained: QuestionModel) -> None:
    assert trained.probabilities(from_texts([])).shape == (0,)


# --- Two heads --------------------------------------------------------------------------------------------------


def test_where_nobody_types_a_mark_the_bare_head_reads(trained: QuestionModel) -> None:
    texts = without_marks(chat()[0])
    messages = from_texts(texts)
    matrix = trained.features_.transform(messages)
    bare, marked = trained.bare_.probabilities(matrix), trained.marked_.probabilities(matrix)
    found = trained.probabilities(messages)
    # Moved, so that one threshold serves both heads.
    assert np.array_equal(np.argsort(found), np.argsort(bare))
    assert not np.array_equal(np.argsort(found), np.argsort(marked))
    assert np.array_equal(found >= trained.threshold, bare >= trained.bare_threshold)


def test_where_somebody_does_the_marked_head_reads(trained: QuestionModel) -> None:
    messages = from_texts(chat()[0])
    marked = trained.marked_.probabilities(trained.features_.transform(messages))
    assert np.allclose(trained.probabilities(messages), marked)


def test_a_few_messages_do_not_tell_how_a_class_types(trained: QuestionModel) -> None:
    messages = from_texts(without_marks(chat()[0])[:20])
    marked = trained.marked_.probabilities(trained.features_.transform(messages))
    assert np.allclose(trained.probabilities(messages), marked)


def test_a_mark_makes_a_question_more_likely(trained: QuestionModel) -> None:
    plain, asked = trained.probabilities(from_texts(["오늘 과제 있어요", "오늘 과제 있어요?"]))
    assert asked > max(plain, trained.threshold)


# --- Training ---------------------------------------------------------------------------------------------------


def test_the_same_rows_give_the_same_bytes() -> None:
    messages, y, groups = small()
    one, two = (save(QuestionModel(seed=3).fit(messages, y, groups=groups)) for _ in range(2))
    assert one == two
    assert save(QuestionModel(seed=4).fit(messages, y, groups=groups)) != one


@pytest.mark.exhaustive
def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from chat_platform.ml.messages import from_texts\n"
        "from chat_platform.ml.questions.model import FILE, QuestionModel, save\n"
        "texts = [f'{a} {b}' for a in ('이거', '저거', '그거') for b in ('왜 되나요', '됩니다', '뭐죠', '네요')]\n"
        "y = np.array([True, False, True, False] * 3)\n"
        "sys.stdout.buffer.write(save(QuestionModel().fit(from_texts(texts), y))[FILE])\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert load(runs[0]).threshold > 0


def test_rows_of_one_group_are_never_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    messages, y, groups = small()
    trained_on: list[set[str]] = []
    all_rows = QuestionModel()._features().fit_transform(messages)
    row_of = {all_rows[row].toarray().tobytes(): groups[row] for row in range(len(groups))}
    fit = CalibratedLinearSVC._machine

    def watched(self: CalibratedLinearSVC) -> object:
        machine = fit(self)
        inner = machine.fit

        def fit_and_note(features, *args, **named):
            trained_on.append({row_of.get(line.toarray().tobytes()) for line in features})
            return inner(features, *args, **named)

        machine.fit = fit_and_note
        return machine

    monkeypatch.setattr(CalibratedLinearSVC, "_machine", watched)
    QuestionModel().fit(messages, y, groups=groups)
    parts = trained_on[:FOLDS]
    # A group is left out by exactly one of the machines that calibrate, as a whole.
    everything = set(groups)
    left_out = [everything - part for part in parts]
    assert set.union(*left_out) == everything
    assert sum(map(len, left_out)) == len(everything)


def test_a_row_of_weight_0_is_not_there() -> None:
    messages, y, groups = small()
    wrong = from_texts(["네 됩니다 감사합니다"] * 5)
    both = pa.concat_tables([messages, wrong]).combine_chunks()
    weights = np.array([1.0] * len(y) + [0.0] * 5)
    with_them = QuestionModel().fit(
        both, np.append(y, [True] * 5), groups=np.append(groups, ["x"] * 5), weights=weights
    )
    assert save(with_them) == save(QuestionModel().fit(messages, y, groups=groups))


def test_the_expected_share_moves_the_probabilities() -> None:
    messages, y, groups = small()
    few, many = (
        QuestionModel(expected_share=share).fit(messages, y, groups=groups).probabilities(messages).mean()
        for share in (0.05, 0.6)
    )
    assert few < many - 0.1


def test_thresholds_follow_the_messages_but_not_too_few(trained: QuestionModel) -> None:
    model = load(save(trained)[FILE])
    before = (model.threshold, model.bare_threshold)
    texts, _ = chat()
    assert (model.calibrate_thresholds(from_texts(texts[:10])).threshold, model.bare_threshold) == before
    model.calibrate_thresholds(from_texts(texts))
    assert (model.threshold, model.bare_threshold) != before
    assert 0.05 <= model.threshold <= 0.95
    assert 0.05 <= model.bare_threshold <= 0.95


@pytest.mark.parametrize(
    ("texts", "y", "code"),
    [
        (["왜요", "뭐죠", "어디요", "언제요"] * 3, [True] * 12, "CP-ML-002"),
        (["네", "넵", "예", "응"] * 3, [False] * 12, "CP-ML-002"),
        (["이거 되나요", "이거 됩니다"], [True, False], "CP-ML-002"),
        (["", "", "", "", "", ""], [True, False] * 3, "CP-ML-001"),
        ([], [], "CP-ML-002"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_a_coded_error(texts: list[str], y: list[bool], code: str) -> None:
    with pytest.raises(ModelError) as caught:
        QuestionModel().fit(from_texts(texts), np.array(y, dtype=bool))
    assert caught.value.code == code


def test_a_class_of_weight_0_is_one_class_only() -> None:
    messages, y, _ = small()
    with pytest.raises(ModelError) as caught:
        QuestionModel().fit(messages, y, weights=np.where(y, 1.0, 0.0))
    assert caught.value.code == "CP-ML-002"


# --- Files ------------------------------------------------------------------------------------------------------


def test_a_model_comes_back_as_it_was(trained: QuestionModel) -> None:
    files = save(trained)
    assert set(files) == {FILE}
    back = load(files[FILE])
    messages = from_texts([*chat()[0], *UNSURE])
    assert np.array_equal(back.probabilities(messages), trained.probabilities(messages))
    assert (back.threshold, back.bare_threshold) == (trained.threshold, trained.bare_threshold)
    assert save(back) == files


def test_serving_imports_neither_scikit_learn_nor_torch(trained: QuestionModel, tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(save(trained)[FILE])
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from chat_platform.ml.questions.model import load\n"
        "from chat_platform.ml.messages import from_texts\n"
        "load(Path(sys.argv[1]).read_bytes()).probabilities(from_texts(['왜요']))\n"
        "print(sorted({'sklearn', 'skops', 'torch', 'transformers'} & set(sys.modules)))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda arrays: arrays.pop("settings"), "CP-ML-003"),
        (lambda arrays: arrays.pop("head.bare"), "CP-ML-003"),
        (lambda arrays: arrays.pop("characters.idf"), "CP-ML-003"),
        (lambda arrays: arrays.update({"head.marked": arrays["head.marked"][1:]}), "CP-ML-003"),
        (
            lambda arrays: arrays.update({"head.marked": arrays["head.marked"] + np.float32(np.inf)}),
            "CP-ML-003",
        ),
        (lambda arrays: arrays.update({"settings": np.frombuffer(b"{}", np.uint8)}), "CP-ML-003"),
        (lambda arrays: arrays.update({"settings": np.frombuffer(b"[1", np.uint8)}), "CP-ML-003"),
        (lambda arrays: arrays.update({"extra": np.zeros(2)}), "CP-ML-003"),
        (lambda arrays: arrays.clear(), "CP-ML-003"),
    ],
)
def test_a_file_of_something_else_is_a_coded_error(trained: QuestionModel, damage, code: str) -> None:
    arrays = load_arrays(save(trained)[FILE])
    damage(arrays)
    with pytest.raises(ModelError) as caught:
        load(dump_arrays(arrays))
    assert caught.value.code == code


@pytest.mark.parametrize("part", [0, 1, 100, -1, -1_000])
def test_a_truncated_file_is_a_coded_error(trained: QuestionModel, part: int) -> None:
    with pytest.raises(ModelError) as caught:
        load(save(trained)[FILE][:part])
    assert caught.value.code in ("CP-ML-003", "CP-ML-021")
