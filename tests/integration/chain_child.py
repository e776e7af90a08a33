"""A child process: runs what sensors ask for until nothing is due; kills itself −9 when asked to.

Usage: python -m tests.integration.chain_child --sensors NAME… [--kill-at STEP|MODULE:FUNCTION [--after SECONDS]]
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading

import dagster as dg

from chat_platform.runner import Runner
from chat_platform.settings import Settings


def say(line: str) -> None:
    """Tell the parent."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def kill() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in_step(step: str, after_s: float) -> None:
    """Arrange that this process is killed so many seconds after the step has started."""
    handle = dg.DagsterInstance.handle_new_event

    def watched(self: dg.DagsterInstance, event: dg.EventLogEntry, **kwargs: object) -> None:
        handle(self, event, **kwargs)
        happened = event.dagster_event
        if happened is not None and happened.is_step_start and happened.step_key == step:
            threading.Timer(after_s, kill).start()

    dg.DagsterInstance.handle_new_event = watched  # type: ignore[method-assign]


def kill_before(module: str, function: str) -> None:
    """Arrange that this process is killed where it would call ``Class.method`` or ``function`` of a module."""
    *path, name = function.split(".")
    owner = importlib.import_module(module)
    for part in path:
        owner = getattr(owner, part)
    assert callable(getattr(owner, name))
    setattr(owner, name, lambda *args, **kwargs: kill())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensors", nargs="+", required=True)
    parser.add_argument("--kill-at")
    parser.add_argument("--after", type=float, default=0.0)
    wanted = parser.parse_args()
    runner = Runner(Settings())
    if wanted.kill_at and ":" in wanted.kill_at:
        kill_before(*wanted.kill_at.split(":"))
    elif wanted.kill_at:
        kill_in_step(wanted.kill_at, wanted.after)
    reports = [runner.catch_up(say, sensor=name) for name in wanted.sensors]
    for run in (run for report in reports for run in report.runs):
        if run.error:
            say(f"{run.job} {run.error}")
    return 0 if all(report.ok for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
