"""One HTML report of each kind, with everything in it that such a report can have, and ``text`` wherever others write it."""

from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from wheelfix.diff.model import (
    ArchiveChange,
    ChangeKind,
    Difference,
    FileChange,
    FileChanges,
    RequirementChange,
    RowChange,
)
from wheelfix.mirror.registry import MirrorCheckReport, finding as mirror_finding
from wheelfix.reports.html.diff import render_difference_html, render_lock_difference_html
from wheelfix.reports.html.fix import render_html
from wheelfix.reports.html.mirror_check import render_mirror_check_html
from wheelfix.reports.html.sync import render_sync_html
from wheelfix.reports.html.verify import render_verify_html
from wheelfix.results import (
    AppliedRule,
    Change,
    ChangeAction,
    CheckedWheel,
    Disagreement,
    KnownFile,
    Outcome,
    Problem,
    Published,
    PublishReport,
    PublishStatus,
    Report,
    Status,
    Traffic,
    Verdict,
    VerifyReport,
)
from wheelfix.sync.model import Action, PlannedFile, SourceProblem, SyncPlan, SyncReport
from wheelfix.sync.snapshots.compare import LockChange, LockDifference
from wheelfix.verify.registry import CHECKS
from wheelfix.wheel.editor import REQUIRES
from wheelfix.wheel.record import RecordRow

PLAIN: Final = "a text"
ONLY_X86: Final = 'platform_system == "Linux" and platform_machine == "x86_64"'
CUBLAS: Final = f"nvidia-cublas-cu12==12.6.4.1; {ONLY_X86}"
TRITON: Final = f"triton==3.3.0; {ONLY_X86}"
FILES: Final = (
    KnownFile("nvidia_cublas_cu12-12.6.4.1-py3-none-manylinux2014_x86_64.whl", 393_000_000),
    KnownFile("nvidia_cublas_cu12-12.6.4.1-py3-none-win_amd64.whl", 400_000_000),
    KnownFile("nvidia_cublas_cu12-12.5.3.2-py3-none-manylinux2014_x86_64.whl", 1),
)
X86, ARM, MAC = "manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64"


def dropped(requirement: str, verdict: Verdict = Verdict.SAFE, text: str = PLAIN) -> Change:
    return Change(REQUIRES, ChangeAction.DROP, requirement, None, "gpu/nvidia", verdict, text, text)


def kept(requirement: str, verdict: Verdict | None, text: str = PLAIN) -> Change:
    return Change(REQUIRES, ChangeAction.KEEP, requirement, requirement, "gpu/nvidia", verdict, text, text)


def torch(platform: str, *changes: Change, python: str = "cp311", **more: object) -> Outcome:
    """Return the outcome of one wheel of torch 2.7.0, which is fixed where something changes."""
    name = f"torch-2.7.0-{python}-{python}-{platform}.whl"
    diff = f"--- a/{name}/METADATA\n+++ b/{name}/METADATA\n@@ -1,3 +1,1 @@\n Name: torch\n"
    diff += "".join(f"-Requires-Dist: {each.before}\n" for each in changes)
    status = Status.FIXED if changes else Status.UNCHANGED
    values = {
        "output": Path("fixed") / name if changes else None, "project": "torch", "version": "2.7.0", "changes": changes,
        "source_sha256": "a" * 64, "output_sha256": "b" * 64, "metadata_diff": diff if changes else "", **more,
    }  # fmt: skip
    return Outcome(Path("dist") / name, **{"status": status, **values})  # type: ignore[arg-type]


def fix_report(text: str = PLAIN) -> Report:
    drops = (dropped(CUBLAS, text=text), dropped(TRITON, text=text))
    finding = CHECKS["record-missing-row"].finding(text, text, hint=text)
    beside = (
        Change("Author", ChangeAction.SET_FIELD, text, text, "mine", None, text),
        Change("RECORD", ChangeAction.ADD_ROW, None, text),
        Change(text, ChangeAction.REMOVE_FILE, None, None, reason=text),
    )
    refused = torch(MAC, python="cp312", kept=(kept(CUBLAS, Verdict.UNSAFE, text), kept(text, Verdict.UNPROVEN, text)))
    problem = Problem("unsafe", f"it needs {text}", f"Use `--skip-gpu-builds`: {text}", text)
    odd = Outcome(Path(text), Status.FAILED, project=text, version=text, problem=Problem("enospc", text, text))
    wheels = (
        torch(X86, *drops, *beside, notes=(text, text)),
        torch(
            ARM,
            *drops,
            kept=(kept(text, None, text),),
            findings=(finding,),
        ),
        torch(ARM, *drops, python="cp310"),
        torch(MAC),
        Outcome(refused.source, Status.REFUSED, project="torch", version="2.7.0", kept=refused.kept, problem=problem),
        odd,
    )
    disagreement = Disagreement("torch", "2.7.0", text, (wheels[0].source,), (wheels[3].source,), resolved=True)
    rules = (
        AppliedRule("gpu/nvidia", text, "gpu", url="https://github.com/pytorch/pytorch/issues/152121"),
        AppliedRule("mine", text, text, url=f"javascript:{text}"),
    )
    return Report("strip-gpu", wheels, (CHECKS["record-missing-row"].finding(text, text),), (disagreement,), rules,
                  f"[[rule]]\n{text}", FILES)  # fmt: skip


def published(text: str = PLAIN) -> PublishReport:
    files = (
        Published(Path(text), PublishStatus.ADDED, "torch", text, text, "c" * 64, (text,)),
        Published(Path(text), PublishStatus.REFUSED, "torch", text, problem=Problem("already-there", text, text)),
    )
    return PublishReport("mirror add", Path("mirror"), files)


def verify_report(text: str = PLAIN) -> VerifyReport:
    codes = ("record-missing-row", "metadata-no-content-type", "archive-gap")
    found = tuple(CHECKS[code].finding(text, text, fixable=True, hint=text) for code in codes if code in CHECKS)
    wheels = (CheckedWheel(Path("dist/demo-1.0-py3-none-any.whl"), found, suppressed=2), CheckedWheel(Path("good.whl")))
    return VerifyReport((*wheels, CheckedWheel(Path(text), found[:1])))


def difference(text: str = PLAIN) -> Difference:
    row = RecordRow(text, "sha256=x", "1")
    return Difference(
        Path(text), Path("new.whl"), ("demo-1.0.dist-info",) * 2,
        FileChanges(
            same=3, added=(FileChange(None, text, None, 1),), removed=(FileChange(text, None, 10**9, None),),
            changed=(FileChange("METADATA", "METADATA", 10, 20),), renamed=(FileChange(text, f"{text}2", 1, 1),),
            moved=(text,), directories=((text, f"{text}2"),), archive=(ArchiveChange("time", text, text, text),),
        ),
        f"--- a/METADATA\n+++ b/METADATA\n@@ -1,2 +1,1 @@\n-Requires-Dist: {text}\n Name: demo\n",
        (RequirementChange(ChangeKind.REMOVED, text, None), RequirementChange(ChangeKind.RESPELLED, text, text)),
        (RowChange(ChangeKind.CHANGED, row, row), RowChange(ChangeKind.ADDED, None, row)),
        notes=(text,),
    )  # fmt: skip


def lock_differences(text: str = PLAIN) -> list[LockDifference]:
    return [
        LockDifference(change=change, project=name, version="1", filename=text, before=text, after=text, size=9, source=text)
        for change in LockChange
        for name in ("demo", text)
    ]


def mirror_report(text: str = PLAIN) -> MirrorCheckReport:
    places = ("public/files/torch/0123/torch-2.7.0-py3-none-any.whl", "public/simple/demo/index.json", text)
    found = [mirror_finding(code, place, text, fixable=True) for code in ("size-differs", "unlisted") for place in places]
    fixed = (mirror_finding("html-differs", text, text),)
    return MirrorCheckReport(tuple(found), 2, 3, fixed, 1, Traffic(3, 1000))


def sync_report(text: str = PLAIN) -> SyncReport:
    files = tuple(
        PlannedFile(
            action=action, project="torch", version="2.7.0", filename=f"torch-2.7.0-{number}-py3-none-any.whl",
            source="main", reason=text, code="yanked-upstream" if number else "", size=10**8 * number or None,
            details=(text,),
        )
        for number, action in enumerate(Action)
    )  # fmt: skip
    cublas = FILES[0]
    known = PlannedFile(
        action=Action.KEEP, project="nvidia-cublas-cu12", version="12.6.4.1", filename=cublas.filename, size=cublas.size
    )
    whole = PlannedFile(action=Action.REPORT, project=text, version=text, filename="", reason=text,
                        problem=Problem("no-wheel", text, text))  # fmt: skip
    done = tuple(
        Published(Path(text), status, "torch", f"torch-{number}.whl", text, "d" * 64, (text,))
        for number, status in enumerate(PublishStatus)
    )
    problems = (SourceProblem(text, "torch", Problem("no-answer", text, text, text)),)
    plan = SyncPlan(files=(*files, known, whole), problems=problems, served=9, followed=(text,))
    return SyncReport(
        manifest="mirror.toml", mirror=Path("mirror"), plan=plan, outcomes=fix_report(text).outcomes, files=done,
        traffic=Traffic(7, 12345, 2), warnings=(CHECKS["record-missing-row"].finding(text, text),),
    )  # fmt: skip


PAGES: Final[Mapping[str, Callable[[str], str]]] = {
    "fix": lambda text: render_html(fix_report(text), published(text)),
    "verify": lambda text: render_verify_html(verify_report(text)),
    "diff": lambda text: render_difference_html(difference(text)),
    "locks": lambda text: render_lock_difference_html(text, text, lock_differences(text)),
    "mirror-check": lambda text: render_mirror_check_html(text, mirror_report(text)),
    "sync": lambda text: render_sync_html(sync_report(text)),
}


class Parsed(HTMLParser):
    """What a browser sees in a page: its elements with their attributes, and its text without styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._text: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self._text.append(data)

    @property
    def text(self) -> str:
        return "".join(self._text)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]
