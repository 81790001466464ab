"""The files that the book shows: each must be what it is shown as, and what wheelfix reads must load."""

import configparser
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import yaml

from book.jobs import check_commands, check_jobs
from book.pages import Block
from places import SCHEMAS
from wheelfix.cli import group
from wheelfix.cli.config import options_schema
from wheelfix.errors import WheelfixError
from wheelfix.rules.load import load_rules
from wheelfix.sync.manifest.read import read_manifest

OTHERS: Final = ("tool", "project", "build-system", "packages", "lock-version", "index", "dependency-groups")
"""Top-level keys of files that other programs read."""
PLAIN: Final = (
    "", "text", "console", "python", "pycon", "html", "css", "diff", "nginx", "hcl", "apacheconf", "rust", "http",
)  # fmt: skip
"""What is not checked here: it is run, or it is for people and for other programs."""


_PACK: Final = re.compile(r'\["acme-[^]]*\]')
"""A pack of rules that only the pages have: what it would bring is not needed to read the file."""
_RULE: Final = {"id": '"example"', "reason": '"an example"', "match": '"*"', "action": '"drop"', "when": "{}"}
"""The keys of a rule, and what completes one that a page shows in part."""


def _rules(text: str, folder: Path) -> None:
    data = tomllib.loads(text)
    for name in (each for each in data.get("extends", []) if each.endswith((".toml", "/"))):
        path = folder / name if name.endswith(".toml") else folder / name / "some.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("schema = 1\n", "utf-8")
    path = folder / "wheelfix.toml"
    whole = text if "schema" in data else f"schema = 1\n{text}"
    path.write_text(_PACK.sub("[]", whole), "utf-8")
    load_rules(path)


def _part_of_rule(text: str, folder: Path) -> None:
    given = tomllib.loads(text)
    missing = "".join(f"{key} = {value}\n" for key, value in _RULE.items() if key not in given)
    _rules(f"[[rule]]\n{missing}{text}", folder)


def _manifest(text: str, folder: Path) -> None:
    for name in ("uv.lock", "pylock.toml", "requirements.txt", "poetry.lock"):
        (folder / name).write_text("version = 1\n", "utf-8")
    for name in ("wheelfix.toml", "rules.toml"):
        (folder / name).write_text('schema = 1\nextends = ["gpu"]\n', "utf-8")
    path = folder / "mirror.toml"
    path.write_text(text if "schema" in tomllib.loads(text) else f"schema = 1\n{text}", "utf-8")
    warnings = read_manifest(path).warnings
    if warnings:
        raise ValueError(f"warnings: {warnings}")


def _toml(text: str, folder: Path) -> None:
    data = tomllib.loads(text)
    own = data.get("tool", {}).get("wheelfix")
    if "options" in data:
        _options(data["options"])
    if own is not None:
        _project(text, own, folder)
    elif {"source", "mirror"} & data.keys():
        _manifest(text, folder)
    elif {"rule", "extends"} & data.keys():
        _rules(text, folder)
    elif data.keys() <= _RULE.keys():
        _part_of_rule(text, folder)
    elif not data or not data.keys() - {"schema", "options"} <= set(OTHERS):
        raise ValueError(f"is it a file of wheelfix? {', '.join(data)}")


def _project(text: str, own: dict[str, Any], folder: Path) -> None:
    """Read what ``[tool.wheelfix]`` of a pyproject.toml has: options, and rules as in a file of their own."""
    _options(own.get("options", {}))
    if own.keys() <= {"options", "schema"}:
        return
    header = "[tool.wheelfix]\n"
    if "schema" not in own:
        text = text.replace(header, f"{header}schema = 1\n") if header in text else f"{header}schema = 1\n{text}"
    path = folder / "pyproject.toml"
    path.write_text(_PACK.sub("[]", text), "utf-8")
    load_rules(path)


def _options(options: dict[str, Any]) -> None:
    import jsonschema

    with click.Context(group, info_name="wheelfix", **group.context_settings) as context:
        jsonschema.validate(options, options_schema(context))


def _shell(text: str, _: Path) -> None:
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    if checked.returncode:
        raise ValueError(checked.stderr)
    check_commands(text)


def _json(text: str, _: Path) -> None:
    """Read a document, which is one of those that wheelfix has a schema for."""
    import jsonschema

    document = json.loads(text)
    schemas = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(SCHEMAS.glob("*.json"))}
    if not any(jsonschema.Draft202012Validator(schema).is_valid(document) for schema in schemas.values()):
        raise ValueError(f"it fits none of {', '.join(schemas)}")


def _yaml(text: str, _: Path) -> None:
    for document in yaml.safe_load_all(text):
        check_jobs(document)


def _ini(text: str, _: Path) -> None:
    configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True).read_string(text)


CHECKS: Final[dict[str, Callable[[str, Path], object]]] = {
    "toml": _toml,
    "json": _json,
    "yaml": _yaml,
    "ini": _ini,
    "sh": _shell,
    "bash": _shell,
}
"""What is read how."""


def problem_of(block: Block, folder: Path) -> str | None:
    """Return what is wrong with a file that the book shows, or ``None``."""
    if block.kind in PLAIN:
        return None
    check = CHECKS.get(block.kind)
    if check is None:
        return f"{block.kind}: add a row to book/files.py that says how such a file is checked"
    if block.kind in ("sh", "bash") and block.run.file is None:
        return "what a reader types is a console block; a script has a name: <!-- run: file=NAME -->"
    try:
        check(block.text, folder)
    except click.ClickException as error:
        return error.format_message()
    except (ValueError, WheelfixError, configparser.Error, yaml.YAMLError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        if type(error).__module__.startswith("jsonschema"):
            return str(error)
        raise
    return None
