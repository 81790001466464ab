"""Settings of a cloud that are there and cannot be used: refused before a request is made, by the name of what was set.

A client puts them into URLs and headers as they are. Where they do not fit it ends with a panic, which prints where in its
source that was, or says of a server that was never asked that it does not answer. No value of a secret is shown.
"""

import os
import re
from base64 import b64decode
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from wheelfix.errors import MirrorError
from wheelfix.text import cut, shown

_SCHEMES: Final = frozenset({"http", "https"})
_CREDENTIALS: Final = re.compile(r"[?#]|//[^/]*@")
"""In an endpoint: a query, which is a signature, or a user."""
_LINE_BREAK: Final = re.compile(r"[\r\n]")
_SPACE: Final = re.compile(r"\s")
_NO_TEXT_OF_HEADERS: Final = re.compile(r"[^!-~]")
_REGION: Final = re.compile(r"[A-Za-z0-9._-]+")
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9-]+")
_BUCKET: Final = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]*")
"""Names that S3 gave to buckets in its first years have capitals and underscores; Azure has containers such as ``$web``."""


def usable_endpoint(setting: str, url: str) -> str:
    """Return ``url`` if requests can be sent there; ``setting`` is what it was set by.

    :raises MirrorError: if not.
    """
    if _CREDENTIALS.search(url):
        raise bad_setting(setting, "contains credentials, which others can read", "Set each by the variable that is for it.")
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or _NO_TEXT_OF_HEADERS.search(url):
        raise bad_setting(
            setting, f"is not the URL of a server: {cut(url)}", "Write it as https://HOST or https://HOST:PORT."
        )
    return url


def usable_region(setting: str, region: str) -> str:
    """Return ``region`` if it can be the name of one.

    :raises MirrorError: if not.
    """
    if not _REGION.fullmatch(region):
        raise bad_setting(setting, f"is not the name of a region: {cut(region)}", "Write it as us-east-1.")
    return region


def usable_account(setting: str, account: str) -> str:
    """Return ``account`` if it can be the name of one.

    :raises MirrorError: if not.
    """
    if not _ACCOUNT.fullmatch(account):
        raise bad_setting(setting, f"is not the name of an account: {cut(account)}", "It has letters and digits only.")
    return account


def usable_secret(setting: str, secret: str) -> str:
    """Return ``secret``, a key or a token, if it can stand in a request.

    :raises MirrorError: if not.
    """
    if _NO_TEXT_OF_HEADERS.search(secret):
        problem = "a line break" if _LINE_BREAK.search(secret) else "white space" if _SPACE.search(secret) else ""
        raise bad_setting(setting, f"contains {problem or 'a character that no key has'}", "Copy it again.")
    return secret


def usable_base64(setting: str, key: str) -> str:
    """Return ``key`` if it is one in base64, as those of Azure are.

    :raises MirrorError: if not.
    """
    try:
        b64decode(usable_secret(setting, key), validate=True)
    except ValueError as error:
        raise bad_setting(setting, "is not valid base64, as the keys of accounts are", "Copy it again.") from error
    return key


def usable_signature(setting: str, signature: str) -> str:
    """Return ``signature`` if it is a shared access signature of Azure: pairs as in a URL.

    :raises MirrorError: if not.
    """
    if not all("=" in pair for pair in usable_secret(setting, signature).split("&")):
        raise bad_setting(setting, "is not a shared access signature (sv=...&sig=...)", "Copy it again.")
    return signature


def usable_file(setting: str, path: str) -> bytes:
    """Return what is in the file at ``path``.

    :raises MirrorError: if it cannot be read.
    """
    try:
        return Path(path).expanduser().read_bytes()
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "it is not a path"
        raise bad_setting(
            setting, f"names a file that cannot be read: {shown(path)} ({reason})", "Check the path."
        ) from error


def is_bucket_name(name: str) -> bool:
    """Whether ``name`` can be that of a bucket in any of the clouds, and so stands in a URL as it is.

    >>> [is_bucket_name(name) for name in ("team-wheels", "team.example.org", "$web", "team wheels", "team%20wheels")]
    [True, True, True, False, False]
    """
    return bool(_BUCKET.fullmatch(name))


def check_secrets(*names: str) -> None:
    """Confirm that variables of the environment which the client itself reads can stand in a request, where they are set.

    :raises MirrorError: if one cannot.
    """
    for name in names:
        usable_secret(name, os.environ.get(name, ""))


def bad_setting(setting: str, problem: str, hint: str, *, reason: str | None = None) -> MirrorError:
    """Return the error for a ``setting``, the name of a variable or where else it comes from, that cannot be used."""
    return MirrorError("bad-setting", f"{setting} {problem}", reason=reason, hint=hint)
