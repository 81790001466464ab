"""The constants of a file of Python, read as syntax: what a name is, if there can be no doubt."""

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

UNKNOWN: Final = object()
"""Stands for the value of a name that is bound in another way than once, by a constant, at the top of the file."""
CONDITIONAL: Final = object()
"""Stands for the value of a name that is set under an ``if`` at the top of the file, and nowhere else."""


def read_constants(content: bytes) -> dict[str, object] | None:
    """Return the names that a file binds at its top level with their values, ``None`` if it cannot be read.

    A value is that of a literal, :data:`CONDITIONAL` where a condition decides whether there is one, or :data:`UNKNOWN`
    where the name is bound in any other way.

    >>> read_constants(b"cuda: str = None\\nhip = '6.3'\\n")
    {'cuda': None, 'hip': '6.3'}
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a wheel's odd escapes nobody here wants to know
            tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # no Python of this version
        return None
    bound = Counter(name for node in ast.walk(tree) for name in _bound_by(node))
    if "*" in bound:
        return dict.fromkeys(bound, UNKNOWN)
    literals, conditional = dict(_literals(tree)), Counter(_conditional(tree.body))
    return {
        name: CONDITIONAL if conditional[name] == count else literals.get(name, UNKNOWN) if count == 1 else UNKNOWN
        for name, count in bound.items()
    }


def _literals(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets, value=ast.Constant(value=value)):
                yield from ((each.id, value) for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                yield name, value
            case _:
                pass


def _conditional(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that assignments under an ``if`` set, once for each."""
    waiting = [each for each in body if isinstance(each, ast.If)]
    while waiting:  # not recursive: a chain of elif is as deep as it is long
        found = waiting.pop()
        for statement in (*found.body, *found.orelse):
            yield from _assigned(statement)
            if isinstance(statement, ast.If):
                waiting.append(statement)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            yield name
        case _:
            pass


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds or unbinds, in whatever scope; ``*`` for all."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
            yield name
        case ast.MatchMapping(rest=str() as name):
            yield name
        case _:
            pass
