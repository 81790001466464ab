"""``--report FILE``: reports beside what a run prints, whole or not at all."""

import json
import os
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from defects import valid
from html_reports import Parsed
from places import ROOT
from running import validator, wheelfix

XGBOOST = ROOT / "sample_wheels" / "xgboost-3.2.0-py3-none-manylinux_2_28_x86_64.whl"
LEAK = ROOT / "sample_wheels" / "demo_gpu_leak-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text_of(path: Path | str) -> str:
    return Parsed(Path(path).read_text("utf-8")).text


def test_a_fix_writes_its_page_besides_what_it_prints(here: Path) -> None:
    plain = wheelfix("strip-gpu", XGBOOST, LEAK, "-o", "one")
    ran = wheelfix("strip-gpu", XGBOOST, LEAK, "-o", "two", "--report", "run.html")
    assert (ran.code, ran.out) == (plain.code, plain.out.replace("one/", "two/")) == (3, f"two/{XGBOOST.name}\n")
    text = text_of("run.html")
    assert "nvidia-nccl-cu12; platform_system == 'Linux'" in text
    assert "no evidence that nvidia-cuda-runtime-cu12 and 2 more are unused" in text
    assert "Copy such wheels unchanged with --skip-unproven" in text
    assert sorted(each.name for each in here.iterdir()) == ["one", "run.html", "two"]


@pytest.mark.slow
def test_the_same_run_writes_the_same_bytes(here: Path) -> None:
    pages = []
    for jobs in (1, 2):
        wheelfix("strip-gpu", XGBOOST, LEAK, "--check", "--report", "run.html", "-j", jobs)
        pages.append((here / "run.html").read_bytes())
    assert pages[0] == pages[1]
    assert b"would be fixed" in pages[0]


@pytest.mark.parametrize("options", [("--check",), ("--diff",), ("-q",), ("-v",), ("--format", "json")])
def test_it_goes_with_other_options(options: tuple[str, ...]) -> None:
    plain = wheelfix("strip-gpu", XGBOOST, *options)
    Path("fixed", XGBOOST.name).unlink(missing_ok=True)
    ran = wheelfix("strip-gpu", XGBOOST, *options, "--report", "run.html")
    assert (ran.code, ran.out, ran.err) == (plain.code, plain.out, plain.err)
    assert "nvidia-nccl-cu12" in text_of("run.html")


def test_the_ending_chooses_the_format_and_all_are_written() -> None:
    names = ("run.html", "run.json", "run.md")
    wheelfix("fix", "--rules", "gpu", XGBOOST, *(word for name in names for word in ("--report", name)))
    validator().validate(json.loads(Path("run.json").read_text("utf-8")))
    assert Path("run.md").read_text("utf-8").startswith("## wheelfix fix\n")
    assert Path("run.html").read_text("utf-8").startswith("<!DOCTYPE html>\n")
    ran = wheelfix("verify", XGBOOST, "--report", "found.sarif", "--report", "FOUND.HTML")
    assert ran.code == 0
    assert json.loads(Path("found.sarif").read_text("utf-8"))["version"] == "2.1.0"
    assert "metadata-no-content-type" in text_of("FOUND.HTML")


def test_printed_as_a_format_it_is_the_same_page(here: Path) -> None:
    ran = wheelfix("verify", XGBOOST, "--format", "html", "--report", "run.html")
    assert (here / "run.html").read_text("utf-8") == ran.out


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("report.txt", "report.txt must end with .html, .json, .md or .sarif"),
        ("x.whl", "x.whl must end with"),
        ("no/where.html", "there is no directory no"),
        ("full.html", "'full.html' is a directory"),
        (f"{'x' * 300}.html", "cannot be written: File name too long"),
        ("loop.html", "loop.html cannot be written: Too many levels of symbolic links"),
        ("loop.html/run.html", "loop.html/run.html cannot be written: Too many levels of symbolic links"),
    ],
)
def test_what_cannot_be_written_is_known_before_any_work(here: Path, path: str, message: str) -> None:
    (here / "full.html").mkdir()
    (here / "loop.html").symlink_to("loop.html")
    ran = wheelfix("verify", "does-not-exist.whl", "--report", path)
    assert ran.code == 2
    assert message in ran.err
    assert sorted(each.name for each in here.iterdir()) == ["full.html", "loop.html"]


def test_a_report_that_cannot_be_written_is_exit_3_and_the_rest_is_done(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "run.html").write_text("the last one")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    ran = wheelfix("verify", XGBOOST, "--report", "run.html", "--report", "run.json")
    assert ran.code == 3
    assert "error: the report run.html could not be written: No space left on device\n  help: " in ran.err
    assert "1 warning" in ran.out
    assert [each.name for each in here.iterdir()] == ["run.html"]
    assert (here / "run.html").read_text() == "the last one"


def test_a_report_takes_the_place_of_the_last_one_and_goes_through_a_link(here: Path) -> None:
    (here / "run.html").write_text("the last one")
    assert wheelfix("verify", XGBOOST, "--report", "run.html").code == 0
    assert "Checked 1 wheel" in text_of("run.html")


def test_it_can_be_set_in_the_file_and_by_a_variable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "wheelfix.toml").write_text('schema = 1\n[options]\nverify.report = ["run.html", "run.json"]\n')
    assert wheelfix("verify", XGBOOST).code == 0
    assert {"run.html", "run.json"} <= {each.name for each in here.iterdir()}
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    (here / "run.html").unlink()
    assert wheelfix("verify", XGBOOST).code == 0
    assert (here / "run.html").exists()
    monkeypatch.setenv("WHEELFIX_REPORT", "other.html")
    assert wheelfix("verify", XGBOOST).code == 0
    assert (here / "below" / "other.html").exists()


def test_repair_and_edit_have_it() -> None:
    wheel = write_wheel(Path(), valid())
    assert wheelfix("repair", wheel, "--report", "run.html").code == 0
    assert "Fixed 0 wheels, 1 unchanged" in text_of("run.html")
    assert wheelfix("edit", wheel, "--requires-python", ">=3.9", "--check", "--report", "run.html").code == 1
    text = text_of("run.html")
    assert "+Requires-Python: >=3.9" in text
    assert "These changes as rules" in text


def test_a_diff_of_wheels_and_of_locks() -> None:
    wheelfix("strip-gpu", XGBOOST)
    ran = wheelfix("diff", XGBOOST, Path("fixed", XGBOOST.name), "--report", "run.html")
    assert ran.code == 1
    assert "Nothing but METADATA, RECORD and SBOMs differs." in text_of("run.html")
    wheelfix("strip-gpu", "--publish", "mirror", XGBOOST)
    for name, options in (("old.lock", ()), ("new.lock", ())):
        Path(name).write_text(wheelfix("mirror", "list", "mirror", "--format", "json", *options).out)
        wheelfix("mirror", "yank", "mirror", XGBOOST.name, "--reason", "superseded")
    assert wheelfix("diff", "old.lock", "new.lock", "--report", "run.html").code == 1
    assert "superseded" in text_of("run.html")


def test_a_mirror_knows_the_sizes_of_what_is_no_longer_downloaded() -> None:
    nccl = write_wheel(
        Path(), WheelSpec(project="nvidia_nccl_cu12", version="2.29", tags="py3-none-manylinux_2_18_x86_64", requires=())
    )
    newer = WheelSpec(project="nvidia_nccl_cu12", version="2.30", tags="py3-none-manylinux_2_18_x86_64", requires=())
    yanked = write_wheel(Path(), newer)
    assert wheelfix("mirror", "add", "mirror", nccl, yanked).code == 0
    assert wheelfix("mirror", "yank", "mirror", yanked.name, "--reason", "broken").code == 0
    ran = wheelfix("strip-gpu", "--publish", "mirror", XGBOOST, "--report", "run.html", "--report", "run.json", "-q")
    assert ran.code == 0
    size = nccl.stat().st_size
    assert json.loads(Path("run.json").read_text())["known_files"] == [{"filename": nccl.name, "size": size}]
    text = text_of("run.html")
    assert "Saved per install" in text
    assert f"{size / 1000:.1f} kB" in text
    assert "Published" in text
    together = wheelfix("strip-gpu", "--check", XGBOOST, nccl, "--format", "json").report
    assert together["known_files"] == [{"filename": nccl.name, "size": size}]


def test_a_check_of_a_mirror() -> None:
    wheelfix("strip-gpu", "--publish", "mirror", XGBOOST)
    [metadata] = Path("mirror").rglob("*.whl.metadata")
    metadata.unlink()
    ran = wheelfix("mirror", "check", "mirror", "--report", "run.html", "--report", "run.sarif")
    assert ran.code == 1
    assert "metadata-file-missing" in text_of("run.html")
    assert wheelfix("mirror", "check", "--fix", "mirror", "--report", "run.html").code == 0
    assert "fixed" in text_of("run.html")


def lock_of_mirror(name: str) -> Path:
    path = Path(name)
    path.write_text(wheelfix("mirror", "list", "mirror", "--format", "json").out)
    return path


def test_a_report_never_replaces_what_the_run_reads(here: Path) -> None:
    wheelfix("strip-gpu", "--publish", "mirror", XGBOOST)
    old, new = lock_of_mirror("old.lock.json"), lock_of_mirror("new.lock.json")
    (here / "link.json").symlink_to(new.name)
    before = old.read_bytes(), new.read_bytes()
    for target in (old.name, new.name, "./old.lock.json", "link.json"):
        ran = wheelfix("diff", old, new, "--report", target)
        assert ran.code == 2, target
        assert "is read by this run: choose another file" in ran.err
    assert (old.read_bytes(), new.read_bytes()) == before
    assert wheelfix("diff", old, new, "--report", "third.json").code == 0


def test_nor_rules_nor_what_a_manifest_names(here: Path) -> None:
    rules = here / "rules.json"
    rules.write_text('[[rule]]\nid = "a"\nreason = "b"\naction = "drop"\nrequirement = "x"\n')
    text = rules.read_text()
    assert wheelfix("fix", "--rules", rules.name, "--check", XGBOOST, "--report", rules).code == 2
    assert wheelfix("mirror", "sync", rules.name, "--check", "--report", rules.name).code == 2
    assert wheelfix("mirror", "sync", rules.name, "--metrics", rules.name).code == 2
    assert wheelfix("mirror", "sync", "mirror.toml", "--lock", "run.json", "--report", "run.json").code == 2
    assert rules.read_text() == text
    (here / "lock.json").write_text('{"version": "1", "install": []}')
    (here / "mirror.toml").write_text(
        'schema = 1\n[mirror]\nstore = "mirror"\n'
        '[[source]]\nname = "a"\nindex = "http://127.0.0.1:9/"\nlock = ["lock.json"]\n'
    )
    ran = wheelfix("mirror", "sync", "mirror.toml", "--check", "--report", "lock.json")
    assert ran.code == 2
    assert "lock.json is read by this run" in ran.err


@pytest.mark.parametrize(
    "target",
    [
        "public/simple/xgboost/index.json",
        "public/simple/index.html",
        "public/new.html",
        "private/x.json",
        "public/files/x.md",
    ],
)
def test_nor_a_file_of_a_mirror(here: Path, target: str) -> None:
    wheelfix("strip-gpu", "--publish", "mirror", XGBOOST)
    (here / "www").symlink_to("mirror/public/simple")
    path = here / "mirror" / target
    before = path.read_bytes() if path.exists() else None
    for command in (("mirror", "check", "mirror"), ("fix", "--rules", "gpu", "--publish", "mirror", XGBOOST)):
        ran = wheelfix(*command, "--report", f"mirror/{target}")
        assert ran.code == 2
        assert "is inside the mirror" in ran.err
    assert wheelfix("verify", XGBOOST, "--report", "www/xgboost/index.json").code == 2
    assert (path.read_bytes() if path.exists() else None) == before
    assert wheelfix("mirror", "check", "mirror", "--report", "mirror/check.html").code == 0


def test_a_report_is_written_through_a_link_and_never_in_place_of_a_pipe(here: Path) -> None:
    (here / "www").mkdir()
    real = here / "www" / "real.html"
    real.write_text("the last one")
    (here / "link.html").symlink_to("www/real.html")
    (here / "new.html").symlink_to("www/other.html")
    (here / "lost.html").symlink_to("nowhere/other.html")
    assert wheelfix("verify", XGBOOST, "--report", "link.html", "--report", "new.html").code == 0
    assert (here / "link.html").is_symlink()
    assert text_of(real) == text_of(here / "www" / "other.html")
    ran = wheelfix("verify", XGBOOST, "--report", "lost.html")
    assert (ran.code, "there is no directory" in ran.err) == (2, True)
    os.mkfifo(here / "pipe.html")
    ran = wheelfix("verify", XGBOOST, "--report", "pipe.html")
    assert ran.code == 2
    assert "pipe.html is not a regular file" in ran.err


def test_a_report_has_the_permissions_that_the_user_wants(here: Path) -> None:
    kept = here / "kept.html"
    kept.touch(0o640)
    kept.chmod(0o640)
    umask = os.umask(0o077)
    try:
        wheelfix("verify", XGBOOST, "--report", "new.html", "--report", "kept.html")
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(umask)
    assert [(here / name).stat().st_mode & 0o777 for name in ("new.html", "kept.html")] == [0o600, 0o640]


def test_a_report_can_be_beside_the_results_of_the_same_run(here: Path) -> None:
    """On the first run, too, and where there is no result: the directory is one that the run makes."""
    for directory in ("fixed", "new", "fixed"):
        assert wheelfix("strip-gpu", XGBOOST, "-o", f"{directory}/", "--report", f"{directory}/r.html").code == 0
        assert "xgboost" in text_of(f"{directory}/r.html")
    assert wheelfix("strip-gpu", XGBOOST, "--report", "fixed/r.html").code == 0
    assert wheelfix("strip-gpu", LEAK, "-o", "none", "--report", "none/r.html").code == 3
    assert "Copy such wheels unchanged" in text_of("none/r.html")
    for options in (("--check",), ("--diff",), ("--in-place",), ("--publish", "mirror")):
        ran = wheelfix("strip-gpu", XGBOOST, *options, "--report", "other/r.html")
        assert ran.code == 2
        assert "there is no directory other" in ran.err
