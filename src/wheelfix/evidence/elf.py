"""One ELF file: what it links to, and whether Python imports it.

The dynamic section is told in the System V gABI, https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html.
"""

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from wheelfix.errors import ArchiveError, SourceChanged
from wheelfix.escaping import shown

if TYPE_CHECKING:
    from elftools.elf.dynamic import DynamicSegment, DynamicTag

MAGIC: Final = b"\x7fELF"
_MODULE: Final = re.compile(r"\.(?:cpython|pypy)[\w-]*\.so|\.abi3t?\.so")
"""The ends of names that Python imports: https://docs.python.org/3/library/importlib.html#importlib.machinery.EXTENSION_SUFFIXES."""
_PLAIN: Final = re.compile(r"(?P<stem>[^\W\d]\w*)\.so")
_SHARED_OBJECT: Final = re.compile(r"\.(?:so(?:\.\d\w*)*|pyd|dll|dylib)\Z", re.IGNORECASE)
_LONGEST_BASE: Final = 255
"""The longest file name, in characters, that file systems take."""
_BLOCK: Final = 1 << 20
_MOST_NEEDED: Final = 1_000
_LONGEST_NAME: Final = 1_000


class UnreadableBinary(Exception):
    """The file is damaged, or made to look like ELF; the text says how."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """What the dynamic section says: the libraries that must be there to load the file, and the name it is known by.

    ``is_module`` tells whether Python imports the file: its name is that of an extension module, and where that is a plain
    ``name.so``, it names ``PyInit_name``.
    """

    needed: tuple[str, ...] = ()
    soname: str | None = None
    is_module: bool = False


def is_binary(path: str) -> bool:
    """Whether a path is that of a shared object, on any system."""
    name = path.rpartition("/")[2]
    return len(name) <= _LONGEST_BASE and _SHARED_OBJECT.search(name) is not None


def read_dynamic(file: BinaryIO, name: str) -> Dynamic:
    """Return what the ELF file called ``name`` (without folders) links to.

    :raises UnreadableBinary: if it cannot be read.
    """
    # Imported late: only few runs look into binaries.
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    class Loaded(ELFFile):
        """A file as the loader sees it: without sections, which only cost time and may say something else."""

        def num_sections(self) -> int:
            return 0

    try:
        elf = Loaded(file)
        segments = [each for each in elf.iter_segments() if isinstance(each, DynamicSegment)]
        if not segments:
            return Dynamic()
        segment = segments[-1]  # as the loader of the GNU C library does
        needed: list[str] = []
        soname = None
        for tag in segment.iter_tags():
            if tag.entry.d_tag == "DT_NEEDED":
                needed.append(_name(tag, "needed"))
            elif tag.entry.d_tag == "DT_SONAME":
                soname = _name(tag, "soname")
            if len(needed) > _MOST_NEEDED:
                raise UnreadableBinary("it links to more libraries than any real file")
        return Dynamic(tuple(needed), soname, _is_module(segment, name))
    except UnreadableBinary:
        raise
    except Exception as error:
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> UnreadableBinary:
    """Return why the file cannot be read.

    :raises OSError: if that is no fault of the file; pyelftools wraps what reading raises.
    :raises SourceChanged: likewise.
    """
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case OSError() | SourceChanged():
                raise cause
            case ArchiveError(message=message):
                return UnreadableBinary(message)
        cause = cause.__cause__ or cause.__context__
    return UnreadableBinary(shown(str(error)[:200]) or type(error).__name__)


def _name(tag: "DynamicTag", kind: str) -> str:
    name: str = getattr(tag, kind)  # pyelftools gives each kind of tag its own attribute
    if len(name) > _LONGEST_NAME:
        raise UnreadableBinary("the name of a library is longer than any real one")
    return name


def _is_module(segment: "DynamicSegment", name: str) -> bool:
    plain = _PLAIN.fullmatch(name)
    if plain is None or _MODULE.search(name):
        return _MODULE.search(name) is not None
    return _names(segment, f"PyInit_{plain['stem']}")


def _names(segment: "DynamicSegment", symbol: str) -> bool:
    """Whether ``symbol`` stands in the string table: who has it there exports it; a hash table would cost more to read."""
    _, start = segment.get_table_offset("DT_STRTAB")
    if start is None:
        return False
    left = next((tag.entry.d_val for tag in segment.iter_tags("DT_STRSZ")), sys.maxsize)
    wanted, text = b"\0" + symbol.encode() + b"\0", b""
    segment.stream.seek(start)
    while left > 0 and (block := segment.stream.read(min(_BLOCK, left))):
        left -= len(block)
        text = text[-len(wanted) :] + block
        if wanted in text:
            return True
    return False
