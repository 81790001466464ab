"""A mirror in a bucket: what a store of its own must do beside what all stores do (test_store.py)."""

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Timer
from typing import Any, NoReturn

import pytest

import buckets
from buckets import Bucket as NewBucket
from wheelfix.errors import ChangedMeanwhile, MirrorError, SourceChanged, VerificationError
from wheelfix.locations import Url
from wheelfix.mirror.layout import attributes_of
from wheelfix.mirror.storage import open_store
from wheelfix.mirror.storage.base import NewFile, Write
from wheelfix.mirror.storage.local import LocalStore
from wheelfix.mirror.storage.objects import ObjectStore, _probed
from wheelfix.progress import NoProgress
from wheelfix.upstream.buckets import Bucket
from wheelfix.upstream.clouds import GCS, S3, Cloud
from wheelfix.upstream.unfinished import Upload
from wheelfix.wheel.zip.source import Source

obstore = pytest.importorskip("obstore", reason="needs the extra cloud")
KEY = "public/files/demo/0123456789abcdef/demo-1.0-py3-none-any.whl"
PAGE = "public/simple/demo/index.json"
LARGE = 20 << 20


class Client:
    """A client of a store in memory; ``before`` and ``after`` are called around each write, with its key."""

    def __init__(self) -> None:
        from obstore.store import MemoryStore

        self.store = MemoryStore()
        self.before: Callable[[str], None] = lambda key: None
        self.after: Callable[[str], None] = lambda key: None
        self.ignores_conditions = False
        self.requests: list[str] = []

    def put(self, key: str, data: Any, **options: Any) -> Any:
        self.requests.append(f"put {key}")
        self.before(key)
        if self.ignores_conditions:
            options.pop("mode", None)
        done = self.store.put(key, data, **{name: value for name, value in options.items() if value is not None})
        self.after(key)
        return done

    def get(self, key: str, **options: Any) -> Any:
        self.requests.append(f"get {key}")
        return self.store.get(key, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture(autouse=True)
def _probe_again() -> Iterator[None]:
    _probed.clear()
    yield
    _probed.clear()


@pytest.fixture
def client() -> Client:
    return Client()


def store_of(client: Client, cloud: Cloud = S3, prefix: str = "team", *, single_writer: bool = False) -> ObjectStore:
    url = Url("s3://wheels") / prefix if prefix else Url("s3://wheels")
    return ObjectStore(Bucket(url, cloud, "wheels", client, prefix), single_writer=single_writer)  # type: ignore[arg-type]


def page(data: bytes, version: str | None = None, key: str = PAGE) -> Write:
    return Write(key, data, version, attributes_of(key))


def new(content: bytes | Source, key: str = KEY, *, replace: bool = False, sha256: str | None = None) -> NewFile:
    return NewFile(key, content, attributes_of(key), replace=replace, sha256=sha256)


def fails(error: Exception, *, only: str = PAGE, times: int = 1) -> Callable[[str], None]:
    """Return what raises ``error`` for the first writes of a key that ends so."""
    left = [times]

    def fail(key: str) -> None:
        if key.endswith(only) and left[0]:
            left[0] -= 1
            raise error

    return fail


def test_an_answer_that_was_lost_is_no_conflict(client: Client) -> None:
    """The client repeats the request, and the store refuses it because of the first one."""
    store = store_of(client)
    client.after = fails(obstore.exceptions.AlreadyExistsError("it is there"))
    store.put_if([page(b"one")])
    first = store.read(PAGE)
    assert first is not None
    client.after = fails(obstore.exceptions.PreconditionError("it has another version"))
    store.put_if([page(b"two", first.version)])
    assert (store.read(PAGE) or first).data == b"two"


def test_a_conflict_is_believed_only_if_there_is_another_version(client: Client) -> None:
    """Of two requests at once S3 answers one with 409, and the other may fail."""
    store = store_of(client)
    client.before = fails(obstore.exceptions.AlreadyExistsError("409 Conflict"), times=2)
    store.put_if([page(b"one")])
    first = store.read(PAGE)
    assert first is not None
    client.before = fails(
        obstore.exceptions.GenericError("Server returned non-2xx status code: 409 Conflict: <Code>Conditional</Code>")
    )
    store.put_if([page(b"two", first.version)])
    assert (store.read(PAGE) or first).data == b"two"


def test_a_store_that_refuses_again_and_again_is_one_that_changed(client: Client) -> None:
    store = store_of(client)
    client.before = fails(obstore.exceptions.AlreadyExistsError("409"), times=100)
    with pytest.raises(ChangedMeanwhile) as caught:
        store.put_if([page(b"{}", key="public/simple/a/index.json"), page(b"one")])
    assert (caught.value.key, set(caught.value.written)) == (PAGE, {"public/simple/a/index.json"})


@pytest.mark.parametrize("what", ["a page", "a file"])
def test_a_store_without_conditions_is_refused_before_the_first_write(what: str, client: Client) -> None:
    client.ignores_conditions = True
    store = store_of(client)
    with pytest.raises(MirrorError, match="--single-writer") as caught:
        store.put_if([page(b"one")]) if what == "a page" else store.put_new([new(b"file")])
    assert caught.value.code == "no-conditional-writes"
    assert list(store.keys("public")) == list(store.keys("private")) == []


def test_a_probe_whose_answers_are_lost_is_no_refusal(client: Client) -> None:
    """The one that won does not know, as its request was repeated."""
    client.after = fails(obstore.exceptions.AlreadyExistsError("it is there"), only="", times=1)
    store = store_of(client)
    store.put_if([page(b"one")])
    client.before = fails(obstore.exceptions.AlreadyExistsError("409"), only="", times=4)
    _probed.clear()
    store.put_new([new(b"file")])
    assert sorted(store.keys("public")) == [KEY, PAGE]
    client.before = fails(obstore.exceptions.AlreadyExistsError("409"), only="", times=1000)
    _probed.clear()
    with pytest.raises(MirrorError, match="rejected a conditional write that it should accept"):
        store.put_if([page(b"two")])


def test_a_single_writer_needs_no_conditions(client: Client) -> None:
    client.ignores_conditions = True
    store = store_of(client, single_writer=True)
    store.put_if([page(b"one")])
    first = store.read(PAGE)
    assert first is not None
    with pytest.raises(ChangedMeanwhile):
        store.put_if([page(b"two")])
    store.put_if([page(b"two", first.version)])
    with pytest.raises(ChangedMeanwhile):
        store.delete_if(PAGE, first.version)
    second = store.read(PAGE)
    assert second is not None
    assert store.delete_if(PAGE, second.version)
    assert store.read(PAGE) is None
    assert all("probe" not in each for each in client.requests)


def test_a_single_writer_does_not_believe_that_a_page_is_not_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy answers 404 without a code: nothing would keep a new page from taking the place of the one that is there."""
    store = store_of(client, single_writer=True)
    store.put_if([page(b"one"), page(b"[]", key="public/simple/index.json")])
    monkeypatch.setattr(client, "get", not_found)
    assert store.read(PAGE) is None
    for key in (PAGE, "public/simple/index.json"):
        with pytest.raises(MirrorError, match="the store lists it, and answers that it is not there") as caught:
            store.put_if([page(b"two", key=key)])
        assert caught.value.code == "bad-answer"
        with pytest.raises(MirrorError, match="the store lists it"):
            store.delete_if(key, "v")
    store.put_if([page(b"new", key="public/simple/other/index.json")])
    there = [bytes(client.store.get(f"team/{key}").bytes()) for key in (PAGE, "public/simple/index.json")]
    assert there == [b"one", b"[]"]


def not_found(*_: object, **__: object) -> NoReturn:
    raise FileNotFoundError("Server returned non-2xx status code: 404 Not Found: ")


def test_nobody_can_compare_and_delete(client: Client) -> None:
    store = store_of(client)
    store.put_if([page(b"one")])
    stored = store.read(PAGE)
    assert stored is not None
    assert not store.delete_if(PAGE, stored.version)
    assert store.read(PAGE) == stored


def test_a_store_is_probed_once_and_readers_write_nothing(client: Client) -> None:
    reader = store_of(client)
    assert (reader.read(PAGE), reader.head(KEY), list(reader.keys("public"))) == (None, None, [])
    assert not any(each.startswith("put") for each in client.requests)
    reader.put_if([page(b"one")])
    probes = [each for each in client.requests if "private/probes" in each]
    store_of(client).put_new([new(b"file")])
    assert [each for each in client.requests if "private/probes" in each] == probes
    assert list(reader.keys("private")) == []


CHECKS = {  # what lies there, the prefix, and whether it can be read, and become one
    "nothing": ([], "team", False, True),
    "a mirror": (["team/public/simple/index.json", "team/private/journal/demo"], "team", True, True),
    "a copy without what is private": (["team/public/simple/index.json"], "team", True, True),
    "a copy without what is private, and without a root": (["team/public/simple/demo/index.json"], "team", True, True),
    "one that was interrupted at once": (["team/private/runs/demo/1", f"team/{KEY}"], "team", True, True),
    "other things": (["team/notes.txt"], "team", False, False),
    "a mirror beside other things": (["team/public/simple/index.json", "team/notes.txt"], "team", True, True),
    "a directory that is called like ours": (["team/private/key.pem"], "team", False, False),
    "other things in a directory of ours": (["team/private/key.pem", "team/notes.txt"], "team", False, False),
    "the index of another tool": (["team/public/simple/demo/index.html"], "team", False, False),
    "another prefix": (["teams/notes.txt", "other/notes.txt"], "team", False, True),
    "the whole bucket": (["public/simple/index.json"], "", True, True),
    "inside of another": (["team/public/simple/index.json"], "team/sub/mirror", False, False),
    "inside of the mirror of the whole bucket": (["public/simple/index.json"], "team", False, False),
    "an older one inside of another": (
        ["team/public/simple/index.json", "team/sub/public/simple/index.json"],
        "team/sub",
        True,
        True,
    ),
    "a part of one": (["team/public/simple/index.json"], "team/public", False, False),
    "a part of the whole bucket": (["public/simple/index.json"], "private/scratch", False, False),
}


@pytest.mark.parametrize("case", CHECKS)
@pytest.mark.parametrize("create", [True, False])
def test_what_is_and_what_can_become_a_mirror(case: str, create: bool, client: Client) -> None:
    keys, prefix, is_one, can_be = CHECKS[case]
    for key in keys:
        client.store.put(key, b"{}")
    store = store_of(client, prefix=prefix)
    if can_be if create else is_one:
        store.check(create=create)
        return
    with pytest.raises(MirrorError, match="is not a mirror") as caught:
        store.check(create=create)
    assert caught.value.code == "not-a-mirror"
    if "inside" in case:
        name = "s3://wheels/team" if "sub" in prefix else "s3://wheels"
        assert caught.value.hint == (f"Name {name}, or a prefix beside it." if create else caught.value.hint)
    if "part" in case:
        assert f"Name the mirror itself: s3://wheels{'/team' if 'team' in prefix else ''}." in caught.value.hint


def test_files_come_with_their_headers_and_their_sum(new_bucket: Callable[[str], NewBucket]) -> None:
    bucket = new_bucket("s3")
    store = open_store(f"{bucket.url}/team", create=True)
    assert store.put_new([new(b"a wheel")]) == {}
    store.put_if([page(b"{}")])
    s3 = buckets.s3_client(bucket)
    heads = [s3.head_object(Bucket=bucket.name, Key=f"team/{key}") for key in (KEY, PAGE)]
    assert [(each["ContentType"], each["CacheControl"]) for each in heads] == [
        ("application/octet-stream", "max-age=31536000, immutable"),
        ("application/vnd.pypi.simple.v1+json", "max-age=600"),
    ]
    head = store.head(KEY)
    assert head is not None
    assert head.sha256 == heads[0]["Metadata"]["sha256"] == hashlib.sha256(b"a wheel").hexdigest()
    assert head.modified is not None
    assert [(key, each.size, each.sha256) for key, each in store.heads("public/files")] == [(KEY, 7, None)]
    assert store.location == f"{bucket.url}/team"


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Source]:
    path = tmp_path / "large.whl"
    path.write_bytes(os.urandom(1 << 20) * (LARGE >> 20) + b"end")
    with Source(path) as source:
        yield source


class Bytes(NoProgress):
    """Counts bytes, and can do something at the first ones."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self.then = then

    def file_advanced(self, name: str, count: int) -> None:
        if not self.count:
            self.then()
        self.count += count


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs"])
def test_a_large_file_is_sent_in_parts(kind: str, large: Source, new_bucket: Callable[[str], NewBucket]) -> None:
    store = ObjectStore.at(new_bucket(kind).url)
    progress = Bytes()
    assert store.put_new([new(large)], progress) == {}
    assert progress.count == large.size
    with store.open(KEY) as stored:
        digest = hashlib.sha256(stored.read_at(0, stored.size)).hexdigest()
    head = store.head(KEY)
    assert head is not None
    assert (head.size, head.sha256) == (large.size, digest)
    assert digest == hashlib.sha256(large.path.read_bytes()).hexdigest()
    assert {key: type(error) for key, error in store.put_new([new(large)]).items()} == {KEY: FileExistsError}
    assert store.put_new([new(large, replace=True)]) == {}


def unfinished(bucket: NewBucket) -> list[Any]:
    found: list[Any] = buckets.s3_client(bucket).list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])
    return found


@pytest.mark.parametrize("wrong", ["it is written to", "it is not what it should be"])
def test_a_large_file_that_changes_never_appears(wrong: str, large: Source, new_bucket: Callable[[str], NewBucket]) -> None:
    bucket = new_bucket("s3")
    store = ObjectStore.at(bucket.url)

    def change() -> None:
        with large.path.open("r+b") as file:
            file.write(b"changed")

    progress = Bytes(change if wrong == "it is written to" else lambda: None)
    sha256 = "0" * 64 if wrong == "it is not what it should be" else None
    errors = store.put_new([new(large, sha256=sha256)], progress)
    assert {key: type(error) for key, error in errors.items()} == {KEY: SourceChanged}
    assert store.head(KEY) is None
    assert unfinished(bucket) == []


def test_ctrl_c_gives_up_what_is_on_its_way(large: Source, new_bucket: Callable[[str], NewBucket]) -> None:
    bucket = new_bucket("s3")
    store = ObjectStore.at(bucket.url)

    def files() -> Iterator[NewFile]:
        yield new(b"small")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_new(files())
    from wheelfix.mirror.storage.sending import Sender

    with Sender(store._bucket, NoProgress()) as sender:
        sender._stopped.set()
        sender.add(new(large, key=f"{KEY}2"))
    assert {key: getattr(error, "code", "") for key, error in sender.errors.items()} == {f"{KEY}2": "interrupted"}
    assert store.head(f"{KEY}2") is None
    assert unfinished(bucket) == []


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_does_not_wait_for_a_store_that_does_not_answer(
    times: int, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one does not wait for anything."""
    monkeypatch.setattr("wheelfix.mirror.storage.sending._PATIENCE", 0.3 if times == 1 else 60)
    over, store = Event(), store_of(client, single_writer=True)
    before = frozenset(threading.enumerate())

    def stall(key: str) -> None:
        ended.append(over.wait(60))

    ended: list[bool] = []
    client.before = stall
    timers = [Timer(0.2 * number, os.kill, (os.getpid(), signal.SIGINT)) for number in range(1, times + 1)]
    try:
        for timer in timers:
            timer.start()
        with pytest.raises(KeyboardInterrupt):
            store.put_new([new(b"x", key=f"{KEY}{number}") for number in range(20)])
        assert ended == []
        assert len([each for each in client.requests if each.startswith("put")]) <= 8
    finally:
        over.set()
        for timer in timers:
            timer.join()
    started = frozenset(threading.enumerate()) - before
    for each in started:
        each.join(20)
    assert not any(each.is_alive() for each in started)


def test_a_small_file_that_is_not_what_it_should_be_is_not_sent(client: Client) -> None:
    errors = store_of(client).put_new([new(b"a wheel", sha256="0" * 64)])
    assert {key: type(error) for key, error in errors.items()} == {KEY: SourceChanged}
    assert client.store.list().collect() == []


def test_what_did_not_arrive_as_it_was_sent_is_deleted(client: Client) -> None:
    """Where the cloud does not compare a checksum itself, it is read back."""

    def spoil(key: str) -> None:
        if key.endswith(".whl"):
            client.store.put(key, b"spoilt!")

    client.after = spoil
    errors = store_of(client, GCS).put_new([new(b"a wheel"), new(b"metadata", key=f"{KEY}.metadata")])
    assert {key: type(error) for key, error in errors.items()} == {KEY: VerificationError}
    assert [each["path"] for each in client.store.list().collect()] == [f"team/{KEY}.metadata"]


def test_what_was_spoilt_on_the_way_once_is_sent_again(client: Client) -> None:
    def spoil(key: str) -> None:
        if client.requests.count(f"put {key}") == 1 and key.endswith(".whl"):
            client.store.put(key, b"spoilt!")

    client.after = spoil
    store = store_of(client, GCS)
    assert store.put_new([new(b"a wheel")]) == {}
    stored = store.read(KEY)
    assert stored is not None
    assert stored.data == b"a wheel"


def test_what_consoles_make_of_directories_are_no_files(new_bucket: Callable[[str], NewBucket]) -> None:
    """Somebody clicked "create folder": an empty object whose name ends in a slash."""
    bucket = new_bucket("s3")
    for key in (
        "team/",
        "team/public/",
        "team/public/files/",
        "team/public/files/demo/",
        f"team/{KEY}",
        "team/public/files/empty",
    ):
        buckets.s3_client(bucket).put_object(Bucket=bucket.name, Key=key, Body=b"")
    store = ObjectStore.at(f"{bucket.url}/team")
    assert list(store.keys("public/files")) == [KEY, "public/files/empty"]
    assert [each.key for each in store._bucket.found_in("public/files")] == ["public/files/empty"]
    assert [each.key for each in store._bucket.found_below("")] == [KEY, "public/files/empty"]
    assert store._bucket.found_in() == []


def test_a_page_without_end_is_not_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.store.put(f"team/{PAGE}", b"x" * 1001)
    monkeypatch.setattr("wheelfix.upstream.buckets._LARGEST_READ", 1000)
    with pytest.raises(MirrorError, match="more than 1,000 bytes") as caught:
        store_of(client).read(PAGE)
    assert caught.value.code == "too-large"


def test_a_failed_request_is_the_error_of_its_file_only(client: Client) -> None:
    client.before = fails(obstore.exceptions.GenericError("HTTP error: error sending request"), only="b.whl", times=9)
    errors = store_of(client).put_new([new(b"x", key=f"public/files/demo/0/{name}.whl") for name in "abc"])
    assert [(key[-5:], getattr(error, "code", "")) for key, error in errors.items()] == [("b.whl", "no-answer")]
    assert len(list(store_of(client).keys("public/files"))) == 2


def test_unfinished_uploads_are_reported_and_given_up(
    new_bucket: Callable[[str], NewBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = new_bucket("s3")
    s3 = buckets.s3_client(bucket)
    keys = [f"team/{KEY}", "team/elsewhere.whl", f"other/{KEY}"]
    uploads = [s3.create_multipart_upload(Bucket=bucket.name, Key=key)["UploadId"] for key in keys]
    store = ObjectStore.at(f"{bucket.url}/team")
    store.put_new([new(b"listed")])
    monkeypatch.setattr("wheelfix.upstream.unfinished._is_old", lambda begun, now: False)
    assert list(store.problems()) == []
    monkeypatch.setattr("wheelfix.upstream.unfinished._is_old", lambda begun, now: True)
    found = list(store.problems())
    assert [(each.code, each.place, each.fixable) for each in found] == [
        ("leftover", f"private/uploads/{uploads[0]}/{KEY}", True)
    ]
    for _ in range(2):
        store.delete(found[0].place)
    assert list(store.problems()) == []
    assert {each["Key"] for each in unfinished(bucket)} == set(keys[1:])
    assert store.head(KEY) is not None


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"date": "Thu, 01 Jan 2026 00:00:00"}])
def test_a_store_without_a_clock_is_one_whose_uploads_are_unknown(
    headers: dict[str, str], new_bucket: Callable[[str], NewBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore.at(new_bucket("s3").url)
    pages = [{"ResponseMetadata": {"HTTPHeaders": headers}, "Uploads": [{"Key": "x"}]}]
    monkeypatch.setattr("botocore.paginate.Paginator.paginate", lambda self, **_: pages)
    (found,) = store.problems()
    assert (found.code, found.fixable, "no valid Date header" in found.message) == ("leftover", False, True)


def test_objects_with_odd_names_keep_nobody_out(new_bucket: Callable[[str], NewBucket]) -> None:
    """Consoles and scripts make such; the client can read no listing that has one."""
    bucket = new_bucket("s3")
    s3 = buckets.s3_client(bucket)
    s3.put_object(Bucket=bucket.name, Key="team/public/simple/index.json", Body=b"{}")
    s3.put_object(Bucket=bucket.name, Key="team//x", Body=b"")
    store = open_store(f"{bucket.url}/team")
    store.put_if([page(b"{}")])
    s3.put_object(Bucket=bucket.name, Key="team/public/files//x.whl", Body=b"")
    with pytest.raises(MirrorError, match=r"team/public/files//x\.whl") as caught:
        list(store.keys("public/files"))
    assert caught.value.code == "bad-key"


def test_who_may_not_look_around_can_have_a_mirror(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(key: str, **options: Any) -> Any:
        if not key.startswith("team/"):
            raise obstore.exceptions.PermissionDeniedError("403")
        return client.store.get(key, **options)

    monkeypatch.setattr(client, "get", get)
    store_of(client, prefix="team/mirror").check(create=True)


def test_the_name_of_an_upload_is_what_the_store_says(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says that it has no slash."""
    given_up: list[Upload] = []
    upload = Upload(KEY, "a/b%2Fc=+")
    monkeypatch.setattr("wheelfix.mirror.storage.objects.unfinished_uploads", lambda *_: [upload])
    monkeypatch.setattr("wheelfix.mirror.storage.objects.abort", lambda _, each: given_up.append(each))
    store = store_of(client)
    for each in store.problems():
        store.delete(each.place)
    assert given_up == [upload]


def test_an_upload_of_a_day_ago_is_old() -> None:
    from wheelfix.upstream.unfinished import _is_old

    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert _is_old(now - timedelta(hours=25), now)
    assert not _is_old(now - timedelta(hours=23), now)


def test_who_may_not_list_uploads_reads_why(new_bucket: Callable[[str], NewBucket], monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore.at(new_bucket("s3").url)
    from botocore.exceptions import ClientError, EndpointConnectionError

    def refuse(error: Exception) -> None:
        def paginate(self: Any, **_: Any) -> Any:
            raise error

        monkeypatch.setattr("botocore.paginate.Paginator.paginate", paginate)

    for code in ("AccessDenied", "NotImplemented"):
        refuse(ClientError({"Error": {"Code": code}}, "ListMultipartUploads"))
        assert [(each.code, each.fixable, code in each.message) for each in store.problems()] == [("leftover", False, True)]
    refuse(EndpointConnectionError(endpoint_url="https://storage.example.org"))
    with pytest.raises(MirrorError) as caught:
        list(store.problems())
    assert caught.value.code == "no-answer"


def test_a_probe_of_a_killed_process_is_a_leftover(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.store.put("team/private/probes/1", b"")
    monkeypatch.setattr("wheelfix.mirror.storage.objects.unfinished_uploads", lambda bucket, directory: ())
    assert list(store_of(client).problems()) == []
    monkeypatch.setattr("wheelfix.mirror.storage.objects._OLD", timedelta(0))
    assert [each.place for each in store_of(client).problems()] == ["private/probes/1"]


def test_work_in_progress_lies_in_the_cache_of_the_user(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    scratch = store_of(client).scratch()
    assert scratch.is_dir()
    assert scratch.is_relative_to(tmp_path / "wheelfix")
    assert scratch == store_of(client).scratch()
    assert scratch != store_of(client, prefix="other").scratch()


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_without_a_cache_directory_the_error_names_the_variable(
    variable: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container has no home, or one on a file system that nobody can write to."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, "/proc/nonexistent")
    with pytest.raises(MirrorError, match=r"/proc/nonexistent.*XDG_CACHE_HOME") as caught:
        store_of(client).scratch()
    assert (caught.value.code, caught.value.reason) == ("no-cache-directory", "No such file or directory")


def test_a_cache_directory_that_cannot_be_written_is_an_error_at_once(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store_of(client).scratch()
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(MirrorError, match="XDG_CACHE_HOME") as caught:
        store_of(client).scratch()
    assert caught.value.reason == "Permission denied"


def test_a_user_without_a_home_needs_the_variable(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", nowhere)
    with pytest.raises(MirrorError, match=r"has no home directory.*XDG_CACHE_HOME"):
        store_of(client).scratch()


def test_a_file_url_is_a_directory(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/our%20mirror", create=True)
    assert isinstance(store, LocalStore)
    assert store.location == tmp_path / "our mirror"
