"""A wheel after any combination of edits of identity, tags and files: all that names it agrees, and others take it."""

import tempfile
from collections.abc import Sequence
from email import message_from_bytes
from itertools import permutations
from pathlib import Path

from hypothesis import given, settings, strategies as st
from installer.sources import WheelFile as InstallerWheel
from packaging.metadata import Metadata
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from wheel.wheelfile import WheelFile

import wheelfix
from building import Entry, WheelSpec, write_wheel
from thorough import examples
from wheelfix.wheel.edits import Edit

IDENTITY: tuple[tuple[Edit, ...], ...] = (
    (wheelfix.SetName("Acme.Demo_x"), wheelfix.SetName("other")),
    (wheelfix.SetVersion("2.0rc1"), wheelfix.SetVersion("3!1.0+own.1"), wheelfix.SetPost("+1"), wheelfix.SetPost("4")),
    (wheelfix.SetLocal("cpu"), wheelfix.SetLocal("")),
    (wheelfix.SetBuildTag("1x"), wheelfix.SetBuildTag("7")),
)
TAGS: tuple[tuple[Edit, ...], ...] = (
    (wheelfix.SetTags("cp311.cp312-none-any"), wheelfix.AddTags("py2-none-any")),
    (wheelfix.SetRootIsPurelib(False), wheelfix.SetRootIsPurelib(True)),
)
FILES: tuple[tuple[Edit, ...], ...] = (
    (wheelfix.RemoveFiles(("tests/",)), wheelfix.RemoveFiles(("*.txt", "tests/"))),
    (wheelfix.RemoveFiles(("*.pyc",)),),
    (wheelfix.AddEntryPoint("console_scripts", "new", "demo:main"), wheelfix.RemoveEntryPoint(missing_module=True)),
    (wheelfix.WriteFile("licenses/NOTICE", b"x"), wheelfix.WriteFile("direct_url.json", b"{}")),
)
GROUPS = (*IDENTITY, *TAGS, *FILES)
SCRIPTS = b"[console_scripts]\ndemo = demo:main\ngone = nowhere:main\n"


@st.composite
def combinations(draw: st.DrawFn) -> list[Edit]:
    """Return at most one edit of each group, in any order."""
    chosen = draw(st.lists(st.sampled_from(range(len(GROUPS))), unique=True, min_size=2))
    return [draw(st.sampled_from(GROUPS[index])) for index in chosen]


specs = st.builds(
    lambda project, version, data, tests: WheelSpec(
        project=project,
        version=version,
        requires=("numpy>=1",),
        files=(
            Entry("demo/__init__.py", b"def main(): ...\n"),
            Entry("demo/data.txt", b"1\n"),
            *([Entry("tests/__init__.py", b""), Entry("tests/a.pyc", b"\0")] if tests else []),
            *([Entry(f"{project}-{version}.data/data/share/x.cfg", b"2\n")] if data else []),
        ),
        dist_info_files={"top_level.txt": b"demo\ntests\n" if tests else b"demo\n", "entry_points.txt": SCRIPTS},
    ),
    st.sampled_from(["demo", "Demo", "de_mo", "zope.demo"]),
    st.sampled_from(["1.0", "2.7.0+cpu", "1.0rc1"]),
    st.booleans(),
    st.booleans(),
)


def edited(paths: Sequence[Path], directory: Path, asked: Sequence[Edit]) -> dict[str, bytes]:
    """Return the results of a run by their names; wheels that cannot get these edits are refused in any order."""
    report = wheelfix.fix_wheels(paths, None, edits=asked, output=directory)
    assert {each.problem.code for each in report.outcomes if each.problem} <= {"same-output-name"}
    return {path.name: path.read_bytes() for path in directory.glob("*.whl")}


def confirm_agreement(path: Path) -> None:
    """Confirm with packaging, installer and wheel that all that names the wheel at ``path`` says the same."""
    name, version, build, tags = parse_wheel_filename(path.name)
    project, written = path.name.split("-")[:2]
    with InstallerWheel.open(path) as source:
        source.validate_record(validate_contents=True)
        assert source.dist_info_dir == f"{project}-{written}.dist-info"
        metadata = Metadata.from_email(source.read_dist_info("METADATA"), validate=False)
        wheel = message_from_bytes(source.read_dist_info("WHEEL").encode())
        files = [elements[0] for elements, _, _ in source.get_contents()]
    assert canonicalize_name(metadata.name) == name
    assert metadata.version == version
    assert Version(written.replace("_", "-")) == version
    assert {tag for text in wheel.get_all("Tag", []) for tag in parse_tag(text)} == tags
    assert wheel.get("Build") == ("".join(map(str, build)) if build else None)
    own = {f"{project}-{written}.{end}" for end in ("data", "dist-info")}
    tops = {file.partition("/")[0] for file in files}
    assert {top for top in tops if top.endswith((".data", ".dist-info"))} <= own
    with WheelFile(path) as opened:
        assert opened.testzip() is None


@settings(max_examples=examples(60))
@given(specs, combinations())
def test_all_that_names_a_wheel_agrees(spec: WheelSpec, asked: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_wheel(Path(folder), spec)
        results = edited([path], Path(folder) / "out", asked)
        assert len(results) == 1
        confirm_agreement(Path(folder) / "out" / next(iter(results)))


@settings(max_examples=examples(40))
@given(specs, combinations())
def test_twice_is_once(spec: WheelSpec, asked: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        once = edited([write_wheel(directory, spec)], directory / "once", asked)
        twice = edited([*(directory / "once").iterdir()], directory / "twice", asked)
    assert twice == once


@settings(max_examples=examples(15))
@given(combinations())
def test_the_order_of_wheels_does_not_matter(asked: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        specs = [WheelSpec(project=project, version=version) for project, version in (("one", "1.0"), ("two", "1.0+a"))]
        paths = [write_wheel(directory, each) for each in (*specs, WheelSpec(project="two", version="1.0+b"))]
        results = [edited(order, directory / str(number), asked) for number, order in enumerate(permutations(paths))]
    assert all(each == results[0] for each in results)
