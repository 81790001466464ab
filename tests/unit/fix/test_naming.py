"""A wheel under another name: every place that repeats the name says the new one, and nothing else changes."""

import json
import zipfile
from collections.abc import Iterable
from email.parser import BytesParser
from pathlib import Path

import pytest

import wheelfix
from building import (
    Descriptor,
    Entry,
    RecordStyle,
    WheelSpec,
    archive_of,
    changed,
    every,
    extra_field,
    with_entries,
    write_wheel,
)
from fixing import values
from places import ROOT
from running import wheelfix as run
from wheelfix import EditError, Naming, Outcome, OutputError, SetField, Status, Wheel
from wheelfix.errors import MetadataError
from wheelfix.fix.naming import Renaming, rename
from wheelfix.wheel.record import Record
from wheelfix.wheel.sbom import PROVENANCE
from wheelfix.wheel.zip import structs
from wheelfix.wheel.zip.layout import Layout

OLD, NEW = "demo-1.0.dist-info", "demo-1.0+cpu.dist-info"
DATA = (
    Entry("demo-1.0.data/scripts/tool", b"#!python\n", mode=0o100755),
    Entry("demo-1.0.data/purelib/demo/more.py", b"MORE = 1\n"),
    Entry("demo-1.0.data/data/share/demo.txt", b"text"),
)
PAYLOAD = (
    Entry("demo/__init__.py", b"ANSWER = 42\n" * 99),
    Entry("demo/version.py", b"cuda = None\n"),
    Entry("demo/stored.bin", bytes(range(256)) * 40, method=0),
    Entry("demo/tool", b"#!/bin/sh\n", mode=0o100755),
    Entry("demo/\u0434.py", b"x"),
)
LOOKALIKES = (
    Entry("x/demo-1.0.dist-info/RECORD", b"payload"),
    Entry("x/demo-1.0.data/purelib/a.py", b"payload"),
    Entry("demo-1.0.data_extra/a.py", b"payload"),
    Entry("demo-1.0.dist-infos/a.py", b"payload"),
    Entry("other-1.0.data/purelib/a.py", b"payload"),
    Entry("demo-2.0.data/purelib/a.py", b"payload"),
    Entry("demo-1.0.data.py", b"payload"),
)
FULL = WheelSpec(files=(*PAYLOAD, *DATA, *LOOKALIKES), folders=True)


def rewritten(path: Path, output: Path, *, local: str | None = None, build: str | None = None) -> Outcome:
    """Return what happened to the wheel at ``path``, which is renamed only if something else changes too."""
    [outcome] = wheelfix.fix_wheels(
        [path],
        output=output,
        policy=wheelfix.Policy(allow_unproven=True),
        naming=wheelfix.Naming(local=local, build_tag=build),
    ).outcomes
    return outcome


def renamed(path: Path, output: Path, *, local: str | None = None, build: str | None = None) -> Path:
    """Return the renamed wheel."""
    outcome = rewritten(path, output, local=local, build=build)
    assert outcome.status is Status.FIXED, outcome.problem
    assert outcome.output is not None
    return outcome.output


def renaming(tmp_path: Path, spec: WheelSpec, *, local: str | None = None, build: str | None = None) -> Renaming:
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        return rename(wheel, Naming(local=local, build_tag=build))


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def metadata_version(data: bytes) -> list[str]:
    return BytesParser().parsebytes(data).get_all("Version", [])


# What a wheel is called.


def test_nothing_asked_for_is_nothing_new(tmp_path: Path) -> None:
    found = renaming(tmp_path, FULL)
    assert str(found.filename) == FULL.filename
    assert (found.dist_info, dict(found.directories), found.version, found.wheel, found.pins) == (OLD, {}, None, None, ())


def test_a_label_goes_into_every_place(tmp_path: Path) -> None:
    found = renaming(tmp_path, FULL, local="cpu")
    assert str(found.filename) == "demo-1.0+cpu-py3-none-any.whl"
    assert found.dist_info == NEW
    assert dict(found.directories) == {OLD: NEW, "demo-1.0.data": "demo-1.0+cpu.data"}
    assert (found.version, found.wheel) == ("1.0+cpu", None)


@pytest.mark.parametrize(
    ("version", "label", "expected"),
    [
        ("1.0", "cpu", "1.0+cpu"),
        ("1.0", "CPU", "1.0+cpu"),
        ("1.0", "CPU-1", "1.0+cpu.1"),
        ("1.0", "no_gpu", "1.0+no.gpu"),
        ("1.0", "007", "1.0+7"),
        ("1.0+cu126", "cpu", "1.0+cpu"),
        ("1.0+cpu.2", "cpu", "1.0+cpu"),
        ("1!1.0rc1.post2.dev3", "cpu", "1!1.0rc1.post2.dev3+cpu"),
        ("v1.0", "cpu", "v1.0+cpu"),
        ("1.00", "cpu", "1.00+cpu"),
    ],
)
def test_labels(version: str, label: str, expected: str, tmp_path: Path) -> None:
    """They are written in their normal form, in place of any other; the rest of the version is never written anew."""
    found = renaming(tmp_path, WheelSpec(version=version), local=label)
    assert found.filename.version == expected
    assert found.version == expected
    assert found.dist_info == f"demo-{expected}.dist-info"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("py3-none-any", "1nogpu-py3-none-any"), ("3-py3-none-any", "1nogpu-py3-none-any")],
)
def test_a_build_tag_changes_file_name_and_wheel_only(tags: str, expected: str, tmp_path: Path) -> None:
    spec = WheelSpec(tags=tags, wheel=b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    found = renaming(tmp_path, spec, build="1nogpu")
    assert str(found.filename) == f"demo-1.0-{expected}.whl"
    assert (dict(found.directories), found.version, found.pins) == ({}, None, ())
    assert found.wheel == b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\nBuild: 1nogpu\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Wheel-Version: 1.0\nBuild: 3\nTag: py3-none-any\n", b"Wheel-Version: 1.0\nBuild: 1nogpu\nTag: py3-none-any\n"),
        (b"Wheel-Version: 1.0\r\nTag: py3-none-any\r\n", b"Wheel-Version: 1.0\r\nTag: py3-none-any\r\nBuild: 1nogpu\r\n"),
        (b"Wheel-Version: 1.0\nTag: py3-none-any", None),
        (b"Wheel-Version: 1.0\nTag: py3-none-any\n\n", None),
        (b"Build: 1\nWheel-Version: 1.0\nBuild: 2\n", b"Build: 1nogpu\nWheel-Version: 1.0\n"),
        (b"Build:  1nogpu \nWheel-Version: 1.0\n", b"Build:  1nogpu \nWheel-Version: 1.0\n"),
        (b"build: 7\nWheel-Version: 1.0\n", b"build: 1nogpu\nWheel-Version: 1.0\n"),
    ],
)
def test_build_in_wheel(before: bytes, after: bytes | None, tmp_path: Path) -> None:
    spec = WheelSpec(wheel=before)
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        found = rename(wheel, Naming(build_tag="1nogpu"))
    content = before if found.wheel is None else found.wheel
    if after is not None:
        assert content == after
    fields = BytesParser().parsebytes(content)
    assert [value.strip() for value in fields.get_all("Build", [])] == ["1nogpu"]
    assert fields["Wheel-Version"] == "1.0"
    assert fields.get_payload() == BytesParser().parsebytes(before).get_payload()


@pytest.mark.parametrize(
    "content",
    [
        b"Wheel-Version: 1.0\njunk\nBuild: 5\nTag: py3-none-any\n",
        b"\xef\xbb\xbfWheel-Version: 1.0\nTag: py3-none-any\n",
        b"Wheel-Version: 1.0\rBuild: 5\nTag: py3-none-any\n",
        b"Wheel-Version: 1.0\nTag : py3-none-any\n",
        b"\nWheel-Version: 1.0\nTag: py3-none-any\n",
        b"Wheel-Version: 1.0\nFrom x\nTag: py3-none-any\n",
    ],
)
def test_a_wheel_file_that_readers_see_differently_gets_no_build(content: bytes, tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, WheelSpec(wheel=content))) as wheel, pytest.raises(MetadataError, match=r"\AWHEEL, "):
        rename(wheel, Naming(build_tag="1nogpu"))


@pytest.mark.parametrize(
    ("dist_info", "expected"),
    [
        ("Demo.Pkg-1.0.dist-info", "Demo.Pkg-1.0+cpu.dist-info"),
        ("demo_pkg-1.0.dist-info", "demo_pkg-1.0+cpu.dist-info"),
        ("DEMO-pkg-1.0.dist-info", "DEMO-pkg-1.0+cpu.dist-info"),
        ("demo_pkg-1.0.0.dist-info", "demo_pkg-1.0+cpu.dist-info"),
    ],
)
def test_the_project_in_a_folder_is_never_written_anew(dist_info: str, expected: str, tmp_path: Path) -> None:
    """Pitfall 22: case and dots of the folder stay, whatever Name and the file name say."""
    spec = WheelSpec("demo-pkg", dist_info=dist_info, files=(*PAYLOAD, Entry("Demo.pkg-1.0.data/scripts/a", b"a")))
    found = renaming(tmp_path, spec, local="cpu")
    assert found.dist_info == expected
    assert dict(found.directories) == {dist_info: expected, "Demo.pkg-1.0.data": "Demo.pkg-1.0+cpu.data"}


def test_the_project_in_folders_of_the_new_wheel(tmp_path: Path) -> None:
    data = Entry("Demo.Pkg-1.0.data/scripts/a", b"a")
    spec = WheelSpec("demo-pkg", dist_info="Demo.Pkg-1.0.dist-info", files=(*PAYLOAD, data))
    output = renamed(write_wheel(tmp_path, spec), tmp_path / "out", local="cpu")
    assert output.name == "demo_pkg-1.0+cpu-py3-none-any.whl"
    tops = {name.partition("/")[0] for name in contents(output)}
    assert tops == {"demo", "Demo.Pkg-1.0+cpu.dist-info", "Demo.Pkg-1.0+cpu.data"}


# What is refused.

REFUSALS = {
    "a directory without a version": (WheelSpec(dist_info="demo.dist-info"), "no-version-in-directory"),
    "two .data folders": (
        WheelSpec(files=(*PAYLOAD, Entry("demo-1.0.data/data/a", b""), Entry("demo-1.0.0.data/data/a", b""))),
        "same-directory-name",
    ),
    "no version by PEP 440": (WheelSpec(version="2004d"), "no-version-to-extend"),
    "an escaped label": (WheelSpec(version="1.0_cpu"), "no-version-to-extend"),
    "words": (WheelSpec(version="latest"), "no-version-to-extend"),
    "a .data directory of the new name": (
        WheelSpec(files=(*WheelSpec().files, Entry("demo-1.0+cpu.data/scripts/a", b""))), "other-data-directory",
    ),
    "that beside one of its own": (
        WheelSpec(files=(*PAYLOAD, Entry("demo-1.0.data/data/a", b""), Entry("demo-1.0+cpu.data/scripts/a", b""))),
        "same-directory-name",
    ),
    "one in another case": (
        WheelSpec(files=(*WheelSpec().files, Entry("Demo-1.0+CPU.data/scripts/a", b""))), "other-data-directory",
    ),
    "one of the same version in another spelling": (
        WheelSpec(files=(*WheelSpec().files, Entry("demo-1.0.0.data/scripts/a", b""))), "other-data-directory",
    ),
    "a file in the place of the new dist-info, in another case": (
        WheelSpec(files=(*PAYLOAD, Entry("DEMO-1.0+cpu.dist-info", b""))), "same-directory-name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_has_no_new_name_is_refused(case: str, tmp_path: Path) -> None:
    spec, code = REFUSALS[case]
    path = write_wheel(tmp_path, spec)
    with Wheel(path) as wheel, pytest.raises(EditError) as refusal:
        rename(wheel, Naming(local="cpu"))
    assert refusal.value.code == code
    outcome = rewritten(path, tmp_path / "out", local="cpu")
    assert (outcome.status, outcome.problem and outcome.problem.code) == (Status.REFUSED, code)
    assert list((tmp_path / "out").glob("*")) == []


@pytest.mark.parametrize("case", ["a directory without a version", "two .data folders", "words"])
def test_a_build_tag_needs_no_version(case: str, tmp_path: Path) -> None:
    found = renaming(tmp_path, REFUSALS[case][0], build="1nogpu")
    assert found.filename.build == "1nogpu"
    assert dict(found.directories) == {}


def test_a_version_in_metadata_that_can_have_no_label_is_refused(tmp_path: Path) -> None:
    """The file name could have the label, METADATA could not."""
    metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0 beta-ish\nRequires-Dist: nvidia-cudnn-cu12\n"
    outcome = rewritten(write_wheel(tmp_path, WheelSpec(metadata=metadata)), tmp_path / "out", local="cpu")
    assert outcome.status is Status.REFUSED
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_metadata_without_a_version_tells_no_change_that_was_not_made(tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: demo\nRequires-Dist: nvidia-cudnn-cu12\n"
    outcome = rewritten(write_wheel(tmp_path, WheelSpec(metadata=metadata)), tmp_path / "out", local="cpu")
    told = [each for each in outcome.changes if each.field == "Version"]
    assert bool(told) is ("+Version: 1.0+cpu" in outcome.metadata_diff)


LABELS = ["", " ", "cpu+1", "c pu", "-cpu", "cpu-", "cpu..1", "\u00e9", "a/b", "cpu\n", "%2B"]
TAGS = ["", "nogpu", "1-2", "1 2", "1/2", "1+cpu", "-1", "1\n", "\u0661"]


@pytest.mark.parametrize("label", LABELS)
def test_labels_that_cannot_be_one(label: str) -> None:
    with pytest.raises(EditError) as refusal:
        Naming(local=label)
    assert refusal.value.code == "invalid-local-version"


@pytest.mark.parametrize("tag", TAGS)
def test_build_tags_that_cannot_be_one(tag: str) -> None:
    with pytest.raises(EditError) as refusal:
        Naming(build_tag=tag)
    assert refusal.value.code == "invalid-build-tag"


USAGE = [
    *(["--local", label] for label in LABELS),
    *(["--build-tag", tag] for tag in TAGS),
    ["--in-place", "--local", "cpu"],
    ["--in-place", "--build-tag", "1nogpu"],
    ["--in-place", "--local", "cpu", "--build-tag", "1nogpu"],
    ["--check", "--local", ""],
]


@pytest.mark.parametrize("options", USAGE, ids=ascii)
def test_wrong_usage_changes_nothing(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_wheel(tmp_path, FULL)
    before = path.read_bytes()
    ran = run("strip-gpu", *options, path)
    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err
    assert "Traceback" not in ran.err
    assert [*tmp_path.rglob("*")] == [path]
    assert path.read_bytes() == before


def test_the_api_refuses_a_new_name_in_place(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, FULL)
    with pytest.raises(ValueError, match="in place"):
        wheelfix.fix_wheels([path], output=wheelfix.Output(in_place=True), naming=wheelfix.Naming(local="cpu"))
    with pytest.raises(EditError):
        wheelfix.fix_wheels([path], output=tmp_path / "out", naming=wheelfix.Naming(build_tag="x"))
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("name", [None, FULL.filename, "demo-1.0+cpu-py3-none-any.zip", "demo-1.0+CPU-py3-none-any.whl"])
def test_the_target_must_have_the_new_name(name: str | None, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, FULL)
    before = path.read_bytes()
    target = None if name is None else tmp_path / "out" / name
    with Wheel(path) as wheel:
        plan = wheelfix.make_plan(wheel, wheelfix.built_in("gpu"), naming=Naming(local="cpu"))
        with pytest.raises(OutputError) as refusal:
            wheelfix.apply(wheel, plan, target)
    assert refusal.value.code == "other-name"
    assert "demo-1.0+cpu-py3-none-any.whl" in refusal.value.message
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == before


# What the plan says.


def test_the_plan_tells_the_changes(tmp_path: Path) -> None:
    with Wheel(write_wheel(tmp_path, FULL)) as wheel:
        plan = wheelfix.make_plan(wheel, wheelfix.built_in("gpu"), naming=Naming(local="cpu", build_tag="1nogpu"))
    assert str(plan.renaming.filename) == "demo-1.0+cpu-1nogpu-py3-none-any.whl"
    told = [(each.field, each.action, each.before, each.after) for each in plan.changes if each.rule is None]
    assert told == [("Version", "set-field", "1.0", "1.0+cpu"), ("Build", "set-build-tag", None, "1nogpu")]
    assert metadata_version(plan.new_metadata) == ["1.0+cpu"]
    assert not plan.is_empty


@pytest.mark.parametrize("unchanged", [False, True])
def test_a_wheel_in_which_nothing_changes(unchanged: bool, tmp_path: Path) -> None:
    """It keeps its name, unless its release asks for the new one."""
    path = write_wheel(tmp_path, WheelSpec(requires=(), files=FULL.files, folders=True))
    with Wheel(path) as wheel:
        naming = Naming(local="cpu", rename_unchanged=unchanged)
        plan = wheelfix.make_plan(wheel, wheelfix.built_in("gpu"), naming=naming)
        assert plan.is_empty is not unchanged
        assert (str(plan.renaming.filename) == path.name) is not unchanged
        outcome = wheelfix.apply(wheel, plan, tmp_path / "out" / str(plan.renaming.filename))
    assert outcome.status is (Status.FIXED if unchanged else Status.UNCHANGED)
    assert outcome.output is not None
    assert (outcome.output.read_bytes() == path.read_bytes()) is not unchanged


def test_edits_alone_give_the_name_too(tmp_path: Path) -> None:
    path = write_wheel(tmp_path, FULL)
    edits = [SetField("Summary", "new")]
    [outcome] = wheelfix.fix_wheels(
        [path], None, output=tmp_path / "out", naming=wheelfix.Naming(local="cpu"), edits=edits
    ).outcomes
    assert outcome.output is not None
    assert outcome.output.name == "demo-1.0+cpu-py3-none-any.whl"


@pytest.mark.parametrize(
    ("version", "broken", "matching"),
    [
        ("2.7.0", ["===2.7.0"], ["==2.7.0", "==2.7.0+cpu"]),
        ("2.7.0+cu126", ["==2.7.0+cu126", "===2.7.0+cu126"], ["==2.7.0", "==2.7.0+cpu"]),
    ],
)
def test_the_notes_name_pins(version: str, broken: list[str], matching: list[str], tmp_path: Path) -> None:
    """What is said of them is what packaging says."""
    from packaging.specifiers import SpecifierSet

    outcome = rewritten(write_wheel(tmp_path, WheelSpec(version=version, requires=("nvidia-nccl-cu12",))), tmp_path / "out")
    assert not [note for note in outcome.notes if "Pins" in note]
    with Wheel(tmp_path / f"demo-{version}-py3-none-any.whl") as wheel:
        naming = Naming(local="cpu", rename_unchanged=True)
        plan = wheelfix.make_plan(wheel, naming=naming, policy=wheelfix.Policy(force=True))
    [note] = [note for note in plan.notes if "Pins" in note]
    no_more, _, still = note.partition("no longer match")
    assert [pin for pin in broken if f" {pin} " in no_more] == broken
    assert all(pin in still for pin in matching)
    assert not any(SpecifierSet(pin).contains("2.7.0+cpu") for pin in broken)
    assert all(SpecifierSet(pin).contains("2.7.0+cpu") for pin in matching)


def test_a_new_spelling_of_the_same_label_breaks_no_pin(tmp_path: Path) -> None:
    """By PEP 440 1.0+CPU is 1.0+cpu: pins on either match both."""
    found = renaming(tmp_path, WheelSpec(version="1.0+CPU"), local="cpu")
    assert (found.version, found.pins) == ("1.0+cpu", ())


def test_a_build_tag_breaks_no_pin(tmp_path: Path) -> None:
    outcome = rewritten(write_wheel(tmp_path, FULL), tmp_path / "out", build="1nogpu")
    assert not [note for note in outcome.notes if "Pins" in note]


# What is written.


def layout(path: Path) -> tuple[Layout, dict[str, structs.Entry]]:
    with Wheel(path) as wheel:
        return wheel.layout, {entry.name: entry for entry in wheel.layout.entries}


def new_name(name: str) -> str:
    for old, new in ((f"{OLD}/", f"{NEW}/"), ("demo-1.0.data/", "demo-1.0+cpu.data/")):
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


SHAPES = {
    "plain": archive_of(FULL),
    "comments": changed(changed(archive_of(FULL), "stored.bin", comment=b"of an entry"), "WHEEL", comment=b"of WHEEL"),
    "data descriptors": every(archive_of(FULL), descriptor=Descriptor(8, signature=False)),
    "extra fields": every(
        archive_of(FULL), extra=extra_field(0x5455, b"\x03aaaa"), local_extra=extra_field(0x5455, bytes(9))
    ),
    "Zstandard": with_entries(archive_of(FULL), Entry("demo/z", b"1234", method=93, raw=b"\x28\xb5\x2f\xfd")),
    "dist-info first": archive_of(WheelSpec(files=FULL.files, folders=True, dist_info_first=True)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_other_entries_keep_every_byte(shape: str, tmp_path: Path) -> None:
    """Promise 2: entries outside the renamed folders keep all their bytes, those inside all but their name."""
    source = write_wheel(tmp_path, archive=SHAPES[shape])
    output = renamed(source, tmp_path / "out", local="cpu")
    (old_layout, old), (new_layout, new) = layout(source), layout(output)
    old_data, new_data = source.read_bytes(), output.read_bytes()
    record = f"{NEW}/RECORD"
    names = [new_name(name) for name in old]
    assert [*new] == [*(name for name in names if name != record), f"{NEW}/{PROVENANCE}", record]
    for name in old.keys() - {f"{OLD}/METADATA", f"{OLD}/RECORD"}:
        before, after = old[name], new[new_name(name)]
        one, two = old_layout.record(before), new_layout.record(after)
        if name == new_name(name):
            assert old_data[before.start : before.stop] == new_data[after.start : after.stop]
            assert (one[:42], one[46:]) == (two[:42], two[46:])
        else:
            assert old_data[before.data_start : before.stop] == new_data[after.data_start : after.stop]
            assert (one[:28], one[30:42]) == (two[:28], two[30:42])
            assert one[46:].replace(name.encode(), new_name(name).encode()) == two[46:]
            local_one = old_data[before.start : before.data_start].replace(name.encode(), new_name(name).encode())
            local_two = new_data[after.start : after.data_start]
            assert (local_one[:26], local_one[28:]) == (local_two[:26], local_two[28:])


def test_nothing_says_the_old_name(tmp_path: Path) -> None:
    output = renamed(write_wheel(tmp_path, FULL), tmp_path / "out", local="cpu", build="1nogpu")
    assert output.name == "demo-1.0+cpu-1nogpu-py3-none-any.whl"
    found = contents(output)
    assert not [name for name in found if name.startswith((f"{OLD}/", "demo-1.0.data/"))]
    assert f"{NEW}/" in found
    assert "demo-1.0+cpu.data/" in found
    assert "demo-1.0+cpu.data/scripts/" in found
    assert found["demo-1.0+cpu.data/scripts/tool"] == b"#!python\n"
    assert metadata_version(found[f"{NEW}/METADATA"]) == ["1.0+cpu"]
    assert BytesParser().parsebytes(found[f"{NEW}/WHEEL"])["Build"] == "1nogpu"
    assert not [
        row for row in found[f"{NEW}/RECORD"].splitlines() if row.startswith((f"{OLD}/".encode(), b"demo-1.0.data/"))
    ]
    assert all(found[str(each.name)] == each.content for each in LOOKALIKES)


def test_only_the_version_line_differs_in_metadata(tmp_path: Path) -> None:
    """Pitfall 12: CRLF, folded lines and Latin-1 stay as they are."""
    [sample] = (ROOT / "sample_wheels").glob("folded_latin-*.whl")
    plain, labelled = (renamed(sample, tmp_path / str(local), local=local) for local in (None, "cpu"))
    before = contents(plain)["folded_latin-1.0.dist-info/METADATA"]
    after = contents(labelled)["folded_latin-1.0+cpu.dist-info/METADATA"]
    assert b"Andr\xe9" in after
    assert after == before.replace(b"\r\nVersion: 1.0\r\n", b"\r\nVersion: 1.0+cpu\r\n", 1) != before


@pytest.mark.parametrize("line", [b"version:1.0\n", b"VERSION:  1.0\n", b"Version: 1.0 \n", b"Version:\t1.0\n"])
def test_an_odd_version_line_gives_the_new_version(line: bytes, tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: demo\n" + line + b"Requires-Dist: nvidia-cudnn-cu12\nSummary: Version: 1.0\n"
    source = write_wheel(tmp_path, WheelSpec(metadata=metadata))
    found = contents(renamed(source, tmp_path / "out", local="cpu"))[f"{NEW}/METADATA"]
    assert [value.strip() for value in metadata_version(found)] == ["1.0+cpu"]
    rest = b"Metadata-Version: 2.1\nName: demo\n", b"Summary: Version: 1.0\n"
    assert found.startswith(rest[0])
    assert found.endswith(rest[1])


ROWS: list[tuple[bytes, bytes]] = [
    (b"demo-1.0.dist-info/WHEEL,sha256=x,1\n", b"demo-1.0+cpu.dist-info/WHEEL,sha256=x,1\n"),
    (b"demo-1.0.dist-info/WHEEL,sha256=x,1\r\n", b"demo-1.0+cpu.dist-info/WHEEL,sha256=x,1\r\n"),
    (b"demo-1.0.dist-info/WHEEL,sha256=x,1", b"demo-1.0+cpu.dist-info/WHEEL,sha256=x,1"),
    (b'"demo-1.0.dist-info/WHEEL","sha256=x","1"\n', b'"demo-1.0+cpu.dist-info/WHEEL","sha256=x","1"\n'),
    (b'"demo-1.0.dist-info/a,b",sha256=x,1\n', b'"demo-1.0+cpu.dist-info/a,b",sha256=x,1\n'),
    (b'"demo-1.0.data/data/a ""b""",,\n', b'"demo-1.0+cpu.data/data/a ""b""",,\n'),
    (b"demo-1.0.dist-info/RECORD,,\n", b"demo-1.0+cpu.dist-info/RECORD,,\n"),
    (b"./demo-1.0.dist-info/WHEEL,,\n", b"./demo-1.0+cpu.dist-info/WHEEL,,\n"),
    (b"demo-1.0.dist-info//WHEEL,,\n", b"demo-1.0+cpu.dist-info//WHEEL,,\n"),
    (b"\xef\xbb\xbfdemo-1.0.dist-info/WHEEL,,\n", b"\xef\xbb\xbfdemo-1.0+cpu.dist-info/WHEEL,,\n"),
    (b"demo-1.0.dist-info\\WHEEL,,\n", b"demo-1.0+cpu.dist-info\\WHEEL,,\n"),
    (b"demo-1.0.dist-info/licenses/,,\n", b"demo-1.0+cpu.dist-info/licenses/,,\n"),
    (b"demo-1.0.dist-info/,,\n", b"demo-1.0+cpu.dist-info/,,\n"),
    (b"demo-1.0.data/scripts/t\xff,,\n", b"demo-1.0+cpu.data/scripts/t\xff,,\n"),
    (
        b"demo-1.0.dist-info/x/demo-1.0.dist-info/y,sha256=z,1\n",
        b"demo-1.0+cpu.dist-info/x/demo-1.0.dist-info/y,sha256=z,1\n",
    ),
    # Rows for the directory itself, and absolute ones, belong to it as well: left behind, they would name what is not there.
    (b"demo-1.0.data,,\n", b"demo-1.0+cpu.data,,\n"),
    (b"demo-1.0.data/,,\n", b"demo-1.0+cpu.data/,,\n"),
    (b"/demo-1.0.dist-info/WHEEL,,\n", b"/demo-1.0+cpu.dist-info/WHEEL,,\n"),
]
STAYING = [
    b"/usr/demo-1.0.data/x,,\n",
    b"x/demo-1.0.dist-info/RECORD,sha256=x,1\n",
    b"../demo-1.0.dist-info/RECORD,sha256=x,1\n",
    b"demo-1.0.data_extra/a.py,sha256=x,1\n",
    b"demo-1.0.dist-infos/a.py,,\n",
    b"Demo-1.0.dist-info/WHEEL,,\n",
    b"demo/demo-1.0.data/a.py,,\n",
    b"demo/__init__.py,sha256=demo-1.0.dist-info/,1\n",
    b"demo-1.0.dist-info_/a,demo-1.0.dist-info/,\n",
    b"\n",
]
FOLDERS = {OLD: NEW, "demo-1.0.data": "demo-1.0+cpu.data"}


@pytest.mark.parametrize(("before", "after"), ROWS, ids=[ascii(before) for before, _ in ROWS])
def test_rows_get_the_new_folder_and_keep_the_rest(before: bytes, after: bytes) -> None:
    first, last = b"a.py,sha256=x,1\n", b"b.py,sha256=x,1\n"
    assert Record.parse(before).renamed(FOLDERS).data == after
    if before.endswith(b"\n"):
        assert Record.parse(first + before + last).renamed(FOLDERS).data == first + after + last


@pytest.mark.parametrize("row", STAYING, ids=ascii)
def test_rows_that_are_of_no_renamed_folder_stay(row: bytes) -> None:
    assert Record.parse(row).renamed(FOLDERS).data == row


def expected_rows(rows: Iterable[bytes]) -> list[bytes]:
    """Return the rows as they must be afterwards, but for those whose content is new."""
    found = []
    for row in rows:
        mark = b'"' if row.startswith(b'"') else b""
        path = row.removeprefix(mark)
        for old, new in FOLDERS.items():
            if path.startswith(f"{old}/".encode()):
                path = path.replace(old.encode(), new.encode(), 1)
        found.append(mark + path)
    return [row for row in found if b"METADATA" not in row]


@pytest.mark.parametrize(
    "style",
    [
        RecordStyle(),
        RecordStyle(line_end="\r\n"),
        RecordStyle(quoted=True),
        RecordStyle(own_row="first"),
        RecordStyle(own_row="middle", quoted=True, line_end="\r\n"),
        RecordStyle(own_row="missing"),
        RecordStyle(algorithm="sha512"),
        RecordStyle(unlisted=frozenset({f"{OLD}/METADATA"})),
    ],
    ids=str,
)
def test_record_keeps_the_rest_of_every_row(style: RecordStyle, tmp_path: Path) -> None:
    """Promise 3: order, quoting, hashes and line ends of all rows stay."""
    files = (*FULL.files, Entry('demo-1.0.data/data/a,"b"', b"x"))
    source = write_wheel(tmp_path, WheelSpec(files=files, folders=True, style=style, dist_info_files={"a,b": b"c"}))
    output = renamed(source, tmp_path / "out", local="cpu")
    with Wheel(source) as before, Wheel(output) as after:
        rows = [row for row in after.record.rows if b"METADATA" not in row and PROVENANCE.encode() not in row]
        assert rows == expected_rows(before.record.rows)
        for file in ("METADATA", PROVENANCE, "WHEEL"):
            assert len(after.record.find(f"{NEW}/{file}")) == 1
            assert after.record.agrees(f"{NEW}/{file}", after.read(file))
        ends = {row[len(row.rstrip(b"\r\n")) :] for row in after.record.rows}
        assert ends == {style.line_end.encode()}


def test_wheel_gets_a_new_hash_with_a_build_tag(tmp_path: Path) -> None:
    output = renamed(write_wheel(tmp_path, FULL), tmp_path / "out", build="1nogpu")
    with Wheel(output) as wheel:
        assert wheel.dist_info == OLD
        assert wheel.record.agrees(f"{OLD}/WHEEL", wheel.read("WHEEL"))
        assert b"Build: 1nogpu\n" in wheel.read("WHEEL")
        assert wheel.version == "1.0"


def test_the_trace_names_the_old_file_and_the_new_version(tmp_path: Path) -> None:
    source = write_wheel(tmp_path, FULL)
    output = renamed(source, tmp_path / "out", local="cpu")
    component = json.loads(contents(output)[f"{NEW}/{PROVENANCE}"])["metadata"]["component"]
    assert (component["name"], component["version"]) == ("demo", "1.0+cpu")
    [ancestor] = component["pedigree"]["ancestors"]
    assert ancestor["properties"] == [{"name": "wheelfix:file-name", "value": source.name}]
    changes = [json.loads(each["value"]) for each in component["properties"] if each["name"] == "wheelfix:change"]
    assert {"field": "Version", "before": "1.0", "after": "1.0+cpu"}.items() <= changes[-1].items()


def test_the_trace_gives_the_ancestor_its_own_version(tmp_path: Path) -> None:
    """What it was made from was never called by the new version."""
    output = renamed(write_wheel(tmp_path, FULL), tmp_path / "out", local="cpu")
    component = json.loads(contents(output)[f"{NEW}/{PROVENANCE}"])["metadata"]["component"]
    [ancestor] = component["pedigree"]["ancestors"]
    assert ancestor["version"] == "1.0"
    assert ancestor["purl"].startswith("pkg:pypi/demo@1.0?")


def test_the_trace_of_an_earlier_run_moves_with_its_folder(tmp_path: Path) -> None:
    once = renamed(write_wheel(tmp_path, FULL), tmp_path / "once")
    edits = [SetField("Summary", "new")]
    [outcome] = wheelfix.fix_wheels(
        [once], None, output=tmp_path / "twice", naming=wheelfix.Naming(local="cpu"), edits=edits
    ).outcomes
    assert outcome.output is not None
    found = contents(outcome.output)
    assert [name for name in found if name.endswith(PROVENANCE)] == [f"{NEW}/{PROVENANCE}"]
    ancestors = json.loads(found[f"{NEW}/{PROVENANCE}"])["metadata"]["component"]["pedigree"]["ancestors"]
    assert [each["properties"][0]["value"] for each in ancestors] == [once.name, once.name]
    with Wheel(outcome.output) as wheel:
        assert len(wheel.record.find(f"{NEW}/{PROVENANCE}")) == 1
        assert wheel.record.find(f"{OLD}/{PROVENANCE}") == ()


def test_signatures_are_removed(tmp_path: Path) -> None:
    """Pitfall 18: a new name voids them, whatever else changes."""
    spec = WheelSpec(requires=(), dist_info_files={"RECORD.jws": b"{}", "RECORD.p7s": b"0"})
    with Wheel(write_wheel(tmp_path, spec)) as wheel:
        plan = wheelfix.make_plan(wheel, naming=Naming(local="cpu", rename_unchanged=True))
        outcome = wheelfix.apply(wheel, plan, tmp_path / "out" / str(plan.renaming.filename))
    assert [each.field for each in outcome.changes if each.action == "remove-file"] == ["RECORD.jws", "RECORD.p7s"]
    assert outcome.output is not None
    assert not [name for name in contents(outcome.output) if name.endswith((".jws", ".p7s"))]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Promise 4, pitfall 30."""
    (tmp_path / "elsewhere").mkdir()
    sources = write_wheel(tmp_path, FULL), write_wheel(tmp_path / "elsewhere", FULL)
    one, two = (renamed(path, path.parent / "out", local="cpu", build="1nogpu").read_bytes() for path in sources)
    assert one == two


def test_the_source_is_left_alone_and_can_lie_beside_the_result(tmp_path: Path) -> None:
    source = write_wheel(tmp_path, FULL)
    before = source.read_bytes()
    output = renamed(source, tmp_path, local="cpu")
    assert source.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {source.name, output.name}


@pytest.mark.parametrize(
    "options", [["--local", "cpu"], ["--build-tag", "1nogpu"], ["--local", "cpu", "--build-tag", "1nogpu"]], ids=" ".join
)
def test_a_second_run_changes_nothing(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 35: a fixed wheel is fixed, and its name is never given twice."""
    monkeypatch.chdir(tmp_path)
    first = run("strip-gpu", *options, write_wheel(tmp_path, FULL))
    assert first.code == 0
    [once] = first.lines
    second = run("strip-gpu", "--format", "json", "-o", "again", *options, once)
    assert second.code == 0
    [wheel] = second.report["wheels"]
    assert (wheel["status"], wheel["changes"]) == ("unchanged", [])
    assert not [note for note in wheel["notes"] if "Pins" in note]
    assert Path(wheel["output"]).name == Path(once).name
    assert Path(wheel["output"]).read_bytes() == Path(once).read_bytes()
    assert run("strip-gpu", "--check", *options, once).code == 0


def test_the_same_label_where_something_else_changes(tmp_path: Path) -> None:
    """The name stays, and nothing is told of it."""
    source = write_wheel(tmp_path, WheelSpec(version="1.0+cpu"))
    outcome = rewritten(source, tmp_path / "out", local="cpu")
    assert outcome.status is Status.FIXED
    assert outcome.output is not None
    assert outcome.output.name == source.name
    assert "Version" not in {each.field for each in outcome.changes}
    assert not [note for note in outcome.notes if "Pins" in note]


@pytest.mark.parametrize(
    ("names", "knobs"),
    [
        (("1.0", "1.0+cu126"), {"local": "cpu"}),
        (("1.0", "1.0+cpu"), {"local": "cpu"}),
        (("1.0-1", "1.0-2"), {"build_tag": "1nogpu"}),
    ],
    ids=str,
)
def test_two_wheels_that_would_get_one_name_do_not_overwrite_each_other(
    names: tuple[str, str], knobs: dict[str, str], tmp_path: Path
) -> None:
    """As two of one name do not: one folder cannot hold both."""
    paths = []
    for name in names:
        version, _, build = name.partition("-")
        tags = f"{build}-py3-none-any" if build else "py3-none-any"
        wheel = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        paths.append(write_wheel(tmp_path, WheelSpec(version=version, tags=tags, wheel=wheel)))
    report = wheelfix.fix_wheels(paths, **values(output_dir=tmp_path / "out", overwrite=True, force=True, **knobs))
    outputs = [outcome.output for outcome in report.outcomes if outcome.output is not None]
    assert len(set(outputs)) == len(outputs)
    assert not report.ok
