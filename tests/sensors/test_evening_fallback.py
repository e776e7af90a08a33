"""By the clock: what the sensor would launch is launched too when it is off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from chat_platform.jobs import TO_LAKE
from chat_platform.partitions import slack_days
from chat_platform.resources.storage import SlackResource, WorkspaceResource
from chat_platform.schedules import build_schedules
from chat_platform.sensors.batches import RANGE_END, RANGE_START
from chat_platform.sensors.class_chat import BUDGET_S, evaluate, read_slack
from chat_platform.settings import Settings
from chat_platform.simulators.world import World, start_world
from chat_platform.storage.workspace import Workspace

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A class whose lectures were within the look-back window."""
    first = datetime.now(SEOUL).date() - timedelta(days=5)
    with start_world(3, recordings=3, messages_per_recording=5, first_day=first, malformed=False) as world:
        for name, value in {**world.environment(), "CHATP_HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        yield world


def tick(name: str, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    schedules = {schedule.name: schedule for schedule in build_schedules(Settings())}
    resources = {"workspace": WorkspaceResource(), "slack": SlackResource()}
    with dg.build_schedule_context(instance=instance, resources=resources) as context:
        return list(schedules[name].evaluate_tick(context).run_requests or [])


def test_recordings_and_slack_days_are_both_launched_in_the_evening(world: World) -> None:
    with dg.instance_for_test() as instance:
        recordings = tick("evening_fallback", instance)
        chat = tick("evening_fallback_slack", instance)
        partitions = set(instance.get_dynamic_partitions("class_recordings"))
    ledger = Workspace(Settings()).ledger
    due, days = set(ledger.due("zoom")), {i.rsplit("-", 1)[1] for i in ledger.due("slack")}
    assert due
    assert days
    assert due <= partitions
    assert {request.job_name for request in recordings} == {"class_recordings"}
    assert {request.tags[RANGE_START] for request in recordings} <= due
    (request,) = chat
    assert request.job_name == "slack_chat_days"
    assert request.tags[RANGE_START].replace("-", "") == min(days)
    assert request.tags[RANGE_END].replace("-", "") == max(days)
    # Each goes on to publication: nobody knows whether the other one's hour comes.
    assert [one.asset_selection for one in (recordings[-1], request)] == [None, None]


def test_of_the_runs_that_one_look_asks_for_the_last_one_publishes_what_all_of_them_brought(
    world: World,
) -> None:
    with dg.instance_for_test() as instance:
        home = Workspace(Settings())
        read_slack(home, SlackResource().client(budget_s=BUDGET_S), None, lambda _: None)
        result = evaluate(home, instance, slack_days(Settings()), None)
    *before, last = result.run_requests or []
    assert [request.job_name for request in before] == ["slack_chat_days"]
    assert (last.job_name, last.asset_selection) == ("class_recordings", None)
    assert [request.asset_selection for request in before] == [TO_LAKE["slack_chat_days"]]


def test_each_schedule_launches_its_own_job_only() -> None:
    targets = {schedule.name: schedule.job_name for schedule in build_schedules(Settings())}
    assert targets["evening_fallback"] == "class_recordings"
    assert targets["evening_fallback_slack"] == "slack_chat_days"


def test_without_a_token_nothing_is_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    monkeypatch.delenv("CHATP_SLACK_TOKEN", raising=False)
    with dg.instance_for_test() as instance:
        assert tick("evening_fallback_slack", instance) == []
