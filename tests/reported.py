"""Wheels with the shapes of public reports, one for each recipe of docs/recipes.md; and the recipes, read from there."""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from building import Archive, Entry, WheelSpec, archive_of, to_bytes
from defects import metadata, valid
from places import ROOT
from running import Ran, wheelfix

PAGE: Final = ROOT / "docs" / "recipes.md"
_BLOCK: Final = re.compile(r"^```(?P<kind>toml|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Recipe(Struct, frozen=True):
    """A section of the page: its title, the reports that it links to, and the rule or the command line that it gives."""

    title: str
    reports: tuple[str, ...]
    rule: str = ""
    command: tuple[str, ...] = ()

    def run(self, directory: Path, names: Sequence[str], output: str) -> Ran:
        """Fix the wheels called ``names`` in ``directory``, which must be the working directory, into ``output``."""
        if self.rule:
            rules = directory / f"{output}.toml"
            rules.write_text(f"schema = 1\n\n{self.rule}", "utf-8")
            return wheelfix("fix", "--rules", rules, "-o", output, *names)
        return wheelfix(*self.command, "-o", output, *names)


def recipes() -> list[Recipe]:
    """Return the recipes of the page, in order."""
    _, *sections = re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return [_recipe(section.partition("\n## ")[0]) for section in sections]


def _recipe(section: str) -> Recipe:
    title, _, text = section.partition("\n")
    [block] = _BLOCK.finditer(text)
    reports = re.findall(r"https://github\.com/([^/\s]+/[^/\s]+)/(?:issues|pull)/(\d+)\)", text)
    named = tuple(f"{repository}#{number}" for repository, number in reports)
    if block["kind"] == "toml":
        return Recipe(title, named, rule=block["text"])
    [line] = block["text"].splitlines()
    prompt, program, *words = shlex.split(line)
    assert (prompt, program) == ("$", "wheelfix")
    return Recipe(title, named, command=tuple(word for word in words if not word.endswith(".whl")))


def spec(
    project: str, version: str, *requires: str, fields: Iterable[str] = (), name: str = "", **changes: Any
) -> WheelSpec:
    """Return a wheel in which ``verify`` finds nothing; ``fields`` are more lines of METADATA, ``name`` its Name."""
    head = ("Metadata-Version: 2.1", f"Name: {name or project}", f"Version: {version}", "Summary: A stand-in")
    lines = [f"Requires-Dist: {each}" for each in requires]
    data = metadata(*fields, *lines, "Requires-Python: >=3.9", head=head, rest=("Description-Content-Type: text/plain",))
    module = project.replace("-", "_")
    plain: dict[str, Any] = {"files": (Entry(f"{module}/__init__.py", b""), Entry(f"{module}/version.py", b"cuda = None\n"))}
    return valid(project=project, version=version, metadata=data, **plain | changes)


class Reported(Struct, frozen=True):
    """The wheels of a report: their file names and their bytes."""

    wheels: tuple[tuple[str, bytes], ...]

    def write(self, folder: Path) -> list[str]:
        """Write the wheels into ``folder``; return their names."""
        for name, data in self.wheels:
            (folder / name).write_bytes(data)
        return [name for name, _ in self.wheels]


def archived(archive: Archive, filename: str = "demo-1.0-py3-none-any.whl") -> Reported:
    """Return one wheel that is this archive."""
    return Reported(((filename, to_bytes(archive)),))


def reported(*specs: WheelSpec, filename: str = "") -> Reported:
    """Return these wheels; ``filename`` is the name of the only one, if it is not what its parts say."""
    return Reported(tuple((filename or each.filename, to_bytes(archive_of(each))) for each in specs))
