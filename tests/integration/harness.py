"""What the integration tests share: homes, running the chain here or in a child process, table dumps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from chat_platform.runner import Runner, RunnerReport
from chat_platform.settings import Settings
from chat_platform.storage.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]

# When something happened, how often it was tried, and how long the card is that says so, may differ between a
# disturbed and an undisturbed run.
VOLATILE = {
    "bytes",
    "created_at",
    "promoted_at",
    "labelled_at",
    "attempts",
    "next_attempt_at",
    "fetched_at",
    "parsed_at",
    "decided_at",
    "payload_sha256",
    "published_at",
}


@dataclass(frozen=True)
class Home:
    """A ``CHATP_HOME`` of its own."""

    path: Path

    def variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Environment of whoever works on this home; failed recordings are due again at once."""
        return {
            "CHATP_HOME": str(self.path),
            "DAGSTER_HOME": str(self.path / "dagster"),
            "CHATP_RETRY_MINUTES": "0",
            "CHATP_SLACK__START_DATE": "2026-02-01",
            **variables,
        }

    @contextmanager
    def entered(self, variables: Mapping[str, str]) -> Iterator[Settings]:
        """The environment of this home, for code that runs in this process."""
        before = dict(os.environ)
        os.environ.update(self.variables(variables))
        try:
            yield Settings()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def catch_up(self, variables: Mapping[str, str], sensor: str = "slack_discovery") -> RunnerReport:
        """Run the chain in this process until nothing is due."""
        with self.entered(variables) as settings:
            return Runner(settings).catch_up(sensor=sensor)

    def copied(self, folder: Path) -> Home:
        """The same home in another place, to be spoilt."""
        shutil.copytree(self.path, folder)
        # To the file system the copied models have just changed; predictions of before would look overdue, and those
        # of now unpublished.
        for path in (folder / "lake" / "ml" / "question_predictions").iterdir():
            path.touch()
        (folder / "warehouse" / "published" / "CURRENT").touch()
        return Home(folder)

    def workspace(self) -> Workspace:
        """Storage of this home."""
        return Workspace(Settings(home=self.path))

    def child(
        self,
        variables: Mapping[str, str],
        *,
        kill_at: str | None = None,
        after_s: float = 0.0,
        sensors: Sequence[str] = ("slack_discovery",),
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run what sensors ask for in a child process; kill it −9 in a step, or at a function, when asked to."""
        command = [sys.executable, "-m", "tests.integration.chain_child", "--sensors", *sensors]
        if kill_at:
            command += ["--kill-at", kill_at, "--after", str(after_s)]
        return subprocess.run(
            command,
            env={**os.environ, **self.variables(variables)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows from the published file."""
        with self.workspace().publication.read() as connection:
            return connection.execute(sql).fetchall()

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Conversation → (state, reason) in the ledger."""
        return {
            row["conversation_id"]: (row["state"], row["reason"]) for row in self.workspace().ledger.rows()
        }

    def tables(self) -> dict[str, list[str]]:
        """Every table of the published file as sorted rows of text, without volatile columns."""
        path = self.workspace().publication.current().path
        connection = duckdb.connect(str(path), read_only=True)
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in "
            "('core', 'ml', 'marts', 'intermediate') union all select schema_name, view_name from duckdb_views() "
            "where schema_name = 'main' and not internal order by all"
        ).fetchall()
        dump = {}
        for schema, name in tables:
            columns = [row[0] for row in connection.execute(f'describe "{schema}"."{name}"').fetchall()]
            kept = ", ".join(f'"{column}"' for column in columns if column not in VOLATILE)
            rows = connection.execute(f'select {kept} from "{schema}"."{name}"').fetchall()
            dump[f"{schema}.{name}"] = sorted(
                json.dumps(row, default=str, ensure_ascii=False) for row in rows
            )
        connection.close()
        return dump


def differences(
    left: dict[str, list[str]], right: dict[str, list[str]]
) -> dict[str, tuple[int, int, list[str]]]:
    """Tables that differ: rows left, rows right, and a few that only one has."""
    found = {}
    for name in sorted(left.keys() | right.keys()):
        a, b = left.get(name, []), right.get(name, [])
        if a != b:
            found[name] = (len(a), len(b), sorted(set(a) ^ set(b))[:4])
    return found
