"""Drift as the asset measures it and the sensor hears it: a changed class trains once, an odd lecture does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from chat_platform.assets.question_model import DRIFT, question_drift
from chat_platform.ingestion.model_state import due
from chat_platform.ingestion.predictions import predict
from chat_platform.ingestion.question_training import settle, train_candidates
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.sensors.models import build_model_sensors
from chat_platform.settings import Settings
from chat_platform.simulators.class_generator import generate_class
from chat_platform.storage.workspace import Workspace
from tests.integration.classes import add_generated, add_lines

DAY = date(2026, 3, 2)
TAUGHT = 6
# A class of another subject in another language.
COOKS = ("Ana", "Bela", "Carl", "Dora")
KITCHEN = (
    "does anybody know whether the dough should rest overnight",
    "mine rose twice as much as yesterday",
    "which flour are you using for the crust",
    "the oven at my place never gets hot enough",
    "could somebody post the temperature again please",
    "butter melted all over the tray and the smoke alarm went off",
    "that looks delicious",
    "how long did you knead it before the second rise",
)


@pytest.fixture
def class_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    monkeypatch.setenv("CHATP_MODELS__CANDIDATES", '["linear_characters"]')
    workspace = Workspace(Settings())
    generated = generate_class(5, first_day=DAY, recordings=TAUGHT, messages_per_recording=90)
    for index in range(TAUGHT):
        add_generated(workspace, generated, index)
    train_candidates(workspace)
    _, decision, promoted = settle(workspace)
    assert promoted, decision.reasons
    return workspace


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def measured(workspace: Workspace, instance: dg.DagsterInstance) -> dict[str, object]:
    """Predict what is due, materialise the asset, and give its metadata."""
    predict(workspace, due(workspace, [row["conversation_id"] for row in workspace.ledger.rows()]))
    resources = {"workspace": WorkspaceResource()}
    assert dg.materialize([question_drift], instance=instance, resources=resources).success
    event = instance.get_latest_materialization_event(DRIFT)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def asks(instance: dg.DagsterInstance) -> tuple[list[str], str | None]:
    """Jobs that the sensor asks for, and why for none."""
    (sensor,) = [sensor for sensor in build_model_sensors(Settings()) if sensor.name == "question_drift"]
    resources = {"workspace": WorkspaceResource()}
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        data = sensor.evaluate_tick(context)
    return [str(request.job_name) for request in data.run_requests or []], data.skip_message


def add_kitchen(workspace: Workspace, day: int) -> str:
    lines = [(COOKS[n % 4], f"{KITCHEN[n % 8]} {n}") for n in range(64)]
    return add_lines(workspace, lines, DAY + timedelta(days=day), f"kitchen {day}")


@pytest.mark.slow
def test_a_changed_class_asks_for_one_training_and_an_odd_lecture_for_none(
    class_home: Workspace, instance: dg.DagsterInstance
) -> None:
    assert asks(instance) == ([], "no drift")
    told = measured(class_home, instance)
    assert told["recordings"] == TAUGHT
    assert not told["drifted"]
    assert isinstance(told["score"], float)
    assert all("data:image/svg+xml" in str(told[f"{name}_picture"]) for name in ("score", "vocabulary"))

    odd = add_kitchen(class_home, 20)
    told = measured(class_home, instance)
    assert told["last_recording"] == odd
    assert told["unknown_tokens"] > 0.5  # type: ignore[operator]
    assert not told["drifted"]
    assert asks(instance) == ([], "no drift")

    last = [add_kitchen(class_home, day) for day in (21, 22)][-1]
    told = measured(class_home, instance)
    assert told["drifted"]
    assert told["last_recording"] == last
    assert "vocabulary 3" in str(told["why"])
    assert asks(instance) == (["retrain_question_model"], None)

    # Trained on, whatever becomes of the candidate, it is heard; the measures are of before.
    train_candidates(class_home)
    assert asks(instance) == ([], "the model was trained since drift was measured")
    settle(class_home)
    assert not measured(class_home, instance)["drifted"]
    assert asks(instance) == ([], "no drift")


def test_without_a_trained_champion_drift_cannot_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    workspace = Workspace(Settings())
    add_kitchen(workspace, 0)
    told = measured(workspace, instance)
    assert told == {"recordings": 0, "drifted": False}
    assert asks(instance) == ([], "no drift")
