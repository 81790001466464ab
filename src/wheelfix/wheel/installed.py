"""Where the files of a wheel are when it is installed.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory
"""

import posixpath
from typing import Final, NamedTuple

LIBRARY: Final = "library"
"""The directory of modules: purelib and platlib are the same one in most environments."""
SCRIPTS: Final = "scripts"
_LIBRARIES: Final = ("purelib", "platlib")
_BIN: Final = "bin/"


class Place(NamedTuple):
    """A ``path`` below one of the directories that an installer knows: the library, scripts, headers, or data."""

    root: str
    path: str


def place_of(name: str, data: str) -> Place:
    """Return where the entry called ``name`` is installed; ``data`` is the wheel's own .data directory, with its slash.

    Empty parts of a path, and those that are a dot, are left out. A path that is a dot is that of the directory itself.

    >>> place_of("demo-1.0.data/purelib/demo/./x.py", "demo-1.0.data/")
    Place(root='library', path='demo/x.py')
    >>> place_of("demo-1.0.data/data/bin/tool", "demo-1.0.data/")
    Place(root='scripts', path='tool')
    """
    if not name.startswith(data):
        return Place(LIBRARY, posixpath.normpath(name))
    scheme, _, rest = name.removeprefix(data).partition("/")
    path = posixpath.normpath(rest.lstrip("/"))
    if scheme in _LIBRARIES:
        return Place(LIBRARY, path)
    return Place(SCRIPTS, path.removeprefix(_BIN)) if scheme == "data" and path.startswith(_BIN) else Place(scheme, path)
