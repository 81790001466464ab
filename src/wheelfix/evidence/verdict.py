"""All evidence together, and the verdict: can a wheel do without a requirement."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from wheelfix.escaping import shown
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

_LARGEST_EXAMPLE: Final = 1 << 24
"""The largest binary, in bytes, that is read only to name an example."""
_MOST_TAGS: Final = 3
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and in one sentence, without its full stop, the reason."""

    verdict: Verdict
    reason: str


class Evidence:
    """What a wheel says of its needs, gathered as far as it is asked for, the cheap things first.

    ``versions`` are those that METADATA and the file name tell. ``scan`` says when binaries are read, and ``known`` is
    what an earlier look at the same wheel has read of them.
    """

    def __init__(
        self,
        source: "Readable",
        members: "Sequence[Member]",
        environments: Environments,
        versions: Iterable[str],
        *,
        scan: Scan = Scan.AUTO,
        known: Linkage | None = None,
    ) -> None:
        self.environments = environments
        self._source = source
        self._members = members
        self._versions = tuple(versions)
        self._scan = scan
        self._known = known

    @cached_property
    def build(self) -> tuple[Finding, ...]:
        """What the wheel says of its build."""
        return read_build(self._source, self._members, self._versions)

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
        if self._scan is Scan.ALWAYS:
            self.read_all()
        if self.environments.never_ask_for(wanted):
            return Judgement(Verdict.SAFE, f"its marker is never true on {self._tags()}: {shown(wanted.marker)}")
        stated = _Statements(self.build, provided.runtimes)
        if stated.uses and not stated.contradict:
            return Judgement(Verdict.UNSAFE, self._named(stated.uses, provided))
        if stated.denied and not stated.uses and not stated.names and not self._known_link(provided):
            return Judgement(Verdict.SAFE, _joined(each.words for each in stated.denied))
        return self._by_linkage(wanted, provided, stated, on_purpose=on_purpose)

    def _by_linkage(
        self, requirement: Requirement, provided: Provided, stated: "_Statements", *, on_purpose: bool
    ) -> Judgement:
        unproven = Verdict.UNPROVEN
        if not self._has_binaries:
            reason = "nothing in the wheel tells: it has no binaries, and no label or constant of a build"
            return Judgement(unproven, stated.against or reason)
        if self._scan is Scan.NEVER:
            return Judgement(unproven, stated.against or "its binaries are not to be read")
        link = self._scanner.find_link(provided.includes, hard=True)
        if link:
            return Judgement(Verdict.UNSAFE, _words(link))
        linkage = self._scanner.read_all()
        soft = linkage.first(provided.includes)
        if soft:
            return Judgement(unproven, f"{_words(soft)}, though no extension module loads it when it is imported")
        if linkage.unread or stated.against:
            return Judgement(unproven, stated.against or unread_reason(linkage))
        other = linkage.first(lambda library: library_runtime(library) in provided.runtimes)
        if other:
            return Judgement(unproven, f"nothing links to what it provides, but it is a GPU build: {shown(_words(other))}")
        if not provided.libraries:
            return Judgement(unproven, "it is no library that binaries link to; whether the code imports it cannot be told")
        count = len(linkage.binaries)
        subject = "its only binary does not link" if count == 1 else f"none of its {count} binaries links"
        nothing = f"{subject} to what {requirement.name} provides"
        if on_purpose:
            return Judgement(Verdict.SAFE, f"{nothing}, and the rule names the two on purpose")
        return Judgement(unproven, f"{nothing}, but a library can be loaded by its name too")

    def _known_link(self, provided: Provided) -> bool:
        """Whether a binary that was read already links to what is ``provided``."""
        return self.linkage.first(provided.includes) is not None

    def _named(self, uses: Sequence[Finding], provided: Provided) -> str:
        """Return that the build uses a runtime, with a file and a library where they are found at once."""
        words = uses[0].words
        if self._scan is Scan.NEVER:
            return words
        own = self.linkage.first(provided.includes)
        link = own or self._example
        return f"{words}, and {_words(link)}" if link else words

    @cached_property
    def _example(self) -> Link | None:
        """A link to a library of a GPU runtime, if there is one that is found fast."""
        return self._scanner.find_link(
            lambda library: library_runtime(library) is not None, hard=False, largest=_LARGEST_EXAMPLE
        )

    def _tags(self) -> str:
        platforms = sorted({tag.platform for tag in self.environments.tags})
        more = " and others" if len(platforms) > _MOST_TAGS else ""
        return shown(", ".join(platforms[:_MOST_TAGS]) + more)


class _Statements:
    """What the build says of some runtimes."""

    def __init__(self, findings: Iterable[Finding], runtimes: Sequence[str]) -> None:
        mine = [finding for finding in findings if finding.runtime in runtimes]
        self.uses = [each for each in mine if each.explicit and each.uses]
        self.denied = [each for each in mine if each.explicit and not each.uses and each.runtime == runtimes[0]]
        self.names = [each for each in mine if not each.explicit]
        self.contradict = any(
            one.runtime == other.runtime for one in self.uses for other in mine if other.explicit and not other.uses
        )

    @property
    def against(self) -> str:
        """How the wheel contradicts itself, empty if it does not."""
        other = self.uses or self.names
        return f"the wheel contradicts itself: {self.denied[0].words}, but {other[0].words}" if self.denied and other else ""


def _words(link: Link) -> str:
    return f"{shown(link.path)} links to {shown(link.library)}"


def _joined(words: Iterable[str]) -> str:
    return " and ".join(list(dict.fromkeys(words))[:2])


def _first_few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


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
    modules = [path for path in linkage.broken_without(wanted) if path not in libraries]
    if modules:
        yield f"So these cannot be imported: {shown(_first_few(modules))}."
