"""deploy/ as it runs: real nginx with the configuration that is shipped, before two real replicas."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bench.visitor import VisitorError
from cnnviz.ui.components import ROUTE
from cnnviz.ui.serving import STREAMLIT_FILES
from tests.deploy_guests import XSRF, Guest, lives_at, upload
from tests.deploy_manifests import probes
from tests.deploy_servers import (
    PATIENCE,
    ROOT,
    Front,
    Listener,
    Replica,
    environment,
    free_port,
    front,
    open_folder,
    program,
    replicas_behind_nginx,
    say,
    stand_in,
)  # fmt: skip

KERNELS = (
    "edge", "sharpen", "emboss", "identity", "sobel-x", "sobel-y", "1,0;0,1", "0,1;1,0", "2", "3", "4", "1,2", "3,4",
)  # fmt: skip
SOONER = 15.0  # seconds; far more than it takes


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Front, dict[str, Replica]]]:
    """nginx, and by their names the replicas behind it."""
    with replicas_behind_nginx() as both:
        yield both


@pytest.fixture
def both(started: tuple[Front, dict[str, Replica]]) -> tuple[Front, dict[str, Replica]]:
    """As `started`, with both replicas up, whatever a test before has done to them."""
    _, replicas = started
    for replica in replicas.values():
        if not replica.is_running():
            replica.start()
    for replica in replicas.values():
        replica.wait()
    return started


# --- what passes --------------------------------------------------------------------------------------


SCRIPT = max(STREAMLIT_FILES.glob("js/index*.js"), key=lambda path: path.stat().st_size)
FONT = next(STREAMLIT_FILES.glob("media/*.woff2"))


@pytest.mark.parametrize(
    "path", ["/", "/network?net=relu", "/_stcore/health", f"{ROUTE}/stage_view.js", f"/static/js/{SCRIPT.name}",
             f"/static/media/{FONT.name}"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_answers_come_through_whole_and_their_headers_once(
    both: tuple[Front, dict[str, Replica]], path: str, packed: bool
) -> None:
    it, replicas = both
    offer = {"Accept_Encoding": "gzip, deflate, br"} if packed else {}
    status, headers, body = it.ask(path, **offer)
    own_status, own, own_body = replicas["a"].ask(path)
    assert status == own_status == 200
    if packed and headers["content-encoding"]:
        assert headers.get_all("content-encoding") == ["gzip"]
        body = gzip.decompress(body)
    assert body == own_body
    assert (headers["content-encoding"] is not None) == (
        packed and len(own_body) > 1000 and path != f"/static/media/{FONT.name}"
    )
    names = [name.lower() for name in headers if name.lower() not in ("set-cookie", "vary")]
    assert sorted(names) == sorted(set(names))
    for name in (
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "permissions-policy",
        "cache-control",
    ):
        assert packed or headers[name] == own[name]
    assert headers["server"] == "nginx", "and not which one"


METRICS = [
    "/metrics",
    "/metrics/",
    "/metrics?a",
    "//metrics",
    "/%6detrics",
    "/x/../metrics",
    "/_stcore/metrics",
    "/_stcore/./metrics",
]


def test_metrics_are_not_for_everyone(both: tuple[Front, dict[str, Replica]]) -> None:
    it, replicas = both
    assert replicas["a"].ask("/_stcore/metrics")[0] == 200, "there is something to hide"
    for path in METRICS:
        status, _, body = it.ask(path)
        assert status == 404, path
        assert b"nothing here" in body, path


def test_each_has_his_replica_and_keeps_it(both: tuple[Front, dict[str, Replica]]) -> None:
    it, replicas = both

    async def visits() -> None:
        guests: list[Guest] = []
        while {guest.replica for guest in guests} != {"a", "b"}:
            assert len(guests) < 60, "one replica gets all"
            guests.append(Guest(it.address))
            await guests[-1].open()
        for guest in (guests[0], guests[-1]):
            (other,) = {"a", "b"} - {guest.replica}
            for _ in range(3):
                assert await asyncio.to_thread(lives_at, replicas[guest.replica].port, guest.session)
                assert not await asyncio.to_thread(lives_at, replicas[other].port, guest.session)
                await guest.close()
                await guest.open()
        for guest in guests:
            await guest.close()

    asyncio.run(visits())


def test_an_upload_reaches_the_replica_that_has_the_page(both: tuple[Front, dict[str, Replica]]) -> None:
    it, _ = both

    async def visit() -> None:
        guest = Guest(it.address)
        await guest.open()
        (other,) = {"a", "b"} - {guest.replica}
        send = lambda *arguments, **named: asyncio.to_thread(upload, it.port, guest.session, *arguments, **named)  # noqa: E731
        for _ in range(4):
            assert (await send(b"x" * 1000, cnnviz_replica=guest.replica))[0] == 204
        assert (await send(bytes(39 << 20), cnnviz_replica=guest.replica))[0] == 204, "the largest that the app takes"
        assert (await send(b"x", cnnviz_replica=other))[0] == 400, "which is what the cookie is for"
        assert (await send(b"x", "", cnnviz_replica=guest.replica))[0] == 403
        stranger = XSRF.replace("0123", "3210")
        assert (await send(b"x", stranger, cnnviz_replica=guest.replica))[0] == 403
        await guest.close()

    asyncio.run(visit())


def test_a_token_of_one_replica_is_good_at_the_other(both: tuple[Front, dict[str, Replica]]) -> None:
    """So the replicas need no secret in common."""
    it, replicas = both

    async def visit() -> None:
        guest = Guest(it.address)
        await guest.open()
        for replica in replicas.values():
            _, headers, _ = await asyncio.to_thread(replica.ask, "/_stcore/health")
            token = re.match(r"_streamlit_xsrf=([^;]+)", headers["set-cookie"])
            assert token
            cookies = {"_streamlit_xsrf": token[1], "cnnviz_replica": guest.replica}
            assert (await asyncio.to_thread(upload, it.port, guest.session, b"x", token[1], **cookies))[0] == 204
        await guest.close()

    asyncio.run(visit())


def test_probes_are_answered(both: tuple[Front, dict[str, Replica]]) -> None:
    it, replicas = both
    for path in probes():
        for server in (it, replicas["a"]):
            status, headers, _ = server.ask(path)
            assert (status, path) == (200, path)
            assert not headers["content-type"].startswith("text/html"), f"{path} is a page like any unknown address"


# --- what nginx itself says -----------------------------------------------------------------------------


def check_said(answer: tuple, status: int, kind: str, sentence: str, tries_again: bool) -> None:
    code, headers, body = answer
    assert (code, headers.get_all("content-type")) == (status, [f"{kind}; charset=utf-8"])
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")
    text = body.decode()
    assert sentence in text
    assert ("<html" in text) == (kind == "text/html")
    assert ('http-equiv="refresh"' in text) == (tries_again and kind == "text/html")


def test_a_file_that_is_too_large_is_refused_in_words() -> None:
    with stand_in(say("never")) as (address, asked), front(address, address) as it:
        size = {"Content_Length": str(42 << 20)}
        check_said(it.ask("/", "PUT", **size), 413, "text/html", "40 MB is the most", False)
        check_said(it.ask("/_stcore/upload_file/a/b", "PUT", **size), 413, "text/plain", "40 MB is the most", False)
        assert asked == []


def test_where_no_replica_answers_the_page_says_so_and_tries_again() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with front(nowhere, nowhere) as it:
        check_said(it.ask("/?stride=2"), 503, "text/html", "tries again by itself", True)
        check_said(it.ask("/_stcore/health"), 503, "text/plain", "tries again by itself", True)
        assert it.ask("/metrics")[0] == 404


@contextlib.contextmanager
def standing_still() -> Iterator[str]:
    """The address of something that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_who_looks_for_his_server_is_not_kept_by_one_that_stands_still() -> None:
    with standing_still() as address, stand_in(say("ok")) as (well, _), front(address, well) as it:
        status, headers, body = it.ask("/_stcore/health", Cookie="cnnviz_replica=a")
        assert (status, body) == (200, b"ok")
        assert headers["set-cookie"].startswith("cnnviz_replica=b; Path=/; HttpOnly; SameSite=Lax")


def test_a_replica_that_is_down_is_passed_over_at_once() -> None:
    down = f"127.0.0.1:{free_port()}"
    with stand_in(say("well")) as (well, _), front(down, well) as it:
        for cookie in ("cnnviz_replica=a", "cnnviz_replica=b", "cnnviz_replica=c", "other=1"):
            for path in ("/", "/_stcore/host-config", "/media/x.png"):
                status, headers, body = it.ask(path, Cookie=cookie)
                assert (status, body) == (200, b"well")
                assert "set-cookie" not in headers, "only a page that looks for its server moves"


# --- who asks -------------------------------------------------------------------------------------------


def test_strangers_are_not_believed() -> None:
    with stand_in(say("ok")) as (address, asked), front(address, address) as it:
        it.ask("/", Host="cnnviz.example.org:8443", X_Forwarded_For="10.1.2.3", Upgrade="h2c", Connection="Upgrade")
        ((_, headers),) = asked
        assert headers.get_all("X-Forwarded-For") == ["127.0.0.1"]
        assert headers["Host"] == "cnnviz.example.org:8443", "Streamlit compares it with a websocket's origin"
        assert headers["Upgrade"] is None
        assert headers["Connection"] == "close"


def test_the_log_names_nobody() -> None:
    down = f"127.0.0.1:{free_port()}"
    with stand_in(say("ok")) as (address, _), front(address, down) as it:
        it.ask("/secretpage?secretsetting=1", Cookie="cnnviz_replica=b; secretcookie=1", Referer="secretreferer")
        it.end()
        lines = it.said().splitlines()
        assert len(lines) == 1
        assert '"status":200' in lines[0]
        assert f'"replica":"{down} : {address}"' in lines[0], "but who did not answer"
        assert "secret" not in lines[0]


def test_a_school_behind_one_address_gets_in_and_one_machine_cannot_take_all() -> None:
    pupils = 200
    together = threading.Barrier(pupils, timeout=PATIENCE)

    def reply(asked: BaseHTTPRequestHandler) -> None:
        together.wait()  # until all of them are there at once
        say("ok")(asked)

    with stand_in(reply) as (address, _), front(address, address) as it, ThreadPoolExecutor(pupils) as pool:
        assert [answer[0] for answer in pool.map(it.ask, ["/"] * pupils)] == [200] * pupils

    few = threading.Barrier(3 + 1, timeout=PATIENCE)

    def hold(asked: BaseHTTPRequestHandler) -> None:
        few.wait()  # three that are inside
        few.wait()  # until the one more was refused
        say("ok")(asked)

    changes = {"limit_conn per_address 1500;": "limit_conn per_address 3;"}
    with stand_in(hold) as (address, _), front(address, address, changes) as it, ThreadPoolExecutor(3) as pool:
        inside = [pool.submit(it.ask, "/") for _ in range(3)]
        few.wait()
        check_said(it.ask("/"), 429, "text/html", "from this address", True)
        few.wait()
        assert [one.result()[0] for one in inside] == [200] * 3


# --- faults ---------------------------------------------------------------------------------------------


def test_who_loses_his_replica_is_at_once_at_the_other_and_stands_where_he_stood(
    both: tuple[Front, dict[str, Replica]],
) -> None:
    it, replicas = both
    away: list[float] = []

    async def work(number: int, guest: Guest, until: asyncio.Event) -> None:
        """Turn a knob again and again; what he sees is his own, always."""
        await guest.open({"kernel": KERNELS[number]})
        step = 0
        while not until.is_set():
            step += 1
            bias = 1 + number + step % 8 / 8
            lost = time.perf_counter()
            try:
                run = await guest.tweak("bias", bias)
            except VisitorError:
                run = await guest.comes_back()
                away.append(time.perf_counter() - lost)
            seen = {name: value for name, value in run.header["address"].items() if value is not None}
            wanted = {"kernel": KERNELS[number], "bias": f"{bias:g}"}
            assert seen == {name: value for name, value in wanted.items() if (name, value) != ("kernel", "edge")}
            await asyncio.sleep(0.5)

    async def lesson() -> None:
        guests = [Guest(it.address, cookie=f"cnnviz_replica={'ab'[i % 2]}") for i in range(12)]
        until = asyncio.Event()
        working = asyncio.gather(*(work(i, guest, until) for i, guest in enumerate(guests)))
        while not all(guest.query.get("bias") for guest in guests):
            await asyncio.sleep(0.1)
            assert not working.done() or working.result()
        assert [guest.replica for guest in guests] == ["a", "b"] * 6
        await asyncio.to_thread(replicas["a"].end, signal.SIGKILL)
        while not working.done() and len(away) < 6:
            await asyncio.sleep(0.1)
        await asyncio.to_thread(replicas["a"].start)
        await asyncio.to_thread(replicas["a"].wait)
        await asyncio.sleep(0.5)
        until.set()
        await working
        assert [guest.losses for guest in guests] == [1, 0] * 6, "nobody else noticed, and nobody was sent back"
        assert {guest.replica for guest in guests} == {"b"}
        for guest in guests:
            assert await asyncio.to_thread(lives_at, replicas["b"].port, guest.session)
            assert (await asyncio.to_thread(upload, it.port, guest.session, b"x", cnnviz_replica="b"))[0] == 204
            await guest.close()

    asyncio.run(lesson())
    print(f"back at the other replica after {', '.join(f'{seconds:.2f}' for seconds in sorted(away))} s")
    assert max(away) < SOONER


def test_after_a_restart_of_all_everyone_stands_where_he_stood(both: tuple[Front, dict[str, Replica]]) -> None:
    it, replicas = both

    async def lesson() -> None:
        guests = [Guest(it.address, cookie=f"cnnviz_replica={'ab'[i % 2]}") for i in range(4)]
        for number, guest in enumerate(guests):
            await guest.open({"kernel": KERNELS[number + 1]})
            await guest.tweak("bias", number + 0.5)
        for replica in replicas.values():
            await asyncio.to_thread(replica.end)
        for replica in replicas.values():
            replica.start()
        runs = await asyncio.gather(*(guest.comes_back() for guest in guests))
        for number, run in enumerate(runs):
            seen = {name: value for name, value in run.header["address"].items() if value is not None}
            assert seen == {"kernel": KERNELS[number + 1], "bias": f"{number + 0.5:g}"}
        for guest in guests:
            await guest.close()

    asyncio.run(lesson())


def test_who_reads_slowly_holds_up_nobody_and_is_let_go(both: tuple[Front, dict[str, Replica]]) -> None:
    _, replicas = both
    a = replicas["a"]

    async def lesson() -> None:
        # A slow line holds little, and we have not got a minute.
        changes = {"send_timeout 60s;": "send_timeout 2s;", "so_keepalive=": "sndbuf=16k so_keepalive="}
        with front(a.address, a.address, changes) as it, socket.socket() as narrow:
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            narrow.connect(("127.0.0.1", it.port))
            slow = await connect(
                f"ws://{it.address}/_stcore/stream", sock=narrow.dup(), subprotocols=["streamlit"], compression=None,
                ping_interval=None, proxy=None,
            )  # fmt: skip
            message = BackMsg()
            message.rerun_script.query_string = ""
            await slow.send(message.SerializeToString())
            first = await slow.recv()
            assert isinstance(first, bytes)
            session = ForwardMsg.FromString(first).new_session.initialize.session_id
            slow.transport.pause_reading()
            assert await asyncio.to_thread(lives_at, a.port, session)
            quick = Guest(it.address)
            await quick.open()
            number = 0
            give_up = time.monotonic() + PATIENCE
            while await asyncio.to_thread(lives_at, a.port, session):
                assert time.monotonic() < give_up, "the slow one is not let go"
                number += 1
                with contextlib.suppress(ConnectionError, ConnectionClosed):
                    message.rerun_script.query_string = f"bias={number}"  # 300 kB of maps, of which he takes 1 byte
                    await slow.send(message.SerializeToString())
                    narrow.recv(1)
                assert (await quick.tweak("bias", float(number))).header["address"]["bias"] == f"{number}"
                await asyncio.sleep(0.1)
            await quick.close()

    asyncio.run(lesson())


def test_who_vanishes_is_forgotten(both: tuple[Front, dict[str, Replica]]) -> None:
    it, replicas = both

    async def visit() -> None:
        guest = Guest(it.address)
        await guest.open()
        port = replicas[guest.replica].port
        assert await asyncio.to_thread(lives_at, port, guest.session)
        guest.abandon()
        give_up = time.monotonic() + PATIENCE
        while await asyncio.to_thread(lives_at, port, guest.session):
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)

    asyncio.run(visit())


# --- one machine: Caddy in front of one replica -----------------------------------------------------------


def test_caddy_passes_the_app_on_and_hides_its_metrics(both: tuple[Front, dict[str, Replica]]) -> None:
    _, replicas = both
    with open_folder() as folder:
        it = Listener(folder, "caddy")
        text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
        changes = {"cnnviz.example.org {": f"http://{it.address} {{", "127.0.0.1:8501": replicas["a"].address}
        for shipped, here in changes.items():
            assert shipped in text
            text = text.replace(shipped, here)
        (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text, encoding="utf-8")
        it.run(
            [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")],
            env=environment(HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder)),
        )
        try:
            it.wait()
            for path in METRICS:
                assert it.ask(path)[0] == 404, path
            _, headers, body = it.ask("/", Accept_Encoding="gzip")
            assert gzip.decompress(body) == replicas["a"].ask("/")[2]
            assert len(headers.get_all("content-security-policy")) == 1

            async def visit() -> None:
                guest = Guest(it.address)
                await guest.open({"kernel": "sharpen"})
                run = await guest.tweak("bias", 2.0)
                assert run.header["address"]["kernel"] == "sharpen"
                assert (await asyncio.to_thread(upload, it.port, guest.session, b"x"))[0] == 204
                assert (await asyncio.to_thread(upload, it.port, guest.session, bytes(42 << 20)))[0] == 413
                await guest.close()

            asyncio.run(visit())
        finally:
            it.end()
