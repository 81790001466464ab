"""Markers of any shape mean to wheelfix what they mean to ``packaging``."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

from hypothesis import assume, given, strategies as st
from packaging.markers import Marker as StrictMarker
from packaging.tags import parse_tag

from wheelfix.wheel.environments import Environments
from wheelfix.wheel.marker import Marker, extras_named, marker_text, plain_marker, read_marker, without_extra
from wheelfix.wheel.marker_logic import Environment, Release, can_be_true
from wheelfix.wheel.requirement import read_requirement

TEXTS: Mapping[str, tuple[str, ...]] = {
    "sys_platform": ("linux", "win32", "darwin"),
    "platform_system": ("Linux", "Windows", "Darwin"),
    "os_name": ("posix", "nt"),
    "platform_machine": ("x86_64", "aarch64", "arm64"),
    "implementation_name": ("cpython", "pypy"),
}
ELSEWHERE = "something else"
VERSIONS = {
    "python_version": ["2.7", "3", "3.0", "3.6", "3.8", "3.10", "3.11", "3.9.2", "4"],
    "python_full_version": ["2.7.5", "3.6", "3.8.0", "3.8.3", "3.8.5", "3.9.0", "3.10.2"],
}
ORDERS = ["==", "!=", "<", "<=", ">", ">="]
MIRRORS = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
RANGES: list[tuple[Release | None, Release | None]] = [
    (None, None), ((3, 0), (3, 99)), ((3, 8), (3, 8)), ((3, 8), (3, 99)), ((3, 6), (3, 9)), ((2, 7), (2, 99)),
]  # fmt: skip
EXTRAS = ["a", "b", "A_b", "c.c"]

blanks = st.sampled_from(["", " ", "  ", "\t"])
some_blanks = st.sampled_from([" ", "  ", " \t"])


@st.composite
def spelled(draw: st.DrawFn, variable: str, operator: str, value: str, *, may_turn: bool = True) -> str:
    """Draw a spelling of one comparison: quotes, blanks, and which side comes first."""
    quoted = draw(st.sampled_from(["'", '"'])).join(["", value, ""])
    around = some_blanks if operator.endswith("in") else blanks
    before, after = draw(around), draw(around)
    operator = operator.replace(" ", draw(some_blanks))
    if may_turn and draw(st.booleans()):
        return f"{quoted}{before}{MIRRORS.get(operator, operator)}{after}{variable}"
    return f"{variable}{before}{operator}{after}{quoted}"


@st.composite
def text_comparisons(draw: st.DrawFn, operators: tuple[str, ...] = ("==", "!=")) -> str:
    variable = draw(st.sampled_from([*TEXTS]))
    operator = draw(st.sampled_from(operators))
    value = draw(st.sampled_from(TEXTS[variable]))
    if operator.endswith("in"):
        value = draw(st.sampled_from([value, value[1:], value[:3], f"{value} x"]))
    return draw(spelled(variable, operator, value))


@st.composite
def version_comparisons(draw: st.DrawFn, *, agreed: bool = False) -> str:
    """Draw a comparison of Python's version; ``agreed`` ones mean the same to every installer."""
    variable = "python_version" if agreed else draw(st.sampled_from([*VERSIONS]))
    kind = draw(st.sampled_from(["order", "order", "order", "wildcard", "compatible", "list"]))
    if kind == "list" and variable == "python_version":
        value = draw(st.sampled_from(["2.7 3.6", "3.8 3.9"] if agreed else ["2.7, 3.6", "3.8 3.9", "3.6|3.8", "3.11"]))
        return draw(spelled(variable, draw(st.sampled_from(["in", "not in"])), value, may_turn=False))
    version = draw(st.sampled_from([each for each in VERSIONS[variable] if not agreed or each.count(".") < 2]))
    if kind == "wildcard":
        return draw(spelled(variable, draw(st.sampled_from(["==", "!="])), f"{version}.*", may_turn=False))
    if kind == "compatible" and "." in version:
        return draw(spelled(variable, "~=", version, may_turn=False))
    return draw(spelled(variable, draw(st.sampled_from(ORDERS)), version))


@st.composite
def extra_comparisons(draw: st.DrawFn) -> str:
    return draw(spelled("extra", draw(st.sampled_from(["==", "!="])), draw(st.sampled_from(EXTRAS))))


def markers(leaves: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    """Return markers of up to ``most`` comparisons, in parentheses or not: which ones matter is for readers to know."""

    @st.composite
    def joined(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
        text = draw(inner)
        for each in draw(st.lists(inner, min_size=1, max_size=2)):
            text += draw(some_blanks) + draw(st.sampled_from(["and", "or"])) + draw(some_blanks) + each
        return f"({draw(blanks)}{text}{draw(blanks)})" if draw(st.booleans()) else text

    return st.recursive(leaves, joined, max_leaves=most)


@lru_cache(maxsize=100_000)
def strict(text: str) -> StrictMarker:
    return StrictMarker(text)


def read(text: str) -> Marker:
    marker = read_marker(text)
    assert marker is not None, text
    return marker


def places(text: str, environment: Environment, extras: tuple[str, ...] = ("",)) -> Iterator[dict[str, str]]:
    """Yield every environment that ``text`` can tell from others."""
    names = [name for name in TEXTS if name in text]
    values = [environment.values.get(name, (*TEXTS[name], ELSEWHERE)) for name in names]
    pythons = [*releases(environment, micros="python_full_version" in text)] if "python_" in text else [(3, 8, 0)]
    for (major, minor, micro), *others in product(pythons, extras, *values):
        python = {"python_version": f"{major}.{minor}", "python_full_version": f"{major}.{minor}.{micro}"}
        extra, *chosen = map(str, others)
        yield {**python, "extra": extra, **dict(zip(names, chosen, strict=True))}


def releases(environment: Environment, *, micros: bool) -> Iterator[tuple[int, int, int]]:
    lowest, highest = environment.lowest or (2, 0), environment.highest or (99, 99)
    for major, minor in product((2, 3, 4, 99), (*range(14), 99)):
        if lowest <= (major, minor) <= highest:
            yield from ((major, minor, micro) for micro in ((*range(8), 99) if micros else (0,)))


@st.composite
def environments(draw: st.DrawFn) -> Environment:
    """Draw environments in which some variables are known and others are not."""
    known = draw(st.sets(st.sampled_from([*TEXTS])))
    values = {
        name: tuple(draw(st.lists(st.sampled_from([*TEXTS[name], ELSEWHERE]), min_size=1, max_size=2, unique=True)))
        for name in sorted(known)
    }
    return Environment(values, *draw(st.sampled_from(RANGES)))


exact_leaves = st.one_of(text_comparisons(), version_comparisons(agreed=True))
any_leaves = st.one_of(text_comparisons(("==", "!=", "in", "not in")), version_comparisons(), extra_comparisons())
small = Environment({}, (3, 6), (3, 10))


@given(markers(any_leaves, 4))
def test_reading_and_writing_keeps_the_meaning(text: str) -> None:
    again = marker_text(read(text))
    assert marker_text(read(again)) == again
    for place in places(text, small, ("", "a", "b", "a-b")):
        assert strict(again).evaluate(place) is strict(text).evaluate(place)


@given(markers(any_leaves, 4))
def test_the_plain_spelling_keeps_the_meaning(text: str) -> None:
    plain = plain_marker(text)
    assert plain_marker(plain) == plain
    for place in places(text, small, ("", "a", "b", "a-b")):
        assert strict(plain).evaluate(place) is strict(text).evaluate(place)


def truth(marker: Marker | bool, place: Mapping[str, str]) -> bool:
    return marker if isinstance(marker, bool) else strict(marker_text(marker)).evaluate(place)


@given(markers(st.one_of(extra_comparisons(), extra_comparisons(), text_comparisons()), 6), st.sampled_from(EXTRAS))
def test_without_an_extra_all_others_ask_for_what_they_asked_for(text: str, spelling: str) -> None:
    gone = spelling.lower().replace("_", "-").replace(".", "-")
    left = without_extra(read(text), gone)
    for place in places(text, small, ("", "a", "b", "a-b", "c-c", "unnamed")):
        if place["extra"] != gone:
            assert truth(left, place) is strict(text).evaluate(place)


@given(markers(st.one_of(extra_comparisons(), extra_comparisons(), text_comparisons()), 6), st.sampled_from(EXTRAS))
def test_nothing_asks_for_an_extra_that_was_taken_out(text: str, spelling: str) -> None:
    """With the extra that is gone a marker is as true as with one that it never named."""
    gone = spelling.lower().replace("_", "-").replace(".", "-")
    left = without_extra(read(text), gone)
    assert isinstance(left, bool) or gone not in extras_named(left)
    for place in places(text, small):
        assert truth(left, {**place, "extra": gone}) is truth(left, {**place, "extra": "unnamed"})


@given(markers(exact_leaves, 4), environments())
def test_what_can_be_true_is_what_is_true_in_some_environment(text: str, environment: Environment) -> None:
    somewhere = any(strict(text).evaluate(place) for place in places(text, environment))
    assert can_be_true(read(text), environment) is somewhere


@given(markers(any_leaves, 6), environments())
def test_what_is_true_in_some_environment_is_never_denied(text: str, environment: Environment) -> None:
    if can_be_true(read(text), environment) is False:
        found = places(text, environment, ("", "a", "b", "a-b", "c-c"))
        assert not [place for place in found if strict(text).evaluate(place)]


@given(
    st.lists(version_comparisons(agreed=True), min_size=1, max_size=5),
    st.sampled_from(["and", "or"]),
    st.sampled_from(RANGES),
)
def test_ranges_of_python_are_empty_only_if_no_version_is_in_them(
    parts: list[str], joint: str, bounds: tuple[Release | None, Release | None]
) -> None:
    text, environment = f" {joint} ".join(parts), Environment({}, *bounds)
    verdict = can_be_true(read(text), environment)
    assume(verdict is not None)
    assert verdict is any(strict(text).evaluate(place) for place in places(text, environment))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*VERSIONS]),
            st.sampled_from(["in", "not in", "turned in", "turned not in"]),
            st.sampled_from(["3", "1", "9", "0", ".1", "3.1", "3.11", "3.8", "3.8.1", "3.8 3.10", "3.8.10", "13.6"]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(RANGES),
)
def test_versions_that_are_compared_as_text_are_never_denied(
    parts: list[tuple[str, str, str]], bounds: tuple[Release | None, Release | None]
) -> None:
    """``in`` looks for text in text, also for versions: 3.1 is part of 3.10."""
    text = " and ".join(
        f"'{value}' {operator.removeprefix('turned ')} {variable}"
        if operator.startswith("turned")
        else f"{variable} {operator} '{value}'"
        for variable, operator, value in parts
    )
    environment = Environment({}, *bounds)
    if can_be_true(read(text), environment) is False:
        assert not [place for place in places(text, environment) if strict(text).evaluate(place)]


LINUX = {"sys_platform": ("linux", "linux2"), "platform_system": ("Linux",), "os_name": ("posix",)}
MAC = {"sys_platform": ("darwin",), "platform_system": ("Darwin",), "os_name": ("posix",)}
WINDOWS = {"sys_platform": ("win32",), "platform_system": ("Windows",), "os_name": ("nt",)}
CPYTHON = {"implementation_name": ("cpython",)}
OLD_PC = ("i686", "i586", "i486", "i386", "x86_64")
FAMILIES: Mapping[str, list[Environment]] = {
    "cp311-cp311-manylinux_2_28_aarch64": [
        Environment({**LINUX, **CPYTHON, "platform_machine": ("aarch64",)}, (3, 11), (3, 11))
    ],
    "cp38-cp38-manylinux1_i686": [Environment({**LINUX, **CPYTHON, "platform_machine": OLD_PC}, (3, 8), (3, 8))],
    "cp38-abi3-musllinux_1_2_x86_64": [Environment({**LINUX, **CPYTHON, "platform_machine": ("x86_64",)}, (3, 8), (3, 99))],
    "pp310-pypy310_pp73-manylinux2014_x86_64": [
        Environment({**LINUX, "implementation_name": ("pypy",), "platform_machine": ("x86_64",)}, (3, 10), (3, 10))
    ],
    "py3-none-linux_x86_64": [Environment({**LINUX, "platform_machine": ("x86_64",)}, (3, 0), (3, 99))],
    "py2.py3-none-macosx_10_9_x86_64": [
        Environment({**MAC, "platform_machine": ("x86_64", "arm64")}, (2, 0), (2, 99)),
        Environment({**MAC, "platform_machine": ("x86_64", "arm64")}, (3, 0), (3, 99)),
    ],
    "cp310-cp310-macosx_11_0_arm64": [Environment({**MAC, **CPYTHON, "platform_machine": ("arm64",)}, (3, 10), (3, 10))],
    "cp310-cp310-macosx_11_0_universal2": [
        Environment({**MAC, **CPYTHON, "platform_machine": ("arm64", "x86_64")}, (3, 10), (3, 10))
    ],
    "cp310-cp310-win_amd64": [Environment({**WINDOWS, **CPYTHON, "platform_machine": ("AMD64", "ARM64")}, (3, 10), (3, 10))],
    "cp310-cp310-win_arm64": [Environment({**WINDOWS, **CPYTHON, "platform_machine": ("ARM64", "AMD64")}, (3, 10), (3, 10))],
    "cp310-cp310-win32": [
        Environment({**WINDOWS, **CPYTHON, "platform_machine": ("x86", "AMD64", "ARM64", "i386", "i686")}, (3, 10), (3, 10))
    ],
    "cp312-cp312-ios_13_0_arm64_iphoneos": [
        Environment(
            {"sys_platform": ("ios",), "platform_system": ("iOS", "iPadOS"), "os_name": ("posix",), **CPYTHON},
            (3, 12),
            (3, 12),
        )
    ],
    "cp313-cp313-android_24_arm64_v8a": [
        Environment(
            {"sys_platform": ("android",), "platform_system": ("Android",), "os_name": ("posix",), **CPYTHON},
            (3, 13),
            (3, 13),
        )
    ],
    "cp312-cp312-pyodide_2024_0_wasm32": [
        Environment(
            {"sys_platform": ("emscripten",), "platform_system": ("Emscripten",), "os_name": ("posix",), **CPYTHON},
            (3, 12),
            (3, 12),
        )
    ],
    "py3-none-any": [Environment({}, (3, 0), (3, 99))],
    "cp311-cp311-manylinux2014_aarch64.win_amd64": [
        Environment({**LINUX, **CPYTHON, "platform_machine": ("aarch64",)}, (3, 11), (3, 11)),
        Environment({**WINDOWS, **CPYTHON, "platform_machine": ("AMD64", "ARM64")}, (3, 11), (3, 11)),
    ],
    "cp311-cp311-plan9_386": [Environment(CPYTHON, (3, 11), (3, 11))],
}
"""What accepts a wheel of every family of tags, written down without the code that is tested."""


@given(markers(exact_leaves, 4), st.sampled_from(sorted(FAMILIES)))
def test_dead_is_what_is_false_wherever_the_tags_can_be_installed(text: str, tags: str) -> None:
    requirement = read_requirement(f"x; {text}")
    assert requirement is not None
    anywhere = any(strict(text).evaluate(place) for each in FAMILIES[tags] for place in places(text, each))
    assert Environments(parse_tag(tags)).exclude(requirement) is not anywhere
