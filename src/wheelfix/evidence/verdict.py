"""All evidence together, and the verdict: whether a wheel works without a requirement."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from wheelfix.evidence.build import BuildHint, read_build
from wheelfix.evidence.catalogue import Provided, library_runtime, provided_by
from wheelfix.evidence.elf import is_binary
from wheelfix.evidence.linkage import Link, Linkage, Scanner, unread_reason
from wheelfix.options import Scan
from wheelfix.results import Verdict
from wheelfix.text import shown, shown_few
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.requirement import Requirement, read_requirement
from wheelfix.wheel.zip.layout import Directory, Layout

if TYPE_CHECKING:
    from wheelfix.evidence.targets import Target
    from wheelfix.wheel.zip.source import Readable

_MOST_NAMES: Final = 10
_NOT_READ: Final = "binaries not read (--scan always reads them)"
_NOTHING: Final = "it has no binaries, and no local version or build constant says whether it is for the CPU or a GPU"
_RUNTIME_NAMES: Final = {"cuda": "CUDA", "rocm": "ROCm", "xpu": "SYCL", "npu": "CANN", "tpu": "TPU", "metal": "Metal"}
"""The names of the runtimes of the catalogue, in the order in which they are listed."""


class Judgement(Struct, frozen=True):
    """A verdict and its reason, a sentence without the full stop."""

    verdict: Verdict
    reason: str


class Evidence:
    """What a wheel says about its needs, read only as far as needed, the cheap evidence first.

    ``project`` and ``versions`` are those of METADATA and the file name; ``project`` is empty where somebody gave the wheel
    another name, so that nothing known of a project of this name is known of it. ``scan`` says when binaries are read, and
    ``known`` is what an earlier run has read of the same wheel. Where ``listing`` is the directory of the archive alone, as
    of a remote wheel, binaries are never read.
    """

    def __init__(
        self,
        source: "Readable",
        listing: Layout | Directory,
        environments: Environments,
        project: str,
        versions: Iterable[str],
        *,
        scan: Scan = Scan.AUTO,
        known: Linkage | None = None,
    ) -> None:
        self.environments = environments
        self._source = source
        self._listing = listing
        self._project = project
        self._versions = tuple(versions)
        self._scan = Scan.NEVER if isinstance(listing, Directory) else scan
        self._known = known
        self._judged: dict[tuple[Provided, bool], Judgement] = {}

    @classmethod
    def of_names(cls, environments: Environments, project: str, versions: Iterable[str]) -> "Evidence":
        """Return the evidence where only the name of the wheel is known: markers, and the local version."""
        return cls(_Nothing(), Layout.empty(), environments, project, versions, scan=Scan.NEVER)

    def with_tags(self, tags: Iterable[str]) -> "Evidence":
        """Return this evidence for a wheel that accepts the environments of more ``tags``, as it will once it has them."""
        from packaging.tags import Tag  # imported late: few runs change tags

        wider = Environments(self.environments.tags | {Tag(*tag.split("-")) for tag in tags})
        evidence = Evidence(self._source, self._listing, wider, self._project, self._versions, scan=self._scan)
        if self._scan is not Scan.NEVER:
            evidence._scanner = self._scanner  # what one of them reads the other one knows
        return evidence

    @property
    def project(self) -> str:
        """The project of the wheel as it was built, empty where that is not known."""
        return self._project

    @property
    def names_project(self) -> bool:
        """Whether the wheel has the name that it was built with, as far as is known."""
        return bool(self._project)

    @cached_property
    def build(self) -> tuple[BuildHint, ...]:
        """What the wheel says about its build."""
        return read_build(self._source, self._listing, self._project, self._versions)

    @cached_property
    def _scanner(self) -> Scanner:
        return Scanner(self._source, self._layout, self._known, systems=self.environments.systems)

    @property
    def _layout(self) -> Layout:
        """Where all entries are; nothing that needs it is done where only the directory is known."""
        if isinstance(self._listing, Directory):
            raise TypeError("binaries are not read where only the directory is known")
        return self._listing

    @property
    def linkage(self) -> Linkage:
        """What was read of its binaries so far."""
        return self._scanner.linkage if "_scanner" in vars(self) else self._known or Linkage()

    @property
    def gpu_statement(self) -> str:
        """How the wheel says that it is a GPU build, as a clause; empty if it does not."""
        return next((each.words for each in self.build if each.uses), "")

    def read_all(self) -> Linkage:
        """Read all binaries that are not read yet, unless ``scan`` forbids it."""
        return self.linkage if self._scan is Scan.NEVER else self._scanner.read_all()

    def read_targets(self) -> "tuple[Target, ...]":
        """Return what each binary is built for; all are read. Nothing where ``scan`` forbids that."""
        from wheelfix.evidence.targets import read_targets  # imported late: few runs change tags

        return () if self._scan is Scan.NEVER else tuple(read_targets(self._source, self._layout, self.read_all()))

    def judge(self, requirement: Requirement | str, *, on_purpose: bool = False) -> Judgement | None:
        """Return whether the wheel works without ``requirement``, ``None`` if it is not in the GPU catalogue.

        What a wheel says about itself counts only if all its binaries were read and none contradicts it.

        ``on_purpose`` says that a rule names exactly this requirement of exactly this project, as one that is loaded only
        on a GPU.
        """
        wanted, provided = _catalogued(requirement)
        if wanted is None or provided is None:
            return None
        if self.environments.exclude(wanted):
            return Judgement(Verdict.SAFE, f"its marker is never true on {self._tags()}: {shown(wanted.marker)}")
        key = provided, on_purpose
        if key not in self._judged:
            self._judged[key] = self._judge(provided, on_purpose=on_purpose)
        return self._judged[key]

    def denial_of(self, requirement: Requirement | str) -> str:
        """Return how the wheel says that it is built without what uses ``requirement``, as a clause; empty if it does not.

        That is a statement, not a proof: no binary is read for it.
        """
        _, provided = _catalogued(requirement)
        stated = _Statements(self.build, provided.runtimes) if provided else None
        return stated.denial if stated and not stated.against else ""

    def gpu_evidence(self) -> str:
        """Return what shows that the wheel is a GPU build, as a clause; empty if nothing does.

        All binaries are read, unless ``scan`` forbids it. What the wheel says about itself comes first: a constant, a local
        version, a file name; then what its binaries link to.
        """
        link = None if self.gpu_statement else self.read_all().first(_is_gpu)
        return _words(link) if link else self.gpu_statement

    def _judge(self, provided: Provided, *, on_purpose: bool) -> Judgement:
        if self._scan is Scan.ALWAYS:
            self._scanner.read_all()
        stated = _Statements(self.build, provided.runtimes)
        if stated.uses and not stated.contradict:
            link = self._sample.first(provided.includes) or self._sample.first(_is_gpu)
            return Judgement(Verdict.UNSAFE, stated.uses[0].words + (f", and {_words(link)}" if link else ""))
        if self._scan is Scan.NEVER:
            return Judgement(Verdict.UNPROVEN, stated.against or self._why_unread(stated, on_purpose=on_purpose))
        link = self._scanner.find_link(provided.is_needed_for)
        if link:
            return Judgement(Verdict.UNSAFE, _words(link))
        linkage = self._scanner.read_all()
        doubt = self._doubt(linkage, provided, stated)
        if doubt:
            return Judgement(Verdict.UNPROVEN, doubt)
        return self._by_all_that_was_read(linkage, provided, stated, on_purpose=on_purpose)

    def _why_unread(self, stated: "_Statements", *, on_purpose: bool) -> str:
        """Return why nothing is proven where no binary is read: one that was not may decide, unless there is none."""
        if stated.denial:
            return f"{stated.denial}; {_NOT_READ}"
        has_none = bool(self._listing.names) and not any(map(is_binary, self._listing.names))
        return _NOTHING if has_none and not on_purpose else _NOT_READ

    def _doubt(self, linkage: Linkage, provided: Provided, stated: "_Statements") -> str:
        """Return what contradicts every statement, now that all binaries are read; empty if nothing does."""
        soft = linkage.first(provided.is_needed_for)
        if soft:
            return f"{_words(soft)}, but no extension module loads it on import"
        if stated.against or linkage.unread:
            return stated.against or unread_reason(linkage)
        other = linkage.first(lambda library: library_runtime(library) in {*provided.runtimes, *stated.without})
        if other and stated.denied:
            return f"the wheel contradicts itself: {stated.denied[0].words}, but {_words(other)}"
        return f"nothing links to what it provides, but it is a GPU build: {_words(other)}" if other else ""

    def _by_all_that_was_read(
        self, linkage: Linkage, provided: Provided, stated: "_Statements", *, on_purpose: bool
    ) -> Judgement:
        """Return the verdict where no binary contradicts it."""
        clean = _none_links(len(linkage.binaries), {*provided.runtimes, *stated.without})
        if stated.denial:
            return Judgement(Verdict.SAFE, f"{stated.denial}, and {clean}")
        bundled = next((name for name in sorted(linkage.names) if provided.includes(name)), None)
        if on_purpose and bundled:
            return Judgement(Verdict.UNPROVEN, f"{clean}, but the wheel bundles {shown(bundled)}")
        if on_purpose:
            return Judgement(Verdict.SAFE, f"{clean}, and the rule names this project and requirement explicitly")
        if not linkage.binaries:
            reason = _NOTHING
        elif not provided.libraries:
            reason = "binaries do not link to it, and whether the code imports it is unknown"
        else:
            reason = f"{clean}, but a library can also be loaded by name"
        return Judgement(Verdict.UNPROVEN, reason)

    @cached_property
    def _sample(self) -> Linkage:
        """What the small binaries say; all of them if all are to be read."""
        match self._scan:
            case Scan.NEVER:
                return Linkage()
            case Scan.ALWAYS:
                return self._scanner.linkage
            case Scan.AUTO:
                return self._scanner.read_sample()

    def _tags(self) -> str:
        platforms = sorted({tag.platform for tag in self.environments.tags})
        return shown_few(platforms)


def _catalogued(requirement: Requirement | str) -> tuple[Requirement | None, Provided | None]:
    """Return a requirement and what it provides, each ``None`` if it cannot be read or is not in the GPU catalogue."""
    wanted = read_requirement(requirement.strip()) if isinstance(requirement, str) else requirement
    return wanted, provided_by(wanted) if wanted else None


class _Nothing:
    """An empty file."""

    size = 0

    def read_at(self, offset: int, size: int) -> bytes:
        raise IndexError(offset, size)

    def check_unchanged(self) -> None:
        pass


class _Statements:
    """What the build says about some runtimes: that it ``uses`` one, that the first is ``denied``, or something less.

    ``denial`` is the text of that, and ``without`` all runtimes that it denies. ``against`` is a clause that contradicts the
    denial. Texts are empty where there is nothing.
    """

    def __init__(self, hints: Sequence[BuildHint], runtimes: Sequence[str]) -> None:
        mine = [each for each in hints if each.runtime in runtimes]
        self.uses = [each for each in mine if each.explicit and each.uses]
        self.denied = [each for each in mine if each.uses is False and each.runtime == runtimes[0]]
        self.denial = " and ".join(list(dict.fromkeys(each.words for each in self.denied))[:2])
        self.without = {each.runtime for each in hints if each.uses is False}
        self.contradict = any(each.runtime in self.without for each in self.uses)
        guesses = [each for each in mine if not each.explicit and not (each.conditional and each.runtime in self.without)]
        others = [each.words for each in (*self.uses, *guesses)] if self.denied else []
        self.against = f"the wheel contradicts itself: {_both(self.denied[0].words, others[0])}" if others else ""


def _both(denial: str, other: str) -> str:
    return f"{denial}, which says both" if other == denial else f"{denial}, but {other}"


def _is_gpu(library: str) -> bool:
    return library_runtime(library) is not None


def _words(link: Link) -> str:
    return f"{shown(link.path)} links to {shown(link.library)}"


def _none_links(binaries: int, runtimes: Collection[str]) -> str:
    *names, last = (name for runtime, name in _RUNTIME_NAMES.items() if runtime in runtimes)
    kind = f"{', '.join(names)} or {last}" if names else last
    match binaries:
        case 0:
            return "it has no binaries"
        case 1:
            return f"its only binary does not link to a {kind} library"
        case _:
            return f"none of its {binaries} binaries links to a {kind} library"


def what_breaks(linkage: Linkage, gone: Sequence[Provided]) -> Iterator[str]:
    """Yield, as sentences, what will not load if the libraries of ``gone`` are missing."""

    def wanted(library: str) -> bool:
        return any(each.includes(library) for each in gone)

    libraries: dict[str, list[str]] = {}
    for link in linkage.links:
        if wanted(link.library):
            libraries.setdefault(link.path, []).append(link.library)
    for path, missing in libraries.items():
        yield f"{shown(path)} will not load without {shown(', '.join(missing))}."
    modules = linkage.broken_without(wanted)
    if modules:
        yield f"So these cannot be imported: {shown_few(modules, _MOST_NAMES)}."
