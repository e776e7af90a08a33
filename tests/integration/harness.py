"""What the integration tests share: a home of their own, a child process that runs the chain, table dumps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[2]

# When something happened and how often it was tried may differ between a disturbed and an undisturbed run.
VOLATILE = {
    "attempts",
    "next_attempt_at",
    "fetched_at",
    "parsed_at",
    "decided_at",
    "payload_sha256",
    "published_at",
}


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Environment of a child process that works on a home."""
    return {
        **os.environ,
        "CHATP_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "CHATP_RETRY_MINUTES": "0",
        **extra,
    }


def prepare(home: Path) -> None:
    """Set up a home as ``make setup`` does."""
    subprocess.run(
        [sys.executable, "-m", "chat_platform.cli.main", "prepare"],
        env=environment(home),
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def run_chain(
    home: Path,
    variables: Mapping[str, str],
    *,
    kill_step: str | None = None,
    after_s: float = 0.0,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run the chain in a child process until nothing is due; kill it −9 in a step when asked to."""
    command = [sys.executable, "-m", "tests.integration.chain_child"]
    if kill_step:
        command += [kill_step, str(after_s)]
    return subprocess.run(
        command,
        env=environment(home, **variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def published_tables(home: Path) -> dict[str, list[str]]:
    """Every table of the published file as sorted rows of text, without volatile columns."""
    pointer = (home / "warehouse" / "published" / "CURRENT").read_text(encoding="utf-8").strip()
    path = home / "warehouse" / "published" / pointer
    connection = duckdb.connect(str(path), read_only=True)
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where schema_name in "
        "('core', 'marts', 'intermediate') union all select schema_name, view_name from duckdb_views() "
        "where schema_name = 'main' and not internal order by all"
    ).fetchall()
    dump = {}
    for schema, name in tables:
        columns = [row[0] for row in connection.execute(f'describe "{schema}"."{name}"').fetchall()]
        kept = ", ".join(f'"{column}"' for column in columns if column not in VOLATILE)
        rows = connection.execute(f'select {kept} from "{schema}"."{name}"').fetchall()
        dump[f"{schema}.{name}"] = sorted(json.dumps(row, default=str, ensure_ascii=False) for row in rows)
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
