"""dbt that is begun before it is needed.

dbt imports itself for four seconds at each call, and a home that catches up calls it several times. A process that
stands by has done that while recordings were fetched; ``chatp-dbt`` takes the place of ``dbt`` and hands each call to
it. A call is a process of its own, forked from the one that stands by, so that no call knows of another.

What belongs here: standing by, handing a call over. What does not: what is called (``assets.metrics``), when it is
worth standing by (``runner``).

* ``stand_by`` — somebody who will call dbt begins the process, which ends with them: it holds one end of a pipe that
  nobody else has the other end of.
* ``serve`` — that process. It listens on a socket in a folder that only its owner may enter.
* ``call`` — the program ``chatp-dbt``. Arguments, environment and folder go over as JSON, standard output and error
  as file descriptors; what comes back is a byte when the call begins, and its exit status. Where nobody stands by,
  or nothing comes back, ``chatp-dbt`` becomes ``dbt`` itself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

VARIABLE = "CHATP_DBT_STANDBY"
"""Environment variable with the path of the socket."""
# A path to a socket may have so many bytes on Linux (unix(7), with its zero).
_LONGEST_PATH = 107
_LENGTH = struct.Struct("!I")
_BEGUN = b"+"
_STATUS = struct.Struct("!i")


def executable() -> str:
    """Path of ``chatp-dbt``; of ``dbt`` where this package was installed without its programs."""
    ours = _beside_python("chatp-dbt")
    return ours if Path(ours).exists() else _beside_python("dbt")


def _beside_python(program: str) -> str:
    # The environment need not be activated.
    return str(Path(sys.executable).with_name(program))


@cache
def stand_by() -> None:
    """Have dbt stand by for this process and its children, until this process ends."""
    import atexit
    import shutil
    import subprocess
    import tempfile

    folder = tempfile.mkdtemp(prefix="chatp-dbt-")
    path = str(Path(folder) / "socket")
    if len(os.fsencode(path)) > _LONGEST_PATH:
        shutil.rmtree(folder)
        return
    theirs, ours = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        # From now on a call waits until dbt is imported.
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno()), str(theirs)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(listener.fileno(), theirs),
            # Ctrl-C reaches a call through who called it, once.
            start_new_session=True,
        )
    os.close(theirs)
    os.environ[VARIABLE] = path

    def end() -> None:
        os.environ.pop(VARIABLE, None)
        os.close(ours)
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)


def serve(listening: int, owner: int) -> None:
    """Import dbt and carry out calls until the owner is gone.

    Args:
        listening: file descriptor of the socket.
        owner: file descriptor of a pipe that ends with the owner.
    """
    import gc
    import multiprocessing
    import select

    import dbt.adapters.duckdb  # noqa: F401  imported here, so that no call has to
    import dbt.cli.main
    import dbt.task.build  # noqa: F401

    # What is shared stays shared: a collection would write to every object.
    gc.freeze()
    forking = multiprocessing.get_context("fork")
    calls: dict[int, _Call] = {}
    with socket.socket(fileno=listening) as listener:
        while True:
            callers = [one.connection for one in calls.values() if one.is_wanted]
            ready, _, _ = select.select([listener, owner, *calls, *callers], [], [])
            if owner in ready:
                return
            if listener in ready:
                connection, _ = listener.accept()
                connection.sendall(_BEGUN)
                request, descriptors = _receive(connection)
                process = forking.Process(target=_be_dbt, args=(request, descriptors))
                process.start()
                for descriptor in descriptors:
                    os.close(descriptor)
                calls[process.sentinel] = _Call(process, connection)
            for ended in calls.keys() & set(ready):
                calls.pop(ended).end()
            for one in calls.values():
                if one.connection in ready:
                    one.interrupt()


@dataclass
class _Call:
    """A process that is dbt, and the connection to who called it."""

    process: ForkProcess
    connection: socket.socket
    is_wanted: bool = True

    def interrupt(self) -> None:
        """Its caller was interrupted, or is gone."""
        self.is_wanted = False
        if self.process.pid is not None:
            os.kill(self.process.pid, signal.SIGINT)

    def end(self) -> None:
        """It has ended; its caller hears how, as a shell would tell."""
        self.process.join()
        status = self.process.exitcode or 0
        self.process.close()
        with self.connection, suppress(OSError):
            self.connection.sendall(_STATUS.pack(status if status >= 0 else 128 - status))


def _be_dbt(request: dict[str, Any], descriptors: list[int]) -> None:
    """Be the process of one call."""
    from dbt.cli.main import cli

    # What a shell begins in the background ignores it, and so would whatever it begins.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["dbt", *request["arguments"]]
    cli(prog_name="dbt")


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    header, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 2)
    (length,) = _LENGTH.unpack(header)
    body = bytearray()
    while len(body) < length and (part := connection.recv(length - len(body))):
        body += part
    return json.loads(body), descriptors


def call() -> int:
    """``chatp-dbt``: ``dbt``, by the process that stands by where there is one; its exit status."""
    with socket.socket(socket.AF_UNIX) as connection:
        if not _hand_over(connection):
            program = _beside_python("dbt")
            os.execv(program, [program, *sys.argv[1:]])  # noqa: S606  without a shell is what is wanted

        def interrupt(*_: object) -> None:
            connection.shutdown(socket.SHUT_WR)

        # Dbt is interrupted, and tells how it ended.
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, interrupt)
        answer = connection.recv(_STATUS.size)
    return _STATUS.unpack(answer)[0] if answer else 1


def _hand_over(connection: socket.socket) -> bool:
    request = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": str(Path.cwd())}
    body = json.dumps(request).encode()
    try:
        connection.connect(os.environ[VARIABLE])
        socket.send_fds(connection, [_LENGTH.pack(len(body))], [1, 2])
        connection.sendall(body)
        return connection.recv(len(_BEGUN)) == _BEGUN
    except (KeyError, OSError):
        return False


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
