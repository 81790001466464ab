"""The pages that explain every code: a section for each, with the text of ``wheelfix explain``."""

import re
from collections.abc import Iterable, Iterator, Mapping

from wheelfix.codes import Check, Fix
from wheelfix.mirror.registry import MIRROR_CHECKS, MirrorCheck
from wheelfix.refusals import REFUSALS
from wheelfix.reports.codes import REGISTRY, paragraphs
from wheelfix.verify.registry import FAMILIES

_OPTION = re.compile(r"--[a-z-]+")
_CHECKS_HEAD = """# What verify checks

Every code that `wheelfix verify` can report. `wheelfix explain CODE` prints the same text.

- An *error* is what a tool of today refuses, or what two tools install differently.
- A *warning* is against a specification or good practice, but the wheel is installed all the same.
- A *note* is worth knowing and harmless.

*Refused by* names the tools that refuse a wheel with this finding, in one of its forms at least: pip, uv, installer (the
library that Poetry and PDM install with), and PyPI at upload. The tests run each of them.

*Fixable* means that `wheelfix repair` can fix it without building the wheel again. *With `--trust-content`* means that you
must say that the file is right and not RECORD. *With `--rebuild-archive`* means that the contents go into a new container,
[where all are confirmed](verify.md#rebuild-the-archive). *If selected* means that it may be intended, so that you must
name it with `--select`. `verify` marks single cases that cannot be fixed.

[Verify wheels](verify.md) explains how to use the codes.
"""
_MIRROR_HEAD = """# What mirror check checks

Every code that `wheelfix mirror check` can report, of a directory or of the URL of an index, and which clients are affected.
`wheelfix explain CODE` prints the same text. [Mirrors](mirror.md) explains how to use them.
"""
_ERRORS_HEAD = """# Errors

Why a wheel can be refused, or a run can end: the codes in messages such as `error[unproven]` and in the `problem` of the
JSON report. `wheelfix explain CODE` prints the same text. Codes of damaged wheels are explained under
[What verify checks](checks.md), there with `archive-` in front where they are about the archive; those of rule files in the
[reference of the rule language](rule-reference.md). A code such as `enospc` is what the operating system reports.
"""


def checks_page() -> str:
    """Return the page of what ``verify`` reports."""
    return _CHECKS_HEAD + "".join(f"\n## {title}\n{sections(_complete(family))}" for title, family in FAMILIES.items())


def _complete(family: Iterable[Check]) -> list[Check]:
    """Return the rows with their examples."""
    return [REGISTRY["wheelfix verify"][each.code] for each in family]


def mirror_page() -> str:
    """Return the page of what ``mirror check`` reports."""
    return _MIRROR_HEAD + sections(MIRROR_CHECKS.values(), "##")


def errors_page() -> str:
    """Return the page of errors."""
    return _ERRORS_HEAD + sections(REFUSALS.values(), "##")


def sections(checks: Iterable[Check], level: str = "###") -> str:
    """Return a section for each code, with a title of this ``level`` that is its anchor."""
    return "".join(f"\n{level} {each.code}\n\n{_facts(each)}{''.join(_body(each))}" for each in checks)


def _facts(check: Check) -> str:
    fix = "" if check.fix is Fix.NO else "fixable" if check.fix is Fix.YES else f"fixable {check.fix}"
    seen = f"seen in: {check.seen}" if isinstance(check, MirrorCheck) else ""
    refused_by = f"refused by {', '.join(check.refused_by)}" if check.refused_by else ""
    facts = (f"**{check.severity}**", _OPTION.sub(r"`\g<0>`", fix), refused_by, seen)
    return " · ".join(filter(None, facts)) + "\n"


def _body(check: Check) -> Iterator[str]:
    for label, text in paragraphs(check):
        form = _FORMS.get(label, "{label}: {text}")
        if form:
            yield "\n" + form.format(label=label, text=text) + "\n"


_FORMS: Mapping[str, str] = {
    "": "{text}",
    "Refused by": "",
    "Fixable by wheelfix": "",
    "Example": "*Example:*\n\n```text\n{text}\n```",
    "Consequence": "*Consequence:* {text}",
    "How to fix it": "*How to fix it:* {text}",
    "Specification": "*Specification:* <{text}>",
}
"""How each paragraph is written; what the line of facts has is left out."""
