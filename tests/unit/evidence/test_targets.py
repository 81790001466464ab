"""What binaries are built for: read from headers, whatever a hostile one says."""

import struct

import pytest
from hypothesis import given, strategies as st

from building import DEFLATED, STORED, Entry
from elfwriter import shared_object
from in_memory import hold
from programs import mach_o, pe, universal
from wheelfix.evidence.linkage import Scanner
from wheelfix.evidence.targets import Target, read_targets


def targets_of(**files: bytes) -> list[Target]:
    """Return what is found in files, whose names have two underscores for a slash and one for a dot."""
    entries = [Entry(name.replace("__", "/").replace("_", "."), data, DEFLATED) for name, data in files.items()]
    return targets_in(*entries)


def targets_in(*entries: Entry) -> list[Target]:
    source, layout = hold(*entries)
    return list(read_targets(source, layout, Scanner(source, layout).read_all()))


@pytest.mark.parametrize(
    ("data", "system", "machines"),
    [
        (shared_object("aarch64", versions={"libc.so.6": ["GLIBC_2.34"]}), "Linux", {"aarch64": (2, 34)}),
        (shared_object("x86_64"), "Linux", {"x86_64": None}),
        (mach_o("arm64", (14, 2)), "Darwin", {"arm64": (14, 2)}),
        (mach_o("x86_64", (10, 9), old_style=True), "Darwin", {"x86_64": (10, 9)}),
        (mach_o("x86_64", None), "Darwin", {"x86_64": None}),
        (mach_o("ppc", (10, 4), old_style=True, big=True), "Darwin", {"ppc": (10, 4)}),
        (mach_o("i386", (10, 6), old_style=True), "Darwin", {"i386": (10, 6)}),
        (universal(mach_o("x86_64", (10, 13)), mach_o("arm64")), "Darwin", {"x86_64": (10, 13), "arm64": (11, 0)}),
        (universal(mach_o("x86_64"), mach_o("arm64"), wide=True), "Darwin", {"x86_64": (11, 0), "arm64": (11, 0)}),
        (pe("x86"), "Windows", {"x86": None}),
        (pe("AMD64"), "Windows", {"AMD64": None}),
        (pe("ARM64"), "Windows", {"ARM64": None}),
    ],
)
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_system_and_machines(data: bytes, system: str, machines: dict[str, tuple[int, int] | None], method: int) -> None:
    [found] = targets_in(Entry("demo/libx.so", data, method))
    assert (found.system, found.machines, found.is_module) == (system, machines, system == "Darwin")


def test_which_files_python_imports() -> None:
    found = targets_of(
        a_so=mach_o("arm64"), a_dylib=mach_o("arm64"), b_pyd=pe(), b_dll=pe(),
        c_so=shared_object("x86_64", exports=["PyInit_c"]), d_so=shared_object("x86_64", exports=["d"]),
    )  # fmt: skip
    assert {each.path for each in found if each.is_module} == {"a.so", "b.pyd", "c.so"}
    assert len(found) == 6


@pytest.mark.parametrize(
    ("needed", "versions", "libc"),
    [
        ((), {}, ""),
        (("libc.so.6",), {}, "glibc"),
        (("ld-linux-x86-64.so.2",), {}, "glibc"),
        (("libm.so.6",), {"libm.so.6": ["GLIBC_2.29"]}, "glibc"),
        (("libc.musl-x86_64.so.1",), {}, "musl"),
        (("/lib/ld-musl-x86_64.so.1",), {}, "musl"),
        (("libcublas.so.12",), {}, ""),
    ],
)
def test_the_c_library(needed: tuple[str, ...], versions: dict[str, list[str]], libc: str) -> None:
    [found] = targets_of(x_so=shared_object("x86_64", needed=needed, versions=versions))
    assert found.libc == libc


def test_what_is_no_binary_is_left_out() -> None:
    java = b"\xca\xfe\xba\xbe\0\0\0\x3d" + bytes(100)
    assert targets_of(x_so=b"INPUT(-lx)\n", y_dll=b"MZ" + bytes(70), z_so=java, w_so=shared_object("x86_64")[:80]) == []


SIZE = struct.pack("<I", 0xFFFF_FFFF)
HOSTILE = {
    "commands without end": mach_o("arm64")[:16] + SIZE + SIZE + bytes(1 << 20),
    "a command of no size": mach_o("arm64")[:16] + struct.pack("<2I", 1 << 31, 1 << 16) + bytes(1 << 17),
    "cut off": mach_o("arm64")[:20],
    "slices outside": universal(mach_o("x86_64"), mach_o("arm64")).replace(struct.pack(">I", 1 << 14), SIZE),
    "slices in each other": b"\xca\xfe\xba\xbe\0\0\0\x27" + struct.pack(">5I", 7, 0, 8, 100, 0) * 39,
    "a header outside": b"MZ" + bytes(58) + SIZE + bytes(100),
    "a header at the end": b"MZ" + bytes(58) + struct.pack("<I", 1020) + bytes(956) + b"PE\0\0",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers_end_well(data: bytes) -> None:
    for each in targets_in(Entry("x.so", data, STORED), Entry("y.pyd", data, DEFLATED)):
        assert set(each.machines.values()) == {None}


@given(st.sampled_from([mach_o("arm64"), universal(mach_o("x86_64"), mach_o("arm64")), pe()]), st.data())
def test_any_change_of_a_header_ends_well(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, min(len(data), 300) - 1))
    value = draw.draw(st.binary(min_size=1, max_size=8))
    for each in targets_in(Entry("x.so", data[:at] + value + data[at + len(value) :], STORED)):
        assert each.system in ("Darwin", "Windows")
