"""The workers of a Dask cluster as an executor: nothing of a job is known to Dask, and nothing of Dask to a job."""

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wheelfix.errors import MirrorError
from wheelfix.text import shown, shown_few
from wheelfix.version import __version__, install_extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

_SECONDS: Final = 30
"""How long to wait for the scheduler, and for its first worker."""


@contextmanager
def dask_executor(address: str, seconds: float = _SECONDS) -> "Iterator[Executor]":
    """Give the workers of the cluster whose scheduler is at ``address``, such as ``tcp://10.0.0.1:8786``.

    ``seconds`` is how long to wait for it, and for its first worker.

    :raises MirrorError: if the extra ``dask`` is not installed, no scheduler answers there, it has no workers, or one of
        them has another version of wheelfix, which might fix otherwise.
    """
    try:
        distributed: Any = import_module("distributed")  # late: only the extra "dask" installs it; it has no types
    except ImportError as error:
        raise MirrorError(
            "no-dask-extra",
            f"a Dask cluster needs {error.name}, which is not installed",
            hint=install_extra("dask"),
        ) from error
    try:
        client = distributed.Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, ImportError) as error:  # a wrong address is any of these
        raise MirrorError(
            "no-answer",
            f"no Dask scheduler answers at {shown(address)}",
            reason=shown(str(error)[:200]) or type(error).__name__,
            hint="Check the address: `dask scheduler` prints it as it starts.",
        ) from error
    with client:
        _check_workers(client, address, seconds)
        yield client.get_executor()


def _check_workers(client: Any, address: str, seconds: float) -> None:
    """Confirm that there are workers, and that they fix wheels as this process does."""
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError as error:
        raise MirrorError(
            "no-dask-workers",
            f"the Dask scheduler at {shown(address)} has no workers",
            hint="Start some with `dask worker ADDRESS`, on machines where wheelfix is installed.",
        ) from error
    found: Mapping[str, object] = client.run(worker_version, on_error="return")
    others = [f"{worker}: {_said(version)}" for worker, version in sorted(found.items()) if version != __version__]
    if others:
        raise MirrorError(
            "other-wheelfix",
            f"workers do not have wheelfix {__version__}: {shown_few(others)}",
            hint="Install the same version of wheelfix on all machines.",
        )


def worker_version() -> str:
    """Return the version of wheelfix of the process that calls this."""
    return __version__


def _said(version: object) -> str:
    return shown(version) if isinstance(version, str) else f"none ({shown(type(version).__name__)})"
