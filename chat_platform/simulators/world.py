"""One generated class on a local Slack and a local Zoom: the outside world of the demo and of tests.

What belongs here: starting both servers and moving time. What does not: what the servers answer.

    with start_world(seed=1, recordings=12) as world:
        settings = Settings(**…)            # world.environment() has the variables
        world.post_until(date(2026, 3, 6))  # when it was started with posted_until

Fetched recordings can be compared with ``world.generated.recording(index)``, Slack with ``world.workspace``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import date
from typing import Any, Self

from chat_platform.simulators.class_generator import GeneratedClass, generate_class
from chat_platform.simulators.faults import Fault, FaultScript
from chat_platform.simulators.slack_generator import SlackMessage, SlackStory
from chat_platform.simulators.slack_server import SlackServer, SlackWorkspace
from chat_platform.simulators.zoom_server import ZoomServer

DEFAULT_FIRST_DAY = date(2026, 3, 2)


class World:
    """Running simulators; a context manager that stops them.

    Attributes:
        generated: the class, with the truth about every recording.
        story: what is posted on Slack day by day, with the truth about every message.
        workspace: Slack's state, with its mutators.
        slack, zoom: the servers, with their request logs.
        faults: the fault script of both servers; may be added to at any time.
        slack_token: the app's token, new at every start.
        posted: messages that were posted so far, by ``ts``, per channel name.
    """

    def __init__(
        self, generated: GeneratedClass, story: SlackStory, slack: SlackServer, zoom: ZoomServer, token: str
    ) -> None:
        self.generated = generated
        self.story = story
        self.slack = slack
        self.zoom = zoom
        self.slack_token = token
        self.workspace = slack.workspace
        self.faults = slack.faults
        self.posted: dict[str, dict[str, SlackMessage]] = {name: {} for name in story.channel_ids}
        self._next_day = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def slack_url(self) -> str:
        """Origin of Slack; the Web API is under ``/api/``."""
        return self.slack.origin

    @property
    def zoom_url(self) -> str:
        """Origin of Zoom."""
        return self.zoom.origin

    @property
    def slack_port(self) -> int:
        """Port of Slack on 127.0.0.1."""
        return self.slack.port

    @property
    def zoom_port(self) -> int:
        """Port of Zoom on 127.0.0.1."""
        return self.zoom.port

    def environment(self) -> dict[str, str]:
        """Environment variables that point the settings at this world."""
        return {
            "CHATP_SLACK_TOKEN": self.slack_token,
            "CHATP_SLACK__BASE_URL": f"{self.slack_url}/api/",
            "CHATP_ZOOM__ALLOWED_HOSTS": '["127.0.0.1"]',
            "CHATP_ZOOM__ALLOW_PLAIN_HTTP": "true",
        }

    def post_until(self, day: date | None) -> list[int]:
        """Let the days of the class pass up to and with the lectures of ``day``; ``None``: all that are left.

        Returns:
            Indices of the recordings that were announced by it.
        """
        announced: list[int] = []
        while self._next_day < len(self.story.days) and (
            day is None or self.story.days[self._next_day][0] <= day
        ):
            announced += self.post_day()
        return announced

    def post_day(self) -> list[int]:
        """Post everything of the next lecture day; returns the recordings announced, none at the end."""
        if self._next_day >= len(self.story.days):
            return []
        messages = self.story.day(self._next_day)
        self._next_day += 1
        self._post(messages)
        return [
            index for message in messages if message.kind == "announcement" for index in message.recordings
        ]

    def announced(self) -> list[int]:
        """Recordings announced so far, in order."""
        return [index for _, indices in self.story.days[: self._next_day] for index in indices]

    def announcement_ts(self, index: int) -> str:
        """``ts`` of the message that announces a recording.

        Raises:
            KeyError: not announced yet.
        """
        for messages in self.posted.values():
            for ts, message in messages.items():
                if message.kind == "announcement" and index in message.recordings:
                    return ts
        raise KeyError(f"recording {index} is not announced yet")

    def stop(self) -> None:
        """Stop both servers; stopping twice does nothing."""
        self.slack.ask_to_stop()
        self.zoom.ask_to_stop()
        self._stack.close()

    def _post(self, messages: Iterable[SlackMessage]) -> None:
        for message in messages:
            self.posted[message.channel][self.workspace.post(message)] = message

    def _begin(self, posted_until: date | None) -> None:
        self._post(self.story.opening())
        self.post_until(posted_until)


def start_world(
    seed: int,
    recordings: int = 12,
    *,
    students: int = 36,
    messages_per_recording: int = 830,
    first_day: date = DEFAULT_FIRST_DAY,
    zone: str = "Asia/Seoul",
    mode: str | Mapping[int, str] = "script_only",
    faults: FaultScript | Iterable[Fault | Mapping[str, Any]] | None = None,
    posted_until: date | None = None,
    chatter_per_day: int = 9,
    malformed: bool = True,
    scopes: Iterable[str] | None = None,
    requests_per_minute: int | None = None,
    slack_port: int = 0,
    zoom_port: int = 0,
) -> World:
    """Start a Slack and a Zoom with a generated class on them.

    Args:
        seed: same seed, same class; ports are part of the share links, so give them for equal announcements.
        mode: ``script_only`` (only a real browser gets in), ``plain``, or by index of the recording.
        faults: fault script of both servers.
        posted_until: lecture day up to which everything is posted; ``None``: all of it. A day before the first
            lecture: only what was there before the class.
        chatter_per_day: everyday Slack messages a lecture day.
        malformed: whether announcements that cannot be understood occur.
        scopes: granted scopes of the app, when other than all that are needed.
        requests_per_minute: rate limit of each Slack method, besides the fault script.
        slack_port, zoom_port: ports on 127.0.0.1; 0 takes free ones.

    Raises:
        OSError: a port is taken.
    """
    script = faults if isinstance(faults, FaultScript) else FaultScript(faults or ())
    generated = generate_class(
        seed,
        recordings=recordings,
        students=students,
        messages_per_recording=messages_per_recording,
        first_day=first_day,
        zone=zone,
    )
    with ExitStack() as stack:
        zoom = ZoomServer(generated, mode=mode, faults=script)
        zoom.start(zoom_port)
        stack.callback(zoom.stop)
        story = SlackStory(generated, zoom.origin, chatter_per_day=chatter_per_day, malformed=malformed)
        token = f"xoxb-{secrets.token_hex(24)}"
        granted = {} if scopes is None else {"scopes": scopes}
        slack = SlackServer(
            SlackWorkspace(story), token, faults=script, requests_per_minute=requests_per_minute, **granted
        )
        slack.start(slack_port)
        stack.callback(slack.stop)
        world = World(generated, story, slack, zoom, token)
        world._begin(posted_until)
        world._stack = stack.pop_all()
    return world
