"""The command where a machine is odd: each run ends with the right code, one clear message, whole files and no litter."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import pytest
from msgspec import Struct

from building import Entry, WheelSpec, write_wheel
from moments import Act, needs_strace, run_until
from parts import PARTS, chosen_parts
from running import wheelfix
from zipwriter import STORED

T = TypeVar("T")
COMMAND: Final = [sys.executable, "-m", "wheelfix"]
FIX: Final = ("strip-gpu", "--allow-unproven", "-o", "out", "in")
IN_PLACE: Final = ("strip-gpu", "--allow-unproven", "--in-place", "in")
ADD: Final = ("mirror", "add", "m", "in")
_SIZE: Final = 300_000
"""Of each wheel, in bytes; two fit on the small disks."""
DEVICES: Final = "mount -t tmpfs none /dev; mknod /dev/null c 1 3; mknod /dev/urandom c 1 9; mknod /dev/zero c 1 5;"
GONE: Final = "mkdir gone; cd gone; rmdir ../gone;"
SMALL: Final = "mkdir out; mount -t tmpfs -o size=700k none out; "


class Odd(Struct, frozen=True, kw_only=True):
    """An environment: what a shell does ``before`` the command in ``words`` starts, as root with mounts of its own.

    The run ends with ``code``, and ``says`` is in what it prints to standard error. ``good`` are as many whole results as
    there must be; ``after`` is what the shell does at the end.
    """

    before: str
    words: tuple[str, ...] = FIX
    code: int = 0
    says: str = ""
    good: range = range(3, 4)
    mounts: bool = False
    slow: bool = False
    after: str = ""


NONE: Final = range(1)
ODD: Final[Mapping[str, Odd]] = {
    "full-disk": Odd(
        before=SMALL, code=3, says=r"error\[enospc\]: in/p\d.* failed: No space left", good=range(1, 3), mounts=True,
        after="cp -a out seen",
    ),
    "full-disk-for-processes": Odd(
        before=SMALL, words=(*FIX, "-j", "2"), code=3, says=r"error\[enospc\]", good=range(3), mounts=True, slow=True,
        after="cp -a out seen",
    ),
    "full-disk-in-place": Odd(
        before="mkdir seen; mount -t tmpfs -o size=700k none seen; cp in/p0* in/p1* seen; mount --bind seen in;",
        words=IN_PLACE, code=3, says=r"error\[enospc\]", good=NONE, mounts=True, slow=True,
    ),
    "full-disk-for-a-mirror": Odd(
        before="mkdir m; mount -t tmpfs -o size=700k none m;", words=ADD, code=3, says=r"error\[enospc\]: .* not added",
        good=NONE, mounts=True, slow=True, after="cp -a m mirror",
    ),
    "full-ext4": Odd(
        before="truncate -s 900K disk; mkfs.ext4 -q -O ^has_journal -m 0 disk; mkdir out;"
        "mount -o loop disk out; rmdir out/*;",
        code=3, says=r"error\[enospc\]", good=range(3), mounts=True, slow=True, after="cp -a out seen; umount out",
    ),
    "read-only": Odd(
        before="mkdir out; mount -t tmpfs -o ro none out;", code=3, good=NONE, mounts=True, slow=True,
        says=r"error\[erofs\]: in/p0.* failed: cannot write to out/: Read-only file system",
    ),
    "read-only-in-place": Odd(
        before="mount --bind in in; mount -o remount,ro,bind in;", words=IN_PLACE, code=3, good=NONE, mounts=True,
        says=r"error\[erofs\]: in/p0.* failed: cannot write to \S+: Read-only file system",
    ),
    "read-only-mirror": Odd(
        before="mkdir m; mount -t tmpfs -o ro none m;", words=ADD, code=3, says=r"error\[erofs\]", good=NONE, mounts=True,
        slow=True,
    ),
    "overlay": Odd(
        before="mkdir low up out; mount -t tmpfs none up; mkdir up/a up/b; "
        "mount -t overlay -o lowerdir=low,upperdir=up/a,workdir=up/b none out;",
        mounts=True, slow=True, after="cp -a out seen",
    ),
    "no-semaphores": Odd(
        before=f"{DEVICES}", words=(*FIX, "-j", "2"), code=3, good=NONE, mounts=True,
        says=r"^error\[no-workers\]: 2 processes cannot be started: .*\n  help: Make /dev/shm writable",
    ),
    "read-only-semaphores": Odd(
        before="mount -t tmpfs -o ro none /dev/shm;", words=(*FIX, "-j", "2"), code=3, good=NONE, mounts=True, slow=True,
        says=r"^error\[no-workers\]: 2 processes cannot be started: read-only file system\n",
    ),
    "no-devices": Odd(before="mount -t tmpfs none /dev;", mounts=True),
    "no-processes-file-system": Odd(before="umount -l /proc;", mounts=True),
    "no-processes-file-system-but-processes": Odd(
        before="umount -l /proc;", words=(*FIX, "-j", "2"), mounts=True, slow=True
    ),
    "read-only-temporary-files": Odd(
        before="mkdir t; mount -t tmpfs -o ro none t; export TMPDIR=$PWD/t;", words=(*FIX, "-j", "2"), mounts=True, slow=True
    ),
    "deep-temporary-files": Odd(
        before=f"mkdir {'x' * 150}; export TMPDIR=$PWD/{'x' * 150};", words=(*FIX, "-j", "2")
    ),
    "no-working-directory": Odd(
        before=GONE, words=("strip-gpu", "--allow-unproven", "--report", "{here}/out.html", "-o", "{here}/out", "{here}/in"),
        says=r"^warning: the working directory no longer exists, so no file sets options\n",
    ),
    "no-working-directory-for-processes": Odd(
        before=GONE, words=("strip-gpu", "-j", "2", "-o", "{here}/out", "{here}/in"), code=3, good=NONE, slow=True,
        says=r"error\[no-workers\]: 2 processes cannot be started: the working directory no longer exists\n  help: Change",
    ),
    "no-working-directory-for-results": Odd(
        before=GONE, words=("verify", "--report", "out.html", "{here}/in"), code=2, good=NONE, slow=True,
        says=r"out\.html cannot be written: the working directory no longer exists\n",
    ),
    "no-working-directory-for-rules": Odd(
        before=GONE, words=("fix", "-o", "{here}/out", "{here}/in"), code=2, good=NONE, slow=True,
        says=r"error: no rules found: .*\n  help: Name rules with --rules",
    ),
    "no-home": Odd(before="unset HOME;", slow=True),
    "home-that-is-not-there": Odd(before="export HOME=/nowhere/at/all;", slow=True),
    "no-home-for-a-mirror": Odd(before="unset HOME;", words=ADD, good=NONE, slow=True, after="cp -a m mirror"),
    "umask-077": Odd(before="umask 077;", slow=True),
    "umask-000": Odd(before="umask 000;", slow=True),
    "one-processor": Odd(before="exec 9>&1; taskset -cp 0 $$ >/dev/null;", words=(*FIX, "-j", "2"), slow=True),
    "little-memory": Odd(before="ulimit -v 524288;", words=(*FIX, "-j", "2"), slow=True),
    "small-files-only": Odd(
        before="ulimit -f 100;", code=3, says=r"error\[efbig\]: .*\n  help: Allow larger files", good=NONE, slow=True
    ),
    "few-open-files": Odd(before="ulimit -n 8;", slow=True),
    "too-few-open-files": Odd(  # a directory cannot be listed then, nor removed: the next run does that
        before="ulimit -S -n 6;", code=3, says=r"error\[emfile\]", slow=True,
        after='ulimit -S -n 256; "$@" >/dev/null 2>&1',
    ),
    "clock-in-1970": Odd(before="export SOURCE_DATE_EPOCH=0;", words=ADD, good=NONE, slow=True, after="cp -a m mirror"),
    "clock-in-2200": Odd(
        before="export SOURCE_DATE_EPOCH=7258118400;", words=ADD, good=NONE, slow=True, after="cp -a m mirror"
    ),
    "one-column-and-ascii": Odd(
        before="mv in $(printf 'J\\351');"
        "export COLUMNS=1 LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii:strict;",
        words=("strip-gpu", "--allow-unproven", "-v", "-o", "out", "J\udce9"),
    ),
    "twenty-columns": Odd(before="export COLUMNS=20 LC_ALL=C PYTHONUTF8=0;", words=(*FIX, "-v"), slow=True),
}  # fmt: skip


@cache
def wheels() -> dict[str, tuple[bytes, bytes]]:
    """Return three wheels by name, each with what is made of it."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "in").mkdir()
        for name in ("p0", "p1", "p2"):
            data = bytes(range(256)) * (_SIZE // 256)
            files = (Entry(f"{name}/data.bin", data, method=STORED),)
            write_wheel(folder / "in", WheelSpec(project=name, requires=("nvidia-nccl-cu12", "six"), files=files))
        assert wheelfix(*FIX[:3], folder / "out", folder / "in").code == 0
        return {
            each.name: (each.read_bytes(), (folder / "out" / each.name).read_bytes()) for each in (folder / "in").iterdir()
        }


def lay_out(folder: Path) -> Path:
    """Write the wheels, and an empty directory for temporary files, into a new directory."""
    (folder / "in").mkdir(parents=True)
    (folder / "tmp").mkdir()
    for name, (old, _) in wheels().items():
        (folder / "in" / name).write_bytes(old)
    return folder


def check_files(folder: Path) -> int:
    """Confirm that each file is old or new, and that nothing else was left; return how many results there are."""
    good = 0
    for path in folder.rglob("*.whl"):
        place = path.parent.name
        if place in ("in", "out", "seen"):
            old, new = wheels()[path.name]
            data = path.read_bytes()
            assert data in ((old, new) if place == "in" else (new, old) if place == "seen" else (new,)), path
            good += data == new
    assert [*folder.rglob(".wheelfix-*")] == []
    assert [*(folder / "tmp").iterdir()] == []
    return good


@pytest.mark.parametrize(
    "odd", [pytest.param(odd, id=name, marks=[pytest.mark.slow] * odd.slow) for name, odd in ODD.items()]
)
def test_an_odd_machine(odd: Odd, tmp_path: Path) -> None:
    if odd.mounts and (os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode):
        pytest.skip("needs mounts of its own, which only root may have")
    folder = lay_out(tmp_path / "work")
    words = [each.format(here=folder) for each in odd.words]
    script = f'set -e; {odd.before} set +e; "$@"; code=$?; {odd.after or ":"}; exit $code'
    start = ["unshare", "--mount"] if odd.mounts else []
    ran = subprocess.run(
        [*start, "sh", "-c", script, "sh", *COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, errors="surrogateescape", env={**os.environ, "TMPDIR": str(folder / "tmp")},
    )  # fmt: skip
    assert ran.returncode == odd.code, ran.stderr
    assert "Traceback" not in ran.stderr
    assert re.search(odd.says, ran.stderr, re.MULTILINE), ran.stderr
    assert check_files(folder) in odd.good
    for line in ran.stdout.splitlines():
        if line.startswith("out/") and not odd.mounts:
            assert (folder / line).read_bytes() == wheels()[Path(line).name][1]
    if (folder / "mirror").exists():
        checked = wheelfix("mirror", "check", folder / "mirror")
        assert (checked.code, checked.out) == (0, ""), checked


def of_today(*each: T) -> list[T]:
    """Return those of the parts that run."""
    return [one for number, one in enumerate(each) if number % PARTS in chosen_parts()]


def start_of(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder / "tmp")}


@cache
def steps_of(*words: str) -> int:
    """Return how many steps a run of these ``words`` takes that nobody disturbs."""
    with tempfile.TemporaryDirectory() as directory:
        folder = lay_out(Path(directory) / "work")
        whole = run_until(None, lambda *_: None, [*COMMAND, *words], folder, start_of(folder))
        assert whole.code == 0, whole.err
        return whole.steps


def interrupt(group: int, _: int, __: int) -> None:
    with suppress(ProcessLookupError):  # it ended meanwhile
        os.killpg(group, signal.SIGINT)  # as a terminal does


def terminate(_: int, first: int, __: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(first, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("percent", of_today(40, 55, 65, 75, 85, 95))
@pytest.mark.parametrize("words", [FIX, IN_PLACE], ids=["out", "in-place"])
@pytest.mark.parametrize(("act", "code"), [(interrupt, 130), (terminate, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_all_processes_and_finished_files_stay(
    act: Act, code: int, words: tuple[str, ...], percent: int, tmp_path: Path
) -> None:
    needs_strace()
    words = (*words, "-j", "2")
    folder = lay_out(tmp_path / "work")
    at = steps_of(*words) * percent // 100
    ended = run_until(at, act, [*COMMAND, *words], folder, start_of(folder))
    note = (at, ended)
    assert ended.code in (code, 0) if percent > 80 else ended.code == code, note  # all wheels may be done by then
    assert "Traceback" not in ended.err, note
    good = check_files(folder)
    assert all((folder / line).read_bytes() == wheels()[Path(line).name][1] for line in ended.out.splitlines()), note
    assert ended.code == code or good == 3, note


def shrink(path: Path) -> None:
    os.truncate(path, 1000)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(200_000)
        file.write(b"\xff" * 1000)


def replace_by_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(wheels()["p2-1.0-py3-none-any.whl"][0])
    other.rename(path)


@pytest.mark.slow
@pytest.mark.parametrize("percent", of_today(10, 30, 45, 55, 65, 75, 90))
@pytest.mark.parametrize("meddle", [shrink, grow, damage, replace_by_another, Path.unlink], ids=lambda each: each.__name__)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_wheel_that_changes_while_the_run_is_at_it(
    jobs: str, meddle: Callable[[Path], None], percent: int, tmp_path: Path
) -> None:
    """A result is that of the wheel as it was, or as it is now, or there is none: never one of both states."""
    needs_strace()
    words = (*FIX, "-j", jobs)
    folder = lay_out(tmp_path / "work")
    path = folder / "in" / "p1-1.0-py3-none-any.whl"
    at = steps_of(*words) * percent // 100
    ended = run_until(at, lambda *_: meddle(path), [*COMMAND, *words], folder, start_of(folder))
    note = (at, ended)
    assert ended.code in (0, 2, 3), note
    assert "Traceback" not in ended.err, note
    results = {each.name: each.read_bytes() for each in (folder / "out").glob("*")}
    if path.exists():  # what is there now, if it was there before the run came to it
        wheelfix(*FIX[:3], folder / "now", path)
    now = [each.read_bytes() for each in (folder / "now").glob("*")]
    assert all(data == wheels()[name][1] or (name == path.name and data in now) for name, data in results.items()), note
    assert ended.code == 2 or results.keys() >= wheels().keys() - {path.name}, note
    assert {f"out/{name}" for name in results} == set(ended.out.splitlines()), note
    assert (path.name in results) is (ended.code == 0), note
    assert ended.code == 0 or re.search(r"^error(\[[a-z-]+\])?: .*", ended.err, re.MULTILINE), note
    assert [*folder.rglob(".wheelfix-*")] == [], note


@pytest.mark.slow
@pytest.mark.parametrize("words", of_today(("-o", "out"), ("-o", "out", "-j", "2"), ("--in-place",)), ids=" ".join)
def test_ten_thousand_wheels_with_256_open_files(words: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(10_000):
        write_wheel(folder, WheelSpec(project=f"p{number}", requires=("nvidia-nccl-cu12",)))
    command = [*COMMAND, "strip-gpu", "-q", "--allow-unproven", *words, "in"]
    ran = subprocess.run(
        ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(ran.stdout.splitlines()) == 10_000
    assert len([*(tmp_path / ("in" if "--in-place" in words else "out")).iterdir()]) == 10_000
