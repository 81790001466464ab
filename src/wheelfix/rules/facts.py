"""What a rule can ask of a wheel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from packaging.utils import NormalizedName
from packaging.version import Version

from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import Requirement, read_requirement


@dataclass(frozen=True)
class Facts:
    """A wheel as it came, as far as rules can see it.

    ``version`` is text as METADATA writes it. ``is_dead`` tells whether no environment that accepts the wheel ever asks for
    a requirement; ``sha256`` gives the wheel's sum (hexadecimal), and is called only if a rule needs it.
    """

    project: NormalizedName
    version: str
    filename: WheelFilename
    document: Document
    is_dead: Callable[[Requirement], bool]
    sha256: Callable[[], str]

    @cached_property
    def parsed_version(self) -> Version | None:
        """The version, or ``None`` where it is none by PEP 440."""
        return _parsed(self.version)

    @property
    def local(self) -> str:
        """The local label of the version, empty where there is none."""
        return (self.parsed_version.local or "") if self.parsed_version else self.version.partition("+")[2]

    @property
    def metadata_version(self) -> Version | None:
        """The Metadata-Version, or ``None`` where there is none that can be read."""
        return _parsed(self.document.first("Metadata-Version") or "")

    def shown(self, condition: str) -> str:
        """Return what the wheel has where the condition asks, as text; empty where that says nothing."""
        values = {
            "project": self.project,
            "version": self.version,
            "local": self.local or "none",
            "filename": str(self.filename),
            "platform": self.filename.platform,
            "python": self.filename.python,
            "abi": self.filename.abi,
            "metadata-version": self.document.first("Metadata-Version") or "none",
        }
        return values.get(condition, "")

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """Every requirement that can be read, in order."""
        found = (read_requirement(each.value.strip()) for each in self.document.all(REQUIRES))
        return tuple(each for each in found if each is not None)


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
