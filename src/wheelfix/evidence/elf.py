"""One ELF file as the loader sees it: what it links to, and whether Python imports it.

The file format is the System V gABI, https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html; what is refused is what
glibc's loader refuses (``open_verify`` and ``_dl_map_object_from_fd`` in ``elf/dl-load.c``), and what it could read in
another way than we do.
"""

import io
import re
import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from msgspec import Struct

from wheelfix.errors import ArchiveError, SourceChanged
from wheelfix.text import shown

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

MAGIC: Final = b"\x7fELF"
_ENTRY_POINT: Final = re.compile(rb"Py(?:Init|ModExport)U?_(?=[^\0])")
"""How the name of a module's init function begins, since Python 3.15 also PyModExport_, with U if the rest is not ASCII:
https://docs.python.org/3.15/c-api/extension-modules.html."""
_LONGEST_MATCH: Final = len(b"PyModExportU_") + 1
_SHARED_OBJECT: Final = re.compile(r"\.(?:so(?:\.\d\w*)*|pyd|dll|dylib)\Z", re.IGNORECASE)
_DEBUG: Final = ".debug"
"""The suffix of files with debugging information, which only debuggers open."""
_MACH_O: Final = frozenset({b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"})
"""The magic numbers of Mach-O files: 32 and 64 bits, in both byte orders."""
_FAT: Final = frozenset({b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"})
_MOST_IN_FAT: Final = 40
"""A Java class file begins like a fat file: in the place of the number of machines it has a version, from 45 on."""
_LONGEST_BASE: Final = 255
"""The longest file name that file systems allow, in characters."""
_CPUS: Final[Mapping[str, int | None]] = {
    "EM_386": 32, "EM_X86_64": 64, "EM_ARM": 32, "EM_AARCH64": 64, "EM_PPC": 32, "EM_PPC64": 64, "EM_S390": None,
    "EM_RISCV": None, "EM_LOONGARCH": None, "EM_MIPS": None, "EM_SPARC": 32, "EM_SPARCV9": 64,
}  # fmt: skip
"""The machines that Python runs on, and the size of their addresses in bits, where there is only one."""
_MACHINES: Final[Mapping[tuple[str, int, bool], str]] = {
    ("EM_386", 32, True): "i686", ("EM_X86_64", 64, True): "x86_64", ("EM_ARM", 32, True): "armv7l",
    ("EM_AARCH64", 64, True): "aarch64", ("EM_PPC64", 64, True): "ppc64le", ("EM_PPC64", 64, False): "ppc64",
    ("EM_S390", 64, False): "s390x", ("EM_RISCV", 64, True): "riscv64", ("EM_LOONGARCH", 64, True): "loongarch64",
}  # fmt: skip
"""The machines by machine, bits and whether the byte order is little-endian, as platform tags name them."""
_DEVICES: Final = frozenset(
    {"EM_CUDA", "EM_AMDGPU", "EM_BPF", "EM_INTEL205", "EM_QDSP6", "EM_TI_C6000", "EM_XTENSA"}  # 205: Intel's graphics
)
"""The machines of code for a device or for the kernel: to a CPU it is data, and no loader accepts it."""
_NOT_LOADED: Final = frozenset({"ET_REL", "ET_CORE"})
_MOST_SEGMENTS: Final = 1_000
_EXTENDED_NUMBERING: Final = 0xFFFF
"""The number of program headers that means that the real number is in a section; the loader takes it literally."""
_MOST_NEEDED: Final = 1_000
_LONGEST_NAME: Final = 1_000
_LONGEST_TABLE: Final = 1 << 22
"""The longest dynamic section that is read, in bytes; real ones have some hundred bytes."""
_MOST_ENTRY_POINTS: Final = 10_000
_BLOCK: Final = 1 << 20
_PAGE: Final = 1 << 12
"""The smallest page of memory: files are mapped by whole pages."""

_VERSION_NEEDED: Final = 0x6FFF_FFFE
_LONGEST_VERSIONS: Final = 1 << 16
"""The longest table of needed versions that is read, in bytes; that of torch has 2,000."""
_MOST_VERSIONS: Final = 2_000
_WEAK_VERSION: Final = 2
"""The flag of a version without which the loader loads the file anyway."""
_GLIBC: Final = re.compile(r"GLIBC_(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?")
_RELATIVE: Final = "GLIBC_ABI_DT_RELR"
"""What says that the file has relocations which glibc knows since 2.36: https://sourceware.org/glibc/wiki/Release/2.36."""

_NULL, _NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SONAME = 0, 1, 4, 5, 6, 10, 14
_GNU_HASH, _AUXILIARY, _FILTER = 0x6FFF_FEF5, 0x7FFF_FFFD, 0x7FFF_FFFF
_LINKS: Final = (_NEEDED, _AUXILIARY, _FILTER)
"""The tags that make the loader look for another library; a filter takes its symbols from it."""
_ONCE: Final = (_HASH, _STRTAB, _SYMTAB, _STRSZ, _SONAME, _GNU_HASH)
"""The tags that may occur once: of two, glibc uses the last, other readers the first."""
_GLOBAL, _WEAK, _UNIQUE = 1, 2, 10
_DEFAULT, _PROTECTED = 0, 3


class UnreadableBinary(Exception):
    """The file is damaged, or only looks like ELF; the text says how."""


class Dynamic(Struct, frozen=True):
    """What the dynamic section says: the libraries that are needed to load the file, and its SONAME.

    ``is_module`` says whether Python can import the file: it exports the function that Python calls on import. The file name
    does not count: PyTorch's projects name libraries for ``torch.ops.load_library`` like extension modules. ``machine`` is
    the one that it is for, as platform tags name it, empty where they have no name for it; ``glibc`` the newest version of
    glibc of which it needs a symbol, ``None`` where it names none.
    """

    needed: tuple[str, ...] = ()
    soname: str | None = None
    is_module: bool = False
    machine: str = ""
    glibc: tuple[int, int] | None = None


def is_binary(path: str) -> bool:
    """Whether a path is that of a shared object, on any system."""
    name = path.rpartition("/")[2]
    return len(name) <= _LONGEST_BASE and _SHARED_OBJECT.search(name) is not None


def is_debug_file(path: str) -> bool:
    """Whether a path is that of debugging information, which looks like a binary but is not one."""
    return path.endswith(_DEBUG)


def system_of(start: bytes) -> str | None:
    """Return the system of a program that is not an ELF file, by its first bytes; ``None`` if it is no such program.

    The name is the value of the variable ``platform_system``. The first 1 KiB of the file is enough.
    """
    if start[:2] == b"MZ" and len(start) >= 64:
        [header] = struct.unpack_from("<I", start, 60)  # https://learn.microsoft.com/windows/win32/debug/pe-format
        return "Windows" if start[header : header + 4] == b"PE\0\0" else None
    is_fat = start[:4] in _FAT and len(start) >= 8 and struct.unpack_from(">I", start, 4)[0] < _MOST_IN_FAT
    return "Darwin" if start[:4] in _MACH_O or is_fat else None


def read_dynamic(file: BinaryIO) -> Dynamic | None:
    """Return what an ELF file links to, ``None`` if such a file is never loaded into a process.

    :raises UnreadableBinary: if a loader would refuse it, or could read something else in it.
    """
    from elftools.elf.elffile import ELFFile  # imported late: few runs read binaries

    try:
        elf = ELFFile(file)
        if elf.header["e_machine"] in _DEVICES or elf.header["e_type"] in _NOT_LOADED:
            return None
        _check_header(elf)
        image = _Image(elf)
        machine = _MACHINES.get((elf.header["e_machine"], elf.elfclass, elf.little_endian), "")
        if not image.tags:
            return Dynamic(machine=machine)
        links = [value for tag, value in image.tags if tag in _LINKS]
        if len(links) > _MOST_NEEDED:
            raise UnreadableBinary("it links to more libraries than any real file")
        soname = image.single(_SONAME)
        names = {each: image.string(each) for each in sorted({*links, *(() if soname is None else (soname,))})}
        needed = tuple(names[each] for each in links)  # read as they lie: going back in a compressed file is slow
        is_module = _exports_entry_point(image)
        return Dynamic(needed, None if soname is None else names[soname], is_module, machine, _newest_glibc(image))
    except UnreadableBinary:
        raise
    except Exception as error:
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> UnreadableBinary:
    """Return why the file cannot be read.

    :raises OSError: if the file could not be read; pyelftools wraps what reading raises.
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


def _check_header(elf: "ELFFile") -> None:
    header, machine = elf.header, elf.header["e_machine"]
    if machine not in _CPUS:
        raise UnreadableBinary("it is for an unknown machine")
    if _CPUS[machine] not in (None, elf.elfclass):
        raise UnreadableBinary(f"its class ({elf.elfclass} bits) is not that of its machine")
    if header["e_type"] not in ("ET_DYN", "ET_EXEC"):
        raise UnreadableBinary("it is neither a shared object nor a program")
    if header["e_version"] != "EV_CURRENT" or header["e_ident"]["EI_VERSION"] != "EV_CURRENT":
        raise UnreadableBinary("its ELF version is unknown")
    if header["e_phentsize"] != elf.structs.Elf_Phdr.sizeof():
        raise UnreadableBinary("its program headers have the wrong size")
    if header["e_phnum"] in (0, _EXTENDED_NUMBERING):
        raise UnreadableBinary("it has no program headers that a loader would find")
    if header["e_phnum"] > _MOST_SEGMENTS:
        raise UnreadableBinary("it has more program headers than any real file")


class _Image:
    """The file as it is mapped into memory: the loader uses addresses, not offsets."""

    def __init__(self, elf: "ELFFile") -> None:
        self.machine: str = elf.header["e_machine"]
        self.is_wide = elf.elfclass == 64
        self.order = "<" if elf.little_endian else ">"
        self._file = elf.stream
        segments = _segments(elf)
        self._loads = [each for each in segments if each["p_type"] == "PT_LOAD"]
        if not self._loads:
            raise UnreadableBinary("it has no segment to load")
        if any(_first_page(after) < _last_page(each) for each, after in pairwise(self._loads)):
            raise UnreadableBinary("two of its segments share a page, and which of them counts depends on the loader")
        dynamics = [each for each in segments if each["p_type"] == "PT_DYNAMIC"]
        if not dynamics and elf.header["e_type"] == "ET_EXEC":
            self.tags: tuple[tuple[int, int], ...] = ()  # a statically linked program
        else:
            self.tags = self._dynamic(dynamics)

    def _dynamic(self, segments: list[Any]) -> tuple[tuple[int, int], ...]:
        """Return the entries of the dynamic section: of the last one that is not empty, as glibc does."""
        segment = next((each for each in reversed(segments) if each["p_filesz"]), None)
        if segment is None:
            raise UnreadableBinary("it has no dynamic section, or an empty one")
        if self._offset(segment["p_vaddr"])[0] != segment["p_offset"]:
            raise UnreadableBinary("its dynamic section has different offsets in the file and in memory")
        data = self.read(segment["p_vaddr"], min(segment["p_filesz"], _LONGEST_TABLE))
        pair = struct.Struct(self.order + ("2Q" if self.is_wide else "2I"))
        tags: list[tuple[int, int]] = []
        for tag, value in pair.iter_unpack(data[: len(data) - len(data) % pair.size]):
            if tag == _NULL:
                break
            tags.append((tag, value))
        else:
            raise UnreadableBinary("its dynamic section is not terminated")
        singles = [each for each in dict.fromkeys(tags) if each[0] in _ONCE]
        if len(singles) > len(dict(singles)):
            raise UnreadableBinary("its dynamic section contradicts itself")
        return tuple(tags)

    def single(self, tag: int) -> int | None:
        """Return the value of a tag that occurs at most once."""
        return next((value for each, value in self.tags if each == tag), None)

    def _offset(self, address: int) -> tuple[int, int]:
        """Return the offset in the file of the content at ``address``, and how many bytes follow in the same segment."""
        for each in reversed(self._loads):
            within = address - each["p_vaddr"]
            if 0 <= within < each["p_filesz"]:
                return each["p_offset"] + within, each["p_filesz"] - within
        raise UnreadableBinary("an address in its dynamic section is outside of the file")

    def read(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes from ``address``, fewer if the segment or the file ends before."""
        offset, rest = self._offset(address)
        self._file.seek(offset)
        return self._file.read(min(size, rest))

    def blocks(self, address: int, size: int) -> Iterator[bytes]:
        """Yield ``size`` bytes from ``address`` piece by piece, fewer if the segment or the file ends before.

        Each piece but the last has 1 MiB, a multiple of the size of any word.
        """
        offset, rest = self._offset(address)
        left = min(size, rest)
        while left > 0:
            self._file.seek(offset)
            block = self._file.read(min(_BLOCK, left))
            if not block:
                return
            yield block
            offset, left = offset + len(block), left - len(block)

    def words(self, address: int, size: int, width: int = 4) -> Iterator["array[int]"]:
        """Yield unsigned numbers of ``width`` bytes from ``address``, ``size`` bytes of them at most, piece by piece."""
        for block in self.blocks(address, size):
            found = array("I" if width == 4 else "Q", block[: len(block) - len(block) % width])
            if (sys.byteorder == "little") != (self.order == "<"):
                found.byteswap()
            yield found

    @cached_property
    def strings(self) -> tuple[int, int]:
        """The address of the string table and its size in bytes."""
        address, size = self.single(_STRTAB), self.single(_STRSZ)
        if address is None:
            raise UnreadableBinary("it has no string table")
        _, rest = self._offset(address)
        if size is not None and size > rest:
            raise UnreadableBinary("its string table is longer than the segment that holds it")
        return address, rest if size is None else size

    def string(self, offset: int) -> str:
        """Return the text at ``offset`` of the string table."""
        address, size = self.strings
        if offset >= size:
            raise UnreadableBinary("the name of a library is outside of the string table")
        text, end, _ = self.read(address + offset, min(_LONGEST_NAME + 1, size - offset)).partition(b"\0")
        if not end:
            longest = len(text) > _LONGEST_NAME
            raise UnreadableBinary(
                f"the name of a library {'is longer than any real one' if longest else 'is not terminated'}"
            )
        return text.decode("utf-8")


def _first_page(segment: Any) -> int:
    """Return the first page of a segment in memory."""
    return int(segment["p_vaddr"]) // _PAGE


def _last_page(segment: Any) -> int:
    """Return the first page after the content of a segment."""
    return -(-int(segment["p_vaddr"] + segment["p_filesz"]) // _PAGE)


def _segments(elf: "ELFFile") -> list[Any]:
    """Return the program headers."""
    from elftools.common.utils import struct_parse

    count, each = elf.header["e_phnum"], elf.structs.Elf_Phdr.sizeof()
    elf.stream.seek(elf.header["e_phoff"])
    table = elf.stream.read(count * each)
    if len(table) < count * each:
        raise UnreadableBinary("its program headers are truncated")
    stream = io.BytesIO(table)
    return [struct_parse(elf.structs.Elf_Phdr, stream) for _ in range(count)]


def _exports_entry_point(image: _Image) -> bool:
    """Whether an exported symbol is the function that Python calls to create a module."""
    names = _entry_point_names(image)
    symbols = image.single(_SYMTAB) if names else None
    if symbols is None:
        return False
    first, count = _lookup_range(image)
    entry = struct.Struct(image.order + ("IBBH16x" if image.is_wide else "I8xBBH"))
    start = symbols + first * entry.size
    rest = b""
    for block in image.blocks(start, max(0, count - first) * entry.size) if count > first else ():
        data = rest + block
        whole = len(data) - len(data) % entry.size
        rest = data[whole:]
        for name, info, other, section in entry.iter_unpack(data[:whole]):
            exported = section != 0 and info >> 4 in (_GLOBAL, _WEAK, _UNIQUE) and other & 3 in (_DEFAULT, _PROTECTED)
            if exported and name in names:
                return True
    return False


def _entry_point_names(image: _Image) -> frozenset[int]:
    """Return the offsets of such names in the string table; a linker may store a name as the end of a longer one."""
    if image.single(_STRTAB) is None:
        return frozenset()
    found: set[int] = set()
    position, tail = 0, b""
    for block in image.blocks(*image.strings):
        text = tail + block
        found.update(position - len(tail) + match.start() for match in _ENTRY_POINT.finditer(text))
        if len(found) > _MOST_ENTRY_POINTS:
            raise UnreadableBinary("it has more module names than any real file")
        position, tail = position + len(block), text[-_LONGEST_MATCH:]
    return frozenset(found)


def _lookup_range(image: _Image) -> tuple[int, int]:
    """Return the first symbol that the hash table leads to and the one after the last; glibc prefers the GNU one."""
    gnu, sysv = image.single(_GNU_HASH), image.single(_HASH)
    if gnu is not None:
        return _gnu_range(image, gnu)
    if sysv is None:
        return 0, 0
    width = 8 if image.is_wide and image.machine == "EM_S390" else 4  # the only ABI with 64-bit entries is that of s390x
    head = [number for part in image.words(sysv, 2 * width, width) for number in part]
    if len(head) < 2:
        raise UnreadableBinary("its hash table is truncated")
    return 1, head[1]


def _gnu_range(image: _Image, address: int) -> tuple[int, int]:
    """Return the range of a GNU hash table: its chains end with an odd number, and the number of symbols is not stored.

    The layout is described in https://sourceware.org/legacy-ml/binutils/2006-10/msg00377.html.
    """
    head = [number for part in image.words(address, 16) for number in part]
    if len(head) < 4:
        raise UnreadableBinary("its hash table is truncated")
    buckets, first, filters, _ = head
    at = address + 16 + filters * (8 if image.is_wide else 4)
    last = max((max(part) for part in image.words(at, 4 * buckets) if part), default=0) if buckets else 0
    if last < first or not last:
        return 0, 0
    chain = at + 4 * buckets + 4 * (last - first)
    for part in image.words(chain, sys.maxsize):
        for number in part:
            last += 1
            if number & 1:
                return first, last
    raise UnreadableBinary("its hash table is not terminated")


def _newest_glibc(image: _Image) -> tuple[int, int] | None:
    """Return the newest version of glibc that is needed; none of a table that no loader could follow."""
    try:
        names = {image.string(each) for each in _needed_versions(image)}
    except (UnreadableBinary, UnicodeDecodeError):
        return None
    found = [(int(match[1]), int(match[2])) for name in names if (match := _GLIBC.fullmatch(name))]
    return max([*found, *([(2, 36)] if _RELATIVE in names else [])], default=None)


def _needed_versions(image: _Image) -> frozenset[int]:
    """Return where in the string table the needed versions stand: a list of libraries, and of versions of each.

    https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
    """
    address = image.single(_VERSION_NEEDED)
    table = b"" if address is None else image.read(address, _LONGEST_VERSIONS)
    library, version = struct.Struct(image.order + "2H3I"), struct.Struct(image.order + "I2H2I")
    found, left, at = set[int](), _MOST_VERSIONS, 0
    while left and at + library.size <= len(table):
        _, count, _, first, following = library.unpack_from(table, at)
        place = at + first
        for _ in range(min(count, left)):
            if place + version.size > len(table):
                break
            _, flags, _, name, after = version.unpack_from(table, place)
            if not flags & _WEAK_VERSION:
                found.add(name)
            left, place = left - 1, place + after
        left, at = max(0, left - 1), at + following
        if not following:
            break
    return frozenset(found)
