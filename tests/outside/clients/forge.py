"""A server that git can read from, on loopback: one repository with one commit, as plain files."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

_AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.com")


def repository(folder: Path) -> str:
    """Make it; the name of its commit."""
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, *_AUTHOR, "commit", "--quiet", "--allow-empty", "--message=First")
    _git(folder, "update-server-info")
    return _git(folder, "rev-parse", "HEAD").strip()


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
        self._context = context

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted, address = super().get_request()
        accepted.settimeout(10)
        if self._context is None:
            return accepted, address
        shaking = self._context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        )
        return shaking, address


@contextmanager
def forge(folder: Path, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server of the files in `folder`, in TLS where there is a `context`."""
    with _Server(folder, context) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(10)
