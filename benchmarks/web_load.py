"""The portal under load: ten million messages, twenty people, and a publication in the middle.

What belongs here: asking a running portal, times and memory. What does not: the tables (``portal_data``), browsers
(``web``).

    python benchmarks/web_load.py HOME --seconds 40
    python benchmarks/web_load.py HOME --alone 20

HOME holds a published file (see ``portal_data``) and gets accounts. Twenty people each open one page after another
and look at it for about a second. In the middle the same tables are published again under a new number.

Alone, one person opens each page so many times, and what is printed is the processor time that an answer takes: it
says which page is dear, and depends little on what else the machine does.
"""

from __future__ import annotations

import argparse
import math
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
PARTS = {
    "everybody": {
        "lectures": "/lectures",
        "lectures by title": "/lectures?q=수업 1{n}",
        "lectures by date": "/lectures?from=2020-01-01&to=2020-06-01&sort=messages",
        "lecture": "/lectures/{lecture}",
        "lecture: a message": "/lectures/{lecture}?around={message}",
        "lecture: a second": "/lectures/{lecture}?at=5000",
        "lecture: search": "/lectures/{lecture}?q=torch",
        "all figures": "/tiles",
        "questions": "/questions",
        "questions, page 50": "/questions?page=50",
        "questions, open": "/questions?state=open&sort=oldest",
        "questions of a lecture": "/questions?lecture={lecture}",
        "questions with a word": "/questions?text=오류가 나는데",
        "questions with a word in Latin": "/questions?text=Torch",
        "questions: mine": "/questions?mine=1",
        "questions: followed": "/questions?followed=1",
        "questions: by role": "/questions?role=student&sort=voted",
        "questions: alike": "/questions?sort=similar&page=4",
        "question": "/questions/{message}",
        "question: ask": "/questions/new?lecture={lecture}",
        "question: while typing": "/questions/similar?text=오류가 나는데 {n} 어떻게 하나",
        "uncertain messages": "/questions/uncertain",
        "notifications": "/notifications",
        "people": "/people",
        "own page": "/people/me",
        "consents": "/consents",
        "who would say this": "/who",
        "quiz": "/quiz",
        "digest": "/digest",
    },
    "staff": {
        "people by messages": "/people?sort=messages&order=desc&page=2",
        "people by name": "/people?q=하나1",
        "person": "/people/{person}",
        "members": "/members",
        "uploads": "/uploads",
        "digest of a week": "/digest/weeks/2022-W1{n}",
    },
    "operator": {
        "audit": "/audit",
        "operations": "/operations",
        "freshness": "/operations/freshness",
        "ledger": "/operations/ledger",
        "quarantine": "/operations/quarantine",
        "identities": "/operations/identities",
        "models": "/operations/models",
        "publication": "/operations/publication",
    },
}
"""Pages of a class by who sees them."""
WARM_S = 12.0
"""After so long what lasts of a version has been made, also where that takes long."""


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


@dataclass(frozen=True)
class Addresses:
    """What can be asked.

    Attributes:
        everybody: name → address with ``{lecture}``, ``{message}`` and ``{n}``.
        staff: as ``everybody``, of pages that teachers see.
        operator: as ``everybody``, of pages that operators see.
        chosen: lectures with a message of each that is a question.
        people: ids.
    """

    everybody: dict[str, str]
    staff: dict[str, str]
    operator: dict[str, str]
    chosen: list[tuple[str, str]]
    people: list[str]

    def seen_by(self, role: str) -> dict[str, str]:
        """Name → address of the pages of a role."""
        found = dict(self.everybody)
        if role != "student":
            found |= self.staff
        return found | self.operator if role == "operator" else found

    def address(self, pattern: str, chance: random.Random) -> str:
        """An address with a lecture, a message and a person by chance."""
        lecture, message = chance.choice(self.chosen)
        n = chance.randrange(9)
        return pattern.format(lecture=lecture, message=message, n=n, person=chance.choice(self.people))


def pages(settings: Settings) -> Addresses:
    """Every page that the class has, and every tile."""
    root = "/c/class"
    with duckdb.connect(str(copy_of(settings)), read_only=True) as connection:
        cursor = connection.execute(SELECT)
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        tiles = tiles_of(MetricDefinition.of(dict(zip(names, row, strict=True))) for row in rows)
        chosen = connection.execute(
            "select conversation_id, message_id from marts.lecture_questions using sample 2000 rows"
        ).fetchall()
        people = [row[0] for row in connection.execute("select person_id from core.people").fetchall()]
    found = {place: {n: f"{root}{part}" for n, part in parts.items()} for place, parts in PARTS.items()}
    for tile in tiles.values():
        place = {"member": "everybody"}.get(tile.meta.for_, tile.meta.for_)
        found[place][f"tile {tile.name}"] = f"{root}/tiles/{tile.name}"
        found[place][f"tile {tile.name}, page 9"] = f"{root}/tiles/{tile.name}?page=9"
        if tile.meta.filters.lecture:
            found[place][f"tile {tile.name} of a lecture"] = f"{root}/tiles/{tile.name}?lecture={{lecture}}"
        if tile.meta.filters.date:
            days = "from=2021-01-01&to=2021-03-01"
            found[place][f"tile {tile.name} of days"] = f"{root}/tiles/{tile.name}?{days}"
    found["everybody"]["account"] = "/account"
    return Addresses(chosen=chosen, people=people, **found)


def copy_of(settings: Settings) -> Path:
    """The published file; no other process writes to it."""
    return Workspace(settings).publication.current().path


def sign_in(settings: Settings, people: list[str]) -> list[tuple[str, str]]:
    """Roles of twenty people and secrets of their sessions: most are students, some teach.

    Args:
        settings: of the home.
        people: ids; each account is one of them.
    """
    accounts = AccountStore(Workspace(settings).database)
    found = []
    for number in range(USERS):
        login = f"load-{number}@example.com"
        known = accounts.by_login(login)
        account = known.account_id if known else accounts.create(login, f"load {number}")
        role = "operator" if number == 0 else "teacher" if number < 4 else "student"
        accounts.set_role(account, "class", role)
        accounts.link_person(account, "class", people[number], proof="operator", by="load")
        found.append((role, accounts.open_session(account)))
    return found


def person(
    base: str,
    who: tuple[str, str],
    found: Addresses,
    measured: Measured,
    stop: float,
    seed: int,
    think_s: float,
) -> None:
    """Open one page after another until the time is over."""
    chance = random.Random(seed)
    role, secret = who
    seen = found.seen_by(role)
    with httpx.Client(base_url=base, cookies={"session": secret}, timeout=20) as client:
        while time.monotonic() < stop:
            name = chance.choice(list(seen))
            began = time.monotonic()
            try:
                answer = client.get(found.address(seen[name], chance))
            except httpx.HTTPError as error:
                measured.failures.append(f"{name}: {type(error).__name__}")
                continue
            if answer.status_code == 200:
                measured.asked[name].append((began, time.monotonic() - began))
            else:
                measured.failures.append(f"{name}: {answer.status_code}")
            time.sleep(chance.uniform(0.5, 1.5) * think_s)


def alone(base: str, secret: str, found: Addresses, server: psutil.Process, times: int) -> None:
    """Print the processor time of each page, asked by an operator when nobody else asks."""
    time.sleep(WARM_S)
    chance, rows = random.Random(7), []
    with httpx.Client(base_url=base, cookies={"session": secret}, timeout=60) as client:
        for name, pattern in found.seen_by("operator").items():
            first, status = seconds_of(client, found.address(pattern, chance), server)
            again = [seconds_of(client, found.address(pattern, chance), server)[0] for _ in range(times)]
            rows.append(
                (
                    sum(cpu for cpu, _ in again) / times,
                    first[0],
                    statistics.median(w for _, w in again),
                    name,
                    status,
                )
            )
    say(f"{'ms':44} {'cpu':>7} {'first':>7} {'wall':>7}")
    for cpu, first_cpu, wall, name, status in sorted(rows, reverse=True):
        say(f"{name:44} {cpu * 1000:7.1f} {first_cpu * 1000:7.1f} {wall * 1000:7.1f} {status}")


def seconds_of(client: httpx.Client, address: str, server: psutil.Process) -> tuple[tuple[float, float], int]:
    """Processor and wall seconds of an answer, and its status."""
    before, began = processor_s(server), time.monotonic()
    status = client.get(address).status_code
    return (processor_s(server) - before, time.monotonic() - began), status


def processor_s(process: psutil.Process) -> float:
    """Processor seconds that all threads of a process have used, to the nanosecond; those that ended too."""
    # The clock of another process, as clock_getcpuclockid(3) numbers it.
    return time.clock_gettime((~process.pid << 3) | 2)


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
    parser.add_argument(
        "--alone", type=int, default=0, metavar="N", help="open each page N times, one by one"
    )
    given = parser.parse_args()
    settings = Settings(home=given.home)
    found = pages(settings)
    people = sign_in(settings, found.people)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "chat_platform.cli.main", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment(settings), stdout=subprocess.DEVNULL)
    try:
        wait_for(base)
        if given.alone:
            alone(base, people[0][1], found, psutil.Process(server.pid), given.alone)
        else:
            together(base, people, found, psutil.Process(server.pid), settings, given)
    finally:
        server.terminate()
        server.wait(10)


def together(
    base: str,
    people: list[tuple[str, str]],
    found: Addresses,
    server: psutil.Process,
    settings: Settings,
    given: argparse.Namespace,
) -> None:
    """Let all people ask, publish in the middle, and print what was measured."""
    measured = Measured()
    began = time.monotonic()
    stop = began + given.seconds
    threads = [
        threading.Thread(target=person, args=(base, who, found, measured, stop, seed, given.think))
        for seed, who in enumerate(people)
    ]
    threads.append(threading.Thread(target=watch, args=(base, measured, stop)))
    for thread in threads:
        thread.start()
    time.sleep(given.seconds / 2)
    copying = time.monotonic()
    number, published = publish_again(settings)
    largest = 0
    while any(thread.is_alive() for thread in threads):
        largest = max(largest, server.memory_info().rss)
        time.sleep(0.2)
    calm = [(began + WARM_S, copying), (published + WARM_S, stop)]
    report(measured, calm, measured.seen.get(number, float("inf")) - published, largest)


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
    """The 95th percentile by the nearest rank: the least value that 95 % of all do not exceed."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1] if seconds else 0.0


if __name__ == "__main__":
    main()
