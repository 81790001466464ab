"""What a run is to do with each wheel, and what is known of one before it is worked on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.options import CAUTION, Scan, refuse_excluded
from wheelfix.results import Problem
from wheelfix.wheel.editor import Edit

if TYPE_CHECKING:
    from wheelfix.evidence.linkage import Linkage
    from wheelfix.rules.model import RuleSet
    from wheelfix.wheel.release import Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What a repair may mend: codes that begin with a text of ``select``, all that is plainly mendable if that is empty.

    With ``trust_content`` RECORD follows the files where the two contradict each other.
    """

    select: tuple[str, ...] = ()
    trust_content: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to do with each wheel of a run.

    ``rules`` are a rule set, or the name of a built-in one. ``output_dir`` takes the results; ``None`` corrects in place.
    With ``dry_run`` nothing is written, with ``overwrite`` results take the place of other files. ``scan``, ``force``,
    ``allow_unproven``, ``skip_gpu_builds`` and ``skip_unproven`` are those of :class:`wheelfix.Caution`, ``local`` and
    ``build`` those of :class:`wheelfix.Identity`. With a ``mandate`` the wheel is repaired in the
    same pass.

    :raises ValueError: if two of the options exclude each other.
    """

    rules: "RuleSet | str | None" = None
    edits: tuple[Edit, ...] = ()
    output_dir: Path | None = None
    dry_run: bool = False
    overwrite: bool = False
    sbom: bool = True
    scan: Scan = Scan.AUTO
    force: bool = False
    allow_unproven: bool = False
    skip_gpu_builds: bool = False
    skip_unproven: bool = False
    local: str | None = None
    build: str | None = None
    mandate: Mandate | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant together, before any wheel is touched."""
        refuse_excluded({name: getattr(self, name) for name in CAUTION})

    @property
    def only_repairs(self) -> bool:
        """Whether nothing is asked for but what the mandate says."""
        return self.rules is None and not self.edits and self.local is None and self.build is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What is known of one wheel before it is worked on: what its release asks for, and what was read of it.

    ``problem`` refuses it, ``rename`` gives it the new name even if nothing else changes, ``notes`` come with its outcome.
    ``after`` is what it must declare afterwards, ``None`` where nobody looked.
    """

    problem: Problem | None = None
    rename: bool = False
    notes: tuple[str, ...] = ()
    linkage: "Linkage | None" = None
    after: "Declared | None" = None
