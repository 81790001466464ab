"""What a code means, for ``wheelfix explain`` and the reference pages of the documentation: all tables in one lookup."""

import errno
import os
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from wheelfix.codes import Check, Fix
from wheelfix.mirror.registry import MIRROR_CHECKS
from wheelfix.refusals import REFUSALS
from wheelfix.results import Severity
from wheelfix.rules.registry import RULE_CHECKS
from wheelfix.text import CODE_PAGES, closest
from wheelfix.verify.examples import EXAMPLES
from wheelfix.verify.registry import BY_ERROR, CHECKS

REGISTRY: Final[Mapping[str, Mapping[str, Check]]] = {
    "wheelfix verify": {code: replace(check, example=EXAMPLES.get(code, "")) for code, check in CHECKS.items()},
    "wheelfix mirror check": MIRROR_CHECKS,
    "rule files": RULE_CHECKS,
    "errors": REFUSALS,
}
"""Every code, by where it is reported."""


def explain_code(code: str) -> list[tuple[str, Check]]:
    """Return the rows for ``code``, each with where it is reported; a few codes are in two tables.

    An error about a damaged wheel is explained by the code of ``verify``; a name such as ``enospc`` is the system's.

    :raises ValueError: if there is no such code; the text says which one may be meant.
    """
    found = [(where, table[code]) for where, table in REGISTRY.items() if code in table]
    alias = BY_ERROR.get(code, f"archive-{code}")
    if alias in CHECKS:
        found.append(("wheelfix verify", REGISTRY["wheelfix verify"][alias]))
    number = next((number for number, name in errno.errorcode.items() if name.lower() == code), None)
    if number is not None:
        found.append(("errors", Check(code, Severity.ERROR, f"The operating system reports: {os.strerror(number)}.")))
    if not found:
        codes = sorted({each for table in REGISTRY.values() for each in table})
        if family := [each for each in codes if each.startswith(f"{code}-")]:
            raise ValueError(f"These codes begin with it: {', '.join(family)}.")
        close = closest(code, codes)
        raise ValueError(f"Did you mean {close}?" if close else CODE_PAGES)
    return found


def paragraphs(check: Check) -> Iterator[tuple[str, str]]:
    """Return what there is to say of a code, with a label; the first has none. ``explain`` and the docs have this text."""
    table = {
        "": check.meaning,
        "Refused by": ", ".join(check.refused_by),
        "Consequence": check.consequence,
        "Example": check.example,
        "How to fix it": check.remedy,
        "Fixable by wheelfix": "" if check.fix is Fix.NO else check.fix,
        "Specification": check.specification,
    }
    return ((label, text) for label, text in table.items() if text)


def render_code(code: str) -> str:
    """Return what ``code`` means, in lines with line ends.

    :raises ValueError: if there is no such code.
    """
    return "\n".join("".join(_lines(where, check)) for where, check in explain_code(code))


def _lines(where: str, check: Check) -> Iterator[str]:
    yield f"{check.code} ({check.severity}{'' if where == 'errors' else f', {where}'})\n\n"
    for label, text in paragraphs(check):
        yield f"{label}: {text}\n" if label else f"{text}\n\n"
