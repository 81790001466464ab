"""The bars of a terminal. Only :mod:`wheelfix.cli.progress` imports this, once something is drawn: rich takes a while."""

from typing import Final, Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from wheelfix.text import shown

_LONGEST: Final = 40
"""The width, in columns, of a name in front of its bar."""


class _Amount(ProgressColumn):
    """How much is done, how much there is, and for bytes how fast it goes."""

    def render(self, task: Task) -> Text:
        """Return the text behind the bar of ``task``."""
        unit = task.fields["unit"]
        if unit:
            of_all = "" if task.total is None else f"/{task.total:.0f}"
            return Text(f"{task.completed:.0f}{of_all} {unit}s")
        of_all = "" if task.total is None else f"/{decimal(int(task.total))}"
        speed = f", {decimal(int(task.speed))}/s" if task.speed else ""
        return Text(f"{decimal(int(task.completed))}{of_all}{speed}")


class Bars:
    """A bar for the run, and one for each file that is read or downloaded."""

    def __init__(self, total: int | None, unit: str) -> None:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), _Amount())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._run = self._progress.add_task("", total=total, unit=unit, visible=total != 1)
        self._files: dict[str, TaskID] = {}
        self._progress.start()

    def show_run(self, done: int, latest: str) -> None:
        """Show that ``done`` things are done, of which ``latest`` was the last; a bar of its own is removed."""
        self.drop_file(latest)
        self._progress.update(self._run, completed=done, description=_shortened(latest))

    def show_file(self, name: str, done: int, size: int | None) -> None:
        """Show how much of a file is done, in bytes; ``None`` stands for a size that is not known."""
        if name not in self._files:
            self._files[name] = self._progress.add_task(_shortened(name), total=size, completed=done, unit="")
        self._progress.update(self._files[name], completed=done)

    def drop_file(self, name: str) -> None:
        """Remove the bar of a file."""
        if name in self._files:
            self._progress.remove_task(self._files.pop(name))

    def __enter__(self) -> Self:
        """Remove the bars from the screen, so that lines can be printed."""
        self._progress.stop()
        return self

    def __exit__(self, *_: object) -> None:
        """Draw the bars again, below what was printed."""
        self._progress.start()

    def stop(self) -> None:
        """Remove the bars for good."""
        self._progress.stop()


def _shortened(name: str) -> str:
    name = shown(name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
