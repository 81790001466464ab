"""Which modules a wheel holds, as far as its files say: what an entry point names should be among them."""

from collections.abc import Iterable
from typing import Final

_LIBRARIES: Final = ("purelib", "platlib")
_ENDINGS: Final = (".py", ".pyc", ".so", ".pyd")
"""What ends the name of a file that can be imported; an extension module has a tag for its interpreter before it."""


class Modules:
    """The modules among the files ``names`` of a wheel whose data folder is ``data``.

    >>> modules = Modules(["demo/__init__.py", "demo/fast.cpython-312-x86_64-linux-gnu.so"], "demo-1.0.data")
    >>> [modules.lacks(name) for name in ("demo.fast", "demo.slow", "other.slow")]
    [False, True, False]
    """

    def __init__(self, names: Iterable[str], data: str) -> None:
        self._modules: set[str] = set()
        self._packages: set[str] = set()
        for name in names:
            self._add(_library_path(name, data))

    def has(self, module: str) -> bool:
        """Whether ``module`` is among the files of this wheel."""
        return module in self._modules

    def lacks(self, module: str) -> bool:
        """Whether ``module`` is in a package of this wheel, by its name, and not among its files.

        A folder without ``__init__`` may be shared with other projects, and what is no package of this wheel may come from
        one that it requires: of neither anything is known.
        """
        parent = module.rpartition(".")[0]
        return parent in self._packages and module not in self._modules

    def _add(self, path: str) -> None:
        if not path.endswith(_ENDINGS):
            return
        folder, _, file = path.rpartition("/")
        package, stem = folder.replace("/", "."), file.partition(".")[0]
        if stem == "__init__":
            self._packages.add(package)
            stem = ""
        parts = [*filter(None, package.split(".")), *([stem] if stem else [])]
        while parts and (name := ".".join(parts)) not in self._modules:  # a folder counts, with __init__ or without
            self._modules.add(name)
            parts.pop()


def _library_path(name: str, data: str) -> str:
    """Return where a file lies in site-packages; one that is installed elsewhere has no ending of a module."""
    top, _, rest = name.partition("/")
    if top != data:
        return name
    scheme, _, path = rest.partition("/")
    return path if scheme in _LIBRARIES else ""
