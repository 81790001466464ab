"""Overrides of clients that resolve requirements, as data: uv's and PDM's.

uv (https://docs.astral.sh/uv/concepts/resolution/#dependency-overrides) has overrides and exclusions for the whole
resolution, or for all versions or one version of a package. An exclusion wins over an override, and of a package uv uses
those of its version or, if there are none, those for all versions. Overrides and exclusions of PDM are for the whole
resolution (https://pdm-project.org/latest/usage/dependency/#dependency-overrides).
"""

from enum import StrEnum

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


class Client(StrEnum):
    """A client with overrides of its own."""

    UV = "uv"
    """uv 0.11.25 and later: the first version with overrides for a single package."""
    PDM = "pdm"


class Form(StrEnum):
    """What an override does."""

    EXCLUDE = "exclude"
    """Requirements with this name do not count."""
    OVERRIDE = "override"
    """Requirements with this name become this requirement."""


class Scope(Struct, frozen=True):
    """Whose requirements an override is for: those of a ``version`` of ``package``, of all versions, or of everything."""

    package: str | None = None
    version: str | None = None

    def contains(self, other: "Scope") -> bool:
        """Whether it is for everything that ``other`` is for."""
        return self.package is None or (self.package == other.package and self.version in (None, other.version))


class Source(Struct, frozen=True):
    """The rule that an override comes from; ``differs`` says in which ways the override does not do what the rule does.

    ``until`` is the day from which on the rule has expired (ISO 8601), ``None`` where there is none.
    """

    rule: str
    reason: str
    url: str | None = None
    differs: tuple[str, ...] = ()
    until: str | None = None


class Override(Struct, frozen=True):
    """One override: ``dependency`` is a name to exclude, or the requirement that replaces those with its name."""

    form: Form
    scope: Scope
    dependency: str
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """The normalized name of the requirements that it is about."""
        return canonicalize_name(Requirement(self.dependency).name)


class Metadata(Struct, frozen=True):
    """What a resolver is to believe of one release, all of its files: metadata after the rules."""

    name: str
    version: str
    requires_dist: tuple[str, ...]
    requires_python: str | None
    provides_extra: tuple[str, ...]
    sources: tuple[Source, ...] = ()


class LeftOut(Struct, frozen=True):
    """What cannot be exported: of which rule or wheel, why, and what to do."""

    subject: str
    message: str
    hint: str = ""


class Export(Struct, frozen=True):
    """The overrides for ``client``, in the order of the rules, and what is left out.

    ``from_wheels`` says that they are what the rules made of wheels, which were weighed; else they are the rules themselves.
    """

    client: Client
    overrides: tuple[Override, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    from_wheels: bool = False
