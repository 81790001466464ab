"""What a code means, for ``wheelfix explain`` and the reference pages of the documentation: all tables in one lookup."""

import errno
import os
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from wheelfix.codes import Check, Client, Fix
from wheelfix.mirror.registry import MIRROR_CHECKS
from wheelfix.refusals import REFUSALS
from wheelfix.reports.examples import OF_ERRORS, OF_MIRRORS, OF_PLANS
from wheelfix.results import Severity
from wheelfix.rules.registry import RULE_CHECKS
from wheelfix.sync.manifest.registry import MANIFEST_CHECKS
from wheelfix.sync.planning.codes import PLAN_CHECKS
from wheelfix.text import CODE_PAGES, closest
from wheelfix.verify.affected import AFFECTED
from wheelfix.verify.examples import EXAMPLES
from wheelfix.verify.registry import BY_ERROR, CHECKS
from wheelfix.version import REFERENCE

Row = TypeVar("Row", bound=Check)


def _with_examples(rows: Mapping[str, Row], examples: Mapping[str, str]) -> Mapping[str, Row]:
    return {code: replace(row, example=examples[code]) for code, row in rows.items()}


REGISTRY: Final[Mapping[str, Mapping[str, Check]]] = {
    "wheelfix verify": {
        code: replace(check, example=EXAMPLES[code], consequence=AFFECTED.get(code, "")) for code, check in CHECKS.items()
    },
    "wheelfix mirror check": _with_examples(MIRROR_CHECKS, OF_MIRRORS),
    "rule files": RULE_CHECKS,
    "manifests": MANIFEST_CHECKS,
    "wheelfix mirror sync": _with_examples(PLAN_CHECKS, OF_PLANS),
    "errors": _with_examples(REFUSALS, {code: f"error[{code}]: {text}" for code, text in OF_ERRORS.items()}),
}
"""Every code, by where it is reported: each row says what it means, who is affected, what it looks like and what to do."""
PAGES: Final[Mapping[str, str]] = {
    "wheelfix verify": "checks.md",
    "wheelfix mirror check": "mirror-checks.md",
    "rule files": "rule-reference.md",
    "manifests": "manifest.md",
    "wheelfix mirror sync": "sync-codes.md",
    "errors": "errors.md",
}
"""The page of the reference that has a section for each of these codes, with the code as its anchor."""


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
        found.append(("errors", _of_the_system(code, os.strerror(number))))
    if not found:
        codes = sorted({each for table in REGISTRY.values() for each in table})
        if family := [each for each in codes if each.startswith(f"{code}-")]:
            if len(family) == 1:
                raise ValueError(f"Did you mean {family[0]}?")
            raise ValueError(f"These codes begin with it: {', '.join(family)}.")
        close = closest(code, codes)
        raise ValueError(f"Did you mean {close}?" if close else CODE_PAGES)
    return found


def _of_the_system(code: str, text: str) -> Check:
    """Return the row of an error that the operating system reports in these words."""
    return Check(
        code,
        Severity.ERROR,
        f"The operating system reports: {text}.",
        consequence=REFUSALS["os-error"].consequence,
        example=f"error[{code}]: demo-1.0-py3-none-any.whl failed: {text}",
        remedy="Check the path that the message names, its permissions and the free space on its disk, then run again.",
    )


def paragraphs(check: Check) -> Iterator[tuple[str, str]]:
    """Return what there is to say of a code, with a label; the first has none. ``explain`` and the docs have this text."""
    table = {
        "": check.meaning,
        "Impact": " ".join(filter(None, (_refusing(check), check.consequence))),
        "Example": check.example,
        "How to fix it": check.remedy,
        "Fixable by wheelfix": "" if check.fix is Fix.NO else check.fix,
        "Specification": check.specification,
    }
    return ((label, text) for label, text in table.items() if text)


def _refusing(check: Check) -> str:
    """Return who refuses such a wheel, as a sentence; empty if nobody does.

    Of several clients some read a milder form of the same error, such as a requirement that uv understands all the same.
    """
    clients = [_THROUGH.get(each, str(each)) for each in check.refused_by]
    *others, last = clients or [""]
    if not others:
        return f"{last} refuses the wheel." if last else ""
    return f"{', '.join(others)} and {last} refuse such wheels; the finding names those that refuse this one."


_THROUGH: Final = {Client.INSTALLER: "installer (Poetry, PDM)", Client.PYPI: "PyPI (uploads)"}
"""What a reader knows some of the clients by."""


def render_code(code: str) -> str:
    """Return what ``code`` means, in lines with line ends.

    :raises ValueError: if there is no such code.
    """
    return "\n".join("".join(_lines(where, check)) for where, check in explain_code(code))


def render_all_codes() -> str:
    """Return a line for each code, below the line that says where it is reported; with line ends."""
    return "\n".join(
        "".join([f"{where}:\n", *(f"  {code:{_WIDTH}} {check.meaning}\n" for code, check in sorted(table.items()))])
        for where, table in REGISTRY.items()
    )


_WIDTH: Final = max(len(code) for table in REGISTRY.values() for code in table)


def _lines(where: str, check: Check) -> Iterator[str]:
    yield f"{check.code} ({check.severity}{'' if where == 'errors' else f', {where}'})\n\n"
    for label, text in paragraphs(check):
        yield f"{label}: {text}\n" if label else f"{text}\n\n"
    if check.code in REGISTRY[where]:  # a code of the operating system has no section
        yield f"Documentation: {url_of(where, check.code)}\n"


def url_of(where: str, code: str) -> str:
    """Return the URL of the section about ``code``, one of those that are reported by ``where``."""
    return f"{REFERENCE}{PAGES[where]}#{code}"


def docs_url(code: str) -> str:
    """Return where the documentation explains ``code``, empty where it does not, as for what the operating system reports.

    >>> docs_url("unsafe").rpartition("/")[2], docs_url("enospc")
    ('errors.md#unsafe', '')
    """
    for name in (code, BY_ERROR.get(code, f"archive-{code}")):
        for where, table in REGISTRY.items():
            if name in table:
                return url_of(where, name)
    return ""
