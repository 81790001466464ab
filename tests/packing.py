"""Rule packs, as an installer leaves them: a package with rule files, and metadata with an entry point."""

from collections.abc import Mapping
from pathlib import Path


def rule_text(name: str, project: str = "gpu") -> str:
    """Return a rule that drops ``project``, as a file has it."""
    return f'[[rule]]\nid = "{name}"\nreason = "because of {name}"\nmatch.name = "{project}"\naction = "drop"\n'


def rules_text(*names: str, extends: str = "") -> str:
    """Return a rule file."""
    return f"schema = 1\n{f'extends = {extends}' if extends else ''}\n" + "".join(map(rule_text, names))


def install_pack(
    site: Path, files: Mapping[str, str], *, name: str = "acme-rules", version: str = "2.1", value: str = "acme_rules",
    package: str = "acme_rules", code: str = "raise SystemExit('a pack is imported')\n",
) -> Path:  # fmt: skip
    """Write a pack into the directory ``site``; return its package. Its code must never run."""
    where = site.joinpath(*package.split("."))
    for directory in (where, *where.parents):
        if directory == site:
            break
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "__init__.py").write_text(code)
    for path, text in files.items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_text(text)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[wheelfix.rules]\n{name} = {value}\n")
    return where
