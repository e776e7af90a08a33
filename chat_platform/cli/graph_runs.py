"""Runs of the graph that a command asks for.

What belongs here: preparing the home, running with progress, turning failed runs into an error. What does not: the runs
themselves (``runner``). Dagster is imported only when something runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from chat_platform.cli.console import settings
from chat_platform.cli.progress import run_progress
from chat_platform.errors import ConfigurationError


def catch_up(sensor: str = "slack_discovery") -> None:
    """Run whatever is due, to its publication, however many batches that takes.

    Args:
        sensor: that says what is due.

    Raises:
        ConfigurationError: CP-CONF-005 when a run failed.
    """
    from chat_platform.cli.setup_home import prepare

    values = settings()
    prepare(values)
    with run_progress(values) as on_event:
        from chat_platform.runner import MOST_TICKS, Runner

        runner = Runner(values)
        report = runner.catch_up(on_event, sensor=sensor)
        while report.ok and report.ticks == MOST_TICKS:
            report = runner.catch_up(on_event, sensor=sensor)
    _stop_if_failed(run.error for run in report.runs if not run.ok)


def publish() -> None:
    """Load, resolve people, build the metrics and publish.

    Raises:
        ConfigurationError: CP-CONF-005 when the run failed.
    """
    from chat_platform.cli.setup_home import prepare

    values = settings()
    prepare(values)
    with run_progress(values) as on_event:
        from chat_platform.runner import Runner

        run = Runner(values).publish(on_event)
    _stop_if_failed([] if run.ok else [run.error])


def _stop_if_failed(errors: Iterable[str | None]) -> None:
    failures = list(errors)
    if failures:
        raise ConfigurationError("CP-CONF-005", "; ".join(filter(None, failures)))
