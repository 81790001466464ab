"""``wheelfix mirror export`` and ``import`` on the command line."""

import errno
import json
import os
from pathlib import Path

import pytest

from demos import demo_wheel
from running import mirror_report, validator, wheelfix
from wheelfix.wheel.zip import staging


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    for version in ("1.0", "1.1"):
        assert wheelfix("mirror", "add", tmp_path / "outside", demo_wheel(tmp_path / "in", version)).code == 0
    return tmp_path / "outside"


def test_there_and_back(outside: Path, tmp_path: Path) -> None:
    bundle, lock, inside = tmp_path / "1.tar", tmp_path / "last.lock", tmp_path / "inside"
    ran = wheelfix("mirror", "export", outside, "-o", bundle, "--lock", lock)
    assert (ran.code, ran.out) == (0, f"{bundle}\n")
    assert ran.err.startswith("Exported 2 files of 1 project (")
    assert json.loads(lock.read_text()) == json.loads(wheelfix("mirror", "list", outside, "--format", "json").out)
    ran = wheelfix("mirror", "import", inside, bundle)
    assert (ran.code, len(ran.lines)) == (0, 2)
    assert ran.err.endswith(f"Added 2 files -> {inside}/\n")
    assert wheelfix("mirror", "check", inside).code == 0
    assert compared(lock, inside) == (0, "Compared 2 locks: clients get the same, 2 from another source\n")

    wheelfix("mirror", "add", outside, demo_wheel(tmp_path / "in", "2.0"))
    wheelfix("mirror", "yank", outside, "demo==1.0", "--reason", "broken")
    ran = wheelfix("mirror", "export", outside, "-o", bundle, "--since", lock, "--lock", lock, "--format", "json")
    report = mirror_report(ran)
    assert ([each["filename"] for each in report["files"]], report["summary"]["listed"]) == (
        ["demo-2.0-py3-none-any.whl"], 3,
    )  # fmt: skip
    report = mirror_report(wheelfix("mirror", "import", inside, bundle, "--format", "json"))
    assert (report["summary"]["added"], report["summary"]["yanked"]) == (1, 1)
    ran = wheelfix("mirror", "export", outside, "-o", bundle, "--since", lock)
    assert ran.err == f"Exported 0 files of 0 projects, 3 left out -> {bundle}\n"
    assert compared(lock, inside) == (0, "Compared 2 locks: clients get the same, 3 from another source\n")
    wheelfix("mirror", "yank", inside, "demo==2.0")
    assert compared(lock, inside) == (1, "Compared 2 locks: 1 yanked, 3 from another source\n")


def compared(lock: Path, mirror: Path) -> tuple[int, str]:
    """Compare a lock of one side with what the other side lists."""
    other = lock.with_name("other.lock")
    other.write_text(wheelfix("mirror", "list", mirror, "--format", "json").out)
    ran = wheelfix("diff", lock, other)
    return ran.code, ran.err


def test_a_directory_that_may_not_be_written_is_named(
    outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str, flags: int, mode: int = 0o777, **options: int) -> int:
        if flags & os.O_ACCMODE and Path(path).resolve() == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, flags, mode, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "open", refuse)
    ran = wheelfix("mirror", "export", outside, "-o", "all.tar")
    assert (ran.code, ran.lines) == (3, [])
    assert ran.err.startswith(f"error[eacces]: Permission denied: {tmp_path}\n")


def test_what_is_wrong_is_said(outside: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    ran = wheelfix("mirror", "import", tmp_path / "inside", tmp_path / "bad.tar")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error[bad-bundle]: ")
    assert not (tmp_path / "inside").exists()
    assert wheelfix("mirror", "import", tmp_path / "inside", tmp_path / "none.tar").code == 2
    assert wheelfix("mirror", "export", outside).code == 2
    gone = tmp_path / "none.lock"
    assert wheelfix("mirror", "export", outside, "-o", tmp_path / "x.tar", "--since", gone).code == 2
    assert wheelfix("mirror", "export", outside, "-o", tmp_path / "x.tar", "--since", tmp_path / "bad.tar").code == 2
    assert wheelfix("mirror", "export", outside, "-o", tmp_path / "none" / "x.tar").code == 3
    assert wheelfix("mirror", "export", tmp_path / "none", "-o", tmp_path / "x.tar").code == 2


def test_a_lock_is_a_listing(outside: Path) -> None:
    document = json.loads(wheelfix("mirror", "list", outside, "--format", "json").out)
    validator("mirror.schema.json").validate(document)
    assert [each["metadata_sha256"] for each in document["projects"][0]["files"]]


def test_a_bundle_is_reported_when_its_lock_cannot_be_written(outside: Path, tmp_path: Path) -> None:
    bundle, lock = tmp_path / "1.tar", tmp_path / "none" / "last.lock"
    ran = wheelfix("mirror", "export", outside, "-o", bundle, "--lock", lock)
    assert (ran.code, ran.out) == (3, f"{bundle}\n")
    summary, *error = ran.err.splitlines()
    assert summary.startswith("Exported 2 files")
    assert error[0].startswith(f"error[enoent]: No such file or directory: {lock}")
    ran = wheelfix("mirror", "export", outside, "-o", bundle, "--lock", lock, "--format", "json")
    assert (ran.code, mirror_report(ran)["summary"]["files"]) == (3, 2)


def test_no_lock_names_a_bundle_that_may_be_lost(outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(directory: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(staging, "flush_directory", refuse)
    bundle, lock = tmp_path / "1.tar", tmp_path / "last.lock"
    ran = wheelfix("mirror", "export", outside, "-o", bundle, "--lock", lock)
    assert (ran.code, ran.out) == (3, f"{bundle}\n")
    assert "error[eio]: the bundle is written, but may be lost if the machine crashes now: Input/output error\n" in ran.err
    assert bundle.exists()
    assert not lock.exists()
