"""The whole way of streams: from a list of streamers to published tables, beside a class and disturbed by kills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from chat_platform.ingestion.imports import import_saved_chat
from chat_platform.ingestion.streams.channels import import_streamers
from chat_platform.runner import Runner, RunnerReport
from chat_platform.simulators.class_generator import GeneratedClass
from chat_platform.simulators.saved_chat import saved_messages, write_saved_chat
from chat_platform.simulators.stream_generator import GeneratedVideo, StreamWorld
from chat_platform.simulators.stream_world import StreamServers, start_streams
from tests.integration.classes import SEOUL
from tests.integration.harness import Home, differences

pytestmark = [pytest.mark.exhaustive, pytest.mark.slow, pytest.mark.timeout(1_200)]
MakeHome = Callable[[str], Home]
# What a kill may not change; the other tables hold the moments at which something was seen.
COMPARED = ("core.messages", "core.emote_uses", "core.tokens", "core.quarantine", "ml.question_predictions")


@dataclass(frozen=True)
class Outside:
    """Platforms of a world that stands still, and the variables that point at them."""

    world: StreamWorld
    servers: StreamServers

    @property
    def variables(self) -> dict[str, str]:
        """The world is in March, and the runs are not: they look far back."""
        return {**self.servers.environment(), "CHATP_STREAMS__LOOKBACK_DAYS": "4000", "CHATP_WORKERS": "1"}

    def videos(self) -> list[GeneratedVideo]:
        """Every video that can be seen."""
        return [video for streamer in self.world.everybody() for video in self.world.videos(streamer)]

    def list_streamers(self, home: Home) -> None:
        """Import a list of everybody."""
        lines = [f"{s.display_name},https://www.twitch.tv/{s.login}" for s in self.world.everybody()]
        data = "\n".join(["name,url", *lines]).encode()
        with home.entered(self.variables):
            assert import_streamers(home.workspace(), "list.csv", data).channels == len(lines)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    world = StreamWorld(7, streamers=3, days=12, messages_per_video=12)
    world.today = world.day(6)
    with start_streams(world, limit=None) as servers:
        yield Outside(world, servers)


@dataclass(frozen=True)
class Followed:
    """A home with a class and streams, and what its tables were before there were streams."""

    home: Home
    before: dict[str, list[str]]
    report: RunnerReport


@pytest.fixture(scope="module")
def followed(outside: Outside, make_home: MakeHome) -> Followed:
    home = make_home("streams")
    with home.entered({}):
        said = saved_messages(GeneratedClass(3, 1, 8, 40, date(2026, 3, 2), "Asia/Seoul").recording(0), SEOUL)
        import_saved_chat(home.workspace(), "chat.txt", write_saved_chat(said, "V3"), day=date(2026, 3, 2))
    assert home.catch_up(outside.variables).ok
    with home.entered(outside.variables) as settings:
        # The first run made the rules champion after it had loaded the models.
        assert Runner(settings).publish().ok
    before = home.tables()
    outside.list_streamers(home)
    return Followed(home, before, home.catch_up(outside.variables, "stream_videos"))


def test_one_run_fetches_and_one_run_counts(outside: Outside, followed: Followed) -> None:
    assert followed.report.ok, [run.error for run in followed.report.runs]
    assert [run.job for run in followed.report.runs] == ["fetch_twitch_videos", "twitch_videos"]


def test_what_was_said_and_which_emotes_is_published(outside: Outside, followed: Followed) -> None:
    found = dict(
        followed.home.query(
            "select conversation_id, count(*) from core.messages where source = 'twitch' group by all"
        )
    )
    assert found == {f"twitch-{v.video_id}": len(outside.world.chat(v)) for v in outside.videos()}
    uses = followed.home.query(
        "select emote_id, code, sum(uses) from core.emote_uses where provider = 'native' group by all"
    )
    truth: Counter[tuple[str, str]] = sum((outside.world.native_uses(v) for v in outside.videos()), Counter())
    assert {(i, code): count for i, code, count in uses} == truth


def test_tables_of_the_class_are_as_before(followed: Followed) -> None:
    streams = ("stream", "emote", "chatter", "video")
    shared = ("core.conversations", "core.participants", "core.quarantine", "core.channels", *COMPARED)
    after = {
        name: rows
        for name, rows in followed.home.tables().items()
        if name not in shared and not any(word in name for word in streams)
    }
    assert {"core.people", "core.identities", "marts.lectures", "marts.data_quality"} <= after.keys()
    assert differences({name: followed.before[name] for name in after}, after) == {}


def test_looking_again_costs_no_run(outside: Outside, followed: Followed) -> None:
    before = followed.home.workspace().publication.current().number
    assert followed.home.catch_up(outside.variables, "stream_videos").runs == []
    assert followed.home.catch_up(outside.variables).runs == []
    assert followed.home.workspace().publication.current().number == before


def test_a_class_that_did_not_change_is_not_counted_again(outside: Outside, followed: Followed) -> None:
    with followed.home.entered(outside.variables), dg.DagsterInstance.get() as instance:
        latest = {
            mart: instance.get_latest_materialization_event(dg.AssetKey(["marts", mart]))
            for mart in ("lectures", "talkers", "stream_videos", "emotes_daily")
        }
        unchanged = {
            mart: "unchanged" in event.asset_materialization.metadata
            for mart, event in latest.items()
            if event is not None and event.asset_materialization is not None
        }
    assert unchanged == {"lectures": True, "talkers": True, "stream_videos": False, "emotes_daily": False}


def test_the_figures_of_today_are_published_with_their_trends(outside: Outside, followed: Followed) -> None:
    with followed.home.entered(outside.variables) as settings:
        today = datetime.now(UTC).astimezone(settings.zone).date()
        run = Runner(settings).run("twitch_days", [today.isoformat()])
    assert run.ok, run.error
    figures = dict(followed.home.query("select channel_id, followers from core.channel_snapshots"))
    world = outside.world
    assert figures == {s.channel_id: world.followers(s) for s in world.everybody() if world.visible(s)}
    assert set(followed.home.query("select distinct trend from ml.channel_trends")) == {("unknown",)}
    assert followed.home.query("select count(*) from core.emotes")[0][0] > 20


def test_killed_at_every_step_and_restarted_equals_undisturbed(
    outside: Outside, followed: Followed, make_home: MakeHome
) -> None:
    """Kill −9 in each step of both jobs in turn, going on after each, and compare what is published."""
    from chat_platform.definitions import build_defs

    home = make_home("streams-killed")
    outside.list_streamers(home)
    definitions = build_defs()
    steps = [
        node.name
        for job in ("fetch_twitch_videos", "twitch_videos")
        for node in definitions.resolve_job_def(job).nodes_in_topological_order
    ]
    killed = []
    for number, step in enumerate(steps):
        done = home.child(
            outside.variables, kill_at=step, after_s=(0.0, 0.1, 0.4)[number % 3], sensors=("stream_videos",)
        )
        if done.returncode == -9:
            killed.append(step)
    assert len(killed) >= len(steps) - 1, (killed, done.stdout, done.stderr[-2000:])
    for _ in range(3):
        final = home.child(outside.variables, sensors=("stream_videos",))
    assert final.returncode == 0, final.stdout + final.stderr[-3000:]

    def of_streams(tables: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: [row for row in tables[name] if "twitch" in row] for name in COMPARED}

    assert differences(of_streams(followed.home.tables()), of_streams(home.tables())) == {}
    assert of_streams(home.tables())["core.messages"]
