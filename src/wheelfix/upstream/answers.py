"""What an answer of a web server says: its lengths and encoding, where it redirects to, and when to ask again.

The errors for unexpected answers are here, too.
"""

import math
import os
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, Self
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError, NameResolutionError, ProtocolError

from wheelfix.errors import MirrorError
from wheelfix.upstream.sockets import TooSlow
from wheelfix.upstream.urls import host_of, server_of, shown_url, validate_url

OK: Final = 200
PARTIAL: Final = 206
NOT_MODIFIED: Final = 304
MISSING: Final = 404
BEYOND_END: Final = 416
DENIED: Final = (401, 403)
REDIRECTS: Final = (301, 302, 303, 307, 308)
BUSY: Final = (429, 502, 503, 504)
"""The statuses of a server that may answer otherwise a little later (RFC 9110, 15.6; RFC 6585, 4)."""
_HEX_SUM: Final = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_BASE64_SUM: Final = re.compile(r"(?:^|,)\s*sha-256=:?([A-Za-z0-9+/]{43}=):?\s*(?:,|$)", re.IGNORECASE | re.ASCII)
_HTTP_1_0: Final = 10
_MOST_DIGITS: Final = 10
_LONGEST_LENGTH: Final = 15
"""In digits."""
_STEP: Final = 1 << 20
_SHORT: Final = 1 << 12
"""In bytes: reading so much, such as the text of a redirect, is faster than opening another connection."""
_SETTLED: Final = 60
"""In seconds."""
ERRORS: Final = (OSError, HTTPError, ValueError)
"""What requests and urllib3 raise: their own errors, of which those of requests are OSErrors, and that of a bad URL."""
_REASONS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((NameResolutionError,), "host name not found"),
    ((TimeoutError, requests.Timeout), "timed out"),
    ((requests.exceptions.SSLError,), "no TLS connection"),
    ((ConnectionResetError,), "connection closed without an answer"),
)
"""What to say of errors that are no errors of the system, or of which it says too little; the first that fits counts."""
TEMPORARY: Final = frozenset({"no-answer", "limit-reached"})
"""The codes of errors that say nothing about the URL: the next run may get an answer."""


def length_of(text: str) -> int | None:
    """Return the number of bytes that a header or an attribute says, ``None`` where it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_LENGTH else None


def length_of_file(answer: requests.Response) -> int | None:
    """Return the length of a file, from the answer with all, a part, or none of it (``*/LENGTH``, RFC 9110, 15.5.17)."""
    if answer.status_code == OK:
        return length_of(answer.headers.get("Content-Length", ""))
    return length_of(answer.headers.get("Content-Range", "").rpartition("/")[2])


class Version(NamedTuple):
    """What identifies a version of a file: its ETag and Last-Modified (RFC 9110, 8.8), empty where it has none."""

    etag: str = ""
    modified: str = ""

    @classmethod
    def of(cls, answer: requests.Response) -> Self:
        """Return what an answer says."""
        return cls(answer.headers.get("ETag", "").strip(), answer.headers.get("Last-Modified", "").strip())

    @property
    def is_strong(self) -> bool:
        """Whether two files with this ETag have the same bytes; a weak one only says that they mean the same."""
        return self.etag.startswith('"')

    @property
    def if_range(self) -> dict[str, str]:
        """The header with which a server sends a part of this version only, of another one all (RFC 9110, 13.1.5)."""
        return {"If-Range": self.etag} if self.is_strong else {}

    def matches(self, other: "Version") -> bool | None:
        """Whether ``other`` is the same version; ``None`` if only one of them says what would tell.

        >>> Version('"1"').matches(Version('"2"')), Version('"1"').matches(Version()), Version().matches(Version('"1"'))
        (False, None, None)
        """
        pairs = [(self.etag, other.etag)] if self.is_strong else list(zip(self, other, strict=True))
        if any(one and two and one != two for one, two in pairs):
            return False
        return True if all(bool(one) == bool(two) for one, two in pairs) else None


def is_encoded(answer: requests.Response) -> bool:
    """Whether a server compressed what it sends, though it was asked not to: then its lengths are not those of the file."""
    return answer.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def is_web_page(answer: requests.Response) -> bool:
    """Whether the answer is a page for people, such as one to log in."""
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")


def declared_sha256(answer: requests.Response) -> str | None:
    """Return the sha256 (hexadecimal) that the server gives for the whole file, ``None`` where it gives none.

    It stands in Repr-Digest (RFC 9530), in the older Digest (RFC 3230), or in X-Checksum-Sha256 (Artifactory).
    """
    if is_encoded(answer):  # it is that of the compressed file then
        return None
    plain = _HEX_SUM.fullmatch(answer.headers.get("X-Checksum-Sha256", "").strip())
    if plain is not None:
        return plain[0].lower()
    found = _BASE64_SUM.search(f"{answer.headers.get('Repr-Digest', '')},{answer.headers.get('Digest', '')}")
    return b64decode(found[1]).hex() if found else None


def closes(answer: requests.Response) -> bool:
    """Whether the server closes the connection after this answer (RFC 9112, 9.3)."""
    said = answer.headers.get("Connection", "").lower()
    return "close" in said or (answer.raw.version == _HTTP_1_0 and "keep-alive" not in said)


def release(answer: requests.Response) -> None:
    """Close an answer that is not needed; its connection is kept if what is left of it is short."""
    if 0 < (answer.raw.length_remaining or 0) <= _SHORT:
        with suppress(*ERRORS):  # it breaks off: then the connection is not kept
            answer.raw.read(_SHORT, decode_content=False)
    answer.close()


def inflated(url: str, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield a body inflated, in small pieces: a few bytes may stand for gigabytes."""
    if encoding.strip().lower() in ("", "identity"):
        yield from blocks
        return
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
    try:
        if encoding.strip().lower() not in ("gzip", "x-gzip"):
            raise ValueError(f"{encoding} was not accepted")
        for block in blocks:
            rest = block
            while rest:
                if inflater.eof:  # a body may have several members (RFC 1952, 2.2)
                    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
                yield inflater.decompress(rest, _STEP)
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        yield inflater.flush()
        if not inflater.eof:
            raise ValueError("the compressed data ends too early")
    except (zlib.error, ValueError) as error:
        raise MirrorError(
            "bad-answer",
            f"the answer of {shown_url(url)} cannot be decompressed",
            hint="Report it to the operator of the index.",
        ) from error


def follow(url: str, target: str) -> str:
    """Return where ``url`` redirects to, by the header ``target``, which http.client reads as Latin-1."""
    with suppress(UnicodeError):  # servers send UTF-8, which browsers follow
        target = target.encode("latin-1").decode("utf-8")
    try:
        after = urljoin(url, target)
    except ValueError:
        after = target
    try:
        validate_url(after)
    except MirrorError as error:  # the user did not type that URL
        why = f"{shown_url(after)} is not an http or https URL" if error.code == "bad-url" else error.message
        raise bad_redirect(f"{shown_url(url)} redirects to a URL that is not valid: {why}") from error
    if server_of(url).startswith("https:") and not server_of(after).startswith("https:"):
        raise bad_redirect(
            f"{shown_url(url)} redirects from https to {shown_url(after)}, where others can read and change what is sent"
        )
    return after


def bad_redirect(message: str, hint: str = "Report it to the operator of the index.") -> MirrorError:
    """Return the error for a redirect that is not followed."""
    return MirrorError("bad-redirect", message, hint=hint)


def pause_before(turn: int, answer: requests.Response) -> float:
    """Return how many seconds to wait before the retry number ``turn``.

    Retry-After is a number of seconds or a date (RFC 9110, 10.2.3); a date counts from that of the answer, as the clocks of
    server and client need not agree, or from now where the answer has no date that can be read.
    """
    said = answer.headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said) if len(said) < _MOST_DIGITS else math.inf
    try:
        until = parsedate_to_datetime(said)
        return max(0.0, (until - _date_of(answer)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # there is none, or it cannot be read, or has no time zone
        return float(2 ** (turn - 1))


def is_settled(answer: requests.Response) -> bool:
    """Whether Last-Modified names one version: it has seconds only, and is so far before Date that no second has two.

    RFC 9110, 8.8.2.2: otherwise it is a weak validator, by which no parts of a file may be joined.
    """
    try:
        modified = parsedate_to_datetime(answer.headers.get("Last-Modified", ""))
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
        return (date - modified).total_seconds() >= _SETTLED
    except (ValueError, TypeError, OverflowError):  # there is none, or it cannot be read
        return False


def _date_of(answer: requests.Response) -> datetime:
    """Return when the server says that it answered, or the time now where it does not say."""
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
        if date.tzinfo is not None:
            return date
    except (ValueError, TypeError, OverflowError):
        pass  # it does not say, or in a way that cannot be read
    return datetime.now(UTC)  # noqa: TID251 - for a pause only: no wheel depends on it


def bad_answer(url: str, status: int) -> MirrorError:
    """Return the error for a server that answers with this ``status`` instead of the file."""
    if status in DENIED:
        return MirrorError("access-denied", f"{shown_url(url)} answers {status}", hint=access_hint(url))
    hint = "The server is busy: run again later." if status in BUSY else "Check the URL, or run again later."
    return MirrorError("bad-answer", f"{shown_url(url)} answers {status}", hint=hint)


def not_a_wheel(url: str, *, is_page: bool = True) -> MirrorError:
    """Return the error for a server that answers with something else: a page for people, or what is no archive."""
    what = "a web page, not a wheel" if is_page else "not a wheel: it does not begin as one"
    return MirrorError(
        "not-a-wheel",
        f"{shown_url(url)} is {what}",
        hint="It may be a page to log in, or one about the wheel: give the URL that downloads the file.",
    )


def access_hint(url: str) -> str:
    """Return what to do where the server of ``url`` requires credentials."""
    return f"Put your credentials into ~/.netrc (machine {host_of(url)} login ... password ...), or into keyring."


def too_large(url: str, largest: int, hint: str) -> MirrorError:
    """Return the error for an answer of more than ``largest`` bytes."""
    return MirrorError("too-large", f"{shown_url(url)} has more than {largest:,} bytes", hint=hint)


def is_too_slow(error: BaseException | None) -> bool:
    """Whether an error of requests or urllib3 was caused by :class:`TooSlow`."""
    while error is not None and not isinstance(error, TooSlow):
        error = error.__cause__ or error.__context__
    return error is not None


def why_silent(error: Exception, otherwise: str = "") -> tuple[str, str]:
    """Return what is wrong with a server that gives no answer, or what is ``otherwise`` said, and what to do."""
    if is_too_slow(error):
        return "answers too slowly: less than 1,000 bytes a second", "Run again, or download the file by other means."
    if otherwise:
        return otherwise, "Run again."
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "has a certificate that is not trusted (SSLError)",
            "If your own certificate authority (CA) signed it, set REQUESTS_CA_BUNDLE to the file with the CA certificate. "
            "SSL_CERT_FILE has no effect here.",
        )
    return f"does not answer: {reason_of(error)}", "Check the URL and the network."


def reason_of(error: BaseException) -> str:
    """Return why there is no answer, in the words of the system where it has some; no URL is in them.

    >>> reason_of(requests.ConnectionError(TimeoutError("...")))
    'timed out'
    """
    causes = list(_causes(error))
    for kinds, words in _REASONS:
        if any(isinstance(each, kinds) for each in causes):
            return words
    number = next((each.errno for each in causes if isinstance(each, OSError) and each.errno), None)
    if number is not None:
        return os.strerror(number).lower()
    return "not an HTTP answer" if any(isinstance(each, ProtocolError) for each in causes) else "the connection failed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and what caused it: requests and urllib3 keep that in several places."""
    seen, left = set[int](), [error]
    while left:
        each = left.pop(0)
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            others = (*each.args, getattr(each, "reason", None), each.__cause__, each.__context__)
            left += [other for other in others if isinstance(other, BaseException)]
