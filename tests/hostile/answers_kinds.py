"""Wrong answers of web servers, by what is wrong with them."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, TypeVar

from hostile.answers import Asked, Right, Spoil

T = TypeVar("T")
_HUGE: Final = "9" * 5000
_LONG: Final = "x" * 100_000


def _with(value: T, make: Callable[[Asked, Right, T], Right | bytes]) -> Spoil:
    """Return what ``make`` makes of a right answer with ``value``."""
    return lambda asked, right: make(asked, right, value)


def _statuses() -> Iterator[tuple[str, Spoil]]:
    for status in (
        100, 101, 102, 103, 199, 201, 202, 203, 204, 205, 206, 207, 226, 299, 300, 304, 305, 306, 400, 401, 402, 403,
        404, 405,
        406, 407, 408, 409, 410, 411, 412, 414, 416, 418, 421, 425, 426, 428, 431, 451, 499, 500, 501, 505, 507, 511,
        520, 599,
        600, 999,
    ):  # fmt: skip
        yield f"status: {status}", _with(status, lambda asked, right, status: right.answering(f"{status} Odd"))
    for name, line in {
        "none": b"", "letters": b"HTTP/1.1 abc OK", "negative": b"HTTP/1.1 -200 OK",
        "three signs more": b"HTTP/1.1 200200 OK",
        "no number": b"HTTP/1.1", "another protocol": b"ICY 200 OK", "of HTTP/2": b"HTTP/2.0 200 OK",
        "of no version": b"HTTP/x.y 200 OK", "of version 9": b"HTTP/9.9 200 OK", "NUL": b"HTTP/1.1 200 \0OK",
        "long": b"HTTP/1.1 200 " + b"x" * 70_000, "of SSH": b"SSH-2.0-OpenSSH_9.6", "of TLS": b"\x15\x03\x03\0\x02\x02\x28",
        "a blank before it": b" HTTP/1.1 200 OK", "other digits": "HTTP/1.1 \u0662\u0660\u0660 OK".encode(),
    }.items():  # fmt: skip
        yield (
            f"status line: {name}",
            _with(line, lambda asked, right, line: _with_first_line(right, line)),
        )
    yield "status line: nothing at all", lambda asked, right: b""
    yield "status line: only the body", lambda asked, right: right.body
    yield "status line: many that say continue", lambda asked, right: b"HTTP/1.1 100 Go on\r\n\r\n" * 20_000 + right.sent()
    yield "status line: line feeds only", lambda asked, right: _with_line_ends(right, b"\n")
    yield "status line: carriage returns only", lambda asked, right: _with_line_ends(right, b"\r")


def _with_line_ends(right: Right, end: bytes) -> bytes:
    head, _, body = right.sent().partition(b"\r\n\r\n")
    return head.replace(b"\r\n", end) + 2 * end + body


def _headers() -> Iterator[tuple[str, Spoil]]:
    lines = {
        "many": "".join(f"X-{each}: y\r\n" for each in range(3000)), "long": f"X-A: {_LONG}\r\n", "no colon": "X-A\r\n",
        "NUL": "X-A: a\0b\r\n", "a blank before the colon": "Content-Length : 0\r\n", "folded": "X-A: a\r\n b\r\n",
        "an empty name": ": x\r\n", "beyond ASCII": "X-\xe4: \xff\r\n", "a lone carriage return": "X-A: a\rX-B: b\r\n",
        "another length": "Content-Length: 3\r\n", "a length of letters": "Content-Length: abc\r\n",
        "a list of lengths": "Content-Length: 5, 5\r\n",
        "two encodings": "Content-Encoding: gzip\r\nContent-Encoding: br\r\n",
        "two places": "Content-Range: bytes 0-1/2\r\nContent-Range: bytes 5-9/10\r\n",
        "chunked as well": "Transfer-Encoding: chunked\r\n", "an unknown transfer": "Transfer-Encoding: xyz\r\n",
        "another tag": 'ETag: "two"\r\n', "a cookie without end": f"Set-Cookie: {'a=b; ' * 20_000}\r\n",
        "a bad cookie": "Set-Cookie: \0=\x7f; expires=never\r\n", "a link": "Link: <javascript:0>; rel=next\r\n",
    }  # fmt: skip
    for name, line in lines.items():
        yield f"header: {name}", _with(line, lambda asked, right, line: _with_line(right, line))
    yield "header: none", lambda asked, right: Right(right.status, {}, right.body)
    for name, length in {
        "negative": "-1", "with a sign": "+5", "hexadecimal": "0x10", "huge": "9" * 18, "without end": _HUGE, "empty": "",
        "a fraction": "1.5", "words": "many", "other digits": "\xb2\xb3", "zero": "0", "with a blank": "1 0",
    }.items():  # fmt: skip
        yield f"length: {name}", _with(length, lambda asked, right, length: right.having(Content_Length=length))
    for name, more in {"one too many": 1, "one too few": -1, "a megabyte too many": 1 << 20, "half": None}.items():
        yield (
            f"length: {name}",
            _with(more, lambda asked, right, more: _with_wrong_length(right, more)),
        )


def _with_wrong_length(right: Right, more: int | None) -> Right:
    length = len(right.body) // 2 if more is None else len(right.body) + more
    return right.having(Content_Length=str(max(0, length)))


def _with_first_line(right: Right, line: bytes) -> bytes:
    return line + b"\r\n" + right.sent().partition(b"\r\n")[2]


def _with_line(right: Right, line: str) -> bytes:
    first, rest = right.sent().split(b"\r\n", 1)
    return first + b"\r\n" + line.encode("latin-1") + rest


def _chunked(right: Right, body: bytes) -> bytes:
    return right.having(Content_Length=None, Transfer_Encoding="chunked").sending(body, Content_Length=None).sent()


def _chunks() -> Iterator[tuple[str, Spoil]]:
    kinds: dict[str, Callable[[bytes], bytes]] = {
        "right": lambda data: b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data),
        "bytes one by one": lambda data: b"".join(b"1\r\n%c\r\n" % each for each in data[:3000]) + b"0\r\n\r\n",
        "no end": lambda data: b"%x\r\n%s\r\n" % (len(data), data),
        "a size of letters": lambda data: b"xyz\r\n" + data,
        "a negative size": lambda data: b"-5\r\n" + data,
        "a size with a sign": lambda data: b"+%x\r\n%s\r\n0\r\n\r\n" % (len(data), data),
        "a size beyond 64 bits": lambda data: b"f" * 17 + b"\r\n" + data,
        "a size without end": lambda data: b"f" * 70_000 + b"\r\n" + data,
        "an empty size": lambda data: b"\r\n" + data,
        "a size too large": lambda data: b"%x\r\n%s\r\n0\r\n\r\n" % (len(data) + 100, data),
        "a size too small": lambda data: b"%x\r\n%s\r\n0\r\n\r\n" % (max(1, len(data) - 9), data),
        "no line end behind it": lambda data: b"%x\r\n%s0\r\n\r\n" % (len(data), data),
        "an extension": lambda data: b"%x;a=%s\r\n%s\r\n0\r\n\r\n" % (len(data), b"b" * 60_000, data),
        "trailers": lambda data: b"%x\r\n%s\r\n0\r\nX: y\r\nContent-Length: 3\r\n\r\n" % (len(data), data),
        "many trailers": lambda data: b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(data), data, b"X: y\r\n" * 5000),
        "cut off": lambda data: b"%x\r\n%s" % (len(data), data[: len(data) // 2]),
        "more behind the end": lambda data: b"%x\r\n%s\r\n0\r\n\r\nmore" % (len(data), data),
        "none": lambda data: data,
        "empty": lambda data: b"0\r\n\r\n",
    }
    for name, make in kinds.items():
        yield f"chunks: {name}", _with(make, lambda asked, right, make: _chunked(right, make(right.body)))


def _encodings() -> Iterator[tuple[str, Spoil]]:
    bomb = gzip.compress(bytes(200 << 20), 9, mtime=0)
    for name, coding, pack in (
        ("gzip", "gzip", lambda data: gzip.compress(data, mtime=0)),
        ("in capitals", "GZIP", lambda data: gzip.compress(data, mtime=0)),
        ("gzip in two members", "gzip", lambda data: gzip.compress(data[:9], mtime=0) + gzip.compress(data[9:], mtime=0)),
        ("gzip, cut off", "gzip", lambda data: gzip.compress(data, mtime=0)[:-9]),
        ("gzip, its sum wrong", "gzip", lambda data: gzip.compress(data, mtime=0)[:-8] + bytes(8)),
        ("gzip, more behind it", "gzip", lambda data: gzip.compress(data, mtime=0) + b"more"),
        ("gzip, zeros behind it", "gzip", lambda data: gzip.compress(data, mtime=0) + bytes(4096)),
        ("gzip, empty", "gzip", lambda data: b""),
        ("gzip, and is plain", "gzip", lambda data: data),
        ("gzip twice", "gzip, gzip", lambda data: gzip.compress(gzip.compress(data, mtime=0), mtime=0)),
        ("a bomb", "gzip", lambda data: bomb),
        ("a bomb of members", "gzip", lambda data: gzip.compress(b"", mtime=0) * 50_000),
        ("deflate", "deflate", zlib.compress),
        ("br", "br", lambda data: data),
        ("zstd", "zstd", lambda data: b"\x28\xb5\x2f\xfd" + data),
        ("identity", "identity", lambda data: data),
        ("unknown", "x" * 1000, lambda data: data),
        ("empty", "", lambda data: data),
        ("a list of thousands", "gzip, " * 10_000, lambda data: data),
    ):
        yield (
            f"encoding: {name}",
            partial(_encoded, coding, pack),
        )
    yield "encoding: packed without a word", lambda asked, right: right.sending(gzip.compress(right.body, mtime=0))


def _encoded(coding: str, pack: Callable[[bytes], bytes], _: Asked, right: Right) -> Right:
    return right.sending(pack(right.body), Content_Encoding=coding)


def _bodies() -> Iterator[tuple[str, Spoil]]:
    kinds: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda data: b"",
        "a page to log in": lambda data: b"<!DOCTYPE html><title>Log in</title><a href='/login'>Log in</a>",
        "half, of the right length": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
        "one bit turned": lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:] if len(data) > 50 else b"?",
        "twice": lambda data: data * 2,
        "noise": lambda data: b"\xff\xfe\0" * 999,
        "an error as JSON": lambda data: b'{"error": "try again"}',
        "an empty list": lambda data: b"[]",
        "null": lambda data: b"null",
    }
    for name, make in kinds.items():
        yield f"body: {name}", _with(make, lambda asked, right, make: right.sending(make(right.body)))
    yield "body: cut off", lambda asked, right: right.sent()[: -(len(right.body) // 2) - 1]
    yield "body: cut off, no length", lambda asked, right: right.having(Content_Length=None).sent()[: -len(right.body) // 2]
    yield "body: no length", lambda asked, right: right.having(Content_Length=None)
    for charset in (
        "idna", "punycode", "utf-7", "utf-16", "utf-32", "hex", "base64", "zlib", "rot13", "unicode_escape",
        "raw_unicode_escape",
        "undefined", "mbcs", "cp037", "utf-8-sig", "latin-1", "x" * 5000, "", "utf-8; x", "../utf-8", "_", "oem", "big5",
        "surrogateescape", "shift_jis", "koi8-r", "ascii", "hz", "iso2022_jp",
    ):  # fmt: skip
        kind = f"text/html; charset={charset}"
        yield f"charset: {charset[:20]}", _with(kind, lambda asked, right, kind: right.sending(HTML_PAGE, Content_Type=kind))
    for kind in (
        "", "text/plain", "application/json", "application/octet-stream", "image/png", "text/html, text/html", "x" * 9000,
        "application/vnd.pypi.simple.v9+json", "application/vnd.pypi.simple.v1+html", "multipart/byteranges; boundary=x",
        "/", ";",
    ):  # fmt: skip
        yield f"type: {kind[:40] or 'none'}", _with(kind, lambda asked, right, kind: right.having(Content_Type=kind))


def _ranges() -> Iterator[tuple[str, Spoil]]:
    for name, said in {
        "none": None, "empty": "", "another unit": "items 0-9/10", "letters": "bytes a-b/c", "turned": "bytes 9-0/10",
        "of nothing": "bytes */10", "size unknown": "bytes 0-9/*", "negative": "bytes -5-9/10",
        "huge": f"bytes 0-{_HUGE}/{_HUGE}",
        "the beginning": "bytes 0-9/40000", "beyond the end": "bytes 50000-50009/50010", "no size": "bytes 0-9",
        "another size": "bytes 10-19/12", "several": "bytes 0-9,20-29/40000",
    }.items():  # fmt: skip
        yield f"range: {name}", _with(said, lambda asked, right, said: _part(asked, right.having(Content_Range=said), right))
    yield "range: the whole file", lambda asked, right: _part(asked, right.answering("200 OK", Content_Range=None), right)
    yield "range: a part less", lambda asked, right: _part(asked, right.sending(right.body[:-1]), right)
    yield "range: a part more", lambda asked, right: _part(asked, right.sending(right.body + b"x"), right)
    yield "range: nothing", lambda asked, right: _part(asked, right.sending(b""), right)
    yield "range: another tag", lambda asked, right: _part(asked, right.having(ETag='"two"'), right)
    yield "range: a weak tag", lambda asked, right: _part(asked, right.having(ETag='W/"one"'), right)
    yield "range: no tag", lambda asked, right: _part(asked, right.having(ETag=None), right)
    yield "range: a broken tag", lambda asked, right: _part(asked, right.having(ETag='"one'), right)
    yield (
        "range: several parts",
        lambda asked, right: _part(
            asked, right.having(Content_Range=None, Content_Type="multipart/byteranges; boundary=x"), right
        ),
    )
    yield (
        "range: 416",
        lambda asked, right: _part(
            asked, Right("416 No", {"Content-Range": "bytes */1", "Content-Length": "0"}, b""), right
        ),
    )


def _part(asked: Asked, wrong: Right, right: Right) -> Right:
    """Return what is ``wrong`` for a part, and what is right for all else."""
    return wrong if asked.part is not None else right


def _redirects() -> Iterator[tuple[str, Spoil]]:
    for name, target in {
        "to itself": "", "to a file": "file:///etc/passwd", "to FTP": "ftp://example.invalid/x",
        "to a script": "javascript:0",
        "to data": "data:text/html,x", "with credentials": "http://user:secret@127.0.0.1/",
        "with a name": "http://a@127.0.0.1/",
        "to no host": "http:///x", "to a bracket": "http://[::1/x", "to a port too large": "http://127.0.0.1:99999/",
        "to port 0": "http://127.0.0.1:0/", "to nobody": "http://127.0.0.1:1/", "to a backslash": "\\\\example.invalid\\x",
        "upwards": "/../../../../etc/passwd", "to another host without scheme": "//example.invalid:1/x", "NUL": "/a\0b",
        "beyond ASCII": "/\xc3\xa4\xff", "long": "/" + "a/" * 30_000, "a blank": " / x", "a tab": "ht\ttp://127.0.0.1:1/",
        "to a bucket": "s3://bucket/x", "a query with a secret": "?token=secret", "a fragment": "#sha256=0",
        "to TLS that is none": "https://127.0.0.1:1/",
    }.items():  # fmt: skip
        yield f"redirect: {name}", _with(target, lambda asked, right, target: _moved(asked, target))
    for status in (300, 301, 303, 305, 307, 308):
        yield (
            f"redirect: {status} without a place",
            _with(
                status,
                lambda asked, right, status: Right(f"{status} Moved", {"Content-Length": "0"}, b""),
            ),
        )
    yield "redirect: on and on", lambda asked, right: _moved(asked, f"{asked.path.rstrip('/')}x/")
    yield (
        "redirect: with a body without end",
        lambda asked, right: Right(
            "302 Found", {"Location": f"{asked.path}x", "Content-Length": "999999999"}, b"x" * 100_000
        ),
    )


def _moved(asked: Asked, target: str) -> Right:
    return Right("302 Found", {"Location": target or asked.path, "Content-Length": "0"}, b"")


def _busy() -> Iterator[tuple[str, Spoil]]:
    for status in (429, 503):
        for name, after in {
            "none": None, "zero": "0", "negative": "-5", "huge": "9" * 30, "without end": _HUGE, "a fraction": "0.5",
            "inf": "inf",
            "a date": "Sun, 06 Nov 2044 08:49:37 GMT", "a past date": "Sun, 06 Nov 1994 08:49:37 GMT",
            "no such date": "Sun, 99 Nov 2044 99:99:99 GMT", "year 99999": "Sun, 06 Nov 99999 08:49:37 GMT", "words": "soon",
            "other digits": "\xb2", "a day": "86400", "two minutes": "120", "a list": "1, 2",
        }.items():  # fmt: skip
            headers = {"Content-Length": "4"} if after is None else {"Content-Length": "4", "Retry-After": after}
            yield f"busy: {status}, {name}", partial(_refusing, f"{status} Busy", headers)
    for status in (502, 504):
        yield f"busy: {status}", partial(_refusing, f"{status} Busy", {"Content-Length": "4"})


def _refusing(status: str, headers: Mapping[str, str], _: Asked, __: Right) -> Right:
    return Right(status, headers, b"busy")


HTML_PAGE: Final = (
    b'<!DOCTYPE html><html><body><a href="demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a></body></html>'
)
"""What pages of a certain charset have: the same file as the right page."""
KINDS: Final[Mapping[str, Spoil]] = {
    kind: spoil
    for family in (_statuses, _headers, _chunks, _encodings, _bodies, _ranges, _redirects, _busy)
    for kind, spoil in family()
}
"""Each kind of wrong answer by what is wrong with it."""
