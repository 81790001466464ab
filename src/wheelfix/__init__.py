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

from wheelfix.version import __version__

if TYPE_CHECKING:
    from wheelfix.diff.model import Difference, Likeness
    from wheelfix.diff.wheels import compare_wheels
    from wheelfix.errors import (
        ArchiveError,
        EditError,
        FilenameError,
        MetadataError,
        MirrorError,
        NeedError,
        OutputError,
        RecordError,
        RegressionError,
        ResultError,
        RulesError,
        SourceChanged,
        StructureError,
        VerificationError,
        WheelError,
        WheelfixError,
    )
    from wheelfix.evidence.verdict import Evidence, Judgement
    from wheelfix.fix.apply import apply
    from wheelfix.fix.batch import fix_wheels, repair_wheels
    from wheelfix.fix.plan import Plan, make_plan, preview
    from wheelfix.fix.weigh import gather_evidence
    from wheelfix.mirror.check import check_index, check_mirror
    from wheelfix.mirror.pages import ListedFile, Origin, Page
    from wheelfix.mirror.publish import fix_into_mirror
    from wheelfix.mirror.registry import MirrorCheck, MirrorCheckReport
    from wheelfix.mirror.sync import mirror_releases
    from wheelfix.mirror.upload import add_wheels
    from wheelfix.mirror.yank import list_pages, remove_files, unyank_files, yank_files
    from wheelfix.options import (
        Limits,
        Naming,
        Output,
        Policy,
        Publishing,
        Scan,
        Selection,
        Targets,
        Transfer,
    )
    from wheelfix.progress import NoProgress, Progress
    from wheelfix.reports.json import render_json
    from wheelfix.reports.verify import render_verify_json
    from wheelfix.results import (
        Change,
        ChangeAction,
        CheckedWheel,
        Disagreement,
        Finding,
        Outcome,
        Part,
        Problem,
        Published,
        PublishReport,
        PublishStatus,
        Report,
        Severity,
        Status,
        Verdict,
        VerifyReport,
    )
    from wheelfix.rules.lint import lint_rules
    from wheelfix.rules.load import built_in, find_rules, load_rules, rule_set
    from wheelfix.rules.model import Action, FieldName, FieldValue, Match, Rule, RuleSet, When
    from wheelfix.verify.run import verify_wheels
    from wheelfix.wheel.editor import AddField, Edit, RemoveField, RemoveFile, SetField, WriteFile
    from wheelfix.wheel.filename import WheelFilename
    from wheelfix.wheel.wheel import Wheel

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
    "fix.plan": ("Plan", "make_plan", "preview"),
    "fix.weigh": ("gather_evidence",),
    "mirror.check": ("check_index", "check_mirror"),
    "mirror.pages": ("ListedFile", "Origin", "Page"),
    "mirror.publish": ("fix_into_mirror",),
    "mirror.registry": ("MirrorCheck", "MirrorCheckReport"),
    "mirror.sync": ("mirror_releases",),
    "mirror.upload": ("add_wheels",),
    "mirror.yank": ("list_pages", "remove_files", "unyank_files", "yank_files"),
    "options": ("Limits", "Naming", "Output", "Policy", "Publishing", "Scan", "Selection", "Targets", "Transfer"),
    "progress": ("NoProgress", "Progress"),
    "reports.json": ("render_json",),
    "reports.verify": ("render_verify_json",),
    "results": (
        "Change", "ChangeAction", "CheckedWheel", "Disagreement", "Finding", "Outcome", "Part", "Problem", "Published",
        "PublishStatus", "PublishReport", "Report", "Severity", "Status", "Verdict", "VerifyReport",
    ),
    "rules.lint": ("lint_rules",),
    "rules.load": ("built_in", "find_rules", "load_rules", "rule_set"),
    "rules.model": ("Action", "FieldName", "FieldValue", "Match", "Rule", "RuleSet", "When"),
    "verify.run": ("verify_wheels",),
    "wheel.editor": ("AddField", "Edit", "RemoveField", "RemoveFile", "SetField", "WriteFile"),
    "wheel.filename": ("WheelFilename",),
    "wheel.wheel": ("Wheel",),
}  # fmt: skip
"""Where each public name lives; it is imported when it is first used (PEP 562), so that the command starts fast."""
_HOME_OF: Final = {name: f"wheelfix.{home}" for home, names in _HOMES.items() for name in names}

__all__ = [
    "Action",
    "AddField",
    "ArchiveError",
    "Change",
    "ChangeAction",
    "CheckedWheel",
    "Difference",
    "Disagreement",
    "Edit",
    "EditError",
    "Evidence",
    "FieldName",
    "FieldValue",
    "FilenameError",
    "Finding",
    "Judgement",
    "Likeness",
    "Limits",
    "ListedFile",
    "Match",
    "MetadataError",
    "MirrorCheck",
    "MirrorCheckReport",
    "MirrorError",
    "Naming",
    "NeedError",
    "NoProgress",
    "Origin",
    "Outcome",
    "Output",
    "OutputError",
    "Page",
    "Part",
    "Plan",
    "Policy",
    "Problem",
    "Progress",
    "PublishReport",
    "PublishStatus",
    "Published",
    "Publishing",
    "RecordError",
    "RegressionError",
    "RemoveField",
    "RemoveFile",
    "Report",
    "ResultError",
    "Rule",
    "RuleSet",
    "RulesError",
    "Scan",
    "Selection",
    "SetField",
    "Severity",
    "SourceChanged",
    "Status",
    "StructureError",
    "Targets",
    "Transfer",
    "Verdict",
    "VerificationError",
    "VerifyReport",
    "Wheel",
    "WheelError",
    "WheelFilename",
    "WheelfixError",
    "When",
    "WriteFile",
    "__version__",
    "add_wheels",
    "apply",
    "built_in",
    "check_index",
    "check_mirror",
    "compare_wheels",
    "find_rules",
    "fix_into_mirror",
    "fix_wheels",
    "gather_evidence",
    "lint_rules",
    "list_pages",
    "load_rules",
    "make_plan",
    "mirror_releases",
    "preview",
    "remove_files",
    "render_json",
    "render_verify_json",
    "repair_wheels",
    "rule_set",
    "unyank_files",
    "verify_wheels",
    "yank_files",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wheelfix' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
