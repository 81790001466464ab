"""What a run of ``wheelfix`` must keep to when a system call fails, and the runs of which that is tried.

A scene is a directory and a command. It is run undisturbed, which gives every call that it makes and the files that it
leaves; then once for each fault, from the same start. After each of them the same command runs again, undisturbed.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from failing_calls import ALWAYS, Effect, Ended, Fault, Machine

ERRORS: Final[Mapping[str, tuple[int, ...]]] = {
    "open": (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE, errno.EROFS, errno.EDQUOT, errno.EOPNOTSUPP, errno.EINTR),
    "read": (errno.EIO, errno.EINTR, errno.ESTALE),
    "write": (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR),
    "copy": (
        errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR,
    ),
    "clone": (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.EIO, errno.ENOSPC),
    "fsync": (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINVAL, errno.EINTR),
    "close": (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR),
    "link": (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EROFS),
    "rename": (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EXDEV, errno.EROFS, errno.EDQUOT),
    "unlink": (errno.EIO, errno.EACCES, errno.EROFS),
    "mkdir": (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT),
    "rmdir": (errno.EIO, errno.EACCES),
    "symlink": (errno.EPERM, errno.ENOSPC),
    "chmod": (errno.EPERM, errno.EIO, errno.EROFS),
    "chown": (errno.EPERM, errno.EIO),
    "utimens": (errno.EPERM, errno.EIO),
    "truncate": (errno.EIO, errno.EPERM),
    "flock": (errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP),
    "fadvise": (errno.EINVAL, errno.EIO),
    "stat": (errno.EIO, errno.EACCES, errno.ESTALE),
    "access": (errno.EIO, errno.EACCES),
    "statvfs": (errno.EIO, errno.ENOSYS),
    "opendir": (errno.EIO, errno.EACCES, errno.EMFILE),
    "readdir": (errno.EIO,),
    "dup": (errno.EMFILE,),
}  # fmt: skip
"""Each kind of call with what it fails with."""
WRITES: Final = ("write", "copy", "mkdir", "link", "symlink")
"""What needs space."""


class Scene(Struct, frozen=True):
    """A ``command`` in a directory that ``fill`` fills; ``mirror`` is that which it writes to, if there is one.

    The file system may be ``plain``, see :class:`~failing_calls.Machine`. Done ``once``, the command finds nothing more to
    do and says so. One that is ``costly`` starts processes of its own.
    """

    name: str
    fill: Callable[[Path], None]
    command: Sequence[str]
    mirror: str = ""
    plain: bool = False
    once: bool = False
    costly: bool = False

    def __str__(self) -> str:
        return self.name


class Trials:
    """Runs a scene, undisturbed and with each fault that it is given; what is wrong is in words, and no assertion."""

    def __init__(self, machine: Machine, scene: Scene) -> None:
        self._machine = machine
        self._scene = scene
        self._start = machine.work.with_name("start")
        empty(machine.work)
        (machine.work / "temporary").mkdir()
        scene.fill(machine.work)
        shutil.rmtree(self._start, ignore_errors=True)
        shutil.copytree(machine.work, self._start, symlinks=True)
        self.old = contents(machine.work)
        self._run()
        self.calls = self._again(records=True).calls
        self.new = contents(machine.work)
        self.expected = self._expected()
        self.report = _report_of(self.expected)

    def _expected(self) -> Ended:
        expected = self._again()
        assert expected.code == 0, expected
        assert self._is_as_new(contents(self._machine.work)), self._changes()
        again = self._run()
        assert self._scene.once or again.code == 0, again
        assert self._is_as_new(contents(self._machine.work)), self._changes()
        return expected

    def _is_as_new(self, files: Mapping[str, bytes]) -> bool:
        return not differences(self._fixed(files), self._fixed(self.new))

    @staticmethod
    def _fixed(files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what does not depend on the time of the run, or its duration."""
        return {
            path: data
            for path, data in files.items()
            if not path.startswith(("cache/", "temporary/pymp-", "reports/")) and "/private/scratch/" not in path
        }

    def _changes(self) -> list[str]:
        return differences(self._fixed(contents(self._machine.work)), self._fixed(self.new))

    def _run(self, fault: Fault | None = None, *, records: bool = False) -> Ended:
        return self._machine.run(self._scene.command, fault, plain=self._scene.plain, records=records)

    def _again(self, fault: Fault | None = None, *, records: bool = False) -> Ended:
        """Run the command once more from the start."""
        empty(self._machine.work)
        shutil.copytree(self._start, self._machine.work, symlinks=True, dirs_exist_ok=True)
        return self._run(fault, records=records)

    def faults(self) -> Iterator[Fault]:
        """Yield every fault: each call of the undisturbed run, with each of its errors; and a disk that stays full."""
        counts: dict[str, int] = {}
        for name, _ in self.calls:
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            for number in range(1, count + 1):
                for error in ERRORS[name]:
                    yield Fault((name,), number, number, error)
                if name in ("link", "rename", "unlink", "mkdir", "rmdir", "fsync"):
                    yield Fault((name,), number, number, errno.EIO, Effect.FAILS_WHEN_DONE)
                if name in ("read", "write", "copy"):
                    yield Fault((name,), number, ALWAYS, 0, Effect.DOES_LESS)
            for error in ERRORS[name]:
                if error != errno.EINTR:  # Python tries again until it is not interrupted (PEP 475)
                    yield Fault((name,), 1, ALWAYS, error)
        for number in range(1, sum(counts.get(name, 0) for name in WRITES) + 1):
            yield Fault(WRITES, number, ALWAYS, errno.ENOSPC, Effect.DOES_LESS_THEN_FAILS)
            yield Fault(WRITES, number, ALWAYS, errno.ENOSPC)

    def fault(self, call: str, path: str, error: int) -> Fault:
        """Return the fault at the first ``call`` on a file with ``path`` in its path."""
        paths = [where for name, where in self.calls if name == call]
        number = next(number for number, where in enumerate(paths, 1) if path in where)
        return Fault((call,), number, number, error)

    def wrong(self, fault: Fault) -> tuple[int, list[str]]:
        """Run with ``fault``; return the exit code, and what is wrong with what it left and said."""
        ended = self._again(fault)
        left = contents(self._machine.work)
        found = [*self._about_the_end(ended, left), *self._about_files(left), *self._about_the_report(ended, left, fault)]
        second = self._run()
        completed = contents(self._machine.work)
        if self._is_temporary(ended):
            completed = {
                path: data for path, data in completed.items() if not path.startswith("temporary/") or path in self.new
            }
        if any("/private/scratch" in path for _, path in ended.calls):  # the next run that makes something removes it
            completed = {path: data for path, data in completed.items() if "/private/scratch/making-" not in path}
        if any(name == "rmdir" for name, _ in ended.calls):  # an empty directory more means nothing to anybody
            completed = {path: data for path, data in completed.items() if path in self.new or not path.endswith("/")}
        if differences(self._fixed(completed), self._fixed(self.new)) or litter(completed) > litter(self.new):
            what = differences(completed, self.new)
            found.append(f"the next run ends differently: {what} {second.code} {second.err}")
        if "Traceback" in second.err:
            found.append(second.err)
        struck = [f"{name} {Path(path).name}" for name, path in ended.calls]
        return ended.code, [f"{each}\n{struck[:3]}\n{ended.err}" for each in found]

    @staticmethod
    def _is_temporary(ended: Ended) -> bool:
        """Whether the fault struck in the directory for temporary files, which is the system's to empty."""
        return any("/work/temporary" in path for _, path in ended.calls)

    def _about_the_end(self, ended: Ended, left: Mapping[str, bytes]) -> Iterator[str]:
        is_loud = "Traceback" in ended.err or "Exception ignored" in ended.err
        if (is_loud and not self._is_of_the_interpreter(ended)) or ended.code not in (0, 1, 2, 3):
            yield f"it ends with {ended.code}"
        if ended.code == 0 and visible(left) != visible(self.new):
            yield f"exit code 0, and {differences(visible(left), visible(self.new))}"
        if ended.code and "error" not in ended.err:
            yield "no error is printed"
        if ended.code == 1 and not self._has_true_errors(ended):
            yield "exit code 1, and nothing was found"
        if ended.code == 2 and not self._was_refused(ended, left):
            yield "exit code 2, and something was done"

    def _is_of_the_interpreter(self, ended: Ended) -> bool:
        """Whether the fault struck where Python starts a process: it looks for modules in the working directory."""
        return self._scene.costly and {path for _, path in ended.calls} == {str(self._machine.work)}

    def _has_true_errors(self, ended: Ended) -> bool:
        """Whether a report has errors, and all of them are so: the undisturbed run found them, and fixed them."""
        known = {(each["code"], each["place"]) for each in self.report.get("fixed", ())}
        found = [each for each in _report_of(ended).get("findings", ()) if each["severity"] == "error"]
        return bool(found) and all((each["code"], each["place"]) in known for each in found)

    def _was_refused(self, ended: Ended, left: Mapping[str, bytes]) -> bool:
        """Whether nothing at all was done, as what was typed could not be used: an option, or a path."""
        of_input = ("error: invalid value for ", "error[invalid-manifest]: ")
        says_so = "nothing was done" in ended.err or ended.err.startswith(of_input)
        return says_so and left == self.old and not ended.out

    def _about_files(self, left: Mapping[str, bytes]) -> Iterator[str]:
        """Yield files that are neither as they were nor as they are to be; pages may list some of several files."""
        for path, data in visible(left).items():
            if data not in (self.old.get(path), self.new.get(path)) and not self._varies(path):
                yield f"{path} is neither old nor new"
        for path in self.old:
            if path not in left and path in self.new:
                yield f"{path} is gone"
        for path in left:
            if path.startswith("reports/") and left[path] != self.old.get(path) and not _is_whole(path, left[path]):
                yield f"{path} is a part of a report"
        if self._scene.mirror:
            yield from dangling(self._machine.work / self._scene.mirror)

    def _varies(self, path: str) -> bool:
        """Whether what is in the file depends on what happens to others: a page may list some of several wheels."""
        return "/simple/" in path or path.startswith("reports/") or path.endswith(".lock")

    def _about_the_report(self, ended: Ended, left: Mapping[str, bytes], fault: Fault) -> Iterator[str]:
        try:
            report = _report_of(ended)
        except ValueError:
            yield f"the report is no JSON: {ended.out!r}"
            return
        if not ended.out and visible(left) != visible(self.old):
            yield "something was done, and nothing is reported"
        for each in (*report.get("wheels", ()), *report.get("files", ())):
            yield from self._about_a_row(each, left, report.get("mirror"))
        rows = (*report.get("wheels", ()), *report.get("files", ()))
        bad = {_name_of(each) for each in rows if each.get("problem")}
        if bad and ended.code == 0:
            yield "exit code 0 with a problem"
        if len(bad) > 1 and fault.last != ALWAYS and all(".whl" in path for _, path in ended.calls):
            yield f"{len(bad)} wheels failed"

    def _about_a_row(self, row: Mapping[str, Any], left: Mapping[str, bytes], mirror: str | None) -> Iterator[str]:
        status, sums = row.get("status"), row.get("sha256")
        path = row.get("output") or (row.get("path") and f"{mirror}/{row['path']}")
        wanted = sums["output"] if isinstance(sums, dict) else sums
        source = row.get("source")
        if path and source and Path(path).name != Path(source).name:
            yield f"{path} is reported as made of {source}"
        if source and not self._scene.mirror and status in ("failed", "refused"):
            place = source if "--in-place" in self._scene.command else f"fixed/{_name_of(row)}"
            if left.get(place) != self.old.get(place):
                yield f"{place} is {status}, and is there"
        if status in ("fixed", "unchanged", "repaired", "added", "replaced"):
            data = left.get(str(path))
            if path is None and self._scene.mirror:
                return  # what is fixed on the way into a mirror has a row of its own there
            if data is None or hashlib.sha256(data).hexdigest() != wanted:
                yield f"{path} is {status}, and is not there"
        if status == "removed" and not row.get("problem") and str(path) in left:
            yield f"{path} is removed, and is there"
        if status in ("failed", "refused"):
            if not row.get("problem"):
                yield f"{path} is {status} without a problem"
            name = _name_of(row)
            listed = [key for key, data in left.items() if key.endswith("index.json") and data != self.old.get(key)]
            if name.endswith(".whl") and any(
                f'"{name}"'.encode() in left[key] and f'"{name}"'.encode() not in self.old.get(key, b"") for key in listed
            ):
                yield f"{name} is {status}, and is listed"


def _report_of(ended: Ended) -> dict[str, Any]:
    """Return the report that a run printed, an empty one where it printed none.

    :raises ValueError: if it is no JSON.
    """
    return dict(json.loads(ended.out)) if ended.out else {}


def _is_whole(path: str, data: bytes) -> bool:
    """Whether a report is complete."""
    try:
        return bool(json.loads(data)) if path.endswith(".json") else data.rstrip().endswith(b"</html>")
    except ValueError:
        return False


def empty(folder: Path) -> None:
    """Delete what is in ``folder``."""
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below ``folder``, those that are hidden too, and each directory, by path."""
    found: dict[str, bytes] = {}
    for current, directories, files in os.walk(folder):
        for path in (Path(current, name) for name in [*directories, *files]):
            key = str(path.relative_to(folder))
            if path.is_symlink():
                found[key] = os.fsencode(path.readlink())  # never followed: one may lead to a pipe of this process
            elif path.is_dir():
                found[f"{key}/"] = b""
            elif path.is_file():
                found[key] = path.read_bytes()
            else:
                found[key] = b"a socket or the like"
    return found


def _name_of(row: Mapping[str, Any]) -> str:
    """Return the file that a row of a report is about."""
    return Path(row.get("filename") or row.get("source") or row.get("path") or row["project"]).name  # one of these it has


def litter(files: Mapping[str, bytes]) -> int:
    """Return how many of ``files`` are work in progress."""
    return sum("/making-" in path or "/.wheelfix-" in f"/{path}" for path in files)


def visible(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return those of ``files`` that are no work in progress."""
    return {path: data for path, data in files.items() if not (_is_hidden(path) or path.endswith("/"))}


def _is_hidden(path: str) -> bool:
    return path.startswith(("temporary/", "cache/", "reports/")) or "/.wheelfix-" in f"/{path}" or "/private/" in path


def differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """Return which paths differ, and how."""
    return [
        f"{'-' if path not in one else '+' if path not in other else '!'}{path}"
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def dangling(mirror: Path) -> Iterator[str]:
    """Yield what a page of ``mirror`` leads to, and is not there or has other bytes."""
    for page in (mirror / "public" / "simple").glob("*/index.json"):
        document = json.loads(page.read_bytes())
        for file in (*document["files"], *document.get("_wheelfix-past", ())):
            place = mirror / "public" / file["url"].removeprefix("../../")
            if not place.is_file() or hashlib.sha256(place.read_bytes()).hexdigest() != file["hashes"]["sha256"]:
                yield f"{page.relative_to(mirror)} leads to {file['url']}, which is not there"
