"""Wrong answers of the servers of buckets, by what is wrong with them; and which of them are to which operations."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias, TypeVar

from proxies import Exchange

Headers: TypeAlias = list[tuple[str, str]]
Answer: TypeAlias = tuple[int, Headers, bytes]
Act: TypeAlias = Callable[[Exchange], None]
T = TypeVar("T")

_STATUSES: Final = (
    201, 202, 203, 204, 205, 206, 226, 300, 304, 400, 401, 403, 404, 405, 408, 409, 410, 411, 412, 413, 416, 418, 423,
    425, 428,
    429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 511, 599,
)  # fmt: skip
_ERROR: Final = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>no</Message></Error>"
_CODES: Final = (
    (404, b"NoSuchBucket"), (404, b"NoSuchKey"), (403, b"ExpiredToken"), (400, b"EntityTooLarge"), (301,
    b"PermanentRedirect"),
    (409, b"ConditionalRequestConflict"), (503, b"SlowDown"), (200, b"InternalError"), (400, b"x" * 50_000), (403,
    b"\x1b[2J"),
    (500, b"</Code><Code>"), (404, b"../../secret"),
)  # fmt: skip
_KEYS: Final = (
    "..", "../x", "a/../b", "a//b", "/a", "a/", ".", "a/./b", "%2e%2e/x", "..%2fx", "a\\b", "a b", " ", "a?b", "a#b",
    "a*", "\u202ea",
    "a\u200b", "\U0001f9ea", "a" * 3000, "-rf", "~", "a\tb", "a&#10;b", "a&#0;b", "&lt;a&gt;", "CON", "a:b",
    "\uff0e\uff0e/x", "+", "a+b",
)  # fmt: skip


def _making(change: Callable[[int, Headers, bytes], Answer]) -> Act:
    """Return what hands a request on, and makes another answer of the one that comes."""
    return lambda exchange: exchange.answer(*change(*exchange.ask()))


def _with(value: T, change: Callable[[int, Headers, bytes, T], Answer]) -> Act:
    return _making(lambda status, headers, body: change(status, headers, body, value))


def _having(name: str, value: str | None) -> Act:
    """Return what gives an answer another header, or takes it away."""

    def change(status: int, headers: Headers, body: bytes) -> Answer:
        kept = [each for each in headers if each[0].lower() != name.lower()]
        return status, kept if value is None else [*kept, (name, value)], body

    return _making(change)


def _refusing(status: int, body: bytes) -> Act:
    """Return what answers without handing the request on."""
    return lambda exchange: exchange.answer(status, [("Content-Type", "application/xml")], body)


def _statuses() -> Iterator[tuple[str, Act]]:
    for status in _STATUSES:
        yield f"status: {status}, not done", _refusing(status, b"")
        yield f"status: {status}, done", _with(status, lambda _, headers, body, status: (status, headers, body))
    for status, code in _CODES:
        yield f"code: {status} {code[:30].decode()!r}", _refusing(status, _ERROR % code)
    yield "status: hung up", Exchange.hang_up
    yield "status: done, and hung up", Exchange.lose_answer
    yield "status: cut off", Exchange.truncate
    yield "status: to another host", _making(lambda *_: (307, [("Location", "http://127.0.0.1:1/x")], b""))
    yield "status: to itself", lambda exchange: exchange.answer(307, [("Location", exchange.path)], b"")
    yield "status: to a file", _making(lambda *_: (302, [("Location", "file:///etc/passwd")], b""))


def _headers() -> Iterator[tuple[str, Act]]:
    for name, values in {
        "ETag": (None, "", '"other"', 'W/"weak"', "no quotes", '"' + "x" * 9000 + '"', '"\xff"', '""', "*"),
        "Last-Modified": (None, "", "yesterday", "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, 06 Nov 1600 08:49:37 GMT", "0"),
        "x-goog-generation": (None, "", "0", "-1", "9" * 40, "abc"),
        "Content-Range": (
            None,
            "",
            "bytes 0-0/1",
            "bytes 5-9/10",
            "bytes */5",
            "items 0-1/2",
            f"bytes 0-{'9' * 40}/{'9' * 40}",
        ),
        "Content-Type": (None, "", "text/html", "x" * 9000),
        "Content-Encoding": ("gzip", "br", "x"),
        "x-goog-meta-sha256": (None, "", "0" * 64, "../../x", "\xff", "x" * 9000),
        "x-amz-meta-sha256": (None, "0" * 64),
        "Date": (None, "never"),
    }.items():
        for value in values:
            yield f"header: {name}: {'none' if value is None else value[:30]!r}", _having(name, value)


def _bodies() -> Iterator[tuple[str, Act]]:
    kinds: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda data: b"",
        "a byte less": lambda data: data[:-1],
        "a byte more": lambda data: data + b"x",
        "a page to log in": lambda data: b"<!DOCTYPE html><title>Log in</title>",
        "noise": lambda data: b"\xff\0\xfe" * 300,
        "null": lambda data: b"null",
    }
    for name, make in kinds.items():
        yield f"body: {name}", _with(make, lambda status, headers, body, make: (status, headers, make(body)))


def _lists() -> Iterator[tuple[str, Act]]:
    """Yield what is wrong with a listing, as XML."""
    bomb = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>" + "".join(
        f"<!ENTITY b{each} '{f'&b{each - 1 if each else str()};' * 10}'>" for each in range(9)
    )
    kinds: dict[str, Callable[[str], str]] = {
        "no size": lambda text: re.sub("<Size>.*?</Size>", "", text),
        "a negative size": lambda text: re.sub("<Size>.*?</Size>", "<Size>-1</Size>", text),
        "a size without end": lambda text: re.sub("<Size>.*?</Size>", f"<Size>{'9' * 400}</Size>", text),
        "a size of letters": lambda text: re.sub("<Size>.*?</Size>", "<Size>many</Size>", text),
        "no tags": lambda text: re.sub("<ETag>.*?</ETag>", "", text),
        "no times": lambda text: re.sub("<LastModified>.*?</LastModified>", "", text),
        "odd times": lambda text: re.sub("<LastModified>.*?</LastModified>", "<LastModified>never</LastModified>", text),
        "no keys": lambda text: re.sub("<Key>.*?</Key>", "", text),
        "empty keys": lambda text: re.sub("<Key>.*?</Key>", "<Key></Key>", text),
        "there is more": lambda text: text.replace("<IsTruncated>false", "<IsTruncated>true"),
        "there is more, and where": lambda text: text.replace(
            "</ListBucketResult>", "<NextContinuationToken>x</NextContinuationToken></ListBucketResult>"
        ),
        "another word for false": lambda text: text.replace("<IsTruncated>false", "<IsTruncated>perhaps"),
        "cut off": lambda text: text[: len(text) // 2],
        "not closed": lambda text: text.replace("</ListBucketResult>", ""),
        "twice": lambda text: text + text,
        "another root": lambda text: text.replace("ListBucketResult", "html"),
        "many levels": lambda text: "<a>" * 50_000,
        "a bomb of entities": lambda text: f"{bomb}]><ListBucketResult>&b8;</ListBucketResult>",
        "a file of this machine": lambda text: "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        "an error of 200": lambda text: "<Error><Code>InternalError</Code></Error>",
        "JSON": lambda text: '{"items": []}',
    }
    for name, make in kinds.items():
        yield f"list: {name}", _with(make, _with_text)
    yield (
        "list: turned around",
        _making(lambda status, headers, body: (status, headers, _reordered(body, lambda each: each[::-1]))),
    )
    yield (
        "list: each twice",
        _making(lambda status, headers, body: (status, headers, _reordered(body, lambda each: each + each))),
    )
    yield "list: begins again and again", _begin_again
    for key in _KEYS:
        yield f"key: {key[:20]!r}", _with(key, _with_key)


def _begin_again(exchange: Exchange) -> None:
    """Answer with the first part of a list, whichever was asked for, and say that there is more."""
    exchange.path = re.sub("[&?](?:continuation-token|marker)=[^&]*", "", exchange.path)
    status, headers, body = exchange.ask()
    more = b"<NextContinuationToken>x</NextContinuationToken></ListBucketResult>"
    exchange.answer(status, headers, body.replace(b"</ListBucketResult>", more))


def _with_text(status: int, headers: Headers, body: bytes, make: Callable[[str], str]) -> Answer:
    return status, headers, make(body.decode()).encode()


def _reordered(body: bytes, change: Callable[[list[str]], list[str]]) -> bytes:
    text = body.decode()
    found = re.findall("<Contents>.*?</Contents>", text, re.DOTALL)
    if not found:
        return body
    start, end = text.index(found[0]), text.rindex(found[-1]) + len(found[-1])
    return (text[:start] + "".join(change(found)) + text[end:]).encode()


def _with_key(status: int, headers: Headers, body: bytes, key: str) -> Answer:
    """Name one more object in a listing, beside the first one there."""

    def more(found: list[str]) -> list[str]:
        odd = re.sub(r"<Key>(.*/)?[^/]*</Key>", lambda match: f"<Key>{match[1] or ''}{key}</Key>", found[0])
        return [*found, odd]

    return status, headers, _reordered(body, more)


_GENERAL: Final = dict(each for family in (_statuses, _headers, _bodies) for each in family())
_OF_LISTS: Final = dict(_lists())
KINDS: Final[Mapping[str, Act]] = {**_GENERAL, **_OF_LISTS}
"""Each kind of wrong answer by what is wrong with it."""


def kinds_for(*, lists: bool) -> list[str]:
    """Return the kinds of answers that an operation can get, which ``lists`` or does not."""
    return [*_GENERAL, *(_OF_LISTS if lists else ())]
