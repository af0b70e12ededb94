"""The server as a visitor and as a stranger meet it: started for real, asked over HTTP."""

from __future__ import annotations

import ast
import gzip
import io
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from urllib.parse import unquote, urljoin

import numpy as np
import pytest
from PIL import Image

from cnnviz.images import SAMPLES
from cnnviz.ui.components import FOLDER, PLOTLY_JS, ROUTE, browser_files
from cnnviz.ui.image_picker import thumbnails_address
from cnnviz.ui.serving import FOREVER, STREAMLIT_FILES

ROOT = FOLDER.parents[1]
STARTS = {
    "python -m cnnviz": [sys.executable, "-m", "cnnviz", "--port"],
    "streamlit run": [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port"],
}


class Server:
    """A started server."""

    def __init__(self, command: list[str], settings: Mapping[str, str] | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STREAMLIT_")} | dict(settings or {})
        self.process = subprocess.Popen(
            [*command, str(self.port)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def wait(self) -> Server:
        for _ in range(600):
            assert self.process.poll() is None, self.output()
            try:
                if self.get("/_stcore/health")[0] == 200:
                    return self
            except (OSError, HTTPException):
                pass
            time.sleep(0.1)
        raise AssertionError("the server does not answer: " + self.stop())

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, HTTPMessage, bytes]:
        """Status, headers and body of one answer; the path is sent as it is, dots and all."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def output(self) -> str:
        assert self.process.stdout
        return self.process.stdout.read().decode(errors="replace")

    def stop(self) -> str:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.output()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    started = {name: Server(command) for name, command in STARTS.items()}  # both at once
    try:
        yield {name: server.wait() for name, server in started.items()}
    finally:
        for server in started.values():
            server.stop()


@pytest.fixture(scope="module")
def server(servers: dict[str, Server]) -> Server:
    return servers["python -m cnnviz"]


@pytest.mark.parametrize("name", STARTS)
def test_both_ways_of_starting_serve_the_same(servers: dict[str, Server], name: str) -> None:
    one = servers[name]
    assert one.get("/_stcore/health")[0] == 200
    status, headers, body = one.get("/")
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert b"<script" in body
    status, _, body = one.get(f"{ROUTE}/stage_view.js")
    assert (status, body) == (200, browser_files()["stage_view.js"].read_bytes())


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("path", ["/", "/?stride=2", "/_stcore/health", f"{ROUTE}/stage_view.js", f"{ROUTE}/none.js"])
def test_every_answer_carries_the_security_headers(servers: dict[str, Server], name: str, path: str) -> None:
    _, headers, _ = servers[name].get(path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers.get_all("content-security-policy") is not None
    assert len(headers.get_all("content-security-policy")) == 1
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] in ("'self'", "'none'")
    allowed = {source for sources in policy.values() for source in sources.split()}
    known = {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert allowed <= known, "no other machine"
    assert "data:" not in policy["script-src"]


@pytest.mark.parametrize("name", browser_files())
def test_browser_files_are_served_whole_packed_and_forever(server: Server, name: str) -> None:
    content = browser_files()[name].read_bytes()
    plain_status, plain, body = server.get(f"{ROUTE}/{name}")
    packed_status, packed, packed_body = server.get(f"{ROUTE}/{name}", accept_encoding="gzip, deflate, br")
    assert plain_status == packed_status == 200
    assert plain["content-encoding"] is None
    assert body == content
    assert packed["content-encoding"] == "gzip"
    assert gzip.decompress(packed_body) == content
    assert len(packed_body) < len(content) or len(content) < 200
    for headers, sent in ((plain, body), (packed, packed_body)):
        assert int(headers["content-length"]) == len(sent)
        cached = headers["cache-control"]
        assert "immutable" in cached
        assert int(re.search(r"max-age=(\d+)", cached)[1]) >= 31_536_000
        assert "accept-encoding" in headers["vary"].lower()
        kind = headers["content-type"].split(";")[0]
        assert kind in {".js": ("text/javascript", "application/javascript"), ".css": ("text/css",)}[Path(name).suffix]


@pytest.mark.parametrize("encoding", ["gzip;q=0", "gzip; q=0.0, identity", "notgzip", "br"])
def test_nothing_is_packed_for_who_cannot_unpack(server: Server, encoding: str) -> None:
    streamlit_script = next(path.name for path in STREAMLIT_FILES.glob("js/*.js"))
    status, headers, _ = server.get(f"/static/js/{streamlit_script}", accept_encoding=encoding)
    assert (status, headers["content-encoding"]) == (200, None)


def test_streamlits_scripts_are_packed_and_whole(server: Server) -> None:
    for path in sorted(STREAMLIT_FILES.glob("js/index*.js")):
        _, headers, body = server.get(f"/static/js/{path.name}", accept_encoding="gzip")
        assert headers.get_all("content-encoding") == ["gzip"]
        assert gzip.decompress(body) == path.read_bytes()
    _, headers, body = server.get("/static/js/nonsense.js", accept_encoding="gzip")
    assert b"<script" in (gzip.decompress(body) if headers["content-encoding"] else body), "as Streamlit answers it"


def test_browser_file_names_are_unique() -> None:
    names = [path.name for path in FOLDER.glob("*/*") if path.suffix in {".js", ".css"}]
    assert sorted(names) == sorted(set(names)), "they are served from one folder"
    assert PLOTLY_JS.name not in names


@pytest.mark.parametrize(
    "name",
    ["none.js", "__init__.py", "site.py", "STAGE_VIEW.JS", "plotly.min.js.map", "stage_view.js%00", "..%5c..%5capp.py",
     "stage_view%2fstage_view.js", "..%2f..%2fapp.py", "%2e%2e%2f%2e%2e%2fapp.py", "..", "%2e%2e"],
)  # fmt: skip
def test_unknown_names_are_not_found(server: Server, name: str) -> None:
    status, _, body = server.get(f"{ROUTE}/{name}")
    if "/" in (plain := unquote(name)) or plain == "..":  # an address like any other, or one that Streamlit refuses
        assert status in (400, 404) or body == server.get("/")[2]
    else:
        assert status in (400, 404)
        assert len(body) < 300


@pytest.mark.parametrize(
    "path",
    ["/", "/../../app.py", "/%2e%2e/%2e%2e/app.py", "/stage_view.js/..%2f..%2f..%2fapp.py", "/stage_view.js/",
     "/%2fetc%2fpasswd", "/stage_view/stage_view.js", "/.streamlit%2fconfig.toml", "/..%2f..%2f.streamlit/config.toml"],
)  # fmt: skip
def test_no_path_leads_out(server: Server, path: str) -> None:
    status, headers, body = server.get(ROUTE + path)
    if status in (301, 307):
        assert headers["location"].startswith(("/", f"http://127.0.0.1:{server.port}/"))
    else:
        assert status in (400, 404) or body == server.get("/")[2], "at most the empty page of the app"


@pytest.mark.parametrize(
    "path", ["/app.py", "/cnnviz/ui/site.py", "/.streamlit/config.toml", "/static/../app.py", "/app/static/..%2fapp.py"]
)
def test_the_sources_are_not_served(server: Server, path: str) -> None:
    status, _, body = server.get(path)
    assert status in (400, 403, 404) or body == server.get("/")[2]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_browser_files_can_only_be_read(server: Server, method: str) -> None:
    assert server.get(f"{ROUTE}/stage_view.js", method, content_length="0")[0] == 405


def test_what_the_first_page_asks_for_is_there_and_packed(server: Server) -> None:
    page = server.get("/")[2].decode()
    wanted = re.findall(r"(?:src|href)=\"([^\"]+\.(?:js|css))\"", page)
    assert wanted
    for address in wanted:
        path = urljoin("/", address)
        status, headers, packed = server.get(path, accept_encoding="gzip")
        _, _, plain = server.get(path)
        assert status == 200
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed) == plain
        again = server.get(path, accept_encoding="gzip")
        assert again[2] == packed
        assert again[1].get_all("content-length") == [str(len(packed))]


@pytest.mark.parametrize("entry", [path.name for path in FOLDER.glob("*/*.js") if path.stem == path.parent.name])
def test_all_that_a_component_imports_is_served(server: Server, entry: str) -> None:
    seen: set[str] = set()
    wanted = [entry]
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        status, _, body = server.get(f"{ROUTE}/{name}")
        assert status == 200, f"{name}, which {entry} needs"
        if name.endswith(".js") and name != PLOTLY_JS.name:
            code = uncommented(body.decode())
            imports = re.findall(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""", code)
            assert all(found.startswith("./") for found in imports), "a bare name means nothing to a browser"
            wanted += [found.removeprefix("./") for found in imports]
            wanted += re.findall(r"""new URL\(\s*["']([^"']+)["']\s*,\s*import\.meta\.url""", code)
    assert f"{Path(entry).stem}.css" in seen


def test_every_module_is_imported_by_something() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*/*.js"))
    entries = {path.name for path in FOLDER.glob("*/*.js") if path.stem == path.parent.name}
    for path in FOLDER.glob("*/*.js"):
        assert path.name in entries or f'"./{path.name}"' in code, f"{path.name} is dead"


# --- no other machine is asked ----------------------------------------------------------------------

FOREIGN = re.compile(r"""(?:https?:|wss?:)?//[\w.-]+\.\w{2,}|@import|\bcdn\b""", re.IGNORECASE)
NAMES_ONLY = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml")  # of XML vocabularies: nobody fetches them


def uncommented(code: str) -> str:
    """JavaScript or CSS without comments; a string or template stays."""
    pieces = re.compile(
        r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|/\*.*?\*/|//[^\n]*""", re.DOTALL
    )
    return pieces.sub(lambda found: found[1] or "", code)


def test_comments_are_told_from_addresses() -> None:
    assert uncommented('a = "http://x.org"; // see http://y.org\n/* http://z.org */') == 'a = "http://x.org"; \n'


@pytest.mark.parametrize(
    "path", [p for p in FOLDER.glob("*/*") if p.suffix in {".js", ".css"}], ids=lambda path: path.name
)
def test_no_browser_file_asks_another_machine(path: Path) -> None:
    code = uncommented(path.read_text(encoding="utf-8"))
    for name in NAMES_ONLY:
        code = code.replace(name, "")
    assert FOREIGN.findall(code) == []


@pytest.mark.parametrize(
    "path", [*ROOT.glob("cnnviz/**/*.py"), *ROOT.glob("pages/**/*.py"), ROOT / "app.py"], ids=lambda path: path.stem
)
def test_no_python_file_sends_the_browser_to_another_machine(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # docstrings may name their sources
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = None
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert [text for text in texts if FOREIGN.search(text)] == []


def test_settings_keep_the_server_quiet() -> None:
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert re.search(r"^gatherUsageStats = false$", config, re.MULTILINE)
    assert re.search(r'^showErrorDetails = "none"$', config, re.MULTILINE)


def test_python_m_cnnviz_starts_from_anywhere_and_prints_its_address(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cnnviz", "--help"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "--host" in answer.stdout
    assert "--port" in answer.stdout


def test_it_prints_its_address_and_stops_when_told() -> None:
    server = Server(STARTS["python -m cnnviz"])
    try:
        server.wait()
    finally:
        said = server.stop()
    assert f"http://127.0.0.1:{server.port}" in said
    assert "Traceback" not in said
    assert server.process.returncode in (0, -15), said


def test_the_samples_small_pictures(server: Server) -> None:
    status, headers, body = server.get(thumbnails_address())
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/jpeg", FOREVER["cache-control"])
    with Image.open(io.BytesIO(body)) as strip:
        pixels = np.asarray(strip.convert("RGB"), np.float32)
    side = pixels.shape[0]
    assert pixels.shape == (side, side * len(SAMPLES), 3)
    for place, sample in enumerate(SAMPLES.values()):
        with Image.open(sample.path) as image:
            small = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BOX), np.float32)
        difference = np.abs(pixels[:, side * place : side * (place + 1)] - small)
        assert difference.mean() < 8, sample.name
        assert difference[:, [0, -1]].mean() < 12, f"{sample.name} has something of its neighbours"
