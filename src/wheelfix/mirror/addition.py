"""The wheels of one project that one call adds: all of them appear on its page at one stroke."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from wheelfix.archive.source import Source
from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.escaping import shown, shown_few
from wheelfix.metadata.document import Document
from wheelfix.metadata.editing import REQUIRES
from wheelfix.mirror.arrival import Arrival, examine
from wheelfix.mirror.folder import Folder
from wheelfix.mirror.layout import SIDECAR, place_of
from wheelfix.mirror.model import ListedFile
from wheelfix.mirror.publication import Publication, Published, not_done
from wheelfix.mirror.records import load_page, save_page
from wheelfix.mirror.terms import Terms, Transfer
from wheelfix.mirror.unfinished import Unfinished
from wheelfix.releases import disagreements_of


class Addition:
    """What becomes of the wheels of ``project``; its lock is held meanwhile.

    ``done`` tells it by wheel, ``more`` of originals that were listed or yanked with them.
    """

    def __init__(self, folder: Folder, project: str, terms: Terms) -> None:
        self._folder = folder
        self._terms = terms
        self._before = self._page = load_page(folder, project)
        self._arrived: dict[Path, Arrival] = {}
        self._steps: list[tuple[Path, ListedFile]] = []
        self._unfinished = Unfinished(folder, project)
        self._more: list[tuple[Path, Publication]] = []
        self.done: dict[Path, Publication] = {}

    @property
    def more(self) -> list[Publication]:
        """What became of originals."""
        return [each for _, each in self._more]

    def run(self, paths: Iterable[Path], originals: Sequence[Path]) -> None:
        """Add the wheels at ``paths``; ``originals`` are those of corrected ones, as far as they were given.

        What came and is not listed in the end, after this call or an interrupted one before it, is taken back.

        :raises MirrorError: if the mirror is damaged.
        """
        try:
            self._run(paths, originals)
        finally:
            self._unfinished.tidy(load_page(self._folder, self._page.project))

    def _run(self, paths: Iterable[Path], originals: Sequence[Path]) -> None:
        for path in paths:
            try:
                self._take(path)
            except (WheelfixError, OSError) as error:
                self.done[path] = not_done(path, error)
        if self._terms.yank_original is not None:
            for arrival in list(self._arrived.values()):
                self._yank_original(arrival, self._terms.yank_original, originals)
        if not self._terms.allow_mixed:
            self._refuse_mixed()
        if self._page.files:
            save_page(self._folder, self._page, self._terms.timeout)
        if self._terms.transfer is Transfer.MOVE:
            for path in self._arrived:
                path.unlink(missing_ok=True)

    def _take(self, path: Path) -> None:
        terms = self._terms
        with Source(path) as source:
            arrival = examine(path, source, sha256=terms.sums.get(path), now=terms.now)
            new, old = arrival.file, self._page.find(path.name)
            if arrival.project != self._page.project:
                raise MirrorError(
                    "other-project", f"it is a wheel of {shown(arrival.project)}", hint="Give it its name back."
                )
            if old is not None and old.sha256 != new.sha256 and not terms.replace:
                raise self._name_taken(old)
            if old is not None and old.sha256 == new.sha256:
                new = replace(new, upload_time=old.upload_time, yanked=old.yanked, other=old.other, url=old.url)
                new = replace(new, checked_by=old.checked_by)
            if terms.rules is not None:
                new = replace(new, checked_by=terms.rules)
            self._place(source, replace(arrival, file=new))
        self._arrived[path] = arrival
        self._step(path, new)
        status, notes = self._told(old, new)
        self.done[path] = Publication(path, status, self._page.project, new.filename, place_of(new.url), new.sha256, notes)

    def _step(self, path: Path, file: ListedFile) -> None:
        """Let the page say ``file``, because of the wheel at ``path``."""
        self._steps.append((path, file))
        self._page = self._page.with_file(file)

    def _told(self, old: ListedFile | None, new: ListedFile) -> tuple[Published, tuple[str, ...]]:
        if old is None:
            return Published.ADDED, ()
        if old.sha256 == new.sha256:
            return Published.UNCHANGED, () if old.yanked is None else ("It is yanked, and stays so.",)
        project = self._page.project
        return Published.REPLACED, (
            f"The bytes that were served before stay at their address, for locks that name them: {place_of(old.url)}.",
            f"Clients may have cached what the name stood for. Clear it with `uv cache clean {project}`, `poetry cache "
            f"clear SOURCE --all -n`, `pdm cache clear`; then lock again, in uv with `--upgrade-package {project}`.",
        )

    def _name_taken(self, old: ListedFile) -> MirrorError:
        return MirrorError(
            "name-taken",
            f"the mirror serves {shown(old.filename)} with other bytes, sha256 {old.sha256}, since {shown(old.upload_time)}",
            hint="Give the new ones a name of their own with --build-tag or --local, or serve them in place of the old ones "
            "with --replace.",
        )

    def _place(self, source: Source, arrival: Arrival) -> None:
        """Put a wheel and its sidecar where the page is to say that they are; what is there already stays."""
        place = place_of(arrival.file.url)
        if place is None:
            raise MirrorError("bad-url", f"{shown(arrival.file.url)} is not in the mirror", hint="Check the page.")
        there = self._folder.size(place)
        if there is None:
            self._unfinished.note([place])
        if there != arrival.file.size or self._folder.sha256(place) != arrival.file.sha256:
            self._folder.take(source, place, self._terms.transfer)
        self._folder.write(place + SIDECAR, arrival.metadata)

    def _yank_original(self, arrival: Arrival, reason: str, originals: Sequence[Path]) -> None:
        origin = arrival.file.origin
        if origin is None:
            return
        listed = self._page.find(origin.filename)
        if origin.filename == arrival.file.filename:
            self._note(
                arrival,
                "The original has the same name, so that it cannot be listed too; a build tag would tell them apart.",
            )
        elif listed is not None and listed.sha256 == origin.sha256:
            self._yank(arrival.path, listed, reason)
        else:
            path = next((each for each in originals if each.name == origin.filename), None)
            if path is None or listed is not None:
                self._note(arrival, f"The original, {shown(origin.filename)}, is not at hand, so that it is not listed.")
                return
            with Source(path) as source:
                original = examine(path, source, sha256=None, now=self._terms.now, leniently=True)
                if original.file.sha256 != origin.sha256:
                    self._note(arrival, f"{shown(str(path))} is not the original, so that it is not listed.")
                    return
                self._place(source, original)
            self._yank(arrival.path, original.file, reason, path)

    def _yank(self, because: Path, file: ListedFile, reason: str, path: Path | None = None) -> None:
        """List the original of the wheel ``because``, yanked; ``path`` is where it came from, if it was not there."""
        self._step(because, replace(file, yanked=reason))
        place = place_of(file.url)
        done = Publication(path, Published.YANKED, self._page.project, file.filename, place, file.sha256)
        self._more.append((because, done))

    def _note(self, arrival: Arrival, note: str) -> None:
        done = self.done[arrival.path]
        self.done[arrival.path] = replace(done, notes=(*done.notes, note))

    def _refuse_mixed(self) -> None:
        """Refuse the wheels of this call whose release would not agree, and take them back."""
        new = {arrival.file.filename: path for path, arrival in self._arrived.items()}
        versions = {arrival.file.version for arrival in self._arrived.values() if self._is_news(arrival.file)}
        for version in sorted(versions):
            files = [each for each in self._page.files if each.version == version and each.yanked is None]
            found = disagreements_of({Path(each.filename): self._requirements(each) for each in files})
            if not found:
                continue
            texts = shown_few([each.requirement for each in found])
            missing = shown_few(sorted({path.name for each in found for path in each.missing}))
            error = MirrorError(
                "mixed-release",
                f"the wheels of {self._page.project} {version} would not agree: {texts}, not required by {missing}",
                hint="Lockers read one wheel and take it for all. Correct all of them, yank those that are not corrected "
                "(--yank-original REASON, or wheelfix mirror yank), or add them all the same with --allow-mixed.",
            )
            for file in files:
                if file.filename in new and self._is_news(file):
                    self._take_back(new[file.filename], error)

    def _is_news(self, file: ListedFile) -> bool:
        old = self._before.find(file.filename)
        return old is None or old.sha256 != file.sha256

    def _requirements(self, file: ListedFile) -> list[str]:
        place = place_of(file.url)
        data = None if place is None else self._folder.read(place + SIDECAR)
        if data is None:
            raise MirrorError(
                "no-sidecar",
                f"the mirror has lost the sidecar of {shown(file.filename)}",
                hint="`wheelfix mirror check --mend` makes it anew.",
            )
        return [each.value.strip() for each in Document.parse_leniently(data).all(REQUIRES)]

    def _take_back(self, path: Path, error: MirrorError) -> None:
        """Refuse the wheel at ``path`` after all, and undo what was done because of it."""
        del self._arrived[path]
        self._steps = [step for step in self._steps if step[0] != path]
        self._page = self._before
        for _, file in self._steps:
            self._page = self._page.with_file(file)
        self._more = [each for each in self._more if each[0] != path]
        self.done[path] = not_done(path, error)
