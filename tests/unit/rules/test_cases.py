"""Rules tried on cases and on golden folders."""

from pathlib import Path

import pytest

from wheelfix.rules.cases import AFTER, BEFORE, Result, golden_directories, try_cases, try_golden
from wheelfix.rules.load import rule_set
from wheelfix.rules.model import Action, Case, FieldValue, Match, PostRelease, Rule, RuleSet, When

DROP = Rule(
    id="drop", reason="why", match=Match(("foo",)), action="drop", when=When(project=("torch*",), platform=("*aarch64",))
)
PYTHON = Rule(id="python", reason="why", action=Action(set_field=FieldValue("Requires-Python", ">=3.10")))
ARM = {"project": "torch", "platform": "manylinux_2_28_aarch64"}


def tried(*cases: Case, rules: tuple[Rule, ...] = (DROP, PYTHON)) -> list[tuple[str, ...]]:
    """Return the differences of each case."""
    carrier = Rule(id="carrier", reason="why", match=Match(("nothing",)), action="keep", test=cases)
    return [each.differences for each in try_cases(rule_set("mine", (*rules, carrier)))]


PASSING = [
    Case(**ARM, requires=("foo>=1", "bar"), expect=("bar",)),  # type: ignore[arg-type]
    Case(**ARM, requires=("bar",)),  # type: ignore[arg-type]
    Case("torch", requires=("foo",)),
    Case("torch-vision", platform="linux_aarch64", requires=("foo",), expect=()),
    Case("x", expect_fields={"Requires-Python": ">=3.10"}),
    Case("x", fields={"Requires-Python": ">=3.8", "Classifier": ("A", "B")}, expect_fields={"Classifier": ("A", "B")}),
    Case("x", expect_fields={"Summary": (), "Requires-Python": (">=3.10",)}),
]


@pytest.mark.parametrize("case", PASSING, ids=str)
def test_a_case_that_is_as_expected_passes(case: Case) -> None:
    assert tried(case) == [()]


def test_a_case_names_the_file_that_it_expects() -> None:
    """A rule that gives another name is tested like any other."""
    rules = (
        Rule(id="name", reason="why", when=When(project=("torch",)), action=Action(set_name="Acme.Torch")),
        Rule(id="post", reason="why", when=When(project=("torch",)), action=Action(set_version=PostRelease("+1"))),
        Rule(id="label", reason="why", action=Action(set_local="cpu")),
    )
    name = "acme_torch-1.0.post1+cpu-py3-none-manylinux_2_28_aarch64.whl"
    right, wrong = (Case(**ARM, expect_filename=each) for each in (name, name.replace("post1", "post2")))  # type: ignore[arg-type]
    unchecked = Case("other", expect_filename=None)
    difference = f"file name: expected {wrong.expect_filename}, found {name}"
    assert tried(right, wrong, unchecked, rules=rules) == [(), (difference,), ()]
    development = Case("torch", version="1.0.dev1")
    assert "no-post-release" not in tried(development, rules=rules)[0][0]
    assert "cannot have a post-release" in tried(development, rules=rules)[0][0]


def test_a_case_expects_tags_in_the_file_name() -> None:
    rules = (
        Rule(id="add", reason="why", action=Action(add_tag="py3-none-musllinux_1_2_aarch64")),
        Rule(id="remove", reason="why", when=When(project=("torch",)), action=Action(remove_tag="*-manylinux_*")),
    )
    torch = Case(**ARM, expect_filename="torch-1.0-py3-none-musllinux_1_2_aarch64.whl")  # type: ignore[arg-type]
    other = Case("x", expect_filename="x-1.0-py3-none-any.musllinux_1_2_aarch64.whl")
    assert tried(torch, other, rules=rules) == [(), ()]
    [[message]] = tried(Case("x", abi="abi3"), rules=rules)
    assert "no file name says just these tags" in message


NO_RULE = "  foo: no rule matches; drop does not match: when.project is torch*, found x"
FAILING = [
    (Case(**ARM, requires=("foo", "bar")), ("Requires-Dist: missing: foo",)),  # type: ignore[arg-type]
    (Case("x", requires=("foo",), expect=()), ("Requires-Dist: unexpected: foo", NO_RULE)),
    (Case("x", requires=("foo",), expect=("Foo",)),
     ("Requires-Dist: spelled differently: expected Foo, found foo",)),
    (Case("x", requires=("a", "b"), expect=("b", "a")),
    ("Requires-Dist: different order or count: a; b",)),
    (Case("x", requires=("a", "a"), expect=("a",)),
    ("Requires-Dist: different order or count: a; a",)),
    (Case("x", expect_fields={"Requires-Python": ()}), ("Requires-Python: unexpected: >=3.10",)),
    (Case("x", expect_fields={"Summary": "s"}), ("Summary: missing: s",)),
]  # fmt: skip


@pytest.mark.parametrize(("case", "differences"), FAILING, ids=str)
def test_differences_are_reported(case: Case, differences: tuple[str, ...]) -> None:
    assert tried(case) == [differences]


def test_conditions_see_all_that_a_case_says() -> None:
    when = When(
        project=("py-torch",), version=("==2.7.0",), local=("cpu",), python=("cp311",), abi=("abi3",), platform=("win32",),
        sha256=("AB" * 32,), metadata_version=("==2.4",), requires=(Match(("foo",)),), lacks=(Match(("bar",)),),
        filename=("*-2.7.0+cpu-cp310.cp311-abi3-win32.whl",),
    )  # fmt: skip
    case = Case(
        "Py-Torch", ("foo",), (), version="2.7.0+cpu", python="cp310.cp311", abi="abi3", platform="win32", sha256="aB" * 32,
        metadata_version="2.4",
    )  # fmt: skip
    assert tried(case, rules=(Rule(id="all", reason="why", match=Match(("foo",)), action="drop", when=when),)) == [()]


def test_a_case_on_which_the_rules_cannot_be_carried_out_fails_with_the_error() -> None:
    new = Rule(id="new", reason="why", action=Action(set_field=FieldValue("License-Expression", "MIT")))
    [found] = tried(Case("x"), rules=(new,))
    assert len(found) == 1
    assert "License-Expression requires Metadata-Version 2.4" in found[0]


def test_each_case_is_tried_on_all_rules_and_has_a_name() -> None:
    first = Rule(id="one", reason="why", match=Match(("a",)), action="drop", test=(Case("x", ("a", "b"), ()), Case("x")))
    second = Rule(id="two", reason="why", match=Match(("b",)), action="drop", test=(Case("x", ("a",)),))
    found = try_cases(rule_set("mine", [first, second]))
    assert [(each.name, each.passed) for each in found] == [
        ("mine: one, test 1", True),
        ("mine: one, test 2", True),
        ("mine: two, test 1", False),
    ]
    assert try_cases(rule_set("mine", [DROP])) == ()


RULES = rule_set("mine", [DROP])
METADATA = (
    b"Metadata-Version: 2.1\r\nName: torch\r\nVersion: 2.7.0\r\nRequires-Dist: foo\r\nrequires-dist: bar\r\n\r\n\xff body"
)
FIXED = METADATA.replace(b"Requires-Dist: foo\r\n", b"")
ARM_NAME = "torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"


def golden(folder: Path, name: str, before: bytes, after: bytes | None) -> Path:
    case = folder / name
    case.mkdir(parents=True)
    (case / BEFORE).write_bytes(before)
    if after is not None:
        (case / AFTER).write_bytes(after)
    return case


def test_golden_directories_are_found_below_and_sorted(tmp_path: Path) -> None:
    cases = [golden(tmp_path, name, METADATA, None) for name in ("b", "a/c", "a/b")]
    (tmp_path / "empty").mkdir()
    assert golden_directories(tmp_path) == tuple(sorted(cases))
    assert golden_directories(cases[0]) == (cases[0],)
    assert golden_directories(tmp_path / "empty") == ()


def differences(folder: Path, rules: RuleSet = RULES, *, update: bool = False) -> tuple[str, ...]:
    [result] = try_golden(rules, [folder], update=update)
    assert result == Result(str(folder), result.differences)
    assert result.passed is not bool(result.differences)
    return result.differences


def test_a_folder_that_is_called_like_a_wheel_stands_for_it(tmp_path: Path) -> None:
    """Any other stands for a wheel that fits every platform, so a rule for aarch64 is not for it."""
    assert differences(golden(tmp_path, ARM_NAME, METADATA, FIXED)) == ()
    assert differences(golden(tmp_path, "any", METADATA, METADATA)) == ()
    assert differences(golden(tmp_path, "no-name", b"Summary: x\n", b"Summary: x\n")) == ()


def test_what_is_not_byte_for_byte_as_expected_is_shown(tmp_path: Path) -> None:
    [text] = differences(golden(tmp_path, ARM_NAME, METADATA, METADATA))
    assert "-Requires-Dist: foo" in text
    assert "bar" not in "".join(line for line in text.splitlines() if line[:1] in "+-")
    assert differences(golden(tmp_path, "ends", METADATA, METADATA.replace(b"\r\n", b"\n"))) != ()


def test_a_missing_result_is_reported_and_written_on_request(tmp_path: Path) -> None:
    case = golden(tmp_path, ARM_NAME, METADATA, None)
    assert differences(case) == (f"{AFTER} is missing; write it with --update",)
    assert not (case / AFTER).exists()
    [result] = try_golden(RULES, [case], update=True)
    assert (result.passed, result.written) == (True, f"{AFTER} written")
    assert (case / AFTER).read_bytes() == FIXED
    assert differences(case) == ()
    assert differences(case, update=True) == ()


def test_an_old_result_is_replaced_on_request_only(tmp_path: Path) -> None:
    case = golden(tmp_path, ARM_NAME, METADATA, b"old")
    assert differences(case) != ()
    assert (case / AFTER).read_bytes() == b"old"
    [result] = try_golden(RULES, [case], update=True)
    assert result.passed
    assert "\n-old\n" in result.written
    assert (case / AFTER).read_bytes() == FIXED


@pytest.mark.parametrize("update", [False, True])
def test_what_cannot_be_read_is_a_difference_and_stops_nothing(tmp_path: Path, update: bool) -> None:
    bad_name = golden(tmp_path, "torch.whl", METADATA, METADATA)
    bad_text = golden(tmp_path, "text", b"Name: x\nFrom here\n", None)
    folder = tmp_path / "folder"
    (folder / BEFORE).mkdir(parents=True)
    good = golden(tmp_path, ARM_NAME, METADATA, FIXED)
    results = list(try_golden(RULES, [bad_name, bad_text, folder, good], update=update))
    assert [each.passed for each in results] == [False, False, False, True]
    assert not (bad_text / AFTER).exists()
