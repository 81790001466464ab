"""Rules tried on wheels that are data only: the tests in rule files, and directories of METADATA before and after."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.errors import WheelfixError
from wheelfix.options import Naming, listed
from wheelfix.rules.actions import RuleEdit, apply_rules
from wheelfix.rules.explain import explain
from wheelfix.rules.match import Facts, make_facts
from wheelfix.rules.model import Case, CaseWheel, RuleSet, each_of
from wheelfix.text import unified_diff
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.edits import TagEdit, naming_values
from wheelfix.wheel.filename import WheelFilename
from wheelfix.wheel.metadata import Document
from wheelfix.wheel.release import CopySource, Declared
from wheelfix.wheel.requirement import same_requirement
from wheelfix.wheel.tags import retagged

BEFORE: Final = "METADATA.in"
AFTER: Final = "METADATA.out"
_UNEXPECTED: Final = "unexpected"


class Result(Struct, frozen=True):
    """The result of one test case: ``name`` says which, ``differences`` what is not as expected; none is a pass.

    ``written`` says what was written as the expected result.
    """

    name: str
    differences: tuple[str, ...]
    written: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.differences


def try_cases(rules: RuleSet, origins: Iterable[str] | str | None = None) -> tuple[Result, ...]:
    """Return the results of the test cases of ``rules``; each is tried on all rules, as a wheel would be.

    ``origins`` selects the cases of the rules that come from there: files, built-in sets. By default all are tried.
    """
    chosen = None if origins is None else listed(origins)
    return tuple(
        Result(f"{origin}: {rule.id}, test {number}", _differences(rules, case))
        for rule, origin in zip(rules.rules, rules.origins, strict=True)
        if chosen is None or origin in chosen
        for number, case in enumerate(rule.test, 1)
    )


def _differences(rules: RuleSet, case: Case) -> tuple[str, ...]:
    document = Document.parse(_metadata(case))
    facts = make_facts(document, _case_filename(case), case.sha256.lower)
    try:
        if case.release:
            facts = replace(facts, copy_sources=[_copy_source(rules, case, each) for each in case.release])
        applied = apply_rules(rules, facts)
        filename = _new_filename(facts.filename, applied.edits)
    except WheelfixError as error:
        return (str(error),)
    after = applied.document
    found = _values(after, REQUIRES)
    differences = [*_compared(REQUIRES, found, case.requires if case.expect is None else case.expect)]
    for name, value in case.expect_fields.items():
        differences += _compared(name, _values(after, name), each_of(value))
    if case.expect_filename not in (None, str(filename)):
        differences.append(f"file name: expected {case.expect_filename}, found {filename}")
    if differences:
        unexpected = [text for text in found if f"{REQUIRES}: {_UNEXPECTED}: {text}" in differences]
        differences += _why(rules, facts, unexpected)
    return tuple(differences)


def _new_filename(filename: WheelFilename, edits: Iterable[RuleEdit]) -> WheelFilename:
    """Return what a wheel is called once ``edits`` are carried out.

    :raises EditError: if no file name can say that.
    """
    values, tags = dict[str, Any](), list[TagEdit]()
    for each in edits:
        values |= naming_values(each.edit)
        if isinstance(each.edit, TagEdit):
            tags.append(each.edit)
    name = Naming(**values).new_filename(filename)
    return retagged(name, tags) if tags else name


def _copy_source(rules: RuleSet, case: Case, other: CaseWheel) -> CopySource:
    """Return what another wheel of the release of ``case`` declares, as ``rules`` leave it."""
    whole = replace(case, **{key: getattr(other, key) for key in other.__struct_fields__})
    filename = _case_filename(whole)
    facts = make_facts(Document.parse(_metadata(whole)), filename, case.sha256.lower, copy_sources=None)
    return CopySource(filename, Declared.of(apply_rules(rules, facts).document.data))


def _why(rules: RuleSet, facts: Facts, texts: Collection[str]) -> Iterator[str]:
    """Yield why unexpected requirements were kept."""
    for each in explain(rules, facts):
        if each.text in texts:
            by = f"{each.decided.id} decides" if each.decided else "no rule matches"
            near = "".join(
                f"; {rule.id} does not match: {rule.stopped_by} is {rule.wanted}, found {rule.found}" for rule in each.nearly
            )
            yield f"  {each.text}: {each.held_back or by}{near}"


def _case_filename(case: Case) -> WheelFilename:
    project = case.project.replace("-", "_")
    return WheelFilename.parse(f"{project}-{case.version}-{case.python}-{case.abi}-{case.platform}.whl")


def _metadata(case: Case) -> bytes:
    lines = [f"Metadata-Version: {case.metadata_version}", f"Name: {case.project}", f"Version: {case.version}"]
    for name, value in case.fields.items():
        lines += [f"{name}: {each}" for each in each_of(value)]
    lines += [f"{REQUIRES}: {text}" for text in case.requires]
    return "".join(f"{line}\n" for line in lines).encode()


def _values(document: Document, name: str) -> tuple[str, ...]:
    return tuple(each.value.strip() for each in document.all(name))


def _compared(name: str, found: tuple[str, ...], expected: tuple[str, ...]) -> Iterator[str]:
    if found == expected:
        return
    missing = [text for text in expected if text not in found]
    extra = [text for text in found if text not in expected]
    for text in tuple(missing):
        other = next((each for each in extra if name == REQUIRES and same_requirement(each, text)), None)
        if other is not None:
            missing.remove(text)
            extra.remove(other)
            yield f"{name}: spelled differently: expected {text}, found {other}"
    yield from (f"{name}: missing: {text}" for text in missing)
    yield from (f"{name}: {_UNEXPECTED}: {text}" for text in extra)
    if set(found) == set(expected):
        yield f"{name}: different order or count: {'; '.join(found)}"


def golden_directories(directory: Path) -> tuple[Path, ...]:
    """Return every directory with a ``METADATA.in`` in and below ``directory``, sorted."""
    return tuple(sorted(path.parent for path in directory.rglob(BEFORE)))


def try_golden(rules: RuleSet, directories: Iterable[Path], *, update: bool = False) -> Iterator[Result]:
    """Yield, for each directory, whether ``rules`` turn its ``METADATA.in`` into its ``METADATA.out``, byte for byte.

    A directory called like a wheel stands for that wheel; any other for one that is named by its METADATA and is for every
    platform. With ``update`` the result is written as the expected one. A file that cannot be read or written is a
    difference.
    """
    for directory in directories:
        try:
            yield _try_directory(rules, directory, update=update)
        except (WheelfixError, OSError) as error:
            yield Result(str(directory), (str(error),))


def _try_directory(rules: RuleSet, directory: Path, *, update: bool) -> Result:
    target = directory / AFTER
    document = Document.parse((directory / BEFORE).read_bytes())
    facts = make_facts(document, _golden_filename(directory.name, document), lambda: "")
    after = apply_rules(rules, facts).document.data
    expected = target.read_bytes() if target.exists() else None
    if expected == after:
        return Result(str(directory), ())
    difference = "" if expected is None else unified_diff(expected, after, directory.name)
    if update:
        target.write_bytes(after)
        return Result(str(directory), (), f"{AFTER} written" + (f": {difference}" if difference else ""))
    return Result(str(directory), (difference or f"{AFTER} is missing; write it with --update",))


def _golden_filename(name: str, document: Document) -> WheelFilename:
    if name.endswith(".whl"):
        return WheelFilename.parse(name)
    project = canonicalize_name(document.first("Name") or "unknown").replace("-", "_")
    version = (document.first("Version") or "0").replace("-", "_")
    return WheelFilename.parse(f"{project}-{version}-py3-none-any.whl")
