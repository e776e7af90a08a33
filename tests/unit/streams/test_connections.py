"""From settings to open platforms, against every local server at once."""

from __future__ import annotations

import pytest

from chat_platform.errors import StreamError
from chat_platform.settings import Settings
from chat_platform.simulators.stream_generator import StreamWorld
from chat_platform.simulators.stream_world import start_streams
from chat_platform.sources.streams.connections import open_platform, open_third_party_emotes
from chat_platform.sources.streams.registry import platform_specs


@pytest.fixture
def outside(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    with start_streams(StreamWorld(3, streamers=4, days=20)) as servers:
        for name, value in servers.environment().items():
            monkeypatch.setenv(name, value)
        yield servers


def test_every_platform_of_the_registry_opens_by_the_settings_alone(outside):
    settings = Settings()
    for spec in platform_specs():
        platform = open_platform(settings, spec.name)
        for streamer in filter(outside.world.visible, outside.world.everybody()):
            channel = platform.channels_by_id([streamer.channel_id, streamer.chzzk_id])[0]
            assert platform.totals(channel).followers == outside.world.followers(streamer)
            video = next(iter(platform.videos(channel.channel_id)))
            assert platform.chat_page(video.video_id).records > 0
        platform.close()


def test_emotes_of_third_parties_open_too(outside):
    reader = open_third_party_emotes(Settings(), "twitch")
    streamer = outside.world.everybody()[0]
    assert {e.code for e in reader.emotes("bttv", streamer.channel_id)} == {
        e.code for e in outside.world.emotes("bttv", streamer)
    }
    reader.close()


def test_secrets_come_from_the_environment_only(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    (tmp_path / "chatp.toml").write_text('stream_client_secrets = {twitch = "x"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="CHATP_STREAM_CLIENT_SECRETS"):
        Settings()


def test_without_credentials_a_platform_says_which_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATP_HOME", str(tmp_path))
    with pytest.raises(StreamError, match="CP-STREAM-001"):
        open_platform(Settings(), "twitch")
    shown = repr(Settings(stream_client_secrets={"twitch": "hidden-one"}))
    assert "hidden-one" not in shown
