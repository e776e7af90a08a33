"""Drift: silent on lectures like those before, loud when the class changed, deaf to one odd lecture."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from chat_platform.errors import ModelError
from chat_platform.ml.drift import (
    LEAST_SCORE,
    MIN_AUTHORS,
    MIN_MESSAGES,
    DriftRule,
    Measure,
    Reference,
    drifted,
    learn_reference,
    measure,
    picture,
)


def lecture(
    number: int, shift: float = 0.0, novel: float = 0.0, messages: int = 400
) -> tuple[pa.Table, pa.Table]:
    """A lecture: probabilities, and six tokens a message with some words of this lecture alone."""
    random = np.random.default_rng(number)
    name = f"rec-{number:03d}"
    probabilities = np.clip(random.beta(1, 4, messages) * random.uniform(0.9, 1.1) + shift, 0, 1)
    common = np.minimum(random.zipf(1.4, (messages, 6)), 2000)
    own = random.random((messages, 6)) < random.uniform(0.02, 0.08) + novel
    words = np.where(own, common + 10_000 * (number + 1), common)
    scores = pa.table({"conversation_id": [name] * messages, "probability": probabilities})
    tokens = pa.table(
        {
            "conversation_id": [name] * (messages * 6),
            "message_id": np.repeat([f"{name}-{n}" for n in range(messages)], 6),
            "author": np.repeat([f"a{n % 30}" for n in range(messages)], 6),
            "token": [f"w{word}" for word in words.ravel()],
        }
    )
    return scores, tokens


def lectures(numbers: range, **more: float) -> tuple[pa.Table, pa.Table]:
    parts = [lecture(number, **more) for number in numbers]
    return pa.concat_tables([one for one, _ in parts]), pa.concat_tables([two for _, two in parts])


@pytest.fixture(scope="module")
def reference() -> Reference:
    return learn_reference(*lectures(range(12)))


def test_lectures_like_those_before_do_not_fire(reference: Reference) -> None:
    fired = [drifted(measure(reference, *lectures(range(at, at + 5)))).drifted for at in range(100, 200, 5)]
    assert sum(fired) == 0


def test_other_scores_fire(reference: Reference) -> None:
    measures = measure(reference, *lectures(range(20, 25), shift=0.2))
    assert all(one.score_beyond and not one.vocabulary_beyond for one in measures)
    found = drifted(measures)
    assert found.drifted and "scores 5" in found.why and "점수 분포 5" in found.why_ko


def test_another_vocabulary_fires(reference: Reference) -> None:
    measures = measure(reference, *lectures(range(20, 25), novel=0.3))
    assert all(one.vocabulary_beyond and not one.score_beyond for one in measures)
    assert drifted(measures).drifted


def test_one_odd_lecture_does_not_fire(reference: Reference) -> None:
    measures = [
        *measure(reference, *lectures(range(20, 22))),
        *measure(reference, *lecture(22, shift=0.4, novel=0.5)),
        *measure(reference, *lectures(range(23, 25))),
    ]
    assert [one.score_beyond for one in measures] == [False, False, True, False, False]
    assert not drifted(measures).drifted


def test_only_the_last_recordings_count(reference: Reference) -> None:
    odd = measure(reference, *lectures(range(20, 25), shift=0.4))
    usual = measure(reference, *lectures(range(30, 35)))
    assert drifted([*usual, *odd]).drifted
    assert not drifted([*odd, *usual]).drifted
    assert drifted([*odd, *usual[:2]]).drifted and not drifted([*odd, *usual[:3]]).drifted
    assert drifted([*usual, odd[0]], DriftRule(window=1, needed=1)).drifted


def test_three_of_either_kind_not_three_of_both() -> None:
    mixed = [
        Measure(str(n), 1.0, 1.0, 100, score_beyond=n % 2 == 0, vocabulary_beyond=n % 2 == 1)
        for n in range(4)
    ]
    assert not drifted(mixed).drifted


def test_a_small_recording_is_measured_and_not_judged(reference: Reference) -> None:
    small = measure(reference, *lecture(20, shift=0.4, messages=20))[0]
    assert small.score > LEAST_SCORE and not small.score_beyond and not small.judged
    assert not drifted([small] * 5).drifted


def test_chance_is_taken_off() -> None:
    """The same distribution, 60 messages: the plain index would often pass 0.25; the excess seldom does."""
    reference = learn_reference(*lectures(range(8)))
    scores = [measure(reference, *lecture(number, messages=60))[0].score for number in range(300, 340)]
    assert sum(score > LEAST_SCORE for score in scores) <= 2


def test_too_few_recordings_give_no_limit() -> None:
    reference = learn_reference(*lectures(range(3)))
    assert (reference.score_limit, reference.vocabulary_limit, reference.recordings) == (None, None, 3)
    measures = measure(reference, *lectures(range(20, 25), shift=0.5, novel=0.9))
    assert not drifted(measures).drifted and all(one.score > 1 for one in measures)


def slow_limit(tokens: pa.Table) -> float:
    """Leave-one-out shares of unknown tokens, by the definition."""
    rows = tokens.to_pylist()
    shares = []
    for name in sorted({row["conversation_id"] for row in rows}):
        messages: dict[str, set] = {}
        authors: dict[str, set] = {}
        for row in rows:
            if row["conversation_id"] != name:
                messages.setdefault(row["token"], set()).add(row["message_id"])
                authors.setdefault(row["token"], set()).add(row["author"])
        known = {t for t in messages if len(messages[t]) >= MIN_MESSAGES and len(authors[t]) >= MIN_AUTHORS}
        own = [row["token"] for row in rows if row["conversation_id"] == name]
        shares.append(sum(token not in known for token in own) / len(own))
    return max(np.mean(shares) + 0.1, np.mean(shares) + 3 * np.std(shares, ddof=1))


def test_the_limit_is_what_leaving_each_recording_out_shows() -> None:
    scores, tokens = lectures(range(6), messages=60)
    assert learn_reference(scores, tokens).vocabulary_limit == pytest.approx(slow_limit(tokens))


def test_the_vocabulary_is_that_of_many() -> None:
    tokens = pa.table(
        {
            "conversation_id": ["r"] * 17,
            "message_id": [f"m{n}" for n in range(17)],
            "author": ["a", "b", "c", "a", "b"]
            + ["a", "a", "a", "b", "b"]
            + ["a", "b", "c"]
            + ["x", "y", "z", None],
            "token": ["질문"] * 5 + ["별명"] * 5 + ["드묾"] * 3 + [None] * 4,
        }
    )
    scores = pa.table({"conversation_id": ["r"], "probability": [0.5]})
    assert learn_reference(scores, tokens).vocabulary == {"질문"}


def test_one_message_many_times_is_one_message() -> None:
    tokens = pa.table(
        {
            "conversation_id": ["r"] * 9,
            "message_id": ["m1", "m2", "m3"] * 3,
            "author": list("abc") * 3,
            "token": ["도배"] * 9,
        }
    )
    scores = pa.table({"conversation_id": ["r"], "probability": [0.5]})
    assert learn_reference(scores, tokens).vocabulary == frozenset()


def test_json_keeps_it(reference: Reference) -> None:
    assert Reference.from_json(reference.to_json()) == reference
    for damaged in (
        b"",
        b"{}",
        b"[]",
        reference.to_json()[:-5],
        reference.to_json().replace(b'"format":1', b'"format":2'),
    ):
        with pytest.raises(ModelError) as error:
            Reference.from_json(damaged)
        assert error.value.code == "CP-ML-028"


def test_nothing_at_all_is_no_crash(reference: Reference) -> None:
    scores, tokens = lecture(1)
    empty = learn_reference(scores.slice(0, 0), tokens.slice(0, 0))
    assert empty.vocabulary == frozenset() and empty.score_limit is None
    assert measure(reference, scores.slice(0, 0), tokens.slice(0, 0)) == []
    only_tokens = measure(reference, scores.slice(0, 0), tokens)[0]
    assert math.isnan(only_tokens.score) and only_tokens.messages == 0
    only_scores = measure(reference, scores, tokens.slice(0, 0))[0]
    assert math.isnan(only_scores.vocabulary) and not only_scores.vocabulary_beyond
    constant = pa.table({"conversation_id": ["r"] * 60, "probability": [0.3] * 60})
    assert measure(learn_reference(constant, tokens), constant, tokens.slice(0, 0))[0].score == 0


def test_texts_without_a_recording_are_left_out(reference: Reference) -> None:
    scores, tokens = lecture(1)
    files = pa.table({"conversation_id": pa.array([None] * 60, pa.string()), "probability": [0.9] * 60})
    both = pa.concat_tables([scores, files])
    assert measure(reference, both, tokens) == measure(reference, scores, tokens)
    assert learn_reference(both, tokens).recordings == 1


def test_pictures(reference: Reference) -> None:
    measures = measure(reference, *lectures(range(20, 25), shift=0.2))
    drawn = picture(measures, reference)
    assert {name: ET.fromstring(svg).tag.rsplit("}")[-1] for name, svg in drawn.items()} == {
        "score.svg": "svg",
        "vocabulary.svg": "svg",
    }
    assert all(ET.fromstring(svg) is not None for svg in picture([], reference).values())
