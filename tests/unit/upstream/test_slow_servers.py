"""Servers that answer, but so slowly that a run would take hours; and servers that do not answer at all."""

import gc
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ranging import ETAG, Ranged
from scripting import Reply, answering
from wheelfix.errors import MirrorError
from wheelfix.upstream.http import Session
from wheelfix.upstream.inputs import Finder
from wheelfix.upstream.pacing import Server
from wheelfix.upstream.remote_wheel import find_file
from wheelfix.upstream.whole_file import Wanted, download

DATA = b"PK\3\4" + bytes(range(256)) * 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX: "


@contextmanager
def sending(send: Callable[[socket.socket], None]) -> Iterator[str]:
    """Give the URL of a server that answers each connection by ``send``."""

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            send(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x.whl"


def drip(connection: socket.socket) -> None:
    """Send a byte every 50 ms, for a minute."""
    for _ in range(1200):
        connection.sendall(b"x")
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    """Send the head at once, and then as :func:`drip`."""
    connection.sendall(HEAD + b"\r\n\r\n")
    drip(connection)


def drip_head(connection: socket.socket) -> None:
    """Send half a head, and then as :func:`drip`."""
    connection.sendall(HEAD)
    drip(connection)


@pytest.mark.parametrize("send", [drip_head, drip_body])
def test_an_answer_that_drips_ends_soon(send: Callable[[socket.socket], None]) -> None:
    """Each byte comes in time, and all of them would take a minute; the session has an hour."""
    begun = time.monotonic()
    with sending(send) as url, pytest.raises(MirrorError) as caught:
        Session(timeout=0.3).get(url)
    assert (caught.value.code, time.monotonic() - begun < 10) == ("no-answer", True)
    assert caught.value.message == f"{url} answers too slowly: less than 1,000 bytes a second"


def test_a_part_that_drips_ends_soon() -> None:
    server = Ranged(DATA, spoil=lambda asked, right: Reply(right.body, right.status, right.headers, pause=0.05))
    with answering(server) as running, pytest.raises(MirrorError, match="too slowly"):
        find_file(Session(timeout=0.3), f"{running.url}/x.whl")


def test_a_download_that_drips_ends_soon_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.whole_file.sleep", lambda seconds: None)
    with sending(drip_body) as url, pytest.raises(MirrorError, match="too slowly"):
        download(Session(timeout=0.2), Wanted(url, "x.whl"), tmp_path / "x.whl")
    assert not [*tmp_path.iterdir()]


def test_a_slow_link_is_fast_enough(tmp_path: Path) -> None:
    """One with some more than the least rate passes, however long it takes beyond twice the timeout."""

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DATA))
        for start in range(0, len(DATA), 200):
            connection.sendall(DATA[start : start + 200])
            time.sleep(0.1)

    begun = time.monotonic()
    with sending(send) as url:
        sha256 = download(Session(timeout=0.5), Wanted(url, "x.whl"), tmp_path / "x.whl")
    assert (sha256, time.monotonic() - begun > 2) == (hashlib.sha256(DATA).hexdigest(), True)


def test_who_writes_slowly_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the time counts in which the server is waited for."""
    monkeypatch.setattr("wheelfix.upstream.sockets._LEAST_RATE", 10_000_000)
    with answering(lambda asked: Reply(b"x" * 200_000, headers=ETAG)) as server:
        session = Session(timeout=0.2)
        with session.request("GET", server.url) as answer:
            count = 0
            for block in session.blocks(server.url, answer):
                count += len(block)
                time.sleep(0.3)
    assert count == 200_000


def test_a_server_that_never_answers_is_not_asked_for_each_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.http._LONGEST_SILENCE", 0.1)
    asked: list[socket.socket] = []

    def never(connection: socket.socket) -> None:
        asked.append(connection)
        time.sleep(2)

    with sending(never) as url, Finder() as finder:
        monkeypatch.setattr(finder._http(), "_timeout", 0.1)
        monkeypatch.setattr(finder._http()._adapter._sockets, "_timeout", 0.1)
        wheels = [finder.find(f"{url.removesuffix('x.whl')}{number}/x-1-py3-none-any.whl")[0] for number in range(20)]
        messages = []
        for each in wheels:
            with pytest.raises(MirrorError) as caught, each.open():
                pass
            messages.append(caught.value.message)
    assert len(asked) == 3
    assert len([each for each in messages if "did not answer 3 times: no more requests" in each]) == 17


def test_a_network_that_is_gone_for_a_moment_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four downloads break off at once, and each tries again: that is no silence of a minute."""
    now = [100.0]
    monkeypatch.setattr("wheelfix.upstream.pacing.time.monotonic", lambda: now[0])
    server = Server()
    for _ in range(8):
        server.did_not_answer()
    now[0] += 59
    server.refuse_silent("it", 3, 60)
    now[0] += 1
    with pytest.raises(MirrorError, match="did not answer 3 times"):
        server.refuse_silent("it", 3, 60)
    server.received()
    server.did_not_answer()
    server.refuse_silent("it", 3, 60)


def test_a_session_that_nobody_has_any_more_keeps_no_connection_open() -> None:
    """A mirror's process that lives for months syncs thousands of times."""
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        connection.settimeout(30)
        ended.set() if connection.recv(1) == b"" else None

    with sending(answer) as url:
        session = Session()
        assert session.get(url).body == b"x"
        assert not ended.is_set()
        del session
        gc.collect()
        assert ended.wait(30)
