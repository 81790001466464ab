"""Resolves releases at a target: as many as possible in one run of uv, and each alone where they do not fit each other.

An answer is kept with what identifies all pages that uv asked for, and METADATA that it read. If these are the same in
another run, uv is not started: that a wheel is in the mirror by now, which it was resolved for, makes no difference.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from packaging.version import Version

from wheelfix.errors import MirrorError, WheelfixError
from wheelfix.sync.dependencies.loopback import Loopback
from wheelfix.sync.dependencies.offers import Catalogue, Offer, Patches, Read, View, releases_of
from wheelfix.sync.dependencies.platforms import Platform, Target, find_target
from wheelfix.sync.dependencies.uv import Resolution, Uv
from wheelfix.upstream.cache import remove_old
from wheelfix.wheel.filename import WheelFilename, parsed_version

_FORM: Final = 3
_SUFFIX: Final = ".json"
_GROUPS: Final = ".groups.json"
_MOST_GROUPS: Final = 1000
_NO_VERSION: Final = "there are no versions of {}"
_NOT_FOUND: Final = "{} was not found in the package registry"
"""What uv says of projects without files; which of both depends on the marker."""
_MOST_REFUSED: Final = 3
_MOST_RUNS: Final = 20_000
"""How often uv is started: each time takes a tenth of a second, and releases that fit no others are resolved alone."""
_TOO_MANY: Final = "more than {:,} resolutions do not find out; allow fewer releases, platforms or Pythons"


class Root(Struct, frozen=True, order=True):
    """A release that must be installable: its ``project`` (normalized), ``version``, and the ``extras`` that are wanted."""

    project: str
    version: str
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.project}{extras}=={self.version}"


class Unresolved(Struct, frozen=True):
    """A release that cannot be resolved at a ``target``, and why, as a clause."""

    root: Root
    target: Target
    reason: str


class Resolved(Struct):
    """What resolutions chose: ``releases`` by project and version, and what could not be resolved."""

    releases: set[tuple[str, Version]] = field(default_factory=set)
    unresolved: list[Unresolved] = field(default_factory=list)


class _Answer(Struct, frozen=True):
    """What uv answers, and what of that depends on the patch release of the Python."""

    resolution: Resolution
    patches: Patches = Patches()

    @property
    def found(self) -> bool:
        """Whether it resolves."""
        return self.resolution.found


class _Question(Struct, frozen=True):
    """Where to resolve, of what, which versions to keep, and which releases an earlier run resolved together."""

    target: Target
    views: Sequence[View]
    keep: Mapping[str, str]
    groups: Sequence[tuple[Root, ...]]


class _Kept(Struct, frozen=True):
    form: int
    visited: dict[str, str]
    read: tuple[Read, ...]
    pins: dict[str, str]
    reason: str
    patches: Patches


_DECODER: Final = msgspec.json.Decoder(_Kept)
_GROUPS_DECODER: Final = msgspec.json.Decoder(list[tuple[Root, ...]])


class Resolver:
    """Resolves what ``loopback`` shows of ``catalogue`` with ``uv``; answers are kept in the directory ``kept``."""

    def __init__(self, uv: Uv, loopback: Loopback, catalogue: Catalogue, kept: Path) -> None:
        self._uv = uv
        self._loopback = loopback
        self._catalogue = catalogue
        self._kept = kept
        remove_old(kept, f"*{_SUFFIX}")

    def resolve(
        self, roots: Mapping[Target, Sequence[Root]], *views: View, keep: Mapping[str, str] | None = None
    ) -> Resolved:
        """Return what ``roots`` stand for at each target, of what is seen in the first of ``views`` in which they resolve.

        The newest releases of all projects are resolved together, then the next ones, and so on; where these do not fit each
        other, those that an earlier run resolved together. Versions by project that are to be kept, where others are as
        good, are in ``keep``.

        :raises MirrorError: if uv does not run.
        """
        found = Resolved()
        for target, mine in roots.items():
            path = self._kept / f"{hashlib.sha256(repr(target).encode()).hexdigest()}{_GROUPS}"
            before, groups = _load_groups(path), list[tuple[Root, ...]]()
            question = _Question(target, views, keep or {}, before)
            for layer in _layers(mine):
                groups += self._resolve(layer, question, found)
            if len(mine) > 1 and groups != before:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(msgspec.json.encode([*groups, *_of_others(before, mine)]))
        return found

    def _resolve(self, roots: Sequence[Root], question: _Question, found: Resolved) -> list[tuple[Root, ...]]:
        """Resolve ``roots`` together, or else in parts, down to each alone; return which resolve together."""
        target = question.target
        answers = self._answers(roots, target, question.views, question.keep)
        if all(each.found for each in answers):
            pins = (pin for each in answers for pin in each.pins.items())
            found.releases |= {(name, version) for name, text in pins if (version := parsed_version(text))}
            return [tuple(roots)]
        if len(roots) == 1:
            found.unresolved.append(Unresolved(roots[0], target, answers[-1].reason))
            return [tuple(roots)]
        return [group for part in _parts(roots, question.groups) for group in self._resolve(part, question, found)]

    def _answers(
        self, roots: Sequence[Root], target: Target, views: Sequence[View], keep: Mapping[str, str]
    ) -> list[Resolution]:
        """Return an answer for the oldest patch release of the Python, and one for the latest where it may be another one.

        A dependency may need a newer libc or macOS, or a later patch release, than what requires it.
        """
        first = self._first(roots, target, views, keep)
        if not first.found and len(roots) == 1:
            late = [target.late, target.late.newest] if first.patches.allowed else []
            for other in dict.fromkeys([target.newest, *late]):
                again = first if other == target else self._first(roots, other, views, keep)
                if again.found:
                    return [again.resolution]
        if not first.found or first.patches == Patches():
            return [first.resolution]
        last = self._last(roots, target.late, views, keep)
        return [first.resolution] if last is None else [first.resolution, last.resolution]

    def _last(self, roots: Sequence[Root], late: Target, views: Sequence[View], keep: Mapping[str, str]) -> _Answer | None:
        """Return the answer for the latest patch release, ``None`` if none of ``roots`` is for it."""
        mine = [each for each in roots if self._is_for(each, late)]
        if not mine:
            return None
        answer = self._first(mine, late, views, keep)
        if answer.found or len(roots) > 1 or late.newest == late:
            return answer
        newest = self._first(mine, late.newest, views, keep)
        return newest if newest.found else answer

    def _is_for(self, root: Root, target: Target) -> bool:
        """Whether a wheel of ``root`` is for the Python of ``target``."""
        offers = self._catalogue.offers(root.project).files
        return any(str(each.version) == root.version and target.allows(each.requires_python) for each in offers)

    def _first(self, roots: Sequence[Root], target: Target, views: Sequence[View], keep: Mapping[str, str]) -> _Answer:
        """Return the first answer that finds something, or the last one."""
        answer = _Answer(Resolution({}))
        for view in views:
            answer = self._answer(roots, target, view, keep)
            if answer.found:
                break
        return answer

    def _answer(self, roots: Sequence[Root], target: Target, view: View, keep: Mapping[str, str]) -> _Answer:
        texts = sorted(map(str, roots))
        where = [target.uv, target.python, target.macos]
        question = [_FORM, self._uv.identity, texts, where, view.releases is None, view.young]
        path = self._kept / f"{hashlib.sha256(json.dumps(question).encode()).hexdigest()}{_SUFFIX}"
        known = _load(path)
        if known is not None and self._is_valid(known, path, view, keep):
            return _Answer(Resolution(known.pins, known.reason), known.patches)
        if self._uv.runs >= _MOST_RUNS:
            return _Answer(Resolution({}, _TOO_MANY.format(_MOST_RUNS), final=False))
        index = self._loopback.show(view)
        try:
            answer = self._uv.resolve(index, texts, target, keep)
        except MirrorError:
            if not self._loopback.failures:
                raise
            answer = Resolution({}, "?")
        if not answer.found and self._loopback.failures:  # it is no answer, but what could not be served
            return _Answer(Resolution({}, next(iter(self._loopback.failures.values()))))
        if not answer.found:
            answer = replace(answer, reason=self._explained(answer.reason))
        visited = self._state(self._loopback.visited, view, keep)
        if visited is None:
            return _Answer(answer)
        patches, read = self._catalogue.patches(visited, view, target.minor), self._catalogue.read(visited, view)
        if answer.final and read is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _save(path, _Kept(_FORM, visited, read, dict(answer.pins), answer.reason, patches))
        return _Answer(answer, patches)

    def _is_valid(self, known: _Kept, path: Path, view: View, keep: Mapping[str, str]) -> bool:
        """Whether uv would read now what it read for the answer at ``path``."""
        if known.visited != self._state(known.visited, view, keep):
            return False
        try:
            read = self._catalogue.read_again(known.read, view)
        except (WheelfixError, OSError):  # uv asks for it again, and then it is an error
            return False
        if read is not None and read != known.read:
            _save(path, replace(known, read=read))
        return read is not None

    def _state(self, projects: Iterable[str], view: View, keep: Mapping[str, str]) -> dict[str, str] | None:
        """Return what the pages that an answer depends on show, by project; ``None`` if one cannot be read.

        That a version is to be kept which is preferred anyway makes no difference.
        """
        found = {}
        try:
            for each in projects:
                kept = keep.get(each, "")
                other = kept if kept != self._catalogue.newest(each, view) else ""
                found[each] = f"{self._catalogue.digest(each, view)} {other}"
        except MirrorError:
            return None
        return found

    def _explained(self, reason: str) -> str:
        """Return a reason with what is known of the projects that it names: no wheels, yanked or refused ones."""
        yanked = list[str]()
        for project in self._loopback.visited:
            why = "" if (offers := self._catalogue.offers(project)).files else f"{project} {offers.why}"
            pins = re.findall(rf"(?<![\w.-]){re.escape(project)}==([^\s,;]+)", reason)
            yanked += [f"{project} {version} is yanked" for version in sorted({*pins} & offers.yanked)]
            for text in (_NO_VERSION, _NOT_FOUND) if why else ():
                reason = re.sub(rf"{text.format(re.escape(project))}(?![\w.-])", _literal(why), reason)
        words = {word.rstrip(",.;") for word in re.split(r"\s|[<>=!~]=?", reason)}
        refused = (text for release, text in self._catalogue.refused.items() if release.partition(" ")[0] in words)
        return "; ".join([reason, *yanked, *islice(refused, _MOST_REFUSED)])


def roots_at(
    offers: Mapping[str, Sequence[Offer]],
    extras: Mapping[str, tuple[str, ...]],
    platforms: Iterable[Platform],
    pythons: Sequence[str],
) -> Iterator[tuple[Target, Root]]:
    """Yield the releases of ``offers``, by project, with each target that one of their wheels is for."""
    places = [(platform, python) for platform in platforms for python in pythons]
    for project, mine in offers.items():
        for version, wheels in releases_of(mine).items():
            known = [(each.name, each.requires_python) for each in wheels]
            for platform, python in places:
                if (target := find_target(platform, python, known)) is not None:
                    yield target, Root(project, str(version), extras.get(project, ()))


def names_of(offers: Mapping[str, Sequence[Offer]]) -> list[WheelFilename]:
    """Return the names of all wheels of ``offers``."""
    return [each.name for mine in offers.values() for each in mine]


def _literal(text: str) -> str:
    return text.replace("\\", r"\\")


def _layers(roots: Iterable[Root]) -> Iterator[list[Root]]:
    """Yield the newest release of each project, then the next of each, and so on: these fit each other most likely."""
    projects: dict[str, list[Root]] = {}
    for each in sorted(roots, key=lambda root: (root.project, Version(root.version)), reverse=True):
        projects.setdefault(each.project, []).append(each)
    for layer in zip_longest(*projects.values()):
        yield [each for each in layer if each is not None]


def _parts(roots: Sequence[Root], groups: Iterable[Iterable[Root]]) -> list[Sequence[Root]]:
    """Return parts of ``roots``: as they are in ``groups`` and what is in none, or else halves."""
    left, parts = dict.fromkeys(roots), list[Sequence[Root]]()
    for group in groups:
        if known := [each for each in group if each in left]:
            parts.append(known)
            for each in known:
                del left[each]
    if left:
        parts.append([*left])
    half = len(roots) // 2
    return parts if len(parts) > 1 else [roots[:half], roots[half:]]


def _of_others(groups: Iterable[tuple[Root, ...]], roots: Iterable[Root]) -> list[tuple[Root, ...]]:
    """Return those of ``groups`` that have none of ``roots``: another manifest may have them in the same mirror."""
    mine = frozenset(roots)
    return [each for each in groups if mine.isdisjoint(each)][:_MOST_GROUPS]


def _load_groups(path: Path) -> list[tuple[Root, ...]]:
    try:
        found = _GROUPS_DECODER.decode(path.read_bytes())
        os.utime(path)
    except (OSError, msgspec.MsgspecError):  # then nothing is known of earlier runs
        return []
    return found


def _save(path: Path, kept: _Kept) -> None:
    path.write_bytes(msgspec.json.encode(kept))  # one that is cut off counts as none


def _load(path: Path) -> _Kept | None:
    try:
        found = _DECODER.decode(path.read_bytes())
        os.utime(path)
    except (OSError, msgspec.MsgspecError):  # nothing is kept, or nothing that can be read: it is resolved anew
        return None
    return found if found.form == _FORM else None
