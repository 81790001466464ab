"""The servers that stand in for clouds do what the clouds do, as far as a mirror needs it: asked by obstore itself."""

import http.client
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import buckets
import proxies
import serving
from buckets import Bucket, client
from proxies import Exchange

obstore = pytest.importorskip("obstore")
pytestmark = [pytest.mark.slow, pytest.mark.parts]


@pytest.fixture(params=buckets.KINDS)
def store(request: pytest.FixtureRequest, new_bucket: Callable[[str], Bucket]) -> Any:
    """A client of an empty bucket, of each kind in turn."""
    return client(new_bucket(request.param))


def test_a_bucket_is_empty(store: Any) -> None:
    assert obstore.list(store).collect() == []
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "nothing")


def test_what_is_created_is_not_created_again(store: Any) -> None:
    obstore.put(store, "a", b"one", mode="create")
    with pytest.raises(obstore.exceptions.AlreadyExistsError):
        obstore.put(store, "a", b"two", mode="create")
    assert bytes(obstore.get(store, "a").bytes()) == b"one"


def version_of(put: Any) -> Any:
    """Return the version in the form in which it is sent back: without what the store did not give."""
    return {name: value for name, value in put.items() if value is not None}


def test_an_old_version_is_not_overwritten(store: Any) -> None:
    first = version_of(obstore.put(store, "a", b"one"))
    second = version_of(obstore.put(store, "a", b"two", mode=first, use_multipart=False))
    assert first != second
    with pytest.raises(obstore.exceptions.PreconditionError):
        obstore.put(store, "a", b"three", mode=first, use_multipart=False)
    obstore.delete(store, "a")
    with pytest.raises((obstore.exceptions.PreconditionError, FileNotFoundError)):
        obstore.put(store, "a", b"three", mode=second, use_multipart=False)


def test_writers_lose_nothing(store: Any) -> None:
    obstore.put(store, "count", b"0")

    def add(_: int) -> None:
        done = False
        while not done:
            got = obstore.get(store, "count")
            version = version_of({"e_tag": got.meta["e_tag"], "version": got.meta.get("version")})
            more = str(int(bytes(got.bytes())) + 1).encode()
            try:
                obstore.put(store, "count", more, mode=version, use_multipart=False)
                done = True
            except obstore.exceptions.PreconditionError:
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(20)))
    assert bytes(obstore.get(store, "count").bytes()) == b"20"


@pytest.mark.parametrize("size", [5, 12 << 20])
def test_what_is_put_comes_back_with_its_headers(size: int, store: Any) -> None:
    data, name = os.urandom(size), "a b/ü+c#d%e&f.whl"
    attributes = {"Content-Type": "text/plain", "Cache-Control": "max-age=600", "sha256": "aa"}
    obstore.put(store, name, data, attributes=attributes)
    got = obstore.get(store, name)
    assert bytes(got.bytes()) == data
    assert {key: got.attributes.get(key) for key in attributes} == attributes
    assert bytes(obstore.get_range(store, name, start=2, end=4)) == data[2:4]
    assert [(each["path"], each["size"]) for each in obstore.list(store, "a b").collect()] == [(name, size)]


def test_a_listing_has_several_pages(store: Any) -> None:
    keys = [f"a/{number:04}" for number in range(1002)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: obstore.put(store, key, b""), keys))
    assert [each["path"] for each in obstore.list(store, "a").collect()] == keys
    obstore.delete(store, keys[:3])
    assert len(obstore.list(store, "a").collect()) == 999


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AZURE_STORAGE_KEY", "GOOGLE_CLOUD_PROJECT", "https_proxy"])
def test_the_clouds_of_the_user_are_out_of_sight(
    name: str, new_bucket: Callable[[str], Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "of the user")
    new_bucket("gcs")
    assert name not in os.environ
    account = json.loads(Path(os.environ["GOOGLE_APPLICATION_CREDENTIALS"]).read_bytes())
    assert account["token_uri"].startswith("http://127.0.0.1:")


def test_anybody_reads_a_public_container(new_bucket: Callable[[str], Bucket]) -> None:
    bucket = new_bucket("azure-public")
    obstore.put(client(bucket), "a", b"one")
    with urllib.request.urlopen(f"{bucket.endpoint}/{bucket.name}/a") as answer:
        assert answer.read() == b"one"


def test_a_versioned_bucket_keeps_what_was_overwritten(new_bucket: Callable[[str], Bucket]) -> None:
    bucket = new_bucket("s3-versioned")
    store = client(bucket)
    obstore.put(store, "a", b"one")
    obstore.put(store, "a", b"two")
    obstore.delete(store, "a")
    assert len(buckets.s3_client(bucket).list_object_versions(Bucket=bucket.name)["Versions"]) == 2
    assert obstore.list(store).collect() == []


def test_the_stub_asks_for_a_token(new_bucket: Callable[[str], Bucket]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{new_bucket('gcs').endpoint}/any")


def body_of(url: str) -> bytes:
    """Return the body of what lies there; whatever goes wrong is an :class:`OSError`."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            body: bytes = answer.read()
            return body
    except http.client.HTTPException as error:
        raise OSError(error) from error


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[proxies.Proxy, str]]:
    """A proxy before a plain server, and the URL by it of a file of six bytes."""
    (tmp_path / "a").write_bytes(b"sixsix")
    with serving.static(tmp_path) as server, proxies.before(server.url) as proxy:
        yield proxy, f"{proxy.url}/a"


@pytest.mark.parametrize("kind", buckets.KINDS)
def test_a_proxy_hands_on_what_it_is_not_told_to_spoil(kind: str, new_bucket: Callable[[str], Bucket]) -> None:
    bucket = new_bucket(kind)
    with proxies.before(bucket.endpoint) as proxy:
        behind = client(bucket.behind(proxy.url))
        obstore.put(behind, "a", b"one", mode="create")
        with pytest.raises(obstore.exceptions.AlreadyExistsError):
            obstore.put(behind, "a", b"one", mode="create")
        assert obstore.head(behind, "a")["size"] == 3
        assert bytes(obstore.get_range(behind, "a", start=1, end=3)) == b"ne"
        assert [each["path"] for each in obstore.list(behind).collect()] == ["a"]
        obstore.delete(behind, "a")
        assert obstore.list(client(bucket)).collect() == []
        assert (proxy.count("PUT"), proxy.count("PUT", "/b$")) == (2, 0)


@pytest.mark.parametrize("act", [Exchange.hang_up, Exchange.lose_answer, Exchange.stall, Exchange.truncate])
def test_a_proxy_spoils_answers(act: Callable[[Exchange], None], served: tuple[proxies.Proxy, str]) -> None:
    proxy, url = served
    proxy.faults.append(proxies.Fault(act, "GET", "/a$", after=1))
    assert body_of(url) == b"sixsix"
    with pytest.raises(OSError, match=r"closed|reset|timed out|IncompleteRead"):
        body_of(url)
    assert body_of(url) == b"sixsix"
    assert proxy.count("GET", "/a$") == 3


def test_a_proxy_refuses_so_many_requests(served: tuple[proxies.Proxy, str]) -> None:
    proxy, url = served
    proxy.faults.append(proxies.Fault(proxies.refuse(503, "SlowDown"), times=2))
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="503"):
            body_of(url)
    assert body_of(url) == b"sixsix"


@pytest.mark.parametrize("kind", ["s3", "gcs"])  # on Azure they are signed
def test_a_proxy_makes_a_server_forget_conditions(kind: str, new_bucket: Callable[[str], Bucket]) -> None:
    bucket = new_bucket(kind)
    obstore.put(client(bucket), "a", b"one")
    with proxies.before(bucket.endpoint) as proxy:
        proxy.faults.append(proxies.Fault(Exchange.without_conditions, times=math.inf))
        obstore.put(client(bucket.behind(proxy.url)), "a", b"two", mode="create")
    assert bytes(obstore.get(client(bucket), "a").bytes()) == b"two"
