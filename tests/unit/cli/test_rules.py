"""``wheelfix rules``: list, check, explain, test and schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from building import WheelSpec, write_wheel
from places import SCHEMAS
from running import wheelfix
from wheelfix.errors import RulesError
from wheelfix.rules.load import built_in, load_rules
from wheelfix.rules.schema import rules_schema

RULES = """schema = 1
[[rule]]
id = "one"
reason = "no foo"
url = "https://e.com/1"
match.name = "foo"
action = "drop"
[[rule.test]]
project = "demo"
requires = ["foo", "bar"]
expect = "bar"
[[rule]]
id = "two"
reason = "newer"
action = { set-field = { name = "Requires-Python", value = ">=3.10" } }
"""
SHADOWED = (
    RULES + '[[rule]]\nid = "three"\nreason = "r"\nmatch.name = "foo"\naction = "keep"\n[[rule.test]]\nproject = "x"\n'
)
FAULTY = 'schema = 1\n[[rule]]\nid = "bad"\nmatch.name = "X"\naction = "drp"\n'
SHADOW = SHADOWED.replace('action = "keep"', 'action = "drop"')


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own() -> Path:
    path = Path("wheelfix.toml")
    path.write_text(RULES)
    return path


def test_the_rules_in_force_are_listed_with_their_place(own: Path) -> None:
    ran = wheelfix("rules", "list")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "wheelfix.toml", "  one: drop name foo", "    no foo (https://e.com/1)",
        "  two: set-field Requires-Python: >=3.10", "    newer",
    ]  # fmt: skip
    assert wheelfix("rules", "list", "--rules", "gpu/npu").lines[0] == "gpu"


def test_the_list_as_json_and_toml(own: Path) -> None:
    found = json.loads(wheelfix("rules", "list", "--format", "json").out)
    assert (found["version"], found["command"]) == (1, "rules list")
    assert [(each["id"], each["origin"]) for each in found["rules"]] == [("one", "wheelfix.toml"), ("two", "wheelfix.toml")]
    ran = wheelfix("rules", "list", "--format", "toml", "--rules", own, "--rules", "gpu/npu")
    Path("flat.toml").write_text(ran.out)
    assert load_rules("flat.toml").rules == load_rules(own, "gpu/npu").rules


@pytest.mark.parametrize("command", [("list",), ("check",), ("test",), ("explain", "x-1-py3-none-any.whl")])
def test_without_rules_there_is_nothing_to_do(command: tuple[str, ...]) -> None:
    Path("x-1-py3-none-any.whl").touch()
    ran = wheelfix("rules", *command)
    assert (ran.code, ran.out) == (2, "")
    assert "no rules found" in ran.err
    assert "--rules gpu" in ran.err


@pytest.mark.parametrize(
    "command", [("list", "--rules"), ("check",), ("test",), ("explain", "x-1-py3-none-any.whl", "--rules")]
)
def test_invalid_rules_are_reported_with_every_error(command: tuple[str, ...]) -> None:
    Path("bad.toml").write_text(FAULTY)
    Path("x-1-py3-none-any.whl").touch()
    ran = wheelfix("rules", *command, "bad.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "3 errors in the rules" in ran.err
    assert "bad.toml:2: rule bad: action: unknown action 'drp'. Did you mean drop?" in ran.err


def test_of_many_errors_the_first_hundred_are_printed() -> None:
    Path("bad.toml").write_text("schema = 1\n" + "".join(f"k{number} = 1\n" for number in range(1_250)))
    ran = wheelfix("rules", "check", "bad.toml")
    first, *listed, last = ran.err.splitlines()
    assert (ran.code, first, last) == (2, "error[invalid-rules]: 1250 errors in the rules", "  ... 1,150 more")
    assert len(listed) == 100
    assert "k99: unknown key" in listed[-1]
    with pytest.raises(RulesError) as caught:
        load_rules("bad.toml")
    assert len(caught.value.findings) == 1_250


def test_check_prints_warnings(own: Path) -> None:
    ran = wheelfix("rules", "check")
    assert (ran.code, ran.out) == (0, "")
    assert "Checked 2 rules: 0 errors, 0 warnings\n" in ran.err
    Path("shadow.toml").write_text(SHADOW)
    ran = wheelfix("rules", "check", own, "shadow.toml")
    assert ran.code == 0
    assert ran.lines == [
        "warning[rule-shadowed]: shadow.toml: rule three: never decides: earlier rules match everything that it matches"
        " (one)"
    ]
    assert "Checked 5 rules: 0 errors, 1 warning\n" in ran.err


def test_strict_check_ends_with_2_if_there_is_a_warning(own: Path) -> None:
    assert wheelfix("rules", "check", "--strict-rules").code == 0
    Path("shadow.toml").write_text(SHADOW)
    ran = wheelfix("rules", "check", "--strict-rules", own, "shadow.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "1 warning in the rules\n  warning[rule-shadowed]: shadow.toml: rule three: never decides" in ran.err


def test_check_counts_one_rule_and_one_warning_in_the_singular() -> None:
    Path("wheelfix.toml").write_text('schema = 1\n[[rule]]\nid = "r"\nreason = "r"\nmatch.name = "*"\naction = "drop"\n')
    assert "Checked 1 rule: 0 errors, 1 warning\n" in wheelfix("rules", "check").err


def test_check_tries_patterns_on_names(own: Path) -> None:
    Path("names.txt").write_text("Foo\n\nfoo\nBar_X\n  bar.y  \n")
    Path("r.toml").write_text(RULES.replace('"foo"\naction', '["bar-*", "nothing"]\naction'))
    ran = wheelfix("rules", "check", "--names", "names.txt", "--most", "1", "r.toml")
    assert ran.code == 0
    assert ran.lines == [
        "warning[rule-matches-many]: r.toml: rule one: 'bar-*' matches 2 of 3 names, such as bar-x, bar-y",
        "warning[rule-matches-nothing]: r.toml: rule one: 'nothing' matches none of 3 names",
    ]
    assert wheelfix("rules", "check", "--names", "names.txt").out == ""
    assert wheelfix("rules", "check", "--names", "no-such.txt").code == 2
    assert wheelfix("rules", "check", "--names", "names.txt", "--strict-rules", "r.toml").code == 2


def test_the_tests_of_rules_are_run(own: Path) -> None:
    ran = wheelfix("rules", "test")
    assert (ran.code, ran.out, ran.err) == (0, "1 passed, 0 failed.\n", "")
    assert wheelfix("rules", "test", "-v").lines == [
        "passed wheelfix.toml: one, test 1", "1 passed, 0 failed.", "1 rule has no test: two",
    ]  # fmt: skip
    failing = Path("failing.toml")
    failing.write_text(RULES.replace('expect = "bar"', "expect = []"))
    ran = wheelfix("rules", "test", own, failing)
    assert ran.code == 1
    assert ran.lines == [
        "FAILED failing.toml: one, test 1",
        "  Requires-Dist: unexpected: bar",
        "    bar: no rule matches",
        "1 passed, 1 failed.",
    ]


def test_rules_without_a_test_do_not_pass() -> None:
    """A team that believes its rules are tested must hear that they are not."""
    Path("wheelfix.toml").write_text("schema = 1\n")
    ran = wheelfix("rules", "test")
    assert (ran.code, ran.out) == (1, "0 passed, 0 failed.\n")


def test_tests_of_the_same_name_in_two_files_both_count(own: Path) -> None:
    Path("other.toml").write_text(RULES)
    assert wheelfix("rules", "test", own, "other.toml").out == "2 passed, 0 failed.\n"


def test_the_tests_of_what_a_file_extends_are_its_own_matter(own: Path) -> None:
    """Rules in front of others may decide otherwise on purpose."""
    Path("a.toml").write_text('schema = 1\nextends = ["wheelfix.toml", "cpu-twins"]\n')
    ran = wheelfix("rules", "test", "a.toml")
    assert (ran.code, ran.out) == (1, "0 passed, 0 failed.\n")
    assert wheelfix("rules", "test", "a.toml", "wheelfix.toml").out == "1 passed, 0 failed.\n"
    assert wheelfix("rules", "test", "cpu-twins").code == 0


def test_test_results_as_json(own: Path) -> None:
    ran = wheelfix("rules", "test", "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out) == {
        "version": 1,
        "command": "rules test",
        "results": [{"name": "wheelfix.toml: one, test 1", "passed": True, "differences": []}],
    }


def test_golden_directories_are_compared_and_updated(own: Path) -> None:
    case = Path("cases/demo-1.0-py3-none-any.whl")
    case.mkdir(parents=True)
    (case / "METADATA.in").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: foo\n")
    ran = wheelfix("rules", "test", "--golden", "cases")
    assert ran.code == 1
    assert "METADATA.out is missing; write it with --update" in ran.out
    assert wheelfix("rules", "test", "--golden", "cases", "--update").code == 0
    after = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3.10\n"
    assert (case / "METADATA.out").read_text() == after
    assert wheelfix("rules", "test", "--golden", "cases").out == "2 passed, 0 failed.\n"
    (case / "METADATA.out").write_text(after.replace("3.10", "3.9"))
    ran = wheelfix("rules", "test", "--golden", "cases", "--format", "json")
    assert ran.code == 1
    assert [each["passed"] for each in json.loads(ran.out)["results"]] == [True, False]
    assert "3.9" in (case / "METADATA.out").read_text()


@pytest.mark.parametrize("options", [("--update",), ("--golden", "empty"), ("--golden", "no-such-folder")])
def test_golden_directories_must_be_there(own: Path, options: tuple[str, ...]) -> None:
    Path("empty").mkdir()
    ran = wheelfix("rules", "test", *options)
    assert (ran.code, ran.out) == (2, "")


@pytest.fixture
def wheel() -> Path:
    requires = ("numpy", "foo>=1", "foo[x]; extra == 'cuda'", "torch")
    return write_wheel(Path(), WheelSpec(requires=requires))


def test_explain_tells_about_each_requirement(own: Path, wheel: Path) -> None:
    ran = wheelfix("rules", "explain", wheel)
    assert (ran.code, ran.err) == (0, "Read 1 wheel\n")
    assert ran.lines[:5] == [
        f"{wheel}: 4 requirements", "    numpy", "  - foo>=1  [one]", "  = foo[x]; extra == 'cuda'  [one]", "    torch",
    ]  # fmt: skip
    assert "  + Requires-Python: >=3.10  [two: newer]" in ran.lines
    assert len(ran.lines) < 24


def test_explain_tells_all_about_one(own: Path, wheel: Path) -> None:
    ran = wheelfix("rules", "explain", wheel, "foo")
    assert ran.code == 0
    assert "      drop by one (wheelfix.toml): no foo" in ran.lines
    assert any(line.startswith("      kept: only required by an extra") for line in ran.lines)
    assert "numpy" not in ran.out
    assert "kept: no rule matches" in wheelfix("rules", "explain", wheel, "numpy").out


def test_explain_on_a_fixed_wheel_says_why_a_line_is_gone(own: Path, wheel: Path) -> None:
    assert wheelfix("fix", wheel).code == 0
    fixed = f"fixed/{wheel}"
    ran = wheelfix("rules", "explain", fixed)
    assert ran.lines[0] == f"{wheel}: 3 requirements"
    assert "  earlier: - Requires-Dist: foo>=1  [one: no foo]" in ran.lines
    chosen = wheelfix("rules", "explain", "--rules", "gpu", fixed, "foo")
    assert chosen.code == 0
    assert "  earlier: - Requires-Dist: foo>=1  [one: no foo]" in chosen.lines
    unknown = wheelfix("rules", "explain", fixed, "never-there")
    assert unknown.code == 1
    assert "No requirement matches 'never-there'" in unknown.out


def test_explain_tells_a_requirement_that_a_dropped_extra_takes_along(wheel: Path) -> None:
    Path("wheelfix.toml").write_text(
        'schema = 1\n[[rule]]\nid = "extra"\nreason = "no cuda"\naction = { drop-extra = "cuda" }\n'
    )
    ran = wheelfix("rules", "explain", wheel, "foo[x]; extra == 'cuda'")
    assert "no cuda" in ran.out


def test_explain_as_json(own: Path, wheel: Path) -> None:
    ran = wheelfix("rules", "explain", wheel, "foo", "--format", "json")
    assert ran.code == 0
    [found] = json.loads(ran.out)["wheels"]
    assert found["source"] == str(wheel)
    assert [(each["decided"]["id"], bool(each["held_back"])) for each in found["requirements"]] == [
        ("one", False),
        ("one", True),
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_explain_tells_what_is_wrong_with_a_wheel(own: Path, form: str) -> None:
    Path("bad-1.0-py3-none-any.whl").write_bytes(b"no zip")
    Path("empty-1.0-py3-none-any.whl").touch()
    for name in ("bad-1.0-py3-none-any.whl", "empty-1.0-py3-none-any.whl"):
        ran = wheelfix("rules", "explain", name, "--format", form)
        assert ran.code == 3
        assert name in ran.err
        assert (ran.out == "") is (form == "text")


def test_the_schema_is_printed() -> None:
    ran = wheelfix("rules", "schema")
    assert (ran.code, ran.err) == (0, "")
    printed = json.loads(ran.out)
    assert printed == json.loads((SCHEMAS / "rules.schema.json").read_text("utf-8"))
    options = printed["$defs"]["RuleFile"]["properties"]["options"]
    assert printed == rules_schema(options)
    assert options["properties"]["mirror"]["properties"]["timeout"]["type"] == "number"
    jsonschema.Draft202012Validator.check_schema(json.loads(ran.out))


@pytest.mark.parametrize("command", ["list", "check", "explain", "test", "schema"])
def test_each_command_has_help_with_an_example(command: str) -> None:
    ran = wheelfix("rules", command, "-h")
    assert ran.code == 0
    assert "Example" in ran.out
    assert f"  wheelfix rules {command}" in ran.out
    assert max(map(len, ran.lines)) <= 100


def test_the_built_in_set_can_be_listed_and_checked() -> None:
    assert len(json.loads(wheelfix("rules", "list", "--rules", "gpu", "--format", "json").out)["rules"]) == len(
        built_in("gpu").rules
    )
    ran = wheelfix("rules", "check", "--strict-rules", "gpu")
    assert (ran.code, ran.out) == (0, "")


def test_explain_takes_the_last_word_for_a_name_unless_it_is_a_path(own: Path) -> None:
    """A checkout can have a directory that is called like a requirement."""
    Path("in").mkdir()
    wheel = write_wheel(Path("in"), WheelSpec(requires=("numpy", "foo", "bar @ http://x/bar.whl")))
    Path("numpy").mkdir()
    assert "kept: no rule matches" in wheelfix("rules", "explain", wheel, "numpy").out
    for last in ("bar @ http://x/bar.whl", "foo; os_name == '" + "x" * 300 + "'"):
        assert wheelfix("rules", "explain", wheel, last).code in (0, 1)
    assert wheelfix("rules", "explain", wheel, "in/").out.count("requirements") == 1
    assert wheelfix("rules", "explain", wheel).code == 0
    assert wheelfix("rules", "explain", "in").code == 0
    ran = wheelfix("rules", "explain", wheel, "Keywords")
    assert (ran.code, ran.lines[-1]) == (0, "  No rule changes the field Keywords.")
