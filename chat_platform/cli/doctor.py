"""``chatp doctor``: is this machine able, and what to do where it is not.

What belongs here: checks that look and leave nothing behind. What does not: repairing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

from chat_platform.cli.console import remedy, tr
from chat_platform.cli.console import settings as console_settings
from chat_platform.errors import ChatPlatformError, ConfigurationError, StreamError
from chat_platform.settings import Settings, default_home
from chat_platform.sources.streams.registry import PLATFORMS

LEAST_DISK = 2 << 30
MOST_SKEW_S = 60.0
SET_CLOCK = "timedatectl set-ntp true"
SCOPES = ("channels:read", "channels:history", "users:read")


@dataclass(frozen=True)
class Finding:
    """One check: its name, whether it passed, what was seen, and what to do when it failed."""

    name: str
    ok: bool
    seen: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Every check; one that breaks counts as failed, and the others go on."""
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("duckdb", _duckdb),
        ("chromium", _chromium),
        ("korean font", _font),
        ("disk", _disk),
        ("home", _home),
        ("lake", _lake),
        ("dagster", _dagster),
        ("dbt", _dbt),
        ("slack", _slack),
        *((name, partial(_platform, name)) for name in PLATFORMS),
        ("live chat", _live_chat),
        ("clock", _clock),
    ]
    values, first = _settings()
    return [first, *(_checked(name, check, values) for name, check in checks)]


def _checked(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except ChatPlatformError as error:
        return Finding(name, False, str(error), remedy(error.code))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return Finding(name, False, f"{type(error).__name__}: {error}", "chatp --debug doctor")


def _settings() -> tuple[Settings, Finding]:
    """The settings; where they are not valid, the defaults, so that the machine can be looked at all the same."""
    try:
        return console_settings(), Finding("settings", True, str(default_home() / "chatp.toml"))
    except ConfigurationError as error:
        # Built without reading anything: what is wrong would be found again.
        values = Settings.model_construct(home=default_home())
        return values, Finding("settings", False, str(error), remedy(error.code))


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
    seen = f"{settings.home}, {sum(states.values())} {tr('conversations', '개 대화')}"
    return Finding("home", True, seen)


def _lake(settings: Settings) -> Finding:
    """Files can be made where the lake is, and nobody else can look into the raw vault."""
    if "://" in settings.lake:
        return Finding("lake", True, f"{settings.lake} ({tr('not tried', '시도하지 않음')})")
    lake = Path(settings.lake)
    folder = next(path for path in (lake, *lake.parents) if path.exists())
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"chatp")
        file.flush()
    vault = lake / "raw"
    private = not vault.exists() or (vault.stat().st_mode & 0o077) == 0
    seen = str(lake) if private else f"{vault}: {tr('others may read it', '다른 사용자가 읽을 수 있음')}"
    return Finding("lake", private, seen, f"chmod 700 {vault}")


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


def _platform(name: str, settings: Settings) -> Finding:
    """A streaming platform: asked about one channel of the list, if there are credentials and a list."""
    from chat_platform.ingestion.streams.tables import listed_ids
    from chat_platform.sources.streams.connections import configured, open_platform
    from chat_platform.storage.workspace import Workspace

    if name not in settings.stream_client_ids and name not in settings.stream_client_secrets:
        return Finding(
            name, True, tr("no credentials are set: not asked", "인증 정보 없음: 요청하지 않습니다")
        )
    if not configured(settings, name):
        raise StreamError("CP-STREAM-001", name)
    listed = listed_ids(Workspace(settings), name)
    if not listed:
        return Finding(
            name, True, tr("credentials are set, no streamer listed", "인증 정보 있음, 스트리머 없음")
        )
    with closing(open_platform(settings, name)) as platform:
        platform.channels_by_id(listed[:1])
    return Finding(name, True, tr(f"answers, {len(listed)} listed", f"응답함, 목록 {len(listed)}명"))


def _live_chat(settings: Settings) -> Finding:
    """Whoever began to listen and was not told to stop still does."""
    from chat_platform.storage.captures import captures

    found, now = captures(settings.home), datetime.now(UTC)
    for problem in filter(None, (capture.problem(now) for capture in found)):
        raise problem
    names = "; ".join(capture.name for capture in found)
    return Finding("live chat", True, names or tr("nobody listens", "듣고 있는 프로세스 없음"))


def _clock(settings: Settings) -> Finding:
    """Against Slack's clock where it answers; in any case not before the youngest of our own files."""
    now = time.time()
    seen = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    youngest = max(path.stat().st_mtime for path in (Path(__file__), *settings.home.glob("app.sqlite")))
    if now < youngest - MOST_SKEW_S:
        return Finding(
            "clock", False, f"{seen}: {tr('before its own files', '파일보다 이른 시각')}", SET_CLOCK
        )
    if settings.slack_token is None:
        return Finding("clock", True, f"{seen} ({tr('no Slack to compare with', '비교할 Slack 없음')})")
    theirs = _slack_time(settings.slack.base_url)
    if theirs is None:
        return Finding("clock", True, f"{seen} ({tr('Slack cannot be reached', 'Slack에 연결할 수 없음')})")
    skew = abs(now - theirs)
    return Finding("clock", skew < MOST_SKEW_S, f"{seen}, {skew:.0f} s", SET_CLOCK)


def _slack_time(address: str) -> float | None:
    """Seconds since 1970 by Slack's clock; ``None`` when it does not say."""
    import requests

    try:
        said = requests.get(address, timeout=10, allow_redirects=False).headers.get("Date", "")
        return parsedate_to_datetime(said).timestamp()
    except (requests.RequestException, ValueError):
        return None
