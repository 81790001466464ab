"""The page of manifests: a table for each table of a file, made from the types that read it, and the codes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from code_pages import sections

from wheelfix.sync.manifest.form import TABLES
from wheelfix.sync.manifest.registry import MANIFEST_CHECKS

_HEAD: Final = """# Manifests

A manifest says what a mirror should have: which projects, for which platforms, from where, fixed by which rules. `wheelfix
mirror sync mirror.toml` makes the mirror match it; [A nightly mirror](../guides/nightly-mirror.md) explains how, and
[What a manifest chooses](choosing.md)
which files the keys select. This page lists every key; `wheelfix mirror sync --schema` prints them as JSON Schema for your
editor.

```toml
schema = 1

[mirror]
store = "s3://wheels"
rules = ["wheelfix.toml"]
keep = 3
platforms = ["manylinux*_x86_64", "manylinux*_aarch64", "macosx*_arm64"]
pythons = ["3.11", "3.12", "3.13"]

[[source]]
name = "pytorch-cpu"
index = "https://download.pytorch.org/whl/cpu/"
projects = ["torch>=2.6", "torchvision", "torchaudio"]
family = true
local = "strip"

[[source]]
name = "locked"
index = "https://packages.example.org/simple/"
lock = ["uv.lock"]

[[source]]
index = "https://packages.example.org/simple/"
projects = ["requests>=2.31,<3", "numpy==1.26.*"]
min-age = "3 days"
```

- Paths are relative to the directory of the manifest. A list may be a single value.
- A length of time is a number with a unit, or several: `36h`, `30 days`, `1h30m`. The units are seconds, minutes, hours,
  days and weeks, or their first letters. Only `0` has none.
- Options that turn off a safety check, such as `--allow-removals`, are not keys: give them on the command line.
- Every error is reported at once, with its line. Warnings and notes do not stop a run.
"""
_TITLES: Final = {"ManifestFile": "The file", "MirrorTable": "`[mirror]`", "SourceTable": "`[[source]]`"}
_FORMS: Final = {
    "keep": 'a number from 1, or `"all"`',
    "min-age": "a length of time",
    "prune-after": 'a length of time, or `"never"`',
    "mirror": "table, see [`[mirror]`](#mirror)",
    "source": "tables, see [`[[source]]`](#source)",
}


_Example: TypeAlias = Callable[[object], str]
_Takes: TypeAlias = Callable[[Mapping[str, Any]], str]


def manifest_page(schema: Mapping[str, Any], example: _Example, takes: _Takes) -> str:
    """Return the page; ``example`` writes a value, and ``takes`` says what a key takes, as the reference of rules does."""
    lines = [line for table in TABLES for line in _table(table.__name__, schema["$defs"][table.__name__], example, takes)]
    codes = sections(MANIFEST_CHECKS.values()).rstrip("\n")
    intro = "What `wheelfix mirror sync` can report of a manifest; `wheelfix explain CODE` prints it too."
    return _HEAD + "".join(f"{line}\n" for line in (*lines, "\n## The findings\n", intro, codes))


def _table(name: str, table: Mapping[str, Any], example: _Example, takes: _Takes) -> Iterator[str]:
    yield f"\n## {_TITLES[name]}\n"
    yield " ".join(table["description"].split()) + "\n"
    yield "| key | takes | default | meaning |"
    yield "|---|---|---|---|"
    for key, value in table["properties"].items():
        examples = "".join(f"<br>{example(each)}" for each in value.get("examples", ()))
        default = "required" if key in table.get("required", ()) else example(value["default"]) if "default" in value else ""
        yield f"| `{key}` | {_FORMS.get(key) or takes(value)} | {default} | {value['description']}{examples} |"
