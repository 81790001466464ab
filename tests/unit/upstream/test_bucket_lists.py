"""Lists of objects that never end are given up, and so is one that nobody waits for any more."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from itertools import count

import pytest

import buckets
import proxies
from proxies import Exchange, Fault, Proxy
from wheelfix.errors import MirrorError
from wheelfix.upstream import bucket_lists
from wheelfix.upstream.buckets import Bucket, open_bucket
from wheelfix.upstream.unfinished import unfinished_uploads

pytest.importorskip("obstore", reason="needs the extra cloud")
Lists = Callable[[Bucket], object]
LISTS: dict[str, Lists] = {
    "below": lambda bucket: bucket.found_below("a"),
    "in": lambda bucket: bucket.found_in("a"),
    "names": lambda bucket: bucket.names("a"),
}
PAGE = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>{}</ListBucketResult>"
)
OBJECT = "<Contents><Key>team/a/0</Key><Size>1</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
UPLOADS = (
    "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
    "<NextKeyMarker>%d</NextKeyMarker></ListMultipartUploadsResult>"
)


@pytest.fixture(autouse=True)
def proxy(new_bucket: Callable[[str], buckets.Bucket], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before a bucket with one object, whose URL is in the environment."""
    bucket = new_bucket("s3")
    monkeypatch.setenv("TEST_BUCKET", f"{bucket.url}/team")
    opened().send("a/0", b"x", {}, use_multipart=False)
    with proxies.before(bucket.endpoint) as found:
        buckets.use(bucket.behind(found.url), monkeypatch)
        yield found


def opened() -> Bucket:
    return open_bucket(os.environ["TEST_BUCKET"])


def endless(page: str) -> Callable[[Exchange], None]:
    """Return what answers with one page after the other; in each place for a number is that of the page."""
    numbers = count()

    def answer(exchange: Exchange) -> None:
        exchange.answer(
            200,
            [("Content-Type", "application/xml"), ("Date", "Thu, 01 Jan 2026 00:00:00 GMT")],
            (page % next(numbers)).encode(),
        )

    return answer


@pytest.mark.parametrize("objects", ["", OBJECT], ids=["empty pages", "an object"])
@pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS)
def test_a_list_that_never_ends_is_given_up(
    listed: Lists, objects: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_lists, "_LONGEST", 0.5)
    proxy.faults.append(Fault(endless(PAGE.format(objects)), times=float("inf")))
    with pytest.raises(MirrorError, match="does not end") as caught:
        listed(opened())
    assert (caught.value.code, "team/a" in str(caught.value)) == ("bad-answer", True)
    proxy.faults.clear()
    asked = len(proxy.requests)
    assert listed(opened())
    assert len(proxy.requests) <= asked + 3  # that is, those of this list; one that was under way may end


@pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS)
def test_a_program_with_a_loop_of_its_own_can_list(listed: Lists) -> None:
    async def list_here() -> object:
        return listed(opened())

    assert asyncio.run(list_here()) == listed(opened())


@pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS)
def test_ctrl_c_ends_a_list(listed: Lists, proxy: Proxy) -> None:
    def interrupt(exchange: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        exchange.stall()

    proxy.faults.append(Fault(interrupt))
    with pytest.raises(KeyboardInterrupt):
        listed(opened())
    assert len(proxy.requests) == 1


def test_unfinished_uploads_without_end_are_given_up(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.upstream.unfinished._MOST_EMPTY", 10)
    proxy.faults.append(Fault(endless(UPLOADS), path="uploads", times=float("inf")))
    with pytest.raises(MirrorError, match="does not end"):
        list(unfinished_uploads(opened(), "a"))
    assert len(proxy.requests) == 11
