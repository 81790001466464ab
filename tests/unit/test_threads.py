"""What is prepared at its first use is prepared in one thread."""

import ast
from pathlib import Path

import wheelfix


def test_structs_are_decoded_by_decoders_made_at_import() -> None:
    """msgspec 0.22 prepares a struct when it first decodes one, and crashes where two threads do so at once.

    Of 60 checks of an index with 16 connections five ended that way, in the rules that come with wheelfix.
    """
    found = [
        f"{path}:{node.lineno}"
        for path in Path(wheelfix.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] == "decode"
        and any(each.arg == "type" for each in node.keywords)
    ]
    assert found == []
