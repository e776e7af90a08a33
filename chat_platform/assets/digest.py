"""The weekly digest as a job: it changes nothing of ours, it only goes out.

What belongs here: the op and its job. What does not: sending (``digest.sending``), when (``schedules``).
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from chat_platform.digest.places import class_ids, open_place
from chat_platform.digest.sending import Report, channels, send
from chat_platform.digest.weeks import last_week, parse_week
from chat_platform.errors import ChatPlatformError
from chat_platform.resources.storage import WorkspaceResource

DIGEST_POOL = "digest"


class DigestConfig(dg.Config):
    """Which digest is sent.

    Attributes:
        week: Monday of the week, ISO date; empty: the last week that is over.
    """

    week: str = ""


@dg.op(pool=DIGEST_POOL)
def send_digest(
    context: dg.OpExecutionContext, config: DigestConfig, workspace: WorkspaceResource
) -> dict[str, int]:
    """Send what is left of a week's digest: to everybody who subscribed, and to Slack's channel.

    A run that is repeated sends to nobody twice. It fails when a server as a whole could not be used; a recipient
    who was refused is a number in its metadata.
    """
    home, now = workspace.open(), datetime.now(UTC)
    zone = home.settings.zone
    try:
        week = parse_week(config.week, now, zone) if config.week else last_week(now, zone)
        reports = []
        for class_id in class_ids(home.settings):
            if channels(home.settings, class_id):
                with open_place(home, class_id) as place:
                    reports.append(send(place, week))
    except ChatPlatformError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    totals = _totals(reports)
    metadata: dict[str, Any] = {
        "week": str(week),
        **totals,
        "codes": dg.MetadataValue.json({one.class_id: one.to_dict() for one in reports}),
    }
    problems = sorted({code for report in reports for code in report.problems})
    if problems:
        raise dg.Failure(
            f"{', '.join(problems)}: the next run sends what is left", metadata, allow_retries=False
        )
    context.add_output_metadata(metadata)
    return totals


@dg.job(
    description="Sends the digest of the last week by mail and to Slack, as far as they are set up. Scheduled "
    "weekly; launch it with another week, or after a mail server was down: whoever got the digest does not get it "
    "again.",
    tags={"chatp/digest": "weekly"},
)
def weekly_digest() -> None:
    """A week of the class, to those who want it."""
    send_digest()


def _totals(reports: list[Report]) -> dict[str, int]:
    tallies = [tally for report in reports for tally in report.channels.values()]
    return {
        "sent": sum(tally.sent for tally in tallies),
        "skipped": sum(tally.skipped for tally in tallies),
        "failed": sum(tally.failed.total() for tally in tallies),
        "left": sum(tally.left for tally in tallies),
    }
