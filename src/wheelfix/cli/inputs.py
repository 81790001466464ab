"""The wheels that a command works on: files as they are, and remote ones, which it can read in parts or download."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import click
from msgspec import Struct

from wheelfix.cli.exit_codes import stopped
from wheelfix.cli.params import find_each, find_wheels
from wheelfix.cli.printing import say
from wheelfix.cli.progress import DownloadLog, Log, waiting_line
from wheelfix.cli.suggest import INDEXES, PLATFORMS, PYTHONS
from wheelfix.errors import MirrorError
from wheelfix.options import Targets
from wheelfix.progress import NoProgress, Progress

if TYPE_CHECKING:
    from wheelfix.upstream.fetched import FetchedWheels
    from wheelfix.upstream.inputs import Finder, FoundWheel

_Result = TypeVar("_Result")


def _one_index(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> str | None:
    if len(given) > 1:
        raise click.UsageError("Give --from-index once; run the command once for each index.")
    return given[0] if given else None


def _needs_index(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    typed = ctx.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
    if given and typed and not ctx.params.get("from_index"):
        raise click.UsageError(f"{param.opts[-1]} is for --from-index.")
    return given


INPUT: Final = (
    click.option(
        "--from-index", multiple=True, callback=_one_index, is_eager=True, metavar="URL", shell_complete=INDEXES,
        help="Look up requirements in this index: WHEEL can be one, such as torch==2.7.0, for all wheels of that release.",
    ),
    click.option(
        "--platform", "platforms", multiple=True, callback=_needs_index, metavar="TAG", shell_complete=PLATFORMS,
        help="For --from-index: only wheels for this platform tag, such as 'manylinux*_x86_64'; can be repeated.",
    ),
    click.option(
        "--python", "pythons", multiple=True, callback=_needs_index, metavar="VERSION", shell_complete=PYTHONS,
        help="For --from-index: only wheels for this Python, such as 3.11; can be repeated.",
    ),
)  # fmt: skip
"""The options that say where wheels come from that are not on this machine."""


class InputOptions(Struct, frozen=True, kw_only=True):
    """These options, as click hands them over."""

    from_index: str | None
    platforms: tuple[str, ...]
    pythons: tuple[str, ...]


NO_INDEX: Final = InputOptions(from_index=None, platforms=(), pythons=())
"""For commands that have options of their own for an index."""


class LocalWheels(NamedTuple):
    """Wheels as files, in the order in which they were given; remote ones were ``fetched``."""

    paths: Sequence[Path]
    fetched: "FetchedWheels | None" = None

    def named(self, result: _Result) -> _Result:
        """Return what a run said, with the names and URLs of downloads instead of their paths."""
        return result if self.fetched is None else self.fetched.named(result)

    def reporting_to(self, progress: Progress) -> Progress:
        """Return what reports to ``progress`` in the same way."""
        return progress if self.fetched is None else self.fetched.reporting_to(progress)


class Inputs:
    """The ``wheels`` that the arguments of a command name, in their order, each once.

    Remote ones can be used until the command ends. ``-`` stands for standard input; see :func:`find_wheels`. With
    ``one_each`` every argument must name one wheel, and the same one may be named twice. Files on this machine with one of
    ``endings`` are what counts as a wheel.

    :raises click.ClickException: with everything that is wrong with the arguments, if one names no wheel.
    """

    def __init__(
        self,
        arguments: Iterable[str],
        options: InputOptions,
        *,
        null: bool = False,
        quiet: bool = False,
        one_each: bool = False,
        endings: tuple[str, ...] = (".whl",),
    ) -> None:
        self._options = options
        self._finder: Finder | None = None
        self._waiting = _Waiting(quiet=quiet)
        if options.from_index is not None:
            self._find_with()
        self.wheels: list[Path | FoundWheel] = (
            find_each(arguments, self) if one_each else find_wheels(arguments, self, null=null, quiet=quiet, endings=endings)
        )

    def names_remote(self, text: str) -> bool:
        """Whether ``text`` names something that is not on this machine."""
        if "://" not in text and self._options.from_index is None:
            return False
        from wheelfix.upstream.inputs import is_remote  # imported late: most wheels are files

        return is_remote(text, with_index=self._options.from_index is not None)

    def find(self, text: str) -> "Sequence[FoundWheel]":
        """Return the wheels that ``text`` names, which are not on this machine.

        :raises MirrorError: if it names none, or that cannot be known.
        """
        return self._find_with().find(text)

    def _find_with(self) -> "Finder":
        if self._finder is None:
            from wheelfix.upstream.inputs import Finder  # imported late: most wheels are files

            options = self._options
            try:
                targets = Targets(options.platforms, options.pythons)
                self._finder = Finder(options.from_index, targets, progress=self._waiting)
            except MirrorError as error:
                raise stopped(error) from error
            click.get_current_context().call_on_close(self._finder.close)
        return self._finder

    @property
    def are_local(self) -> bool:
        """Whether all of them are files on this machine."""
        return all(isinstance(each, Path) for each in self.wheels)

    @contextmanager
    def local(
        self, log: Log, directory: Path | None = None, *, wheels: "Sequence[Path | FoundWheel] | None" = None
    ) -> Iterator[LocalWheels]:
        """Download the remote ones into ``directory``, by default that for temporary files, and give all as files.

        ``wheels`` are some of them, in place of all.

        :raises click.ClickException: if the disk has no room for them.
        """
        wheels = self.wheels if wheels is None else wheels
        if self.are_local:
            yield LocalWheels([each for each in self.wheels if isinstance(each, Path)])
            return
        from wheelfix.upstream.fetched import fetched

        self._waiting.log = log
        with ExitStack() as stack:
            try:
                found = stack.enter_context(fetched(wheels, directory, DownloadLog(log)))
            except (MirrorError, OSError) as error:
                raise stopped(error) from error
            yield LocalWheels(found.paths, found)


class _Waiting(NoProgress):
    """Prints why nothing happens for a while, above the bars of ``log`` once there is one."""

    def __init__(self, *, quiet: bool) -> None:
        self.log: Log | None = None
        self._quiet = quiet

    def waiting(self, name: str, seconds: float, reason: str) -> None:
        """Print it."""
        if not self._quiet:
            (say if self.log is None else self.log.print)(waiting_line(name, seconds, reason))
