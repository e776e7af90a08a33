"""Emotes of TwitchDownloader files: the quick way and the parser of the format count the same."""

from __future__ import annotations

import codecs
import gzip
import json
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chat_platform.errors import InputError
from chat_platform.ingestion import emote_files
from chat_platform.ingestion.emote_files import count_files, read_chat
from chat_platform.sources.records import nfc
from chat_platform.sources.streams.twitch.downloader_json import erase_from_json
from chat_platform.storage.erasures import ErasureList
from chat_platform.storage.lake import Lake
from chat_platform.tables.ids import identity_id, is_pseudonym
from chat_platform.tables.streams import EMOTE_USES, EMOTES
from chat_platform.text.emotes import CHAT, RepeatingChat, emote_uses, repeated_emote_uses

SEOUL = "Asia/Seoul"
EMOTE_ROWS = EMOTES.table(
    {
        "platform": "twitch",
        "provider": provider,
        "emote_id": f"{provider} {code}",
        "code": code,
        "scope": "channel",
        "channel_id": "42",
    }
    for provider, code in (("7tv", "Pog"), ("bttv", "wakHi"), ("ffz", "한글"))
)
File = dict[str, Any]


def comment(number: int, *words: str, native: tuple[str, ...] = ("wakHi",), **more: Any) -> File:
    """A comment; words among ``native`` are marked in its fragments."""
    fragments: list[File] = []
    for word in words:
        hit = {"emoticon_id": f"id of {word}"} if word in native else None
        fragments += [{"text": " ", "emoticon": None}] if fragments else []
        fragments.append({"text": word, "emoticon": hit})
    return {
        "_id": f"c{number}",
        "created_at": f"2026-03-02T14:59:{number:02}.5Z",
        "channel_id": "42",
        "content_id": "7",
        "content_offset_seconds": float(number),
        "commenter": {
            "display_name": f"뷰어{number % 3}",
            "_id": str(100 + number % 3),
            "name": "v",
            "bio": None,
        },
        "message": {
            "body": " ".join(words),
            "bits_spent": 0,
            "fragments": fragments,
            "user_badges": [{"_id": "subscriber", "version": "12"}, {"_id": "bits", "version": "1"}],
            "emoticons": [{"_id": "x", "begin": 0, "end": 6}],
        },
    } | more


def file_of(*comments: File, **more: Any) -> File:
    return {
        "FileInfo": {"Version": {"Major": 1, "Minor": 4, "Patch": 0}},
        "streamer": {"name": "가나다", "login": "ganada", "id": 42},
        "video": {"title": '"comments":[ {', "id": "7", "created_at": "2026-03-02T14:00:00Z", "length": 9000},
        "comments": list(comments),
        "embeddedData": {"thirdParty": [{"name": "]"}], "firstParty": [], "twitchBadges": []},
    } | more


def usual() -> File:
    return file_of(
        comment(0, "wakHi", "Pog", "wakHi", "네"),
        comment(1, '"body":"Pog"', "\\", "Pog", "],", "👍🏽"),
        comment(2, "pog", "wakHi", native=()),
        comment(3, "한글", "Pog\u3000Pog"),
        comment(4, '],"embeddedData":', "Pog"),
    )


def written(tmp_path: Path, content: File | bytes, name: str = "chat.json") -> Path:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    return path


def every_message(chat: RepeatingChat) -> pa.Table:
    """As a table in which what is said stands as often as it was said."""
    said = chat.said.take(pa.array(chat.said_of_message))
    columns = {name: said[name] if name in said.column_names else chat.messages[name] for name in CHAT.names}
    return pa.table(columns).cast(CHAT)


def counted(chat: RepeatingChat) -> list[tuple[str, str, str, int]]:
    table = EMOTE_USES.conform(repeated_emote_uses(chat, EMOTE_ROWS, zone=SEOUL))
    assert table.equals(EMOTE_USES.conform(emote_uses(every_message(chat), EMOTE_ROWS, zone=SEOUL)))
    return [(r["message_id"], r["emote_id"], r["code"], r["uses"]) for r in table.to_pylist()]


def by_the_parser(path: Path) -> tuple[str, RepeatingChat]:
    return emote_files._parsed(path)


def test_a_file_is_counted_as_it_reads(tmp_path: Path) -> None:
    conversation_id, chat = read_chat(written(tmp_path, usual()))
    assert conversation_id == "twitch-7"
    assert set(chat.messages["channel_id"].to_pylist()) == {"42"}
    assert chat.messages["identity_id"][1].as_py() == identity_id("twitch", "101")
    assert counted(chat) == [
        ("twitch-c0", "id of wakHi", "wakHi", 2),
        ("twitch-c0", "7tv Pog", "Pog", 1),
        ("twitch-c1", "7tv Pog", "Pog", 1),
        ("twitch-c1", "👍", "👍🏽", 1),
        ("twitch-c2", "bttv wakHi", "wakHi", 1),
        ("twitch-c3", "7tv Pog", "Pog", 2),
        ("twitch-c3", "ffz 한글", "한글", 1),
        ("twitch-c4", "7tv Pog", "Pog", 1),
    ]


def test_a_file_larger_than_a_part_is_read_to_its_end(tmp_path: Path) -> None:
    count = 8_000
    said = (comment(n, "Pog", "네", created_at="2026-03-02T14:59:00Z") for n in range(count))
    path = written(tmp_path, file_of(*said))
    assert path.stat().st_size > 3 * emote_files._PART_BYTES
    _, chat = read_chat(path)
    assert chat.messages["message_id"].to_pylist() == [f"twitch-c{n}" for n in range(count)]


def _spaced(content: File) -> bytes:
    return json.dumps(content, indent=1).encode()


ORDINARY: dict[str, Callable[[], File | bytes]] = {
    "as written": usual,
    "with blanks and escapes": lambda: _spaced(usual()),
    "gzip": lambda: gzip.compress(_spaced(usual())),
    "BOM": lambda: codecs.BOM_UTF8 + _spaced(usual()),
    "UTF-16": lambda: codecs.BOM_UTF16_LE + _spaced(usual()).decode().encode("utf-16-le"),
    "UTF-16 without BOM": lambda: _spaced(usual()).decode().encode("utf-16-le"),
    "no comments": file_of,
    "older emotes": lambda: {
        ("emotes" if key == "embeddedData" else key): value for key, value in usual().items()
    },
    "nothing behind the comments": lambda: {k: v for k, v in usual().items() if k != "embeddedData"},
    "a comment twice": lambda: file_of(comment(0, "Pog"), comment(1, "wakHi"), comment(0, "Pog", "Pog")),
    "deleted account": lambda: file_of(comment(0, "Pog", commenter=None)),
    "account without an id": lambda: file_of(
        comment(0, "Pog", commenter={"display_name": unicodedata.normalize("NFD", "가나")}),
        comment(1, "Pog", commenter={"_id": "", "display_name": "", "name": "login"}),
    ),
    "decomposed text": lambda: file_of(comment(0, unicodedata.normalize("NFD", "한글"), "👍")),
    "what stands between comments, within one": lambda: file_of(
        comment(0, '}},{"_id":"c9"', "Pog"),
        comment(1, "Pog", more={"a": {"b": {}}, "list": [{"_id": 1}, {"_id": 2}]}),
        comment(2, "}},{", "Pog"),
    ),
    "long fractions": lambda: file_of(comment(0, "Pog", created_at="2026-03-02T14:59:00.1234567Z")),
}
UNUSUAL: dict[str, Callable[[], File | bytes]] = {
    "numbers for ids": lambda: file_of(comment(0, "Pog", _id=5)),
    "no time": lambda: file_of(comment(0, "Pog", created_at=None), comment(1, "Pog")),
    "no id": lambda: file_of(comment(0, "Pog", _id=None), comment(1, "Pog")),
    "empty id": lambda: file_of(comment(0, "Pog", _id=""), comment(1, "Pog")),
    "no message": lambda: file_of(comment(0, "Pog", message=None), comment(1, "Pog")),
    "no body": lambda: file_of(comment(0, message={"fragments": [{"text": "Pog", "emoticon": None}]})),
    "no fragments": lambda: file_of(comment(0, message={"body": "Pog"})),
    "fragments of another type": lambda: file_of(comment(0, message={"body": "Pog", "fragments": 3})),
    "a comment that is none": lambda: usual() | {"comments": [comment(0, "Pog"), 3]},
    "NUL": lambda: file_of(comment(0, "Pog", "\0")),
    "half a surrogate": lambda: _spaced(file_of(comment(0, "Pog", "\ud800"))),
    "no video": lambda: file_of(comment(0, "Pog"), video={}),
    "comments first": lambda: {"comments": usual()["comments"]} | usual(),
    "emotes first": lambda: (
        {"embeddedData": {"thirdParty": []}} | {k: v for k, v in usual().items() if k != "embeddedData"}
    ),
}


@pytest.mark.parametrize("part_bytes", [1, emote_files._PART_BYTES])
@pytest.mark.parametrize("content", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_files_take_the_quick_way_to_the_same_result(
    content: Callable[[], File | bytes], part_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, content())
    monkeypatch.setattr(emote_files, "_PART_BYTES", part_bytes)
    expected, expected_chat = by_the_parser(path)
    monkeypatch.setattr(emote_files, "_parsed", lambda path: pytest.fail("the parser was asked"))
    conversation_id, chat = read_chat(path)
    assert conversation_id == expected
    found, wanted = every_message(chat), every_message(expected_chat)
    assert found.drop_columns(["native", "text"]).equals(wanted.drop_columns(["native", "text"]))
    assert [nfc(text) for text in found["text"].to_pylist()] == wanted["text"].to_pylist()
    assert counted(chat) == counted(expected_chat)


@pytest.mark.parametrize("content", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_unusual_files_give_what_the_parser_gives(
    content: Callable[[], File | bytes], tmp_path: Path
) -> None:
    path = written(tmp_path, content())
    conversation_id, chat = read_chat(path)
    expected, expected_chat = by_the_parser(path)
    assert (conversation_id, counted(chat)) == (expected, counted(expected_chat))
    assert counted(chat)
    assert counted(read_chat(written(tmp_path, usual(), "next.json"))[1])


def test_a_list_that_looks_as_if_a_comment_ended_within_one_is_read_by_the_parser(tmp_path: Path) -> None:
    nested = {"list": [{"a": {"b": 1}}, {"_id": "c9"}]}
    path = written(tmp_path, file_of(comment(0, "Pog", **nested), comment(1, "wakHi")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emote_files, "_PART_BYTES", 1)
        _, chat = read_chat(path)
    assert counted(chat) == counted(by_the_parser(path)[1])
    assert chat.messages["message_id"].to_pylist() == ["twitch-c0", "twitch-c1"]


def test_what_is_said_again_on_another_day_is_looked_at_again(tmp_path: Path) -> None:
    said = [
        comment(n, "Pog", "wakHi", created_at=f"2026-03-02T{hour}:30:00Z")
        for n, hour in enumerate((14, 15, 14, 15))
    ]
    _, chat = read_chat(written(tmp_path, file_of(*said)))
    assert chat.said.num_rows == 1
    emotes = EMOTES.conform(
        EMOTE_ROWS.set_column(
            EMOTE_ROWS.column_names.index("valid_from"),
            "valid_from",
            pa.array([date(2026, 3, 3)] * EMOTE_ROWS.num_rows, pa.date32()),
        )
    )
    table = repeated_emote_uses(chat, emotes, zone=SEOUL)
    assert EMOTE_USES.conform(table).equals(emote_uses(every_message(chat), emotes, zone=SEOUL))
    assert [row["message_id"] for row in table.to_pylist() if row["provider"] == "7tv"] == [
        "twitch-c1",
        "twitch-c3",
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_is_not_utf_8_anywhere_is_refused(workers: int, tmp_path: Path) -> None:
    good = written(tmp_path, usual())
    bad = written(tmp_path, good.read_bytes().replace("뷰어0".encode(), b"\xff\xfe"), "bad.json")
    copies = [written(tmp_path, good.read_bytes(), f"{n}.json") for n in range(emote_files._FEW)]
    lake = Lake(tmp_path / "lake")
    outcomes = count_files([bad, *copies], EMOTE_ROWS, lake, zone=SEOUL, workers=workers)
    assert outcomes[bad].code == "CP-TWITCH-001"
    assert [outcomes[path].rows for path in copies] == [8] * len(copies)


@pytest.mark.parametrize("content", [b"", b"{", b"PK\x03\x04", b'{"comments":[{"_id":', b"\x1f\x8b\x00"])
def test_what_is_no_such_file_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_chat(written(tmp_path, content))
    assert caught.value.code == "CP-TWITCH-001"


def test_files_are_replaced_in_the_lake_and_fail_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    files = [written(tmp_path, usual() | {"video": {"id": str(n)}}, f"{n}.json") for n in range(4)]
    broken = written(tmp_path, b"{}", "broken.json")
    outcomes = count_files([*files, broken], EMOTE_ROWS, lake, zone=SEOUL, workers=2)
    assert list(outcomes) == [*files, broken]
    assert [outcomes[path].conversation_id for path in files] == [f"twitch-{n}" for n in range(4)]
    assert {(outcomes[path].messages, outcomes[path].rows, outcomes[path].error) for path in files} == {
        (5, 8, None)
    }
    assert outcomes[broken].code == "CP-TWITCH-001"
    fewer = written(tmp_path, file_of(comment(0, "Pog")) | {"video": {"id": "1"}}, "1.json")
    count_files([fewer], EMOTE_ROWS, lake, zone=SEOUL, workers=1)
    rows = {name: lake.read(EMOTE_USES, name).num_rows for name in lake.files(EMOTE_USES)}
    assert rows == {"twitch-0": 8, "twitch-1": 1, "twitch-2": 8, "twitch-3": 8}


def test_of_who_is_kept_away_emotes_count_and_nothing_says_whose_they_are(tmp_path: Path) -> None:
    path, lake, erasures = written(tmp_path, usual()), Lake(tmp_path / "lake"), ErasureList(tmp_path)
    gone = identity_id("twitch", "101")
    erasures.add(people=(), identities={gone}, names=(), by="kim")
    count_files([path], EMOTE_ROWS, lake, zone=SEOUL, workers=1)
    before = lake.read(EMOTE_USES, "twitch-7")
    count_files([path], EMOTE_ROWS, lake, zone=SEOUL, workers=1, erased=erasures.erased())
    after = lake.read(EMOTE_USES, "twitch-7")
    assert after.drop_columns("identity_id").equals(before.drop_columns("identity_id"))
    pairs = set(zip(before["identity_id"].to_pylist(), after["identity_id"].to_pylist(), strict=True))
    assert {was for was, now in pairs if was != now} == {gone}
    assert all(is_pseudonym(now) for was, now in pairs if was == gone)


def test_a_file_without_somebody_is_read_by_the_quick_way_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.dumps(usual(), ensure_ascii=False, separators=(",", ":")).encode()
    instead = "erased-0123456789abcdef"
    without = erase_from_json(data, "chat.json", lambda key: instead if key == "101" else None)
    path = written(tmp_path, without)
    expected = counted(by_the_parser(path)[1])
    monkeypatch.setattr(emote_files, "_parsed", lambda path: pytest.fail("the parser was asked"))
    _, chat = read_chat(path)
    assert counted(chat) == expected
    rows = every_message(chat).to_pylist()
    assert (rows[1]["identity_id"], rows[1]["text"]) == (instead, "")
    assert len(rows) == 5
