"""Addresses within the Dagster UI.

What belongs here: which page of it shows what. What does not: asking it anything: it has no sign-in of its own and
listens on loopback only, so a link works for whoever sits at that machine or has a tunnel to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from chat_platform.settings import Settings

LOCATION = "chat_platform"
JOBS = (
    "class_recordings",
    "slack_chat_days",
    "publish_metrics",
    "retrain_question_model",
    "retrain_author_model",
)
OF_SOURCES = frozenset(
    {"messages", "reactions", "participants", "quarantine", "tokens", "question_predictions"}
)
"""Tables whose rows each source's own asset makes: ``core/zoom/messages``."""


@dataclass(frozen=True)
class DagsterLinks:
    """Links into the Dagster UI of the settings."""

    base: str

    @classmethod
    def of(cls, settings: Settings) -> DagsterLinks:
        """Those of a home."""
        return cls(settings.web.dagster_url.rstrip("/"))

    def asset(self, *key: str) -> str:
        """Page of an asset."""
        return f"{self.base}/assets/{'/'.join(quote(part, safe='') for part in key)}"

    def table(self, schema: str, name: str) -> str:
        """Page of the asset, or of the folder of assets, that makes a published table."""
        return self.asset(schema) if name in OF_SOURCES else self.asset(schema, name)

    def job(self, name: str) -> str:
        """Page of a job, from which it can be launched."""
        return f"{self.base}/locations/{LOCATION}/jobs/{quote(name, safe='')}"

    @property
    def runs(self) -> str:
        """All runs."""
        return f"{self.base}/runs"

    @property
    def automation(self) -> str:
        """Sensors and schedules."""
        return f"{self.base}/automation"
