"""The JSON Schema of manifests, for editors."""

import inspect
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from wheelfix.rules.schema import as_written
from wheelfix.sync.manifest.form import ManifestFile, SourceTable

ID: Final = "urn:wheelfix:manifest:1"
_TIME: Final = r"^([0-9]{1,9}(\.[0-9]{1,9})? *(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?) *)+$"
_FORMS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "keep": [{"type": "integer", "minimum": 1}, {"const": "all"}],
    "min-age": [{"type": "string", "pattern": _TIME}, {"enum": [0, "0"]}],
    "prune-after": [{"type": "string", "pattern": _TIME}, {"enum": [0, "0", "never"]}],
}
"""What is allowed for the keys that have more than one form, which their types say only in part."""
_MAY_BE_EMPTY: Final = ("rules",)
_NAMES_FILES: Final = {"anyOf": [{"required": ["projects"]}, {"required": ["lock"]}]}
_RESOLVES: Final = {"properties": {"dependencies": {"const": True}}, "required": ["dependencies"]}
_NAMED: Final[Mapping[str, Any]] = {
    "if": {"properties": {"mirror": _RESOLVES}, "required": ["mirror"]},
    "then": {"properties": {"source": {"contains": _NAMES_FILES}}},
    "else": {"properties": {"source": {"items": _NAMES_FILES}}},
}
"""Every source names files; with ``dependencies`` one has to."""


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of manifests."""
    (reference,), components = msgspec.json.schema_components((ManifestFile,), ref_template="#/$defs/{name}")
    for table in components.values():
        table["description"] = inspect.cleandoc(table["description"])  # Python 3.13 stores docstrings without their indent
        table["properties"] = {key: _property(key, schema) for key, schema in table["properties"].items()}
    components[ManifestFile.__name__]["properties"]["source"] = {
        "description": "The sources, one table each.",
        "type": "array",
        "items": {"$ref": "#/$defs/SourceTable"},
        "minItems": 1,
    }
    components[SourceTable.__name__]["not"] = {"required": ["projects", "lock"]}
    components[ManifestFile.__name__] |= _NAMED
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "wheelfix manifest",
        **reference,
        "$defs": components,
    }


def _property(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    default = schema.get("default")
    written = as_written(key, schema)
    if default not in (None, ()):
        written["default"] = list(default) if isinstance(default, tuple) else default
    if key in _FORMS:
        written = {name: value for name, value in written.items() if name not in ("type", "enum")} | {"anyOf": _FORMS[key]}
    for form in written.get("anyOf", [written]):
        if form.get("type") == "array" and key not in _MAY_BE_EMPTY:
            form["minItems"] = 1
    return written
