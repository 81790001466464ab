"""The jobs of other programs that pages show: the commands of wheelfix in them must exist, and what they give the action."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
import yaml

from places import ROOT
from wheelfix.cli import group

_REPOSITORY: Final = "wheelfix/wheelfix"
_BEFORE: Final = ("exec", "then", "do", "else", "if", "!", "sudo")
"""Words that a command can follow."""


def check_commands(script: str) -> None:
    """Confirm that every command of wheelfix in a script exists, and takes the options that it is given.

    >>> check_commands("cd dist && wheelfix verify --strict . > findings")

    :raises click.ClickException: if one does not.
    """
    for command in _commands(script):
        _check(command[1:])


def _commands(script: str) -> Iterator[list[str]]:
    for line in script.replace("\\\n", " ").splitlines():
        if "wheelfix" not in line:
            continue
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        found: list[str] = []
        for word in [*words, ";"]:
            if set(word) <= set("();<>|&"):
                if found[:1] == ["wheelfix"]:
                    yield found
                found = [] if ">" not in word else found
            elif found or word not in _BEFORE:
                found.append(word)


def _check(words: Sequence[str]) -> None:
    command: click.Command = group
    rest = [*words]
    context = click.Context(command, info_name="wheelfix", **group.context_settings)  # click keeps -h from the first context
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command, context = found, click.Context(found, parent=context)
    given, _, order = command.make_parser(context).parse_args(rest)
    for option in order:
        values = given.get(option.name or "")
        if isinstance(option.type, click.Choice) and values is not None:
            for value in values if isinstance(values, list) else [values]:
                option.type.convert(value, option, context)


def check_jobs(document: Any) -> None:
    """Confirm that what a file of YAML has of wheelfix exists: commands, arguments of containers, the action, hooks.

    :raises ValueError: if something does not.
    :raises click.ClickException: if a command does not.
    """
    if isinstance(document, list):
        for each in document:
            check_jobs(each)
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        if key in ("run", "script", "before_script", "after_script"):
            check_commands("\n".join(map(str, value)) if isinstance(value, list) else str(value))
        elif key == "args" and _REPOSITORY.partition("/")[0] in str(document.get("image", "")):
            _check(value)
        elif key == "command" and isinstance(value, list):
            check_commands(shlex.join(value) if value[0] == "wheelfix" else value[-1])
        check_jobs(value)
    if str(document.get("uses", "")).startswith(f"{_REPOSITORY}@"):
        _known(document.get("with", {}), _loaded("action.yml")["inputs"], "inputs of the action")
    if str(document.get("repo", "")).endswith(f"/{_REPOSITORY}"):
        _known(
            [each["id"] for each in document["hooks"]], [each["id"] for each in _loaded(".pre-commit-hooks.yaml")], "hooks"
        )


def _loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def _known(given: Any, known: Any, what: str) -> None:
    if unknown := {*given} - {*known}:
        raise ValueError(f"no {what}: {', '.join(sorted(unknown))}")
