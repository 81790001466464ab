"""Two statements about every wheel, and what holds besides: a wheel is held against them in a directory of its own.

What ``verify`` calls free of errors, all readers take, and read alike. What a correction writes differs from its input for
no reader but as planned, and whoever took the original takes it. Besides: no error is raised, no process hangs, nothing is
written but the result, and an unchanged wheel is the same bytes.
"""

import difflib
import re
import signal
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email import message_from_string
from email.message import Message
from functools import cache
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final

from msgspec import Struct, field
from packaging.metadata import parse_email

import wheelfix
from hostile.exceptions import CACHES, DATA, EXCEPTIONS, MODES, REFUSED, SCRIPTS
from hostile.kind import Kind
from hostile.readers import EXECUTABLE, INSTALLERS, OF_ARCHIVES, READERS, Reading, read
from warehouse import metadata_complaints
from wheelfix import Action, Match, Outcome, Policy, Report, Rule, RuleSet, Severity, Status, rule_set

_ADDED: Final = "added-by-a-test>=1"
_PATIENCE: Final = 300
"""After so many seconds of its own processor time a call is said to hang, instead of a run that never ends."""
_TRACE: Final = "sboms/wheelfix.cdx.json"


@cache
def _dropping() -> RuleSet:
    return rule_set("drop", [Rule(id="drop", reason="to drop one", match=Match(name=("triton",)), action="drop")])


@cache
def _adding() -> RuleSet:
    return rule_set("add", [Rule(id="add", reason="to add one", action=Action(add=_ADDED))])


class Correction(Struct, frozen=True):
    """A correction: how it is made, and the files of dist-info that it may change, remove or add."""

    make: Callable[[Path, Path], Report]
    changes: frozenset[str]


_LINES: Final = frozenset({"METADATA", "RECORD", "RECORD.jws", "RECORD.p7s", _TRACE})
_TEXTS: Final = _LINES | {"WHEEL", "entry_points.txt"}
CORRECTIONS: Final[dict[str, Correction]] = {
    "drop": Correction(lambda path, output: wheelfix.fix_wheels(path, _dropping(), output=output), _LINES),
    "add": Correction(lambda path, output: wheelfix.fix_wheels(path, _adding(), output=output), _LINES),
    "repair": Correction(lambda path, output: wheelfix.repair_wheels(path, output=output), _TEXTS),
    "rebuild": Correction(lambda path, output: wheelfix.repair_wheels(path, output=output, rebuild_archive=True), _TEXTS),
    "gpu": Correction(
        lambda path, output: wheelfix.fix_wheels(path, "gpu", output=output, policy=Policy(scan=wheelfix.Scan.ALWAYS)),
        _LINES,
    ),
}
_OF_A_TURN: Final = ("drop", "add", "repair", "rebuild")


class Held(Struct):
    """How a wheel ended, and all in which it broke a statement."""

    ending: str = ""
    broken: list[str] = field(default_factory=list)


def correction_of(kind: Kind, turn: int) -> str:
    """Return which correction a wheel is tried with."""
    return kind.correction or Random(f"{kind.name}/{turn}/correction").choice(_OF_A_TURN)


def hold(kind: Kind, turn: int, folder: Path, readers: Iterable[str] = tuple(READERS)) -> Held:
    """Hold the statements against one wheel; ``folder`` is empty, and only for it."""
    held = Held()
    wheel = _Wheel(kind, turn, folder, tuple(readers), held)
    try:
        with _patience(), _temporary(folder / "temporary"), _watched(folder) as outside:
            free = wheel.verify()
            outcome = wheel.correct()
    except BaseException as error:
        error.add_note(f"{kind.name}, turn {turn}")
        raise
    held.broken += (f"outside: {what}" for what in outside)
    held.ending = f"{'free of errors' if free else 'errors'}, {outcome.status}"
    wheel.look_around(outcome)
    if free:
        wheel.is_taken_by_all()
    if outcome.status is Status.FIXED and outcome.output:
        wheel.differs_as_planned(outcome.output)
    held.broken = [each for each in held.broken if (kind.name, each.partition(": ")[0]) not in EXCEPTIONS]
    return held


class _Wheel:
    """One wheel, and what readers make of it."""

    def __init__(self, kind: Kind, turn: int, folder: Path, readers: tuple[str, ...], held: Held) -> None:
        self.correction = CORRECTIONS[correction_of(kind, turn)]
        self.name = correction_of(kind, turn)
        self.readers = [each for each in readers if kind.streamed or each != "uv, download"]
        self.held = held
        filename, self.data = kind.wheel(turn)
        self.path, self.output = folder / "in" / filename, folder / "out"
        self.temporary = folder / "temporary"
        self.path.parent.mkdir()
        self.path.write_bytes(self.data)
        self.readings: dict[str, Reading] = {}
        self.warned: set[str] = set()
        self.errors: set[str] = set()

    def verify(self) -> bool:
        """Whether the wheel is free of errors."""
        findings = wheelfix.verify_wheels(self.path).wheels[0].findings
        self.warned = {each.code for each in findings}
        self.errors = {each.code for each in findings if each.severity is Severity.ERROR}
        return not self.errors

    def correct(self) -> Outcome:
        """Return what came of the correction."""
        [outcome] = self.correction.make(self.path, self.output).outcomes
        return outcome

    def look_around(self, outcome: Outcome) -> None:
        """Note what is there besides the result, and an unchanged wheel that is changed."""
        there = [*self.output.rglob("*")] if self.output.exists() else []
        wanted = [outcome.output] if outcome.output else []
        if there != wanted:
            self._note(f"litter: {there} are there for {wanted}")
        if [*self.path.parent.iterdir()] != [self.path] or self.path.read_bytes() != self.data:
            self._note("original: it, or its directory, is changed")
        if left := [*self.temporary.iterdir()]:
            self._note(f"litter: {left} are left")
        if outcome.status is Status.FAILED:
            self._note(f"failed: {outcome.problem}")
        if outcome.status is Status.UNCHANGED and outcome.output and outcome.output.read_bytes() != self.data:
            self._note("unchanged: the copy has other bytes")

    def is_taken_by_all(self) -> None:
        """Note who does not take the wheel, and who reads it otherwise."""
        for reader in self.readers:
            refusal = self._reading(reader).refusal
            if refusal and not any((code, reader) in REFUSED for code in self.warned):
                self._note(f"{reader}: refuses it: {refusal[:300]}")
        for group in OF_ARCHIVES, INSTALLERS:
            readings = {each: self._reading(each).files for each in group if each in self.readers}
            taken = {each: self._compared(files) for each, files in readings.items() if files}
            for reader, files in taken.items():
                first, there = next(iter(taken.items()))
                if files != there:
                    self._note(f"{reader}: reads otherwise than {first}: {sorted(files.items() ^ there.items())[:6]}")
        if not self._reading("zipfile").refusal and not self._reading("PyPI").refusal:
            if complaints := metadata_complaints(self.path):
                self._note(f"PyPI, fields: {complaints}")
            self._fields_are_alike()

    def _compared(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """Return files without what may differ, as a warning says."""
        if self.warned & MODES:
            files = {path: text.removesuffix(EXECUTABLE) for path, text in files.items()}
        if self.warned & SCRIPTS:
            files = {path: text for path, text in files.items() if not path.startswith("bin/")}
        if self.warned & CACHES:
            files = {path: text for path, text in files.items() if "__pycache__" not in path.split("/")[:-1]}
        if self.warned & DATA:
            names = {name.rpartition("/")[2] for name in self._reading("zipfile").files if ".data/" in name.lower()}
            files = {path: text for path, text in files.items() if path.rpartition("/")[2] not in names}
        return files

    def _fields_are_alike(self) -> None:
        """Note where what wheelfix reads of METADATA is not what the two readers of headers read."""
        data = _metadata(self.path)
        with wheelfix.Wheel(self.path) as wheel:
            own = [(each.name.lower(), each.value.split()) for each in wheel.document.fields]
        message = [(name.lower(), str(value).split()) for name, value in _parsed(data).items()]
        if own != message:
            self._note(f"METADATA: email reads {message}, and not {own}"[:600])
        listed = [" ".join(value) for name, value in own if name == "requires-dist"]
        if listed != [" ".join(each.split()) for each in parse_email(data)[0].get("requires_dist", [])]:
            self._note("METADATA: packaging reads other requirements")

    def differs_as_planned(self, output: Path) -> None:
        """Note who takes the result no more, and whatever else than planned is different."""
        for reader in self.readers:
            before = self._reading(reader)
            if before.refusal:
                continue
            after = read(reader, output)
            if after.refusal:
                self._note(f"after {self.name}, {reader}: refuses it: {after.refusal[:300]}")
                continue
            changed = {path for path, _ in before.files.items() ^ after.files.items()}
            if odd := sorted(path for path in changed if not self._is_planned(path)):
                self._note(f"after {self.name}, {reader}: differs in {odd[:6]}")
        if new := _errors(output) - self.errors:
            self._note(f"after {self.name}: verify finds {sorted(new)}")
        if self.name in _OF_LINES and not self._reading("zipfile").refusal:
            self._lines_differ_as_planned(_metadata(self.path), _metadata(output))

    def _lines_differ_as_planned(self, before: bytes, after: bytes) -> None:
        tag, word = _OF_LINES[self.name]
        old, new = _lines(before), _lines(after)
        if tag == "insert" and old and not old[-1].endswith((b"\n", b"\r")):
            old[-1] = next((line for line in new if line.rstrip(b"\r\n") == old[-1]), old[-1])  # it gets an end to go on
        for operation, start, stop, other_start, other_stop in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
            text = b"".join(old[start:stop] if tag == "delete" else new[other_start:other_stop])
            if operation not in ("equal", tag) or (operation == tag and word not in text):
                self._note(
                    f"after {self.name}: METADATA: {operation} of {old[start:stop]} for {new[other_start:other_stop]}"
                )
        one, other = _parsed(before), _parsed(after)
        if [each for each in one.items() if each[0].lower() != "requires-dist"] != [
            each for each in other.items() if each[0].lower() != "requires-dist"
        ] or _body(one) != _body(other):
            self._note(f"after {self.name}: METADATA has other fields, or another description")

    def _is_planned(self, path: str) -> bool:
        if self.name == "rebuild" and "\\" in "".join(self._reading("zipfile").files):
            return True  # backslashes become slashes, which is what it is asked for
        info, _, name = path.partition(".dist-info/")
        return "/" not in info and name in self.correction.changes

    def _reading(self, reader: str) -> Reading:
        if reader not in self.readings:
            self.readings[reader] = read(reader, self.path)
        return self.readings[reader]

    def _note(self, text: str) -> None:
        self.held.broken.append(text)


_OF_LINES: Final = {"drop": ("delete", b"triton"), "add": ("insert", _ADDED.encode()), "gpu": ("delete", b"nvidia")}
"""Corrections of lines: what happens to them, and what stands in each."""


def _errors(path: Path) -> set[str]:
    findings = wheelfix.verify_wheels(path).wheels[0].findings
    return {each.code for each in findings if each.severity is Severity.ERROR}


def _metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        [name] = {name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1}
        return archive.read(name)


def _lines(data: bytes) -> list[bytes]:
    return [line for line in re.split(rb"(?<=\n)|(?<=\r)(?!\n)", data) if line]


def _body(message: "Message[str, str]") -> str:
    payload = message.get_payload()
    return "".join(map(str, payload)) if isinstance(payload, list) else str(payload)


def _parsed(data: bytes) -> "Message[str, str]":
    """Return METADATA as pip and ``importlib.metadata`` read it, except that a byte that is no UTF-8 stays what it is."""
    return message_from_string(data.decode("utf-8", "surrogateescape"))


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise RuntimeError(f"it goes on for more than {_PATIENCE} s of processor time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    """Let temporary files be made in ``folder``, which is made, so that those that are left are seen."""
    folder.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


_WRITING: Final[Mapping[str, tuple[int, ...]]] = {
    "os.rename": (0, 1), "os.link": (1,), "os.symlink": (1,), "os.mkdir": (0,), "os.remove": (0,), "os.rmdir": (0,),
    "os.truncate": (0,), "os.chmod": (0,), "os.chown": (0,), "os.utime": (0,),
}  # fmt: skip
"""Audit events of what changes a directory or a file, with which of their arguments are its paths."""
_watching: list[Callable[[str, tuple[Any, ...]], None]] = []
_O_WRITING: Final = 0o3 | 0o100 | 0o1000


@cache
def _hook() -> None:
    sys.addaudithook(lambda event, arguments: _watching[-1](event, arguments) if _watching else None)


@contextmanager
def _watched(folder: Path) -> Iterator[list[str]]:
    """Yield a list of what is written outside of ``folder``, as it is written."""
    _hook()
    outside: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not (arguments[2] or 0) & _O_WRITING:
            return
        for index in (0,) if event == "open" else _WRITING.get(event, ()):
            path = str(arguments[index])
            inside = path.startswith(f"{folder}/") or path.isdigit() or "/" not in path
            if not inside and "/__pycache__" not in path and path != "/dev/null":
                outside.append(f"{event}: {path}")

    _watching.append(note)
    try:
        yield outside
    finally:
        _watching.remove(note)
