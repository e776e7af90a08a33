"""The portal under load: ten million messages, twenty people, and a publication in the middle.

What belongs here: asking a running portal, times and memory. What does not: the tables (``portal_data``), browsers
(``web``).

    python benchmarks/web_load.py HOME --seconds 40

HOME holds a published file (see ``portal_data``) and gets accounts. Twenty people each open one page after another
and look at it for about a second. In the middle the same tables are published again under a new number.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import httpx
import psutil

from chat_platform.cli.setup_home import environment
from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.metric_definitions import SELECT, MetricDefinition
from chat_platform.storage.workspace import Workspace
from chat_platform.web.tiles import tiles_of

USERS = 20
WARM_S = 5.0
"""After so long a version has been read once."""


@dataclass
class Measured:
    """Times by page, and what went wrong.

    Attributes:
        asked: page → (when, seconds that the answer took).
        failures: what was answered otherwise than it should.
        seen: version → when it was first served.
    """

    asked: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    seen: dict[int, float] = field(default_factory=dict)


def pages(settings: Settings) -> tuple[dict[str, str], list[str], list[str]]:
    """Name → address with ``{lecture}`` and ``{message}``, lectures, and their messages."""
    root = "/c/class"
    with duckdb.connect(str(copy_of(settings)), read_only=True) as connection:
        cursor = connection.execute(SELECT)
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        tiles = tiles_of(MetricDefinition.of(dict(zip(names, row, strict=True))) for row in rows)
        chosen = connection.execute(
            "select conversation_id, message_id from marts.lecture_questions using sample 2000 rows"
        ).fetchall()
    found = {
        "lectures": f"{root}/lectures",
        "lectures by title": f"{root}/lectures?q=수업 1{{n}}",
        "lectures by date": f"{root}/lectures?from=2020-01-01&to=2020-06-01&sort=messages",
        "lecture": f"{root}/lectures/{{lecture}}",
        "lecture: a message": f"{root}/lectures/{{lecture}}?around={{message}}",
        "lecture: a second": f"{root}/lectures/{{lecture}}?at=5000",
        "lecture: search": f"{root}/lectures/{{lecture}}?q=torch",
        "all figures": f"{root}/tiles",
    }
    for tile in tiles.values():
        found[f"tile {tile.name}"] = f"{root}/tiles/{tile.name}"
        if tile.meta.filters.lecture:
            found[f"tile {tile.name} of a lecture"] = f"{root}/tiles/{tile.name}?lecture={{lecture}}"
    return found, [row[0] for row in chosen], [row[1] for row in chosen]


def copy_of(settings: Settings) -> Path:
    """The published file; no other process writes to it."""
    return Workspace(settings).publication.current().path


def sign_in(settings: Settings) -> list[str]:
    """Secrets of sessions of twenty people: most are students, some teach."""
    accounts = AccountStore(Workspace(settings).database)
    secrets = []
    for number in range(USERS):
        login = f"load-{number}@example.com"
        known = accounts.by_login(login)
        account = known.account_id if known else accounts.create(login, f"load {number}")
        role = "operator" if number == 0 else "teacher" if number < 4 else "student"
        accounts.set_role(account, "class", role)
        secrets.append(accounts.open_session(account))
    return secrets


def person(
    base: str,
    secret: str,
    found: tuple[dict[str, str], list[str], list[str]],
    measured: Measured,
    stop: float,
    seed: int,
    think_s: float,
) -> None:
    """Open one page after another until the time is over."""
    chance = random.Random(seed)
    addresses, lectures, messages = found
    with httpx.Client(base_url=base, cookies={"session": secret}, timeout=20) as client:
        while time.monotonic() < stop:
            name = chance.choice(list(addresses))
            index = chance.randrange(len(lectures))
            address = addresses[name].format(lecture=lectures[index], message=messages[index], n=index % 9)
            began = time.monotonic()
            try:
                answer = client.get(address)
            except httpx.HTTPError as error:
                measured.failures.append(f"{name}: {type(error).__name__}")
                continue
            if answer.status_code == 200:
                measured.asked[name].append((began, time.monotonic() - began))
            elif answer.status_code != 403:
                measured.failures.append(f"{name}: {answer.status_code}")
            time.sleep(chance.uniform(0.5, 1.5) * think_s)


def publish_again(settings: Settings) -> tuple[int, float]:
    """Publish the same tables under a new number; the number, and when the pointer was changed."""
    publication = Workspace(settings).publication
    build = settings.home / "warehouse" / "generated.duckdb"
    with duckdb.connect(str(build)) as connection:
        connection.execute("create or replace table meta.again as select now() as at")
    version, new = publication.publish(build)
    assert new
    return version.number, time.monotonic()


def watch(base: str, measured: Measured, stop: float) -> None:
    """Note when each published version is first seen."""
    with httpx.Client(base_url=base, timeout=20) as client:
        while time.monotonic() < stop:
            try:
                state = client.get("/health").json()["parts"]["published:class"]
                measured.seen.setdefault(int(state.rsplit(" ", 1)[1]), time.monotonic())
            except (httpx.HTTPError, ValueError, KeyError) as error:
                measured.failures.append(f"health: {type(error).__name__}")
            time.sleep(0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--think", type=float, default=1.0, help="seconds that a page is looked at")
    given = parser.parse_args()
    settings = Settings(home=given.home)
    found, secrets = pages(settings), sign_in(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "chat_platform.cli.main", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment(settings), stdout=subprocess.DEVNULL)
    try:
        wait_for(base)
        memory = psutil.Process(server.pid)
        measured = Measured()
        began = time.monotonic()
        stop = began + given.seconds
        threads = [
            threading.Thread(target=person, args=(base, secret, found, measured, stop, seed, given.think))
            for seed, secret in enumerate(secrets)
        ]
        threads.append(threading.Thread(target=watch, args=(base, measured, stop)))
        for thread in threads:
            thread.start()
        time.sleep(given.seconds / 2)
        copying = time.monotonic()
        number, published = publish_again(settings)
        largest = 0
        while any(thread.is_alive() for thread in threads):
            largest = max(largest, memory.memory_info().rss)
            time.sleep(0.2)
        calm = [(began + WARM_S, copying), (published + WARM_S, stop)]
        report(measured, calm, measured.seen.get(number, float("inf")) - published, largest)
    finally:
        server.terminate()
        server.wait(10)


def wait_for(base: str) -> None:
    """Until the portal answers."""
    for _ in range(200):
        try:
            httpx.get(f"{base}/health", timeout=5)
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the portal does not answer")


def report(measured: Measured, calm: list[tuple[float, float]], swap_s: float, largest: int) -> None:
    """Print p50 and p95 of every page, the swap, the memory.

    Args:
        calm: stretches of time without a fresh version: neither just started nor copying or just opened.
    """
    rows = []
    for name, asked in measured.asked.items():
        rows.append(
            (name, [s for at, s in asked if any(a <= at <= b for a, b in calm)], [s for _, s in asked])
        )
    rows.sort(key=lambda row: -high(row[1]))
    rows.append(("all", [s for _, some, _ in rows for s in some], [s for _, _, all_ in rows for s in all_]))
    say(f"{'ms':40} {'n':>5} {'p50':>6} {'p95':>6}   with start and publication: p95, longest")
    for name, some, everything in rows:
        middle = 1000 * statistics.median(some or [0])
        say(
            f"{name:40} {len(some):5} {middle:6.0f} {1000 * high(some):6.0f}   "
            f"{1000 * high(everything):6.0f} {1000 * max(everything):6.0f}"
        )
    say(
        f"memory {largest / 1e6:.0f} MB, new publication seen after {swap_s:.2f} s, {len(measured.failures)} failures"
    )
    for failure in sorted(set(measured.failures)):
        say(failure)


def say(line: str) -> None:
    """Print."""
    sys.stdout.write(f"{line}\n")


def high(seconds: list[float]) -> float:
    """The 95th percentile."""
    return sorted(seconds)[min(len(seconds) - 1, int(0.95 * len(seconds)))] if seconds else 0.0


if __name__ == "__main__":
    main()
