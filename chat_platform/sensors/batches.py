"""Batches: how a set of due partitions becomes run requests.

What belongs here: cutting partitions into ranges, naming batches, pacing repeated runs of one batch. What does
not: knowing what is due.
"""

import time
from collections.abc import Iterable, Sequence

import dagster as dg

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
BATCH_TAG = "chatp/batch"


def contiguous(wanted: Iterable[str], order: Sequence[str]) -> list[list[str]]:
    """Cut partitions into unbroken ranges.

    Args:
        wanted: partition keys.
        order: every partition key, in the order that Dagster's ranges follow.

    Returns:
        Ranges in order, each a list of keys that stand side by side in ``order``.
    """
    chosen = set(wanted)
    ranges: list[list[str]] = []
    before = False
    for key in order:
        if key not in chosen:
            before = False
            continue
        if before:
            ranges[-1].append(key)
        else:
            ranges.append([key])
        before = True
    return ranges


def batch_request(
    instance: dg.DagsterInstance, job: str, keys: Sequence[str], revision: str, *, longest_wait_s: float
) -> dg.RunRequest | None:
    """A run for a batch, or ``None`` while it is too early to run the same batch again.

    A batch that a run did not finish (its process was killed) stays due with the same revision: it runs again
    at once, then after 1, 3, 7, … minutes, never later than ``longest_wait_s``.

    Args:
        job: name of the job.
        keys: partition keys of one range; empty for an unpartitioned job.
        revision: names the batch and what there is to do for it.
        longest_wait_s: longest pause between two runs of one batch, seconds.
    """
    batch = f"{job}:{revision}"
    filters = dg.RunsFilter(tags={BATCH_TAG: batch})
    earlier = instance.get_runs_count(filters)
    if earlier:
        last = instance.get_run_records(filters, limit=1)[0]
        wait_s = min(longest_wait_s, 60.0 * (2 ** min(earlier - 1, 10) - 1))
        if time.time() - last.update_timestamp.timestamp() < wait_s:
            return None
    tags = {BATCH_TAG: batch}
    if keys:
        tags |= {RANGE_START: keys[0], RANGE_END: keys[-1]}
    return dg.RunRequest(run_key=f"{batch}:{earlier}", job_name=job, tags=tags)
