"""What the portal costs in a browser.

    python benchmarks/web.py cold               pages of the demo in Chromium with an empty cache, median of 5
    python benchmarks/web.py cold --home HOME   the same for another home

Prints the numbers and the limit beside them; exit code 1 if one is missed. The home is copied first: nothing is
written into it. The portal runs as ``chatp serve`` in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from chat_platform.cli.chromium import Browser, chromium
from chat_platform.errors import WebError
from chat_platform.settings import Settings
from chat_platform.web.application import create_app

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 5
REST_S = 2
"""After a browser was started: what it does for itself then is no part of any page."""
LIMITS = {"paint_ms": 250, "charts_ms": 800, "requests": 12, "kB": 600, "outside": 0, "violations": 0}
PAGES = {
    "lecture": "/c/{room}/lectures/{lecture}",
    "lectures": "/c/{room}/lectures",
    "questions": "/c/{room}/questions",
    "question": "/c/{room}/questions/{question}",
    "people": "/c/{room}/people",
    "own page": "/c/{room}/people/me",
    "who": "/c/{room}/who",
    "figure": "/c/{room}/tiles/daily_activity",
    "operations": "/c/{room}/operations",
}
WATCH = """
window.chartsAt = null;
new MutationObserver(() => {
  const near = [...document.querySelectorAll(".chart")].filter(
    (chart) => chart.getBoundingClientRect().top < innerHeight && chart.checkVisibility());
  if (near.length && near.every((chart) => "ready" in chart.dataset) && window.chartsAt === null)
    requestAnimationFrame(() => setTimeout(() => { window.chartsAt ??= performance.now(); }));
}).observe(document, { subtree: true, attributeFilter: ["data-ready"] });
"""
MEASURE = """
const paint = performance.getEntriesByName("first-contentful-paint")[0];
const page = performance.getEntriesByType("navigation")[0];
return {paint_ms: paint && paint.startTime, charts_ms: window.chartsAt, html_ms: page.responseEnd,
        charts: [...document.querySelectorAll(".chart")].filter(
          (chart) => chart.getBoundingClientRect().top < innerHeight).length,
        violations: window.violations.length};
"""


@dataclass(frozen=True)
class Portal:
    """A running portal, an operator's session, and what its pages are about."""

    base: str
    secret: str
    subjects: dict[str, str]


@contextmanager
def portal(home: Path) -> Iterator[Portal]:
    """``chatp serve`` over a copy of a home, with somebody who may see everything."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(home, Path(folder) / "home"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = Settings(home=copy)
        secret, subjects = _prepared(settings)
        server = subprocess.Popen(
            [sys.executable, "-m", "chat_platform.cli.main", "serve", "--port", str(port)],
            env={**os.environ, "CHATP_HOME": str(copy)},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        base = f"http://127.0.0.1:{port}"
        try:
            _wait(base)
            yield Portal(base, secret, subjects)
        finally:
            server.terminate()
            server.wait(20)


def _prepared(settings: Settings) -> tuple[str, dict[str, str]]:
    services = create_app(settings).state.services
    room = settings.web.class_id
    published = services.classes[room].published.pinned()
    wanted = {
        "lecture": "select conversation_id as id from marts.lectures order by messages desc, 1 limit 1",
        "question": "select message_id as id from marts.lecture_questions order by 1 limit 1",
        "person": "select person_id as id from core.messages join core.identities using (identity_id) "
        "where person_id is not null group by 1 order by count(*) desc, 1",
    }
    subjects = {name: str(published.row(sql)["id"]) for name, sql in wanted.items()}
    accounts = services.accounts
    number = accounts.create("benchmark@example.com", "벤치마크")
    accounts.set_role(number, room, "operator")
    # Whoever has the most to show and has no account yet.
    people = [row["id"] for row in published.query(f"{wanted['person']} limit 50")]
    for person in people:
        with suppress(WebError):
            accounts.link_person(number, room, person, proof="operator", by="benchmark")
            break
    return accounts.open_session(number), {"room": room, **subjects}


def _wait(base: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{base}/health", timeout=5).status_code in (200, 503):
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    sys.exit("the portal did not start")


def visit(found: Portal, address: str) -> dict[str, Any]:
    """Open a page in a browser that was never there before, hover over its charts, and measure."""
    with chromium() as browser:
        driver = browser.driver
        browser.size(1280, 900)
        browser.sign_in(found.base, found.secret)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        driver.get("about:blank")
        time.sleep(REST_S)
        driver.get_log("performance")
        driver.get(found.base + address)
        browser.settle()
        time.sleep(0.3)
        facts: dict[str, Any] = driver.execute_script(MEASURE)
        traffic = _traffic(browser, found.base)
        hover(browser)
        browser.look()
        facts["violations"] += len(browser.complaints)
        return {**facts, **traffic}


def _traffic(browser: Browser, base: str) -> dict[str, float]:
    asked: dict[str, str] = {}
    received = 0.0
    for entry in browser.driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        facts = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            asked[facts["requestId"]] = facts["request"]["url"]
        elif message["method"] == "Network.loadingFinished" and facts["requestId"] in asked:
            received += facts["encodedDataLength"]
    sent = [url for url in asked.values() if not url.startswith(("data:", "blob:", "about:"))]
    outside = [url for url in sent if not url.startswith(f"{base}/")]
    return {"requests": len(sent), "kB": received / 1000, "outside": len(outside)}


def hover(browser: Browser) -> None:
    """Move over every chart, as a reader does."""
    for chart in browser.driver.find_elements(By.CSS_SELECTOR, ".chart[data-ready] .plot"):
        browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
        actions = ActionChains(browser.driver, duration=20)
        for share in (-0.3, 0.0, 0.3):
            actions.move_to_element_with_offset(chart, int(chart.size["width"] * share), 0)
        actions.perform()


def cold(home: Path, repeats: int) -> bool:
    """Every page with an empty cache; whether all limits were kept."""
    kept = True
    columns = ("html_ms", *LIMITS)
    print(f"{'page':<12}" + "".join(f"{name:>12}" for name in columns))
    print(f"{'limit':<12}" + "".join(f"{LIMITS.get(name, ''):>12}" for name in columns))
    with portal(home) as found:
        for name, template in PAGES.items():
            address = template.format(**found.subjects)
            # The browser is cold, the portal is not: somebody else has looked at the page before.
            requests.get(
                found.base + address, cookies={"session": found.secret}, timeout=60
            ).raise_for_status()
            runs = [visit(found, address) for _ in range(repeats)]
            line = f"{name:<12}"
            for column in columns:
                values = [run[column] for run in runs if run[column] is not None]
                value = statistics.median(values) if values else None
                missed = value is not None and column in LIMITS and value > LIMITS[column]
                # A page that shows no chart at once has no time of charts; one with a chart must have one every time.
                missed |= column == "charts_ms" and len(values) < sum(run["charts"] > 0 for run in runs)
                kept &= not missed
                line += f"{'–' if value is None else f'{value:,.0f}':>11}{'!' if missed else ' '}"
            print(line, flush=True)
    return kept


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    task = tasks.add_parser("cold")
    task.add_argument("--home", type=Path, default=ROOT / "var" / "demo")
    task.add_argument("--repeats", type=int, default=REPEATS)
    chosen = parser.parse_args()
    sys.exit(0 if cold(chosen.home, chosen.repeats) else 1)


if __name__ == "__main__":
    main()
