"""What uv and pip refuse of the URL or path that a requirement refers to (``name @ URL``).

uv takes URLs apart by the URL standard, see :mod:`wheelfix.verify.web_url`. For uv see the crates ``uv-pep508``
(verbatim_url.rs), ``uv-pypi-types`` (parsed_url.rs, lenient_requirement.rs), ``uv-git-types`` and ``uv-redacted`` in its
source; for pip ``_internal/vcs`` and ``_internal/utils/urls.py``.
"""

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from wheelfix.verify.web_url import WebUrl, read_url

_ARCHIVE: Final = re.compile(r".+\.(?:whl|zip|tar|tgz|tbz|txz|tlz|(?i:tar)\.(?:gz|bz2|xz|lz|lzma|zst))", re.DOTALL)
"""The names that uv takes for archives."""
_REPOSITORY: Final = re.compile(r".+\.git", re.DOTALL | re.IGNORECASE)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*(?=:)", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")
"""An environment variable, whose value uv reads in its place: only the machine knows it."""
_QUOTES: Final = re.compile("['\"]")
_THIS_MACHINE: Final = frozenset({"", "localhost"})
_WEB: Final = frozenset({"http", "https"})
_IN_GIT: Final = frozenset({"http", "https", "ssh", "file"})
_COLON: Final = re.compile(r":(?!//)")
_OF_PIP: Final = _WEB | {
    "file",
    *(f"git+{each}" for each in ("http", "https", "ssh", "git", "file")),
    *(f"hg+{each}" for each in ("http", "https", "ssh", "static-http", "file")),
    *(f"bzr+{each}" for each in ("http", "https", "ssh", "sftp", "ftp", "lp", "file")),
    *(f"svn+{each}" for each in ("http", "https", "ssh", "svn", "file")),
}
"""The schemes of URLs from which pip gets something."""
_LONGEST_NAME: Final = 1_000
"""In characters, of a host beyond ASCII: to normalise a longer one takes ``urlsplit`` seconds, and minutes."""


def fault_for_uv(reference: str) -> str:
    """Return why uv refuses ``reference``, empty if it does not. Where it depends on a variable, it does not.

    >>> fault_for_uv("git+ssh://git@example.org:team/x"), fault_for_uv("git+ssh://git@example.org/team/x")
    ('the port of the URL is not a number', '')
    """
    plain = _QUOTES.sub("", reference)
    if plain != reference and _fault_for_uv(plain) == "":
        return ""  # uv tries again without quotes
    return _fault_for_uv(reference)


def _fault_for_uv(reference: str) -> str:
    scheme = _SCHEME.match(reference)
    name = scheme[0] if scheme else ""
    if variable := _VARIABLE.search(reference):
        is_known = scheme is None or variable.start() < scheme.end() or _is_known(name)
        return "" if is_known else _UNKNOWN
    if reference.startswith("/"):
        return _path_fault(reference.partition("#")[0])
    if not _is_known(name):
        return _UNKNOWN
    if name == "file":
        return _file_fault(reference)
    try:
        return _git_fault(reference) if name.startswith("git+") else _web_fault(read_url(reference))
    except ValueError as error:
        return str(error)


def fault_for_pip(reference: str) -> str:
    """Return why pip gets nothing from ``reference``, empty if it does, or may.

    >>> fault_for_pip("/a/x.whl"), fault_for_pip("ftp://example.org/x.whl"), fault_for_pip("https://example.org/x.whl")
    ('the reference is not a URL', 'pip cannot download from such a URL', '')
    """
    scheme = _SCHEME.match(reference)
    if scheme is None or len(scheme[0]) == 1:  # the drive of a path on Windows
        return "the reference is not a URL"
    if scheme[0].lower() not in _OF_PIP:
        return "pip cannot download from such a URL"
    place = re.split(r"[/?#]", reference[scheme.end() + 1 :].removeprefix("//"), maxsplit=1)[0]
    if not place.isascii() and len(place) > _LONGEST_NAME:
        return ""
    try:
        split = urlsplit(reference)
        _ = split.port if split.scheme in _WEB else None
    except ValueError as error:
        return f"the URL cannot be read: {error}"
    if split.scheme in _WEB and reference.startswith("//", scheme.end() + 1) and not split.hostname:
        return "the URL does not name a host"
    if split.scheme == "file" and (scheme[0] != "file" or split.netloc not in _THIS_MACHINE):
        return "the URL does not name a file on this machine"
    return ""


_UNKNOWN: Final = "it is neither a URL that uv knows nor an absolute path"


def _is_known(scheme: str) -> bool:
    """Whether uv knows the scheme of a URL; it is read as a path where this is not in lower case."""
    return scheme in _WEB | {"file"} or (scheme.startswith("git+") and scheme[4:].lower() in _IN_GIT)


def _git_fault(reference: str) -> str:
    """Return why uv refuses the URL of a repository. It is read twice, the second time as what it is without ``git+``."""
    outer = read_url(reference)
    return _credentials_fault(outer) or _repository_fault(read_url(str(outer).removeprefix("git+")))


def _repository_fault(url: WebUrl) -> str:
    if url.path.count("@") > 1:
        return "the path of the URL has more than one @, so it is unclear where the revision begins"
    inside = next((part for part in url.fragment.split("&") if part.startswith("path=")), None)
    if inside is not None and not _ARCHIVE.fullmatch(PurePosixPath(inside.removeprefix("path=")).name):
        return "the path in the repository does not end like that of a wheel or a source archive"
    return _credentials_fault(url)


def _web_fault(url: WebUrl) -> str:
    if fault := _credentials_fault(url):
        return fault
    name = PurePosixPath(url.path).name
    if _REPOSITORY.fullmatch(name):
        return _repository_fault(url)
    return "" if _ARCHIVE.fullmatch(name) else "the URL does not end like that of a wheel or a source archive"


def _credentials_fault(url: WebUrl) -> str:
    """Return that a user and a password seem to stand where none can be: uv refuses such a URL, so as not to print it."""
    befores = (text[: max(0, text.rfind("@"))] for text in (url.path, url.fragment))
    if url.has_password or not any(map(_COLON.search, befores)):
        return ""
    return "" if url.scheme.endswith("file") else "the URL seems to contain a password in the wrong place"


def _file_fault(url: str) -> str:
    """Return why uv refuses a ``file:`` URL. To uv, what follows a question mark is part of the path."""
    place = url.partition("#")[0].removeprefix("file:")
    host, slash, path = place[2:].partition("/") if place.startswith("//") else ("", *place.partition("/")[1:])
    if not slash or host not in _THIS_MACHINE or not place.startswith("/"):
        return "the URL names a host, or its path is relative"
    return _path_fault(unquote(f"/{path}"))


def _path_fault(path: str) -> str:
    """Return why uv refuses an absolute path, empty if it does not.

    uv takes any directory that is there, whatever its name. Where nothing is, a path without an ending may be one.
    """
    below = list[str]()
    for part in PurePosixPath(path).parts[1:]:
        if part != "..":
            below.append(part)
        elif below:
            below.pop()
        else:
            return "the path leads out of the root directory"
    name = below[-1] if below else ""
    stem, dot, _ = name.rpartition(".")
    if not (stem and dot) or _ARCHIVE.fullmatch(name) or _REPOSITORY.fullmatch(name):
        return ""
    return "the path does not end like that of a wheel or a source archive, and is a directory on few machines, if any"
