"""Rule sets: the built-in ones, those of files and what they extend, and those written in Python."""

import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from wheelfix.errors import RulesError
from wheelfix.rules import BUILT_IN
from wheelfix.rules.load import built_in, find_rules, groups_of, load_rules, rule_set
from wheelfix.rules.model import Action, Match, Rule, When


def a_rule(name: str = "a", **changes: object) -> Rule:
    return msgspec.structs.replace(Rule(id=name, reason="r", match=Match(("x",)), action="drop"), **changes)


def file_of(folder: Path, name: str, *ids: str, extends: tuple[str, ...] = ()) -> Path:
    """Write a rule file with a rule for each id, and return it."""
    rules = (f'[[rule]]\nid = "{each}"\nreason = "r"\nmatch.name = "x"\naction = "drop"\n' for each in ids)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"schema = 1\nextends = {list(extends)}\n" + "".join(rules))
    return path


def ids_of(*sources: Path | str) -> list[str]:
    return [rule.id for rule in load_rules(*sources).rules]


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_set_loads(name: str) -> None:
    rules = built_in(name)
    assert rules.name == name
    assert rules is built_in(name)
    assert set(rules.origins) == {name}
    text = files("wheelfix.rules").joinpath("builtin", f"{name}.toml").read_text("utf-8")
    assert len(rules.rules) == len(tomllib.loads(text)["rule"])


def test_a_group_has_its_own_rules_and_all_that_keep() -> None:
    assert {"xgboost-nccl", "nvidia", "tensorrt"} <= set(groups_of("gpu"))
    group = built_in("gpu/nvidia").rules
    assert [rule.id for rule in group if rule.action != "keep"] == ["gpu/nvidia"]
    kept = [rule for rule in built_in("gpu").rules if rule.action == "keep"]
    assert [rule for rule in group if rule.action == "keep"] == kept
    both = load_rules("gpu/nvidia", "gpu/triton")
    assert [rule.id for rule in both.rules if rule.action != "keep"] == ["gpu/nvidia", "gpu/triton"]
    assert len(both.rules) == len(kept) + 2


@pytest.mark.parametrize(("name", "word"), [("gpus", "gpu"), ("gpu/nvida", "nvidia"), ("", "gpu")])
def test_an_unknown_set_is_refused_with_the_known_ones(name: str, word: str) -> None:
    with pytest.raises(RulesError) as caught:
        built_in(name)
    assert word in str(caught.value)


def test_python_rules_are_checked_as_files_are() -> None:
    with pytest.raises(RulesError) as caught:
        rule_set("mine", (a_rule("b"), a_rule("a", match=Match(("X",))), a_rule("b")))
    assert [(each.place, each.code) for each in caught.value.findings] == [
        ("mine: rule a: match.name", "rule-invalid-value"),
        ("mine: rule b: id", "rule-duplicate-id"),
    ]
    with pytest.raises(RulesError, match=r"action\.rename"):
        rule_set("mine", [a_rule(action=Action(rename="a b"))])
    extended = rule_set("mine", [a_rule()], extends=["gpu/triton"])
    assert extended.origins[:2] == ("mine", "gpu")


def test_the_digest_tells_rules_apart() -> None:
    """Pitfall 30: the same rules have the same digest, whatever the set is called, and whatever tests them."""
    digest = rule_set("one", (a_rule(),)).digest
    assert rule_set("two", (a_rule(),)).digest == digest
    assert len(digest) == 64
    others = [
        (a_rule("z"),), (a_rule(reason="s"),), (a_rule(action="keep"),), (a_rule(match=Match(("y",))),), (),
        (a_rule(when=When(project=("p",))),), (a_rule(), a_rule("b")), (a_rule("b"), a_rule()),
        (a_rule(action=Action(rename="y")),),
    ]  # fmt: skip
    digests = {rule_set("x", rules).digest for rules in others}
    assert len(digests | {digest}) == len(others) + 1


def test_tests_do_not_change_the_digest(tmp_path: Path) -> None:
    plain = file_of(tmp_path, "a.toml", "one")
    tested = tmp_path / "b.toml"
    tested.write_text(plain.read_text() + '[[rule.test]]\nproject = "x"\n')
    assert load_rules(plain).digest == load_rules(tested).digest
    assert load_rules(plain).rules != load_rules(tested).rules


def test_own_rules_come_first_then_what_is_extended_in_order(tmp_path: Path) -> None:
    file_of(tmp_path, "deep.toml", "deep")
    file_of(tmp_path, "sub/one.toml", "one", extends=("../deep.toml", "../two.toml"))
    file_of(tmp_path, "two.toml", "two")
    top = file_of(tmp_path, "top.toml", "top", extends=("sub/one.toml", "two.toml", "gpu/triton"))
    rules = load_rules(top)
    assert [rule.id for rule in rules.rules][:4] == ["top", "one", "deep", "two"]
    assert rules.origins[:2] == (str(top), str(tmp_path / "sub" / "one.toml"))
    assert rules.origins[-1] == "gpu"
    other = file_of(tmp_path, "other.toml", "other", extends=("two.toml",))
    assert ids_of(other, top)[:5] == ["other", "top", "two", "one", "deep"]


def test_a_file_that_two_extend_is_there_once(tmp_path: Path) -> None:
    file_of(tmp_path, "base.toml", "base")
    file_of(tmp_path, "a.toml", "a", extends=("base.toml",))
    file_of(tmp_path, "b.toml", "b", extends=("./base.toml",))
    assert ids_of(file_of(tmp_path, "top.toml", extends=("a.toml", "b.toml"))) == ["a", "base", "b"]


def test_a_circle_is_named(tmp_path: Path) -> None:
    a = file_of(tmp_path, "a.toml", "a", extends=("b.toml",))
    b = file_of(tmp_path, "b.toml", "b", extends=("a.toml",))
    with pytest.raises(RulesError) as caught:
        load_rules(a)
    [finding] = caught.value.findings
    assert finding.message == f"circular: {a} -> {b} -> {a}"
    assert finding.place == f"{b}: extends"


def test_an_id_is_used_once_over_all_files(tmp_path: Path) -> None:
    base = file_of(tmp_path, "base.toml", "same", "gpu/nvidia")
    top = file_of(tmp_path, "top.toml", "same", extends=("base.toml", "gpu"))
    with pytest.raises(RulesError) as caught:
        load_rules(top)
    assert [(each.place, each.message) for each in caught.value.findings] == [
        (f"{base}: rule gpu/nvidia: id", "used by the built-in set gpu"),
        (f"{base}:3: rule same: id", f"used by a rule in {top}"),
    ]


def test_the_errors_of_all_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("schema = 2\n")
    (tmp_path / "b.toml").write_bytes(b"schema = 1 # \xff\n")
    (tmp_path / "c.toml").mkdir()
    with pytest.raises(RulesError) as caught:
        load_rules(*(tmp_path / name for name in ("a.toml", "b.toml", "c.toml", "d.toml")))
    assert [Path(each.place.partition(": ")[0]).name for each in caught.value.findings] == [
        "a.toml", "b.toml", "c.toml", "d.toml"
    ]  # fmt: skip


def test_lines_are_named_only_where_they_are_certain(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('schema = 1\nrule = [{ id = "a", reason = "r", action = "drop" }]\n')
    with pytest.raises(RulesError) as caught:
        load_rules(path)
    assert caught.value.findings[0].place == f"{path}: rule a: match"
    path.write_text('schema = 1\n\n  [[ rule ]]\nid = "a"\nreason = "r"\naction = "drop"\n')
    with pytest.raises(RulesError) as caught:
        load_rules(path)
    assert caught.value.findings[0].place == f"{path}:3: rule a: match"


PROJECT = """[project]
name = "x"

[tool.wheelfix]
schema = 1
[[tool.wheelfix.rule]]
id = "p"
reason = "r"
match.name = "x"
"""


def test_rules_are_found_upwards(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    project = tmp_path / "pyproject.toml"
    project.write_text(PROJECT + 'action = "drop"\n')
    assert find_rules(deep) == project
    assert ids_of(project) == ["p"]
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert find_rules(deep) == project
    own = file_of(tmp_path / "a", "wheelfix.toml", "own")
    assert find_rules(deep) == own
    file_of(tmp_path, "wheelfix.toml", "top")
    assert find_rules(tmp_path) == tmp_path / "wheelfix.toml"


def test_options_beside_rules_change_no_rule(tmp_path: Path) -> None:
    path = file_of(tmp_path, "wheelfix.toml", "own")
    before = load_rules(path)
    path.write_text(path.read_text() + "[options]\njobs = 4\nverify.ignore = ['record']\n")
    assert load_rules(path) == before
    assert find_rules(tmp_path) == path


def test_a_file_that_only_sets_options_is_no_rule_file(tmp_path: Path) -> None:
    (tmp_path / "wheelfix.toml").write_text("[options]\njobs = 4\n")
    assert find_rules(tmp_path) is None
    (tmp_path / "wheelfix.toml").write_text("schema = 1\nextends = ['gpu']\n[options]\njobs = 4\n")
    assert find_rules(tmp_path) == tmp_path / "wheelfix.toml"


def test_a_project_file_without_the_table_or_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    for text in ("[tool]\nwheelfix = 3\n", "tool = 3\n", ""):
        path.write_text(text)
        with pytest.raises(RulesError, match=r"no \[tool\.wheelfix\] table"):
            load_rules(path)
    path.write_text(PROJECT)
    with pytest.raises(RulesError, match=r":6: rule p: action"):
        load_rules(path)
    path.write_text("[")
    with pytest.raises(RulesError, match="invalid TOML"):
        find_rules(tmp_path)
