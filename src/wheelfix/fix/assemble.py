"""What a plan means for the entries of an archive: what is replaced, renamed, removed and added."""

from collections.abc import Sequence

from wheelfix.fix.plan import Plan
from wheelfix.version import __version__
from wheelfix.wheel.record import Record
from wheelfix.wheel.sbom import PROVENANCE, Ancestor, Provenance, write_provenance
from wheelfix.wheel.wheel import Wheel, new_name
from wheelfix.wheel.zip.encode import NewEntry
from wheelfix.wheel.zip.rewrite import Edits, Preview
from wheelfix.wheel.zip.structs import Entry


class Assembly:
    """What ``plan`` means for the entries of the archive of ``wheel``.

    Names in dist-info are those of the new wheel, except where it is said.
    """

    def __init__(self, wheel: Wheel, plan: Plan) -> None:
        self.wheel = wheel
        self.plan = plan
        self._before = wheel.provenance
        self._old = f"{wheel.dist_info}/"
        self._new = f"{plan.renaming.dist_info}/"
        self.expected: dict[str, bytes] = {}
        """The content of every entry that is written, by name."""
        written = dict(plan.written)
        if plan.new_metadata != plan.metadata:
            written["METADATA"] = plan.new_metadata
        self._replaced = {file: content for file, content in written.items() if wheel.entry(file)}
        self._added = {file: content for file, content in written.items() if not wheel.entry(file)}
        self.expected.update({self._new + file: content for file, content in written.items()})

    @property
    def removed(self) -> set[str]:
        """The entries that the new wheel does not have, by their old names."""
        return {self._old + file for file in self._removed}

    @property
    def _removed(self) -> set[str]:
        """The files of dist-info that the new wheel does not have, or has rewritten at its end."""
        return {*self.plan.removed, *([PROVENANCE] if self._before else ())}

    def name_of(self, entry: str) -> str:
        """Return what an entry of the old wheel is called in the new one."""
        return new_name(entry, self.plan.renaming.directories)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the provenance."""
        if self.plan.sbom or not self._before:
            return ()
        return ("The provenance of earlier fixes was removed with --no-sbom: it would be out of date.",)

    @property
    def edits(self) -> Edits:
        """The edits of the entries but for those at the end: new files, the provenance and RECORD."""
        entries = self.wheel.layout.entries if self.plan.renaming.directories else ()
        renamed = {each.name: name for each in entries if (name := self.name_of(each.name)) != each.name}
        return Edits(
            replaced={self._old + file: content for file, content in self._replaced.items()},
            renamed=renamed,
            removed=frozenset(self._old + file for file in (*self._removed, "RECORD")),
        )

    def closing(self, source_sha256: str) -> Sequence[NewEntry]:
        """Return the last entries of the new archive."""
        metadata, record = self._like("METADATA"), self._like("RECORD")
        last = dict(self._added)
        if self.plan.sbom:
            last[PROVENANCE] = self._provenance(source_sha256)
        content = self._record(last)
        self.expected.update({self._new + file: content for file, content in {**last, "RECORD": content}.items()})
        return [
            *(NewEntry(self._new + file, new, metadata, added=True) for file, new in last.items()),
            NewEntry(f"{self._new}RECORD", content, record),
        ]

    def preview(self) -> Preview:
        """Return the new wheel as it would be, but for the sha256 of the old one in its provenance."""
        return Preview(self.wheel.source, self.wheel.layout, self.edits, self.closing("0" * 64))

    def _like(self, file: str) -> Entry:
        entry = self.wheel.entry(file)
        if entry is None:
            raise KeyError(file)  # Wheel does not open without it
        return entry

    def _provenance(self, source_sha256: str) -> bytes:
        plan, original = self.plan, Ancestor(self.plan.source.name, source_sha256)
        return write_provenance(
            Provenance(__version__, (original,), plan.changes, plan.rules_digest),
            project=plan.project,
            version=plan.renaming.version or plan.version,
            diff=plan.metadata_diff,
            before=self._before,
        )

    def _record(self, last: dict[str, bytes]) -> bytes:
        record = self.wheel.record if self.plan.record is None else Record.parse(self.plan.record[1])
        record = record.renamed(self.plan.renaming.directories)
        for file in self._removed:
            record = record.without(self._new + file)
        like, before = f"{self._new}METADATA", f"{self._new}RECORD"
        for file, content in {**self._replaced, **last}.items():
            record = record.with_content(self._new + file, content, like=like, before=before)
        return record.data
