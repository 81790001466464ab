"""What differs between two locks of mirrors."""

from typing import Any

import pytest
from msgspec.structs import replace

from wheelfix.reports.lock import render_lock_difference, render_lock_summary
from wheelfix.sync.snapshots.compare import LockChange, compare_snapshots
from wheelfix.sync.snapshots.snapshot import Snapshot, SnapshotFile, SnapshotProject

TAGS = ("cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_28_x86_64",
        "cp314-cp314-manylinux_2_28_x86_64")  # fmt: skip


def file(version: str = "1.0", tag: str = "py3-none-any", **changes: Any) -> SnapshotFile:
    known: dict[str, Any] = {
        "filename": f"demo-{version}-{tag}.whl", "url": "", "sha256": "a" * 64, "size": 1000, "upload_time": "t",
        "added": None, "upstream": None, "upstream_time": None, "requires_python": None, "metadata_sha256": None,
        "yanked": None, "yanked_by": None, "yanked_at": None, "source": "here", "rules": None, "original": None,
    }  # fmt: skip
    return SnapshotFile(**known | changes)


def lock(*files: SnapshotFile, status: dict[str, str] | None = None, name: str = "demo") -> Snapshot:
    return Snapshot(version=1, command="mirror list", mirror="m", projects=(SnapshotProject(name, status, files),))


NOTHING = Snapshot(version=1, command="mirror list", mirror="m", projects=())


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (NOTHING, lock(file()), LockChange.ADDED),
        (lock(file()), NOTHING, LockChange.REMOVED),
        (lock(file()), lock(file(sha256="b" * 64, rules="x")), LockChange.REPLACED),
        (lock(file()), lock(file(yanked="")), LockChange.YANKED),
        (lock(file(yanked="x")), lock(file(yanked="y")), LockChange.YANKED),
        (lock(file(yanked="x")), lock(file()), LockChange.UNYANKED),
        (lock(file(rules="x")), lock(file(rules="y")), LockChange.RULES),
        (lock(file()), lock(file(requires_python=">=3.9")), LockChange.METADATA),
        (lock(file()), lock(file(source="other")), LockChange.SOURCE),
        (lock(file()), lock(file(upstream="https://example.org/simple/")), LockChange.SOURCE),
        (lock(file()), lock(file(), status={"status": "archived"}), LockChange.STATUS),
    ],
)
def test_each_kind_of_difference(old: Snapshot, new: Snapshot, change: LockChange) -> None:
    assert [each.change for each in compare_snapshots(old, new)] == [change]
    assert compare_snapshots(new, new) == ()


def test_where_and_when_a_mirror_got_a_file_is_no_difference() -> None:
    other = replace(lock(file(added="yesterday", url="x", yanked_by="mirror")), mirror="elsewhere")
    assert compare_snapshots(lock(file()), other) == ()


def test_it_reads_like_a_review() -> None:
    old = lock(file("1.0"), *(file("1.1", tag) for tag in TAGS), file("1.2", rules="1" * 64), file("1.3"))
    new = lock(
        *(file("1.1", tag, yanked="no longer fits") for tag in TAGS), file("1.2", rules="2" * 64),
        file("1.3", sha256="b" * 64), *(file("2.0", tag, size=2_000_000) for tag in TAGS), file("10.0", source=None),
        status={"status": "deprecated", "reason": "use other"},
    )  # fmt: skip
    found = compare_snapshots(old, new)
    assert render_lock_difference(found).splitlines() == [
        "demo",
        "  + 2.0  4 files (8.0 MB, here)",
        *(f"      demo-2.0-{tag}.whl" for tag in TAGS[:3]),
        "      ... 1 more (use -v to show all)",
        "  + 10.0  1 file (1.0 kB, by hand)",
        "      demo-10.0-py3-none-any.whl",
        "  - 1.0  1 file",
        "      demo-1.0-py3-none-any.whl",
        "  ~ 1.3  1 file: other bytes, sha256 aaaaaaaaaaaa -> bbbbbbbbbbbb",
        "      demo-1.3-py3-none-any.whl",
        "  ~ 1.1  4 files: yanked: no longer fits",
        *(f"      demo-1.1-{tag}.whl" for tag in TAGS[:3]),
        "      ... 1 more (use -v to show all)",
        "  ~ status none -> deprecated: use other",
        "1 file with other rules, bytes unchanged (use -v to show)",
    ]
    assert render_lock_summary(found) == (
        "Compared 2 locks: 5 added, 1 removed, 1 replaced, 4 yanked, 1 with other rules, 1 with another status\n"
    )
    everything = render_lock_difference(found, verbose=True).splitlines()
    assert f"      demo-2.0-{TAGS[3]}.whl" in everything
    assert "  ~ 1.2  1 file: rules 111111111111 -> 222222222222" in everything
    assert not [line for line in everything if "use -v" in line]


def test_what_only_notes_of_the_mirror_say_is_one_line_however_many_files_there_are() -> None:
    """One rule for one project, or an import of all files into another mirror, is no news for clients."""
    old = lock(*(file(f"{number}.0", rules="1" * 64, upstream="a") for number in range(500)))
    new = lock(*(file(f"{number}.0", rules="2" * 64, source=None, upstream="b") for number in range(500)))
    found = compare_snapshots(old, new)
    assert render_lock_difference(found).splitlines() == [
        "500 files with other rules, bytes unchanged (use -v to show)",
        "500 files from another source, bytes unchanged (use -v to show)",
    ]
    assert render_lock_summary(found) == (
        "Compared 2 locks: clients get the same, 500 with other rules, 500 from another source\n"
    )
    several = compare_snapshots(
        old, lock(*(file(f"{number}.0", upload_time="u", requires_python=">=3") for number in range(2)))
    )
    assert render_lock_summary(several).endswith("2 with other rules, 2 from another source, 2 with other metadata\n")


def test_many_releases_are_cut_unless_all_are_wanted() -> None:
    found = compare_snapshots(NOTHING, lock(*(file(f"{number}.0") for number in range(500))))
    assert len(render_lock_difference(found).splitlines()) == 42
    assert render_lock_difference(found).endswith("  ... 480 more (use -v to show all)\n")
    assert len(render_lock_difference(found, verbose=True).splitlines()) == 1001


def test_what_a_lock_says_cannot_write_to_the_terminal() -> None:
    text = render_lock_difference(compare_snapshots(lock(file()), lock(file(yanked="\x1b[2J" + "x" * 9000))))
    assert "\x1b" not in text
    assert len(text) < 500


def test_many_files_of_which_only_the_origin_differs_are_one_line() -> None:
    versions = [f"1.{number}" for number in range(5)]
    old = lock(*(file(each, rules="1" * 64, source="here") for each in versions))
    new = lock(*(file(each, rules="2" * 64, source=None) for each in versions), file("2.0"))
    differences = compare_snapshots(old, new)
    lines = render_lock_difference(differences).splitlines()
    assert lines[:2] == ["demo", "  + 2.0  1 file (1.0 kB, here)"]
    assert lines[3:] == [
        "5 files with other rules, bytes unchanged (use -v to show)",
        "5 files from another source, bytes unchanged (use -v to show)",
    ]
    assert "1.4  1 file: rules 111111111111 -> 222222222222" in render_lock_difference(differences, verbose=True)
