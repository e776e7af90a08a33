"""``chatp doctor``: is this machine able, and what to do where it is not.

What belongs here: checks that look and change nothing. What does not: repairing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from chat_platform.cli.console import tr
from chat_platform.errors import ChatPlatformError
from chat_platform.settings import Settings

LEAST_DISK = 2 << 30
MOST_SKEW_S = 60.0
SCOPES = ("channels:read", "channels:history", "users:read")


@dataclass(frozen=True)
class Finding:
    """One check: its name, whether it passed, what was seen, and what to do when it failed."""

    name: str
    ok: bool
    seen: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Every check; one that breaks counts as failed."""
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("duckdb", _duckdb),
        ("chromium", _chromium),
        ("korean font", _font),
        ("disk", _disk),
        ("home", _home),
        ("dagster", _dagster),
        ("dbt", _dbt),
        ("slack", _slack),
        ("clock", _clock),
    ]
    findings = []
    for name, check in checks:
        try:
            findings.append(check(settings))
        except ChatPlatformError as error:
            findings.append(Finding(name, False, str(error), error.entry.remedy))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            findings.append(Finding(name, False, f"{type(error).__name__}: {error}", "chatp doctor --debug"))
    return findings


def _python(_: Settings) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python",
        sys.version_info[:2] == (3, 11),
        found,
        tr("install Python 3.11", "Python 3.11을 설치하세요"),
    )


def _duckdb(_: Settings) -> Finding:
    import duckdb

    connection = duckdb.connect()
    zone = connection.execute(
        "select timestamptz '2026-03-02 00:00:00+00' at time zone 'Asia/Seoul'"
    ).fetchone()
    fine = duckdb.__version__ == "1.5.5" and zone is not None and zone[0].hour == 9
    return Finding("duckdb", fine, duckdb.__version__, "make setup")


def _chromium(settings: Settings) -> Finding:
    remedy = "apt-get install chromium chromium-driver"
    browser = shutil.which(settings.zoom.chromium or "chromium") or shutil.which("google-chrome")
    driver = shutil.which(settings.zoom.chromedriver or "chromedriver")
    if not browser or not driver:
        return Finding("chromium", False, f"chromium: {browser}, chromedriver: {driver}", remedy)
    versions = [_major([program, "--version"]) for program in (browser, driver)]
    return Finding(
        "chromium", versions[0] == versions[1] != "", f"{versions[0]} / driver {versions[1]}", remedy
    )


def _major(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.search(r"(\d+)\.\d+", said)
    return found[1] if found else ""


def _font(_: Settings) -> Finding:
    said = ""
    if shutil.which("fc-list"):
        said = subprocess.run(
            ["fc-list", ":lang=ko", "family"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
    family = next(iter(said.splitlines()), "").split(",")[0]
    return Finding("korean font", bool(family), family or "none", "apt-get install fonts-noto-cjk")


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        free > LEAST_DISK,
        f"{free / 1e9:.1f} GB",
        tr("make room: 2 GB at least", "2GB 이상 비워 주세요"),
    )


def _home(settings: Settings) -> Finding:
    from chat_platform.storage.workspace import Workspace

    if not settings.home.exists():
        return Finding("home", False, str(settings.home), "chatp prepare")
    states = Workspace(settings).ledger.states()
    private = (Path(Workspace(settings).vault.root).stat().st_mode & 0o077) == 0
    seen = f"{settings.home}, {sum(states.values())} conversations"
    return Finding("home", private, seen, f"chmod 700 {settings.home}/lake/raw")


def _dagster(settings: Settings) -> Finding:
    index = settings.home / "dagster" / "history" / "runs" / "index.db"
    return Finding("dagster", index.exists(), str(index.parent), "chatp prepare")


def _dbt(settings: Settings) -> Finding:
    manifest = settings.home / "dbt" / "manifest.json"
    return Finding("dbt", manifest.exists(), str(manifest), "chatp prepare")


def _slack(settings: Settings) -> Finding:
    if settings.slack_token is None:
        return Finding("slack", True, tr("no token is set: files only", "토큰 없음: 파일만 사용합니다"))
    from chat_platform.sources.slack.client import SlackClient

    client = SlackClient(settings.slack_token, base_url=settings.slack.base_url, timeout_s=10, attempts=1)
    info = client.auth_test()
    missing = [scope for scope in SCOPES if scope not in (info.scopes or ())]
    seen = f"{info.team} ({info.user})" + (
        f", {tr('missing', '없음')}: {', '.join(missing)}" if missing else ""
    )
    return Finding(
        "slack",
        not missing,
        seen,
        tr("add the scopes to your app and install it again", "앱에 권한을 추가하고 다시 설치하세요"),
    )


def _clock(settings: Settings) -> Finding:
    if settings.slack_token is None:
        return Finding(
            "clock", time.time() > 1_767_225_600, time.strftime("%Y-%m-%d %H:%M"), "timedatectl set-ntp true"
        )
    import requests

    said = requests.get(settings.slack.base_url, timeout=10, allow_redirects=False).headers.get("Date")
    skew = abs(time.time() - parsedate_to_datetime(said).timestamp()) if said else 0.0
    return Finding("clock", skew < MOST_SKEW_S, f"{skew:.0f} s", "timedatectl set-ntp true")
