"""What pip, uv, Poetry and PDM make of a mirror in a bucket, behind nginx as a CDN; and uv of one that only it may read."""

import functools
import http.server
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

import pytest

import buckets
import clients
import iam
from buckets import Bucket
from places import GUIDES
from running import wheelfix
from serving import SERVERS, Server, in_background, nginx
from stand_ins import write_others, write_torch
from wheelfix.mirror.check import check_index

pytestmark = pytest.mark.clients
here = pytest.mark.skipif(platform.machine() != "x86_64", reason="the guarded requirements are of x86_64")
_JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    """Both architectures of torch 2.7.0+cpu, as they came, and stand-ins for all that they require."""
    folder = tmp_path_factory.mktemp("wheels")
    return write_torch(folder), write_others(folder)


def open_to_all(bucket: Bucket) -> None:
    """Let everybody read what is public, as the documentation says; a container that is public is that already."""
    if bucket.url.startswith("s3:"):
        allowed = json.dumps(iam.policy("s3-clients", bucket.name))
        buckets.s3_client(bucket).put_bucket_policy(Bucket=bucket.name, Policy=allowed)


def publish(bucket: Bucket, torches: list[Path], others: list[Path], *options: str) -> str:
    """Fix ``torches`` into a mirror in ``bucket``, add the ``others``, and return its URL."""
    mirror = f"{bucket.url}/team"
    with pytest.MonkeyPatch.context() as patch:
        buckets.use(bucket, patch)
        for words in (("strip-gpu", *options, "--publish", mirror, *torches), ("mirror", "add", mirror, *others)):
            ran = wheelfix(*words)
            assert ran.code == 0, ran.err
        ran = wheelfix("mirror", "check", "--strict", mirror)
        assert ran.code == 0, ran.out + ran.err
    return mirror


@pytest.fixture(scope="session", params=["s3", "azure-public"])
def published(request: pytest.FixtureRequest, cloud: buckets.Servers, wheels: tuple[list[Path], list[Path]]) -> Bucket:
    """A bucket that everybody may read, with a mirror below ``team``."""
    bucket = cloud.bucket(request.param)
    publish(bucket, *wheels)
    open_to_all(bucket)
    return bucket


def cdn(bucket: Bucket, work: Path) -> AbstractContextManager[Server]:
    """Serve the mirror in ``bucket`` as the documentation says."""
    origin = urlsplit(bucket.endpoint)
    path = f"{origin.path}/{bucket.name}/team/public"
    changes = {"127.0.0.1:9000": origin.netloc, "/wheels/team/public": path, "/var/cache/nginx/wheels": f"{work}/cache"}
    return nginx(work, "nginx-bucket.conf", work, changes)


@pytest.fixture
def server(published: Bucket, tmp_path: Path) -> Iterator[Server]:
    with cdn(published, tmp_path / "nginx") as started:
        yield started


LOCKERS = {"uv lock": clients.uv_lock, "poetry lock": clients.poetry_lock, "pdm lock": clients.pdm_lock}


@pytest.mark.parametrize("locker", LOCKERS)
def test_all_lock_and_install_from_it(locker: str, server: Server, tmp_path: Path) -> None:
    """To lock, metadata files alone are loaded, and not one byte of a wheel."""
    app = tmp_path / "app"
    lock = LOCKERS[locker](app, server.index)
    assert server.wheel_bytes() == 0, server.asked()
    assert any(each.path.endswith(".metadata") for each in server.asked())
    assert "nvidia" not in lock
    assert "triton" not in lock
    assert "2.7.0+cpu" in lock
    assert "sha256:" in lock
    if locker == "uv lock":
        installed = clients.uv_sync(app)
        assert "torch" in installed
        assert "nvidia" not in installed
    else:
        names = {"poetry lock": clients.poetry_sync, "pdm lock": clients.pdm_sync}[locker](app)
        assert "torch-2.7.0+cpu" in names
        assert not any(name.startswith(("nvidia", "triton")) for name in names)


@here
def test_pip_resolves_and_installs(server: Server, tmp_path: Path) -> None:
    report = clients.pip_report(tmp_path / "pip", server.index)
    assert server.wheel_bytes() == 0
    installed = clients.pip_install(tmp_path / "there", server.index)
    names = {each["metadata"]["name"] for each in report["install"]}
    assert "torch" in names
    assert not any(name.startswith(("nvidia", "triton")) for name in names)
    assert "torch-2.7.0+cpu.dist-info" in installed
    assert any("%2Bcpu" in each.path for each in server.asked())


def test_clients_see_no_finding(server: Server) -> None:
    """Types, headers, hashes and metadata files: what the bucket stores is what the CDN passes on."""
    checked = check_index(server.index)
    assert checked.findings == ()
    assert checked.files == 12


def test_the_bucket_and_what_its_cdn_shows_are_the_same_until_the_cdn_is_stale(
    cloud: buckets.Servers, wheels: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    bucket = cloud.bucket("s3")
    mirror = publish(bucket, *wheels)
    open_to_all(bucket)
    with cdn(bucket, tmp_path / "nginx") as server, pytest.MonkeyPatch.context() as patch:
        buckets.use(bucket, patch)
        same = wheelfix("mirror", "check", "--strict", mirror, "--against", server.index)
        assert same.code == 0, same.out + same.err
        assert wheelfix("mirror", "yank", mirror, "torch", "--reason", "broken").code == 0
        stale = wheelfix("mirror", "check", mirror, "--against", server.index)
    assert stale.code == 0, "within max-age that is a warning"
    assert "served-stale" in stale.out


@pytest.mark.parametrize("kind", ["s3", "azure-public"])
def test_a_yank_reaches_clients_and_their_locks_hold(
    kind: str, cloud: buckets.Servers, wheels: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    bucket = cloud.bucket(kind)
    older = write_torch(tmp_path, "2.6.0+cpu")
    mirror = publish(bucket, [*wheels[0], *older], wheels[1])
    open_to_all(bucket)
    with cdn(bucket, tmp_path / "before") as server:
        locked = clients.uv_compile(tmp_path / "locked", server.index)
    assert "torch==2.7.0+cpu" in locked
    with pytest.MonkeyPatch.context() as patch:
        buckets.use(bucket, patch)
        assert wheelfix("mirror", "yank", mirror, "torch==2.7.0+cpu", "--reason", "broken").code == 0
    with cdn(bucket, tmp_path / "after") as server:
        assert "torch==2.6.0+cpu" in clients.uv_compile(tmp_path / "again", server.index)
        (tmp_path / "locked.txt").write_text(locked)
        installed = clients.pip_install(tmp_path / "pip", server.index, f"-r{tmp_path / 'locked.txt'}")
    assert "torch-2.7.0+cpu.dist-info" in installed


def get(url: str, accept: str = "*/*", method: str = "GET") -> tuple[bytes, dict[str, str]]:
    with urlopen(Request(url, headers={"Accept": accept}, method=method)) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def test_the_headers_of_the_bucket_reach_clients(server: Server) -> None:
    page, headers = get(f"{server.index}torch/", _JSON)
    assert headers["content-type"] == _JSON
    assert headers["cache-control"] == "max-age=600"
    _, headers = get(urljoin(f"{server.index}torch/", json.loads(page)["files"][0]["url"]), method="HEAD")
    assert headers["content-type"] == "application/octet-stream"
    assert "immutable" in headers["cache-control"]
    html, headers = get(f"{server.index}torch/", "text/html")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["vary"] == "Accept"
    assert b"<!DOCTYPE html>" in html
    assert get(f"{server.index}torch/index.json", "text/html")[0] == page


def test_nginx_asks_for_files_as_clients_write_them_and_only_once(tmp_path: Path) -> None:
    """S3 reads a plain ``+`` as a space; and what is immutable is asked for once."""
    asked: list[str] = []

    class Origin(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Cache-Control", "max-age=31536000, immutable")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as origin, in_background(origin):
        bucket = Bucket("s3://wheels", f"http://127.0.0.1:{origin.server_address[1]}", {})
        with cdn(bucket, tmp_path) as server:
            for _ in range(2):
                get(f"{server.url}/files/torch/0123/torch-2.7.0%2Bcpu-py3-none-any.whl")
            get(f"{server.index}torch/", _JSON)
            with pytest.raises(OSError, match="403"):
                get(f"{server.index}torch/", method="POST")
            with pytest.raises(OSError, match="404"):
                get(f"{server.url}/private/journal/torch")
    below = "/wheels/team/public"
    assert asked == [f"{below}/files/torch/0123/torch-2.7.0%2Bcpu-py3-none-any.whl", f"{below}/simple/torch/index.json"]


CLOUDFRONT = """
const {stdin, stdout} = process, vm = require('vm'), fs = require('fs');
vm.runInThisContext(fs.readFileSync(process.argv[1], 'utf8'));
const event = ([uri, accept]) => ({request: {uri, headers: accept ? {accept: {value: accept}} : {}}});
Promise.all(JSON.parse(process.argv[2]).map(event).map(handler)).then(found => stdout.write(JSON.stringify(found)));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_function_for_cloudfront_finds_pages() -> None:
    wheel = "/files/torch/0123/torch-2.7.0%2Bcpu-py3-none-any.whl"
    asked = [
        ("/simple/torch/", f"{_JSON}, text/html;q=0.01"),
        ("/simple/", "text/html"),
        ("/simple/torch/", ""),
        (wheel, "*/*"),
        ("/simple/torch/index.json", "text/html"),
        ("/simple/zope-interface", "text/html"),
    ]
    command = ["node", "-e", CLOUDFRONT, str(SERVERS / "cloudfront.js"), json.dumps(asked)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    json_page, html_page = "/simple/torch/index.json", "/simple/torch/index.html"
    assert [each.get("uri") for each in found] == [json_page, "/simple/index.html", html_page, wheel, json_page, None]
    assert found[-1]["headers"]["location"]["value"] == "/simple/zope-interface/"


@contextmanager
def private(kind: str, cloud: buckets.Servers) -> Iterator[tuple[Bucket, dict[str, str], functools.partial[None]]]:
    """A bucket, the environment in which uv may read it, and what closes it for all others."""
    if kind == "s3":
        with buckets.moto() as endpoint:
            bucket = buckets.s3_bucket(endpoint)
            user = iam.user(endpoint, iam.policy("s3-read", bucket.name))
            yield bucket, {**user, "UV_S3_ENDPOINT_URL": endpoint}, functools.partial(iam.enforce, endpoint)
    else:
        bucket = cloud.bucket("azure")
        names = {"AZURE_STORAGE_ACCOUNT_NAME": buckets.ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": buckets.KEY}
        yield bucket, {**names, "UV_AZURE_ENDPOINT_URL": bucket.endpoint}, functools.partial(lambda: None)


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_uv_reads_a_private_bucket_as_the_docs_say(
    kind: str, cloud: buckets.Servers, wheels: tuple[list[Path], list[Path]], tmp_path: Path
) -> None:
    """By the URL of a page, as a flat index; what stands in docs/guides/private-bucket.md is what is run here."""
    with private(kind, cloud) as (bucket, variables, close):
        publish(bucket, *wheels)
        close()
        page = f"{bucket.endpoint}/{bucket.name}/team/public/simple/torch/index.html"
        with pytest.raises(OSError, match=r"40[34]|500"):
            get(page)
        table = (GUIDES / "private-bucket.md").read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
        shown = "https://s3.eu-central-1.amazonaws.com/wheels/team/public/simple/"
        assert table.count(shown) == 1
        app = tmp_path / "app"
        app.mkdir()
        others = [f'[[tool.uv.index]]\nurl = "{page.replace("torch", each)}"\nformat = "flat"\n'
                  for each in ("filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec")]  # fmt: skip
        others[-1] += "default = true\n"
        text = table.replace('requires-python = ">=3.11"', f'requires-python = "=={clients.PYTHON}.*"')
        text = text.replace(shown, page.removesuffix("torch/index.html")) + "".join(others)
        (app / "pyproject.toml").write_text(text)
        clients.run(*clients.UV, "lock", cwd=app, UV_NO_CONFIG="0", **variables)
        lock = (app / "uv.lock").read_text()
        clients.run(*clients.UV, "sync", "--locked", cwd=app, UV_NO_CONFIG="0", **variables)
    assert "%2Bcpu" in lock
    assert lock.count("sha256:") == 8
    assert "nvidia" not in lock
    assert "torch-2.7.0+cpu" in {path.name.removesuffix(".dist-info") for path in app.glob(".venv/lib/*/site-packages/*")}
