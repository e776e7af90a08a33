"""Predictions of the champion: which are due, whose they are, and what happens when it changes or is damaged."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest

from chat_platform.errors import ModelError
from chat_platform.ingestion import predictions
from chat_platform.ingestion.labels import conversation_messages
from chat_platform.ingestion.model_state import NAME, due, models_folder
from chat_platform.ingestion.predictions import predict, serving_model
from chat_platform.ml.questions import rules
from chat_platform.settings import Settings
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.models import MODELS, QUESTION_PREDICTIONS
from tests.integration.classes import add_lines, tokenise

LINES = [
    ("김가나", "이거 왜 안 되나요?"),
    ("강사_라마바", "네 다시 해 보세요"),
    ("김가나", "과제 마감이 언제인지 궁금합니다"),
    ("이사아", "저는 잘 됩니다"),
]


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path))


def add(home: Workspace, day: int) -> str:
    return add_lines(home, LINES, date(2026, 3, day), f"수업 {day}")


def test_the_rules_serve_until_a_trained_model_is_promoted(home: Workspace) -> None:
    name = add(home, 2)
    report = predict(home, [name])
    assert report.version.startswith("rules-")
    assert (report.conversations, report.messages, report.questions, report.failed) == (1, 4, 2, {})
    table = home.lake.read(QUESTION_PREDICTIONS, name)
    assert table["is_question"].to_pylist() == [True, False, True, False]
    assert pc.unique(table["threshold"]).to_pylist() == [rules.THRESHOLD]
    (row,) = home.lake.read(MODELS).to_pylist()
    assert (row["model_version"], row["state"]) == (report.version, "champion")


def test_a_conversation_is_due_until_it_is_predicted_and_again_when_it_was_tokenised_again(
    home: Workspace,
) -> None:
    names = [add(home, 2), add(home, 3)]
    assert due(home, [*names, "of nowhere"]) == names
    predict(home, names)
    assert due(home, names) == []
    tokenise(home, names[0])
    assert due(home, names) == names[:1]


def test_messages_that_wait_for_their_tokens_are_not_predicted_with_the_old_ones(home: Workspace) -> None:
    """They would look complete to the loader, and old tokens would stand beside new messages."""
    name = add(home, 2)
    predict(home, [name])
    home.lake.write(MESSAGES, home.lake.read(MESSAGES, name).slice(0, 2), name)
    PromotionLog(home.database).promote(NAME, "linear-0123456789ab", by="test", reason="floor: reached")
    assert due(home, [name]) == []
    home.lake.write(TOKENS, home.lake.read(TOKENS, name), name)
    assert due(home, [name]) == [name]


def test_direct_messages_and_removed_ones_are_not_read(home: Workspace) -> None:
    name = add(home, 2)
    messages = home.lake.read(MESSAGES, name)
    rows = messages.to_pylist()
    rows[0]["visibility"], rows[1]["removed"] = "direct", True
    home.lake.write(MESSAGES, MESSAGES.table(rows), name)
    tokenise(home, name)
    assert conversation_messages(home, name)["message_id"].to_pylist() == [r["message_id"] for r in rows[2:]]
    assert predict(home, [name]).messages == 2


def test_a_champion_that_is_promoted_meanwhile_predicts_the_rest(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the rest would be newer than the promotion, be another version's, and never be due."""
    names = [add(home, day) for day in (2, 3, 4)]
    asked = []

    def serving(workspace: Workspace) -> object:
        asked.append(PromotionLog(workspace.database).champion(NAME))
        return serving_model(workspace)

    def promote(done: str) -> None:
        if done == names[0]:
            PromotionLog(home.database).promote(
                NAME, "linear-0123456789ab", by="test", reason="floor: reached"
            )

    monkeypatch.setattr(predictions, "serving_model", serving)
    report = predict(home, names, promote)
    assert asked == [None, "linear-0123456789ab"]
    assert "CP-ML-020" in report.problems[0]
    assert due(home, names) == names[:1]


def test_one_conversation_that_fails_does_not_stop_the_others(home: Workspace) -> None:
    names = [add(home, 2), add(home, 3)]
    Path(home.lake.path(TOKENS, names[0])).write_bytes(b"half a file")
    report = predict(home, names)
    assert report.conversations == 1
    assert {name: error.code for name, error in report.failed.items()} == {names[0]: "CP-STORE-003"}
    assert set(home.lake.files(QUESTION_PREDICTIONS)) == {names[1]}


@pytest.mark.parametrize("how", ["flipped", "truncated", "gone"])
def test_rules_that_are_damaged_are_written_again(home: Workspace, how: str) -> None:
    name = add(home, 2)
    version = predict(home, [name]).version
    file = models_folder(home) / NAME / version / "rules.json"
    data = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-9] if how == "truncated" else bytes([data[0] ^ 1]) + data[1:])
    assert serving_model(home).version == version
    assert file.read_bytes() == data


def test_when_the_champion_and_the_rules_are_damaged_the_rules_serve(home: Workspace) -> None:
    version = serving_model(home).version
    PromotionLog(home.database).promote(NAME, "linear-0123456789ab", by="test", reason="floor: reached")
    (models_folder(home) / NAME / version / "rules.json").unlink()
    served = serving_model(home)
    assert served.version == version
    assert served.champion == "linear-0123456789ab"
    assert "CP-ML-020" in served.problems[0]


def test_new_rules_of_a_new_release_take_the_place_of_the_old_ones(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = add(home, 2)
    old = predict(home, [name]).version
    monkeypatch.setattr(rules, "version", lambda: "another")
    new = predict(home, due(home, [name]) or [name]).version
    assert new != old
    assert PromotionLog(home.database).champion(NAME) == new
    states = {row["model_version"]: row["state"] for row in home.lake.read(MODELS).to_pylist()}
    assert states == {old: "retired", new: "champion"}


def test_models_need_a_lake_of_files(tmp_path: Path) -> None:
    home = Workspace(Settings(home=tmp_path, lake_url="memory://models-of-a-url"))
    with pytest.raises(ModelError) as error:
        serving_model(home)
    assert error.value.code == "CP-ML-027"


def test_a_change_of_the_champions_files_makes_predictions_due(home: Workspace) -> None:
    name = add(home, 2)
    version = predict(home, [name]).version
    assert due(home, [name]) == []
    file = models_folder(home) / NAME / version / "rules.json"
    file.write_bytes(file.read_bytes())
    # Even when somebody hides the change.
    os.utime(file, (0, 0))
    assert due(home, [name]) == [name]
