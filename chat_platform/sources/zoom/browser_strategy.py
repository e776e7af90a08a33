"""Recordings through a real headless Chromium, where the page does not yield to plain HTTP.

What belongs here: driving the browser with explicit waits, reading what the page's own requests were answered,
screenshots without inputs. What does not: what answers mean (``protocol``), deciding when a browser is needed.

The page is used as a person would: the passcode is typed and the button clicked. Whether that worked is read from
the answers to the page's own API requests (Chromium's performance log), not from wording on the page.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from chat_platform.errors import ConfigurationError, ZoomError
from chat_platform.settings import ZoomSettings
from chat_platform.sources.zoom import protocol
from chat_platform.sources.zoom.hosts import HostPolicy
from chat_platform.sources.zoom.port import FetchedRecording, RawAnswer, RecordingTicket

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CHROMEDRIVER = ("chromedriver",)
POLL_S = 0.1
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-quic",
    "--mute-audio",
    "--no-first-run",
    "--window-size=1280,900",
    "--lang=ko-KR",
)
_FILE_ID = "return (window.recordingMobilePlayData || {}).fileId || ''"
_BLUR = """
for (const field of document.querySelectorAll('input, textarea')) {
  field.value = '';
  field.style.filter = 'blur(8px)';
}
"""
_FETCH = """
const done = arguments[arguments.length - 1];
fetch(arguments[0], {credentials: 'include'})
  .then(async answer => done({
    status: answer.status, retry: answer.headers.get('Retry-After'), body: await answer.text()
  }))
  .catch(error => done({status: 0, body: String(error)}));
"""


class BrowserStrategy:
    """One Chromium, started when the first recording needs it; used by one thread at a time.

    A context manager: the browser and its profile are gone when it ends, however it ends. Cookies and storage are
    cleared before each recording: one jar for each.

    Args:
        settings: hosts, paths of browser and driver, time-out.
        screenshots: folder for pictures of pages that did not work; mode 0700.
    """

    def __init__(self, settings: ZoomSettings, screenshots: Path) -> None:
        self._settings = settings
        self._screenshots = screenshots
        self._policy = HostPolicy(settings.allowed_hosts, settings.allow_plain_http)
        self._driver: webdriver.Chrome | None = None
        self._profile: Path | None = None

    def __enter__(self) -> BrowserStrategy:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Quit the browser and remove its profile; closing twice does nothing."""
        driver, self._driver = self._driver, None
        profile, self._profile = self._profile, None
        try:
            if driver is not None:
                driver.quit()
        except WebDriverException:
            logging.getLogger(__name__).warning("Chromium was gone before it could be quit")
        finally:
            if driver is not None:
                driver.service.stop()
            if profile is not None:
                shutil.rmtree(profile, ignore_errors=True)

    def fetch(self, ticket: RecordingTicket) -> FetchedRecording:
        """The answers of every clip.

        Raises:
            ZoomError: refused, or the page did not come to a recording in time; a crashed browser is quit and the
                next recording gets a new one.
            ConfigurationError: CP-CONF-002 when there is no Chromium.
        """
        link = self._policy.checked(ticket.link)
        failed: ZoomError
        try:
            driver = self._started()
            _forget_everything(driver)
            return self._fetch(driver, ticket, link)
        except ZoomError as error:
            failed = self._with_screenshot(error, ticket)
        except (WebDriverException, OSError) as error:
            # Its message may hold the address or what was typed, so it is neither shown nor chained.
            self.close()
            failed = ZoomError("CP-ZOOM-013", f"{ticket.recording_id}: {type(error).__name__}")
        raise failed

    def _fetch(self, driver: webdriver.Chrome, ticket: RecordingTicket, link: str) -> FetchedRecording:
        answers = _PageAnswers(driver)
        try:
            driver.get(link)
        except TimeoutException:
            raise ZoomError("CP-ZOOM-009", "the share page did not load") from None
        self._check_address(driver)
        if (
            self._wait_for(driver, answers, ticket, lambda: _file_id(driver) or _passcode_field(driver))
            is True
        ):
            self._type_passcode(driver, ticket)
            self._wait_for(driver, answers, ticket, lambda: _file_id(driver))
        self._check_address(driver)
        return FetchedRecording(
            ticket.recording_id, "browser", self._clips(driver, _file_id(driver), link), datetime.now(UTC)
        )

    def _wait_for(
        self,
        driver: webdriver.Chrome,
        answers: _PageAnswers,
        ticket: RecordingTicket,
        reached: Callable[[], Any],
    ) -> Any:
        """Wait until something is reached or one of the page's requests was refused."""

        def look(_: object) -> Any:
            try:
                found = reached()
            except WebDriverException:
                found = None  # the page is between two addresses
            if found:
                return found
            return answers.refusal(ticket.recording_id)

        try:
            outcome = WebDriverWait(driver, self._settings.timeout_s, poll_frequency=POLL_S).until(look)
        except TimeoutException:
            raise ZoomError("CP-ZOOM-007", f"{ticket.recording_id}: no recording appeared in time") from None
        if isinstance(outcome, ZoomError):
            raise outcome
        return outcome

    def _type_passcode(self, driver: webdriver.Chrome, ticket: RecordingTicket) -> None:
        if ticket.passcode is None:
            raise ZoomError("CP-ZOOM-005", ticket.recording_id)
        field = driver.find_element(By.ID, "passcode")
        field.clear()
        field.send_keys(ticket.passcode.get_secret_value())
        driver.find_element(By.ID, "passcode_btn").click()

    def _clips(self, driver: webdriver.Chrome, file_id: str, link: str) -> list[RawAnswer]:
        answers: list[RawAnswer] = []
        start: int | None = None
        seen: set[int] = set()
        while len(answers) < protocol.MAX_CLIPS:
            clip = len(answers) + 1
            body = self._ask(driver, protocol.play_info_path(file_id, link, start), clip)
            start = protocol.check_clip(body, clip)
            answers.append(RawAnswer(clip, body))
            if start is None or start in seen:
                break
            seen.add(start)
        return answers

    def _ask(self, driver: webdriver.Chrome, path: str, clip: int) -> str:
        """``play/info`` from inside the page, so that what its scripts have set counts; a fault is tried again."""
        what, last = f"play/info of clip {clip}", ZoomError("CP-ZOOM-009", f"play/info of clip {clip}")
        for _ in range(3):
            try:
                answer = driver.execute_async_script(_FETCH, path)
            except TimeoutException:
                last = ZoomError("CP-ZOOM-009", what)
                continue
            status = int(answer["status"])
            if status == 429:
                last = ZoomError("CP-ZOOM-011", what)
                _pause(driver, float(answer["retry"] or 1))
            elif status == 0:
                last = ZoomError("CP-ZOOM-010", what)
            elif status >= 400:
                last = ZoomError("CP-ZOOM-009", f"{what}: HTTP {status}")
            else:
                return str(answer["body"])
        raise last

    def _check_address(self, driver: webdriver.Chrome) -> None:
        address = driver.current_url
        if address.startswith("chrome-error:"):
            raise ZoomError("CP-ZOOM-009", "Chromium could not open the page")
        self._policy.checked(address)
        if "signin" in urlsplit(address).path:
            raise ZoomError("CP-ZOOM-006", "sign-in page")

    def _with_screenshot(self, error: ZoomError, ticket: RecordingTicket) -> ZoomError:
        """The same error, naming a picture of the page in which inputs are emptied and blurred."""
        if self._driver is None or error.code == "CP-ZOOM-004":
            return error
        name = re.sub(r"[^\w.-]", "_", f"{ticket.recording_id}-{error.code}.png")
        try:
            self._driver.execute_script(_BLUR)
            self._screenshots.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._screenshots.chmod(0o700)
            self._driver.save_screenshot(str(self._screenshots / name))
            (self._screenshots / name).chmod(0o600)
        except (WebDriverException, OSError):
            return error
        return ZoomError(error.code, f"{error.detail}; screenshot {name}")

    def _started(self) -> webdriver.Chrome:
        if self._driver is not None:
            return self._driver
        # Selenium logs every command with its arguments at DEBUG, and typing is a command.
        for name in ("selenium", "urllib3"):
            logging.getLogger(name).setLevel(logging.WARNING)
        binary = _program(self._settings.chromium, CHROMIUM)
        driver_path = _program(self._settings.chromedriver, CHROMEDRIVER)
        self._profile = Path(tempfile.mkdtemp(prefix="chatp-chromium-"))
        options = Options()
        options.binary_location = binary
        for flag in _FLAGS:
            options.add_argument(flag)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.add_argument(f"--user-data-dir={self._profile}")
        options.add_argument(f"--host-resolver-rules={self._policy.resolver_rules()}")
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(driver_path))
        driver.set_page_load_timeout(self._settings.timeout_s)
        driver.set_script_timeout(self._settings.timeout_s)
        self._driver = driver
        return driver


class _PageAnswers:
    """Answers to the requests that the page itself sent to Zoom's API, from Chromium's performance log."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver
        self._pending: dict[str, str] = {}
        driver.get_log("performance")  # what came before is not about this recording

    def refusal(self, recording_id: str) -> ZoomError | None:
        """The first refusal among the answers that have arrived since the last look."""
        for entry in self._driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message.get("params", {})
            if message.get("method") == "Network.responseReceived":
                path = urlsplit(parameters["response"]["url"]).path
                if path.startswith(protocol.API):
                    self._pending[parameters["requestId"]] = path.removeprefix(protocol.API)
            elif message.get("method") == "Network.loadingFinished":
                refused = self._read(parameters.get("requestId", ""), recording_id)
                if refused is not None:
                    return refused
        return None

    def _read(self, request_id: str, recording_id: str) -> ZoomError | None:
        path = self._pending.pop(request_id, None)
        if path is None:
            return None
        try:
            body = self._driver.execute_cdp_cmd("Network.getResponseBody", {"requestId": request_id})["body"]
            answer = protocol.read_answer(body, "page request")
        except (WebDriverException, ZoomError):
            return None  # gone with its page, or not JSON: the page decides what that means
        return protocol.refusal(answer, recording_id)


def _file_id(driver: webdriver.Chrome) -> str:
    return str(driver.execute_script(_FILE_ID) or "") or protocol.page_value(driver.page_source, "fileId")


def _passcode_field(driver: webdriver.Chrome) -> bool:
    return any(field.is_displayed() for field in driver.find_elements(By.ID, "passcode"))


def _forget_everything(driver: webdriver.Chrome) -> None:
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})


def _pause(driver: webdriver.Chrome, seconds: float) -> None:
    """Wait as long as Zoom asks for."""
    deadline = datetime.now(UTC).timestamp() + min(seconds, 60.0)
    WebDriverWait(driver, min(seconds, 60.0) + 1, poll_frequency=POLL_S).until(
        lambda _: datetime.now(UTC).timestamp() >= deadline
    )


def _program(configured: str | None, names: tuple[str, ...]) -> str:
    for name in [configured] if configured else names:
        if name and (found := shutil.which(name)):
            return found
    raise ConfigurationError("CP-CONF-002", configured or names[0])
