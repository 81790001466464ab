"""Which requirements no installer ever acts on, by the tags of the wheel: what is dead, and what never is."""

from itertools import product

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms, parse_tag

from wheelfix.wheel.environments import Environments
from wheelfix.wheel.requirement import read_requirement


def is_dead(tags: str, marker: str) -> bool:
    requirement = read_requirement(f"x; {marker}")
    assert requirement is not None
    assert requirement.malformed is None
    return Environments(parse_tag(tags)).exclude(requirement)


ON_LINUX, ON_MAC, ON_WINDOWS = (
    [f"sys_platform == '{sys}'", f"platform_system == '{system}'", f"'{system}' == platform_system and os_name == '{name}'"]
    for sys, system, name in [("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt")]
)
ON_PHONES = ["sys_platform == 'ios'", "sys_platform == 'android'", "platform_system == 'iPadOS'"]
ON_THE_WEB = ["sys_platform == 'emscripten'", "platform_system == 'Emscripten'"]
ALL = [*ON_LINUX, *ON_MAC, *ON_WINDOWS, *ON_PHONES, *ON_THE_WEB]

PLATFORMS = [
    ("linux_x86_64", ON_LINUX),
    ("manylinux1_x86_64", ON_LINUX),
    ("manylinux1_i686", ON_LINUX),
    ("manylinux2010_x86_64", ON_LINUX),
    ("manylinux2014_aarch64", ON_LINUX),
    ("manylinux_2_28_x86_64", ON_LINUX),
    ("manylinux_2_17_ppc64le", ON_LINUX),
    ("manylinux_2_39_no_such_machine", ON_LINUX),
    ("musllinux_1_2_x86_64", ON_LINUX),
    ("musllinux_1_2_armv7l", ON_LINUX),
    ("macosx_11_0_arm64", ON_MAC),
    ("macosx_10_9_x86_64", ON_MAC),
    ("macosx_10_9_universal2", ON_MAC),
    ("macosx_10_6_intel", ON_MAC),
    ("macosx_10_6_fat64", ON_MAC),
    ("macosx_10_4_fat", ON_MAC),
    ("win32", ON_WINDOWS),
    ("win_amd64", ON_WINDOWS),
    ("win_arm64", ON_WINDOWS),
    ("android_24_arm64_v8a", ["sys_platform == 'android'"]),
    ("android_21_x86_64", ["sys_platform == 'android'"]),
    ("ios_13_0_arm64_iphoneos", ["sys_platform == 'ios'", "platform_system == 'iPadOS'"]),
    ("ios_13_0_x86_64_iphonesimulator", ["sys_platform == 'ios'", "platform_system == 'iPadOS'"]),
    ("emscripten_3_1_58_wasm32", ON_THE_WEB),
    ("pyodide_2024_0_wasm32", ON_THE_WEB),
    ("any", ALL),
    ("freebsd_14_0_release_amd64", ALL),
    ("win_ia64", ALL),
    ("manylinux3_x86_64", ALL),
    ("plan9", ALL),
    ("linux_x86_64.win_amd64", [*ON_LINUX, *ON_WINDOWS]),
    ("manylinux1_x86_64.manylinux_2_5_x86_64", ON_LINUX),
    ("macosx_11_0_arm64.any", ALL),
    ("linux_x86_64.plan9", ALL),
]


@pytest.mark.parametrize(("platform", "alive"), PLATFORMS)
def test_what_is_asked_for_on_a_platform(platform: str, alive: list[str]) -> None:
    """A compressed set of tags accepts what any of its tags accepts; a tag that is not known could be anything."""
    assert [marker for marker in ALL if not is_dead(f"cp311-cp311-{platform}", marker)] == alive
    assert [marker for marker in ALL if not is_dead(f"py3-none-{platform}", marker)] == alive


MACHINES = [
    ("manylinux_2_28_aarch64", "aarch64"),
    ("manylinux2014_x86_64", "x86_64"),
    ("manylinux1_i686", "i686 i386 x86_64"),
    ("linux_armv7l", "armv7l armv8l aarch64"),
    ("linux_armv6l", "armv6l armv7l armv8l aarch64"),
    ("musllinux_1_1_s390x", "s390x"),
    ("manylinux_2_31_riscv64", "riscv64"),
    ("macosx_11_0_arm64", "arm64"),
    ("macosx_10_9_x86_64", "x86_64 arm64"),
    ("macosx_11_0_universal2", "x86_64 arm64"),
    ("win_amd64", "AMD64 ARM64"),
    ("win32", "x86 AMD64 ARM64 i386 i686"),
    ("win_arm64", "AMD64 ARM64"),
    ("manylinux2014_aarch64.manylinux2014_x86_64", "aarch64 x86_64"),
    ("any", "*"),
    ("plan9", "*"),
    ("macosx_10_6_intel", "*"),
    ("linux_no_such_machine", "*"),
    ("android_24_arm64_v8a", "*"),
    ("ios_13_0_arm64_iphoneos", "*"),
    ("pyodide_2024_0_wasm32", "*"),
]
EVERY_MACHINE = [
    "aarch64", "x86_64", "x86", "i686", "i386", "arm64", "AMD64", "ARM64", "armv6l", "armv7l", "armv8l", "s390x", "ppc64le",
    "riscv64", "loongarch64", "wasm32",
]  # fmt: skip


@pytest.mark.parametrize(("platform", "alive"), MACHINES)
def test_machines_that_a_platform_can_have(platform: str, alive: str) -> None:
    asked = {each for each in EVERY_MACHINE if not is_dead(f"cp311-cp311-{platform}", f"platform_machine == '{each}'")}
    assert asked == ({*EVERY_MACHINE} if alive == "*" else {*alive.split()})


BEFORE_39, BEFORE_311, IS_311, SINCE_312 = (
    "python_version < '3.9'", "python_version < '3.11'", "python_version == '3.11'", "python_version >= '3.12'",
)  # fmt: skip
IS_2, IS_CPYTHON, IS_PYPY, IS_PYPY_TOO, IS_NEITHER = (
    "python_version < '3'", "implementation_name == 'cpython'", "platform_python_implementation == 'PyPy'",
    "implementation_name == 'pypy'", "implementation_name != 'pypy' and implementation_name != 'cpython'",
)  # fmt: skip
PYTHONS = [BEFORE_39, BEFORE_311, IS_311, SINCE_312, IS_2, IS_CPYTHON, IS_PYPY, IS_PYPY_TOO, IS_NEITHER]
INTERPRETERS = [
    ("cp311-cp311", [IS_311, IS_CPYTHON]),
    ("cp311-cp311t", [IS_311, IS_CPYTHON]),
    ("cp312-cp312", [SINCE_312, IS_CPYTHON]),
    ("cp38-cp38", [BEFORE_39, BEFORE_311, IS_CPYTHON]),
    ("cp37-cp37m", [BEFORE_39, BEFORE_311, IS_CPYTHON]),
    ("cp27-cp27mu", [BEFORE_39, BEFORE_311, IS_2, IS_CPYTHON]),
    ("cp311-abi3", [IS_311, SINCE_312, IS_CPYTHON]),
    ("cp38-abi3", [BEFORE_39, BEFORE_311, IS_311, SINCE_312, IS_CPYTHON]),
    ("cp313-cp313.abi3", [SINCE_312, IS_CPYTHON]),
    ("pp310-pypy310_pp73", [BEFORE_311, IS_PYPY, IS_PYPY_TOO]),
    ("pp311-pypy311_pp73", [IS_311, IS_PYPY, IS_PYPY_TOO]),
    ("py3-none", [BEFORE_39, BEFORE_311, IS_311, SINCE_312, IS_CPYTHON, IS_PYPY, IS_PYPY_TOO, IS_NEITHER]),
    ("py311-none", [IS_311, SINCE_312, IS_CPYTHON, IS_PYPY, IS_PYPY_TOO, IS_NEITHER]),
    ("py2-none", [BEFORE_39, BEFORE_311, IS_2, IS_CPYTHON, IS_PYPY, IS_PYPY_TOO, IS_NEITHER]),
    ("py2.py3-none", PYTHONS),
    ("cp310.cp311-cp310.cp311", [BEFORE_311, IS_311, IS_CPYTHON]),
    ("cp311.pp311-none", [IS_311, SINCE_312, IS_CPYTHON, IS_PYPY, IS_PYPY_TOO]),
    ("graalpy311-graalpy242_311_native", PYTHONS),
    ("jy27-none", PYTHONS),
    ("cp-none", PYTHONS),
]


@pytest.mark.parametrize(("tags", "alive"), INTERPRETERS)
def test_what_is_asked_for_by_an_interpreter(tags: str, alive: list[str]) -> None:
    assert [marker for marker in PYTHONS if not is_dead(f"{tags}-manylinux_2_28_x86_64", marker)] == alive


@pytest.mark.parametrize("tags", ["cp311-none-any", "cp311-none-win_amd64"])
def test_a_wheel_for_one_interpreter_without_an_abi(tags: str) -> None:
    assert is_dead(tags, BEFORE_311)
    assert is_dead(tags, IS_2)
    assert is_dead(tags, IS_PYPY)
    assert not is_dead(tags, IS_311)
    assert not is_dead(tags, IS_CPYTHON)


OLD_PYPY = ["pp371-pypy3_71", "pp373-pypy36_pp73", "pp372-pypy36_pp72", "pp270-pypy_41", "pp271-pypy_73"]


@pytest.mark.parametrize("tags", OLD_PYPY)
def test_old_tags_of_pypy_name_the_version_of_pypy(tags: str) -> None:
    """``Pillow-7.0.0-pp373-pypy36_pp73-win32.whl`` is for PyPy 7.3, which is Python 3.6."""
    version = "2.7" if tags.startswith("pp2") else "3.6"
    assert not is_dead(f"{tags}-win32", f"python_version == '{version}'")
    assert not is_dead(f"{tags}-win32", f"python_version <= '{version}'")


NEVER = [
    "extra == 'gpu'",
    "extra != 'gpu'",
    "'gpu' in extras",
    "platform_release == '1'",
    "platform_version == '1'",
    "platform_version >= 'x'",
    "implementation_version < '1'",
    "os_name == sys_platform",
    "sys_platform == 'linux' or extra == 'gpu'",
    "sys_platform === 'win32'",
    "sys_platform ~= 'win32'",
]


@pytest.mark.parametrize("marker", NEVER)
def test_what_nobody_can_know_is_never_dead(marker: str) -> None:
    assert not is_dead("cp311-cp311-manylinux_2_28_x86_64", marker)


@pytest.mark.parametrize("marker", ["sys.platform == 'win32'", "os.name == 'nt'", "python_implementation == 'PyPy'"])
def test_old_names_of_variables_are_understood(marker: str) -> None:
    assert is_dead("cp311-cp311-manylinux_2_28_x86_64", marker)


def test_an_extra_does_not_keep_alive_what_cannot_be() -> None:
    assert is_dead("cp311-cp311-manylinux_2_28_x86_64", "extra == 'gpu' and sys_platform == 'win32'")
    assert not is_dead("cp311-cp311-manylinux_2_28_x86_64", "extra == 'gpu' or sys_platform == 'win32'")


@pytest.mark.parametrize("text", ["x", "x>=1", "x; sys_platform = 'win32'", "x >= 1.*, ; sys_platform == 'win32'", "x (=="])
def test_a_requirement_without_a_valid_marker_is_never_excluded(text: str) -> None:
    requirement = read_requirement(text)
    assert requirement is not None
    assert not Environments(parse_tag("cp311-cp311-manylinux_2_28_x86_64")).exclude(requirement)


TORCH = 'nvidia-cublas-cu12==12.6.4.1; platform_system == "Linux" and platform_machine == "x86_64"'
TORCH_LINUX = 'nvidia-nccl-cu12==2.27.5; platform_system == "Linux"'
TZDATA = 'tzdata; sys_platform == "win32"'
REAL = [
    ("cp312-cp312-manylinux_2_28_aarch64", TORCH, True),
    ("cp312-cp312-manylinux_2_28_x86_64", TORCH, False),
    ("cp313-none-macosx_11_0_arm64", TORCH_LINUX, True),
    ("cp313-none-macosx_11_0_arm64", TORCH, True),
    ("cp312-cp312-win_amd64", TORCH_LINUX, True),
    ("cp312-cp312-manylinux_2_28_aarch64", TORCH_LINUX, False),
    ("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", TZDATA, True),
    ("cp312-cp312-musllinux_1_2_x86_64", TZDATA, True),
    ("cp312-cp312-win_amd64", TZDATA, False),
    ("cp313-cp313-manylinux_2_28_x86_64", "typing-extensions; python_version < '3.11'", True),
    ("cp39-abi3-manylinux_2_28_x86_64", "typing-extensions; python_version < '3.11'", False),
    ("cp313-cp313-manylinux_2_28_x86_64", 'setuptools; python_version >= "3.12"', False),
    ("cp311-cp311-manylinux_2_28_x86_64", 'setuptools; python_version >= "3.12"', True),
    ("py3-none-any", TORCH, False),
    ("py3-none-any", TORCH_LINUX, False),
    ("py3-none-any", TZDATA, False),
    ("py3-none-any", "colorama; os_name == 'nt' and python_version < '3.9'", False),
    ("py3-none-any", "x; sys_platform == 'win32' and platform_python_implementation == 'PyPy'", False),
    ("py3-none-any", "enum34; python_version < '3'", True),
    ("py2.py3-none-any", "enum34; python_version < '3'", False),
    ("py3-none-manylinux1_x86_64", TZDATA, True),
]  # fmt: skip


@pytest.mark.parametrize(("tags", "text", "dead"), REAL)
def test_lines_of_real_wheels(tags: str, text: str, dead: bool) -> None:
    """torch 2.7.0 for aarch64 and torch for macOS ask for CUDA on other machines; pandas asks for tzdata on Windows."""
    requirement = read_requirement(text)
    assert requirement is not None
    assert requirement.malformed is None
    assert Environments(parse_tag(tags)).exclude(requirement) is dead


def test_the_environments_are_those_of_each_tag() -> None:
    found = Environments(parse_tag("py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64")).each
    assert sorted((each.lowest, each.highest) for each in found) == [((2, 0), (2, 99)), ((3, 0), (3, 99))]
    assert {each.values["platform_machine"] for each in found} == {("x86_64",)}
    assert Environments(frozenset({Tag("py3", "none", "any")})).each[0].values == {}


PLACES: list[tuple[list[str], dict[str, str]]] = [
    (
        ["manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "linux_x86_64"],
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    ),
    (
        ["manylinux_2_28_aarch64", "manylinux2014_aarch64", "linux_aarch64"],
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "aarch64"},
    ),
    (
        ["manylinux1_i686", "linux_i686"],
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    ),
    (
        ["musllinux_1_2_x86_64", "linux_x86_64"],
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    ),
    (
        [*mac_platforms((14, 0), "arm64")],
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    ),
    (
        [*mac_platforms((14, 0), "x86_64")],
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "x86_64"},
    ),
    (
        ["win_amd64"],
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    ),
    (
        ["win32"],
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    ),
    (
        ["win_arm64"],
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "ARM64"},
    ),
    (
        ["pyodide_2024_0_wasm32", "emscripten_3_1_58_wasm32"],
        {"sys_platform": "emscripten", "platform_system": "Emscripten", "os_name": "posix", "platform_machine": "wasm32"},
    ),
    (
        ["freebsd_14_0_release_amd64"],
        {"sys_platform": "freebsd14", "platform_system": "FreeBSD", "os_name": "posix", "platform_machine": "amd64"},
    ),
]  # fmt: skip
MINORS = [7, 9, 11, 13]
WHEELS = [
    "-".join(each)
    for each in product(
        [
            "cp39-cp39", "cp311-cp311", "cp311-none", "cp39-abi3", "pp39-pypy39_pp73", "py3-none", "py2.py3-none",
            "py311-none",
        ],
        [
            "any", "manylinux2014_x86_64", "manylinux_2_28_aarch64", "manylinux1_i686", "musllinux_1_2_x86_64",
            "macosx_11_0_arm64", "macosx_10_9_x86_64", "macosx_11_0_universal2", "macosx_10_6_intel", "win_amd64", "win32",
            "win_arm64", "win_amd64.manylinux2014_x86_64", "emscripten_3_1_58_wasm32", "freebsd_14_0_release_amd64",
        ],
    )
]  # fmt: skip
MARKERS = [
    *ON_LINUX[:2], *ON_MAC[:1], *ON_WINDOWS[:1], "sys_platform != 'win32'", "os_name != 'posix'", BEFORE_39, BEFORE_311,
    IS_311, SINCE_312, IS_PYPY, IS_CPYTHON, "implementation_name != 'cpython'", "platform_machine == 'x86_64'",
    "platform_machine not in 'x86_64 AMD64'", "platform_machine in 'aarch64 arm64 ARM64'", "'86' in platform_machine",
    "platform_system == 'Linux' and platform_machine == 'x86_64' and python_version >= '3.10'",
    "sys_platform == 'darwin' and platform_machine != 'arm64' or sys_platform == 'win32' and python_version < '3.10'",
    "python_version in '3.9, 3.11'", "python_full_version < '3.11.4'", "'3.1' in python_version",
]  # fmt: skip


def accepted(minor: int, kind: str, platforms: list[str]) -> frozenset[Tag]:
    """Return the tags that ``packaging`` says an interpreter accepts."""
    version = (3, minor)
    if kind == "cpython":
        own = cpython_tags(version, platforms=platforms)
        named = f"cp3{minor}"
    else:
        named = f"pp3{minor}"
        own = generic_tags(named, [f"pypy3{minor}_pp73"], platforms)
    return frozenset([*own, *compatible_tags(version, named, platforms)])


PEOPLE = [
    (
        accepted(minor, kind, platforms),
        {
            **values,
            "python_version": f"3.{minor}",
            "python_full_version": f"3.{minor}.{micro}",
            "implementation_name": kind,
            "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}[kind],
        },
    )
    for (platforms, values), minor, micro, kind in product(PLACES, MINORS, (0, 9), ("cpython", "pypy"))
]


@pytest.mark.parametrize("marker", MARKERS)
def test_nothing_is_dead_that_holds_where_the_wheel_can_be_installed(marker: str) -> None:
    """What ``packaging`` installs and evaluates is the measure."""
    strict = Marker(marker)
    holding = [tags for tags, values in PEOPLE if strict.evaluate(values)]
    judged = {wheel: is_dead(wheel, marker) for wheel in WHEELS}
    wrong = [wheel for wheel, dead in judged.items() if dead and any(parse_tag(wheel) & tags for tags in holding)]
    assert wrong == []
    assert holding
