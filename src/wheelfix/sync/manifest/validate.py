"""What is wrong with the values of a manifest: every finding that needs no more than the manifest itself."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from wheelfix.durations import lacks_unit, read_duration
from wheelfix.errors import MirrorError
from wheelfix.rules import values as rule_values
from wheelfix.sync.manifest.form import SourceTable
from wheelfix.text import counted, cut
from wheelfix.upstream.urls import host_of, shown_url, validate_url

Wrong: TypeAlias = tuple[str, str, str]
"""The code, what is wrong as a clause, and what to do as a sentence."""
Found: TypeAlias = tuple[str, str, str, str]
"""The path to a key, and what is wrong with it."""

NEVER: Final = "never"
ALL: Final = "all"
FAMILY_HINT: Final = "A family has two projects or more."
_LONGEST_TIME: Final = timedelta(days=36500)
_LONGEST_NAME: Final = 100
_LONGEST_REQUIREMENT: Final = 1000
_MOST_KEPT: Final = 1_000_000
_LONGEST: Final = 100
"""How much of a value is shown, in characters."""
_PYTHON: Final = re.compile(r"3\.\d{1,2}", re.ASCII)
_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9.]+|::1")


def findings_in(kind: type[Struct], given: Mapping[str, Any]) -> Iterator[Found]:
    """Yield what is wrong with the ``given`` fields of a table, although others may be missing or wrong."""
    for name, value in given.items():
        key = name.replace("_", "-")
        if value == () and name != "rules":
            yield key, "manifest-empty-list", "the list is empty", "List at least one, or remove the key."
        check = _CHECKS.get(name)
        if check is None or value is None:
            continue
        if isinstance(value, tuple):
            yield from ((f"{key}[{index}]", *wrong) for index, each in enumerate(value) if (wrong := check(each)))
        elif wrong := check(value):
            yield key, *wrong
    if kind is SourceTable:
        yield from _contradictions(given)
        for key, code in (("projects", "manifest-duplicate-project"), ("lock", "manifest-duplicate-lock")):
            yield from _repeated(given.get(key) or (), key, code)


def findings_in_items(given: Mapping[str, Any]) -> Iterator[Found]:
    """Yield what is wrong with the strings of lists that have other items, too; ``given`` is a table as it was parsed."""
    for key, items in given.items():
        check = _CHECKS.get(key)
        if isinstance(items, list) and check and not all(isinstance(each, str) for each in items):
            strings = ((number, each) for number, each in enumerate(items) if isinstance(each, str))
            yield from ((f"{key}[{number}]", *wrong) for number, each in strings if (wrong := check(each)))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _contradictions(given: Mapping[str, Any]) -> Iterator[Found]:
    """Yield which values of a source cannot be meant together."""
    projects, lock = given.get("projects"), given.get("lock")
    if projects and lock:
        yield "", "manifest-projects-and-lock", "has both projects and lock", "Write a source for each."
    if lock:
        for key, is_given in _OF_PROJECTS.items():
            if is_given(given.get(key.replace("-", "_"))):
                yield (
                    key,
                    "manifest-changes-locked",
                    "has no effect with lock, which names its files exactly",
                    "Remove the key.",
                )
    elif given.get("family") and projects and len(names := {name_of(each) for each in projects}) < 2:
        yield "family", "manifest-small-family", f"has {counted(len(names), 'project')}", FAMILY_HINT


_OF_PROJECTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "keep": lambda keep: keep is not None,
    "min-age": lambda age: age is not None,
    "family": lambda family: family is True,
    "local": lambda local: local == "strip",
}
"""The keys that choose or rename files, and which of their values do: they are for sources with ``projects`` only."""


def _repeated(texts: Sequence[str], key: str, code: str) -> Iterator[Found]:
    seen = set[str]()
    for index, text in enumerate(texts):
        normal = _normal(text) if key == "projects" else text
        if normal in seen:
            yield f"{key}[{index}]", code, f"{_quoted(text)} is listed already", "Remove one."
        seen.add(normal)


def _normal(text: str) -> str:
    """Return a requirement in the one spelling that all its spellings have."""
    found = requirement_of(text)
    if found is None:
        return text
    extras = ",".join(sorted(map(canonicalize_name, found.extras)))
    return f"{canonicalize_name(found.name)}[{extras}]{','.join(sorted(map(str, found.specifier)))}"


def requirement_of(text: str) -> Requirement | None:
    """Return the requirement that ``text`` is, ``None`` if it is none, or longer than any that somebody writes.

    Whether 5,000 specifiers leave a version takes a minute, and packaging compares no version of 5,000 digits.
    """
    if len(text) > _LONGEST_REQUIREMENT:
        return None
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError):  # a marker can be a thousand brackets deep
        return None


def name_of(text: str) -> str:
    """Return the normalized name (PEP 503) of the project that a text of ``projects`` names; empty if it names none."""
    found = requirement_of(text)
    return canonicalize_name(found.name) if found else ""


def project(text: str) -> Wrong | None:
    """Refuse what is more or less than a project with versions."""
    found = requirement_of(text)
    if len(text) > _LONGEST_REQUIREMENT:
        hint = f"A requirement has at most {_LONGEST_REQUIREMENT:,} characters."
        return "manifest-invalid-project", f"a requirement has {len(text):,} characters", hint
    if found is None:
        several = [each.strip() for each in text.split(",")]
        is_list = len(several) > 1 and all(map(requirement_of, several))
        meant = "Write a list, with an item for each project." if is_list else "For example: numpy==1.26.*."
        return "manifest-invalid-project", f"invalid requirement {_quoted(text)}", meant
    if found.url:
        hint = "Add the file once with wheelfix mirror add; sync leaves it there."
        return "manifest-url-requirement", f"{found.name} has a URL", hint
    if found.marker:
        return "manifest-marker", f"{_quoted(text)} has a marker", "Use platforms and pythons."
    if found.specifier.is_unsatisfiable():
        return "manifest-no-version-fits", f"no version matches {cut(text)}", "Correct the versions."
    return None


def index(url: str) -> Wrong | None:
    """Refuse what is not the URL of an index, and URLs with credentials."""
    try:
        validate_url(url)
    except MirrorError as error:
        is_secret = error.code == "credentials-in-url"
        hint = "Put them into ~/.netrc, or into keyring." if is_secret else error.hint
        return "manifest-credentials" if is_secret else "manifest-invalid-index", error.message, hint
    if not url.isprintable() or " " in url:
        return "manifest-invalid-index", f"{_quoted(shown_url(url))} contains spaces or control characters", "Remove them."
    if {"?", "#"} & set(url):
        return "manifest-invalid-index", f"{shown_url(url)} has a query or a fragment", "Leave it out."
    return None


def is_insecure(url: str) -> bool:
    """Whether what comes from ``url`` can be changed on the way."""
    return url.lower().startswith("http:") and not _LOOPBACK.fullmatch(host_of(url))


def name(text: str) -> Wrong | None:
    """Refuse a name that is not a short line of text."""
    hint = "Write one line of text, or remove the key."
    if not text.strip():
        return "manifest-invalid-name", "empty", hint
    if not text.isprintable() or text != text.strip():
        return "manifest-invalid-name", f"{_quoted(text)} contains control characters or surrounding spaces", hint
    if len(text) > _LONGEST_NAME:
        return "manifest-invalid-name", f"has {len(text):,} characters", f"At most {_LONGEST_NAME} are allowed."
    return None


def keep(number: int | str) -> Wrong | None:
    """Refuse less than one release, and more than any project has: Python does not even write a number without end."""
    if number != ALL and isinstance(number, int) and number < 1:
        shown = str(number) if number > -1000 else "less"
        hint = f'Write a number of releases, or "{ALL}".'
        return "manifest-invalid-value", f"must be at least 1, and is {shown}", hint
    if isinstance(number, int) and number > _MOST_KEPT:
        return "manifest-invalid-value", f"is more than {_MOST_KEPT:,}", f'Write "{ALL}".'
    return None


def time(text: str | int) -> Wrong | None:
    """Refuse what is not a length of time that a mirror can wait."""
    written = str(text) if isinstance(text, str) else str(text) if abs(text) < 10**9 else "..."
    seconds = read_duration(written)
    if seconds is None:
        hint = (
            f"Did you mean '{cut(written.strip())} days'?"
            if lacks_unit(written)
            else "Months and years have no fixed length."
        )
        is_odd = not lacks_unit(written) and not re.search("month|year", written, re.IGNORECASE)
        hint = "For example: 36h, 30 days, 2 weeks." if is_odd else hint
        return "manifest-invalid-time", f"{_quoted(written)} is not a time such as 36h or '30 days'", hint
    if seconds > _LONGEST_TIME.total_seconds():
        return "manifest-invalid-time", f"{_quoted(written)} is more than a hundred years", "Write a shorter time."
    return None


def prune_after(text: str | int) -> Wrong | None:
    """Refuse what is neither a length of time nor ``never``."""
    return None if text == NEVER else time(text)


def age(text: str | int) -> Wrong | None:
    """Refuse what is not a length of time; files that never get old enough would not be wanted at all."""
    if text == NEVER:
        return "manifest-invalid-time", "'never' is not an age that a release can have", "Write 0 to add releases at once."
    return time(text)


def seconds_of(text: str | int) -> timedelta:
    """Return the length of time that a valid text stands for."""
    return timedelta(seconds=read_duration(str(text)) or 0)


def platform(pattern: str) -> Wrong | None:
    """Refuse an invalid pattern."""
    wrong = rule_values.glob(pattern)
    return ("manifest-invalid-platform", *wrong) if wrong else None


def is_unlikely_platform(pattern: str) -> bool:
    """Whether a pattern matches no platform tag that is in use, such as ``linux``; numbers of versions do not matter.

    One with other wildcards than stars is not judged.
    """
    if {"?", "["} & set(pattern):
        return False
    plain = _NUMBERS.sub("0", pattern)
    return not any(fnmatchcase(tag, pattern) for tag in _UNNUMBERED) and not any(fnmatchcase(tag, plain) for tag in _TAGS)


def python(version: str) -> Wrong | None:
    """Refuse what is not a version such as 3.11."""
    if _PYTHON.fullmatch(version):
        return None
    found = re.fullmatch(r"(?:cp|py|python|>=|==)? *3\.?(\d{1,2})(?:\.\d+|\.\*)?", version, re.ASCII | re.IGNORECASE)
    meant = f'Did you mean "3.{int(found[1])}"?' if found else 'Write one such as "3.11".'
    return "manifest-invalid-python", f"{_quoted(version)} is not a version of Python", meant


_NUMBERS: Final = re.compile(r"\d+")
_LINUX: Final = (
    "x86_64", "aarch64", "i686", "armv7l", "armv6l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64",
)  # fmt: skip
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "linux_{}": _LINUX,
    "manylinux1_{}": _LINUX,
    "manylinux_2_17_{}": _LINUX,
    "musllinux_1_2_{}": _LINUX,
    "macosx_11_0_{}": ("arm64", "x86_64", "universal2", "intel"),
    "android_21_{}": ("arm64_v8a", "x86_64", "armeabi_v7a", "x86"),
    "ios_13_0_{}": ("arm64_iphoneos", "arm64_iphonesimulator", "x86_64_iphonesimulator"),
    "emscripten_3_1_58_{}": ("wasm32",),
    "pyodide_2024_0_{}": ("wasm32",),
}
_UNNUMBERED: Final = ("any", "win32", "win_amd64", "win_arm64")
_TAGS: Final = frozenset(_NUMBERS.sub("0", tag.format(each)) for tag, machines in _PLACES.items() for each in machines)
"""Platform tags, each number in them as 0."""


_CHECKS: Final[Mapping[str, Callable[[Any], Wrong | None]]] = {
    "keep": keep,
    "prune_after": prune_after,
    "min_age": age,
    "platforms": platform,
    "pythons": python,
    "index": index,
    "name": name,
    "projects": project,
}
"""How the value of each key is checked, one by one in a list."""


def warnings_in(given: Mapping[str, Any]) -> Iterator[Found]:
    """Yield what is allowed in a table, and probably not intended."""
    for number, pattern in enumerate(given.get("platforms") or ()):
        if is_unlikely_platform(pattern) and not platform(pattern):
            hint = "Write one such as 'manylinux*_x86_64', 'macosx*_arm64' or 'win_amd64'."
            yield f"platforms[{number}]", "manifest-unlikely-platform", f"{_quoted(pattern)} matches no platform tag", hint
    url = given.get("index")
    if url and not index(url) and is_insecure(url):
        yield "index", "manifest-insecure-index", "read over http", "Use https."
