"""A small class in a DuckDB file, and dbt over it.

What belongs here: rows of the core tables, the loader's bookkeeping as the metrics see it, calls of dbt. What does
not: claims.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from chat_platform.settings import project_root
from chat_platform.tables.class_chat import (
    CONVERSATIONS,
    IDENTITIES,
    MESSAGES,
    PEOPLE,
    QUARANTINE,
    REACTIONS,
    TABLES,
    TOKENS,
)
from chat_platform.tables.models import MODELS, QUESTION_GROUPS, QUESTION_PREDICTIONS
from chat_platform.tables.spec import TableSpec
from chat_platform.tables.streams import EMOTE_USES
from chat_platform.tables.streams import TABLES as STREAM_TABLES

PROJECT = project_root() / "dbt_project"
PARTITIONED = (MESSAGES, REACTIONS, TOKENS, QUARANTINE, QUESTION_PREDICTIONS, EMOTE_USES)
WORDS = ("스파크", "카프카", "조인", "질문", "진짜", "spark", "dag", "하다", "궁금하다", "데이터")
CHAMPION = "linear-champion"
Row = dict[str, Any]


@dataclass
class Conversation:
    """A conversation with the rows of its tables."""

    ledger: Row
    rows: dict[str, list[Row]] = field(default_factory=lambda: {spec.name: [] for spec in PARTITIONED})

    @property
    def conversation_id(self) -> str:
        return self.ledger["conversation_id"]

    def say(self, who: str, at: datetime, text: str, **values: Any) -> str:
        """Add a message and its tokens (words between blanks are nouns here); return its id."""
        position = len(self.rows["messages"])
        message_id = f"{self.conversation_id}-m{position}"
        started = self.ledger["started_at"]
        row = {
            "message_id": message_id,
            "source": self.ledger["source"],
            "conversation_id": self.conversation_id,
            "kind": "reply" if values.get("parent_id") else "message",
            "position": position,
            "identity_id": who,
            "sent_at": at,
            "offset_s": (at - started).total_seconds() if started else None,
            "text": text,
            "clean_text": text,
            "visibility": "everyone",
            "edited": False,
            "removed": False,
            "ambiguous_parent": False,
        } | values
        self.rows["messages"].append(row)
        for index, word in enumerate(text.split()):
            self.rows["tokens"].append(
                {
                    "conversation_id": self.conversation_id,
                    "message_id": message_id,
                    "position": index,
                    "form": word,
                    "lemma": word,
                    "tag": "VV-I" if word.endswith("다") else "NNG",
                    "start": 0,
                    "length": len(word),
                    "tokenizer": "blanks",
                }
            )
        return message_id

    def react(self, message_id: str, emoji: str, who: str | None, count: int = 1, **values: Any) -> None:
        """Add a reaction."""
        position = len(self.rows["reactions"])
        self.rows["reactions"].append(
            {
                "reaction_id": f"{self.conversation_id}-r{position}",
                "source": self.ledger["source"],
                "conversation_id": self.conversation_id,
                "message_id": message_id,
                "emoji": emoji,
                "identity_id": who,
                "count": count,
                "removed": False,
                "ambiguous_target": False,
            }
            | values
        )

    def predict(self, questions: Collection[str], version: str = CHAMPION) -> None:
        """What a version of the question model says of every message: those named are questions."""
        self.rows["question_predictions"] = [
            {
                "conversation_id": self.conversation_id,
                "message_id": message["message_id"],
                "model_name": "question",
                "model_version": version,
                "probability": 0.9 if message["message_id"] in questions else 0.1,
                "threshold": 0.5,
                "is_question": message["message_id"] in questions,
            }
            for message in self.rows["messages"]
        ]


def conversation(conversation_id: str, source: str, started_at: datetime, **ledger: Any) -> Conversation:
    """An empty conversation with its line in the ledger."""
    kinds = {"zoom": "recording", "zoom_file": "saved_chat", "slack": "channel_day", "twitch": "video"}
    return Conversation(
        {
            "conversation_id": conversation_id,
            "source": source,
            "kind": kinds[source],
            "title": f"{conversation_id} title",
            "conversation_date": (started_at + timedelta(hours=9)).date(),
            "started_at": started_at if source == "zoom" else None,
            "duration_s": 1800.0 if source == "zoom" else None,
            "link": f"https://zoom.example/rec/share/{conversation_id}" if source == "zoom" else None,
            "state": "parsed",
            "attempts": 1,
            "fetched_at": started_at,
        }
        | ledger
    )


def person(person_id: str, role: str = "student", **values: Any) -> Row:
    """A person."""
    return {
        "person_id": person_id,
        "name": f"이름 {person_id}",
        "role": role,
        "slack_id": None,
        "is_bot": False,
        "is_admin": False,
        "origin": "list",
    } | values


def identity(identity_id: str, person_id: str | None, state: str = "exact") -> Row:
    """A name at Zoom."""
    return {
        "identity_id": identity_id,
        "system": "zoom",
        "identity_key": identity_id,
        "display_name": f"별명 {identity_id}",
        "person_id": person_id,
        "state": state,
        "locked": False,
        "conversations": 1,
        "messages": 1,
    }


def version(model_version: str = CHAMPION, state: str = "champion") -> Row:
    """A version of the question model."""
    made = datetime(2026, 3, 1, tzinfo=UTC)
    return {
        "model_name": "question",
        "model_version": model_version,
        "kind": "linear",
        "state": state,
        "created_at": made,
        "promoted_at": None if state == "candidate" else made,
    }


def groups(conversations: Iterable[Conversation]) -> list[Row]:
    """Questions grouped by their first word."""
    first: dict[str, str] = {}
    rows = []
    for made in conversations:
        texts = {message["message_id"]: message["text"] for message in made.rows["messages"]}
        for prediction in made.rows["question_predictions"]:
            if prediction["is_question"]:
                message_id = prediction["message_id"]
                group_id = first.setdefault(texts[message_id].split()[0], message_id)
                rows.append({"message_id": message_id, "group_id": group_id, "similarity": 0.8})
    return rows


def random_lecture(conversation_id: str, source: str, day: date, seed: int) -> Conversation:
    """A lecture of 25 minutes, or a day of a channel, with everything that can occur in one.

    Messages about 카프카 are its questions.
    """
    rng = random.Random(seed)
    # 23:50 in Seoul: the lecture goes on after midnight there.
    start = datetime(day.year, day.month, day.day, 14, 50, tzinfo=UTC)
    made = conversation(conversation_id, source, start)
    said: list[str] = []
    for index in range(120):
        minute = rng.choice([3, 4, 20]) if index % 3 else rng.randrange(25)
        at = start + timedelta(minutes=minute, seconds=rng.randrange(60))
        values: Row = {"visibility": "direct" if index % 17 == 5 else "everyone", "removed": index % 19 == 7}
        if said and index % 4 == 0:
            values["parent_id"] = rng.choice(said)
        text = " ".join(rng.choices(WORDS, k=rng.randrange(1, 6)))
        said.append(made.say(f"i{rng.randrange(9)}", at, text, **values))
    for index in range(60):
        who = None if source == "zoom" else f"i{rng.randrange(9)}"
        made.react(rng.choice(said), rng.choice("👍❤😂"), who, rng.randrange(1, 4), removed=index % 7 == 0)
    made.predict({m["message_id"] for m in made.rows["messages"] if "카프카" in m["text"]})
    made.rows["quarantine"].append(
        {
            "quarantine_id": f"{conversation_id}-q",
            "source": source,
            "conversation_id": conversation_id,
            "position": 1,
            "reason": "time_not_understood",
        }
    )
    return made


class Build:
    """A build file: what the loader does to it, and dbt.

    Args:
        folder: holds the file and what dbt writes.
        project: the parsed project.

    Attributes:
        left_out: side of the metrics that is not built.
    """

    def __init__(self, folder: Path, project: Manifest) -> None:
        self.left_out: str | None = None
        self.path = folder / "build.duckdb"
        self.folder = folder
        self.project = project
        with self.connect() as connection:
            connection.execute("create schema core; create schema ml; create schema meta")
            connection.execute("create table meta.pending_conversations (conversation_id varchar)")
            for spec in (*TABLES, *STREAM_TABLES, MODELS, QUESTION_PREDICTIONS, QUESTION_GROUPS):
                connection.execute(spec.ddl())

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.path))

    def copy_to(self, path: Path) -> None:
        """Copy the file, with what dbt's connection of this process has not written into it yet."""
        with self.connect() as connection:
            connection.execute("checkpoint")
        shutil.copy(self.path, path)

    def load(self, conversations: Iterable[Conversation]) -> None:
        """Replace conversations and note them as pending."""
        with self.connect() as connection:
            for made in conversations:
                self._take_out(connection, made.conversation_id)
                _insert(connection, CONVERSATIONS, [made.ledger])
                for spec in PARTITIONED:
                    _insert(connection, spec, made.rows[spec.name])

    def take_out(self, conversation_id: str) -> None:
        """A conversation that is no longer in the lake."""
        with self.connect() as connection:
            self._take_out(connection, conversation_id)

    def people(self, people: Iterable[Row], identities: Iterable[Row]) -> None:
        """Replace people and identities."""
        self._replace({PEOPLE: people, IDENTITIES: identities})

    def models(self, versions: Iterable[Row], groups: Iterable[Row] = ()) -> None:
        """Replace the versions of models and the groups of questions."""
        self._replace({MODELS: versions, QUESTION_GROUPS: groups})

    def streams(self, tables: Mapping[TableSpec, Iterable[Row]]) -> None:
        """Replace tables of streamers."""
        self._replace(tables)

    def dbt(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> list[Any]:
        """Run dbt in this process; failures of models and tests are failures here. Return the nodes that ran."""
        command = [*arguments, *_places(self.folder)]
        if self.left_out:
            command += ["--exclude", f"config.meta.side:{self.left_out}"]
        if variables:
            command += ["--vars", json.dumps(dict(variables), ensure_ascii=False)]
        result = dbtRunner(manifest=self.project).invoke(command)
        runs = list(getattr(result.result, "results", None) or [])
        failed = [
            f"{r.node.name}: {r.status} {r.message}" for r in runs if r.status not in ("success", "pass")
        ]
        assert result.success, failed or result.exception
        assert not failed
        return [run.node for run in runs]

    def batch(self, conversations: Iterable[Conversation], **options: Any) -> None:
        """Load, build, and empty the list of pending conversations, as publication does."""
        self.load(conversations)
        self.dbt("run", **options)
        self.published()

    def published(self) -> None:
        """Everything pending has been taken in."""
        with self.connect() as connection:
            connection.execute("delete from meta.pending_conversations")

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every table and view that people read → its rows, ordered by all columns."""
        with self.connect() as connection:
            return read_marts(connection)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(sql).fetchall()

    def _replace(self, tables: Mapping[TableSpec, Iterable[Row]]) -> None:
        with self.connect() as connection:
            for spec, rows in tables.items():
                connection.execute(f"delete from {spec.full_name}")
                _insert(connection, spec, list(rows))

    def _take_out(self, connection: duckdb.DuckDBPyConnection, conversation_id: str) -> None:
        for spec in (CONVERSATIONS, *PARTITIONED):
            connection.execute(f"delete from {spec.full_name} where conversation_id = ?", [conversation_id])
        connection.execute("insert into meta.pending_conversations values (?)", [conversation_id])


def read_marts(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every table and view of the schemas ``marts`` and ``main`` → its rows, ordered by all columns."""
    names = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema in ('marts', 'main') order by all"
    ).fetchall()
    return {
        f"{schema}.{name}": connection.execute(f'select * from "{schema}"."{name}" order by all').fetchall()
        for schema, name in names
    }


def parse_project(folder: Path) -> Manifest:
    """The parsed project with every test that it has; needs no build file."""
    result = dbtRunner().invoke(["parse", *_places(folder), "--vars", "{check_views: true}"])
    assert result.success, result.exception
    return result.result


def _places(folder: Path) -> list[str]:
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet"]
    return [*places, "--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]


def _insert(connection: duckdb.DuckDBPyConnection, spec: TableSpec, rows: list[Row]) -> None:
    if rows:
        connection.register("incoming", spec.table(rows))
        connection.execute(f"insert into {spec.full_name} by name select * from incoming")
        connection.unregister("incoming")
