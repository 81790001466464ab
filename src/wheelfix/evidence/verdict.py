"""All evidence together, and the verdict: can a wheel do without a requirement."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from wheelfix.escaping import shown, shown_few
from wheelfix.evidence.build import Finding, read_build
from wheelfix.evidence.catalogue import Provided, library_runtime, provided_by
from wheelfix.evidence.elf import is_binary
from wheelfix.evidence.environments import Environments
from wheelfix.evidence.linkage import Link, Linkage, Scanner, unread_reason
from wheelfix.metadata.requirement import Requirement, read_requirement
from wheelfix.outcome import Scan, Verdict

if TYPE_CHECKING:
    from wheelfix.archive.layout import Member
    from wheelfix.archive.source import Readable

_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and in one sentence, without its full stop, the reason."""

    verdict: Verdict
    reason: str


class Evidence:
    """What a wheel says of its needs, gathered as far as it is asked for, the cheap things first.

    ``project`` and ``versions`` are those that METADATA and the file name tell. ``scan`` says when binaries are read,
    and ``known`` is what an earlier look at the same wheel has read of them.
    """

    def __init__(
        self,
        source: "Readable",
        members: "Sequence[Member]",
        environments: Environments,
        project: str,
        versions: Iterable[str],
        *,
        scan: Scan = Scan.AUTO,
        known: Linkage | None = None,
    ) -> None:
        self.environments = environments
        self._source = source
        self._members = members
        self._project = project
        self._versions = tuple(versions)
        self._scan = scan
        self._known = known
        self._judged: dict[tuple[Provided, bool], Judgement] = {}

    @classmethod
    def of_names(cls, environments: Environments, project: str, versions: Iterable[str]) -> "Evidence":
        """Return the evidence where the wheel itself is not at hand: markers, and the label of a version."""
        return cls(_Nothing(), (), environments, project, versions, scan=Scan.NEVER)

    @cached_property
    def build(self) -> tuple[Finding, ...]:
        """What the wheel says of its build."""
        return read_build(self._source, self._members, self._project, self._versions)

    @cached_property
    def _has_binaries(self) -> bool:
        return any(is_binary(member.name) for member in self._members)

    @cached_property
    def _scanner(self) -> Scanner:
        return Scanner(self._source, self._members, self._known)

    @property
    def linkage(self) -> Linkage:
        """What was read of its binaries so far."""
        return self._scanner.linkage if "_scanner" in vars(self) else self._known or Linkage()

    @property
    def gpu_build(self) -> str:
        """In which words the wheel says that it is a GPU build, empty if it does not."""
        return next((each.words for each in self.build if each.uses), "")

    def read_all(self) -> Linkage:
        """Read all binaries that are not read yet, unless none are to be read."""
        return self.linkage if self._scan is Scan.NEVER else self._scanner.read_all()

    def judge(self, requirement: Requirement | str, *, on_purpose: bool = False) -> Judgement | None:
        """Return whether the wheel can do without ``requirement``, ``None`` for one that is not in the GPU catalogue.

        ``on_purpose`` says that a rule names just this requirement of just this project, as one that is loaded only where
        there is a GPU.
        """
        wanted = read_requirement(requirement.strip()) if isinstance(requirement, str) else requirement
        provided = provided_by(wanted) if wanted else None
        if wanted is None or provided is None:
            return None
        if self.environments.never_ask_for(wanted):
            return Judgement(Verdict.SAFE, f"its marker is never true on {self._tags()}: {shown(wanted.marker)}")
        key = provided, on_purpose
        if key not in self._judged:
            self._judged[key] = self._judge(provided, on_purpose=on_purpose)
        return self._judged[key]

    def _judge(self, provided: Provided, *, on_purpose: bool) -> Judgement:
        stated = _Statements(self.build, provided.runtimes)
        if stated.uses and not stated.contradict:
            link = self._sample.first(provided.includes) or self._sample.first(_is_gpu)
            return Judgement(Verdict.UNSAFE, stated.uses[0].words + (f", and {_words(link)}" if link else ""))
        against = self._against(stated, provided)
        if stated.denied and not against:
            return Judgement(Verdict.SAFE, _joined(each.words for each in stated.denied))
        return self._by_linkage(provided, against, on_purpose=on_purpose)

    def _against(self, stated: "_Statements", provided: Provided) -> str:
        """Return how the wheel contradicts what it denies, empty if it does not."""
        if not stated.denied:
            return ""
        link = self._sample.first(lambda library: library_runtime(library) in provided.runtimes)
        others = [each.words for each in (*stated.uses, *stated.hints)] + ([_words(link)] if link else [])
        return f"the wheel contradicts itself: {stated.denied[0].words}, but {others[0]}" if others else ""

    def _by_linkage(self, provided: Provided, against: str, *, on_purpose: bool) -> Judgement:
        unproven = Verdict.UNPROVEN
        if not self._has_binaries:
            reason = "nothing in the wheel tells: it has no binaries, and no label or constant of a build"
            return Judgement(unproven, against or reason)
        if self._scan is Scan.NEVER:
            return Judgement(unproven, against or "its binaries are not to be read")
        link = self._scanner.find_link(provided.includes)
        if link:
            return Judgement(Verdict.UNSAFE, _words(link))
        linkage = self._scanner.read_all()
        soft = linkage.first(provided.includes)
        if soft:
            return Judgement(unproven, f"{_words(soft)}, though no extension module loads it when it is imported")
        if linkage.unread or against:
            return Judgement(unproven, against or unread_reason(linkage))
        other = linkage.first(lambda library: library_runtime(library) in provided.runtimes)
        if other:
            return Judgement(unproven, f"nothing links to what it provides, but it is a GPU build: {_words(other)}")
        if not provided.libraries:
            return Judgement(unproven, "it is no library that binaries link to; whether the code imports it cannot be told")
        count = len(linkage.binaries)
        subject = "its only binary does not link" if count == 1 else f"none of its {count} binaries links"
        nothing = f"{subject} to what the requirement provides"
        if on_purpose:
            return Judgement(Verdict.SAFE, f"{nothing}, and the rule names the two on purpose")
        return Judgement(unproven, f"{nothing}, but a library can be loaded by its name too")

    @cached_property
    def _sample(self) -> Linkage:
        """What a first look at the binaries tells; all of them if they are always to be read."""
        match self._scan:
            case Scan.NEVER:
                return Linkage()
            case Scan.ALWAYS:
                return self._scanner.read_all()
            case Scan.AUTO:
                return self._scanner.read_sample()

    def _tags(self) -> str:
        platforms = sorted({tag.platform for tag in self.environments.tags})
        return shown_few(platforms)


class _Nothing:
    """A file that nobody has."""

    size = 0

    def read_at(self, offset: int, size: int) -> bytes:
        raise IndexError(offset, size)


class _Statements:
    """What the build says of some runtimes: that it ``uses`` one, that the first is ``denied``, or something less."""

    def __init__(self, findings: Iterable[Finding], runtimes: Sequence[str]) -> None:
        mine = [finding for finding in findings if finding.runtime in runtimes]
        self.uses = [each for each in mine if each.explicit and each.uses]
        self.denied = [each for each in mine if each.uses is False and each.runtime == runtimes[0]]
        self.hints = [each for each in mine if not each.explicit]
        denied = {each.runtime for each in mine if each.uses is False}
        self.contradict = any(each.runtime in denied for each in self.uses)


def _is_gpu(library: str) -> bool:
    return library_runtime(library) is not None


def _words(link: Link) -> str:
    return f"{shown(link.path)} links to {shown(link.library)}"


def _joined(words: Iterable[str]) -> str:
    return " and ".join(list(dict.fromkeys(words))[:2])


def what_breaks(linkage: Linkage, gone: Sequence[Provided]) -> Iterator[str]:
    """Yield, as sentences, what will not load where the libraries of ``gone`` are missing."""

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
