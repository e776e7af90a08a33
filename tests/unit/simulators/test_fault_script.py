"""A fault script hits the requests that it names, in order, and no others."""

from __future__ import annotations

import pytest

from chat_platform.simulators.faults import DEFAULT_ENDPOINTS, Fault, FaultScript

HISTORY, PLAY = "conversations.history", "play-info"


def kinds(script: FaultScript, *requests: tuple[str, str, tuple[int, str] | None]) -> list[str | None]:
    return [fault.kind if (fault := script.take(*request)) else None for request in requests]


def test_a_fault_hits_the_nth_request_and_as_many_as_it_counts() -> None:
    script = FaultScript([{"kind": "server_error", "endpoint": HISTORY, "nth": 2, "count": 2}])
    assert kinds(script, *[("slack", HISTORY, None)] * 5) == [
        None,
        "server_error",
        "server_error",
        None,
        None,
    ]


def test_other_endpoints_recordings_and_servers_are_not_counted() -> None:
    script = FaultScript([{"kind": "cut", "server": "zoom", "endpoint": "play*", "recording": 3}])
    asked = [
        ("slack", "play-info", (3, "t3")),
        ("zoom", "share", (3, "t3")),
        ("zoom", PLAY, (2, "t2")),
        ("zoom", PLAY, None),
        ("zoom", PLAY, (3, "t3")),
        ("zoom", PLAY, (3, "t3")),
    ]
    assert kinds(script, *asked) == [None, None, None, None, "cut", None]


def test_a_recording_can_be_named_by_its_token() -> None:
    script = FaultScript([{"kind": "expired", "recording": "t3"}])
    assert kinds(script, ("zoom", "share-info", (2, "t2")), ("zoom", "share-info", (3, "t3"))) == [
        None,
        "expired",
    ]


def test_one_request_gets_one_fault_and_the_first_that_is_due_wins() -> None:
    script = FaultScript([{"kind": "rate_limit", "nth": 2}, {"kind": "server_error", "count": None}])
    asked = [("slack", "users.list", None)] * 3
    assert kinds(script, *asked) == ["server_error", "rate_limit", "server_error"]
    assert [applied.kind for applied in script.applied] == ["server_error", "rate_limit", "server_error"]


def test_conditions_of_recordings_last_and_accidents_happen_once() -> None:
    script = FaultScript([{"kind": "expired", "recording": 1}, {"kind": "bot_wall", "recording": 2}])
    assert kinds(script, *[("zoom", "share", (1, "a"))] * 3) == ["expired"] * 3
    assert kinds(script, *[("zoom", "share", (2, "b"))] * 2) == ["bot_wall", None]
    assert kinds(script, ("slack", "users.list", None)) == [None]


def test_faults_about_messages_wait_for_answers_that_hold_messages() -> None:
    script = FaultScript([{"kind": "late_reply"}])
    assert kinds(script, ("slack", "users.list", None), ("slack", HISTORY, None)) == [None, "late_reply"]


def test_a_script_is_read_from_json_and_unknown_keys_are_parameters() -> None:
    script = FaultScript.from_json('{"faults": [{"kind": "rate_limit", "retry_after": 7}]}')
    fault = script.take("slack", HISTORY)
    assert fault is not None
    assert fault.parameters == {"retry_after": 7}
    script.clear()
    script.add(Fault("cut"))
    assert kinds(script, ("zoom", PLAY, None)) == ["cut"]


@pytest.mark.parametrize(
    "wrong", [{"kind": "earthquake"}, {"kind": "cut", "nth": 0}, {"kind": "cut", "count": 0}, {}]
)
def test_a_script_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="fault"):
        FaultScript([wrong])


def test_every_kind_is_described_in_the_module() -> None:
    from chat_platform.simulators import faults

    assert all(f"| {kind} |" in str(faults.__doc__) for kind in DEFAULT_ENDPOINTS)
