"""The reference: a page for each command, a section for each code, a line for each variable, and no dead link."""

import inspect
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import wheelfix
from places import DOCS, REFERENCE, ROOT
from wheelfix.cli import group
from wheelfix.cli.config import commands
from wheelfix.reports.codes import PAGES, REGISTRY, url_of
from wheelfix.text import CODE_PAGES
from wheelfix.version import HOME_PAGE

SOURCES = Path(wheelfix.__file__).parent
COMMANDS = {" ".join(path): command for path, command in commands(click.Context(group))}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_page_that_is_made_from_it(name: str) -> None:
    page = (REFERENCE / "commands" / f"{name.replace(' ', '-')}.md").read_text("utf-8")
    assert page.startswith(f"# wheelfix {name}\n")
    assert f"\n.. command:: {name}\n" in page


def test_each_page_of_a_command_is_listed_and_of_one_that_exists() -> None:
    listed = (REFERENCE / "commands" / "index.md").read_text("utf-8").rpartition(":hidden:\n")[2].split()[:-1]
    pages = {path.stem for path in (REFERENCE / "commands").glob("*.md")} - {"index"}
    assert set(listed) == pages == {name.replace(" ", "-") for name in COMMANDS}


def test_no_option_is_listed_by_hand_beside_the_list_that_is_made() -> None:
    """An option that is described twice says two things sooner or later."""
    for path in (REFERENCE / "commands").glob("*.md"):
        assert not re.findall(r"^`?-{1,2}\w[^\n]*\n: ", path.read_text("utf-8"), re.MULTILINE), path


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_in_the_help_have_options_that_exist(name: str) -> None:
    """The pages show them, too; they name servers and files that no test has."""
    lines = re.sub(r"\\\n\s+", "", inspect.cleandoc(COMMANDS[name].help or "")).splitlines()
    examples = [line.strip() for line in lines if line.startswith("  wheelfix ")]
    assert examples
    for example in examples:
        words = shlex.split(re.split(r" {3,}| [|>]", example)[0])[1:]
        command = COMMANDS.get(" ".join(words[:2])) or COMMANDS[words[0]]
        rest = words[1:]
        options = {option for each in command.params for option in each.opts}
        assert {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)} <= options, example


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _is_there(url: str) -> bool:
    path, _, anchor = url.removeprefix(f"{HOME_PAGE}/blob/main/").removeprefix(f"{HOME_PAGE}/tree/main/").partition("#")
    page = ROOT / path
    return page.exists() and (not anchor or anchor in _anchors(page))


@pytest.mark.parametrize("where", REGISTRY)
def test_each_url_of_a_code_leads_to_its_section(where: str) -> None:
    anchors = _anchors(REFERENCE / PAGES[where])
    assert REGISTRY[where].keys() <= anchors
    assert all(url_of(where, code).partition("#")[0].endswith(f"docs/reference/{PAGES[where]}") for code in REGISTRY[where])


def test_each_page_that_the_program_names_is_there() -> None:
    texts = [path.read_text("utf-8") for path in SOURCES.rglob("*.py")]
    texts += [(ROOT / "pyproject.toml").read_text("utf-8"), CODE_PAGES, *(url_of(where, "") for where in REGISTRY)]
    named = {
        found
        for text in texts
        for found in re.findall(r"\bdocs/(?:reference|guides|explanation|start|schemas)/[\w./#-]+", text)
    }
    assert len(named) > 10
    assert {each for each in named if not _is_there(each.rstrip("./#"))} == set()


def test_the_index_has_each_code_with_a_link_to_its_section() -> None:
    links = re.findall(
        r"^\| \[([a-z0-9-]+)\]\(([a-z-]+\.md)#([a-z0-9-]+)\)", (REFERENCE / "codes.md").read_text("utf-8"), re.MULTILINE
    )
    assert {(page, code) for code, page, anchor in links if code == anchor} == {
        (PAGES[where], code) for where, table in REGISTRY.items() for code in table
    }
    assert [code for code, _, _ in links] == sorted(code for code, _, _ in links)


_VARIABLE = re.compile(r'"((?:AWS|AZURE|GOOGLE|STORAGE)_[A-Z_0-9]+|XDG_CACHE_HOME|SOURCE_DATE_EPOCH|NO_COLOR|FORCE_COLOR)"')


def test_each_variable_that_is_read_is_documented() -> None:
    read = {name for path in SOURCES.rglob("*.py") for name in _VARIABLE.findall(path.read_text("utf-8"))}
    page = (REFERENCE / "environment.md").read_text("utf-8")
    assert len(read) > 25
    assert {name for name in read if f"`{name}`" not in page} == set()


def test_each_public_name_has_its_place_on_the_page_of_the_python_api() -> None:
    page = (REFERENCE / "api.md").read_text("utf-8")
    named = re.findall(r"^\.\. auto(?:class|function|exception|data):: wheelfix\.(\w+)$", page, re.MULTILINE)
    assert len(named) == len(set(named))
    by_hand = {"Edit", "__version__"}
    assert set(named) | by_hand == set(wheelfix.__all__)
    assert all(f"`wheelfix.{name}` is" in page for name in by_hand)


def test_each_schema_can_be_downloaded() -> None:
    page = (REFERENCE / "schemas.md").read_text("utf-8")
    assert set(re.findall(r"\.\./schemas/([\w-]+\.schema\.json)>", page)) == {
        path.name for path in (DOCS / "schemas").iterdir()
    }


def test_the_limits_that_are_documented_are_those_of_the_code() -> None:
    from wheelfix.upstream.http import LARGEST_PAGE
    from wheelfix.wheel.tags import MOST_TAGS
    from wheelfix.wheel.zip.end import MOST_ENTRIES

    page = (REFERENCE / "limits.md").read_text("utf-8")
    for text in (f"| {MOST_ENTRIES:,} |", f"| {MOST_TAGS:,} |", f"| {LARGEST_PAGE >> 20} MiB, inflated |"):
        assert text in page


def test_the_pages_are_made_of_the_commands_that_there_are() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        pages = import_module("command_pages")
    finally:
        sys.path.remove(str(DOCS))
    assert pages.COMMANDS.keys() == COMMANDS.keys()
    assert pages.page_of("mirror sync") == "mirror-sync"
