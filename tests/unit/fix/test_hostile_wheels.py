"""Bad input is data: each faulty wheel gets an outcome that says why, and the others of the call are still fixed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import wheelfix
from building import Entry, WheelSpec, archive_of, build_wheel, with_entries, write_wheel
from damages import DAMAGES, Damage
from wheelfix import Outcome, Status

_BAD = "demo-1.0-py3-none-any.whl"
_GOOD = [WheelSpec("first", files=(Entry("first.py", b"1"),)), WheelSpec("last", files=(Entry("last.py", b"2"),))]


def _fix_between_good_ones(folder: Path, bad: Path) -> Outcome:
    """Fix ``bad`` between two good wheels, check that those are fixed and nothing else is there, and return its outcome."""
    first, last = (write_wheel(folder, spec) for spec in _GOOD)
    output = folder / "fixed"
    report = wheelfix.fix_wheels([first, bad, last], output=output, policy=wheelfix.Policy(allow_unproven=True))
    statuses = [outcome.status for outcome in report.outcomes]
    assert [statuses[0], statuses[2]] == [Status.FIXED, Status.FIXED]
    assert sorted(path.name for path in output.iterdir()) == [first.name, last.name]
    outcome = report.outcomes[1]
    assert outcome.output is None
    assert outcome.problem is not None
    assert not report.ok
    assert outcome.problem.message.isprintable()
    assert outcome.problem.hint.endswith(".")
    return outcome


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: f"{damage.pitfall}: {damage.name}")
def test_faulty_wheel_is_refused(damage: Damage, tmp_path: Path) -> None:
    """Pitfalls 14, 16, 20, 23, 24, 25, 26, 28, 29, 34: the damage is named, the file stays, the others are fixed."""
    bad = tmp_path / _BAD
    data = damage.make()
    bad.write_bytes(data)
    outcome = _fix_between_good_ones(tmp_path, bad)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.REFUSED, damage.code), outcome.problem.message
    assert bad.read_bytes() == data


@pytest.mark.parametrize("damage", DAMAGES[::7], ids=lambda damage: damage.name)
def test_faulty_wheel_stays_in_place(damage: Damage, tmp_path: Path) -> None:
    """Pitfall 24: in place, a refused wheel is left as it was and nothing lies beside it."""
    bad = tmp_path / _BAD
    bad.write_bytes(damage.make())
    report = wheelfix.fix_wheels([bad], output=wheelfix.Output(in_place=True), policy=wheelfix.Policy(allow_unproven=True))
    assert report.outcomes[0].status is Status.REFUSED
    assert bad.read_bytes() == damage.make()
    assert list(tmp_path.iterdir()) == [bad]


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _unreadable(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    path.write_bytes(build_wheel(WheelSpec()))
    path.chmod(0)


def _missing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (_folder, Status.REFUSED, "is-a-directory"),
        (_pipe, Status.REFUSED, "not-a-file"),
        (_loop, Status.FAILED, "eloop"),
        (_dangling, Status.FAILED, "enoent"),
        (_missing, Status.FAILED, "enoent"),
        (_unreadable, Status.FAILED, "eacces"),
    ],
)
def test_path_that_is_no_readable_file(make: Callable[[Path], None], status: Status, code: str, tmp_path: Path) -> None:
    """Pitfall 34: folders, pipes, loops, missing and unreadable files are told apart, and do not hold up the others."""
    bad = tmp_path / _BAD
    make(bad)
    outcome = _fix_between_good_ones(tmp_path, bad)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (status, code)


@pytest.mark.parametrize(
    "name", ["demo.whl", "demo-1.0.zip", "demo-1.0-py3-none-any.whl.txt", "demo-x-y-z-py3-none-any.whl"]
)
def test_file_that_is_not_named_like_a_wheel(name: str, tmp_path: Path) -> None:
    """Pitfall 33: a file whose name says nothing about its tags is refused, whatever it holds."""
    bad = tmp_path / name
    bad.write_bytes(build_wheel(WheelSpec()))
    outcome = _fix_between_good_ones(tmp_path, bad)
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == (Status.REFUSED, "not-a-wheel-name")


@pytest.mark.parametrize(
    "name",
    [
        "../outside.py",
        "/absolute.py",
        "C:\\drive.py",
        "demo/../../up.py",
        "demo/\x1b[2J.py",
        "demo/line\nbreak.py",
        "a\u202eb.py",
    ],
)
def test_name_that_leads_elsewhere_is_kept_as_data(name: str, tmp_path: Path) -> None:
    """Pitfall 29: nothing is extracted, so such an entry is copied like any other and no file appears outside."""
    folder = tmp_path / "in"
    folder.mkdir()
    path = write_wheel(folder, archive=with_entries(archive_of(WheelSpec()), Entry(name, b"x")))
    outcome = wheelfix.fix_wheels([path], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    with wheelfix.Wheel(outcome.output) as fixed:
        assert name in [entry.name for entry in fixed.layout.entries]
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["in", "out", path.name, path.name])
    assert all(note.isprintable() for note in outcome.notes)


def test_name_outside_ascii_without_the_flag_is_read_as_cp437(tmp_path: Path) -> None:
    """Pitfall 25: such a name keeps its bytes."""
    raw = "demo/caf\u00e9.py".encode("cp437")
    path = write_wheel(tmp_path, archive=with_entries(archive_of(WheelSpec()), Entry(raw, b"x")))
    outcome = wheelfix.fix_wheels([path], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    assert outcome.output.read_bytes().count(raw) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [(b"Version", b"1.0\xe9"), (b"Name", b"d\xe9mo"), (b"Name", b"\x1b[2J"), (b"Requires-Dist", b"nvidia-nvtx-cu12 ==\xff")],
)
def test_field_that_is_no_utf8_does_not_stop_the_run(field: bytes, value: bytes, tmp_path: Path) -> None:
    """Pitfall 3: bytes that are no UTF-8, in the fields that are copied into the provenance, are data like any other."""
    metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: nvidia-cudnn-cu12\n"
    lines = [line for line in metadata.splitlines(keepends=True) if not line.startswith(field + b":")]
    body = b"".join(
        [*lines, field + b": " + value + b"\n", b"Requires-Dist: triton-x\n", b"Requires-Dist: nvidia-nccl-cu12\n"]
    )
    path = write_wheel(tmp_path, WheelSpec(metadata=body))
    outcome = wheelfix.fix_wheels([path], output=tmp_path / "out", policy=wheelfix.Policy(allow_unproven=True)).outcomes[0]
    assert outcome.status is Status.FIXED, outcome.problem


def test_wheel_outside_the_output_folder_of_a_run_that_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 34: an output folder without write permission fails each wheel with the system's reason."""
    paths = [write_wheel(tmp_path, spec) for spec in _GOOD]
    output = tmp_path / "fixed"
    output.write_bytes(b"a file where the folder should be")
    report = wheelfix.fix_wheels(paths, output=output, policy=wheelfix.Policy(allow_unproven=True))
    assert [outcome.status for outcome in report.outcomes] == [Status.FAILED, Status.FAILED]
    assert {outcome.problem.code for outcome in report.outcomes if outcome.problem} <= {"eexist", "enotdir"}
