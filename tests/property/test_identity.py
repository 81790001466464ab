"""Any combination of names and versions: all places agree, to readers that are not ours."""

import base64
import csv
import hashlib
import io
import tempfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

from hypothesis import given, settings, strategies as st
from installer.sources import WheelFile as Installed
from msgspec import Struct
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from wheel.wheelfile import WheelFile as Written

import wheelfix
from building import Entry, WheelSpec, write_wheel
from thorough import examples
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.edits import Edit

NAMES = ("demo", "Demo.Pkg", "a-_.b", "X", "zope.interface", "demo_pkg")
VERSIONS = ("1.0", "1.00", "2024.01.05", "1!1.0rc1", "1.0.post1", "1.0+cu126", "1.0.dev3")
NEW_VERSIONS = ("3", "1.0", "2.0.0-RC1", "1!2", "1.0+Own-1")


class Wanted(Struct, frozen=True):
    """What edits ask for, and the edits."""

    edits: tuple[Edit, ...]
    name: str | None
    version: str | None


@st.composite
def specs(draw: st.DrawFn) -> WheelSpec:
    """Draw a wheel whose places agree, in whatever spelling, with or without .data."""
    name, version = draw(st.sampled_from(NAMES)), draw(st.sampled_from(VERSIONS))
    escaped = canonicalize_name(name).replace("-", "_")
    spelled = draw(st.sampled_from([escaped, name.replace("-", "_")]))
    files = [Entry("pkg/__init__.py", b"ANSWER = 42\n"), Entry("pkg/x.dist-info/RECORD", b"payload")]
    if draw(st.booleans()):
        files += [
            Entry(f"{spelled}-{version}.data/scripts/tool", b"#!python\n", mode=0o100755),
            Entry(f"{spelled}-{version}.data/data/share/a,b.txt", b"text", method=0),
        ]
    text = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: s\nProvides-Extra: x\n"
        f"Requires-Dist: {name}[x]\nRequires-Dist: other=={version}\nDescription-Content-Type: text/plain\n"
        f"\n{name} {version}\n"
    )
    return WheelSpec(
        escaped,
        version=version,
        tags=draw(st.sampled_from(["py3-none-any", "cp311.cp310-abi3-win_amd64.win32"])),
        dist_info=f"{spelled}-{version}.dist-info",
        metadata=text.encode(),
        files=tuple(files),
        folders=draw(st.booleans()),
    )


@st.composite
def wanted(draw: st.DrawFn) -> Wanted:
    """Draw what a wheel is to be called."""
    name = draw(st.one_of(st.none(), st.sampled_from(NAMES)))
    version = draw(st.one_of(st.none(), st.sampled_from(NEW_VERSIONS)))
    local = draw(st.sampled_from([None, "own", "NoGPU-1", ""]))
    build = draw(st.sampled_from([None, "1", "2nogpu"]))
    edits: list[Edit] = [
        *([wheelfix.SetName(name)] if name else []),
        *([wheelfix.SetVersion(version)] if version else []),
        *([wheelfix.SetLocal(local)] if local is not None else []),
        *([wheelfix.SetBuildTag(build)] if build else []),
    ]
    return Wanted(tuple(draw(st.permutations(edits))), name, version)


def read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def assert_agreed(path: Path) -> None:
    """Check what every place says of the wheel at ``path``, and that others read it."""
    project, version, build, _ = parse_wheel_filename(path.name)
    contents = read(path)
    [info] = {name.partition("/")[0] for name in contents if name.partition("/")[0].endswith(".dist-info")}
    data = {name.partition("/")[0] for name in contents if name.partition("/")[0].endswith(".data")}
    assert data <= {f"{info.removesuffix('.dist-info')}.data"}
    metadata = BytesParser().parsebytes(contents[f"{info}/METADATA"])
    assert (canonicalize_name(metadata["Name"]), Version(metadata["Version"])) == (project, version)
    stem, _, said = info.removesuffix(".dist-info").rpartition("-")
    assert (canonicalize_name(stem), Version(said)) == (project, version)
    own, *_ = [each for each in metadata.get_all("Requires-Dist", []) if "[x]" in each]
    assert canonicalize_name(own.partition("[")[0]) == project
    wheel = BytesParser().parsebytes(contents[f"{info}/WHEEL"])
    assert wheel.get_all("Build", []) == ([f"{build[0]}{build[1]}"] if build else [])
    assert_listed(contents, info)
    if info.removesuffix(".dist-info") == "-".join(path.name.split("-")[:2]):  # wheel finds no directory of another spelling
        with Written(path) as opened:
            opened.read(f"{info}/METADATA")
    with Installed.open(path) as source:
        source.validate_record()
        assert (canonicalize_name(source.distribution), Version(source.version)) == (project, version)


def assert_listed(contents: dict[str, bytes], info: str) -> None:
    """Check each row of RECORD, and that each file has one."""
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(contents[f"{info}/RECORD"].decode(), newline="")) if row}
    files = {name for name in contents if not name.endswith("/")}
    assert rows.keys() == files
    for name in files - {f"{info}/RECORD"}:
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=").decode()
        assert rows[name] == [f"sha256={digest}", str(len(contents[name]))]


def codes(path: Path) -> set[str]:
    return {each.code for each in check_wheel(path).findings}


@settings(max_examples=examples(120), deadline=None)
@given(specs(), wanted())
def test_every_place_agrees_and_nothing_else_changes(spec: WheelSpec, asked: Wanted) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source = write_wheel(Path(directory), spec)
        [outcome] = wheelfix.fix_wheels([source], None, edits=asked.edits, output=Path(directory, "out")).outcomes
        assert outcome.problem is None, outcome.problem
        assert outcome.output is not None
        assert_agreed(outcome.output)
        if asked.name:
            assert outcome.output.name.startswith(f"{canonicalize_name(asked.name).replace('-', '_')}-")
        if asked.version:
            assert f"-{str(Version(asked.version)).partition('+')[0]}" in outcome.output.name
        new = {each.code for each in check_wheel(outcome.output).findings} - {
            each.code for each in check_wheel(source).findings
        }
        assert not new
        before, after = read(source), read(outcome.output)
        kept = {name: content for name, content in before.items() if ".dist-info/" not in name.partition("pkg/")[0]}
        assert sorted(kept.values()) == sorted(
            content for name, content in after.items() if ".dist-info/" not in name.partition("pkg/")[0]
        )
        [again] = wheelfix.fix_wheels([outcome.output], None, edits=asked.edits, output=Path(directory, "again")).outcomes
        assert (again.status, again.changes) == (wheelfix.Status.UNCHANGED, ())
