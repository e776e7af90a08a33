"""Files of chat become the conversation that the platform's own chat of the video would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from chat_platform.errors import InputError
from chat_platform.ingestion.streams.chat_files import import_chat_file, is_from_file, parse_file
from chat_platform.ingestion.streams.vods import discover, fetch, parse
from chat_platform.simulators.stream_generator import GeneratedVideo, StreamWorld
from chat_platform.simulators.twitch_server import downloader_json
from chat_platform.storage.workspace import Workspace
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.tables.streams import EMOTE_USES, VIDEOS

SAID = ("message_id", "identity_id", "author_name", "sent_at", "offset_s", "text", "clean_text")


@pytest.fixture
def video(world: StreamWorld) -> GeneratedVideo:
    return next(v for s in world.everybody() for v in world.videos(s) if world.native_uses(v))


def as_file(world: StreamWorld, video: GeneratedVideo, share: float = 1.0) -> bytes:
    """The chat as TwitchDownloaderCLI writes it; a share of it."""
    whole = downloader_json(world, video)
    kept = whole["comments"][: round(len(whole["comments"]) * share)]
    return json.dumps(whole | {"comments": kept}, ensure_ascii=False).encode()


def as_text(world: StreamWorld, video: GeneratedVideo) -> bytes:
    """The same as text, by seconds from the start."""
    lines = []
    for comment in world.chat(video):
        minutes, second = divmod(comment.offset_ms // 1000, 60)
        name = comment.viewer.display_name if comment.viewer else "nobody"
        lines.append(f"[{minutes // 60}:{minutes % 60:02}:{second:02}] {name}: {comment.text}")
    return "\n".join(lines).encode()


def said(workspace: Workspace, video: GeneratedVideo) -> list[tuple[object, ...]]:
    rows = workspace.lake.read(MESSAGES, f"twitch-{video.video_id}").to_pylist()
    return [tuple(row[name] for name in SAID) for row in rows]


def uses(workspace: Workspace, video: GeneratedVideo) -> list[str]:
    rows = workspace.lake.read(EMOTE_USES, f"twitch-{video.video_id}").to_pylist()
    return sorted(json.dumps(row, default=str) for row in rows)


def imported(workspace: Workspace, data: bytes, name: str = "chat.json") -> str:
    """Import a file and parse it; gives its conversation."""
    found = import_chat_file(workspace, name, data)
    assert parse_file(workspace, "twitch", found.conversation_id).state == "parsed"
    return found.conversation_id


def test_a_file_gives_what_the_chat_by_its_cursor_gives(
    world: StreamWorld,
    video: GeneratedVideo,
    new_workspace: Callable[[str], Workspace],
    connect,
    twitch,
    clock,
) -> None:
    asked = new_workspace("asked")
    platform = connect(twitch())
    streamer = world.everybody()[video.streamer]
    discover(asked, platform, since=world.first_day, channel_ids=[streamer.channel_id], clock=clock)
    fetch(asked, platform, [f"twitch-{video.video_id}"])
    assert [one.state for one in parse(asked, "twitch", [f"twitch-{video.video_id}"])] == ["parsed"]
    given = new_workspace("given")
    assert imported(given, as_file(world, video)) == f"twitch-{video.video_id}"
    assert said(given, video) == said(asked, video) != []
    assert uses(given, video) == uses(asked, video) != []
    (row,) = given.lake.read(VIDEOS).to_pylist()
    assert (row["video_id"], row["channel_id"]) == (video.video_id, streamer.channel_id)


def test_the_same_file_changes_nothing_and_another_of_its_video_replaces_it(
    world: StreamWorld, video: GeneratedVideo, workspace: Workspace
) -> None:
    half, whole = as_file(world, video, 0.5), as_file(world, video)
    conversation = imported(workspace, half)
    before = said(workspace, video)
    assert 0 < len(before) < len(world.chat(video))
    again = import_chat_file(workspace, "other.json", half)
    assert not again.new and workspace.ledger.get(conversation)["state"] == "parsed"
    assert import_chat_file(workspace, "chat.json", whole, dry_run=True).new
    assert workspace.ledger.get(conversation)["state"] == "parsed", "a dry run only looks"
    assert import_chat_file(workspace, "chat.json", whole).new
    assert workspace.ledger.due("twitch") == [conversation]
    parse_file(workspace, "twitch", conversation)
    assert len(said(workspace, video)) == len(world.chat(video))
    assert workspace.ledger.ids("twitch") == [conversation]


def test_a_file_replaces_fetched_chat_and_counts_until_the_video_has_another_length(
    world: StreamWorld, video: GeneratedVideo, workspace: Workspace, connect, twitch, clock
) -> None:
    platform, channel = connect(twitch()), world.everybody()[video.streamer].channel_id
    conversation = f"twitch-{video.video_id}"

    def look() -> list[str]:
        return discover(workspace, platform, since=world.first_day, channel_ids=[channel], clock=clock).videos

    look()
    fetch(workspace, platform, [conversation])
    list(parse(workspace, "twitch", [conversation]))
    assert not is_from_file(workspace, "twitch", conversation)
    imported(workspace, as_file(world, video, 0.5))
    assert is_from_file(workspace, "twitch", conversation)
    assert len(said(workspace, video)) < len(world.chat(video))
    assert conversation not in look(), "its length is the same"
    longer = replace(video, duration_s=video.duration_s + 60)
    world.videos = lambda streamer: [longer]
    assert look() == [conversation]
    assert not is_from_file(workspace, "twitch", conversation)


def test_a_text_file_needs_to_know_its_video(
    world: StreamWorld, video: GeneratedVideo, workspace: Workspace
) -> None:
    text = as_text(world, video)
    with pytest.raises(InputError) as refused:
        import_chat_file(workspace, f"{video.video_id}.txt", text)
    assert refused.value.code == "CP-TWITCH-003"
    assert workspace.ledger.ids("twitch") == []
    imported(workspace, as_file(world, video, 0.1))
    assert imported(workspace, text, f"night {video.video_id} chat.txt") == f"twitch-{video.video_id}"
    assert [row[5] for row in said(workspace, video)] == [c.text for c in world.chat(video)]
    found = import_chat_file(workspace, "chat.txt", text + b"\n", video_id=video.video_id)
    assert (found.conversation_id, found.new) == (f"twitch-{video.video_id}", True)


def test_emotes_that_came_with_a_file_count_where_no_list_has_them(
    world: StreamWorld, video: GeneratedVideo, workspace: Workspace
) -> None:
    whole = downloader_json(world, video)
    words = [word for comment in whole["comments"] for word in comment["message"]["body"].split()]
    held = {"id": "x1", "name": "bearDance", "url": "https://cdn.betterttv.net/emote/x1/2x"}
    whole["embeddedData"]["thirdParty"] = [held]
    imported(workspace, json.dumps(whole).encode())
    rows = workspace.lake.read(EMOTE_USES, f"twitch-{video.video_id}").to_pylist()
    counted = sum(row["uses"] for row in rows if (row["provider"], row["code"]) == ("bttv", "bearDance"))
    assert counted == words.count("bearDance") > 0


def test_what_is_no_chat_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError) as refused:
        import_chat_file(workspace, "x.json", b'{"a": 1}')
    assert refused.value.code == "CP-TWITCH-001"
    assert workspace.ledger.rows() == []
