"""A wheel opened as far as it goes."""

import tracemalloc
from pathlib import Path

import pytest

from building import Entry, WheelSpec, build_wheel, write_wheel
from defects import valid
from wheelfix.errors import SourceChanged
from wheelfix.verify.run import check_wheel, findings_in
from wheelfix.verify.subject import Subject
from wheelfix.wheel.zip.source import Source


def test_parts_of_a_valid_wheel(tmp_path: Path) -> None:
    with Subject(write_wheel(tmp_path, valid())) as subject:
        assert not subject.found
        assert subject.dist_info == "demo-1.0.dist-info"
        assert sorted(subject.dist_info_files) == ["METADATA", "RECORD", "WHEEL"]
        assert subject.directories == {"demo/", "demo-1.0.dist-info/"}
        assert subject.read("no such file") is None


def test_nothing_is_read_from_the_top_without_a_dist_info(tmp_path: Path) -> None:
    spec = valid(dist_info="demo", files=(Entry("/entry_points.txt", b"a"),))
    assert "entry-points-unreadable" not in {each.code for each in findings_in(write_wheel(tmp_path, spec))}


def test_path_made_of_slashes_costs_little(tmp_path: Path) -> None:
    """30,000 folders in one name would be 900 MB of their names."""
    path = write_wheel(tmp_path, valid(files=(Entry("a/" * 30_000 + "x.py", b""), Entry("b/" * 150, b""))))
    tracemalloc.start()
    try:
        codes = [finding.code for finding in check_wheel(path).findings]
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert codes == ["archive-unsafe-name"]
    with Subject(path) as subject:
        assert len(subject.directories) == 500 + 150 + 1


@pytest.mark.parametrize("error", [SourceChanged("changed", "it changed", hint=""), OSError(5, "Input/output error")])
def test_file_that_changes_or_fails_while_it_is_read(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pitfall 34: after its directory was read, nothing else can be."""
    path = write_wheel(tmp_path, valid())
    with Subject(path) as subject:
        assert subject.layout is not None
        directory_start = max(entry.data_stop for entry in subject.layout.entries)
    read_at = Source.read_at

    def failing(self: Source, start: int, length: int) -> bytes:
        if 40 < start < directory_start and length > 30:
            raise error
        return read_at(self, start, length)

    monkeypatch.setattr(Source, "read_at", failing)
    assert "file-unreadable" in {finding.code for finding in check_wheel(path).findings}


def test_path_that_is_no_file(tmp_path: Path) -> None:
    folder = tmp_path / WheelSpec().filename
    folder.mkdir()
    loop = tmp_path / "loop-1.0-py3-none-any.whl"
    loop.symlink_to(loop)
    for path in (folder, loop, tmp_path / "gone-1.0-py3-none-any.whl", tmp_path / ("x" * 300 + "-1.0-py3-none-any.whl")):
        assert [finding.code for finding in check_wheel(path).findings] == ["file-unreadable"]


def test_unreadable_text_instead_of_a_wheel(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2J.whl"
    path.write_bytes(build_wheel(valid()))
    findings = check_wheel(path).findings
    assert [finding.code for finding in findings] == ["filename-malformed"]
    assert findings[0].message.isprintable()


def test_directories_are_looked_at_within_a_bound(tmp_path: Path) -> None:
    """Each entry can lie in a hundred folders of its own, with paths of thousands of characters."""
    files = tuple(Entry(f"{number:039}/" * 99 + "x", b"") for number in range(400))
    with Subject(write_wheel(tmp_path, valid(files=files))) as subject:
        assert sum(map(len, subject.directories)) <= 1 << 24
        assert [each.code for each in subject.found] == ["archive-too-many-directories"]
