"""A server of its own for hostile visitors: what it logs, how long it computes, how much memory it holds."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class HostileServer:
    """`python -m cnnviz` on a free port, ended with the `with`."""

    def __enter__(self) -> HostileServer:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._log = TemporaryFile()
        self._read = 0
        port = self.address.split(":")[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cnnviz", "--port", port], cwd=ROOT, stdout=self._log, stderr=self._log
        )
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://{self.address}/_stcore/health", timeout=1)
                return self
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"the server does not start: {self.log()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def log(self) -> str:
        """What it has logged since the last call."""
        found = os.pread(self._log.fileno(), 10_000_000, self._read)
        self._read += len(found)
        return re.sub(r"\x1b\[[0-9;]*m", "", found.decode(errors="replace"))

    def computed(self) -> float:
        """Seconds that it has computed, whatever else the machine does."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Megabytes that it holds."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE / 1e6
