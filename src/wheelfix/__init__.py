"""Fix the metadata of built wheels, and prove that nothing else changed.

The names in ``__all__`` are the public interface. In the common case one call does it::

    import wheelfix

    report = wheelfix.fix_wheels(["torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"], rules="gpu", output="fixed")
    for outcome in report.outcomes:
        print(outcome.status, outcome.output, [change.before for change in outcome.changes])

A mirror, a directory that any web server can serve, is filled in the same way::

    report, published = wheelfix.fix_into_mirror("mirror", ["torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"])

Step by step: open one wheel, make a plan, look at it, and apply it::

    from pathlib import Path

    with wheelfix.Wheel("torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl") as wheel:
        plan = wheelfix.make_plan(wheel, edits=[wheelfix.SetField("Requires-Python", ">=3.10")])
        print(plan.metadata_diff)
        outcome = wheelfix.apply(wheel, plan, Path("torch-2.7.0-fixed") / wheel.path.name)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from wheelfix.version import __version__ as __version__

if TYPE_CHECKING:
    from wheelfix.diff.model import Difference as Difference, Likeness as Likeness
    from wheelfix.diff.wheels import compare_wheels as compare_wheels
    from wheelfix.errors import (
        ArchiveError as ArchiveError,
        EditError as EditError,
        FilenameError as FilenameError,
        MetadataError as MetadataError,
        MirrorError as MirrorError,
        NeedError as NeedError,
        OutputError as OutputError,
        RecordError as RecordError,
        RegressionError as RegressionError,
        ResultError as ResultError,
        RulesError as RulesError,
        SourceChanged as SourceChanged,
        StructureError as StructureError,
        VerificationError as VerificationError,
        WheelError as WheelError,
        WheelfixError as WheelfixError,
    )
    from wheelfix.evidence.verdict import Evidence as Evidence, Judgement as Judgement
    from wheelfix.fix.apply import apply as apply
    from wheelfix.fix.batch import fix_wheels as fix_wheels, repair_wheels as repair_wheels
    from wheelfix.fix.copy_sources import read_copy_sources as read_copy_sources
    from wheelfix.fix.draft import make_plan as make_plan
    from wheelfix.fix.plan import Plan as Plan, preview as preview
    from wheelfix.fix.weigh import gather_evidence as gather_evidence
    from wheelfix.mirror.check import check_index as check_index, check_mirror as check_mirror
    from wheelfix.mirror.pages import ListedFile as ListedFile, Origin as Origin, Page as Page
    from wheelfix.mirror.publish import fix_into_mirror as fix_into_mirror
    from wheelfix.mirror.registry import MirrorCheck as MirrorCheck, MirrorCheckReport as MirrorCheckReport
    from wheelfix.mirror.sync import mirror_releases as mirror_releases
    from wheelfix.mirror.upload import add_wheels as add_wheels
    from wheelfix.mirror.yank import (
        list_pages as list_pages,
        remove_files as remove_files,
        unyank_files as unyank_files,
        yank_files as yank_files,
    )
    from wheelfix.options import (
        Limits as Limits,
        Naming as Naming,
        Output as Output,
        Policy as Policy,
        Publishing as Publishing,
        Requests as Requests,
        Scan as Scan,
        Selection as Selection,
        Targets as Targets,
        Transfer as Transfer,
    )
    from wheelfix.progress import NoProgress as NoProgress, Progress as Progress
    from wheelfix.reports.json import render_json as render_json
    from wheelfix.reports.verify import render_verify_json as render_verify_json
    from wheelfix.results import (
        AppliedRule as AppliedRule,
        Change as Change,
        ChangeAction as ChangeAction,
        CheckedWheel as CheckedWheel,
        Disagreement as Disagreement,
        Finding as Finding,
        Outcome as Outcome,
        Part as Part,
        Problem as Problem,
        Published as Published,
        PublishReport as PublishReport,
        PublishStatus as PublishStatus,
        Report as Report,
        Severity as Severity,
        Status as Status,
        Traffic as Traffic,
        Verdict as Verdict,
        VerifyReport as VerifyReport,
    )
    from wheelfix.rules.from_edits import rules_of as rules_of
    from wheelfix.rules.lint import lint_rules as lint_rules
    from wheelfix.rules.load import (
        built_in as built_in,
        find_rules as find_rules,
        load_rules as load_rules,
        rule_set as rule_set,
    )
    from wheelfix.rules.model import (
        Action as Action,
        CopyFrom as CopyFrom,
        EntryPointMatch as EntryPointMatch,
        EntryPointValue as EntryPointValue,
        FieldName as FieldName,
        FieldValue as FieldValue,
        Match as Match,
        NewSpecifier as NewSpecifier,
        PostRelease as PostRelease,
        Rule as Rule,
        RuleSet as RuleSet,
        When as When,
    )
    from wheelfix.rules.schema import print_rules as print_rules
    from wheelfix.verify.batch import verify_wheels as verify_wheels
    from wheelfix.wheel.edits import (
        AddEntryPoint as AddEntryPoint,
        AddField as AddField,
        AddRequirement as AddRequirement,
        AddTags as AddTags,
        DropExtra as DropExtra,
        DropRequirement as DropRequirement,
        DropUpperLimit as DropUpperLimit,
        Edit as Edit,
        RelaxRequirement as RelaxRequirement,
        RemoveEntryPoint as RemoveEntryPoint,
        RemoveField as RemoveField,
        RemoveFile as RemoveFile,
        RemoveFiles as RemoveFiles,
        RemoveTags as RemoveTags,
        ReplaceRequirement as ReplaceRequirement,
        SetBuildTag as SetBuildTag,
        SetField as SetField,
        SetLocal as SetLocal,
        SetName as SetName,
        SetPost as SetPost,
        SetRootIsPurelib as SetRootIsPurelib,
        SetTags as SetTags,
        SetVersion as SetVersion,
        WriteFile as WriteFile,
    )
    from wheelfix.wheel.filename import WheelFilename as WheelFilename
    from wheelfix.wheel.release import CopySource as CopySource, Declared as Declared
    from wheelfix.wheel.wheel import Wheel as Wheel

_HOMES: Final = {
    "diff.model": ("Difference", "Likeness"),
    "diff.wheels": ("compare_wheels",),
    "errors": (
        "ArchiveError", "EditError", "FilenameError", "MetadataError", "MirrorError", "NeedError", "OutputError",
        "RecordError", "RegressionError", "ResultError", "RulesError", "SourceChanged",
        "StructureError", "VerificationError", "WheelError", "WheelfixError",
    ),
    "evidence.verdict": ("Evidence", "Judgement"),
    "fix.apply": ("apply",),
    "fix.batch": ("fix_wheels", "repair_wheels"),
    "fix.copy_sources": ("read_copy_sources",),
    "fix.draft": ("make_plan",),
    "fix.plan": ("Plan", "preview"),
    "fix.weigh": ("gather_evidence",),
    "mirror.check": ("check_index", "check_mirror"),
    "mirror.pages": ("ListedFile", "Origin", "Page"),
    "mirror.publish": ("fix_into_mirror",),
    "mirror.registry": ("MirrorCheck", "MirrorCheckReport"),
    "mirror.sync": ("mirror_releases",),
    "mirror.upload": ("add_wheels",),
    "mirror.yank": ("list_pages", "remove_files", "unyank_files", "yank_files"),
    "options": (
        "Limits", "Naming", "Output", "Policy", "Publishing", "Requests", "Scan", "Selection", "Targets", "Transfer",
    ),
    "progress": ("NoProgress", "Progress"),
    "reports.json": ("render_json",),
    "reports.verify": ("render_verify_json",),
    "results": (
        "AppliedRule", "Change", "ChangeAction", "CheckedWheel", "Disagreement", "Finding", "Outcome", "Part", "Problem",
        "Published", "PublishStatus", "PublishReport", "Report", "Severity", "Status", "Traffic", "Verdict", "VerifyReport",
    ),
    "rules.from_edits": ("rules_of",),
    "rules.lint": ("lint_rules",),
    "rules.load": ("built_in", "find_rules", "load_rules", "rule_set"),
    "rules.model": (
        "Action", "CopyFrom", "EntryPointMatch", "EntryPointValue", "FieldName", "FieldValue", "Match", "NewSpecifier",
        "PostRelease", "Rule", "RuleSet", "When",
    ),
    "rules.schema": ("print_rules",),
    "verify.batch": ("verify_wheels",),
    "wheel.edits": (
        "AddEntryPoint", "AddField", "AddRequirement", "AddTags", "DropExtra", "DropRequirement", "DropUpperLimit", "Edit",
        "RelaxRequirement", "RemoveEntryPoint", "RemoveField", "RemoveFile", "RemoveFiles", "RemoveTags",
        "ReplaceRequirement", "SetBuildTag",
        "SetField", "SetLocal", "SetName", "SetPost", "SetRootIsPurelib", "SetTags", "SetVersion", "WriteFile",
    ),
    "wheel.filename": ("WheelFilename",),
    "wheel.release": ("CopySource", "Declared"),
    "wheel.wheel": ("Wheel",),
}  # fmt: skip
"""Where each public name lives; it is imported when it is first used (PEP 562), so that the command starts fast."""
_HOME_OF: Final = {name: f"wheelfix.{home}" for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(["__version__", *_HOME_OF])]  # noqa: PLE0604 - each is the text that it is in _HOMES


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wheelfix' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
