"""HTML reports: everything is in them, nothing of others is markup, and they stay of a size that a browser opens."""

import os
import re
import sys
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace
from packaging.specifiers import SpecifierSet

from html_reports import (
    ARM,
    CUBLAS,
    FILES,
    MAC,
    PAGES,
    PLAIN,
    TRITON,
    X86,
    Parsed,
    dropped,
    fix_report,
    kept,
    mirror_report,
    published,
    sync_report,
    torch,
    verify_report,
)
from places import REFERENCE
from wheelfix.mirror.registry import MirrorCheckReport, finding as mirror_finding
from wheelfix.reports.codes import REGISTRY, docs_url
from wheelfix.reports.html.fix import render_html
from wheelfix.reports.html.matrix import release_matrices
from wheelfix.reports.html.mirror_check import project_at, render_mirror_check_html
from wheelfix.reports.html.parts import MOST_ROWS
from wheelfix.reports.html.savings import KnownSizes, Saving, saving_of, size_chart
from wheelfix.reports.html.sync import render_sync_html
from wheelfix.reports.html.verify import render_verify_html
from wheelfix.results import (
    CheckedWheel,
    KnownFile,
    Outcome,
    Problem,
    Published,
    PublishReport,
    PublishStatus,
    Report,
    Status,
    Verdict,
    VerifyReport,
)
from wheelfix.sync.model import Action, PlannedFile, SyncPlan
from wheelfix.text import shown
from wheelfix.verify.registry import CHECKS
from wheelfix.version import REFERENCE as REFERENCE_URL

GOLDEN = Path(__file__).with_name("report.html")
HOSTILE = (
    "</code></td></table><script>x()</script>", "</style><style>*{display:none}", "<img src=x onerror=x()>",
    "\" onclick=x() '", "<!--", "&lt;b&gt;", "\u202eabc\u2066", "a\x1b[2Jb\x00", "M\udcfcller \ud800", "a\nb\tc", "`x` ``y",
    "|", "javascript:x()", "https://evil.example/<b>", "x" * 9000,
)  # fmt: skip
ALLOWED = {
    "html", "head", "meta", "title", "style", "script", "noscript", "link", "body", "header", "main", "footer", "section",
    "article", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "div", "span", "strong", "a", "code", "pre", "ins",
    "del", "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "form", "label", "input", "select",
    "option", "output", "button", "svg", "rect",
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_is_text(name: str, text: str) -> None:
    page = PAGES[name](text)
    page.encode()
    found, usual = Parsed(page), Parsed(PAGES[name](PLAIN))
    assert {tag for tag, _ in found.elements} <= ALLOWED
    assert len(found.find("script")) == len(found.find("style")) - 1 == 1
    for _, attributes in found.elements:
        assert not any(key.startswith("on") or key == "style" for key in attributes)
        assert (attributes.get("href") or "#").startswith(("#", "https://", "data:,"))
    assert {each["href"] for each in found.find("a")} <= {each["href"] for each in usual.find("a")}
    assert all(char.isprintable() or char == "\n" for char in found.text)


@pytest.mark.parametrize("name", PAGES)
def test_the_python_that_runs_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose Unicode is older escapes characters that a newer one prints: the page is the same."""
    texts = ["\u0221" * count for count in (1, 100, 1000)]  # of Unicode 4.0
    pages = [PAGES[name](text) for text in texts]
    assert not any("\u0221" in Parsed(page).text for page in pages)

    def shown_by_an_old_one(text: str) -> str:
        return shown(text).replace("\u0221", r"\u0221")

    for module in [each for name, each in sys.modules.items() if name.startswith("wheelfix")]:
        if getattr(module, "shown", None) is shown:
            monkeypatch.setattr(module, "shown", shown_by_an_old_one)
    assert [PAGES[name](text) for text in texts] == pages


@pytest.mark.parametrize("name", PAGES)
def test_a_report_is_complete_and_the_same_every_time(name: str) -> None:
    page = PAGES[name](PLAIN)
    found = Parsed(page)
    assert page == PAGES[name](PLAIN)
    assert (len(found.find("h1")), len(found.find("main")), len(found.find("header"))) == (1, 1, 1)
    assert all(each.get("scope") in ("col", "row") for each in found.find("th"))
    assert len(found.find("caption")) == len(found.find("table")) > 0
    ids = [each["id"] for _, each in found.elements if "id" in each]
    assert len(ids) == len(set(ids))
    assert PLAIN in found.text
    opened, closed = (re.findall(pattern, page) for pattern in (r"<(?!meta|link|input|!)([a-z]\w*)", r"</(\w+)>"))
    assert sorted(opened) == sorted(closed)


def test_a_small_report_is_as_it_was() -> None:
    """Where it changes on purpose: look at it with a browser first, then write it anew with WRITE=1."""
    wheels = (torch(X86, dropped(CUBLAS)), torch(ARM, dropped(CUBLAS), python="cp312"))
    page = render_html(Report("strip-gpu", wheels, known_files=FILES))
    body = page.partition("<body>")[2].partition("<script>")[0]
    if os.environ.get("WRITE"):
        GOLDEN.write_text(body, "utf-8")
    assert body == GOLDEN.read_text("utf-8")


def test_a_fix_says_what_was_dropped_and_why() -> None:
    text = Parsed(render_html(fix_report(), published())).text
    for each in (
        CUBLAS, TRITON, "gpu/nvidia", "it needs a text", "unsafe", "Use --skip-gpu-builds", "a" * 64, "b" * 64, "c" * 64,
        "Requires-Dist: triton", "needed", "marker never true", "393.0 MB",
        "now they agree", "[[rule]]", "already-there", "2 requirements dropped",
    ):  # fmt: skip
        assert each in text, each
    assert "What changed" in text
    checked = Report("fix", tuple(Outcome(each.source, each.status, changes=each.changes) for each in fix_report().outcomes))
    assert "What would change" in Parsed(render_html(checked)).text


def test_the_refused_come_first_and_each_reason_once() -> None:
    problem = Problem("unsafe", "it needs x", "Do y.")
    wheels = [Outcome(Path(f"{number}.whl"), Status.REFUSED, problem=problem) for number in range(9)]
    page = render_html(Report("fix", (Outcome(Path("fine.whl"), Status.UNCHANGED), *wheels)))
    text = Parsed(page).text
    assert text.count("it needs x") == 1
    assert "9 wheels" in text
    table = text[text.index("10 wheels") :]
    assert table.index("0.whl") < table.index("fine.whl")
    assert f'href="{docs_url("unsafe")}"' in page


def test_a_path_or_a_name_stays_as_it_is_written() -> None:
    problem = Problem("x", "o/demo-1.0-py3-none-any.whl is there", "pip2 needs it.", "torch/version.py sets cuda")
    text = Parsed(render_html(Report("fix", (Outcome(Path("a.whl"), Status.REFUSED, problem=problem),)))).text
    for each in ("o/demo-1.0", "Reason: torch/version.py", "Help: pip2 needs it."):
        assert each in text


def test_what_the_mirror_refused_comes_first_and_is_counted() -> None:
    wheel = torch(X86, dropped(CUBLAS))
    taken = Problem("name-taken", "the mirror has another file of this name", "Use --replace.")
    refused = Published(wheel.source, PublishStatus.REFUSED, "torch", wheel.source.name, problem=taken)
    page = render_html(Report("fix", (wheel,)), PublishReport("mirror add", Path("mirror"), (refused,)))
    found = Parsed(page)
    text = " ".join(found.text.split())
    assert "Fixed 1 wheel, 0 unchanged, 0 refused -> mirror/: 1 refused" in text
    assert "0 added to the mirror" in text
    assert "1 refused by the mirror" in text
    assert "In the mirror: nothing" not in text
    assert page.index("the mirror has another file") < page.index("What changed")
    assert text.count("the mirror has another file") == 1
    results = {each.get("data-result"): each.get("data-code") for _, each in found.elements if "data-result" in each}
    assert results == {"refused": "name-taken"}
    known = Outcome(wheel.source, Status.REFUSED, problem=taken)
    page = render_html(Report("fix", (known,)), PublishReport("mirror add", Path("mirror"), (refused,)))
    assert Parsed(page).text.count("the mirror has another file") == 1  # a wheel that was not changed is said to be so once


def test_a_dry_run_says_would_everywhere() -> None:
    checked = [torch(platform, dropped(CUBLAS), dropped(TRITON), output=None) for platform in (X86, ARM)]
    page = render_html(Report("fix", tuple(checked), known_files=FILES))
    text = " ".join(Parsed(page).text.split())
    assert text.count("would be dropped") == text.count("dropped") >= 10
    assert "Would be saved per install" in text
    assert "What would change" in text
    assert not re.search(r"(?<!would be )(fixed|dropped)\b", text)
    assert "would be" not in Parsed(render_html(fix_report())).text
    report = replace(fix_report(), outcomes=tuple(replace(each, output=None) for each in fix_report().outcomes))
    assert "they would agree after this run" in Parsed(render_html(report)).text
    in_a_bucket = Parsed(render_html(report, published())).text
    assert "now they agree" in in_a_bucket
    assert "would" not in in_a_bucket
    refused = [torch(X86, dropped(CUBLAS), status=Status.REFUSED, output=None, problem=Problem("x", "y", ""))]
    page = render_html(Report("fix", (*refused, torch(ARM, dropped(TRITON)))))
    assert Parsed(page).text.count("would be dropped") == 2  # what a refused wheel keeps: in the matrix and in the table


def test_the_versions_of_a_change_are_in_their_order_and_all_are_counted() -> None:
    wheels = [
        Outcome(Path(f"demo-{version}-py3-none-any.whl"), Status.FIXED, output=Path("x"), project="demo", version=version,
                changes=(dropped("x"),), metadata_diff="-Requires-Dist: x\n")
        for version in ("1.10", "1.2", "1.1", "odd", "1.3", "1.4", "1.2.post1")
    ]  # fmt: skip
    text = Parsed(render_html(Report("fix", tuple(wheels)))).text
    assert "demo 1.1, 1.2, 1.2.post1, 1.3, 1.4 and 2 more: 1 requirement dropped" in text


def test_one_thing_is_not_called_things() -> None:
    page = render_html(Report("fix", (torch(X86, dropped(CUBLAS)),)))
    assert "1 requirement dropped" in Parsed(page).text
    assert "1 requirements" not in Parsed(page).text
    text = Parsed(render_mirror_check_html("m", replace(mirror_report(), projects=1, files=1))).text
    assert "1 project " in text.replace("\n", " ")
    assert "1 projects" not in text
    assert "1 files" not in text


def test_a_release_of_a_sync_has_the_wheels_that_were_copied_too() -> None:
    wheels = (torch(X86, dropped(CUBLAS)), torch(ARM, kept=(kept(CUBLAS, Verdict.UNSAFE),)), torch(MAC))
    page = render_sync_html(replace(sync_report(), outcomes=wheels))
    assert "torch 2.7.0: 3 wheels" in Parsed(page).text
    assert MAC in page[page.index('id="wheels"') :]


def test_sizes_of_a_sync_are_those_of_what_the_mirror_lists_afterwards() -> None:
    plan = [
        PlannedFile(action=action, project="triton", version=f"3.{number}.0", size=1_000_000 * (number + 1),
                    filename=triton(f"3.{number}.0", 0).filename, yanked=yanked)
        for number, (action, yanked) in enumerate([
            (Action.ADD, False), (Action.UNYANK, True), (Action.KEEP, True), (Action.YANK, False), (Action.REMOVE, True),
            (Action.WAIT, False), (Action.REPORT, False),
        ])
    ]  # fmt: skip
    report = replace(sync_report(), outcomes=(torch(X86, dropped("triton")),), plan=SyncPlan(files=tuple(plan)))
    text = Parsed(render_sync_html(report)).text
    assert "2.0 MB1 requirement" in " ".join(text.split())


def test_suppressed_findings_are_never_green() -> None:
    wheels = (CheckedWheel(Path("bad.whl"), suppressed=5), CheckedWheel(Path("good.whl")))
    text = " ".join(Parsed(render_verify_html(VerifyReport(wheels))).text.split())
    assert "1 without findings" in text
    assert "5 suppressed" in text
    assert text.count("no findings") == 1
    assert "bad.whl 5 suppressed" in text


def test_choices_that_are_left_out_are_counted() -> None:
    wheels = [Outcome(Path(f"{number}.whl"), Status.UNCHANGED, project=f"p{number}") for number in range(2_600)]
    page = render_html(Report("fix", tuple(wheels)))
    assert "2,100 more: use Search" in Parsed(page).text
    assert '<p class="more soft" data-more="600">600 more wheels' in page


def test_wheels_of_which_the_same_is_to_be_said_share_a_column() -> None:
    wheels = [torch(ARM, dropped(CUBLAS), python=python) for python in ("cp310", "cp311", "cp312")]
    needed = torch(X86, kept=(kept(CUBLAS, Verdict.UNSAFE), kept("numpy", None)))
    matrix = "".join(release_matrices([*wheels, needed, torch(MAC)]))
    found = Parsed(matrix)
    heads = [each for each in found.find("th") if each["scope"] == "col"]
    assert len(heads) == 4
    assert "torch 2.7.0: 5 wheels" in found.text
    assert "cp310, cp311, cp312 manylinux_2_28_aarch64" in found.text
    assert found.text.count("marker never true") == 1
    variants = [torch(f"{platform}-cu128", dropped(CUBLAS)) for platform in (ARM, X86)]
    assert Parsed("".join(release_matrices(variants))).text.count("marker never true") == 1  # a label behind the platform
    assert list(release_matrices([needed])) == [""]  # one wheel has nothing to agree with
    assert list(release_matrices([torch(MAC), torch(ARM)])) == [""]


def saved(outcome: Outcome, *files: KnownFile) -> Saving:
    return saving_of(outcome, KnownSizes(files or FILES))


def test_sizes_are_those_of_the_files_that_an_installer_would_choose() -> None:
    assert saved(torch(X86, dropped(CUBLAS))) == Saving(393_000_000, 0, 1, 0)
    assert saved(torch(ARM, dropped(CUBLAS))) == Saving(0, 393_000_000, 1, 0)
    assert saved(torch(X86, dropped(CUBLAS), dropped(TRITON))) == Saving(393_000_000, 0, 1, 1)
    newest = dropped("nvidia-cublas-cu12>=12; platform_system == 'Windows'")
    assert saved(torch("win_amd64", newest)) == Saving(400_000_000, 0, 1, 0)
    assert saved(torch(X86, dropped("nvidia-cublas-cu12>12"))) == Saving(393_000_000, 0, 1, 0)
    assert saved(torch(MAC, dropped("nvidia-cublas-cu12"))) == Saving(0, 0, 0, 1)
    assert saved(torch(X86, dropped("nvidia-cublas-cu12; extra == 'x'"))) == Saving(0, 0, 0, 0)
    assert saved(torch(X86, dropped("nvidia-cublas-cu12 (nonsense)"))) == Saving(0, 0, 0, 1)


def triton(version: str, size: int, tags: str = f"py3-none-{X86}") -> KnownFile:
    return KnownFile(f"triton-{version}-{tags}.whl", size)


def test_a_pre_release_counts_only_where_an_installer_would_take_it() -> None:
    files = (triton("3.3.0", 200), triton("4.0.0rc1", 2000), triton("5.0.0.dev1", 5000))
    assert saved(torch(X86, dropped("triton>=3")), *files).direct == 200
    assert saved(torch(X86, dropped("triton")), *files).direct == 200
    assert saved(torch(X86, dropped("triton>=4.0.0rc1,<5.0.0.dev0")), *files).direct == 2000
    assert saved(torch(X86, dropped("triton>3.3")), *files).direct == 5000
    assert saved(torch(X86, dropped("triton==4.0.0rc1")), *files).direct == 2000


def test_of_one_project_one_file_is_downloaded() -> None:
    files = (triton("3.2.0", 200), triton("3.3.0", 210), triton("6.0", 900))
    assert saved(torch(X86, dropped("triton>=3"), dropped("triton<5")), *files) == Saving(210, 0, 2, 0)
    exclusive = dropped('triton==3.2.0; python_version < "3.11"'), dropped('triton==3.3.0; python_version >= "3.11"')
    anywhere = Outcome(Path("demo-1.0-py3-none-manylinux_2_28_x86_64.whl"), Status.FIXED, changes=exclusive)
    assert saved(anywhere, *files) == Saving(210, 0, 2, 0, varies=True)
    assert "up to 210 bytes" in "".join(size_chart([anywhere], files))
    assert saved(torch(X86, *exclusive), *files) == Saving(210, 200, 2, 0)  # a lock tool locks both
    same = (
        dropped("triton==3.3"),
        dropped("triton==3.3.0; sys_platform == 'linux'"),
        dropped("triton; sys_platform == 'aix'"),
    )
    assert saved(torch(X86, *same), *files, triton("6.0", 900, "py3-none-any")) == Saving(210, 900, 3, 0)
    assert saved(torch(X86, dropped("triton>=3"), dropped("triton>=3; extra == 'gpu'")), *files) == Saving(900, 0, 1, 0)


def test_the_headline_is_what_every_installer_saves() -> None:
    [table, *_] = size_chart([torch(X86, dropped(CUBLAS)), torch(ARM, dropped(CUBLAS))], FILES)
    text = " ".join(Parsed(table).text.split())
    assert "aarch64 0 bytes1 requirement and 393.0 MB by lock tools only" in text
    assert "x86_64 393.0 MB1 requirement" in text


def test_the_work_for_sizes_does_not_grow_with_wheels_times_files(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    class Counted(SpecifierSet):
        def contains(self, item: object, **options: object) -> bool:  # type: ignore[override]
            counted.append(item)
            return super().contains(item, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("wheelfix.reports.html.savings.SpecifierSet", Counted)
    files = [triton(f"3.{number}", number) for number in range(500)]
    pinned = [
        Outcome(Path(f"demo-1.{number}-{python}-none-{X86}.whl"), Status.FIXED, project="demo", version=f"1.{number}",
                changes=(dropped(f"triton==3.{number}"), dropped("triton>=3; sys_platform == 'linux'")))
        for number in range(500)
        for python in ("cp310", "cp311")
    ]  # fmt: skip
    page = "".join(size_chart(pinned, files))
    assert "300 more releases and platforms are not shown here" in page
    assert len(counted) < 1000


def test_an_unknown_size_is_called_unknown() -> None:
    wheel = torch(X86, dropped(CUBLAS), dropped(TRITON))
    assert "Not known" in "".join(size_chart([wheel], ()))
    chart = Parsed("".join(size_chart([wheel, torch(ARM, dropped(CUBLAS))], FILES))).text
    assert "at least 393.0 MB" in chart
    assert "2 requirements, 1 of unknown size" in chart
    assert "and 393.0 MB by lock tools only" in chart
    assert list(size_chart([torch(MAC)], FILES)) == []


def test_findings_come_with_their_meaning_and_what_to_do() -> None:
    report = verify_report()
    page = render_verify_html(report)
    text = Parsed(page).text
    for finding in report.wheels[0].findings:
        check = REGISTRY["wheelfix verify"][finding.code]
        assert finding.code in text
        assert check.meaning.replace("`", "")[1:] in text
        assert check.remedy.replace("`", "")[1:] in text
        assert f'href="{docs_url(finding.code)}"' in page
    assert "2 suppressed" in text
    assert text.count("no findings") == 1


def test_findings_of_a_mirror_are_listed_by_project() -> None:
    found = Parsed(render_mirror_check_html("mirror", mirror_report()))
    projects = {each.get("data-project") for _, each in found.elements} - {None}
    assert {"torch", "demo"} <= projects
    assert "mirror: Checked 3 files of 2 projects" in found.text
    assert [each["name"] for each in found.find("select")] == ["severity", "code", "project"]


def test_a_finding_belongs_to_its_project_however_its_place_is_written() -> None:
    index = "https://download.pytorch.org/whl/cpu"
    name = "xgboost-3.2.0-py3-none-any.whl"
    places = {
        f"xgboost: {name}": "xgboost", f"public/files/xgboost/0123/{name}": "xgboost", "xgboost 3.2.0": "xgboost",
        f"{index}/xgboost/": "xgboost", f"{index}/xgboost/?format=json": "xgboost", f"{index}/": "(the whole)",
        "https://cdn.example.org/simple/xgboost/": "xgboost", "public/simple/index.html": "(the whole)",
    }  # fmt: skip
    for place, project in places.items():
        report = MirrorCheckReport((mirror_finding("unlisted", place, "x"),), 1, 1)
        found = Parsed(render_mirror_check_html(index, report))
        assert {each.get("data-project") for _, each in found.elements} - {None} == {project}, place
    assert project_at("https://h/root/pypi/+simple/torch/", "https://h/root/pypi/+simple/") == "torch"
    everything = MirrorCheckReport(tuple(mirror_finding("unlisted", place, "x") for place in places), 1, 1)
    elements = Parsed(render_mirror_check_html(index, everything)).elements
    assert all("data-project" in each for _, each in elements if "data-item" in each)  # a filter leaves none of another


def test_every_code_that_is_linked_has_its_section() -> None:
    for code in (code for table in REGISTRY.values() for code in table):
        page, _, name = docs_url(code).removeprefix(REFERENCE_URL).partition("#")
        assert re.search(rf"^#+ {re.escape(name)}$", section_text(page), re.MULTILINE), code
    assert docs_url("enospc") == ""


@cache
def section_text(page: str) -> str:
    return (REFERENCE / page).read_text("utf-8")


def test_many_wheels_are_counted_and_not_all_shown() -> None:
    """What a browser opens at once: some megabytes, however much was found."""
    drops = tuple(dropped(f"nvidia-x{number}==1; {'x' * 900}") for number in range(3))
    wheels = [torch(X86, *drops, python=f"cp3{number}") for number in range(3_000)]
    wheels += [
        Outcome(Path(f"{number}.whl"), Status.REFUSED, problem=Problem("x", str(number), "")) for number in range(1000)
    ]
    page = render_html(Report("fix", tuple(wheels)))
    assert len(page) < 3_000_000
    text = Parsed(page).text
    assert f"{4_000 - MOST_ROWS:,} more wheels are not shown here" in text
    assert "800 more problems are not shown here" in text
    found = tuple(CHECKS["record-missing-row"].finding(f"row {number}", "x" * 400) for number in range(300))
    many = render_verify_html(VerifyReport(tuple(CheckedWheel(Path(f"{number}.whl"), found) for number in range(200))))
    assert "59,800 more findings with this code are not shown here" in Parsed(many).text
    assert len(many) < 500_000


def test_a_note_names_its_wheels() -> None:
    outcomes = [Outcome(Path(f"in/{name}.whl"), Status.UNCHANGED, notes=(f"Left: {note}",)) for name, note in NOTED]
    page = render_html(Report("strip-gpu", tuple(outcomes)))
    assert "a.whl, b.whl: Left: it is a GPU build" in page
    assert "c.whl: Left: it needs six" in page


NOTED = (("a", "it is a GPU build"), ("b", "it is a GPU build"), ("c", "it needs six"))
