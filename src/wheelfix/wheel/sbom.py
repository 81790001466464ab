"""The provenance that a fixed wheel carries: what it was made from, what was changed and by which rules.

PEP 770 defines its path, CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/) its format. There is no time stamp and no
random id, so that the same input gives the same bytes.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from wheelfix.errors import FilenameError
from wheelfix.results import Change, ChangeAction, Verdict
from wheelfix.text import as_utf8, shown_anywhere
from wheelfix.wheel.filename import WheelFilename

PROVENANCE: Final = "sboms/wheelfix.cdx.json"
"""The path of the provenance in dist-info."""
_CHANGE: Final = "wheelfix:change"
_RULES: Final = "wheelfix:rules-sha256"
_PACK: Final = "wheelfix:rule-pack"
_MOST_ANCESTORS: Final = 100
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_MOST_CONTAINERS: Final = 500_000
"""How many lists and objects are read of a JSON document; each takes about a hundred bytes."""
_MOST_CHANGES: Final = 10_000
_MOST_LASTING: Final = 100
"""How many older changes of each of these are kept: they show that wheelfix gave a local version, or a name."""
_LASTING: Final = ("Version", "Name")


class Ancestor(Struct, frozen=True):
    """A wheel that a fixed wheel was made from: its file name and sha256 (hexadecimal)."""

    filename: str
    sha256: str


class Provenance(Struct, frozen=True):
    """How a fixed wheel was made: its ``ancestors``, the nearest first, and its ``changes``, the oldest first.

    ``tool`` is the version of wheelfix that wrote this, ``rules_digest`` identifies the rules of the last run, and
    ``rule_packs`` are the installed packs that its rules came from, with their versions.
    """

    tool: str
    ancestors: tuple[Ancestor, ...]
    changes: tuple[Change, ...]
    rules_digest: str | None
    rule_packs: tuple[str, ...] = ()


def write_provenance(
    made: Provenance, *, project: str, version: str, diff: str = "", before: Provenance | None = None
) -> bytes:
    """Return the provenance file of a wheel of ``project`` and ``version``.

    ``made`` is what this run did. ``diff`` is the unified diff of METADATA, in a form that patch(1) applies. ``before`` is
    the provenance that the wheel had: its ancestors and changes are kept, at most the newest 100 and 10,000, and older
    changes of Version and Name.
    """
    project, version = as_utf8(project), as_utf8(version)
    own = (Ancestor(as_utf8(each.filename), each.sha256) for each in made.ancestors)
    ancestors = (*own, *(before.ancestors if before else ()))[:_MOST_ANCESTORS]
    all_changes = _newest((*(before.changes if before else ()), *made.changes))
    pedigree: dict[str, Any] = {"ancestors": [_component(project, version, each) for each in ancestors]}
    if diff:
        pedigree["patches"] = [{"type": "unofficial", "diff": {"text": _attachment(diff)}}]
    properties = [{"name": _CHANGE, "value": json.dumps(_as_dict(each), sort_keys=True)} for each in all_changes]
    if made.rules_digest:
        properties.append({"name": _RULES, "value": made.rules_digest})
    properties += [{"name": _PACK, "value": as_utf8(each)} for each in made.rule_packs]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "wheelfix", "version": made.tool}]},
            "component": {
                "type": "library",
                "name": project,
                "version": version,
                "purl": _purl(project, version),
                "pedigree": pedigree,
                "properties": properties,
            },
        },
    }
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def _newest(changes: Sequence[Change]) -> Sequence[Change]:
    old, new = changes[:-_MOST_CHANGES], changes[-_MOST_CHANGES:]
    lasting = [each for field in _LASTING for each in [each for each in old if each.field == field][-_MOST_LASTING:]]
    return (*sorted(lasting, key=old.index), *new) if lasting else new


def _attachment(diff: str) -> dict[str, str]:
    """Return a diff as an attachment of CycloneDX, in base64 if it has bytes that are not UTF-8, which JSON cannot hold."""
    if as_utf8(diff) == diff:
        return {"contentType": "text/x-diff", "content": diff}
    content = b64encode(diff.encode("utf-8", "surrogateescape")).decode("ascii")
    return {"contentType": "text/x-diff", "encoding": "base64", "content": content}


class TooManyContainers(ValueError):
    """A document has more lists and objects than are read."""


def _containers(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def read_json(data: bytes) -> Any:
    """Return what ``data``, from a wheel, says as JSON.

    :raises TooManyContainers: if it has so many lists and objects that they would take hundreds of megabytes.
    :raises ValueError: if it is no JSON.
    :raises RecursionError: if it is nested too deeply.
    """
    if _containers(data) > _MOST_CONTAINERS and _containers(_TEXT.sub(b"", data)) > _MOST_CONTAINERS:
        raise TooManyContainers(f"it has more than {_MOST_CONTAINERS} lists and objects")
    return json.loads(data)


def read_provenance(data: bytes) -> Provenance | None:
    """Return the provenance in ``data``, or ``None`` if wheelfix did not write it: a wheel can contain anything."""
    try:
        document = read_json(data)
        component = document["metadata"]["component"]
        properties = component["properties"]
        changes = tuple(_as_change(read_json(each["value"].encode())) for each in properties if each["name"] == _CHANGE)
        ancestors = tuple(
            Ancestor(as_utf8(str(each["properties"][0]["value"])), as_utf8(str(each["hashes"][0]["content"])))
            for each in component["pedigree"]["ancestors"]
        )
        digest = next((as_utf8(str(each["value"])) for each in properties if each["name"] == _RULES), None)
        packs = tuple(as_utf8(str(each["value"])) for each in properties if each["name"] == _PACK)
        tool = as_utf8(str(document["metadata"]["tools"]["components"][0]["version"]))
        return Provenance(tool, ancestors, changes, digest, packs)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _component(project: str, version: str, ancestor: Ancestor) -> dict[str, Any]:
    with suppress(FilenameError):  # a wheel that got another name or version had the old one before
        filename = WheelFilename.parse(ancestor.filename)
        project, version = filename.project, filename.version
    return {
        "type": "library",
        "name": project,
        "version": version,
        "purl": f"{_purl(project, version)}?file_name={quote(ancestor.filename, safe='')}",
        "hashes": [{"alg": "SHA-256", "content": ancestor.sha256}],
        "properties": [{"name": "wheelfix:file-name", "value": ancestor.filename}],
    }


def _purl(project: str, version: str) -> str:
    return f"pkg:pypi/{quote(project, safe='')}@{quote(version, safe='')}"


def _as_dict(change: Change) -> Mapping[str, str]:
    """Return what :func:`_as_change` reads: the parts of ``change`` that have a value."""
    names = ("field", "action", "before", "after", "rule", "verdict", "reason", "evidence")
    values = {name: getattr(change, name) for name in names}
    if change.evidence is not None:  # a sentence of ours with names from the wheel; all other text is kept as it is
        values["evidence"] = shown_anywhere(change.evidence)
    return {name: as_utf8(value) for name, value in values.items() if value is not None}


def _as_change(values: Mapping[str, str]) -> Change:
    """Return the change with these ``values``; other types than text raise :class:`TypeError`."""
    if not all(isinstance(value, str) for value in values.values()):
        raise TypeError(values)
    values = {name: as_utf8(value) for name, value in values.items()}
    get, verdict = values.get, values.get("verdict")
    return Change(
        values["field"],
        _known_action(values["action"]),
        get("before"),
        get("after"),
        get("rule"),
        Verdict(verdict) if verdict else None,
        get("reason"),
        get("evidence"),
    )


def _known_action(text: str) -> ChangeAction | str:
    """Return an action; one that only another version of wheelfix knows is kept as text."""
    try:
        return ChangeAction(text)
    except ValueError:
        return text
