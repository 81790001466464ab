"""Rule packs: found by name and version, read without running anything, and named wherever rules are."""

import sys
from pathlib import Path

import pytest

from building import WheelSpec, write_wheel
from packing import install_pack, rules_text
from running import wheelfix
from wheelfix import RulesError, fix_wheels
from wheelfix.cli import group
from wheelfix.cli.shells import SHELLS
from wheelfix.rules.load import load_rules
from wheelfix.rules.packs import find_pack, installed_packs, pack_requirement
from wheelfix.wheel.wheel import Wheel


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of installed packages, on ``sys.path``; the working directory is another."""
    found = tmp_path / "site"
    found.mkdir()
    monkeypatch.syspath_prepend(str(found))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return found


def message(*sources: str) -> str:
    with pytest.raises(RulesError) as caught:
        load_rules(*sources)
    return str(caught.value)


def test_all_files_of_a_package(site: Path) -> None:
    install_pack(site, {"b.toml": rules_text("second"), "a.toml": rules_text("first"), "notes.txt": ""})
    rules = load_rules("acme-rules")
    assert [rule.id for rule in rules.rules] == ["first", "second"]
    assert rules.origins == ("acme-rules 2.1", "acme-rules 2.1")
    assert rules.packs == ("acme-rules 2.1",)
    assert "acme_rules" not in sys.modules


@pytest.mark.parametrize(
    ("value", "package"),
    [
        ("acme_rules:a.toml", "acme_rules"),
        ("acme_rules.data", "acme_rules.data"),
        ("acme_rules.data:a.toml", "acme_rules.data"),
    ],
)
def test_what_an_entry_point_can_name(site: Path, value: str, package: str) -> None:
    install_pack(site, {"a.toml": rules_text("first")}, value=value, package=package)
    assert [rule.id for rule in load_rules("acme-rules").rules] == ["first"]
    assert "acme_rules" not in sys.modules


def test_an_editable_install(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its metadata lies in another directory than its package."""
    install_pack(site, {"a.toml": rules_text("first")})
    source = tmp_path / "source"
    source.mkdir()
    (site / "acme_rules").rename(source / "acme_rules")
    monkeypatch.syspath_prepend(str(source))
    assert [rule.id for rule in load_rules("acme-rules").rules] == ["first"]
    assert "acme_rules" not in sys.modules


@pytest.mark.parametrize("wanted", ["acme-rules", "acme-rules>=2", "acme-rules ~= 2.0", "Acme_Rules==2.1"])
def test_a_version_that_fits(site: Path, wanted: str) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    assert load_rules(wanted).packs == ("acme-rules 2.1",)


def test_a_version_that_does_not_fit(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    text = message("acme-rules>=3")
    assert "acme-rules 2.1 is installed, and not >=3" in text
    assert "Run `pip install --upgrade 'acme-rules>=3'`." in text


def test_a_pack_that_is_not_installed(site: Path) -> None:
    text = message("other-rules>=1")
    assert "there is no rule set or installed rule pack 'other-rules'" in text
    assert "`pip install --upgrade 'other-rules>=1'`" in text
    install_pack(site, {"a.toml": rules_text("first")})
    assert "Did you mean acme-rules?" in message("acme-rule")
    assert "Did you mean gpu?" in message("gpus")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gpu>=1", "a built-in set has no version of its own"),
        ("acme-rules[x]", "unknown rule set"),
        ("acme-rules; os_name == 'nt'", "unknown rule set"),
        ("acme rules", "unknown rule set"),
        ("nothing/", "there is no directory 'nothing/'"),
        ("empty/", "no rule files in 'empty/'"),
        ("empty", "Write empty/ for the directory."),
        ("./notes.md", "'./notes.md' is not a rule file: its name does not end with .toml"),
    ],
)
def test_other_sources(site: Path, source: str, words: str) -> None:
    Path("empty").mkdir()
    Path("notes.md").touch()
    assert words in message(source)


def test_a_pack_cannot_take_the_name_of_a_built_in_set(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("gpu-mine")}, name="gpu")
    assert load_rules("gpu").packs == ()
    assert "gpu-mine" not in {rule.id for rule in load_rules("gpu").rules}


def test_two_distributions_with_one_name(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    info = install_pack(site, {"a.toml": rules_text("first")}, name="acme-two", package="acme_two").parent
    (info / "acme_two-2.1.dist-info" / "entry_points.txt").write_text("[wheelfix.rules]\nacme-rules = acme_two\n")
    assert "acme-rules, acme-two have a rule pack 'acme-rules'" in message("acme-rules")


@pytest.mark.parametrize(
    "value", ["acme_rules:b.toml", "nothing", "acme_rules.nothing", "../x", "acme_rules:../x.toml", "__main__"]
)
def test_a_pack_whose_files_are_not_there(site: Path, value: str) -> None:
    install_pack(site, {"a.toml": rules_text("first")}, value=value)
    text = message("acme-rules")
    assert "Report it to the authors of acme-rules." in text
    assert str(site) not in text


def test_what_is_wrong_in_a_pack_is_reported_with_its_file(site: Path) -> None:
    install_pack(site, {"a.toml": "schema = 1\n[[rule]]\nid = 'x'\n", "b.toml": "no toml"})
    text = message("acme-rules")
    assert "acme-rules 2.1: a.toml:2: rule x: reason: missing" in text
    assert "acme-rules 2.1: b.toml: invalid TOML" in text
    assert text.count("b.toml") == 1
    assert str(site) not in text


def test_a_circle_in_a_pack_names_no_path_of_this_machine(site: Path) -> None:
    circle = {name: f"schema = 1\nextends = ['{other}']\n" for name, other in (("a.toml", "b.toml"), ("b.toml", "a.toml"))}
    install_pack(site, circle, value="acme_rules:a.toml")
    text = message("acme-rules")
    assert "circular: acme-rules 2.1: a.toml -> acme-rules 2.1: b.toml -> acme-rules 2.1: a.toml" in text
    assert str(site) not in text


def test_a_project_file_beside_rule_files_is_none(site: Path) -> None:
    """As in a directory of rule files."""
    install_pack(site, {"a.toml": rules_text("first"), "pyproject.toml": "[project]\n"})
    assert [rule.id for rule in load_rules("acme-rules").rules] == ["first"]


def test_extends_in_a_pack(site: Path) -> None:
    files = {
        "main.toml": rules_text("main", extends='["more/other.toml", "gpu/triton"]'),
        "more/other.toml": rules_text("other"),
    }
    install_pack(site, files, value="acme_rules:main.toml")
    rules = load_rules("acme-rules")
    assert [rule.id for rule in rules.rules][:2] == ["main", "other"]
    assert rules.origins[:3] == ("acme-rules 2.1", "acme-rules 2.1", "gpu")


@pytest.mark.parametrize("target", ["../outside.toml", "{site}/outside.toml", "link.toml"])
def test_a_pack_extends_no_files_outside(site: Path, target: str) -> None:
    (site / "outside.toml").write_text(rules_text("outside"))
    target = target.format(site=site)
    where = install_pack(site, {"a.toml": rules_text("first", extends=f'["{target}"]')}, value="acme_rules:a.toml")
    (where / "link.toml").symlink_to(site / "outside.toml")
    assert "is not in the pack acme-rules 2.1" in message("acme-rules")


def test_a_pack_extends_another_pack_with_a_version(site: Path) -> None:
    install_pack(
        site, {"a.toml": rules_text("base")}, name="base-rules", package="base_rules", value="base_rules", version="1.5"
    )
    install_pack(site, {"a.toml": rules_text("first", extends='["base-rules>=1"]')})
    rules = load_rules("acme-rules")
    assert rules.origins == ("acme-rules 2.1", "base-rules 1.5")
    assert rules.packs == ("acme-rules 2.1", "base-rules 1.5")


def test_own_rules_come_first_and_ids_are_unique(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    Path("ours.toml").write_text(rules_text("ours", extends='["acme-rules>=2"]'))
    assert load_rules("ours.toml").origins == ("ours.toml", "acme-rules 2.1")
    Path("same.toml").write_text(rules_text("first", extends='["acme-rules"]'))
    assert "used by a rule in same.toml" in message("same.toml")


def test_a_directory_of_rule_files(site: Path) -> None:
    directory = Path("rules")
    directory.mkdir()
    for name in ("b", "a"):
        (directory / f"{name}.toml").write_text(rules_text(name))
    (directory / "pyproject.toml").write_text("[project]\n")
    assert load_rules("rules/").origins == ("rules/a.toml", "rules/b.toml")
    assert load_rules("./rules").origins == ("rules/a.toml", "rules/b.toml")
    Path("ours.toml").write_text(rules_text("ours", extends='["rules/"]'))
    assert [rule.id for rule in load_rules("ours.toml").rules] == ["ours", "a", "b"]


def test_the_version_is_in_lists_reports_and_provenance(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    wheel = write_wheel(Path(), WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: gpu\n"))
    assert wheelfix("rules", "list", "acme-rules>=2").out.startswith("acme-rules 2.1\n")
    ran = wheelfix("fix", "--rules", "acme-rules", "--format", "json", wheel)
    assert ran.report["rules"] == [
        {"id": "first", "reason": "because of first", "origin": "acme-rules 2.1", "url": None, "until": None}
    ]
    with Wheel(Path("fixed") / wheel.name) as fixed:
        assert fixed.provenance is not None
        assert fixed.provenance.rule_packs == ("acme-rules 2.1",)
    assert fix_wheels(wheel, "acme-rules", output="other").ok
    assert (Path("other") / wheel.name).read_bytes() == (Path("fixed") / wheel.name).read_bytes()


def test_a_pack_that_did_not_apply_is_not_in_the_provenance(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    Path("ours.toml").write_text(
        rules_text(extends='["acme-rules"]') + rules_text("ours").replace("gpu", "lib").partition("\n")[2]
    )
    wheel = write_wheel(Path(), WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: lib\n"))
    assert wheelfix("fix", "--rules", "ours.toml", wheel).code == 0
    with Wheel(Path("fixed") / wheel.name) as fixed:
        assert fixed.provenance is not None
        assert fixed.provenance.rule_packs == ()


def test_commands_on_rules_know_packs(site: Path) -> None:
    case = '[[rule.test]]\nproject = "demo"\nrequires = ["gpu"]\nexpect = []\n'
    install_pack(site, {"a.toml": rules_text("first") + case})
    assert "1 passed, 0 failed." in wheelfix("rules", "test", "acme-rules>=2").out
    assert wheelfix("rules", "check", "--strict-rules", "acme-rules").code == 0
    Path("ours.toml").write_text(rules_text(extends='["acme-rules"]'))
    assert wheelfix("rules", "test", "ours.toml").code == 1, "the tests of what a file extends do not run"
    wheel = write_wheel(Path(), WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: gpu\n"))
    assert "first (acme-rules 2.1)" in wheelfix("rules", "explain", "--rules", "acme-rules", wheel).out
    assert "# first: because of first" in wheelfix("rules", "export", "--to", "uv", "acme-rules").out


def test_tests_of_a_directory_run(site: Path) -> None:
    Path("rules").mkdir()
    case = '[[rule.test]]\nproject = "demo"\nrequires = ["gpu"]\nexpect = []\n'
    Path("rules/a.toml").write_text(rules_text("first") + case)
    assert "1 passed, 0 failed." in wheelfix("rules", "test", "rules/").out


def test_names_for_the_completion(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    assert installed_packs() == ("acme-rules",)
    for words in (["fix"], ["rules", "list"]):
        completion = SHELLS["bash"](group, {}, "wheelfix", "_WHEELFIX_COMPLETE")
        arguments = [*words, "--rules"] if words == ["fix"] else words
        assert "acme-rules" in [each.value for each in completion.get_completions(arguments, "ac")]


def test_the_pack_itself(site: Path) -> None:
    install_pack(site, {"a.toml": rules_text("first")})
    wanted = pack_requirement("acme-rules")
    assert wanted is not None
    pack = find_pack(wanted)
    assert (str(pack), [each.name for each in pack.files]) == ("acme-rules 2.1", ["a.toml"])


def test_expiry_is_reported_everywhere(site: Path) -> None:
    text = rules_text("first").replace('action = "drop"', 'action = "drop"\nuntil = 2001-02-03')
    install_pack(site, {"a.toml": text})
    wheel = write_wheel(Path(), WheelSpec(metadata=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: gpu\n"))
    ran = wheelfix("fix", "--rules", "acme-rules", "--format", "json", wheel)
    assert [(each["code"], each["message"]) for each in ran.report["rule_findings"]] == [
        ("rule-expired", "expired on 2001-02-03")
    ]
    assert ran.report["rules"][0]["until"] == "2001-02-03"
    assert "rule first: expired on 2001-02-03" in ran.err
    assert "expired on 2001-02-03" in wheelfix("rules", "check", "acme-rules").out
    assert "[until 2001-02-03]" in wheelfix("rules", "list", "acme-rules").out
    assert "expired on 2001-02-03" in wheelfix("fix", "--rules", "acme-rules", "--check", "--format", "markdown", wheel).out
    assert wheelfix("fix", "--strict-rules", "--rules", "acme-rules", wheel).code == 2
