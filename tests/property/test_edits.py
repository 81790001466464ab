"""Edits in any combination: twice is once, in any order of wheels, and the same from a rule file."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings, strategies as st

import wheelfix
from building import WheelSpec, write_wheel
from thorough import examples
from wheelfix.rules.from_edits import rule_of, rules_of
from wheelfix.rules.load import load_rules
from wheelfix.wheel.edits import Edit
from wheelfix.wheel.wheel import Wheel

REQUIREMENTS = (
    "foo>=1,<2",
    "Foo (~=1.4)",
    "foo; extra == 'x'",
    "bar==2.0",
    "bar[x] @ https://e.com/a.whl",
    "demo[x]",
    "baz",
)
SUBJECTS: tuple[tuple[Edit, ...], ...] = (
    (
        wheelfix.DropRequirement("foo"),
        wheelfix.DropRequirement("foo; extra == 'x'"),
        wheelfix.ReplaceRequirement("foo", "one{specifier}{marker}"),
        wheelfix.ReplaceRequirement("foo", ("one{specifier}", "two{marker}")),
        wheelfix.RelaxRequirement("foo"),
        wheelfix.DropUpperLimit("f*"),
    ),
    (wheelfix.DropRequirement("ba*"), wheelfix.RelaxRequirement("bar==2.0"), wheelfix.ReplaceRequirement("bar", "bar>=3")),
    (wheelfix.AddRequirement("new>=2"), wheelfix.AddRequirement("new; extra == 'y'")),
    (wheelfix.SetField("Requires-Python", ">=3.9"), wheelfix.RemoveField("Requires-Python")),
    (
        wheelfix.SetField("Classifier", ("Private :: Do Not Upload",)),
        wheelfix.AddField("Classifier", "Private :: Do Not Upload"),
        wheelfix.RemoveField("Classifier", "Topic :: System"),
    ),
    (wheelfix.SetName("Acme.Demo"),),
    (wheelfix.SetVersion("2.0+own"), wheelfix.SetPost("+1"), wheelfix.SetPost("3"), wheelfix.SetLocal("cpu")),
    (wheelfix.SetBuildTag("1x"),),
    (wheelfix.SetTags("cp311-none-any"), wheelfix.AddTags("py2-none-any"), wheelfix.RemoveTags("py2-*")),
    (wheelfix.WriteFile("licenses/NOTICE", b"x"),),
    (wheelfix.RemoveFiles(("demo/version.py",)), wheelfix.RemoveFiles(("version.*", "tests/"))),
    (wheelfix.AddEntryPoint("console_scripts", "run", "demo:main"), wheelfix.RemoveEntryPoint(("run",))),
)
"""The edits of each subject: two of one could undo each other, again and again."""


@st.composite
def edits(draw: st.DrawFn) -> list[Edit]:
    """Return at most one edit of each subject, in any order."""
    chosen = draw(st.lists(st.sampled_from(range(len(SUBJECTS))), unique=True, min_size=1))
    return [draw(st.sampled_from(SUBJECTS[index])) for index in chosen]


specs = st.builds(
    lambda requires, classifier: WheelSpec(
        tags="py2.py3-none-any",
        metadata="\n".join(
            (
                "Metadata-Version: 2.1",
                "Name: demo",
                "Version: 1.0",
                "Provides-Extra: x",
                *([f"Classifier: {classifier}"] if classifier else []),
                *(f"Requires-Dist: {each}" for each in requires),
                "",
                "text",
            )
        ).encode(),
    ),
    st.lists(st.sampled_from(REQUIREMENTS), max_size=5),
    st.sampled_from(["", "Topic :: System"]),
)


def edited(paths: Sequence[Path], directory: Path, asked: Sequence[Edit], rules: Path | None = None) -> dict[str, bytes]:
    """Return the results of a run by their names."""
    report = wheelfix.fix_wheels(paths, rules, edits=asked, output=directory)
    assert report.ok, [each.problem for each in report.outcomes]
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@settings(max_examples=examples(60))
@given(specs, edits())
def test_twice_is_once(spec: WheelSpec, asked: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        once = edited([write_wheel(directory, spec)], directory / "once", asked)
        twice = edited([*(directory / "once").iterdir()], directory / "twice", asked)
    assert twice == once


@settings(max_examples=examples(60))
@given(specs, edits())
def test_a_rule_file_does_the_same(spec: WheelSpec, asked: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path, pasted = write_wheel(directory, spec), directory / "rules.toml"
        pasted.write_text(wheelfix.print_rules(rules_of(asked)))
        assert load_rules(pasted).digest == rules_of(asked).digest
        without = [edit for edit in asked if rule_of(edit) is None]
        [by_edits] = edited([path], directory / "edits", asked)
        [by_rules] = edited([path], directory / "rules", without, pasted)
        with Wheel(directory / "edits" / by_edits) as one, Wheel(directory / "rules" / by_rules) as two:
            assert (one.read("METADATA"), one.read("WHEEL")) == (two.read("METADATA"), two.read("WHEEL"))
    assert by_edits == by_rules


@settings(max_examples=examples(30))
@given(st.permutations(["win_amd64", "any", "macosx_11_0_arm64"]), edits())
def test_the_order_of_wheels_does_not_matter(platforms: list[str], asked: list[Edit]) -> None:
    tags = [edit for edit in asked if not isinstance(edit, wheelfix.SetTags | wheelfix.AddTags | wheelfix.RemoveTags)]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        paths = [write_wheel(directory, WheelSpec(tags=f"py3-none-{each}", requires=REQUIREMENTS)) for each in platforms]
        given_order = edited(paths, directory / "one", tags)
        sorted_order = edited(sorted(paths), directory / "two", tags)
    assert given_order == sorted_order
