"""`python -m cnnviz`: the tuned server.

`streamlit run app.py` serves the same app, but leaves Nagle's algorithm on (stalls of ~40 ms on a
small message after another) because of how it binds its socket.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cnnviz", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8501)
    arguments = parser.parse_args()

    os.chdir(ROOT)  # Streamlit looks for .streamlit/config.toml here
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would wait for one another: all cores are in use
    import uvicorn

    try:
        from cnnviz.hosting import HOSTING
    except ValueError as error:  # a setting of the host's
        sys.exit(str(error))
    from app import app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:  # the port is ours
                print(f"cnnviz is at http://{arguments.host}:{arguments.port}  (Ctrl+C stops it)", flush=True)

    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # maps are noise to deflate: ~15 ms a message for nothing
        ws_max_size=HOSTING.message_mb * 1_000_000,
        access_log=False,
        log_level="warning",
    )
    server = Server(config)
    server.run()
    sys.exit(0 if server.started else 1)


if __name__ == "__main__":
    main()
