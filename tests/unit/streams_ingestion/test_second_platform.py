"""The same steps for CHZZK: nothing in them knows which platform it is."""

from __future__ import annotations

from pydantic import SecretStr

from chat_platform.ingestion.streams.emotes import refresh_emotes
from chat_platform.ingestion.streams.snapshots import snapshot_day
from chat_platform.ingestion.streams.vods import discover, fetch, parse
from chat_platform.simulators.chzzk_server import ChzzkServer
from chat_platform.sources.streams.chzzk.platform import ChzzkPlatform
from chat_platform.sources.streams.port import Connection
from chat_platform.storage.ledger import unaccounted
from chat_platform.tables.class_chat import MESSAGES
from chat_platform.tables.streams import CHANNEL_SNAPSHOTS, CHANNELS, EMOTE_USES
from tests.unit.streams.conftest import CLIENT_ID, CLIENT_SECRET
from tests.unit.streams_ingestion.stream_steps import rows_of, take_list


def test_from_the_list_to_counted_emotes(workspace, world, clock, tmp_path):
    streamers = world.everybody()[:2]
    with ChzzkServer(world, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as server:
        connection = Connection(
            workspace=tmp_path / "budgets",
            client_id=SecretStr(CLIENT_ID),
            client_secret=SecretStr(CLIENT_SECRET),
            base_urls=server.base_urls(),
            clock=clock,
        )
        platform = ChzzkPlatform(connection)
        lines = [f"{s.display_name},https://chzzk.naver.com/{s.chzzk_id}" for s in streamers]
        take_list(workspace, platform, "\n".join(["이름,주소", *lines]).encode(), clock)
        snapshot_day(workspace, platform, world.today, clock=clock)
        refresh_emotes(workspace, platform, None, [s.chzzk_id for s in streamers], world.today)
        found = discover(workspace, platform, since=world.first_day, clock=clock).videos
        fetch(workspace, platform, found)
        platform.close()
        counts = [one.parsed.counts() for one in parse(workspace, platform.name, found)]
    assert {row["channel_id"] for row in rows_of(workspace, CHANNELS)} == {s.chzzk_id for s in streamers}
    figures = {r["channel_id"]: (r["followers"], r["views"]) for r in rows_of(workspace, CHANNEL_SNAPSHOTS)}
    assert figures == {s.chzzk_id: (world.followers(s), None) for s in streamers}
    written = sum(len(world.chat(video)) for s in streamers for video in world.videos(s))
    assert len(rows_of(workspace, MESSAGES)) == sum(c["messages"] for c in counts) == written > 0
    assert {unaccounted(workspace.ledger.get(i)) for i in found} == {0}
    truth = sum(sum(world.native_uses(v).values()) for s in streamers for v in world.videos(s))
    native = [row["uses"] for row in rows_of(workspace, EMOTE_USES) if row["provider"] == "native"]
    assert sum(native) == truth > 0
