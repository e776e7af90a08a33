"""Automation: when an asset updates itself, written down once with the reason.

What belongs here: shared automation conditions and retry policies. What does not: sensors, schedules.
"""

import warnings

import dagster as dg

# Single-run back-fills, freshness policies and code references are marked beta by Dagster; we use them knowingly
# with pinned versions, and the warning would be printed for every asset.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

# What hangs behind the lake (loading, people, metrics, publication) follows by itself when somebody materialises
# a lake asset by hand or by back-fill. A recording that failed must not hold back the metrics of the others, so
# missing upstream partitions do not block; failed blocking checks of the level above do.
FOLLOW = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .__and__(dg.AutomationCondition.all_deps_blocking_checks_passed())
    .with_label("follow_upstream")
)

# Steps that talk to the outside: a network fault is worth another try, a refusal is not (those raise with
# allow_retries=False).
NETWORK_RETRIES = dg.RetryPolicy(
    max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)

# One writer at a time; the writer's lock in storage is the first belt, this pool the second.
WAREHOUSE_POOL = "warehouse"
# Politeness: one run at a time talks to Zoom, one to Slack; each streaming platform has a pool of its own name.
ZOOM_POOL = "zoom"
SLACK_POOL = "slack"

OWNER = "team:class-data"
