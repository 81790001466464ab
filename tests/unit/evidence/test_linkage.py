"""What the binaries of a wheel link to: hard or not, as far as it was looked for, and what could not be read."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from building import DEFLATED, STORED, Archive, Entry, to_bytes
from elfwriter import shared_object
from in_memory import Counted, Held, hold, packed
from wheelfix.evidence import linkage
from wheelfix.evidence.elf import Dynamic, is_binary
from wheelfix.evidence.linkage import Binary, Link, Linkage, Scanner, unread_reason
from wheelfix.wheel.zip import inflate
from wheelfix.wheel.zip.layout import read_layout
from wheelfix.wheel.zip.source import Source

PYTHON = ".cpython-311-x86_64-linux-gnu.so"
CUBLAS, CUDART = "libcublas.so.12", "libcudart.so.12"


def binary(
    path: str,
    *needed: str,
    soname: str | None = None,
    exports: Sequence[str] = (),
    padding: int = 0,
    raw: bytes | None = None,
) -> Entry:
    """Return a shared object; the larger its ``padding``, the later it is read. One called like a module is one."""
    if path.endswith(PYTHON) and not exports:
        exports = [f"PyInit_{path.rpartition('/')[2].partition('.')[0]}"]
    content = shared_object("x86_64", needed=needed, soname=soname, exports=exports) + bytes(padding)
    return Entry(path, content, raw=packed(content) if raw is None else raw)


def scanner(*entries: Entry, known: Linkage | None = None) -> Scanner:
    return Scanner(*hold(*entries), known)


def is_cuda(library: str) -> bool:
    return library.startswith(("libcu", "libnv"))


def cuda_links(linkage: Linkage) -> list[Link]:
    return [link for link in linkage.links if is_cuda(link.library)]


def paths(linkage: Linkage) -> list[str]:
    return [each.path.rpartition("/")[2] for each in linkage.binaries]


DIRECT = [binary("d/_C" + PYTHON, CUBLAS)]
THROUGH_ONE = [binary("d/_C" + PYTHON, "libdemo.so"), binary("d/libdemo.so", CUBLAS)]
THROUGH_TWO = [*THROUGH_ONE[:1], binary("d/lib/libdemo.so", "libother.so.2"), binary("d.libs/libother.so.2", CUBLAS)]
CIRCLE = [binary("d/_C" + PYTHON, "liba.so"), binary("d/liba.so", "libb.so"), binary("d/libb.so", "liba.so", CUBLAS)]
ITSELF = [binary("d/_C" + PYTHON, "_C" + PYTHON, CUBLAS)]
BY_SONAME = [binary("d/_C" + PYTHON, "libreal.so.1"), binary("d/libfile.so", CUBLAS, soname="libreal.so.1")]
BY_FILE_NAME = [binary("d/_C" + PYTHON, "libfile.so"), binary("d/libfile.so", CUBLAS, soname="libreal.so.1")]
TWO_OF_A_NAME = [binary("d/_C" + PYTHON, "liba.so"), binary("d/1/liba.so"), binary("d/2/liba.so", CUBLAS, padding=9)]
PLAIN_MODULE = [binary("d/demo.so", CUBLAS, exports=["PyInit_demo"])]
HARD = [
    (DIRECT, "d/_C" + PYTHON),
    (THROUGH_ONE, "d/libdemo.so"),
    (THROUGH_TWO, "d.libs/libother.so.2"),
    (CIRCLE, "d/libb.so"),
    (ITSELF, "d/_C" + PYTHON),
    (BY_SONAME, "d/libfile.so"),
    (BY_FILE_NAME, "d/libfile.so"),
    (TWO_OF_A_NAME, "d/2/liba.so"),
    (PLAIN_MODULE, "d/demo.so"),
]


@pytest.mark.parametrize("later", [0, 1, 2])
@pytest.mark.parametrize(("entries", "path"), HARD)
def test_hard_links(entries: list[Entry], path: str, later: int) -> None:
    """Whichever is read first, one that an extension module loads when it is imported is found."""
    sized = [binary("d/x" + PYTHON, "libc.so.6", padding=9_000)]
    for position, entry in enumerate(entries):
        assert isinstance(entry.content, bytes)
        content = entry.content + bytes(1000 * ((position + later) % len(entries)))
        sized.append(Entry(entry.name, content, raw=packed(content)))
    found = scanner(*sized).find_link(is_cuda)
    assert found == Link(path, CUBLAS, hard=True)
    assert cuda_links(scanner(*sized).read_all()) == [found]


ALONE = [binary("d/libplugin.so", CUBLAS), binary("d/_C" + PYTHON, "libc.so.6")]
PLUGIN_OF_PLUGIN = [binary("d/libone.so", "libtwo.so"), binary("d/libtwo.so", CUBLAS), binary("d/_C" + PYTHON, "libm.so.6")]
NO_MODULE = [binary("d/_C.abi3.so", CUBLAS, exports=["other"])]
PROGRAM = [binary("d/bin/tool", CUBLAS), binary("d/_C" + PYTHON, "libm.so.6")]


@pytest.mark.parametrize(
    ("entries", "path"),
    [(ALONE, "d/libplugin.so"), (PLUGIN_OF_PLUGIN, "d/libtwo.so"), (NO_MODULE, "d/_C.abi3.so"), (PROGRAM, "d/bin/tool")],
)
def test_what_no_module_loads_is_a_plug_in(entries: list[Entry], path: str) -> None:
    one = scanner(*entries)
    assert one.find_link(is_cuda) is None
    assert one.linkage.complete
    assert one.read_all().first(is_cuda) == Link(path, CUBLAS, hard=False)
    assert one.linkage.broken_without(is_cuda) == ()


BROUGHT = {
    "by its file name": binary(f"d.libs/{CUBLAS}"),
    "by its file name, another soname": binary(f"d.libs/{CUBLAS}", soname="libmine.so"),
}


@pytest.mark.parametrize("brought", BROUGHT.values(), ids=BROUGHT)
def test_a_library_in_the_wheel_is_no_need(brought: Entry) -> None:
    assert cuda_links(scanner(*DIRECT, brought).read_all()) == []
    assert scanner(*DIRECT, brought).find_link(is_cuda) is None


def test_a_library_of_another_file_name_does_not_help() -> None:
    """torchvision 0.29 has libcudart.faf08d9a.so.13 with the soname libcudart.so.13: the loader looks for files."""
    brought = binary("d.libs/libcublas.faf08d9a.so.12", soname=CUBLAS)
    assert scanner(*DIRECT, brought).find_link(is_cuda) == Link("d/_C" + PYTHON, CUBLAS, hard=True)


def test_a_library_in_the_wheel_is_no_need_even_if_it_is_read_last() -> None:
    """The libraries of CUDA are by far the largest files; the wheels of torch for CUDA 11 bring libcublas.so.11."""
    large = binary(f"d.libs/{CUBLAS}", padding=1 << 20)
    assert cuda_links(scanner(*DIRECT, large).read_all()) == []
    assert scanner(*DIRECT, large).find_link(is_cuda) is None


def test_everything_that_one_file_links_to_is_listed() -> None:
    linkage = scanner(binary("d/_C" + PYTHON, "libc.so.6", CUBLAS, CUDART)).read_all()
    assert [link.library for link in cuda_links(linkage)] == [CUBLAS, CUDART]
    assert linkage.first(lambda _: False) is None


DAMAGED = binary("d/libdamaged.so", padding=50_000, raw=b"\xff" * 9)


def test_what_is_found_early_ends_the_search() -> None:
    one = scanner(DAMAGED, binary("d/_B" + PYTHON, padding=20_000), *THROUGH_ONE, binary("d/_A" + PYTHON, padding=10_000))
    assert one.find_link(is_cuda) is not None
    assert one.linkage.unread == {}
    assert not one.linkage.complete
    assert {*paths(one.linkage)} <= {"libdemo.so", "_C" + PYTHON}


def test_a_huge_entry_is_not_read_for_what_small_ones_tell(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    lie = {"size": 1 << 30}
    path.write_bytes(to_bytes(Archive((*DIRECT, Entry("d/libhuge.so", b"x", local=lie, directory=lie)))))
    with Source(path) as source:
        one = Scanner(source, read_layout(source))
        assert one.find_link(is_cuda) == Link("d/_C" + PYTHON, CUBLAS, hard=True)
        assert paths(one.linkage) == ["_C" + PYTHON]
        assert not one.linkage.unread


def test_a_sample_is_the_same_whatever_else_was_read() -> None:
    large = binary("d/libplugin.so", CUDART, padding=1 << 20)
    fresh, worked = scanner(*DIRECT, large), scanner(*DIRECT, large)
    worked.read_all()
    assert paths(fresh.read_sample()) == ["_C" + PYTHON]
    assert fresh.read_sample() == worked.read_sample() == scanner(*DIRECT, large, known=worked.linkage).read_sample()
    assert not fresh.linkage.complete


def test_a_sample_is_not_of_too_many() -> None:
    many = [binary(f"d/lib{number}.so", "libc.so.6") for number in range(60)]
    assert len(scanner(*many).read_sample().binaries) == 50


OTHERS = {
    "a program": (binary("demo-1.0.data/scripts/tool", CUDART), True),
    "a library of another name": (binary("d/engine.bin", CUDART), True),
    "text": (Entry("d/readme.txt", b"\x7fEL"), False),
    "nothing": (Entry("d/empty", b""), False),
    "the magic alone": (Entry("d/magic", b"\x7fELF"), False),
    "debugging information": (binary("d/libx.so.debug", CUDART), False),
}


@pytest.mark.parametrize(("entry", "is_read"), OTHERS.values(), ids=OTHERS)
def test_what_begins_like_an_elf_file_is_read_whatever_its_name(entry: Entry, *, is_read: bool) -> None:
    """A program that links to a library needs it, and so does what is loaded under a name of its own."""
    one = scanner(entry, *ALONE)
    linkage = one.read_all()
    assert (entry.name in [each.path for each in linkage.binaries]) is is_read
    assert linkage.unread == {}
    assert linkage.complete
    assert scanner(entry, *ALONE, known=linkage).read_all() == linkage


WINDOWS = b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0"
NO_LIBRARY = [
    (Entry("d/tool", b"\x7fELF" * 9, raw=b"\xff" * 9), "d/tool cannot be inflated"),
    (Entry("d/tool", b"\x7fELF" * 9, 12, raw=b"BZh" * 9), "d/tool is compressed by method 12"),
    (Entry("d/tool", WINDOWS), "it is not an ELF file; other formats are not read"),
    (Entry("d/tool", b"\xcf\xfa\xed\xfe" * 9), "it is not an ELF file; other formats are not read"),
]


@pytest.mark.parametrize(("entry", "words"), NO_LIBRARY)
def test_what_cannot_be_looked_into_may_be_a_program(entry: Entry, words: str) -> None:
    """It has a reason, and is not looked at again."""
    source, layout = hold(entry, *DIRECT)
    counted = Counted(source.data)
    linkage = Scanner(counted, layout).read_all()
    assert [*linkage.unread] == ["d/tool"]
    assert words in linkage.unread["d/tool"]
    at = layout.find("d/tool").data_start
    assert sum(offset == at for offset, _ in counted.reads) <= 2  # of a program for Windows more is read


def test_no_other_file_is_looked_at_before_the_binaries_are_read() -> None:
    source, layout = hold(*DIRECT, binary("d/tool", CUDART))
    counted = Counted(source.data)
    assert Scanner(counted, layout).find_link(is_cuda) is not None
    at = layout.find("d/tool").data_start
    assert at not in [offset for offset, _ in counted.reads]


def test_debugging_information_that_no_loader_accepts_is_not_read_again() -> None:
    entries = binary("d/_C" + PYTHON, "a.debug"), Entry("d/a.debug", DEVICE.content)
    whole = scanner(*entries).read_all()
    assert (whole.complete, paths(whole)) == (True, ["_C" + PYTHON])
    assert scanner(*entries, known=whole).linkage == whole


def test_a_start_behind_many_empty_blocks_is_found() -> None:
    """A deflate stream can begin with blocks that hold nothing: the first bytes are not where they are looked for."""
    content = shared_object("x86_64", needed=[CUDART])
    entry = Entry("d/tool", content, raw=b"\0\0\0\xff\xff" * 2000 + packed(content))
    assert paths(scanner(entry).read_all()) == ["tool"]


def test_looking_for_programs_costs_one_short_read_for_each_file() -> None:
    """A wheel can have many files, and large ones: none is inflated to see how it begins."""
    content = bytes(range(256)) * 400
    source, layout = hold(*(Entry(f"d/{number}.bin", content, raw=packed(content)) for number in range(2_000)))
    counted = Counted(source.data)
    assert Scanner(counted, layout).read_all() == Linkage(complete=True)
    assert len(counted.reads) == 2_000
    assert max(size for _, size in counted.reads) <= 512


def test_programs_are_looked_at_last() -> None:
    one = scanner(*DIRECT, binary("d/tool", CUDART))
    assert one.find_link(is_cuda) is not None
    assert paths(one.linkage) == ["_C" + PYTHON]
    assert not one.linkage.complete
    assert paths(one.read_all()) == ["_C" + PYTHON, "tool"]


def test_debugging_information_that_a_binary_links_to_is_read_last() -> None:
    """The loader goes by names, and takes any."""
    module, loaded = binary("d/_C" + PYTHON, "a.debug"), binary("d/a.debug", "b.debug")
    one = scanner(module, loaded, binary("d/b.debug", CUDART), binary("d/c.debug", CUBLAS), Entry("d/d.debug", b"text"))
    assert not one.linkage.complete
    assert one.find_link(is_cuda) == Link("d/b.debug", CUDART, hard=True)
    assert paths(one.read_all()) == ["_C" + PYTHON, "a.debug", "b.debug"]
    assert one.linkage.complete
    assert not one.linkage.unread


DEVICE = Entry(f"d.libs/{CUBLAS}", shared_object("x86_64").replace(b"\x3e\0\1\0", b"\xbe\0\1\0", 1))
RELOCATABLE = Entry(f"d.libs/{CUBLAS}", shared_object("x86_64").replace(b"\3\0\x3e\0", b"\1\0\x3e\0", 1))
EMPTY = Entry(f"d.libs/{CUBLAS}", b"")


@pytest.mark.parametrize("entry", [DEVICE, RELOCATABLE, EMPTY], ids=["device", "relocatable", "empty"])
def test_what_is_never_loaded_is_passed_over_and_brings_no_library(entry: Entry) -> None:
    """Neither a need nor a doubt; and a file that is only called like the library does not help who links to it."""
    linkage = scanner(*DIRECT, entry).read_all()
    assert (paths(linkage), linkage.unread, linkage.complete) == (["_C" + PYTHON], {}, True)
    assert scanner(*DIRECT, entry).find_link(is_cuda) == Link("d/_C" + PYTHON, CUBLAS, hard=True)
    assert scanner(*DIRECT, entry, known=linkage).read_all() == linkage
    beside = binary(f"d/other/{CUBLAS}", padding=5_000)
    assert scanner(*DIRECT, entry, beside).find_link(is_cuda) is None


def test_the_search_goes_on_where_it_stopped() -> None:
    one = scanner(*DIRECT, binary("d/_X" + PYTHON, "libnvrtc.so.12", padding=5_000))
    assert one.find_link(lambda library: library == CUBLAS) == Link("d/_C" + PYTHON, CUBLAS, hard=True)
    assert paths(one.linkage) == ["_C" + PYTHON]
    found = one.find_link(lambda library: library == "libnvrtc.so.12")
    assert found == Link("d/_X" + PYTHON, "libnvrtc.so.12", hard=True)
    assert one.linkage.complete
    assert one.read_all() == one.linkage


def test_what_is_known_is_not_read_again() -> None:
    damaged = binary("d/_C" + PYTHON, raw=b"\xff" * 9)
    known = Linkage((Binary("d/_C" + PYTHON, Dynamic((CUBLAS,), None, is_module=True)),), {"d/libdamaged.so": "why"})
    one = scanner(damaged, DAMAGED, binary("d/libnew.so", CUDART), known=known)
    assert one.linkage.binaries == known.binaries
    assert not one.linkage.complete
    assert one.find_link(is_cuda) == Link("d/_C" + PYTHON, CUBLAS, hard=True)
    assert paths(one.linkage) == ["_C" + PYTHON]
    assert paths(one.read_all()) == ["_C" + PYTHON, "libnew.so"]
    assert one.linkage.unread == {"d/libdamaged.so": "why"}
    assert one.linkage.complete


def test_a_look_that_went_on_says_what_one_look_says() -> None:
    entries = [*THROUGH_TWO, DAMAGED, binary("d/_X" + PYTHON, padding=5_000)]
    first = scanner(*entries)
    first.read_sample()
    resumed = scanner(*entries, known=first.linkage).read_all()
    assert resumed == scanner(*entries).read_all()


def test_a_wheel_without_binaries_is_read_at_once() -> None:
    one = scanner(Entry("d/__init__.py", b"x"), Entry("d/x.so.py/__init__.py", b"x"))
    assert one.read_all() == Linkage(complete=True)
    assert one.find_link(is_cuda) is None


UNREAD = [
    (Entry("d/libx.dylib", b"\xcf\xfa\xed\xfe" * 9), "it is not an ELF file"),
    (Entry("d/x.dll", b"MZ" * 9), "it is not an ELF file"),
    (Entry("d/_C.cp311-win_amd64.pyd", b"MZ" * 9), "it is not an ELF file"),
    (Entry("d/X.DLL", b"MZ" * 9), "it is not an ELF file"),
    (Entry("d/_C.cpython-311-darwin.so", b"\xcf\xfa\xed\xfe" * 9), "it is not an ELF file"),
    (Entry("d/libx.so", b"INPUT(libx.so.1)"), "it is not an ELF file"),
    (Entry("d/libx.so.1", b"libx.so.1.2", mode=0o120777), "it is not an ELF file"),
    (Entry("d/libx.so", b"\x7fEL"), "it is not an ELF file"),
    (Entry("d/libx.so", b"\x7fELF"), "EI_CLASS"),
    (Entry("d/libx.so", shared_object("x86_64")[:80]), ""),
    (binary("d/libx.so", raw=b"\xff" * 9), "d/libx.so cannot be inflated"),
    (binary("d/libx.so", raw=packed(b"\x7fELF")), ""),
    (Entry("d/libx.so", b"\x7fELF", 12, raw=b"BZh"), "d/libx.so is compressed by method 12"),
    (Entry("d/lib\u202ex.so", b"\x7fELF", 12, raw=b"BZh"), "d/lib\\u202ex.so is compressed by method 12"),
]


@pytest.mark.parametrize(("entry", "words"), UNREAD)
def test_what_cannot_be_read_has_a_reason(entry: Entry, words: str) -> None:
    linkage = scanner(entry, binary("d/_C" + PYTHON, padding=1 << 20)).read_all()
    assert [*linkage.unread] == [entry.name]
    (reason,) = linkage.unread.values()
    assert words in reason
    assert reason
    assert reason.isprintable()
    assert paths(linkage) == ["_C" + PYTHON]
    assert linkage.complete


def test_a_entry_that_lies_about_its_size_spoils_only_itself(tmp_path: Path) -> None:
    """Both records say that there is more content than its data has: that is no change of the file."""
    lie = {"size": 1 << 20}
    path = tmp_path / "a.zip"
    path.write_bytes(to_bytes(Archive((*DIRECT, Entry("d/libx.so", b"\x7fE", local=lie, directory=lie)))))
    with Source(path) as source:
        linkage = Scanner(source, read_layout(source)).read_all()
    assert paths(linkage) == ["_C" + PYTHON]
    assert [*linkage.unread] == ["d/libx.so"]


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_an_empty_file_needs_nothing(method: int) -> None:
    assert scanner(Entry("d/libx.so", b"", method)).read_all() == Linkage(complete=True)


RATIOS = [((1 << 24) + 1, 50_000, True), ((1 << 24) + 1, 90_000, False), (1 << 24, 10, False), (1 << 31, 100, True)]


@pytest.mark.parametrize(("size", "length", "refused"), RATIOS)
def test_what_is_packed_too_tightly_is_not_even_inflated(size: int, length: int, *, refused: bool) -> None:
    """The data is no deflate data at all: who inflates it sees that."""
    lie = {"size": size}
    one = scanner(Entry("d/libx.so", b"x", raw=b"\xff" * length, local=lie, directory=lie))
    (reason,) = one.read_all().unread.values()
    assert ("compression ratio is higher than that of any real binary" in reason) is refused
    assert ("cannot be inflated" in reason) is not refused


NAMES = {
    "d/x.so": True, "d/libx.so.1": True, "d/libx.so.1.2.3": True, "libx-9335f6a2.so.12.1.105": True, "x.PYD": True,
    "x.dll": True, "x.dylib": True, "d/.so": True, "d/x.so/": False, "d/x.sor": False, "d/xso": False, "x.so.py/y": False,
    "d/x.a": False, "d/x.py": False, "d/x.so-1": False, "x.dll.txt": False,
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_which_names_are_those_of_binaries(name: str, *, expected: bool) -> None:
    assert is_binary(name) is expected


@pytest.mark.parametrize("name", ["d/x.so\n", "d/libx.so.py", "d/libx.so.1.sha256", "d/libx.so.txt"])
def test_a_file_beside_a_binary_is_none(name: str) -> None:
    """What follows .so is a version; a checksum or a note must not make the wheel one that cannot be checked."""
    assert not is_binary(name)


REASONS: list[tuple[Mapping[str, str], str]] = [
    ({}, ""),
    ({"a.dll": "why"}, "a.dll cannot be checked: why"),
    ({"a\x1b.dll": "why", "b": "x", "c": "y"}, "a\\x1b.dll and 2 more cannot be checked: why"),
]


@pytest.mark.parametrize(("unread", "words"), REASONS)
def test_why_binaries_were_not_read(unread: Mapping[str, str], words: str) -> None:
    assert unread_reason(Linkage(unread=unread)) == words


BROKEN: list[tuple[list[Entry], Callable[[str], bool], tuple[str, ...]]] = [
    (DIRECT, is_cuda, ("d/_C" + PYTHON,)),
    (DIRECT, lambda library: library == CUDART, ()),
    (THROUGH_TWO, is_cuda, ("d/_C" + PYTHON,)),
    (CIRCLE, is_cuda, ("d/_C" + PYTHON,)),
    (BY_SONAME, is_cuda, ("d/_C" + PYTHON,)),
    (ALONE, is_cuda, ()),
    (
        [*THROUGH_ONE, binary("d/_B" + PYTHON, "libdemo.so"), binary("a/_A" + PYTHON, "libc.so.6")],
        is_cuda,
        ("d/_B" + PYTHON, "d/_C" + PYTHON),
    ),
    ([*DIRECT, binary(f"d/{CUBLAS}")], is_cuda, ()),
]


@pytest.mark.parametrize(("entries", "wanted", "expected"), BROKEN)
def test_which_modules_cannot_be_imported_without(
    entries: list[Entry], wanted: Callable[[str], bool], expected: tuple[str, ...]
) -> None:
    assert scanner(*entries).read_all().broken_without(wanted) == expected


def test_many_binaries_in_a_row() -> None:
    """Each links to the next; the module that needs the first comes last."""
    chain = [binary(f"d/lib{at}.so", f"lib{at + 1}.so") for at in range(300)]
    chain += [binary("d/lib300.so", CUBLAS), binary("d/_C" + PYTHON, "lib0.so", padding=99_999)]
    one = scanner(*chain)
    assert one.find_link(is_cuda) == Link("d/lib300.so", CUBLAS, hard=True)
    assert one.linkage.broken_without(is_cuda) == ("d/_C" + PYTHON,)


MANY = [
    *THROUGH_TWO,
    DAMAGED,
    DEVICE,
    binary("d/libfirst.so", "libc.so.6", padding=70_000),
    binary("d/libsecond.so", CUDART, padding=60_000),
    Entry("d/libthird.so", b"text" * 99),
    binary("d/libcut.so", padding=40_000, raw=packed(shared_object("x86_64"))),
    binary("d/bin/tool", CUBLAS, padding=80_000),
]


@pytest.mark.parametrize("large", [0, 20_000, 65_000])
def test_binaries_that_are_read_side_by_side_say_what_they_say_one_by_one(
    large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = scanner(*MANY).read_all()
    link = scanner(*MANY).find_link(is_cuda)
    monkeypatch.setattr(linkage, "_LARGE", large)
    assert scanner(*MANY).read_all() == one_by_one
    assert scanner(*MANY).find_link(is_cuda) == link
    searched = scanner(*MANY)
    assert searched.find_link(lambda _: False) is None
    assert searched.linkage == one_by_one
    assert {"d/libdamaged.so", "d/libcut.so", "d/libthird.so"} == one_by_one.unread.keys()


class Watched(Held):
    """An archive that notes which threads read it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.threads: set[int] = set()

    def read_at(self, offset: int, size: int) -> bytes:
        self.threads.add(threading.get_ident())
        return super().read_at(offset, size)


@pytest.mark.parametrize(("large", "expected"), [(0, True), (1 << 22, False)])
def test_only_large_binaries_are_worth_a_thread(large: int, monkeypatch: pytest.MonkeyPatch, *, expected: bool) -> None:
    monkeypatch.setattr(linkage, "_LARGE", large)
    held, layout = hold(*(binary(f"d/lib{number}.so", padding=9_000) for number in range(8)))
    watched = Watched(held.data)
    assert len(Scanner(watched, layout).read_all().binaries) == 8
    assert (watched.threads != {threading.get_ident()}) is expected
    assert len(watched.threads) <= 2


def test_a_search_reads_few_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large binaries are read four at a time, on any machine, so that a report does not depend on it."""
    monkeypatch.setattr(linkage, "_LARGE", 0)
    one = scanner(*DIRECT, *(binary(f"d/lib{number}.so", padding=9_000 + number) for number in range(8)))
    assert one.find_link(is_cuda) == Link("d/_C" + PYTHON, CUBLAS, hard=True)
    assert paths(one.linkage) == ["_C" + PYTHON, "lib0.so", "lib1.so", "lib2.so"]


def test_the_limit_for_all_binaries_always_hits_the_same_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linkage, "_LARGE", 0)
    entries = [binary(f"d/lib{number}.so", padding=20_000 + number) for number in range(6)]
    sizes = [len(entry.content) for entry in entries if isinstance(entry.content, bytes)]
    monkeypatch.setattr(linkage, "_MOST_BYTES", linkage._MOST_TIMES * sum(sizes[:4]))
    for _ in range(5):
        found = scanner(*entries).read_all()
        assert paths(found) == ["lib0.so", "lib1.so", "lib2.so", "lib3.so"]
        assert [*found.unread] == ["d/lib4.so", "d/lib5.so"]
        assert {*found.unread.values()} == {"reading it takes more than any real file needs"}


def test_a_binary_is_inflated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often its tables are looked into; the rest of it is read for the CRC-32."""
    inflated = list[int]()
    advance = inflate.EntryFile._advance

    def counted(file: inflate.EntryFile, each: inflate._Pass) -> bool:
        before = each.position
        more = advance(file, each)
        inflated.append(each.position - before)
        return more

    monkeypatch.setattr(inflate.EntryFile, "_advance", counted)
    content = shared_object("x86_64", needed=["libc.so.6", CUDART], exports=["PyInit_x"]) + random.Random(1).randbytes(
        5 << 20
    )
    linkage = scanner(Entry("d/x.so", content, raw=packed(content))).read_all()
    assert linkage.first(is_cuda)
    assert sum(inflated) == len(content)
