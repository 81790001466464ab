"""The entries of an archive: what real ones look like is no finding."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from msgspec.structs import replace

from building import Entry, changed, every, write_wheel
from defects import VALID, valid
from wheelfix.verify.run import check_wheel, findings_in


@pytest.mark.parametrize(
    "changes",
    [
        {"folders": True}, {"stored": True}, {"dist_info_first": True},
        {"extra": b"\xfe\xca\x02\x00ab"},
        {"files": (Entry("demo/m\u00fcller.py", b"1"), Entry("demo/" + "x" * 250, b"2"), Entry("demo.py", b"3"))},
        {"files": (Entry("demo/tool", b"#!", mode=0o100755), Entry("demo/dos", b"", mode=0, made_by=0x0014))},
        {"files": (Entry("demo-1.0.data/scripts/demo", b"#!python"), Entry("demo-1.0.data/purelib/x.py", b""))},
        {"files": (Entry("demo/x", b"", time=(1980, 1, 1, 0, 0, 0)), Entry("demo/y", b"", time=(2107, 12, 31, 23, 59, 58)))},
        {"files": (Entry("demo/_vendor/six-1.0.dist-info/METADATA", b"Name: six"),)},
    ],
    ids=str,
)  # fmt: skip
def test_legal_shapes_are_no_findings(changes: dict[str, object], tmp_path: Path) -> None:
    """Pitfalls 17, 20, 25 and 26."""
    assert findings_in(write_wheel(tmp_path, valid(**changes))) == []


@pytest.mark.parametrize("comment", [b"a comment", b"a\tb\r\n\0", "\u00fc".encode("latin-1")])
def test_comment_of_the_archive_is_no_finding(comment: bytes, tmp_path: Path) -> None:
    """Without a byte from 1 to 8 it holds no signature of a ZIP record."""
    assert findings_in(write_wheel(tmp_path, archive=replace(VALID, comment=comment))) == []


def test_each_comment_of_an_entry_is_reported(tmp_path: Path) -> None:
    found = check_wheel(write_wheel(tmp_path, archive=every(VALID, comment=b"a comment"))).findings
    assert [(each.code, each.refused_by) for each in found] == [("archive-entry-comment", ("PyPI",))] * len(VALID.entries)


@pytest.mark.parametrize("kind", [0o120777, 0o060644, 0o020644, 0o010644, 0o140644, 0o104755, 0o102755])
def test_links_devices_and_set_ids(kind: int, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=changed(VALID, "version.py", mode=kind))
    assert [finding.code for finding in check_wheel(path).findings] == ["archive-odd-mode"]


@pytest.mark.parametrize("host", [0, 10, 19, 255])
@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        (0o100755, []), (0o100644, []), (0o644, []), (0o755, ["archive-mode-no-type"]), (0o4755, ["archive-mode-no-type"]),
        (0o120777, ["archive-odd-mode"]), (0o177777, ["archive-odd-mode"]), (0o104755, ["archive-odd-mode"]),
        (0o40755, ["archive-mode-no-type", "archive-odd-attributes"]), (0o40644, ["archive-odd-attributes"]),
    ],
)  # fmt: skip
def test_modes_count_whatever_system_made_the_archive(host: int, mode: int, codes: list[str], tmp_path: Path) -> None:
    """Installers do not look at the system: pip and installer look at type and permissions, uv at permissions alone."""
    numbers = {"made_by": host << 8 | 20, "external_attributes": mode << 16}
    path = write_wheel(tmp_path, archive=changed(VALID, "version.py", directory=numbers))
    assert sorted(finding.code for finding in check_wheel(path).findings) == codes


@pytest.mark.parametrize(
    ("mode", "is_found"), [(0o755, True), (0o100, True), (0o001, True), (0o644, False), (0o4644, False)]
)
def test_permissions_without_a_type(mode: int, is_found: bool, tmp_path: Path) -> None:
    """One finding for all files: a tool that leaves out the type does so in each. Rebuilding the archive adds none."""
    first = VALID.entries[0].name
    found = check_wheel(write_wheel(tmp_path, archive=every(VALID, mode=mode))).findings
    assert [(each.code, each.place, each.fixable, each.refused_by) for each in found] == (
        [("archive-mode-no-type", first, False, ())] if is_found else []
    )
    if is_found:
        assert "; likewise " in found[0].message


def test_directory_without_a_type(tmp_path: Path) -> None:
    """Its bits let one enter it."""
    assert findings_in(write_wheel(tmp_path, valid(files=(*valid().files, Entry("demo/d/", b"", mode=0o755))))) == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("/x", "is absolute"), ("C:x", "begins with a drive"), ("a\\b", "has a backslash"), ("a/../b", "has a part .."),
        ("a\x85b", "has a control character"),
        ("a\u202eb", "reverses the text"), ("a\ue000b", "invisible"), ("a\u200bb", "invisible"),
        ("x" * 256, "has a part that is longer"), ("\u00fc" * 128, "has a part that is longer"),
        ("a/" * 501 + "x", "has more than 500 directories"), ("a/" * 501, "has more than 500 directories"),
        ("a/" * 2_100 + "x", "is longer than any system allows"), ("a" * 60_000, "is longer than any system allows"),
    ],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_name_that_is_not_safe(name: str, wrong: str, tmp_path: Path) -> None:
    """Pitfall 29: it is told with what is wrong, escaped and cut."""
    findings = check_wheel(write_wheel(tmp_path, valid(files=(Entry(name, b""),)))).findings
    [finding] = (each for each in findings if each.code != "record-bad-row")  # what ends a line ends a row of RECORD, too
    assert finding.code == "archive-unsafe-name"
    assert wrong in finding.message
    assert finding.place.isprintable()
    assert len(finding.place) < 1_000


@pytest.mark.parametrize("name", ["a/" * 500 + "x", "a/" * 500, "a" + "/" * 600 + "x"], ids=["file", "directory", "slashes"])
def test_name_that_is_deep_but_safe(name: str, tmp_path: Path) -> None:
    spec = valid(files=(*valid().files, Entry(name, b"")))
    assert {each.code for each in findings_in(write_wheel(tmp_path, spec))} <= {"archive-odd-path"}


def test_file_and_directory_of_one_name_far_down(tmp_path: Path) -> None:
    deep = "a/" * 499 + "x"
    spec = valid(files=(*valid().files, Entry(deep, b"1"), Entry(f"{deep}/y", b"2")))
    assert [each.code for each in findings_in(write_wheel(tmp_path, spec))] == ["archive-file-as-directory"]


def test_hundreds_of_names_that_fold_to_one(tmp_path: Path) -> None:
    names = [f"demo/{number:09b}.py".replace("0", "a").replace("1", "A") for number in range(512)]
    path = write_wheel(tmp_path, valid(files=tuple(Entry(name, b"") for name in names)))
    [finding] = check_wheel(path).findings
    assert finding.code == "archive-same-name-folded"
    assert "and 508 more" in finding.message


@pytest.mark.parametrize("needed", [10, 20, 45, 63, 0x0314])
def test_version_that_zipfile_reads(needed: int, tmp_path: Path) -> None:
    """Only the lower byte is a version; the upper one is for the host system."""
    path = write_wheel(tmp_path, archive=every(VALID, local={"needed": needed}, directory={"needed": needed}))
    assert findings_in(path) == []
    with ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("needed", [64, 148, 0x0340])
def test_version_that_zipfile_refuses(needed: int, tmp_path: Path) -> None:
    path = write_wheel(tmp_path, archive=every(VALID, directory={"needed": needed}))
    assert {finding.code for finding in check_wheel(path).findings} == {"archive-newer-version"}
    with pytest.raises(NotImplementedError):
        ZipFile(path)


@pytest.mark.parametrize(
    "name",
    ["console.py", "aux_.py", "com.py", "com0.py", "com10.py", "lpt1x", "nul_byte.txt", "a.b", ".hidden", "a b.py",
     "\u00fcber.py", "\U0001f308.py", "prn-1.txt", "x.con"],
)  # fmt: skip
def test_names_that_windows_holds(name: str, tmp_path: Path) -> None:
    assert findings_in(write_wheel(tmp_path, valid(files=(*valid().files, Entry(f"demo/{name}", b"1"))))) == []


@pytest.mark.parametrize(
    ("tags", "count"), [("py3-none-any", 1), ("cp312-cp312-win_amd64", 1), ("cp312-cp312-linux_x86_64", 0)]
)
def test_names_are_only_for_windows_where_the_wheel_is(tags: str, count: int, tmp_path: Path) -> None:
    spec = valid(tags=tags, files=(*valid().files, Entry("demo/aux.py", b"1")))
    assert [each.code for each in findings_in(write_wheel(tmp_path, spec))] == ["archive-windows-name"] * count


@pytest.mark.parametrize(
    ("names", "messages"),
    [
        (["demo/x.pyc"], ["compiled Python"]),
        (["demo/x.pyc", "demo/y.pyc"], ["compiled Python (also demo/y.pyc)"]),
        (["__pycache__/x.txt"], ["in __pycache__, which installer (Poetry, PDM) leaves out"]),
        (
            ["demo/__pycache__/y.pyc", "demo/x.pyc"],
            [
                "in __pycache__, which installer (Poetry, PDM) leaves out",
                "compiled Python",
            ],
        ),
        (["demo/__pycache__", "demo/a__pycache__/b", "demo/__pycache__.py/c", "d/__pycache__/"], []),
    ],
    ids=["compiled", "two compiled", "a cached text", "both", "neither"],
)
def test_what_is_in_pycache_is_left_out_by_one_installer(names: list[str], messages: list[str], tmp_path: Path) -> None:
    spec = valid(files=(*valid().files, *(Entry(name, b"" if name.endswith("/") else b"x") for name in names)))
    found = findings_in(write_wheel(tmp_path, spec))
    assert [(each.code, each.message) for each in found] == [("contents-bytecode", message) for message in messages]
