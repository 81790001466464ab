"""Rules as the overrides of a client: TOML to paste into a pyproject.toml, and JSON."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from packaging.requirements import Requirement

from wheelfix.reports.json import document
from wheelfix.rules.overrides import Client, Export, Form, LeftOut, Metadata, Override, Source
from wheelfix.rules.schema import toml_string
from wheelfix.text import shown

_HEADS: Final = {Client.UV: "for uv 0.11.25 and later", Client.PDM: "for PDM"}
_UNCHECKED: Final = "whether a package needs what is excluded is not checked; name its wheels for that"


def render_export(export: Export) -> str:
    """Return the overrides as TOML for a pyproject.toml, each with the rules behind it, and then what is left out."""
    head = [f"# {_HEADS[export.client]}, written by wheelfix rules export"]
    head += [f"# {_UNCHECKED}"] if _is_unchecked(export) else []
    missing = [f"# {line}" for line in _missing(export.left_out)]
    blocks = [head, *_WRITERS[export.client](export), missing]
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)


def _is_unchecked(export: Export) -> bool:
    return not export.from_wheels and any(each.form is Form.EXCLUDE for each in export.overrides)


def _uv(export: Export) -> Iterator[list[str]]:
    if export.overrides:
        yield [
            "[tool.uv]",
            *_list("override-dependencies", _groups(export, Form.OVERRIDE), _in_scope),
            *_list("exclude-dependencies", _groups(export, Form.EXCLUDE), _in_scope),
        ]
    yield from map(_metadata, export.metadata)


def _groups(export: Export, form: Form) -> list[list[Override]]:
    """Return the overrides of one form: those of one scope and the same rules, which differ in the same ways, together."""
    chosen = (each for each in export.overrides if each.form is form)
    return [list(group) for _, group in groupby(chosen, key=lambda each: (each.scope, each.sources))]


def _metadata(metadata: Metadata) -> list[str]:
    lines = [f"# for every file of {shown(metadata.name)} {shown(metadata.version)}", *_comments(metadata.sources)]
    name, version = toml_string(metadata.name), toml_string(metadata.version)
    lines += ["[[tool.uv.dependency-metadata]]", f"name = {name}", f"version = {version}"]
    requires = [f"  {toml_string(each)}," for each in metadata.requires_dist]
    lines += ["requires-dist = [", *requires, "]"] if requires else ["requires-dist = []"]
    lines += [f"requires-python = {toml_string(metadata.requires_python)}"] if metadata.requires_python else []
    extras = ", ".join(map(toml_string, metadata.provides_extra))
    return [*lines, f"provides-extra = [{extras}]"] if extras else lines


def _in_scope(overrides: Sequence[Override]) -> Iterator[str]:
    scope = overrides[0].scope
    dependencies = [toml_string(each.dependency) for each in overrides]
    if scope.package is None:
        yield from dependencies
        return
    version = f", version = {toml_string(scope.version)}" if scope.version else ""
    package = f"{{ name = {toml_string(scope.package)}{version} }}"
    yield f"{{ package = {package}, dependencies = [{', '.join(dependencies)}] }}"


def _pdm(export: Export) -> Iterator[list[str]]:
    exclusions = _groups(export, Form.EXCLUDE)
    if exclusions:
        names = _list("excludes", exclusions, lambda group: (toml_string(each.name) for each in group))
        yield ["[tool.pdm.resolution]", *names]
    overrides = [line for group in _groups(export, Form.OVERRIDE) for line in _pdm_overrides(group)]
    if overrides:
        yield ["[tool.pdm.resolution.overrides]", *overrides]


def _pdm_overrides(overrides: Sequence[Override]) -> Iterator[str]:
    yield from _comments(overrides[0].sources)
    for each in overrides:
        requirement = Requirement(each.dependency)
        yield f"{toml_string(each.name)} = {toml_string(requirement.url or str(requirement.specifier))}"


_WRITERS: Final[Mapping[Client, Callable[[Export], Iterator[list[str]]]]] = {Client.UV: _uv, Client.PDM: _pdm}
"""What each client reads."""


def _list(key: str, groups: Sequence[Sequence[Override]], write: Callable[[Sequence[Override]], Iterable[str]]) -> list[str]:
    lines = [line for group in groups for line in (*_comments(group[0].sources), *(f"{each}," for each in write(group)))]
    return [f"{key} = [", *(f"  {line}" for line in lines), "]"] if lines else []


def _comments(sources: Iterable[Source]) -> Iterator[str]:
    for each in sources:
        until = f" [until {each.until}]" if each.until else ""
        yield f"# {shown(each.rule)}: {shown(each.reason)}" + (f" ({shown(each.url)})" if each.url else "") + until
        yield from (f"#   differs: {shown(note)}" for note in each.differs)


def _missing(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """Yield what is left out and why, and behind those with the same help what to do."""
    by_hint: dict[str, list[LeftOut]] = {}
    for each in left_out:
        by_hint.setdefault(each.hint, []).append(each)
    for hint, group in by_hint.items():
        yield from (f"not exported: {shown(each.subject)}: {shown(each.message)}" for each in group)
        if hint:
            yield f"help: {shown(hint)}"


def render_export_notes(export: Export) -> str:
    """Return what a person must know before using the overrides: how they differ from the rules, and what is missing."""
    differs: dict[str, dict[str, None]] = {}
    for source in (source for each in export.overrides for source in each.sources if source.differs):
        differs.setdefault(source.rule, {}).update(dict.fromkeys(source.differs))
    lines = [f"warning: rule {shown(rule)} differs: {shown('; '.join(notes))}" for rule, notes in differs.items()]
    lines += [f"warning: {_UNCHECKED}"] if _is_unchecked(export) else []
    lines += [line if line.startswith("help: ") else f"warning: {line}" for line in _missing(export.left_out)]
    return "".join(f"{line}\n" for line in lines)


def render_export_json(export: Export) -> str:
    """Return the overrides as JSON, version 1."""
    return document(
        "rules export",
        client=export.client,
        from_wheels=export.from_wheels,
        overrides=export.overrides,
        metadata=export.metadata,
        left_out=export.left_out,
    )
