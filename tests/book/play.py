"""Plays a page: runs its blocks in order, as a reader would, and compares what the page shows with what is printed."""

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final

from msgspec import Struct, field

from book.pages import Block, Command, blocks
from book.shell import Ended, Ran, Terminal
from book.shown import difference, fits, lines_of, rewritten
from book.stage import Stage

RUN: Final = ("console", "python", "pycon")


class Drift(Struct):
    """Where a page is not true: the number of its line, and what is wrong."""

    line: int
    message: str


class Edit(Struct):
    """Lines of a page, from ``start`` to ``end``, that should be ``lines``."""

    start: int
    end: int
    lines: list[str]


class Played(Struct):
    """What came of a page: where it is not true, and what would make it true."""

    drifts: list[Drift] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)

    def rewrite(self, text: str) -> str:
        """Return the text of the page with the outputs that were printed."""
        lines = text.split("\n")
        for edit in reversed(self.edits):
            lines[edit.start : edit.end] = edit.lines
        return "\n".join(lines)


class _Player:
    """The terminals of a page, and what came of it so far."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.played = Played()
        self._terminals: dict[str, Terminal] = {}
        self._printed = ""

    def terminal(self, interpreter: str) -> Terminal:
        if interpreter not in self._terminals:
            found = Terminal(interpreter, self.stage.directory, self.stage.variables)
            self._terminals[interpreter] = self.stage.stack.enter_context(closing(found))
        return self._terminals[interpreter]

    def drift(self, line: int, message: str) -> None:
        self.played.drifts.append(Drift(line + 1, message))

    def play(self, block: Block) -> None:
        """Run a block, or write it to its file."""
        if block.run.file is not None:
            name = block.run.file
            path = self.stage.home / name[2:] if name.startswith("~/") else self.terminal("bash").directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.stage.here(block.text), "utf-8")
        elif block.run.output:
            self._compare(
                Command("the block before", list(block.lines), block.line, block.line + len(block.lines)),
                self._printed,
                block,
            )
        elif block.kind == "console":
            for command in block.commands():
                self._command(command, block)
        elif block.kind in RUN:
            self._python(block)

    def _command(self, command: Command, block: Block) -> None:
        ran = self._start(command) if command.background is not None else self._run(command)
        if ran.code != command.exit:
            self.drift(
                command.start - 1,
                f"$ {command.text}\nexit code {ran.code}, not {command.exit}\n{self.stage.there(ran.output)}",
            )
        if command.shown:
            self._compare(command, ran.output, block)

    def _run(self, command: Command) -> Ran:
        return self._typed("bash", command.text + "\n")

    def _typed(self, interpreter: str, text: str) -> Ran:
        """Run a piece; where that ends the interpreter, the next piece has a new one."""
        try:
            ran = self.terminal(interpreter).run(self.stage.here(text))
        except Ended as error:
            self._terminals.pop(interpreter)
            ran = Ran(-1, str(error))
        self._printed = ran.output
        return ran

    def _start(self, command: Command) -> Ran:
        """Start a server, and wait until it answers at its port and has said what the page shows."""
        assert command.background is not None
        log = self.stage.root / f"log{command.start}"
        port = self.stage.port(command.background)
        self.terminal("bash").start(self.stage.here(command.text), log)

        def said() -> list[str]:
            return log.read_text("utf-8").splitlines() if log.exists() else []

        if not _come(lambda: _answers(port) and len(said()) >= len(command.shown)):
            return Ran(-1, "\n".join(["It does not answer, or prints only:", *said()]))
        return Ran(0, "\n".join(said()[: len(command.shown)]))

    def _python(self, block: Block) -> None:
        ran = self._typed("python", block.text)
        if ran.code != block.run.exit:
            self.drift(block.line, f"exit code {ran.code}, not {block.run.exit}\n{self.stage.there(ran.output)}")

    def _compare(self, command: Command, output: str, block: Block) -> None:
        printed = lines_of(self.stage.there(output))
        if fits(command.shown, printed):
            return
        self.drift(command.start - 1, f"$ {command.text}\n{difference(command.shown, printed)}")
        indent = " " * block.indent
        lines = [f"{indent}{line}".rstrip() for line in rewritten(command.shown, printed)]
        self.played.edits.append(Edit(command.start, command.end, lines))


def play(text: str, stage: Stage) -> Played:
    """Play a page on its stage.

    :raises PageError: if the page says something that the convention does not know.
    """
    return play_blocks(blocks(text), stage)


def play_blocks(chosen: Iterable[Block], stage: Stage, *, skips: bool = True) -> Played:
    """Play blocks, also those that are not run otherwise if nothing ``skips`` them."""
    player = _Player(stage)
    for block in chosen:
        if block.run.skip is None or not skips:
            player.play(block)
    return player.played


def _answers(port: int) -> bool:
    with socket.socket() as opened:
        return opened.connect_ex(("127.0.0.1", port)) == 0


def _come(done: Callable[[], bool], seconds: float = 180) -> bool:
    """Wait until something is done; return whether it came to that. Some servers start slowly."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.02)
    return done()
