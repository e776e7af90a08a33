"""What the class chat costs: history, bulk, sensor, start-up, readers.

    python benchmarks/class_chat.py history     a new recording with 10 and with 1,000 in history
    python benchmarks/class_chat.py bulk        500 recordings with 1,000,000 messages, raw to published
    python benchmarks/class_chat.py sensor      a tick with 5,000 known recordings; loading the code location
    python benchmarks/class_chat.py readers     readers hammer the published file while the pipeline writes
    python benchmarks/class_chat.py events      Dagster's events in files that stay open, and as Dagster stores them

Each prints its numbers and the limit beside them. Sizes can be made smaller for a trial: --scale 0.1.
Everything runs in child processes on homes of their own in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST_DAY = date(2024, 1, 1)


def child(task: str, home: Path, *, script: str = __file__, **arguments: object) -> dict[str, float]:
    """Run a task of a benchmark in a process of its own; its result with wall time and CPU."""
    command = [
        sys.executable,
        script,
        "--child",
        task,
        json.dumps({"home": str(home), **arguments}, default=str),
    ]
    variables = {**os.environ, "CHATP_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{task} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), **result}


# --- tasks that run in a child process ---------------------------------------------------------------------


def task_fill(home: str, recordings: int, messages: int, first: int = 0) -> dict[str, float]:
    """Archive raw answers of a generated class and write them into the ledger as fetched; nothing is parsed.

    Those before ``first`` are left as they are: an answer that is archived anew is parsed anew.
    """
    from chat_platform.settings import Settings
    from chat_platform.simulators.class_generator import generate_class
    from chat_platform.simulators.zoom_answers import play_infos
    from chat_platform.storage.ledger import Announced
    from chat_platform.storage.workspace import Workspace

    workspace = Workspace(Settings())
    generated = generate_class(7, recordings=recordings, messages_per_recording=messages, first_day=FIRST_DAY)
    written = 0
    for index in range(first, recordings):
        recording = generated.recording(index)
        conversation_id = f"zoom-{index:08d}-{index:012x}"
        answers = [
            json.dumps(answer, ensure_ascii=False)
            for answer in play_infos(recording, workspace.settings.zone)
        ]
        envelope = {"strategy": "http", "fetched_at": datetime.now(UTC).isoformat(), "answers": answers}
        sha256 = workspace.vault.write("zoom", conversation_id, "answer", json.dumps(envelope).encode())
        workspace.ledger.announce(
            [
                Announced(
                    conversation_id,
                    "zoom",
                    "recording",
                    "r1",
                    title=f"lecture {index}",
                    conversation_date=generated.info(index).day,
                    link="https://zoom.us/rec/share/generated",
                )
            ]
        )
        workspace.ledger.mark_fetched(
            conversation_id, strategy="http", payload_sha256=sha256, fetched_at=datetime.now(UTC)
        )
        written += sum(len(answer) for answer in answers)
    return {"raw_mb": round(written / 1e6, 1)}


def task_catch_up(home: str, sensor: str = "slack_discovery") -> dict[str, float]:
    """Sensor tick to publication, in one process; peak memory of it and its workers."""
    import psutil

    peak, stop = [0], threading.Event()
    me = psutil.Process()

    def watch() -> None:
        while not stop.wait(0.2):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total)

    watcher = threading.Thread(target=watch)
    watcher.start()
    from chat_platform.runner import Runner
    from chat_platform.settings import Settings

    runner = Runner(Settings())
    started, cpu = time.monotonic(), _cpu()
    report = runner.catch_up(sensor=sensor)
    seconds, used = time.monotonic() - started, _cpu() - cpu
    stop.set()
    watcher.join()
    if not report.ok:
        sys.exit(str([run.error for run in report.runs]))
    return {
        "tick_to_publication_s": round(seconds, 2),
        "tick_to_publication_cpu_s": round(used, 2),
        "runs": len(report.runs),
        "peak_gib": round(peak[0] / 2**30, 2),
    }


def task_sensor(home: str, recordings: int) -> dict[str, float]:
    """Time of a tick with so many recordings known and nothing new, against a real local Slack."""
    import dagster as dg

    from chat_platform.definitions import build_defs
    from chat_platform.settings import Settings
    from chat_platform.simulators.world import start_world
    from chat_platform.storage.ledger import Announced
    from chat_platform.storage.workspace import Workspace

    with start_world(3, recordings=6, messages_per_recording=20) as world:
        os.environ.update(world.environment())
        settings = Settings()
        workspace = Workspace(settings)
        ids = [f"zoom-{index:08d}-{index:012x}" for index in range(recordings)]
        workspace.ledger.announce(Announced(i, "zoom", "recording", "r1") for i in ids)
        counts = dict.fromkeys(
            ("records", "messages", "replies", "reactions", "removals", "quarantined", "duplicates"), 0
        )
        for conversation_id in ids:
            workspace.ledger.mark_parsed(conversation_id, counts)
        entries = {
            row["conversation_id"]: (row["state"], row["parsed_at"]) for row in workspace.ledger.rows()
        }
        workspace.ledger.mark_published(1, entries)
        definitions = build_defs(settings)
        sensor = definitions.resolve_sensor_def("slack_discovery")
        with dg.DagsterInstance.from_config(str(Path(home) / "dagster")) as instance:
            instance.add_dynamic_partitions("class_recordings", ids)
            times, cursor = [], None
            for _ in range(4):
                with dg.build_sensor_context(
                    instance=instance,
                    cursor=cursor,
                    definitions=definitions,
                    sensor_name="slack_discovery",
                    resources=definitions.resources or {},
                ) as context:
                    started = time.monotonic()
                    cursor = sensor.evaluate_tick(context).cursor
                    times.append(time.monotonic() - started)
    return {"first_tick_s": round(times[0], 2), "tick_s": round(sorted(times[1:])[1], 2)}


def _cpu() -> float:
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


# --- benchmarks --------------------------------------------------------------------------------------------


def prepared(folder: str, name: str) -> Path:
    """A home that is set up."""
    home = Path(folder) / name
    variables = {**os.environ, "CHATP_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    subprocess.run(
        [sys.executable, "-m", "chat_platform.cli.main", "prepare"],
        env=variables,
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return home


def history(folder: str, scale: float) -> None:
    """A new recording with a short and with a long history."""
    results = {}
    for size in (10, max(20, int(1000 * scale))):
        home = prepared(folder, f"history-{size}")
        child("fill", home, recordings=size, messages=830)
        child("catch_up", home)
        trials = []
        for extra in range(1, 4):
            child("fill", home, recordings=size + extra, messages=830, first=size + extra - 1)
            trials.append(child("catch_up", home))
        results[size] = {
            name: sorted(trial[name] for trial in trials)[1]
            for name in ("tick_to_publication_s", "tick_to_publication_cpu_s")
        }
        print(f"history of {size:5d}: {results[size]}")
    (short, few), (long, many) = sorted(results.items())
    for name in few:
        print(f"{name}: {many[name] / few[name]:.2f} × with {long} against {short} recordings (limit 1.5)")
    print(f"from sensor tick to publication: {many['tick_to_publication_s']:.1f} s (limit 30)")


def bulk(folder: str, scale: float) -> None:
    """From archived answers to published metrics."""
    size = max(5, int(500 * scale))
    home = prepared(folder, "bulk")
    print(f"{size} recordings of 2,000 messages: {child('fill', home, recordings=size, messages=2000)}")
    result = child("catch_up", home)
    print(f"raw answers to publication: {result} (limits: {480 * scale:.0f} s, 4 GiB)")


def sensor(folder: str, scale: float) -> None:
    """A tick with thousands of known recordings, and the start of the code location."""
    size = int(5000 * scale)
    home = prepared(folder, "sensor")
    print(f"{size} known recordings: {child('sensor', home, recordings=size)} (limit of a tick: 2 s)")
    loads = []
    for _ in range(5):
        code = (
            "import time; t = time.monotonic(); import chat_platform.definitions; print(time.monotonic() - t)"
        )
        variables = {**os.environ, "CHATP_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
        )
        loads.append(float(done.stdout))
    print(f"code location loads in {sorted(loads)[2]:.2f} s, median of 5 (limit 4)")


def readers(folder: str, scale: float) -> None:
    """Two reading processes against a pipeline that loads and publishes again and again for a minute."""
    home = prepared(folder, "readers")
    child("fill", home, recordings=4, messages=400)
    child("catch_up", home)
    seconds = 60 * scale
    jobs = [
        subprocess.Popen(
            [sys.executable, __file__, "--child", task, json.dumps({"home": str(home), "seconds": seconds})],
            cwd=ROOT,
            env={**os.environ, "CHATP_HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for task in ("write", "read", "read")
    ]
    for job in jobs:
        output, _ = job.communicate()
        print(output.strip().splitlines()[-1])


def events(folder: str, scale: float) -> None:
    """A run's worth of asset events into Dagster's own storage and into ours, in turns."""
    home, numbers = prepared(folder, "events"), {"dagster": [], "open": []}
    for _ in range(3):
        for storage, found in numbers.items():
            found.append(child("events", home, storage=storage, number=int(400 * scale)))
    wall = {name: min(one["store_s"] for one in found) for name, found in numbers.items()}
    ratio = wall["dagster"] / wall["open"]
    print(f"  dagster's own {wall['dagster']:.2f} s, open files {wall['open']:.2f} s: {ratio:.1f} x")


def task_events(home: str, storage: str, number: int) -> dict[str, float]:
    """Store materializations of one run."""
    import dagster as dg
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    from chat_platform.resources.event_log import OpenSqliteEventLogStorage

    kinds = {"dagster": SqliteEventLogStorage, "open": OpenSqliteEventLogStorage}

    @dg.asset
    def one() -> None: ...

    with tempfile.TemporaryDirectory(dir=home) as folder, dg.instance_for_test(temp_dir=folder) as instance:
        run_id = dg.materialize([one], instance=instance).run_id
        entry = next(e for e in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION))
        log = kinds[storage](f"{folder}/log")
        log.store_event(entry)
        started = time.monotonic()
        for _ in range(number):
            log.store_event(entry)
        return {"store_s": round(time.monotonic() - started, 3)}


def task_write(home: str, seconds: float) -> dict[str, float]:
    """Parse, load and publish the same recordings again and again, as the chain does without dbt."""
    from chat_platform.ingestion import recordings
    from chat_platform.ingestion.predictions import predict
    from chat_platform.ingestion.publication import publish
    from chat_platform.ingestion.tables import CONVERSATION_TABLES
    from chat_platform.settings import Settings
    from chat_platform.storage.workspace import Workspace
    from chat_platform.tables.class_chat import MESSAGES, TOKENS
    from chat_platform.text.kernels import tokenise_messages

    workspace, until, versions = Workspace(Settings()), time.monotonic() + seconds, 0
    ids = [i for i in workspace.ledger.ids("zoom") if workspace.vault.parts("zoom", i)]
    while time.monotonic() < until:
        for conversation_id in ids:
            recordings.parse(workspace, conversation_id)
            workspace.lake.write(
                TOKENS, tokenise_messages(workspace.lake.read(MESSAGES, conversation_id)), conversation_id
            )
        predict(workspace, ids)
        workspace.warehouse.load(workspace.lake, CONVERSATION_TABLES)
        versions += publish(workspace)[1]
    return {"published_versions": versions}


def task_read(home: str, seconds: float) -> dict[str, float]:
    """Open what is published and compare its tables with each other, as often as possible."""
    from chat_platform.settings import Settings
    from chat_platform.storage.workspace import Workspace

    publication, until = Workspace(Settings()).publication, time.monotonic() + seconds
    reads = errors = halves = stale = last = 0
    while time.monotonic() < until:
        try:
            number = publication.current().number
            with publication.read() as connection:
                counts = connection.execute(
                    "select (select sum(messages + replies) from core.conversations where state = 'parsed'),"
                    " (select count(*) from core.messages), (select count(distinct message_id) from core.tokens)"
                ).fetchone()
            reads += 1
            halves += counts is None or counts[0] != counts[1] or not counts[2]
            stale += number < last
            last = max(last, number)
        except Exception:  # noqa: BLE001 - every error counts here
            errors += 1
    return {"reads": reads, "errors": errors, "half_states": halves, "stale": stale}


def main() -> None:
    """Run the benchmark that is asked for, or a task of a child process."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        print(json.dumps(globals()[f"task_{sys.argv[2]}"](**json.loads(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    benchmarks = {"history": history, "bulk": bulk, "sensor": sensor, "readers": readers, "events": events}
    parser.add_argument("benchmark", choices=[*benchmarks, "all"])
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, run in benchmarks.items():
            if arguments.benchmark in (name, "all"):
                print(f"== {name}")
                run(folder, arguments.scale)


if __name__ == "__main__":
    main()
