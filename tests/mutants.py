"""Mutants: a module of wheelfix with one place changed, which the tests must notice (``make mutants MODULE=...``)."""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice, takewhile, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from places import ROOT

EQUIVALENT: Final = ROOT / "tests/equivalent_mutants.toml"
"""The mutants that behave like the original, each with the reason."""
_CALLS: Final = "operator_arg_removal"
_TEXTS: Final = "operator_string"
_NO_BEHAVIOUR: Final = ("Annotation", "Import", "ImportFrom", "TypeAlias")
"""Nodes of libcst whose change no run can show."""


@dataclass(frozen=True)
class Subject:
    """Sources that are mutated together, relative to the package, and the tests that are to notice it."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


SUBJECTS: Final = {
    "prove": Subject(
        ("fix/prove.py", "fix/prove_spans.py", "fix/prove_text.py", "fix/prove_wheel_file.py"),
        (
            *("unit/fix/test_prove.py", "unit/fix/test_prove_bytes.py", "unit/fix/test_prove_text.py"),
            "unit/fix/test_apply.py",
            *("unit/fix/test_retag.py", "unit/fix/test_rename_dist_info.py", "unit/fix/test_repair_rows.py"),
            *("unit/fix/test_prove_wheel_file.py", "unit/fix/test_prove_messages.py", "unit/fix/test_prove_spans.py"),
        ),
    ),
    "verdict": Subject(
        ("evidence/verdict.py", "evidence/linkage.py", "evidence/build.py"), ("unit/evidence", "unit/fix/test_weigh.py")
    ),
    "zip": Subject(
        ("wheel/zip/careful.py", "wheel/zip/plain.py", "wheel/zip/layout.py"),
        ("unit/wheel/zip", "unit/verify/test_archive.py", "unit/verify/test_archive_all_at_once.py"),
    ),
    "record": Subject(
        ("wheel/record.py", "verify/record.py"),
        (
            *("unit/wheel/test_record.py", "unit/wheel/test_record_rows.py", "unit/verify", "unit/fix/test_repair_rows.py"),
            "property/test_records.py",
        ),
    ),
    "metadata": Subject(
        ("wheel/metadata.py",), ("unit/wheel", "unit/verify/test_metadata.py", "property/test_documents.py")
    ),
    "pages": Subject(
        ("mirror/pages.py", "mirror/project.py", "mirror/json.py"),
        (
            *("unit/mirror/test_pages.py", "unit/mirror/test_decide.py", "unit/mirror/test_upload.py"),
            *("unit/mirror/test_shared.py", "unit/mirror/test_shared_silent.py", "unit/mirror/test_shared_cut_off.py"),
            *("unit/mirror/test_sdist.py", "unit/mirror/test_project.py", "unit/mirror/test_page_values.py"),
        ),
    ),
}
"""The parts of wheelfix on which everything else relies."""


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one source, relative to the package: the lines it touches, and their text before and after."""

    path: str
    first: int
    last: int
    operator: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it in the list of equivalent ones, wherever the line stands."""
        return self.path, self.before, self.after

    @property
    def function(self) -> tuple[str, int] | None:
        """The qualified name and the first line of the function that it changes, ``None`` outside of bodies."""
        return next(
            (
                found
                for found, (start, end) in bodies(source_of(self.path)).items()
                if start <= self.first and self.last <= end
            ),
            None,
        )


@lru_cache
def source_of(path: str) -> str:
    """Return the text of a source, whose path is relative to the package."""
    return absolute(path).read_text(encoding="utf-8")


def absolute(path: str) -> Path:
    """Return where a source lies."""
    return ROOT / "src/wheelfix" / path


def sampled(subject: Subject, count: int) -> list[Mutant]:
    """Return ``count`` mutants of a subject, each operator of mutmut in turn, so that frequent ones do not hide the rare.

    The choice follows from the changed text alone: it stays when other lines change, and a larger one contains it.
    """
    kinds: dict[str, list[tuple[str, Change]]] = {}
    for change in chain.from_iterable(map(_changes_of, subject.sources)):
        kinds.setdefault(change.operator, []).append((change.draw, change))
    turns = zip_longest(*([change for _, change in sorted(each, key=itemgetter(0))] for _, each in sorted(kinds.items())))
    changes = (change for change in chain.from_iterable(turns) if change is not None)
    return list(islice(filter(None, map(_mutant, changes)), count))


@dataclass(frozen=True)
class Change:
    """A node of a module that an operator replaces by another one; ``draw`` puts all changes into an order by chance."""

    path: str
    module: Any
    node: Any
    other: Any
    operator: str
    place: Any
    lines: tuple[int, int]
    draw: str


def _changes_of(path: str) -> Iterator[Change]:
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider

    text = source_of(path)
    wrapper = MetadataWrapper(libcst.parse_module(text))
    places, whole = wrapper.resolve(PositionProvider), wrapper.resolve(WhitespaceInclusivePositionProvider)
    lines, seen = text.splitlines(), Counter[str]()
    for node, operator, other in _replaced(wrapper.module):
        start, end = places[node].start.line, places[node].end.line
        code = "\n".join((path, operator, lines[start - 1].strip(), *map(wrapper.module.code_for_node, (node, other))))
        seen[code] += 1
        draw = sha256(f"{code}\n{seen[code]}".encode()).hexdigest()
        yield Change(path, wrapper.module, node, other, operator, whole[node], (start, end), draw)


def _mutant(change: Change) -> Mutant | None:
    """Return the mutant that a change makes, ``None`` where it is no Python or compiles to the same."""
    text, source = source_of(change.path), _changed(change)
    try:
        same = compile(source, change.path, "exec") == compile(text, change.path, "exec")
    except SyntaxError:
        return None
    before, after = _differing(text.splitlines(), source.splitlines())
    return None if same else Mutant(change.path, *change.lines, change.operator, before, after, source)


def _changed(change: Change) -> str:
    """Return the source with a change."""
    if hasattr(change.other, "cases"):  # a statement of several lines is indented only as a part of its module
        code: str = change.module.deep_replace(change.node, change.other).code
        return code
    lines, (start, end) = source_of(change.path).splitlines(keepends=True), (change.place.start, change.place.end)
    before = "".join(lines[: start.line - 1]) + lines[start.line - 1][: start.column]
    after = lines[end.line - 1][end.column :] + "".join(lines[end.line :])
    return f"{before}{change.module.code_for_node(change.other)}{after}"


def _replaced(node: Any) -> Iterator[tuple[Any, str, Any]]:
    """Yield each node, the name of an operator, and what the operator makes of the node."""
    from mutmut.mutation.mutators import mutation_operators

    if type(node).__name__ in _NO_BEHAVIOUR or _is_docstring(node):
        return
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from (
                (node, operator.__name__, each) for each in _told_apart(operator.__name__, list(operator(node)), node)
            )
    for child in node.children:
        yield from _replaced(child)


def _told_apart(operator: str, others: list[Any], node: Any) -> Sequence[Any]:
    """Leave out what repeats another one: a text in capitals, and arguments that are lost where none may be."""
    if operator == _TEXTS:
        return others[:1]
    if operator != _CALLS or len(node.args) < 2:
        return others
    kept = {index for index, each in enumerate(node.args) if each.keyword} | {len(node.args) - 1}
    nones, lost = others[: -len(node.args)], others[-len(node.args) :]
    return [*nones, *(each for index, each in enumerate(lost) if index in kept)]


def _is_docstring(node: Any) -> bool:
    return type(node).__name__ == "Expr" and type(node.value).__name__ in ("SimpleString", "ConcatenatedString")


def _differing(old: list[str], new: list[str]) -> tuple[str, str]:
    """Return the lines that differ, without their indentation."""
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    before, after = ("\n".join(map(str.strip, lines[start : len(lines) - end])) for lines in (old, new))
    return before, after


def _alike(old: list[str], new: list[str]) -> int:
    """Return how many lines are the same before the first that differs."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


@lru_cache
def bodies(text: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Return the lines of the body of each outermost function, by its qualified name and first line."""
    return dict(_bodies(ast.parse(text).body, ""))


def _bodies(nodes: list[ast.stmt], within: str) -> Iterator[tuple[tuple[str, int], tuple[int, int]]]:
    for node in nodes:
        match node:
            case ast.ClassDef(name=name, body=body):
                yield from _bodies(body, f"{within}{name}.")
            case ast.FunctionDef(name=name, body=body, decorator_list=decorators, lineno=line):
                last = body[-1].end_lineno or line
                yield (f"{within}{name}", min([line, *(each.lineno for each in decorators)])), (body[0].lineno, last)
            case _:
                pass


def equivalent() -> dict[tuple[str, str, str], str]:
    """Return why each mutant of the closed list behaves like the original, by its key."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(each["path"], each["before"], each["after"]): each["because"] for each in listed}
