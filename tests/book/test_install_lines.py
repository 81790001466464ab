"""wheelfix is not on PyPI: whoever registers the name must not get into a reader's machine or CI by what is written here."""

import re
from pathlib import Path
from typing import Final

import pytest

from book.pages import pages
from places import ROOT

INSTALLER: Final = re.compile(
    r"\b(?:pip[\d.]*|pipx|uv)\s+(?:install|tool\s+install|add|download)\b|\bpipx\s+run\b|\buvx\b|\buv\s+tool\s+run\b"
)
END: Final = re.compile(r"\n|[;|`]|&&|\s#\s")
"""What ends a command, in a shell, in prose and in a message."""
BARE: Final = re.compile(r"(?<![\w./@:-])['\"]?wheelfix(?:\[[\w,]*\])?(?:\s*[=<>~!][^'\"\s]*)?['\"]?(?![\w./@-])(?!\s*@)")
"""The project's name as what to install: an index looks it up."""
TAGGED: Final = re.compile(r"wheelfix/wheelfix@v\d\S*|github\.com/wheelfix/wheelfix\s+rev: v\d\S*")
"""A tag of the repository, as a workflow or a configuration of pre-commit pins it."""
SOURCES: Final = re.compile(r"--(?:from|spec)[ =]\S+|'[^']*@ git\+[^']*'")
"""Where an installer finds wheelfix in place of an index."""


def bare_installs(text: str) -> list[str]:
    """Return the commands of a text that would install wheelfix from an index."""
    text = text.replace("\\\n", " ")
    commands = (END.split(text[found.start() :], maxsplit=1)[0] for found in INSTALLER.finditer(text))
    return [each for each in commands if not SOURCES.search(each) and BARE.search(each)]


def written() -> list[Path]:
    """Return what people read: the book, messages and help, examples, the action, hooks and the image."""
    found = [ROOT / page for page in pages()]
    found += [path for pattern in ("*.md", "*.yml", ".*.yaml", "Containerfile") for path in ROOT.glob(pattern)]
    for folder in ("src", "examples", "docs", "benchmarks"):
        found += [
            path for kind in ("py", "md", "sh", "toml", "yml", "yaml", "json") for path in (ROOT / folder).rglob(f"*.{kind}")
        ]
    return sorted({path for path in found if not {"_build", ".venv", "node_modules"} & set(path.parts)})


def test_nothing_says_to_install_wheelfix_from_an_index() -> None:
    paths = written()
    assert len(paths) > 300
    found = {str(path.relative_to(ROOT)): bare for path in paths if (bare := bare_installs(path.read_text("utf-8")))}
    assert found == {}, (
        "'wheelfix[EXTRA] @ git+https://github.com/wheelfix/wheelfix' is where it is until there is a release"
    )


def test_no_tag_is_named_that_does_not_exist() -> None:
    """The repository has none until there is a release."""
    found = {str(path.relative_to(ROOT)): tags for path in written() if (tags := TAGGED.findall(path.read_text("utf-8")))}
    assert found == {}
    assert TAGGED.search("uses: wheelfix/wheelfix@v1")
    assert TAGGED.search("  - repo: https://github.com/wheelfix/wheelfix\n    rev: v1.0.0\n")


@pytest.mark.parametrize(
    "text",
    [
        "$ pip install wheelfix",
        "      - run: pip install build wheelfix\n",
        "hint=\"Install it with: pip install 'wheelfix[index]'\"",
        "Run `pip install 'wheelfix[sync,cloud]'`.",
        "python3 -m pip install --quiet wheelfix==1.0",
        "pip install 'wheelfix>=1'",
        "pip install \\\n    wheelfix",
        "uv tool install wheelfix",
        "uvx wheelfix show x.whl",
        "pipx run wheelfix verify",
    ],
)
def test_a_bare_name_is_found(text: str) -> None:
    assert bare_installs(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install 'wheelfix[index] @ git+https://github.com/wheelfix/wheelfix'",
        "      - run: pip install build 'wheelfix @ git+https://github.com/wheelfix/wheelfix'\n",
        "pip install '.[sync]'\nwheelfix show x.whl",
        "pip install build && wheelfix verify dist",
        "uvx --from '.[sync]' wheelfix show x.whl",
        "pipx run --spec . wheelfix --version",
        "pip install acme-wheelfix ./wheelfix /opt/wheelfix wheelfix-1.0-py3-none-any.whl",
    ],
)
def test_other_ways_are_not(text: str) -> None:
    assert bare_installs(text) == []
