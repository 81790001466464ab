"""Requirements and markers: what ``packaging`` reads in them, before and after parts of them are changed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Final

from packaging.markers import InvalidMarker, Marker as StrictMarker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement as StrictRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from fuzz.target import Bound, Target, as_text, outcome, same
from kinds import TEXTS
from wheelfix.errors import EditError
from wheelfix.verify.client_quirks import refusals
from wheelfix.wheel.marker import (
    Marker,
    comparisons,
    extras_named,
    is_false_with,
    marker_text,
    plain_marker,
    read_marker,
    without_extra,
)
from wheelfix.wheel.marker_logic import Environment, can_be_true, stays_true
from wheelfix.wheel.requirement import RequirementParts, meaning, read_requirement, requires_variant

_PLACES: Final = [
    {
        "python_version": python, "python_full_version": f"{python}.2", "implementation_version": f"{python}.2",
        "sys_platform": system, "platform_system": name, "os_name": os_name, "platform_machine": machine,
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "platform_release": "6.1",
        "platform_version": "#1", "extra": extra,
    }
    for python, (system, name, os_name), machine, extra in product(
        ("2.7", "3.9", "3.12"),
        (("linux", "Linux", "posix"), ("win32", "Windows", "nt"), ("darwin", "Darwin", "posix")),
        ("x86_64", "arm64"),
        ("", "a", "b-c"),
    )
]  # fmt: skip
_ENVIRONMENTS: Final = (
    Environment(),
    Environment({"sys_platform": ("linux",), "platform_system": ("Linux",), "os_name": ("posix",)}, (3, 9), (3, 12)),
    Environment({"sys_platform": ("win32",), "platform_system": ("Windows",), "os_name": ("nt",)}, (2, 0), (2, 99)),
    Environment({"platform_machine": ("x86_64", "arm64"), "extra": ("",)}, (3, 12), (3, 12)),
)
_NEW: Final = 'os_name == "nt"'


def _strict(text: str) -> StrictRequirement | None:
    try:
        found = StrictRequirement(" ".join(text.split()))
        str(found.specifier)
    except (ValueError, RecursionError):
        return None
    return found


def check_requirement(data: bytes) -> None:
    """What ``packaging`` accepts is read alike, and each part that is changed is the only one that differs then."""
    text = as_text(data)
    found, strict, parts = read_requirement(text), _strict(text), RequirementParts.of(text)
    if parts is not None:
        assert str(parts) == text
    _check_refusals(text)
    if strict is None:
        assert found is None or found.malformed or requires_variant(text)
        if found is not None and parts is not None:
            _change_loosely(parts)
        return
    assert found is not None
    assert found.malformed is None
    assert parts is not None
    said = _said(strict)
    same((found.name, found.extras, found.specifier, found.url, found.marker), said)
    flat = RequirementParts.of(" ".join(text.split()))
    assert flat is not None
    same(_parted(flat), said)
    _check_extras(found.marker, needs=found.needs_extra, by=found.required_by_extras)
    _change(flat, strict)


def _said(requirement: StrictRequirement) -> tuple[object, ...]:
    """Return what ``packaging`` reads in a requirement."""
    extras = frozenset(map(canonicalize_name, requirement.extras))
    marker = str(requirement.marker or "")
    return canonicalize_name(requirement.name), extras, str(requirement.specifier), requirement.url, marker


def _check_refusals(text: str) -> None:
    """Confirm that what is said instead of something that a tool refuses means the same, and is refused no more for that."""
    before = _strict(text)
    for each in refusals(text):
        assert each.message
        if each.means is not None and before is not None:
            after = _strict(each.means)
            assert after is not None, each
            same(_said(after), _said(before))
            assert all(other.reason != each.reason for other in refusals(each.means)), each


def _parted(parts: RequirementParts) -> tuple[object, ...]:
    """Return what the parts say, each read alone by ``packaging``."""
    marker = str(StrictMarker(parts.marker)) if parts.marker else ""
    extras = frozenset(map(canonicalize_name, parts.extra_names))
    return canonicalize_name(parts.name), extras, str(SpecifierSet(parts.specifier)), parts.url, marker


def _check_extras(marker: str, *, needs: bool, by: frozenset[str]) -> None:
    """Confirm that a requirement which only an extra can require is required in no environment without one.

    What compares an extra by another operator than ``==`` and ``!=`` counts as required by one: installers differ.
    """
    tree = read_marker(marker)
    try:
        strict = StrictMarker(marker) if marker else None
    except InvalidMarker:
        # packaging reads an escape such as "\\n" in a string, writes the character, and cannot read that again.
        assert tree is None or not needs
        return
    is_clear = tree is not None and all(
        each.operator in ("==", "!=") for each in comparisons(tree) if each.variable in ("extra", "extras")
    )
    if needs and strict is not None and is_clear:
        for place in _PLACES:
            if not place["extra"]:
                assert not _holds(strict, place), place
            if place["extra"] and by and place["extra"] not in by and _holds(strict, place):
                assert place["extra"] not in by, place  # what they are is known for `==` alone


def _change(parts: RequirementParts, strict: StrictRequirement) -> None:
    kept = [canonicalize_name(strict.name), {*strict.extras}, strict.specifier, strict.url, str(strict.marker or "")]
    changes: list[tuple[int, object, Callable[[], RequirementParts]]] = [
        (0, "other", lambda: parts.with_name("other")),
        (1, {"x", "y"}, lambda: parts.with_extras(["x", "y"])),
        (2, SpecifierSet(">=9,<10"), lambda: parts.with_specifier(">=9,<10")),
        (2, SpecifierSet(""), lambda: parts.with_specifier("")),
        (4, _NEW, lambda: parts.with_marker(_NEW)),
        (4, "", lambda: parts.with_marker("")),
    ]
    for index, value, change in changes:
        changed = outcome(change)
        if changed is None:
            continue
        after = _strict(str(changed))
        assert after is not None, ascii(str(changed))
        now: list[object] = [
            canonicalize_name(after.name),
            {*after.extras},
            after.specifier,
            after.url,
            str(after.marker or ""),
        ]
        expected = [*kept]
        expected[index] = value
        if index == 2:
            expected[3] = None
        same(now, expected)
    _limit(parts, strict)


def _limit(parts: RequirementParts, strict: StrictRequirement) -> None:
    limited = outcome(lambda: parts.with_marker_too(_NEW))
    if limited is None:
        return
    after = _strict(str(limited))
    assert after is not None, ascii(str(limited))
    assert after.marker is not None
    for place in _PLACES:
        before = True if strict.marker is None else _holds(strict.marker, place)
        if before is not None:
            assert _holds(after.marker, place) is (before and place["os_name"] == "nt"), place


def _change_loosely(parts: RequirementParts) -> None:
    """Confirm that a part of what is malformed is found again once it is set."""
    assert RequirementParts.of(str(parts)) == parts
    with suppress(EditError):
        changed = RequirementParts.of(str(parts.with_specifier(">=9")))
        assert changed is not None
        assert changed.specifier == ">=9"
        assert changed.name == parts.name
    meaning(str(parts))


def _requirements() -> Iterator[bytes]:
    texts = [
        "numpy", "numpy>=1,<2", "numpy (>=1.0)", "a[x, y_z]==1.*;os_name=='nt'", "a @ https://x.y/z.whl ; os_name == 'nt'",
        "nvidia-cuda-runtime-cu11 (==11.7.99) ; platform_system == 'Linux'", "a===odd", "a~=1.4.2,!=1.4.5", "a>=1.0.*",
        "a ; extra == 'x' or (extra == \"y\" and python_version < '3')", "a;variant_label == 'cu128'", "a @ file:///x;y ",
        "a ; 'arm' in platform_machine", "a ; extra != 'x'", "a (", "a; (os_name == 'nt'", "a >=1,", "a [",
        "a ; 'x' in extras",
    ]  # fmt: skip
    for text in (*texts, *TEXTS["requirements"]):
        yield text.encode("utf-8", "surrogateescape")


def _holds(marker: StrictMarker, place: Mapping[str, str]) -> bool | None:
    """Return whether a marker is true in one environment, ``None`` where ``packaging`` does not know."""
    try:
        return marker.evaluate(dict(place))
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion, ValueError, KeyError, TypeError):
        return None


def check_marker(data: bytes) -> None:
    """A marker means to ``packaging`` what its tree, its plain spelling and what is concluded from it say."""
    text = as_text(data)
    tree = read_marker(text)
    plain = plain_marker(text)
    assert plain_marker(plain) == plain
    try:
        strict = StrictMarker(text)
    except (ValueError, RecursionError):
        strict = None
    if tree is None:
        return
    written = marker_text(tree)
    again = read_marker(written)
    assert again is not None
    assert marker_text(again) == written
    if strict is not None:
        _compare(tree, strict, StrictMarker(written), StrictMarker(plain))


def _compare(tree: Marker, strict: StrictMarker, *spellings: StrictMarker) -> None:
    truth = [(place, _holds(strict, place)) for place in _PLACES]
    for other in spellings:
        same([(place, _holds(other, place)) for place in _PLACES], truth)
    true = [place for place, holds in truth if holds]
    for environment in _ENVIRONMENTS:
        possible = [place for place in true if _is_in(place, environment)]
        if possible:
            assert can_be_true(tree, environment) is not False, possible
        if stays_true(tree, None, environment):
            assert can_be_true(tree, environment) is not False
    if any(
        each.variable == "extras" or (each.variable == "extra" and each.operator not in ("==", "!="))
        for each in comparisons(tree)
    ):
        return
    for extra in ("", "a", "b-c"):
        if is_false_with(tree, extra):
            assert not [place for place in true if place["extra"] == extra]
    for gone in ("a", "b-c"):
        left = without_extra(tree, gone)
        if isinstance(left, bool):
            assert [left] * len(truth) == [
                holds if place["extra"] != gone and holds is not None else left for place, holds in truth
            ]
            continue
        assert gone not in extras_named(left)
        after = StrictMarker(marker_text(left))
        for place, holds in truth:
            if place["extra"] != gone and holds is not None:
                assert _holds(after, place) is holds, place


def _is_in(place: Mapping[str, str], environment: Environment) -> bool:
    major, minor = map(int, place["python_version"].split("."))
    low, high = environment.lowest or (0, 0), environment.highest or (99, 99)
    return low <= (major, minor) <= high and all(place[name] in values for name, values in environment.values.items())


def _markers() -> Iterator[bytes]:
    texts = [
        "os_name == 'nt'", "'3' < python_version", "python_version in '2.7 3.9'", "'arm' not in platform_machine",
        "(extra == 'a' or extra == \"b_c\") and python_full_version >= '3.9.1'", "extra != 'a' and (os_name == 'nt')",
        "python_version == '3.*' or python_version ~= '3.9'", "((((os_name == 'nt'))))", "platform_release >= '6'",
        "sys_platform == 'linux' and not_a_variable == '1'", "implementation_name === 'cpython'", "'a' in extras",
        "python_version >= '3.9rc1'", "extra == ''", 'platform_version != "\'"',
    ]  # fmt: skip
    for text in (*texts, *TEXTS["markers"]):
        yield text.encode("utf-8", "surrogateescape")


_VARIABLES: Final = (
    "python_version", "python_full_version", "os_name", "sys_platform", "platform_machine", "platform_system", "extra",
    "extras", "implementation_name", "platform_release", "variant_label",
)  # fmt: skip
_OPERATORS: Final = (" == ", " != ", " >= ", " < ", " ~= ", " === ", " in ", " not in ", " and ", " or ")
_WORDS: Final = (*_VARIABLES, *_OPERATORS, "'3.9'", "'3.9.*'", "'nt'", "'linux'", "'a'", '"b_c"', "(", ")", "\t", "\\")
_OF_REQUIREMENTS: Final = (*_WORDS, " ; ", "[x]", " @ https://", ">=1.0", "==1.*", ",", "name")
_MEMORY: Final = Bound(1 << 22, 1 << 13)
TARGETS: Final = {
    "requirement": Target(
        check_requirement, _requirements, longest=300, words=_OF_REQUIREMENTS, calls=Bound(60_000, 1_000), memory=_MEMORY
    ),
    "marker": Target(check_marker, _markers, longest=300, words=_WORDS, calls=Bound(200_000, 3_000), memory=_MEMORY),
}
