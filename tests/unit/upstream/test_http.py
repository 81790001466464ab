"""Requests to servers that are slow, endless, hostile or curious: within limits, and without secrets."""

import gzip
import http.server
import random
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demos import demo_wheel
from running import wheelfix
from scripting import JSON, Asked, Index, Reply, answering
from serving import in_background
from wheelfix.errors import MirrorError
from wheelfix.progress import NoProgress
from wheelfix.upstream.cache import Cache
from wheelfix.upstream.client import get_page, get_projects
from wheelfix.upstream.html_links import flatten
from wheelfix.upstream.http import Session
from wheelfix.upstream.remote_wheel import find_file, metadata_of
from wheelfix.upstream.urls import shown_url, split_sha256, validate_url

PAGE = b'{"meta": {"api-version": "1.1"}, "name": "demo", "versions": [], "files": []}'
TYPE = {"Content-Type": JSON}


def refused(code: str, call: Callable[[], object]) -> MirrorError:
    with pytest.raises(MirrorError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value


def save(session: Session, url: str, path: Path) -> str:
    """Download at most 1,000 bytes to ``path``."""
    with session.request("GET", url) as answer:
        return session.save(url, answer, path, largest=1000)


@pytest.mark.parametrize("limit", [{"seconds": 1, "timeout": 30}, {"seconds": 1, "timeout": 0.5}])
def test_a_body_that_drips_ends_with_the_time(limit: dict[str, Any]) -> None:
    """Each byte comes in time, and the last one after half a minute."""
    with answering(lambda asked: Reply(PAGE + b" " * 300, headers=TYPE, pause=0.1)) as server:
        refused("limit-reached", lambda: get_page(Session(**limit), server.index, "demo"))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"])
def test_a_line_that_drips_ends_with_the_time(head: bytes) -> None:
    """One of the head, or the one with the size of a chunk, of which http.client returns nothing before its end."""

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(head)
            for byte in b"HTTP/1.1 200 OK\r\nX-Header: " + b"x" * 300 + b"\r\nContent-Length: 0\r\n\r\n":
                if done.wait(0.1):
                    return
                connection.sendall(bytes([byte]))

    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        refused("limit-reached", lambda: Session(seconds=1).get(url))
        done.set()
        thread.join()


def test_a_file_that_drips_ends_with_the_time(tmp_path: Path) -> None:
    with answering(lambda asked: Reply(b"x" * 300, pause=0.1)) as server:
        refused("limit-reached", lambda: save(Session(seconds=1), f"{server.url}/x", tmp_path / "x"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1])
@pytest.mark.parametrize("name", ["timeout", "seconds"])
def test_limits_that_limit_nothing(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Session(**{name: value})  # type: ignore[arg-type]


def test_redirects_are_followed_counted_and_limited() -> None:
    def reply(asked: Asked) -> Reply:
        if asked.path == "/simple/demo/":
            return Reply(status=302, headers={"Location": "/elsewhere/demo/"})
        if asked.path.startswith("/again"):
            return Reply(b"x" * 100_000, 307, {"Location": asked.path + "x"})
        return Reply(PAGE, headers=TYPE)

    with answering(reply) as server:
        page = get_page(Session(most=2), server.index, "demo")
        assert page is not None
        refused("limit-reached", lambda: get_page(Session(most=1), server.index, "demo"))
        refused("bad-redirect", lambda: Session().get(f"{server.url}/again"))
        assert len([each for each in server.asked() if each.path.startswith("/again")]) == 10


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://example.invalid/", "http://[::1", "http://h:99999/", "http://who:secret@127.0.0.1:9/"],
)
def test_redirects_that_are_not_followed(target: str) -> None:
    """They are the index's mistake: nobody typed such a URL, so the exit code is not that of wrong usage."""
    with answering(lambda asked: Reply(status=302, headers={"Location": target})) as server:
        error = refused("bad-redirect", lambda: Session().get(f"{server.url}/x"))
        ran = wheelfix("mirror", "check", server.index)
    assert "secret" not in str(error)
    assert f"{server.url}/x redirects to a URL that is not valid: " in str(error)
    assert "the URL of an index" not in str(error), "there may be none"
    assert ran.code == 3
    assert "redirects to a URL that is not valid" in ran.err


@pytest.mark.parametrize("what", ["a body", "HEAD", "304", "a redirect"])
def test_a_connection_is_kept_for_the_next_request(what: str, tmp_path: Path) -> None:
    """Each new one takes one round trip more, and with TLS two or three."""
    ports: set[int] = set()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.add(self.client_address[1])
            status = 304 if "If-None-Match" in self.headers else 302 if self.path == "/redirect" else 200
            self.send_response(status)
            for name, value in {"ETag": '"1"', "Location": "/x"}.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", "100")
            self.end_headers()
            if self.command != "HEAD" and status != 304:
                self.wfile.write(b"x" * 100)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_background(server):
        url = f"http://127.0.0.1:{server.server_address[1]}"
        session = Session(cache=Cache(tmp_path) if what == "304" else None)
        for _ in range(5):
            if what == "HEAD":
                with session.request("HEAD", f"{url}/x") as answer:
                    assert answer.status_code == 200
                    assert session.get(f"{url}/x").status == 200  # as another thread may, before this one closes it
            else:
                assert session.get(f"{url}/redirect" if what == "a redirect" else f"{url}/x").body == b"x" * 100
        assert session.traffic.unchanged == (4 if what == "304" else 0)
        session.close()
    assert len(ports) == 1


def test_a_redirect_does_not_leave_https() -> None:
    from wheelfix.upstream.answers import follow

    refused("bad-redirect", lambda: follow("https://example.org/x", "http://example.org/x"))
    assert follow("https://example.org/x", "/y") == "https://example.org/y"
    assert follow("http://example.org/x", "https://example.org/y") == "https://example.org/y"


def test_a_page_is_inflated_up_to_a_limit() -> None:
    bomb = gzip.compress(b" " * (1 << 26))
    bodies = {"/good/": gzip.compress(b"good" * 1000), "/cut/": gzip.compress(PAGE)[:-9], "/none/": b"none", "/bomb/": bomb}
    with answering(lambda asked: Reply(bodies[asked.path], headers={"Content-Encoding": "gzip"})) as server:
        assert Session().get(f"{server.url}/good/").body == b"good" * 1000
        refused("too-large", lambda: Session().get(f"{server.url}/bomb/"))
        for path in ("/cut/", "/none/"):
            refused("bad-answer", lambda path=path: Session().get(server.url + path))  # type: ignore[misc]
    with answering(lambda asked: Reply(b"x", headers={"Content-Encoding": "br"})) as server:
        refused("bad-answer", lambda: Session().get(f"{server.url}/"))


def test_a_page_of_nothing_but_tags_is_refused() -> None:
    with answering(lambda asked: Reply(b"<a>" * 600_000, headers={"Content-Type": "text/html"})) as server:
        refused("too-large", lambda: get_page(Session(), server.index, "demo"))
        refused("too-many-projects", lambda: get_projects(Session(), server.index))


def test_a_page_with_many_files_is_read() -> None:
    body = b"<!doctype html><body>" + b"".join(
        b'<a href="demo-1.%d-py3-none-any.whl">demo-1.%d-py3-none-any.whl</a><br>\n' % (each, each) for each in range(5000)
    )
    with answering(lambda asked: Reply(body, headers={"Content-Type": "text/html"})) as server:
        page = get_page(Session(), server.index, "demo")
    assert page is not None
    assert len(page.wheels) == 5000


def test_whatever_bytes_come_only_errors_of_the_mirror_come_out(tmp_path: Path) -> None:
    """The seed is fixed: what fails once fails again."""
    chance = random.Random(1)
    wheel = demo_wheel(tmp_path, "1.0").read_bytes()
    index = Index({"demo-1.0-py3-none-any.whl": wheel})
    with answering(index) as server:
        page = Session().get(f"{server.index}demo/").body
        html = b'<a href="demo-1.0-py3-none-any.whl#sha256=0" data-yanked="x" data-core-metadata="sha256=1">demo</a><![x'
        for _ in range(150):
            index.files["demo-1.0-py3-none-any.whl"] = spoilt(chance, wheel)
            with suppress(MirrorError):
                file = find_file(Session(), f"{server.url}/files/demo-1.0-py3-none-any.whl", chance.choice([None, 900])).file
                assert file is None or metadata_of(file)
            body, kind = chance.choice([(page, JSON), (html, "text/html"), (page, "text/html"), (html, "")])
            body = spoilt(chance, body)
            index.spoil = lambda asked, body=body, kind=kind: (  # type: ignore[misc]
                Reply(body, headers={"Content-Type": kind}) if asked.path.startswith("/simple/") else None
            )
            for ask in (lambda: get_page(Session(), server.index, "demo"), lambda: get_projects(Session(), server.index)):
                with suppress(MirrorError):
                    ask()


def spoilt(chance: random.Random, data: bytes) -> bytes:
    """Return ``data`` with some bytes changed, removed or doubled."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(found))
        size = chance.randint(1, 8)
        match chance.randrange(4):
            case 0:
                found[place] = chance.randrange(256)
            case 1:
                del found[place : place + size]
            case 2:
                found[place:place] = found[place : place + size]
            case 3:
                found[place : place + size] = chance.choice(
                    [b"null", b"[]", b"{}", b'"x"', b"-1", b"1e999", b"\\ud800", b"<"]
                )
    return bytes(found or b"x")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.org/simple/?token=secret#secret", "https://example.org/simple/"),
        ("https://who:secret@example.org:8080/x", "https://example.org:8080/x"),
        ("HTTP://who:secret@example.org/x", "http://example.org/x"),
        ("ftp://who:secret@example.org/x?secret", "...@example.org/x"),
        ("who:secret@example.org/x", "...@example.org/x"),
        ("http://who:se/cret@example.org/x", "...@example.org/x"),
        ("http://who:se#cret@example.org/x", "...@example.org/x"),
        ("http://[::1", "http://[::1"),
        ("http://example.org/\x1b[2J", "http://example.org/\\x1b[2J"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, said: str) -> None:
    assert shown_url(url) == said


@pytest.mark.parametrize(
    "url", ["ftp://who:hidden@example.org/", "who:hidden@example.org", "http://who:hidden@[::1", "http://who:hidden@h/"]
)
def test_errors_about_a_url_show_no_secrets(url: str) -> None:
    with pytest.raises(MirrorError) as caught:
        validate_url(url)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("fragment", ["sha256=" + "A" * 64, "egg=x&sha256=" + "a" * 64, "SHA256=" + "a" * 64])
def test_the_sum_in_a_url(fragment: str) -> None:
    assert split_sha256(f"https://example.org/x.whl?y=1#{fragment}") == ("https://example.org/x.whl?y=1", "a" * 64)
    assert split_sha256("https://example.org/x.whl#md5=abc") == ("https://example.org/x.whl", None)


@pytest.mark.parametrize("fragment", ["sha256=", "sha256=" + "a" * 63, f"sha256={'a' * 64}&sha256={'b' * 64}"])
def test_a_sum_in_a_url_that_is_none(fragment: str) -> None:
    refused("bad-url", lambda: split_sha256(f"https://example.org/x.whl#{fragment}"))


def test_missing_credentials_get_help() -> None:
    with answering(lambda asked: Reply(status=403)) as server:
        error = refused("access-denied", lambda: get_page(Session(), server.index, "demo"))
    assert "127.0.0.1" in error.hint
    assert "~/.netrc" in error.hint
    assert "keyring" in error.hint


def test_a_keyring_that_is_locked_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, user: str | None) -> None:
        raise RuntimeError("locked")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_credential=locked))
    with answering(lambda asked: Reply(status=401)) as server:
        refused("access-denied", lambda: get_page(Session(), server.index, "demo"))


def test_a_signature_is_not_shown(tmp_path: Path) -> None:
    with answering(lambda asked: Reply(b"x" * 1001)) as server:
        url = f"{server.url}/x.whl?X-Amz-Signature=secret"
        error = refused("too-large", lambda: save(Session(), url, tmp_path / "x"))
    assert "x.whl" in str(error)
    assert "secret" not in str(error)


def busy(*pauses: str | None, status: int = 503) -> Callable[[Asked], Reply]:
    """Return a server that answers ``status`` as often as there are ``pauses``, each the header Retry-After."""
    left = list(pauses)

    def reply(asked: Asked) -> Reply:
        if not left:
            return Reply(PAGE, headers=TYPE)
        pause = left.pop(0)
        return Reply(b"busy", status, {} if pause is None else {"Retry-After": pause})

    return reply


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would be waited, in seconds: nobody waits."""
    found: list[float] = []
    monkeypatch.setattr("wheelfix.upstream.http.sleep", found.append)
    return found


@pytest.mark.parametrize("status", [429, 503, 502, 504])
@pytest.mark.parametrize(
    ("said", "waited"),
    [
        (["7"], [7.0]),
        (["0", "3"], [0.0, 3.0]),
        ([None, None, None], [1.0, 2.0, 4.0]),
        (["soon", "-1", "\u00b2"], [1.0, 2.0, 4.0]),
    ],
)
def test_requests_to_a_busy_server_are_retried(
    status: int, said: list[str | None], waited: list[float], pauses: list[float]
) -> None:
    with answering(busy(*said, status=status)) as server:
        assert get_page(Session(), server.index, "demo") is not None
        assert len(server.requests) == len(said) + 1
    assert pauses == waited


def test_a_date_to_ask_again_counts_from_that_of_the_answer() -> None:
    """Whatever our own clock says."""
    from wheelfix.upstream.answers import pause_before

    def pause(after: str, date: str | None) -> float:
        headers = {"Retry-After": after} | ({} if date is None else {"Date": date})
        return pause_before(2, SimpleNamespace(headers=headers))  # type: ignore[arg-type]

    assert pause("Wed, 21 Oct 2015 07:28:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT") == 30
    assert pause("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:30 GMT") == 0
    assert pause("Wed, 21 Oct 2015 07:28:00", "Wed, 21 Oct 2015 07:28:00 GMT") == 2
    assert pause("soon", None) == 2


@pytest.mark.parametrize("date", [None, "", "today", "Wed, 21 Oct 2015 07:28:00"])
def test_a_date_to_ask_again_counts_from_now_where_the_answer_has_none(date: str | None) -> None:
    from wheelfix.upstream.answers import pause_before

    headers = {"Retry-After": formatdate(time.time() + 90, usegmt=True)} | ({} if date is None else {"Date": date})
    assert 80 < pause_before(2, SimpleNamespace(headers=headers)) <= 90  # type: ignore[arg-type]
    headers["Retry-After"] = "Wed, 21 Oct 2015 07:28:00 GMT"
    assert pause_before(2, SimpleNamespace(headers=headers)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "limit", "requests"),
    [
        (["121"], {}, 1),
        (["9" * 5000], {}, 1),
        (["60"], {"seconds": 30}, 1),
        (["1"] * 9, {}, 4),
    ],
)
def test_a_long_pause_is_not_waited_for(said: list[str], limit: dict[str, Any], requests: int, pauses: list[float]) -> None:
    with answering(busy(*said)) as server:
        error = refused("bad-answer", lambda: get_page(Session(**limit), server.index, "demo"))
        assert len(server.requests) == requests
    assert (error.message.endswith("answers 503"), "busy" in error.hint) == (True, True)


def test_all_pauses_of_a_run_have_one_limit(pauses: list[float]) -> None:
    session = Session(seconds=10_000)
    with answering(busy(*["100"] * 50)) as server:
        for _ in range(4):
            with suppress(MirrorError):
                get_page(session, server.index, "demo")
    assert sum(pauses) == 600


def test_a_pause_is_reported(pauses: list[float]) -> None:
    """Who waits for two minutes learns why; a pause of nothing is none."""
    heard: list[tuple[str, float, str]] = []

    class Heard(NoProgress):
        def waiting(self, name: str, seconds: float, reason: str) -> None:
            heard.append((name, seconds, reason))

    with answering(busy("0", "7")) as server:
        get_page(Session(progress=Heard()), server.index, "demo")
        assert heard == [(f"{server.index}demo/", 7.0, "the server answers 503")]


def test_each_retry_counts_as_a_request(pauses: list[float]) -> None:
    with answering(busy("1", "1", "1")) as server:
        refused("limit-reached", lambda: get_page(Session(most=2), server.index, "demo"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_is_not_trusted_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQUESTS_CA_BUNDLE works, and SSL_CERT_FILE does not, whatever other tools read."""
    bundle, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", str(key), "-out", str(bundle), *words]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with answering(lambda asked: Reply(PAGE, headers=TYPE), context=context) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        error = refused("no-answer", lambda: get_page(Session(), server.index, "demo"))
        assert "SSLError" in error.message
        assert "set REQUESTS_CA_BUNDLE" in error.hint
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert get_page(Session(), server.index, "demo") is not None


def html(body: str, kind: str = "text/html") -> Callable[[Asked], Reply]:
    return lambda asked: Reply(body.encode(), headers={"Content-Type": kind})


NGINX = """<html><head><title>Index of /simple/</title></head><body><h1>Index of /simple/</h1><hr><pre><a href="../">../</a>
<a href="demo/">demo/</a>                                   27-Nov-2026 10:00                   -
<a href="a-project-with-a-name-that-is-longer-than-nginx-shows/">a-project-with-a-name-that-is-longer-than-nginx-..&gt;</a>
</pre><hr></body></html>"""
APACHE = """<html><body><h1>Index of /simple</h1><table>
<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td></tr><tr><td><a href="demo/">demo/</a></td></tr></table></body></html>"""


@pytest.mark.parametrize(
    ("listing", "projects"),
    [(NGINX, ["a-project-with-a-name-that-is-longer-than-nginx-shows", "demo"]), (APACHE, ["demo"])],
)
def test_a_listing_of_directories_has_links_upwards(listing: str, projects: list[str]) -> None:
    with answering(html(listing)) as server:
        assert get_projects(Session(), server.index) == projects


def test_a_listing_of_files_has_their_full_names() -> None:
    name = "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    body = f'<a href="../">../</a>\n<a href="{name}#sha256={"0" * 64}">{name[:47]}..&gt;</a>  27-Nov-2026  9\n'
    with answering(html(body)) as server:
        page = get_page(Session(), server.index, "demo")
        assert page is not None
        [file] = page.page.packages
    assert (file.filename, file.url) == (name, f"{server.url}/simple/demo/{name}")


def test_a_full_name_has_no_blanks_around_it() -> None:
    with answering(html('<a href="demo-1.0-py3-none-any.whl%20">demo-1.0-py3..&gt;</a>')) as server:
        page = get_page(Session(), server.index, "demo")
    assert page is not None
    assert [each.filename for each in page.page.packages] == ["demo-1.0-py3-none-any.whl"]


def test_a_name_that_is_cut_off_and_leads_nowhere() -> None:
    """Its URL cannot be read: it is refused with the page, and no error of the parser of URLs gets out."""
    with answering(html('<a href="//[">x..&gt;</a>')) as server:
        with pytest.raises(MirrorError) as refusal:
            get_page(Session(), server.index, "demo")
        assert refusal.value.code == "bad-page"
        with pytest.raises(MirrorError) as refusal:
            get_projects(Session(), server.index)
        assert refusal.value.code == "no-index"


@pytest.mark.parametrize(
    "tag", ["<li>", "<td><tr>", *(pytest.param(tag, marks=pytest.mark.slow) for tag in ("<p>", "<div>", "<li><b>"))]
)
def test_tags_without_an_end_are_read(tag: str) -> None:
    links = "".join(f'{tag}<a href="demo-{each}-py3-none-any.whl">demo-{each}-py3-none-any.whl</a>' for each in range(3000))
    with answering(html(f"<ul>{links}")) as server:
        page = get_page(Session(), server.index, "demo")
        assert page is not None
        assert len(page.wheels) == 3000
        projects = "".join(f'{tag}<a href="p{each}/">p{each}' for each in range(3000))
    with answering(html(projects)) as server:
        assert len(get_projects(Session(), server.index)) == 3000


def test_what_html_says_of_a_file() -> None:
    body = """<head><meta name="pypi:repository-version" content="1.4"><base href="/elsewhere/"></head>
    <A HREF="demo-1.0-py3-none-any.whl#sha256=00" Data-Requires-Python=">=3.8" data-yanked data-size="12"
    data-upload-time="2026-01-01T00:00:00Z" data-dist-info-metadata="sha256=11">demo-1.0-<b>py3</b>-none-any.whl</A>
    <a href="demo-2.0-py3-none-any.whl" data-yanked="a &quot;b&quot; &amp;lt;" data-size="x" data-upload-time="x">
    demo-2.0-py3-none-any.whl <a href="demo-3.0-py3-none-any.whl">demo-3.0-py3-none-any.whl<a name="x">none</a>"""
    with answering(html(body)) as server:
        page = get_page(Session(), server.index, "demo")
        assert page is not None
        one, two, three = page.page.packages
    assert one.url == f"{server.url}/elsewhere/demo-1.0-py3-none-any.whl"
    assert (one.is_yanked, one.yanked_reason, one.requires_python, one.size) == (True, "", ">=3.8", 12)
    assert one.upload_time is not None
    assert (one.has_metadata, one.metadata_digests) == (True, {"sha256": "11"})
    assert (two.is_yanked, two.yanked_reason, two.size, two.upload_time) == (True, 'a "b" &lt;', None, None)
    assert (three.filename, three.is_yanked) == ("demo-3.0-py3-none-any.whl", False)


@pytest.mark.parametrize("version", ["1.99", "0.9", "1.4.1"])
def test_a_newer_minor_version_is_read_without_a_word(version: str) -> None:
    """Warnings are errors in tests."""
    name = "demo-1.0-py3-none-any.whl"
    body = f'<meta name="pypi:repository-version" content="{version}"><a href="{name}">{name}</a>'
    json = PAGE.replace(b"1.1", version.encode())
    for reply in (html(body), lambda asked: Reply(json, headers={"Content-Type": JSON})):
        with answering(reply) as server:
            assert get_page(Session(), server.index, "demo") is not None
    root = html(f'<meta name="pypi:repository-version" content="{version}"><a href="demo/">demo</a>')
    projects = json.replace(b'"name": "demo", "versions": [], "files": []', b'"projects": [{"name": "demo"}]')
    for reply in (root, lambda asked: Reply(projects, headers={"Content-Type": JSON})):
        with answering(reply) as server:
            assert get_projects(Session(), server.index) == ["demo"]


@pytest.mark.parametrize("version", ["2.0", "1!1.0", "1!1.9", "1!0.9", "one", "1." * 30 + "0", ""])
def test_another_version_is_an_error(version: str) -> None:
    json = PAGE.replace(b"1.1", version.encode())
    body = f'<meta name="pypi:repository-version" content="{version}"><a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>'
    for reply in (html(body), lambda asked: Reply(json, headers={"Content-Type": JSON})):
        with answering(reply) as server:
            with pytest.raises(MirrorError, match="cannot be read as a page"):
                get_page(Session(), server.index, "demo")


@pytest.mark.parametrize("version", ["2.0", "one", "1." * 30 + "0", ""])
def test_a_version_that_clients_do_not_read_does_not_matter(version: str) -> None:
    """The first one with the exact name counts."""
    meta, link = '<meta name="pypi:repository-version" content="{}">', '<a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>'
    one, other = meta.format("1.99"), meta.format(version)
    for heads in (f"{one}{other}", f"{other.replace('pypi', 'PyPI')}{one}"):
        with answering(html(f"{heads}{link}")) as server:
            page = get_page(Session(), server.index, "demo")
        assert page is not None
        assert (page.page.repository_version, len(page.page.packages)) == ("1.4", 1)


@pytest.mark.parametrize(
    ("status", "known", "unknown"),
    [("archived", "archived", None), ("frozen", "None", "frozen"), ("", "None", "")],
)
def test_the_status_of_a_project_in_html(status: str, known: str, unknown: str | None) -> None:
    body = f"""<meta name="pypi:project-status" content="{status}"><meta name="pypi:repository-version" content="1.4">
    <a href="demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a>"""
    with answering(html(body)) as server:
        page = get_page(Session(), server.index, "demo")
    assert page is not None
    assert (str(page.page.status), page.unknown_status, len(page.wheels)) == (known, unknown, 1)


@pytest.mark.parametrize(
    "kind",
    [
        "text/html; charset=latin-1",
        "text/html; charset=nosuch",
        "text/html",
        "text/html; charset",
        "text/html; charset=idna",
        "text/html; charset=undefined",
        "text/html; charset=punycode",
        "text/html; charset=utf-16",
        "text/html; charset=cp037",
        "text/html; charset=unicode_escape",
    ],
)
def test_the_charset_is_what_the_server_says(kind: str) -> None:
    name = "demo-1.0-py3-none-any.whl"
    body = f'<a href="{name}" data-yanked="\u00fc">{name}</a>'.encode("latin-1" if "latin" in kind else "utf-8")
    with answering(lambda asked: Reply(body, headers={"Content-Type": kind})) as server:
        page = get_page(Session(), server.index, "demo")
        assert page is not None
        assert page.wheels[0].yanked_reason == "\u00fc"


@pytest.mark.parametrize(
    "unit",
    ["<", "<a ", "<a", "<!--", "<![", "<?", "&#", "</a", '<a x="', "<a x='\"", "<script>", "<title>", "<a href=x>", "<li>"],
)
def test_every_markup_is_read_in_linear_time(unit: str) -> None:
    """Parsers that start again at each unclosed tag take minutes for this, and hours for a page of 32 MiB."""
    flat = flatten((unit * (1 << 17)).encode()[: 1 << 17], "")
    assert len(flat.anchors) == ((1 << 17) // len(unit) if "href" in unit else 0)


def test_what_is_no_markup_leads_nowhere() -> None:
    hidden = '<a href="hidden-1.0-py3-none-any.whl">hidden</a>'
    body = f"""<script>x = '{hidden}'</script><!-- {hidden} --><title>{hidden}</title>
    <a href='one' href=two>1 < 2 &amp; 3</a><STYLE>{hidden}</STYLE><a href = three title='>'>three</a> <a href=four>four"""
    assert [(each.text, each.attributes["href"]) for each in flatten(body.encode(), "").anchors] == [
        ("1 < 2 & 3", "one"), ("three", "three"), ("four", "four")]  # fmt: skip


@pytest.mark.parametrize("target", ["/gr\u00f6\u00dfe/x.whl", "/gr%C3%B6%C3%9Fe/x.whl"])
def test_redirects_may_be_utf8(target: str) -> None:
    """As browsers follow it; http.client reads headers as Latin-1."""

    def reply(asked: Asked) -> Reply:
        if asked.path == "/gr%C3%B6%C3%9Fe/x.whl":
            return Reply(b"here")
        return Reply(status=302, headers={"Location": target.encode().decode("latin-1")})

    with answering(reply) as server:
        assert Session().get(f"{server.url}/x").body == b"here"
