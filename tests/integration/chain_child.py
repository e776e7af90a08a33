"""A child process: runs the chain until nothing is due; kills itself −9 in a given step when asked to.

Usage: python -m tests.integration.chain_child [STEP SECONDS_AFTER_ITS_START]
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import dagster as dg

from chat_platform.runner import Runner
from chat_platform.settings import Settings


def kill_in(step: str, after_s: float) -> None:
    """Arrange that this process is killed so many seconds after the step has started."""
    handle = dg.DagsterInstance.handle_new_event

    def watched(self: dg.DagsterInstance, event: dg.EventLogEntry, **kwargs: object) -> None:
        handle(self, event, **kwargs)
        happened = event.dagster_event
        if happened is not None and happened.is_step_start and happened.step_key == step:
            threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGKILL)).start()

    dg.DagsterInstance.handle_new_event = watched  # type: ignore[method-assign]


def main() -> int:
    if len(sys.argv) > 1:
        kill_in(sys.argv[1], float(sys.argv[2]))
    report = Runner(Settings()).catch_up(lambda line: print(line, flush=True))  # noqa: T201
    for run in report.runs:
        if run.error:
            print(run.job, run.error, flush=True)  # noqa: T201
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
