"""The portal's own server, killed while people write: what it acknowledged is there afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from chat_platform.settings import Settings
from chat_platform.storage.accounts import AccountStore
from chat_platform.storage.answers import AnswerStore
from chat_platform.storage.app_database import open_database
from chat_platform.storage.asked import AskedStore
from tests.web.questions_class import BASE, address

WRITERS = 4
ENOUGH = 40


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "chat_platform.cli.main", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, env={**os.environ, "CHATP_HOME": str(home)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                return process
        except httpx.TransportError:
            time.sleep(0.1)
    process.kill()
    pytest.fail("the portal did not start")


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.exhaustive
def test_no_acknowledged_answer_is_lost(home: Path, settings: Settings, port: int) -> None:
    database = open_database(settings.app_database)
    accounts, questions = AccountStore(database), AskedStore(database, "class")
    secrets = []
    for number in range(WRITERS):
        account_id = accounts.create(f"writer-{number}", f"writer {number}")
        accounts.set_role(account_id, "class", "student")
        secrets.append(accounts.open_session(account_id))
    question = questions.ask(account_id, "꺼져도 남나요?")
    acknowledged: list[str] = []

    def write(number: int) -> None:
        visitor = accounts.visitor(secrets[number])
        assert visitor is not None
        headers = {"X-CSRF-Token": visitor.csrf_token}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", cookies={"session": secrets[number]}, headers=headers
        ) as client:
            for turn in range(10_000):
                body = f"{number}번 사람의 답 {turn}"
                try:
                    got = client.post(f"{BASE}/answers", data={"question_id": question, "body": body})
                except httpx.TransportError:
                    return
                if got.status_code == 429:
                    time.sleep(0.05)
                    continue
                assert got.status_code == 303, got.text
                acknowledged.append(body)

    server = start(home, port)
    try:
        threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60
        while len(acknowledged) < ENOUGH and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        for thread in threads:
            thread.join(30)
    finally:
        server.kill()
        server.wait()
    assert len(acknowledged) >= ENOUGH
    again = start(home, port)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", cookies={"session": secrets[0]}) as client:
            page = client.get(address(question), timeout=60)
        assert page.status_code == 200
        assert [body for body in acknowledged if f">{body}<" not in page.text] == []
    finally:
        again.kill()
        again.wait()
    kept = AnswerStore(database, "class").of_question(question, 1)
    assert set(acknowledged) <= {answer.body for answer in kept}
    assert len(kept) <= len(acknowledged) + WRITERS, "what was not acknowledged is at most what was under way"
