"""Which build a wheel says that it is: for the CPU only, or for CUDA, ROCm or SYCL.

It says so in its local version (https://packaging.python.org/en/latest/specifications/version-specifiers/
#local-version-identifiers), in the constants of its own package's ``version.py``, which is parsed and never run, and
in the names of its files. A denial counts only where nothing contradicts it.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from threading import Lock
from typing import Final

from msgspec import Struct
from packaging.utils import canonicalize_name

from wheelfix.errors import ArchiveError
from wheelfix.evidence.catalogue import library_runtime
from wheelfix.evidence.elf import is_binary
from wheelfix.globs import matcher
from wheelfix.text import shown
from wheelfix.wheel.zip.inflate import read_content
from wheelfix.wheel.zip.layout import Directory, Layout
from wheelfix.wheel.zip.source import Readable
from wheelfix.wheel.zip.structs import Entry

UNKNOWN: Final = object()
"""The value of a name that is not bound exactly once, to a constant, at the top level of the file."""
CONDITIONAL: Final = object()
"""The value of a name that is set under an ``if`` at the top level of the file, and nowhere else."""


_FILTERS: Final = Lock()
"""Held while the filters of warnings are changed, which all threads share: remote wheels are read side by side."""


def read_constants(content: bytes) -> dict[str, object] | None:
    """Return the names that a file binds at its top level with their values, ``None`` if it cannot be read.

    A value is that of a literal, :data:`CONDITIONAL` where a condition decides whether there is one, or :data:`UNKNOWN`
    if the name is bound in any other way.

    >>> read_constants(b"cuda: str = None\\nhip = '6.3'\\n")
    {'cuda': None, 'hip': '6.3'}
    """
    try:
        with _FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a wheel's invalid escapes do not matter here
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # not Python, or of a later version
        return None
    bound = Counter(name for node in ast.walk(tree) for name in _bound_by(node))
    if "*" in bound:
        return dict.fromkeys(bound, UNKNOWN)
    assigned = (each for statement in tree.body for each in _assignments(statement))
    literals = {name: value.value for name, value in assigned if isinstance(value, ast.Constant)}
    conditional = Counter(_conditional(tree.body))
    return {
        name: CONDITIONAL if conditional[name] == count else literals.get(name, UNKNOWN) if count == 1 else UNKNOWN
        for name, count in bound.items()
    }


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that an assignment sets, each with what it is set to; nothing for other statements."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            yield from ((each.id, value) for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case _:
            pass


def _conditional(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that assignments under an ``if`` set, once for each."""
    waiting = [each for each in body if isinstance(each, ast.If)]
    while waiting:  # not recursive: a chain of elif is as deep as it is long
        found = waiting.pop()
        for statement in (*found.body, *found.orelse):
            yield from (name for name, _ in _assignments(statement))
            if isinstance(statement, ast.If):
                waiting.append(statement)


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds or unbinds, in whatever scope; ``*`` for all."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
            yield name
        case ast.MatchMapping(rest=str() as name):
            yield name
        case _:
            pass


RUNTIMES: Final = ("cuda", "rocm", "xpu")
"""The runtimes that builds name in local versions and constants."""
_LOCAL_PARTS: Final = {
    "cpu": re.compile(r"cpu"),
    "cuda": re.compile(r"(?:.*[^a-z])?(?:cuda\d*|cu\d{2,3})x?(?:torch.*)?"),
    "rocm": re.compile(r"(?:rocm|hip)\d*"),
    "xpu": re.compile(r"xpu"),
}
"""What a part of a local version says; wheels with ``cu12torch2.3`` and ``pt24cu121`` exist."""
_PACKAGE: Final = r"(?:[^/]+\.data/(?:purelib|platlib)/)?(?P<package>[^/]+)/"
_CONSTANT_FILE: Final = re.compile(_PACKAGE + r"_?version\.py")
_ANY_FILE: Final = re.compile(_PACKAGE + "[^/]")
_NO_PACKAGE: Final = (".dist-info", ".data", ".libs")
_CONSTANTS: Final = {"cuda": "cuda", "hip": "rocm", "rocm": "rocm", "xpu": "xpu"}
_VERSIONS: Final = ("__version__", "version")
_LONGEST_FILE: Final = 1 << 16
_LONGEST_VALUE: Final = 100
_MOST_FILES: Final = 20
_MOST_BY_DIRECTORY: Final = 2
"""How many files of constants are read where each may be a request; a package has one."""
_FILE_NAMES: Final = {
    "c10_cuda.dll": "cuda", "torch_cuda*.dll": "cuda", "c10_hip.dll": "rocm", "torch_hip*.dll": "rocm",
    "c10_xpu.dll": "xpu", "torch_xpu.dll": "xpu",
    "cudart64_*.dll": "cuda", "cublas*64_*.dll": "cuda", "cudnn*64_*.dll": "cuda", "cufft*64_*.dll": "cuda",
    "curand64_*.dll": "cuda", "cusolver*64_*.dll": "cuda", "cusparse*64_*.dll": "cuda", "nvrtc64_*.dll": "cuda",
    "cupti64_*.dll": "cuda", "amdhip64*.dll": "rocm", "sycl*.dll": "xpu",
}  # fmt: skip
"""The libraries of each runtime on Windows; those on Linux are in the catalogue."""


class BuildHint(Struct, frozen=True):
    """One thing that the wheel says: whether it ``uses`` a ``runtime``, in ``words`` that name the place.

    ``uses`` is ``None`` where it says something that cannot be read. An ``explicit`` hint is a statement of whoever built
    the wheel; others are guesses, from the names of files. A ``conditional`` hint is decided only where the wheel runs, as
    in torchvision, which looks at the installed torch.
    """

    runtime: str
    uses: bool | None
    words: str
    explicit: bool = True
    conditional: bool = False


def read_build(
    source: Readable, listing: Layout | Directory, project: str, versions: Iterable[str]
) -> tuple[BuildHint, ...]:
    """Return what the wheel of ``project`` says about its build; ``versions`` are those of METADATA and of the file name.

    Where only the directory of the archive was read, other packages than the project's own are not: what they say can
    contradict, and never prove.

    :raises ArchiveError: if an entry is not where the directory says.
    """
    found: list[BuildHint] = []
    own = _own_packages(listing.names, project)
    by_directory = isinstance(listing, Directory)
    files = [each for each in _constant_files(listing.names) if each[1] in own or not by_directory]
    most = _MOST_BY_DIRECTORY if by_directory else _MOST_FILES
    for name, package in files[:most]:
        if not package.endswith(_NO_PACKAGE):
            found += _of_file(source, listing.find(name), own=package in own)
    for name, package in files[most:]:
        found += _doubts(f"{shown(name)} was not read") if package in own else ()
    for version in dict.fromkeys(versions):
        found += _of_version(version, f"the version is {shown(version)}")
    found += _of_names(listing.names)
    return tuple(sorted(dict.fromkeys(found), key=lambda hint: not hint.explicit))


def own_constants(names: Collection[str], project: str) -> list[str]:
    """Return which files :func:`read_build` reads of a wheel of ``project`` with these entries, by its directory alone."""
    own = _own_packages(names, project)
    return [name for name, package in _constant_files(names) if package in own][:_MOST_BY_DIRECTORY]


def _constant_files(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the files that hold constants, each with its package."""
    return [(name, match["package"]) for name in names if (match := _CONSTANT_FILE.fullmatch(name))]


def _own_packages(names: Iterable[str], project: str) -> set[str]:
    """Return the package of the project: the one of its name, or the only one that there is."""
    tops = {match["package"] for name in names if (match := _ANY_FILE.match(name))}
    packages = {top for top in tops if not top.endswith(_NO_PACKAGE)}
    named = {top for top in packages if canonicalize_name(top) == canonicalize_name(project)}
    return named or (packages if len(packages) == 1 else set())


def _of_file(source: Readable, entry: Entry, *, own: bool) -> Iterator[BuildHint]:
    """Yield what a file of constants says; a file outside of the project's own package can only contradict a denial."""
    place = shown(entry.name)
    constants = None
    if entry.size <= _LONGEST_FILE:
        try:
            constants = read_constants(read_content(source, entry, limit=_LONGEST_FILE))
        except ArchiveError:  # damaged: it says nothing; verify reports it
            constants = None
    if constants is None:
        yield from _doubts(f"{place} cannot be read") if own else ()
        return
    hints = _of_constants(constants, place)
    yield from hints if own else (BuildHint(each.runtime, True, each.words, explicit=False) for each in hints if each.uses)


def _doubts(words: str) -> Iterator[BuildHint]:
    """Yield hints that contradict a denial."""
    yield from (BuildHint(runtime, None, words, explicit=False) for runtime in RUNTIMES)


def names_cpu_build(local: str) -> bool:
    """Whether a local version says that the wheel is a build for the CPU.

    >>> names_cpu_build("cpu.cxx11.abi"), names_cpu_build("cu126")
    (True, False)
    """
    return any(_LOCAL_PARTS["cpu"].fullmatch(part) for part in _parts(local))


def _parts(local: str) -> list[str]:
    return [part for part in re.split(r"[._-]", local.lower()) if part]


def _of_version(version: str, words: str) -> Iterator[BuildHint]:
    parts = _parts(version.partition("+")[2])
    said = {name for name, form in _LOCAL_PARTS.items() for part in parts if form.fullmatch(part)}
    if "gpu" in parts:
        yield from _doubts(words)
    yield from (BuildHint(runtime, True, words) for runtime in RUNTIMES if runtime in said)
    if said:
        denied = RUNTIMES if "cpu" in said else [runtime for runtime in RUNTIMES if runtime not in said]
        yield from (BuildHint(runtime, False, words) for runtime in denied)


def _of_constants(constants: dict[str, object], place: str) -> Iterator[BuildHint]:
    for name, runtime in _CONSTANTS.items():
        value = constants.get(name, "")
        if value is None or (isinstance(value, str) and value not in ("", "None")):
            yield BuildHint(runtime, value is not None, f"{place} sets {name} = {_brief(value)}")
        elif value is CONDITIONAL:
            yield BuildHint(runtime, None, f"{place} sets {name} conditionally", explicit=False, conditional=True)
        elif name in constants:
            yield BuildHint(runtime, None, f"{place} does not set {name} to a constant", explicit=False)
    for name in _VERSIONS:
        version = constants.get(name)
        if isinstance(version, str):
            yield from _of_version(version, f"{place} sets {name} = {_brief(version)}")


def _brief(value: str | None) -> str:
    """Return a constant as Python writes it, shortened if it is long."""
    return repr(value[:_LONGEST_VALUE] if value else value)


def _of_names(names: Iterable[str]) -> Iterator[BuildHint]:
    """Yield what file names say, once for each runtime: a library that is there is evidence, a missing one is none."""
    seen = set()
    for path in names:
        name = path.rpartition("/")[2]
        if not is_binary(name):
            continue
        matching = (runtime for pattern, runtime in _FILE_NAMES.items() if matcher(pattern)(name.lower()))
        runtime = next(matching, None) or library_runtime(name)
        if runtime is not None and runtime not in seen:
            seen.add(runtime)
            yield BuildHint(runtime, True, f"it contains {shown(path)}", explicit=False)
