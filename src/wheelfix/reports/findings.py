"""Findings as lines of text, in the one shape that ``verify``, ``mirror check`` and ``rules check`` share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from wheelfix.codes import first_of_each
from wheelfix.results import Finding
from wheelfix.text import shown

_MOST_ALIKE: Final = 5
"""How many findings of one code are shown, unless all are wanted."""


def finding_lines(
    findings: Sequence[Finding],
    *,
    verbose: bool = False,
    label: str = "",
    consequences: bool = False,
    note: Callable[[Finding], str] = lambda _: "",
    all_with: str = "use -v to show all",
) -> Iterator[str]:
    """Yield a line for each finding; of many with one code five, and how many more there are, unless ``verbose``.

    With ``consequences`` a line behind the first of each code says who is affected. ``label`` replaces the severity,
    ``note`` makes what is added to a line, ``all_with`` says how to see the rest.
    """
    kept, hidden = first_of_each(findings, len(findings) if verbose else _MOST_ALIKE)
    explained = set[str]()
    for each in kept:
        yield shown(f"{label or each.severity}[{each.code}]: {each}{note(each)}")
        if consequences and each.consequence and each.code not in explained:
            yield f"  {each.consequence}"
        explained.add(each.code)
    yield from (f"... {number} more {code} ({all_with})" for code, number in hidden.items())


def located_in(mirror: str, findings: Iterable[Finding]) -> Iterator[tuple[str, Finding]]:
    """Yield the findings of a mirror or an index, each with the path or URL of its file; that of the whole for a release.

    >>> from wheelfix.results import Severity
    >>> finding = Finding("page-missing", Severity.ERROR, "public/simple/demo", "")
    >>> [path for path, _ in located_in("mirror/", [finding])]
    ['mirror/public/simple/demo']
    """
    for each in findings:
        is_path = each.place.startswith("public/")
        path = f"{mirror.rstrip('/')}/{each.place}" if is_path else each.place if "://" in each.place else mirror
        yield path, each
