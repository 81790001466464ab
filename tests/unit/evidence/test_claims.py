"""What tags claim, against what binaries are built for: which of them contradict each other, and in which words."""

import pytest

from counting import count_calls
from wheelfix.evidence.claims import against_purelib, contradictions
from wheelfix.evidence.targets import DARWIN, LINUX, WINDOWS, Target
from wheelfix.wheel.tags import expanded

OLD = "py9-none-nowhere"


def elf(path: str, machine: str = "x86_64", glibc: tuple[int, int] | None = (2, 17), libc: str = "glibc") -> Target:
    return Target(path, LINUX, {machine: glibc}, path.endswith("module.so") or "cpython" in path or ".abi3" in path, libc)


def mac(path: str, **machines: tuple[int, int] | None) -> Target:
    return Target(path, DARWIN, machines, path.endswith(".so"))


def win(path: str, machine: str = "AMD64") -> Target:
    return Target(path, WINDOWS, {machine: None}, path.endswith(".pyd"))


def against(platform: str, *targets: Target) -> str:
    """Return what contradicts a new platform tag; Python and ABI are those that the wheel had."""
    found = dict(contradictions(targets, expanded("cp311-cp311-nowhere"), expanded(f"cp311-cp311-{platform}")))
    assert set(found) <= {platform}
    return found.get(platform, "")


def against_abi(python_and_abi: str, *paths: str) -> str:
    targets = [Target(path, LINUX, {"x86_64": None}, is_module=True) for path in paths]
    found = dict(contradictions(targets, expanded("py9-none-linux_x86_64"), expanded(f"{python_and_abi}-linux_x86_64")))
    assert set(found) <= {python_and_abi}
    return found.get(python_and_abi, "")


LIBRARY, MODULE = elf("demo/libx.so.1"), elf("demo/module.so")
FITS = [
    ("linux_x86_64", elf("demo/module.so", glibc=(2, 99))),
    ("manylinux_2_17_x86_64", MODULE),
    ("manylinux2014_x86_64", MODULE),
    ("manylinux_2_28_x86_64", LIBRARY),
    ("manylinux1_i686", elf("demo/module.so", "i686", (2, 5))),
    ("linux_i386", elf("demo/module.so", "i686", None)),
    ("linux_armv6l", elf("demo/module.so", "armv7l", None)),
    ("manylinux_2_17_x86_64", elf("demo/module.so", glibc=None, libc="")),
    ("musllinux_1_2_x86_64", elf("demo/module.so", glibc=None, libc="musl")),
    ("musllinux_1_2_x86_64", elf("demo/module.so", glibc=None, libc="")),
    ("manylinux_2_17_x86_64", Target("demo/module.so", LINUX, {}, is_module=True)),  # a machine without a name
    ("macosx_11_0_arm64", mac("demo/x.so", arm64=(11, 3))),
    ("macosx_10_9_universal2", mac("demo/x.so", arm64=(11, 0), x86_64=(10, 9))),
    ("macosx_10_16_x86_64", mac("demo/x.so", x86_64=(11, 0))),
    ("macosx_12_0_x86_64", mac("demo/x.so", arm64=(14, 0), x86_64=(12, 0))),
    ("macosx_11_0_arm64", mac("demo/x.so", arm64=None)),
    ("win32", win("demo/x.pyd", "x86")),
    ("win_amd64", win("demo/x.pyd")),
    ("win_arm64", win("demo/x.pyd", "ARM64")),
]
DIFFERS = [
    ("manylinux_2_17_x86_64", elf("demo/module.so", glibc=(2, 34)), "demo/module.so needs GLIBC_2.34; the tag says 2.17"),
    ("manylinux2014_x86_64", elf("demo/libx.so.1", glibc=(2, 18)), "demo/libx.so.1 needs GLIBC_2.18; the tag says 2.17"),
    ("manylinux2010_x86_64", elf("demo/module.so", glibc=(2, 14)), "demo/module.so needs GLIBC_2.14; the tag says 2.12"),
    ("manylinux1_x86_64", elf("demo/module.so", glibc=(2, 6)), "demo/module.so needs GLIBC_2.6; the tag says 2.5"),
    ("manylinux_2_17_aarch64", MODULE, "demo/module.so is for Linux x86_64"),
    ("linux_aarch64", LIBRARY, "demo/libx.so.1 is for Linux x86_64"),
    ("manylinux_2_17_ppc64", elf("demo/module.so", "ppc64le"), "demo/module.so is for Linux ppc64le"),
    ("musllinux_1_2_x86_64", MODULE, "demo/module.so links to glibc; the tag says musl"),
    ("manylinux_2_17_x86_64", elf("demo/module.so", glibc=None, libc="musl"),
     "demo/module.so links to musl; the tag says glibc"),
    ("win_amd64", MODULE, "demo/module.so is an extension module for Linux"),
    ("macosx_11_0_arm64", MODULE, "demo/module.so is for Linux x86_64"),
    ("macosx_11_0_arm64", win("demo/x.pyd"), "demo/x.pyd is an extension module for Windows"),
    ("macosx_11_0_arm64", win("demo/x.dll"), "demo/x.dll is for Windows AMD64"),
    ("manylinux_2_17_x86_64", mac("demo/x.so", x86_64=(11, 0)), "demo/x.so is for macOS x86_64"),
    ("macosx_11_0_x86_64", mac("demo/x.so", arm64=(11, 0)), "demo/x.so is for macOS arm64"),
    ("macosx_10_9_universal2", mac("demo/x.so", x86_64=(10, 9)), "demo/x.so is for macOS x86_64"),
    ("macosx_11_0_arm64", mac("demo/x.so", arm64=(12, 1)), "demo/x.so needs macOS 12.1; the tag says 11.0"),
    ("macosx_10_9_x86_64", mac("demo/x.so", x86_64=(10, 13)), "demo/x.so needs macOS 10.13; the tag says 10.9"),
    ("win32", win("demo/x.pyd"), "demo/x.pyd is for Windows AMD64"),
    ("win_arm64", win("demo/x.dll"), "demo/x.dll is for Windows AMD64"),
    ("any", MODULE, "demo/module.so is an extension module for Linux"),
    ("any", mac("demo/x.so", arm64=None), "demo/x.so is an extension module for macOS"),
    ("any", win("demo-1.0.data/scripts/x.exe"), "demo-1.0.data/scripts/x.exe is for Windows AMD64"),
    ("any", LIBRARY, "demo/libx.so.1 is for Linux x86_64"),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "target"), FITS)
def test_a_platform_that_fits(platform: str, target: Target) -> None:
    assert against(platform, target) == ""


@pytest.mark.parametrize(("platform", "target", "why"), DIFFERS)
def test_a_platform_that_a_binary_contradicts(platform: str, target: Target, why: str) -> None:
    assert against(platform, target) == why


@pytest.mark.parametrize("platform", ["any", "manylinux_2_17_x86_64", "win32", "macosx_11_0_arm64"])
def test_a_wheel_without_binaries_contradicts_nothing(platform: str) -> None:
    assert against(platform) == ""


@pytest.mark.parametrize(
    "platform",
    ["android_21_arm64_v8a", "ios_13_0_arm64_iphoneos", "macosx_10_6_fat32", "solaris_2_11", "linux", "pyodide_1"],
)
def test_a_platform_that_is_not_known_is_not_compared(platform: str) -> None:
    assert against(platform, MODULE, win("x.pyd")) == ""


def test_of_modules_of_one_name_python_takes_the_one_that_it_can_load() -> None:
    both = [
        elf("demo/_x.cpython-311-x86_64-linux-gnu.so"), elf("demo/_x.cpython-311-aarch64-linux-gnu.so", "aarch64"),
        mac("demo/_x.cpython-311-darwin.so", arm64=(11, 0)), win("demo/_x.pyd"),
    ]  # fmt: skip
    for platform in ("linux_x86_64", "linux_aarch64", "macosx_11_0_arm64", "win_amd64"):
        assert against(platform, *both) == ""
    assert against("linux_s390x", *both) == "demo/_x.cpython-311-x86_64-linux-gnu.so is for Linux x86_64"
    assert against("linux_aarch64", *both, elf("demo/module.so")) == "demo/module.so is for Linux x86_64"


def test_libraries_for_several_platforms_may_be_chosen_from() -> None:
    """debugpy has some of each beside its module."""
    libraries = [elf("d/attach.so"), elf("d/attach_arm.so", "aarch64", (2, 30)), win("d/attach.dll", "x86"),
                 mac("d/attach.dylib", x86_64=(10, 9))]  # fmt: skip
    for platform in ("any", "manylinux_2_17_x86_64", "macosx_11_0_x86_64", "win32"):
        assert against(platform, *libraries) == ""
    assert against("manylinux_2_17_x86_64", *libraries, elf("d/module.so")) == ""
    assert against("manylinux_2_17_aarch64", *libraries) == "d/attach_arm.so needs GLIBC_2.30; the tag says 2.17"
    assert against("win_amd64", *libraries) == "d/attach.so is for Linux x86_64"


def test_what_the_wheel_claimed_already_is_not_compared() -> None:
    targets = [elf("demo/_x.cpython-311-x86_64-linux-gnu.so", glibc=(2, 34))]
    old = expanded("py3-none-any.manylinux1_x86_64")
    assert [*contradictions(targets, old, expanded("py3-none-any.manylinux1_x86_64"))] == []
    assert [*contradictions(targets, old, expanded("py3-none-manylinux2014_x86_64"))] == [
        ("manylinux2014_x86_64", "demo/_x.cpython-311-x86_64-linux-gnu.so needs GLIBC_2.34; the tag says 2.17")
    ]
    assert [part for part, _ in contradictions(targets, old, expanded("cp312.py2-none-any"))] == ["cp312-none", "py2-none"]


@pytest.mark.parametrize(
    ("tags", "paths"),
    [
        ("cp311-cp311", ["d/_x.cpython-311-x86_64-linux-gnu.so"]),
        ("cp311-none", ["d/_x.cpython-311-x86_64-linux-gnu.so"]),  # as torch for macOS has it
        ("cp311-cp311", ["d/_x.so", "d/_y.abi3.so"]),
        ("cp37-cp37m", ["d/_x.cpython-37m-x86_64-linux-gnu.so"]),
        ("cp37-cp37m", ["d/_x.cp37-win_amd64.pyd"]),
        ("cp313-cp313t", ["d/_x.cpython-313t-x86_64-linux-gnu.so"]),
        ("cp39-abi3", ["d/_x.abi3.so", "d/_y.pyd"]),
        ("cp315-abi3", ["d/_x.abi3t.so"]),
        ("cp315-abi3t", ["d/_x.abi3t.so"]),
        ("cp315-cp315t", ["d/_x.abi3t.so"]),
        ("pp310-pypy310_pp73", ["d/_x.pypy310-pp73-x86_64-linux-gnu.so"]),
        ("cp311-cp311", ["d/_x.cpython-310-x86_64-linux-gnu.so", "d/_x.cpython-311-x86_64-linux-gnu.so"]),
        ("graalpy311-graalpy240_311_native", ["d/_x.cpython-310-x86_64-linux-gnu.so"]),
    ],
)
def test_a_python_that_fits(tags: str, paths: list[str]) -> None:
    assert against_abi(tags, *paths) == ""


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        ("cp312-cp312", "d/_x.cpython-311-x86_64-linux-gnu.so"),
        ("cp312-none", "d/_x.cpython-311-x86_64-linux-gnu.so"),
        ("cp311-abi3", "d/_x.cpython-311-x86_64-linux-gnu.so"),
        ("cp311-abi3", "d/_x.cp311-win_amd64.pyd"),
        ("cp313-cp313t", "d/_x.cpython-313-x86_64-linux-gnu.so"),
        ("cp313-cp313", "d/_x.cpython-313t-x86_64-linux-gnu.so"),
        ("cp313-cp313t", "d/_x.abi3.so"),
        ("cp315-abi3t", "d/_x.abi3.so"),
        ("cp310-cp310", "d/_x.pypy310-pp73-x86_64-linux-gnu.so"),
        ("pp310-pypy310_pp73", "d/_x.cpython-310-x86_64-linux-gnu.so"),
        ("pp310-pypy310_pp73", "d/_x.abi3.so"),
    ],
)
def test_a_python_that_a_module_contradicts(tags: str, path: str) -> None:
    assert against_abi(tags, path) == f"{path} is built for another Python"


@pytest.mark.parametrize("path", ["d/_x.so", "d/_x.abi3.so", "d/_x.cpython-311-darwin.so"])
def test_no_module_is_for_any_python(path: str) -> None:
    assert against_abi("py3-none", path) == f"{path} is an extension module, which depends on the ABI of Python"


def test_only_modules_at_the_top_contradict_that_it_is_pure() -> None:
    library = elf("demo/libx.so")
    assert against_purelib([library, elf("demo-1.0.data/platlib/demo/module.so")]) == ""
    assert against_purelib([library, elf("demo/module.so")]) == "demo/module.so is an extension module"


def test_names_are_shown_safely() -> None:
    assert "\x1b" not in against("any", elf("demo/\x1b[2Jmodule.so"))


def test_many_tags_and_modules_are_compared_once_for_each_kind_of_them() -> None:
    modules = [elf(f"demo/_{number}.cpython-311-x86_64-linux-gnu.so") for number in range(2_000)]
    tags = expanded(".".join(f"cp3{a}" for a in range(60)) + "-" + ".".join(f"cp3{b}" for b in range(60)) + "-linux_x86_64")
    found = list[tuple[str, str]]()
    assert count_calls(lambda: found.extend(contradictions(modules, expanded("py9-none-linux_x86_64"), tags))) < 200_000
    assert len(found) == 60 * 59
