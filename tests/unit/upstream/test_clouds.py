"""Settings of the clouds that are there and cannot be used: named before a request is made, and no secret is shown."""

import os
from pathlib import Path

import pytest

import buckets
from buckets import Bucket as NewBucket
from wheelfix.errors import MirrorError
from wheelfix.locations import Url
from wheelfix.upstream.bucket_errors import bucket_errors
from wheelfix.upstream.buckets import open_bucket
from wheelfix.upstream.clouds import S3, aws_settings

pytest.importorskip("obstore", reason="needs the extra cloud")
NOWHERE = "http://127.0.0.1:9"
URLS = {"s3": "s3://wheels/team", "gs": "gs://wheels/team", "az": "az://wheels/team"}
WORKING: dict[str, dict[str, str]] = {
    "s3": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": NOWHERE},
    "gs": {"GOOGLE_BEARER_TOKEN": "secret", "GOOGLE_BASE_URL": NOWHERE},
    "az": {
        "AZURE_STORAGE_ACCOUNT_NAME": "team", "AZURE_STORAGE_ACCOUNT_KEY": buckets.KEY, "AZURE_STORAGE_ENDPOINT": NOWHERE,
    },
}  # fmt: skip
NO_URLS = {
    "no scheme": "nonsense",
    "a host and a port": "127.0.0.1:9000",
    "no host": "http://",
    "a port that is none": "http://127.0.0.1:99999",
    "port zero": "http://127.0.0.1:0",
    "a space at its end": "http://127.0.0.1:9 ",
    "a line break": "http://127.0.0.1:9\n",
    "another scheme": "ftp://127.0.0.1:9",
    "brackets": "http://[::1",
    "a user": "https://user:s3cret@127.0.0.1:9",
    "a signature": "https://127.0.0.1:9?sig=s3cret",
    "a user, and no host": "https://user:s3cret@[x",
}
ENDPOINTS = [
    ("s3", "AWS_ENDPOINT_URL"), ("s3", "AWS_ENDPOINT_URL_S3"), ("gs", "GOOGLE_BASE_URL"), ("gs", "STORAGE_EMULATOR_HOST"),
    ("az", "AZURE_STORAGE_ENDPOINT"),
]  # fmt: skip
SECRETS = [
    ("s3", "AWS_ACCESS_KEY_ID"), ("s3", "AWS_SECRET_ACCESS_KEY"), ("s3", "AWS_SESSION_TOKEN"), ("gs", "GOOGLE_BEARER_TOKEN"),
    ("az", "AZURE_STORAGE_ACCOUNT_KEY"), ("az", "AZURE_STORAGE_SAS_TOKEN"), ("az", "AZURE_STORAGE_TOKEN"),
]  # fmt: skip
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
OTHERS = [
    ("s3", "AWS_REGION", "not a region", "is not the name of a region"),
    ("s3", "AWS_REGION", "us-east-1\n", "is not the name of a region"),
    ("s3", "AWS_CA_BUNDLE", "missing.pem", "names a file that cannot be read"),
    ("s3", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "perhaps", "A setting of S3 cannot be used"),
    ("gs", "GOOGLE_SERVICE_ACCOUNT_KEY", "s3cret", "A setting of Google Cloud Storage cannot be used"),
    ("az", "AZURE_STORAGE_ACCOUNT_NAME", "te am", "is not the name of an account"),
    ("az", "AZURE_STORAGE_ACCOUNT_NAME", "team\n", "is not the name of an account"),
    ("az", "AZURE_STORAGE_ACCOUNT_KEY", "s3cret", "is not valid base64"),
    ("az", "AZURE_STORAGE_SAS_TOKEN", "s3cret", "is not a shared access signature"),
    ("az", CONNECTION, "garbage", "names no account"),
    ("az", CONNECTION, "AccountName=team;AccountKey=s3cret", "AccountKey in AZURE_STORAGE_CONNECTION_STRING is not valid"),
    ("az", CONNECTION, "AccountName=team;SharedAccessSignature=s3cret", "SharedAccessSignature in"),
    ("az", CONNECTION, "AccountName=team;BlobEndpoint=nonsense", "BlobEndpoint in"),
    ("az", CONNECTION, "AccountName=team;AccountKey=YWJj;EndpointSuffix=no sense", "is not the URL of a server"),
]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with nothing of the user's own clouds."""
    monkeypatch.chdir(tmp_path)
    no_files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "HOME": str(tmp_path)}
    buckets.use(NewBucket("", "", no_files), monkeypatch)
    return monkeypatch


def refused(cloud: str, setting: str, value: str, alone: pytest.MonkeyPatch) -> str:
    """Return the message with which ``setting`` is refused, where everything else is as it should be."""
    working = WORKING[cloud] if setting != CONNECTION else {}
    for name, text in {**working, setting: value}.items():
        alone.setenv(name, text)
    with pytest.raises(MirrorError) as caught:
        open_bucket(URLS[cloud])
    assert caught.value.code == "bad-setting"
    assert caught.value.hint
    assert "s3cret" not in f"{caught.value} {caught.value.reason}"
    return caught.value.message


@pytest.mark.parametrize("cloud", URLS)
def test_what_is_set_as_it_should_be_is_used(cloud: str, alone: pytest.MonkeyPatch) -> None:
    for name, text in WORKING[cloud].items():
        alone.setenv(name, text)
    assert open_bucket(URLS[cloud]).url == URLS[cloud]


@pytest.mark.parametrize("url", NO_URLS.values(), ids=NO_URLS)
@pytest.mark.parametrize(("cloud", "setting"), ENDPOINTS)
def test_an_endpoint_is_the_url_of_a_server(cloud: str, setting: str, url: str, alone: pytest.MonkeyPatch) -> None:
    if setting == "STORAGE_EMULATOR_HOST" and "://" not in url:
        url = f"{url} "  # Google's tools put http:// before it
    assert refused(cloud, setting, url, alone).startswith(setting)


@pytest.mark.parametrize(
    ("text", "problem"), [("s3cret\n", "a line break"), ("s3 cret", "white space"), ("s3cret\u00e9", "a character")]
)
@pytest.mark.parametrize(("cloud", "setting"), SECRETS)
def test_a_secret_can_stand_in_a_header(
    cloud: str, setting: str, text: str, problem: str, alone: pytest.MonkeyPatch
) -> None:
    """Secrets of CI often end with a line break."""
    assert refused(cloud, setting, text, alone).startswith(f"{setting} contains {problem}")


@pytest.mark.parametrize(("cloud", "setting", "value", "message"), OTHERS)
def test_each_setting_that_cannot_be_used_is_named(
    cloud: str, setting: str, value: str, message: str, alone: pytest.MonkeyPatch
) -> None:
    assert message in refused(cloud, setting, value, alone)


def test_what_is_not_used_is_not_refused(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("AWS_SKIP_SIGNATURE", "true")
    alone.setenv("AWS_ENDPOINT_URL", "nonsense")
    alone.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    alone.setenv("AWS_ACCESS_KEY_ID", "key\n")
    alone.setenv("AWS_SECRET_ACCESS_KEY", "a line\n")
    assert open_bucket("s3://wheels").name == "wheels"
    alone.setenv("AZURE_STORAGE_ACCOUNT_KEY", "none")
    alone.setenv(CONNECTION, f"AccountName=team;AccountKey={buckets.KEY}")
    assert open_bucket("az://wheels").name == "wheels"
    alone.setenv(CONNECTION, "UseDevelopmentStorage=true")
    assert open_bucket("az://wheels").name == "wheels"


def test_a_setting_of_a_profile_is_named_so(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for setting, value in {"endpoint_url": "nonsense", "region": "no region"}.items():
        (tmp_path / "config").write_text(f"[default]\n{setting} = {value}\n")
        with pytest.raises(MirrorError, match=f"^the {setting} of the profile") as caught:
            aws_settings()
        assert caught.value.code == "bad-setting"


@pytest.mark.parametrize(("content", "reason"), [(None, "directory"), (b"no JSON", "is not a valid json file")])
def test_a_file_of_credentials_that_cannot_be_used_is_named(
    content: bytes | None, reason: str, alone: pytest.MonkeyPatch
) -> None:
    path = Path("key.json")  # the current directory is one of this test
    path.mkdir() if content is None else path.write_bytes(content)
    alone.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(MirrorError, match="no valid credentials for Google Cloud Storage") as caught:
        open_bucket("gs://wheels")
    assert caught.value.code == "no-credentials"
    assert "key.json" in (caught.value.reason or "")
    assert reason in (caught.value.reason or "")
    assert "Error(" not in (caught.value.reason or "")


def test_a_connection_string_that_names_no_account_is_not_taken_for_none(alone: pytest.MonkeyPatch) -> None:
    with pytest.raises(MirrorError, match="no Azure storage account is named"):
        open_bucket("az://wheels")


class PanicException(BaseException):
    """What a client written in Rust raises where it gives up; the class cannot be imported."""


def test_a_panic_of_the_client_is_an_error_of_the_bucket() -> None:
    url = Url("s3://wheels/team")
    with (
        pytest.raises(MirrorError, match="the client of S3 broke off") as caught,
        bucket_errors(S3, url, "read"),
    ):
        raise PanicException("request valid: InvalidUri https://w.example.org/t?sig=s3cret")
    assert caught.value.code == "client-broke"
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__
    for kind in (KeyboardInterrupt, SystemExit):
        with pytest.raises(kind), bucket_errors(S3, url, "read"):
            raise kind


def test_a_real_panic_is_one(alone: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever the settings: a name that no URL can have is given to the client itself."""
    for name, text in WORKING["s3"].items():
        alone.setenv(name, text)
    bucket = open_bucket("s3://wheels")
    bucket.client = S3.open("no bucket")
    with pytest.raises(MirrorError, match="the client of S3 broke off"):
        bucket.read("x")
    assert "panicked" in capfd.readouterr().err
