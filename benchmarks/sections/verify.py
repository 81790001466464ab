"""What verify costs, against inflating and hashing all files once in one thread, and against ``wheel unpack``.

``wheel unpack`` compares the hashes too, and writes the files to the disk.
"""

import sys
from collections.abc import Callable
from functools import partial

from contenders import peers, wheelfix
from measuring import Cost, in_turn, measure
from setting import Setting
from table import Figure, cost_table, ratios
from targets import VERIFY
from wheels import LAYOUTS, large_wheels

_BARE = """
import hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for info in archive.infolist():
        with archive.open(info) as content:
            digest = hashlib.sha256()
            while block := content.read(1 << 20):
                digest.update(block)
            digest.digest()
"""
_LOOP, _OURS, _UNPACK = "zlib and sha256 in one thread", "wheelfix verify", "wheel unpack"


def whole(setting: Setting) -> list[Figure]:
    """Measure the made wheel with dist-info last."""
    wheel = large_wheels(setting.directory, setting.size)[LAYOUTS[1]]

    def unpack() -> Cost:
        with setting.work("unpacked") as work:
            return measure([str(peers(setting.directory) / "wheel"), "unpack", "--dest", str(work), str(wheel)])

    jobs: dict[str, Callable[[], Cost]] = {
        _LOOP: partial(measure, [sys.executable, "-c", _BARE, str(wheel)]),
        _OURS: partial(measure, [*wheelfix(), "verify", "-q", str(wheel)]),
    }
    if setting.peers:
        jobs[_UNPACK] = unpack
    absent: dict[str, str] = {}
    costs = in_turn(jobs, setting.rounds, slow=[_UNPACK], failures=absent)
    print(cost_table(costs, _LOOP, absent))
    subject = f"made, {setting.size} MB, 12,000 entries, {LAYOUTS[1]}"
    if _OURS in absent:
        return [Figure(VERIFY, subject, why=absent[_OURS])]
    return [Figure(VERIFY, subject, ratios(costs[_OURS], costs[_LOOP]))]
