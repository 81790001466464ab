"""Whether a marker can be true: exact where the variables are known or plain, and never wrong where it says no."""

from collections.abc import Mapping
from itertools import product

import pytest
from packaging.markers import Marker as StrictMarker

from wheelfix.wheel.marker import Marker, read_marker
from wheelfix.wheel.marker_logic import Environment, Release, can_be_true, stays_true

LINUX = {"sys_platform": ("linux", "linux2"), "platform_system": ("Linux",), "os_name": ("posix",)}
OPEN: Mapping[str, tuple[str, ...]] = {}


def read(text: str) -> Marker:
    marker = read_marker(text)
    assert marker is not None
    return marker


KNOWN = [
    ("sys_platform == 'linux'", True),
    ("sys_platform == 'linux2'", True),
    ("sys_platform == 'win32'", False),
    ("sys_platform != 'linux'", True),
    ("sys_platform != 'linux' and sys_platform != 'linux2'", False),
    ("platform_system != 'Linux'", False),
    ("'Linux' != platform_system", False),
    ("platform_system == 'linux'", False),
    ("'lin' in sys_platform", True),
    ("'win' in sys_platform", False),
    ("sys_platform in 'linux darwin'", True),
    ("sys_platform in 'win32 darwin'", False),
    ("sys_platform not in 'win32 darwin'", True),
    ("sys_platform not in 'linux linux2'", False),
    ("platform_system == 'Linux' and sys_platform == 'win32'", False),
    ("platform_system == 'Linux' or sys_platform == 'win32'", True),
    ("(sys_platform == 'win32' or os_name == 'nt') and platform_machine == 'x'", False),
    ("sys_platform == 'linux' and sys_platform == 'linux2'", False),
]


@pytest.mark.parametrize(("text", "expected"), KNOWN)
def test_known_variables_decide(text: str, expected: bool) -> None:
    assert can_be_true(read(text), Environment(LINUX)) is expected


UNKNOWN = [
    ("platform_machine == 'x'", True),
    ("platform_machine == 'x' and platform_machine == 'y'", False),
    ("platform_machine != 'x' and platform_machine != 'y'", True),
    ("platform_machine == 'x' and platform_machine != 'x'", False),
    ("platform_machine == 'x' and platform_machine != 'y'", True),
    ("platform_machine == 'x' and 'x' == platform_machine", True),
    ("implementation_name == 'a' and implementation_name == 'b' or os_name == 'nt'", True),
    ("implementation_name == 'a' and (implementation_name == 'b' or implementation_name == 'c')", False),
    ("platform_machine in 'x y'", True),
    ("platform_machine in 'x' and platform_machine == 'z'", True),  # not plain: nobody enumerates what is part of a text
    ("platform_machine === 'x'", True),
    ("platform_release == '1' and platform_release == '2'", True),
    ("platform_version < 'x'", True),
    ("implementation_version == '1'", True),
    ("python_implementation == 'x' and python_implementation == 'y'", True),
    ("os.name == 'x'", True),
    ("extra == 'a'", True),
    ("extra == 'a' and extra == 'b'", True),
    ("'a' in extras", True),
    ("no_such_variable == 'a'", True),
    ("no_such_variable == 'a' and os_name == 'x' and os_name == 'y'", False),
    ("os_name == 'x' and os_name == 'y' or no_such_variable == 'a'", True),
    ("python == 'x'", True),
]


@pytest.mark.parametrize(("text", "expected"), UNKNOWN)
def test_what_nobody_can_know_counts_as_possible(text: str, expected: bool) -> None:
    assert can_be_true(read(text), Environment(OPEN)) is expected


PYTHONS: list[tuple[str, Release | None, Release | None, bool]] = [
    ("python_version < '3.9'", (3, 9), (3, 9), False),
    ("python_version < '3.9'", (3, 8), (3, 99), True),
    ("python_version < '3.9'", (3, 10), (3, 99), False),
    ("python_version < '3.9'", None, None, True),
    ("'3.9' > python_version", (3, 9), (3, 9), False),
    ("'3.9' > python_version", (3, 8), (3, 8), True),
    ("python_version < '3.10'", (3, 9), (3, 9), True),
    ("python_version >= '3.10'", (3, 9), (3, 9), False),
    ("python_version >= '3.10'", (3, 9), (3, 99), True),
    ("python_version >= '3.10'", (3, 9), None, True),
    ("python_version < '3'", (3, 0), (3, 99), False),
    ("python_version < '3'", None, (3, 99), True),
    ("python_version >= '4'", (3, 0), (3, 99), False),
    ("python_version == '2.7'", (2, 0), (2, 99), True),
    ("python_version == '2.7'", (3, 0), (3, 99), False),
    ("python_version == '3.*'", (3, 8), (3, 8), True),
    ("python_version != '3.*'", (3, 8), (3, 99), False),
    ("python_version == '3'", (3, 8), (3, 99), False),
    ("python_version == '3.9.1'", (3, 9), (3, 9), True),  # some installers compare the full version
    ("python_version ~= '3.8'", (3, 11), (3, 11), True),
    ("python_version ~= '3.8'", (3, 7), (3, 7), False),
    ("python_version == '3.8' and python_version == '3.9'", None, None, False),
    ("python_version > '3.8' and python_version < '3.9'", None, None, False),
    ("python_version > '3.8' and python_version < '3.10'", None, None, True),
    ("python_version != '3.8' and python_version != '3.10'", (3, 8), (3, 10), True),
    ("python_version in '3.8 3.9'", (3, 9), (3, 9), True),
    ("python_version in '3.8 3.9'", (3, 10), (3, 10), False),
    ("python_version not in '3.8 3.9'", (3, 9), (3, 9), False),
    ("python_full_version > '3.9.4' and python_full_version < '3.9.6'", (3, 9), (3, 9), True),
    ("python_full_version > '3.9.4' and python_full_version < '3.9.5'", (3, 9), (3, 9), True),  # 3.9.5rc1, for some
    ("python_full_version < '3.9.1' and python_full_version != '3.9.0'", (3, 9), (3, 9), True),  # 3.9.0rc1
    ("python_full_version >= '3.9.1' and python_version < '3.9'", None, None, False),
    ("python_full_version >= '3.9.1' and python_version <= '3.9'", None, None, True),
    ("python_full_version == '3.9.*' and python_version != '3.9'", None, None, False),
    ("python_version == '3.9' and python_full_version < '3.9.0'", None, None, True),  # 3.9.0rc1, for some
    ("python_version == '3.9' and python_full_version < '3.8.0'", None, None, False),
    ("python_full_version == '3.9.0rc1'", (3, 9), (3, 9), True),
    ("python_version >= 'no version'", (3, 9), (3, 9), True),
    ("python_version == '3.8' and sys_platform == 'win32' or python_version == '3.9'", (3, 9), (3, 9), True),
]


@pytest.mark.parametrize(("text", "lowest", "highest", "expected"), PYTHONS)
def test_python_versions_are_compared_inside_their_bounds(
    text: str, lowest: Release | None, highest: Release | None, expected: bool
) -> None:
    assert can_be_true(read(text), Environment(OPEN, lowest, highest)) is expected


HOLDS_SOMEWHERE = [
    pytest.param("'3.1' in python_version", {"python_version": "3.12"}, (3, 8), id="part-of-a-version"),
    pytest.param("'.1' in python_version", {"python_version": "3.10"}, (3, 8), id="part-without-a-major"),
    pytest.param("'2' in python_version", {"python_version": "3.12"}, (3, 8), id="one-digit"),
    pytest.param("'3.8.1' in python_full_version", {"python_full_version": "3.8.10"}, (3, 8), id="part-of-a-full-version"),
    pytest.param(
        "'0' not in python_full_version and '9' not in python_full_version", {"python_full_version": "3.8.1"}, (3, 8),
        id="neither-end",
    ),
    pytest.param(
        "python_version in '3.11' and python_version < '3.5'", {"python_version": "3.1"}, (3, 0),
        id="version-in-a-longer-one",
    ),
    pytest.param(
        "python_full_version in '3.8.10' and python_full_version != '3.8.10'", {"python_full_version": "3.8.1"}, (3, 8),
        id="full-version-in-a-longer-one",
    ),
    pytest.param(
        "python_full_version <= '3.9.0' and python_full_version != '3.9.0'", {"python_full_version": "3.9.0rc1"}, (3, 9),
        id="pre-release-of-python",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "somewhere", "lowest"), HOLDS_SOMEWHERE)
@pytest.mark.parametrize("open_upwards", [True, False])
def test_what_holds_for_one_version_of_python_is_never_denied(
    text: str, somewhere: dict[str, str], lowest: Release, open_upwards: bool
) -> None:
    """``packaging`` compares ``in`` as text, also for versions; and pre-releases are interpreters too."""
    assert StrictMarker(text).evaluate(somewhere)
    release = tuple(map(int, next(iter(somewhere.values())).split(".")[:2]))
    highest = (lowest[0], 99) if open_upwards else (release[0], release[1])
    assert can_be_true(read(text), Environment(OPEN, lowest, highest)) is not False


DISPUTED = [
    "python_version >= '3.1.*'", "python_version <= '3.12.*'", "python_version >= '3.7.*'", "python_version > '3.7.*'",
    "python_full_version >= '3.7.*'", "python_version < '3.11.*'", "platform_machine >= 'x86'", "os_name > 'nt'",
    "sys_platform >= 'aaa'", "python_version not in '3.110'", "python_version == '3.1*'", "python_version == '3.11, 3.12'",
    "python_version === '3.11.0'", "python_version in '2.7, 3.6'", "'3.8.*' == python_version", "'3.8' ~= python_version",
    "platform_machine == 'aarch64' and python_version === '3'", "'' <= python_version",
    "python_version in '3.6|3.8'", "'1' in python_version", "python_version ~= '3'", "os_name === 'x'", "os_name ~= 'x'",
    "python_version == '3.8.1'", "python_full_version >= '3.11.0rc1'", "python_version >= '" + "1" * 5000 + "'",
]  # fmt: skip


@pytest.mark.parametrize("text", DISPUTED, ids=lambda text: text[:50])
def test_what_installers_read_differently_is_never_denied(text: str) -> None:
    """pip 25.0, pip 26.3 and uv 0.13.9 differ on each of the first thirteen: what one of them installs is not dead."""
    known = {"os_name": ("posix",), "sys_platform": ("linux",), "platform_machine": ("x86_64",)}
    assert can_be_true(read(text), Environment(known, (3, 11), (3, 11))) is not False


def test_what_would_take_too_long_is_left_undecided() -> None:
    """Every variable multiplies the environments; a marker can be made to hold them all."""
    names = ("os_name", "sys_platform", "platform_system", "platform_machine", "implementation_name")
    cube = " and ".join(f"({name} == 'a' or {name} == 'b' or {name} == 'c')" for name in names)
    assert can_be_true(read(f"{cube} and python_version < '3.9'"), Environment(OPEN)) is None
    wide = " or ".join(f"os_name == '{number}'" for number in range(700))
    assert can_be_true(read(wide), Environment(OPEN)) is None
    assert can_be_true(read(wide), Environment({"os_name": ("700",)})) is False


REAL = [
    "platform_system == 'Linux' and platform_machine == 'x86_64'",
    "platform_system == 'Linux' and platform_machine == 'x86_64' and python_version < '3.13' and python_version >= '3.9'",
    "sys_platform == 'win32' and implementation_name == 'cpython' or platform_python_implementation == 'PyPy'",
    "python_version < '3.11' and (sys_platform == 'linux' or sys_platform == 'darwin') and platform_machine != 'arm64'",
]


@pytest.mark.parametrize("text", REAL)
@pytest.mark.parametrize(
    ("platform", "machine", "minor"), [*product(["linux", "darwin", "win32"], ["x86_64", "arm64"], [8, 11, 13])]
)
def test_one_environment_is_judged_as_packaging_judges_it(text: str, platform: str, machine: str, minor: int) -> None:
    system = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform]
    plain = {
        "sys_platform": platform, "platform_system": system, "platform_machine": machine,
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    environment = Environment({name: (value,) for name, value in plain.items()}, (3, minor), (3, minor))
    expected = StrictMarker(text).evaluate({**plain, "python_version": f"3.{minor}"})
    assert can_be_true(read(text), environment) is expected


PLACES = Environment({"sys_platform": ("linux", "linux2"), "platform_machine": ("x86_64",)}, (3, 9), (3, 12))


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        ("sys_platform == 'linux'", None, True),
        ("sys_platform == 'win32'", None, False),
        ("python_version >= '3.12'", None, True),
        ("python_version < '3.9'", None, False),
        ("python_full_version >= '3.12.4'", None, True),
        ("python_full_version == '3.12.4'", None, False),
        ("python_full_version == '3.11.4' or python_full_version == '3.12.4'", None, False),
        ("python_full_version > '3.12.98'", None, False),
        ("os_name == 'posix'", None, True),
        ("os_name > 'posix'", None, False),
        ("platform_version == '1'", None, False),
        ("platform_version == '1' or sys_platform == 'linux'", None, False),
        ("platform_version == '1'", "platform_version == '1'", True),
        ("platform_version == '1'", "platform_version != '1'", False),
        ("platform_version == '1' and python_version < '4'", "platform_version == '1'", True),
        ("python_version >= '3.11'", "python_version < '3.11'", False),
        ("python_version >= '3.11'", "python_version ~= '3.9'", True),
        ("python_version === '3.11'", None, False),
        ("platform_machine == 'x86_64'", "sys_platform == 'win32'", False),
    ],
)
def test_a_marker_stays_true_where_another_one_was(after: str, before: str | None, expected: bool) -> None:
    own, other = read_marker(after), read_marker(before) if before else None
    assert own is not None
    assert stays_true(own, other, PLACES) is expected


def test_nothing_stays_true_that_would_take_too_long() -> None:
    marker = read_marker(" and ".join(f"python_version != '4.{each}'" for each in range(61)))
    assert marker is not None
    assert not stays_true(marker, None, PLACES)
    marker = read_marker(" or ".join(f"implementation_name == '{each}' and os_name == '{each}'" for each in range(99)))
    assert marker is not None
    assert not stays_true(marker, None, PLACES)
