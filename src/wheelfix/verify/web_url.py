"""URLs as uv and browsers read them, by the URL standard: only what decides whether one can be read, and the parts of it.

https://url.spec.whatwg.org/#url-parsing. Python's ``urlsplit`` follows RFC 3986 and reads other hosts and paths.
"""

import re
from encodings import idna
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.IGNORECASE | re.DOTALL)
_WEB: Final = frozenset({"http", "https"})
"""The schemes that need a host, and read any number of slashes before it."""
_REMOVED: Final = re.compile(r"^[\x00-\x20]+|[\x00-\x20]+$|[\t\n\r]")
_NO_HOST: Final = re.compile(r"[\x00\t\n\r #/:<>?@\[\\\]^|]")
"""What no host contains: https://url.spec.whatwg.org/#forbidden-host-code-point."""
_NO_DOMAIN: Final = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
"""What none with a meaning of its own contains: https://url.spec.whatwg.org/#forbidden-domain-code-point."""
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
_LONGEST_NAME: Final = 1_000
"""In characters: how a longer domain is spelled is not asked. The time for that grows with the square of its length."""
_DECIMAL: Final = re.compile(r"[0-9]+")
_NUMBER: Final = re.compile(r"0x(?P<hex>[0-9a-f]*)|0(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*)", re.IGNORECASE)
_BASES: Final = {"hex": 16, "octal": 8, "decimal": 10}
_MOST_DIGITS: Final = 40
"""Of a number in an address: one with more is beyond any address, leading zeros aside."""
_ONE_DOT: Final = frozenset({".", "%2e"})
_TWO_DOTS: Final = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})
_LARGEST_PORT: Final = 65_535


class WebUrl(Struct, frozen=True):
    """What the standard reads in a URL: its ``scheme`` in lower case; user, host and port, if it has them, as ``authority``.

    In the ``path``, dots are followed as far as the standard follows them, and nothing is decoded. ``fragment`` is what
    follows ``#``.
    """

    scheme: str
    authority: str | None
    path: str
    fragment: str = ""

    @property
    def has_password(self) -> bool:
        """Whether a password stands before the host."""
        return bool((self.authority or "").rpartition("@")[0].partition(":")[2])

    def __str__(self) -> str:
        place = f"//{self.authority}" if self.authority is not None else "/." if self.path.startswith("//") else ""
        return f"{self.scheme}:{place}{self.path}" + (f"#{self.fragment}" if self.fragment else "")


def read_url(text: str) -> WebUrl:
    """Return the parts of the URL ``text``.

    :raises ValueError: if the standard refuses it; the text says why.

    >>> read_url("https:/user@example.org/a/../b.whl?x#y")
    WebUrl(scheme='https', authority='user@example.org', path='/b.whl', fragment='y')
    >>> read_url("ssh://git@example.org:team/x")
    Traceback (most recent call last):
    ValueError: the port of the URL is not a number
    """
    found = _SCHEME.fullmatch(_REMOVED.sub("", text))
    if found is None:
        raise ValueError("the URL has no scheme")
    scheme = found[1].lower()
    rest, _, fragment = found[2].partition("#")
    rest = rest.partition("?")[0]
    if scheme in _WEB or scheme == "file":
        rest = rest.replace("\\", "/")
    if scheme in _WEB:
        rest = "//" + rest.lstrip("/")
    if not rest.startswith("//"):
        return WebUrl(scheme, None, _followed(rest) if rest.startswith("/") else rest, fragment)
    authority, slash, path = rest[2:].partition("/")
    if scheme == "file":
        _require_host(authority, is_special=True)
    else:
        _require_place(authority, is_special=scheme in _WEB)
    return WebUrl(scheme, authority.removesuffix(":"), _followed(slash + path), fragment)


def _followed(path: str) -> str:
    """Return ``path`` with its dots followed."""
    kept = list[str]()
    parts = path.split("/")[1:]
    for part in parts:
        word = part.lower()
        if word in _TWO_DOTS:
            del kept[-1:]
        elif word not in _ONE_DOT:
            kept.append(part)
    if parts and parts[-1].lower() in _ONE_DOT | _TWO_DOTS:
        kept.append("")
    return "".join(f"/{part}" for part in kept)


def _require_place(authority: str, *, is_special: bool) -> None:
    """Confirm that this is a host, perhaps with a user before it and a port behind it. Only special schemes need one.

    :raises ValueError: if it is not.
    """
    _, at, place = authority.rpartition("@")
    bracket = place.rfind("]") + 1 if place.startswith("[") else 0
    host, colon, port = place[bracket:].partition(":")
    host = place[:bracket] + host
    if not host and (is_special or at or colon):
        raise ValueError("the URL does not name a host")
    if port and not _DECIMAL.fullmatch(port):
        raise ValueError("the port of the URL is not a number")
    if len(port.lstrip("0")) > len(str(_LARGEST_PORT)) or int(port[-_MOST_DIGITS:] or "0") > _LARGEST_PORT:
        raise ValueError("the port of the URL is too large")
    _require_host(host, is_special=is_special)


def _require_host(host: str, *, is_special: bool) -> None:
    is_right = _is_address if host.startswith("[") else _is_domain if is_special else _is_opaque
    if host and not is_right(host):
        raise ValueError("the URL does not name a host")


def _is_address(host: str) -> bool:
    """Whether this is an IP address of version 6 in brackets; the standard has no zones."""
    try:
        return host.endswith("]") and "%" not in host and bool(IPv6Address(host[1:-1]))
    except ValueError:
        return False


def _is_opaque(host: str) -> bool:
    return not _NO_HOST.search(host)


def _is_domain(host: str) -> bool:
    """Whether this is a domain or an IP address of version 4, https://url.spec.whatwg.org/#host-parsing.

    Where its last part is a number, the whole must be an address.
    """
    domain = _spelled(unquote(host))
    if not domain or _NO_DOMAIN.search(domain):
        return False
    parts = domain.removesuffix(".").split(".")
    is_numeric = _DECIMAL.fullmatch(parts[-1]) or _number(parts[-1]) is not None
    return not is_numeric or _is_ipv4(parts)


def _spelled(domain: str) -> str | None:
    """Return ``domain`` as names are compared, ``None`` if a part of it has no such spelling.

    This is IDNA 2003, as Python has it. The standard has UTS 46, which differs in a few characters beyond ASCII.
    """
    if len(domain) > _LONGEST_NAME:
        return domain
    try:
        if not domain.isascii():
            domain = ".".join(map(idna.nameprep, _DOTS.split(domain)))
        for label in domain.lower().split("."):
            if label.startswith("xn--"):
                idna.ToUnicode(label)
    except UnicodeError:
        return None
    return domain


def _is_ipv4(parts: list[str]) -> bool:
    numbers = [_number(part) for part in parts]
    known = [number for number in numbers if number is not None]
    return (
        len(known) == len(numbers) <= 4
        and all(number < 256 for number in known[:-1])
        and known[-1] < 256 ** (5 - len(known))
    )


def _number(part: str) -> int | None:
    """Return a part of an IP address of version 4, which may be hexadecimal or octal; ``None`` if it is no number."""
    found = _NUMBER.fullmatch(part)
    if found is None or found.lastgroup is None:
        return None
    digits = found[found.lastgroup].lstrip("0")
    return int(digits[: _MOST_DIGITS + 1] or "0", _BASES[found.lastgroup])
