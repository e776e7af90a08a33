"""Recordings, whichever way they come: plain HTTP first, a browser where the page does not yield.

What belongs here: choosing the strategy and fetching several recordings at once. What does not: the strategies,
what happens with the answers.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from chat_platform.errors import ChatPlatformError, ZoomError
from chat_platform.settings import ZoomSettings
from chat_platform.sources.zoom.http_strategy import HttpStrategy
from chat_platform.sources.zoom.port import FetchedRecording, PageDoesNotYieldError, RecordingTicket

if TYPE_CHECKING:
    from chat_platform.sources.zoom.browser_strategy import BrowserStrategy

OnResult = Callable[[str, FetchedRecording | ChatPlatformError], None]


def fetch_recording(
    ticket: RecordingTicket, settings: ZoomSettings, *, browser: BrowserStrategy
) -> FetchedRecording:
    """One recording, by the strategies that the settings allow.

    Args:
        ticket: link and passcode.
        settings: ``browser`` says ``auto``, ``always`` or ``never``.
        browser: starts its Chromium only if it is needed.

    Raises:
        ZoomError, ConfigurationError: a wrong passcode is never sent a second time.
    """
    if settings.browser != "always":
        try:
            return HttpStrategy(settings).fetch(ticket)
        except PageDoesNotYieldError as wants_browser:
            if settings.browser == "never":
                raise ZoomError("CP-ZOOM-007", f"{ticket.recording_id}: {wants_browser}") from None
    return browser.fetch(ticket)


def fetch_all(
    tickets: Sequence[RecordingTicket], settings: ZoomSettings, *, screenshots: Path, on_result: OnResult
) -> None:
    """Several recordings, ``settings.parallel`` at a time; one that fails does not stop the others.

    Args:
        tickets: what to fetch.
        settings: of the Zoom source.
        screenshots: folder for pictures of pages that did not work.
        on_result: called once for each recording, from the worker's thread, with what was fetched or the coded
            error. What it raises itself stops the worker and is raised here.
    """
    # Selenium is slow to import and wanted only where something is fetched, not by whoever loads the graph.
    from chat_platform.sources.zoom.browser_strategy import BrowserStrategy

    waiting: queue.SimpleQueue[RecordingTicket] = queue.SimpleQueue()
    for ticket in tickets:
        waiting.put(ticket)

    def work() -> None:
        with BrowserStrategy(settings, screenshots) as browser:
            while True:
                try:
                    ticket = waiting.get_nowait()
                except queue.Empty:
                    return
                result: FetchedRecording | ChatPlatformError
                try:
                    result = fetch_recording(ticket, settings, browser=browser)
                except ChatPlatformError as error:
                    result = error
                on_result(ticket.recording_id, result)

    workers = min(settings.parallel, len(tickets))
    if workers:
        with ThreadPoolExecutor(workers, thread_name_prefix="zoom") as pool:
            for done in [pool.submit(work) for _ in range(workers)]:
                done.result()
