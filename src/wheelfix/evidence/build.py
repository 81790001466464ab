"""What a wheel says of the build that it is: for the CPU only, or for CUDA, ROCm or SYCL.

It says so in the label of its version (https://packaging.python.org/en/latest/specifications/version-specifiers/
#local-version-identifiers), in the constants of a ``version.py``, which is read as syntax and never run, and by the names
of its files.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from wheelfix.archive.content import read_content
from wheelfix.archive.layout import Member
from wheelfix.archive.source import Readable
from wheelfix.errors import ArchiveError
from wheelfix.escaping import shown
from wheelfix.evidence.catalogue import library_runtime
from wheelfix.evidence.elf import is_binary

RUNTIMES: Final = ("cuda", "rocm", "xpu")
"""The runtimes that builds name in labels and constants."""
_LABELS: Final = re.compile(
    r"""(?: (?P<cpu> cpu) | (?P<cuda> (?:pt\d+)? (?:cuda|cu(?:da)?\d+)) | (?P<rocm> (?:rocm|hip)[\d.]*) | (?P<xpu> xpu) )
        (?: [._-].* | torch.* )?""",
    re.VERBOSE,
)
_CONSTANT_FILE: Final = re.compile(r"(?:[^/]+\.data/(?:purelib|platlib)/)?[^/]+/_?version\.py")
_CONSTANTS: Final = {"cuda": "cuda", "hip": "rocm", "rocm": "rocm", "xpu": "xpu"}
_VERSIONS: Final = ("__version__", "version")
_LONGEST_FILE: Final = 1 << 16
_LONGEST_VALUE: Final = 100
_MOST_FILES: Final = 20
_TELLING_NAMES: Final = {
    "libtorch_cuda*.so": "cuda", "libc10_cuda.so": "cuda", "c10_cuda.dll": "cuda", "torch_cuda*.dll": "cuda",
    "libtorch_hip.so": "rocm", "libc10_hip.so": "rocm", "c10_hip.dll": "rocm", "torch_hip*.dll": "rocm",
    "libtorch_xpu.so": "xpu", "libc10_xpu.so": "xpu", "c10_xpu.dll": "xpu", "torch_xpu.dll": "xpu",
    "cudart64_*.dll": "cuda", "cublas64_*.dll": "cuda", "cudnn64_*.dll": "cuda",
}  # fmt: skip
_BUNDLED: Final = re.compile(r"(?P<stem>lib[\w+]+?)(?:-[0-9a-f]{8})?(?P<end>\.so(?:\.[\w.]+)?)")
"""A library as repair tools put it into a wheel, with a part of its hash in the name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the wheel says: whether it ``uses`` a ``runtime``, in which ``words`` and where.

    One that is ``explicit`` is a statement of whoever built the wheel; others are guessed from the names of files.
    """

    runtime: str
    uses: bool
    words: str
    explicit: bool = True


def read_build(source: Readable, members: Sequence[Member], versions: Iterable[str]) -> tuple[Finding, ...]:
    """Return what the wheel says of its build; ``versions`` are those of METADATA and of the file name."""
    found: list[Finding] = []
    files = [member for member in members if _CONSTANT_FILE.fullmatch(member.name) and member.size <= _LONGEST_FILE]
    for member in files[:_MOST_FILES]:
        try:
            content = read_content(source, member, limit=_LONGEST_FILE)
        except ArchiveError:  # damaged: it says nothing; whether the wheel is sound is asked elsewhere
            continue
        found += _of_constants(content, shown(member.name))
    for version in dict.fromkeys(versions):
        found += _of_label(version, f"the version is {shown(version)}")
    found += _of_names(members)
    return tuple(dict.fromkeys(found))


def _of_label(version: str, words: str) -> Iterator[Finding]:
    label = _LABELS.fullmatch(version.partition("+")[2].lower())
    if label is None:
        return
    if label["cpu"]:
        yield from (Finding(runtime, False, words) for runtime in RUNTIMES)
    for runtime in RUNTIMES:
        if label[runtime]:
            yield Finding(runtime, True, words)
            yield from (Finding(other, False, words) for other in RUNTIMES if other != runtime)


def _of_constants(content: bytes, place: str) -> Iterator[Finding]:
    constants = dict(_constants(content))
    for name, runtime in _CONSTANTS.items():
        value = constants.get(name, "")
        if value is None or (isinstance(value, str) and value):
            yield Finding(runtime, value is not None, f"{place} says {name} = {_brief(value)}")
    for name in _VERSIONS:
        version = constants.get(name)
        if isinstance(version, str):
            yield from _of_label(version, f"{place} says {name} = {_brief(version)}")


def _brief(value: str | None) -> str:
    """Return a constant as Python writes it, its beginning if it is long."""
    return repr(value[:_LONGEST_VALUE] if value else value)


def _constants(content: bytes) -> Iterator[tuple[str, object]]:
    """Yield what a file of Python assigns at its top level, as far as that is a constant; the last value of each name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a wheel's odd escapes nobody here wants to know
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # no Python of this version: it says nothing
        return
    values: dict[str, object] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                names = [each.id for each in targets if isinstance(each, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names = [name]
            case _:
                continue
        for name in names:
            values.pop(name, None)
            if isinstance(value, ast.Constant):
                values[name] = value.value
    yield from values.items()


def _of_names(members: Iterable[Member]) -> Iterator[Finding]:
    """Yield what names of files say: presence is strong, absence says nothing."""
    for member in members:
        name = member.name.rpartition("/")[2]
        if not is_binary(name):
            continue
        bundled = _BUNDLED.fullmatch(name)
        plain = bundled["stem"] + bundled["end"] if bundled else name
        telling = (runtime for pattern, runtime in _TELLING_NAMES.items() if fnmatchcase(plain, pattern))
        runtime = next(telling, None) or library_runtime(plain)
        if runtime is not None:
            yield Finding(runtime, True, f"there is {shown(member.name)}", explicit=False)
