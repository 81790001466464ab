"""File names, tags and patterns: what ``packaging`` and ``fnmatch`` make of them."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Final

from packaging.tags import parse_tag
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from fuzz.target import Bound, Target, as_text, outcome, parts, same
from kinds import TEXTS
from wheelfix.errors import EditError, FilenameError
from wheelfix.globs import is_plain, matches, path_matcher
from wheelfix.rules.lint import contains
from wheelfix.wheel.edits import AddTags, RemoveTags
from wheelfix.wheel.environments import Environments
from wheelfix.wheel.filename import (
    WheelFilename,
    build_order,
    normal_version,
    parsed_version,
    system_and_machine,
    with_local_version,
    with_post_release,
)
from wheelfix.wheel.sdist_filename import SdistFilename, is_sdist, project_of_file
from wheelfix.wheel.tags import are_written, edited_tags, expanded, retagged, tags_of, with_tags

_FEW: Final = 40
_PROJECT: Final = re.compile(r"[A-Za-z0-9](?:(?!__)[A-Za-z0-9._])*+(?<=[A-Za-z0-9])")


def check_filename(data: bytes) -> None:
    """A name is given back as it was; what ``packaging`` reads in it is what is read here, and edits change their part."""
    text = as_text(data)
    _check_sdist(text)
    outcome(lambda: normal_version(text))
    for post in ("+1", "3", text):
        changed = outcome(lambda post=post: with_post_release(text, post))  # type: ignore[misc]
        assert changed is None or Version(changed).is_postrelease
    labelled = outcome(lambda: with_local_version("1.0", text))
    assert labelled is None or Version(labelled).local
    name = outcome(lambda: WheelFilename.parse(text))
    try:
        strict = parse_wheel_filename(text)
    except (InvalidWheelFilename, InvalidVersion):
        strict = None
    if name is None:
        return
    assert str(name) == text
    assert project_of_file(text) == name.project
    tags = outcome(lambda: tags_of(name))
    if strict is not None and name.variant is None:
        project, version, build, theirs = strict
        same(
            (name.project, name.parsed_version, build_order(name.build) if name.build else ()),
            (project, version, build),
        )
        if tags is not None:
            same({str(each) for each in tags}, {str(each) for each in theirs})
    if strict is None and tags is not None and are_written(tags) and name.variant is None:
        is_version = parsed_version(name.version) is not None  # packaging refuses 1_0, which pip takes for 1-0
        assert not is_version or not _PROJECT.fullmatch(name.raw_project)
    _check_edits(name)
    if tags is not None and len(tags) <= _FEW:
        Environments(name.tags).each  # noqa: B018 - it must not fail
        _check_tags(name)
    system_and_machine(name.platform)


def _check_edits(name: WheelFilename) -> None:
    edits: list[tuple[str, Callable[[], WheelFilename]]] = [
        ("build", lambda: name.with_build_tag("7x")),
        ("version", lambda: name.with_version("9.9")),
        ("version", lambda: name.with_local_version("cpu")),
        ("version", name.without_local_version),
        ("version", lambda: name.with_post_release("+1")),
        ("raw_project", lambda: name.with_project("Other.Name")),
    ]
    for part, edit in edits:
        after = outcome(edit)
        if after is None:
            continue
        again = WheelFilename.parse(str(after))
        assert again == after
        for each in ("raw_project", "version", "build", "python", "abi", "platform", "variant"):
            assert each == part or getattr(after, each) == getattr(name, each)


def _check_tags(name: WheelFilename) -> None:
    tags = outcome(lambda: retagged(name, [AddTags("cp39-abi3-any")]))
    if tags is not None:
        assert {*tags_of(tags)} >= {*tags_of(name), *expanded("cp39-abi3-any")}
    kept = outcome(lambda: edited_tags(tags_of(name), RemoveTags(("cp3*-*",))))
    if kept:
        made = outcome(lambda: with_tags(name, kept))
        assert made is None or {*tags_of(made)} == {*kept}


def _check_sdist(text: str) -> None:
    found: SdistFilename | None = None
    with suppress(FilenameError):
        found = SdistFilename.parse(text)
    assert is_sdist(text) is (found is not None)
    try:
        project, version = parse_sdist_filename(text)
    except (InvalidSdistFilename, InvalidVersion):
        return
    if found is not None and found.raw_project.count("-") == 0 and text.count("-") == 1:
        same((found.project, found.parsed_version), (project, version))


def _filenames() -> Iterator[bytes]:
    names = [
        "demo-1.0-py3-none-any.whl", "torch-2.7.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl",
        "a-1-2b-cp39.cp310-abi3-win32.whl", "demo-1!2.0rc1-pp310-pypy310_pp73-musllinux_1_2_i686.whl",
        "Zope.Interface-5.0.0-beta.1.tar.gz", "foo-1.0-1.zip", "1.0.post1.dev2+x.1", "Zope.Event-1.0-py3-none-any.whl",
        "demo-1.0-py2.py3-none-any.win32-cu128.whl",
        "demo-1.0-cp312-cp312-macosx_11_0_arm64.macosx_10_9_universal2.whl",
    ]  # fmt: skip
    for name in (*names, *TEXTS["file_names"]):
        yield name.encode("utf-8", "surrogateescape")


def check_tag(data: bytes) -> None:
    """A tag that is accepted stands for what ``packaging`` says, in order, each once."""
    text = as_text(data)
    with suppress(EditError):
        found = expanded(text)
        assert len({*found}) == len(found)
        same({str(each) for each in found}, {str(each) for each in parse_tag(text)})
        Environments(parse_tag(text)).each  # noqa: B018 - it must not fail


def _tags() -> Iterator[bytes]:
    for text in (
        "py3-none-any",
        "py2.py3-none-any",
        "cp311-abi3-manylinux_2_28_x86_64.manylinux2014_x86_64",
        "CP3-none-any",
        "a--b",
    ):
        yield text.encode()
    for text in ("pp373-pypy37_pp73-win_amd64", "cp313-cp313t-ios_13_0_arm64_iphoneos", "py3.py3-none-any.any", "-.-.-"):
        yield text.encode()


def check_glob(data: bytes) -> None:
    """A pattern matches what ``fnmatch`` says; one that contains another matches whatever that does."""
    glob, other, *texts = map(as_text, parts(data, 5, b"\n"))
    for text in (*texts, glob, other):
        assert matches((glob,), text) is fnmatchcase(text, glob)
        assert matches((glob, other), text) is (fnmatchcase(text, glob) or fnmatchcase(text, other))
        if is_plain(glob):
            assert matches((glob,), text) is (text == glob)
        path_matcher(glob)(text)
    if contains(glob, other):
        assert not [text for text in texts if fnmatchcase(text, other) and not fnmatchcase(text, glob)]


def _globs() -> Iterator[bytes]:
    yield b"nvidia-*-cu[1-9][0-9]\nnvidia-*\nnvidia-cublas-cu12\ntriton\nx"
    yield b"*\n*a*b*c\nxaxbxc\nabc\n"
    yield b"[!a-c]*?\n[]]\n]\nd1\n[a"
    yield b"demo/**/tests/*.py\n**\ndemo/a/b/tests/x.py\ndemo/tests/x.py\n/demo/"
    yield b"a*a*a*a*b\na?a\naaaaaaaaaaaaaaaaaaaaaaaac\n[z-a]\n[--a]"


_OF_NAMES: Final = (
    "-py3-none-any.whl", ".tar.gz", "-", "_", ".", "+cpu", "1!", "rc1", ".post1", ".dev0", "cp312", "manylinux_2_28_x86_64",
)  # fmt: skip
_OF_TAGS: Final = ("-", ".", "py3", "none", "any", "cp312", "win32")
_OF_GLOBS: Final = ("*", "**", "?", "[", "]", "[!", "-", "/", "\n")
_CALLS: Final = Bound(40_000, 1_000)
_MEMORY: Final = Bound(1 << 24, 1 << 14)
TARGETS: Final = {
    "filename": Target(check_filename, _filenames, longest=200, words=_OF_NAMES, calls=_CALLS, memory=_MEMORY),
    "tag": Target(check_tag, _tags, longest=200, words=_OF_TAGS, memory=_MEMORY),
    "glob": Target(check_glob, _globs, longest=200, words=_OF_GLOBS),
}
