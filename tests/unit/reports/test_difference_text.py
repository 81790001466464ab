"""The difference of two wheels as text and as JSON."""

import json
from pathlib import Path

import pytest

from wheelfix.diff.model import (
    ArchiveChange,
    ChangeKind,
    Difference,
    FileChange,
    FileChanges,
    RequirementChange,
    RowChange,
)
from wheelfix.reports.diff import render_difference, render_difference_json
from wheelfix.reports.text import QUIET, VERBOSE
from wheelfix.wheel.record import RecordRow

INFOS = ("a-1.dist-info", "a-1+cpu.dist-info")
FULL = Difference(
    Path("old.whl"),
    Path("new.whl"),
    INFOS,
    FileChanges(
        same=1,
        added=(FileChange(None, "x\x1b.py", None, 3),),
        removed=(FileChange("a/", None, 0, None),),
        changed=(FileChange("a-1.dist-info/METADATA", "a-1+cpu.dist-info/METADATA", 9, 8),),
        renamed=(
            FileChange("a-1.dist-info/WHEEL", "a-1+cpu.dist-info/WHEEL", 5, 5),
            FileChange("p.py", "q.py", 7, 7),
        ),
        moved=("m1", "m2", "m3", "m4"),
        directories=(INFOS,),
        archive=(
            ArchiveChange("time", "m1", "1", "2"),
            ArchiveChange("time", "m2", "1", "2"),
            ArchiveChange("time", "m3", "1", "3"),
            ArchiveChange("archive-comment", None, "none", "hello"),
        ),
    ),
    metadata_diff="--- a\n+++ b\n",
    requirements=(
        RequirementChange(ChangeKind.REMOVED, "triton\x1b", None),
        RequirementChange(ChangeKind.CHANGED, "a>=1", "a>=2"),
        RequirementChange(ChangeKind.RESPELLED, "b >1", "b>1"),
        RequirementChange(ChangeKind.ADDED, None, "c"),
    ),
    record=(
        RowChange(ChangeKind.CHANGED, RecordRow("r", "sha256=x", "1"), RecordRow("r", "", "")),
        RowChange(
            ChangeKind.RENAMED, RecordRow("a-1.dist-info/WHEEL", "h", "5"), RecordRow("a-1+cpu.dist-info/WHEEL", "h", "5")
        ),
        RowChange(ChangeKind.ADDED, None, RecordRow("s", "sha256=y", "2")),
    ),
    notes=("Something.",),
)
PAGE = """\
different
  > a-1.dist-info/ -> a-1+cpu.dist-info/
  + x\\x1b.py (3 bytes)
  - a/
  ~ a-1.dist-info/METADATA -> a-1+cpu.dist-info/METADATA (9 -> 8 bytes)
  > p.py -> q.py (7 bytes)
  1 file only in renamed directories (use -v to show all)
  1 file with the same content

requirements
  - triton\\x1b
  ~ a>=1 -> a>=2
  = b >1 -> b>1
  + c

--- a
+++ b

RECORD
  ~ r: sha256=x, 1 -> no hash, no size
  + s: sha256=y, 2
  1 row only in renamed directories (use -v to show all)

archive
  order: 4 files moved: m1, m2, m3 and 1 more
  time: 3 files (2 times 1 -> 2): m1, m2, m3
  archive-comment: none -> hello

note: Something.
"""


def test_everything_on_one_page() -> None:
    assert render_difference(FULL) == PAGE


def test_all_of_it() -> None:
    text = render_difference(FULL, verbosity=VERBOSE)
    for line in (
        "  > a-1.dist-info/WHEEL -> a-1+cpu.dist-info/WHEEL (5 bytes)",
        "  > a-1.dist-info/WHEEL: h, 5 -> a-1+cpu.dist-info/WHEEL: h, 5",
        "  order: 4 files moved: m1, m2, m3, m4",
        "  time: m3: 1 -> 3",
    ):
        assert line in text.splitlines()
    assert "-v" not in text


def test_the_verdict_alone() -> None:
    assert render_difference(FULL, verbosity=QUIET) == "different\n"


def test_long_lists_are_cut_unless_all_is_asked_for() -> None:
    added = tuple(FileChange(None, f"f{number}", None, 1) for number in range(1000))
    difference = Difference(Path("a"), Path("b"), INFOS, FileChanges(added=added))
    text = render_difference(difference)
    assert len(text.splitlines()) == 23
    assert "... and 980 more (use -v to show all)" in text
    assert len(render_difference(difference, verbosity=VERBOSE).splitlines()) == 1002


@pytest.mark.parametrize(("afters", "words"), [(["2", "2"], "all 1 -> 2"), (["2", "3"], "such as 1 -> 2")])
def test_changes_of_one_kind_share_a_line(afters: list[str], words: str) -> None:
    changes = tuple(ArchiveChange("time", f"m{index}", "1", after) for index, after in enumerate(afters))
    text = render_difference(Difference(Path("a"), Path("b"), INFOS, FileChanges(archive=changes)))
    assert f"  time: 2 files ({words}): m0, m1\n" in text


def test_record_that_says_the_same() -> None:
    text = render_difference(Difference(Path("a"), Path("b"), INFOS, record_equivalent=True))
    assert "the same rows in another order, or with other quotes or line ends" in text


def test_json_has_everything() -> None:
    text = render_difference_json(FULL)
    document = json.loads(text)
    assert text.isascii()
    assert (document["old"], document["new"], document["verdict"]) == ("old.whl", "new.whl", "different")
    assert document["metadata"]["requirements"][1] == {"kind": "changed", "before": "a>=1", "after": "a>=2"}
    assert document["record"][2] == {
        "kind": "added",
        "before": None,
        "after": {"path": "s", "digest": "sha256=y", "size": "2"},
    }
    assert document["files"]["directories"] == [{"before": INFOS[0], "after": INFOS[1]}]
    assert len(document["archive"]) == 4
