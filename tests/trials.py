"""The trial of real wheels: every command runs on each of them, and what was not as expected is a surprise."""

import contextlib
import json
import shutil
import subprocess
import sys
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from installers import refusal
from running import Ran, mirror_report, validator, wheelfix

T = TypeVar("T")

LINE: Final = "wheelfix-was-here>=1; python_version < '3'"
"""The requirement that each wheel gets: no environment needs it."""
RULES: Final = f"""schema = 1
[[rule]]
id = "one-line"
reason = "to see what one line does"
action = {{ add = "{LINE}" }}
"""
MAXIMUM: Final = 60 << 20
"""Larger wheels are left out: the disk that a run needs stays small."""
ABOUT_WHEELS: Final = ("gpu-requirements", "release-disagrees")
"""What a check of a mirror says of the wheels themselves."""
NOT_TAKEN: Final = "wheel"
"""The step of what was not tried at all: there is no such wheel, or it is too large."""


@dataclass(frozen=True)
class Surprise:
    """What was not as expected; it is a ``bug`` unless it is a fact about the wheel, which the command reports by a code."""

    wheel: str
    step: str
    text: str
    bug: bool = False


@dataclass
class Result:
    """What came of some wheels: how many were tried, fixed, installed and imported, and all surprises."""

    tried: int = 0
    fixed: int = 0
    mirrored: int = 0
    installed: int = 0
    imported: int = 0
    size: int = 0
    surprises: list[Surprise] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        """Count what came of other wheels, too."""
        for name in ("tried", "fixed", "mirrored", "installed", "imported", "size"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.surprises += other.surprises


@dataclass(frozen=True)
class Candidate:
    """A wheel that lies on this disk, or the ``name`` of a project whose newest one for ``target`` is to be downloaded."""

    path: Path | None = None
    name: str = ""
    target: tuple[str, ...] = ()


TARGETS: Final = (
    (),
    ("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64", "--python-version", "3.12"),
    ("--platform", "macosx_14_0_arm64", "--platform", "macosx_11_0_arm64", "--python-version", "3.13"),
    ("--platform", "win_amd64", "--python-version", "3.11"),
    ("--platform", "manylinux_2_28_aarch64", "--platform", "manylinux2014_aarch64", "--python-version", "3.13"),
    ("--platform", "musllinux_1_2_x86_64", "--python-version", "3.12"),
)
"""What is asked of pip, in turn: this machine's own wheels, and those of others."""


def candidates(folders: Iterable[Path], names: Sequence[str], count: int) -> list[Candidate]:
    """Return ``count`` wheels, one a project: those in ``folders`` first, then those of ``names`` to be downloaded."""
    found: dict[str, Path] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.whl")):
        found.setdefault(canonicalize_name(path.name.partition("-")[0]), path)
    missing = [each for each in names if canonicalize_name(each) not in found]
    downloads = [Candidate(name=name, target=TARGETS[index % len(TARGETS)]) for index, name in enumerate(missing)]
    return [*(Candidate(path) for path in found.values()), *downloads][:count]


def try_wheels(group: Sequence[Candidate], work: Path, installs: int) -> Result:
    """Return what came of the wheels of ``group``; ``installs`` of them are installed. ``work`` is removed afterwards."""
    result = Result()
    (work / "rules").mkdir(parents=True)
    (work / "rules" / "line.toml").write_text(RULES)
    try:
        for each in group:
            with _taken(each, work, result) as path:
                if path is not None:
                    result.tried += 1
                    result.size += path.stat().st_size
                    _try_one(path, work, result, installs=installs - result.installed)
        if result.mirrored:
            _guarded("all", "mirror check", result, lambda: _check_mirror(work, result))
    finally:
        shutil.rmtree(work)
    return result


@contextlib.contextmanager
def _taken(candidate: Candidate, work: Path, result: Result) -> Iterator[Path | None]:
    """Give the wheel, which is deleted afterwards if it was downloaded; none if there is none of a size that fits."""
    path, folder = candidate.path, work / "download"
    if path is None:
        path = _download(candidate, folder)
    if path is None:
        result.surprises.append(Surprise(candidate.name, NOT_TAKEN, "pip finds no wheel"))
    elif path.stat().st_size > MAXIMUM:
        result.surprises.append(Surprise(path.name, NOT_TAKEN, f"larger than {MAXIMUM >> 20} MiB"))
        path = None
    yield path
    shutil.rmtree(folder, ignore_errors=True)


def _download(candidate: Candidate, folder: Path) -> Path | None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        str(folder),
    ]
    for target in dict.fromkeys((candidate.target, ())):
        ran = subprocess.run([*command, *target, candidate.name], capture_output=True, check=False)
        if ran.returncode == 0:
            return next(folder.glob("*.whl"))
    return None


def _try_one(path: Path, work: Path, result: Result, installs: int) -> None:
    """Take the wheel through the commands; each step after ``fix`` needs the wheel that this wrote."""
    before = _guarded(path.name, "verify", result, lambda: _verify(path, result)) or set()
    _guarded(path.name, "show", result, lambda: _show(path, result))
    new = _guarded(path.name, "fix", result, lambda: _fix(path, work, result))
    if new is None:
        return
    steps: dict[str, Callable[[], None]] = {
        "text": lambda: _compare_text(path, new, result),
        "again": lambda: _fix_again(new, work, result),
        "diff": lambda: _diff(path, new, result),
        "verify": lambda: _compare_findings(new, before, result),
        "readers": lambda: _compare_readers(path, new, result),
        "mirror add": lambda: _add_to_mirror(new, work, result),
    }
    if installs > 0 and installs_here(path):
        steps["install"] = lambda: _install(path, new, work, result)
    for step, run in steps.items():
        _guarded(path.name, step, result, run)
    shutil.rmtree(work / "fixed")


def _guarded(wheel: str, step: str, result: Result, run: Callable[[], T]) -> T | None:
    """Return what ``run`` returns; an exception of any kind is a surprise."""
    try:
        return run()
    except Exception:  # noqa: BLE001 - whatever is raised is a bug of ours, and the next wheel is tried all the same
        text = "\n".join(traceback.format_exc().splitlines()[-4:])
        result.surprises.append(Surprise(wheel, step, text, bug=True))
    return None


def _expect(ran: Ran, codes: Iterable[int], wheel: str, step: str, result: Result) -> bool:
    """Whether the exit code is one of ``codes``; if it is not, that is a surprise."""
    if ran.code in codes:
        return True
    result.surprises.append(Surprise(wheel, step, f"exit code {ran.code}: {ran.err or ran.out[:300]}", bug=True))
    return False


def _show(path: Path, result: Result) -> None:
    ran = wheelfix("show", "--format", "json", path)
    if _expect(ran, (0, 3), path.name, "show", result):
        report = json.loads(ran.out)
        validator("show.schema.json").validate(report)
        [wheel] = report["wheels"]
        if wheel["problem"] is not None:
            result.surprises.append(
                Surprise(path.name, "show", _problem(wheel["problem"]), bug=not wheel["problem"]["code"])
            )


def _verify(path: Path, result: Result) -> set[str]:
    """Return the codes of all errors; each is a fact about this wheel."""
    ran = wheelfix("verify", "--format", "json", path)
    found: set[str] = set()
    if _expect(ran, (0, 1, 3), path.name, "verify", result):
        [wheel] = ran.audit["wheels"]
        for each in wheel["findings"]:
            if each["severity"] == "error":
                found.add(each["code"])
                result.surprises.append(Surprise(path.name, "verify", f"{each['code']}: {each['message']}"))
    return found


def _fix(path: Path, work: Path, result: Result) -> Path | None:
    """Return the wheel with one line more; a refusal with a code is a fact about this wheel."""
    ran = wheelfix("fix", "--rules", work / "rules", "--format", "json", "-o", work / "fixed", path)
    if not _expect(ran, (0, 3), path.name, "fix", result):
        return None
    [wheel] = ran.report["wheels"]
    if wheel["status"] == "fixed" and len(wheel["changes"]) == 1:
        result.fixed += 1
        return Path(wheel["output"])
    told = wheel["status"] == "refused" and wheel["problem"]["code"]
    text = _problem(wheel["problem"]) if wheel["problem"] else f"{wheel['status']}, {len(wheel['changes'])} changes"
    result.surprises.append(Surprise(path.name, "fix", text, bug=not told))
    return None


def _problem(problem: dict[str, Any]) -> str:
    return f"{problem['code']}: {problem['message']}"


def _compare_text(old: Path, new: Path, result: Result) -> None:
    """METADATA has one line more than before, and no other byte has changed."""
    before, after = metadata_of(old), metadata_of(new)
    lines = after.splitlines(keepends=True)
    added = [index for index, line in enumerate(lines) if line.rstrip(b"\r\n") == b"Requires-Dist: " + LINE.encode()]
    if len(added) != 1 or b"".join(lines[: added[0]] + lines[added[0] + 1 :]) != before:
        result.surprises.append(Surprise(old.name, "text", "METADATA differs by more than the line", bug=True))


def metadata_of(path: Path) -> bytes:
    """Return the METADATA of a wheel, by zipfile."""
    with zipfile.ZipFile(path) as archive:
        [name] = [each for each in archive.namelist() if each.count("/") == 1 and each.endswith(".dist-info/METADATA")]
        return archive.read(name)


def _fix_again(new: Path, work: Path, result: Result) -> None:
    """The rule has nothing left to do."""
    ran = wheelfix("fix", "--rules", work / "rules", "--check", new)
    _expect(ran, (0,), new.name, "again", result)


def _diff(old: Path, new: Path, result: Result) -> None:
    _expect(wheelfix("diff", "--expect", "metadata", old, new), (0,), old.name, "diff", result)


def _compare_findings(new: Path, before: set[str], result: Result) -> None:
    """A correction brings no error that was not there."""
    after = Result()
    worse = _verify(new, after) - before
    result.surprises += [replace(each, bug=True) for each in after.surprises if each.text.partition(":")[0] in worse]


def _compare_readers(old: Path, new: Path, result: Result) -> None:
    """What PyPI's checks and installer take of the old wheel, they take of the new one."""
    for reader in ("PyPI", "installer"):
        if (why := refusal(reader, new)) and not refusal(reader, old):
            result.surprises.append(Surprise(old.name, "readers", f"{reader} takes the original only: {why}", bug=True))


def _add_to_mirror(new: Path, work: Path, result: Result) -> None:
    ran = wheelfix("mirror", "add", "--link", "--format", "json", work / "mirror", new)
    if not _expect(ran, (0, 3), new.name, "mirror add", result):
        return
    [file] = mirror_report(ran)["files"]
    if file["status"] == "added":
        result.mirrored += 1
    else:
        result.surprises.append(Surprise(new.name, "mirror add", _problem(file["problem"]), bug=file["status"] != "refused"))


def _check_mirror(work: Path, result: Result) -> None:
    ran = wheelfix("mirror", "check", "--format", "json", work / "mirror")
    if _expect(ran, (0, 1), "all", "mirror check", result):
        report = mirror_report(ran)
        for each in report["findings"]:
            where = each.get("file") or each.get("path") or "all"
            text, bug = f"{each['code']}: {each['message']}", each["code"] not in ABOUT_WHEELS
            result.surprises.append(Surprise(str(where), "mirror check", text, bug=bug))
        if report["summary"]["files"] != result.mirrored:
            text = f"{report['summary']['files']} files instead of {result.mirrored}"
            result.surprises.append(Surprise("all", "mirror check", text, bug=True))


@cache
def _own_tags() -> frozenset[str]:
    return frozenset(map(str, sys_tags()))


def installs_here(path: Path) -> bool:
    """Whether this Python takes the wheel, and needs nothing else to import it."""
    tags = {str(each) for each in parse_wheel_filename(path.name)[3]}
    plain = [each for each in metadata_of(path).split(b"\n\n")[0].splitlines() if each.startswith(b"Requires-Dist:")]
    return not tags.isdisjoint(_own_tags()) and all(b"extra ==" in each for each in plain)


def _install(old: Path, new: Path, work: Path, result: Result) -> None:
    """pip installs the new wheel from the mirror as it installs the old one; both import in the same way."""
    there = {path: work / "there" / name for path, name in ((old, "old"), (new, "new"))}
    name, version, *_ = parse_wheel_filename(new.name)
    [listed] = (work / "mirror" / "public" / "files").rglob(new.name)
    for path, source in ((old, old), (new, listed)):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
        ran = subprocess.run([*command, "--target", there[path], source], capture_output=True, text=True, check=False)
        if ran.returncode:
            result.surprises.append(Surprise(path.name, "install", ran.stderr[-300:], bug=path is new))
            shutil.rmtree(work / "there", ignore_errors=True)
            return
    result.installed += 1
    if (one := _installed(there[old])) != (two := _installed(there[new])):
        result.surprises.append(Surprise(old.name, "install", f"{name} {version}: {one ^ two}", bug=True))
    top = [each for each in there[old].iterdir() if each.suffix == ".py" or (each / "__init__.py").is_file()]
    modules = sorted(each.stem for each in top)
    told = [_import(modules, place) for place in there.values()]
    result.imported += bool(modules and not told[0])
    if told[0] != told[1]:
        result.surprises.append(Surprise(old.name, "import", f"{told[0]!r}, then {told[1]!r}", bug=True))
    elif told[0]:
        result.surprises.append(Surprise(old.name, "import", f"both wheels: {told[0]}"))
    shutil.rmtree(work / "there")


def _installed(place: Path) -> set[tuple[str, bytes]]:
    """Return every installed file and its bytes, without those that a correction may change."""
    mine = ("METADATA", "RECORD", "direct_url.json", "wheelfix.cdx.json")
    files = (each for each in place.rglob("*") if each.is_file())
    return {(str(each.relative_to(place)), each.read_bytes()) for each in files if each.name not in mine}


def _import(modules: Sequence[str], place: Path) -> str:
    """Return the last line of what importing ``modules`` says, empty if it works."""
    code = f"import sys; sys.path.insert(0, {str(place)!r})\nfor each in {modules!r}: __import__(each)"
    command = [sys.executable, "-I", "-S", "-B", "-W", "ignore", "-c", code]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return "it does not end"
    return ran.stderr.strip().splitlines()[-1].replace(str(place), "") if ran.returncode else ""


def table_of(result: Result) -> str:
    """Return the counts and the table of surprises as Markdown."""
    head = (
        f"{result.tried} wheels with {result.size / 1e9:.2f} GB: {result.fixed} fixed, {result.mirrored} in a mirror, "
        f"{result.installed} installed, {result.imported} imported; {sum(each.bug for each in result.surprises)} bugs.\n"
    )
    counts = Counter((each.wheel, each.step, each.bug, each.text.partition(":")[0]) for each in result.surprises)
    rows = []
    for each in sorted(result.surprises, key=lambda each: (not each.bug, each.step, each.text, each.wheel)):
        count = counts.pop((each.wheel, each.step, each.bug, each.text.partition(":")[0]), 0)
        more = f" (and {count - 1} more)" if count > 1 else ""
        text = " ".join(each.text.split()).replace("|", "\\|")
        if count:
            rows.append(f"| {each.wheel} | {each.step} | {'bug' if each.bug else 'fact'} | {text}{more} |")
    return "\n".join((head, "| wheel | step | kind | what |", "|---|---|---|---|", *rows, ""))
