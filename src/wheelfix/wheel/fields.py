"""The fields of core metadata: how often each may appear, and since which Metadata-Version.

From https://packaging.python.org/en/latest/specifications/core-metadata/
"""

import re
from typing import Final

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from wheelfix.errors import EditError

METADATA_VERSIONS: Final = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")


class FieldKind(Struct, frozen=True):
    """One field of the specification, in its usual spelling."""

    name: str
    multiple: bool
    since: str


_SINCE: Final = {
    "1.0": "Metadata-Version Name Version Platform* Summary Description Keywords Home-page Author Author-email License",
    "1.1": "Supported-Platform* Download-URL Classifier* Requires* Provides* Obsoletes*",
    "1.2": "Maintainer Maintainer-email Requires-Dist* Requires-Python Requires-External* Project-URL* Provides-Dist* "
    "Obsoletes-Dist*",
    "2.1": "Description-Content-Type Provides-Extra*",
    "2.2": "Dynamic*",
    "2.4": "License-Expression License-File*",
    "2.5": "Import-Name* Import-Namespace*",
}
"""The fields by the Metadata-Version that brought them; one with a star may appear many times."""

FIELDS: Final = {
    name.rstrip("*").lower(): FieldKind(name.rstrip("*"), name.endswith("*"), since)
    for since, names in _SINCE.items()
    for name in names.split()
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
    if not value:
        raise EditError("invalid-field-value", f"the value of {name} is empty", hint="Remove the field instead.")
    try:
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
                from packaging.licenses import canonicalize_license_expression  # imported late: few rules set one

                canonicalize_license_expression(value)
    except (ValueError, RecursionError) as error:  # InvalidRequirement and InvalidSpecifier are such
        reason = str(error).partition("\n")[0]
        raise EditError(
            "invalid-field-value", f"{value!r} is not a valid {name}: {reason}", hint=_hint(name.lower(), value)
        ) from error


_EXAMPLES: Final = {
    "requires-dist": "For example: numpy>=1.26.",
    "requires-python": "For example: >=3.10.",
    "metadata-version": "For example: 2.4.",
    "provides-extra": "Use letters, digits, '-', '_' and '.', such as gpu.",
    "license-expression": "Write an SPDX expression, such as MIT or Apache-2.0 OR BSD-3-Clause.",
}
"""What a value of a field can be, by the field's name in lower case."""


def _hint(name: str, value: str) -> str:
    """Return what to write instead of ``value``, which is not valid for the field ``name``."""
    version = value.strip().removesuffix("+")
    if name == "requires-python" and re.fullmatch(r"[0-9]+(\.[0-9]+)*", version, re.ASCII):
        return f"Did you mean >={version}?"
    return _EXAMPLES[name]
