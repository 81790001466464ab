"""What wheelfix ships as JSON, because it is read at every start: made from the TOML beside it, which people write."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from wheelfix.rules import BUILT_IN
from wheelfix.rules.load import digest_of
from wheelfix.rules.model import RuleFile, RuleSet

SOURCE: Final = Path(__file__).parent.parent / "src" / "wheelfix"


def shipped_data() -> Mapping[Path, str]:
    """Return the text of each of the files."""
    rule_sets = {SOURCE / "rules" / "builtin" / f"{name}.json": _text(_rule_set(name)) for name in BUILT_IN}
    return {**rule_sets, SOURCE / "evidence" / "catalogue.json": _text(_table(SOURCE / "evidence" / "catalogue.toml"))}


def _rule_set(name: str) -> RuleSet:
    """Return a built-in rule set; its file has the full form of everything, without the short forms of a user's file."""
    rules = msgspec.convert(_table(SOURCE / "rules" / "builtin" / f"{name}.toml"), RuleFile).rule
    return RuleSet(name, rules, digest_of(rules), (name,) * len(rules))


def _table(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def _text(data: object) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=1).decode("utf-8") + "\n"
