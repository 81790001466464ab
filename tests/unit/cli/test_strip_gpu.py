"""``wheelfix strip-gpu``: options, streams and exit codes."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from running import wheelfix
from wheelfix.rules.load import groups_of

PLAIN = ("numpy",)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def gpu() -> Path:
    """A wheel that would change."""
    return write_wheel(Path(), WheelSpec(project="gpu"))


@pytest.fixture
def plain() -> Path:
    """A wheel that would not."""
    return write_wheel(Path(), WheelSpec(project="plain", requires=PLAIN))


@pytest.fixture
def bad() -> Path:
    """A file that is no wheel."""
    path = Path("bad-1.0-py3-none-any.whl")
    path.write_bytes(b"no zip")
    return path


def files() -> dict[str, bytes]:
    """Return every file below the current directory."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def test_the_results_go_to_fixed(gpu: Path, plain: Path) -> None:
    before = files()
    ran = wheelfix("strip-gpu", gpu, plain)
    assert (ran.code, ran.lines) == (0, [f"fixed/{gpu}", f"fixed/{plain}"])
    assert f"{gpu}: 1 requirement dropped\n  - Requires-Dist: nvidia-cudnn-cu12==9.5.1.17\n" in ran.err
    assert f"{plain}: unchanged: no rule matches\n" in ran.err
    assert ran.err.endswith("\nFixed 1 wheel, 1 unchanged, 0 refused -> fixed/\n")
    after = files()
    assert set(after) == {*before, f"fixed/{gpu}", f"fixed/{plain}"}
    assert all(after[name] == content for name, content in before.items())
    assert after[f"fixed/{plain}"] == before[str(plain)]


def test_an_output_folder_is_made(gpu: Path) -> None:
    assert wheelfix("strip-gpu", "-o", "a/b", gpu).lines == [f"a/b/{gpu}"]
    assert wheelfix("strip-gpu", "--output-dir=a/c", gpu).lines == [f"a/c/{gpu}"]


def test_in_place(gpu: Path, plain: Path) -> None:
    before = files()
    ran = wheelfix("strip-gpu", "--in-place", gpu, plain)
    assert (ran.code, ran.lines) == (0, [str(gpu), str(plain)])
    assert set(files()) == set(before)
    assert files()[str(gpu)] != before[str(gpu)]
    assert files()[str(plain)] == before[str(plain)]


@pytest.mark.parametrize("options", [["--check"], ["--diff"], ["--check", "--diff"], ["--check", "--in-place"]])
def test_nothing_is_written(gpu: Path, options: list[str]) -> None:
    before = files()
    ran = wheelfix("strip-gpu", *options, gpu)
    assert ran.code == int("--check" in options)
    assert "would be dropped" in ran.err
    assert files() == before
    assert ran.out.startswith("--- a/") if "--diff" in options else ran.out == ""


def test_check_is_content_with_a_wheel_that_stays(plain: Path) -> None:
    assert wheelfix("strip-gpu", "--check", plain).code == 0


def test_the_diff_is_data(gpu: Path, plain: Path) -> None:
    ran = wheelfix("strip-gpu", "--diff", gpu, plain)
    assert ran.code == 0
    assert ran.lines[0] == f"--- a/{gpu}/METADATA"
    assert "-Requires-Dist: nvidia-cudnn-cu12==9.5.1.17" in ran.lines
    assert "nvidia-cudnn-cu12" not in ran.err  # what is in the diff is not listed as well
    assert "requirement would be dropped" in ran.err
    assert str(plain) not in ran.out


@pytest.mark.parametrize("options", [[], ["--check"], ["-q"], ["-v"], ["-j", "2"]])
def test_the_json_report_is_all_of_standard_output(gpu: Path, plain: Path, bad: Path, options: list[str]) -> None:
    ran = wheelfix("strip-gpu", "--format", "json", *options, gpu, plain, bad)
    assert ran.code == 3
    report = ran.report
    assert report["command"] == "strip-gpu"
    assert report["summary"] == {"fixed": 1, "unchanged": 1, "refused": 1, "failed": 0}
    assert [wheel["source"] for wheel in report["wheels"]] == [str(gpu), str(plain), str(bad)]
    fixed = report["wheels"][0]
    assert fixed["changes"][0]["rule"] == "gpu/nvidia"
    written = "--check" not in options
    assert (fixed["output"] is not None) is written
    if written:
        assert fixed["sha256"]["output"] == sha256(Path(fixed["output"]).read_bytes()).hexdigest()


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_wheel_stops_no_other(gpu: Path, plain: Path, bad: Path, jobs: int) -> None:
    empty = Path("empty-1-py3-none-any.whl")
    empty.touch()
    ran = wheelfix("strip-gpu", "-j", jobs, bad, gpu, empty, plain)
    assert (ran.code, ran.lines) == (3, [f"fixed/{gpu}", f"fixed/{plain}"])
    assert f"{bad} not changed: " in ran.err
    assert f"{empty} not changed: " in ran.err
    assert "Traceback" not in ran.err


def test_a_refusal_counts_more_than_what_would_change(gpu: Path, bad: Path) -> None:
    assert wheelfix("strip-gpu", "--check", gpu, bad).code == 3
    assert wheelfix("strip-gpu", "--check", gpu).code == 1


def test_groups_can_be_separated_by_commas() -> None:
    wheel = write_wheel(Path(), WheelSpec(requires=("nvidia-nccl-cu12", "triton", "tensorrt")))
    dropped = {
        words: [line for line in wheelfix("strip-gpu", "--check", *words, wheel).err.splitlines() if line.startswith("  - ")]
        for words in (("--only", "nvidia,tensorrt"), ("--only", "nvidia", "--only", "tensorrt"), ("--only", "nvidia"))
    }
    assert [len(each) for each in dropped.values()] == [2, 2, 1]
    ran = wheelfix("strip-gpu", "--only", "nvidia,foo", wheel)
    assert "gpu has no group 'foo'" in ran.err


@pytest.mark.parametrize("words", [("strip-gpu", "-j", "x"), ("mirror", "check", "--connections", "x")], ids=" ".join)
def test_a_word_is_no_number(words: tuple[str, ...]) -> None:
    assert "'x' is not a valid whole number\n" in wheelfix(*words, "a-1-py3-none-any.whl").err


def test_quiet_tells_only_what_went_wrong(gpu: Path, plain: Path, bad: Path) -> None:
    quiet = wheelfix("strip-gpu", "-q", gpu, plain)
    assert (quiet.lines, quiet.err) == ([f"fixed/{gpu}", f"fixed/{plain}"], "")
    assert "Print only errors and the written paths." in wheelfix("strip-gpu", "--help").out
    told = wheelfix("strip-gpu", "--quiet", gpu, bad).err
    assert told.count("\n") == 2
    assert told.startswith(f"error[not-a-zip]: {bad} not changed: ")


def test_verbose_tells_reasons_and_sums(gpu: Path) -> None:
    told = wheelfix("strip-gpu", "-v", gpu).err
    assert "gpu/nvidia: " in told
    assert sha256(gpu.read_bytes()).hexdigest() in told


def test_the_trace_can_be_left_out(gpu: Path) -> None:
    [one] = wheelfix("strip-gpu", gpu).lines
    [two] = wheelfix("strip-gpu", "--no-sbom", "-o", "out", gpu).lines
    assert b"sboms/wheelfix.cdx.json" in Path(one).read_bytes()
    assert b"sboms/wheelfix.cdx.json" not in Path(two).read_bytes()


def test_a_second_run_is_at_peace_and_a_different_output_is_kept(gpu: Path) -> None:
    """Pitfall 35: the same run twice is no error; an output that differs is not overwritten."""
    assert wheelfix("strip-gpu", gpu).code == 0
    assert wheelfix("strip-gpu", gpu).code == 0
    Path("fixed", gpu).write_bytes(b"mine")
    ran = wheelfix("strip-gpu", gpu)
    assert (ran.code, ran.out) == (3, "")
    assert "exists and differs" in ran.err
    assert Path("fixed", gpu).read_bytes() == b"mine"


USAGE = [
    ["--in-place", "-o", "x", "W"],
    ["--diff", "--format", "json", "W"],
    ["-q", "-v", "W"],
    ["-j", "0", "W"],
    ["-j", "many", "W"],
    ["--format", "xml", "W"],
    ["--no-such-option", "W"],
    [],
    ["empty"],
    ["nothing-*.whl"],
    ["-"],
    ["W", "empty"],
    ["-o", "a-file", "W"],
]


@pytest.mark.parametrize("arguments", USAGE, ids=lambda arguments: " ".join(arguments) or "none")
def test_wrong_usage_is_told_and_changes_nothing(gpu: Path, arguments: list[str]) -> None:
    Path("empty").mkdir()
    Path("a-file").write_text("x")
    before = files()
    ran = wheelfix("strip-gpu", *(str(gpu) if each == "W" else each for each in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err
    assert "Traceback" not in ran.err
    assert files() == before


def test_two_wheels_of_one_name_need_two_folders(gpu: Path) -> None:
    other = Path("other")
    other.mkdir()
    (other / gpu.name).write_bytes(gpu.read_bytes())
    ran = wheelfix("strip-gpu", gpu, other)
    assert (ran.code, ran.out) == (3, "")
    assert "too" in ran.err
    assert wheelfix("strip-gpu", "--in-place", gpu, other).code == 0


def test_output_and_input_folder_may_not_be_one(gpu: Path) -> None:
    """Pitfall 31: the wheel is refused, not truncated."""
    before = files()
    for folder in (".", "fixed/..", os.fspath(Path.cwd())):
        Path("fixed").mkdir(exist_ok=True)
        ran = wheelfix("strip-gpu", "-o", folder, gpu)
        assert ran.code == 3
        assert "not changed: the result would replace the wheel itself\n  help: Use --in-place, or" in ran.err
    assert files() == before


def test_control_characters_of_a_wheel_do_not_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 29: an ANSI escape in METADATA is shown escaped, in the narration, the diff and the report."""
    monkeypatch.setenv("NO_COLOR", "1")  # the colours are ours
    evil = "nvidia-nccl-cu12; os_name == '\x1b[2J\u202e'"
    path = write_wheel(Path(), WheelSpec(project="gpu", requires=(evil, "\x1b[31m")))
    for options in ([], ["-v", "-o", "two"], ["--diff"], ["--format", "json", "-o", "three"]):
        ran = wheelfix("strip-gpu", *options, path, terminal=True)
        assert ran.code == 0
        assert not {"\x1b", "\u202e"} & set(ran.out + ran.err)
        assert "\\x1b[2J" in (ran.out if "--diff" in options else ran.err)
    missing = wheelfix("strip-gpu", "\x1b[2J.whl")
    assert "\x1b" not in missing.out + missing.err


def test_the_help_lists_every_group() -> None:
    words = wheelfix("strip-gpu", "--help").out.replace(",", " ").replace(";", " ").replace(".", " ").split()
    assert set(groups_of("gpu")) <= set(words)


@pytest.mark.parametrize("option", ["--keep", "--drop"])
def test_a_version_in_a_pattern_for_names_is_no_matter_of_a_rule_file(option: str, tmp_path: Path) -> None:
    ran = wheelfix("strip-gpu", option, "triton>=3", write_wheel(tmp_path, WheelSpec()))
    assert (ran.code, ran.err) == (
        2,
        f"error: {option}: 'triton>=3' has characters that names cannot contain; nothing was done\n"
        "  help: Give a name or a pattern for names, no versions.\n",
    )
