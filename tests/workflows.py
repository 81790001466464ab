"""Runs the steps of a composite action as GitHub's runner does: expressions, files of a step, commands in its log.

Only what our action uses is there, and anything else raises. How the runner reads commands out of a log:
https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

REGISTERED = frozenset({
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
    "save-state", "set-env", "set-output", "stop-commands", "warning",
})  # fmt: skip
"""The commands that the runner knows."""
_TOKENS = re.compile(
    r"\s*(?:(?P<op>==|!=|&&)|toJSON\((?P<json>[a-z]+)\)"
    r"|'(?P<text>(?:[^']|'')*)'|(?P<path>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*))"
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


class LogCommand(NamedTuple):
    """A command that the runner read out of a log."""

    name: str
    properties: dict[str, str]
    data: str


@dataclass
class Ran:
    """What became of an action: the exit code of the step that failed, its log, commands, summary and outputs."""

    code: int = 0
    log: str = ""
    commands: list[LogCommand] = field(default_factory=list)
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)


def load(path: Path) -> dict[str, Any]:
    """Return the action in the file at ``path``."""
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def evaluate(expression: str, contexts: Mapping[str, Any]) -> str | bool:
    """Return the value of an expression: contexts, strings, ``toJSON``, ``==``, ``!=``, ``&&`` and ``||``.

    What is not there is empty.
    """
    if "||" in expression:
        values = [evaluate(each.strip(), contexts) for each in expression.split("||")]
        return next((each for each in values if each), "")
    tokens, at = [], 0
    while at < len(expression.rstrip()):
        found = _TOKENS.match(expression, at)
        if found is None:
            raise ValueError(f"unknown syntax in {expression!r}")
        tokens.append(found)
        at = found.end()
    parts: list[list[re.Match[str]]] = [[]]
    for token in tokens:
        if token["op"] == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    compared = [_comparison(each, contexts) for each in parts]
    return compared[0] if len(compared) == 1 else all(compared)


def _comparison(tokens: list[re.Match[str]], contexts: Mapping[str, Any]) -> str | bool:
    if len(tokens) == 1:
        return _value(tokens[0], contexts)
    left, operator, right = tokens
    if operator["op"] not in ("==", "!="):
        raise ValueError(f"unknown operator {operator[0]!r}")
    return (_value(left, contexts) == _value(right, contexts)) is (operator["op"] == "==")


def _value(token: re.Match[str], contexts: Mapping[str, Any]) -> str:
    if token["text"] is not None:
        return token["text"].replace("''", "'")
    if token["json"] is not None:
        return json.dumps(contexts.get(token["json"]), indent=2)
    name, *keys = token["path"].split(".")
    found: Any = contexts[name]
    for key in keys:
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, str) else ""


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """Return ``text`` with the values of its expressions."""
    return _EXPRESSION.sub(lambda found: str(evaluate(found[1], contexts)), text)


def read_commands(log: str) -> list[LogCommand]:
    """Return the commands that the runner finds in ``log``; between ``stop-commands`` and its token it finds none."""
    found: list[LogCommand] = []
    token = ""
    for line in log.split("\n"):
        if token:
            token = "" if line.strip() == f"::{token}::" else token
            continue
        command = _of_today(line) or _of_old(line)
        if command is not None:
            found.append(command)
            token = command.data if command.name == "stop-commands" else ""
    return found


def _of_today(line: str) -> LogCommand | None:
    """Read ``::name key=value,key=value::data``, which begins a line."""
    found = re.match(r"::(.*?)::(.*)", line.lstrip())
    return _command(found[1], ",", found[2]) if found else None


def _of_old(line: str) -> LogCommand | None:
    """Read ``##[name key=value;key=value]data``, which may be anywhere in a line."""
    found = re.search(r"##\[(.*?)\](.*)", line)
    return _command(found[1], ";", found[2]) if found else None


def _command(head: str, separator: str, data: str) -> LogCommand | None:
    name, _, rest = head.partition(" ")
    pairs = (pair.partition("=") for pair in rest.strip().split(separator) if "=" in pair)
    properties = {key: _unescaped(value).replace("%3A", ":").replace("%2C", ",") for key, _, value in pairs}
    return LogCommand(name, properties, _unescaped(data)) if name in REGISTERED else None


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def run_action(
    path: Path,
    inputs: Mapping[str, str],
    work: Path,
    temp: Path,
    *,
    github: Mapping[str, Any],
    variables: Mapping[str, str],
    matrix: Mapping[str, str] | None = None,
) -> Ran:  # fmt: skip
    """Run the composite action in the file at ``path`` in the directory ``work``, with ``temp`` for its files."""
    action = load(path)
    unknown = set(inputs) - set(action["inputs"])
    if unknown:
        raise ValueError(f"no such inputs: {unknown}")
    contexts: dict[str, Any] = {"github": github, "steps": {}, "matrix": matrix}
    defaults = {name: filled(each["default"], contexts) for name, each in action["inputs"].items()}
    contexts["inputs"] = defaults | dict(inputs)
    ran = Ran()
    for number, step in enumerate(action["runs"]["steps"]):
        if not evaluate(step.get("if", "'always'"), contexts):
            continue
        outputs = _run_step(step, number, ran, contexts, work=work, temp=temp, variables=variables, place=path.parent)
        contexts["steps"][step.get("id", f"step-{number}")] = {"outputs": outputs}
        ran.steps.append(step["name"])
        if ran.code:
            break
    ran.outputs = {name: filled(each["value"], contexts) for name, each in action["outputs"].items()}
    ran.commands = read_commands(ran.log)
    return ran


def _run_step(
    step: Mapping[str, Any], number: int, ran: Ran, contexts: Mapping[str, Any],
    *, work: Path, temp: Path, variables: Mapping[str, str], place: Path,
) -> dict[str, str]:  # fmt: skip
    """Run one step, add what it leaves to ``ran``, and return its outputs."""
    if step["shell"] != "bash":
        raise ValueError(step["shell"])
    script, output, summary = (temp / f"{name}-{number}" for name in ("script.sh", "output", "summary"))
    script.write_text(step["run"])
    output.touch()
    summary.touch()
    environment = {
        **os.environ, **variables,
        "GITHUB_ACTION_PATH": str(place), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary),
        "RUNNER_TEMP": str(temp), **{name: filled(value, contexts) for name, value in step.get("env", {}).items()},
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    done = subprocess.run(
        command, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    ran.code = done.returncode
    ran.log += done.stdout
    ran.summary += summary.read_text("utf-8")
    return _read_outputs(output.read_text("utf-8"))


def _read_outputs(text: str) -> dict[str, str]:
    """Return the outputs of a step: ``name=value``, one a line."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals or "<<" in name:
            raise ValueError(f"no output: {line!r}")
        found[name] = value
    return found
