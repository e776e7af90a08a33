"""Erasing a person from a home: nothing of them is left, others keep everything, and a kill does no harm."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from chat_platform.errors import InputError
from chat_platform.ingestion import erasure, recordings, slack_days
from chat_platform.ingestion.imports import import_class_list
from chat_platform.ingestion.model_state import author_note_path, consents_changed
from chat_platform.ingestion.people import resolve_people
from chat_platform.ingestion.predictions import predict
from chat_platform.ingestion.publication import publish
from chat_platform.ingestion.tables import load_conversations
from chat_platform.people.accounts import account_person_id
from chat_platform.storage import files
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.answers import AnswerStore
from chat_platform.storage.asked import AskedStore
from chat_platform.storage.audit import AuditLog
from chat_platform.storage.consents import AUTHOR_MODEL, ConsentLog
from chat_platform.storage.erasures import KEY_FILE, LIST_FILE
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.ledger import Announced
from chat_platform.storage.portal_models import QuizRound
from chat_platform.storage.quiz import QuizStore
from chat_platform.storage.subscriptions import SubscriptionStore
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, TOKENS
from chat_platform.tables.ids import identity_id
from chat_platform.tables.models import AUTHOR_PREDICTIONS, LABELS
from tests import erasures
from tests.chosen import first_of
from tests.erasures import Erasing, Left, copied, settings_of
from tests.integration.classes import add_lines, tokenise

GONE, OTHER = "김가나", "이다라"
GONE_SLACK, OTHER_SLACK = "U0GONE001", "U0OTHER01"
# Words that nobody else says, so that bytes can be searched for them.
SECRETS = ("비밀일기장", "은하수를건너", "도서관뒷길", "zebrafish")
WORDS = (*SECRETS, GONE, GONE_SLACK, "ganakim", "L-GONE")
DAY = date(2026, 3, 2)
# The moments of a kill are many: one test takes every sixteenth.
STRIDE = 16
SLACK_DAY = "slack-C0CHAT-20260302"
# On this one they only joined.
JOINED_DAY = "slack-C0CHAT-20260301"
CLASS_LIST_CSV = f"아이디,이름,이메일\nL-GONE,{GONE},ganakim@example.com\nL-OTHER,{OTHER},other@example.com\n"


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of two on Zoom and Slack, with everything about them that the platform keeps."""
    home = tmp_path_factory.mktemp("taught") / "home"
    workspace = Workspace(settings_of(home))
    (home / "inbox" / "done").mkdir(parents=True)
    _teach_slack(workspace)
    ids = _teach_zoom(workspace, home)
    import_class_list(workspace, "class.csv", CLASS_LIST_CSV.encode())
    predict(workspace, [*ids, JOINED_DAY, SLACK_DAY])
    publish_all(workspace)
    zoom = identity_id("zoom", f"{GONE}_온라인")
    workspace.decisions.merge(zoom, person_of(workspace), by="kim", evidence=f"{GONE} said so")
    publish_all(workspace)
    _write_app_rows(workspace)
    _write_model_rows(workspace)
    publish_all(workspace)
    # So that every copy makes the same pseudonyms.
    files.kept_key(home / KEY_FILE)
    (home / LIST_FILE).write_text("[]", encoding="utf-8")
    workspace.database.dispose()
    return home


def _teach_slack(workspace: Workspace) -> None:
    users = [
        {"id": GONE_SLACK, "name": "ganakim", "profile": {"real_name": GONE, "email": "ganakim@example.com"}},
        {"id": OTHER_SLACK, "name": "other", "profile": {"real_name": OTHER}},
    ]
    workspace.vault.write("slack_users", "workspace", "members", json.dumps(users).encode())
    slack_days.write_users(workspace)
    said = [(GONE_SLACK, "도서관뒷길 어디예요?"), (OTHER_SLACK, "저도 몰라요"), (OTHER_SLACK, "찾았어요")]
    messages = [
        {"type": "message", "ts": f"177244920{n}.000100", "user": user, "text": text}
        for n, (user, text) in enumerate(said)
    ]
    joined = {"type": "message", "subtype": "channel_join", "ts": "1772449199.000100", "user": GONE_SLACK}
    joined["text"] = f"<@{GONE_SLACK}>님이 채널에 참여함"
    other_day = {"channel": "C0CHAT", "day": "2026-03-01", "messages": [joined], "replies": {}}
    workspace.vault.write("slack", JOINED_DAY, "one", json.dumps(other_day).encode())
    messages[1]["reactions"] = [{"name": "tada", "count": 1, "users": [GONE_SLACK]}]
    day = {"channel": "C0CHAT", "day": "2026-03-02", "messages": messages, "replies": {}}
    workspace.vault.write("slack", SLACK_DAY, "one", json.dumps(day).encode())
    entry = Announced(SLACK_DAY, "slack", "channel_day", "1", conversation_date=DAY, announced_by=GONE_SLACK)
    before = Announced(JOINED_DAY, "slack", "channel_day", "1", conversation_date=date(2026, 3, 1))
    workspace.ledger.announce([entry, before])
    parse_slack(workspace)


def parse_slack(workspace: Workspace) -> None:
    for day in (JOINED_DAY, SLACK_DAY):
        outcome = slack_days.parse(workspace, day, slack_days.user_names(workspace))
        assert outcome.error is None, outcome.error
        tokenise(workspace, day)


def _teach_zoom(workspace: Workspace, home: Path) -> list[str]:
    name = f"{GONE}_온라인"
    chats = [
        [(name, "비밀일기장 읽어도 되나요?"), (OTHER, "네 그럼요"), (name, "은하수를건너 갑니다")],
        [(OTHER, "안녕하세요"), (name, "zebrafish 맞나요?"), (OTHER, "과제는 언제까지인가요?")],
        [(OTHER, "오늘은 혼자네요"), (OTHER, "끝")],
    ]
    ids = [add_lines(workspace, lines, date(2026, 3, 3 + n), f"lecture {n}") for n, lines in enumerate(chats)]
    part = workspace.vault.parts("zoom_file", ids[0])[0]
    envelope = json.loads(workspace.vault.read("zoom_file", ids[0], part))
    (home / "inbox" / "done" / "chat.txt").write_bytes(base64.b64decode(envelope["data"]))
    return ids


def _write_app_rows(workspace: Workspace) -> None:
    """Consents, corrections, and two accounts that wrote, voted, played and subscribed."""
    engine, gone, other = workspace.database, person_of(workspace), person_of(workspace, OTHER)
    for person in (gone, other):
        ConsentLog(engine).grant(person, AUTHOR_MODEL, by="kim")
    mine, theirs = (messages_of(workspace, system)[0] for system in (GONE, OTHER))
    for message in (mine, theirs):
        LabelLog(engine).correct(message, True, by="kim", comment="no")
    accounts = AccountStore(engine)
    numbers = {}
    for login, person in (("ganakim@example.com", gone), ("other@example.com", other)):
        numbers[person] = accounts.create(login, GONE if person == gone else OTHER)
        accounts.set_role(numbers[person], "class", "student")
        accounts.link_person(numbers[person], "class", person, proof="operator", by="kim")
        accounts.open_session(numbers[person])
        SubscriptionStore(engine, workspace.settings.home).ask(numbers[person], "class", login)
    asked = AskedStore(engine, "class")
    own = asked.ask(numbers[gone], "도서관뒷길 질문입니다")
    question = asked.ask(numbers[other], "과제 질문입니다")
    answers = AnswerStore(engine, "class")
    answers.set_vote(answers.add(question, numbers[gone], "비밀일기장에 있어요"), numbers[other], useful=True)
    answers.add(own, numbers[other], "확인해 볼게요")
    quiz = QuizStore(engine)
    for player, message in ((numbers[other], mine), (numbers[gone], theirs)):
        opened = quiz.start(player, "class", message_id=message, options=[gone, other], model_choice=gone)
        quiz.answer(player, "class", opened.round_id, choice=gone, author=gone)
    log = AuditLog(engine)
    log.note("person.viewed", account_id=numbers[other], class_id="class", subject=gone)
    log.note("sign-in", account_id=numbers[gone], subject="ganakim@example.com", address="192.0.2.7")
    log.note("role.changed", account_id=numbers[other], class_id="class", detail={"person": gone, "n": [1]})


def _write_model_rows(workspace: Workspace) -> None:
    rows = [
        {
            "label_id": message, "message_id": message, "text": text, "is_question": True, "origin": "weak",
            "weight": 1.0, "used": True,
        }
        for message, text in texts(workspace).items()
    ]  # fmt: skip
    workspace.lake.write(LABELS, LABELS.table(rows))
    guesses = [
        {
            "message_id": message, "conversation_id": "c", "model_version": "v", "rank": 1,
            "person_id": person_of(workspace, who), "probability": 0.5, "is_author": True,
        }
        for message, who in zip(texts(workspace), (OTHER, GONE) * 9, strict=False)
    ]  # fmt: skip
    workspace.lake.write(AUTHOR_PREDICTIONS, AUTHOR_PREDICTIONS.table(guesses))
    people = [person_of(workspace), person_of(workspace, OTHER)]
    note = {"version": "characters-1", "trained_at": "2026-03-05T00:00:00+00:00", "people": people}
    files.write_bytes_atomic(author_note_path(workspace), json.dumps(note).encode())


def person_of(workspace: Workspace, name: str = GONE) -> str:
    return account_person_id("slack", GONE_SLACK if name == GONE else OTHER_SLACK)


def all_messages(workspace: Workspace) -> list[dict[str, Any]]:
    lake = workspace.lake
    return lake.read_many(MESSAGES, sorted(lake.files(MESSAGES))).to_pylist()


def texts(workspace: Workspace) -> dict[str, str]:
    return {row["message_id"]: row["text"] for row in all_messages(workspace)}


def messages_of(workspace: Workspace, name: str) -> list[str]:
    return [
        row["message_id"] for row in all_messages(workspace) if (row["author_name"] or "").startswith(name)
    ]


def publish_all(workspace: Workspace) -> None:
    """What the job publishes, without its metrics."""
    load_conversations(workspace)
    resolve_people(workspace)
    workspace.warehouse.load(workspace.lake, (LABELS, AUTHOR_PREDICTIONS))
    publish(workspace)


def erase_all(workspace: Workspace, person: str = GONE, *, raw: bool = False) -> None:
    """As the command does it."""
    entry = erasure.erase(workspace, erasure.find_subject(workspace, person), by="kim", raw=raw)
    publish_all(workspace)
    erasure.finish(workspace, entry)


@pytest.fixture
def workspace(taught: Path, tmp_path: Path) -> Iterator[Workspace]:
    found = copied(taught, tmp_path / "home")
    yield found
    found.database.dispose()


def holding(home: Path) -> set[str]:
    return erasures.holding(home, WORDS)


def state(workspace: Workspace) -> dict[str, Any]:
    published = ("core.messages", "core.people", "core.identities", "ml.labels", "ml.author_predictions")
    return erasures.state(workspace, published)


def test_the_home_holds_them_everywhere_before(workspace: Workspace) -> None:
    """What the search of the tests below finds is not nothing."""
    found = holding(workspace.settings.home)
    for part in (
        "core/messages",
        "core/tokens",
        "core/people",
        "core/quarantine",
        "core/portal_questions",
        "ml/labels",
        "raw/zoom_file",
        "raw/slack_users",
    ):
        assert any(part in name for name in found), part
    assert {"app.sqlite", "warehouse/build.duckdb", "inbox/done/chat.txt"} <= found
    assert any("published" in name for name in found)


def test_after_an_erasure_only_the_named_raw_files_hold_them(workspace: Workspace) -> None:
    subject = erasure.find_subject(workspace, GONE)
    found = erasure.examine(workspace, subject)
    erase_all(workspace)
    home = workspace.settings.home
    named = {f"lake/raw/{name}.zst" for name in found.raw} | {
        str(path.relative_to(home)) for path in found.files
    }
    assert holding(home) <= named
    assert holding(home), "the archive is left without --raw"
    assert workspace.publication.numbers() == [workspace.publication.current().number]


def test_with_raw_no_file_holds_them(workspace: Workspace) -> None:
    erase_all(workspace, raw=True)
    assert holding(workspace.settings.home) == set()
    # The recording in which they were not is still archived, and so are the other members.
    assert len(workspace.vault.partitions("zoom_file")) == 1
    members = json.loads(workspace.vault.read("slack_users", "workspace", "members"))
    assert [member["id"] for member in members] == [OTHER_SLACK]


def test_raw_may_be_asked_for_later(workspace: Workspace) -> None:
    erase_all(workspace)
    erase_all(workspace, raw=True)
    assert holding(workspace.settings.home) == set()


def test_others_keep_everything(workspace: Workspace) -> None:
    before = [row for row in all_messages(workspace) if row["message_id"] in messages_of(workspace, OTHER)]
    files_before = workspace.lake.files(MESSAGES)
    erase_all(workspace)
    after = all_messages(workspace)
    assert len(after) == len(before) + 4
    assert [row for row in after if row in before] == before
    erased = [row for row in after if row not in before]
    assert {row["text"] for row in erased} == {""}
    assert {row["author_name"][:7] for row in erased} == {"erased-"}
    # Where they were not, nothing was written.
    untouched = {one for one, state in workspace.lake.files(MESSAGES).items() if state == files_before[one]}
    assert JOINED_DAY in untouched
    assert len(untouched) == 2
    engine = workspace.database
    assert ConsentLog(engine).active(AUTHOR_MODEL) == {person_of(workspace, OTHER)}
    assert [row["message_id"] for row in LabelLog(engine).corrections()] == [messages_of(workspace, OTHER)[0]]
    assert {row["message_id"] for row in workspace.lake.read(LABELS).to_pylist()} == {
        row["message_id"] for row in before
    }
    assert AccountStore(engine).by_login("other@example.com") is not None
    assert AccountStore(engine).by_login("ganakim@example.com") is None
    assert [row.text for row in AskedStore(engine, "class").all()] == ["과제 질문입니다"]


def test_counts_of_a_class_stay(workspace: Workspace) -> None:
    sizes = "select conversation_id, count(*) from core.messages group by all order by all"
    people = "select count(distinct identity_id) from core.participants"
    with workspace.publication.read() as connection:
        before = [connection.execute(query).fetchall() for query in (sizes, people)]
    erase_all(workspace)
    with workspace.publication.read() as connection:
        assert [connection.execute(query).fetchall() for query in (sizes, people)] == before


def test_rounds_of_others_in_which_they_were_an_option_keep_their_score(workspace: Workspace) -> None:
    other = AccountStore(workspace.database).by_login("other@example.com")
    assert other is not None
    theirs = messages_of(workspace, OTHER)[1]
    quiz = QuizStore(workspace.database)
    options = [person_of(workspace), person_of(workspace, OTHER)]
    quiz.start(other.account_id, "class", message_id=theirs, options=options, model_choice=None)
    erase_all(workspace)
    with Session(workspace.database) as session:
        (row,) = session.scalars(select(QuizRound)).all()
        # It was open, and is void; the round about their own message is gone.
        assert (row.message_id, row.options, row.is_right) == (theirs, "[]", None)


def test_the_author_model_is_due_for_training(workspace: Workspace) -> None:
    erase_all(workspace)
    assert consents_changed(workspace)


def test_a_second_run_changes_nothing(workspace: Workspace) -> None:
    erase_all(workspace)
    before, written = state(workspace), _mtimes(workspace)
    subject = erasure.find_subject(workspace, GONE)
    found = erasure.examine(workspace, subject)
    assert (found.lake, found.database, subject.person_id) == ({}, {}, None)
    erase_all(workspace)
    assert state(workspace) == before
    # A load writes the ledger's table each time.
    changed = {path for path, when in _mtimes(workspace).items() if written.get(path) != when}
    assert {Path(path).parent.name for path in changed} <= {"conversations"}


def _mtimes(workspace: Workspace) -> dict[str, int]:
    core = Path(workspace.lake.url)
    return {str(path): path.stat().st_mtime_ns for path in core.rglob("*.parquet")}


def test_parsing_anew_brings_nobody_back(workspace: Workspace) -> None:
    erase_all(workspace)
    home, before, said = workspace.settings.home, state(workspace), _said(workspace)
    held = holding(home)
    for conversation_id in workspace.vault.partitions("zoom_file"):
        outcome = recordings.parse(workspace, conversation_id)
        assert outcome.error is None
        tokenise(workspace, conversation_id)
    slack_days.write_users(workspace)
    parse_slack(workspace)
    import_class_list(workspace, "class.csv", CLASS_LIST_CSV.encode())
    predict(workspace, sorted(workspace.lake.files(TOKENS)))
    publish_all(workspace)
    # The class list that was imported again is archived again.
    assert {name for name in holding(home) - held if "raw/class_list" not in name} == set()
    assert _said(workspace) == said
    after = state(workspace)
    # Of the languages nothing is known any more, and Slack no longer says which name an account had.
    renamed = {"core.messages", "core.reactions", "core.participants", "core.people", "core.identities"}
    changed = {key for key in before if before[key] != after[key]} - {"published"}
    assert {key.split("/")[0].removeprefix("published.") for key in changed} <= renamed
    assert before.keys() == after.keys()
    assert {key: len(before[key]) for key in changed} == {key: len(after[key]) for key in changed}


def _said(workspace: Workspace) -> list[tuple[Any, ...]]:
    columns = ("message_id", "identity_id", "text", "clean_text", "sent_at", "parent_id")
    return [tuple(row[name] for name in columns) for row in all_messages(workspace)]


def test_an_announcement_that_is_seen_again_names_nobody(workspace: Workspace) -> None:
    erase_all(workspace)
    entry = Announced(SLACK_DAY, "slack", "channel_day", "2", conversation_date=DAY, announced_by=GONE_SLACK)
    workspace.ledger.announce([entry])
    publish_all(workspace)
    with workspace.publication.read() as connection:
        query = "select count(*) from core.conversations where announced_by = ?"
        assert connection.execute(query, [GONE_SLACK]).fetchall() == [(0,)]


def test_a_lost_list_or_key_stops_parsing(workspace: Workspace) -> None:
    erase_all(workspace)
    home = workspace.settings.home
    (conversation_id, *_) = workspace.vault.partitions("zoom_file")
    for name in (LIST_FILE, KEY_FILE):
        kept = (home / name).read_bytes()
        assert (home / name).stat().st_mode & 0o777 == 0o600
        (home / name).unlink()
        outcome = recordings.parse(workspace, conversation_id)
        assert outcome.error is not None
        assert outcome.error.code == "CP-PEOPLE-021"
        (home / name).write_bytes(kept)
        (home / name).chmod(0o600)
    assert recordings.parse(workspace, conversation_id).error is None


def test_the_list_holds_no_id_and_no_name(workspace: Workspace) -> None:
    subject = erasure.find_subject(workspace, GONE)
    erase_all(workspace)
    text = (workspace.settings.home / LIST_FILE).read_text(encoding="utf-8")
    assert not any(word in text for word in (*WORDS, *subject.people, *subject.identities))


def test_what_was_not_published_anew_is_not_finished(workspace: Workspace) -> None:
    entry = erasure.erase(workspace, erasure.find_subject(workspace, GONE), by="kim")
    with pytest.raises(InputError, match="CP-PEOPLE-022"):
        erasure.finish(workspace, entry)
    assert [one.done_at for one in workspace.erasures.entries()] == [None]


def test_a_name_that_fits_two_is_refused_and_one_that_is_not_decided_is_named(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="CP-PEOPLE-011"):
        erasure.find_subject(workspace, "아무도")
    workspace.decisions.undo(1, by="kim")
    resolve_people(workspace)
    subject = erasure.find_subject(workspace, GONE_PERSON_ID)
    assert subject.undecided == (f"{GONE}_온라인",)
    assert identity_id("zoom", f"{GONE}_온라인") not in subject.identities


GONE_PERSON_ID = account_person_id("slack", GONE_SLACK)


def erasing(taught: Path, *, raw: bool) -> Erasing:
    return Erasing(
        taught,
        lambda workspace: erase_all(workspace, GONE_PERSON_ID, raw=raw),
        lambda workspace: Left(state(workspace), holding(workspace.settings.home)),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["archive stays", "archive goes"])
def undisturbed(
    request: pytest.FixtureRequest, taught: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Erasing, Left]:
    way = erasing(taught, raw=request.param)
    return way, way.undisturbed(tmp_path_factory.mktemp("undisturbed") / "home")


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(1, STRIDE + 1))
def test_killed_at_any_moment_the_same_command_completes_it(
    undisturbed: tuple[Erasing, Left], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    way, expected = undisturbed
    assert way.killed_at_every(first, STRIDE, expected, tmp_path / "home", monkeypatch) > 40


@pytest.mark.parametrize("number", first_of([9, 23, 2, 16, 30], 2))
def test_killed_at_some_moments_the_same_command_completes_it(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    finished, left = erasing(taught, raw=True).killed(number, tmp_path / "home", monkeypatch)
    assert not finished
    assert left.files == set()
