"""By the clock: the digest goes out in its hour, again while somebody waits for it, and at no other time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from chat_platform.assets.digest import weekly_digest
from chat_platform.digest.weeks import last_week
from chat_platform.resources.storage import WorkspaceResource
from chat_platform.schedules import build_schedules
from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.subscriptions import SubscriptionStore
from chat_platform.storage.workspace import Workspace
from tests.web.mail_server import MailServer

NAME = "weekly_digest_by_the_clock"
MONDAY = datetime(2026, 3, 9, 8, tzinfo=ZoneInfo("Asia/Seoul"))


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as found:
        yield found


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHATP_HOME", str(home))
    return home


@pytest.fixture
def with_mail(at_home: Path, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATP_MAIL__HOST", "127.0.0.1")
    monkeypatch.setenv("CHATP_MAIL__PORT", str(server.port))
    monkeypatch.setenv("CHATP_MAIL__SECURITY", "none")


def subscribe(home: Path, name: str) -> None:
    workspace = Workspace(Settings(home=home))
    accounts, store = AccountStore(workspace.database), SubscriptionStore(workspace.database, home)
    number = accounts.create(name, name)
    accounts.set_role(number, "class", "student")
    store.confirm(number, "class", store.ask(number, "class", f"{name}@example.com"))


def tick(at: datetime = MONDAY) -> dg.RunRequest | str:
    """What the schedule asks for, or why it does not."""
    schedule = {found.name: found for found in build_schedules(Settings())}[NAME]
    resources = {"workspace": WorkspaceResource()}
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(
            instance=instance, resources=resources, scheduled_execution_time=at
        ) as context,
    ):
        result = schedule.evaluate_tick(context)
    return result.run_requests[0] if result.run_requests else str(result.skip_message)


def run(config: Any = None) -> dg.ExecuteInProcessResult:
    with dg.instance_for_test() as instance:
        return weekly_digest.execute_in_process(
            run_config=config or {},
            resources={"workspace": WorkspaceResource()},
            instance=instance,
            raise_on_error=False,
        )


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (step,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return {name: value.value for name, value in step.step_output_data.metadata.items()}


def test_it_ticks_every_hour_of_a_day_from_its_hour_on(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATP_DIGEST__WEEKDAY", "6")
    monkeypatch.setenv("CHATP_DIGEST__HOUR", "21")
    (schedule,) = [found for found in build_schedules(Settings()) if found.name == NAME]
    assert isinstance(schedule.cron_schedule, list)
    start = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    times = schedule_execution_time_iterator(start, schedule.cron_schedule, schedule.execution_timezone)
    ticks = [next(times).astimezone(ZoneInfo("Asia/Seoul")) for _ in range(26)]
    assert [one.strftime("%a %H") for one in ticks] == [
        *(f"Sat {hour}" for hour in (21, 22, 23)), *(f"Sun {hour:02}" for hour in range(22)), "Sat 21",
    ]  # fmt: skip
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_without_mail_and_slack_nothing_is_launched(at_home: Path) -> None:
    assert "neither a mail server nor" in str(tick())


@pytest.mark.exhaustive
def test_it_is_launched_while_somebody_waits(with_mail: None, home: Path, server: MailServer) -> None:
    assert tick() == "nobody waits for the digest of 2026-03-02"
    subscribe(home, "hana")
    request = tick()
    assert isinstance(request, dg.RunRequest)
    assert request.tags["chatp/digest_week"] == "2026-03-02"
    server.faults["hana@example.com"].append("450")
    first = run(request.run_config)
    assert first.success
    assert metadata_of(first)["failed"] == 1
    again = tick(MONDAY.replace(hour=9))
    assert isinstance(again, dg.RunRequest)
    second = run(again.run_config)
    assert metadata_of(second)["sent"] == 1
    assert server.recipients == ["hana@example.com"]
    assert tick(MONDAY.replace(hour=10)) == "nobody waits for the digest of 2026-03-02"
    third = run(request.run_config)
    assert (metadata_of(third)["sent"], metadata_of(third)["skipped"]) == (0, 1)
    told = json.dumps(
        [event.to_json() if hasattr(event, "to_json") else str(event) for event in second.all_events]
    )
    assert "hana@" not in told
    assert "@example.com" not in str(metadata_of(second))


def test_a_week_without_anything_launches_nothing(with_mail: None, home: Path) -> None:
    subscribe(home, "hana")
    assert tick(datetime(2026, 5, 4, 8, tzinfo=ZoneInfo("Asia/Seoul"))).startswith("nobody waits")  # type: ignore[union-attr]


def test_a_server_that_is_down_fails_the_run_with_its_code(
    with_mail: None, home: Path, server: MailServer
) -> None:
    subscribe(home, "hana")
    server.stop()
    result = run({"ops": {"send_digest": {"config": {"week": "2026-03-02"}}}})
    assert not result.success
    failure = result.failure_data_for_node("send_digest")
    assert failure is not None
    assert "CP-WEB-051" in str(failure.user_failure_data.description)  # type: ignore[union-attr]
    assert failure.user_failure_data.metadata["left"].value == 1  # type: ignore[union-attr]


def test_nothing_published_is_no_reason_to_break(with_mail: None, home: Path) -> None:
    (home / "warehouse" / "published" / "CURRENT").unlink()
    assert "CP-STORE-005" in str(tick())
    result = run()
    assert "CP-STORE-005" in str(result.failure_data_for_node("send_digest").user_failure_data.description)  # type: ignore[union-attr]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chat_platform.cli.main", "digest", *arguments],
        env={**os.environ, "CHATP_LANG": "en"}, text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.exhaustive
def test_the_command_previews_and_sends(
    with_mail: None, home: Path, server: MailServer, tmp_path: Path
) -> None:
    subscribe(home, "hana")
    page = tmp_path / "digest.html"
    shown = command("preview", "--week", "2026-03-02", "--html", str(page), "--json")
    found = json.loads(shown.stdout)
    with duckdb.connect(str(Workspace(Settings()).publication.current().path), read_only=True) as connection:
        (messages,) = connection.execute("select sum(messages + replies) from marts.lectures").fetchone() or (
            0,
        )
    assert sum(lecture["messages"] for lecture in found["published"]["lectures"]) == messages
    assert page.read_text(encoding="utf-8").count("data:image/png") == 4
    dry = json.loads(command("send", "--week", "2026-03-02", "--dry-run", "--json").stdout)
    assert (dry["mail"]["left"], server.accepted) == (1, [])
    sent = command("send", "--week", "2026-03-02", "--json")
    assert (sent.returncode, json.loads(sent.stdout)["mail"]["sent"]) == (0, 1)
    assert server.recipients == ["hana@example.com"]
    assert "hana@" not in sent.stdout + sent.stderr
    wrong = command("send", "--week", "2026-03-03")
    assert (wrong.returncode, "CP-WEB-057" in wrong.stderr) == (1, True)
    assert str(last_week(datetime.now(UTC), Settings().zone)) in command("send", "--json").stdout
