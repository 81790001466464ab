"""Wrong answers of the servers of buckets: an operation has the right result, or there is an error, at each operation.

What could not be read is never taken for what is not there, what was not written never for written, and no other object is
touched. The servers are real ones on the loopback device, behind a proxy that exchanges one answer, or each.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final

import pytest
from msgspec import Struct

import buckets
import proxies
from buckets import Bucket
from hostile.buckets_kinds import KINDS, kinds_for
from parts import PARTS, chosen_parts
from proxies import Fault, Proxy
from storing import KEY, PAGE, add, content, opened, write
from wheelfix.errors import ChangedMeanwhile, SourceChanged, WheelfixError
from wheelfix.mirror.json import read_page
from wheelfix.mirror.storage.base import Store
from wheelfix.refusals import REFUSALS
from wheelfix.text import shown_lines
from wheelfix.upstream import bucket_lists, clouds

FILE: Final = bytes(range(256)) * 40
OLD, NEW, LATER = b'{"page": "old"}', b'{"page": "new"}', "public/files/demo/ffffffffffffffff/demo-2.0-py3-none-any.whl"
OTHER: Final = "public/simple/other/index.json"
_MOST_REQUESTS: Final = 1000
"""A list that begins again and again is noticed when a thousand of its objects are known already."""
NewBucket = Callable[[str], Bucket]


class Net(Struct, frozen=True):
    """A bucket behind a proxy: the store as it is reached by that, and as it is reached without."""

    proxy: Proxy
    store: Store
    direct: Store


def _read(net: Net) -> object:
    found = net.store.read(PAGE)
    if found is not None and found.data != OLD:
        read_page(found.data, "demo")  # which takes it for no page, and so for no empty one
        raise AssertionError("it is read as a page")
    return found


def _head(net: Net) -> object:
    found = net.store.head(KEY)
    assert found is None or found.size >= 0
    return found


def _open(net: Net) -> None:
    with net.store.open(KEY) as file:
        assert file.read_at(0, 10) == FILE[:10]
        assert file.read_at(5000, 100) == FILE[5000:5100]


def _keys(net: Net) -> None:
    found = list(net.store.keys("public"))
    assert found == sorted(found)
    assert all(each.startswith("public/") for each in found)


def _heads(net: Net) -> None:
    assert all(head.size >= 0 and key.startswith("public/") for key, head in net.store.heads("public"))


def _add(net: Net) -> None:
    errors = add(net.store, LATER, FILE)
    for error in errors.values():
        raise error
    assert content(net.direct, LATER) == FILE


def _replace(net: Net) -> None:
    there = net.direct.read(PAGE)
    assert there is not None
    write(net.store, PAGE, NEW, there.version)
    assert content(net.direct, PAGE) == NEW


def _delete(net: Net) -> None:
    net.store.delete(KEY)


OPERATIONS: Final[Mapping[str, Callable[[Net], object]]] = {
    "read": _read, "head": _head, "open": _open, "keys": _keys, "heads": _heads, "add": _add, "replace": _replace,
    "delete": _delete,
}  # fmt: skip
_LISTS: Final = ("keys", "heads")
_UNSEEN: Final = frozenset(
    {"body: empty", "body: a byte less", "body: a byte more", "body: a page to log in", "body: noise", "body: null",
     "header: Content-Encoding: 'gzip'", "header: Content-Encoding: 'br'", "header: Content-Encoding: 'x'"}
)  # fmt: skip
"""Other bytes of the right length in their framing: only who knows the sha256 of an object can tell."""
_ENDED_BY_TIME: Final = "list: there is more, and where"
"""Parts of a list that are empty: the client requests the next one itself, so that nobody can count, until time is over."""


@pytest.fixture(params=["gcs", "s3"])
def net(request: pytest.FixtureRequest, new_bucket: NewBucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    """A store of each kind in turn behind a proxy; what waits for a minute waits for a moment."""
    pytest.importorskip("obstore", reason="needs the extra cloud")
    bucket = new_bucket(request.param)
    direct = opened(bucket)
    monkeypatch.setattr(clouds, "_MINUTE", timedelta(milliseconds=200))
    monkeypatch.setattr(clouds, "_PART_OF_MINUTE", timedelta(milliseconds=200))
    monkeypatch.setattr(bucket_lists, "_LONGEST", 1.0)
    with proxies.before(bucket.endpoint) as proxy:
        behind = bucket.behind(proxy.url)
        buckets.use(behind, monkeypatch)
        found = Net(proxy, opened(behind), direct)
        _reset(found)
        yield found


def _reset(net: Net) -> None:
    """Let the bucket hold what it held at first."""
    for key, data in ((PAGE, OLD), (OTHER, OLD), (KEY, FILE)):
        there = net.direct.read(key)
        if there is None or there.data != data:
            write(net.direct, key, data, there.version if there else None)
    net.direct.delete(LATER)
    net.proxy.faults.clear()
    net.proxy.requests.clear()


def _check_error(error: WheelfixError | OSError) -> str:
    if isinstance(error, OSError):
        return type(error).__name__
    text = str(error)
    assert error.code in REFUSALS or isinstance(error, ChangedMeanwhile | SourceChanged)
    assert text == shown_lines(text)
    assert len(text) < 2000
    assert error.hint
    return error.code


def _end(net: Net, operation: str, kind: str, times: float) -> str:
    """Do an operation that gets wrong answers; return the code of the error, or that it was right."""
    net.proxy.faults.append(Fault(KINDS[kind], times=times))
    end = "right"
    try:
        if OPERATIONS[operation](net) is None and operation in ("read", "head"):
            assert " 404" in kind
            end = "not there"
    except (WheelfixError, OSError) as error:
        end = _check_error(error)
    except AssertionError:
        if kind not in _UNSEEN or operation != "open":
            raise
        end = "unseen"
    net.proxy.faults.clear()
    if kind == _ENDED_BY_TIME and times > 1:
        assert end in ("bad-answer", "no-answer")  # moto has no such page
    else:
        assert len(net.proxy.requests) <= _MOST_REQUESTS
    assert content(net.direct, OTHER) == OLD
    assert content(net.direct, PAGE) in (OLD, NEW)
    assert content(net.direct, KEY) in (FILE, None)
    assert operation == "delete" or content(net.direct, KEY) == FILE
    return end


def _ends(net: Net, operation: str, kinds: list[str], times: float) -> dict[str, int]:
    """Return how often each end came."""
    found = dict[str, int]()
    for kind in kinds:
        _reset(net)
        try:
            end = _end(net, operation, kind, times)
        except BaseException as error:
            error.add_note(f"{operation}: {kind}, {times} times")
            raise
        found[end] = found.get(end, 0) + 1
    return found


def test_there_are_enough() -> None:
    assert len(KINDS) >= 150


@pytest.mark.parametrize("net", ["gcs"], indirect=True)
def test_some_wrong_answers_are_errors_or_no_harm(net: Net) -> None:
    for number, operation in enumerate(OPERATIONS):
        ends = _ends(net, operation, kinds_for(lists=operation in _LISTS)[number::40], 1)
        assert ends


@pytest.mark.long
@pytest.mark.parametrize("part", chosen_parts())
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_wrong_answer_is_an_error_or_no_harm(net: Net, operation: str, part: int) -> None:
    kinds = kinds_for(lists=operation in _LISTS)[part::PARTS]
    assert _ends(net, operation, kinds, 1)
    assert len(_ends(net, operation, kinds, math.inf)) > 1
