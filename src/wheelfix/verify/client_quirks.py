"""What pip or uv refuse of a requirement that the specification's own parser reads: one table, each row with who refuses.

uv refuses the whole wheel for one such requirement, pip fails when it evaluates the marker. Measured with pip 26.3 and uv
0.13.9; for uv see crates/uv-pep508 in its source, for pip packaging/markers.py, and for both what
:mod:`wheelfix.verify.references` names.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName

from wheelfix.codes import Client
from wheelfix.wheel.filename import parsed_version
from wheelfix.wheel.marker import has_joint_before_quote, plain_marker
from wheelfix.wheel.requirement import RequirementParts

_LARGEST: Final = str((1 << 64) - 1)
"""uv keeps the numbers of a version in 64 bits, and this one for itself."""
_NUMBER: Final = re.compile(r"[0-9]+")
_LOCAL: Final = re.compile(r"\+[^,\s]*")
"""A local version, whose parts uv keeps as text where they are large."""
_EMPTY: Final = re.compile(r"\(\s*\)")
_ARBITRARY: Final = re.compile(r"===\s*([^\s,;)]+)")
_ARCHIVE_NAME: Final = re.compile(r".+\.(?:whl|zip|tgz|tar|tar\.gz)")
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_LOCK_VARIABLE: Final = re.compile(r"\b(extras|dependency_groups)\b")
_MISUSED: Final = re.compile(
    rf"{_LOCK_VARIABLE.pattern}\s*(?:[<>=!~]|not\b|in\b)|''\s*(?:[<>=!~]=?|===)\s*{_LOCK_VARIABLE.pattern}"
)
"""Where one of these stands first, or a text is compared with it in another way than by ``in``; texts are empty here."""
_LINUX: Final[dict[str, str]] = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.3",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_release": "6.8.0-45-generic",
    "platform_system": "Linux",
    "platform_version": "#45-Ubuntu SMP PREEMPT_DYNAMIC",
    "python_full_version": "3.12.3",
    "platform_python_implementation": "CPython",
    "python_version": "3.12",
    "sys_platform": "linux",
    "extra": "",
}
"""An environment as it is found everywhere: what fails in it fails for everybody who has one like it."""


class Refusal(Struct, frozen=True):
    """Why one of the tools refuses a requirement.

    ``means`` says the same in a form that all of them read, ``None`` where there is none. ``in_marker`` says whether it is
    the marker that is refused.
    """

    by: Client
    reason: str
    means: str | None = None
    in_marker: bool = False

    @property
    def message(self) -> str:
        """The sentence for people."""
        whole = "uv refuses the wheel" if self.by is Client.UV else f"{self.by} fails on it"
        return f"{self.reason}; {whole}"


@lru_cache(maxsize=4096)
def refusals(text: str) -> tuple[Refusal, ...]:
    """Return why pip or uv refuse ``text``, a requirement that ``packaging`` reads, each reason once.

    >>> [each.message for each in refusals("foo ()")]
    ['() contains no version; uv refuses the wheel']
    >>> refusals("foo >= 1 ; python_version < '3'")
    ()
    """
    parts = RequirementParts.of(text)
    found = (check(parts) for check in _CHECKS) if parts is not None else ()
    return tuple(refusal for refusal in found if refusal is not None)


def has_number_too_large(version: str) -> bool:
    """Whether a version or specifier has a number of more than 64 bits outside of its local part; uv reads none.

    >>> has_number_too_large("1.18446744073709551615"), has_number_too_large("1.0+18446744073709551615")
    (True, False)
    """
    numbers = (found.lstrip("0") for found in _NUMBER.findall(_LOCAL.sub("", version)))
    return any((len(number), number) >= (len(_LARGEST), _LARGEST) for number in numbers)


def _check_parentheses(parts: RequirementParts) -> Refusal | None:
    if not _EMPTY.fullmatch(parts.constraint.strip()):
        return None
    return Refusal(Client.UV, "() contains no version", str(replace(parts, constraint="")).strip())


def _check_name(parts: RequirementParts) -> Refusal | None:
    for name in (parts.name, *parts.extra_names):
        if name.endswith("_"):
            return Refusal(Client.UV, "a name must end with a letter or a digit, not with _")
    if not parts.constraint.strip() and _ARCHIVE_NAME.fullmatch(parts.name):
        return Refusal(Client.UV, f"without a version, {parts.name} is read as the name of a file")
    return None


def specifier_faults(specifier: str) -> Iterator[str]:
    """Yield why uv refuses a version specifier that ``packaging`` reads.

    >>> list(specifier_faults(">=1,===dev"))
    ['=== is not followed by a version']
    """
    if any(parsed_version(text) is None for text in _ARBITRARY.findall(specifier)):
        yield "=== is not followed by a version"
    if has_number_too_large(specifier):
        yield "a version has a number of more than 64 bits"


def _check_versions(parts: RequirementParts) -> Refusal | None:
    reason = next(specifier_faults(parts.specifier), None)
    return Refusal(Client.UV, reason) if reason else None


def _check_url(parts: RequirementParts) -> Refusal | None:
    if parts.url is None:
        return None
    from wheelfix.verify.references import fault_for_uv  # imported late: few requirements have a URL

    fault = fault_for_uv(parts.url)
    return Refusal(Client.UV, fault) if fault else None


def _check_url_of_pip(parts: RequirementParts) -> Refusal | None:
    if parts.url is None:
        return None
    from wheelfix.verify.references import fault_for_pip  # imported late, as above

    fault = fault_for_pip(parts.url)
    return Refusal(Client.PIP, fault) if fault else None


def _check_marker_of_uv(parts: RequirementParts) -> Refusal | None:
    plain = _QUOTED.sub("''", parts.marker)
    if "===" in plain:
        return Refusal(Client.UV, "its marker compares with ===", in_marker=True)
    if lock_file := _MISUSED.search(plain):
        return Refusal(Client.UV, f"its marker uses {lock_file[1] or lock_file[2]} other than after `in`", in_marker=True)
    if has_joint_before_quote(parts.marker):
        means = str(replace(parts, raw_marker=plain_marker(parts.marker)))
        return Refusal(Client.UV, "its marker has no space between `and` or `or` and a quote", means.strip(), in_marker=True)
    return None


def _check_marker_of_pip(parts: RequirementParts) -> Refusal | None:
    if not parts.marker:
        return None
    try:
        Marker(parts.marker).evaluate(_LINUX)
    except UndefinedComparison:
        return Refusal(Client.PIP, "its marker compares values that have no order", in_marker=True)
    except UndefinedEnvironmentName:
        lock_file = _LOCK_VARIABLE.search(_QUOTED.sub("''", parts.marker))
        what = f"its marker uses {lock_file[0]}, which only lock files may" if lock_file else "its marker compares two texts"
        return Refusal(Client.PIP, what, in_marker=True)
    except ValueError:  # InvalidMarker is one: the requirement as a whole was read, so this is a number beyond all limits
        return Refusal(Client.PIP, "its marker has a version that cannot be read", in_marker=True)
    return None


_CHECKS: Final[tuple[Callable[[RequirementParts], Refusal | None], ...]] = (
    _check_parentheses,
    _check_name,
    _check_versions,
    _check_url,
    _check_url_of_pip,
    _check_marker_of_uv,
    _check_marker_of_pip,
)
"""What is checked of each requirement, in this order."""
