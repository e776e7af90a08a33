"""Guessing authors: who, how sure, why, and when to say nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from author_rows_made import moment
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_platform.errors import ModelError
from chat_platform.ml.authors.dataset import SCHEMA, AuthorSplit
from chat_platform.ml.authors.evaluate import evaluate
from chat_platform.ml.authors.model import FILE, AnonymousText, AuthorModel, NamedText, load, save, train
from chat_platform.ml.registry.formats import dump_arrays, dump_skops
from chat_platform.settings import AuthorRules


def texts_of(table: pa.Table, person: str) -> list[NamedText]:
    pairs = zip(table["person_id"].to_pylist(), table["text"].to_pylist(), strict=True)
    return [NamedText(text) for who, text in pairs if who == person]


def rows(*said: tuple[str, str, int]) -> pa.Table:
    """Rows from (person, text, hour); a day is a conversation."""
    return pa.table(
        {
            "message_id": [str(number) for number in range(len(said))],
            "person_id": [person for person, _, _ in said],
            "text": [text for _, text, _ in said],
            "sent_at": [moment(hour) for *_, hour in said],
            "conversation_id": [f"day {hour // 24}" for *_, hour in said],
        }
    ).cast(SCHEMA)


def two_people(hours: int = 120) -> pa.Table:
    """One says …하세욥 and …군욥, the other …하세요 and …군요."""
    words = ["과제", "강의", "코드", "질문", "자료", "발표", "시험"]
    said = []
    for hour in range(hours):
        word = words[hour % 7]
        said.append(("yop", f"{word} {hour % 5}번 확인하세욥" if hour % 2 else f"{word} 좋군욥", hour))
        said.append(("yo", f"{word} {hour % 3}번 확인하세요" if hour % 2 else f"{word} 좋군요", hour))
    return rows(*said)


@pytest.fixture(scope="module")
def pair() -> AuthorModel:
    return train(two_people())


def test_later_messages_of_a_class_are_guessed_far_above_chance(
    model: AuthorModel, split: AuthorSplit
) -> None:
    found = evaluate(model, split.test)
    assert found.value("all", "top1") > found.value("all", "majority") + 0.15
    assert found.value("all", "top5") > 0.75
    assert found.value("pooled=5", "top1") > found.value("all", "top1") + 0.1
    assert found.value("all", "ece") < 0.12


def test_an_evaluation_has_every_figure_with_its_interval(model: AuthorModel, split: AuthorSplit) -> None:
    found = evaluate(model, split.test)
    parts = {figure.slice for figure in found.figures}
    assert {"all", "pooled=5", "pooled=5,running", "length=0-9", "length=10-29"} <= parts
    for figure in found.figures:
        if figure.slice == "all" and figure.metric in {"top1", "top5", "majority", "named"}:
            assert figure.low <= figure.value <= figure.high
            assert figure.low < figure.high
    assert len(found.singles.authors) == next(f.rows for f in found.figures if f.slice == "all")


def test_names_that_are_given_are_mostly_right(model: AuthorModel, split: AuthorSplit) -> None:
    found = evaluate(model, split.test)
    assert found.value("all", "precision") > found.value("all", "top1") + 0.1
    assert 0.05 < found.value("all", "named") < 0.9


def test_people_who_never_agreed_mostly_stay_unknown(
    model: AuthorModel, everybody: AuthorSplit, strangers: set[str]
) -> None:
    theirs = [text for person in sorted(strangers) for text in texts_of(everybody.test, person)]
    assert len(theirs) > 50
    assert not strangers & set(model.persons)
    unknown = np.mean([model.guess([text]).unknown for text in theirs])
    mine = [text for person in model.persons for text in texts_of(everybody.test, person)]
    assert unknown > 0.7
    assert unknown > np.mean([model.guess([text]).unknown for text in mine[:300]])


def test_outsiders_of_an_evaluation_are_counted_apart(
    model: AuthorModel, split: AuthorSplit, everybody: AuthorSplit
) -> None:
    alone, together = evaluate(model, split.test), evaluate(model, everybody.test)
    assert together.value("outsiders", "unknown") > 0.7
    with pytest.raises(KeyError):
        alone.value("outsiders", "unknown")


def test_the_person_who_ends_with_yop_is_known_by_it(
    model: AuthorModel, split: AuthorSplit, author_with_yop: str
) -> None:
    ended = [t for t in texts_of(split.test, author_with_yop) if t.text.endswith("욥")]
    assert len(ended) >= 10
    guesses = [model.guess([text]) for text in ended]
    right = [guess for guess in guesses if guess.candidates[0].person_id == author_with_yop]
    assert len(right) >= 0.9 * len(guesses)
    shown = [guess.candidates[0].evidence[0].text for guess in right]
    assert np.mean(["욥" in text for text in shown]) > 0.9


def test_overlapping_n_grams_are_shown_as_one_span(pair: AuthorModel) -> None:
    guess = pair.guess([NamedText("과제 안녕하세욥")])
    first = guess.candidates[0]
    assert first.person_id == "yop"
    assert not guess.unknown
    assert first.evidence[0].text.endswith("하세욥")
    spans = sorted((one.start, one.end) for one in first.evidence)
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:], strict=False))


def test_nobody_is_surer_than_the_askings_allow(pair: AuthorModel) -> None:
    # A quarter of 240 messages calibrates: about 60 askings, all of them right.
    chances = [one.probability for one in pair.guess([NamedText("강의 1번 확인하세욥")]).candidates]
    assert 0.95 < chances[0] < 0.995


def test_evidence_names_the_message_and_the_place(pair: AuthorModel) -> None:
    said = ["ㅇ", "확인하세욥", "좋군욥"]
    guess = pair.guess([NamedText(text) for text in said])
    assert guess.used == 2
    for one in guess.candidates[0].evidence:
        assert said[one.message][one.start : one.end] == one.text
        assert 0 < one.share <= 1
    assert {one.message for one in guess.candidates[0].evidence} == {1, 2}


def test_what_speaks_for_one_does_not_speak_for_the_other(pair: AuthorModel) -> None:
    guess = pair.guess([NamedText("강의 1번 확인하세욥")])
    other = next(one for one in guess.candidates if one.person_id == "yo")
    assert not any(one.text.endswith("욥") for one in other.evidence)


def test_candidates_are_ranked_and_probabilities_sum_to_one(model: AuthorModel) -> None:
    guess = model.guess([NamedText("과제 언제까지 내면 되나요?")], top=len(model.persons))
    chances = [one.probability for one in guess.candidates]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1)
    assert {one.person_id for one in guess.candidates} == set(model.persons)
    assert len(model.guess([NamedText("과제 언제까지 내면 되나요?")], top=3).candidates) == 3


def test_many_askings_at_once_say_what_single_ones_say(model: AuthorModel, split: AuthorSplit) -> None:
    texts = [NamedText(text) for text in split.test["text"].to_pylist()[:12]]
    bundles = [texts[:1], texts[1:6], texts[6:12], texts[5:6]]
    found = model.probabilities(bundles)
    assert found.shape == (4, len(model.persons))
    for chances, asked in zip(found, bundles, strict=True):
        best = model.guess(asked, top=1).candidates[0]
        assert best.probability == pytest.approx(chances.max(), rel=1e-4)
        assert best.person_id == model.persons[int(chances.argmax())]


@pytest.mark.parametrize("text", [AnonymousText("확인하세욥"), "확인하세욥", None])
def test_only_named_texts_are_looked_at(pair: AuthorModel, text: object) -> None:
    for ask in (lambda: pair.guess([text]), lambda: pair.probabilities([[NamedText("확인하세욥"), text]])):
        with pytest.raises(ModelError) as caught:
            ask()
        assert caught.value.code == "CP-ML-031"
        assert "확인" not in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ([], "too_little_text"),
        ([""], "too_little_text"),
        (["😀🎉"], "too_little_text"),
        (["?!…"], "too_little_text"),
        (["하" * 100_000], "too_long"),
        (["مرحبا كيف حالك يا صديقي"], "unfamiliar"),
        (["zxqv wkjq pfgh"], "unfamiliar"),
    ],
)
def test_what_says_nothing_is_unknown(model: AuthorModel, texts: list[str], reason: str) -> None:
    guess = model.guess([NamedText(text) for text in texts])
    assert guess.unknown
    assert guess.reason == reason


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gets_an_answer(pair: AuthorModel, texts: list[str]) -> None:
    guess = pair.guess([NamedText(text) for text in texts])
    assert guess.unknown == (guess.reason is not None)
    assert all(0 <= one.probability <= 1 for one in guess.candidates)
    assert guess.unknown or guess.candidates[0].probability >= guess.threshold
    for candidate in guess.candidates:
        for one in candidate.evidence:
            assert texts[one.message][one.start : one.end] == one.text


def test_too_few_authors_are_a_coded_error() -> None:
    one = two_people().filter(pa.compute.field("person_id") == "yo")
    for table in (one, one.slice(0, 0)):
        with pytest.raises(ModelError) as caught:
            train(table)
        assert caught.value.code == "CP-ML-030"


def test_an_author_with_too_few_messages_is_left_out() -> None:
    few = rows(*[("rare", f"hello number {hour}", hour) for hour in range(29)])
    assert train(pa.concat_tables([two_people(), few])).persons == ("yo", "yop")
    with pytest.raises(ModelError) as caught:
        train(two_people(), rules=AuthorRules(min_messages=500))
    assert caught.value.code == "CP-ML-030"


def test_one_conversation_cannot_be_calibrated() -> None:
    with pytest.raises(ModelError) as caught:
        train(two_people(hours=24), rules=AuthorRules(min_messages=20))
    assert caught.value.code == "CP-ML-032"


def test_nobody_known_in_the_test_is_a_coded_error(pair: AuthorModel, split: AuthorSplit) -> None:
    with pytest.raises(ModelError) as caught:
        evaluate(pair, split.test)
    assert caught.value.code == "CP-ML-033"


def test_same_rows_and_seed_give_the_same_bytes_in_any_order(split: AuthorSplit, model: AuthorModel) -> None:
    shuffled = split.train.take(pa.array(np.random.default_rng(1).permutation(len(split.train))))
    assert save(train(shuffled, seed=5)) == save(model)
    assert save(train(split.train, seed=6)) != save(model)


def test_a_withdrawn_person_is_gone_from_the_next_model(split: AuthorSplit, model: AuthorModel) -> None:
    gone = model.persons[0]
    again = train(split.train.filter(pa.compute.field("person_id") != gone), seed=5)
    assert again.persons == model.persons[1:]
    assert gone.encode() in save(model)[FILE]
    assert gone.encode() not in save(again)[FILE]


def test_a_loaded_model_answers_as_the_saved_one(model: AuthorModel, split: AuthorSplit) -> None:
    again = load(save(model))
    asked = [NamedText(text) for text in split.test["text"].to_pylist()[:30]]
    assert [again.guess([text]) for text in asked] == [model.guess([text]) for text in asked]
    assert again.guess(asked) == model.guess(asked)
    assert (again.persons, again.rules, again.training_rows) == (model.persons, model.rules, len(split.train))


def test_no_message_is_kept_in_the_file(model: AuthorModel, split: AuthorSplit) -> None:
    data = save(model)[FILE]
    long = [text for text in split.train["text"].to_pylist() if len(text) > 15]
    assert not any(text.encode("utf-8") in data or json.dumps(text).encode() in data for text in long)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_a_coded_error(pair: AuthorModel, share: float) -> None:
    data = save(pair)[FILE]
    with pytest.raises(ModelError) as caught:
        load({FILE: data[: int(len(data) * share)]})
    assert caught.value.code == "CP-ML-034"


def changed(model: AuthorModel, name: str, value: object) -> bytes:
    """The model's file with one array, or one value of its settings, replaced; ``None`` takes it out."""
    state = model.state()
    settings = json.loads(state["settings"].tobytes())
    part = state if name in state else settings
    if value is None:
        del part[name]
    else:
        part[name] = value
    if part is settings:
        state["settings"] = np.frombuffer(json.dumps(settings).encode(), dtype=np.uint8)
    return dump_arrays(state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 99),
        ("weights", None),
        ("weights", np.zeros((3, 2), np.float32)),
        ("intercepts", np.array([np.nan, 0], np.float32)),
        ("log_shares", np.array([1, 2])),
        ("settings", np.frombuffer(b"{", dtype=np.uint8)),
        ("persons", ["yo"]),
        ("persons", ["yo", "yop", "third"]),
        ("scalings", [[1.0, 0.0, 1.0, 0.1]]),
        ("scalings", [["x", 0.0, 1.0, 0.1]] * 3),
        ("thresholds", [0.5]),
        ("words.idf", None),
        ("shape.vocabulary", np.empty(0, np.uint64)),
        ("characters.vocabulary", np.zeros(3, np.uint64)),
        ("rules", {"min_messages": -1}),
        ("training_rows", "many"),
    ],
)
def test_a_model_with_wrong_content_is_a_coded_error(pair: AuthorModel, name: str, value: object) -> None:
    with pytest.raises(ModelError) as caught:
        load({FILE: changed(pair, name, value)})
    assert caught.value.code == "CP-ML-034"


def test_a_vocabulary_out_of_order_is_refused(pair: AuthorModel) -> None:
    turned = pair.state()["words.vocabulary"][::-1].copy()
    with pytest.raises(ModelError) as caught:
        load({FILE: changed(pair, "words.vocabulary", turned)})
    assert caught.value.code == "CP-ML-034"


def test_a_file_of_another_format_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        load({FILE: dump_skops({"settings": 1})})
    assert caught.value.code == "CP-ML-034"


def test_serving_needs_neither_scikit_learn_nor_skops(pair: AuthorModel, tmp_path: Path) -> None:
    """What the portal keeps in memory is the model, not the library that fitted it."""
    file = tmp_path / FILE
    file.write_bytes(save(pair)[FILE])
    code = """
import sys
from pathlib import Path
from chat_platform.ml.authors.model import NamedText, load
found = load({Path(sys.argv[1]).name: Path(sys.argv[1]).read_bytes()}).guess([NamedText("감사합니다욥 알겠습니다욥")])
assert found.candidates
print(sorted({"sklearn", "skops", "torch", "kiwipiepy"} & sys.modules.keys()))
"""
    child = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=False)
    assert child.stdout == "[]\n", child.stderr


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_a_coded_error(data: bytes) -> None:
    with pytest.raises(ModelError):
        load({FILE: data})
