"""A local Slack for these tests: a real HTTP server over a generated workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from chat_platform.simulators.class_generator import generate_class
from chat_platform.simulators.faults import FaultScript
from chat_platform.simulators.slack_generator import SlackStory
from chat_platform.simulators.slack_server import SlackServer, SlackWorkspace
from chat_platform.sources.slack.client import SlackClient

# Put together here, so that scanners for leaked tokens do not take it for one.
TOKEN = "-".join(("xoxb", "planted", "token", "7h1s", "15", "53cr37"))
ZONE = ZoneInfo("Asia/Seoul")
ZOOM_URL = "http://127.0.0.1:9"


@pytest.fixture
def token() -> str:
    """The app's token; it must be found nowhere."""
    return TOKEN


@pytest.fixture
def zone() -> ZoneInfo:
    """The class's time zone."""
    return ZONE


@pytest.fixture
def workspace() -> SlackWorkspace:
    """Two weeks of a class, posted."""
    story = SlackStory(generate_class(7, recordings=12, messages_per_recording=5), ZOOM_URL)
    held = SlackWorkspace(story)
    for message in story.opening():
        held.post(message)
    for number in range(len(story.days)):
        for message in story.day(number):
            held.post(message)
    return held


@pytest.fixture
def serve(workspace: SlackWorkspace) -> Iterator[Callable[..., SlackServer]]:
    """Start a server over the workspace, with faults."""
    with ExitStack() as stack:

        def start(*faults: dict[str, Any], **options: Any) -> SlackServer:
            return stack.enter_context(SlackServer(workspace, TOKEN, faults=FaultScript(faults), **options))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., SlackClient]]:
    """A client of a server; its waits are counted in ``client.waited`` instead of slept."""
    with ExitStack() as stack:

        def make(server: SlackServer, token: str = TOKEN, **options: Any) -> SlackClient:
            waited: list[float] = []
            client = SlackClient(
                SecretStr(token),
                base_url=f"{server.origin}/api/",
                **{"sleep": waited.append, "timeout_s": 2.0, **options},
            )
            client.waited = waited  # type: ignore[attr-defined]
            return stack.enter_context(client)

        yield make
