"""A headless Chromium that looks at our own pages, for pictures, benchmarks and tests.

What belongs here: starting it, signing it in, what a page asked for and complained about. What does not: fetching
recordings (``sources.zoom``), which wants other things of a browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from chat_platform.settings import Settings

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
)
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@contextmanager
def chromium(*, script: bool = True) -> Iterator[Browser]:
    """A headless Chromium with an empty profile."""
    options = Options()
    options.binary_location = Settings().zoom.chromium or "/usr/bin/chromium"
    for flag in FLAGS:
        options.add_argument(flag)
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = Service(Settings().zoom.chromedriver or "/usr/bin/chromedriver")
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
        yield Browser(driver)
    finally:
        driver.quit()


@dataclass
class Browser:
    """A browser, and what its pages did since the last look.

    Attributes:
        requested: addresses that pages asked for.
        complaints: what the console said at level SEVERE, and violations of the policy.
    """

    driver: webdriver.Chrome
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, base: str, secret: str) -> None:
        """Give the browser a session."""
        cookie = {"name": "session", "value": secret, "url": base, "httpOnly": True, "sameSite": "Lax"}
        self.driver.execute_cdp_cmd("Network.setCookie", cookie)

    def sign_out(self) -> None:
        """Forget every cookie."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def size(self, width: int, height: int) -> None:
        """The window as a page sees it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """Answers to media queries, e.g. ``prefers_color_scheme="dark"``."""
        given = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": given})

    def open(self, address: str) -> None:
        """Load a page and wait until its charts are drawn."""
        self.look()
        self.driver.get(address)
        self.settle()

    def settle(self) -> None:
        """Wait until the page does what it does by script, what is in view has been drawn and htmx is idle."""
        self.wait(
            "return document.readyState === 'complete' && !document.querySelector('.htmx-request') && "
            "('alive' in document.documentElement.dataset || matchMedia('(scripting: none)').matches || "
            "!document.querySelector('script[src^=\"/static/portal\"]')) && "
            "[...document.querySelectorAll('.chart[data-watched]:not([data-ready])')]"
            ".every((chart) => { const at = chart.getBoundingClientRect(); "
            "return at.top > innerHeight || at.bottom < 0 || !chart.checkVisibility(); })"
        )

    def wait(self, script: str, timeout: float = 20) -> Any:
        """Wait until a script returns something true."""
        return WebDriverWait(self.driver, timeout, 0.05).until(lambda driver: driver.execute_script(script))

    def look(self) -> None:
        """Take down what the page did, before it is left and after it was used."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        self.complaints += [e["message"] for e in self.driver.get_log("browser") if e["level"] == "SEVERE"]
        self.complaints += self.driver.execute_script("return window.violations?.splice(0) ?? []")

    def start_over(self) -> None:
        """Leave the page, and forget every cookie and what pages did."""
        self.sign_out()
        self.driver.get("about:blank")
        # What the page that was left still asked for is not the next one's.
        self.look()
        self.requested.clear()
        self.complaints.clear()

    def outside(self, base: str) -> list[str]:
        """Requests that left for somewhere else."""
        self.look()
        ours = (f"{base}/", "data:", "blob:", "about:", "chrome:")
        return [address for address in self.requested if not address.startswith(ours)]
