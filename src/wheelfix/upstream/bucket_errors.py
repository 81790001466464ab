"""The errors of a client of buckets as ours: short, and with what to do.

Those of the client have whole answers in them, and URLs with signatures: nothing of those is shown, nor chained.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from wheelfix.errors import MirrorError, SourceChanged, WheelfixError
from wheelfix.locations import Url
from wheelfix.text import cut, shown
from wheelfix.upstream.cloud_settings import bad_setting
from wheelfix.upstream.clouds import S3, Cloud, no_credentials

_STATUS: Final = re.compile(r"non-2xx status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>\s*([A-Za-z0-9_.-]{1,60})\s*</Code>")
_REGION: Final = re.compile(r"<Region>\s*([a-z0-9-]{1,40})\s*</Region>")
_URL: Final = re.compile(r"\S+://\S+")
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound"})
_WRONG_REGION: Final = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"})
_REDIRECTED: Final = "incorrectly configured region"
"""What the client says where S3 redirects a request to another region."""
_BAD_SCHEME: Final = "BadScheme"
"""What the client says of an endpoint that begins with ``http``."""
_DENIED: Final = frozenset({401, 403})
_CONFLICTS: Final = frozenset({409, 412})
_NOT_IMPLEMENTED: Final = 501
_NO_SUCH_RANGE: Final = 416
_PANIC: Final = "PanicException"
_BAD_KEY: Final = re.compile(r'Encountered object with invalid path: [^"\n]*"([^"\n]*)"')
"""What the client says of an object in a listing: a part of its name is empty, ``.`` or ``..``, which it cannot ask for."""
_NO_HEADER: Final = re.compile(r"Unable to extract (?:metadata from headers|[A-Za-z ]{1,40}): ([^\n]+)")
"""What the client says of an answer without an ETag, or without another header that it needs."""
_NO_PART: Final = "non-partial response"
"""What the client says where a store sends all of an object instead of a part."""
_SERVERS_FAULT: Final = 500
_BUSY: Final = 429


class Conflict(Exception):
    """The object has another version than the one that was to be replaced, or it exists and was to be created."""


@contextmanager
def bucket_errors(cloud: Cloud, url: Url, doing: str) -> Iterator[None]:
    """Raise the errors of a client as ours; ``doing`` is one of the cloud's permissions, and ``url`` can be shown.

    :raises MirrorError: for what the client raises of its own, :class:`FileNotFoundError` included.
    """
    try:
        yield
    except (WheelfixError, Conflict):
        raise
    except BaseException as error:
        if is_panic(error):
            raise _broken_client(cloud, url, error) from None
        from obstore.exceptions import BaseError  # imported late: it is installed only where buckets are used

        if not isinstance(error, BaseError | FileNotFoundError | ValueError | NotImplementedError):
            raise
        raise _ours(cloud, url, doing, error) from None


def _ours(cloud: Cloud, url: Url, doing: str, error: Exception) -> MirrorError:
    from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

    text, status, code = str(error), status_of(error), code_of(error)
    what, reason = shown(str(url)), code or (f"it answers {status}" if status else None)
    if code in _NO_BUCKET:
        return _no_bucket(cloud, url)
    if found := _of_client(cloud, url, text):
        return found
    if code in _WRONG_REGION or _REDIRECTED in text:
        return _wrong_region(url, _REGION.search(text))
    if isinstance(error, UnauthenticatedError) and status is None:
        return no_credentials(cloud, _summary(text.partition("\n")[0].rpartition(" provider: ")[2]))
    if code in _EXPIRED:
        return no_credentials(cloud, code)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in _DENIED:
        hint = f"It requires the permission {getattr(cloud.permissions, doing)}. {cloud.credentials}"
        return MirrorError("access-denied", f"access to {what} is denied", reason=reason, hint=hint)
    if isinstance(error, NotSupportedError | NotImplementedError) or status == _NOT_IMPLEMENTED:
        return no_conditions(url, reason or "it answers that this is not implemented")
    if isinstance(error, ValueError):
        return MirrorError("bad-url", f"{what} cannot be the URL of an object", reason=_summary(text), hint="Check the URL.")
    if status is not None and status < _SERVERS_FAULT and status != _BUSY:
        return MirrorError("bad-answer", f"{what} answers {status}", reason=code, hint="Check the URL, and the endpoint.")
    hint = "Check the connection, and the endpoint if you set one. Or run again later."
    return MirrorError("no-answer", f"{what} does not answer", reason=reason or _summary(text), hint=hint)


@contextmanager
def setting_errors(cloud: Cloud) -> Iterator[None]:
    """Raise what a client is refused with, before any request, as an error of the settings that it found.

    :raises MirrorError: for what the client raises of its own.
    """
    try:
        yield
    except WheelfixError:
        raise
    except BaseException as error:
        from obstore.exceptions import BaseError  # imported late: see above

        if not is_panic(error) and not isinstance(error, BaseError | ValueError):
            raise
        hint = f"Check the variables of the environment that are for {cloud.name}."
        raise bad_setting(f"A setting of {cloud.name}", "cannot be used", hint, reason=_summary(str(error))) from None


def is_panic(error: BaseException) -> bool:
    """Whether a client written in Rust broke off; it is no :class:`Exception`, and its class is in no module."""
    return type(error).__name__ == _PANIC


def _broken_client(cloud: Cloud, url: Url, error: BaseException) -> MirrorError:
    return MirrorError(
        "client-broke",
        f"the client of {cloud.name} broke off at {shown(str(url))}",
        reason=_summary(str(error)),
        hint="Look for odd characters in the URL, and in the settings and credentials of the cloud.",
    )


def _of_client(cloud: Cloud, url: Url, text: str) -> MirrorError | None:
    """Return the error for what the client says of a setting or an answer, ``None`` if ``text`` is no such thing."""
    what = shown(str(url))
    if _BAD_SCHEME in text:
        hint = f"Give one that begins with https://, or set {cloud.allow_http}=true."
        return MirrorError("bad-url", f"the {cloud.name} endpoint does not use https", hint=hint)
    if found := _BAD_KEY.search(text):
        message = f"{what} has an object with a name that nothing can read: {cut(found[1])}"
        return MirrorError("bad-key", message, hint="Delete or rename it with the tools of the cloud.")
    if _NO_PART in text:
        return MirrorError("no-ranges", f"{what} cannot be read in parts", hint="Download it, and give the file.")
    if found := _NO_HEADER.search(text):
        hint = "Check what is between here and the store: a proxy may have taken it away."
        return MirrorError("bad-answer", f"the answer for {what} is incomplete", reason=cut(found[1]), hint=hint)
    if _REDIRECTED in text and cloud is not S3:  # regions are of S3
        return MirrorError(
            "bad-answer", f"{what} redirects without saying where to", hint="Check the endpoint and the account."
        )
    return None


def no_conditions(url: Url, reason: str) -> MirrorError:
    """Return the error for a store that cannot compare and write at once."""
    return MirrorError(
        "no-conditional-writes",
        f"{shown(str(url))} does not support conditional writes, which several publishers need",
        reason=reason,
        hint="Let one publisher write at a time, and use --single-writer.",
    )


def too_large(url: Url, largest: int) -> MirrorError:
    """Return the error for an object that is larger than anything that is read at once."""
    hint = "It was not read: real pages are never this large."
    return MirrorError("too-large", f"{shown(str(url))} has more than {largest:,} bytes", hint=hint)


def endless_list(url: Url) -> MirrorError:
    """Return the error for a store whose list of what is at ``url`` never ends."""
    return MirrorError(
        "bad-answer",
        f"the list of {shown(str(url))} does not end",
        reason="the store sends the same objects again and again, or says that there are more and sends none",
        hint="Report it to the operator of the store.",
    )


def changed_meanwhile() -> SourceChanged:
    """Return the error for an object that is another one than it was."""
    return SourceChanged("source-changed", "the file changed while it was read", hint="Run again when nothing writes to it.")


def raise_if_no_bucket(error: Exception) -> None:
    """Raise ``error`` if it says that there is no bucket: then an object is not just missing."""
    if code_of(error) in _NO_BUCKET:
        raise error


def has_no_such_range(error: Exception) -> bool:
    """Whether an object has no such bytes, or none of its bytes can be requested."""
    return status_of(error) == _NO_SUCH_RANGE or _NO_PART in str(error)


def is_conflict(error: Exception) -> bool:
    """Whether the answer is 409 or 412: of two writers at once, S3 answers one so."""
    return status_of(error) in _CONFLICTS


def status_of(error: Exception) -> int | None:
    """Return the status of the answer in a client's error, if there is one."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


def code_of(error: Exception) -> str | None:
    """Return the code in that answer, such as ``NoSuchKey``."""
    found = _CODE.search(str(error))
    return found[1] if found else None


def _no_bucket(cloud: Cloud, url: Url) -> MirrorError:
    hint = f"Check the name, the endpoint and the account. wheelfix does not create a {cloud.bucket}."
    return MirrorError("no-bucket", f"there is no {cloud.bucket} {shown(urlsplit(url).netloc)}", hint=hint)


def _wrong_region(url: Url, region: re.Match[str] | None) -> MirrorError:
    hint = f"Set AWS_REGION={region[1]}." if region else "Set AWS_REGION to the region of the bucket."
    return MirrorError("wrong-region", f"the bucket {shown(urlsplit(url).netloc)} is in another region", hint=hint)


def _summary(text: str) -> str:
    """Return the end of a client's first line: what follows the URL, which may have a signature in it."""
    return cut(_URL.sub("", text.partition("\n")[0]).rpartition(" - ")[2].strip())
