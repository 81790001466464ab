"""Whole wheels of any documents: what becomes of them is proved, no worse than before, and the same done twice."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import wheelfix
from building import WheelSpec, build_wheel
from defects import record_of
from fuzz.target import Bound, Target, parts
from mutating import VALID
from wheelfix.results import Severity
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.edits import Edit

_BUGS: Final = frozenset({"internal-error", "not-as-planned", "output-changed"})
"""How an outcome is called where something of wheelfix is wrong, not the wheel."""
_MARK: Final = b"\n%%\n"
_EDITS: Final[Sequence[tuple[Edit, ...]]] = (
    (),
    (wheelfix.AddTags("cp39-abi3-any"),),
    (wheelfix.SetVersion("2.0"),),
    (wheelfix.SetLocal("cpu"), wheelfix.AddEntryPoint("console_scripts", "new", "demo:main")),
    (wheelfix.RemoveFiles(("demo/version.py",)), wheelfix.SetName("other")),
    (wheelfix.RemoveEntryPoint(("d*",)), wheelfix.SetBuildTag("1")),
    (wheelfix.WriteFile("licenses/NOTICE", b"x"), wheelfix.SetRootIsPurelib(False)),
)
_KEPT: Final = list[tempfile.TemporaryDirectory[str]]()


@cache
def _folder() -> Path:
    """Return a directory for the wheels of this process."""
    folder = tempfile.TemporaryDirectory()
    _KEPT.append(folder)
    return Path(folder.name)


def check_fixed(data: bytes) -> None:
    """A wheel is fixed as planned or refused for what is wrong with it; no error appears, and twice is once.

    The input is a byte that says what to do, and METADATA, WHEEL, entry_points.txt and RECORD; an empty RECORD is right.
    """
    edits = _EDITS[(data[0] if data else 0) % len(_EDITS)]
    repair = bool(data and data[0] & 0x80)
    path = _folder() / "demo-1.0-py3-none-any.whl"
    path.write_bytes(_built(data[1:]))
    before = _errors(path)
    fixed = _fixed(path, "once", edits, repair=repair)
    if fixed is None:
        return
    assert _errors(fixed) <= before, _errors(fixed) - before
    again = _fixed(fixed, "twice", edits, repair=repair)
    assert again is not None
    assert again.name == fixed.name
    assert again.read_bytes() == fixed.read_bytes()


def _built(data: bytes) -> bytes:
    metadata, wheel, points, record = parts(data, 4, _MARK)
    files = {"entry_points.txt": points} if points else {}
    return build_wheel(WheelSpec(metadata=metadata, wheel=wheel or None, record=record or None, dist_info_files=files))


def _errors(path: Path) -> set[str]:
    return {each.code for each in check_wheel(path).findings if each.severity is Severity.ERROR}


def _fixed(path: Path, folder: str, edits: Sequence[Edit], *, repair: bool) -> Path | None:
    """Return the result, ``None`` where the wheel is refused."""
    output = wheelfix.Output(directory=_folder() / folder, overwrite=True)
    policy = wheelfix.Policy(force=True)
    [outcome] = wheelfix.fix_wheels([path], "gpu", output=output, policy=policy, edits=edits, repair=repair).outcomes
    if outcome.problem is None:
        assert outcome.output is not None
        return outcome.output
    assert outcome.problem.code not in _BUGS, outcome.problem
    assert outcome.problem.message.isprintable(), ascii(outcome.problem.message)
    return None


def _wheels() -> Iterator[bytes]:
    head = b"Wheel-Version: 1.0\nGenerator: sample (1.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    for number in range(len(_EDITS)):
        for spec in VALID:
            points = spec.dist_info_files["entry_points.txt"]
            yield bytes([number]) + _MARK.join([spec.metadata or b"", head, points])
            yield bytes([number | 0x80]) + _MARK.join([spec.metadata or b"", head.replace(b"\n", b"\r\n"), points])
    record = b"".join(record_of(WheelSpec(metadata=VALID[0].metadata)))
    yield b"\x80" + _MARK.join([VALID[0].metadata or b"", head, b"", record.replace(b"sha256", b"md5")])
    needs = b"Requires-Dist: triton\nRequires-Dist: nvidia-nccl-cu12 ; os_name == 'nt'\n"
    yield b"\0" + _MARK.join([b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n" + needs, head])


_WORDS: Final = (
    "\n%%\n", "Requires-Dist: ", "triton", "nvidia-nccl-cu12", "Provides-Extra: ", "Metadata-Version: ", "2.4",
    "License-File: ", "Tag: ", "Build: ", "py3-none-any", "Root-Is-Purelib: ", "[console_scripts]\n",
    "demo = demo:main\n", "\r\n", "\n ", "sha256=", ",", "Name: ", "Version: ", "Description: ", "Dynamic: ",
    "Requires-Python: ",
)  # fmt: skip
TARGETS: Final = {
    "wheel": Target(
        check_fixed, _wheels, words=_WORDS, longest=1_200, calls=Bound(200_000, 500), memory=Bound(1 << 25, 1 << 13)
    ),
}
