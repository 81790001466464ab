"""What the rules would do with a listed wheel by now, compared with what was done to it.

METADATA of the original is enough for most rules, so that no wheel is downloaded to find out: the mirror has it where
nothing was changed, the index has it beside the wheel, or in it. For others dist-info of the original is read, by ranges.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import CopySourceError, MirrorError, WheelfixError
from wheelfix.fix.copy_sources import read_copy_sources
from wheelfix.fix.draft import make_outline, make_plan
from wheelfix.fix.remote import known_sha256, open_by_directory
from wheelfix.fix.weigh import gather_evidence
from wheelfix.mirror.examine import change_sentence
from wheelfix.mirror.layout import file_key
from wheelfix.mirror.local_copy import LocalCopies
from wheelfix.mirror.pages import ListedFile
from wheelfix.mirror.release import metadata_in, provenance_in
from wheelfix.mirror.storage.base import Store, is_silent
from wheelfix.options import Policy
from wheelfix.results import Change, Part, Problem, failure
from wheelfix.rules.actions import Applied, apply_rules
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import RuleSet
from wheelfix.sync.choice.metadata import MetadataReader
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.model import WantedFile
from wheelfix.upstream.inputs import Listing, WheelAtUrl
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import CopySource
from wheelfix.wheel.wheel import Wheel

_COPIES: Final = "a rule copies from other wheels of its release, which cannot be read"
_BEYOND: Final = "rules change more of it than METADATA, and it cannot be read by ranges"
_TWICE: Final = "it had been corrected before it came to the index"


class Assessment(Struct, frozen=True):
    """How the rules would correct a wheel otherwise than it is served: what they would no longer do, and what they would.

    Both are lines as pages have them. ``doubt`` says why that is not all, or not certain; ``problem`` why the wheel would be
    refused. ``as_it_came`` says that the rules would change nothing, ``is_beyond`` that they change, or changed, more than
    METADATA: its name, too, it may be.
    """

    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    doubt: str = ""
    problem: Problem | None = None
    as_it_came: bool = False
    is_beyond: bool = False

    @property
    def is_same(self) -> bool:
        """Whether the result would be the one that is served."""
        return not (self.gone or self.new or self.doubt or self.problem)

    @property
    def details(self) -> tuple[str, ...]:
        """What would differ, one line each."""
        return (*(f"no longer: {each}" for each in self.gone), *(f"now: {each}" for each in self.new))


class Assessor:
    """Compares wheels of the mirror in ``store`` with what ``rules`` make of their originals.

    METADATA of originals is kept from run to run, so that a second one requests nothing.
    """

    def __init__(self, store: Store, rules: RuleSet | None, policy: Policy, upstreams: Upstreams) -> None:
        self._store = store
        self._rules = rules
        self._policy = policy
        self._session = upstreams.session
        self._metadata = MetadataReader(upstreams)
        self._copies = LocalCopies(store)

    def assess(self, project: str, file: ListedFile, wanted: WantedFile, release: Sequence[WantedFile] = ()) -> Assessment:
        """Return how the rules would correct ``file``, which stands for ``wanted``, differently by now.

        ``release`` are the wheels of its release: rules can copy from them.

        :raises MirrorError, OSError: if a shared store does not answer.
        """
        return self._guarded(lambda: self._assess(project, file, wanted, release))

    def assess_wanted(self, wanted: WantedFile, release: Sequence[WantedFile] = ()) -> Assessment:
        """Return what the rules would change in a file of an index that the mirror does not list yet."""
        return self._guarded(lambda: self._compared((), wanted, release))

    def assess_original(self, project: str, file: ListedFile, release: Sequence[WantedFile] = ()) -> Assessment:
        """Return what the rules would change in a listed file in which nothing was changed.

        :raises MirrorError, OSError: if a shared store does not answer.
        """
        return self._guarded(lambda: self._assess_original(project, file, release))

    def _guarded(self, assess: Callable[[], Assessment]) -> Assessment:
        """Return what ``assess`` returns; what cannot be read of one file is in doubt, and never taken for unchanged."""
        try:
            return assess()
        except (WheelfixError, OSError) as error:
            if self._store.is_shared and is_silent(error):
                raise
            problem = failure(Path(), error).problem
            return Assessment(doubt=problem.message if problem else str(error))

    def _assess(self, project: str, file: ListedFile, wanted: WantedFile, release: Sequence[WantedFile]) -> Assessment:
        if file.origin is None:
            return self._assess_original(project, file, release)
        made = provenance_in(self._store, project, file)
        if made is None or len(made.ancestors) > 1:
            return Assessment(doubt=_TWICE)
        return self._compared(made.changes, wanted, release)

    def _assess_original(self, project: str, file: ListedFile, release: Sequence[WantedFile]) -> Assessment:
        """Compare a file in which nothing was changed: it is here, so that the verdicts are known as well."""
        found = self._by_metadata((), metadata_in(self._store, project, file), file.filename, file.sha256)
        if found.is_same or found.problem or self._rules is None:
            return found
        sources, key = self._copy_sources(release), file_key(project, file.filename, file.sha256)
        if any(each.problem for each in sources):
            return Assessment(doubt=_COPIES)
        with self._copies.open(key) as (source, _), Wheel(Path(key), source=source) as wheel:
            plan = make_plan(wheel, self._rules, policy=self._policy, sha256=lambda: file.sha256, copy_sources=sources)
        new = tuple(change_sentence(each) for each in plan.changes if each.rule is not None)
        if plan.problem:
            return Assessment(new=found.new, problem=plan.problem)
        return Assessment(new=new, as_it_came=not new, is_beyond=found.is_beyond)

    def _compared(self, made: Sequence[Change], wanted: WantedFile, release: Sequence[WantedFile]) -> Assessment:
        """Compare the changes that were ``made`` to a wheel with those that rules make of its original in the index."""
        found = self._by_metadata(made, self.original_metadata(wanted), wanted.filename, wanted.sha256)
        if not found.doubt or self._rules is None:
            return found
        try:
            return self._by_outline(made, wanted, release, self._rules)
        except MirrorError as error:
            if error.code != "no-ranges":
                raise
            return found

    def _by_metadata(self, made: Sequence[Change], metadata: bytes, filename: str, sha256: str) -> Assessment:
        try:
            applied = self._applied(metadata, filename, sha256)
        except CopySourceError:
            return Assessment(doubt=_COPIES)
        except WheelfixError as error:
            return Assessment(problem=Problem.of(error))
        found = _difference(made, applied.changes if applied else ())
        return replace(found, doubt=_BEYOND, as_it_came=False) if found.is_beyond or (applied and applied.edits) else found

    def _by_outline(
        self, made: Sequence[Change], wanted: WantedFile, release: Sequence[WantedFile], rules: RuleSet
    ) -> Assessment:
        """Compare what rules make of a wheel of which the directory and dist-info are read."""
        sources, remote = self._copy_sources(release), self._remote(wanted)
        if any(each.problem for each in sources):
            return Assessment(doubt=_COPIES)
        with open_by_directory(remote) as reading:
            evidence = gather_evidence(reading.wheel)
            outline = make_outline(
                reading.wheel, rules, sha256=known_sha256(remote), evidence=evidence, copy_sources=sources
            )
        if outline.problem and not outline.changes:  # else it is about verdicts, which need more than dist-info
            return Assessment(problem=outline.problem)
        return _difference(made, outline.changes)

    def _copy_sources(self, release: Iterable[WantedFile]) -> Sequence[CopySource]:
        """Return what rules can copy from; nothing is read where none copies."""
        return read_copy_sources(map(self._remote, release), self._rules, policy=self._policy) if self._rules else ()

    def _remote(self, wanted: WantedFile) -> WheelAtUrl:
        file, listing = wanted.file, Listing(wanted.source.index, wanted.file)
        return WheelAtUrl(self._session, file.url, file.filename, sha256=wanted.sha256, size=file.size, listing=listing)

    def _applied(self, metadata: bytes, filename: str, sha256: str) -> Applied | None:
        if self._rules is None:
            return None
        facts = make_facts(Document.parse(metadata), WheelFilename.parse(filename), lambda: sha256)
        return apply_rules(self._rules, facts)

    def original_metadata(self, wanted: WantedFile) -> bytes:
        """Return METADATA of a file of an index.

        :raises MirrorError: if the index does not give it.
        """
        return self._metadata.read(wanted.file)


def _meant(change: Change) -> tuple[str, str, str | None, str | None]:
    """Return what a change does; by which rule, and why, is not part of the result."""
    return change.field, str(change.action), change.before, change.after


def _difference(made: Iterable[Change], making: Iterable[Change]) -> Assessment:
    """Return how the changes that rules make differ from those that were ``made``; all of them where only the order does."""
    before, after = ([each for each in changes if each.rule is not None] for changes in (made, making))
    is_beyond = any(each.part is not Part.FIELD for each in (*before, *after))
    if list(map(_meant, before)) == list(map(_meant, after)):
        return Assessment(as_it_came=not after, is_beyond=is_beyond)
    old, new = (Counter(map(change_sentence, each)) for each in (before, after))
    gone, come = (old, new) if old == new else (old - new, new - old)
    return Assessment(tuple(gone.elements()), tuple(come.elements()), as_it_came=not after, is_beyond=is_beyond)
