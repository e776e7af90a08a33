"""The whole way of a class: from Slack's announcement to published metrics, undisturbed and disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from chat_platform.simulators.world import World, start_world
from tests.integration.harness import Home, differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MakeHome = Callable[[str], Home]
RECORDINGS = 6


@dataclass(frozen=True)
class Followed:
    """A home that followed a class in two steps.

    Attributes:
        home: after the second step.
        first: recordings that were stored after the first.
    """

    home: Home
    first: int


@pytest.fixture(scope="module")
def begun() -> Iterator[World]:
    """The class after its first two days."""
    with start_world(
        11, recordings=RECORDINGS, messages_per_recording=60, mode="plain", posted_until=date(2026, 3, 3)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def followed(begun: World, make_home: MakeHome) -> Followed:
    home = make_home("evenings")
    assert home.catch_up(begun.environment()).ok
    first = home.query("select count(*) from core.conversations where kind = 'recording'")[0][0]
    begun.post_until(None)
    # The class was in March: the look-back from the last look, which is today, has to reach there.
    assert home.catch_up({**begun.environment(), "CHATP_SLACK__LOOKBACK_DAYS": "400"}).ok
    return Followed(home, first)


@pytest.fixture(scope="module")
def world(begun: World, request: pytest.FixtureRequest) -> World:
    """The whole class, which somebody has followed before where a test asks about them."""
    if any("followed" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("followed")
    begun.post_until(None)
    return begun


@pytest.fixture(scope="module")
def undisturbed(world: World, make_home: MakeHome) -> Home:
    home = make_home("undisturbed")
    report = home.catch_up(world.environment())
    assert report.ok, [run.error for run in report.runs]
    return home


def test_every_announced_recording_is_stored_with_what_was_said(world: World, undisturbed: Home) -> None:
    rows = undisturbed.query(
        "select link, messages, replies from core.conversations where kind = 'recording' and state = 'parsed'"
    )
    found = {link.rsplit("/", 1)[1]: (messages, replies) for link, messages, replies in rows}
    expected = {}
    for index in range(RECORDINGS):
        said = world.generated.recording(index).public
        replies = sum(utterance.parent_id is not None for utterance in said)
        if world.generated.info(index).era == "xmpp":
            expected[world.generated.info(index).token] = (len(said) - replies, replies)
    assert {token: found[token] for token in expected} == expected
    assert len(found) == RECORDINGS


def test_metrics_add_up_to_the_messages(undisturbed: Home) -> None:
    ((lectures, public, daily),) = undisturbed.query(
        "select (select sum(messages + replies) from marts.lectures where kind = 'recording'),"
        " (select count(*) from core.messages where source = 'zoom' and not removed and visibility = 'everyone'),"
        " (select sum(messages) from marts.daily_activity)"
    )
    assert lectures == public
    assert daily > 0


def test_the_first_systems_tables_are_there(undisturbed: Home) -> None:
    counts = {
        name: undisturbed.query(f"select count(*) from {name}")[0][0]
        for name in ("comments", "comments_emojis", "recomments", "recomments_emojis", "users")
    }
    assert all(counts.values()), counts


def test_looking_again_finds_nothing_to_do(world: World, undisturbed: Home) -> None:
    before = undisturbed.workspace().publication.current().number
    report = undisturbed.catch_up(world.environment())
    assert report.runs == []
    assert undisturbed.workspace().publication.current().number == before


@pytest.mark.exhaustive
def test_evenings_one_after_another_equal_all_at_once(followed: Followed, undisturbed: Home) -> None:
    """A class followed day by day ends where a class caught up in one go ends, in any order of arrival."""
    assert 0 < followed.first < RECORDINGS
    assert differences(followed.home.tables(), undisturbed.tables()) == {}


@pytest.mark.exhaustive
def test_killed_at_every_step_and_restarted_equals_undisturbed(
    world: World, undisturbed: Home, make_home: MakeHome
) -> None:
    """Kill −9 in each step of the chain in turn, going on after each, and compare what is published."""
    from chat_platform.definitions import build_defs

    home = make_home("killed")
    job = build_defs().resolve_job_def("class_recordings")
    steps = [node.name for node in job.nodes_in_topological_order]
    assert len(steps) >= 7
    killed = []
    for number, step in enumerate(steps):
        done = home.child(world.environment(), kill_at=step, after_s=(0.0, 0.1, 0.4)[number % 3])
        if done.returncode == -9:
            killed.append(step)
    assert len(killed) >= len(steps) - 1, (killed, done.stdout, done.stderr[-2000:])
    for _ in range(3):
        final = home.child(world.environment())
    assert final.returncode == 0, final.stdout + final.stderr[-3000:]
    assert differences(undisturbed.tables(), home.tables()) == {}


@pytest.mark.exhaustive
def test_each_fault_ends_visibly_and_stops_nobody_else(make_home: MakeHome) -> None:
    home = make_home("faults")
    faults = [
        {"kind": "rate_limit", "server": "slack", "endpoint": "conversations.history", "retry_after": 1},
        {"kind": "cut", "server": "slack", "endpoint": "conversations.replies"},
        {"kind": "server_error", "server": "slack", "endpoint": "users.list"},
        {"kind": "wrong_passcode", "server": "zoom", "recording": 0},
        {"kind": "expired", "server": "zoom", "recording": 1},
        {"kind": "processing", "server": "zoom", "recording": 2},
        {"kind": "cut", "server": "zoom", "endpoint": "play-info", "recording": 3},
        {"kind": "odd_rows", "server": "zoom", "recording": 4},
    ]
    with start_world(
        12, recordings=RECORDINGS, messages_per_recording=40, mode="plain", faults=faults
    ) as world:
        variables = {
            **world.environment(),
            "CHATP_ZOOM__TIMEOUT_S": "5",
            "CHATP_ZOOM__BROWSER": "never",
            "CHATP_RETRY_MINUTES": "600",
        }
        report = home.catch_up(variables)
        assert report.ok, [run.error for run in report.runs]
        rows = home.query(
            "select link, state, reason, quarantined from core.conversations where kind = 'recording'"
        )
        by_token = {link.rsplit("/", 1)[1]: rest for link, *rest in rows if link}
        states = [by_token[world.generated.info(i).token] for i in range(RECORDINGS)]
        assert [tuple(state[:2]) for state in states] == [
            ("quarantined", "CP-ZOOM-001"),
            ("gone", "CP-ZOOM-003"),
            ("failed", "CP-ZOOM-008"),
            ("parsed", None),
            ("parsed", None),
            ("parsed", None),
        ]
        assert states[4][2] == 3
        assert home.query("select count(*) from core.quarantine where source = 'zoom'")[0][0] >= 3
        lectures = home.query("select count(*) from marts.lectures where kind = 'recording' and messages > 0")
        assert lectures == [(3,)]

        # Zoom has finished processing: the next look that is due brings the recording.
        world.faults.clear()
        report = home.catch_up({**variables, "CHATP_RETRY_MINUTES": "0"})
        assert report.ok
        waiting = [i for i, (state, _) in home.states().items() if state == "failed"]
        assert waiting, "a failed recording waits for its time"
        _make_due(home, waiting)
        assert home.catch_up(variables).ok
        assert home.states()[waiting[0]] == ("parsed", None)
        _nothing_leaks(home, world)


def _make_due(home: Home, conversation_ids: list[str]) -> None:
    """Let the wait of failed recordings be over."""
    from sqlalchemy import text

    with home.workspace().database.begin() as connection:
        for conversation_id in conversation_ids:
            connection.execute(
                text("update ledger set next_attempt_at = '2026-01-01 00:00:00' where conversation_id = :id"),
                {"id": conversation_id},
            )


def _nothing_leaks(home: Home, world: World) -> None:
    """Token, passcodes and link passcodes are nowhere outside the raw vault, whatever the file."""
    secrets = {world.slack_token.encode()}
    for index in range(RECORDINGS):
        info = world.generated.info(index)
        secrets |= {info.passcode.encode(), info.pwd.encode()}
    vault = home.path / "lake" / "raw"
    assert vault.stat().st_mode & 0o777 == 0o700
    leaks = []
    for path in home.path.rglob("*"):
        if path.is_file() and vault not in path.parents:
            content = path.read_bytes()
            leaks += [(str(path.relative_to(home.path)), secret) for secret in secrets if secret in content]
    assert leaks == []
    said = home.query("select string_agg(text, ' ') from core.messages")[0][0]
    assert not [secret for secret in secrets if secret.decode() in said]


@pytest.mark.exhaustive
def test_late_replies_edits_deletions_and_reactions_on_slack_are_seen(make_home: MakeHome) -> None:
    home = make_home("slack")
    with start_world(13, recordings=2, messages_per_recording=20, mode="plain") as world:
        assert home.catch_up(world.environment()).ok
        channel, ts, text = home.query(
            "select split_part(conversation_id, '-', 2), split_part(message_id, '-', 3), text from core.messages "
            "where source = 'slack' and kind = 'message' and not removed and message_id not in "
            "(select parent_id from core.messages where parent_id is not null) order by sent_at desc limit 1"
        )[0]
        other = home.query(
            "select split_part(message_id, '-', 3) from core.messages where source = 'slack' and kind = 'message' "
            f"and split_part(conversation_id, '-', 2) = '{channel}' and split_part(message_id, '-', 3) <> '{ts}' "
            "and message_id not in (select parent_id from core.messages where parent_id is not null) "
            "order by sent_at desc limit 1"
        )[0][0]
        user = next(iter(world.generated.people)).slack_id
        assert user
        world.workspace.edit(channel, ts, f"{text} 고쳤습니다")
        world.workspace.reply(channel, ts, user, "늦은 답글입니다")
        world.workspace.react(channel, ts, user, "fire")
        world.workspace.delete(channel, other)
        # The look-back reaches back from the last look, which is today; the class was in March.
        variables = {**world.environment(), "CHATP_SLACK__LOOKBACK_DAYS": "400"}
        assert home.catch_up(variables).ok
    message = f"slack-{channel}-{ts}"
    assert home.query(f"select text, edited from core.messages where message_id = '{message}'") == [
        (f"{text} 고쳤습니다", True)
    ]
    assert home.query(f"select text from core.messages where parent_id = '{message}'") == [
        ("늦은 답글입니다",)
    ]
    assert ("🔥",) in home.query(f"select emoji from core.reactions where message_id = '{message}'")
    assert home.query(f"select removed from core.messages where message_id = 'slack-{channel}-{other}'") == [
        (True,)
    ]


CHAT = """10:00:00 From 김가나 to Everyone:
\t안녕하세요
10:00:05 From 강사_라마바 to Everyone:
\t오늘은 판다스를 봅니다
\t  들여쓰기도 남습니다
10:00:09 From 김가나 to Everyone:
\tReacted to "오늘은 판다스를 봅니다 들여..." with 👍
10:00:20 From 이 순신 to Everyone:
\tReplying to "오늘은 판다스를 봅니다 들여..."

\t질문 있습니다
10:00:30 From 김가나 to Everyone:
\tRemoved a 👍 reaction from "오늘은 판다스를 봅니다 들여..."
10:00:40 From 김가나 to 이 순신(Direct Message):
\t비밀입니다
"""


@pytest.mark.exhaustive
def test_a_saved_chat_in_the_inbox_becomes_tables_in_parts_or_whole(make_home: MakeHome) -> None:
    whole, parts = make_home("whole"), make_home("parts")
    cut = CHAT.index("10:00:20")
    files = {
        whole: {"2026-03-02 19.00.00 수업/meeting_saved_chat.txt": CHAT},
        parts: {
            "2026-03-02 19.00.00 수업/part2.txt": CHAT[cut:],
            "2026-03-02 19.00.00 수업/part1.txt": CHAT[:cut],
        },
    }
    for home, content in files.items():
        for name, text in content.items():
            path = home.path / "inbox" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            _age(path)
        assert home.catch_up({}, sensor="inbox").ok
        assert not list((home.path / "inbox").glob("2026*/*.txt"))
    assert differences(_content(whole), _content(parts)) == {}
    (row,) = whole.query(
        "select messages, replies, reactions, removals, quarantined, records from core.conversations"
    )
    assert row == (3, 1, 1, 1, 0, 6)
    assert whole.query("select text from core.messages where author_name = '강사_라마바'") == [
        ("오늘은 판다스를 봅니다\n  들여쓰기도 남습니다",)
    ]
    assert whole.query("select count(*) from core.reactions where not removed") == [(0,)]
    assert "비밀입니다" not in str(whole.query("from marts.top_messages"))

    path = whole.path / "inbox" / "2026-03-02 19.00.00 수업" / "again.txt"
    path.write_text(CHAT, encoding="utf-8")
    _age(path)
    before = whole.workspace().publication.current().number
    report = whole.catch_up({}, sensor="inbox")
    assert report.runs == []
    assert whole.workspace().publication.current().number == before


def _content(home: Home) -> dict[str, list[str]]:
    return {name: rows for name, rows in home.tables().items() if name != "core.conversations"}


def _age(path: Path) -> None:
    import os

    os.utime(path, (1_700_000_000, 1_700_000_000))


def test_a_file_that_cannot_be_read_is_refused_with_its_reason(make_home: MakeHome) -> None:
    home = make_home("refused")
    path = home.path / "inbox" / "shopping.txt"
    path.write_text("milk\nbread\n", encoding="utf-8")
    _age(path)
    assert home.catch_up({}, sensor="inbox").runs == []
    reason = (home.path / "inbox" / "refused" / "shopping.txt.txt").read_text(encoding="utf-8")
    assert "CP-FILE-003" in reason
    assert (home.path / "inbox" / "refused" / "shopping.txt").read_text(encoding="utf-8") == "milk\nbread\n"
