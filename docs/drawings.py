"""Draw the pictures of the book: SVG with real text, in light and dark, readable on a phone.

``python docs/drawings.py`` writes ``docs/_static/drawings/*.svg``; ``--check`` compares and writes nothing. A page
includes a drawing as raw HTML, so that it follows the theme of the page. The same file works as an image.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

import generated

DIRECTORY: Final = Path(__file__).parent / "_static" / "drawings"
WIDTH: Final = 420  # a phone shows 360 px: text of 13 units stays readable

# Each colour is a variable with a value for each theme. furo marks the theme that a reader chose on <body>.
_LIGHT: Final = {
    "ink": "#1f2328", "soft": "#57606a", "line": "#8c959f", "box": "#f6f8fa", "old": "#cfe3f7",
    "new": "#ffd8a8", "bad": "#c92a2a", "good": "#2b7a3d",
}  # fmt: skip
_DARK: Final = {
    "ink": "#e6edf3", "soft": "#a3adb8", "line": "#6e7681", "box": "#1c2128", "old": "#1f3d5c",
    "new": "#4a3410", "bad": "#ff8787", "good": "#69db7c",
}  # fmt: skip


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--d-{name}:{value}" for name, value in colours.items())


STYLE: Final = (
    f".drawing{{{_variables(_LIGHT)};max-width:34rem;width:100%;height:auto;font:13px system-ui,sans-serif}}"
    f"@media (prefers-color-scheme:dark){{.drawing{{{_variables(_DARK)}}}}}"
    f"body[data-theme=light] .drawing{{{_variables(_LIGHT)}}}body[data-theme=dark] .drawing{{{_variables(_DARK)}}}"
    ".drawing text{fill:var(--d-ink)}.drawing .soft{fill:var(--d-soft);font-size:12px}.drawing .head{font-weight:600}"
    ".drawing .code{font-family:ui-monospace,monospace;font-size:11.5px}"
    ".drawing .bad{fill:var(--d-bad);font-weight:600}.drawing .good{fill:var(--d-good);font-weight:600}"
    ".drawing rect{fill:var(--d-box);stroke:var(--d-line)}.drawing rect.old{fill:var(--d-old)}"
    ".drawing rect.new{fill:var(--d-new)}.drawing rect.badbar{fill:var(--d-bad);stroke:none}"
    ".drawing rect.goodbar{fill:var(--d-good);stroke:none}"
    ".drawing path{fill:none;stroke:var(--d-line);stroke-width:1.5}.drawing path.tip{fill:var(--d-line);stroke:none}"
)


def text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> str:
    """Return one line of text; ``kind`` is a class of the style, ``anchor`` as in SVG."""
    classes = f' class="{kind}"' if kind else ""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}"{classes}{where}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str = "", *, round_: float = 4) -> str:
    """Return a box."""
    classes = f' class="{kind}"' if kind else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_:g}"{classes}/>'


def labelled(x: float, y: float, width: float, lines: Sequence[tuple[str, str]], kind: str = "") -> str:
    """Return a box with centred lines, each with its class; 16 units a line."""
    height = 14 + 16 * len(lines)
    middle = x + width / 2
    words = "".join(text(middle, y + 19 + 16 * i, line, style, anchor="middle") for i, (line, style) in enumerate(lines))
    return box(x, y, width, height, kind) + words


def down(x: float, y: float, length: float) -> str:
    """Return an arrow that points down."""
    end = y + length
    return f'<path d="M{x:g} {y:g}V{end - 5:g}"/><path class="tip" d="M{x - 4:g} {end - 6:g}h8l-4 6z"/>'


def across(x: float, y: float, end: float) -> str:
    """Return an arrow that points right."""
    return f'<path d="M{x:g} {y:g}H{end - 5:g}"/><path class="tip" d="M{end - 6:g} {y - 4:g}v8l6 -4z"/>'


def problem() -> Iterable[str]:
    """What wrong METADATA of one wheel does to an image."""
    yield text(0, 14, "An index: the wheels of torch 2.7.0", "head")
    for i, (name, what) in enumerate((("x86_64", "CUDA build"), ("aarch64", "CPU build"), ("macOS", "CPU build"))):
        yield labelled(i * 144, 24, 132, [(name, "head"), (what, "soft")], "new" if i == 1 else "")
    yield text(210, 88, "its METADATA requires 15 CUDA and Triton packages", "bad", anchor="middle")
    yield down(210, 94, 24)
    yield labelled(60, 118, 300, [("A resolver reads one wheel,", ""), ("and assumes that it speaks for all", "")])
    yield down(210, 166, 22)
    yield labelled(60, 188, 300, [("The lock file lists nvidia-* and triton", ""), ("for machines without a GPU", "soft")])
    yield down(210, 236, 22)
    yield text(0, 276, "The image", "head")
    yield box(0, 286, 420, 24, "badbar") + text(0, 326, "11 GB with what the METADATA claims")
    yield box(0, 338, 420 * 3.7 / 11, 24, "goodbar") + text(0, 378, "3.7 GB with what the wheel needs")


def archive() -> Iterable[str]:
    """The bytes of a wheel before and after: torch 2.7.0, whose dist-info comes first."""
    right, wide = 230, 190
    yield text(0, 14, "The original", "head") + text(right, 14, "The fixed wheel", "head")
    kept: tuple[tuple[str, float, float, float], ...] = (
        ("LICENSE", 28, 24, 24), ("NOTICE, WHEEL, …", 28, 92, 92), ("torch/… 11,486 files", 96, 160, 126),
    )  # fmt: skip
    replaced = (("METADATA", 28, 58), ("RECORD", 28, 126), ("directory, end record", 28, 262))
    written = (
        ("METADATA", 28, 58), ("sboms/wheelfix.cdx.json", 28, 228), ("RECORD", 28, 262), ("directory, end record", 28, 296),
    )  # fmt: skip
    for name, height, before, after in kept:
        yield _entry(0, before, wide, height, name, "old") + _entry(right, after, wide, height, name, "old")
        yield f'<path d="M{wide} {before + height / 2:g}L{right} {after + height / 2:g}"/>'
    for name, height, before in replaced:
        yield _entry(0, before, wide, height, name, "")
    for name, height, after in written:
        yield _entry(right, after, wide, height, name, "new")
    for i, (kind, what) in enumerate((
        ("old", "span: the same bytes, copied as they are"),
        ("new", "new, and stored: only what has to differ"),
        ("", "replaced or removed"),
    )):  # fmt: skip
        yield box(0, 342 + i * 24, 16, 16, kind) + text(24, 355 + i * 24, what)


def _entry(x: float, y: float, wide: float, height: float, name: str, kind: str) -> str:
    """Return an entry of an archive."""
    return box(x, y, wide, height, kind) + text(x + 8, y + height / 2 + 4, name, "code")


def flow() -> Iterable[str]:
    """How data flows from a wheel to a mirror."""
    steps = (
        ("Wheel", "a file, a URL, or a path in a bucket; only read"),
        ("Evidence", "tags, constants, binaries: what it needs"),
        ("Plan", "what the rules would change; --check ends here"),
        ("New wheel", "kept spans and new entries, read back and proved"),
        ("Outcome", "fixed, unchanged, refused or failed"),
        ("Mirror", "wheel, metadata file, page, list of projects"),
    )  # fmt: skip
    for i, (name, what) in enumerate(steps):
        y = 4 + i * 72
        yield labelled(0, y, 420, [(name, "head"), (what, "soft")], "new" if name in ("New wheel", "Mirror") else "")
        if i < len(steps) - 1:
            yield down(210, y + 46, 26)


def mirror() -> Iterable[str]:
    """How a mirror is served."""
    yield text(0, 14, "mirror/", "head")
    yield box(0, 24, 420, 176) + text(12, 44, "public/   what a web server or CDN serves", "")
    for i, (key, what) in enumerate((
        ("simple/torch/index.json", "the page: the truth"), ("simple/torch/index.html", "made from it"),
        ("simple/index.html", "all projects"), ("files/…/torch-2.7.0-….whl", "one URL for each content"),
        ("files/…/….whl.metadata", "METADATA of that wheel"),
    )):  # fmt: skip
        yield text(12, 72 + i * 26, key, "code") + text(220, 72 + i * 26, what, "soft")
    yield box(0, 210, 420, 44) + text(12, 237, "private/   locks, journals, scratch: never served")
    yield text(0, 284, "Written in this order, so that no page links to nothing:", "head")
    for i, name in enumerate(("wheel", "metadata file", "page", "projects")):
        yield labelled(i * 108, 296, 96, [(name, "")])
        if i < 3:
            yield across(i * 108 + 96, 311, i * 108 + 108)


def verdict() -> Iterable[str]:
    """How a verdict is reached: a column of questions, each with the answer that ends it."""
    questions = (
        (("Can the marker be true on the wheel's tags?",), "no", "safe", "good"),
        (("Does the wheel say that it is a GPU build, or", "does a module load a library of it?"), "yes", "unsafe", "bad"),
        (("Does the wheel say that it is a CPU build, and", "does none of its binaries link to it?"), "yes", "safe", "good"),
        (("Does no binary link to it, and does a rule", "name just this project and requirement?"), "yes", "safe", "good"),
    )  # fmt: skip
    y = 4.0
    for question, answer, word, kind in questions:
        height = 14 + 16 * len(question)
        yield labelled(0, y, 310, [(line, "") for line in question])
        yield across(310, y + height / 2, 362) + text(334, y + height / 2 - 5, answer, "soft", anchor="middle")
        yield text(368, y + height / 2 + 4, word, kind)
        y += height
        yield down(155, y, 28) + text(165, y + 18, "yes" if answer == "no" else "no", "soft")
        y += 28
    yield labelled(65, y, 180, [("unproven", "head")])


class Drawing(NamedTuple):
    """A picture: its title and description, which screen readers say, its height, and what draws it."""

    title: str
    description: str
    height: int
    draw: Callable[[], Iterable[str]]


DRAWINGS: Final = {
    "problem": Drawing(
        "How wrong METADATA makes an image three times as large",
        "The CPU wheel of torch 2.7.0 for aarch64 requires 15 CUDA and Triton packages in its METADATA. A resolver "
        "reads one wheel of the release and assumes that it speaks for all. The lock file lists the packages for "
        "machines without a GPU. The image has 11 GB instead of 3.7 GB.",
        384, problem,
    ),
    "archive": Drawing(
        "The bytes of a wheel before and after a fix",
        "The wheel of torch 2.7.0, whose dist-info comes first. Spans of the original archive are copied as they are: "
        "LICENSE, NOTICE and WHEEL, and 11,486 files of torch. METADATA is replaced in its place. The old RECORD is "
        "removed; the provenance and the new RECORD come last, before the directory and the end record.",
        410, archive,
    ),
    "flow": Drawing(
        "From a wheel to a mirror",
        "A wheel is read. Evidence and rules give a plan. A new wheel is written, read back and proved. The outcome "
        "is reported, and a mirror lists the new wheel.",
        416, flow,
    ),
    "mirror": Drawing(
        "What a mirror consists of",
        "The public directory has the pages of projects as JSON and HTML, the list of projects, wheels and metadata "
        "files. The private directory has locks and journals. The wheel is written first, then the metadata file, the"
        " page, and the list.",
        334, mirror,
    ),
    "verdict": Drawing(
        "How wheelfix reaches a verdict",
        "Safe if the marker can never be true on the wheel's tags. Otherwise unsafe if the wheel says that it is a GPU "
        "build, or if an extension module loads a library of the requirement. Otherwise safe if the wheel says that it "
        "is a CPU build and no binary links to it, or if a rule names exactly this project and requirement and no binary "
        "links to it. Otherwise unproven.",
        320, verdict,
    ),
}  # fmt: skip


def svg(name: str) -> str:
    """Return the drawing ``name`` as an SVG document."""
    drawing = DRAWINGS[name]
    lines = "\n".join(line for line in drawing.draw() if line)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 {WIDTH} {drawing.height}" role="img"'
        f' aria-labelledby="{name}-title {name}-text">\n'
        f'<title id="{name}-title">{escape(drawing.title)}</title>\n'
        f'<desc id="{name}-text">{escape(drawing.description)}</desc>\n'
        f"<style>{STYLE}</style>\n{lines}\n</svg>\n"
    )


if __name__ == "__main__":
    sys.exit(generated.run(__file__, lambda: {DIRECTORY / f"{name}.svg": svg(name) for name in DRAWINGS}))
