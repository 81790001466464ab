"""Hold the two statements against all wheels, or the first so many, and print how each kind ended: ``make hostile``.

With ``--write`` what came of all of them is written to ``endings.toml``, which the tests compare with.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from hostile.readers import READERS
from hostile.statements import Held, hold
from hostile.table import COUNT, KINDS, numbered

ENDINGS: Final = Path(__file__).with_name("endings.toml")
_HEADING: Final = "# How the wheels of each kind end: written by attack.py --write, and compared by the tests.\n"


def expected() -> dict[str, Counter[str]]:
    """Return how many wheels of each kind end in each way."""
    return {name: Counter(counts) for name, counts in tomllib.loads(ENDINGS.read_text("utf-8")).items()}


def readers_of(turn: int, every: int) -> tuple[str, ...]:
    """Return who reads the wheel of a turn: uv, which is a program of its own, reads one of so many turns; for 0 nobody."""
    if not every:
        return ()
    return tuple(each for each in READERS if turn % every == 0 or not each.startswith("uv"))


def one(number: int, folder: Path, readers: Iterable[str]) -> tuple[int, Held]:
    """Return what came of one wheel; an error that is raised breaks a statement, too."""
    kind, turn = numbered(number)
    own = folder / str(number)
    own.mkdir()
    try:
        return number, hold(kind, turn, own, readers)
    except Exception:  # noqa: BLE001 - all wheels are tried, whatever one does
        return number, Held("raised", [f"raised: {traceback.format_exc()}"])
    finally:
        shutil.rmtree(own)


def table(endings: Mapping[str, Counter[str]]) -> Iterator[str]:
    """Yield the lines of a table: how many wheels of each kind ended in each way."""
    ways = sorted({way for counts in endings.values() for way in counts})
    yield f"| kind | {' | '.join(ways)} |"
    yield "|---|" + "---:|" * len(ways)
    for name, counts in endings.items():
        yield f"| {name} | {' | '.join(str(counts[way] or '') for way in ways)} |"
    total = sum(endings.values(), Counter[str]())
    yield f"| {len(endings)} kinds, {total.total()} wheels | {' | '.join(str(total[way]) for way in ways)} |"


def _written(endings: Mapping[str, Counter[str]]) -> str:
    def line(name: str, counts: Counter[str]) -> str:
        pairs = ", ".join(f'"{way}" = {count}' for way, count in sorted(counts.items()))
        return f'"{name}" = {{{pairs}}}\n'

    return _HEADING + "".join(line(name, counts) for name, counts in endings.items())


def _held(numbers: Iterable[int], folder: Path, every: int, jobs: int) -> Iterator[tuple[int, Held]]:
    with multiprocessing.get_context("fork").Pool(jobs, _begin) as pool:
        yield from pool.imap_unordered(partial(_one, folder=folder, every=every), numbers, 10)


def _one(number: int, folder: Path, every: int) -> tuple[int, Held]:
    return one(number, folder, readers_of(numbered(number)[1], every))


def _begin() -> None:
    os.fsync = os.fstat  # type: ignore[assignment]  # what is written outlives no loss of power


def main() -> int:
    """Try the wheels; return 1 if one broke a statement, or ended otherwise than expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many wheels (by default all, {COUNT})")
    parser.add_argument("--first", type=int, default=0, help="the number of the first wheel")
    parser.add_argument("--kind", default="", help="only kinds whose names begin so")
    parser.add_argument("--log", action="store_true", help="print how each wheel ended, as it ends")
    parser.add_argument("--unread", action="store_true", help="let no other reader read")
    parser.add_argument("--write", action="store_true", help="write how they ended to endings.toml")
    parser.add_argument("--uv-every", type=int, default=1, help="of how many turns of a kind uv reads one (by default each)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes work at a time")
    options = parser.parse_args()
    endings: dict[str, Counter[str]] = defaultdict(Counter)
    broken = 0
    numbers = [number for number in range(options.first, options.count) if numbered(number)[0].name.startswith(options.kind)]
    with tempfile.TemporaryDirectory() as folder:
        for number, held in _held(numbers, Path(folder), 0 if options.unread else options.uv_every, options.jobs):
            kind, turn = numbered(number)
            endings[kind.name][held.ending] += 1
            if options.log:
                sys.stdout.write(f"{number}\t{held.ending}\n")
            for text in held.broken:
                broken += 1
                sys.stdout.write(f"{kind.name}, turn {turn}: {text}\n")
                sys.stdout.flush()
    found = {kind.name: endings[kind.name] for kind in KINDS if kind.name in endings}
    sys.stdout.writelines(f"{line}\n" for line in table(found))
    if options.write:
        ENDINGS.write_text(_written(found), "utf-8")
    known = expected() if ENDINGS.exists() else {}
    others = [name for name, counts in found.items() if not counts <= known.get(name, Counter())]
    sys.stdout.write(f"{len(numbers)} wheels: {broken} break a statement; {len(others)} kinds end otherwise: {others}\n")
    return int(bool(broken or others))


if __name__ == "__main__":
    sys.exit(main())
