"""The picture of a deployment: live rows in a terminal, else a line at least every ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tools.engine_events import parse
from tools.progress import duration
from tools.pulumi_cli import Pulumi
from tools.screen.board import Board, Row, counted, told
from tools.screen.expected import Memory, minutes
from tools.shell import HOME

EVERY = 10.0
COLOURS = {"+": "green", "~": "yellow", "±": "yellow", "-": "red", "x": "bold red"}
SEVERITIES = {"error": "bold red", "warning": "yellow"}
WIDEST_NAME = 28


@dataclass(frozen=True)
class Outcome:
    """How a run of the engine ended, and what was seen of it."""

    code: int
    board: Board

    @property
    def told(self) -> bool:
        """Whether the engine itself said how it ended; else it was killed, or never began."""
        return self.board.counts is not None


class Screen(AbstractContextManager["Screen"]):
    """Follows one run of the engine: `line` takes what it writes, `tick` is called several times a second."""

    def __init__(
        self, title: str, memory: Memory, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.title, self.memory, self.console, self.clock = title, memory, console, clock
        self.board = Board()
        self.started = self.said = clock()
        self._live: Live | nullcontext[None] = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else nullcontext()
        )
        self._spoken: dict[int, float] = {}

    def __enter__(self) -> Screen:
        self._live.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self._live.__exit__(None, None, None)

    def line(self, text: str) -> None:
        """One line of the engine: an event, or words of the CLI's own, such as who holds the lock."""
        event = parse(text)
        shown = self.board.take(event, self.clock()) if event is not None else text
        if isinstance(shown, Row):
            self._say(Text.assemble((shown.symbol, COLOURS.get(shown.symbol, "")), shown.line()[1:]))
        elif shown and shown.strip():
            self._say(Text(shown))

    def tick(self) -> None:
        """Draws the picture anew; in a log, says how far each row is that has been silent for a while."""
        now = self.clock()
        if isinstance(self._live, Live):
            self._live.update(self.picture(now), refresh=True)
            return
        for row in self.board.running():
            if now - max(self._spoken.get(id(row), 0.0), row.started) >= EVERY:
                self._spoken[id(row)] = now
                text = f": {row.text}" if row.text else ""
                self._say(Text(f"  {row.name} {row.word}{text} ({self.memory.words(row, now)})"))
        if now - self.said >= EVERY:
            fetching = f": {self.board.fetching}" if self.board.fetching else ""
            self._say(Text(f"  {self.title}{fetching} ({duration(now - self.started)})"))

    def picture(self, now: float) -> RenderableType:
        """What is under way, one row a resource; texts fold to the width."""
        running = self.board.running()
        state = self.board.fetching or f"{self.board.done()} done, {len(running)} under way"
        head = f"{self.title}: {state} ({minutes(now - self.started)})"
        rows = Table.grid(padding=(0, 1, 0, 0))
        rows.add_column(no_wrap=True)
        rows.add_column(no_wrap=True, overflow="ellipsis", max_width=WIDEST_NAME)
        rows.add_column(no_wrap=True)
        rows.add_column(overflow="fold")
        for row in running:
            text = Text(row.text) if row.text else Text(f"{row.word} {row.kind}", style="dim")
            symbol = Text(row.symbol, style=COLOURS.get(row.symbol, ""))
            rows.add_row(symbol, Text(row.name, style="bold"), Text(self.memory.clock(row, now)), text)
        return Group(Text(head), rows)

    def finish(self, code: int) -> None:
        """Says what the engine's messages were and how it ended."""
        self.memory.learn(self.board.rows.values())
        for severity, text in told(self.board.messages):
            self._say(Text(text, style=SEVERITIES.get(severity, "")), whole=not self.console.is_terminal)
        self._say(Text(ending(self.title, self.board, code), style="bold red" if code else "bold"))

    def _say(self, text: Text, *, whole: bool = True) -> None:
        """Prints for good; a `whole` line is left to the terminal to wrap, others break between words."""
        self.said = self.clock()
        self.console.print(text, soft_wrap=whole)


def follow(
    pulumi: Pulumi, words: Sequence[str], title: str, console: Console, hopeless: Callable[[], str] = lambda: ""
) -> Outcome:
    """Runs a command that changes a stack, and shows it.

    Raises:
        SetupError: it was ended because it was `hopeless`; the message says why.
    """
    with Screen(title, Memory.of(HOME / "durations.json", pulumi.stack.name), console) as screen:
        code = pulumi.follow([*words, "--json"], screen.line, screen.tick, hopeless)
    screen.finish(code)
    return Outcome(code, screen.board)


def ending(title: str, board: Board, code: int) -> str:
    """How it ended, in one line; never more than is known."""
    if board.counts is None:
        killed = f"was killed (signal {-code})" if code < 0 else f"ended with {code}"
        what = ", ".join(row.name for row in board.running())
        return f"{title}: pulumi {killed} before it could say how it went" + (f"; under way: {what}" if what else "")
    return f"{title}: {'ended with errors' if code else 'done'} in {duration(board.seconds)}: {counted(board)}"
