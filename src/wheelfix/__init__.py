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
        LockError as LockError,
        ManifestError as ManifestError,
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
    from wheelfix.locations import Url as Url
    from wheelfix.locks.commands import Step as Step
    from wheelfix.locks.model import (
        Lock as Lock,
        LockedFile as LockedFile,
        LockKind as LockKind,
        Skipped as Skipped,
        SkippedEntry as SkippedEntry,
    )
    from wheelfix.locks.read import read_lock as read_lock
    from wheelfix.mirror.affected import (
        AffectedEntry as AffectedEntry,
        AffectedFile as AffectedFile,
        AffectedLock as AffectedLock,
        AffectedReport as AffectedReport,
        Fate as Fate,
        affected_locks as affected_locks,
    )
    from wheelfix.mirror.check import (
        check_against as check_against,
        check_index as check_index,
        check_mirror as check_mirror,
    )
    from wheelfix.mirror.from_index import mirror_releases as mirror_releases
    from wheelfix.mirror.pages import (
        Correction as Correction,
        ListedChange as ListedChange,
        ListedFile as ListedFile,
        Origin as Origin,
        Page as Page,
    )
    from wheelfix.mirror.prune import prune_mirror as prune_mirror
    from wheelfix.mirror.pruned import (
        Pruned as Pruned,
        PruneKind as PruneKind,
        PruneReport as PruneReport,
        PruneStatus as PruneStatus,
    )
    from wheelfix.mirror.publish import fix_into_mirror as fix_into_mirror
    from wheelfix.mirror.registry import MirrorCheck as MirrorCheck, MirrorCheckReport as MirrorCheckReport
    from wheelfix.mirror.storage import open_store as open_store
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
    from wheelfix.reports.html.diff import render_difference_html as render_difference_html
    from wheelfix.reports.html.fix import render_html as render_html
    from wheelfix.reports.html.mirror_check import render_mirror_check_html as render_mirror_check_html
    from wheelfix.reports.html.sync import render_sync_html as render_sync_html
    from wheelfix.reports.html.verify import render_verify_html as render_verify_html
    from wheelfix.reports.json import render_json as render_json
    from wheelfix.reports.verify import render_verify_json as render_verify_json
    from wheelfix.results import (
        AppliedRule as AppliedRule,
        Change as Change,
        ChangeAction as ChangeAction,
        CheckedWheel as CheckedWheel,
        Disagreement as Disagreement,
        Finding as Finding,
        KnownFile as KnownFile,
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
    from wheelfix.sync.dependencies.closed import check_closed as check_closed
    from wheelfix.sync.manifest.model import Manifest as Manifest
    from wheelfix.sync.manifest.read import read_manifest as read_manifest
    from wheelfix.sync.run import index_mirror as index_mirror, sync_mirror as sync_mirror
    from wheelfix.sync.snapshots.compare import (
        LockChange as LockChange,
        LockDifference as LockDifference,
        compare_snapshots as compare_snapshots,
    )
    from wheelfix.sync.snapshots.export_bundle import ExportReport as ExportReport, export_mirror as export_mirror
    from wheelfix.sync.snapshots.import_bundle import import_bundle as import_bundle
    from wheelfix.sync.snapshots.restore import restore_mirror as restore_mirror
    from wheelfix.sync.snapshots.snapshot import Snapshot as Snapshot, read_snapshot as read_snapshot
    from wheelfix.upstream.fetched import FetchedWheels as FetchedWheels, fetch_wheels as fetch_wheels
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
        "ArchiveError", "EditError", "FilenameError", "LockError", "ManifestError", "MetadataError", "MirrorError",
        "NeedError", "OutputError", "RecordError", "RegressionError", "ResultError", "RulesError", "SourceChanged",
        "StructureError", "VerificationError", "WheelError", "WheelfixError",
    ),
    "evidence.verdict": ("Evidence", "Judgement"),
    "fix.apply": ("apply",),
    "fix.batch": ("fix_wheels", "repair_wheels"),
    "fix.copy_sources": ("read_copy_sources",),
    "fix.draft": ("make_plan",),
    "fix.plan": ("Plan", "preview"),
    "fix.weigh": ("gather_evidence",),
    "locations": ("Url",),
    "locks.commands": ("Step",),
    "locks.model": ("Lock", "LockKind", "LockedFile", "Skipped", "SkippedEntry"),
    "locks.read": ("read_lock",),
    "mirror.affected": (
        "AffectedEntry", "AffectedFile", "AffectedLock", "AffectedReport", "Fate", "affected_locks",
    ),
    "mirror.check": ("check_against", "check_index", "check_mirror"),
    "mirror.pages": ("Correction", "ListedChange", "ListedFile", "Origin", "Page"),
    "mirror.prune": ("prune_mirror",),
    "mirror.pruned": ("PruneKind", "PruneReport", "PruneStatus", "Pruned"),
    "mirror.publish": ("fix_into_mirror",),
    "mirror.registry": ("MirrorCheck", "MirrorCheckReport"),
    "mirror.storage": ("open_store",),
    "mirror.from_index": ("mirror_releases",),
    "mirror.upload": ("add_wheels",),
    "mirror.yank": ("list_pages", "remove_files", "unyank_files", "yank_files"),
    "options": (
        "Limits", "Naming", "Output", "Policy", "Publishing", "Requests", "Scan", "Selection", "Targets", "Transfer",
    ),
    "progress": ("NoProgress", "Progress"),
    "reports.html.diff": ("render_difference_html",),
    "reports.html.fix": ("render_html",),
    "reports.html.mirror_check": ("render_mirror_check_html",),
    "reports.html.sync": ("render_sync_html",),
    "reports.html.verify": ("render_verify_html",),
    "reports.json": ("render_json",),
    "reports.verify": ("render_verify_json",),
    "results": (
        "AppliedRule", "Change", "ChangeAction", "CheckedWheel", "Disagreement", "Finding", "KnownFile", "Outcome",
        "Part", "Problem",
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
    "sync.dependencies.closed": ("check_closed",),
    "sync.snapshots.compare": ("LockChange", "LockDifference", "compare_snapshots"),
    "sync.snapshots.export_bundle": ("ExportReport", "export_mirror"),
    "sync.snapshots.import_bundle": ("import_bundle",),
    "sync.manifest.model": ("Manifest",),
    "sync.manifest.read": ("read_manifest",),
    "sync.snapshots.restore": ("restore_mirror",),
    "sync.run": ("index_mirror", "sync_mirror"),
    "sync.snapshots.snapshot": ("Snapshot", "read_snapshot"),
    "upstream.fetched": ("FetchedWheels", "fetch_wheels"),
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
