"""What a store does over a network that fails, and at servers that refuse, or promise less than they should."""

import math
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

import buckets
import proxies
from buckets import Bucket
from proxies import Exchange, Fault, Proxy
from storing import CLOUDS, KEY, PAGE, add, content, opened, write
from wheelfix.errors import ChangedMeanwhile, MirrorError
from wheelfix.mirror.storage.base import Store
from wheelfix.upstream import clouds
from wheelfix.wheel.zip.source import Source

pytestmark = [pytest.mark.slow, pytest.mark.parts]

_ANY: Final = math.inf

NewBucket = Callable[[str], Bucket]


class Net(Struct, frozen=True):
    """A bucket behind a proxy: the store as it is reached by that, and as it is reached without."""

    bucket: Bucket
    proxy: Proxy
    store: Store
    direct: Store

    def spoil(self, act: Callable[[Exchange], None], method: str = "", path: str = "", times: float = 1) -> None:
        """Let this happen to requests of the store."""
        self.proxy.faults.append(Fault(act, method, path, times))


@pytest.fixture(params=CLOUDS)
def net(request: pytest.FixtureRequest, new_bucket: NewBucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    """A store of each kind in turn behind a proxy; what waits for a minute waits for a second."""
    bucket = new_bucket(request.param)
    direct = opened(bucket)
    monkeypatch.setattr(clouds, "_MINUTE", timedelta(seconds=1))
    monkeypatch.setattr(clouds, "_PART_OF_MINUTE", timedelta(seconds=1))
    with proxies.before(bucket.endpoint) as proxy:
        behind = bucket.behind(proxy.url)
        buckets.use(behind, monkeypatch)
        yield Net(bucket, proxy, opened(behind), direct)


def error_of_add(store: Store) -> MirrorError:
    """Return why a file cannot be written: it, or anything, as a store is probed before the first one."""
    try:
        [error] = add(store, KEY, b"file").values()
    except MirrorError as of_all:
        return of_all
    assert isinstance(error, MirrorError)
    return error


def test_who_may_not_read_is_told_so_and_nothing_looks_empty(net: Net) -> None:
    write(net.direct, PAGE, b"one")
    net.spoil(proxies.refuse(403, "AccessDenied"), times=_ANY)
    for act in (
        lambda: net.store.read(PAGE),
        lambda: net.store.head(PAGE),
        lambda: [*net.store.keys("public")],
        lambda: [*net.store.heads("public")],
        lambda: net.store.open(PAGE),
        lambda: write(net.store, PAGE, b"two"),
        lambda: net.store.delete(PAGE),
    ):
        with pytest.raises(MirrorError) as caught:
            act()
        assert caught.value.code == "access-denied"
        text = f"{caught.value} {caught.value.hint}"
        assert not any(secret in text for secret in ("AWS4", "Signature", "SharedKey", "Bearer", buckets.KEY))
    assert error_of_add(net.store).code == "access-denied"
    assert content(net.direct, PAGE) == b"one"


def test_an_answer_that_was_lost_is_no_conflict_with_oneself(net: Net) -> None:
    """The client sends the request again, and the store refuses it, because it has done it already."""
    write(net.store, "public/simple/index.json", b"so that it is known that the store compares")
    for data in (b"one", b"two"):
        there = net.store.read(PAGE)
        net.spoil(Exchange.lose_answer, "PUT", "demo")
        try:
            write(net.store, PAGE, data, there.version if there else None)
        except (OSError, MirrorError) as error:
            assert not isinstance(error, ChangedMeanwhile)  # noqa: PT017 - either is an answer
        assert content(net.direct, PAGE) == data
    assert all(fault.times == 0 for fault in net.proxy.faults)


def test_a_conflict_with_another_is_one_although_the_answer_was_lost(net: Net) -> None:
    write(net.store, PAGE, b"one")
    old = net.store.read(PAGE)
    assert old is not None
    write(net.direct, PAGE, b"of another", old.version)
    net.spoil(Exchange.lose_answer, "PUT", "demo")
    with pytest.raises(ChangedMeanwhile):
        write(net.store, PAGE, b"two", old.version)
    assert content(net.direct, PAGE) == b"of another"


@pytest.mark.parametrize("size", [100, 20 << 20])
def test_a_file_whose_answers_were_lost_is_there_or_reported(size: int, net: Net, tmp_path: Path) -> None:
    data = random.Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(data)
    net.spoil(Exchange.lose_answer, "PUT", times=2)
    with Source(tmp_path / "file") as source:
        errors = add(net.store, KEY, source)
        if errors:
            again = add(net.store, KEY, source)
            assert not again or isinstance(again[KEY], FileExistsError)
    assert content(net.direct, KEY) == data


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (429, "TooManyRequests")])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(status: int, code: str, net: Net) -> None:
    write(net.direct, PAGE, b"one")
    net.spoil(proxies.refuse(status, code), times=2)
    assert content(net.store, PAGE) == b"one"
    net.spoil(proxies.refuse(status, code), times=2)
    assert [*net.store.keys("public")] == [PAGE]
    net.spoil(proxies.refuse(status, code), "PUT", times=2)
    assert add(net.store, KEY, b"file") == {}


def test_a_server_that_stays_busy_is_given_up(net: Net) -> None:
    net.spoil(proxies.refuse(503, "SlowDown"), times=_ANY)
    for act in (lambda: net.store.read(PAGE), lambda: [*net.store.keys("public")], lambda: write(net.store, PAGE, b"x")):
        before = len(net.proxy.requests)
        with pytest.raises(MirrorError) as caught:
            act()
        assert caught.value.code == "no-answer"
        assert len(net.proxy.requests) - before <= 40
    assert error_of_add(net.store).code == "no-answer"


def test_a_server_that_says_nothing_is_given_up(net: Net) -> None:
    write(net.direct, PAGE, b"one")
    net.spoil(Exchange.stall, times=_ANY)
    for act in (lambda: net.store.read(PAGE), lambda: net.store.head(PAGE), lambda: [*net.store.keys("public")]):
        with pytest.raises(MirrorError) as caught:
            act()
        assert caught.value.code == "no-answer"


def test_a_server_that_is_gone_is_an_error_of_every_operation(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxies.before(net.bucket.endpoint) as proxy:
        behind = net.bucket.behind(proxy.url)
        buckets.use(behind, monkeypatch)
        store = opened(behind)
        write(store, PAGE, b"one")
    for act in (
        lambda: store.read(PAGE),
        lambda: store.head(PAGE),
        lambda: [*store.keys("public")],
        lambda: [*store.heads("public")],
        lambda: store.open(PAGE),
        lambda: write(store, PAGE, b"two"),
        lambda: store.delete(PAGE),
    ):
        with pytest.raises(MirrorError) as caught:
            act()
        assert caught.value.code == "no-answer"
    assert error_of_add(store).code == "no-answer"


def test_a_body_that_breaks_off_is_never_taken_for_the_whole(net: Net) -> None:
    data = random.Random(3).randbytes(1 << 20)
    write(net.direct, PAGE, data)
    add(net.direct, KEY, data)
    net.spoil(Exchange.truncate, "GET", "index.json")
    assert content(net.store, PAGE) == data
    with net.store.open(KEY) as source:
        net.spoil(Exchange.truncate, "GET", "demo-1")
        assert source.read_at(1000, 500_000) == data[1000:501_000]
    net.spoil(Exchange.truncate, "GET", times=_ANY)
    with pytest.raises(MirrorError):
        net.store.read(PAGE)
    with pytest.raises(MirrorError), net.store.open(KEY) as source:
        source.read_at(600_000, 100_000)


@pytest.mark.parametrize("kind", ["s3", "gcs"])  # on Azure the conditions are signed
def test_a_store_that_ignores_conditions_is_found_out(
    kind: str, new_bucket: NewBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = new_bucket(kind)
    with proxies.before(bucket.endpoint) as proxy:
        proxy.faults.append(Fault(Exchange.without_conditions, times=_ANY))
        behind = bucket.behind(proxy.url)
        buckets.use(behind, monkeypatch)
        with pytest.raises(MirrorError) as caught:
            write(opened(behind), PAGE, b"one")
        assert (caught.value.code, "--single-writer" in (caught.value.hint or "")) == ("no-conditional-writes", True)
        assert [*opened(behind).keys("public")] == []
        alone = opened(behind, single_writer=True)
        write(alone, PAGE, b"one")
        with pytest.raises(ChangedMeanwhile):
            write(alone, PAGE, b"two")
        assert content(alone, PAGE) == b"one"


def conditions_are_unknown(exchange: Exchange) -> None:
    """Answer as a store does that has no conditional writes."""
    conditional = {"if-match", "if-none-match", "x-goog-if-generation-match"} & {name.lower() for name in exchange.headers}
    if exchange.method == "PUT" and conditional:
        proxies.refuse(501, "NotImplemented")(exchange)
    else:
        exchange.forward()


def test_lost_answers_do_not_make_a_store_look_as_if_it_ignored_conditions(net: Net) -> None:
    net.spoil(Exchange.lose_answer, "PUT", "private/probes", times=2)
    write(net.store, PAGE, b"one")
    assert content(net.direct, PAGE) == b"one"
    assert [*net.direct.keys("private/probes")] == []


def test_a_store_without_conditions_needs_a_single_writer(net: Net) -> None:
    net.spoil(conditions_are_unknown, times=_ANY)
    with pytest.raises(MirrorError) as caught:
        write(net.store, PAGE, b"one")
    assert (caught.value.code, "--single-writer" in (caught.value.hint or "")) == ("no-conditional-writes", True)
    alone = opened(net.bucket.behind(net.proxy.url), single_writer=True)
    write(alone, PAGE, b"one")
    assert content(net.direct, PAGE) == b"one"


def test_a_store_that_cannot_say_at_once_is_asked_again(net: Net) -> None:
    """Of two requests at once S3 answers one with 409, whether the other one is done or not."""
    write(net.store, "public/simple/index.json", b"so that it is known that the store compares")
    net.spoil(proxies.refuse(409, "ConditionalRequestConflict"), "PUT", times=2)
    write(net.store, PAGE, b"one")
    assert content(net.direct, PAGE) == b"one"
