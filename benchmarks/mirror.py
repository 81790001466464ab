"""Measure what a mirror costs: adding one wheel to a large one, and building one, beside simple503 and dumb-pypi.

    python benchmarks/mirror.py [--directory DIR] [--wheels N] [--large N] [--peers PYTHON]

``--peers`` is a Python in whose environment simple503 and dumb-pypi are installed. README.md has the results.
"""

import argparse
import base64
import hashlib
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import wheelfix
from measuring import Cost, in_turn, measure, typical

_ADD = "import sys, wheelfix; sys.exit(not wheelfix.add_wheels(sys.argv[1], sys.argv[2:]).ok)"
_LIST = """
import hashlib, json, pathlib, sys
with open(sys.argv[2], "w") as output:
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.whl")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(json.dumps({"filename": path.name, "hash": f"sha256={digest}"}), file=output)
"""


def make_wheels(directory: Path, count: int) -> list[Path]:
    """Make ``count`` small wheels, ten versions of each project."""
    directory.mkdir(parents=True, exist_ok=True)
    return [_make_wheel(directory, f"demo{number // 10}", f"1.{number % 10}") for number in range(count)]


def _make_wheel(directory: Path, project: str, version: str) -> Path:
    path = directory / f"{project}-{version}-py3-none-any.whl"
    if path.exists():
        return path
    info = f"{project}-{version}.dist-info"
    files = {
        f"{project}.py": b"x = 1\n" * 500,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n\nA wheel.\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: benchmark\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description="Measure what a mirror costs.")
    parser.add_argument("--directory", type=Path, help="where wheels and mirrors are made (default: a temporary directory)")
    parser.add_argument("--wheels", type=int, default=2_000, metavar="N", help="how many wheels a mirror is built of")
    parser.add_argument("--large", type=int, default=10_000, metavar="N", help="how many wheels the large mirror has")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has simple503 and dumb-pypi")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wheelfix-bench-") as temporary:
        directory = options.directory or Path(temporary)
        _print_adding(directory, options.large, options.rounds)
        _print_building(directory, options.wheels, options.peers, options.rounds)


def _print_adding(directory: Path, large: int, rounds: int) -> None:
    mirror, one = directory / f"mirror-{large}", directory / "one"
    one.mkdir(parents=True, exist_ok=True)
    if not mirror.exists():
        wheelfix.add_wheels(mirror, make_wheels(directory / f"wheels-{large}", large))
    new = _make_wheel(one, "brandnew", "1.0")
    empty = directory / "mirror-empty"

    def add(place: Path) -> Cost:
        if place == empty:
            shutil.rmtree(empty, ignore_errors=True)
        else:
            if (place / "public/simple" / "brandnew").exists():
                wheelfix.remove_files(place, "brandnew")
        return measure([sys.executable, "-c", _ADD, str(place), str(new)])

    jobs = {"to an empty mirror": lambda: add(empty), f"to one of {large} wheels": lambda: add(mirror)}
    costs = {name: typical(each) for name, each in in_turn(jobs, dict.fromkeys(jobs, rounds)).items()}
    base = costs["to an empty mirror"].wall
    print("| adding one wheel | wall s | peak MiB | ratio |\n|---|--:|--:|--:|")
    for name, cost in costs.items():
        print(f"| {name} | {cost.wall:.3f} | {cost.peak / (1 << 20):.0f} | {cost.wall / base:.2f} |")


def _print_building(directory: Path, count: int, peers: str | None, rounds: int) -> None:
    wheels, target = directory / f"wheels-{count}", directory / "built"
    make_wheels(wheels, count)
    listing = directory / "packages.json"

    def build(*command: str) -> Cost:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        return measure(list(command))

    def dumb_pypi() -> Cost:
        sums = measure([sys.executable, "-c", _LIST, str(wheels), str(listing)])
        words = ("--packages-url", "../../packages/", "--output-dir", str(target))
        return sums + build(str(bin_ / "dumb-pypi"), "--package-list-json", str(listing), *words)

    glob = "import sys, glob, wheelfix; sys.exit(not wheelfix.add_wheels(sys.argv[1], glob.glob(sys.argv[2] + '/*.whl')).ok)"
    jobs = {"wheelfix mirror add": lambda: build(sys.executable, "-c", glob, str(target), str(wheels))}
    if peers:
        bin_ = Path(peers).parent
        copying = [str(bin_ / "simple503"), "--copy", "--extract-metadata", "--sort", str(wheels), str(target)]
        jobs |= {"simple503, copying": lambda: build(*copying), "dumb-pypi, sums included, no wheels": dumb_pypi}
    costs = {name: typical(each) for name, each in in_turn(jobs, dict.fromkeys(jobs, rounds)).items()}
    base = min(cost.wall for cost in costs.values())
    print(f"| building a mirror of {count} wheels | wall s | peak MiB | to the fastest |\n|---|--:|--:|--:|")
    for name, cost in costs.items():
        print(f"| {name} | {cost.wall:.2f} | {cost.peak / (1 << 20):.0f} | {cost.wall / base:.2f} |")


if __name__ == "__main__":
    main()
