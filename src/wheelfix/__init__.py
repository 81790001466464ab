"""Correct the metadata of built wheels, and prove that nothing else changed.

The names below are the public interface. In the common case one call does it::

    import wheelfix

    report = wheelfix.fix_wheels(["torch-2.7.0-cp311-cp311-manylinux_2_28_aarch64.whl"], rules="gpu", output_dir="fixed")
    for outcome in report.outcomes:
        print(outcome.status, outcome.output, [change.before for change in outcome.changes])

Step by step, one wheel is opened, a plan is made and looked at, and then carried out::

    with wheelfix.Wheel("demo-1.0-py3-none-any.whl") as wheel:
        plan = wheelfix.make_plan(wheel, edits=[wheelfix.SetField("Requires-Python", ">=3.10")])
        print(plan.metadata_diff)
        outcome = wheelfix.apply(wheel, plan, Path("fixed/demo-1.0-py3-none-any.whl"))
"""

from wheelfix.batch import fix_wheels
from wheelfix.edits import AddField, Edit, RemoveField, RemoveFile, SetField, WriteFile
from wheelfix.errors import (
    ArchiveError,
    EditError,
    FilenameError,
    MetadataError,
    OutputError,
    RecordError,
    ResultError,
    RulesError,
    SourceChanged,
    StructureError,
    VerificationError,
    WheelFault,
    WheelfixError,
)
from wheelfix.filename import WheelFilename
from wheelfix.outcome import Change, Outcome, Problem, Report, Status
from wheelfix.plan import Plan, make_plan
from wheelfix.render.json import render_json
from wheelfix.rewrite import TOOL_VERSION as __version__
from wheelfix.rewrite import apply, preview
from wheelfix.rules.loading import built_in, rule_set
from wheelfix.rules.model import Match, Rule, RuleSet, When
from wheelfix.wheel import Wheel

__all__ = [
    "AddField",
    "ArchiveError",
    "Change",
    "Edit",
    "EditError",
    "FilenameError",
    "Match",
    "MetadataError",
    "Outcome",
    "OutputError",
    "Plan",
    "Problem",
    "RecordError",
    "RemoveField",
    "RemoveFile",
    "Report",
    "ResultError",
    "Rule",
    "RuleSet",
    "RulesError",
    "SetField",
    "SourceChanged",
    "Status",
    "StructureError",
    "VerificationError",
    "Wheel",
    "WheelFault",
    "WheelFilename",
    "WheelfixError",
    "When",
    "WriteFile",
    "__version__",
    "apply",
    "built_in",
    "fix_wheels",
    "make_plan",
    "preview",
    "render_json",
    "rule_set",
]
