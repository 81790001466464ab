"""``wheelfix fix`` and the rules that it finds or is given; ``strip-gpu`` with words of one's own."""

from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from running import wheelfix
from wheelfix.wheel.wheel import Wheel

REQUIRES = ("numpy>=1", "foo==2", "nvidia-nccl-cu12==1", "nvidia-ml-py")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")


@pytest.fixture
def wheel() -> Path:
    return write_wheel(Path(), WheelSpec(requires=REQUIRES))


def rules(path: str, *drop: str, more: str = "", table: str = "") -> Path:
    """Write a rule file that drops these names."""
    head = f"[{table}]\nschema = 1\n" if table else "schema = 1\n"
    prefix = f"{table}." if table else ""
    text = "".join(
        f'[[{prefix}rule]]\nid = "{name}"\nreason = "no {name}"\nmatch.name = "{name}"\naction = "drop"\n' for name in drop
    )
    target = Path(path)
    target.write_text(head + more + text)
    return target


def requires(path: str | Path) -> list[str]:
    with Wheel(Path(path)) as opened:
        return [each.value for each in opened.document.all("Requires-Dist")]


def files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def without(*names: str) -> list[str]:
    return [text for text in REQUIRES if not text.startswith(names)]


@pytest.mark.parametrize("place", ["wheelfix.toml", "../wheelfix.toml", "../../wheelfix.toml"])
def test_a_rule_file_is_found_upwards(wheel: Path, place: str) -> None:
    rules(place, "foo")
    ran = wheelfix("fix", wheel)
    assert (ran.code, ran.lines) == (0, [f"fixed/{wheel}"])
    assert requires(f"fixed/{wheel}") == without("foo")
    assert f"{wheel}: 1 requirement dropped\n  - Requires-Dist: foo==2\n" in ran.err


def test_the_nearest_file_is_in_force_and_no_other(wheel: Path) -> None:
    rules("../../wheelfix.toml", "numpy")
    rules("../pyproject.toml", "foo", table="tool.wheelfix")
    Path("pyproject.toml").write_text("[tool.other]\n")
    assert wheelfix("fix", wheel).code == 0
    assert requires(f"fixed/{wheel}") == without("foo")


def test_without_rules_nothing_is_done(wheel: Path) -> None:
    before = files()
    ran = wheelfix("fix", wheel)
    assert (ran.code, ran.out) == (2, "")
    assert "no rules found" in ran.err
    assert "--rules" in ran.err
    assert files() == before


def test_rules_are_given_by_file_and_by_name_in_order(wheel: Path) -> None:
    rules("wheelfix.toml", "numpy")
    rules("a.toml", "foo")
    rules("b.toml", "nvidia-ml-py")
    assert wheelfix("fix", "--rules", "a.toml", "--rules", "b.toml", "--rules", "gpu/nvidia", wheel).code == 0
    assert requires(f"fixed/{wheel}") == ["numpy>=1"]
    assert wheelfix("fix", "--rules", "gpu", "-o", "gpu", wheel).code == 0
    assert requires(f"gpu/{wheel}") == without("nvidia-nccl")
    assert wheelfix("fix", "--rules=gpu/triton", "-o", "none", wheel).code == 0
    assert Path(f"none/{wheel}").read_bytes() == wheel.read_bytes()


def test_what_a_file_extends_comes_after_it(wheel: Path) -> None:
    keep = '[[rule]]\nid = "k"\nreason = "used"\nmatch.name = "nvidia-nccl-cu12"\naction = "keep"\n'
    rules("../common.toml", "foo")
    rules("wheelfix.toml", more=f'extends = ["gpu", "../common.toml"]\n{keep}')
    assert wheelfix("fix", wheel).code == 0
    assert requires(f"fixed/{wheel}") == without("foo")


FAULTY = ["no-such.toml", "gup", "gpu/nvida", "finding.toml", "."]


@pytest.mark.parametrize("source", FAULTY)
@pytest.mark.parametrize("options", [[], ["--check"], ["--format", "json"]])
def test_invalid_rules_touch_no_wheel(wheel: Path, source: str, options: list[str]) -> None:
    Path("finding.toml").write_text("schema = 1\n[[rule]]\nid = 'f'\n")
    before = files()
    ran = wheelfix("fix", "--rules", source, *options, wheel)
    assert (ran.code, ran.out) == (2, "")
    assert " in the rules\n" in ran.err
    assert files() == before


def test_findings_of_rules_go_to_standard_error_and_into_the_report(wheel: Path) -> None:
    rules("wheelfix.toml", "foo", "scipy", "f*", "fo*", "bar")
    ran = wheelfix("fix", wheel)
    assert ran.code == 0
    assert "warning[rule-broad]: wheelfix.toml: rule f*: the pattern 'f*' is so short that" in ran.err
    assert (
        "warning[rule-shadowed]: wheelfix.toml: rule fo*: never decides: earlier rules match everything that it matches"
        in ran.err
    )
    assert [line for line in ran.err.splitlines() if "rule-unused" in line] == [
        f"warning[rule-unused]: wheelfix.toml: rule {name}: applied to nothing in this run"
        for name in ("scipy", "f*", "fo*", "bar")
    ]
    report = wheelfix("fix", "--format", "json", "--check", wheel).report
    assert report["command"] == "fix"
    assert ("rule-unused", "warning", "wheelfix.toml: rule scipy", "applied to nothing in this run") in {
        (each["code"], each["severity"], each["place"], each["message"]) for each in report["rule_findings"]
    }
    assert {each["code"] for each in report["rule_findings"]} == {"rule-unused", "rule-broad", "rule-shadowed"}
    quiet = wheelfix("fix", "-q", "--check", wheel)
    assert "scipy" not in quiet.err


def test_every_code_of_a_rule_finding_fits_the_schema(wheel: Path) -> None:
    Path("wheelfix.toml").write_text(
        'schema = 1\n[[rule]]\nid = "old"\nreason = "r"\nmatch.name = "foo*"\naction = "drop"\nuntil = 2000-01-01\n'
        'until-version = "0.5"\n[[rule]]\nid = "never"\nreason = "r"\nmatch.name = "x"\naction = "drop"\n'
        'when.version = ">2,<1"\n[[rule]]\nid = "part"\nreason = "r"\nmatch.name = "foo-x"\naction = { rename = "y" }\n'
    )
    found = wheelfix("fix", "--format", "json", wheel).report["rule_findings"]
    assert {(each["code"], each["place"].rpartition(" ")[2]) for each in found} == {
        ("rule-expired", "old"), ("rule-outdated", "old"), ("rule-impossible", "never"), ("rule-unused", "never"),
        ("rule-shadowed", "part"), ("rule-unused", "part"),
    }  # fmt: skip


@pytest.mark.parametrize("drop", [("foo", "scipy"), ("foo", "foo-*", "foo-x"), ("f*",)])
@pytest.mark.parametrize("options", [[], ["--in-place"], ["--check"], ["--diff"], ["--format", "json"]])
def test_strict_rules_refuse_warnings(wheel: Path, drop: tuple[str, ...], options: list[str]) -> None:
    rules("wheelfix.toml", *drop)
    before = files()
    ran = wheelfix("fix", "--strict-rules", *options, wheel)
    assert (ran.code, ran.out) == (2, "")
    assert f"rule {drop[-1]}: " in ran.err
    assert files() == before


def test_strict_rules_that_are_strict_do_their_work(wheel: Path) -> None:
    rules("wheelfix.toml", "foo", more='extends = ["gpu"]\n')
    ran = wheelfix("fix", "--strict-rules", wheel)
    assert (ran.code, ran.lines) == (0, [f"fixed/{wheel}"])
    assert requires(f"fixed/{wheel}") == without("foo", "nvidia-nccl")


def test_check_and_a_rule_that_cannot_be_carried_out(wheel: Path) -> None:
    rules("wheelfix.toml", "foo")
    assert wheelfix("fix", "--check", wheel).code == 1
    rules("wheelfix.toml", "nothing")
    assert wheelfix("fix", "--check", wheel).code == 0
    odd = write_wheel(Path(), WheelSpec(project="odd", requires=("foo >=1 <2",)))
    Path("wheelfix.toml").write_text(
        'schema = 1\n[[rule]]\nid = "r"\nreason = "r"\nmatch.name = "foo"\naction = { rename = "bar" }\n'
    )
    ran = wheelfix("fix", odd, wheel)
    assert (ran.code, ran.lines) == (3, [f"fixed/{wheel}"])
    assert "odd-1.0-py3-none-any.whl not changed: rule r: rename makes 'foo >=1 <2' into 'bar >=1 <2'" in ran.err


def test_each_distinct_difference_is_printed_once() -> None:
    """As conda-forge reviews its repodata patches."""
    rules("wheelfix.toml", "foo", "bar")
    specs = [("a", ("x", "foo")), ("b", ("foo",)), ("c", ("bar", "foo")), ("d", ("x",)), ("e", ("foo", "y"))]
    wheels = [write_wheel(Path(), WheelSpec(project=name, requires=requires)) for name, requires in specs]
    ran = wheelfix("fix", "--diff", *wheels)
    assert ran.code == 0
    assert ran.lines[:4] == ["# 3 wheels change like this:", *(f"#   {wheels[index]}" for index in (0, 1, 4))]
    assert ran.out.count("-Requires-Dist: foo\n") == 2
    assert ran.out.count("-Requires-Dist: bar\n") == 1
    assert ran.out.count("wheels change like this") == 1
    assert str(wheels[3]) not in ran.out
    assert not Path("fixed").exists()


def test_strip_gpu_takes_groups_and_patterns(wheel: Path) -> None:
    def left(*options: str) -> list[str]:
        folder = "out" + "".join(each.strip("-*") for each in options)
        assert wheelfix("strip-gpu", *options, "-o", folder, wheel).code == 0
        return requires(f"{folder}/{wheel}")

    assert left() == without("nvidia-nccl")
    assert left("--only", "triton") == [*REQUIRES]
    assert left("--only", "triton", "--only", "nvidia") == without("nvidia-nccl")
    assert left("--keep", "nvidia-nccl-*") == [*REQUIRES]
    assert left("--drop", "nvidia-*", "--drop", "fo*") == ["numpy>=1"]
    assert left("--drop", "nvidia-*", "--keep", "nvidia-ml-*") == without("nvidia-nccl")


def test_strip_gpu_refuses_an_unknown_group_with_a_suggestion(wheel: Path) -> None:
    before = files()
    for options, hint in (
        (("--only", "nvida"), "command line: --only: gpu has no group 'nvida'. Did you mean nvidia?"),
        (("--only", "xyz"), "fairchem-kernels, nvidia, tensorrt"),
        (("--keep", "Nvidia-*"), "Write 'nvidia-*'"),
        (("--drop", ""), "the pattern is empty"),
    ):
        ran = wheelfix("strip-gpu", *options, wheel)
        assert (ran.code, ran.out) == (2, "")
        assert hint in ran.err
    assert files() == before


def test_strip_gpu_reports_a_pattern_that_matched_nothing(wheel: Path) -> None:
    ran = wheelfix("strip-gpu", "--drop", "my-gpu-*", "--keep", "foo", wheel)
    assert ran.code == 0
    assert "my-gpu-*" in ran.err
    assert "applied to nothing in this run" in ran.err
    report = wheelfix("strip-gpu", "--drop", "my-gpu-*", "--format", "json", "--check", wheel).report
    assert [(each["code"], each["place"]) for each in report["rule_findings"]] == [
        ("rule-unused", "command line: rule drop my-gpu-*")
    ]
    strict = wheelfix("strip-gpu", "--drop", "my-gpu-*", "--strict-rules", "-o", "strict", wheel)
    assert (strict.code, strict.out) == (2, "")
    assert not Path("strict").exists()


def test_strip_gpu_is_fix_with_the_built_in_set(wheel: Path) -> None:
    assert wheelfix("strip-gpu", "-o", "a", wheel).code == 0
    assert wheelfix("fix", "--rules", "gpu", "-o", "b", wheel).code == 0
    assert Path(f"a/{wheel}").read_bytes() == Path(f"b/{wheel}").read_bytes()
