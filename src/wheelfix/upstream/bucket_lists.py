"""Lists of what is in a bucket, from a store that may say for ever that there is more."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wheelfix.locations import Url
from wheelfix.upstream.bucket_errors import endless_list

if TYPE_CHECKING:
    from obstore import ListResult, ObjectMeta

    from wheelfix.upstream.clouds import Client

Result = TypeVar("Result")
_PAGE: Final = 1000
"""How many objects one request lists."""
_LONGEST: Final = 900.0
"""In seconds: how long a page of a list may take. A request may take a third of it, and one that fails is repeated."""


def objects_below(client: "Client", path: str, url: Url, made: "Callable[[ObjectMeta], Result]") -> list[Result]:
    """Return what is ``made`` of each object below ``path``, each once, in the order in which they are listed.

    :raises MirrorError: with ``url``, if the same objects come again, or no page has come for a long time.
    """
    return _in_loop(_collected(client, path, url, made))


def objects_in(client: "Client", path: str, url: Url) -> "ListResult[Sequence[ObjectMeta]]":
    """Return what is known of the objects in ``path`` itself, and the beginnings of other keys.

    :raises MirrorError: with ``url``, if the list has not ended after a long time; what has come until then is in memory.
    """
    return _in_loop(_within_limit(client.list_with_delimiter_async(path or None), url))


async def _collected(client: "Client", path: str, url: Url, made: "Callable[[ObjectMeta], Result]") -> list[Result]:
    found = dict[tuple[object, ...], Result]()  # one key can be that of an object and of a directory
    pages = aiter(client.list(path or None, chunk_size=_PAGE))
    while (page := await _within_limit(anext(pages, None), url)) is not None:
        known = len(found)
        for each in page:
            same = each["path"], each["size"], each["last_modified"], each["e_tag"], each["version"]
            found[same] = made(each)
        if page and len(found) == known:
            raise endless_list(url)
    return [*found.values()]


async def _within_limit(waited: Awaitable[Result], url: Url) -> Result:
    """Return what is waited for. The client requests what follows an empty page itself, where nobody can count."""
    try:
        async with asyncio.timeout(_LONGEST):
            return await waited
    except TimeoutError:
        raise endless_list(url) from None


def _in_loop(work: "Coroutine[Any, Any, Result]") -> Result:
    """Return the result of ``work``, from a loop in a thread of its own: that of the caller may have one that is running.

    Ctrl-C ends the wait, and ``work`` with it.
    """
    ended = Future[None]()
    with ThreadPoolExecutor(1, "wheelfix-list") as thread:
        try:
            return thread.submit(asyncio.run, _unless(ended, work)).result()
        finally:
            ended.cancel()


async def _unless(ended: "Future[None]", work: "Coroutine[Any, Any, Result]") -> Result:
    """Return the result of ``work``, which is cancelled once ``ended`` is."""
    task = asyncio.ensure_future(work)
    end = asyncio.wrap_future(ended)
    end.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    finally:
        end.cancel()
