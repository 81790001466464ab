"""The pages that explain every code: a section for each, with the text of ``wheelfix explain``, and the index of all."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import wheelfix
from wheelfix.codes import Check, Fix
from wheelfix.mirror.registry import MirrorCheck
from wheelfix.refusals import FAMILIES as REFUSALS_BY_SUBJECT
from wheelfix.reports.codes import PAGES, REGISTRY, paragraphs
from wheelfix.verify.registry import BY_ERROR, CHECKS, FAMILIES

_OPTION = re.compile(r"--[a-z-]+")
_CHECKS_HEAD = """# What verify checks

Every code that `wheelfix verify` can report. `wheelfix explain CODE` prints the same text.

- An *error* is what a tool of today refuses, or what two tools install differently.
- A *warning* is against a specification or good practice, but the wheel is installed all the same.
- A *note* is worth knowing and harmless.

*Impact* names the tools that refuse a wheel with this finding, in one of its forms at least: pip, uv, installer
(the library that Poetry and PDM install with), and PyPI at upload. The tests run each of them.

*Fixable* means that `wheelfix repair` can fix it without building the wheel again. *With `--trust-content`* means that you
must say that the file is right and not RECORD. *With `--rebuild-archive`* means that the contents go into a new container,
[where all are confirmed](repairs.md#rebuild-the-archive). *If selected* means that it may be intended, so that you
must name it with `--select`. `verify` marks single cases that cannot be fixed.

[Verify wheels](../guides/verify.md) explains how to use the codes.
"""
_MIRROR_HEAD = """# What mirror check checks

Every code that `wheelfix mirror check` can report, of a mirror or of the URL of an index, and which clients are affected.
`wheelfix explain CODE` prints the same text. [Mirrors](../guides/mirror.md) explains how to use them.
"""
_SYNC_HEAD = """# What mirror sync reports

The codes in a plan of `wheelfix mirror sync`: why a file waits, or differs from what the manifest alone would give.
`wheelfix explain CODE` prints the same text. Errors of a source or a file have their codes under [Errors](errors.md), those
of a manifest under [Manifests](manifest.md).
"""
_INDEX_HEAD = """# All codes

Your wheel was refused, or a run ended with `error[CODE]`? Find the code in this table. Its link leads to what it means,
who is affected, an example, and how to fix it. `wheelfix explain CODE` prints the same text.

- *error[...]* in a message of any command: the code in the brackets.
- *A finding* of `verify`, `mirror check` or `rules check`: the code in the brackets, or the `code` of the JSON report.
- *No code, but a message of pip, uv or PyPI:* [Recipes](../guides/recipes.md) start from such messages, and
  `wheelfix verify WHEEL` prints the codes.
- A code such as `enospc` or `eacces` is what the operating system reports: no space, no permission.

| code | severity | reported by | meaning |
|---|---|---|---|
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


def codes_page() -> str:
    """Return the index: a line for each code of each table, and for each name that messages have in place of one."""
    lines = {
        (check.code, where): f"| [{check.code}]({PAGES[where]}#{check.code}) | {check.severity} | {_PLACES[where]} "
        f"| {check.meaning.replace('|', '&#124;')} |"
        for where, table in REGISTRY.items()
        for check in table.values()
    }
    page = PAGES["wheelfix verify"]
    for alias, code in _aliases():
        lines[alias, ""] = f"| {alias} | error | a damaged wheel | see [{code}]({page}#{code}) |"
    return _INDEX_HEAD + "".join(f"{lines[key]}\n" for key in sorted(lines))


def _aliases() -> Iterator[tuple[str, str]]:
    """Yield each code of an error about a damaged wheel that ``verify`` reports by another one, and that one."""
    sources = "".join(path.read_text("utf-8") for path in Path(wheelfix.__file__).parent.rglob("*.py"))
    names = {code.removeprefix("archive-"): code for code in CHECKS if code.startswith("archive-")} | BY_ERROR
    every = {code for table in REGISTRY.values() for code in table}
    yield from ((alias, code) for alias, code in names.items() if alias not in every and f'"{alias}"' in sources)


_PLACES: Mapping[str, str] = {
    "wheelfix verify": "[`verify`](commands/verify.md)",
    "wheelfix mirror check": "[`mirror check`](commands/mirror-check.md)",
    "rule files": "[rule files](rule-reference.md)",
    "manifests": "[manifests](manifest.md)",
    "wheelfix mirror sync": "[`mirror sync`](commands/mirror-sync.md)",
    "errors": "messages",
}


def _complete(family: Iterable[Check]) -> list[Check]:
    """Return the rows with their examples."""
    return [REGISTRY["wheelfix verify"][each.code] for each in family]


def mirror_page() -> str:
    """Return the page of what ``mirror check`` reports."""
    return _MIRROR_HEAD + sections(REGISTRY["wheelfix mirror check"].values(), "##")


def sync_page() -> str:
    """Return the page of what plans of ``mirror sync`` report."""
    return _SYNC_HEAD + sections(REGISTRY["wheelfix mirror sync"].values(), "##")


def errors_page() -> str:
    """Return the page of errors."""
    rows = REGISTRY["errors"]
    families = REFUSALS_BY_SUBJECT.items()
    return _ERRORS_HEAD + "".join(
        f"\n## {title}\n{sections(rows[each.code] for each in family)}" for title, family in families
    )


def sections(checks: Iterable[Check], level: str = "###") -> str:
    """Return a section for each code, with a title of this ``level`` that is its anchor."""
    return "".join(f"\n{level} {each.code}\n\n{_facts(each)}{''.join(_body(each))}" for each in checks)


def _facts(check: Check) -> str:
    fix = "" if check.fix is Fix.NO else "fixable" if check.fix is Fix.YES else f"fixable {check.fix}"
    seen = f"seen in: {check.seen}" if isinstance(check, MirrorCheck) else ""
    facts = (f"**{check.severity}**", _OPTION.sub(r"`\g<0>`", fix), seen)
    return " · ".join(filter(None, facts)) + "\n"


def _body(check: Check) -> Iterator[str]:
    for label, text in paragraphs(check):
        form = _FORMS.get(label, "{label}: {text}")
        if form:
            yield "\n" + form.format(label=label, text=text) + "\n"


_FORMS: Mapping[str, str] = {
    "": "{text}",
    "Impact": "*Impact:* {text}",
    "Fixable by wheelfix": "",
    "Example": "*Example:*\n\n```text\n{text}\n```",
    "How to fix it": "*How to fix it:* {text}",
    "Specification": "*Specification:* <{text}>",
}
"""How each paragraph is written; what the line of facts has is left out."""
