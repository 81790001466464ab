"""The targets: every figure with its limit, in one table."""

from typing import Final, NamedTuple


class Target(NamedTuple):
    """The figure called ``name``, which ``section`` measures, is to be at most ``limit``; or less, if ``under``."""

    section: str
    name: str
    limit: float
    unit: str = ""
    under: bool = False

    def met(self, value: float) -> bool:
        """Return whether ``value`` is as good as was promised."""
        return value < self.limit if self.under else value <= self.limit

    def __str__(self) -> str:
        return f"{'< ' if self.under else ''}{self.limit:g}{self.unit}"


REAL: Final = "whole process / (flushed cp + sha256), real"
LAST: Final = "whole process / (flushed cp + sha256), dist-info last"
FIRST: Final = "whole process / (flushed cp + sha256), dist-info first"
PER_ENTRY: Final = "CPU for each entry beyond bytes"
BLOCKS: Final = "extra disk space on XFS with reflink"
PEAK: Final = "peak memory, large"
PEAK_BEYOND: Final = "peak memory, beyond 4 GiB"
PEAK_MANY: Final = "peak memory, 66,000 entries"
PEAK_LIMIT: Final = "peak memory, 200,000 entries (the limit)"
FORCED: Final = "strip-gpu --force on a CUDA build / the same without a scan"
START_UP: Final = 'start-up / python -c "import click"'
SMALL_WALL: Final = "small wheels, -j1: wall / CPU"
SMALL_CPU: Final = "small wheels, -j1: CPU per wheel"
VERIFY: Final = "verify / zlib and sha256 in one thread"
SCAN: Final = "binaries scanned / inflated with zlib"
MIRROR_BUILD: Final = "mirror of many projects / simple503, both with sync -f"
MIRROR_GROWTH: Final = "mirror, 3,000 wheels of one project / 1,000"
ONE_TO_MANY: Final = "one wheel more, on 10,000 / on none"
ONE_TO_PROJECT: Final = "one wheel more, on a project of 3,000"
CHECK_TIME: Final = "mirror check URL / one request after another"
CHECK_REQUESTS: Final = "mirror check URL: requests for each wheel"
SYNC_TWO: Final = "mirror sync: -j2 / -j1, 2,000 wheels, on two cores"
SYNC_FOUR: Final = "mirror sync: -j4 / -j1, 2,000 wheels, on two cores"
SYNC_PER_WHEEL: Final = "mirror sync: CPU per wheel, 2,000 / 100"
SYNC_PEAK: Final = "mirror sync: peak memory, 2,000 wheels beyond 100"
BUCKET_TIME: Final = "mirror add s3:// / boto3 upload_file of the same wheel"
BUCKET_PEAK: Final = "peak memory, mirror add s3://"

TARGETS: Final = (
    Target("real", REAL, 1.7),
    Target("large", LAST, 1.05),
    Target("large", FIRST, 1.25),
    Target("entries", PER_ENTRY, 12, " us"),
    Target("blocks", BLOCKS, 8, " MB", under=True),
    Target("memory", PEAK, 64, " MiB"),
    Target("memory", PEAK_BEYOND, 64, " MiB"),
    Target("memory", PEAK_MANY, 100, " MiB"),
    Target("memory", PEAK_LIMIT, 256, " MiB"),
    Target("force", FORCED, 2.0),
    Target("start-up", START_UP, 2.2),
    Target("small", SMALL_WALL, 1.2),
    Target("small", SMALL_CPU, 4, " ms"),
    Target("verify", VERIFY, 0.55),
    Target("scan", SCAN, 0.65),
    Target("mirror-build", MIRROR_BUILD, 1.5),
    Target("mirror-growth", MIRROR_GROWTH, 3.3),
    Target("mirror-one", ONE_TO_MANY, 1.05),
    Target("mirror-one", ONE_TO_PROJECT, 0.2, " s"),
    Target("check-url", CHECK_TIME, 0.125, under=True),
    Target("check-url", CHECK_REQUESTS, 2.5),
    Target("sync", SYNC_TWO, 0.75),
    Target("sync", SYNC_FOUR, 0.75),
    Target("sync", SYNC_PER_WHEEL, 1.15),
    Target("sync", SYNC_PEAK, 32, " MiB"),
    Target("bucket", BUCKET_TIME, 2.0),
    Target("bucket", BUCKET_PEAK, 96, " MiB"),
)
