"""What of a wheel needs files that are to be removed, as far as its source shows.

What is read is the source that remains and names what would be missing. Names that a program puts together while it runs,
data files that it opens, and what compiled code imports are not seen.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final

from msgspec import Struct

from wheelfix.errors import ArchiveError
from wheelfix.evidence.elf import is_binary
from wheelfix.evidence.linkage import Linkage
from wheelfix.evidence.python_code import Unclosed, imports_of
from wheelfix.text import shown
from wheelfix.wheel.modules import Modules, library_path, module_of
from wheelfix.wheel.zip.inflate import read_content, read_start
from wheelfix.wheel.zip.layout import Layout
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import Entry

_SOURCES: Final = (".py", ".pyw")
_PATHS: Final = ".pth"
"""Files at the top of site-packages that Python reads when it starts: https://docs.python.org/3/library/site.html."""
_NOT_RUN: Final = re.compile(rb"^(?!(?:\xef\xbb\xbf)?import[ \t])[^\r\n]++", re.MULTILINE)
"""A line of such a file that is a path or a comment: one that begins with ``import`` is run."""
_LARGEST: Final = 1 << 21
"""The largest source that is read, in bytes."""
_MOST: Final = 1 << 28
"""How much source of a wheel is read, in bytes: five times that of torch."""
_FEW: Final = 16
"""Up to how many words are looked for one by one."""
_WORD: Final = re.compile(rb"[\w\x80-\xff]+")


class Need(Struct, frozen=True):
    """That something which remains needs a file that is to be removed.

    ``reason`` is a clause that names both. Where it is not ``certain``, the file could not be read and only may need it.
    """

    file: str
    reason: str
    certain: bool = True


class Removal:
    """The files ``removed`` of a wheel whose .data directory is ``data``, and the modules that are missing then."""

    def __init__(self, names: Iterable[str], removed: Collection[str], data: str) -> None:
        names, self._data = [*names], data
        self.removed = removed
        self.remaining = [name for name in names if name not in removed]
        self.modules = Modules(self.remaining, data)
        before = Modules(names, data)
        self.missing = before.names - self.modules.names
        """The names of the modules that the wheel has no more."""
        self._bare = (before.packages - self.modules.packages) & self.modules.names

    def file_of(self, module: str) -> str:
        """Return the removed file that is ``module``; of a directory that is no package the first file."""
        first = ""
        for name in self.removed:
            found, _ = module_of(library_path(name, self._data))
            if found == module:
                return name
            if not first and found.startswith(f"{module}."):
                first = name
        return first

    def bare_packages(self) -> Iterator[Need]:
        """Yield the files that make a package of a directory in which modules remain."""
        for package in sorted(self._bare):
            inside = (name for name in self.remaining if self._is_in(name, package))
            file = self.file_of(package)
            reason = f"{shown(file)} makes a package of the directory of {shown(next(inside, package))}"
            yield Need(file, reason)

    def _is_in(self, name: str, package: str) -> bool:
        module, _ = module_of(library_path(name, self._data))
        return module.startswith(f"{package}.")

    def imports(self, source: Readable, layout: Layout) -> Iterator[Need]:
        """Yield the imports of missing modules in the source that remains, file by file.

        All of it is read up to 256 MiB; what is larger, or cannot be read, may need them where it mentions them.
        """
        mentions = _finder_of({name.rpartition(".")[2] for name in self.missing if self._is_topmost(name)})
        if mentions is None:
            return
        left = _MOST
        for name in self.remaining:
            path = library_path(name, self._data)
            is_script = not path and name.startswith(f"{self._data}/scripts/") and not name.endswith("/")
            if not is_script and not path.endswith(_SOURCES) and not _is_path_file(path):
                continue
            entry = layout.find(name)
            if is_script and not _is_python_script(source, entry):
                continue
            left -= entry.size
            yield from self._in_file(source, entry, path, mentions, is_left=left >= 0)

    def links(self, read: Callable[[], Linkage]) -> Iterator[Need]:
        """Yield the binaries that remain and link to a removed library; ``read`` reads them, if there is one."""
        if any(map(is_binary, self.removed)):
            for file, link in read().links_to(self.removed):
                yield Need(file, f"{shown(link.path)} links to {shown(link.library)}")

    def _is_topmost(self, module: str) -> bool:
        """Whether a missing module is not in another one: whoever imports that names this one as well."""
        return module.rpartition(".")[0] not in self.missing

    def _in_file(self, source: Readable, entry: Entry, path: str, mentions: "_Mentions", *, is_left: bool) -> Iterator[Need]:
        unread = f"{shown(entry.name)} is not read: the wheel has more source than any real one"
        try:
            content = read_content(source, entry, limit=_LARGEST) if is_left else None
        except ArchiveError as error:
            content, unread = None, error.message
        if content is None:
            yield Need(next(iter(self.removed)), unread, certain=False)
            return
        if b"import" not in content or not mentions(content):
            return
        module, is_package = module_of(path)
        package = module if is_package else module.rpartition(".")[0]
        code = _NOT_RUN.sub(b"", content) if _is_path_file(path) else content
        for each in imports_of(code, package, self.missing.__contains__):
            if isinstance(each, Unclosed):
                reason = f"a string in {shown(entry.name)} (line {each.line}) may hide its imports: no end of it was found"
                yield Need(next(iter(self.removed)), reason, certain=False)
                continue
            file = self.file_of(next(name for name in each.modules if name in self.missing))
            yield Need(file, f"{shown(file)} is imported by {shown(entry.name)} (line {each.line})")


_Mentions = Callable[[bytes], object]


def _finder_of(words: Collection[str]) -> _Mentions | None:
    """Return what says whether one of ``words`` is in source, ``None`` without words."""
    wanted = {word.encode("utf-8", "surrogateescape") for word in words}
    if not wanted:
        return None
    if len(wanted) <= _FEW:
        return lambda content: any(word in content for word in wanted)
    return lambda content: not wanted.isdisjoint(_WORD.findall(content))


def _is_path_file(path: str) -> bool:
    return path.endswith(_PATHS) and "/" not in path


def _is_python_script(source: Readable, entry: Entry) -> bool:
    """Whether a file without an ending is Python, by its first line."""
    try:
        first = read_start(source, entry, 100).partition(b"\n")[0]
    except ArchiveError:
        return False
    return first.startswith(b"#!") and b"python" in first
