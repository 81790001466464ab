"""Files that are removed by pattern, of wheels of any shape: exactly they are gone, and RECORD says so."""

import io
import tempfile
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

from hypothesis import given, settings, strategies as st
from installer.sources import WheelFile as InstallerWheel
from wheel.wheelfile import WheelFile

from building import Entry, RecordStyle, WheelSpec, write_wheel
from thorough import examples
from wheelfix.errors import EditError
from wheelfix.fix.apply import apply
from wheelfix.fix.draft import make_plan
from wheelfix.options import Policy
from wheelfix.wheel.edits import AddEntryPoint, RemoveEntryPoint, RemoveFiles
from wheelfix.wheel.entry_points import EntryPoint, EntryPoints
from wheelfix.wheel.wheel import Wheel

INFO = "demo-1.0.dist-info"
FORCE = Policy(force=True)
_DIRECTORIES = st.sampled_from(["a", "tests", "demo-1.0.data/purelib", "c, d", "\u00e4"])
_FILES = st.sampled_from(["x.py", "y.pyc", "README", ".DS_Store", 'q".py', "tests"])
_PATHS = st.builds(lambda parts, file: "/".join([*parts, file]), st.lists(_DIRECTORIES, max_size=2), _FILES)
_PARTS = st.sampled_from(["a", "tests", "**", "*", "x.py", "*.py*", "[ac]*", "?"])
_PATTERNS = st.builds(
    lambda parts, start, end: start + "/".join(parts) + end,
    st.lists(_PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
    st.sampled_from(["", "/"]),
)


def means(pattern: str, name: str) -> bool:
    """Whether a pattern means a file, by the definition."""
    if "/" not in pattern:
        return fnmatchcase(name.rpartition("/")[2], pattern)
    parts = (pattern + "**" if pattern.endswith("/") else pattern).removeprefix("/").split("/")
    return _have(name.split("/"), parts)


def _have(names: list[str], parts: list[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        least = 1 if parts == ["**"] else 0
        return any(_have(names[taken:], parts[1:]) for taken in range(least, len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _have(names[1:], parts[1:])


def raw_entries(data: bytes) -> dict[str, tuple[object, ...]]:
    """Return of each entry what ``zipfile`` says, but for the position, and its bytes from header to data."""
    found: dict[str, tuple[object, ...]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            start = info.header_offset
            names = sum(int.from_bytes(data[start + at : start + at + 2], "little") for at in (26, 28))
            packed = data[start : start + 30 + names + info.compress_size]
            found[info.filename] = (info.date_time, info.external_attr, info.create_system, info.comment, info.extra, packed)
    return found


def as_tree(paths: list[str]) -> list[str]:
    """Return those of ``paths`` that can be together: none is a directory of another one."""
    return [path for path in dict.fromkeys(paths) if not any(other.startswith(f"{path}/") for other in paths)]


@settings(max_examples=examples(150), deadline=None)
@given(
    st.lists(_PATHS, max_size=8).map(as_tree),
    st.lists(_PATTERNS, min_size=1, max_size=2),
    st.sampled_from([RecordStyle(), RecordStyle(line_end="\r\n"), RecordStyle(quoted=True)]),
    st.booleans(),
    st.booleans(),
)
def test_exactly_what_a_pattern_means_is_gone(
    paths: list[str], patterns: list[str], style: RecordStyle, folders: bool, first: bool
) -> None:
    files = tuple(Entry(path, f"{index}".encode() * index) for index, path in enumerate(["demo/__init__.py", *paths]))
    spec = WheelSpec(files=files, style=style, folders=folders, dist_info_first=first, requires=())
    with tempfile.TemporaryDirectory() as name:
        path = write_wheel(Path(name), spec)
        target, again = Path(name, "out", path.name), Path(name, "again", path.name)
        edits = [RemoveFiles(tuple(patterns))]
        with Wheel(path) as wheel:
            apply(wheel, make_plan(wheel, edits=edits, policy=FORCE), target)
        with Wheel(target) as wheel:
            apply(wheel, make_plan(wheel, edits=edits, policy=FORCE), again)
        before, after = path.read_bytes(), target.read_bytes()
        assert again.read_bytes() == after
        with WheelFile(target) as opened:
            assert opened.testzip() is None
        with InstallerWheel.open(target) as source:
            source.validate_record()
    old, new = raw_entries(before), raw_entries(after)
    gone = {
        each
        for each in old
        if not each.endswith("/") and not each.startswith(INFO) and any(means(p, each) for p in patterns)
    }
    assert {each for each in old.keys() - new.keys() if not each.endswith("/")} == gone
    kept = [each for each in new if not each.startswith(INFO)]
    assert {each: new[each] for each in kept} == {each: old[each] for each in kept}
    assert [each for each in old if each in new and each != f"{INFO}/RECORD"] == [
        each for each in new if each in old and each != f"{INFO}/RECORD"
    ]
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        record = archive.read(f"{INFO}/RECORD")
    assert len(record.splitlines()) == sum(not each.endswith("/") for each in new)


_LINES = st.sampled_from(
    ["[console_scripts]", "[a.b]", "[c]", "one = m:f", "two=m.n:f [x]", "  three = m:f", "four = x", "# a comment", "", "  "]
)
_POINTS = st.builds(
    EntryPoint,
    st.sampled_from(["console_scripts", "a.b", "new"]),
    st.sampled_from(["one", "two", "nine"]),
    st.just("m.k:g"),
    st.just(False),
)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(_LINES, max_size=10), st.sampled_from(["\n", "\r\n"]), st.booleans(), _POINTS, st.data())
def test_lines_of_entry_points_are_kept(
    lines: list[str], line_end: str, is_open: bool, point: EntryPoint, data: st.DataObject
) -> None:
    content = line_end.join(lines).encode() + (b"" if is_open else line_end.encode())
    try:
        points = EntryPoints(content)
    except EditError:  # readers differ on it, and it is not changed
        return
    more = points.with_point(point)
    assert set(more.points) == {*(each for each in points.points if each[:2] != point[:2]), point}
    assert more.with_point(point).data == more.data
    assert more.data is not None
    others = [line for line in content.splitlines() if line.split(b"=")[0].strip() != point.name.encode()]
    rest = iter(more.data.splitlines())
    assert all(any(line == each for each in rest) for line in others)  # in their order
    name = data.draw(st.sampled_from(["one", "two", "three", "four"]))
    less = points.without(lambda each: each.name == name)
    assert less.points == [each for each in points.points if each.name != name]
    assert less.without(lambda each: each.name == name).data == less.data
    assert set((less.data or b"").splitlines()) <= set(content.splitlines())
    if less.points == points.points:
        assert less.data == content


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.one_of(
            _POINTS.map(lambda each: AddEntryPoint(each.group, each.name, "demo:x")),
            st.builds(RemoveEntryPoint, st.sampled_from([("one",), ("t*",)])),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_twice_is_once(edits: list[AddEntryPoint | RemoveEntryPoint]) -> None:
    spec = WheelSpec(dist_info_files={"entry_points.txt": b"[a.b]\none = demo:y\n"}, requires=())
    with tempfile.TemporaryDirectory() as name:
        path = write_wheel(Path(name), spec)
        once, twice = Path(name, "once", path.name), Path(name, "twice", path.name)
        for source, target in ((path, once), (once, twice)):
            with Wheel(source) as wheel:
                apply(wheel, make_plan(wheel, edits=edits), target)
        one, two = once.read_bytes(), twice.read_bytes()
    groups = {(edit.group, edit.name) for edit in edits if isinstance(edit, AddEntryPoint)}
    undone = any(isinstance(edit, RemoveEntryPoint) for edit in edits) and groups
    assert undone or one == two
