"""What it costs to publish a large wheel into a bucket, beside an upload of the same file by boto3; the server is moto."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from contenders import wheelfix
from downloads import NotMeasured
from measuring import Cost, in_turn, measure
from setting import Setting
from table import MEBIBYTE, Figure, cost_table, ratios
from targets import BUCKET_PEAK, BUCKET_TIME
from wheels import large_wheels

_OURS, _PEER = "wheelfix mirror add s3://", "boto3 upload_file"
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
import boto3
url = "http://%s:%d" % server.get_host_and_port()
boto3.client("s3", endpoint_url=url).create_bucket(Bucket="wheels")
print(url, flush=True)
sys.stdin.read()
"""
_UPLOAD = "import boto3, sys; boto3.client('s3').upload_file(sys.argv[1], 'wheels', sys.argv[2])"
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def publishing(setting: Setting) -> list[Figure]:
    """Measure one wheel that is verified, sent, and listed; and the same file that is only sent."""
    wheel = large_wheels(setting.directory, setting.size)["dist-info last"]
    numbers = count(1)
    with _moto() as url:
        variables = {**_CREDENTIALS, "AWS_ENDPOINT_URL": url}

        def add() -> Cost:
            mirror = f"s3://wheels/mirror{next(numbers)}"
            return measure([*wheelfix(), "mirror", "add", "-q", mirror, str(wheel)], directory=None, **variables)

        def upload() -> Cost:
            return measure(
                [sys.executable, "-c", _UPLOAD, str(wheel), f"upload{next(numbers)}"], directory=None, **variables
            )

        absent: dict[str, str] = {}
        costs = in_turn({_OURS: add, _PEER: upload}, min(setting.rounds, 3), failures=absent)
    if absent:
        raise NotMeasured("; ".join(f"{name}: {why}" for name, why in absent.items()))
    print(cost_table(costs, _PEER))
    subject = f"made, {setting.size} MB, dist-info last, moto on this machine"
    return [
        Figure(BUCKET_TIME, subject, ratios(costs[_OURS], costs[_PEER])),
        Figure(BUCKET_PEAK, subject, [each.peak / MEBIBYTE for each in costs[_OURS]]),
    ]


@contextmanager
def _moto() -> Iterator[str]:
    """Run moto in a process of its own, which keeps large objects on the disk; yield its URL."""
    pipe = subprocess.PIPE
    environment = {**os.environ, **_CREDENTIALS}
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise NotMeasured("moto is not installed")
            yield url
        finally:
            process.kill()
