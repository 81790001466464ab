"""What is wrong with the WHEEL file, and what it says once that is fixed.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-contents
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from wheelfix.codes import Client
from wheelfix.errors import StructureError
from wheelfix.text import shown, shown_few
from wheelfix.verify.finding import RawFinding, SetWheelField
from wheelfix.verify.subject import Subject
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.wheel import read_tags

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
    for name in _ONCE:
        if len(wheel.all(name)) > 1:
            yield RawFinding("wheel-ambiguous", name, f"{name} appears more than once; readers disagree on which counts")
    yield from _check_version(wheel)
    yield from _check_root(wheel)
    yield from _check_case(wheel)
    if subject.filename is not None:
        yield from _check_tags(wheel, subject.filename)


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
        yield RawFinding("wheel-field-case", _VERSION, message, (SetWheelField(_VERSION, fields[0].value.strip()),))


def _check_tags(wheel: Document, name: WheelFilename) -> Iterator[RawFinding]:
    try:
        tags = read_tags(wheel)
    except (ValueError, StructureError) as error:
        yield RawFinding("wheel-bad-tags", "Tag", shown(str(error).partition("\n")[0]))
        return
    if tags != name.tags:
        extra, missing = (sorted(map(str, each)) for each in (tags - name.tags, name.tags - tags))
        said = [f"WHEEL has {shown_few(extra)} more"] if extra else []
        said += [f"WHEEL lacks {shown_few(missing)}"] if missing else []
        yield RawFinding("wheel-tags-differ", "Tag", f"the tags in WHEEL are not those of the file name: {'; '.join(said)}")
    if wheel.first("Build") != name.build:
        yield RawFinding(
            "wheel-build-differs",
            "Build",
            f"WHEEL says Build {shown(wheel.first('Build') or 'none')}, the file name {name.build or 'none'}",
        )


def fixed_wheel_file(data: bytes, fixes: Iterable[SetWheelField]) -> bytes:
    r"""Return WHEEL with each of ``fixes``: the field appears once, in its usual spelling; all other lines keep their bytes.

    >>> fixed_wheel_file(b"Wheel-Version: 1.0\nTag: py3-none-any\n", [SetWheelField("Root-Is-Purelib", "false")])
    b'Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: false\n'
    """
    for fix in fixes:
        document = Document.parse_leniently(data)
        present = document.all(fix.name)
        if not present:
            data = document.adding(fix.name, fix.value).data
            continue
        first = present[0]
        line = data[first.start : first.stop]
        ending = line[len(line.rstrip(b"\r\n")) :]
        data = data[: first.start] + f"{fix.name}: {fix.value}".encode() + ending + data[first.stop :]
    return data
