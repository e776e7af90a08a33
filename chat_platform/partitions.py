"""Partitions: how each kind of conversation is cut.

What belongs here: partition definitions. What does not: who adds keys (sensors and imports do).
"""

import dagster as dg

from chat_platform.settings import Settings

# One key a recording or imported chat file; keys are added by discovery and imports, never by code.
RECORDINGS = dg.DynamicPartitionsDefinition(name="class_recordings")


def stream_videos(platform: str) -> dg.DynamicPartitionsDefinition:
    """One key a recorded stream of a platform; keys are added by discovery."""
    return dg.DynamicPartitionsDefinition(name=f"{platform}_videos")


def stream_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Days of streamers' figures and emotes, today included."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.streams.start_date.isoformat(), timezone=settings.timezone, end_offset=1
    )


def slack_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Days of Slack's channels in the class's time zone, today included."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.slack.start_date.isoformat(), timezone=settings.timezone, end_offset=1
    )
