"""What tests of deploy/ start: replicas of the app, stand-ins for them, and nginx as it is configured there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONFIGURATION = ROOT / "deploy" / "nginx.conf"
PATIENCE = 60.0  # seconds; long, because nothing here measures speed
NOBODY = 65534


def program(name: str) -> str:
    """Where a server is; without it the test is skipped, but not where tests decide what lands."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is None:
        assert "CI" not in os.environ, f"{name} should have been installed by make"
        pytest.skip(f"{name} is not installed")
    return path


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def environment(**more: str) -> dict[str, str]:
    """Ours, without settings of the app or of Streamlit."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMLIT_", "CNNVIZ_"))}
    return ours | more


class Listener:
    """Something that answers HTTP on a port of this machine: a process of ours."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.log = folder / f"{name}.txt"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def run(self, command: list[str], **options: Any) -> None:
        with self.log.open("ab") as log:
            self.log.chmod(0o666)  # nginx opens its output anew, as nobody
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **options)

    def wait(self, path: str = "/_stcore/health") -> None:
        """Until it answers."""
        assert self.process
        give_up = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, self.said()
            try:
                if self.ask(path)[0] == 200:
                    return
            except (OSError, HTTPException):
                pass
            assert time.monotonic() < give_up, f"no answer: {self.said()}"
            time.sleep(0.05)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        return ask(self.port, path, method, body, headers)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, what: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(what)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if not self.is_running():
            return
        assert self.process
        self.send(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


Answer = tuple[int, HTTPMessage, bytes]


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] = {}
) -> Answer:
    """Status, headers and body of one answer. Of headers' names the underscores are hyphens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        with contextlib.suppress(BrokenPipeError):  # refused before it had all; what was said of it stands there
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Replica(Listener):
    """`python -m cnnviz`, to be started as often as it was ended."""

    def start(self) -> None:
        self.run([sys.executable, "-m", "cnnviz", "--port", str(self.port)], cwd=ROOT, env=environment())


class Front(Listener):
    """nginx with deploy/nginx.conf, where addresses and the folder that it writes to are this machine's.

    It runs as nobody where tests run as root: it can write to its folder only.
    """

    def __init__(self, folder: Path, a: str, b: str, changes: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, "nginx")
        self._changes = {
            "listen 8080 ": f"listen {self.address} ", " /tmp/": f" {folder}/",
            "replica-a:8501": a, "replica-b:8501": b, **(changes or {}),
        }  # fmt: skip

    def start(self) -> None:
        text = CONFIGURATION.read_text(encoding="utf-8")
        for shipped, here in self._changes.items():
            assert shipped in text, f"nginx.conf no longer says {shipped!r}"
            text = text.replace(shipped, here)
        configuration = self.folder / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self.run([program("nginx"), "-p", str(self.folder), "-c", str(configuration)], **user)
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self.is_running() and time.monotonic() < give_up, self.said()
                time.sleep(0.02)


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that nobody may write to, too; pytest's own are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="cnnviz-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def front(a: str, b: str, changes: Mapping[str, str] | None = None) -> Iterator[Front]:
    """nginx before two addresses."""
    with open_folder() as folder:
        it = Front(folder, a, b, changes)
        it.start()
        try:
            yield it
        finally:
            it.end()


Reply = Callable[[BaseHTTPRequestHandler], None]


def say(text: str, status: int = 200, **headers: str) -> Reply:
    """A reply that is always the same."""

    def reply(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            asked.send_header(name.replace("_", "-"), value)
        asked.end_headers()
        asked.wfile.write(text.encode())

    return reply


@contextlib.contextmanager
def stand_in(reply: Reply) -> Iterator[tuple[str, list[tuple[str, Message]]]]:
    """Its address, and what it was asked: paths with their headers."""
    asked: list[tuple[str, Message]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers))
            reply(self)

        def log_message(self, format: str, *values: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 512
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def replicas_behind_nginx() -> Iterator[tuple[Front, dict[str, Replica]]]:
    """nginx, and by their names the two replicas behind it, which have been started."""
    program("nginx")
    with open_folder() as folder:
        replicas = {name: Replica(folder, name) for name in "ab"}
        for replica in replicas.values():
            replica.start()
        try:
            with front(replicas["a"].address, replicas["b"].address) as it:
                yield it, replicas
        finally:
            for replica in replicas.values():
                replica.end(signal.SIGKILL)
