"""The new wheel appears whole and verified, or not at all: whatever stops the work leaves the old file and no litter."""

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wheelfix
from building import Entry, WheelSpec, write_wheel
from fixing import fix, fixed
from wheelfix import Status, Wheel, make_plan
from wheelfix.fix.apply import Prepared, prepare
from wheelfix.fix.job import Job, fix_each
from wheelfix.wheel.zip.output import Growing, RunningDigest

_SPEC = WheelSpec(
    files=(Entry("demo/__init__.py", b"ANSWER = 42\n" * 99), Entry("demo/tool", b"#!/bin/sh\n", mode=0o100755))
)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_in_place(tmp_path: Path) -> None:
    """Promise 5: the new wheel takes the place of the old one, which a reader of it still sees whole."""
    source = write_wheel(tmp_path, _SPEC)
    source.chmod(0o604)
    expected = fixed(source, tmp_path / "out").read_bytes()
    before = source.read_bytes()
    with source.open("rb") as reader:
        outcome = wheelfix.fix_wheels(
            [source], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True)
        ).outcomes[0]
        assert reader.read() == before
    assert (outcome.status, outcome.output) == (Status.FIXED, source)
    assert source.read_bytes() == expected
    assert stat.S_IMODE(source.stat().st_mode) == 0o604
    assert _names(tmp_path) == sorted([source.name, "out"])


def test_in_place_through_a_link(tmp_path: Path) -> None:
    """Pitfalls 31, 34: the file that the link leads to is replaced, and the link stays a link."""
    (tmp_path / "store").mkdir()
    real = write_wheel(tmp_path / "store", _SPEC)
    link = tmp_path / real.name
    link.symlink_to(real)
    outcome = wheelfix.fix_wheels(
        [link], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True)
    ).outcomes[0]
    assert outcome.status is Status.FIXED
    assert link.is_symlink()
    assert not real.is_symlink()
    assert link.read_bytes() == real.read_bytes()
    assert (
        wheelfix.fix_wheels([real], output=wheelfix.Output(dry_run=True), policy=wheelfix.Policy(allow_unproven=True))
        .outcomes[0]
        .status
        is Status.UNCHANGED
    )


def test_in_place_without_a_change_touches_nothing(tmp_path: Path) -> None:
    source = write_wheel(tmp_path, WheelSpec(requires=()))
    before = source.stat()
    outcome = wheelfix.fix_wheels(
        [source], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True)
    ).outcomes[0]
    assert outcome.status is Status.UNCHANGED
    after = source.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("requires", [(), ("nvidia-cudnn-cu12",)])
def test_output_that_is_the_input(requires: tuple[str, ...], tmp_path: Path) -> None:
    """Pitfall 31: by its own path, through a detour or a link of either kind, the input is not overwritten."""
    source = write_wheel(tmp_path, WheelSpec(requires=requires))
    before = source.read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "hard").mkdir()
    (tmp_path / "out" / source.name).symlink_to(source)
    (tmp_path / "hard" / source.name).hardlink_to(source)
    for folder in (tmp_path, tmp_path / "out" / "..", tmp_path / "out", tmp_path / "hard"):
        outcome = fix(source, folder)
        assert outcome.status is Status.REFUSED
        assert outcome.problem is not None
        assert outcome.problem.code == "output-is-input"
        assert source.read_bytes() == before


def test_output_that_exists(tmp_path: Path) -> None:
    """An output that is there stays as it is: equal, it will do; different, the wheel is refused."""
    source = write_wheel(tmp_path, _SPEC)
    output = fixed(source, tmp_path / "out")
    inode = output.stat().st_ino
    assert fix(source, tmp_path / "out").status is Status.FIXED
    assert output.stat().st_ino == inode
    output.write_bytes(b"of somebody else")
    outcome = fix(source, tmp_path / "out")
    assert outcome.status is Status.REFUSED
    assert outcome.problem is not None
    assert outcome.problem.code == "output-exists"
    assert output.read_bytes() == b"of somebody else"
    assert _names(tmp_path / "out") == [source.name]


def test_output_that_is_a_dangling_link(tmp_path: Path) -> None:
    """Pitfall 31: a link that leads nowhere is not followed."""
    source = write_wheel(tmp_path, _SPEC)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / source.name).symlink_to(tmp_path / "nowhere")
    outcome = fix(source, tmp_path / "out")
    assert outcome.problem is not None
    assert outcome.problem.code == "output-exists"
    assert not (tmp_path / "nowhere").exists()
    assert _names(tmp_path / "out") == [source.name]


@pytest.fixture(params=["nameless", "hidden name"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Either way in which the new file is kept out of sight; no thread outlives the test."""
    if request.param == "hidden name":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    ("call", "in_place"),
    [
        *((call, in_place) for call in ("pwrite", "copy_file_range", "fsync") for in_place in (False, True)),
        ("link", False),
        ("replace", True),
    ],
)
def test_full_disk_leaves_nothing(call: str, *, in_place: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5, pitfall 34: wherever the space ends, the old file stays and no part of the new one does."""
    source = write_wheel(tmp_path, _SPEC)
    before = source.read_bytes()

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    outcome = wheelfix.fix_wheels(
        [source],
        output=wheelfix.Output(directory=tmp_path / "out", in_place=in_place),
        policy=wheelfix.Policy(allow_unproven=True),
    ).outcomes[0]
    assert outcome.status is Status.FAILED
    assert outcome.problem is not None
    assert outcome.problem.code == "enospc"
    assert source.read_bytes() == before
    assert _names(tmp_path) == [source.name] if in_place else _names(tmp_path / "out") == []


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("in_place", [False, True])
def test_folder_that_cannot_be_flushed(*, in_place: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: a file system on which folders cannot be flushed (EINVAL) holds the new wheel, and the outcome says so."""
    source = write_wheel(tmp_path, _SPEC)
    real = os.fsync

    def flush_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush_files_only)
    outcome = wheelfix.fix_wheels(
        [source],
        output=wheelfix.Output(directory=tmp_path / "out", in_place=in_place),
        policy=wheelfix.Policy(allow_unproven=True),
    ).outcomes[0]
    assert outcome.status is Status.FIXED
    assert outcome.output is not None
    assert outcome.output_sha256 == hashlib.sha256(outcome.output.read_bytes()).hexdigest()


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("requires", [("nvidia-cudnn-cu12",), ()], ids=["fixed", "unchanged"])
@pytest.mark.parametrize("way", ["new", "overwrite", "in-place"])
def test_a_wheel_that_is_in_its_place_has_not_failed(
    way: str, requires: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 43: a directory whose flush fails (EIO) holds the new wheel all the same; the outcome says both."""
    source = write_wheel(tmp_path, WheelSpec(requires=requires))
    (tmp_path / "out").mkdir()
    if way == "overwrite":
        (tmp_path / "out" / source.name).write_bytes(b"of before")
    real = os.fsync

    def flush(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    outcome = wheelfix.fix_wheels(
        [source],
        output=wheelfix.Output(directory=tmp_path / "out", overwrite=way == "overwrite", in_place=way == "in-place"),
        policy=wheelfix.Policy(allow_unproven=True),
    ).outcomes[0]
    assert outcome.status is (Status.FIXED if requires else Status.UNCHANGED)
    assert outcome.problem is None
    assert outcome.output is not None
    assert outcome.output_sha256 == hashlib.sha256(outcome.output.read_bytes()).hexdigest()
    said = [note for note in outcome.notes if "did not confirm" in note]
    assert len(said) == (0 if way == "in-place" and not requires else 1), "nothing is written where nothing changes"
    assert all("Input/output error" in note for note in said)


@pytest.mark.usefixtures("_way")
def test_a_relative_output_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be made without a name, the other reader opens the hidden one, wherever that is relative to."""
    source = write_wheel(tmp_path, _SPEC)
    monkeypatch.chdir(tmp_path)
    for path in (source, Path(source.name)):
        outcome = wheelfix.fix_wheels([path], output="out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
        assert (outcome.status, outcome.output) == (Status.FIXED, Path("out") / source.name)
    assert wheelfix.fix_wheels(
        [Path(source.name)], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True)
    ).ok


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_interrupt_leaves_nothing(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: Ctrl-C in the middle ends the run and leaves no litter, not even a thread."""
    source = write_wheel(tmp_path, _SPEC)

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, call, interrupt)
    with pytest.raises(KeyboardInterrupt):
        wheelfix.fix_wheels([source], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True))
    assert _names(tmp_path / "out") == []


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _shrink(path: Path) -> None:
    os.truncate(path, 100)


def _touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("meddle", [_grow, _shrink, _touch])
@pytest.mark.parametrize("spec", [_SPEC, WheelSpec(requires=())], ids=["fixed", "unchanged"])
@pytest.mark.parametrize("in_place", [False, True])
def test_source_that_changes_while_it_is_read(
    meddle: Callable[[Path], None], spec: WheelSpec, *, in_place: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 34: a wheel that is written to meanwhile is not published."""
    source = write_wheel(tmp_path, spec)
    real = RunningDigest.hexdigest

    def meddled(self: RunningDigest) -> str:
        result = real(self)
        meddle(source)
        return result

    monkeypatch.setattr(RunningDigest, "hexdigest", meddled)
    output = wheelfix.Output(directory=tmp_path / "out", in_place=in_place)
    job = Job(rules="gpu", policy=wheelfix.Policy(allow_unproven=True), output=output)
    [outcome] = fix_each([(source, None)], job)
    assert outcome.status is Status.FAILED
    assert outcome.problem is not None
    assert outcome.problem.code == "source-changed"
    assert not in_place or _names(tmp_path) == [source.name]
    assert in_place or _names(tmp_path / "out") == []


def test_source_that_another_file_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 36: a wheel that somebody else put in the old one's place is not overwritten."""
    source = write_wheel(tmp_path, _SPEC)
    real = RunningDigest.hexdigest

    def replaced(self: RunningDigest) -> str:
        (tmp_path / "other").write_bytes(b"newer")
        (tmp_path / "other").replace(source)
        return real(self)

    monkeypatch.setattr(RunningDigest, "hexdigest", replaced)
    outcome = wheelfix.fix_wheels(
        [source], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True)
    ).outcomes[0]
    assert outcome.status is Status.FAILED
    assert outcome.problem is not None
    assert outcome.problem.code == "source-changed"
    assert source.read_bytes() == b"newer"
    assert _names(tmp_path) == [source.name]


def _prepared(source: Path, target: Path | None) -> Prepared:
    """Return the result for the wheel at ``source``, prepared; the wheel is closed."""
    with Wheel(source) as wheel, RunningDigest(wheel.file) as digest:
        plan = make_plan(wheel, wheelfix.built_in("gpu"), policy=wheelfix.Policy(allow_unproven=True))
        prepared = prepare(wheel, plan, target, digest)
        assert isinstance(prepared, Prepared)
        return prepared


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("spec", [_SPEC, WheelSpec(requires=())], ids=["fixed", "unchanged"])
def test_a_result_can_wait_for_its_name(spec: WheelSpec, tmp_path: Path) -> None:
    """Promise 5: it is complete before it is flushed, and out of sight until it is placed; the wheel is closed by then."""
    source, target = write_wheel(tmp_path, spec), tmp_path / "out" / "demo-1.0-py3-none-any.whl"
    with _prepared(source, target) as prepared:
        assert not target.exists()
        prepared.flush()
        outcome = prepared.place()
    assert _names(target.parent) == [target.name]
    assert outcome.output == target == prepared.target
    assert outcome.output_sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert prepared.size == target.stat().st_size


@pytest.mark.usefixtures("_way")
def test_a_result_that_is_not_placed_leaves_nothing(tmp_path: Path) -> None:
    source, target = write_wheel(tmp_path, _SPEC), tmp_path / "out" / "demo-1.0-py3-none-any.whl"
    with _prepared(source, target) as prepared:
        prepared.flush()
    assert _names(target.parent) == []


@pytest.mark.parametrize("meddle", [_grow, _shrink, _touch])
def test_a_wheel_that_changes_while_its_result_waits(meddle: Callable[[Path], None], tmp_path: Path) -> None:
    """Pitfall 34: what somebody writes to a wheel before the result takes its place is not lost."""
    source = write_wheel(tmp_path, _SPEC)
    with _prepared(source, None) as prepared:
        prepared.flush()
        meddle(source)
        changed = source.read_bytes()
        with pytest.raises(wheelfix.SourceChanged):
            prepared.place()
    assert source.read_bytes() == changed
    assert _names(tmp_path) == [source.name]


@pytest.mark.parametrize("reason", [errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP])
def test_copy_without_the_kernel_gives_the_same_bytes(reason: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_wheel(tmp_path, _SPEC)
    expected = fixed(source, tmp_path / "one").read_bytes()

    def refuse(*_: object) -> int:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    assert fixed(source, tmp_path / "two").read_bytes() == expected
    monkeypatch.delattr(os, "copy_file_range")
    assert fixed(source, tmp_path / "three").read_bytes() == expected


def test_short_writes_and_copies_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system call may do less than it was asked to."""
    source = write_wheel(tmp_path, _SPEC)
    expected = fixed(source, tmp_path / "one").read_bytes()
    pwrite, copy, pread = os.pwrite, os.copy_file_range, os.pread
    monkeypatch.setattr(os, "pwrite", lambda file, data, offset: pwrite(file, data[:100], offset))
    monkeypatch.setattr(os, "copy_file_range", lambda one, two, count, start, to: copy(one, two, min(count, 99), start, to))
    monkeypatch.setattr(os, "pread", lambda file, count, offset: pread(file, min(count, 50), offset))
    assert fixed(source, tmp_path / "two").read_bytes() == expected


def test_new_wheel_that_the_other_reader_refuses_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: the new wheel is opened by a reader that is not ours before it gets its name."""
    source = write_wheel(tmp_path, WheelSpec(stored=True))
    real = Growing.write

    def spoil(self: Growing, data: bytes) -> None:
        real(self, bytes(data).replace(b"Metadata-Version", b"Metadata_Version"))

    monkeypatch.setattr(Growing, "write", spoil)
    outcome = fix(source, tmp_path / "out")
    assert outcome.status is Status.FAILED
    assert outcome.problem is not None
    assert outcome.problem.code == "not-as-planned"
    assert _names(tmp_path / "out") == []


def test_output_folder_without_permission(tmp_path: Path) -> None:
    """Pitfall 34: a folder that nobody may write to fails the wheel with the system's reason."""
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    (tmp_path / "out").mkdir(mode=0o500)
    outcome = fix(write_wheel(tmp_path, _SPEC), tmp_path / "out")
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.FAILED, "eacces")
