"""The line that ends a run: on standard error, also for one wheel, and not with -q."""

import re
from pathlib import Path

import pytest

from building import write_wheel
from defects import metadata, valid
from running import wheelfix
from stores import MemoryStore

GPU = "nvidia-cudnn-cu12==9.5.1.17"


@pytest.fixture(autouse=True)
def _wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gpu").mkdir()
    write_wheel(Path("gpu"), valid(metadata=metadata(f"Requires-Dist: {GPU}")))
    Path("plain").mkdir()
    write_wheel(Path("plain"), valid())
    Path("bad").mkdir()
    Path("bad", "bad-1.0-py3-none-any.whl").write_bytes(b"bad")
    wheelfix("mirror", "add", "mirror", "plain")


NAME = "demo-1.0-py3-none-any.whl"
RUNS = [
    (("strip-gpu", "--allow-unproven", "gpu"), "Fixed 1 wheel, 0 unchanged, 0 refused -> fixed/"),
    (("strip-gpu", "--allow-unproven", "-o", "out//", "gpu"), "Fixed 1 wheel, 0 unchanged, 0 refused -> out/"),
    (("strip-gpu", "--allow-unproven", "--in-place", "gpu"), "Fixed 1 wheel, 0 unchanged, 0 refused"),
    (("strip-gpu", "--allow-unproven", "--check", "gpu"), "Would fix 1 wheel, 0 unchanged, 0 refused"),
    (("strip-gpu", "--allow-unproven", "--diff", "gpu"), "Would fix 1 wheel, 0 unchanged, 0 refused"),
    (("strip-gpu", "plain"), "Fixed 0 wheels, 1 unchanged, 0 refused -> fixed/"),
    (("strip-gpu", "--format", "json", "bad"), "Fixed 0 wheels, 0 unchanged, 1 refused"),
    (("strip-gpu", "--allow-unproven", "--publish", "new", "gpu"), "Fixed 1 wheel, 0 unchanged, 0 refused -> new/: 1 added"),
    (("strip-gpu", "--allow-unproven", "--publish", "mirror", "gpu"), "Fixed 1 wheel, 0 unchanged, 0 refused"),
    (("fix", "--rules", "gpu", "plain"), "Fixed 0 wheels, 1 unchanged, 0 refused -> fixed/"),
    (("repair", "plain", "bad"), "Fixed 0 wheels, 1 unchanged, 1 refused -> fixed/"),
    (("verify", "plain"), "Checked 1 wheel: 0 errors, 0 warnings"),
    (("verify", "--format", "json", "plain"), "Checked 1 wheel: 0 errors, 0 warnings"),
    (("show", "plain", "bad"), "Read 1 wheel, 1 failed"),
    (("rules", "explain", "--rules", "gpu", "plain"), "Read 1 wheel"),
    (("diff", f"gpu/{NAME}", f"plain/{NAME}"), "Compared 2 wheels: metadata only"),
    (("mirror", "add", "other", "plain"), "Added 1 file -> other/"),
    (("mirror", "add", "mirror", "plain"), "Added 0 files, 1 unchanged -> mirror/"),
    (("mirror", "add", "mirror", "gpu"), "Added 0 files, 1 refused -> mirror/"),
    (("mirror", "yank", "mirror", "demo"), "Yanked 1 file -> mirror/"),
    (("mirror", "unyank", "mirror", "demo"), "Unyanked 0 files, 1 unchanged -> mirror/"),
    (("mirror", "remove", "mirror", "demo"), "Removed 1 file"),
    (("mirror", "list", "mirror"), "Listed 1 file of 1 project"),
    (("mirror", "check", "mirror"), "Checked 1 file of 1 project: 0 errors, 0 warnings"),
    (("mirror", "check", "--format", "json", "mirror"), "Checked 1 file of 1 project: 0 errors, 0 warnings"),
]


@pytest.mark.parametrize(("words", "last"), RUNS, ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_every_run_ends_with_one_line_that_counts(words: tuple[str, ...], last: str) -> None:
    command = words[: 2 if words[0] in ("mirror", "rules") else 1]
    quiet = wheelfix(*command, "-q", "--help")
    assert quiet.code == 0, "every such command knows -q"
    ran = wheelfix(*words)
    assert ran.err.splitlines()[-1] == last
    assert ran.err.count(last.split()[0]) == 1


@pytest.mark.parametrize("words", [words for words, _ in RUNS], ids=" ".join)
def test_quiet_runs_print_problems_only(words: tuple[str, ...]) -> None:
    command = words[: 2 if words[0] in ("mirror", "rules") else 1]
    ran = wheelfix(*command, "-q", *words[len(command) :])
    known = ("bad", "error[", "would change", "  reason: ", "  help: ")
    assert all(any(word in line for word in known) for line in ran.err.splitlines()), ran.err


def test_what_is_published_to_a_bucket_is_counted_and_printed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(tmp_path / "scratch")
    monkeypatch.setattr("wheelfix.mirror.storage.open_store", lambda mirror, single_writer=False, **_: store)
    words = (
        "--allow-unproven",
        "--build-tag",
        "1nogpu",
        "--yank-original",
        "broken",
        "--publish",
        "s3://bucket/team",
        "gpu",
    )
    ran = wheelfix("strip-gpu", *words)
    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[-1] == "Fixed 1 wheel, 0 unchanged, 0 refused -> memory://mirror/: 1 added, 1 yanked"
    [path] = ran.out.splitlines()
    assert re.fullmatch(r"memory://mirror/public/files/demo/[0-9a-f]{16}/demo-1\.0-1nogpu-py3-none-any\.whl", path)
