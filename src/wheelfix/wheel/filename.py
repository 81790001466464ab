"""The file name of a wheel: parsed, changed, printed back exactly."""

import re
from collections.abc import Hashable, Iterator, Sequence
from itertools import product, starmap
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import VERSION_PATTERN, Version

from wheelfix.errors import EditError, FilenameError
from wheelfix.text import shown

if TYPE_CHECKING:
    from packaging.tags import Tag

_HINT = "A wheel is named PROJECT-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl."
_PYTHON_TAG = re.compile(r"(?:py|cp|pp|ip|jy|gp|graalpy)[0-9][0-9a-z_]*")
_VARIANT_LABEL = re.compile(r"[0-9a-z_.]+")
_LOCAL_VERSION = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_ZEROS = re.compile(r"\A0+(?=[0-9])")
_BUILD_TAG = re.compile(r"(?=.{1,64}\Z)[0-9][A-Za-z0-9_.]*")
_NAME = re.compile(r"(?=.{1,128}\Z)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST_VERSION = 128
_VERSION = re.compile(VERSION_PATTERN, re.VERBOSE | re.IGNORECASE)
_POST = re.compile(r"(?P<plus>\+(?!0))?(?P<number>0|[1-9][0-9]{0,8})", re.ASCII)


class WheelFilename(Struct, frozen=True):
    """The parts of a wheel's file name, each as it is written there.

    Follows the `binary distribution format
    <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>`_; parts are
    not normalised and compressed tag sets keep their order, so that ``str()`` gives the name back.

    >>> name = WheelFilename.parse("torch-2.7.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl")
    >>> name.project, str(name.parsed_version), name.platform
    ('torch', '2.7.0+cpu', 'manylinux_2_28_aarch64')
    >>> str(name.with_build_tag("1nogpu"))
    'torch-2.7.0+cpu-1nogpu-cp311-cp311-manylinux_2_28_aarch64.whl'
    """

    raw_project: str
    version: str
    build: str | None
    python: str
    abi: str
    platform: str
    variant: str | None = None
    """The variant label (PEP 825, a draft); ``None`` without one."""

    @classmethod
    def parse(cls, name: str) -> "WheelFilename":
        """Return the parts of ``name``, a name without a directory.

        :raises FilenameError: if it is not the name of a wheel.
        """
        if not name.isprintable():
            raise _not_a_name(name, "contains unprintable characters")
        if not name.isascii():  # uv refuses all of these, pip and packaging some
            raise _not_a_name(name, "contains characters that are not ASCII")
        if "/" in name or "\\" in name:
            raise _not_a_name(name, "is a path, not a name")
        if not name.endswith(".whl"):
            raise _not_a_name(name, "does not end with .whl")
        parts = name.removesuffix(".whl").split("-")
        variant = parts.pop() if _has_variant(parts) else None
        if len(parts) not in (5, 6) or not all(parts) or not public(parts[1]) or any(char.isspace() for char in name):
            raise _not_a_name(name, "is not the name of a wheel")
        if "%" in name:
            raise _not_a_name(name, "is percent-encoded", "Rename it: %2B in a download URL means + in the file name.")
        build = parts[2] if len(parts) == 6 else None
        if build is not None and not build[0].isdigit():
            raise _not_a_name(name, "has a build tag without a leading digit")
        return cls(parts[0], parts[1], build, parts[-3], parts[-2], parts[-1], variant)

    @property
    def project(self) -> NormalizedName:
        """The project's name in its normal form (PEP 503)."""
        return canonicalize_name(self.raw_project)

    @property
    def parsed_version(self) -> Version | None:
        """The version by PEP 440, or ``None`` if it is not valid."""
        return parsed_version(self.version.replace("_", "-"))

    @property
    def tags(self) -> "frozenset[Tag]":
        """Every tag that the compressed tag sets stand for."""
        from packaging.tags import Tag  # imported late: it is slow, and most runs need no tags

        return frozenset(starmap(Tag, product(*self._tag_sets)))

    @property
    def identity(self) -> Hashable:
        """A value that is equal for names that installers treat as the same wheel, however they are spelled.

        >>> one, two = (f"Demo-1.0{zeros}-py2.py3-none-any.whl" for zeros in ("", ".0"))
        >>> WheelFilename.parse(one).identity == WheelFilename.parse(two).identity
        True
        """
        build = _ZEROS.sub("", self.build or "")  # the number counts; Python reads no number of thousands of digits
        return self.project, self.parsed_version or self.version, build, *map(frozenset, self._tag_sets), self.variant

    @property
    def _tag_sets(self) -> Iterator[list[str]]:
        return (part.split(".") for part in (self.python, self.abi, self.platform))

    def with_build_tag(self, build: str) -> "WheelFilename":
        """Return this name with ``build`` as its build tag.

        :raises EditError: if ``build`` does not begin with a digit or has a character that the name cannot hold.
        """
        if not _BUILD_TAG.fullmatch(build):
            raise EditError(
                "invalid-build-tag",
                f"{shown(build)!r} is not a build tag",
                hint="A build tag begins with a digit and holds letters, digits, '_' and '.', such as 1nogpu.",
            )
        return replace(self, build=build)

    def with_project(self, name: str) -> "WheelFilename":
        """Return this name for the project ``name``, which is normalised and escaped as the format wants it.

        >>> str(WheelFilename.parse("Old.Name-1.0-py3-none-any.whl").with_project("New.Name"))
        'new_name-1.0-py3-none-any.whl'

        :raises EditError: if ``name`` is not the name of a project.
        """
        if not _NAME.fullmatch(name):
            raise EditError(
                "invalid-name",
                f"{shown(name)!r} is not a project name",
                hint="Use up to 128 letters, digits, '-', '_' and '.', with a letter or digit at both ends.",
            )
        return replace(self, raw_project=canonicalize_name(name).replace("-", "_"))

    def with_version(self, version: str) -> "WheelFilename":
        """Return this name with ``version`` (PEP 440), normalised, as its version, local version included.

        :raises EditError: if ``version`` is not a version.
        """
        return replace(self, version=normal_version(version))

    def with_post_release(self, post: str) -> "WheelFilename":
        """Return this name with the post-release that :func:`with_post_release` gives its version.

        :raises EditError: if its version can have none.
        """
        return replace(self, version=with_post_release(self.version.replace("_", "-"), post).replace("-", "_"))

    def with_local_version(self, local: str) -> "WheelFilename":
        """Return this name with ``local`` as its local version (PEP 440), in place of any other.

        :raises EditError: if ``local`` is not a local version.
        """
        return replace(self, version=with_local_version(self.version, local))

    def without_local_version(self) -> "WheelFilename":
        """Return this name without its local version."""
        return replace(self, version=public(self.version))

    def __str__(self) -> str:
        parts = [self.raw_project, self.version, self.build, self.python, self.abi, self.platform, self.variant]
        return "-".join(part for part in parts if part is not None) + ".whl"


def build_order(tag: str) -> tuple[int, str]:
    """Return the key by which installers order build tags: the leading number, and then the rest.

    >>> build_order("007cpu")
    (7, 'cpu')
    """
    digits = re.match(r"\d+", tag)
    return int(digits[0]) if digits else 0, tag[digits.end() if digits else 0 :]


def _not_a_name(name: str, what: str, hint: str = _HINT) -> FilenameError:
    return FilenameError("not-a-wheel-name", f"{shown(name)} {what}", hint=hint)


def _has_variant(parts: Sequence[str]) -> bool:
    """Whether the ``parts`` of a file name end with a variant label (PEP 825), which comes after the platform.

    A build tag begins with a digit. If there is a Python tag in its place, the last part is a variant label. Anything else
    there is a malformed build tag, as it was before the draft.
    """
    python = parts[-4] if len(parts) in (6, 7) else ""
    return all(map(_PYTHON_TAG.fullmatch, python.split("."))) and _VARIANT_LABEL.fullmatch(parts[-1]) is not None


def with_local_version(version: str, local: str) -> str:
    """Return ``version`` with ``local`` as its local version (PEP 440), in place of any other.

    :raises EditError: if ``local`` is not a local version.
    """
    if not _LOCAL_VERSION.fullmatch(local):
        raise EditError(
            "invalid-local-version",
            f"{shown(local)!r} is not a local version",
            hint="Use up to 64 letters and digits, separated by dots, such as cpu or nogpu.1.",
        )
    return f"{version.partition('+')[0]}+{Version(f'0+{local}').local}"


def normal_version(version: str) -> str:
    """Return ``version`` in its normal form (PEP 440).

    :raises EditError: if it is not a version, or longer than any real one.
    """
    found = parsed_version(version) if len(version) <= _LONGEST_VERSION else None
    if found is None:
        raise EditError(
            "invalid-version", f"{shown(version)!r} is not a version (PEP 440)", hint="Give one such as 1.0.post1."
        )
    return str(found)


def with_post_release(version: str, post: str) -> str:
    """Return ``version`` as the post-release ``post`` of its release; its other parts keep their spelling.

    >>> with_post_release("1.00+cpu", "+1"), with_post_release("1.0.post1", "+1"), with_post_release("1.0-1", "5")
    ('1.00.post1+cpu', '1.0.post2', '1.0.post5')

    :raises EditError: if ``post`` is neither a number nor one to add, or ``version`` is not a version, or that of a
        development release.
    """
    found, wanted = _VERSION.fullmatch(version), _POST.fullmatch(post)
    if wanted is None:
        raise EditError(
            "invalid-post-release",
            f"{shown(post)!r} is not a post-release",
            hint="Give its number, such as 1, or +1 for the next one.",
        )
    if found is None or found["dev"]:
        raise EditError(
            "no-post-release",
            f"{shown(version)} cannot have a post-release",
            hint="Only a version by PEP 440 that is no development release can; set the whole version.",
        )
    number = int(wanted["number"]) + ((Version(version).post or 0) if wanted["plus"] else 0)
    start = max(found.end("release"), found.end("pre"))
    return f"{version[:start]}.post{number}{version[max(start, found.end('post')) :]}"


def parsed_version(version: str) -> Version | None:
    """Return ``version`` as PEP 440 reads it, ``None`` if it is not valid."""
    try:
        return Version(version)
    except ValueError:
        return None


def public(version: str) -> str:
    """Return ``version`` without its local version."""
    return version.partition("+")[0]


def same_version(one: str, other: str) -> bool:
    """Whether two texts are the same version; a text that is not a version only equals itself."""
    return one == other or ((found := parsed_version(one)) is not None and found == parsed_version(other))


_SYSTEM = re.compile(r"(?:many|musl)?(?P<system>[a-z]+).*?(?P<machine>x86_64|[a-z0-9]+)")


def system_and_machine(platform: str) -> tuple[str, str]:
    """Return for which system and machine a platform tag is, whatever libraries it needs; ``any`` is for no machine.

    >>> system_and_machine("manylinux_2_28_x86_64"), system_and_machine("any")
    (('linux', 'x86_64'), ('any', ''))
    """
    found = _SYSTEM.fullmatch(platform)
    return (found["system"], found["machine"]) if found and platform != "any" else (platform, "")
