"""METADATA of wheels that a mirror does not have yet, as the rules will leave it: read without downloading the wheel.

It comes from the metadata file of the index (PEP 658), or from the wheel by ranges. Where only the binaries of a wheel can
decide, it is downloaded whole: it is wanted in all likelihood, and is downloaded once.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.fix.copy_sources import read_copy_sources
from wheelfix.fix.draft import make_outline, make_plan
from wheelfix.fix.pins import Move, followed
from wheelfix.fix.plan import Outline, Plan
from wheelfix.fix.remote import known_sha256, open_by_directory
from wheelfix.fix.weigh import gather_evidence
from wheelfix.mirror.scratch import workshop
from wheelfix.results import Problem, Verdict
from wheelfix.rules.actions import apply_rules
from wheelfix.rules.match import make_facts
from wheelfix.rules.model import CopyFrom, RuleSet
from wheelfix.sync.choice.metadata import MetadataReader
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.sync.jobs.fixing import fixing_for
from wheelfix.sync.manifest.model import Local, Manifest
from wheelfix.sync.model import WantedFile
from wheelfix.text import shown
from wheelfix.upstream.cache import remove_old
from wheelfix.upstream.client import sha256_of
from wheelfix.upstream.downloads import Downloads
from wheelfix.upstream.inputs import Listing, WheelAtUrl
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import read_requirement
from wheelfix.wheel.wheel import Wheel

_FORM: Final = 1
"""Of what is kept between runs; another one is read anew."""
_SUFFIX: Final = ".msgpack"
_BODY: Final = re.compile(rb"\r?\n\r?\n")
"""What ends the fields."""


class Corrected(Struct, frozen=True):
    """What METADATA of a wheel will be: ``metadata``, and notes for a person.

    With a ``problem`` the rules refuse the wheel: the mirror will not have it.
    """

    metadata: bytes
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


class _Kept(Struct, frozen=True):
    form: int
    corrected: Corrected


_DECODER: Final = msgspec.msgpack.Decoder(_Kept)
"""Made at import, before there are threads: msgspec 0.22 crashes where two of them prepare it at once."""


class Correction:
    """METADATA as the ``rules`` of a manifest leave it.

    What was read is kept in the directory ``kept``, by the sha256 of the wheel and what identifies the rules. Without
    ``downloads`` no wheel is downloaded whole: its METADATA is taken as it is then, with a note.
    """

    def __init__(
        self,
        manifest: Manifest,
        rules: RuleSet | None,
        upstreams: Upstreams,
        downloads: Downloads | None,
        kept: Path,
    ) -> None:
        self._manifest = manifest
        self._reader = MetadataReader(upstreams)
        self._rules = rules
        self._upstreams = upstreams
        self._downloads = downloads
        self._kept = kept
        remove_old(kept, f"*{_SUFFIX}")

    def key(self, wanted: WantedFile) -> str:
        """Return what decides on METADATA of a file: its bytes, and the rules and options (hexadecimal)."""
        identity = fixing_for(self._manifest, wanted, self._rules).identity or ""
        return hashlib.sha256(f"{_FORM} {wanted.sha256} {wanted.filename} {identity}".encode()).hexdigest()

    def read(self, wanted: WantedFile, release: Sequence[WantedFile] = ()) -> Corrected:
        """Return what METADATA of ``wanted`` will be; ``release`` are the wheels of its release, which rules can copy from.

        :raises MirrorError: if it cannot be read.
        """
        path = self._kept / f"{self.key(wanted)}{_SUFFIX}"
        known = _load(path)
        if known is not None:
            return known
        found = self._settled(wanted, self._correct(wanted, release))
        if not found.notes:  # what was only assumed is no result
            _store(path, found)
        return found

    def _correct(self, wanted: WantedFile, release: Sequence[WantedFile]) -> Corrected:
        original = self._original(wanted)
        rules = fixing_for(self._manifest, wanted, self._rules).rules
        if rules is None or not _concerns(rules, wanted, original):
            return Corrected(original)
        outline = self._outline(self._remote(wanted), rules, [self._remote(each) for each in release])
        if outline is not None and _is_certain(outline):
            return Corrected(outline.new_metadata)
        if self._downloads is None:
            return Corrected(original, (_ASSUMED.format(shown(wanted.filename)),))
        plan = self._plan(self._downloads, wanted, rules)
        return Corrected(plan.new_metadata, problem=plan.problem)

    def _remote(self, wanted: WantedFile) -> WheelAtUrl:
        file, listing = wanted.file, Listing(wanted.source.index, wanted.file)
        return WheelAtUrl(
            self._upstreams.session, file.url, file.filename, sha256=sha256_of(file), size=file.size, listing=listing
        )

    def _original(self, wanted: WantedFile) -> bytes:
        """Return METADATA as the index has it, or as it is in the wheel."""
        try:
            return self._reader.read(wanted.file)
        except MirrorError as error:
            if error.code != "no-ranges" or self._downloads is None:
                raise
            return self._whole(self._downloads, wanted)

    @staticmethod
    def _outline(wheel: WheelAtUrl, rules: RuleSet, release: Iterable[WheelAtUrl]) -> Outline | None:
        """Return what the rules do as far as dist-info says, ``None`` if the server gives no parts of files."""
        copies = any(isinstance(rule.argument, CopyFrom) for rule in rules.rules)
        sources = read_copy_sources(release, rules) if copies else ()
        try:
            with open_by_directory(wheel) as reading:
                evidence = gather_evidence(reading.wheel)
                return make_outline(
                    reading.wheel, rules, sha256=known_sha256(wheel), evidence=evidence, copy_sources=sources
                )
        except MirrorError as error:
            if error.code != "no-ranges":
                raise
            return None

    def _plan(self, downloads: Downloads, wanted: WantedFile, rules: RuleSet) -> Plan:
        with workshop(self._kept, sweeps=False) as work, downloads.locked(wanted.sha256, wanted.filename):
            path = work / wanted.filename
            downloads.fetch(wanted.file, path)
            with Wheel(path) as wheel:
                return make_plan(wheel, rules, policy=self._manifest.policy, sha256=lambda: wanted.sha256)

    def _whole(self, downloads: Downloads, wanted: WantedFile) -> bytes:
        with workshop(self._kept, sweeps=False) as work, downloads.locked(wanted.sha256, wanted.filename):
            path = work / wanted.filename
            downloads.fetch(wanted.file, path)
            with Wheel(path) as wheel:
                return wheel.document.data

    def _settled(self, wanted: WantedFile, found: Corrected) -> Corrected:
        """Return the header of METADATA, without the local version where the source strips those; requirements follow."""
        if found.problem is not None:
            return found
        strips = wanted.source.local is Local.STRIP
        metadata = without_local_version(found.metadata) if strips else found.metadata
        return replace(found, metadata=header_of(metadata))


_ASSUMED: Final = (
    "Only the binaries of {} can show whether the rules may drop what it requires; the plan assumes that it is kept."
)


def _is_certain(outline: Outline) -> bool:
    """Whether the binaries of the wheel cannot change what an outline says: whoever reads them may prove it unsafe."""
    return outline.problem is None and all(each.verdict is not Verdict.UNPROVEN for each in outline.changes)


def _concerns(rules: RuleSet, wanted: WantedFile, metadata: bytes) -> bool:
    """Whether a rule could change what the wheel with this METADATA requires, as far as that alone says."""
    try:
        document = Document.parse(metadata)
        facts = make_facts(document, WheelFilename.parse(wanted.filename), lambda: wanted.sha256)
        applied = apply_rules(rules, facts)
    except WheelfixError:  # the wheel itself decides
        return True
    return bool(applied.changes or applied.edits)


def header_of(metadata: bytes) -> bytes:
    """Return the fields of METADATA: a resolution needs no description, which is most of it.

    >>> header_of(b"Name: demo\\nVersion: 1.0\\n\\nWhat it is for.\\n")
    b'Name: demo\\nVersion: 1.0\\n\\n'
    """
    return _BODY.split(metadata, maxsplit=1)[0] + b"\n\n"


def without_local_version(metadata: bytes) -> bytes:
    """Return METADATA whose version, and whose pins of local versions, are the public ones.

    >>> without_local_version(b"Name: vision\\nVersion: 1.0+cpu\\nRequires-Dist: torch==2.9.0+cpu\\n\\n")
    b'Name: vision\\nVersion: 1.0\\nRequires-Dist: torch==2.9.0\\n\\n'
    """
    document = Document.parse_leniently(metadata)
    values = {each: each.value.strip().partition("+")[0] for each in document.all("Version") if "+" in each.value}
    for each in document.all(REQUIRES):
        text = each.value.strip()
        after = _without_local_pins(text)
        if after != text:
            values[each] = after
    return document.edited(values).data if values else metadata


def _without_local_pins(text: str) -> str:
    requirement = read_requirement(text)
    if requirement is None or requirement.malformed or "+" not in requirement.specifier:
        return text
    for clause in requirement.specifier.split(","):
        version = clause.strip().lstrip("=").strip()
        if clause.strip().startswith("==") and "+" in version:
            text = followed(text, Move(requirement.name, version, None, version.partition("+")[0]))
    return text


def _load(path: Path) -> Corrected | None:
    """Return what is kept at ``path``, ``None`` if nothing is, or nothing that can be read: then it is read anew."""
    try:
        found = _DECODER.decode(path.read_bytes())
        os.utime(path)
    except (OSError, msgspec.MsgspecError):
        return None
    return found.corrected if found.form == _FORM else None


def _store(path: Path, corrected: Corrected) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.msgpack.encode(_Kept(_FORM, corrected)))  # one that is cut off counts as none
