"""``wheelfix edit``: changes from options, what they amount to as rules, and what is wrong with options."""

from pathlib import Path

import pytest

from building import Entry, WheelSpec, write_wheel
from elfwriter import shared_object
from running import Ran, wheelfix
from wheelfix.cli.changes import CHANGES
from wheelfix.cli.edit import EDITING
from wheelfix.wheel.wheel import Wheel

METADATA = """\
Metadata-Version: 2.1
Name: demo
Version: 1.0
Summary: A wheel for tests
Author-email: me@example.org
Classifier: Topic :: System
Classifier: Framework :: Pytest
Provides-Extra: x
Requires-Dist: numpy>=1.2,<2
Requires-Dist: triton==3.0
Requires-Dist: foo; extra == 'x'

"""
WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def _wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_wheel(Path(), WheelSpec(metadata=METADATA.encode()))


def edit(*options: object, wheel: str = WHEEL) -> Ran:
    return wheelfix("edit", *options, wheel)


def fields(path: str | Path, *names: str) -> list[str]:
    """Return the fields called ``names``, all without any, as lines."""
    with Wheel(Path(path)) as wheel:
        return [f"{each.name}: {each.value}" for each in wheel.document.fields if not names or each.name in names]


ADDED = ["Classifier: Private :: Do Not Upload"]
CASES: dict[str, tuple[tuple[str, ...], list[str], list[str]]] = {
    "requires-python": (("--requires-python", ">=3.10"), [], ["Requires-Python: >=3.10"]),
    "drop": (("--drop", "triton"), ["Requires-Dist: triton==3.0"], []),
    "drop another spelling": (("--drop", "Triton"), ["Requires-Dist: triton==3.0"], []),
    "drop by pattern": (("--drop", "t*ton"), ["Requires-Dist: triton==3.0"], []),
    "drop whole": (("--drop", "foo; extra == 'x'"), ["Requires-Dist: foo; extra == 'x'"], []),
    "add": (("--add", "packaging>=24"), [], ["Requires-Dist: packaging>=24"]),
    "replace": (
        ("--replace-requirement", "numpy", "numpy>=2"), ["Requires-Dist: numpy>=1.2,<2"], ["Requires-Dist: numpy>=2"],
    ),
    "replace by template": (
        ("--replace-requirement", "triton==3.0", "triton-cpu{specifier}"),
        ["Requires-Dist: triton==3.0"],
        ["Requires-Dist: triton-cpu==3.0"],
    ),
    "replace by two": (
        ("--replace-requirement", "triton", "a{specifier}", "--replace-requirement", "triton", "b"),
        ["Requires-Dist: triton==3.0"],
        ["Requires-Dist: a==3.0", "Requires-Dist: b"],
    ),
    "relax": (("--relax", "triton"), ["Requires-Dist: triton==3.0"], ["Requires-Dist: triton>=3.0"]),
    "drop an upper limit": (
        ("--drop-upper", "numpy"), ["Requires-Dist: numpy>=1.2,<2"], ["Requires-Dist: numpy>=1.2"],
    ),
    "set": (("--set", "License=MIT"), [], ["License: MIT"]),
    "set what is there": (("--set", "summary = x=y"), ["Summary: A wheel for tests"], ["Summary: x=y"]),
    "set all values": (
        ("--set", "Classifier=Topic :: System", "--set", "classifier=Private :: Do Not Upload"),
        ["Classifier: Framework :: Pytest"],
        ADDED,
    ),
    "add a value": (("--add-field", "Classifier=Private :: Do Not Upload"), [], ADDED),
    "remove": (("--remove", "Author-email"), ["Author-email: me@example.org"], []),
    "remove all values": (
        ("--remove", "classifier"), ["Classifier: Topic :: System", "Classifier: Framework :: Pytest"], [],
    ),
    "remove a value": (("--remove", "Classifier=Topic :: System"), ["Classifier: Topic :: System"], []),
    "remove an extra": (
        ("--remove", "Provides-Extra=X"), ["Provides-Extra: x", "Requires-Dist: foo; extra == 'x'"], [],
    ),
    "name": (("--name", "Acme.Demo"), ["Name: demo"], ["Name: Acme.Demo"]),
    "version": (("--version", "2.0+own"), ["Version: 1.0"], ["Version: 2.0+own"]),
    "post-release": (("--post", "+1"), ["Version: 1.0"], ["Version: 1.0.post1"]),
    "local version": (("--local", "cpu"), ["Version: 1.0"], ["Version: 1.0+cpu"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_change(case: str) -> None:
    options, gone, new = CASES[case]
    ran = edit(*options)
    assert ran.code == 0, ran.err
    [path] = ran.lines
    before, after = fields(WHEEL), fields(path)
    assert [each for each in before if each not in after] == gone
    assert [each for each in after if each not in before] == new


@pytest.mark.parametrize("case", CASES)
def test_the_second_time_nothing_changes(case: str) -> None:
    options, *_ = CASES[case]
    [first] = edit(*options).lines
    again = edit("-o", "again", *options, wheel=first)
    assert again.code == 0
    assert Path(again.lines[0]).read_bytes() == Path(first).read_bytes()
    assert "unchanged: nothing to change" in again.err


@pytest.mark.parametrize("case", CASES)
def test_the_printed_rules_make_the_same_wheel(case: str) -> None:
    """What is printed is what ran: the same bytes, provenance included."""
    options, *_ = CASES[case]
    [by_options] = edit("--reason", "we say so", *options).lines
    Path("wheelfix.toml").write_text(
        "schema = 1\n" + edit("--reason", "we say so", "--check", "--format", "json", *options).report["as_rules"]
    )
    [by_rules] = wheelfix("fix", "-o", "by-rules", WHEEL).lines
    assert Path(by_rules).name == Path(by_options).name
    assert Path(by_rules).read_bytes() == Path(by_options).read_bytes()


NO_FIELD = {
    "--add-file", "--build-tag", "--tag", "--add-tag", "--remove-tag", "--remove-file", "--entry-point",
    "--remove-entry-point",
}  # fmt: skip
"""Options that change no field of METADATA."""


def test_every_option_that_changes_something_has_a_case() -> None:
    tried = {word for options, *_ in CASES.values() for word in options if word.startswith("--")}
    own = {f"--{name.replace('_', '-')}" for name in CHANGES}
    assert own - tried == NO_FIELD


def test_a_build_tag_and_a_file() -> None:
    Path("NOTICE").write_bytes(b"\xff\n")
    ran = edit("--build-tag", "1x", "--add-file", "licenses/NOTICE=NOTICE", "-v")
    assert (ran.code, ran.lines) == (0, ["fixed/demo-1.0-1x-py3-none-any.whl"])
    with Wheel(Path(ran.lines[0])) as wheel:
        assert wheel.read("licenses/NOTICE") == b"\xff\n"
    assert "    # --add-file licenses/NOTICE=NOTICE has no rule: run `wheelfix edit` again\n" in ran.err
    assert '    action = { set-build-tag = "1x" }\n' in ran.err


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        (("--tag", "cp311-none-any"), "cp311-none-any"),
        (("--tag", "py2-none-any", "--tag", "py3-none-any"), "py3.py2-none-any"),
        (("--add-tag", "py2-none-any"), "py3.py2-none-any"),
        (("--add-tag", "py2-none-any", "--remove-tag", "py3-*"), "py2-none-any"),
    ],
)
def test_tags(options: tuple[str, ...], tags: str) -> None:
    ran = edit(*options)
    assert (ran.code, ran.lines) == (0, [f"fixed/demo-1.0-{tags}.whl"])
    again = edit(*options, "-o", "again", wheel=ran.lines[0])
    assert Path(again.lines[0]).read_bytes() == Path(ran.lines[0]).read_bytes()
    report = edit(*options, "--check", "--format", "json").report
    Path("wheelfix.toml").write_text("schema = 1\n" + report["as_rules"])
    assert Path(wheelfix("fix", "-o", "by-rules", WHEEL).lines[0]).read_bytes() == Path(ran.lines[0]).read_bytes()


PAYLOAD = (
    Entry("demo/__init__.py", b""),
    Entry("demo/cli.py", b"def main(): ...\n"),
    Entry("tests/test_demo.py", b""),
    Entry("bin/tool", b"#!/bin/sh\n"),
)
SCRIPTS = b"[console_scripts]\ndemo = demo.cli:main\nold = gone.cli:main\n\n[other]\nold = demo.cli:main\n"
ALL_FILES = ["demo/__init__.py", "demo/cli.py", "tests/test_demo.py", "bin/tool"]
FILES: dict[str, tuple[tuple[str, ...], list[str], bytes]] = {
    "a directory": (("--remove-file", "tests/"), ["bin/tool", "demo/__init__.py", "demo/cli.py"], SCRIPTS),
    "two patterns": (
        ("--remove-file", "tests/", "--remove-file", "bin/tool"), ["demo/__init__.py", "demo/cli.py"], SCRIPTS,
    ),
    "a new script": (
        ("--entry-point", "new = demo.cli:main"),
        ALL_FILES,
        SCRIPTS.replace(b"gone.cli:main\n", b"gone.cli:main\nnew = demo.cli:main\n"),
    ),
    "a new plug-in": (
        ("--entry-point", "other:new=demo.cli:main"),
        ALL_FILES,
        SCRIPTS + b"new = demo.cli:main\n",
    ),
    "scripts of one name": (
        ("--remove-entry-point", "old"),
        ALL_FILES,
        b"[console_scripts]\ndemo = demo.cli:main\n",
    ),
    "a script of one group": (
        ("--remove-entry-point", "console_*:ol?"),
        ALL_FILES,
        SCRIPTS.replace(b"old = gone.cli:main\n", b""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_and_entry_points(case: str) -> None:
    options, files, scripts = FILES[case]
    path = write_wheel(Path(), WheelSpec("other", files=PAYLOAD, dist_info_files={"entry_points.txt": SCRIPTS}))
    ran = edit(*options, wheel=str(path))
    assert ran.code == 0, ran.err
    with Wheel(Path(ran.lines[0])) as wheel:
        assert {each.name for each in wheel.layout.entries if ".dist-info/" not in each.name} == {*files}
        assert wheel.read("entry_points.txt").rstrip() == scripts.rstrip()
    again = edit(*options, "-o", "again", wheel=ran.lines[0])
    assert Path(again.lines[0]).read_bytes() == Path(ran.lines[0]).read_bytes()
    report = edit(*options, "--check", "--format", "json", wheel=str(path)).report
    Path("wheelfix.toml").write_text("schema = 1\n" + report["as_rules"])
    assert Path(wheelfix("fix", "-o", "by-rules", path).lines[0]).read_bytes() == Path(ran.lines[0]).read_bytes()


@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_root_is_purelib_is_a_field_of_the_wheel(value: str) -> None:
    ran = edit("--set", f"Root-Is-Purelib={value}")
    with Wheel(Path(ran.lines[0])) as wheel:
        assert b"Root-Is-Purelib: false\n" in wheel.read("WHEEL")
    assert edit("--set", "Root-Is-Purelib=no").code == 2


def test_a_file_alone() -> None:
    Path("NOTICE").write_bytes(b"x")
    ran = edit("--add-file", "NOTICE=NOTICE", "--diff")
    assert (ran.code, ran.out) == (0, "")
    assert "\n  + NOTICE\n" in ran.err
    assert "note: --add-file NOTICE=NOTICE has no rule: run `wheelfix edit` again\n" in ran.err
    assert "help:" not in ran.err  # there is nothing to paste
    assert "[[rule]]" not in ran.err


def test_several_changes_at_once_in_one_pass() -> None:
    ran = edit("--drop", "triton", "--requires-python", ">=3.9", "--replace-requirement", "t*", "numpy>=2", "--local", "own")
    assert ran.lines == ["fixed/demo-1.0+own-py3-none-any.whl"]
    assert fields(ran.lines[0], "Requires-Dist", "Requires-Python") == [
        "Requires-Dist: numpy>=1.2,<2",
        "Requires-Dist: numpy>=2",  # what replaces comes before what drops: one option decides on a requirement
        "Requires-Dist: foo; extra == 'x'",
        "Requires-Python: >=3.9",
    ]


def test_findings_are_about_the_option_that_they_come_from() -> None:
    """The rules of requirements come first, whatever the order of options."""
    ran = edit("--remove", "License", "--remove", "Provides-Extra=y", "--set", "Summary=x", "--drop", "qqq")
    for option in ("--remove License", "--remove Provides-Extra=y", "--drop qqq"):
        assert f"warning[rule-unused]: {option}: applied to nothing in this run" in ran.err
    assert ran.err.count("rule-unused") == 3


def test_the_report_names_rule_and_reason() -> None:
    report = edit("--drop", "triton", "--reason", "we compile nothing", "--format", "json").report
    assert report["command"] == "edit"
    [change] = report["wheels"][0]["changes"]
    assert (change["rule"], change["reason"]) == ("edit-drop-triton", "we compile nothing")
    assert report["as_rules"] == (
        '# for every wheel; add when = { project = "demo" } to limit a rule to these\n'
        '\n[[rule]]\nid = "edit-drop-triton"\nreason = "we compile nothing"\nmatch = { name = "triton" }\naction = "drop"\n'
    )


@pytest.mark.parametrize(
    ("options", "printed"), [((), False), (("-v",), True), (("--diff",), True), (("--diff", "-q"), False)]
)
def test_the_rules_are_printed_where_they_are_looked_at(options: tuple[str, ...], printed: bool) -> None:
    ran = edit("--drop", "triton", *options)
    head = "help: to do the same again, add this to wheelfix.toml, below `schema = 1`, and run `wheelfix fix`:\n"
    assert (head in ran.err) is printed
    assert "[[rule]]" not in ran.out


def test_what_was_refused_is_not_to_be_done_again() -> None:
    other = write_wheel(Path(), WheelSpec("other", metadata=METADATA.replace("demo", "other").encode(), files=PAYLOAD))
    refused = edit("--entry-point", "gui_scripts:foo=a:b", "--diff")
    assert refused.code == 3
    assert "[[rule]]" not in refused.err
    assert "[[rule]]" in wheelfix("edit", "--entry-point", "foo=demo.cli:main", "--diff", WHEEL, other).err


def test_a_new_name_is_for_one_project() -> None:
    """A rule that gives every wheel one name would have a finding of its own."""
    ran = edit("--name", "acme", "--drop", "triton", "--check", "--format", "json")
    when, drop, name = ran.report["as_rules"].partition('when = { project = "demo" }\n')
    assert "# for every wheel; add" in when
    assert drop
    assert 'action = { set-name = "acme" }' in name
    Path("wheelfix.toml").write_text(
        "schema = 1\n" + edit("--name", "acme", "--check", "--format", "json").report["as_rules"]
    )
    by_rule = wheelfix("fix", "--strict-rules", "-o", "by-rules", WHEEL)
    assert (by_rule.code, by_rule.lines) == (0, ["by-rules/acme-1.0-py3-none-any.whl"])
    assert "rule-one-name" not in by_rule.err
    assert "# for every wheel" not in Path("wheelfix.toml").read_text()


def test_a_new_name_is_for_the_project_that_metadata_names() -> None:
    """The file name can say another one, which may be what is to be put right."""
    path = Path(WHEEL).rename("acme-1.0-py3-none-any.whl")
    ran = edit("--name", "acme", "--check", "--format", "json", wheel=str(path))
    assert 'when = { project = "demo" }\n' in ran.report["as_rules"]
    assert ran.report["wheels"][0]["changes"][0]["after"] == "acme"


def test_files_that_change_have_signs() -> None:
    lists = {"entry_points.txt": SCRIPTS, "top_level.txt": b"demo\ntests\n"}
    path = write_wheel(Path(), WheelSpec("other", files=PAYLOAD, dist_info_files=lists))
    ran = edit("--remove-file", "tests/", "--remove-entry-point", "*", wheel=str(path))
    assert "\n  - tests/test_demo.py\n" in ran.err
    assert "\n  - entry_points.txt" in ran.err
    assert "\n  ~ top_level.txt" in ran.err
    assert "-file " not in ran.err


def test_refusals_of_wheels_speak_of_what_edit_has() -> None:
    no_tag = edit("--remove-tag", "py3-*")
    assert no_tag.err.splitlines()[1] == "  help: Keep one, or give it others in the same run."
    own = edit("--remove-file", "*.dist-info/METADATA")
    assert (
        own.err.splitlines()[1]
        == "  help: Use --set, --add-field and --remove, or SetField, AddField and RemoveField from Python."
    )
    alone = edit("--remove-file", "*")
    assert f"error[file-needed]: {WHEEL} not changed: no file but those in dist-info would be left\n" in alone.err
    assert alone.err.splitlines()[1] == "  help: Remove fewer files; --force removes them anyway."
    edit("--drop", "triton")
    again = edit("--drop", "numpy")
    assert "help: Make all changes in one run, a --repair too, with --overwrite; or fix that file itself with" in again.err


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        (("--drop", "tritn"), "--drop tritn: applied to nothing in this run. Did you mean triton?"),
        (("--drop", "qqq"), "--drop qqq: applied to nothing in this run"),
        (("--drop", "numpy>=1.2"), "--drop numpy>=1.2: applied to nothing in this run. Did you mean numpy>=1.2,<2?"),
        (
            ("--drop", "foo"),
            "--drop foo: applied to nothing in this run: only extras require what it names. "
            "To change it anyway, give the whole requirement: foo; extra == 'x'",
        ),
        (
            ("--replace-requirement", "nmpy", "numpy"),
            "--replace-requirement nmpy: applied to nothing in this run. Did you mean numpy?",
        ),
        (("--remove", "License"), "--remove License: applied to nothing in this run"),
        (
            ("--remove", "Autor"),
            "--remove Autor: applied to nothing in this run: Autor is no known field of METADATA. Did you mean Author?",
        ),
        (
            ("--remove", "Qqqq"),
            "--remove Qqqq: applied to nothing in this run: Qqqq is no known field of METADATA",
        ),
    ],
)
def test_what_applies_to_nothing_is_reported(options: tuple[str, ...], warning: str) -> None:
    ran = edit(*options)
    assert (ran.code, ran.lines) == (0, [f"fixed/{WHEEL}"])
    assert f"warning[rule-unused]: {warning}\n" in ran.err
    assert edit("--check", *options).code == 0
    strict = edit("--strict-rules", "-o", "strict", *options)
    assert (strict.code, strict.out) == (2, "")
    assert warning in strict.err
    assert not Path("strict").exists()


def test_each_option_that_applies_to_nothing_has_its_own_way_out() -> None:
    ran = edit("--drop", "foo", "--relax", "tritno", "--drop-upper", "triton")
    assert "--drop foo: applied to nothing in this run: only extras require what it names. To change it anyway" in ran.err
    assert "--relax tritno: applied to nothing in this run. Did you mean triton?\n" in ran.err
    assert "rule edit-drop-upper-triton: 'triton==3.0' is kept: set-specifier does not apply" in ran.err


def test_what_is_close_is_looked_up_in_wheels_that_can_be_read() -> None:
    Path("bad-1.0-py3-none-any.whl").write_bytes(b"no zip")
    ran = wheelfix("edit", "--drop", "tritn", WHEEL, "bad-1.0-py3-none-any.whl")
    assert ran.code == 3
    assert "rule-unused" not in ran.err  # a wheel that failed might have had it


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no change": ((), "error: no change given; nothing was done\n  help: Give one or more of --replace-requirement, "),
    "requires-python": (
        ("--requires-python", "3.10"),
        "error: --requires-python 3.10: '3.10' is not a valid Requires-Python: Invalid specifier: '3.10'; nothing was done\n"
        "  help: Did you mean >=3.10?\n",
    ),
    "a wrong expression": (("--set", "License-Expression=Foo"), "help: Write an SPDX expression, such as MIT or Apache-"),
    "drop nothing": (
        ("--drop", ""), "error: --drop '': the pattern is empty; nothing was done\n  help: Give a name or a pattern.\n",
    ),
    "remove an empty tag": (
        ("--remove-tag", ""), "error: --remove-tag '': the pattern is empty; nothing was done\n  help: Give a name or a",
    ),
    "an empty requires-python": (
        ("--requires-python", ""),
        "error: --requires-python '': the value is empty; nothing was done\n"
        "  help: To remove the field, use --remove Requires-Python.\n",
    ),
    "set to nothing": (
        ("--set", "license="),
        "error: --set license=: the value is empty; nothing was done\n  help: To remove the field, use --remove License.\n",
    ),
    "add an empty value": (("--add-field", "Classifier="), "error: --add-field Classifier=: it has no value; nothing was"),
    "half a boolean": (
        ("--set", "Root-Is-Purelib=no"),
        "error: --set Root-Is-Purelib=no: Root-Is-Purelib is either true or false; nothing was done\n"
        "  help: Use --set Root-Is-Purelib=true or --set Root-Is-Purelib=false.\n",
    ),
    "set a field of WHEEL": (
        ("--set", "Generator=x"),
        "error: --set Generator=x: Generator is a field of WHEEL; nothing was done\n"
        "  help: Only its tags, its build tag and Root-Is-Purelib can change.\n",
    ),
    "add a field of WHEEL": (("--add-field", "Tag=py3-none-any"), "help: Use --tag, --add-tag and --remove-tag.\n"),
    "remove a field of WHEEL": (("--remove", "Root-Is-Purelib"), "help: Use --set Root-Is-Purelib=true or --set Root-Is"),
    "drop a wrong pattern": (
        ("--drop", "nvidia_*"),
        "error: --drop nvidia_*: 'nvidia_*' never matches a normalized name (PEP 503); nothing was done\n"
        "  help: Write 'nvidia-*'.\n",
    ),
    "drop no name": (
        ("--drop", "(x)"),
        "error: --drop (x): '(x)' has characters that names cannot contain; nothing was done\n"
        "  help: Give a name, a pattern for names, or a whole requirement.\n",
    ),
    "add no requirement": (
        ("--add", "numpy>"),
        "error: --add numpy>: invalid requirement 'numpy>': ",
    ),
    "replace by nonsense": (
        ("--replace-requirement", "numpy", "{nmae}"),
        "error: --replace-requirement numpy: '{nmae}' has an unknown placeholder {nmae}; nothing was done\n"
        "  help: Did you mean name?\n",
    ),
    "replace by half": (("--replace-requirement", "numpy"), f"--replace-requirement numpy: {WHEEL} is a wheel; nothing"),
    "set without a value": (
        ("--set", "License"),
        "error: --set License: it has no value; nothing was done\n  help: Write FIELD=VALUE, such as License=MIT.\n",
    ),
    "set an unknown field": (
        ("--set", "Licence=MIT"), "error: --set Licence=MIT: unknown field 'Licence'; nothing was done\n  help: Did you",
    ),
    "set two values": (
        ("--set", "License=MIT", "--set", "license=BSD"),
        "error: --set License: the field can be used only once, and has two values; nothing was done\n"
        "  help: Give one value.\n",
    ),
    "set requirements": (
        ("--set", "requires-dist=numpy"),
        "error: --set requires-dist=numpy: requires-dist has options of its own; nothing was done\n"
        "  help: Use --add, --drop and --replace-requirement.\n",
    ),
    "add to a single field": (
        ("--add-field", "License=MIT"),
        "error: --add-field License=MIT: License can be used only once; nothing was done\n  help: Use --set.\n",
    ),
    "add no value": (("--add-field", "Classifier"), "error: --add-field Classifier: it has no value; nothing was done\n"),
    "remove requirements": (
        ("--remove", "Requires-Dist"),
        "error: --remove Requires-Dist: Requires-Dist has options of its own; nothing was done\n",
    ),
    "remove all extras": (("--remove", "Provides-Extra"), "Use --add-field Provides-Extra=NAME and --remove"),
    "remove what must be there": (
        ("--remove", "Metadata-Version"),
        "error: --remove Metadata-Version: Metadata-Version cannot be removed; nothing was done\n"
        "  help: Every METADATA must have it.\n",
    ),
    "a file without a source": (
        ("--add-file", "NOTICE"),
        "error: --add-file NOTICE: it names no file to read; nothing was done\n"
        "  help: Write PATH=FILE, such as licenses/NOTICE=./NOTICE.\n",
    ),
    "a file that is not there": (
        ("--add-file", "NOTICE=no-such"),
        "error: --add-file NOTICE=no-such: no-such cannot be read: No such file or directory; nothing was done\n",
    ),
    "a file elsewhere": (("--add-file", f"../x={WHEEL}"), "'../x' is no path below dist-info; nothing was done\n"),
    "a file of ours": (("--add-file", f"RECORD={WHEEL}"), "RECORD cannot be replaced or removed as a whole; nothing"),
    "METADATA as a file": (("--add-file", f"METADATA={WHEEL}"), "  help: Use --set, --add-field and --remove, or "),
    "WHEEL as a file": (("--add-file", f"WHEEL={WHEEL}"), "  help: Use --tag, --build-tag and --set, or "),
    "no local version": (("--local", "c p u"), "error: --local c p u: "),
    "no name": (("--name", "-"), "error: --name -: "),
    "no version": (("--version", "new"), "error: --version new: "),
    "no post-release": (("--post", "-1"), "error: --post -1: "),
    "two versions": (("--version", "2", "--post", "1"), "error: --version and --post exclude each other\n"),
    "set the name": (
        ("--set", "name=x"), "error: --set name=x: name has options of its own; nothing was done\n  help: Use --name.\n",
    ),
    "no tag": (("--tag", "py3"), "error: --tag py3: "),
    "set the tags": (("--set", "Tag=py3-none-any"), "help: Use --tag, --add-tag and --remove-tag.\n"),
    "in place with another tag": (("--in-place", "--add-tag", "py2-none-any"), "error: --in-place keeps the file's name"),
    "no entry point": (
        ("--entry-point", "demo"),
        "error: --entry-point demo: it has no value; nothing was done\n"
        "  help: Write NAME=MODULE:FUNCTION, such as demo=demo.cli:main.\n",
    ),
    "a wrong entry point": (("--entry-point", "demo=not a module"), "error: --entry-point demo=not a module: "),
    "no pattern for files": (("--remove-file", "../x"), "error: --remove-file ../x: "),
    "no pattern for entry points": (("--remove-entry-point", ""), "error: --remove-entry-point '': "),
    "no build tag": (("--build-tag", "x1"), "error: --build-tag x1: "),
    "in place under another name": (
        ("--in-place", "--local", "cpu"), "error: --in-place keeps the file's name; a new name, version or tag",
    ),
    "a reason of two lines": (("--drop", "triton", "--reason", "a\nb"), "invalid value for '--reason': it is not one line"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_options(case: str) -> None:
    options, message = WRONG[case]
    ran = edit(*options)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert [each.name for each in Path().iterdir()] == [WHEEL]


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    ran = edit("--set", "License", "--drop", "nvidia_*", "--add-file", "x=no-such", "--add", "numpy")
    assert ran.code == 2
    assert ran.err == (
        "error: 3 options cannot be used; nothing was done\n"
        "  --drop nvidia_*: 'nvidia_*' never matches a normalized name (PEP 503). Write 'nvidia-*'.\n"
        "  --set License: it has no value. Write FIELD=VALUE, such as License=MIT.\n"
        "  --add-file x=no-such: no-such cannot be read: No such file or directory. Check the path.\n"
    )


def test_a_large_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wheelfix.cli.changes._LARGEST_FILE", 3)
    Path("big").write_bytes(b"1234")
    ran = edit("--add-file", "x=big")
    assert ran.code == 2
    assert "big is larger than 3 bytes" in ran.err


def test_what_the_wheel_needs_is_refused_without_force() -> None:
    """An option that drops something is weighed like a rule."""
    binary = shared_object("x86_64", needed=("libcudnn.so.9",), soname="libdemo.so", exports=["PyInit__x"])
    files = (Entry("gpu/__init__.py", b""), Entry("gpu/_x.cpython-311-x86_64-linux-gnu.so", binary, mode=0o100755))
    path = write_wheel(
        Path(), WheelSpec("gpu", tags="cp311-cp311-manylinux_2_28_x86_64", requires=("nvidia-cudnn-cu12",), files=files)
    )
    refused = edit("--drop", "nvidia-*", wheel=str(path))
    assert (refused.code, refused.out) == (3, "")
    assert f"error[unsafe]: {path} not changed: it needs nvidia-cudnn-cu12\n" in refused.err
    assert edit("--drop", "nvidia-*", "--skip-gpu-builds", wheel=str(path)).code == 0
    assert edit("--drop", "nvidia-*", "--force", "-o", "forced", wheel=str(path)).code == 0


def test_names_from_a_file_are_those_of_wheels_that_change() -> None:
    """``[options] local`` means the same for every command: it is no change of its own."""
    Path("wheelfix.toml").write_text('[options]\nlocal = "own"\n')
    assert edit("--drop", "nothing-there").lines == [f"fixed/{WHEEL}"]
    assert edit("--drop", "triton", "-o", "out").lines == ["out/demo-1.0+own-py3-none-any.whl"]
    assert edit("--drop", "triton", "-o", "out", "--local", "cpu").lines == ["out/demo-1.0+cpu-py3-none-any.whl"]
    assert wheelfix("edit", WHEEL).code == 2


@pytest.mark.parametrize("name", ["DROP", "SET", "ADD_FILE", "EDIT_REQUIRES_PYTHON"])
def test_changes_are_for_one_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"WHEELFIX_{name}", "x")
    ran = edit("--drop", "triton")
    assert ran.code == 2
    assert "is allowed only on the command line, because it applies to a single run" in ran.err


def test_repair_comes_first_in_the_same_pass() -> None:
    write_wheel(Path(), WheelSpec(metadata=METADATA.replace("numpy>=1.2,<2", "numpy>=1.2.*").encode()))
    ran = edit("--repair", "--drop", "triton")
    assert ran.code == 0, ran.err
    assert fields(ran.lines[0], "Requires-Dist") == ["Requires-Dist: numpy>=1.2", "Requires-Dist: foo; extra == 'x'"]


def test_results_can_be_published() -> None:
    ran = edit("--publish", "mirror", "--drop", "triton", "--local", "own", "--yank-original", "needs triton")
    assert ran.code == 0, ran.err
    assert {Path(line).name for line in ran.lines} >= {"demo-1.0+own-py3-none-any.whl"}


def test_the_sections_of_the_help_name_options_that_exist() -> None:
    text = wheelfix("edit", "--help").out
    names = [name for section in EDITING.values() for name in section]
    assert len(names) == len(set(names))
    assert {name.replace("_", "-") for name in CHANGES} <= set(names)
    for title in EDITING:
        assert f"\n{title}:\n" in text


def test_hints_that_are_put_in_words_of_options_exist() -> None:
    """A hint that is worded in another way would be printed as it is for rules, and nobody would notice."""
    from wheelfix.cli.edit import _AS_OPTIONS
    from wheelfix.rules import values

    source = Path(values.__file__).read_text("utf-8")
    assert all(f'"{hint}"' in source for hint in _AS_OPTIONS)


def test_a_wheel_whose_name_is_none_can_be_given_one(tmp_path: Path) -> None:
    """The rule that it amounts to is for no project then: that would be no rule."""
    path = write_wheel(tmp_path, WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo!\nVersion: 1.0\n"))
    ran = wheelfix("edit", "--name", "demo", "--version", "1.0", "-o", "out", path)
    assert ran.code == 0, ran.err
    assert fields(Path("out") / path.name, "Name") == ["Name: demo"]
