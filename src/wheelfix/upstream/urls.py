"""URLs of an index and of what it lists: which are valid, and how they are shown without secrets."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from wheelfix.errors import MirrorError
from wheelfix.text import cut, shown
from wheelfix.version import install_extra

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEMES: Final = tuple(_DEFAULT_PORTS)
_LONGEST_SHOWN: Final = 4_000
"""In characters; servers refuse longer ones mostly."""
_WITHOUT_SCHEME: Final = re.compile(
    r"(?://)?(?:[^/@]*@)?(?P<rest>(?P<host>localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d+)?(?:/.*)?)", re.IGNORECASE
)
"""A host, perhaps with a port and a path, as people copy it from a browser that hides the scheme."""

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


def looks_like_url(text: str) -> bool:
    """Whether ``text`` is meant as a URL, of whatever kind, and not as a path.

    >>> looks_like_url("HTTPS://wheels.example.org/simple/"), looks_like_url("wheels/mirror")
    (True, False)
    """
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme.replace("+", "").isalnum()


def with_scheme(text: str) -> str | None:
    """Return the URL that ``text`` is if only the scheme is missing, ``None`` if it does not look like one.

    >>> with_scheme("packages.example.org/simple"), with_scheme("wheels/mirror")
    ('https://packages.example.org/simple', None)
    """
    found = _WITHOUT_SCHEME.fullmatch(text.partition("?")[0])
    if found is None or text.endswith(".whl"):
        return None
    is_local = found["host"] == "localhost" or found["host"].startswith("127.")
    return f"{'http' if is_local else 'https'}://{found['rest']}"


def validate_url(url: str) -> None:
    """Confirm that ``url`` is an http or https URL without credentials.

    :raises MirrorError: if it is not.
    """
    parts = _parts(url)
    if parts is None:
        raise MirrorError(
            "bad-url",
            f"{shown_url(url)!r} is not the URL of an index",
            hint=f"Did you mean {shown(meant)}?" if (meant := with_scheme(url)) else "Give one that begins with https://.",
        )
    if "@" in parts.netloc:
        raise MirrorError(
            "credentials-in-url",
            f"the URL of {shown(parts.hostname or '')} contains credentials",
            hint="Put them into ~/.netrc, or into keyring: others can read the arguments of a process.",
        )


def split_sha256(url: str) -> tuple[str, str | None]:
    """Return ``url`` without its fragment, and the sha256 (lower-case hexadecimal) in that, ``None`` where it has none.

    >>> split_sha256("https://example.org/x.whl#egg=x")
    ('https://example.org/x.whl', None)

    :raises MirrorError: if that is invalid.
    """
    plain, _, fragment = url.partition("#")
    given = [part.partition("=")[2] for part in fragment.split("&") if part.lower().startswith("sha256=")]
    if any(_SHA256.fullmatch(each) is None for each in given) or len({each.lower() for each in given}) > 1:
        raise MirrorError(
            "bad-url",
            f"{shown_url(url)} has an invalid sha256",
            hint="It has 64 hexadecimal digits: #sha256=...",
        )
    return plain, given[0].lower() if given else None


def shown_url(url: str) -> str:
    """Return ``url`` as it can be shown: without credentials, and without its query, which may be a signature.

    Of a long one, as a server can redirect to, the beginning is shown.

    >>> shown_url("https://user:secret@example.org/x.whl?X-Amz-Signature=secret")
    'https://example.org/x.whl'
    >>> shown_url("ftp://user:secret@example.org/")
    '...@example.org/'
    """
    parts = _parts(url)
    if parts is None:  # it cannot be split into parts
        plain = url.partition("?")[0]
        return cut("...@" + plain.rpartition("@")[2] if "@" in plain else plain, _LONGEST_SHOWN)
    return cut(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", _LONGEST_SHOWN)


def name_of_index(url: str) -> str:
    """Return the name of the index at ``url``, the same for every spelling of the URL.

    >>> name_of_index("HTTPS://Wheels.Example.org:443/simple")
    'https://wheels.example.org/simple/'
    """
    parts = _parts(url)
    if parts is None:
        return shown_url(url)
    default = _DEFAULT_PORTS[parts.scheme]
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(f":{default}")
    return shown(f"{parts.scheme}://{host}{parts.path.rstrip('/')}/")


def server_of(url: str) -> str:
    """Return the server of ``url`` with its scheme and port: credentials are for one server."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def host_of(url: str) -> str:
    """Return the host of ``url``, as it can be shown."""
    parts = _parts(url)
    return shown(parts.hostname or "") if parts else "?"


def _parts(url: str) -> SplitResult | None:
    """Return the parts of ``url``, ``None`` if it is not an http or https URL with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as an IPv6 address that is not closed, or a port that is not a number
        return None
    return parts if usable else None


def missing_extra(error: ImportError) -> MirrorError:
    """Return the error for a package that only the extra ``index`` installs."""
    return MirrorError(
        "no-index-extra",
        f"reading an index needs {error.name}, which is not installed",
        hint=install_extra("index"),
    )
