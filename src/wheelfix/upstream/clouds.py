"""The clouds of buckets: which client opens one, with the credentials that the cloud's own tools would use.

What is installed by the extra ``cloud`` only is imported where it is used.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from wheelfix.errors import MirrorError
from wheelfix.text import cut, shown
from wheelfix.upstream.cloud_settings import (
    bad_setting,
    check_secrets,
    usable_account,
    usable_base64,
    usable_endpoint,
    usable_file,
    usable_region,
    usable_secret,
    usable_signature,
)
from wheelfix.version import install_extra

if TYPE_CHECKING:
    from obstore.store import AzureStore, ClientConfig, GCSStore, RetryConfig, S3Store

    Client = S3Store | GCSStore | AzureStore

_MINUTE: Final = timedelta(minutes=1)
_PART_OF_MINUTE: Final = timedelta(seconds=10)
_YES: Final = frozenset({"1", "true", "yes", "on"})
_GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
"""Without a scope a service account gets no token."""


class Permissions(Struct, frozen=True):
    """What a cloud calls the permission to read, to list, to write and to delete objects of a bucket."""

    read: str
    list: str
    write: str
    delete: str


class Cloud(Struct, frozen=True):
    """One kind of bucket: how to :attr:`open` the client of one, by its name, and what to say where it does not work.

    ``allow_http`` is the variable of the environment that allows requests without TLS to other machines.
    ``checks_content`` says that the cloud compares what arrives with the checksum that is signed with each request, and
    ``has_suffixes`` that the last bytes of an object can be requested without knowing its size.
    """

    name: str
    bucket: str
    open: "Callable[[str], Client]"
    permissions: Permissions
    credentials: str
    allow_http: str
    checks_content: bool = False
    has_suffixes: bool = False


class AwsSettings(NamedTuple):
    """What AWS's own tools would use: endpoint and certificates where they are configured, and the region.

    The ``session`` of botocore finds credentials; ``None`` where the client has them from the environment.
    """

    session: Any
    endpoint: str | None
    region: str
    certificates: str | None


def aws_settings() -> AwsSettings:
    """Return the settings of the environment and of the profile.

    :raises MirrorError: if botocore is not installed, there is no such profile, or a setting cannot be used.
    """
    found = _aws_environment() if _is_all_in_environment() else _aws_profile()
    if found.endpoint:
        usable_endpoint(_source(found.endpoint, _ENDPOINTS, "the endpoint_url of the profile"), found.endpoint)
    usable_region(_source(found.region, _REGIONS, "the region of the profile"), found.region)
    if is_signed():
        check_secrets("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return found


def _aws_environment() -> AwsSettings:
    """Return what botocore would find, too, and takes half a second and 25 MB for."""
    return AwsSettings(None, _first(*_ENDPOINTS), _first(*_REGIONS) or _REGION, _first("AWS_CA_BUNDLE"))


def _aws_profile() -> AwsSettings:
    with _extra():
        from botocore.configprovider import ConfiguredEndpointProvider
        from botocore.exceptions import BotoCoreError
        from botocore.session import get_session
    session = get_session()
    try:
        configured = None
        if not session.get_config_variable("ignore_configured_endpoint_urls"):
            configured = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "s3").provide()
        region = _first(*_REGIONS) or session.get_config_variable("region") or _REGION
        certificates = session.get_config_variable("ca_bundle")
    except BotoCoreError as error:
        raise no_credentials(S3, cut(str(error))) from error
    return AwsSettings(session, configured or _first("AWS_ENDPOINT"), region, certificates)


def _source(value: str, variables: tuple[str, ...], otherwise: str) -> str:
    """Return which of ``variables`` has ``value``, or else where it comes from."""
    return next((name for name in variables if os.environ.get(name) == value), otherwise)


_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGION: Final = "us-east-1"
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The first is what other SDKs read, and the second what boto3 and the command line of AWS do."""
_FILES_OF_AWS: Final = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}


def _is_all_in_environment() -> bool:
    """Whether the environment has credentials, and no file could say more."""
    has_keys = not is_signed() or (_first("AWS_ACCESS_KEY_ID") and _first("AWS_SECRET_ACCESS_KEY"))
    files = [Path(os.environ.get(name) or usual).expanduser() for name, usual in _FILES_OF_AWS.items()]
    others = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
    return bool(has_keys) and not _first(*others) and not any(file.exists() for file in files)


def is_signed() -> bool:
    """Whether requests to S3 are signed: those to a public bucket need not be."""
    return not _is_set("AWS_SKIP_SIGNATURE")


def _first(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _open_s3(bucket: str) -> "S3Store":
    """Return a client with endpoint, region and credentials of the environment, the profile, or the machine's role."""
    with _extra():
        from obstore.store import S3Store
    found = aws_settings()
    # Other stores do not know the newer checksums; all of them check what is signed with each request.
    given: dict[str, Any] = {"endpoint": found.endpoint} if found.endpoint else {"checksum_algorithm": "SHA256"}
    if not is_signed():
        given["skip_signature"] = True
    elif found.session:
        given["credential_provider"] = _aws_credentials(found.session)
    return S3Store(
        bucket,
        region=found.region,
        disable_bulk_delete=True,  # not all stores have it
        client_options=_client_options(S3, found.endpoint) | _trusted(found.certificates),
        retry_config=_retries(),
        **given,
    )


def _aws_credentials(session: Any) -> Any:
    with _extra():
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    try:
        if session.get_credentials() is None:
            raise no_credentials(S3)
        # botocore renews what is valid for less than ten minutes: what it returns can be kept for five.
        return Boto3CredentialProvider(session, ttl=5 * _MINUTE)
    except BotoCoreError as error:
        raise no_credentials(S3, cut(str(error))) from error


def _open_gcs(bucket: str) -> "GCSStore":
    """Return a client with application default credentials."""
    with _extra():
        from obstore.store import GCSStore
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    base = emulator or os.environ.get("GOOGLE_BASE_URL") or None
    if base:
        usable_endpoint("STORAGE_EMULATOR_HOST" if emulator else "GOOGLE_BASE_URL", base)
    given: dict[str, Any] = {"base_url": base} if base else {}
    if _is_set("GOOGLE_SKIP_SIGNATURE"):
        given["skip_signature"] = True
    elif emulator and not os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        given["credential_provider"] = lambda: {"token": "none", "expires_at": None}  # as Google's own clients do
    elif os.environ.get("GOOGLE_BEARER_TOKEN"):
        check_secrets("GOOGLE_BEARER_TOKEN")
    else:
        given["credential_provider"] = _google_credentials()
    return GCSStore(
        bucket,
        client_options=_client_options(GCS, base, is_local=bool(emulator)),
        retry_config=_retries(),
        **given,
    )


def _google_credentials() -> Any:
    with _extra():
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from obstore.auth.google import GoogleCredentialProvider
    try:
        found, _ = google.auth.default(scopes=[_GOOGLE_SCOPE])
    except GoogleAuthError as error:  # what follows its first argument is another error, in the form of Python
        raise no_credentials(GCS, cut(str(error.args[0] if error.args else error))) from error
    except OSError as error:
        reason = f"{shown(str(error.filename))}: {error.strerror}" if error.filename else cut(str(error))
        raise no_credentials(GCS, reason) from error
    return GoogleCredentialProvider(found)


def _open_azure(container: str) -> "AzureStore":
    """Return a client with a connection string, an account key or a signature, and else with what azure-identity finds."""
    with _extra():
        from obstore.store import AzureStore
    given: dict[str, Any] = _azure_options()
    return AzureStore(
        container,
        client_options=_client_options(AZURE, given.get("endpoint"), is_local="use_emulator" in given),
        retry_config=_retries(),
        **given,
    )


def _azure_options() -> dict[str, Any]:
    connection = os.environ.get(_CONNECTION_STRING, "")
    options = _connection(connection)
    for option, check in _AZURE_CHECKS.items():
        if option in options:
            part = next(key for key, meant in _CONNECTION.items() if meant == option)
            check(f"{part} in {_CONNECTION_STRING}", options[option])
        elif name := next((name for name in _AZURE_VARIABLES[option] if os.environ.get(name)), None):
            options[option] = check(name, os.environ[name])
    if _is_set("AZURE_STORAGE_USE_EMULATOR") or "use_emulator" in options:
        return {"use_emulator": True, **options}
    if "account_name" not in options:
        if connection:
            raise bad_setting(_CONNECTION_STRING, "names no account", "Copy it again: it begins with AccountName=... or so.")
        raise MirrorError(
            "no-credentials",
            "no Azure storage account is named",
            hint=f"Set AZURE_STORAGE_ACCOUNT_NAME, or {_CONNECTION_STRING}.",
        )
    if _is_set("AZURE_SKIP_SIGNATURE"):
        options["skip_signature"] = True
    elif not options.keys() & {"account_key", "sas_key", "token"}:
        options["credential_provider"] = _azure_credentials()
    return options


_AZURE_VARIABLES: Final = {
    "account_name": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"),
    "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"),
    "sas_key": ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"),
    "token": ("AZURE_STORAGE_TOKEN",),
    "endpoint": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_AZURE_CHECKS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "account_name": usable_account,
    "account_key": usable_base64,
    "sas_key": usable_signature,
    "token": usable_secret,
    "endpoint": usable_endpoint,
}
_CONNECTION_STRING: Final = "AZURE_STORAGE_CONNECTION_STRING"
_CONNECTION: Final = {
    "AccountName": "account_name",
    "AccountKey": "account_key",
    "SharedAccessSignature": "sas_key",
    "BlobEndpoint": "endpoint",
}
"""The parts of a connection string that say where blobs are, and how to get at them."""


def _connection(text: str) -> dict[str, Any]:
    """Return the options in a connection string.

    >>> _connection("AccountName=team;AccountKey=abc==;BlobEndpoint=https://blobs.example.org")
    {'account_name': 'team', 'account_key': 'abc==', 'endpoint': 'https://blobs.example.org'}
    """
    parts = dict(each.partition("=")[::2] for each in text.split(";") if each)
    found: dict[str, Any] = {_CONNECTION[key]: value for key, value in parts.items() if key in _CONNECTION}
    if parts.get("UseDevelopmentStorage", "").lower() == "true":
        found["use_emulator"] = True
    suffix = parts.get("EndpointSuffix")
    if suffix and "endpoint" not in found and "account_name" in found:
        found["endpoint"] = f"{parts.get('DefaultEndpointsProtocol', 'https')}://{found['account_name']}.blob.{suffix}"
    return found


def _azure_credentials() -> Any:
    with _extra():
        from obstore.auth.azure import AzureCredentialProvider
    logging.getLogger("azure.identity").addHandler(logging.NullHandler())  # it logs what it tried; the error says it
    return AzureCredentialProvider()


_AZURE_READER: Final = "the role Storage Blob Data Reader"
_AZURE_WRITER: Final = "the role Storage Blob Data Contributor"
S3: Final = Cloud(
    "S3",
    "bucket",
    _open_s3,
    Permissions(
        "s3:GetObject, and s3:ListBucket to see that something is not there",
        "s3:ListBucket",
        "s3:PutObject",
        "s3:DeleteObject",
    ),
    "Log in with the AWS command line, or set AWS_PROFILE. For a public bucket set AWS_SKIP_SIGNATURE=true.",
    "AWS_ALLOW_HTTP",
    checks_content=True,
    has_suffixes=True,
)
GCS: Final = Cloud(
    "Google Cloud Storage",
    "bucket",
    _open_gcs,
    Permissions("storage.objects.get", "storage.objects.list", "storage.objects.create", "storage.objects.delete"),
    "Run: gcloud auth application-default login. For a public bucket set GOOGLE_SKIP_SIGNATURE=true.",
    "GOOGLE_ALLOW_HTTP",
    has_suffixes=True,
)
AZURE: Final = Cloud(
    "Azure Blob Storage",
    "container",
    _open_azure,
    Permissions(
        "Storage Blob Data Reader",
        "Storage Blob Data Reader",
        "Storage Blob Data Contributor",
        "Storage Blob Data Contributor",
    ),
    "Run: az login. Or set AZURE_STORAGE_CONNECTION_STRING.",
    "AZURE_ALLOW_HTTP",
)
CLOUDS: Final[Mapping[str, Cloud]] = {"s3": S3, "gs": GCS, "az": AZURE}
"""The kinds of buckets, by the scheme of their URLs."""


def no_credentials(cloud: Cloud, reason: str | None = None) -> MirrorError:
    """Return the error for credentials that were not found, or could not be renewed."""
    return MirrorError("no-credentials", f"no valid credentials for {cloud.name}", reason=reason, hint=cloud.credentials)


def _client_options(cloud: Cloud, endpoint: str | None, *, is_local: bool = False) -> "ClientConfig":
    """Return time-outs: for a connection, for each read, and for a request, in which a part of some megabytes is sent.

    Without TLS there are requests to this machine only, unless the environment says otherwise.
    """
    return {
        "allow_http": is_local or _is_set(cloud.allow_http) or _is_loopback(endpoint),
        "connect_timeout": _PART_OF_MINUTE,
        "read_timeout": _MINUTE,
        "timeout": 5 * _MINUTE,
    }


def _trusted(certificates: str | None) -> "ClientConfig":
    """Return the option for certificates of authorities that are trusted besides those of the system, in a file."""
    if not certificates:
        return {}
    setting = _source(certificates, ("AWS_CA_BUNDLE",), "the ca_bundle of the profile")
    return {"root_certificate": usable_file(setting, certificates)}


def _retries() -> "RetryConfig":
    """Return how often a request is sent again after 5xx, 429, or a connection that broke: for two minutes at most.

    That is less than what is left of credentials when they are handed out: a repeated request has those of the first.
    """
    return {"max_retries": 6, "retry_timeout": 2 * _MINUTE}


def _is_loopback(endpoint: str | None) -> bool:
    host = urlsplit(endpoint or "").hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, which can be that of any machine
        return False


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in _YES


@contextmanager
def _extra() -> Iterator[None]:
    """Let imports fail with the name of the extra that installs what is missing."""
    try:
        yield
    except ImportError as error:
        raise MirrorError(
            "no-cloud-extra",
            f"a bucket needs {shown(error.name or 'obstore')}, which is not installed",
            hint=install_extra("cloud"),
        ) from error
