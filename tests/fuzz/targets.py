"""Every fuzz target by its name, and the module that has it: fuzzing one imports only what that needs."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final, cast

from fuzz.target import Target

MODULES: Final[Mapping[str, str]] = {
    "layout": "archives",
    "inflate": "archives",
    "metadata": "documents",
    "record": "documents",
    "wheel-file": "documents",
    "entry-points": "documents",
    "requirement": "dependencies",
    "marker": "dependencies",
    "filename": "names",
    "tag": "names",
    "glob": "names",
    "page": "pages",
    "root": "pages",
    "served-json": "pages",
    "served-html": "pages",
    "elf": "binaries",
    "ranges": "servers",
    "answers": "servers",
    "inputs": "servers",
    "rules": "tables",
    "manifest": "tables",
    "lock": "tables",
    "wheel": "wheels",
    "imports": "evidence",
    "constants": "evidence",
    "provenance": "evidence",
}


def target(name: str) -> Target:
    """Return the target called ``name``."""
    module = import_module(f"fuzz.{MODULES[name]}")
    return cast(Target, module.TARGETS[name])
