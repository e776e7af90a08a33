"""Posting to Slack: a message is posted once, whatever becomes of the answer."""

from __future__ import annotations

import pytest

from chat_platform.errors import SlackError
from chat_platform.simulators.slack_generator import CHATTER_CHANNEL, PRIVATE_CHANNEL

MARK = {"event_type": "chatp_digest", "event_payload": {"week": "2026-03-02"}}


def message(workspace, channel=CHATTER_CHANNEL, **parts):
    return {"channel": workspace.channel_id(channel), "text": "주간 소식 <b>&amp;", "metadata": MARK, **parts}


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def posted(workspace, client, *, metadata=True):
    pages = client.history(workspace.channel_id(CHATTER_CHANNEL), metadata=metadata)
    return [row for page in pages for row in page["messages"] if row.get("metadata") or "주간" in row["text"]]


def test_a_message_is_posted_with_its_metadata(workspace, serve, connect):
    client = connect(serve())
    blocks = [section("*주간*")]
    ts = client.post_message(message(workspace, blocks=blocks))
    (found,) = posted(workspace, client)
    assert (found["ts"], found["text"], found["metadata"]) == (ts, "주간 소식 <b>&amp;", MARK)
    assert found["blocks"] == blocks
    assert found["user"] == client.auth_test().user_id
    assert "metadata" not in posted(workspace, client, metadata=False)[0]


def test_a_rate_limit_is_waited_for(workspace, serve, connect):
    server = serve({"kind": "rate_limit", "endpoint": "chat.postMessage", "retry_after": 3})
    client = connect(server)
    client.post_message(message(workspace))
    assert len(posted(workspace, client)) == 1
    assert server.count("chat.postMessage") == 2
    assert 3 <= sum(client.waited) <= 4


@pytest.mark.parametrize(
    ("fault", "code", "there"),
    [
        ({"kind": "cut", "part": 0.3}, "CP-SLACK-008", 1),
        ({"kind": "server_error"}, "CP-SLACK-007", 0),
        ({"kind": "timeout", "seconds": 30}, "CP-SLACK-007", 0),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_after_a_fault_nothing_is_posted_twice(workspace, serve, connect, fault, code, there):
    server = serve({**fault, "endpoint": "chat.postMessage"})
    client = connect(server, timeout_s=0.5)
    with pytest.raises(SlackError) as caught:
        client.post_message(message(workspace))
    assert caught.value.code == code
    assert server.count("chat.postMessage") <= 1
    assert len(posted(workspace, client)) == there


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"channel": "C0NOWHERE"}, "CP-SLACK-004", ""),
        ({"text": ""}, "CP-SLACK-011", "no_text"),
        ({"text": "a" * 40_001}, "CP-SLACK-011", "msg_too_long"),
        ({"blocks": [section("a" * 3_001)]}, "CP-SLACK-011", "invalid_blocks"),
        ({"metadata": {"event_type": "a b", "event_payload": {}}}, "CP-SLACK-011", "invalid_metadata_format"),
    ],
    ids=["channel", "empty", "long", "blocks", "metadata"],
)  # fmt: skip
def test_what_slack_refuses_is_not_there(workspace, serve, connect, change, code, word):
    client = connect(serve())
    with pytest.raises(SlackError) as caught:
        client.post_message({**message(workspace), **change})
    assert caught.value.code == code
    assert word in caught.value.detail
    assert posted(workspace, client) == []


def test_scope_and_membership_are_needed(workspace, serve, connect):
    with pytest.raises(SlackError, match="CP-SLACK-003"):
        connect(serve(scopes=("channels:history",))).post_message(message(workspace))
    with pytest.raises(SlackError, match="CP-SLACK-005"):
        connect(serve()).post_message(message(workspace, PRIVATE_CHANNEL))
