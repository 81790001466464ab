"""A wheel under another name: project, version, local version or build tag, wherever the wheel repeats it.

Follows https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and, for versions,
https://packaging.python.org/en/latest/specifications/version-specifiers/.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct, field

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
    old = new = wheel.version
    if naming.version is not None:
        new = normal_version(naming.version)
    elif _extends_version(naming):
        _refuse_unclear_version(wheel)
    if naming.post is not None:
        new = with_post_release(new, naming.post)
    if naming.drop_local:
        new = public(new)
    if naming.local is not None:
        new = with_local_version(new, naming.local)
    pins = () if same_version(new, old) else _broken_pins(old, new)
    return (None if new == wheel.document.first("Version") or not _names_version(naming) else new), pins


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
            raise EditError("no-version", f"{shown(text)} is not a version that can have a local version", hint=hint)
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
    tops = sorted({entry.name.partition("/")[0] for entry in wheel.layout.entries})
    for name in tops:
        parts = data_parts(name)
        if parts and (found := new(parts)) is not None:
            directories[name] = f"{found}{DATA}"
    present = {name.casefold() for name in tops if name not in directories}
    if len(set(directories.values())) < len(directories) or not present.isdisjoint(map(str.casefold, directories.values())):
        raise EditError(
            "same-directory-name",
            "two directories of the wheel would get the same name",
            hint="Build the wheel again, with one of them.",
        )
    if adopted is not None:
        own = f"{wheel.dist_info.removesuffix(INFO)}{DATA}"
        _refuse_adoption(stem, directories, [name for name in tops if name not in {own, *adopted}])
    return {old: new for old, new in directories.items() if old != new}


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
    """Return WHEEL with ``Build`` as the format wants it, ``None`` if it says so already."""
    document = Document.parse(content)
    present = document.all("Build")
    if [each.value.strip() for each in present] == [build]:
        return None
    if present:
        return document.edited({each: build if each is present[0] else None for each in present}).data
    return document.adding("Build", build).data


def build_order(tag: str) -> tuple[int, str]:
    """Return the key by which installers order build tags: the leading number, and then the rest."""
    digits = re.match(r"\d+", tag)
    return int(digits[0]) if digits else 0, tag[digits.end() if digits else 0 :]


class NewNames(Struct, frozen=True):
    """METADATA that says the new name, and the changes by which it does; ``notes`` are sentences for a person.

    Each change comes with the part of the identity that it follows from: name, version or local.
    """

    document: Document
    changes: tuple[tuple[str, Change], ...]
    notes: tuple[str, ...]


def with_new_names(wheel: Wheel, document: Document, renaming: Renaming, naming: Naming = Naming()) -> NewNames:
    """Return ``document``, METADATA of ``wheel`` as it is so far, with the name and version of ``renaming``.

    Requirements of the project on extras of its own follow it, however they spell it.
    """
    changes, notes = list[tuple[str, Change]](), list[str]()
    version_part = _version_part(naming)
    if renaming.name is not None:
        document, found = _set(document, "Name", renaming.name, ChangeAction.SET_NAME, "it gets this name")
        changes += (("name", each) for each in found)
    if renaming.version is not None:
        only_local = version_part == "local"
        action = ChangeAction.SET_FIELD if only_local else ChangeAction.SET_VERSION
        what = "version" if not only_local or naming.drop_local else "local version"
        document, found = _set(document, "Version", renaming.version, action, f"it gets this {what}")
        changes += ((version_part, each) for each in found)
        if pins := " and ".join(renaming.pins):
            others = [public(wheel.version)] if only_local else []  # ==1.0 matches each local version of it
            matching = [f"=={each}" for each in dict.fromkeys((*others, renaming.version))]
            verb = "do" if len(matching) > 1 else "does"
            notes.append(f"Pins such as {pins} no longer match it; {' and '.join(matching)} {verb}.")
    document, found = _own_requirements(wheel, document, renaming)
    changes += (("name" if renaming.name is not None else version_part, each) for each in found)
    changes += list(_unsaid(wheel, renaming, naming, changes))
    return NewNames(document, tuple(changes), tuple(notes))


def _version_part(naming: Naming) -> str:
    """Return what changes a version: only the local one, or all of it."""
    return "local" if naming.version is None and naming.post is None else "version"


def _set(document: Document, name: str, value: str, action: ChangeAction, reason: str) -> tuple[Document, list[Change]]:
    """Return a document whose fields ``name``, or one that is added, have ``value``, and the changes."""
    fields = document.all(name)
    if not fields:
        return document.adding(name, value), [Change(name, action, None, value, reason=reason)]
    changed = [each for each in fields if each.value.strip() != value]
    changes = [Change(name, action, each.value.strip(), value, reason=reason) for each in changed]
    return document.edited(dict.fromkeys(changed, value)), changes


def _own_requirements(wheel: Wheel, document: Document, renaming: Renaming) -> tuple[Document, list[Change]]:
    """Return a document in which requirements of the project on itself follow it, and the changes."""
    if renaming.name is None and renaming.version is None:
        return document, []
    from wheelfix.fix.pins import Move, followed  # imported late: few wheels get another name

    move = Move(wheel.project, wheel.version, renaming.name, renaming.version)
    values: dict[Field, str | None] = {}
    changes = []
    for each in document.all(REQUIRES):
        text = each.value.strip()
        after = followed(text, move)
        if after != text:
            values[each] = after
            changes.append(Change(REQUIRES, move.action, text, after, reason="the project requires itself"))
    return document.edited(values), changes


def _unsaid(
    wheel: Wheel, renaming: Renaming, naming: Naming, said: Iterable[tuple[str, Change]]
) -> Iterable[tuple[str, Change]]:
    """Yield the changes of the file name and of directories, where no change of a field says what they are."""
    fields = {change.field for _, change in said}
    if fields & {"Name", "Version"}:
        return
    part = "name" if naming.name is not None else _version_part(naming)
    old, new = wheel.filename, renaming.filename
    if (old.raw_project, old.version) != (new.raw_project, new.version):
        yield part, Change(FILE_NAME, ChangeAction.RENAME_WHEEL, str(old), str(new), reason="it gets this name")
    for before, after in renaming.directories.items():
        yield part, Change(before, ChangeAction.RENAME_DIRECTORY, before, after, reason="it follows the name of the wheel")


FILE_NAME: Final = "file name"
"""What a change of the file name alone is a change of."""
