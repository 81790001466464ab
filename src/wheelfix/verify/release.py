"""The wheels of one release compared: resolvers read one of them and assume that it speaks for all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from wheelfix.errors import WheelError
from wheelfix.results import Finding
from wheelfix.text import shown_few
from wheelfix.verify.registry import CHECKS
from wheelfix.wheel.release import Declared, disagreements_of, releases_of
from wheelfix.wheel.requirement import plain_specifier, specifier_meaning
from wheelfix.wheel.wheel import Wheel


@dataclass(frozen=True, slots=True)
class Statement:
    """What a wheel declares, and the file names of the wheels that it was corrected from."""

    requirements: tuple[str, ...]
    extras: frozenset[str]
    requires_python: str
    made_from: frozenset[str]


def read_statement(path: Path) -> Statement | None:
    """Return what the wheel at ``path`` declares, ``None`` where it cannot be read: its own findings say why."""
    try:
        with Wheel(path) as wheel:
            declared = Declared.of(wheel.document.data)
            provenance = wheel.provenance
    except (WheelError, OSError):
        return None
    return Statement(
        declared.requirements,
        frozenset(map(canonicalize_name, declared.extras)),
        plain_specifier(declared.requires_python),
        frozenset(each.filename for each in provenance.ancestors) if provenance else frozenset(),
    )


def compare_releases(statements: Mapping[Path, Statement]) -> list[tuple[Path, Finding]]:
    """Return the wheels that disagree with others of their release, each with a finding that says on what."""
    return list(dict.fromkeys(each for view in _views(statements) for each in _disagreeing(view)))


def _views(statements: Mapping[Path, Statement]) -> Iterator[dict[Path, Statement]]:
    """Yield the wheels as they came and, where corrections of some are given too, as they are with those in their place.

    A wheel is a correction of the one that its provenance names, or that has the same file name: it takes its place, and
    need not agree with it.
    """
    by_name: dict[str, list[Path]] = {}
    for path in statements:
        by_name.setdefault(path.name, []).append(path)
    originals, corrections = set[Path](), set[Path]()
    for alike in by_name.values():
        _, *later = sorted(alike, key=lambda path: len(statements[path].made_from))
        corrections.update(later)
        originals.update(set(alike) - set(later[-1:]) if later else ())
    for path, each in statements.items():
        sources = {source for name in each.made_from - {path.name} for source in by_name.get(name, ())}
        originals |= sources
        corrections |= {path} if sources else set()
    yield {path: each for path, each in statements.items() if path not in corrections}
    if corrections:
        yield {path: each for path, each in statements.items() if path not in originals}


def _disagreeing(statements: Mapping[Path, Statement]) -> Iterator[tuple[Path, Finding]]:
    """Yield on what wheels of one release disagree, for each wheel that lacks what others have."""
    lacking: dict[tuple[Path, str], list[str]] = {}
    for each in disagreements_of({path: statement.requirements for path, statement in statements.items()}):
        for path in each.missing:
            lacking.setdefault((path, "Requires-Dist"), []).append(each.requirement)
    for release in releases_of(statements):
        extras = frozenset().union(*(statements[path].extras for path in release))
        pythons = {path: specifier_meaning(statements[path].requires_python) for path in release}
        for path in release:
            if missing := sorted(extras - statements[path].extras):
                lacking.setdefault((path, "Provides-Extra"), []).extend(missing)
            others = {statements[each].requires_python for each in release if pythons[each] != pythons[path]}
            if others:
                said = shown_few([each or "nothing" for each in sorted(others)])
                message = f"wheels of the same release say {said}; whether uv lock fails depends on which of them it reads"
                yield path, CHECKS["release-requires-python"].finding("Requires-Python", message)
    for (path, place), texts in lacking.items():
        verb = "require" if place == "Requires-Dist" else "provide"
        message = f"wheels of the same release also {verb} {shown_few(texts)}"
        yield path, CHECKS["release-disagrees"].finding(place, message)
