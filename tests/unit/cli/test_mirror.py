"""``wheelfix mirror`` and ``--publish`` as people and scripts call them."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from building import RecordStyle, WheelSpec, write_wheel
from defects import metadata, valid
from running import mirror_report, wheelfix
from wheelfix.mirror import fix
from wheelfix.mirror.storage.local import LocalStore

GPU = "nvidia-cudnn-cu12==9.5.1.17"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return write_wheel(tmp_path / "in", valid(metadata=metadata(f"Requires-Dist: {GPU}")))


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def test_add_list_yank_unyank_check_remove(wheel: Path, mirror: Path) -> None:
    ran = wheelfix("mirror", "add", mirror, wheel)
    assert ran.code == 0
    assert ran.err == f"{wheel}: added\nAdded 1 file -> {mirror}/\n"
    [place] = ran.lines
    assert (mirror / place).read_bytes() == wheel.read_bytes()
    ran = wheelfix("mirror", "yank", mirror, "demo==1.0", "--reason", "because")
    assert (ran.code, ran.err) == (0, f"{wheel.name}: yanked\nYanked 1 file -> {mirror}/\n")
    ran = wheelfix("mirror", "list", mirror)
    assert ran.lines[0].startswith(f"{wheel.name}  {wheel.stat().st_size:,} bytes")
    assert ran.lines[0].endswith("yanked: because")
    assert wheelfix("mirror", "unyank", mirror, "demo").code == 0
    ran = wheelfix("mirror", "check", mirror)
    assert ran.code == 1
    assert ran.lines[0].startswith(
        f"error[gpu-requirements]: demo: {wheel.name}: it requires nvidia-cudnn-cu12 and does not need it"
    )
    assert wheelfix("mirror", "check", "--format", "github", mirror).out.startswith(f"::error file={mirror},title=gpu-req")
    assert '"ruleId": "gpu-requirements"' in wheelfix("mirror", "check", "--format", "sarif", mirror).out
    ran = wheelfix("mirror", "check", "--ignore", "gpu", mirror)
    assert (ran.code, ran.out, ran.err) == (0, "", "Checked 1 file of 1 project: 0 errors, 0 warnings (1 suppressed)\n")
    ran = wheelfix("mirror", "remove", mirror, wheel.name)
    assert ran.code == 0
    assert wheelfix("mirror", "list", mirror).out == ""


def test_json(wheel: Path, mirror: Path) -> None:
    report = mirror_report(wheelfix("mirror", "add", "--format", "json", mirror, wheel))
    assert report["files"][0]["status"] == "added"
    assert report["summary"]["added"] == 1
    report = mirror_report(wheelfix("mirror", "list", "--format", "json", mirror, "Demo"))
    assert report["projects"][0]["files"][0]["yanked"] is None
    for verb in ("yank", "unyank", "remove"):
        assert mirror_report(wheelfix("mirror", verb, "--format", "json", mirror, "demo"))["command"] == f"mirror {verb}"
    assert mirror_report(wheelfix("mirror", "check", "--format", "json", mirror))["findings"] == []


def test_check_reports_and_fixes_what_is_chosen(wheel: Path, mirror: Path) -> None:
    def codes(*options: str) -> set[str]:
        report = mirror_report(wheelfix("mirror", "check", "--format", "json", *options, mirror))
        return {each["code"] for each in report["findings"]}

    wheelfix("mirror", "add", mirror, wheel)
    (mirror / "public/simple/demo/.wheelfix-0.part").write_bytes(b"")
    (mirror / "public/simple/demo/index.html").write_bytes(b"")
    (mirror / "public/simple/index.html").write_bytes(b"")
    assert codes() == {"gpu-requirements", "leftover", "html-differs"}
    assert codes("--select", "html,leftover") == {"leftover", "html-differs"}
    assert codes("--ignore", "html,gpu") == {"leftover"}
    assert codes("--fix", "--select", "leftover") == set()
    assert codes() == {"gpu-requirements", "html-differs"}
    assert codes("--fix", "--ignore", "gpu") == set()
    for option in ("--select", "--ignore"):
        assert wheelfix("mirror", "check", option, "record", mirror).code == 2


def test_refusals_end_with_3_and_wrong_words_with_2(wheel: Path, mirror: Path, tmp_path: Path) -> None:
    wheelfix("mirror", "add", mirror, wheel)
    other = write_wheel(tmp_path, valid())
    ran = wheelfix("mirror", "add", mirror, other)
    assert ran.code == 3
    assert "--replace" in ran.err
    assert ran.out == ""
    for words in (
        ("yank", mirror, "nosuch"),
        ("list", tmp_path / "nothing"),
        ("remove", tmp_path, "demo"),
        ("check", tmp_path),
    ):
        ran = wheelfix("mirror", *words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error[")
    assert wheelfix("mirror", "list", mirror, "nosuch").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("mirror", "add", "m", "--original", "{wheel}", "{wheel}"),
        ("mirror", "add", "m", "--platform", "x", "{wheel}"),
        ("mirror", "add", "m", "--from-index", "http://127.0.0.1/"),
        ("mirror", "add", "m", "--from-index", "http://127.0.0.1/", "--link", "demo"),
        ("mirror", "add", "m"),
        ("mirror", "check", "http://127.0.0.1/", "--fix"),
        ("mirror", "check", "m", "demo"),
        ("mirror", "check", "m", "--connections", "2"),
        ("mirror", "check", "m", "--cache", "answers"),
        ("strip-gpu", "--publish", "m", "-o", "out", "{wheel}"),
        ("strip-gpu", "--publish", "m", "--check", "{wheel}"),
        ("strip-gpu", "--publish", "m", "--in-place", "{wheel}"),
        ("strip-gpu", "--publish", "", "{wheel}"),
        ("strip-gpu", "--replace", "{wheel}"),
        ("strip-gpu", "--yank-original", "x", "{wheel}"),
    ],
)
def test_words_that_contradict_each_other(
    words: tuple[str, ...], wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert wheelfix(*(word.format(wheel=wheel) for word in words)).code == 2
    assert not (tmp_path / "m").exists()


def test_publish_in_one_step(wheel: Path, mirror: Path) -> None:
    ran = wheelfix("strip-gpu", "--allow-unproven", "--build-tag", "1nogpu", "--yank-original", "gpu", "--publish", mirror,
                   "--format", "json", wheel)  # fmt: skip
    assert ran.code == 0, ran.err
    assert [each["status"] for each in ran.report["published"]] == ["added", "yanked"]
    assert ran.report["wheels"][0]["output"].startswith(str(mirror / "public/files"))
    page = json.loads((mirror / "public/simple/demo/index.json").read_bytes())
    assert [file["yanked"] for file in page["files"]] == [False, "gpu"]
    assert wheelfix("mirror", "check", "--strict", mirror).code == 0


def test_a_mirror_that_refuses_ends_with_3(wheel: Path, mirror: Path) -> None:
    wheelfix("mirror", "add", mirror, wheel)
    ran = wheelfix("strip-gpu", "--allow-unproven", "--publish", mirror, wheel)
    assert ran.code == 3
    assert "serves demo-1.0-py3-none-any.whl with other bytes" in ran.err
    assert "another name with `wheelfix edit --build-tag 1fix WHEEL`" in ran.err


def test_a_repaired_wheel_whose_name_is_taken_gets_another_one_as_the_message_says(mirror: Path, tmp_path: Path) -> None:
    style = RecordStyle(unlisted=frozenset({"demo/version.py"}))
    original, other = tmp_path / "original", tmp_path / "other"
    original.mkdir()
    other.mkdir()
    original = write_wheel(original, WheelSpec(style=style))
    wheelfix("mirror", "add", mirror, write_wheel(other, WheelSpec(requires=())))
    wheelfix("repair", original, "-o", "repaired")
    ran = wheelfix("mirror", "add", mirror, f"repaired/{original.name}")
    assert (ran.code, "`wheelfix edit --build-tag 1fix WHEEL`" in ran.err) == (3, True), ran.err
    wheelfix("edit", "--build-tag", "1fix", f"repaired/{original.name}", "-o", "named")
    ran = wheelfix("mirror", "add", mirror, "named")
    assert (ran.code, "demo-1.0-1fix-py3-none-any.whl: added" in ran.err) == (0, True), ran.err


def test_what_the_system_refuses_is_reported(wheel: Path, tmp_path: Path) -> None:
    """Not as if standard output had failed."""
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "m"
    for words, code in ((("strip-gpu", "--publish", place, wheel), 3), (("mirror", "check", place), 2)):
        ran = wheelfix(*words)
        assert ran.code == code
        assert ran.err.startswith("error[")
        assert "standard output" not in ran.err


def test_of_many_alike_some_are_reported(wheel: Path, mirror: Path) -> None:
    wheelfix("mirror", "add", mirror, wheel)
    for number in range(7):
        (mirror / f"public/files/demo/{number}.whl").touch()
    ran = wheelfix("mirror", "check", "--select", "unlisted", mirror)
    assert (len(ran.lines), ran.lines[-1]) == (7, "... 2 more unlisted (use -v to show all)")
    assert len(wheelfix("mirror", "check", "--select", "unlisted", "-v", mirror).lines) == 8


def test_a_mirror_in_which_nothing_was_published_has_no_findings(mirror: Path, tmp_path: Path) -> None:
    """A first run that refuses every wheel is no damage to the mirror."""
    page = tmp_path / "demo-1.0-py3-none-any.whl"
    page.write_text("<html>not found</html>")
    assert wheelfix("strip-gpu", "--publish", mirror, page).code == 3
    ran = wheelfix("mirror", "check", mirror)
    assert (ran.code, ran.err) == (0, "Checked 0 files of 0 projects: 0 errors, 0 warnings\n")


def test_a_file_that_got_another_name_is_reported_under_it(wheel: Path, mirror: Path) -> None:
    options = ("--allow-unproven", "--build-tag", "1a", "--publish", mirror, "--yank-original", "x")
    ran = wheelfix("strip-gpu", *options, wheel)
    assert f"{wheel}: added as demo-1.0-1a-py3-none-any.whl\n" in ran.err
    assert f"{wheel}: yanked\n" in ran.err


def test_fix(wheel: Path, mirror: Path) -> None:
    wheelfix("mirror", "add", mirror, wheel)
    (mirror / "public/simple/demo/index.html").unlink()
    ran = wheelfix("mirror", "check", "--ignore", "gpu", mirror)
    assert ran.code == 1
    assert ran.lines[0].endswith("[fixable with --fix]")
    ran = wheelfix("mirror", "check", "--ignore", "gpu", "--fix", mirror)
    assert (ran.code, ran.lines) == (
        0,
        ["fixed[html-differs]: public/simple/demo/index.html: it is missing"],
    )
    (mirror / "public/simple/demo/index.html").unlink()
    report = mirror_report(wheelfix("mirror", "check", "--ignore", "gpu", "--fix", "--format", "json", mirror))
    assert ([each["code"] for each in report["fixed"]], report["findings"]) == (["html-differs"], [])


def test_what_was_fixed_before_an_error_is_reported(wheel: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    wheelfix("mirror", "add", mirror, wheel)
    for page in (mirror / "public/simple/index.html", mirror / "public/simple/demo/index.html"):
        page.unlink()
    monkeypatch.setattr(fix, "change_page", refuse)
    ran = wheelfix("mirror", "check", "--ignore", "gpu", "--fix", mirror)
    assert ran.code == 3
    assert ran.lines[0] == "fixed[html-differs]: public/simple/index.html: it is missing"
    assert "error[ended-early]: No space left on device" in ran.lines
    assert any("public/simple/demo/index.html" in line and "fixable with --fix" in line for line in ran.lines)
    ran = wheelfix("mirror", "check", "--ignore", "gpu", "--fix", mirror)  # nothing is fixed any more
    assert ran.code == 3
    assert ran.lines[0].startswith("error[html-differs]: public/simple/demo/index.html: ")
    assert "error[ended-early]: No space left on device" in ran.lines


def test_what_could_not_be_removed_is_reported_by_file(wheel: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    wheelfix("mirror", "add", mirror, wheel)
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "delete", refuse)
        ran = wheelfix("mirror", "remove", mirror, "demo")
    assert ran.code == 3
    assert ran.err.startswith(f"error[eio]: {wheel.name} not changed: Input/output error\n")
    assert ran.err.endswith("Removed 0 files, 1 failed\n")
    assert (mirror / "public/simple/demo/index.json").exists()
    assert wheelfix("mirror", "remove", mirror, "demo").code == 0


@pytest.mark.parametrize(
    ("mirror", "told"),
    [
        ("", "the path is empty"),
        ("https://wheels.example.org/simple/", "A mirror is a directory or a bucket"),
        ("torch-2.7.0-cp311-cp311-win_amd64.whl", "Name the mirror first"),
        (__file__, "is a file"),
    ],
)
def test_what_is_no_mirror_is_reported(mirror: str, told: str, wheel: Path) -> None:
    for words in (["mirror", "add", mirror, wheel], ["strip-gpu", "--publish", mirror, wheel], ["mirror", "list", mirror]):
        ran = wheelfix(*words)
        assert (ran.code, told in ran.err) == (2, True)


def test_a_directory_that_is_not_a_mirror_is_named(wheel: Path, mirror: Path) -> None:
    """Nothing was done, and the message says what to name instead."""
    ran = wheelfix("mirror", "add", wheel.parent, wheel)
    assert (ran.code, ran.out) == (2, "")
    assert "is not a mirror (the directory is not empty)\n  help: Name a mirror, an empty directory" in ran.err
    wheelfix("mirror", "add", mirror, wheel)
    ran = wheelfix("mirror", "add", mirror / "public/simple", wheel)
    assert (ran.code, ran.out) == (2, "")
    assert f"Name the mirror itself: {mirror}." in ran.err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("packages.example.org/simple", "https://packages.example.org/simple"),
        ("packages.example.org:8443/simple/", "https://packages.example.org:8443/simple/"),
        ("//packages.example.org/simple", "https://packages.example.org/simple"),
        ("who:hidden@packages.example.org/simple?hidden", "https://packages.example.org/simple"),
        ("localhost:8080/simple/", "http://localhost:8080/simple/"),
        ("127.0.0.1:3141/root/dev/+simple/", "http://127.0.0.1:3141/root/dev/+simple/"),
    ],
)
@pytest.mark.parametrize("project", [[], ["torch"]])
def test_an_index_without_a_scheme(text: str, meant: str, project: list[str]) -> None:
    ran = wheelfix("mirror", "check", text, *project)
    assert (ran.code, ran.out) == (2, "")
    assert f"For an index, write {meant}\n" in ran.err
    assert "hidden" not in ran.err
    ran = wheelfix("mirror", "add", "m", "--from-index", text, "torch")
    assert ran.code == 2
    assert f"Did you mean {meant}?" in ran.err
    assert "hidden" not in ran.err


@pytest.mark.parametrize("seconds", ["nan", "inf", "-2", "x"])
def test_seconds_are_a_number(seconds: str, wheel: Path, mirror: Path) -> None:
    assert wheelfix("mirror", "add", "--timeout", seconds, mirror, wheel).code == 2


def test_list_of_what_is_not_there(wheel: Path, mirror: Path) -> None:
    wheelfix("mirror", "add", mirror, wheel)
    assert wheelfix("mirror", "list", mirror, "demo==1.0").lines[0].startswith(wheel.name)
    ran = wheelfix("mirror", "list", mirror, "demo==2.0")
    assert (ran.code, ran.out) == (2, "")
    assert "demo==2.0" in ran.err
    assert (mirror / "public/simple/demo/index.html").exists()


def test_a_lost_page_keeps_no_other_project_from_the_list(wheel: Path, mirror: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wheelfix("mirror", "add", mirror, wheel, write_wheel(other, WheelSpec(project="zzz")))
    shutil.rmtree(mirror / "public/simple/demo")
    ran = wheelfix("mirror", "list", mirror)
    assert (ran.code, "zzz-1.0-py3-none-any.whl" in ran.out, "error[page-missing]" in ran.err) == (3, True, True)
    ran = wheelfix("mirror", "list", mirror, "--format", "json")
    assert (ran.code, ran.out) == (3, "")
