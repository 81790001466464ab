"""Tags in any combination, beside other names: file name, directories, METADATA and WHEEL agree, and twice is once."""

import tempfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

from hypothesis import given, settings, strategies as st
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

import wheelfix
from building import Entry, WheelSpec, write_wheel
from thorough import examples
from wheelfix.wheel.edits import Edit

_VALUES = (["py2", "py3", "cp39", "cp310"], ["none", "abi3"], ["any", "win32", "manylinux_2_17_x86_64", "linux_x86_64"])
PARTS = st.tuples(*(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True) for values in _VALUES))
SETS = PARTS.map(lambda parts: "-".join(".".join(part) for part in parts))
LISTED = st.one_of(
    st.none(), st.lists(st.sampled_from(["py3-none-any", "py2.py3-none-any", "nonsense", "cp39-abi3-win32"]), max_size=3)
)
PATTERNS = st.sampled_from(["py2-*", "*-any", "*-abi3-*", "cp3*", "*linux*"])
TAGS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(wheelfix.SetTags, SETS),
    st.builds(wheelfix.AddTags, SETS),
    st.builds(wheelfix.RemoveTags, PATTERNS),
    st.builds(wheelfix.SetRootIsPurelib, st.booleans()),
)
NAMES: st.SearchStrategy[Edit] = st.sampled_from(
    [
        wheelfix.SetName("Acme.Demo"),
        wheelfix.SetVersion("2.0"),
        wheelfix.SetLocal("cpu"),
        wheelfix.SetBuildTag("7x"),
        wheelfix.SetField("Summary", "new"),
    ]
)
DATA = Entry("demo-1.0.data/scripts/tool", b"#!python\n", mode=0o100755)


@st.composite
def specs(draw: st.DrawFn) -> WheelSpec:
    """Return a wheel of any tags, whose WHEEL may list others, or say its build tag."""
    tags, listed = draw(SETS), draw(LISTED)
    lines = sorted(map(str, parse_tag(tags))) if listed is None else listed
    fields = [*draw(st.sampled_from([["Root-Is-Purelib: true"], ["root-is-purelib: TRUE"], []]))]
    fields += draw(st.sampled_from([[], ["Build: 3"]]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    wheel = end.join(["Wheel-Version: 1.0", *fields, *(f"Tag: {each}" for each in lines), ""])
    return WheelSpec(tags=tags, wheel=wheel.encode(), files=(Entry("demo/__init__.py", b""), DATA))


def edited(path: Path, output: Path, asked: list[Edit]) -> wheelfix.Outcome:
    return wheelfix.fix_wheels([path], None, edits=asked, output=output).outcomes[0]


def wanted_tags(tags: str, asked: list[Edit]) -> frozenset[Tag]:
    """Return the tags that are left, by packaging and by the meaning of the edits."""
    found = parse_tag(tags)
    for edit in asked:
        match edit:
            case wheelfix.SetTags(text):
                found = parse_tag(str(text))
            case wheelfix.AddTags(text):
                found |= parse_tag(str(text))
            case wheelfix.RemoveTags(pattern):
                found = frozenset(tag for tag in found if not Path(str(tag)).match(str(pattern)))
    return found


@settings(max_examples=examples(150), deadline=None)
@given(specs(), st.lists(st.one_of(TAGS, NAMES), min_size=1, max_size=4))
def test_every_place_says_the_same_after_any_edits(spec: WheelSpec, asked: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = write_wheel(Path(directory), spec)
        outcome = edited(path, Path(directory) / "out", asked)
        if outcome.problem is not None:
            assert outcome.problem.code in {"tags-not-a-product", "no-tag-left"}
            return
        assert outcome.output is not None
        name, version, build, tags = parse_wheel_filename(outcome.output.name)
        assert tags == wanted_tags(spec.tags, asked)
        with zipfile.ZipFile(outcome.output) as archive:
            [info] = {each.partition("/")[0] for each in archive.namelist() if ".dist-info/" in each}
            wheel, metadata = (BytesParser().parsebytes(archive.read(f"{info}/{file}")) for file in ("WHEEL", "METADATA"))
        assert (canonicalize_name(metadata["Name"]), Version(metadata["Version"])) == (name, version)
        assert canonicalize_name(info.removesuffix(".dist-info").rpartition("-")[0]) == name
        effective = any(isinstance(each, wheelfix.SetTags | wheelfix.AddTags) for each in asked) or tags != parse_tag(
            spec.tags
        )
        if effective:
            assert frozenset().union(*map(parse_tag, wheel.get_all("Tag", []))) == tags
        if any(isinstance(each, wheelfix.SetBuildTag) for each in asked):
            assert (build, wheel.get_all("Build")) == ((7, "x"), ["7x"])
        roots = [each.value for each in asked if isinstance(each, wheelfix.SetRootIsPurelib)]
        if roots:
            assert (wheel["Root-Is-Purelib"] == "true") is roots[-1]
        again = edited(outcome.output, Path(directory) / "again", asked)
        assert again.status is wheelfix.Status.UNCHANGED, again
        assert (Path(directory) / "again" / outcome.output.name).read_bytes() == outcome.output.read_bytes()
