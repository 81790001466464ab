"""METADATA of files of an index, read without the wheels: from metadata files, or by ranges; kept from run to run."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from pypi_simple import DistributionPackage

from wheelfix.errors import MirrorError
from wheelfix.sync.choice.upstreams import Upstreams
from wheelfix.text import shown
from wheelfix.upstream.cache import remove_old
from wheelfix.upstream.client import sha256_of
from wheelfix.upstream.remote_wheel import metadata_of, open_remote

_DIRECTORY: Final = "metadata"


class MetadataReader:
    """Reads METADATA of wheels at ``upstreams``; what was read is kept in its scratch directory, by the sha256 of the wheel.

    A wheel never changes: what is kept is not requested again. It is removed when no run has needed it for two weeks.
    """

    def __init__(self, upstreams: Upstreams) -> None:
        self._session = upstreams.session
        self._directory = upstreams.scratch / _DIRECTORY
        remove_old(self._directory)

    def read(self, file: DistributionPackage) -> bytes:
        """Return METADATA of ``file``, a wheel.

        :raises MirrorError: if the server does not give it, or gives another one than the index says.
        """
        sha256 = sha256_of(file)
        path = None if sha256 is None else self._directory / sha256
        if path is not None and (kept := _kept(path)) is not None:
            return kept
        data = self._requested(file)
        if path is not None:
            _keep(path, data)
        return data

    def _requested(self, file: DistributionPackage) -> bytes:
        """Return what the metadata file says where the index has one (PEP 658), or else what the wheel says."""
        remote = open_remote(self._session, file.url, size=file.size, has_metadata_file=bool(file.has_metadata))
        data = remote.metadata_file()
        if data is None:
            with remote.open() as opened:
                return metadata_of(opened)
        expected = (file.metadata_digests or {}).get("sha256", "").lower()
        if expected and hashlib.sha256(data).hexdigest() != expected:
            raise MirrorError(
                "wrong-hash",
                f"the metadata file of {shown(file.filename)} has not the sha256 that the index gives",
                hint="Run again later, or report it to the operator of the index.",
            )
        return data


def _kept(path: Path) -> bytes | None:
    """Return what is kept at ``path``; ``None`` where nothing is, or it is damaged."""
    try:
        digest, _, data = path.read_bytes().partition(b"\n")
        os.utime(path)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest().encode() == digest else None


def _keep(path: Path, data: bytes) -> None:
    """Keep ``data`` at ``path``; what cannot be written is requested again."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
