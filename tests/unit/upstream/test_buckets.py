"""What lies in a bucket: its URLs, its credentials, and objects that are read in parts; and each error in short."""

import hashlib
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

import buckets
from buckets import Bucket as NewBucket
from wheelfix.errors import ArchiveError, MirrorError, SourceChanged
from wheelfix.locations import Url
from wheelfix.upstream.bucket_errors import Conflict, bucket_errors
from wheelfix.upstream.bucket_wheel import open_bucket_wheel
from wheelfix.upstream.buckets import Bucket, BucketFile, Found, is_bucket_url, open_bucket
from wheelfix.upstream.clouds import AZURE, CLOUDS, GCS, S3, Cloud, _client_options
from wheelfix.version import install_extra

obstore = pytest.importorskip("obstore", reason="needs the extra cloud")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ODD = "a b/demo-1.0+cpu é#%41?~[x]&=-none-any.whl"
VARIABLES = ("AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "STORAGE_EMULATOR_HOST", "CLOUDSDK_")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without credentials for any cloud."""
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_GCE_CHECK": "true",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def memory(cloud: Cloud = S3) -> Bucket:
    """A bucket of this process: obstore has a store in memory."""
    from obstore.store import MemoryStore

    return Bucket(Url("s3://wheels/team"), cloud, "wheels", MemoryStore(), "team")  # type: ignore[arg-type]


BAD_URLS = {
    "no name": "s3://",
    "credentials": "s3://key:secret@wheels/team",
    "a port": "s3://wheels:9000/team",
    "a query": "s3://wheels/team?X-Amz-Signature=secret",
    "a fragment": "s3://wheels/team#x",
    "a way up": "s3://wheels/team/../other",
    "an empty part": "s3://wheels/team//other",
    "no UTF-8": "s3://wheels/%FF",
    "another scheme": "ftp://wheels/team",
    "no URL": "s3://[wheels/team",
    "a space in the name": "s3://wh eels/team",
    "a quoted name": "s3://wh%20eels/team",
    "a name of other letters": "s3://wh\u00e9els/team",
    "a backslash": "az://wheels/a%5Cb",
    "a line break": "s3://wheels/a%0Ab",
}


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
def test_a_bad_url_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(MirrorError) as caught:
        open_bucket(url)
    assert caught.value.code == "bad-url"
    assert "secret" not in str(caught.value)


def test_a_url_is_that_of_a_bucket() -> None:
    assert [is_bucket_url(text) for text in ("s3://a", "gs://a/b", "AZ://a", "s3:/a", "s3", "https://a", "a/s3://b")] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip


def test_one_url_has_one_spelling(nobody: pytest.MonkeyPatch) -> None:
    nobody.setenv("AWS_SKIP_SIGNATURE", "true")
    found = {open_bucket(url).url for url in ("s3://wheels/team", "S3://wheels/team/", "s3://wheels//team")}
    assert found == {"s3://wheels/team"}
    assert open_bucket("s3://wheels/").url == "s3://wheels"
    assert open_bucket("s3://wheels/a%20b%2Bc").prefix == "a b+c"


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_without_credentials_the_message_says_how_to_get_some(scheme: str, nobody: pytest.MonkeyPatch) -> None:
    with pytest.raises(MirrorError) as caught:
        open_bucket(f"{scheme}://wheels/team")
    assert caught.value.code == "no-credentials"
    assert caught.value.hint


def test_an_account_without_any_credentials_is_refused_at_the_first_request(nobody: pytest.MonkeyPatch) -> None:
    nobody.setenv("AZURE_STORAGE_ACCOUNT", "team")
    nobody.setenv("PATH", "")
    pytest.importorskip("azure.identity").DefaultAzureCredential(exclude_managed_identity_credential=True)
    nobody.setattr("azure.identity.DefaultAzureCredential", Nobody)
    with pytest.raises(MirrorError, match="no valid credentials for Azure Blob Storage") as caught:
        open_bucket("az://wheels").read("x")
    assert caught.value.code == "no-credentials"


class Nobody:
    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise RuntimeError("not logged in")


def test_a_profile_that_is_not_there_is_named(nobody: pytest.MonkeyPatch) -> None:
    nobody.setenv("AWS_PROFILE", "missing")
    with pytest.raises(MirrorError, match="missing") as caught:
        open_bucket("s3://wheels")
    assert caught.value.code == "no-credentials"


EXTRAS = {"s3": ["obstore.store", "botocore.session", "obstore.auth.boto3"], "gs": ["google.auth"], "az": ["obstore.store"]}


@pytest.mark.parametrize(("scheme", "module"), [(scheme, each) for scheme, them in EXTRAS.items() for each in them])
def test_without_the_extra_the_message_names_it(scheme: str, module: str, nobody: pytest.MonkeyPatch) -> None:
    nobody.setitem(sys.modules, module, None)
    with pytest.raises(MirrorError) as caught:
        open_bucket(f"{scheme}://wheels/team")
    assert (caught.value.code, caught.value.hint) == ("no-cloud-extra", install_extra("cloud"))


def test_azure_identity_is_asked_for_only_where_it_is_needed(nobody: pytest.MonkeyPatch) -> None:
    nobody.setenv("AZURE_STORAGE_ACCOUNT_NAME", "team")
    nobody.setitem(sys.modules, "obstore.auth.azure", None)
    with pytest.raises(MirrorError) as caught:
        open_bucket("az://wheels")
    assert (caught.value.code, caught.value.hint) == ("no-cloud-extra", install_extra("cloud"))
    nobody.setenv("AZURE_STORAGE_KEY", buckets.KEY)
    open_bucket("az://wheels")


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://localhost", True),
        ("http://localhost.example.org", False),
        ("http://127.example.org", False),
        ("http://10.0.0.1:9000", False),
        (None, False),
    ],
)
def test_without_tls_only_this_machine_is_spoken_to(endpoint: str | None, allowed: bool, nobody: pytest.MonkeyPatch) -> None:
    assert _client_options(S3, endpoint)["allow_http"] is allowed
    nobody.setenv("AWS_ALLOW_HTTP", "true")
    assert _client_options(S3, endpoint)["allow_http"]


def test_an_endpoint_without_tls_is_refused_with_the_way_to_allow_it(nobody: pytest.MonkeyPatch) -> None:
    nobody.setenv("AWS_SKIP_SIGNATURE", "true")
    nobody.setenv("AWS_ENDPOINT_URL", "http://storage.invalid:9000")
    with pytest.raises(MirrorError, match="AWS_ALLOW_HTTP=true"):
        open_bucket("s3://wheels").read("x")


def test_settings_of_a_profile_are_used(nobody: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of the environment win, as with the clouds' own tools."""
    from wheelfix.upstream.clouds import aws_settings

    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-1\nendpoint_url = https://storage.example.org\n")
    nobody.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    nobody.setenv("AWS_PROFILE", "team")
    assert aws_settings()[1:3] == ("https://storage.example.org", "eu-west-1")
    nobody.setenv("AWS_REGION", "eu-north-1")
    nobody.setenv("AWS_ENDPOINT_URL_S3", "https://other.example.org")
    assert aws_settings()[1:3] == ("https://other.example.org", "eu-north-1")
    nobody.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert aws_settings().certificates == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("file", ["config", "credentials", None])
def test_what_the_environment_says_is_what_botocore_finds(
    file: str | None, nobody: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is imported only where a file or a role may say more: it takes half a second."""
    from wheelfix.upstream.clouds import aws_settings

    if file:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / file).write_text("[default]\nregion = eu-west-1\n")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_ENDPOINT_URL": "https://other.example.org",
        "AWS_ENDPOINT_URL_S3": "https://storage.example.org",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_CA_BUNDLE": "ca.pem",
    }.items():
        nobody.setenv(name, value)
    session, *others = aws_settings()
    assert (session is None) == (file is None)
    assert others == ["https://storage.example.org", "eu-north-1", "ca.pem"]
    nobody.delenv("AWS_DEFAULT_REGION")
    assert aws_settings().region == ("eu-west-1" if file else "us-east-1")


def answered(status: int, code: str = "", more: str = "") -> str:
    """The text of an error of obstore, with a signature in the URL."""
    return (
        f"Generic S3 error: Error performing GET https://storage.example.org/x?sig=SECRET in 1ms - Server returned non-2xx "
        f"status code: {status} X: <Error><Code>{code}</Code>{more}</Error>\n\nDebug source: SECRET"
    )


ERRORS: dict[str, tuple[type[Exception], str, str, str]] = {
    "denied": (obstore.exceptions.PermissionDeniedError, answered(403, "AccessDenied"), "access-denied", "s3:PutObject"),
    "unauthenticated": (obstore.exceptions.UnauthenticatedError, answered(401), "access-denied", "s3:PutObject"),
    "bad key": (obstore.exceptions.GenericError, answered(403, "InvalidAccessKeyId"), "access-denied", "InvalidAccessKeyId"),
    "no bucket": (FileNotFoundError, answered(404, "NoSuchBucket"), "no-bucket", "does not create a bucket"),
    "no container": (FileNotFoundError, answered(404, "ContainerNotFound"), "no-bucket", "endpoint"),
    "region": (
        obstore.exceptions.GenericError,
        answered(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
        "wrong-region",
        "AWS_REGION=eu-west-1",
    ),
    "redirect": (
        obstore.exceptions.GenericError,
        "Received redirect without LOCATION, this normally indicates an incorrectly configured region",
        "wrong-region",
        "AWS_REGION",
    ),
    "not implemented": (
        obstore.exceptions.GenericError, answered(501, "NotImplemented"), "no-conditional-writes", "--single-writer",
    ),
    "not supported": (obstore.exceptions.NotSupportedError, "Operation not supported", "no-conditional-writes", "--single"),
    "busy": (obstore.exceptions.GenericError, answered(503, "SlowDown"), "no-answer", "later"),
    "too many": (obstore.exceptions.GenericError, answered(429), "no-answer", "later"),
    "broken": (
        obstore.exceptions.GenericError,
        "Generic S3 error: Error performing GET https://x.example.org/?sig=SECRET - HTTP error: error sending request",
        "no-answer",
        "error sending request",
    ),
    "no parts": (obstore.exceptions.GenericError, "Received non-partial response", "no-ranges", "Download"),
    "expired": (obstore.exceptions.GenericError, answered(400, "ExpiredToken"), "no-credentials", "ExpiredToken"),
    "bad request": (obstore.exceptions.GenericError, answered(400, "InvalidRequest"), "bad-answer", "InvalidRequest"),
    "an object without a name": (
        obstore.exceptions.InvalidPathError,
        'Encountered object with invalid path: Path "team//x" contained empty path segment\n\nDebug source:\nSECRET',
        "bad-key",
        "team//x",
    ),
    "an object that leads up": (
        obstore.exceptions.InvalidPathError,
        'Encountered object with invalid path: Error parsing Path "team/../x": Encountered illegal character sequence ".."',
        "bad-key",
        "team/../x",
    ),
    "no ETag": (
        obstore.exceptions.GenericError,
        "Generic S3 error: Unable to extract metadata from headers: ETag Header missing from response",
        "bad-answer",
        "ETag Header missing",
    ),
    "bad name": (ValueError, "Could not parse path: empty segment", "bad-url", "empty segment"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_each_error_is_short_and_without_secrets(case: str) -> None:
    kind, text, code, part = ERRORS[case]
    with pytest.raises(MirrorError) as caught, bucket_errors(S3, Url("s3://wheels/team/x"), "write"):
        raise kind(text)
    assert caught.value.code == code
    assert part in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("cloud", [AZURE, GCS])
def test_only_buckets_of_s3_are_in_another_region(cloud: Cloud) -> None:
    kind, text, _, _ = ERRORS["redirect"]
    with pytest.raises(MirrorError, match="redirects") as caught, bucket_errors(cloud, Url("az://wheels/team/x"), "read"):
        raise kind(text)
    assert (caught.value.code, "AWS" in str(caught.value)) == ("bad-answer", False)


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(KeyError), bucket_errors(S3, Url("s3://wheels"), "read"):
        raise KeyError("a mistake of ours")


class Counting(Bucket):
    """Counts the requests for parts of ``data``."""

    def __init__(self, data: bytes) -> None:
        super().__init__(Url("s3://wheels"), S3, "wheels", None, "")  # type: ignore[arg-type]
        self.data = data
        self.requests: list[tuple[int, int]] = []

    def read_range(self, found: Found, start: int, stop: int) -> bytes:
        self.requests.append((start, stop))
        return self.data[start:stop]


def counted(size: int, end: int = 0) -> tuple[Counting, BucketFile]:
    bucket = Counting(os.urandom(size))
    return bucket, BucketFile(bucket, Found("x", size, NOW, "{}"), bucket.data[size - end :])


@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 150_000)), max_size=12), st.integers(0, 90_000))
def test_any_part_is_what_lies_there(reads: list[tuple[int, int]], end: int) -> None:
    bucket, file = counted(400_000, end)
    for offset, size in reads:
        stop = min(offset + size, 400_000)
        before = len(bucket.requests)
        assert file.read_at(offset, stop - offset) == bucket.data[offset:stop]
        assert len(bucket.requests) <= before + 1


def test_a_whole_file_takes_few_requests() -> None:
    bucket, file = counted(48 << 20, 1 << 16)
    digest = hashlib.sha256()
    for offset in range(0, file.size, 1 << 15):
        digest.update(file.read_at(offset, 1 << 15))
    assert digest.hexdigest() == hashlib.sha256(bucket.data).hexdigest()
    assert len(bucket.requests) <= 32
    assert sum(stop - start for start, stop in bucket.requests) <= file.size


def test_parts_far_from_each_other_are_read_without_much_beside_them() -> None:
    bucket, file = counted(4 << 20, 1 << 16)
    for offset in (3 << 20, 1 << 20, 2 << 20):
        file.read_at(offset, 1000)
    assert sum(stop - start for start, stop in bucket.requests) <= 3 << 16


@pytest.mark.parametrize(("offset", "size"), [(-1, 5), (8, 5), (20, 1)])
def test_there_is_nothing_beyond_the_end(offset: int, size: int) -> None:
    with pytest.raises(SourceChanged):
        counted(10)[1].read_at(offset, size)


@pytest.fixture(params=["s3", "azure", "gcs"])
def opened(request: pytest.FixtureRequest, new_bucket: Callable[[str], NewBucket]) -> Bucket:
    """An empty bucket of each kind in turn."""
    return open_bucket(f"{new_bucket(request.param).url}/team%20a/b")


def test_odd_names_come_back_as_they_were(opened: Bucket) -> None:
    opened.send(ODD, b"some bytes", {"Content-Type": "text/plain", "sha256": "aa"}, use_multipart=False)
    opened.send("top.whl", b"", {}, use_multipart=False)
    assert [(each.key, each.size) for each in opened.found_below("")] == [(ODD, 10), ("top.whl", 0)]
    assert [each.key for each in opened.found_below("a b")] == [ODD]
    assert [each.key for each in opened.found_in()] == ["top.whl"]
    assert [each.key for each in opened.found_in("a b")] == [ODD]
    assert opened.names() == {"a b", "top.whl"}
    found = opened.head(ODD)
    assert found is not None
    assert (found.size, found.metadata["Content-Type"], found.metadata["sha256"]) == (10, "text/plain", "aa")
    with opened.open(ODD) as file:
        assert (file.size, file.read_at(2, 3), file.sha256) == (10, b"me ", "aa")
    with opened.open("top.whl") as file:
        assert (file.size, file.read_at(0, 0)) == (0, b"")
    for _ in range(2):
        opened.delete(ODD)
    assert opened.read(ODD) is None
    assert opened.head(ODD) is None


@pytest.mark.parametrize("deleted", [True, False])
def test_a_file_that_is_replaced_or_deleted_is_not_mixed(deleted: bool, opened: Bucket) -> None:
    opened.send("x", b"a" * 300_000, {}, use_multipart=False)
    with opened.open("x") as file:
        assert file.read_at(100, 10) == b"a" * 10
        if deleted:
            opened.delete("x")
        else:
            opened.send("x", b"b" * 300_000, {}, use_multipart=False)
        with pytest.raises(SourceChanged):
            file.read_at(170_000, 10)


def test_what_is_there_is_not_created_again(opened: Bucket) -> None:
    opened.put("x", b"one", {}, None)
    first = opened.read("x")
    assert first is not None
    for version in (None, '{"e_tag":"\\"0\\"","version":"1"}', "nonsense"):
        with pytest.raises(Conflict):
            opened.put("x", b"two", {}, version)
    opened.put("x", b"two", {}, first[1].version)
    with pytest.raises(Conflict):
        opened.put("x", b"three", {}, first[1].version)
    assert (opened.read("x") or (b"",))[0] == b"two"


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_a_bucket_that_is_not_there_is_an_error(kind: str, new_bucket: Callable[[str], NewBucket]) -> None:
    bucket = open_bucket(f"{new_bucket(kind).url}-missing/team")
    for ask in (bucket.read, bucket.found_below, bucket.found_in, bucket.names):
        with pytest.raises(MirrorError) as caught:
            ask("x")
        assert caught.value.code == "no-bucket"


def test_a_server_that_is_down_is_no_empty_bucket(
    new_bucket: Callable[[str], NewBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_bucket("s3").url
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("wheelfix.upstream.clouds._retries", lambda: {"max_retries": 0})
    bucket = open_bucket(url)
    for ask in (
        lambda: bucket.read("x"),
        lambda: bucket.head("x"),
        lambda: bucket.found_below(""),
        lambda: bucket.open("x"),
    ):
        with pytest.raises(MirrorError) as caught:
            ask()
        assert caught.value.code == "no-answer"


def test_a_wheel_in_a_bucket(new_bucket: Callable[[str], NewBucket]) -> None:
    url = f"{new_bucket('s3').url}/team"
    bucket = open_bucket(url)
    bucket.send("demo-1.0+cpu-py3-none-any.whl", b"a wheel", {}, use_multipart=False)
    bucket.send("empty.whl", b"", {}, use_multipart=False)
    bucket.send("demo-1.0+cpu-py3-none-any.whl.metadata", b"Name: demo", {}, use_multipart=False)
    for name in ("demo-1.0+cpu-py3-none-any.whl", "demo-1.0%2Bcpu-py3-none-any.whl"):
        wheel = open_bucket_wheel(f"{url}/{name}")
        assert wheel.url.name == "demo-1.0+cpu-py3-none-any.whl"
        assert wheel.metadata_file() == b"Name: demo"
        with wheel.open() as file:
            assert file.read_at(2, 5) == b"wheel"
    assert open_bucket_wheel(f"{url}/empty.whl").metadata_file() is None
    with pytest.raises(ArchiveError, match="empty"):
        open_bucket_wheel(f"{url}/empty.whl").open()
    with pytest.raises(MirrorError, match=r"there is no .*other\.whl"):
        open_bucket_wheel(f"{url}/other.whl").open()
    for nothing in (f"{url}/", url.rpartition("/")[0]):
        with pytest.raises(MirrorError, match="no object"):
            open_bucket_wheel(nothing)
    with pytest.raises(MirrorError, match="backslash"):
        open_bucket_wheel(f"{url}/a%5Cb-1.0-py3-none-any.whl")


def test_every_cloud_has_its_words() -> None:
    assert list(CLOUDS.values()) == [S3, GCS, AZURE]
    assert all(cloud.permissions.write and cloud.credentials.endswith(".") for cloud in CLOUDS.values())


class Listing:
    """A client that lists these pages: of each object its name, which ends in a slash for a directory, and its size."""

    def __init__(self, *pages: dict[str, int]) -> None:
        self._pages = pages

    async def list(self, prefix: str | None, **options: Any) -> Any:
        for page in self._pages:
            yield list(map(_listed, page.items()))

    async def list_with_delimiter_async(self, prefix: str | None) -> Any:
        return {"common_prefixes": [], "objects": [_listed(each) for page in self._pages for each in page.items()]}


def _listed(item: tuple[str, int]) -> dict[str, Any]:
    """Return an object as the client has it: without the slash at the end of its name."""
    return {"path": item[0].rstrip("/"), "size": item[1], "last_modified": NOW, "e_tag": f'"{item}"', "version": None}


def listing(*pages: dict[str, int]) -> Bucket:
    return Bucket(Url("s3://wheels"), S3, "wheels", Listing(*pages), "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pages",
    [
        ({"team/x": 10, "team/x/": 0},),
        ({"team/x": 10}, {"team/x/": 0}),
        ({"team/x/": 0}, {"team/x": 10}),
        ({"team/x": 10, "team/x/": 0, "team/x/y": 1},),
    ],
    ids=["one page", "two pages", "the directory first", "with something in it"],
)
def test_an_object_is_not_hidden_by_a_directory_of_its_name(pages: tuple[dict[str, int], ...]) -> None:
    bucket = listing(*pages)
    sizes = [("team/x", 10), *([("team/x/y", 1)] if len(pages[0]) == 3 else [])]
    assert [(each.key, each.size) for each in bucket.found_below("team")] == sizes
    assert [(each.key, each.size) for each in bucket.found_in("team")] == sizes


def test_a_list_that_begins_again_is_an_error_with_directories_in_it_too() -> None:
    first, last = {"team/x": 10, "team/x/": 0}, {"team/y": 1}
    assert len(listing(first, last).found_below("team")) == 2
    with pytest.raises(MirrorError, match="again and again") as caught:
        listing(first, last, first).found_below("team")
    assert caught.value.code == "bad-answer"
