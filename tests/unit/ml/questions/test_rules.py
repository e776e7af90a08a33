"""The rules as a question model."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from chat_platform.ml.labels import weak
from chat_platform.ml.messages import from_texts
from chat_platform.ml.questions import rules
from chat_platform.ml.questions.rules import RulesModel


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("이거 왜 안 되나요", True),
        ("is there homework", True),
        ("네 감사합니다", False),
        ("안녕하세요", False),
        ("", False),
        ("😀😀", False),
        ("asdfjkl;", False),
        ("저는 됐어요", False),
        ("```\nprint('왜?')\n```", False),
    ],
)
def test_it_says_yes_only_where_a_rule_does(text: str, asks: bool) -> None:
    model = RulesModel()
    assert (model.probabilities(from_texts([text]))[0] >= model.threshold) == asks


def test_probabilities_follow_the_opinions() -> None:
    texts = ["왜요", "넵", "저는 됐어요", "what is this", "3번이요"]
    messages = from_texts(texts)
    found = RulesModel().probabilities(messages)
    opinions = weak.opinions(messages)
    of_kind = {None if o is None else o.is_question: p for o, p in zip(opinions, found, strict=True)}
    assert of_kind[False] < of_kind[None] < 0.5 < of_kind[True]
    assert len(set(found)) == len(of_kind)


def test_no_messages_no_probabilities() -> None:
    assert RulesModel().probabilities(from_texts([])).shape == (0,)


def test_a_paste_of_100_kb_is_no_harm() -> None:
    found = RulesModel().probabilities(from_texts(["가나다 " * 33_000]))
    assert np.isfinite(found).all()


def test_changed_rules_are_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    version = rules.version()
    assert version == rules.version()
    source = inspect.getsource(weak)
    monkeypatch.setattr(inspect, "getsource", lambda module: source.replace("0.7", "0.8"))
    assert rules.version() != version
