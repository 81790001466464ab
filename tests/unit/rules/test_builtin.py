"""What holds for every rule file that comes with wheelfix: the built-in sets and the examples."""

from pathlib import Path

import pytest

from places import ROOT
from wheelfix.errors import RulesError
from wheelfix.rules import BUILT_IN
from wheelfix.rules.bundled import bundled
from wheelfix.rules.load import built_in, load_rules
from wheelfix.rules.model import Rule

EXAMPLES = sorted((ROOT / "examples" / "rules").glob("*.toml"))
RULES = [rule for name in BUILT_IN for rule in built_in(name).rules]
INDEX_PAGES = ("pypi.org", "pypi.python.org", "anaconda.org", "download.pytorch.org", "pypi.nvidia.com", "libraries.io")


def own_rules(path: Path) -> list[Rule]:
    rules = load_rules(path)
    return [rule for rule, origin in zip(rules.rules, rules.origins, strict=True) if origin == str(path)]


@pytest.mark.parametrize(
    "rule", [*RULES, *(rule for path in EXAMPLES for rule in own_rules(path))], ids=lambda rule: rule.id
)
def test_a_reference_leads_to_the_project_and_not_to_an_index(rule: Rule) -> None:
    """An index page says nothing about the reason of a rule: a home page, documentation, source or an issue does."""
    assert rule.url is None or rule.url.startswith("https://")
    assert not any(f"//{host}/" in (rule.url or "") or f".{host}/" in (rule.url or "") for host in INDEX_PAGES)
    assert "/simple/" not in (rule.url or "")


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_shipped_is_what_the_toml_says(name: str) -> None:
    shipped, written = bundled(name), load_rules(ROOT / "src" / "wheelfix" / "rules" / "builtin" / f"{name}.toml")
    assert (shipped.rules, shipped.digest) == (written.rules, written.digest), "make reference"
    assert (shipped.name, {*shipped.origins}) == (name, {name})


def test_a_set_that_is_not_there_is_an_error_of_the_installation() -> None:
    with pytest.raises(RulesError, match="the built-in set none is damaged") as caught:
        bundled("none")
    assert caught.value.hint == "Install wheelfix again."


def test_every_set_has_references() -> None:
    assert EXAMPLES
    for name in BUILT_IN:
        assert any(rule.url for rule in built_in(name).rules)
