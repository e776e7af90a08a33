"""The demo: a generated class and generated streamers on local simulators, brought through the whole graph.

What belongs here: starting the class's simulators, pointing the settings at them, and the numbers at the end, all
read from the published file. What does not: any result, as another seed gives other numbers; what is shown of
streams (``demo_streams``).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chat_platform.demo_streams import FIRST_DAY as FIRST_DAY_OF_STREAMS
from chat_platform.demo_streams import StreamPlan, environment, followed_streams, summary
from chat_platform.ingestion.model_state import last_pick
from chat_platform.ingestion.people import resolve_people
from chat_platform.people.identity import suggestions
from chat_platform.settings import Settings
from chat_platform.simulators.world import World, start_world
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.decisions import Merge
from chat_platform.storage.promotions import PromotionLog
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import IDENTITIES, PEOPLE

if TYPE_CHECKING:
    from chat_platform.runner import FinishedRun

FIRST_DAY = date(2026, 3, 2)
DECIDED_BY = "demo"
TRAININGS = {"retrain_question_model": "question", "retrain_author_model": "author"}
_PORTS = "simulators.json"

_NUMBERS = """
select
    (select count(*) from core.conversations where kind = 'recording' and state = 'parsed') as recordings,
    (select count(*) from core.conversations where kind = 'channel_day') as slack_days,
    (select count(*) from core.messages where source = 'zoom') as zoom_messages,
    (select count(*) from core.messages where source = 'slack') as slack_messages,
    (select count(*) from core.messages where kind = 'reply') as replies,
    (select coalesce(sum(count), 0)::bigint from core.reactions where not removed) as reactions,
    (select count(*) from core.tokens) as tokens,
    (select count(*) from core.people where not is_bot) as people,
    (select count(*) from core.identities where state = 'ambiguous') as ambiguous_names,
    (select count(*) from core.quarantine) as quarantined,
    (select count(*) from marts.lecture_peaks) as peaks,
    (select count(*) from marts.lecture_questions) as questions,
    (select count(*) from marts.open_questions) as open_questions,
    (select count(*) from marts.similar_questions) as similar_questions
"""


@dataclass
class DemoReport:
    """What the demo saw.

    Attributes:
        home: its ``CHATP_HOME``.
        runs: (job, ok, seconds) of each run.
        numbers: counts read from the published file.
        examples: a few rows of marts, by mart.
        streams: what the published tables say of streams, as ``demo_streams.summary`` gives it.
        published: path of the published file.
        notes: why a model was not trained or promoted.
    """

    home: Path
    seconds: float = 0.0
    runs: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    streams: dict[str, Any] = field(default_factory=dict)
    published: str = ""
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def demo_environment(
    home: Path, *, seed: int = 1, recordings: int = 12, students: int = 36
) -> Iterator[tuple[Settings, World]]:
    """Simulators of a generated class, and the environment that points at them.

    The ports are kept in the home: announcements hold links, and the same demo must find the same links. Streaming
    platforms are not part of it: without their credentials nothing is asked of them.
    """
    home.mkdir(parents=True, exist_ok=True)
    ports_file = home / _PORTS
    ports = json.loads(ports_file.read_text(encoding="utf-8")) if ports_file.exists() else {}
    with start_world(
        seed,
        recordings=recordings,
        students=students,
        first_day=FIRST_DAY,
        slack_port=ports.get("slack", 0),
        zoom_port=ports.get("zoom", 0),
    ) as world:
        ports_file.write_text(
            json.dumps({"slack": world.slack_port, "zoom": world.zoom_port}), encoding="utf-8"
        )
        values = {
            **world.environment(),
            "CHATP_HOME": str(home),
            "CHATP_SLACK__START_DATE": "2026-02-01",
            "CHATP_STREAMS__START_DATE": FIRST_DAY_OF_STREAMS.isoformat(),
            "DAGSTER_HOME": str(home / "dagster"),
        }
        with environment(values):
            yield Settings(), world


def run_demo(
    home: Path,
    *,
    seed: int = 1,
    recordings: int = 12,
    students: int = 36,
    on_event: Callable[[str], None] = lambda _: None,
) -> DemoReport:
    """Bring a generated class and generated streams to published metrics; again finds nothing to do."""
    from chat_platform.runner import Runner

    started = time.monotonic()
    report = DemoReport(home)
    with (
        demo_environment(home, seed=seed, recordings=recordings, students=students) as (settings, world),
        followed_streams(StreamPlan(seed)) as streams,
    ):
        on_event(f"Slack {world.slack_url}  Zoom {world.zoom_url}")
        runner, workspace = Runner(settings), Workspace(settings)
        done = runner.catch_up(on_event)
        runs, accepted = list(done.runs), 0
        if done.ok and (accepted := accept_clear(workspace)):
            on_event(f"{accepted} names accepted that fit one person only")
        trained = []
        if done.ok and last_pick(workspace) is None:
            resolve_people(workspace)
            agreed = agree(workspace)
            on_event(f"{agreed} people agreed to be guessed")
            runs += runner.retrain(on_event, model="author").runs
            trained = runner.retrain(on_event).runs
        runs += trained
        if done.ok and accepted and len(trained) < 2:
            # A new champion's predictions are published with the names; without one, the names alone are.
            runs.append(runner.publish(on_event))
        seen, failed = streams.finish(runner, on_event) if done.ok else ([], [])
        runs += seen
        report.runs = [{"job": run.job, "ok": run.ok, "seconds": round(run.seconds, 1)} for run in runs]
        # A class may be too small for a model; then it is refused and says why, and the demo is whole without it.
        report.notes = [
            f"{run.job}: {_why(workspace, run)}" for run in runs if run.error and run.job in TRAININGS
        ]
        report.errors = [run.error for run in runs if run.error and run.job not in TRAININGS] + failed
        _read_numbers(workspace, report)
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _why(workspace: Workspace, run: FinishedRun) -> str:
    """Why a training ended without a new champion: the reasons of a refusal, else the error."""
    history = PromotionLog(workspace.database).history(TRAININGS[run.job])
    if history and history[-1]["action"] == "refuse":
        return "; ".join(history[-1]["reasons"])
    return str(run.error)


def agree(workspace: Workspace) -> int:
    """Let the generated people agree to the author model, all but every tenth.

    Returns:
        Number of people who agreed.
    """
    people = workspace.lake.read(PEOPLE).to_pylist()
    known = sorted(row["person_id"] for row in people if row["origin"] != "name" and not row["is_bot"])
    willing = [person for number, person in enumerate(known) if number % 10]
    consents = ConsentLog(workspace.database)
    for person in willing:
        consents.grant(person, AUTHOR_MODEL, by=DECIDED_BY)
    return len(willing)


def accept_clear(workspace: Workspace) -> int:
    """Accept names that fit one person only and whose role does not speak against it, as an operator would.

    Returns:
        Number of decisions written to the log.
    """
    identities = workspace.lake.read(IDENTITIES).to_pylist()
    people = workspace.lake.read(PEOPLE).to_pylist()
    found = suggestions(identities, people)
    fitting = Counter(item.identity_id for item in found)
    merges = [
        Merge(item.identity_id, item.person_id, item.evidence)
        for item in found
        if fitting[item.identity_id] == 1 and "role" not in item.differs
    ]
    if merges:
        workspace.decisions.merge_all(merges, by=DECIDED_BY)
    return len(merges)


def _read_numbers(workspace: Workspace, report: DemoReport) -> None:
    with workspace.publication.read() as connection:
        numbers = connection.execute(_NUMBERS)
        names = [column[0] for column in numbers.description]
        report.numbers = dict(zip(names, numbers.fetchone() or (), strict=True))
        for mart, sql in _EXAMPLES.items():
            report.examples[mart] = connection.execute(sql).to_arrow_table().to_pylist()
    report.streams = summary(workspace)
    report.published = str(workspace.publication.current().path)


_EXAMPLES = {
    "lectures": "select lecture_date, title, messages, speakers from marts.lectures "
    "where kind = 'recording' order by lecture_date, conversation_id limit 3",
    "lecture_peaks": "select * from marts.lecture_peaks order by messages desc, conversation_id limit 3",
}
