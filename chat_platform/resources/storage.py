"""Dagster resources over storage, Slack and Zoom: they open what the settings say, and do nothing else."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
from dagster import ConfigurableResource, InitResourceContext
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from chat_platform.errors import SlackError
from chat_platform.ingestion import recordings
from chat_platform.settings import Settings
from chat_platform.sources.slack.client import SlackClient
from chat_platform.storage.liveness import RunGuard
from chat_platform.storage.workspace import Workspace


class WorkspaceResource(ConfigurableResource):
    """Lake, vault, ledger, decisions and publication of ``CHATP_HOME``, as the settings name them."""

    _guard: RunGuard | None = PrivateAttr(default=None)

    def open(self) -> Workspace:
        """The workspace; its parts open on first use."""
        return Workspace(Settings())

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """A run's process shows that it is alive, so that the run of a killed one is told from it."""
        if context.run is not None:
            self._guard = RunGuard(Settings().home)
            self._guard.hold()

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """The run is over."""
        if self._guard is not None:
            self._guard.release()


class WarehouseResource(DuckDBResource):
    """The build file (one writer) and the published file (any number of readers).

    ``DuckDBResource.get_connection`` always opens for writing and does not close when the caller raises; use
    ``write`` and ``read``, which close in any case and hold the writer's lock.
    """

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The build file, for writing, under the writer's lock."""
        with Workspace(Settings()).warehouse.write() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The current published file, read-only."""
        with Workspace(Settings()).publication.read() as connection:
            yield connection


class SlackResource(ConfigurableResource):
    """The Slack workspace that the settings name; its token comes from ``CHATP_SLACK_TOKEN``."""

    def configured(self) -> bool:
        """Whether a token is set."""
        return Settings().slack_token is not None

    def client(self, *, budget_s: float | None = None) -> SlackClient:
        """A client of Slack's Web API.

        Args:
            budget_s: seconds after which it gives up with a coded error.

        Raises:
            SlackError: CP-SLACK-001 when no token is set.
        """
        settings = Settings()
        if settings.slack_token is None:
            raise SlackError("CP-SLACK-001", "CHATP_SLACK_TOKEN")
        return SlackClient(
            settings.slack_token,
            base_url=settings.slack.base_url,
            timeout_s=settings.slack.timeout_s,
            deadline=None if budget_s is None else time.monotonic() + budget_s,
        )


class ZoomResource(ConfigurableResource):
    """Fetches recordings into the vault: plain HTTP first, real Chromium where a page does not yield."""

    def fetch(
        self,
        workspace: Workspace,
        conversation_ids: Sequence[str],
        *,
        refetch: bool,
        on_done: Callable[[recordings.Outcome], None],
    ) -> list[recordings.Outcome]:
        """Archive what is not archived yet; one recording that fails does not stop the others."""
        return recordings.fetch(workspace, conversation_ids, refetch=refetch, on_done=on_done)
