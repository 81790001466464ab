"""Why a server does not answer, in words: no name of a class, and no URL."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NameResolutionError

from wheelfix.errors import MirrorError
from wheelfix.upstream.answers import reason_of
from wheelfix.upstream.http import Session

NAME = NameResolutionError("x.invalid", HTTPConnection("x.invalid"), socket.gaierror(socket.EAI_NONAME, "x"))


def why_silent(url: str) -> str:
    """Return the message for a server that does not answer."""
    with pytest.raises(MirrorError) as caught:
        Session().get(url)
    assert caught.value.code == "no-answer"
    return caught.value.message


@contextmanager
def sending(data: bytes) -> Iterator[str]:
    """Give the address of a server that sends ``data`` to whoever connects, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(data)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("scheme", "data", "words"),
    [
        ("http", b"", "connection closed without an answer"),
        ("http", b"garbage\r\n\r\n", "not an HTTP answer"),
        ("https", b"HTTP/1.1 200 OK\r\n\r\n", "no TLS connection"),
    ],
)
def test_what_a_server_does_instead_of_answering(scheme: str, data: bytes, words: str) -> None:
    with sending(data) as address:
        message = why_silent(f"{scheme}://{address}/x.whl")
    assert message == f"{scheme}://{address}/x.whl does not answer: {words}"


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x.whl"
        message = why_silent(url)
    assert message == f"{url} does not answer: {os.strerror(errno.ECONNREFUSED).lower()}"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectionError(NAME), "host name not found"),
        (requests.ReadTimeout("https://user:secret@example.org/"), "timed out"),
        (requests.ConnectionError(TimeoutError()), "timed out"),
        (requests.ConnectionError(OSError(errno.ENETUNREACH, "x")), os.strerror(errno.ENETUNREACH).lower()),
        (requests.exceptions.SSLError("x"), "no TLS connection"),
        (requests.ConnectionError("https://user:secret@example.org/"), "the connection failed"),
        (ValueError("https://user:secret@example.org/"), "the connection failed"),
    ],
)
def test_errors_in_words(error: Exception, words: str) -> None:
    assert reason_of(error) == words


def test_errors_that_cause_each_other() -> None:
    one, other = OSError("one"), OSError("other")
    one.__cause__, other.__cause__ = other, one
    assert reason_of(one) == "the connection failed"
