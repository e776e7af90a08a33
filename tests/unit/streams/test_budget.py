"""The budget: what may be asked, counted by many at once."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_platform.errors import StreamError
from chat_platform.sources.streams.budget import Budget
from chat_platform.sources.streams.clock import Clock


def headers(limit, remaining, reset, **more):
    return {
        "Ratelimit-Limit": str(limit),
        "Ratelimit-Remaining": str(remaining),
        "Ratelimit-Reset": str(int(reset)),
        **more,
    }


@pytest.fixture
def budget(tmp_path, clock):
    return Budget(tmp_path / "twitch.budget", "twitch", limit=5, clock=clock)


def test_a_window_holds_as_many_requests_as_the_limit_and_the_next_waits_for_its_end(budget, clock):
    began = clock.now()
    assert [budget.acquire() for _ in range(5)] == [0.0] * 5
    assert budget.acquire() == 60.0
    assert clock.now() == began + 60


def test_the_platform_s_limit_replaces_the_one_assumed(budget, clock):
    budget.acquire()
    budget.learn(headers(3, 2, clock.now() + 30), clock.now())
    assert [budget.acquire() for _ in range(3)] == [0.0, 0.0, 30.0]


def test_requests_of_others_with_the_same_credentials_count(budget, clock):
    budget.acquire()
    budget.learn(headers(5, 1, clock.now() + 60), clock.now())
    assert [budget.acquire(), budget.acquire()] == [0.0, 60.0]


def test_requests_under_way_stay_counted_when_an_early_answer_says_more_is_left(budget, clock):
    for _ in range(5):
        budget.acquire()
    budget.learn(headers(5, 4, clock.now() + 60), clock.now())  # the first of the five answers
    assert budget.acquire() == 60.0


def test_an_answer_of_the_window_before_changes_nothing(budget, clock):
    budget.acquire()
    budget.learn(headers(5, 4, clock.now() + 60), clock.now())
    clock.sleep(61)
    budget.acquire()
    budget.learn(headers(5, 0, clock.now() - 1), clock.now())
    assert [budget.acquire() for _ in range(4)] == [0.0] * 4


def test_after_a_429_nobody_asks_until_the_moment_it_names(tmp_path, clock):
    first, second = (Budget(tmp_path / "b", "twitch", limit=100, clock=clock) for _ in range(2))
    first.acquire()
    first.refused(headers(100, 0, clock.now() + 17), clock.now())
    assert second.acquire() == 17.0
    second.refused({"Retry-After": "3"}, clock.now())
    assert first.acquire() == 3.0


def test_a_429_that_names_no_moment_is_waited_out_for_a_second(budget, clock):
    budget.refused({}, clock.now())
    assert budget.acquire() == 1.0


def test_a_platform_whose_clock_is_wrong_makes_nobody_wait_longer(budget, clock):
    ahead = clock.now() + 300
    budget.acquire()
    budget.learn(headers(1, 0, ahead + 10, Date=formatdate(ahead, usegmt=True)), clock.now())
    assert budget.acquire() == pytest.approx(10, abs=1)


def test_a_slow_answer_is_no_wrong_clock(budget, clock):
    asked_at = clock.now()
    budget.acquire()
    answer = headers(1, 0, asked_at + 60, Date=formatdate(asked_at, usegmt=True))
    clock.sleep(30)
    budget.learn(answer, asked_at)
    assert budget.acquire() == 30.0


def test_a_clock_that_was_set_back_makes_nobody_wait_for_a_day_that_has_been(budget, clock):
    for _ in range(5):
        budget.acquire()
    clock.set(clock.now() - 90_000)
    assert budget.acquire() == 0.0


def test_a_wait_beyond_what_is_allowed_is_a_coded_error_at_once(budget, clock):
    for _ in range(5):
        budget.acquire()
    with pytest.raises(StreamError) as caught:
        budget.acquire(max_wait_s=10)
    assert caught.value.code == "CP-STREAM-003"
    assert clock.sleeps == []


def test_without_a_known_limit_only_the_platform_s_word_counts(tmp_path, clock):
    budget = Budget(tmp_path / "b", "twitch-gql", limit=None, clock=clock)
    assert sum(budget.acquire() for _ in range(5_000)) == 0
    budget.refused({"Retry-After": "9"}, clock.now())
    assert budget.acquire() == 9.0


@pytest.mark.parametrize("latency_s", [0.0, 0.004, 0.1])
def test_a_bucket_that_refills_all_the_time_is_kept_too(tmp_path, clock, latency_s):
    limit, rate = 800, 800 / 60
    budget = Budget(tmp_path / "b", "twitch", limit=limit, clock=clock)
    began = filled_at = clock.now()
    tokens, refusals = float(limit), 0
    for _ in range(3_149):
        budget.acquire()
        asked_at = clock.now()
        clock.sleep(latency_s)
        tokens = min(limit, tokens + (clock.now() - filled_at) * rate)
        filled_at = clock.now()
        refusals += tokens < 1
        tokens = max(0.0, tokens - 1)
        full_at = math.ceil(clock.now() + (limit - tokens) / rate)
        budget.learn(headers(limit, int(tokens), full_at), asked_at)
    assert refusals == 0
    assert clock.now() - began <= max(60 * 3_149 / limit, 3_149 * latency_s) + 3


def test_a_damaged_file_is_begun_anew(tmp_path, clock):
    path = tmp_path / "b"
    path.write_bytes(b"\xff" * 7)
    assert Budget(path, "x", limit=1, clock=clock).acquire() == 0.0
    assert Budget(path, "x", limit=1, clock=clock).acquire() == 60.0


@given(
    values=st.dictionaries(
        st.sampled_from(["Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset", "Retry-After", "Date"]),
        st.text(max_size=20) | st.integers(-5, 10**18).map(str),
    )
)
def test_whatever_headers_say_the_next_request_waits_at_most_an_hour(tmp_path_factory, values):
    clock = type("Still", (Clock,), {"now": lambda self: 1.8e9})()
    budget = Budget(tmp_path_factory.mktemp("b") / "b", "x", limit=9, clock=clock)
    budget.acquire()
    budget.learn(values, 1.8e9)
    budget.refused(values, 1.8e9)
    assert 1.8e9 < budget._take() <= 1.8e9 + 3_600


def _ask(path, times, queue):
    budget = Budget(path, "shared", limit=40, window_s=1.0)
    for _ in range(times):
        budget.acquire()
        queue.put(time.time())


def test_processes_together_keep_the_limit_and_lose_no_time(tmp_path):
    context = multiprocessing.get_context("forkserver")
    queue = context.Queue()
    workers = [context.Process(target=_ask, args=(tmp_path / "b", 40, queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    moments = sorted(queue.get(timeout=30) for _ in range(120))
    for worker in workers:
        worker.join()
    # 120 requests at 40 a second: two waits for a new window, and not a third.
    assert 1.9 <= moments[-1] - moments[0] <= 4.0
    for first, last in zip(moments, moments[41:], strict=False):
        assert last - first > 0.5


def test_a_holder_that_is_killed_under_the_lock_holds_nobody_up(tmp_path):
    path = tmp_path / "b"
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from chat_platform.sources.streams.budget import Budget\n"
        "budget = Budget(Path(sys.argv[1]), 'x', limit=9)\n"
        "with budget._locked():\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        cwd=Path.cwd(),
    )
    assert holder.stdout.readline() == b"held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    holder.stdin.close()
    assert Budget(path, "x", limit=9).acquire() < 1
