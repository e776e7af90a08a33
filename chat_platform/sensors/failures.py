"""What happens when a run fails.

What belongs here: run status sensors. What does not: discovery.
"""

import dagster as dg


@dg.run_failure_sensor(
    name="run_failures",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes what failed and what to do into the log of the daemon and the tick; nothing is lost by a "
    "failed run: the ledger has its conversations due again.",
)
def run_failures(context: dg.RunFailureSensorContext) -> dg.SkipReason:
    """Name the failed steps with their coded errors."""
    failed = [
        f"{event.step_key}: {_first_line(event)}"
        for event in context.get_step_failure_events()
        if event.step_key
    ]
    summary = "; ".join(failed) or context.failure_event.message or "no step failed"
    context.log.error(f"run {context.dagster_run.run_id} of {context.dagster_run.job_name}: {summary}")
    return dg.SkipReason(f"{context.dagster_run.job_name} failed: {summary}")


def _first_line(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    cause = error.cause if error and error.cause else error
    return cause.message.strip().splitlines()[0] if cause and cause.message.strip() else "unknown error"
