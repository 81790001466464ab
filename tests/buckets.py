"""Buckets of real servers on the loopback device: moto for S3, Azurite for Azure, and the stub of :mod:`gcs`.

Each server is started once, when the first test asks for it, and ends with this process. A bucket is new for each test. It
comes with the environment in which the tools of its cloud find it: an endpoint and credentials, and nothing of the user's
settings, instance roles or profiles.
"""

import base64
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from email.utils import formatdate
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct

import gcs
from places import ROOT

ACCOUNT: Final = "wheelfixtests"
"""The account of Azurite."""
KEY: Final = base64.b64encode(hashlib.sha512(b"a key for tests on the loopback device").digest()).decode()
_NUMBERS: Final = count(1)
_AZURITE: Final = [os.environ.get("TEST_AZURITE", ""), str(ROOT / ".azurite/node_modules/.bin/azurite-blob"), "azurite-blob"]
_MOTO: Final = """
import logging, sys
from threading import Lock
logging.getLogger("werkzeug").setLevel("ERROR")
import moto.moto_server.threaded_moto_server as moto

class Application(moto.DomainDispatcherApplication):
    conditional = Lock()

    def __call__(self, environ, start_response):
        if environ.keys() & {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} and environ["REQUEST_METHOD"] == "PUT":
            with self.conditional:  # moto 5.2 compares, and writes later: of two writers at once both would succeed
                return super().__call__(environ, start_response)
        return super().__call__(environ, start_response)

moto.DomainDispatcherApplication = Application
server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
"""
_AWS: Final = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_NODE: Final = "process.stdin.resume().on('end', () => process.exit()); require(process.argv[1]);"
_CLOUD_VARIABLES: Final = re.compile(
    r"(AWS|AZURE|AZURITE|GOOGLE|GCLOUD|GCE|NO_GCE|CLOUDSDK|STORAGE|BOTO|MSI|IDENTITY)_|(HTTPS?|ALL|NO)_PROXY$", re.IGNORECASE
)


class Bucket(Struct, frozen=True):
    """A bucket with nothing in it: its ``url`` (no slash at the end), and the ``environment`` in which it is found.

    ``endpoint`` is where its server listens, and where a proxy stands before it, that.
    """

    url: str
    endpoint: str
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """The bucket's name, for Azure the container's."""
        return self.url.rpartition("/")[2]

    def behind(self, endpoint: str) -> "Bucket":
        """Return the same bucket, reached by a proxy at ``endpoint``."""
        moved = {name: value.replace(self.endpoint, endpoint) for name, value in self.environment.items()}
        return Bucket(self.url, endpoint, moved)


def use(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process, and those it starts, find ``bucket``, and nothing of the user's own clouds."""
    for name in os.environ:
        if _CLOUD_VARIABLES.match(name):
            monkeypatch.delenv(name)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)


@contextmanager
def moto() -> Iterator[str]:
    """Run an S3 server of its own process; yield its URL."""
    with _running([sys.executable, "-c", _MOTO], {}) as process:
        yield _first_url(process)


@contextmanager
def azurite() -> Iterator[str]:
    """Run a blob service of Azure; yield its URL. Skips the test where it is not installed.

    What it holds lies on the disk, in a directory that goes with it.
    """
    program = next(filter(None, map(shutil.which, filter(None, _AZURITE))), None)
    if program is None or shutil.which("node") is None:
        pytest.skip("needs Azurite (npm install --prefix .azurite azurite, or TEST_AZURITE=path of azurite-blob)")
    with tempfile.TemporaryDirectory(prefix="azurite", ignore_cleanup_errors=True) as folder:
        options = ["--blobPort", "0", "--location", folder, "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        command = ["node", "-e", _NODE, str(Path(program).resolve()), *options]
        with _running(command, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}) as process:
            yield f"{_first_url(process)}/{ACCOUNT}"


def s3_bucket(endpoint: str, *, versioned: bool = False) -> Bucket:
    """Create a bucket at an S3 server; one that is ``versioned`` keeps what was overwritten and deleted."""
    bucket = Bucket(f"s3://{_new_name()}", endpoint, {"AWS_ENDPOINT_URL": endpoint, **_AWS})
    client = s3_client(bucket)
    client.create_bucket(Bucket=bucket.name)
    if versioned:
        client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def s3_client(bucket: Bucket) -> Any:
    """Return a client of boto3 for the server of ``bucket``, to look at what its other clients do not show."""
    import boto3

    own = {"aws_access_key_id": _AWS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": _AWS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("s3", endpoint_url=bucket.endpoint, region_name=_AWS["AWS_REGION"], **own)


def azure_container(endpoint: str, *, public: bool = False) -> Bucket:
    """Create a container at a blob service whose account is :data:`ACCOUNT`; anybody reads what lies in a ``public`` one."""
    name = _new_name()
    access = {"x-ms-blob-public-access": "blob"} if public else {}
    _send_signed(f"{endpoint}/{name}?restype=container", f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container", access)
    parts = {
        "DefaultEndpointsProtocol": "http",
        "AccountName": ACCOUNT,
        "AccountKey": KEY,
        "BlobEndpoint": endpoint,
    }
    connection = ";".join(f"{key}={value}" for key, value in parts.items())
    return Bucket(f"az://{name}", endpoint, {"AZURE_STORAGE_CONNECTION_STRING": connection})


@contextmanager
def google() -> Iterator[tuple[gcs.Server, Path]]:
    """Run the stub of Google's store; yield it, and the key file of an account that it knows."""
    with gcs.serve() as server, tempfile.TemporaryDirectory(prefix="gcs") as folder:
        path = Path(folder) / "account.json"
        path.write_text(gcs.service_account(server))
        yield server, path


def gcs_bucket(server: gcs.Server, account: Path) -> Bucket:
    """Create a bucket at the stub of Google's store."""
    name = _new_name()
    server.create(name)
    environment = {
        "STORAGE_EMULATOR_HOST": server.url,
        "GOOGLE_BASE_URL": server.url,
        "GOOGLE_APPLICATION_CREDENTIALS": str(account),
        "NO_GCE_CHECK": "true",
    }
    return Bucket(f"gs://{name}", server.url, environment)


def client(bucket: Bucket) -> Any:
    """Return a client of obstore that is configured by hand: what it sees owes nothing to wheelfix."""
    from obstore.auth.google import GoogleCredentialProvider
    from obstore.store import AzureStore, GCSStore, S3Store

    plain: Any = {"allow_http": True}
    if bucket.url.startswith("s3:"):
        return S3Store(bucket.name, endpoint=bucket.endpoint, client_options=plain)
    if bucket.url.startswith("gs:"):
        return GCSStore(
            bucket.name, base_url=bucket.endpoint, client_options=plain, credential_provider=GoogleCredentialProvider()
        )
    account: Any = {"account_name": ACCOUNT, "account_key": KEY, "endpoint": bucket.endpoint}
    return AzureStore(bucket.name, **account, client_options=plain)


class Servers:
    """The servers that tests asked for, each started once; :meth:`close` ends them."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._started: dict[str, Any] = {}

    def close(self) -> None:
        """End all that were started."""
        self._open.close()

    def bucket(self, kind: str) -> Bucket:
        """Return a new bucket of this kind, a key of :data:`KINDS`."""
        start, create = KINDS[kind]
        if start.__name__ not in self._started:
            self._started[start.__name__] = self._open.enter_context(start())
        return create(self._started[start.__name__])


KINDS: Final[Mapping[str, tuple[Callable[[], AbstractContextManager[Any]], Callable[[Any], Bucket]]]] = {
    "s3": (moto, s3_bucket),
    "s3-versioned": (moto, partial(s3_bucket, versioned=True)),
    "azure": (azurite, azure_container),
    "azure-public": (azurite, partial(azure_container, public=True)),
    "gcs": (google, lambda started: gcs_bucket(*started)),
}
"""How the server of each kind is started, and how a bucket is made there."""


@contextmanager
def _running(command: list[str], variables: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a server that ends with its standard input, so that it never outlives the tests."""
    keep = {name: value for name, value in os.environ.items() if not _CLOUD_VARIABLES.match(name)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**keep, **variables}) as process:
        try:
            yield process
        finally:
            process.kill()


def _first_url(process: "subprocess.Popen[str]") -> str:
    """Return the first URL that the server prints: where it listens."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://[\d.]+:\d+", line):
            return found[0]
    raise AssertionError("the server did not start")


def _new_name() -> str:
    return f"wheels-{os.getpid()}-{next(_NUMBERS)}"


def _send_signed(url: str, resource: str, headers: Mapping[str, str]) -> None:
    """Send an empty PUT, signed with the account's key.

    https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
    """
    own = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02", **headers}
    kind = "application/x-www-form-urlencoded"  # what urllib sends with a body, be it empty
    lines = ["PUT", *[""] * 4, kind, *[""] * 6, *(f"{name}:{own[name]}" for name in sorted(own)), resource]
    signature = hmac.digest(base64.b64decode(KEY), "\n".join(lines).encode(), "sha256")
    own["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    request = urllib.request.Request(url, data=b"", method="PUT", headers={**own, "Content-Type": kind})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60):
        pass
