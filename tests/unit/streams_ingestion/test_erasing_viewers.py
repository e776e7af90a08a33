"""Erasing a viewer of streams: nothing of them is left, others and every count stay, and a kill does no harm."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chat_platform.errors import InputError
from chat_platform.ingestion.predictions import predict
from chat_platform.ingestion.publication import publish
from chat_platform.ingestion.streams import chat_files, live, pages, vods
from chat_platform.ingestion.streams.facts import video_bytes
from chat_platform.ingestion.streams.pages import VIDEO_PART, PageArchive
from chat_platform.ingestion.streams.tables import SeenVideos, see_channels, see_videos
from chat_platform.ingestion.streams.viewers import Viewer, erase, examine, find_viewer, finish
from chat_platform.ingestion.streams.vods import discover, fetch, parse, revision
from chat_platform.ingestion.tables import load_conversations, load_streams
from chat_platform.sources.streams.port import Channel, ChatPage, Video
from chat_platform.storage import files
from chat_platform.storage.erasures import KEY_FILE, LIST_FILE
from chat_platform.storage.labels import LabelLog
from chat_platform.storage.ledger import unaccounted
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES, PARTICIPANTS, QUARANTINE
from chat_platform.tables.ids import identity_id, is_pseudonym
from chat_platform.tables.spec import TableSpec
from chat_platform.tables.streams import CHANNELS, EMOTE_USES
from tests import erasures
from tests.erasures import Erasing, Left, copied, readable, settings_of
from tests.integration.classes import tokenise
from tests.unit.streams_ingestion.stream_steps import csv_of, rows_of, take_list

GONE_ID, OTHER_ID, STREAMER_ID = "990000111", "990000222", "990000900"
GONE, EARLIER, OTHER = "사라질이름", "oldnick_x", "남을이름"
LOGIN = "gonelogin_x"
CHZZK_GONE, CHZZK_OTHER = "c0ffee" + "0" * 26, "beef00" + "0" * 26
NICK = "치지직사라질이름"
SECRETS = ("비밀일기장", "은하수를건너", "도서관뒷길", "zebrafish", "고양이발자국", "quicksilver")
# The name itself stays where others say it, and the nickname is another account's too.
ON_TWITCH = (*SECRETS, identity_id("twitch", GONE_ID), identity_id("twitch", GONE), GONE_ID, EARLIER, LOGIN)
CHZZK_SECRET = "달빛조각"
WORDS = (*ON_TWITCH, identity_id("chzzk", CHZZK_GONE), CHZZK_GONE, CHZZK_SECRET)
BEGUN = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
STRIDE = 12
PAGED, TEXT, JSON_FILE, ALONE = "2000000001", "2000000002", "2000000003", "2000000004"
EMOTE = {"emote": {"id": "1", "emoteID": "25"}, "text": "Kappa"}


@dataclass(frozen=True)
class Said:
    """A line of somebody in a chat."""

    second: int
    account: str | None
    name: str
    text: str


def video(platform: str, video_id: str) -> Video:
    return Video(
        platform,
        video_id,
        STREAMER_ID,
        "a stream",
        "archive",
        BEGUN,
        BEGUN,
        duration_s=120.0,
        url="https://x/",
    )


def twitch_page(lines: list[Said], first: int) -> bytes:
    logins = {GONE_ID: LOGIN}
    edges = [
        {
            "cursor": f"c{first + n}",
            "node": {
                "id": f"comment-{line.second}-{first + n}",
                "commenter": line.account
                and {"id": line.account, "login": logins.get(line.account), "displayName": line.name},
                "contentOffsetSeconds": line.second,
                "createdAt": (BEGUN + timedelta(seconds=line.second)).isoformat(),
                "message": {"fragments": [{"emote": None, "text": line.text}, EMOTE], "userColor": "#1E90FF"},
            },
        }
        for n, line in enumerate(lines)
    ]  # fmt: skip
    data = {"video": {"comments": {"edges": edges, "pageInfo": {"hasNextPage": False}}}}
    return json.dumps([{"data": data}], ensure_ascii=False).encode()


def chzzk_page(lines: list[Said]) -> bytes:
    chats = [
        {
            "messageTime": round((BEGUN + timedelta(seconds=line.second)).timestamp() * 1000),
            "playerMessageTime": line.second * 1000,
            "userIdHash": line.account,
            "content": line.text,
            "profile": json.dumps({"nickname": line.name}, ensure_ascii=False),
            "extras": "{}",
        }
        for line in lines
    ]
    return json.dumps({"content": {"videoChats": chats, "nextPlayerMessageTime": None}}).encode()


def downloaded(lines: list[Said], video_id: str) -> bytes:
    comments = [
        {
            "_id": f"file-{video_id}-{n}",
            "created_at": (BEGUN + timedelta(seconds=line.second)).isoformat(),
            "content_id": video_id,
            "content_offset_seconds": float(line.second),
            "commenter": {"display_name": line.name, "_id": line.account, "name": line.name.lower()},
            "message": {"body": line.text, "fragments": [{"text": line.text, "emoticon": None}]},
        }
        for n, line in enumerate(lines)
    ]
    facts = {"id": video_id, "title": "a file", "created_at": BEGUN.isoformat(), "length": 120}
    root = {"streamer": {"id": int(STREAMER_ID)}, "video": facts, "comments": comments, "embeddedData": {}}
    return json.dumps(root, ensure_ascii=False).encode()


def heard(line: Said, number: int, more: str = "") -> str:
    at = round((BEGUN + timedelta(seconds=line.second)).timestamp() * 1000)
    nick = LOGIN if line.account == GONE_ID else "other"
    who = f"display-name={line.name};user-id={line.account}"
    tags = f"{who};id=heard-{number};{more}room-id={STREAMER_ID};tmi-sent-ts={at}"
    return f"@{tags} :{nick}!{nick}@{nick}.tmi.twitch.tv PRIVMSG #ganada :{line.text}"


HEARD = [
    "#begin 2026-03-02T11:00:00+00:00",
    heard(Said(5, GONE_ID, GONE, "고양이발자국 zebrafish"), 1),
    heard(Said(6, OTHER_ID, OTHER, f"@{GONE} 안녕"), 2,
          f"reply-parent-display-name={GONE};reply-parent-msg-body=고양이발자국\\szebrafish;"
          f"reply-parent-msg-id=heard-1;reply-parent-user-id={GONE_ID};reply-parent-user-login={LOGIN};"),
    f"@login={LOGIN};room-id=;target-msg-id=heard-1;tmi-sent-ts=1 :tmi.twitch.tv CLEARMSG #ganada :고양이발자국",
    f"@room-id={STREAMER_ID};target-user-id={GONE_ID};tmi-sent-ts=1 :tmi.twitch.tv CLEARCHAT #ganada :{LOGIN}",
    heard(Said(9, OTHER_ID, OTHER, "혼자"), 3),
    "#end 2026-03-02T11:10:00+00:00",
]  # fmt: skip


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chats of every kind in which a viewer wrote, and one without them."""
    home = tmp_path_factory.mktemp("streamed") / "home"
    workspace = Workspace(settings_of(home))
    profile = Channel("twitch", STREAMER_ID, "ganada", "가나다TV")
    see_channels(workspace, [(profile, BEGUN)])
    _archive(workspace, video("twitch", PAGED), [
        twitch_page([Said(1, GONE_ID, GONE, "비밀일기장 "), Said(2, OTHER_ID, OTHER, "hello ")], 0),
        twitch_page([Said(60, OTHER_ID, OTHER, f"@{GONE} 누구 "), Said(119, GONE_ID, GONE, "은하수를건너 🦊 ")], 2),
    ])  # fmt: skip
    _archive(workspace, video("twitch", ALONE), [twitch_page([Said(3, OTHER_ID, OTHER, "alone ")], 0)])
    chzzk = [Said(1, CHZZK_GONE, NICK, CHZZK_SECRET), Said(2, CHZZK_OTHER, NICK, "같은 이름")]
    _archive(workspace, video("chzzk", "77"), [chzzk_page(chzzk), chzzk_page(chzzk[:1])])
    vods_ids = [f"twitch-{PAGED}", f"twitch-{ALONE}", "chzzk-77"]
    chat = downloaded([Said(1, GONE_ID, EARLIER, "도서관뒷길"), Said(2, OTHER_ID, OTHER, "yes")], JSON_FILE)
    (home / "inbox" / "stream_chats" / "done").mkdir(parents=True)
    (home / "inbox" / "stream_chats" / "done" / "chat.json").write_bytes(chat)
    chat_files.import_chat_file(workspace, "chat.json", chat)
    see_videos(workspace, [SeenVideos("twitch", STREAMER_ID, [video("twitch", TEXT)], BEGUN, whole=False)])
    workspace.vault.write("twitch", f"twitch-{TEXT}", VIDEO_PART, video_bytes(video("twitch", TEXT)))
    lines = [f"[0:00:01] {GONE}: zebrafish one", "quicksilver of the same", f"[0:00:50] {OTHER}: Kappa", ""]
    chat_files.import_chat_file(workspace, f"{TEXT}.txt", "\n".join(lines).encode())
    _hear(home)
    (live_id,) = live.take_up(workspace, "twitch")
    parse_all(workspace)
    first = next(row["message_id"] for row in rows_of(workspace, MESSAGES) if row["author_ref"] == GONE_ID)
    LabelLog(workspace.database).correct(first, True, by="kim", comment="no")
    publish_all(workspace)
    assert {*vods_ids, live_id} < set(workspace.lake.files(MESSAGES))
    # So that every copy makes the same pseudonyms.
    files.kept_key(home / KEY_FILE)
    (home / LIST_FILE).write_text("[]", encoding="utf-8")
    workspace.database.dispose()
    return home


def _archive(workspace: Workspace, one: Video, bodies: list[bytes]) -> None:
    """Pages as they are read, and their place in the ledger."""
    workspace.vault.write(one.platform, one.conversation_id, VIDEO_PART, video_bytes(one))
    see_videos(workspace, [SeenVideos(one.platform, one.channel_id, [one], BEGUN, whole=False)])
    workspace.ledger.announce([vods.announced(workspace, one)])
    archive = PageArchive(workspace, one.platform, one.conversation_id, revision(one), 0)
    for n, body in enumerate(bodies):
        archive.add(str(n), ChatPage(body, 2, None if n + 1 == len(bodies) else str(n + 1)))
        archive.flush()
    workspace.ledger.mark_fetched(
        one.conversation_id, strategy="api", payload_sha256="0" * 64, fetched_at=BEGUN
    )


def _hear(home: Path) -> None:
    folder = home / "live" / "twitch" / "ganada"
    folder.mkdir(parents=True)
    (folder / "2026-03-02T20").write_text("\n".join([*HEARD, ""]), encoding="utf-8")


def parse_all(workspace: Workspace) -> None:
    """As a run does it, whatever the ledger says."""
    for platform in ("twitch", "chzzk"):
        ids = workspace.ledger.ids(platform)
        ways: dict[str, Callable[..., Any]] = {}
        for one in ids:
            if live.is_live(workspace, one):
                ways[one] = live.parse_captured
            elif chat_files.is_from_file(workspace, platform, one):
                ways[one] = chat_files.parse_file
        outcomes = list(parse(workspace, platform, [one for one in ids if one not in ways]))
        outcomes += [way(workspace, platform, one) for one, way in sorted(ways.items())]
        assert [str(one.error) for one in outcomes if one.state != "parsed"] == []
        for one in ids:
            tokenise(workspace, one)
        predict(workspace, ids)


def publish_all(workspace: Workspace) -> None:
    load_conversations(workspace)
    load_streams(workspace)
    publish(workspace)


def erase_all(workspace: Workspace, viewer: str = f"twitch:{GONE_ID}", *, raw: bool = False) -> Viewer:
    """As the command does it."""
    found = find_viewer(workspace, viewer)
    entry = erase(workspace, found, by="kim", raw=raw)
    publish_all(workspace)
    finish(workspace, found, entry)
    return found


def erase_both(workspace: Workspace, *, raw: bool = False) -> None:
    """On both platforms: two viewers for the platform, one person for the test."""
    erase_all(workspace, raw=raw)
    erase_all(workspace, f"chzzk:{CHZZK_GONE}", raw=raw)


@pytest.fixture
def home(streamed: Path, tmp_path: Path) -> Iterator[Workspace]:
    found = copied(streamed, tmp_path / "home")
    yield found
    found.database.dispose()


def holding(workspace: Workspace, words: tuple[str, ...] = WORDS) -> set[str]:
    return erasures.holding(workspace.settings.home, words)


def state(workspace: Workspace) -> dict[str, Any]:
    published = ("core.messages", "core.participants", "core.emote_uses", "core.tokens")
    return erasures.state(workspace, published)


def counts(workspace: Workspace) -> dict[str, Any]:
    """What an erasure leaves: how much of everything there is, and when."""
    counted = {
        spec.full_name: [
            (row["conversation_id"], row.get("reason"), row.get("sent_at"), row.get("offset_s"), row.get("removed"))
            for row in rows_of(workspace, spec)
        ]
        for spec in (MESSAGES, QUARANTINE)
    }  # fmt: skip
    entries = [workspace.ledger.get(one) for one in workspace.ledger.ids("twitch")]
    names = ("conversation_id", "state", "records", "messages", "removals", "quarantined", "duplicates")
    people = {(row["conversation_id"], row["identity_id"]) for row in rows_of(workspace, PARTICIPANTS)}
    return {
        **{name: sorted(map(str, rows)) for name, rows in counted.items()},
        "ledger": [{name: entry[name] for name in names} for entry in entries],
        "chatters": len(people),
        "unaccounted": [unaccounted(entry) for entry in entries],
    }


def emotes(workspace: Workspace) -> list[tuple[Any, ...]]:
    return sorted(
        (r["conversation_id"], r["provider"], r["code"], r["uses"], str(r["sent_at"]))
        for r in rows_of(workspace, EMOTE_USES)
    )


def test_the_home_holds_them_everywhere_before(home: Workspace) -> None:
    found = holding(home)
    tables = ("core/messages", "core/participants", "core/tokens", "core/emote_uses", "core/quarantine")
    beside = ("raw/twitch", "raw/chzzk", "live/twitch", "stream_chats/done", "warehouse/build", "published")
    for part in (*tables, *beside):
        assert any(part in name for name in found), part
    assert not any(ALONE in name for name in found)
    assert {f"raw/twitch/twitch-{one}" for one in (PAGED, TEXT, JSON_FILE)} <= {
        "/".join(name.split("/")[1:4]) for name in found
    }


def test_a_dry_look_counts_and_writes_nothing(home: Workspace) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.settings.home.rglob("*.parquet")}
    viewer = find_viewer(home, f"twitch:{GONE_ID}")
    found = examine(home, viewer)
    assert viewer.names == (GONE_ID, EARLIER, GONE)
    assert (found.lake["core.messages"], found.lake["core.participants"]) == (5, 4)
    assert found.lake["core.emote_uses"] == 3
    assert found.lake["core.tokens"] > 4
    assert found.database == {"label_corrections": 1}
    assert found.mentions == 2
    assert sorted({name.split("/")[1] for name in found.raw}) == sorted(
        one for one in home.ledger.ids("twitch") if ALONE not in one
    )
    assert [path.name for path in found.files] == ["2026-03-02T20", "chat.json"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert home.erasures.entries() == []


def test_after_an_erasure_only_what_is_named_holds_them(home: Workspace) -> None:
    found = [examine(home, find_viewer(home, who)) for who in (f"twitch:{GONE_ID}", f"chzzk:{CHZZK_GONE}")]
    erase_both(home)
    named = {f"lake/raw/{name}.zst" for one in found for name in one.raw}
    named |= {str(path.relative_to(home.settings.home)) for one in found for path in one.files}
    assert holding(home) == named != set()
    assert home.publication.numbers() == [home.publication.current().number]
    authors = {row["author_name"] for row in rows_of(home, MESSAGES)} - {OTHER, NICK}
    assert authors and all(map(is_pseudonym, authors))


def test_with_raw_no_file_holds_them_and_others_are_archived_as_before(home: Workspace) -> None:
    erase_both(home, raw=True)
    assert holding(home) == set()
    texts = sorted(row["text"] for row in rows_of(home, MESSAGES))
    parse_all(home)
    assert sorted(row["text"] for row in rows_of(home, MESSAGES)) == texts
    assert f"@{GONE} 누구 Kappa" in texts and "같은 이름" in texts
    assert "" in texts


@pytest.mark.exhaustive
def test_raw_may_be_asked_for_later(home: Workspace) -> None:
    erase_both(home)
    assert find_viewer(home, f"twitch:{GONE}").is_done
    erase_both(home, raw=True)
    assert holding(home) == set()


@pytest.mark.exhaustive
@pytest.mark.parametrize("raw", [False, True])
def test_every_count_stays_also_when_chats_are_parsed_anew(home: Workspace, raw: bool) -> None:
    """Nothing is lost: records, gaps, removals and chatters are those from before."""
    before, used = counts(home), emotes(home)
    assert [entry["quarantined"] for entry in before["ledger"]].count(1) == 1
    erase_both(home, raw=raw)
    assert (counts(home), emotes(home)) == (before, used)
    parse_all(home)
    assert counts(home) == before
    # Of what is taken out of the archive no emote can be counted any more.
    assert (emotes(home) == used) is not raw
    assert set(emotes(home)) <= set(used)
    assert set(before["unaccounted"]) == {0}
    assert holding(home, (*SECRETS, GONE_ID)) & {f"lake/{path}" for path in ("core", "ml")} == set()


@pytest.mark.exhaustive
@pytest.mark.parametrize("raw", [False, True])
def test_parsing_anew_brings_nobody_back(home: Workspace, raw: bool) -> None:
    erase_both(home, raw=raw)
    held = holding(home)
    assert raw is not bool(held)
    columns = ("conversation_id", "message_id", "identity_id", "text", "sent_at")
    said = [tuple(row[name] for name in columns) for row in rows_of(home, MESSAGES)]
    parse_all(home)
    publish_all(home)
    assert holding(home) <= held
    again = [tuple(row[name] for name in columns) for row in rows_of(home, MESSAGES)]
    # A text file has no ids: a message is known by its text there, which the archive does not have any more.
    lost = {one for one in said if one[0] == f"twitch-{TEXT}" and not one[3]} if raw else set()
    assert set(said) - lost <= set(again)
    assert sorted(one[2] for one in again) == sorted(one[2] for one in said)


def test_what_they_write_later_is_taken_in_without_text_and_name(home: Workspace) -> None:
    erase_all(home)
    later = downloaded(
        [Said(1, GONE_ID, "newnick_x", "zebrafish again"), Said(2, OTHER_ID, OTHER, "hi")], "2000000009"
    )
    found = chat_files.import_chat_file(home, "later.json", later)
    assert chat_files.parse_file(home, "twitch", found.conversation_id).state == "parsed"
    rows = home.lake.read(MESSAGES, found.conversation_id).to_pylist()
    assert [row["text"] for row in rows] == ["", "hi"]
    assert is_pseudonym(rows[0]["author_name"])
    text = f"[0:00:01] {GONE.upper()}: quicksilver\n[0:00:02] {EARLIER}: zebrafish\n"
    home.vault.write("twitch", "twitch-2000000010", VIDEO_PART, video_bytes(video("twitch", "2000000010")))
    found = chat_files.import_chat_file(home, "2000000010.txt", text.encode())
    chat_files.parse_file(home, "twitch", found.conversation_id)
    assert home.lake.read(MESSAGES, found.conversation_id)["text"].to_pylist() == ["", ""]


@pytest.mark.exhaustive
def test_others_and_chats_without_them_are_not_touched(home: Workspace) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.settings.home.rglob("*") if ALONE in path.name}
    others = [row for row in rows_of(home, MESSAGES) if row["author_ref"] in (OTHER_ID, CHZZK_OTHER)]
    erase_both(home, raw=True)
    assert len(before) >= 5
    assert {path: path.stat().st_mtime_ns for path in before} == before
    left = [row for row in rows_of(home, MESSAGES) if row["author_ref"] in (OTHER_ID, CHZZK_OTHER)]
    assert left == others


@pytest.mark.exhaustive
def test_a_second_run_changes_nothing(home: Workspace) -> None:
    erase_both(home, raw=True)
    before = state(home)
    written = {path: path.stat().st_mtime_ns for path in (home.settings.home / "lake").rglob("*")}
    viewer = find_viewer(home, f"twitch:{GONE_ID}")
    found = examine(home, viewer)
    assert (found.lake, found.database, found.raw, found.files, viewer.is_done) == ({}, {}, (), (), True)
    erase_both(home, raw=True)
    assert state(home) == before
    changed = {path for path, at in written.items() if path.is_file() and path.stat().st_mtime_ns != at}
    assert {path.parent.name for path in changed} <= {"conversations"}


def test_the_list_holds_no_id_and_no_name(home: Workspace) -> None:
    erase_both(home)
    text = (home.settings.home / LIST_FILE).read_text(encoding="utf-8")
    assert not any(word in text for word in (*WORDS, GONE, identity_id("twitch", GONE_ID)))


@pytest.mark.parametrize("who", [f"twitch:{GONE_ID}", f"twitch:{GONE}", f"twitch:@{EARLIER.upper()}"])
def test_an_account_is_found_by_id_and_by_every_name(home: Workspace, who: str) -> None:
    found = find_viewer(home, who)
    assert identity_id("twitch", GONE_ID) in found.identities
    assert found.names == (GONE_ID, EARLIER, GONE)
    erase_all(home, who)
    assert find_viewer(home, who).is_done
    assert find_viewer(home, f"twitch:{GONE_ID}").is_done


def test_a_login_that_no_chat_shows_is_asked_for(home: Workspace) -> None:
    found = find_viewer(home, f"twitch:{LOGIN}", lambda platform, login: {LOGIN: GONE_ID}.get(login))
    assert identity_id("twitch", GONE_ID) in found.identities


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (GONE, "CP-STREAM-023"),
        ("twitch:", "CP-STREAM-023"),
        ("youtube:somebody", "CP-STREAM-023"),
        ("twitch:nobody", "CP-STREAM-023"),
        (f"chzzk:{NICK}", "CP-STREAM-024"),
    ],
)
def test_who_is_not_known_or_not_the_only_one_is_refused(home: Workspace, who: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        find_viewer(home, who)
    assert caught.value.code == code


def test_of_a_streamer_who_writes_the_chat_goes_and_the_channel_stays(home: Workspace) -> None:
    page = twitch_page([Said(1, STREAMER_ID, "가나다TV", "quicksilver hello ")], 0)
    _archive(home, video("twitch", "2000000008"), [page])
    parse_all(home)
    channels = rows_of(home, CHANNELS)
    found = erase_all(home, "twitch:ganada")
    assert found.channel == "가나다TV"
    assert home.lake.read(MESSAGES, "twitch-2000000008")["text"].to_pylist() == [""]
    assert rows_of(home, CHANNELS) == channels


@pytest.mark.exhaustive
def test_while_somebody_listens_files_that_are_written_to_are_not_rewritten(home: Workspace) -> None:
    listening, end = threading.Event(), threading.Event()

    class Listener:
        silences = ()

        def lines(self, stop: Callable[[], bool]) -> Iterator[str]:
            listening.set()
            end.wait(30)
            return iter(())

    source = live.live_source("twitch")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(source), "listen", lambda *_: Listener())
        thread = threading.Thread(target=lambda: live.capture(home.settings, "twitch", ["another"]))
        thread.start()
        try:
            assert listening.wait(30)
            with pytest.raises(InputError, match="CP-STREAM-025"):
                erase_all(home, raw=True)
            assert home.erasures.entries() == [], "nothing was begun"
            erase_all(home)
        finally:
            end.set()
            thread.join(30)
    erase_all(home, raw=True)
    assert not any(name.startswith("live/") for name in holding(home))


@pytest.mark.parametrize("spec", [MESSAGES, EMOTE_USES], ids=lambda spec: spec.name)
def test_what_a_killed_parse_left_is_found_although_no_participant_tells(
    home: Workspace, spec: TableSpec
) -> None:
    conversation = f"twitch-{ALONE}"
    rows = home.lake.read(spec, f"twitch-{PAGED}").to_pylist()
    if spec is EMOTE_USES:
        # Written before the participants, and not again after them.
        home.lake.write(
            spec, spec.table(row | {"conversation_id": conversation} for row in rows), conversation
        )
        time.sleep(0.02)
        home.lake.write(PARTICIPANTS, home.lake.read(PARTICIPANTS, conversation), conversation)
    else:
        time.sleep(0.02)
        home.lake.write(
            spec, spec.table(row | {"conversation_id": conversation} for row in rows), conversation
        )
    before = examine(home, find_viewer(home, f"twitch:{GONE_ID}")).lake[spec.full_name]
    erase(home, find_viewer(home, f"twitch:{GONE_ID}"), by="kim")
    left = home.lake.read(spec, conversation)["identity_id"].to_pylist()
    assert before > len(left) - left.count(identity_id("twitch", OTHER_ID)) > 0
    assert identity_id("twitch", GONE_ID) not in left


@pytest.mark.exhaustive
def test_what_is_archived_and_not_parsed_yet_is_rewritten_too(home: Workspace) -> None:
    lines = [Said(1, GONE_ID, GONE, "비밀일기장 "), Said(2, OTHER_ID, OTHER, "hello ")]
    _archive(home, video("twitch", "2000000007"), [twitch_page(lines, 0)])
    erase_both(home, raw=True)
    assert not any("2000000007" in name for name in holding(home))
    (part,) = [one for one in home.vault.parts("twitch", "twitch-2000000007") if one.startswith(pages.PREFIX)]
    assert b"hello" in home.vault.read("twitch", "twitch-2000000007", part)


def test_what_was_not_published_anew_is_not_finished(home: Workspace) -> None:
    found = find_viewer(home, f"twitch:{GONE_ID}")
    entry = erase(home, found, by="kim")
    with pytest.raises(InputError, match="CP-PEOPLE-022"):
        finish(home, found, entry)
    assert [one.done_at for one in home.erasures.entries()] == [None]


def erasing(streamed: Path, *, raw: bool) -> Erasing:
    return Erasing(
        streamed,
        lambda workspace: erase_all(workspace, raw=raw),
        lambda workspace: Left(state(workspace), holding(workspace, ON_TWITCH)),
    )


@pytest.fixture(scope="module")
def undisturbed(
    request: pytest.FixtureRequest, streamed: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Erasing, Left]:
    """Every moment is tried in one of two ways: the odd ones with archives, the even ones without."""
    way = erasing(streamed, raw=request.param)
    return way, way.undisturbed(tmp_path_factory.mktemp("undisturbed") / "home")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("undisturbed", "first"),
    [(first % 2 == 1, first) for first in range(1, STRIDE + 1)],
    indirect=["undisturbed"],
)
def test_killed_at_any_moment_the_same_command_completes_it(
    undisturbed: tuple[Erasing, Left], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    way, expected = undisturbed
    assert way.killed_at_every(first, STRIDE, expected, tmp_path / "home", monkeypatch) > 40


@pytest.mark.parametrize("number", [14, 36])
def test_killed_at_some_moments_the_same_command_completes_it(
    streamed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    finished, left = erasing(streamed, raw=True).killed(number, tmp_path / "home", monkeypatch)
    assert not finished
    assert left.files == set()


def test_the_busiest_viewer_of_a_platform_is_erased_and_stays_away(
    workspace, world, twitch, connect, clock
) -> None:
    """From the simulated platform to the tables, erased, and read from the platform again."""
    platform = connect(twitch())
    take_list(workspace, platform, csv_of(world, world.everybody()[:3]), clock)
    discover(workspace, platform, since=world.first_day, clock=clock)
    due = workspace.ledger.due("twitch")
    fetch(workspace, platform, due)
    parse_all(workspace)
    publish_all(workspace)
    written: dict[str, int] = {}
    for row in rows_of(workspace, MESSAGES):
        if row["author_ref"]:
            written[row["author_ref"]] = written.get(row["author_ref"], 0) + 1
    busiest = max(written, key=lambda account: (written[account], account))
    names = {row["author_name"] for row in rows_of(workspace, MESSAGES) if row["author_ref"] == busiest}
    before, used = counts(workspace), emotes(workspace)
    erase_all(workspace, f"twitch:{busiest}", raw=True)
    assert (counts(workspace), emotes(workspace)) == (before, used)
    assert written[busiest] > 5
    assert f'"{busiest}"' not in "".join(map(readable, (workspace.settings.home / "lake").rglob("*.zst")))
    # The last page of each chat is read again, and holds them once more.
    fetch(workspace, platform, due, refetch=True)
    parse_all(workspace)
    rows = rows_of(workspace, MESSAGES)
    assert len(rows) == len(before["core.messages"])
    assert busiest not in {row["author_ref"] for row in rows}
    assert names.isdisjoint({row["author_name"] for row in rows})
    gone = hashlib.sha256(busiest.encode()).hexdigest()
    assert gone not in json.dumps(rows, default=str)
