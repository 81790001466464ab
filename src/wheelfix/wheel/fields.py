"""The fields of core metadata: how often each may appear, and since which Metadata-Version.

From https://packaging.python.org/en/latest/specifications/core-metadata/
"""

import re
from dataclasses import dataclass
from typing import Final

from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError

METADATA_VERSIONS: Final = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")


@dataclass(frozen=True, slots=True)
class FieldKind:
    """One field of the specification, in its usual spelling."""

    name: str
    multiple: bool
    since: str


def _once(name: str, since: str) -> FieldKind:
    return FieldKind(name, multiple=False, since=since)


def _many(name: str, since: str) -> FieldKind:
    return FieldKind(name, multiple=True, since=since)


FIELDS: Final = {
    kind.name.lower(): kind
    for kind in (
        _once("Metadata-Version", "1.0"),
        _once("Name", "1.0"),
        _once("Version", "1.0"),
        _many("Dynamic", "2.2"),
        _many("Platform", "1.0"),
        _many("Supported-Platform", "1.1"),
        _once("Summary", "1.0"),
        _once("Description", "1.0"),
        _once("Description-Content-Type", "2.1"),
        _once("Keywords", "1.0"),
        _once("Home-page", "1.0"),
        _once("Download-URL", "1.1"),
        _once("Author", "1.0"),
        _once("Author-email", "1.0"),
        _once("Maintainer", "1.2"),
        _once("Maintainer-email", "1.2"),
        _once("License", "1.0"),
        _once("License-Expression", "2.4"),
        _many("License-File", "2.4"),
        _many("Classifier", "1.1"),
        _many("Requires-Dist", "1.2"),
        _once("Requires-Python", "1.2"),
        _many("Requires-External", "1.2"),
        _many("Project-URL", "1.2"),
        _many("Provides-Extra", "2.1"),
        _many("Import-Name", "2.5"),
        _many("Import-Namespace", "2.5"),
        _many("Provides-Dist", "1.2"),
        _many("Obsoletes-Dist", "1.2"),
        _many("Requires", "1.1"),
        _many("Provides", "1.1"),
        _many("Obsoletes", "1.1"),
    )
}
"""Every field by its name in lower case: header names are case-insensitive."""


def find(name: str) -> FieldKind | None:
    """Return the field called ``name`` in any case, or ``None`` if the specification has none."""
    return FIELDS.get(name.lower())


def is_field_name(name: str) -> bool:
    """Whether a header field can be called ``name``: printable ASCII without blanks and colons (RFC 5322)."""
    return re.fullmatch(r"[\x21-\x39\x3b-\x7e]+", name) is not None


def check_value(name: str, value: str) -> None:
    """Confirm that ``value`` is a valid new value for the field ``name``: lenient to read, exact to write.

    :raises EditError: if it is not valid by the specification of the field.
    """
    try:
        if not value:
            raise ValueError("it is empty; remove the field instead")
        match name.lower():
            case "requires-dist":
                Requirement(value)
            case "requires-python":
                SpecifierSet(value)
            case "metadata-version":
                if value not in METADATA_VERSIONS:
                    raise ValueError(f"use one of {', '.join(METADATA_VERSIONS)}")
            case "provides-extra":
                canonicalize_name(value, validate=True)
            case "license-expression":
                canonicalize_license_expression(value)
    except (ValueError, RecursionError) as error:  # InvalidRequirement and InvalidSpecifier are such
        reason = str(error).partition("\n")[0]
        raise EditError(
            "invalid-field-value", f"{value!r} is not a valid {name}: {reason}", hint="Correct the value."
        ) from error
