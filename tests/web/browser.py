"""A portal that runs behind a real server, for tests with ``chat_platform.cli.chromium``."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

FRONTEND = Path(__file__).parents[2] / "chat_platform" / "web" / "frontend"
PHONE = (390, 844)
DESKTOP = (1280, 900)


@contextmanager
def running(app: FastAPI, port: int) -> Iterator[str]:
    """Serve an application until the block ends; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
