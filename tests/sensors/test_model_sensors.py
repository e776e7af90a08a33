"""When models are trained and when everything is predicted again: once for each reason, and again after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from chat_platform.ingestion.model_state import NAME, due, pick_path, undecided
from chat_platform.ingestion.predictions import predict, serving_model
from chat_platform.ingestion.streams.problems import report
from chat_platform.ingestion.tables import write_conversation
from chat_platform.partitions import RECORDINGS
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.sensors.active import IN_PROCESS
from chat_platform.sensors.batches import BATCH_TAG, RANGE_END, RANGE_START
from chat_platform.sensors.models import TRAINING, build_model_sensors
from chat_platform.settings import Settings
from chat_platform.sources.records import ChatMessage, ParsedConversation
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.ledger import Announced
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.publication import POINTER
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.models import QUESTION_PREDICTIONS
from tests.integration.classes import add_lines, add_slack_day, tokenise

VERSION = "linear-0123456789ab"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    return Workspace(Settings())


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def tick(name: str, instance: dg.DagsterInstance) -> tuple[list[dg.RunRequest], str | None]:
    (sensor,) = [sensor for sensor in build_model_sensors(Settings()) if sensor.name == name]
    resources = {"workspace": WorkspaceResource()}
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        data = sensor.evaluate_tick(context)
    return list(data.run_requests or []), data.skip_message


@dg.op
def nothing() -> None:
    """Does nothing."""


@dg.job
def ran() -> None:
    """Stands for a run that was asked for and ended."""
    nothing()


def correct(home: Workspace, messages: range) -> int:
    log = LabelLog(home.database)
    return max(log.correct(f"m-{number}", number % 2 == 0, by="김강사") for number in messages)


def note_training(home: Workspace, newest_correction: int, version: str = VERSION) -> None:
    """What a training leaves before anything is decided."""
    path = pick_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    pick = {
        "version": version,
        "versions": {"linear": version},
        "newest_correction": newest_correction,
        "trained_at": datetime.now(UTC).isoformat(),
    }
    path.write_text(json.dumps(pick), encoding="utf-8")


def test_corrections_are_counted_from_the_last_training(
    home: Workspace, instance: dg.DagsterInstance
) -> None:
    newest = correct(home, range(49))
    assert tick("question_corrections", instance) == ([], "49 new corrections, 50 are needed")
    newest = correct(home, range(49, 50))
    (request,) = tick("question_corrections", instance)[0]
    assert request.job_name == "retrain_question_model"
    note_training(home, newest)
    PromotionLog(home.database).refuse(NAME, VERSION, reasons=["floor: too low"])
    correct(home, range(50, 99))
    assert tick("question_corrections", instance) == ([], "49 new corrections, 50 are needed")
    correct(home, range(99, 100))
    (again,) = tick("question_corrections", instance)[0]
    assert again.run_key != request.run_key


def test_a_correction_that_was_taken_back_does_not_count(
    home: Workspace, instance: dg.DagsterInstance
) -> None:
    newest = correct(home, range(50))
    LabelLog(home.database).undo(newest, by="김강사")
    assert tick("question_corrections", instance) == ([], "49 new corrections, 50 are needed")


def test_a_setting_says_how_many_corrections_are_enough(
    home: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(home, range(3))
    monkeypatch.setenv("CHATP_MODELS__CORRECTIONS_NEEDED", "3")
    assert len(tick("question_corrections", instance)[0]) == 1


@pytest.mark.parametrize("decision", ["promote", "refuse"])
def test_a_training_that_was_killed_before_its_decision_is_asked_for_again(
    home: Workspace, instance: dg.DagsterInstance, decision: str
) -> None:
    note_training(home, correct(home, range(50)))
    assert undecided(home) == VERSION
    (request,) = tick("question_corrections", instance)[0]
    assert request.job_name == "retrain_question_model"
    log = PromotionLog(home.database)
    if decision == "promote":
        log.promote(NAME, VERSION, by="test", reason="floor: reached")
    else:
        log.refuse(NAME, VERSION, reasons=["floor: too low"])
    assert tick("question_corrections", instance) == ([], "0 new corrections, 50 are needed")


def test_a_training_that_never_ends_is_asked_for_at_longer_and_longer_intervals(
    home: Workspace, instance: dg.DagsterInstance
) -> None:
    correct(home, range(50))
    keys = set()
    for _ in range(2):
        (request,) = tick("question_corrections", instance)[0]
        keys.add(request.run_key)
        ran.execute_in_process(instance=instance, tags={BATCH_TAG: request.tags[BATCH_TAG]})
    assert len(keys) == 2
    assert tick("question_corrections", instance) == ([], "asked for already; waiting before another attempt")


def test_two_trainings_do_not_run_at_once(home: Workspace, instance: dg.DagsterInstance) -> None:
    correct(home, range(50))
    guard = RunGuard(home.settings.home)
    guard.hold()
    run = instance.create_run_for_job(ran, status=dg.DagsterRunStatus.STARTED, tags=TRAINING | IN_PROCESS)
    assert tick("question_corrections", instance) == ([], "a training is under way")
    guard.release()
    # Its process is gone: it is reported as failed, and the training is asked for again.
    assert len(tick("question_corrections", instance)[0]) == 1
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


def add_recordings(home: Workspace, instance: dg.DagsterInstance, number: int) -> list[str]:
    lines = [("김가나", "이거 왜 안 되나요?"), ("이다라", "네 잘 됩니다"), ("김가나", "감사합니다")]
    ids = [
        add_lines(home, lines, date(2026, 3, 2) + timedelta(days=day), f"수업 {day}") for day in range(number)
    ]
    instance.add_dynamic_partitions(str(RECORDINGS.name), ids)
    return ids


def versions(home: Workspace) -> dict[str, set[str]]:
    return {
        i: set(home.lake.read(QUESTION_PREDICTIONS, i)["model_version"].to_pylist())
        for i in home.lake.files(QUESTION_PREDICTIONS)
    }


def test_another_champion_asks_for_one_run_over_all_recordings(
    home: Workspace, instance: dg.DagsterInstance
) -> None:
    ids = add_recordings(home, instance, 3)
    (request,) = tick("question_predictions_due", instance)[0]
    assert request.job_name == "repredict_recordings"
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (ids[0], ids[-1])
    predict(home, due(home, ids))
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")

    PromotionLog(home.database).promote(NAME, VERSION, by="test", reason="floor: reached")
    (promoted,) = tick("question_predictions_due", instance)[0]
    assert (promoted.tags[RANGE_START], promoted.tags[RANGE_END]) == (ids[0], ids[-1])
    assert promoted.run_key != request.run_key
    # A refusal changes nothing for readers.
    predict(home, due(home, ids))
    PromotionLog(home.database).refuse(NAME, "linear-ba9876543210", reasons=["floor: too low"])
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")

    PromotionLog(home.database).rollback(NAME, by="김강사")
    assert len(tick("question_predictions_due", instance)[0]) == 1
    predict(home, due(home, ids))
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")
    assert set().union(*versions(home).values()) == {serving_model(home).version}


def test_predictions_that_a_killed_run_did_not_publish_are_published(
    home: Workspace, instance: dg.DagsterInstance
) -> None:
    ids = add_recordings(home, instance, 2)
    predict(home, ids)
    assert tick("question_predictions_due", instance)[0] == [], "the chain publishes what was never published"
    home.publication.folder.mkdir(parents=True)
    pointer = home.publication.folder / POINTER
    pointer.write_text("1", encoding="utf-8")
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")
    predict(home, ids[:1])
    (request,) = tick("question_predictions_due", instance)[0]
    assert request.job_name == "publish_metrics"
    pointer.touch()
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")


def test_days_of_slack_alone_are_asked_for_by_their_own_job(
    home: Workspace, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATP_SLACK__START_DATE", "2026-02-01")
    add_slack_day(home, "C0ABCDEFG", date(2026, 3, 3), ["이거 왜 안 되나요?", "해결됐어요"])
    (request,) = tick("question_predictions_due", instance)[0]
    assert request.job_name == "repredict_slack_days"
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-03-03", "2026-03-03")


def test_videos_have_their_own_job_and_a_day_of_figures_has_nothing_to_predict(
    home: Workspace, instance: dg.DagsterInstance
) -> None:
    day = Announced("twitch-2026-03-02-snapshots", "stream_snapshots", "snapshot_day", "1")
    report(home, day, [(0, "gone", "channel 1")])
    video = ParsedConversation("twitch-2000000001", "twitch", "twitch", 1)
    video.messages.append(
        ChatMessage("m", 0, "viewer", datetime(2026, 3, 2, tzinfo=UTC), "이거 왜 안 되나요?")
    )
    home.ledger.announce([Announced(video.conversation_id, "twitch", "video", "1")])
    write_conversation(home.lake, video)
    home.ledger.mark_parsed(video.conversation_id, video.counts())
    tokenise(home, video.conversation_id)
    instance.add_dynamic_partitions("twitch_videos", [video.conversation_id])
    predict(home, [video.conversation_id])
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")
    PromotionLog(home.database).promote(NAME, VERSION, by="test", reason="floor: reached")
    (request,) = tick("question_predictions_due", instance)[0]
    assert request.job_name == "repredict_twitch_videos"
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (video.conversation_id,) * 2
    predict(home, [video.conversation_id])
    assert tick("question_predictions_due", instance) == ([], "all predictions are the champion's")
