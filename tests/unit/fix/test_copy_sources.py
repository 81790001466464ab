"""Wheels that copy from others of their release, in whole runs: in any order, with any number of processes."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from building import Entry, WheelSpec, write_wheel
from wheelfix import (
    Action,
    CopyFrom,
    Match,
    Naming,
    Outcome,
    Output,
    Policy,
    Rule,
    RuleSet,
    Status,
    Wheel,
    When,
    fix_wheels,
    make_plan,
    read_copy_sources,
    rule_set,
    verify_wheels,
)
from wheelfix.fix import batch, job as job_of
from wheelfix.fix.describe import explain_wheel
from wheelfix.wheel.release import Declared

LINUX, MAC, WINDOWS = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64"
COPY = Rule(id="copy", reason="they agree", action=Action(copy_from=CopyFrom(platform=("*linux*",))))
MERGE = Rule(id="merge", reason="they agree", action=Action(copy_from=CopyFrom(platform=("*",), merge=True)))
DROP = Rule(id="drop", reason="nobody needs it", match=Match(("old",)), action="drop")
FILES = (Entry("demo/__init__.py", b""),)


def rules_of(*rules: Rule) -> RuleSet:
    return rule_set("mine", rules)


def release(folder: Path, version: str = "1.0", **requires: tuple[str, ...]) -> list[Path]:
    """Write a release: wheels for Linux, macOS and Windows with these requirements."""
    folder.mkdir(exist_ok=True)
    said = {LINUX: ("a", "old"), MAC: ("b",), WINDOWS: ()}
    said |= {
        tags: requires[name] for name, tags in (("linux", LINUX), ("mac", MAC), ("windows", WINDOWS)) if name in requires
    }
    specs = [WheelSpec(version=version, tags=tags, requires=lines, files=FILES) for tags, lines in said.items()]
    return [write_wheel(folder, spec) for spec in specs]


def declared(outcome: Outcome) -> tuple[str, ...]:
    assert outcome.output is not None, outcome.problem
    with Wheel(outcome.output) as wheel:
        return Declared.of(wheel.document.data).requirements


@pytest.mark.parametrize(("rules", "expected"), [((COPY, DROP), {"a"}), ((MERGE, DROP), {"a", "b"})])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_release_agrees_in_any_order(rules: tuple[Rule, ...], expected: set[str], jobs: int, tmp_path: Path) -> None:
    """The copy source counts as the rules leave it, also where a wheel is planned before it."""
    paths = release(tmp_path / "in")
    contents = []
    for number, order in enumerate(permutations(paths) if jobs == 1 else [paths, paths[::-1]]):
        report = fix_wheels(order, rules_of(*rules), output=tmp_path / f"out{number}", jobs=jobs)
        assert [each.problem for each in report.outcomes] == [None] * 3
        assert all({*declared(each)} == expected for each in report.outcomes)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / f"out{number}").iterdir()})
    assert all(each == contents[0] for each in contents)
    out = tmp_path / "out0"
    again = fix_wheels(sorted(out.iterdir()), rules_of(*rules), output=tmp_path / "again")
    assert [each.status for each in again.outcomes] == [Status.UNCHANGED] * 3
    before, after = (verify_wheels(sorted(folder.iterdir())) for folder in (tmp_path / "in", out))
    found = [{finding.code for each in report.wheels for finding in each.findings} for report in (before, after)]
    assert found == [{"release-disagrees", "metadata-no-content-type"}, {"metadata-no-content-type"}]


def test_plans_that_are_not_kept_copy_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = release(tmp_path / "in")
    kept = fix_wheels(paths, rules_of(COPY), output=tmp_path / "kept")
    monkeypatch.setattr(job_of, "_MOST_KEPT_METADATA", 0)
    made = fix_wheels(paths, rules_of(COPY), output=tmp_path / "made")
    assert [each.output_sha256 for each in made.outcomes] == [each.output_sha256 for each in kept.outcomes]
    assert [each.changes for each in made.outcomes] == [each.changes for each in kept.outcomes]


def test_releases_are_kept_apart(tmp_path: Path) -> None:
    paths = [*release(tmp_path / "one"), *release(tmp_path / "two", "2.0", linux=("z",))]
    report = fix_wheels(paths, rules_of(COPY), output=tmp_path / "out")
    assert [declared(each) for each in report.outcomes] == [("a", "old")] * 3 + [("z",)] * 3


def test_with_a_new_name(tmp_path: Path) -> None:
    """What a wheel is called afterwards does not matter: the release is the one that it came from."""
    paths = release(tmp_path / "in")
    report = fix_wheels(paths, rules_of(COPY), output=tmp_path / "out", naming=Naming(local="own"))
    assert {declared(each) for each in report.outcomes} == {("a", "old")}
    assert {each.output.name.split("-")[1] for each in report.outcomes if each.output} == {"1.0+own"}


def test_in_place_and_with_repair(tmp_path: Path) -> None:
    paths = release(tmp_path / "in")
    report = fix_wheels(paths, rules_of(COPY), output=Output(in_place=True), repair=True)
    assert {declared(each) for each in report.outcomes} == {("a", "old")}


def codes(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [each.problem.code if each.problem else str(each.status) for each in outcomes]


@pytest.mark.parametrize("chosen", [slice(1, 2), slice(1, 3)])
def test_without_the_copy_source_the_others_are_refused(chosen: slice, tmp_path: Path) -> None:
    paths = release(tmp_path / "in")[chosen]
    report = fix_wheels(paths, rules_of(COPY), output=tmp_path / "out")
    assert codes(report.outcomes) == ["copy-source-missing"] * len(paths)
    assert not [*(tmp_path / "out").glob("*.whl")]


def test_a_copy_source_that_is_refused(tmp_path: Path) -> None:
    """It needs what would go; those that copy from it say so, and so does it."""
    paths = release(tmp_path / "in", linux=("nvidia-nccl-cu12",))
    rules = rule_set("mine", [COPY], extends="gpu")
    report = fix_wheels(paths, rules, output=tmp_path / "out")
    assert codes(report.outcomes) == ["unproven", "copy-source-not-fixed", "copy-source-not-fixed"]
    assert report.outcomes[1].problem is not None
    assert report.outcomes[1].problem.reason == "no evidence that nvidia-nccl-cu12 is unused"
    left = fix_wheels(paths, rules, output=tmp_path / "left", policy=Policy(skip_unproven=True))
    assert {declared(each) for each in left.outcomes} == {("nvidia-nccl-cu12",)}


def test_a_copy_source_that_cannot_be_read(tmp_path: Path) -> None:
    paths = release(tmp_path / "in")
    paths[0].write_bytes(b"no archive")
    report = fix_wheels(paths, rules_of(COPY), output=tmp_path / "out")
    assert codes(report.outcomes)[1:] == ["copy-source-not-fixed"] * 2


def test_a_copy_source_that_copies_itself_can_be_fixed_and_not_be_copied_from(tmp_path: Path) -> None:
    from_windows = Rule(
        id="other", reason="why", when=When(platform=("*linux*",)), action=Action(copy_from=CopyFrom(platform=("win*",)))
    )
    to_mac = Rule(
        id="copy", reason="why", when=When(platform=("macosx*",)), action=Action(copy_from=CopyFrom(platform=("*linux*",)))
    )
    paths = release(tmp_path / "in")
    report = fix_wheels(paths, rules_of(from_windows, to_mac), output=tmp_path / "out", policy=Policy(allow_mixed=True))
    assert codes(report.outcomes) == ["fixed", "copy-source-not-fixed", "unchanged"]
    assert declared(report.outcomes[0]) == ()
    sources = CopyFrom(platform=("*linux*", "win*"), merge=True)
    merge = Rule(id="merge", reason="why", when=When(platform=("*linux*",)), action=Action(copy_from=sources))
    mixed = fix_wheels(paths, rules_of(merge, to_mac), output=tmp_path / "mixed", policy=Policy(allow_mixed=True))
    assert codes(mixed.outcomes) == ["unchanged", "copies-itself", "unchanged"]
    everywhere = fix_wheels(paths, rules_of(MERGE, to_mac), output=tmp_path / "all", policy=Policy(allow_mixed=True))
    assert codes(everywhere.outcomes) == ["copy-source-not-fixed", "copies-itself", "copy-source-not-fixed"]


def test_dropping_by_a_copy_needs_the_same_evidence(tmp_path: Path) -> None:
    """A requirement that the copy source lacks is weighed as one that a rule drops: the constants of this wheel say CUDA."""
    cuda = (Entry("demo/__init__.py", b""), Entry("demo/version.py", b"cuda = '12.6'\n"))
    linux = write_wheel(tmp_path, WheelSpec(tags=LINUX, requires=("numpy",), files=FILES))
    windows = write_wheel(tmp_path, WheelSpec(tags=WINDOWS, requires=("nvidia-cudnn-cu12==9.5.1.17", "numpy"), files=cuda))
    report = fix_wheels([linux, windows], rules_of(COPY), output=tmp_path / "out")
    assert codes(report.outcomes) == ["unchanged", "unsafe"]
    forced = fix_wheels([linux, windows], rules_of(COPY), output=tmp_path / "out", policy=Policy(force=True))
    assert declared(forced.outcomes[1]) == ("numpy",)


def test_adding_is_free(tmp_path: Path) -> None:
    linux = write_wheel(tmp_path, WheelSpec(tags=LINUX, requires=("nvidia-cudnn-cu12==9.5.1.17",), files=FILES))
    windows = write_wheel(tmp_path, WheelSpec(tags=WINDOWS, requires=(), files=FILES))
    report = fix_wheels([linux, windows], rules_of(COPY), output=tmp_path / "out")
    assert codes(report.outcomes) == ["unchanged", "fixed"]


def test_only_wheels_that_are_copied_from_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsed: list[Sequence[object]] = []
    real = job_of.rehearse_each

    def noting(items: Sequence[job_of.Candidate], **options: Any) -> Any:
        rehearsed.append([path.name.split("-")[-1] for path, *_ in items])
        return real(items, **options)

    monkeypatch.setattr(batch, "rehearse_each", noting)
    paths = release(tmp_path / "in")
    only = Rule(id="copy", reason="why", when=When(project=("else",)), action=COPY.action)
    names = ["manylinux_2_28_x86_64.whl", "macosx_11_0_arm64.whl", "win_amd64.whl"]
    for rules in ("gpu", rules_of(DROP), rules_of(only)):
        fix_wheels(paths, rules, output=tmp_path / "out", policy=Policy(allow_mixed=True))
        assert [each for each in rehearsed if each] == [names]
        rehearsed.clear()
    others = [write_wheel(tmp_path, WheelSpec(project=f"p{number}", tags=LINUX, requires=())) for number in range(5)]
    fix_wheels([*others, *paths], rules_of(COPY), output=tmp_path / "other")
    assert rehearsed == [names[:1], names[1:]]


def test_the_steps_from_python(tmp_path: Path) -> None:
    paths, rules = release(tmp_path / "in"), rules_of(COPY, DROP)
    copy_sources = read_copy_sources(paths, rules)
    [source] = copy_sources
    assert (source.filename.platform, source.declares.requirements) == ("manylinux_2_28_x86_64", ("a",))
    with Wheel(paths[1]) as wheel:
        plan = make_plan(wheel, rules, copy_sources=copy_sources)
        alone = make_plan(wheel, rules)
    assert [(each.before, each.after) for each in plan.changes] == [("b", None), (None, "a")]
    assert alone.problem is not None
    assert alone.problem.code == "copy-source-missing"
    paths[0].write_bytes(b"")
    [broken] = read_copy_sources(paths, rules)
    assert broken.problem is not None


def test_an_explanation_knows_the_others(tmp_path: Path) -> None:
    paths, rules = release(tmp_path / "in"), rules_of(COPY)
    found = explain_wheel(paths[1], rules, copy_sources=read_copy_sources(paths, rules))
    assert [each.rule for each in found.changes] == ["copy", "copy", "copy"]
    alone = explain_wheel(paths[1], rules)
    assert alone.problem is None
    assert alone.refusal is not None
    assert [each.text for each in alone.requirements] == ["b"]
