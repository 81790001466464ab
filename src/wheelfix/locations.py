"""Where wheels and mirrors are: paths on this machine, and URLs."""

from pathlib import Path
from typing import Final, TypeAlias


class Url(str):
    """A URL that can be used like a path, as far as reports need it: it has a ``name``, and ``/`` appends to it.

    It is shown as it is, so it has neither credentials nor a signature in it.

    >>> Url("s3://wheels/torch-2.7.0%2Bcpu-cp311-cp311-win_amd64.whl").name
    'torch-2.7.0+cpu-cp311-cp311-win_amd64.whl'
    >>> Url("s3://wheels/team/") / "public/simple/index.json"
    's3://wheels/team/public/simple/index.json'
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The last part of its path, unquoted."""
        from urllib.parse import unquote, urlsplit  # imported late: most wheels are files

        return unquote(urlsplit(self).path.rstrip("/").rpartition("/")[2])

    def __truediv__(self, path: str) -> "Url":
        return Url(f"{self.rstrip('/')}/{path}")


Location: TypeAlias = Path | Url
"""Where something is: a path, or a URL."""
BUCKETS: Final = ("s3", "gs", "az")
"""The schemes of the URLs of buckets."""


def path_of_file_url(url: str) -> Path | None:
    """Return the path that a ``file:`` URL of this machine names (RFC 8089), ``None`` if it is another URL.

    >>> path_of_file_url("file:///srv/wheels%20of%20ours"), path_of_file_url("s3://wheels"), path_of_file_url("file://[")
    (PosixPath('/srv/wheels of ours'), None, None)
    """
    from urllib.parse import unquote, urlsplit  # imported late: most paths are given as such

    try:
        parts = urlsplit(url)
    except ValueError:  # such as an IPv6 address that is not closed
        return None
    is_ours = parts.scheme == "file" and parts.netloc in ("", "localhost") and not parts.query
    return Path(unquote(parts.path)) if is_ours and parts.path.startswith("/") else None


def is_file(path: Path) -> bool:
    """Whether ``path`` is a file; a name that is too long, or has a NUL in it, is that of none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_directory(path: Path) -> bool:
    """Whether ``path`` is a directory; see :func:`is_file`.

    >>> is_directory(Path("a" * 5000)), is_directory(Path())
    (False, True)
    """
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def without_file_scheme(text: str) -> str:
    """Return the path that a URL such as ``file:///dist/x.whl`` stands for; any other text as it is.

    >>> without_file_scheme("file:///dist/torch-2.7.0%2Bcpu.whl"), without_file_scheme("dist/file:/x")
    ('/dist/torch-2.7.0+cpu.whl', 'dist/file:/x')
    """
    if not text.lower().startswith("file://"):
        return text
    return str(path_of_file_url(text) or text)
