"""Files and entry points that edits remove or add, and why they must not."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from msgspec.structs import replace

import wheelfix
from building import Entry, RecordStyle, WheelSpec, write_wheel
from wheelfix.errors import EditError, NeedError, VerificationError
from wheelfix.fix.apply import apply
from wheelfix.fix.draft import make_plan
from wheelfix.fix.plan import Plan
from wheelfix.options import Policy
from wheelfix.results import ChangeAction
from wheelfix.verify.run import check_wheel
from wheelfix.wheel.edits import AddEntryPoint, Edit, RemoveEntryPoint, RemoveFile, RemoveFiles, WriteFile
from wheelfix.wheel.record import Record
from wheelfix.wheel.wheel import Wheel

INFO = "demo-1.0.dist-info"
TESTS = ("tests/__init__.py", "tests/helpers.py", "tests/data/x.json")
FORCE = Policy(force=True)


def wheel_of(folder: Path, *names: str, contents: Mapping[str, bytes] | None = None, **options: Any) -> Path:
    """Write a wheel with a package demo and these files, each with what ``contents`` has for it."""
    folder.mkdir(exist_ok=True)
    files = {"demo/__init__.py": b"", **dict.fromkeys(names, b""), **(contents or {})}
    return write_wheel(folder, WheelSpec(files=tuple(Entry(name, data) for name, data in files.items()), **options))


def removing(*patterns: str) -> list[Edit]:
    return [RemoveFiles(patterns)]


def plan_of(path: Path, edits: Sequence[Edit], policy: Policy = Policy()) -> Plan:
    with Wheel(path) as wheel:
        return make_plan(wheel, edits=edits, policy=policy)


def edited(path: Path, edits: Sequence[Edit], policy: Policy = Policy()) -> Path:
    """Return the wheel with ``edits``; that it is without new errors and twice is once is asserted."""
    target = path.parent / "fixed" / path.name
    with Wheel(path) as wheel:
        apply(wheel, make_plan(wheel, edits=edits, policy=policy), target)
    before, after = (
        {str(each) for each in check_wheel(one).findings if each.severity is wheelfix.Severity.ERROR}
        for one in (path, target)
    )
    assert after <= before
    with Wheel(target) as wheel:
        assert make_plan(wheel, edits=edits, policy=policy).is_empty
    return target


def names(path: Path) -> list[str]:
    with ZipFile(path) as archive:
        return archive.namelist()


def content(path: Path, file: str) -> bytes:
    with ZipFile(path) as archive:
        return archive.read(f"{INFO}/{file}")


def reason(path: Path, edits: Sequence[Edit], policy: Policy = Policy()) -> str:
    """Return why edits are refused."""
    problem = plan_of(path, edits, policy).problem
    assert problem is not None
    return problem.reason or problem.message


def test_a_directory_goes_with_its_rows_and_its_name_in_top_level(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, "demo/tests/x.py", dist_info_files={"top_level.txt": b"demo\r\n tests \r\n"})
    result = edited(path, removing("tests/"))
    assert set(names(path)) - set(names(result)) == set(TESTS)
    assert content(result, "top_level.txt") == b"demo\r\n"
    rows = Record.parse(content(result, "RECORD"))
    assert not any(rows.find(name) for name in TESTS)
    assert {row.path for _, row in rows.read_rows() if not isinstance(row, Exception)} == set(names(result))


def test_changes_name_each_file_with_its_rule(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, dist_info_files={"top_level.txt": b"demo\ntests\n"})
    changes = plan_of(path, removing("tests/")).changes
    assert [(each.field, each.action) for each in changes] == [
        ("top_level.txt", ChangeAction.REPLACE_FILE),
        *((name, ChangeAction.REMOVE_PAYLOAD_FILE) for name in TESTS),
    ]


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("*.pyc", {"demo/a.pyc", "demo/deep/b.pyc", "demo-1.0.data/purelib/c.pyc"}),
        ("/bin/tool", {"bin/tool"}),
        ("bin/*", {"bin/tool"}),
        ("*.data/scripts/", {"demo-1.0.data/scripts/run"}),
        ("demo/**/b.pyc", {"demo/deep/b.pyc"}),
        ("LICENSE", {"LICENSE", "demo/LICENSE"}),
        ("/LICENSE", {"LICENSE"}),
        ("nothing/", set()),
        ("demo", set()),
        ("**/LICENSE", {"LICENSE", "demo/LICENSE"}),
        ("*.dist-info/LICENSE", {f"{INFO}/LICENSE"}),
        (f"{INFO}/lic*/", {f"{INFO}/licenses/NOTICE"}),
    ],
)
def test_which_files_a_pattern_means(pattern: str, gone: set[str], tmp_path: Path) -> None:
    path = wheel_of(
        tmp_path, "demo/a.pyc", "demo/deep/b.pyc", "demo-1.0.data/purelib/c.pyc", "demo-1.0.data/scripts/run", "bin/tool",
        "bin/sub/tool2", "LICENSE", "demo/LICENSE", dist_info_files={"LICENSE": b"x", "licenses/NOTICE": b"y"},
    )  # fmt: skip
    plan = plan_of(path, removing(pattern), FORCE)
    assert {*plan.removed_entries, *(f"{INFO}/{each}" for each in plan.removed)} == gone
    if gone:
        assert set(names(path)) - set(names(edited(path, removing(pattern), FORCE))) == gone
    else:
        assert plan.is_empty


def test_a_rule_that_matches_nothing_does_not_apply(tmp_path: Path) -> None:
    path, file = wheel_of(tmp_path, *TESTS), tmp_path / "wheelfix.toml"
    file.write_text(
        "schema = 1\n"
        + "".join(
            f'[[rule]]\nid = "{name}"\nreason = "why"\naction = {{ remove-file = "{pattern}" }}\n'
            for name, pattern in (("one", "tests/"), ("two", "docs/"))
        )
    )
    [outcome] = wheelfix.fix_wheels([path], file, output=tmp_path / "out").outcomes
    assert outcome.applied_rules == ("one",)
    assert {each.rule for each in outcome.changes} == {"one"}
    assert {each.reason for each in outcome.changes} == {"why"}


@pytest.mark.parametrize(
    "pattern", ["*.dist-info/METADATA", "*.dist-info/", f"{INFO}/R*", "*.dist-info/WHEEL", "*.dist-info/sboms/wheelfix*"]
)
def test_files_that_wheelfix_looks_after_are_refused(pattern: str, tmp_path: Path) -> None:
    path = edited(wheel_of(tmp_path, *TESTS), removing("tests/"))
    with pytest.raises(EditError, match="cannot be replaced or removed"):
        plan_of(path, removing(pattern))


def test_directory_entries_go_where_nothing_is_left_in_them(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "a/", "a/b/", "a/b/x.pyc", "a/keep.txt", "empty/", "tests/", "tests/t.py")
    result = edited(path, removing("*.pyc", "tests/"))
    assert set(names(path)) - set(names(result)) == {"a/b/", "a/b/x.pyc", "tests/", "tests/t.py"}


def test_a_directory_alone_can_be_removed(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "empty/", "empty/deep/")
    assert set(names(path)) - set(names(edited(path, removing("empty/")))) == {"empty/", "empty/deep/"}


def test_rows_of_removed_directories_go(tmp_path: Path) -> None:
    """MeshInspector/MeshLib#6875: RECORD named directories, and files that installers then could not find."""
    rows = b"tests/,,\ntests/data,,\n/tests/data/,,\n./tests/helpers.py,,\ndemo/,,\n"
    path = wheel_of(tmp_path, *TESTS)
    record = content(path, "RECORD")
    path = wheel_of(tmp_path, *TESTS, record=rows + record)
    with Wheel(path) as wheel:
        apply(wheel, make_plan(wheel, edits=removing("tests/")), tmp_path / "out" / path.name)
    left = content(tmp_path / "out" / path.name, "RECORD")
    assert b"tests" not in left
    assert left.startswith(b"demo/,,\ndemo/__init__.py,")


@pytest.mark.parametrize("style", [RecordStyle(line_end="\r\n"), RecordStyle()])
def test_other_rows_keep_their_bytes(style: RecordStyle, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, "demo/a,b.txt", style=style)
    before, after = (content(each, "RECORD").splitlines(True) for each in (path, edited(path, removing("tests/"))))
    assert [row for row in after if b"sboms" not in row] == [row for row in before if not row.startswith(b"tests/")]


def test_other_entries_keep_their_bytes(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, contents={"demo/big.bin": bytes(range(256)) * 999}, folders=True)
    result = edited(path, removing("tests/"))
    difference = wheelfix.compare_wheels(path, result)
    with ZipFile(path) as one, ZipFile(result) as two:
        for name in two.namelist():
            if not name.startswith(INFO):
                assert one.read(name) == two.read(name)
                assert one.getinfo(name).date_time == two.getinfo(name).date_time
    assert difference is not None


_UTIL = {"demo/util.py": b""}
NEEDED: list[tuple[dict[str, bytes], str, str]] = [
    ({"demo/cli.py": b"import os\nfrom tests.helpers import x\n"}, "tests/", "tests/helpers.py < demo/cli.py (line 2)"),
    ({"demo/cli.py": b"import tests\n"}, "tests/", "tests/__init__.py < demo/cli.py (line 1)"),
    ({"demo/cli.py": b"from demo import util\n", **_UTIL}, "demo/util.py", "demo/util.py < demo/cli.py (line 1)"),
    ({"demo/cli.py": b"from . import util\n", **_UTIL}, "demo/util.py", "demo/util.py < demo/cli.py (line 1)"),
    ({"demo/__init__.py": b"from .util import *\n", **_UTIL}, "util.py", "demo/util.py < demo/__init__.py (line 1)"),
    ({"demo/a/b.py": b"from ..util import x\n", **_UTIL}, "util.py", "demo/util.py < demo/a/b.py (line 1)"),
    ({"demo/cli.py": b"import demo.a\n", "demo/a.abi3.so": b""}, "*.so", "demo/a.abi3.so < demo/cli.py (line 1)"),
    ({"demo/cli.py": b"import demo.a\n", "demo/a.pyd": b""}, "*.pyd", "demo/a.pyd < demo/cli.py (line 1)"),
    ({"demo/cli.py": b"import_module('tests.helpers')\n"}, "tests/", "tests/helpers.py < demo/cli.py (line 1)"),
    ({"demo/cli.py": b"import space.x\n", "space/x.py": b""}, "space/", "space/x.py < demo/cli.py (line 1)"),
    (
        {"demo-1.0.data/scripts/run": b"#!python\nimport tests\n"},
        "tests/",
        "tests/__init__.py < demo-1.0.data/scripts/run (line 2)",
    ),
    (
        {"demo-1.0.data/purelib/more.py": b"import tests\n"},
        "tests/",
        "tests/__init__.py < demo-1.0.data/purelib/more.py (line 1)",
    ),
    (
        {"demo/sub/__init__.py": b"", "demo/sub/x.py": b""},
        "demo/sub/__init__.py",
        "demo/sub/__init__.py makes a package of the directory of demo/sub/x.py",
    ),
    ({f"{INFO}/x": b""}, "demo/", "no file but those in dist-info would be left"),
]


@pytest.mark.parametrize(("files", "pattern", "expected"), NEEDED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_an_import_needs_is_not_removed(files: dict[str, bytes], pattern: str, expected: str, tmp_path: Path) -> None:
    expected = expected.replace(" < ", " is imported by ")
    info = {name.removeprefix(f"{INFO}/"): data for name, data in files.items() if name.startswith(INFO)}
    files = {name: data for name, data in files.items() if not name.startswith(INFO)}
    path = wheel_of(tmp_path, *(() if info else TESTS), contents=files, dist_info_files=info)
    assert reason(path, removing(pattern)) == expected
    with Wheel(path) as wheel, pytest.raises(NeedError):
        apply(wheel, make_plan(wheel, edits=removing(pattern)), tmp_path / "out" / path.name)
    forced = plan_of(path, removing(pattern), FORCE)
    assert forced.problem is None
    assert f"Forced: {expected}." in forced.notes


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        ({"demo/cli.py": b"try:\n    import tests\nexcept ImportError:\n    tests = None\n"}, "tests/"),
        ({"demo/cli.py": b"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tests\n"}, "tests/"),
        ({"demo/cli.py": b"# import tests\n'import tests'\n"}, "tests/"),
        ({"demo/cli.py": b"import tests2, demo.tests\n", "tests2.py": b"", "demo/tests.py": b""}, "tests/"),
        ({"demo/cli.py": b"from .tests import x\n", "demo/tests.py": b""}, "tests/"),
        ({"tests/more.py": b"import tests.helpers\n"}, "tests/"),
        ({"demo/cli.py": b"import demo.a\n", "demo/a.py": b"", "demo/a.pyc": b""}, "*.pyc"),
        (
            {"demo/cli.py": b"import demo.a\n", "demo/a.py": b"", "demo/__pycache__/a.cpython-312.pyc": b""},
            "**/__pycache__/",
        ),
        ({"demo/readme.txt": b"import tests\n", "demo-1.0.data/scripts/run": b"#!/bin/sh\nimport tests\n"}, "tests/"),
        ({"demo/data/x.json": b"", "demo/cli.py": b"from . import data\n"}, "demo/data/"),
    ],
)
def test_what_no_import_needs_is_removed(files: dict[str, bytes], pattern: str, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, contents=files)
    assert plan_of(path, removing(pattern)).problem is None
    edited(path, removing(pattern))


def test_source_that_is_not_read_may_need_it(tmp_path: Path) -> None:
    large = b"x = 1\n" * 400_000
    path = wheel_of(tmp_path, *TESTS, contents={"demo/large.py": large})
    problem = plan_of(path, removing("tests/")).problem
    assert problem is not None
    assert (problem.code, problem.reason) == ("file-need-unknown", "demo/large.py is larger than 2097152 bytes")
    assert plan_of(path, removing("*.json")).problem is None  # no module: nobody imports it
    certain = wheel_of(tmp_path / "2", *TESTS, contents={"demo/large.py": large, "demo/z.py": b"import tests"})
    problem = plan_of(certain, removing("tests/")).problem
    assert problem is not None
    assert problem.code == "file-needed"


def test_an_entry_point_needs_its_module(tmp_path: Path) -> None:
    points = b"[console_scripts]\ndemo = demo.cli:main\n[demo.plugins]\nx = tests.helpers.Class\n"
    path = wheel_of(tmp_path, *TESTS, "demo/cli.py", dist_info_files={"entry_points.txt": points})
    assert reason(path, removing("cli.py")) == "demo/cli.py is the module of the entry point [console_scripts] demo"
    assert reason(path, removing("tests/")) == "tests/helpers.py is the module of the entry point [demo.plugins] x"
    both: list[Edit] = [RemoveFiles(("cli.py",)), RemoveEntryPoint(group=("console_scripts",), missing_module=True)]
    assert content(edited(path, both), "entry_points.txt") == b"[demo.plugins]\nx = tests.helpers.Class\n"


def test_entry_points_that_cannot_be_read_may_need_it(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, dist_info_files={"entry_points.txt": b"[x]\n; a = b\n"})
    problem = plan_of(path, removing("tests/")).problem
    assert problem is not None
    assert problem.code == "file-need-unknown"


def test_scripts_without_their_modules_go(tmp_path: Path) -> None:
    """electricitymaps/electricitymaps-contrib#8732: console scripts of a directory that the wheel has not."""
    points = (
        b"# made by hand\r\n[console_scripts]\r\ntest_parser=scripts.test_parser:main\r\nrun = demo.cli:main\r\n\r\n"
        b"[gui_scripts]\r\nquality = scripts.quality:main\r\n\r\n[demo.plugins]\r\na=demo.cli:x\r\n"
    )
    path = wheel_of(tmp_path, "demo/cli.py", dist_info_files={"entry_points.txt": points})
    result = edited(path, [RemoveEntryPoint(missing_module=True)])
    assert content(result, "entry_points.txt") == (
        b"# made by hand\r\n[console_scripts]\r\nrun = demo.cli:main\r\n\r\n[demo.plugins]\r\na=demo.cli:x\r\n"
    )
    changes = plan_of(path, [RemoveEntryPoint(missing_module=True)]).changes
    assert [(each.field, each.action, each.before, each.after) for each in changes] == [
        ("[console_scripts] test_parser", ChangeAction.REMOVE_ENTRY_POINT, "scripts.test_parser:main", None),
        ("[gui_scripts] quality", ChangeAction.REMOVE_ENTRY_POINT, "scripts.quality:main", None),
    ]


def test_a_file_without_entry_points_goes(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, dist_info_files={"entry_points.txt": b"[console_scripts]\na = b:c\n"})
    result = edited(path, [RemoveEntryPoint(("a",))])
    assert f"{INFO}/entry_points.txt" not in names(result)
    assert b"entry_points" not in content(result, "RECORD")


def test_the_first_entry_point_makes_the_file(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "demo/cli.py")
    result = edited(path, [AddEntryPoint("console_scripts", "demo", "demo.cli:main")])
    assert content(result, "entry_points.txt") == b"[console_scripts]\ndemo = demo.cli:main\n"
    with ZipFile(result) as archive:
        assert archive.getinfo(f"{INFO}/entry_points.txt").date_time == archive.getinfo(f"{INFO}/METADATA").date_time


def test_an_entry_point_of_the_same_name_gets_the_value(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, "demo/cli.py", dist_info_files={"entry_points.txt": b"[console_scripts]\ndemo=demo:main\n"})
    edit = AddEntryPoint("console_scripts", "demo", "demo.cli:main")
    assert content(edited(path, [edit]), "entry_points.txt") == b"[console_scripts]\ndemo=demo.cli:main\n"
    [change] = plan_of(path, [edit]).changes
    assert (change.before, change.after) == ("demo:main", "demo.cli:main")


def test_a_new_entry_point_needs_its_module(tmp_path: Path) -> None:
    path = wheel_of(tmp_path)
    edit = AddEntryPoint("console_scripts", "demo", "demo.cli:main")
    assert reason(path, [edit]) == "the module of the entry point [console_scripts] demo is not in the wheel"
    assert plan_of(path, [edit], FORCE).problem is None
    assert plan_of(path, [edit, RemoveEntryPoint(("demo",))]).is_empty


def test_edits_that_undo_each_other_change_nothing(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, dist_info_files={"entry_points.txt": b"[console_scripts]\na = demo:x\n"})
    edits: list[Edit] = [AddEntryPoint("console_scripts", "a", "demo:y"), AddEntryPoint("console_scripts", "a", "demo:x")]
    assert plan_of(path, edits).is_empty
    assert not plan_of(path, edits).changes


@pytest.mark.parametrize(
    "edit",
    [
        AddEntryPoint("console_scripts", "a b", "demo:main"),
        AddEntryPoint("console_scripts", "python3", "demo:main"),
        AddEntryPoint("console_scripts", "demo", "demo/main.py"),
        AddEntryPoint("[x]", "demo", "demo:main"),
        AddEntryPoint("x", "[demo]", "demo:main"),
        AddEntryPoint("x", "a=b", "demo:main"),
        AddEntryPoint("x", "a", "demo:main\n[console_scripts]\nb = c:d"),
        AddEntryPoint("DEFAULT", "a", "demo:main"),
    ],
    ids=repr,
)
def test_entry_points_that_not_every_installer_takes_are_refused(edit: Edit, tmp_path: Path) -> None:
    with pytest.raises(EditError) as caught:
        plan_of(wheel_of(tmp_path), [edit])
    assert caught.value.code == "invalid-entry-point"


@pytest.mark.parametrize(
    "content", [b"[x]\n; a = b:c\n", b"[x]\na = b:c\na = d:e\n", b"a = b\n", b"[x]\na = b\n c = d\n", b"\xff"]
)
def test_files_that_readers_understand_differently_are_not_changed(content: bytes, tmp_path: Path) -> None:
    path = wheel_of(tmp_path, dist_info_files={"entry_points.txt": content})
    for edit in (AddEntryPoint("y", "a", "demo:main"), RemoveEntryPoint(("a",))):
        with pytest.raises(EditError) as caught:
            plan_of(path, [edit])
        assert caught.value.code == "ambiguous-entry-points"


def test_a_file_that_may_be_damaged_is_not_vouched_for(tmp_path: Path) -> None:
    spec = WheelSpec(dist_info_files={"entry_points.txt": b"[x]\na = demo:b\nc = demo:d\n"})
    good = content(write_wheel(tmp_path, spec), "RECORD")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"other").digest()).rstrip(b"=").decode()
    record = re.sub(r"(?m)^(.*entry_points\.txt),.*$", rf"\1,sha256={digest},26", good.decode()).encode()
    assert record != good
    path = write_wheel(tmp_path, replace(spec, record=record))
    problem = plan_of(path, [RemoveEntryPoint(("a",))]).problem
    assert problem is not None
    assert problem.code == "damaged-file"


def test_a_licence_that_metadata_names_stays(tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n\n"
    path = wheel_of(tmp_path, metadata=metadata, dist_info_files={"licenses/LICENSE": b"MIT"})
    with Wheel(path) as wheel, pytest.raises(wheelfix.WheelfixError) as caught:
        apply(wheel, make_plan(wheel, edits=removing("*.dist-info/licenses/LICENSE")), tmp_path / "out" / path.name)
    assert caught.value.code == "new-error"


def test_files_together_with_others(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, "demo/cli.py")
    edits: list[Edit] = [
        RemoveFiles(("tests/",)),
        WriteFile("NOTICE", b"changed"),
        AddEntryPoint("console_scripts", "demo", "demo.cli:main"),
    ]
    result = edited(path, edits)
    assert {f"{INFO}/NOTICE", f"{INFO}/entry_points.txt"} <= set(names(result))


def test_namespace_packages_follow(tmp_path: Path) -> None:
    lists = {"top_level.txt": b"ns\nold\n", "namespace_packages.txt": b"old\n"}
    path = wheel_of(tmp_path, "ns/a.py", "old/b.py", dist_info_files=lists)
    result = edited(path, removing("old/"))
    assert content(result, "top_level.txt") == b"ns\n"
    assert f"{INFO}/namespace_packages.txt" not in names(result)


def test_names_that_were_never_there_stay_in_top_level(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, "single.py", dist_info_files={"top_level.txt": b"demo\nghost\nsingle\ntests"})
    assert content(edited(path, removing("tests/")), "top_level.txt") == b"demo\nghost\nsingle\n"


@pytest.mark.parametrize("wrong", ["keep one", "remove one more", "keep a row"])
def test_the_proof_notices_another_set_of_files(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wheelfix.fix import assemble

    real = assemble.Assembly.edits.fget  # type: ignore[attr-defined]

    def edits(self: assemble.Assembly) -> Any:
        planned = real(self)
        gone = {
            "keep one": planned.removed - {"tests/helpers.py"},
            "remove one more": planned.removed | {"demo/__init__.py"},
        }
        return replace(planned, removed=frozenset(gone.get(wrong, planned.removed)))

    monkeypatch.setattr(assemble.Assembly, "edits", property(edits))
    if wrong == "keep a row":
        monkeypatch.setattr(Record, "without_any", lambda self, paths: self)
    path = wheel_of(tmp_path, *TESTS)
    with Wheel(path) as wheel, pytest.raises(VerificationError):
        apply(wheel, make_plan(wheel, edits=removing("tests/")), tmp_path / "out" / path.name)
    assert not list((tmp_path / "out").iterdir())


def test_a_repair_and_files_in_one_run(tmp_path: Path) -> None:
    """The repair lists a file that RECORD lacks, and the rule removes it."""
    path = wheel_of(tmp_path, *TESTS)
    record = b"".join(row for row in content(path, "RECORD").splitlines(True) if b"helpers" not in row)
    path = wheel_of(tmp_path, *TESTS, record=record)
    file = tmp_path / "wheelfix.toml"
    file.write_text('schema = 1\n[[rule]]\nid = "one"\nreason = "why"\naction = { remove-file = "tests/" }\n')
    [outcome] = wheelfix.fix_wheels([path], file, output=tmp_path / "out", repair=True).outcomes
    assert outcome.problem is None
    assert outcome.output is not None
    assert b"tests/" not in content(outcome.output, "RECORD")


def test_a_local_version_and_files_in_one_run(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, *TESTS, "demo-1.0.data/scripts/a", "demo-1.0.data/scripts/b")
    edits: list[Edit] = [*removing("*.data/scripts/a"), wheelfix.SetLocal("x")]
    with Wheel(path) as wheel:
        plan = make_plan(wheel, edits=edits)
        apply(wheel, plan, tmp_path / "out" / str(plan.renaming.filename))
    [result] = (tmp_path / "out").iterdir()
    assert "demo-1.0+x.data/scripts/b" in names(result)
    assert "demo-1.0+x.data/scripts/a" not in names(result)


def test_removing_one_file_of_dist_info_stays_an_edit_of_its_own(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, dist_info_files={"NOTICE": b""})
    assert f"{INFO}/NOTICE" not in names(edited_once(path, [RemoveFile("NOTICE")]))


def edited_once(path: Path, edits: Sequence[Edit]) -> Path:
    target = path.parent / "fixed" / path.name
    with Wheel(path) as wheel:
        apply(wheel, make_plan(wheel, edits=edits), target)
    return target


def test_one_pattern_is_not_a_list_of_its_letters() -> None:
    """Pitfall 46: ``*`` among the letters would be every file."""
    assert RemoveFiles("*.pth") == RemoveFiles(("*.pth",))
    assert RemoveEntryPoint("demo", "gui_*") == RemoveEntryPoint(("demo",), ("gui_*",))
