"""What a day of streams costs: from archived pages of chat to published metrics.

    python benchmarks/streams.py [--videos 25 50 100] [--messages 5000] [--day 1000] [--folder FOLDER]

The videos of a day, one a channel, with about so many messages each, are discovered and archived from a local Twitch.
That is not measured, as the platform's limits set its time. Then the sensor and the runs that it launches are:
parsing, emotes, tokens, predictions, loading, metrics, publication. Each size has a home of its own.

Printed are the times, where they went, and the slope (log of time over log of videos). From the largest size, a tenth
of a day of 1,000 videos and 5,000,000 messages, the day is extrapolated by that slope, taken as at least 1: runs have
a fixed cost, which makes small sizes look flatter than large ones are. A day must fit into an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from class_chat import child, prepared

HOUR_S = 3600.0
STEPS_SHOWN = 8


def task_fill(home: str, videos: int, messages: int) -> dict[str, float]:
    """Archive the chats of the videos of a day, and what emotes their channels had on it."""
    from chat_platform.ingestion.streams.channels import import_streamers
    from chat_platform.ingestion.streams.emotes import refresh_emotes
    from chat_platform.ingestion.streams.vods import discover, fetch
    from chat_platform.settings import Settings
    from chat_platform.simulators.stream_generator import StreamWorld
    from chat_platform.simulators.stream_world import start_streams
    from chat_platform.sources.streams.clock import Clock
    from chat_platform.sources.streams.connections import open_platform, open_third_party_emotes
    from chat_platform.storage.workspace import Workspace

    # Nobody streams every day.
    world = StreamWorld(11, streamers=4 * videos, days=14, messages_per_video=messages)
    on_air = [s for s in world.everybody() if world.visible(s) and _streamed_today(world, s)][:videos]

    class WorldClock(Clock):
        def now(self) -> float:
            return (world.now + timedelta(hours=3)).timestamp()

    with start_streams(world, limit=None) as servers:
        os.environ.update(servers.environment())
        workspace, clock = Workspace(Settings()), WorldClock()
        platform = open_platform(workspace.settings, "twitch", clock=clock)
        providers = open_third_party_emotes(workspace.settings, "twitch", clock=clock)
        lines = ["name,url", *(f"{s.display_name},https://www.twitch.tv/{world.login(s)}" for s in on_air)]
        import_streamers(workspace, "list.csv", "\n".join(lines).encode(), lambda *_: platform, clock=clock)
        refresh_emotes(workspace, platform, providers, [s.channel_id for s in on_air], world.today)
        found = discover(workspace, platform, since=world.today, clock=clock)
        archived = fetch(workspace, platform, found.videos)
        providers.close()
        platform.close()
    done = Counter(outcome.state for outcome in archived)
    return {"archived": done["fetched"], "messages": sum(len(world.chat(world.videos(s)[0])) for s in on_air)}


def task_check(home: str) -> dict[str, float]:
    """What was published, and seconds of the longest steps of all runs."""
    import dagster as dg

    from chat_platform.settings import Settings
    from chat_platform.storage.workspace import Workspace

    with Workspace(Settings()).publication.read() as connection:
        published, counted = connection.execute(
            "select (select count(*) from core.messages), (select sum(uses) from core.emote_uses)"
        ).fetchone()
    steps: Counter[str] = Counter()
    with dg.DagsterInstance.from_config(str(Path(home) / "dagster")) as instance:
        for run in instance.get_runs():
            for step in instance.get_run_step_stats(run.run_id):
                steps[step.step_key] += (step.end_time or 0.0) - (step.start_time or 0.0)
    longest = {name: round(seconds, 1) for name, seconds in steps.most_common(STEPS_SHOWN)}
    return {"published": published, "emote_uses": counted, "steps_s": longest}


def _streamed_today(world: object, streamer: object) -> bool:
    videos = world.videos(streamer)
    return bool(videos) and videos[0].day == world.today


def measured(folder: Path, videos: int, messages: int) -> dict[str, float]:
    """Archive so many videos and bring them to publication."""
    home = prepared(folder, f"streams-{videos}")
    filled = child("fill", home, script=__file__, videos=videos, messages=messages)
    result = child("catch_up", home, sensor="stream_videos")
    checked = child("check", home, script=__file__)
    if (filled["archived"], filled["messages"]) != (videos, checked["published"]):
        sys.exit(f"{videos} videos: archived {filled}, published {checked}")
    seconds = result["tick_to_publication_s"]
    print(
        f"{videos:5d} videos, {filled['messages']:9,} messages: {seconds:7.1f} s, "
        f"{result['tick_to_publication_cpu_s']:7.1f} s of processor, {result['runs']} runs, "
        f"{result['peak_gib']:.2f} GiB, {filled['messages'] / seconds:,.0f} messages/s"
    )
    print(f"      {checked['steps_s']}", flush=True)
    return {"messages": filled["messages"], **result}


def report(results: dict[int, dict[str, float]], day: int) -> bool:
    """Print slopes and the day that they lead to; whether it fits into an hour."""
    seconds = {videos: result["tick_to_publication_s"] for videos, result in results.items()}
    slope = 1.0
    for (few, before), (many, after) in pairwise(sorted(seconds.items())):
        slope = math.log(after / before) / math.log(many / few)
        print(f"slope from {few} to {many} videos: {slope:.2f}")
    largest = max(seconds)
    found = seconds[largest] * (day / largest) ** max(1.0, slope)
    messages = results[largest]["messages"] * day / largest
    print(
        f"a day of {day:,} videos and {messages:,.0f} messages: {found:,.0f} s by slope {max(1.0, slope):.2f} "
        f"({seconds[largest] * (day / largest) ** slope:,.0f} s by slope {slope:.2f}; limit {HOUR_S:,.0f} s), "
        f"{os.cpu_count()} cores"
    )
    return found <= HOUR_S


def main() -> int:
    """Print everything; exit code 1 when a day does not fit into an hour."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        print(json.dumps(globals()[f"task_{sys.argv[2]}"](**json.loads(sys.argv[3]))))
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, nargs="+", default=[25, 50, 100])
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--day", type=int, default=1000, help="videos of the day that is extrapolated")
    parser.add_argument("--folder", type=Path, help="where the homes go; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        sizes = sorted(arguments.videos)
        results = {videos: measured(Path(folder), videos, arguments.messages) for videos in sizes}
    return 0 if report(results, arguments.day) else 1


if __name__ == "__main__":
    raise SystemExit(main())
