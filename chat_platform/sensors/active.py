"""Whether a run of the chain is under way.

What belongs here: telling living runs from those whose process is gone. What does not: what to launch.
"""

import time
from collections.abc import Mapping

import dagster as dg

from chat_platform.jobs import CHAIN
from chat_platform.storage.liveness import RunGuard

# Run in the process that created it (``runner``), which shows that it is alive before it creates the run.
IN_PROCESS = {"chatp/in_process": "true"}
# A queued or starting run has no process yet; after this long it will not get one.
START_S = 300.0

_WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
_RUNNING = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def is_active(instance: dg.DagsterInstance, guard: RunGuard, tags: Mapping[str, str] = CHAIN) -> bool:
    """Whether a run with these tags is queued or running; it may be about to do what looks due.

    Runs that Dagster believes to be running although no process shows itself are reported as failed.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=[*_WAITING, *_RUNNING], tags=dict(tags)))
    if not records:
        return False
    alive = guard.anybody_alive()
    active = False
    for record in records:
        run = record.dagster_run
        if run.status in _RUNNING or IN_PROCESS.items() <= run.tags.items():
            if alive:
                active = True
            else:
                instance.report_run_failed(
                    run, "The run's process is gone: it was killed or the machine stopped."
                )
                # A killed holder keeps its slots in pools, and the next run would wait for them for ever.
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        elif time.time() - record.update_timestamp.timestamp() < START_S:
            active = True
    return active
