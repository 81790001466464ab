"""Write what follows from the code: the reference of rules and checks, the schema of rules, the actions in that of reports.

``--check`` compares and writes nothing.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import generated
from code_pages import checks_page, codes_page, errors_page, mirror_page, sections, sync_page
from manifest_page import manifest_page
from shipped_data import shipped_data

from wheelfix.cli import group
from wheelfix.cli.config import (
    COMMAND_LINE_ONLY,
    VALUES_OF_COMMAND_LINE,
    choices_in_files,
    commands,
    form_of,
    long_name,
    options_of,
    options_schema,
    variable,
)
from wheelfix.cli.exit_codes import MEANINGS
from wheelfix.reports.json import encode
from wheelfix.results import ChangeAction
from wheelfix.rules.registry import RULE_CHECKS
from wheelfix.rules.schema import TABLES, rules_schema
from wheelfix.sync.manifest.schema import manifest_schema
from wheelfix.wheel.fields import FIELDS

REFERENCE: Final = Path(__file__).parent / "reference"
SCHEMAS: Final = Path(__file__).parent / "schemas"
_HEAD: Final = """# Reference of the rule language

Every key of a rule file. This page is made from the types that read the files, by `docs/write_reference.py`; the JSON Schema
that `wheelfix rules schema` prints is made from them too. [How rules are applied](how-rules-apply.md) explains how they
work together.
"""
_CONFIGURATION_HEAD: Final = """# Configuration

Options that you always use can be set in a file or in environment variables. The command line wins over a variable, and a
variable wins over the file.

## In a file

Put a table `[options]` into `wheelfix.toml`, beside your rules if you have some:

```toml
[options]
jobs = 4
output-dir = "out"
verify.ignore = ["metadata-no-description"]
mirror.timeout = 60
```

In `pyproject.toml` the table is `[tool.wheelfix.options]`. wheelfix reads one file: the first one that it finds in the
working directory or above it. Options in files that `extends` or `--rules` name do not count.

A key is the long name of the option without the dashes. It applies to every command that has the option. With the words
of a command in front, such as `mirror.timeout` or `mirror.check.max-time`, it applies to this command, or to all commands
of this group. The longer key wins. A path is relative to the directory of the file. An option set in the file is ignored
if it conflicts with one on the command line: `--in-place` on the command line overrides `output-dir` in the file.

A key that does not exist, or a value that the option does not accept, is an error (exit code 2). All of them are reported
at once.

## In the environment

A variable is named after the key, in capitals, with `WHEELFIX_` in front and underscores for dots and dashes:

```console
$ WHEELFIX_JOBS=4 WHEELFIX_VERIFY_IGNORE=metadata-no-description wheelfix verify dist/
```

A flag takes `1` or `0`. Several values are separated by spaces. An empty variable sets nothing. A variable that starts with
`WHEELFIX_` and sets no option is reported as a warning.

## Options

The keys of `[options]` are in `rules.schema.json`, which `wheelfix rules schema` prints for your editor.

| key | variable | takes | commands |
|---|---|---|---|
"""
_CONFIGURATION_TAIL: Final = """
## On the command line only

An option is not allowed in a file or variable if
"""
_EXIT_CODES_HEAD: Final = """# Exit codes

What a run of any command returns to the shell or the CI job.

| exit code | meaning |
|---|---|
"""
_EXIT_CODES_TAIL: Final = """
Where more than one would fit, the greatest one counts: a run with a refused wheel ends with 3, also if `--check` finds
that another wheel would change.

With {option}`wheelfix verify --strict` and {option}`wheelfix mirror check --strict` warnings count as errors. `show`,
`explain`, `completion`, `rules list`, `rules schema` and `mirror list` never end with 1.

With `set -e`, a script stops at the first command that does not end with 0. To go on where something was only found, ask
for the number:

```console
$ wheelfix verify damaged/ || [ $? -eq 1 ]
```

The same codes are in `--help`, and in the `summary` line of {option}`wheelfix mirror sync --log-format`.
"""
_TITLES: Final = {
    "RuleFile": "The file",
    "Rule": "`[[rule]]`",
    "When": "`when`",
    "Match": "`match`",
    "Action": "`action`",
    "NewSpecifier": "`set-specifier`",
    "FieldValue": "`set-field`, `add-field`",
    "FieldName": "`remove-field`",
    "PostRelease": "`set-version`",
    "CopyFrom": "`copy-from`",
    "EntryPointValue": "`add-entry-point`",
    "EntryPointMatch": "`remove-entry-point`",
    "Case": "`[[rule.test]]`",
    "CaseWheel": "`release` of a test",
}


def reference(schema: Mapping[str, Any]) -> str:
    """Return the page: a table for each table of a file."""
    sections = (line for table in TABLES for line in _section(table, schema["$defs"][table.__name__]))
    return _HEAD + "".join(f"{line}\n" for line in (*sections, *_fields(), *_rule_findings()))


def _fields() -> Iterator[str]:
    yield "\n## The fields\n"
    yield "What `set-field`, `add-field` and `remove-field` know, from the core metadata specification. `Name`,"
    yield "`Version` and `Requires-Dist` have actions of their own, and an extra is added with `add-field` and removed with"
    yield "`drop-extra`.\n"
    yield "| field | used | since Metadata-Version |"
    yield "|---|---|---|"
    for kind in FIELDS.values():
        yield f"| `{kind.name}` | {'several times' if kind.multiple else 'once'} | {kind.since} |"


def _rule_findings() -> Iterator[str]:
    yield "\n## The findings\n"
    yield "What `wheelfix rules check` and every command that reads rules can report; `wheelfix explain CODE` prints it too."
    yield sections(RULE_CHECKS.values()).rstrip("\n")


def _section(table: type, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {_TITLES[table.__name__]}\n"
    yield " ".join((table.__doc__ or "").split()).replace("``", "`") + "\n"
    yield "| key | takes | meaning |"
    yield "|---|---|---|"
    for key, value in schema["properties"].items():
        if key.startswith("not-"):
            continue
        required = " (required)" if key in schema.get("required", ()) else ""
        name = f"`{key}`, `not-{key}`" if f"not-{key}" in schema["properties"] else f"`{key}`"
        examples = "".join(f"<br>{_example(each)}" for each in value.get("examples", ()))
        default = f" Default: `{value['default']}`." if "default" in value else ""
        meaning = f"{value['description']}{default}{examples}".replace("|", "\\|")
        yield f"| {name}{required} | {_takes(value)} | {meaning} |"


def _example(value: object) -> str:
    return f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)


def _takes(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        *single, last = dict.fromkeys(_takes(form) for form in schema["anyOf"])
        if last == "string or list of strings" and single == ["string"]:
            return last
        one = " or ".join(single)
        return f"{one}, or a list of these" if last == f"list of {one}" else " or ".join((*single, last))
    if "$ref" in schema:
        return f"table, see {_TITLES[schema['$ref'].rpartition('/')[2]]}"
    match schema:
        case {"enum": values}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"type": "array", "items": items}:
            if items == {"type": "string"}:
                return "string or list of strings"
            return f"list of {_takes(items)}".replace("list of table,", "list of tables,")
        case {"format": "date"}:
            return "date"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "object", "properties": _}:
            return "table, see [Configuration](configuration.md)"
        case {"type": "object"}:
            return "table of fields and their values"
        case _:
            return "string"


def configuration_page(root: click.Context) -> str:
    """Return the page of what a file and variables can set: a line for each option."""
    users: dict[str, list[tuple[str, click.Option]]] = defaultdict(list)
    for path, command in commands(root):
        for option in options_of(command):
            users[long_name(option)].append((" ".join(path), option))
    rows = "".join(_option_line(name, users[name]) for name in sorted(users) if name not in COMMAND_LINE_ONLY)
    only = {
        reason: [name for name, why in COMMAND_LINE_ONLY.items() if why == reason] for reason in COMMAND_LINE_ONLY.values()
    }
    excluded = "".join(f"\n- {reason}: {_listed(names, '`--{}`')}" for reason, names in only.items())
    values = [f"{name} {value}" for name, values in VALUES_OF_COMMAND_LINE.items() for value in values]
    also = f"{_listed(values, '`--{}`')} is not allowed there either."
    return f"{_CONFIGURATION_HEAD}{rows}{_CONFIGURATION_TAIL}{excluded}\n\n{also}\n"


def _option_line(name: str, users: Sequence[tuple[str, click.Option]]) -> str:
    option = users[0][1]
    choices = dict.fromkeys(
        each for _, one in users if isinstance(one.type, click.Choice) for each in choices_in_files(one.type, name)
    )
    words = _listed(choices, "`{}`") if choices else form_of(option)[1]
    kind = f"{words}, or a list" if option.multiple else words
    return f"| `{name}` | `{variable((name,))}` | {kind} | {_listed([path for path, _ in users], '`{}`')} |\n"


def exit_codes_page() -> str:
    """Return the page of exit codes."""
    rows = "".join(f"| {code:d} | {meaning} |\n" for code, meaning in MEANINGS.items())
    return f"{_EXIT_CODES_HEAD}{rows}{_EXIT_CODES_TAIL}"


def _listed(words: Iterable[str], form: str) -> str:
    return ", ".join(form.format(word) for word in words)


_ACTIONS: Final = re.compile(r'(?<="action": \{\n          "enum": \[\n            )[^\]]*?(?=\n          \])')


def report_schema(text: str) -> str:
    """Return the schema of reports with every action that a change can have; the rest of ``text`` is written by hand."""
    return _ACTIONS.sub(", ".join(f'"{action}"' for action in ChangeAction), text)


def texts() -> Mapping[Path, str]:
    """Return the text of each file."""
    root = click.Context(group)
    schema = rules_schema(options_schema(root))
    return {
        REFERENCE / "configuration.md": configuration_page(root),
        REFERENCE / "exit-codes.md": exit_codes_page(),
        REFERENCE / "codes.md": codes_page(),
        REFERENCE / "rule-reference.md": reference(schema),
        SCHEMAS / "rules.schema.json": encode(schema),
        REFERENCE / "manifest.md": manifest_page(manifest_schema(), _example, _takes),
        SCHEMAS / "manifest.schema.json": encode(manifest_schema()),
        REFERENCE / "checks.md": checks_page(),
        REFERENCE / "errors.md": errors_page(),
        REFERENCE / "mirror-checks.md": mirror_page(),
        REFERENCE / "sync-codes.md": sync_page(),
        SCHEMAS / "report.schema.json": report_schema((SCHEMAS / "report.schema.json").read_text("utf-8")),
        **shipped_data(),
    }


if __name__ == "__main__":
    sys.exit(generated.run(__file__, texts))
