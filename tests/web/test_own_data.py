"""The archive of own data: everything of the person, and nothing of anybody else."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from chat_platform.settings import Settings
from chat_platform.storage.app_database import Base
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.portal_models import PortalAnswer, PortalQuestion, QuizRound
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.catalogue import ALL_TABLES
from chat_platform.web.own_tables import BY_CONVERSATION, IN_CLASS, ON_PORTAL, PUBLISHED
from tests.homes import copied
from tests.web.conftest import SignIn

NOT_ABOUT_PEOPLE = {
    "ledger": "conversations; who announced one is a part of the published tables",
    "label_imports": "files of labels",
    "imported_labels": "texts of files, without authors",
    "throttles": "keys are hashes: nobody can tell whose",
    "digest_posts": "what was posted to a channel",
}
DERIVED = {
    "core.tokens": "words of the messages, which are there",
    "core.emote_uses": "emotes of messages in streams, whose authors are nobody of a class",
    "core.channels": "streamers, who are nobody of a class",
    "core.quarantine": "records without an author",
    "core.identity_decisions": "read from the app database",
    "core.portal_questions": "read from the app database",
    "ml.labels": "read from the app database",
}
FORMULA = '=HYPERLINK("http://evil")'


@pytest.fixture
def home(playing_home: Path, tmp_path: Path) -> Path:
    return copied(playing_home, tmp_path)


class Someone:
    """The student who agreed and wrote most, with a direct, a removed and a hostile message."""

    def __init__(self, settings: Settings) -> None:
        published = Workspace(settings).publication.current().path
        with duckdb.connect(str(published)) as connection:
            self.person_id, self.name = connection.execute(
                "select person_id, people.name from marts.participation_daily "
                "inner join core.people using (person_id) where role = 'student' "
                "group by all order by sum(messages + replies) desc, person_id limit 1"
            ).fetchall()[0]
            own = [
                row[0]
                for row in connection.execute(
                    "select message_id from core.messages inner join core.identities using (identity_id) "
                    "where person_id = ? and visibility = 'everyone' and not removed order by message_id",
                    [self.person_id],
                ).fetchall()
            ]
            self.direct, self.removed, self.formula = own[:3]
            for message_id, change, text in (
                (self.direct, "visibility = 'direct', recipient_name = 'secret recipient'", "private words"),
                (self.removed, "removed = true", "regretted words"),
                (self.formula, "removed = false", FORMULA),
            ):
                connection.execute(
                    f"update core.messages set {change}, text = ? where message_id = ?",  # noqa: S608
                    [text, message_id],
                )
        self.copy = settings.home / "asked.duckdb"
        shutil.copyfile(published, self.copy)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.copy), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()


@pytest.fixture
def someone(settings: Settings) -> Someone:
    return Someone(settings)


@pytest.fixture
def me(someone: Someone, sign_in: SignIn) -> TestClient:
    return sign_in("student", "me@example.com", person_id=someone.person_id)


def exported(client: TestClient) -> zipfile.ZipFile:
    answer = client.post("/c/class/people/me/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="own-data-class.zip"'
    found = zipfile.ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    return found


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    """Rows as JSON has them; those of the CSV are as many."""
    rows = json.loads(archive.read(f"{name}.json"))
    text = archive.read(f"{name}.csv").decode("utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text, newline="")))) == len(rows)
    return rows


def test_every_table_with_people_in_it_is_exported_or_is_about_nobody() -> None:
    held = {one.model.__table__.name for one in (*ON_PORTAL, *IN_CLASS)}
    assert held.isdisjoint(NOT_ABOUT_PEOPLE)
    assert set(Base.metadata.tables) - held - NOT_ABOUT_PEOPLE.keys() == set()
    sql = " ".join((*PUBLISHED.values(), *BY_CONVERSATION.values(), "core.class_list"))
    personal = {spec.full_name for spec in ALL_TABLES.values() if any(column.pii for column in spec.columns)}
    assert {name for name in personal if not re.search(rf"\b{re.escape(name)}\b", sql)} == DERIVED.keys()


def test_every_public_message_of_mine_is_there_and_no_other(someone: Someone, me: TestClient) -> None:
    archive = exported(me)
    found = {row["message_id"]: row["text"] for row in table(archive, "messages")}
    expected = dict(
        someone.rows(
            "select message_id, text from core.messages inner join core.identities using (identity_id) "
            "where person_id = ? and visibility = 'everyone' and not removed",
            someone.person_id,
        )
    )
    assert found == expected
    assert found[someone.formula] == FORMULA
    assert f"\"'{FORMULA.replace(chr(34), chr(34) * 2)}" in archive.read("messages.csv").decode()


def test_nobody_elses_words_or_names_are_there(someone: Someone, me: TestClient) -> None:
    archive = exported(me)
    everything = "\n".join(archive.read(name).decode() for name in archive.namelist())
    own = {
        text
        for (text,) in someone.rows(
            "select text from core.messages inner join core.identities using (identity_id) where person_id = ?",
            someone.person_id,
        )
    }
    others = someone.rows(
        "select distinct text from core.messages left join core.identities using (identity_id) "
        "where person_id is distinct from ? and length(text) >= 12",
        someone.person_id,
    )
    assert len(others) > 100
    assert [text for (text,) in others if text in everything and not any(text in mine for mine in own)] == []
    names = someone.rows(
        "select name from core.people where person_id <> ? and name <> ? and regexp_matches(name, '^[가-힣]{3,}$')",
        someone.person_id,
        someone.name,
    )
    assert len(names) > 20
    written = "\n".join(own)
    assert [name for (name,) in names if name in everything and name not in written] == []


def test_direct_and_removed_messages_are_listed_without_their_text(someone: Someone, me: TestClient) -> None:
    archive = exported(me)
    hidden = {row["message_id"]: row for row in table(archive, "messages_not_shown")}
    assert {someone.direct, someone.removed} <= hidden.keys()
    assert (hidden[someone.direct]["visibility"], hidden[someone.removed]["removed"]) == ("direct", True)
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (b"private words", b"regretted words", b"secret recipient"):
        assert secret not in everything


def test_figures_reactions_and_guesses_of_mine_are_there(someone: Someone, me: TestClient) -> None:
    archive, mine = exported(me), someone.person_id
    assert [row["person_id"] for row in table(archive, "person")] == [mine]
    assert (
        len(table(archive, "words"))
        == someone.rows("select count(*) from marts.person_words where person_id = ?", mine)[0][0]
    )
    days = someone.rows(
        "select local_date, messages from marts.participation_daily where person_id = ? order by 1", mine
    )
    assert [(row["local_date"], row["messages"]) for row in table(archive, "days")] == [
        (str(day), messages) for day, messages in days
    ]
    given = someone.rows(
        "select count(*) from core.reactions inner join core.identities using (identity_id) where person_id = ?",
        mine,
    )[0][0]
    assert len(table(archive, "reactions_given")) == given
    received = someone.rows(
        "select coalesce(sum(r.count), 0) from core.reactions as r inner join core.messages as m using (message_id) "
        "inner join core.identities as i on i.identity_id = m.identity_id "
        "where i.person_id = ? and m.visibility = 'everyone' and not m.removed and not r.removed",
        mine,
    )[0][0]
    assert sum(row["count"] for row in table(archive, "reactions_received")) == received
    guesses = table(archive, "author_guesses")
    assert (
        len(guesses)
        == someone.rows(
            "select count(*) from ml.author_predictions as p inner join core.messages as m using (message_id) "
            "inner join core.identities as i on i.identity_id = m.identity_id where i.person_id = ?",
            mine,
        )[0][0]
        > 0
    )
    assert "person_id" not in guesses[0]


def test_what_i_did_on_the_portal_is_there_and_what_others_did_is_not(
    someone: Someone, me: TestClient, sign_in: SignIn, settings: Settings
) -> None:
    other = sign_in("teacher", "other@example.com")
    services = me.app.state.services  # type: ignore[attr-defined]
    database, workspace = services.database, Workspace(settings)
    numbers = [
        services.accounts.by_login(login).account_id for login in ("me@example.com", "other@example.com")
    ]
    with Session(database) as session:
        for number in numbers:
            session.add(PortalQuestion(class_id="class", account_id=number, text=f"question of {number}"))
            session.add(
                PortalAnswer(class_id="class", question_id="q", account_id=number, body=f"answer of {number}")
            )
            session.add(
                QuizRound(
                    class_id="class",
                    account_id=number,
                    message_id="m",
                    options='["secret option"]',
                    choice=f"p{number}",
                )
            )
        session.commit()
    mine, theirs = numbers
    labels = LabelLog(workspace.database)
    for number in numbers:
        labels.correct(f"label of {number}", True, by=f"portal:{number}")
    services.audit.note("role.changed", account_id=theirs, class_id="class", subject=str(mine))
    services.audit.note("invitation.revoked", account_id=theirs, class_id="class", subject=str(mine))
    ConsentLog(workspace.database).grant("somebody else", AUTHOR_MODEL, by="test")
    assert other.get(f"/c/class/people/{someone.person_id}").status_code == 200
    archive = exported(me)
    assert [row["login"] for row in table(archive, "account")] == ["me@example.com"]
    assert [row["text"] for row in table(archive, "board_questions")] == [f"question of {mine}"]
    assert [row["body"] for row in table(archive, "board_answers")] == [f"answer of {mine}"]
    assert [row["message_id"] for row in table(archive, "labels")] == [f"label of {mine}"]
    assert [row["choice"] for row in table(archive, "quiz")] == [f"p{mine}"]
    assert {row["person_id"] for row in table(archive, "consents")} == {someone.person_id}
    assert [row["account_id"] for row in table(archive, "sessions")] == [mine]
    changed, look = table(archive, "log_about_you")
    assert (changed["action"], look["action"]) == ("role.changed", "person.viewed")
    assert (look["account_id"], look["subject"]) == (theirs, someone.person_id)
    assert "address" not in look
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (f"of {theirs}", "secret option", "other@example.com", "somebody else"):
        assert secret.encode() not in everything


def test_secrets_that_open_doors_are_not_in_it(someone: Someone, me: TestClient) -> None:
    services = me.app.state.services  # type: ignore[attr-defined]
    visitor = services.accounts.visitor(me.cookies["session"])
    archive = exported(me)
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (me.cookies["session"], visitor.session, visitor.csrf_token, "password_hash", "token_hash"):
        assert secret.encode() not in everything


def test_the_export_is_noted(someone: Someone, me: TestClient) -> None:
    exported(me)
    services = me.app.state.services  # type: ignore[attr-defined]
    (entry,) = services.audit.list("class", action="export")
    assert (entry.action, entry.subject, entry.name) == ("export.own_data", someone.person_id, "me")


def test_an_account_that_is_nobody_gets_what_is_the_accounts(sign_in: SignIn) -> None:
    archive = exported(sign_in("student"))
    assert "messages.json" not in archive.namelist()
    assert table(archive, "memberships")[0]["role"] == "student"
    assert table(archive, "consents") == []
    readme = archive.read("README.txt").decode()
    assert "시험 수업 (class)" in readme


def test_another_site_or_no_token_gets_nothing(me: TestClient) -> None:
    del me.headers["X-CSRF-Token"]
    assert me.post("/c/class/people/me/export").status_code == 403
    assert me.get("/c/class/people/me/export").status_code == 405


def test_who_teaches_cannot_export_somebody_else(sign_in: SignIn, someone: Someone) -> None:
    teacher = sign_in("teacher", "teacher@example.com")
    assert teacher.post(f"/c/class/people/{someone.person_id}/export").status_code in (404, 405)
