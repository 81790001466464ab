"""A wheel that gets another name, version or local version by an edit or a rule: every place says it."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import wheelfix
import wheelfix.fix.apply as writing
from building import Entry, WheelSpec, write_wheel
from wheelfix import (
    Action,
    ChangeAction,
    Edit,
    EditError,
    Naming,
    Outcome,
    PostRelease,
    Rule,
    RuleSet,
    SetBuildTag,
    SetLocal,
    SetName,
    SetPost,
    SetVersion,
    Status,
    Wheel,
    When,
)
from wheelfix.fix import naming
from wheelfix.fix.apply import apply
from wheelfix.fix.draft import make_plan
from wheelfix.options import ExclusiveOptions
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.filename import WheelFilename, with_post_release
from wheelfix.wheel.record import Row
from wheelfix.wheel.zip.rewrite import Edits, splice

FILES = (
    Entry("demo/__init__.py", b"ANSWER = 42\n"),
    Entry("demo-1.0.data/scripts/tool", b"#!python\n", mode=0o100755),
    Entry("x/demo-1.0.dist-info/RECORD", b"payload"),
)
METADATA = b"""Metadata-Version: 2.1
Name: demo
Version: 1.0
Provides-Extra: all
Provides-Extra: gpu
Requires-Dist: Demo [gpu] ; extra == 'all'
Requires-Dist: demo.extra>=1
Requires-Dist: DEMO[gpu] (==1.0) ; extra == 'all'
Requires-Dist: numpy ==1.0
Requires-Dist: nvidia-cudnn-cu12; extra == 'gpu'

Requires-Dist: demo is text here
"""
SPEC = WheelSpec(files=FILES, metadata=METADATA, folders=True)


def edited(path: Path, output: Path, *edits: Edit, **options: object) -> Outcome:
    """Return what became of one wheel."""
    [outcome] = wheelfix.fix_wheels([path], None, edits=edits, output=output, **options).outcomes  # type: ignore[arg-type]
    return outcome


def written(outcome: Outcome) -> Path:
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    return outcome.output


def tops(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.partition("/")[0] for name in archive.namelist()}


def fields(path: Path, name: str) -> list[str]:
    with Wheel(path) as wheel:
        return [each.value.strip() for each in wheel.document.all(name)]


EDITS: list[tuple[Sequence[Edit], str, tuple[str, str]]] = [
    ([SetName("Acme.Demo-X")], "acme_demo_x-1.0-py3-none-any.whl", ("Acme.Demo-X", "1.0")),
    ([SetVersion("2.0.0-RC1")], "demo-2.0.0rc1-py3-none-any.whl", ("demo", "2.0.0rc1")),
    ([SetVersion("1!2.0+CPU-1")], "demo-1!2.0+cpu.1-py3-none-any.whl", ("demo", "1!2.0+cpu.1")),
    ([SetPost("+1")], "demo-1.0.post1-py3-none-any.whl", ("demo", "1.0.post1")),
    ([SetPost("3")], "demo-1.0.post3-py3-none-any.whl", ("demo", "1.0.post3")),
    ([SetLocal("cpu")], "demo-1.0+cpu-py3-none-any.whl", ("demo", "1.0+cpu")),
    ([SetVersion("3"), SetPost("+1")], "demo-1.0.post1-py3-none-any.whl", ("demo", "1.0.post1")),
    ([SetPost("+1"), SetVersion("3")], "demo-3-py3-none-any.whl", ("demo", "3")),
    ([SetLocal("x"), SetPost("+1")], "demo-1.0.post1+x-py3-none-any.whl", ("demo", "1.0.post1+x")),
    ([SetLocal("x"), SetVersion("2+y")], "demo-2+x-py3-none-any.whl", ("demo", "2+x")),
    (
        [SetName("a"), SetVersion("2"), SetLocal("x"), SetBuildTag("1b")],
        "a-2+x-1b-py3-none-any.whl",
        ("a", "2+x"),
    ),
]


@pytest.mark.parametrize(("edits", "name", "said"), EDITS, ids=str)
def test_every_place_says_it(edits: Sequence[Edit], name: str, said: tuple[str, str], tmp_path: Path) -> None:
    """Pitfall 32: file name, dist-info, .data, METADATA, WHEEL and RECORD."""
    source = write_wheel(tmp_path, SPEC)
    path = written(edited(source, tmp_path / "out", *edits))
    assert path.name == name
    stem = "-".join(name.split("-")[:2])
    assert tops(path) == {"demo", "x", f"{stem}.dist-info", f"{stem}.data"}
    assert (*fields(path, "Name"), *fields(path, "Version")) == said
    assert [each.code for each in check_wheel(path).findings] == [each.code for each in check_wheel(source).findings]
    again = edited(path, tmp_path / "again", *edits)
    assert again.status is Status.UNCHANGED, again.changes
    assert Path(again.output or "").read_bytes() == path.read_bytes()


def test_a_project_that_requires_itself_follows_its_name(tmp_path: Path) -> None:
    """However it spells it; the rest of the line keeps its bytes, and other projects are other projects."""
    outcome = edited(write_wheel(tmp_path, SPEC), tmp_path / "out", SetName("Acme.Demo"))
    assert fields(written(outcome), "Requires-Dist") == [
        "Acme.Demo [gpu] ; extra == 'all'",
        "demo.extra>=1",
        "Acme.Demo[gpu] (==1.0) ; extra == 'all'",
        "numpy ==1.0",
        "nvidia-cudnn-cu12; extra == 'gpu'",
    ]
    assert [each.action for each in outcome.changes] == [ChangeAction.SET_NAME, ChangeAction.RENAME, ChangeAction.RENAME]


def test_a_project_that_pins_itself_follows_its_version(tmp_path: Path) -> None:
    outcome = edited(write_wheel(tmp_path, SPEC), tmp_path / "out", SetPost("+1"))
    assert fields(written(outcome), "Requires-Dist")[2] == "DEMO[gpu] (==1.0.post1) ; extra == 'all'"
    assert outcome.notes[0] == "Pins such as ==1.0 no longer match it; ==1.0.post1 does."


def test_another_spelling_of_the_name_changes_no_requirement(tmp_path: Path) -> None:
    outcome = edited(write_wheel(tmp_path, SPEC), tmp_path / "out", SetName("Demo"))
    assert fields(written(outcome), "Name") == ["Demo"]
    assert fields(written(outcome), "Requires-Dist")[0] == "Demo [gpu] ; extra == 'all'"
    assert [each.field for each in outcome.changes] == ["Name"]


def test_the_provenance_says_both_names(tmp_path: Path) -> None:
    path = written(edited(write_wheel(tmp_path, SPEC), tmp_path / "out", SetName("new"), SetVersion("2")))
    with Wheel(path) as wheel:
        text = wheel.read("sboms/wheelfix.cdx.json").decode()
        assert wheel.provenance is not None
        assert [each.filename for each in wheel.provenance.ancestors] == [SPEC.filename]
    assert '"purl": "pkg:pypi/new@2"' in text
    assert '"purl": "pkg:pypi/demo@1.0?file_name=demo-1.0-py3-none-any.whl"' in text


def test_places_that_say_something_else_now_all_say_the_same_then(tmp_path: Path) -> None:
    """A name and a version are what you ask for, whatever the wheel says where."""
    spec = WheelSpec(version="3.0", metadata=METADATA, dist_info="Other-2.0.dist-info", files=FILES[:1])
    path = written(edited(write_wheel(tmp_path, spec), tmp_path / "out", SetName("demo"), SetVersion("1.0")))
    assert path.name == "demo-1.0-py3-none-any.whl"
    assert tops(path) == {"demo", "demo-1.0.dist-info"}
    assert {each.code for each in check_wheel(path).findings} == {"metadata-no-content-type"}


def test_a_change_of_names_alone_is_a_change(tmp_path: Path) -> None:
    spec = WheelSpec(dist_info="Demo-1.0.dist-info", files=FILES[:2], metadata=METADATA)
    outcome = edited(write_wheel(tmp_path, spec), tmp_path / "out", SetName("demo"))
    assert [(each.field, each.action, each.before, each.after) for each in outcome.changes] == [
        ("Demo-1.0.dist-info", "rename-directory", "Demo-1.0.dist-info", "demo-1.0.dist-info"),
    ]
    assert tops(written(outcome)) == {"demo", "demo-1.0.dist-info", "demo-1.0.data"}
    again = edited(written(outcome), tmp_path / "two", SetVersion("1.0.0"))
    assert again.changes[0].after == "1.0.0"
    assert written(again).name == "demo-1.0.0-py3-none-any.whl"


def test_a_data_directory_of_something_else_does_not_become_the_own_one(tmp_path: Path) -> None:
    """What uv installed as it stands it would spread over scripts and headers."""
    files = (*FILES[:1], Entry("new-1.0.data/scripts/tool", b"#!python\n"))
    outcome = edited(write_wheel(tmp_path, WheelSpec(files=files)), tmp_path / "out", SetName("new"))
    assert outcome.problem is not None
    assert outcome.problem.code == "other-data-directory"


def test_fields_that_are_missing_are_added(tmp_path: Path) -> None:
    spec = WheelSpec(metadata=b"Metadata-Version: 2.1\n\ntext\n", files=FILES[:1])
    outcome = edited(write_wheel(tmp_path, spec), tmp_path / "out", SetName("demo"), SetVersion("1.0"))
    assert fields(written(outcome), "Name") + fields(written(outcome), "Version") == ["demo", "1.0"]
    assert [(each.field, each.before) for each in outcome.changes] == [("Name", None), ("Version", None)]


def test_a_local_version_is_removed(tmp_path: Path) -> None:
    spec = WheelSpec(version="1.0+cu126", files=FILES[:1])
    outcome = edited(write_wheel(tmp_path, spec), tmp_path / "out", SetLocal(""))
    assert written(outcome).name == "demo-1.0-py3-none-any.whl"
    assert fields(written(outcome), "Version") == ["1.0"]
    assert outcome.changes[0].reason == "it gets this version"


@pytest.mark.parametrize(
    ("version", "post", "expected"),
    [
        ("1.00", "+1", "1.00.post1"),
        ("v1.0-RC.1+CPU", "+1", "v1.0-RC.1.post1+CPU"),
        ("1.0-3", "+2", "1.0.post5"),
        ("1.0.Rev", "+1", "1.0.post1"),
        ("1!1.0_post_7", "1", "1!1.0.post1"),
        ("2024.01.05", "+1", "2024.01.05.post1"),
        ("1.0", "0", "1.0.post0"),
        ("1.0.post0", "+1", "1.0.post1"),
    ],
)
def test_post_releases_keep_the_spelling_of_the_rest(version: str, post: str, expected: str) -> None:
    assert with_post_release(version, post) == expected


@pytest.mark.parametrize("version", ["1.0.dev1", "1.0.post1.dev2", "latest", ""])
def test_versions_without_post_releases(version: str) -> None:
    with pytest.raises(EditError) as refusal:
        with_post_release(version, "+1")
    assert refusal.value.code == "no-post-release"


@pytest.mark.parametrize("post", ["", "+", "+0", "00", "-1", "+01", "1.0", "one", "\u0661", "1" * 30, "+1\n"])
def test_what_is_no_post_release(post: str) -> None:
    with pytest.raises(EditError) as refusal:
        Naming(post=post)
    assert refusal.value.code == "invalid-post-release"


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a/b", "..", "\u00e9", "a" * 129, "a\n", "a+b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(EditError) as refusal:
        Naming(name=name)
    assert refusal.value.code == "invalid-name"


@pytest.mark.parametrize("version", ["", "new", "1.0/2", "1..0", "1.0+", "1" * 200, "\u0661"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(EditError) as refusal:
        Naming(version=version)
    assert refusal.value.code == "invalid-version"


@pytest.mark.parametrize("options", [{"version": "1", "post": "+1"}, {"local": "cpu", "drop_local": True}], ids=str)
def test_what_cannot_be_meant_together(options: dict[str, object]) -> None:
    with pytest.raises(ExclusiveOptions):
        Naming(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "escaped"),
    [("Acme.Demo", "acme_demo"), ("a--_.b", "a_b"), ("A", "a"), ("x-1", "x_1"), ("zope.interface", "zope_interface")],
)
def test_names_in_file_names(name: str, escaped: str) -> None:
    changed = WheelFilename.parse("demo-1.0-1-cp311.cp310-abi3-any.whl").with_project(name)
    assert str(changed) == f"{escaped}-1.0-1-cp311.cp310-abi3-any.whl"


# Rules.


def rule(action: Action, name: str = "raise", **when: object) -> RuleSet:
    return wheelfix.rule_set("mine", [Rule(id=name, reason="published already", action=action, when=When(**when))])  # type: ignore[arg-type]


def by_rule(path: Path, output: Path, rules: RuleSet, **options: object) -> Outcome:
    [outcome] = wheelfix.fix_wheels([path], rules, output=output, **options).outcomes  # type: ignore[arg-type]
    return outcome


def test_a_rule_raises_a_version_once(tmp_path: Path) -> None:
    """The provenance says that it did; another rule raises it again, and so does the same one on a new original."""
    rules = rule(Action(set_version=PostRelease("+1")))
    first = written(by_rule(write_wheel(tmp_path, SPEC), tmp_path / "1", rules))
    assert first.name == "demo-1.0.post1-py3-none-any.whl"
    second = by_rule(first, tmp_path / "2", rules)
    assert (second.status, second.applied_rules) == (Status.UNCHANGED, ("raise",))
    other = by_rule(first, tmp_path / "3", rule(Action(set_version=PostRelease("+1")), "other"))
    assert written(other).name == "demo-1.0.post2-py3-none-any.whl"
    labelled = written(by_rule(first, tmp_path / "4", rule(Action(set_local="cpu"), "label")))
    assert by_rule(labelled, tmp_path / "5", rules).status is Status.UNCHANGED


def test_without_provenance_a_version_is_raised_again_and_a_note_says_so(tmp_path: Path) -> None:
    rules, output = rule(Action(set_version=PostRelease("+1"))), wheelfix.Output(directory=tmp_path / "1", sbom=False)
    [first] = wheelfix.fix_wheels([write_wheel(tmp_path, SPEC)], rules, output=output).outcomes
    assert "Without provenance (--no-sbom) the next run raises the version again." in first.notes
    again = by_rule(written(first), tmp_path / "2", rules)
    assert written(again).name == "demo-1.0.post2-py3-none-any.whl"
    [fixed] = wheelfix.fix_wheels(
        [write_wheel(tmp_path, SPEC)], rule(Action(set_version=PostRelease("1"))), output=tmp_path / "3"
    ).outcomes
    assert not [each for each in fixed.notes if "provenance" in each]


def test_a_label_by_set_version_is_weighed_as_one_by_local_is(tmp_path: Path) -> None:
    """A GPU build does not become one for the CPU by its version, whoever writes it."""
    spec = WheelSpec(version="1.0+cu126", files=(*FILES[:1], Entry("demo/version.py", b"cuda = '12.6'\n")))
    path = write_wheel(tmp_path, spec)
    for action in (Action(set_version="1.0+cpu"), Action(set_local="cpu")):
        outcome = by_rule(path, tmp_path / "out", rule(action))
        assert outcome.problem is not None
        assert outcome.problem.code == "cpu-local-version"


def test_a_label_that_we_wrote_with_the_version_is_no_evidence(tmp_path: Path) -> None:
    """Pitfall 37."""
    spec = WheelSpec(files=FILES[:1], requires=("nvidia-cudnn-cu12",))
    path = written(edited(write_wheel(tmp_path, spec), tmp_path / "out", SetVersion("1.0+cpu")))
    [outcome] = wheelfix.fix_wheels([path], output=tmp_path / "2").outcomes
    assert outcome.problem is not None
    assert outcome.problem.code == "unproven"


def test_the_changes_name_the_rule(tmp_path: Path) -> None:
    outcome = by_rule(write_wheel(tmp_path, SPEC), tmp_path / "out", rule(Action(set_name="new"), "own-name"))
    assert {(each.rule, each.reason) for each in outcome.changes} == {("own-name", "published already")}
    assert outcome.applied_rules == ("own-name",)


def test_wheels_of_a_release_go_together_or_to_a_release_of_their_own(tmp_path: Path) -> None:
    """A part that is moved is another release; a name that another wheel has is refused."""
    paths = [write_wheel(tmp_path, WheelSpec(tags=f"py3-none-{tag}")) for tag in ("win32", "linux_x86_64")]
    report = wheelfix.fix_wheels(paths, rule(Action(set_version="2.0")), output=tmp_path / "all")
    assert [written(each).name for each in report.outcomes] == [
        "demo-2.0-py3-none-win32.whl",
        "demo-2.0-py3-none-linux_x86_64.whl",
    ]
    report = wheelfix.fix_wheels(paths, rule(Action(set_version="2.0"), platform=("win32",)), output=tmp_path / "part")
    assert [each.output and each.output.name for each in report.outcomes] == ["demo-2.0-py3-none-win32.whl", paths[1].name]
    other = write_wheel(tmp_path, WheelSpec(version="2.0", tags="py3-none-win32"))
    for order in ([*paths, other], [other, *paths]):
        report = wheelfix.fix_wheels(order, rule(Action(set_version="2.0")), output=tmp_path / "clash")
        refused = {each.source.name: each.problem.code for each in report.outcomes if each.problem}
        assert refused == {paths[0].name: "same-output-name"}


def test_wheels_that_meet_in_one_release_must_agree(tmp_path: Path) -> None:
    one = write_wheel(tmp_path, WheelSpec(tags="py3-none-win32", requires=("numpy<2",)))
    other = write_wheel(tmp_path, WheelSpec(version="2.0", tags="py3-none-linux_x86_64", requires=("numpy>=2",)))
    report = wheelfix.fix_wheels([one, other], rule(Action(set_version="3.0")), output=tmp_path / "out")
    assert {each.problem and each.problem.code for each in report.outcomes} == {"mixed-release"}


def test_in_place_a_wheel_cannot_get_another_name(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, SPEC)
    before = path.read_bytes()
    [outcome] = wheelfix.fix_wheels([path], rule(Action(set_name="new")), output=wheelfix.Output(in_place=True)).outcomes
    assert outcome.problem is not None
    assert outcome.problem.code == "other-name"
    assert path.read_bytes() == before


# The proof.


@pytest.mark.parametrize("field", ["Name", "Version", "Requires-Dist"])
def test_what_changes_without_being_planned_fails_the_proof(field: str, tmp_path: Path) -> None:
    """A deliberate wrong write: METADATA says another name, version or requirement, and no change says so."""
    path = write_wheel(tmp_path, SPEC)
    with Wheel(path) as wheel:
        plan = make_plan(wheel, edits=[SetName("new"), SetVersion("2")])
        wrong = replace(plan, changes=tuple(each for each in plan.changes if each.field != field))
        target = tmp_path / "out" / str(plan.renaming.filename)
        with pytest.raises(wheelfix.VerificationError, match="more differs than was planned"):
            apply(wheel, wrong, target)
        assert not target.exists()
        assert apply(wheel, plan, target).status is Status.FIXED


def test_an_entry_that_keeps_its_old_directory_fails_the_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer leaves one out of those that are to be renamed."""
    path = write_wheel(tmp_path, SPEC)

    def without_script(source: Any, layout: Any, edits: Edits, *rest: Any, **options: Any) -> Any:
        renamed = {old: new for old, new in edits.renamed.items() if not old.endswith("scripts/tool")}
        return splice(source, layout, replace(edits, renamed=renamed), *rest, **options)

    monkeypatch.setattr(writing, "splice", without_script)
    outcome = edited(path, tmp_path / "out", SetName("new"))
    assert outcome.problem is not None
    assert outcome.problem.code == "not-as-planned"
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("left", ["demo-1.0.data", "demo-1.0.dist-info"])
def test_a_directory_that_was_not_planned_to_follow_fails_the_fix(
    left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that forgets the .data directory is wrong as well: uv would install it below site-packages then."""
    path = write_wheel(tmp_path, SPEC)
    planned = naming._new_directories

    def without_one(*given: Any) -> dict[str, str]:
        return {old: new for old, new in planned(*given).items() if old != left}

    monkeypatch.setattr(naming, "_new_directories", without_one)
    outcome = edited(path, tmp_path / "out", SetName("new"))
    assert outcome.problem is not None
    assert outcome.problem.code == "not-as-planned"
    assert not [*tmp_path.glob("out/*.whl")]


@pytest.mark.parametrize("row", [f"{before}demo-1.0.data{after}" for before in ("", "./", "/") for after in ("", "/", "\\")])
def test_a_row_for_a_directory_follows_it(row: str, tmp_path: Path) -> None:
    """Some tools list directories in RECORD; ``verify`` reports the row before and after, and nothing else."""
    path = with_record(write_wheel(tmp_path, SPEC), tmp_path / "in", lambda record: record + f"{row},,\n".encode())
    output = written(edited(path, tmp_path / "out", SetName("new")))
    with Wheel(output) as wheel:
        listed = [row.path for _, row in wheel.record.read_rows() if isinstance(row, Row)]
    assert row.replace("demo-", "new-") in listed
    assert row not in listed
    assert codes_of(output) == codes_of(path)


@pytest.mark.parametrize("prefix", ["/", "./"])
def test_rows_with_odd_paths_follow_their_directory(prefix: str, tmp_path: Path) -> None:
    def odd(record: bytes) -> bytes:
        return record.replace(b"demo-1.0.data/", f"{prefix}demo-1.0.data/".encode())

    path = with_record(write_wheel(tmp_path, SPEC), tmp_path / "in", odd)
    output = written(edited(path, tmp_path / "out", SetName("new")))
    assert codes_of(output) == codes_of(path)


def test_a_file_that_is_called_like_a_data_directory_keeps_its_name_and_row(tmp_path: Path) -> None:
    files = (Entry("demo/__init__.py", b""), Entry("demo-1.0.data", b"a file"))
    path = write_wheel(tmp_path, WheelSpec(files=files, metadata=METADATA))
    output = written(edited(path, tmp_path / "out", SetName("new")))
    with Wheel(output) as wheel:
        assert wheel.record.find("demo-1.0.data")
        assert "demo-1.0.data" in wheel.layout.names
    assert codes_of(output) == codes_of(path)


def with_record(path: Path, folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """Return a copy of a wheel with another RECORD."""
    folder.mkdir()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(folder / path.name, "w") as target:
        for info in source.infolist():
            content = source.read(info)
            target.writestr(info, change(content) if info.filename.endswith("/RECORD") else content)
    return folder / path.name


def codes_of(path: Path) -> list[str]:
    return sorted(each.code for each in check_wheel(path).findings)


def test_the_mirror_lists_no_original_of_another_project(tmp_path: Path) -> None:
    """The page of a project lists wheels of that project only."""
    path = write_wheel(tmp_path, SPEC)
    publishing = wheelfix.Publishing(yank_original="renamed")
    _, published = wheelfix.fix_into_mirror(tmp_path / "mirror", [path], rule(Action(set_name="new")), publishing=publishing)
    assert [(each.project, each.filename) for each in published.files] == [("new", "new-1.0-py3-none-any.whl")]
    assert "The original is not listed: it is a wheel of another project, demo." in published.files[0].notes


def rules_for(**actions: Action) -> RuleSet:
    """Return rules for every wheel, each called like its action."""
    return wheelfix.rule_set("mine", [Rule(id=name, reason="ours", action=action) for name, action in actions.items()])


def changed_by(outcome: Outcome, *names: str) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(each.field, each.before, each.after, each.rule) for each in outcome.changes if each.field in names]


def test_a_version_that_two_rules_make_names_both(tmp_path: Path) -> None:
    """Each has a change of its own, whichever comes first; the provenance has both, and the next run raises nothing."""
    post, local = Action(set_version=PostRelease("+1")), Action(set_local="cu")
    results = []
    for number, rules in enumerate((rules_for(post=post, local=local), rules_for(local=local, post=post))):
        outcome = by_rule(write_wheel(tmp_path, SPEC), tmp_path / f"out-{number}", rules)
        assert changed_by(outcome, "Version") == [
            ("Version", "1.0", "1.0.post1", "post"),
            ("Version", "1.0.post1", "1.0.post1+cu", "local"),
        ]
        pin = "DEMO[gpu] (=={}) ; extra == 'all'"
        assert changed_by(outcome, "Requires-Dist") == [
            ("Requires-Dist", pin.format("1.0"), pin.format("1.0.post1"), "post"),
            ("Requires-Dist", pin.format("1.0.post1"), pin.format("1.0.post1+cu"), "local"),
        ]
        with Wheel(written(outcome)) as wheel:
            assert wheel.provenance is not None
            assert [each.rule for each in wheel.provenance.changes if each.field == "Version"] == ["post", "local"]
        again = by_rule(written(outcome), tmp_path / f"again-{number}", rules)
        assert again.status is Status.UNCHANGED, again.changes
        results.append(fields(written(outcome), "Requires-Dist"))
    assert results[0] == results[1]


def test_a_local_version_that_the_caller_gives_is_of_no_rule(tmp_path: Path) -> None:
    rules = rules_for(version=Action(set_version="2"))
    outcome = by_rule(write_wheel(tmp_path, SPEC), tmp_path / "out", rules, naming=Naming(local="cu"))
    assert changed_by(outcome, "Version") == [("Version", "1.0", "2", "version"), ("Version", "2", "2+cu", None)]


def test_a_rule_that_finds_its_part_done_has_no_change(tmp_path: Path) -> None:
    rules = rules_for(version=Action(set_version="1.0"), local=Action(set_local="cu"))
    outcome = by_rule(write_wheel(tmp_path, SPEC), tmp_path / "out", rules)
    assert changed_by(outcome, "Version") == [("Version", "1.0", "1.0+cu", "local")]


def test_a_requirement_on_itself_names_the_rules_of_name_and_version(tmp_path: Path) -> None:
    rules = rules_for(name=Action(set_name="other"), version=Action(set_version="2"))
    outcome = by_rule(write_wheel(tmp_path, SPEC), tmp_path / "out", rules)
    assert changed_by(outcome, "Requires-Dist")[1:] == [
        ("Requires-Dist", "DEMO[gpu] (==1.0) ; extra == 'all'", "other[gpu] (==1.0) ; extra == 'all'", "name"),
        ("Requires-Dist", "other[gpu] (==1.0) ; extra == 'all'", "other[gpu] (==2) ; extra == 'all'", "version"),
    ]


def test_a_requirement_that_follows_in_one_step_only_has_one_change(tmp_path: Path) -> None:
    metadata = METADATA.replace(b"DEMO[gpu] (==1.0)", b"DEMO[gpu] (==1.0,!=2)")
    rules = rules_for(version=Action(set_version="2"), local=Action(set_local="cu"))
    outcome = by_rule(write_wheel(tmp_path, replace(SPEC, metadata=metadata)), tmp_path / "out", rules)
    before, after = (f"DEMO[gpu] ({each},!=2) ; extra == 'all'" for each in ("==1.0", "==2+cu"))
    assert fields(written(outcome), "Requires-Dist")[2] == after
    assert changed_by(outcome, "Requires-Dist") == [("Requires-Dist", before, after, "local")]


def test_a_file_name_that_two_rules_make_names_both(tmp_path: Path) -> None:
    """METADATA says name and version already, so that no change of a field names the rules."""
    source = write_wheel(tmp_path, SPEC).rename(tmp_path / "old-0.9-py3-none-any.whl")
    rules = rules_for(name=Action(set_name="demo"), version=Action(set_version="1.0"))
    outcome = by_rule(source, tmp_path / "out", rules)
    assert written(outcome).name == "demo-1.0-py3-none-any.whl"
    assert changed_by(outcome, "file name") == [
        ("file name", "old-0.9-py3-none-any.whl", "demo-0.9-py3-none-any.whl", "name"),
        ("file name", "demo-0.9-py3-none-any.whl", "demo-1.0-py3-none-any.whl", "version"),
    ]


def test_a_file_name_that_is_wrong_in_one_part_names_that_rule_too(tmp_path: Path) -> None:
    source = write_wheel(tmp_path, SPEC).rename(tmp_path / "old-1.0-py3-none-any.whl")
    rules = rules_for(name=Action(set_name="demo"), version=Action(set_version="2"))
    outcome = by_rule(source, tmp_path / "out", rules)
    assert {each.rule for each in outcome.changes} == {"name", "version"}
    assert changed_by(outcome, "file name") == [
        ("file name", "old-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl", "name")
    ]
