"""Starting takes as long as importing what is needed: a list says what that is for the commands that people start most."""

from pathlib import Path

import pytest

from importing import COMMANDS, expected, imported


@pytest.mark.parametrize("title", COMMANDS)
def test_a_command_imports_what_the_list_says(title: str, tmp_path: Path) -> None:
    found, listed = imported(COMMANDS[title], tmp_path), expected()[title]
    new, gone = sorted(found - listed), sorted(listed - found)
    assert not new, (
        f"`{title}` now imports {', '.join(new)}. Import it where it is used, or, if every such run needs it, run"
        " `python tests/importing.py` and say in the commit what it costs."
    )
    assert not gone, f"`{title}` no longer imports {', '.join(gone)}: well done. Run `python tests/importing.py`."


def test_the_list_names_nothing_else() -> None:
    assert list(expected()) == list(COMMANDS)


@pytest.mark.parametrize("option", ["--version", "--help", "--no-such-option"])
def test_the_program_starts_with_little(option: str) -> None:
    modules = expected()[f"wheelfix {option}"]
    assert not modules & {"msgspec", "packaging", "rich", "tomllib", "wheelfix.wheel", "wheelfix.reports", "wheelfix.rules"}
    assert len([name for name in modules if name.startswith("wheelfix")]) < 12


def test_the_library_imports_nothing_until_it_is_used() -> None:
    assert expected()["import wheelfix"] == {"wheelfix", "wheelfix.version"}
