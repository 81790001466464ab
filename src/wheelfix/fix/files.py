"""What edits do to the files of one wheel beside METADATA: those that go, and what follows in the lists of dist-info."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from wheelfix.errors import EditError, RecordError
from wheelfix.evidence.elf import is_binary
from wheelfix.evidence.imports import Need, Removal
from wheelfix.fix.plan import check_path
from wheelfix.globs import matches, path_matcher
from wheelfix.options import Policy, Scan
from wheelfix.results import Change, ChangeAction, Problem
from wheelfix.text import shown, shown_few
from wheelfix.wheel.edits import AddEntryPoint, RemoveEntryPoint, RemoveFiles
from wheelfix.wheel.entry_points import ENTRY_POINTS, EntryPoint, EntryPoints, entry_point_error
from wheelfix.wheel.modules import Modules, library_path
from wheelfix.wheel.record import plain_path
from wheelfix.wheel.wheel import Wheel

if TYPE_CHECKING:
    from wheelfix.evidence.verdict import Evidence

_LISTS: Final = ("top_level.txt", "namespace_packages.txt")
"""The files of dist-info that list what the wheel installs, a name on each line."""
_MOST_NOTES: Final = 20


class FileEdits:
    """The files that edits remove from ``wheel``, and its entry points as edits leave them.

    ``files`` are those of dist-info with new content, ``None`` for one that goes; what is done here is noted there.
    """

    def __init__(self, wheel: Wheel, files: dict[str, bytes | None]) -> None:
        self._wheel = wheel
        self._files = files
        self._data = f"{wheel.dist_info.removesuffix('.dist-info')}.data"
        self._removed: dict[str, tuple[str | None, str | None]] = {}
        self._by_pattern: dict[str, tuple[str | None, str | None]] = {}
        self._point_changes: dict[tuple[str, str], Change] = {}
        self._added: list[EntryPoint] = []

    def note(self, edit: RemoveFiles | AddEntryPoint | RemoveEntryPoint, rule: str | None, reason: str | None) -> bool:
        """Note what ``edit`` changes, which ``rule`` asked for; return whether the wheel has what it is about.

        :raises EditError: if it is not possible.
        """
        match edit:
            case RemoveFiles():
                return self._remove(edit, rule, reason)
            case AddEntryPoint():
                return self._add_entry_point(edit, rule, reason)
            case RemoveEntryPoint():
                return self._remove_entry_point(edit, rule, reason)
            case _:
                assert_never(edit)

    def _remove(self, edit: RemoveFiles, rule: str | None, reason: str | None) -> bool:
        """Note that the files go which a pattern of ``edit`` matches; return whether there are any."""
        found = [name for name in self._wheel.names if name not in self._removed and self._is_meant(name, edit)]
        prefix = f"{self._wheel.dist_info}/"
        for name in found:
            path = name.removeprefix(prefix)
            if path == name or path.endswith("/"):
                self._removed[name] = rule, reason
                continue
            check_path(path)
            self._files[path] = None
            self._by_pattern[path] = rule, reason
        return bool(found)

    def _is_meant(self, name: str, edit: RemoveFiles) -> bool:
        """Whether a pattern matches; what is in dist-info, only if the pattern says so, and a directory if it means it."""
        patterns = edit.patterns
        if name.startswith(f"{self._wheel.dist_info}/"):
            patterns = tuple(each for each in patterns if "/" in each and _first_part(each).endswith(".dist-info"))
        if name.endswith("/"):
            patterns = tuple(each for each in patterns if each.endswith("/"))
        return any(path_matcher(each)(name) for each in patterns)

    def _add_entry_point(self, edit: AddEntryPoint, rule: str | None, reason: str | None) -> bool:
        """Note that the wheel gets an entry point, or another value for one of that name."""
        point = EntryPoint(edit.group, edit.name, edit.value)
        if wrong := entry_point_error(point):
            raise EditError("invalid-entry-point", wrong[0], hint=wrong[1])
        points = self._points()
        old = next((each for each in points.points if each[:2] == point[:2]), None)
        if old != point:
            self._files[ENTRY_POINTS] = points.with_point(point).data
            self._added.append(point)
            self._note_point(point, old.value if old else None, point.value, (rule, reason))
        return True

    def _remove_entry_point(self, edit: RemoveEntryPoint, rule: str | None, reason: str | None) -> bool:
        """Note that the entry points go which ``edit`` means; return whether there are any."""
        points = self._points()
        modules = self._modules()
        unwanted = {each for each in points.points if _is_unwanted(each, edit, modules)}
        if unwanted:
            self._files[ENTRY_POINTS] = points.without(unwanted.__contains__).data
        for each in points.points:
            if each in unwanted:
                self._note_point(each, each.value, None, (rule, reason))
        return bool(unwanted)

    def _modules(self) -> Modules:
        """Return the modules of the wheel without the files that go."""
        return Modules((name for name in self._wheel.names if name not in self._removed), self._data)

    def _points(self) -> EntryPoints:
        return EntryPoints(self._content(ENTRY_POINTS))

    def _content(self, path: str) -> bytes | None:
        """Return the content of a file of dist-info after the edits so far, ``None`` where there is none."""
        if path in self._files:
            return self._files[path]
        return self._wheel.read(path) if self._wheel.entry(path) else None

    def _note_point(
        self, point: EntryPoint, before: str | None, after: str | None, by: tuple[str | None, str | None]
    ) -> None:
        """Note a change to an entry point; of several to one of them the result counts."""
        earlier = self._point_changes.pop(point[:2], None)
        before = earlier.before if earlier else before
        if before != after:
            action = ChangeAction.REMOVE_ENTRY_POINT if after is None else ChangeAction.ADD_ENTRY_POINT
            self._point_changes[point[:2]] = Change(point.place, action, before, after, by[0], reason=by[1])

    @property
    def edited(self) -> Sequence[str]:
        """The files of dist-info of which lines are kept and others change."""
        return [path for path in (ENTRY_POINTS, *_LISTS) if self._files.get(path) is not None and self._wheel.entry(path)]

    def entries(self) -> tuple[str, ...]:
        """Return the entries outside of dist-info that go, by name: files, and directories in which nothing is left."""
        if not self._removed:
            return ()
        emptied = self._emptied()
        names = (name for name in self._wheel.names if name.endswith("/") and name not in self._removed)
        return (*self._removed, *(name for name in names if emptied(name)))

    def rows(self) -> frozenset[str]:
        """Return the paths of the rows of RECORD that go with the entries, those of directories without their slash.

        :raises RecordError: if RECORD cannot be read.
        """
        if not self._removed:
            return frozenset()
        emptied = self._emptied()
        gone = {name.rstrip("/") for name in self.entries()}
        for _, row in self._wheel.record.read_rows():
            if not isinstance(row, RecordError):
                path = plain_path(row.path).lstrip("/")
                if path not in gone and path not in self._wheel.names and emptied(f"{path}/"):
                    gone.add(path)
        return frozenset(gone)

    def _emptied(self) -> Callable[[str], bool]:
        """Return what says of a directory, with its slash, whether files in it go and none remains."""
        names = (name for name in self._wheel.names if not name.endswith("/"))
        kept, gone = list[str](), list[str]()
        for name in names:
            (gone if name in self._removed else kept).append(name)
        kept.sort()
        gone.sort()
        return lambda directory: _any_below(gone, directory) and not _any_below(kept, directory)

    def finish(self) -> None:
        """Take the names of modules that are gone from the lists in dist-info; a list in which nothing is left goes too."""
        if not self._removed:
            return
        before, after = self._library_names(), self._library_names(self._removed)
        for path in _LISTS:
            content = self._content(path)
            if content is None:
                continue
            lines = content.splitlines(keepends=True)
            left = [line for line in lines if not (_listed(line) in before and _listed(line) not in after)]
            if len(left) < len(lines):
                self._files[path] = b"".join(left) if any(map(_listed, left)) else None
                self._by_pattern[path] = None, "it listed removed modules only"

    def _library_names(self, without: Iterable[str] = ()) -> set[str]:
        """Return the names, with slashes, of the modules and directories that the wheel installs for import."""
        gone, found = {*without}, set[str]()
        for name in self._wheel.names:
            if name in gone or name.endswith("/"):
                continue
            *directories, last = library_path(name, self._data).split("/", _DEEPEST_LISTED)
            found.update("/".join(directories[:count]) for count in range(1, len(directories) + 1))
            if "/" not in last:
                found.add("/".join([*directories, last.partition(".")[0]]))
        return found

    def changes(self, made: Iterable[Change]) -> list[Change]:
        """Return all changes to files: those ``made`` to dist-info, with the rules behind them, and the others."""
        followed = {ENTRY_POINTS} if self._point_changes and self._files.get(ENTRY_POINTS) is not None else ()
        found = [_by(each, self._by_pattern.get(each.field)) for each in made if each.field not in followed]
        found += self._point_changes.values()
        for name in self.entries():
            rule, reason = self._removed.get(name, (None, "nothing is left in it"))
            found.append(Change(name, ChangeAction.REMOVE_PAYLOAD_FILE, None, None, rule, reason=reason))
        return found

    def objection(self, policy: Policy, evidence: "Callable[[], Evidence]") -> tuple[Problem | None, list[str]]:
        """Return why these edits must not be made, ``None`` if they may, and what to note of them."""
        needs = chain(self._missing_modules(), self._needs(policy, evidence))
        if policy.force:
            forced = [f"Forced: {each.reason}." for each in islice(needs, _MOST_NOTES + 1)]
            more = ["Forced: there is more like this."] if len(forced) > _MOST_NOTES else []
            return None, forced[:_MOST_NOTES] + more
        unread = [name for name in self._removed if is_binary(name)] if policy.scan is Scan.NEVER else []
        need = _first_of(needs)
        return _problem(need) if need else None, [_not_read(unread)] if unread else []

    def _missing_modules(self) -> Iterator[Need]:
        """Yield the new entry points whose module is not in the wheel."""
        if not self._added:
            return
        there, modules = self._points().points, self._modules()
        for point in self._added:
            if point in there and not point.is_provided(modules):
                yield Need("", f"the module of the entry point {point.place} is not in the wheel")

    def _needs(self, policy: Policy, evidence: "Callable[[], Evidence]") -> Iterator[Need]:
        """Yield what needs the files that go."""
        if not self._removed:
            return
        wheel = self._wheel
        files = dict.fromkeys(name for name in self._removed if not name.endswith("/"))
        removal = Removal((name for name in wheel.names if not name.endswith("/")), files, self._data)
        yield from self._last_files(removal)
        yield from self._entry_points(removal)
        yield from removal.bare_packages()
        if wheel.directory is None:
            yield from removal.imports(wheel.source, wheel.layout)
        elif removal.missing:
            yield Need(next(iter(files)), "only the directory of the wheel was read, and not what imports it", certain=False)
        if policy.scan is not Scan.NEVER:
            yield from removal.links(lambda: evidence().read_all())

    def _last_files(self, removal: Removal) -> Iterator[Need]:
        prefix = f"{self._wheel.dist_info}/"
        if removal.removed and all(name.startswith(prefix) for name in removal.remaining):
            yield Need(next(iter(removal.removed)), _NOTHING_LEFT)

    def _entry_points(self, removal: Removal) -> Iterator[Need]:
        """Yield the entry points whose module goes."""
        if not removal.missing or self._content(ENTRY_POINTS) is None:
            return
        try:
            points = self._points().points
        except EditError as error:
            yield Need(next(iter(removal.removed)), error.message, certain=False)
            return
        for each in points:
            if each.module and not each.is_provided(removal.modules):
                names = (each.module, each.module.rpartition(".")[0])
                if gone := next((name for name in names if name in removal.missing), None):
                    file = removal.file_of(gone)
                    yield Need(file, f"{shown(file)} is the module of the entry point {each.place}")


_NOTHING_LEFT: Final = "no file but those in dist-info would be left"
_DEEPEST_LISTED: Final = 5
"""How deep the names in the lists can lie; most are at the top."""


def _first_part(pattern: str) -> str:
    return pattern.removeprefix("/").partition("/")[0]


def _is_unwanted(point: EntryPoint, edit: RemoveEntryPoint, modules: Modules) -> bool:
    return (
        (not edit.name or matches(edit.name, point.name))
        and (not edit.group or matches(edit.group, point.group))
        and (not edit.missing_module or not point.is_provided(modules))
    )


def _any_below(names: Sequence[str], directory: str) -> bool:
    """Whether one of the sorted ``names`` is in ``directory``, which ends with a slash."""
    index = bisect_left(names, directory)
    return index < len(names) and names[index].startswith(directory)


def _listed(line: bytes) -> str:
    """Return the name on a line of a list, with slashes."""
    return line.decode("utf-8", "replace").strip().replace(".", "/")


def _by(change: Change, by: tuple[str | None, str | None] | None) -> Change:
    return replace(change, rule=by[0], reason=by[1]) if by and change.rule is None else change


def _first_of(needs: Iterable[Need]) -> Need | None:
    """Return the first need that is certain, else the first one, ``None`` without any."""
    first = None
    for each in needs:
        if each.certain:
            return each
        first = first or each
    return first


def _not_read(names: Sequence[str]) -> str:
    known = f"whether one that is kept links to {shown_few(names)} is not known"
    return f"Binaries not read (--scan always reads them): {known}."


def _problem(need: Need) -> Problem:
    if not need.file:
        hint = "Correct its value, or add it anyway with --force."
        return Problem("entry-point-no-module", need.reason, hint)
    hint = "Remove fewer files, or all that belong together; --force removes them anyway."
    if not need.certain:
        return Problem("file-need-unknown", f"no evidence that {shown(need.file)} is unused", hint, need.reason)
    if need.reason == _NOTHING_LEFT:
        return Problem("file-needed", need.reason, "Remove fewer files; --force removes them anyway.")
    return Problem("file-needed", f"it needs {shown(need.file)}", hint, need.reason)
