"""Rules on wheels that exist as data only."""

import re

from packaging.utils import canonicalize_name

from wheelfix.results import Finding
from wheelfix.rules.actions import Applied, apply_rules
from wheelfix.rules.load import rule_set
from wheelfix.rules.match import Decision, Facts, decide, make_facts, rules_for
from wheelfix.rules.model import Rule, RuleSet
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.requirement import Requirement, read_requirement

SUM = "ab" * 32


def facts_of(
    *requires: str, project: str = "demo", version: str = "1.0", tags: str = "py3-none-any", fields: str = "",
    metadata_version: str = "2.1",
) -> Facts:  # fmt: skip
    """Return the facts of a wheel with these requirements; ``fields`` are more lines of METADATA."""
    head = f"Metadata-Version: {metadata_version}\nName: {project}\nVersion: {version}\n{fields}"
    document = Document.parse((head + "".join(f"Requires-Dist: {text}\n" for text in requires)).encode())
    name = WheelFilename.parse(f"{project.replace('-', '_')}-{version}-{tags}.whl")
    return make_facts(document, name, lambda: SUM)


def requirement(text: str) -> Requirement:
    """Return ``text`` as a requirement, which it must be."""
    found = read_requirement(text)
    assert found is not None
    return found


def judge(rules: RuleSet, project: str, text: str) -> Decision | None:
    """Return the decision on one requirement of a wheel of ``project``."""
    facts = facts_of(text, project=canonicalize_name(project))
    return decide(rules_for(rules.rules, facts), requirement(text), facts)


def apply(facts: Facts, *rules: Rule) -> Applied:
    """Return what ``rules`` make of a wheel."""
    return apply_rules(rule_set("t", rules), facts)


def rule_of(finding: Finding) -> str:
    """Return the id of the rule that a finding is about."""
    found = re.search(r": rule (.*?)(?:: (?:id|url|reason|until|match|action|when|test)\b.*)?$", finding.place)
    assert found is not None
    return found[1]


def requires(corrected: Applied) -> list[str]:
    """Return the requirements of a corrected wheel."""
    return [each.value for each in corrected.document.all("Requires-Dist")]
