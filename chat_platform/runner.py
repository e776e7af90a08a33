"""Runs the asset graph in this process, without daemon or web server.

What belongs here: evaluating the same sensors as the daemon and executing what they request, for ``chatp
import``, ``chatp publish``, the demo and tests. What does not: decisions of its own. Runs, materialisations and
checks land in the same Dagster instance, so the UI shows them like any others.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

import dagster as dg

from chat_platform.jobs import CHAIN, PUBLISH, RETRAIN_AUTHOR, RETRAIN_QUESTION
from chat_platform.resources.dbt_standby import stand_by
from chat_platform.sensors.active import IN_PROCESS
from chat_platform.sensors.batches import RANGE_END, RANGE_START
from chat_platform.settings import Settings
from chat_platform.storage.liveness import RunGuard

CURSOR_KEY = "chatp_runner_cursor"
MOST_TICKS = 20
# One planned event an asset instead of one a partition: with hundreds of recordings in a batch the others would
# take longer than the work. Which recording failed is in the ledger and in its partition's metadata.
ONE_PLANNED_EVENT = ("DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS", "true")


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended.

    Attributes:
        seconds: wall time.
        error: first line of the first failed step, for people.
    """

    job: str
    partitions: tuple[str, str] | None
    ok: bool
    seconds: float
    error: str | None = None


@dataclass
class RunnerReport:
    """What a catch-up did.

    Attributes:
        runs: in order.
        ticks: evaluations of the sensor.
        skip_reason: why the last tick asked for nothing.
    """

    runs: list[FinishedRun] = field(default_factory=list)
    ticks: int = 0
    skip_reason: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every run succeeded."""
        return all(run.ok for run in self.runs)


class Runner:
    """The graph of one ``CHATP_HOME``.

    Args:
        settings: their ``home`` holds Dagster's own home in ``dagster``.
    """

    def __init__(self, settings: Settings) -> None:
        # Importing the definitions reads dbt's manifest, which a home has only once it is prepared.
        from chat_platform.definitions import build_defs

        self.settings = settings
        self._definitions = build_defs(settings)

    def catch_up(
        self, on_event: Callable[[str], None] = lambda _: None, *, sensor: str = "slack_discovery"
    ) -> RunnerReport:
        """Evaluate a sensor and execute what it requests, until it requests nothing.

        Args:
            on_event: told in words what begins and ends.
            sensor: name of the sensor.
        """
        report = RunnerReport()
        with self._instance() as instance:
            for _ in range(MOST_TICKS):
                report.ticks += 1
                requests, report.skip_reason = self._tick(instance, sensor)
                if not requests:
                    break
                for request in requests:
                    report.runs.append(self._execute(instance, request, on_event))
                if not report.ok:
                    break
        return report

    def run(
        self,
        job: str,
        keys: Sequence[str] = (),
        on_event: Callable[[str], None] = lambda _: None,
        *,
        only: Sequence[Sequence[str]] = (),
    ) -> FinishedRun:
        """Run a job, for a range of partitions where it has them: from the first of the keys to the last.

        Args:
            job: its name.
            keys: partition keys in their order.
            on_event: told in words what begins and ends.
            only: keys of the job's assets that are wanted; none: all of them.
        """
        tags = {RANGE_START: keys[0], RANGE_END: keys[-1]} if keys else {}
        chosen = [dg.AssetKey(list(key)) for key in only] or None
        with self._instance() as instance:
            return self._execute(
                instance, dg.RunRequest(job_name=job, tags=tags, asset_selection=chosen), on_event
            )

    def publish(self, on_event: Callable[[str], None] = lambda _: None) -> FinishedRun:
        """Run the job that loads, resolves people, builds the metrics and publishes."""
        return self.run(PUBLISH.name, on_event=on_event)

    def retrain(
        self, on_event: Callable[[str], None] = lambda _: None, *, model: str = "question"
    ) -> RunnerReport:
        """Train a model; when another question model is champion then, predict everything with it.

        A refused candidate ends its run as failed, with the reason; the champion stays.

        Args:
            on_event: told in words what begins and ends.
            model: ``question`` or ``author``.
        """
        job = {"question": RETRAIN_QUESTION, "author": RETRAIN_AUTHOR}[model]
        with self._instance() as instance:
            run = self._execute(instance, dg.RunRequest(job_name=job.name), on_event)
        report = RunnerReport()
        if model == "question":
            report = self.catch_up(on_event, sensor="question_predictions_due")
        report.runs.insert(0, run)
        return report

    def _tick(self, instance: dg.DagsterInstance, name: str) -> tuple[list[dg.RunRequest], str | None]:
        sensor = self._definitions.resolve_sensor_def(name)
        storage = instance.daemon_cursor_storage
        key = f"{CURSOR_KEY}:{name}"
        cursor = storage.get_cursor_values({key}).get(key)
        with (
            self._console_in_file(),
            dg.build_sensor_context(
                instance=instance,
                cursor=cursor,
                definitions=self._definitions,
                sensor_name=name,
                resources=self._definitions.resources or {},
            ) as context,
        ):
            data = sensor.evaluate_tick(context)
        for request in data.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        if data.cursor:
            storage.set_cursor_values({key: data.cursor})
        return list(data.run_requests or []), data.skip_message

    def _execute(
        self, instance: dg.DagsterInstance, request: dg.RunRequest, on_event: Callable[[str], None]
    ) -> FinishedRun:
        tags = dict(request.tags) | IN_PROCESS
        span = (tags[RANGE_START], tags[RANGE_END]) if RANGE_START in tags else None
        on_event(f"{request.job_name}: {' … '.join(span) if span else 'start'}")
        started = time.monotonic()
        job = self._definitions.resolve_job_def(str(request.job_name))
        if job.tags.items() >= CHAIN.items():
            stand_by()
        guard = RunGuard(self.settings.home)
        guard.hold()
        try:
            with self._console_in_file():
                result = job.execute_in_process(
                    instance=instance,
                    tags=tags,
                    asset_selection=request.asset_selection,
                    raise_on_error=False,
                )
        finally:
            guard.release()
        seconds = time.monotonic() - started
        failures = [_cause(event) for event in result.all_events if event.is_step_failure]
        error = failures[0] if failures else None
        on_event(f"{request.job_name}: {'done' if result.success else 'failed'} in {seconds:.1f} s")
        return FinishedRun(str(request.job_name), span, result.success, seconds, error)

    @contextmanager
    def _console_in_file(self) -> Iterator[None]:
        """Dbt and Dagster talk on the console; people get ``on_event``, the rest goes to a file."""
        log = self.settings.home / "logs" / "runner.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
            yield

    @contextmanager
    def _instance(self) -> Iterator[dg.DagsterInstance]:
        home = self.settings.home / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        # The event log lies where this says, whatever the instance was read from.
        os.environ["DAGSTER_HOME"] = str(home)
        os.environ.setdefault(*ONE_PLANNED_EVENT)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


def _cause(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().splitlines()[0] if error and error.message.strip() else "unknown error"
