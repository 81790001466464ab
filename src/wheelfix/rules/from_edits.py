"""Edits as the rules that they amount to: a script, the command line and a rule file ask for the same thing."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal, NamedTuple, assert_never

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from wheelfix.globs import is_plain
from wheelfix.rules.load import digest_of, rule_set
from wheelfix.rules.model import (
    Action,
    EntryPointMatch,
    EntryPointValue,
    FieldName,
    FieldValue,
    Match,
    NewSpecifier,
    PostRelease,
    Rule,
    RuleSet,
    each_of,
)
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.edits import (
    AddEntryPoint,
    AddField,
    AddRequirement,
    AddTags,
    DropExtra,
    DropRequirement,
    DropUpperLimit,
    Edit,
    FileEdit,
    RelaxRequirement,
    RemoveEntryPoint,
    RemoveField,
    RemoveFile,
    RemoveFiles,
    RemoveTags,
    ReplaceRequirement,
    RequirementEdit,
    SetBuildTag,
    SetField,
    SetLocal,
    SetName,
    SetPost,
    SetRootIsPurelib,
    SetTags,
    SetVersion,
    TagEdit,
    WriteFile,
)
from wheelfix.wheel.fields import find
from wheelfix.wheel.requirement import RequirementParts, read_requirement

_NAME: Final = "edits"
_NAME_OR_PATTERN: Final = re.compile(r"[A-Za-z0-9._*?\[\]!-]*")
_WILD: Final = re.compile(r"[*?\[]")
_NOT_IN_ID: Final = re.compile(r"[^a-z0-9.*_]+")
_LONGEST_ID: Final = 60


class _Form(NamedTuple):
    """What an edit is as a rule: what is ``done`` to which ``subject``, as words, and the parts of the rule."""

    verb: str
    subject: str
    done: str
    action: Literal["drop"] | Action
    match: Match | None = None


def rules_of(edits: Iterable[Edit], *, name: str = _NAME, reason: str = "") -> RuleSet:
    """Return the rules that ``edits`` amount to, each for every wheel; those without a rule are left out.

    They are in the order in which edits are carried out: first those of requirements, as they are given, then the others.
    ``name`` is that of the rule set, and ``reason`` that of each rule; without it the reason is that it was requested.

    :raises RulesError: with everything that is wrong with them.
    """
    return rule_set(name, _distinct((rule for edit in _in_order(edits) if (rule := rule_of(edit, reason))), ()))


def _in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Return ``edits`` in the order in which they are carried out."""
    return sorted(edits, key=lambda edit: not isinstance(edit, RequirementEdit))


def rule_of(edit: Edit, reason: str = "") -> Rule | None:
    """Return the rule that ``edit`` amounts to, ``None`` where rules have no such action. It is not checked yet.

    >>> rule_of(AddRequirement("numpy>=2")).id
    'edit-add-numpy'
    """
    form = _form(edit)
    if form is None:
        return None
    subject = _NOT_IN_ID.sub("-", form.subject.lower()).strip("-")
    return Rule(
        id=f"edit-{form.verb}-{subject}"[:_LONGEST_ID].strip("-"),
        reason=reason or f"{form.done} on request",
        match=form.match,
        action=form.action,
    )


def in_front(edits: Iterable[RequirementEdit], rules: RuleSet | None) -> RuleSet:
    """Return the rules that ``edits`` amount to and, behind them, ``rules``: of two that match, the first one decides.

    :raises RulesError: with everything that is wrong with the edits.
    """
    asked = rules_of(edits)
    if rules is None:
        return asked
    every = (*_distinct(asked.rules, {each.id for each in rules.rules}), *rules.rules)
    return RuleSet(rules.name, every, digest_of(every), (*asked.origins, *rules.origins))


def _form(edit: Edit) -> _Form | None:
    match edit:
        case DropRequirement() | ReplaceRequirement() | RelaxRequirement() | DropUpperLimit():
            return _form_for_requirements(edit)
        case AddRequirement(text) | AddField("Requires-Dist", text):
            return _Form("add", _name_in(text), "added", Action(add=text))
        case DropExtra(extra):
            return _Form("drop-extra", extra, "dropped", Action(drop_extra=extra))
        case SetField(name, _) | RemoveField(name, _) if _is_of_requirements(name):
            return None  # in rules these fields have actions of their own, which do more
        case SetField(name, value):
            return _Form("set", name, "set", Action(set_field=FieldValue(name, value)))
        case AddField(name, value):
            return _Form("add-field", name, "added", Action(add_field=FieldValue(name, value)))
        case RemoveField(name, value):
            return _Form("remove", name, "removed", Action(remove_field=FieldName(name, value)))
        case SetName() | SetVersion() | SetPost() | SetLocal() | SetBuildTag():
            return _form_of_identity(edit)
        case SetTags() | AddTags() | RemoveTags() | SetRootIsPurelib():
            return _form_of_tags(edit)
        case WriteFile() | RemoveFile() | RemoveFiles() | AddEntryPoint() | RemoveEntryPoint():
            return _form_of_files(edit)
        case _:
            assert_never(edit)


def _form_of_files(edit: FileEdit) -> _Form | None:
    match edit:
        case RemoveFiles(patterns):
            return _Form("remove-file", " ".join(patterns), "removed", Action(remove_file=_one_or_many(patterns)))
        case AddEntryPoint(group, name, value):
            return _Form("entry-point", name, "added", Action(add_entry_point=EntryPointValue(group, name, value)))
        case RemoveEntryPoint(name, group, missing):
            subject = " ".join((*name, *group)) or "missing-module"
            match = EntryPointMatch(_one_or_many(name) or None, _one_or_many(group) or None, missing or None)
            return _Form("remove-entry-point", subject, "removed", Action(remove_entry_point=match))
        case WriteFile() | RemoveFile():
            return None
        case _:
            assert_never(edit)


def _form_for_requirements(edit: DropRequirement | ReplaceRequirement | RelaxRequirement | DropUpperLimit) -> _Form:
    wanted = edit.requirement
    match edit:
        case DropRequirement():
            return _Form("drop", wanted, "dropped", "drop", match_of(wanted))
        case ReplaceRequirement(_, by):
            return _Form("replace", wanted, "replaced", Action(replace=by), match_of(wanted))
        case RelaxRequirement():
            relaxed = Action(set_specifier=NewSpecifier(relax="lower"))
            return _Form("relax", wanted, "relaxed", relaxed, match_of(wanted))
        case DropUpperLimit():
            unlimited = Action(set_specifier=NewSpecifier(drop="upper"))
            return _Form("drop-upper", wanted, "upper limit dropped", unlimited, match_of(wanted))
        case _:
            assert_never(edit)


def _form_of_identity(edit: SetName | SetVersion | SetPost | SetLocal | SetBuildTag) -> _Form:
    match edit:
        case SetName(name):
            return _Form("name", name, "set", Action(set_name=name))
        case SetVersion(version):
            return _Form("version", version, "set", Action(set_version=version))
        case SetPost(post):
            return _Form("post", post, "set", Action(set_version=PostRelease(post)))
        case SetLocal(local):
            return _Form("local", local, "set", Action(set_local=local))
        case SetBuildTag(tag):
            return _Form("build-tag", tag, "set", Action(set_build_tag=tag))
        case _:
            assert_never(edit)


def _form_of_tags(edit: TagEdit | SetRootIsPurelib) -> _Form:
    match edit:
        case SetTags(tags):
            return _Form("tag", _first(tags), "set", Action(set_tag=tags))
        case AddTags(tags):
            return _Form("add-tag", _first(tags), "added", Action(add_tag=tags))
        case RemoveTags(patterns):
            return _Form("remove-tag", _first(patterns), "removed", Action(remove_tag=patterns))
        case SetRootIsPurelib(value):
            return _Form("root-is-purelib", str(value), "set", Action(set_root_is_purelib=value))
        case _:
            assert_never(edit)


def _first(values: str | tuple[str, ...]) -> str:
    return next(iter(each_of(values)), "")


def match_of(wanted: str) -> Match:
    """Return which requirements ``wanted`` means: a name, a pattern for names, or a requirement whose parts must match.

    >>> match_of("Foo_Bar").name, match_of("foo>=1; extra == 'x'").extra
    (('foo-bar',), ('any',))
    """
    requirement = None if _NAME_OR_PATTERN.fullmatch(wanted) else read_requirement(wanted)
    if requirement is None:
        return Match(
            name=(str(canonicalize_name(wanted)) if is_plain(wanted) and _NAME_OR_PATTERN.fullmatch(wanted) else wanted,)
        )
    parts = RequirementParts.of(wanted)
    return Match(
        name=(requirement.name,),
        extra=("any",) if requirement.needs_extra else None,
        marker=(parts.marker,) if parts and parts.marker else None,
        specifier=(requirement.specifier,) if requirement.specifier else None,
        url=(_WILD.sub(lambda found: f"[{found[0]}]", requirement.url),) if requirement.url else None,
    )


def _one_or_many(texts: tuple[str, ...]) -> str | tuple[str, ...]:
    return texts[0] if len(texts) == 1 else texts


def _is_of_requirements(name: str) -> bool:
    kind = find(name)
    return kind is not None and kind.name in (REQUIRES, "Provides-Extra")


def _name_in(requirement: str) -> str:
    found = read_requirement(requirement)
    return found.name if found else requirement


def _distinct(rules: Iterable[Rule], taken: Collection[str]) -> Iterator[Rule]:
    """Yield ``rules`` with ids of their own: a number follows one that is ``taken``, or was there before."""
    used = set(taken)
    for rule in rules:
        names = (rule.id if number == 1 else f"{rule.id}-{number}" for number in range(1, len(used) + 2))
        free = next(name for name in names if name not in used)
        used.add(free)
        yield replace(rule, id=free)
