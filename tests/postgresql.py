"""A PostgreSQL server of the tests' own: Debian's, in a temporary folder, reached by a socket in it and nothing else.

What belongs here: starting and ending it, making databases. What does not: what the tests do with one.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType

import psycopg
import pytest

UNPRIVILEGED = "nobody"
"""Whom the server runs as when the tests run as root, which it refuses."""
START_S = 60.0
# Nothing here must survive a power cut.
QUICK = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=300",
)


def binaries() -> Path | None:
    """Folder of the newest installed server, or ``None``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for a fixture; where none is installed its tests are skipped, and fail in CI."""
    programs = binaries()
    if programs is None:
        missing = "PostgreSQL is not installed: apt-get install postgresql"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with Server(programs) as server:
        yield server


class Server:
    """A running server; a context manager that removes every trace of it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._numbers = count(1)
        # A short path: that of a socket may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="chatp-pg-"))
        self._user: dict[str, int] = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam(UNPRIVILEGED)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid}

    def __enter__(self) -> Server:
        try:
            subprocess.run(
                [self._programs / "initdb", "-D", self.folder / "data", "-U", "tests", "-A", "trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync"],
                check=True, capture_output=True, cwd=self.folder, extra_groups=[] if self._user else None,
                **self._user,
            )  # fmt: skip
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = getattr(self, "_process", None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)  # ends open connections; a plain SIGTERM waits for them
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """SQLAlchemy URL of an empty database."""
        name = f"tests_{next(self._numbers)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")  # a name of ours
        return f"postgresql+psycopg://tests@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start the server on its files, also after ``stop``."""
        options = [part for option in QUICK for part in ("-c", option)]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder,
                 "-c", "listen_addresses=", *options],
                stdout=log, stderr=log, cwd=self.folder, extra_groups=[] if self._user else None,
                **self._user,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """End the server and every open connection; its files stay, with all that was committed."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(START_S)

    def _address(self, database: str) -> str:
        return f"host={self.folder} user=tests dbname={database}"

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    log = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log[-2000:]}") from None
                time.sleep(0.05)
