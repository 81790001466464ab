"""Runs the tests on mutants: everything is imported and collected once, and each mutant is a fork of that process.

``python tests/mutant_runs.py MODULE --count 300`` samples mutants, prints each that no test notices, and ends with the
score; ``--again`` runs only those that survived last time. ``make mutants MODULE=...`` does the same.
"""

import argparse
import gc
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from importlib import import_module
from importlib.machinery import SourceFileLoader
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pytest

from mutants import SUBJECTS, Mutant, absolute, bodies, equivalent, sampled, source_of
from places import ROOT

_MOST_TIME: Final = 8.0
"""Seconds of processor time that the tests of one mutant may take where nothing is changed; the quickest come first."""
_MOST_FILES: Final = 12
"""How many test files are collected for a mutant of what is done at import."""
_LOST: Final = 250
"""The exit status of a process that could not run the tests."""


def run(subject: str, mutants: list[Mutant], results: Path, done: Callable[[Mutant, str], None]) -> None:
    """Run the tests of a subject on each mutant, and call ``done`` with how that ended.

    What each test reaches is kept in ``results``, and measured anew where its file or a source was changed.
    """
    _prepare()
    inside = [each for each in mutants if each.function]
    outside = [each for each in mutants if not each.function]
    reading, writing = os.pipe()
    reached = results / f"{subject}.tests.json"
    session = _Session(SUBJECTS[subject].sources, inside, reached, writing)
    child = _fork(lambda: _pytest([f"tests/{each}" for each in SUBJECTS[subject].tests], session))
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        for mutant, word in zip(inside, lines, strict=True):
            done(mutant, word.strip())
    os.waitpid(child, 0)
    tests = json.loads(reached.read_text(encoding="utf-8"))["tests"]
    for each in outside:
        done(each, _outside(each, _near(each.path, tests)))


def _prepare() -> None:
    """Import what the sources use, but no source; and let hypothesis try the same few examples each time."""
    from hypothesis import Phase, settings

    for name in ("click", "elftools", "msgspec", "packaging.metadata", "packaging.tags", "pypi_simple", "requests", "rich"):
        import_module(name)
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", max_examples=20, deadline=None, derandomize=True, database=None, phases=phases)
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"


def _pytest(tests: Iterable[str], plugin: object) -> int:
    words = ["-q", "-x", f"--rootdir={ROOT}", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    words += [f"-pno:{each}" for each in ("cacheprovider", "xdist", "cov", "randomly")]
    return int(pytest.main([*words, *(str(ROOT / each) for each in tests)], plugins=[plugin]))


class _Session:
    """A plugin of pytest that runs the collected tests once, to see what they reach, and then on each mutant."""

    def __init__(self, paths: Sequence[str], mutants: list[Mutant], reached: Path, answers: int) -> None:
        self._paths = paths
        self._mutants = mutants
        self._reached = reached
        self._answers = answers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Stand in for pytest's own loop."""
        _forked(lambda: _measure(session, self._paths, self._reached))
        tests = json.loads(self._reached.read_text(encoding="utf-8"))["tests"]
        items = {item.nodeid: item for item in session.items}
        functions = {path: _functions(path) for path in self._paths}
        for mutant in self._mutants:
            chosen = _quickest(_tests_of(mutant, tests))
            apply = _changed_body(mutant, functions[mutant.path])
            ended = _try(session, [items[each] for each, _ in chosen], apply, sum(spent for _, spent in chosen))
            os.write(self._answers, f"{ended}\n".encode())
        return True


def _measure(session: pytest.Session, paths: Sequence[str], reached: Path) -> int:
    """Write which lines of each source each test runs, and what it takes; a test that fails is left out."""
    known = json.loads(reached.read_text(encoding="utf-8")) if reached.exists() else {}
    sources, files = _digest(*map(absolute, paths)), {item.path: _digest(item.path) for item in session.items}
    before = known["tests"] if known.get("sources") == sources else {}
    kept = [each for each in session.items if before.get(each.nodeid, {}).get("file") == files[each.path]]
    tests = {each.nodeid: before[each.nodeid] for each in kept}
    more = _reach([each for each in session.items if each.nodeid not in tests], paths)
    tests |= {item.nodeid: {"file": files[item.path], **more[item.nodeid]} for item in session.items if item.nodeid in more}
    reached.write_text(json.dumps({"sources": sources, "tests": tests}), encoding="utf-8")
    return 0


def _reach(items: list[pytest.Item], paths: Sequence[str]) -> dict[str, Any]:
    """Run tests, and return what each that passes takes and reaches, by its name."""
    from coverage import Coverage

    if not items:
        return {}
    tests: dict[str, Any] = {}
    coverage = Coverage(data_file=None, config_file=False, include=[str(absolute(each)) for each in paths])
    coverage.start()
    for number, item in enumerate(items):
        coverage.switch_context(item.nodeid)
        start, failed = sum(os.times()[:4]), item.session.testsfailed
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=_next(items, number))
        if item.session.testsfailed == failed:
            tests[item.nodeid] = {"spent": sum(os.times()[:4]) - start, "lines": {path: [] for path in paths}}
    coverage.stop()
    for path in paths:
        for line, contexts in coverage.get_data().contexts_by_lineno(str(absolute(path))).items():
            for name in tests.keys() & {*contexts}:
                tests[name]["lines"][path].append(line)
    return tests


def _digest(*paths: Path) -> str:
    return sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def _near(path: str, tests: dict[str, Any]) -> list[str]:
    """Return the quickest tests that reach a source, out of the few files that reach most of it."""
    by_file: dict[str, set[int]] = {}
    for name, test in tests.items():
        by_file.setdefault(name.partition("::")[0], set()).update(test["lines"][path])
    files = sorted(by_file, key=lambda file: len(by_file[file]), reverse=True)[:_MOST_FILES]
    near = [
        (name, test["spent"]) for name, test in tests.items() if name.partition("::")[0] in files and test["lines"][path]
    ]
    return [name for name, _ in _quickest(near)]


def _tests_of(mutant: Mutant, tests: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the tests that run the changed lines, or else the function: lines without code of their own are not counted."""
    changed = {*range(mutant.first, mutant.last + 1)}
    start, end = bodies(source_of(mutant.path))[mutant.function] if mutant.function else (0, -1)
    for wanted in (changed, {*range(start, end + 1)}):
        found = [(name, test["spent"]) for name, test in tests.items() if not wanted.isdisjoint(test["lines"][mutant.path])]
        if found:
            return found
    return []


def _quickest(tests: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    chosen, total = [], 0.0
    for name, spent in sorted(tests, key=itemgetter(1)):
        total += spent
        if total > _MOST_TIME:
            break
        chosen.append((name, spent))
    return chosen


def _functions(path: str) -> dict[tuple[str, int], list[types.FunctionType]]:
    """Return the functions of a source that are in memory, by qualified name and first line."""
    found: dict[tuple[str, int], list[types.FunctionType]] = {}
    import_module(_module(path))  # some are imported late
    gc.unfreeze()  # what is frozen is not listed
    for each in gc.get_objects():
        if isinstance(each, types.FunctionType) and each.__code__.co_filename == str(absolute(path)):
            found.setdefault((each.__code__.co_qualname, each.__code__.co_firstlineno), []).append(each)
    gc.freeze()
    return found


def _module(path: str) -> str:
    return "wheelfix." + path.removesuffix(".py").replace("/", ".")


def _changed_body(mutant: Mutant, functions: dict[tuple[str, int], list[types.FunctionType]]) -> Callable[[], None]:
    """Return what puts the changed body of a function into memory."""
    compiled = compile(mutant.source, absolute(mutant.path), "exec")
    code = next(each for each in _codes(compiled) if (each.co_qualname, each.co_firstlineno) == mutant.function)
    targets = functions[code.co_qualname, code.co_firstlineno]

    def apply() -> None:
        for each in targets:
            each.__code__ = code

    return apply


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def _try(session: pytest.Session, items: list[pytest.Item], apply: Callable[[], None], expected: float) -> str:
    """Run tests until one fails, in a fork in which something is changed, and say how that ended."""

    def work() -> int:
        session.config._tmp_path_factory._basetemp = Path(folder)  # type: ignore[attr-defined]
        apply()
        for number, item in enumerate(items):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=_next(items, number))
            if session.testsfailed:
                return 1
        return 0

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _word(_forked(work, expected), items)


def _next(items: list[pytest.Item], number: int) -> pytest.Item | None:
    return items[number + 1] if number + 1 < len(items) else None


def _outside(mutant: Mutant, tests: list[str]) -> str:
    """Run tests on a mutant of what runs when a module is imported: in a process that has not imported it yet."""

    def work() -> int:
        _serve(mutant)
        try:
            import_module(_module(mutant.path))
        except Exception:  # noqa: BLE001 - whatever it is, nothing that imports it works
            traceback.print_exc()
            return 1
        return _pytest(sorted({each.partition("::")[0] for each in tests}), _Chosen(tests))

    return _word(_forked(work, _MOST_TIME), tests)


class _Chosen:
    """A plugin of pytest that runs some of the tests; as arguments, names with colons in them would not be found."""

    def __init__(self, tests: list[str]) -> None:
        self._tests = frozenset(tests)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the others."""
        items[:] = [each for each in items if each.nodeid in self._tests]


def _serve(mutant: Mutant) -> None:
    """Let imports find the mutant instead of the source."""
    original, path = SourceFileLoader.get_code, str(absolute(mutant.path))

    def get_code(self: Any, fullname: str) -> types.CodeType | None:
        if self.get_filename(fullname) == path:
            return compile(mutant.source, path, "exec", dont_inherit=True)
        return original(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def _word(ended: int, tests: Iterable[object]) -> str:
    """Return how a mutant ended."""
    if not tests:
        return "not reached"
    if ended < 0:
        return "killed by limit"
    return {0: "survived", 1: "killed", pytest.ExitCode.INTERRUPTED: "killed"}.get(ended, "lost")  # interrupted by an import


def _forked(work: Callable[[], int], expected: float = 1000.0) -> int:
    """Run something in a fork of this process, silently; return its status, negative for a signal.

    It gets ten times the processor time that it is expected to need, and 8 GiB of addresses: a mutant may never end.
    """

    def limited() -> int:
        seconds = int(20 + 10 * expected)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        signal.alarm(60 + 20 * int(expected))  # for one that waits for ever
        return work()

    return os.waitstatus_to_exitcode(os.waitpid(_fork(limited), 0)[1])


def _fork(work: Callable[[], int]) -> int:
    """Start something in a silent fork of this process, and return its number."""
    child = os.fork()
    if not child:
        try:
            silent = os.open(os.environ.get("MUTANTS_LOG", os.devnull), os.O_RDWR | os.O_APPEND)
            for each in (0, 1, 2):
                os.dup2(silent, each)
            status = work()
        except BaseException:  # noqa: BLE001 - a fork must never return into its parent's code
            traceback.print_exc()
            status = _LOST
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return child


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--again", action="store_true", help="only those that survived last time")
    parser.add_argument("--results", type=Path, default=ROOT / ".mutants")
    options = parser.parse_args()
    options.results.mkdir(exist_ok=True)
    kept = options.results / f"{options.subject}.json"
    mutants = sampled(SUBJECTS[options.subject], options.count)
    before = json.loads(kept.read_text(encoding="utf-8")) if options.again else {}
    ended: dict[str, str] = {key: word for key in map(_named, mutants) if (word := before.get(key, "")).startswith("killed")}
    listed = equivalent()

    def done(mutant: Mutant, word: str) -> None:
        ended[_named(mutant)] = word
        kept.write_text(json.dumps(ended, indent=1), encoding="utf-8")
        if word in ("survived", "not reached", "lost") and mutant.key not in listed:
            place = f"{word}: {mutant.path}:{mutant.first} ({mutant.operator})"
            sys.stdout.write(f"{place}\n- {mutant.before}\n+ {mutant.after}\n\n")
            sys.stdout.flush()

    run(options.subject, [each for each in mutants if _named(each) not in ended], options.results, done)
    score = _score(ended, {_named(each) for each in mutants if each.key in listed})
    sys.stdout.write(f"{score}\n")


def _named(mutant: Mutant) -> str:
    return json.dumps(mutant.key)


def _score(ended: dict[str, str], excused: set[str]) -> str:
    counts = Counter(
        "equivalent" if key in excused and not word.startswith("killed") else word for key, word in ended.items()
    )
    killed = counts["killed"] + counts["killed by limit"]
    return f"{dict(counts)}: {killed} of {len(ended) - counts['equivalent']} killed"


if __name__ == "__main__":
    main()
