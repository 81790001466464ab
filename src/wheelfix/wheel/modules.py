"""The modules among the files of a wheel, by the names under which they are imported.

https://docs.python.org/3/reference/import.html
"""

from collections.abc import Iterable, Set as AbstractSet
from typing import Final

_LIBRARIES: Final = ("purelib", "platlib")
_ENDINGS: Final = (".py", ".pyc", ".so", ".pyd")
"""What ends the name of a file that can be imported; an extension module has a tag for its interpreter before it."""
_CACHE: Final = "__pycache__"
"""The directory of compiled files, which are used only beside their source."""
_DEEPEST: Final = 100
"""In how many directories a module can lie: more than any real one, and a limit for paths made of slashes."""


class Modules:
    """The modules among the files ``names`` of a wheel whose .data directory is ``data``.

    >>> modules = Modules(["demo/__init__.py", "demo/fast.cpython-312-x86_64-linux-gnu.so"], "demo-1.0.data")
    >>> [modules.lacks(name) for name in ("demo.fast", "demo.slow", "other.slow")]
    [False, True, False]
    """

    def __init__(self, names: Iterable[str], data: str) -> None:
        self._modules: set[str] = set()
        self._packages: set[str] = set()
        for name in names:
            self._add(library_path(name, data))

    @property
    def names(self) -> AbstractSet[str]:
        """The names of all modules; a directory that a module lies in is one, with ``__init__`` or without."""
        return self._modules

    @property
    def packages(self) -> AbstractSet[str]:
        """The names of the directories with ``__init__``."""
        return self._packages

    def has(self, module: str) -> bool:
        """Whether ``module`` is among the files of this wheel."""
        return module in self._modules

    def lacks(self, module: str) -> bool:
        """Whether ``module`` is in a package of this wheel, by its name, and not among its files.

        A directory without ``__init__`` may be shared with other projects, and a package that is not in this wheel may come
        from one that it requires: nothing is known of either.
        """
        parent = module.rpartition(".")[0]
        return parent in self._packages and module not in self._modules

    def _add(self, path: str) -> None:
        name, is_package = module_of(path)
        if is_package:
            self._packages.add(name)
        while name and name not in self._modules:
            self._modules.add(name)
            name = name.rpartition(".")[0]


def module_of(path: str) -> tuple[str, bool]:
    """Return the name of the module that a file in site-packages is, and whether it makes a package of its directory.

    The name is empty where it is no module.

    >>> module_of("demo/sub/__init__.py"), module_of("demo/fast.abi3.so"), module_of("demo/data.json")
    (('demo.sub', True), ('demo.fast', False), ('', False))
    """
    directory, _, file = path.rpartition("/")
    if not file.endswith(_ENDINGS) or directory.endswith(_CACHE) or directory.count("/") >= _DEEPEST:
        return "", False
    parts, stem = [*filter(None, directory.split("/"))], file.partition(".")[0]
    is_package = stem == "__init__"
    return ".".join(parts if is_package or not stem else [*parts, stem]), is_package


def library_path(name: str, data: str) -> str:
    """Return where a file of a wheel lies in site-packages, empty if it lies elsewhere; ``data`` is the .data directory."""
    top, _, rest = name.partition("/")
    if top != data:
        return name
    scheme, _, path = rest.partition("/")
    return path if scheme in _LIBRARIES else ""
