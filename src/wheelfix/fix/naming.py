"""A wheel under another name: project, version, local version or build tag, wherever the wheel repeats it.

Follows https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and, for versions,
https://packaging.python.org/en/latest/specifications/version-specifiers/.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, TypeAlias

from msgspec import Struct, field
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError
from wheelfix.options import Naming
from wheelfix.results import Change, ChangeAction
from wheelfix.text import shown
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.filename import (
    WheelFilename,
    normal_version,
    parsed_version,
    public,
    same_version,
    with_local_version,
    with_post_release,
)
from wheelfix.wheel.identity import DATA, INFO, Agreed, data_parts, same_release, stem_parts
from wheelfix.wheel.installed import place_of
from wheelfix.wheel.metadata import Document, Field
from wheelfix.wheel.wheel import Wheel


class Renaming(Struct, frozen=True):
    """What a wheel is called afterwards.

    ``directories`` maps top-level directories to their new names; ``name`` and ``version`` are the new ones for METADATA
    and ``wheel`` the new content of WHEEL, ``None`` if it is kept. ``pins`` are specifiers of the old one that no longer
    match.
    """

    filename: WheelFilename
    dist_info: str
    directories: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    version: str | None = None
    wheel: bytes | None = None
    pins: tuple[str, ...] = ()


def rename(wheel: Wheel, naming: Naming, wheel_file: bytes | None = None) -> Renaming:
    """Return what ``wheel`` is called by ``naming``; ``wheel_file`` is WHEEL where other changes of it come first.

    A name and a version are written wherever the wheel has one, whatever it says there now. A local version or a
    post-release is added to the version that the wheel has, so it must have one.

    :raises EditError: if the wheel has directories for which there is no new name, or no version that could be extended.
    """
    filename = naming.new_filename(wheel.filename)
    name = None if naming.name is None or wheel.document.first("Name") == naming.name else naming.name
    version, pins = _new_version(wheel, naming)
    directories = _new_directories(wheel, filename, naming)
    content = None if naming.build_tag is None else _with_build(wheel_file or wheel.read("WHEEL"), naming.build_tag)
    dist_info = directories.get(wheel.dist_info, wheel.dist_info)
    return Renaming(filename, dist_info, directories, name, version, content, pins)


def rename_to_agree(wheel: Wheel, agreement: Agreed) -> Renaming:
    """Return what ``wheel`` is called once every place says what ``agreement`` does.

    :raises EditError: if two directories of the wheel would get one name.
    """
    stem, filename = agreement.stem, wheel.filename
    known = (stem_parts(wheel.dist_info.removesuffix(INFO)), stem_parts(Agreed(filename).stem), stem_parts(stem))

    def new(parts: tuple[str, str]) -> str | None:
        return stem if any(same_release(parts, each) for each in known) else None

    directories = _directories(wheel, stem, new, adopted=None)
    dist_info = directories.get(wheel.dist_info, wheel.dist_info)
    return Renaming(agreement.filename, dist_info, directories, version=agreement.version)


def _new_version(wheel: Wheel, naming: Naming) -> tuple[str | None, tuple[str, ...]]:
    """Return the new version for METADATA, ``None`` if it is kept, and pins of the old one that no longer match."""
    old = wheel.version
    if _extends_version(naming):
        _refuse_unclear_version(wheel)
    new = [old, *(version for _, version in _version_steps(old, naming))][-1]
    pins = () if same_version(new, old) else _broken_pins(old, new)
    return (None if new == wheel.document.first("Version") or not _names_version(naming) else new), pins


def _version_steps(version: str, naming: Naming) -> Iterator[tuple[str, str]]:
    """Yield what becomes of ``version``, step by step, each with the part of ``naming`` that asks for it."""
    if naming.version is not None:
        version = normal_version(naming.version)
    if naming.post is not None:
        version = with_post_release(version, naming.post)
    if naming.version is not None or naming.post is not None:
        yield "version", version
    if naming.drop_local:
        yield "local", public(version)
    if naming.local is not None:
        yield "local", with_local_version(version, naming.local)


def _extends_version(naming: Naming) -> bool:
    """Whether the new version is made from the one that the wheel has."""
    return naming.version is None and (naming.post is not None or naming.drop_local or naming.local is not None)


def _names_version(naming: Naming) -> bool:
    return naming.version is not None or _extends_version(naming)


def _refuse_unclear_version(wheel: Wheel) -> None:
    """Confirm that METADATA and the file name say one version, to which something can be added.

    :raises EditError: if they do not.
    """
    for text in (wheel.filename.version, wheel.version):
        if parsed_version(text.replace("_", "-")) is None:
            hint = "Only versions by PEP 440 can; build the wheel again."
            raise EditError(
                "no-version-to-extend", f"{shown(text)} is not a version that can have a local version", hint=hint
            )
    said = wheel.document.first("Version") or ""
    if not same_version(said, wheel.filename.version.replace("_", "-")):
        raise EditError(
            "other-version",
            f"METADATA says Version {shown(said or 'nowhere')}, the file name {shown(wheel.filename.version)}",
            hint="Give the wheel one version with `wheelfix edit --version`, or build it again; it is not clear which of "
            "them gets the local version.",
        )


def _new_directories(wheel: Wheel, filename: WheelFilename, naming: Naming) -> dict[str, str]:
    """Return the new names of dist-info and .data; a part that is not asked for stays as it is written."""
    if naming.name is None and not _names_version(naming):
        return {}
    stem = wheel.dist_info.removesuffix(INFO)
    project, version = stem_parts(stem)
    if not version and naming.name is None and naming.version is None:
        raise EditError(
            "no-version-in-directory",
            f"the directory {shown(wheel.dist_info)} names no version",
            hint="Installers look for PROJECT-VERSION.dist-info; fix it with `wheelfix repair --rename-dist-info`, or build "
            "the wheel again.",
        )

    def new(project: str, version: str) -> str:
        name = project if naming.name is None else filename.raw_project
        return f"{name}-{filename.version if _names_version(naming) or not version else version}"

    known, adopted = [(project, version)], list[str]()
    if naming.name is not None or naming.version is not None:  # it is said for all places, whatever they say now
        known.append(stem_parts(Agreed(wheel.filename).stem))
        adopted.append(f"{Agreed(wheel.filename).stem}{DATA}")

    def new_of_data(parts: tuple[str, str]) -> str | None:
        return new(*parts) if any(same_release(parts, each) for each in known) else None

    return _directories(wheel, new(project, version), new_of_data, adopted=adopted)


def _directories(
    wheel: Wheel, stem: str, new: Callable[[tuple[str, str]], str | None], *, adopted: Collection[str] | None = ()
) -> dict[str, str]:
    """Return the new names of the dist-info directory, by ``stem``, and of the .data directories that go with it.

    ``new`` gives the new name of one, without its end, from its project and version; ``None`` if it does not go along. The
    directories ``adopted``, all of them where it is ``None``, may become the wheel's own by this.

    :raises EditError: if two directories would get one name, or another one would become the wheel's own.
    """
    directories = {wheel.dist_info: f"{stem}{INFO}"}
    parted = {name.partition("/")[:2] for name in wheel.names}
    tops = sorted({name for name, _ in parted})
    for name in tops:
        parts = data_parts(name)
        if parts and (name, "/") in parted and (found := new(parts)) is not None:
            directories[name] = f"{found}{DATA}"
    present = {name.casefold() for name in tops if name not in directories}
    if len(set(directories.values())) < len(directories) or not present.isdisjoint(map(str.casefold, directories.values())):
        raise EditError(
            "same-directory-name",
            "two directories of the wheel would get the same name",
            hint="Build the wheel again, with one of them.",
        )
    if directories[wheel.dist_info] != wheel.dist_info:
        _refuse_files_of_dist_info(wheel)
    if adopted is not None:
        own = f"{wheel.dist_info.removesuffix(INFO)}{DATA}"
        _refuse_adoption(stem, directories, [name for name in tops if name not in {own, *adopted}])
    return {old: new for old, new in directories.items() if old != new}


def _refuse_files_of_dist_info(wheel: Wheel) -> None:
    """Refuse a new name for dist-info where the .data directory has files for it: they would stay under the old name.

    :raises EditError: if there is one.
    """
    data = f"{wheel.dist_info.removesuffix(INFO)}{DATA}/"
    for name in wheel.names:
        if name.startswith(data) and place_of(name, data).path.partition("/")[0] == wheel.dist_info:
            raise EditError(
                "other-data-directory",
                f"{shown(name)} is installed into {shown(wheel.dist_info)}, which would get another name",
                hint="Build the wheel again without that file.",
            )


def _refuse_adoption(stem: str, directories: Mapping[str, str], tops: Iterable[str]) -> None:
    """Refuse a name by which a .data directory that is not the wheel's own would become it.

    What uv and installer installed as it stands, below site-packages, they would then spread over scripts, headers and data.
    ``stem`` is the new name of dist-info and .data without their ends, ``tops`` are directories that are none of its own.

    :raises EditError: if there is one.
    """
    own = stem_parts(stem)
    for name in tops:
        parts = data_parts(name)
        if parts is None:
            continue
        becomes_own = directories.get(name) == f"{stem}{DATA}"
        if becomes_own or (name not in directories and same_release(parts, own)):
            raise EditError(
                "other-data-directory",
                f"{shown(name)} would become the .data directory of the wheel, which it is not now",
                hint="Choose another name or version, or build the wheel again without that directory.",
            )


def _broken_pins(old: str, new: str) -> tuple[str, ...]:
    """Return pins that match ``old`` and not ``new``; ``==`` without a local version matches all of a version."""
    if same_version(public(old), public(new)):
        return (f"==={old}",) if "+" not in old else (f"=={old}", f"==={old}")
    return (f"=={old}",)


def _with_build(content: bytes, build: str) -> bytes | None:
    """Return WHEEL with ``Build`` as the format wants it, ``None`` if it says so already.

    The field keeps its spelling, unlike where a repair corrects it (:func:`wheelfix.wheel.wheel_file.with_field`).
    """
    document = Document.parse(content, "WHEEL")
    present = document.all("Build")
    if [each.value.strip() for each in present] == [build]:
        return None
    if present:
        return document.edited({each: build if each is present[0] else None for each in present}).data
    return document.adding("Build", build).data


class NewNames(Struct, frozen=True):
    """METADATA that says the new name, and the changes by which it does; ``notes`` are sentences for a person.

    Each change comes with the part of the identity that it follows from: name, version or local.
    """

    document: Document
    changes: tuple[tuple[str, Change], ...]
    notes: tuple[str, ...]


def with_new_names(wheel: Wheel, document: Document, renaming: Renaming, naming: Naming = Naming()) -> NewNames:
    """Return ``document``, METADATA of ``wheel`` as it is so far, with the name and version of ``renaming``.

    A version that more than one part of ``naming`` makes has a change for each of them, one after the other: each can come
    from another rule. Requirements of the project on extras of its own follow it, however they spell it.
    """
    changes, notes = list[tuple[str, Change]](), list[str]()
    only_local = "version" not in _parts(naming)
    steps = list(_version_steps(wheel.version, naming)) or [("local", renaming.version or wheel.version)]
    if renaming.name is not None:
        reason = "it gets this name"
        document, found = _set(document, "Name", [("name", renaming.name, ChangeAction.SET_NAME, reason)])
        changes += found
    if renaming.version is not None:
        document, found = _set(document, "Version", [_version_step(part, version, naming) for part, version in steps])
        changes += found
        if pins := " and ".join(renaming.pins):
            others = [public(wheel.version)] if only_local else []  # ==1.0 matches each local version of it
            matching = [f"=={each}" for each in dict.fromkeys((*others, renaming.version))]
            verb = "do" if len(matching) > 1 else "does"
            notes.append(f"Pins such as {pins} no longer match it; {' and '.join(matching)} {verb}.")
    document, found = _own_requirements(wheel, document, renaming, steps)
    changes += found
    changes += list(_unsaid(wheel, renaming, naming, changes))
    return NewNames(document, tuple(changes), tuple(notes))


_Step: TypeAlias = tuple[str, str, ChangeAction, str]
"""The part of the identity that asks for a value, the value, and the action and reason of the change."""


def _version_step(part: str, version: str, naming: Naming) -> _Step:
    if part == "version":
        return part, version, ChangeAction.SET_VERSION, "it gets this version"
    return part, version, ChangeAction.SET_FIELD, f"it gets this {'version' if naming.drop_local else 'local version'}"


def _set(document: Document, name: str, steps: Sequence[_Step]) -> tuple[Document, list[tuple[str, Change]]]:
    """Return a document whose fields ``name``, or one that is added, have the value of the last step, and the changes."""
    value = steps[-1][1]
    changed = [each for each in document.all(name) if each.value.strip() != value]
    present: list[str | None] = [each.value.strip() for each in changed]
    if document.all(name):
        new = document.edited(dict.fromkeys(changed, value))
    else:
        new, present = document.adding(name, value), [None]
    return new, [each for before in present for each in _changes(name, before, steps)]


def _changes(name: str, before: str | None, steps: Iterable[_Step]) -> Iterator[tuple[str, Change]]:
    """Yield the changes of one field by ``steps``; one that changes nothing is none."""
    for part, after, action, reason in steps:
        if after != before:
            yield part, Change(name, action, before, after, reason=reason)
            before = after


def _own_requirements(
    wheel: Wheel, document: Document, renaming: Renaming, steps: Sequence[tuple[str, str]]
) -> tuple[Document, list[tuple[str, Change]]]:
    """Return a document in which requirements of the project on itself follow it, and the changes."""
    if renaming.name is None and renaming.version is None:
        return document, []
    from wheelfix.fix.pins import Move, followed  # imported late: few wheels get another name

    moves = list[tuple[str, Move]]()
    project, version = wheel.project, wheel.version
    if renaming.name is not None:
        moves.append(("name", Move(project, version, renaming.name)))
        project = canonicalize_name(renaming.name)
    for part, new in steps if renaming.version is not None else ():
        moves.append((part, Move(project, version, None, new)))
        version = new
    whole = Move(wheel.project, wheel.version, renaming.name, renaming.version)
    values: dict[Field, str | None] = {}
    changes = list[tuple[str, Change]]()
    for each in document.all(REQUIRES):
        text = each.value.strip()
        after = followed(text, whole)
        if after == text:
            continue
        values[each] = after
        texts = list(accumulate(moves, lambda before, move: followed(before, move[1]), initial=text))
        by_step = [(part, move.action, new) for (part, move), new in zip(moves, texts[1:], strict=True)]
        if texts[-1] != after:  # ==1.0,!=2.0 does not follow by way of 2.0 to 2.0+cpu
            by_step = [(moves[-1][0], whole.action, after)]
        own = [(part, new, action, "the project requires itself") for part, action, new in by_step]
        changes += _changes(REQUIRES, text, own)
    return document.edited(values), changes


def _unsaid(
    wheel: Wheel, renaming: Renaming, naming: Naming, said: Sequence[tuple[str, Change]]
) -> Iterator[tuple[str, Change]]:
    """Yield the changes of the file name and of directories, where no change of a field says what they are."""
    said_by = {part for part, change in said if change.field in ("Name", "Version")}
    before = wheel.filename
    for part, after in _filename_steps(wheel, renaming, naming):
        if (before.raw_project, before.version) != (after.raw_project, after.version) and part not in said_by:
            action = ChangeAction.RENAME_WHEEL
            yield part, Change(FILE_NAME, action, str(before), str(after), reason="it gets this name")
        before = after
    if said_by:
        return
    part = _parts(naming)[0]
    for old, new in renaming.directories.items():
        yield part, Change(old, ChangeAction.RENAME_DIRECTORY, old, new, reason="it follows the name of the wheel")


def _filename_steps(wheel: Wheel, renaming: Renaming, naming: Naming) -> Iterator[tuple[str, WheelFilename]]:
    """Yield the file name as each part of ``naming`` makes it, one after the other; the last one is the new one."""
    *earlier, last = _parts(naming)
    by = {"name": Naming(name=naming.name), "version": Naming(name=naming.name, version=naming.version, post=naming.post)}
    yield from ((part, by[part].new_filename(wheel.filename)) for part in earlier)
    yield last, renaming.filename


def _parts(naming: Naming) -> list[str]:
    """Return the parts of the identity that ``naming`` gives; what is made to agree without it is the local version."""
    given = {
        "name": naming.name is not None,
        "version": naming.version is not None or naming.post is not None,
        "local": naming.local is not None or naming.drop_local,
    }
    return [part for part, is_given in given.items() if is_given] or ["local"]


FILE_NAME: Final = "file name"
"""What a change of the file name alone is a change of."""
