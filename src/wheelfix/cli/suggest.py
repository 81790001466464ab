"""What a shell suggests for options and arguments: codes, groups, rule sets, and what mirrors and manifests have.

Each function is a ``shell_complete`` of click and returns every suggestion that begins with what is typed. Only a shell that
completes calls them, so what they need is imported late; :mod:`wheelfix.cli.shells` makes sure that an error is silence.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Suggest: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem]]"
PART: Final = "part"
"""The type of a suggestion that goes on: no space follows it. The others are click's: ``plain``, ``file``, ``dir``."""
_SAFE: Final = re.compile(r"[A-Za-z0-9_.+!=*,:/@%\[\]~-]+")
"""What means nothing to a shell: names in mirrors and manifests are somebody else's, and end up on a command line."""
_HAVE_OPTIONS: Final = frozenset({"Name", "Provides-Extra", "Requires-Dist", "Version"})
"""The fields that ``edit`` changes by options of their own."""
_LARGEST: Final = 1 << 25
"""How many bytes of a page are read, at most."""


def words(*values: str) -> Suggest:
    """Return what suggests one of ``values``."""
    return lambda _, __, typed: _items(dict.fromkeys(values, ""), typed)


INDEXES: Final = words("https://pypi.org/simple/", "https://download.pytorch.org/whl/cpu/")
PLATFORMS: Final = words(
    "manylinux*_x86_64", "manylinux*_aarch64", "musllinux*_x86_64", "musllinux*_aarch64", "macosx*_arm64", "macosx*_x86_64",
    "win_amd64", "win_arm64", "any",
)  # fmt: skip
PYTHONS: Final = words("3.10", "3.11", "3.12", "3.13", "3.14")


def files(ending: str = "") -> Suggest:
    """Return what suggests files whose names end with ``ending``, and directories."""
    return lambda _, __, typed: [_item(typed, kind="file", ending=ending)]


def directories(_: click.Context, __: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest directories."""
    return [_item(typed, kind="dir")]


def all_of(*suggest: Suggest) -> Suggest:
    """Return what suggests what each of ``suggest`` does."""
    return lambda ctx, param, typed: [item for each in suggest for item in each(ctx, param, typed)]


def codes(known: Collection[str]) -> Suggest:
    """Return what suggests codes, and families of them such as ``record``, in a list with commas.

    ``known`` are the rows of a table, which say what a code means, or codes alone.
    """

    def suggest(_: click.Context, __: click.Parameter, typed: str) -> "list[CompletionItem]":
        before, comma, last = typed.rpartition(",")
        given = set(before.split(","))
        families = dict.fromkeys((each.partition("-")[0] for each in known), "")
        every = {**families, **_meanings(known)} if "-" not in last else _meanings(known)
        return _items({code: said for code, said in every.items() if code not in given}, last, before + comma)

    return suggest


def explained_codes(ctx: click.Context, _: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest every code that ``wheelfix explain`` knows, and what it means."""
    from wheelfix.reports.codes import REGISTRY

    given = ctx.params.get("codes") or ()
    every = {code: check.meaning for table in REGISTRY.values() for code, check in table.items() if code not in given}
    return _items(dict(sorted(every.items())), typed)


def _meanings(known: Collection[str]) -> dict[str, str]:
    rows = known if isinstance(known, Mapping) else {}
    return {code: getattr(rows.get(code), "meaning", "") for code in known}


def gpu_groups(_: click.Context, __: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest the groups of ``strip-gpu``: rules of the set ``gpu`` that drop something."""
    from wheelfix.rules.load import load_rules

    rules = [each for each in load_rules("gpu").rules if each.action_name == "drop"]
    return _items({each.id.removeprefix("gpu/"): each.reason or "" for each in rules}, typed)


def rule_sources(ctx: click.Context, param: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest sources of rules: built-in sets, their rules once the set is typed, installed packs, and files."""
    from wheelfix.rules import BUILT_IN
    from wheelfix.rules.load import load_rules
    from wheelfix.rules.packs import installed_packs

    name, slash, _ = typed.partition("/")
    if slash and name in BUILT_IN:
        return _items({each.id: each.reason or "" for each in load_rules(name).rules}, typed)
    return [*_items(dict.fromkeys((*BUILT_IN, *installed_packs()), "rules"), typed), *files(".toml")(ctx, param, typed)]


def rules_or_wheels(ctx: click.Context, param: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest sources of rules, and wheels."""
    return [*rule_sources(ctx, param, typed), *files(".whl")(ctx, param, typed)]


def wheels_or_requirements(ctx: click.Context, param: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest wheels, and behind the first one what the wheels require, too."""
    from wheelfix.wheel.requirement import read_requirement
    from wheelfix.wheel.wheel import Wheel

    names = set[str]()
    for each in ctx.params.get("arguments") or ():
        if each.endswith(".whl"):
            with Wheel(each) as wheel:
                found = (read_requirement(line.value) for line in wheel.document.all("Requires-Dist"))
                names.update(each.name for each in found if each)
    return [*_items(dict.fromkeys(sorted(names), "requirement"), typed), *files(".whl")(ctx, param, typed)]


def fields(sign: str = "") -> Suggest:
    """Return what suggests the fields of METADATA, with ``sign`` if a value follows."""

    def suggest(_: click.Context, __: click.Parameter, typed: str) -> "list[CompletionItem]":
        from wheelfix.wheel.fields import FIELDS

        found = {f"{each.name}{sign}": "" for each in FIELDS.values() if each.name not in _HAVE_OPTIONS}
        return _items(found, typed, kind=PART if sign else "plain", fold=True)

    return suggest


def projects(ctx: click.Context, _: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest the projects of the mirror that the command line names, if it is a directory."""
    return _items(dict.fromkeys(_projects(_mirror(ctx)), ""), typed)


def selections(ctx: click.Context, _: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest what a mirror has: projects, versions of the one that is typed, and its files."""
    mirror = _mirror(ctx)
    names = _projects(mirror)
    project = _normal(typed.partition("==")[0])
    chosen = next((name for name in sorted(names, key=len, reverse=True) if _normal(typed).startswith(name)), "")
    page = _page(mirror, project if project in names else chosen)
    versions = [f"{typed.partition('==')[0]}=={each}" for each in page.get("versions", ()) if project in names]
    filenames = [each.get("filename", "") for each in page.get("files", ())]
    return _items(dict.fromkeys((*names, *versions, *filenames), ""), typed)


def in_manifest(ctx: click.Context, _: click.Parameter, typed: str) -> "list[CompletionItem]":
    """Suggest the sources and projects of the manifest that the command line names."""
    from wheelfix.toml import read_toml

    # Click parses nothing of a line that ends with an option without a value: see wheelfix.cli.shells for the words.
    manifest = next((word for word in ctx.obj or () if word.endswith(".toml")), "")
    sources = read_toml(Path(manifest))[0].get("source", []) if Path(manifest).is_file() else []
    given = [name for each in sources for name in (each.get("name", ""), *each.get("projects", ()))]
    return _items(dict.fromkeys((re.split(r"[ \[<>=!~;]", name)[0] for name in given), ""), typed)


def _mirror(ctx: click.Context) -> Path:
    return Path(str(ctx.params.get("mirror") or "").removeprefix("file://"))


def _projects(mirror: Path) -> list[str]:
    """Return the projects of a mirror in a directory; nothing is asked of a bucket."""
    from wheelfix.mirror.layout import SIMPLE

    place = mirror / SIMPLE
    return sorted(each.name for each in place.iterdir() if each.is_dir()) if place.is_dir() else []


def _page(mirror: Path, project: str) -> dict[str, Any]:
    from json import loads

    from wheelfix.mirror.layout import PAGE, SIMPLE

    found: dict[str, Any] = loads(_read(mirror / SIMPLE / project / PAGE)) if project else {}
    return found


def _read(path: Path) -> str:
    """Return the text of a file that is not too large; opening a pipe would never end."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    return data.decode() if len(data) <= _LARGEST else ""


def _normal(text: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(text)


def _items(
    values: Mapping[str, str], typed: str, before: str = "", *, kind: str = "plain", fold: bool = False
) -> "list[CompletionItem]":
    """Return the keys of ``values`` that begin with ``typed``, each behind ``before`` and with what its value says.

    With ``fold`` capitals do not matter.
    """
    typed = typed.lower() if fold else typed
    return [
        _item(f"{before}{value}", said, kind=kind)
        for value, said in values.items()
        if (value.lower() if fold else value).startswith(typed) and _SAFE.fullmatch(value)
    ]


def _item(value: str, said: str = "", *, kind: str = "plain", ending: str = "") -> "CompletionItem":
    from click.shell_completion import CompletionItem

    return CompletionItem(value, kind, said or None, ending=ending)
