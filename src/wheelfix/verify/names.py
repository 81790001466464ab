"""What the file name, the directories and the WHEEL file say, compared with METADATA and with each other.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.codes import Client, in_table_order
from wheelfix.errors import EditError, MetadataError, StructureError
from wheelfix.text import cut, shown, shown_few
from wheelfix.verify.client_quirks import has_number_too_large
from wheelfix.verify.subject import LetNamesAgree, RawFinding, SetWheelField, SetWheelTags, Subject
from wheelfix.wheel.filename import WheelFilename, parsed_version, same_version
from wheelfix.wheel.identity import Agreed, agreed, data_parts, same_release, stem_parts
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.sbom import read_json
from wheelfix.wheel.wheel import read_tags

_SCHEMES: Final = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
_INSTALLER_FILES: Final = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})
_PROJECT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?")
_TAGS: Final = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*")
_BUILD: Final = re.compile(r"0*([0-9]+)[A-Za-z0-9_.]*")
_MOST_DIGITS: Final = 25
_LARGEST_BUILD: Final = (1 << 64) - 1
_VARIANT: Final = "variant.json"
_DATA: Final = ".data"


def check_names(subject: Subject) -> Iterator[RawFinding]:
    """Yield where the names of a wheel do not fit together."""
    agreement = _agreement(subject)
    fixes = () if agreement is None else (LetNamesAgree(agreement.version),)
    yield from _check_filename(subject, fixes)
    yield from _check_directories(subject, fixes)


def _agreement(subject: Subject) -> Agreed | None:
    """Return what the wheel must be called so that all places agree, ``None`` where that is not plain."""
    name, document = subject.filename, subject.document
    if name is None or document is None or not subject.dist_info:
        return None
    return agreed(name, subject.dist_info, document.first("Name"), document.first("Version"))


def _check_filename(subject: Subject, fixes: tuple[LetNamesAgree, ...]) -> Iterator[RawFinding]:
    name, document = subject.filename, subject.document
    if name is None:
        return
    if not _PROJECT.fullmatch(name.raw_project) or "__" in name.raw_project:
        yield RawFinding("filename-bad-name", "", f"{cut(name.raw_project)} is not a valid project name in a file name")
    if parsed_version(name.version) is None:
        yield RawFinding("filename-bad-version", "", f"{cut(name.version)} is not a valid version (PEP 440)")
    elif has_number_too_large(name.version):
        message = f"{cut(name.version)} has a number of more than 64 bits; uv refuses the wheel"
        yield RawFinding("filename-bad-version", "", message, refused_by=(Client.UV,))
    yield from _check_tags(name)
    yield from _check_variant(subject, name)
    tags = f"{name.python}-{name.abi}-{name.platform}"
    if tags != tags.lower():
        yield RawFinding("filename-tag-case", "", f"uv reads only tags in lower case: {cut(tags)}")
    if document is None:
        return
    said, version = document.first("Name"), document.first("Version")
    if said and canonicalize_name(said) != name.project:
        yield RawFinding(
            "filename-name-differs", "Name", f"METADATA says Name {shown(said)}, the file name {name.raw_project}"
        )
    if version and not same_version(version, name.version.replace("_", "-")):
        message = f"METADATA says Version {shown(version)}, the file name {name.version}"
        lacks_local = same_version(version, name.version.partition("+")[0])
        refused_by = (Client.PIP, Client.PYPI) if lacks_local else None  # uv accepts a local version in the file name alone
        yield RawFinding("filename-version-differs", "Version", message, fixes, refused_by=refused_by)


def _check_tags(name: WheelFilename) -> Iterator[RawFinding]:
    """Yield the tags that are empty, begin with a digit, or have other characters than letters, digits and _.

    Build tags likewise, but for the digit.
    """
    for tags in (name.python, name.abi, name.platform):
        if not _TAGS.fullmatch(tags):
            by_uv = (Client.UV,) if not _TAGS.fullmatch(tags.removesuffix(".")) else ()
            by_others = (Client.PIP, Client.PYPI) if not all(tags.split(".")) else ()
            refused_by = in_table_order((*by_uv, *by_others))
            message = f"a tag is empty, or has other characters than letters, digits and _: {cut(tags)}"
            yield RawFinding("filename-malformed", "", message, refused_by=refused_by)
    if _TAGS.fullmatch(name.python) and not all(map(str.isidentifier, name.python.split("."))):
        message = f"the Python tag begins with a digit; pip 26.3 and later refuse that: {_with_digits(name.python)}"
        by_uv = (Client.UV,) if name.python[0].isdigit() else ()  # it looks at the first tag of a set alone
        yield RawFinding("filename-tag-digit", "", message, refused_by=in_table_order((Client.PIP, *by_uv, Client.PYPI)))
    build = _BUILD.fullmatch(name.build or "0")
    if build is None:
        message = f"the build tag has other characters than letters, digits, _ and .: {cut(name.build or '')}"
        yield RawFinding("filename-malformed", "", message, refused_by=(Client.UV,))
    elif int(build[1][:_MOST_DIGITS]) > _LARGEST_BUILD:
        message = f"the build tag has a number of more than 64 bits: {cut(name.build or '')}"
        yield RawFinding("filename-malformed", "", message, refused_by=(Client.UV,))


def _with_digits(tags: str) -> str:
    """Return the tags of a set that begin with a digit, and the set where it has others: py2.7 stands for py2 and 7."""
    each = tags.split(".")
    odd = [tag for tag in each if not tag.isidentifier()]
    return cut(tags) if odd == each else f"{shown_few(odd)}, in {cut(tags)}"


def _check_variant(subject: Subject, name: WheelFilename) -> Iterator[RawFinding]:
    """Yield that the wheel is a variant, and where it does not say of which properties (PEP 825, a draft)."""
    data = subject.read(_VARIANT)
    if name.variant is None:
        return
    message = f"it is the variant {shown(name.variant)} (PEP 825, a draft): pip and PyPI refuse or ignore it"
    yield RawFinding("filename-variant", "", message)
    if data is None:
        yield RawFinding("variant-unreadable", _VARIANT, "it is missing, but uv requires it")
        return
    try:
        variants = sorted(read_json(data)["variants"].keys())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        yield RawFinding("variant-unreadable", _VARIANT, "it is not JSON with an object named variants")
        return
    if variants != [name.variant]:
        message = f"it describes {shown_few(variants) or 'no variant'}, the file name says {shown(name.variant)}"
        yield RawFinding("variant-differs", _VARIANT, message)


def _check_directories(subject: Subject, fixes: tuple[LetNamesAgree, ...]) -> Iterator[RawFinding]:
    if not subject.dist_info:
        return
    stem = subject.dist_info.removesuffix(".dist-info")
    project, _, version = stem.rpartition("-")
    name = subject.filename
    if name is not None and (canonicalize_name(project) != name.project or not _is_same_version(version, name)):
        message = f"the directory is {shown(subject.dist_info)}, the file {name}"
        refused_by = (Client.PYPI,) if canonicalize_name(project) == name.project else None  # installers ask for the name
        yield RawFinding("dist-info-name-differs", shown(subject.dist_info), message, fixes, refused_by=refused_by)
    elif name is not None and stem != f"{name.raw_project}-{name.version}":
        message = f"PyPI looks for {shown(f'{name.raw_project}-{name.version}')}.dist-info, as the file name is spelled"
        yield RawFinding("dist-info-spelling", shown(subject.dist_info), message, fixes)
    for file in sorted(_INSTALLER_FILES.intersection(subject.dist_info_files)):
        yield RawFinding("dist-info-installer-file", file, "only an installer writes this file")
    yield from _check_data(subject, f"{stem}{_DATA}", fixes)


def _is_same_version(version: str, name: WheelFilename) -> bool:
    return same_version(version.replace("_", "-"), name.version.replace("_", "-"))


def _check_data(subject: Subject, own: str, fixes: tuple[LetNamesAgree, ...]) -> Iterator[RawFinding]:
    """Yield the findings on .data directories: to pip every name that ends so is one, and it refuses unknown schemes."""
    below, empty = dict[str, list[list[str]]](), set[str]()
    for name in subject.entries:
        top, *rest = name.removesuffix("/").split("/", 2)
        if top.endswith(_DATA):
            below.setdefault(top, []).append([] if name.endswith("/") else [*rest, "", ""][:2])
            if top == own and name.endswith("/") and rest and rest[0] not in _SCHEMES:
                empty.add(f"{top}/{rest[0]}")
    for directory, files in sorted(below.items()):
        if directory != own and f"{directory}/" in subject.directories:
            message = f"the .data directory of this wheel is {shown(own)}"
            belongs = own not in below and _is_of_wheel(subject, directory)
            yield RawFinding("data-name-differs", shown(directory), message, fixes if belongs else ())
        if directory == own:
            yield from _check_own_data(subject, directory)
        unknown = sorted({"/".join(filter(None, (directory, *file))) for file in files if file and not _is_placed(*file)})
        if unknown:
            message = f"no installer knows where to put {shown_few(unknown)}"
            refused_by = None if directory == own else (Client.PIP,)  # to others it is a directory like any other
            yield RawFinding("data-unknown-scheme", shown(directory), message, refused_by=refused_by)
        elif directory == own and empty:
            message = f"uv does not know where to put {shown_few(sorted(empty))}, which is a directory"
            yield RawFinding("data-unknown-scheme", shown(directory), message, refused_by=(Client.UV,))


def _is_of_wheel(subject: Subject, directory: str) -> bool:
    """Whether a .data directory is named for the project and version of the file name or of dist-info, in any spelling."""
    parts, name = data_parts(directory), subject.filename
    stems = (subject.dist_info.removesuffix(".dist-info"), Agreed(name).stem if name else "")
    return parts is not None and any(same_release(parts, stem_parts(stem)) for stem in stems)


def _check_own_data(subject: Subject, directory: str) -> Iterator[RawFinding]:
    """Yield the directories among the scripts."""
    scripts = f"{directory}/scripts/"
    nested = sorted(name for name in subject.entries if name.startswith(scripts) and "/" in name.removeprefix(scripts))
    if nested:
        message = f"uv refuses a wheel with directories among its scripts: {shown_few(nested)}"
        yield RawFinding("data-script-directory", shown(scripts), message)


def _is_placed(scheme: str, file: str) -> bool:
    return scheme in _SCHEMES and bool(file)


_VERSION: Final = "Wheel-Version"
_ROOT: Final = "Root-Is-Purelib"
_FORMAT: Final = re.compile(r"\d+(?:\.\d+)+", re.ASCII)
_ONCE: Final = (_VERSION, _ROOT, "Build")


def _is_read_by_pip(said: str) -> bool:
    """Whether pip takes a Wheel-Version: it compares numbers, and refuses only those that are newer."""
    try:
        major, *_ = map(int, said.split("."))
    except ValueError:
        return False
    return major <= 1


def _is_read_by_uv(said: str) -> bool:
    """Whether uv takes it: it compares the text before the first dot, and knows one older format."""
    major, dot, minor = said.strip().partition(".")
    return bool(dot) and (major == "1" or (major, minor) == ("0", "1"))


def _is_read_by_installer(said: str) -> bool:
    """Whether installer takes it: the text begins with 1 and a dot, and a line break is a part of it."""
    return said.strip(" \t").startswith("1.")


_READERS: Final[Mapping[Client, Callable[[str], bool]]] = {
    Client.PIP: _is_read_by_pip,
    Client.UV: _is_read_by_uv,
    Client.INSTALLER: _is_read_by_installer,
}
"""Who takes which Wheel-Version, measured with pip 26.3, uv 0.13.9 and installer 1.1.0."""


def check_wheel_file(subject: Subject) -> Iterator[RawFinding]:
    """Yield the findings on the WHEEL file."""
    wheel = subject.wheel
    if wheel is None:
        return
    found = [*_check_version(wheel), *_check_root(wheel), *_check_case(wheel)]
    if subject.filename is not None:
        found += [*_check_listed_tags(wheel, subject.filename), *_check_build(wheel, subject.filename)]
    for name in _ONCE:
        if len(wheel.all(name)) > 1:
            yield RawFinding("wheel-ambiguous", name, "it appears more than once; readers disagree on which counts")
    yield from found if _has_one_reading(wheel) else (replace(each, fixes=()) for each in found)


def _has_one_reading(wheel: Document) -> bool:
    """Whether all readers see the same fields: what they see differently is not edited."""
    try:
        Document.parse(wheel.data, "WHEEL")
    except MetadataError:
        return False
    return b"\r" not in wheel.data.replace(b"\r\n", b"\n")


def _check_version(wheel: Document) -> Iterator[RawFinding]:
    said = next((field.value for field in wheel.all(_VERSION)), "")
    refused_by = tuple(client for client, takes in _READERS.items() if not takes(said))
    if not refused_by:
        return
    version, is_other = said.strip(), _FORMAT.fullmatch(said.strip()) is not None
    code = "wheel-newer-version" if is_other and not version.startswith("1.") else "wheel-no-version"
    known = "; installers know 1.x" if code == "wheel-newer-version" else ""
    message = f"it is {shown(repr(said))}{known}" if version else "it is missing"
    yield RawFinding(code, _VERSION, message, refused_by=refused_by)


def _check_root(wheel: Document) -> Iterator[RawFinding]:
    """Yield a Root-Is-Purelib that is neither true nor false: installers take it for false, and pip alone reads any case."""
    said = (wheel.first(_ROOT) or "").lower()
    fields = wheel.all(_ROOT)
    if said not in ("true", "false"):
        message = f"it is {shown(said) + ', not true or false' if said else 'missing'}; installers assume false"
        yield RawFinding("wheel-no-root", _ROOT, message, (SetWheelField(_ROOT, "false"),))
    elif said == "true" and (fields[0].name, fields[0].value.strip()) != (_ROOT, said):
        line = f"{fields[0].name}: {fields[0].value.strip()}"
        message = f"it is spelled {shown(line)}: pip reads it as true, others as false"
        yield RawFinding("wheel-no-root", _ROOT, message, (SetWheelField(_ROOT, "true"),))


def _check_case(wheel: Document) -> Iterator[RawFinding]:
    """Yield a Wheel-Version that uv does not find, as it compares the names of fields exactly."""
    fields = wheel.all(_VERSION)
    if fields and all(field.name != _VERSION for field in fields):
        message = f"the field is spelled {shown(fields[0].name)}, but uv looks for {_VERSION}"
        value = fields[0].value.strip()
        fixes = (SetWheelField(_VERSION, value),) if value.isprintable() else ()
        yield RawFinding("wheel-field-case", _VERSION, message, fixes)


def _check_listed_tags(wheel: Document, name: WheelFilename) -> Iterator[RawFinding]:
    try:
        tags = read_tags(wheel)
    except (ValueError, StructureError) as error:
        yield RawFinding("wheel-bad-tags", "Tag", shown(str(error).partition("\n")[0]), _listing(name))
        return
    if tags != name.tags:
        extra, missing = (sorted(map(str, each)) for each in (tags - name.tags, name.tags - tags))
        said = [f"WHEEL has {shown_few(extra)} more"] if extra else []
        said += [f"WHEEL lacks {shown_few(missing)}"] if missing else []
        message = f"the tags in WHEEL are not those of the file name: {'; '.join(said)}"
        yield RawFinding("wheel-tags-differ", "Tag", message, _listing(name))


def _listing(name: WheelFilename) -> tuple[SetWheelTags, ...]:
    """Return what lets WHEEL list the tags of the file name, where they are tags, and no more than any wheel has."""
    from wheelfix.wheel.tags import are_written, tags_of  # imported late: in most wheels they agree

    try:
        return (SetWheelTags(),) if are_written(tags_of(name)) else ()
    except EditError:
        return ()


def _check_build(wheel: Document, name: WheelFilename) -> Iterator[RawFinding]:
    if wheel.first("Build") != name.build:
        yield RawFinding(
            "wheel-build-differs",
            "Build",
            f"WHEEL says Build {shown(wheel.first('Build') or 'none')}, the file name {name.build or 'none'}",
            (SetWheelField("Build", name.build),),
        )
