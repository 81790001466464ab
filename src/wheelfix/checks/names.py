"""What the file name, the folders and the WHEEL file say, compared with METADATA and with each other.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

import re
from collections.abc import Iterator
from typing import Final

from packaging.utils import canonicalize_name

from wheelfix.checks.found import Found
from wheelfix.checks.subject import Subject
from wheelfix.errors import StructureError
from wheelfix.escaping import shown, shown_few
from wheelfix.identity import same_version
from wheelfix.wheel import read_tags

_SCHEMES: Final = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
_INSTALLER_FILES: Final = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})
_FORMAT: Final = re.compile(r"(\d{1,9})(?:\.\d{1,9})+", re.ASCII)
_ONCE: Final = ("Wheel-Version", "Root-Is-Purelib", "Build")
_DATA: Final = ".data"


def check_names(subject: Subject) -> Iterator[Found]:
    """Yield where the names of a wheel do not fit together, and the faults of its WHEEL file."""
    yield from _check_filename(subject)
    yield from _check_folders(subject)
    yield from _check_wheel(subject)


def _check_filename(subject: Subject) -> Iterator[Found]:
    name, document = subject.filename, subject.document
    if name is None:
        return
    if name.parsed_version is None:
        yield Found("filename-bad-version", "", f"{shown(name.version)} is no version (PEP 440)")
    if document is None:
        return
    said, version = document.first("Name"), document.first("Version")
    if said and canonicalize_name(said) != name.project:
        yield Found("filename-name-differs", "Name", f"METADATA says Name {shown(said)}, the file name {name.raw_project}")
    if version and not same_version(version, name.version.replace("_", "-")):
        yield Found(
            "filename-version-differs", "Version", f"METADATA says Version {shown(version)}, the file name {name.version}"
        )


def _check_folders(subject: Subject) -> Iterator[Found]:
    if not subject.dist_info:
        return
    stem = subject.dist_info.removesuffix(".dist-info")
    project, _, version = stem.rpartition("-")
    name = subject.filename
    same = name is None or (
        canonicalize_name(project) == name.project
        and same_version(version.replace("_", "-"), name.version.replace("_", "-"))
    )
    if not same:
        yield Found(
            "dist-info-name-differs",
            shown(subject.dist_info),
            f"the folder is {shown(subject.dist_info)}, the file is {name}",
        )
    for file in sorted(_INSTALLER_FILES.intersection(subject.dist_info_files)):
        yield Found("dist-info-installer-file", file, f"{file} is for an installer to write")
    yield from _check_data(subject, f"{stem}{_DATA}")


def _check_data(subject: Subject, own: str) -> Iterator[Found]:
    """Yield the faults of data folders: pip takes whatever ends with .data for one, and refuses what it cannot place."""
    below: dict[str, list[list[str]]] = {}
    for name in subject.members:
        top, *rest = name.removesuffix("/").split("/", 2)
        if top.endswith(_DATA):
            below.setdefault(top, []).append([] if name.endswith("/") else [*rest, "", ""][:2])
    for folder, files in sorted(below.items()):
        if folder != own and f"{folder}/" in subject.folders:
            yield Found("data-name-differs", shown(folder), f"{shown(folder)} is not {shown(own)}")
        unknown = sorted({"/".join(filter(None, (folder, *file))) for file in files if file and not _is_placed(*file)})
        if unknown:
            yield Found("data-unknown-scheme", shown(folder), f"no installer knows where to put {shown_few(unknown)}")


def _is_placed(scheme: str, file: str) -> bool:
    return scheme in _SCHEMES and bool(file)


def _check_wheel(subject: Subject) -> Iterator[Found]:
    wheel, name = subject.wheel, subject.filename
    if wheel is None:
        return
    for field in _ONCE:
        if len(wheel.all(field)) > 1:
            yield Found("wheel-ambiguous", field, f"{field} stands more than once; readers take either")
    version = _FORMAT.fullmatch(wheel.first("Wheel-Version") or "")
    if version is None:
        yield Found(
            "wheel-no-version", "Wheel-Version", f"Wheel-Version is {shown(wheel.first('Wheel-Version') or 'missing')}"
        )
    elif int(version[1]) != 1:
        yield Found("wheel-newer-version", "Wheel-Version", f"Wheel-Version is {version[0]}; installers know 1.x")
    root = wheel.first("Root-Is-Purelib")
    if root is None or root.lower() not in ("true", "false"):
        yield Found("wheel-no-root", "Root-Is-Purelib", f"Root-Is-Purelib is {shown(root or 'missing')}, not true or false")
    try:
        tags = read_tags(wheel)
    except (ValueError, StructureError) as error:
        yield Found("wheel-bad-tags", "Tag", shown(str(error).partition("\n")[0]))
        return
    if name is None:
        return
    if tags != name.tags:
        extra, missing = (sorted(map(str, each)) for each in (tags - name.tags, name.tags - tags))
        said = [f"WHEEL has {shown_few(extra)} more"] if extra else []
        said += [f"WHEEL lacks {shown_few(missing)}"] if missing else []
        yield Found("wheel-tags-differ", "Tag", f"the tags in WHEEL are not those of the file name: {'; '.join(said)}")
    if wheel.first("Build") != name.build:
        yield Found(
            "wheel-build-differs",
            "Build",
            f"WHEEL says Build {shown(wheel.first('Build') or 'none')}, the file name {name.build or 'none'}",
        )
