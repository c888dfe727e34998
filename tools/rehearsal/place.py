"""A checkout of its own, with an emulator, a state and ports of its own, of which nothing is left at the end.

Whatever `make` does there it does in that folder: the emulator's state, Pulumi's home and the backend of an emulator
stack lie in the checkout (`tools/shell.py`). So nothing here touches what the person has running.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from tools import throwaway
from tools.progress import SetupError, Step
from tools.pulumi_cli import Written
from tools.shell import HOME
from tools.throwaway import Checkout
from tools.versions import ROOT

FOLDER = HOME / "rehearsals"
FOREIGN = (
    "ARM_",
    "AZURE",
    "IDENTITY_",
    "PULUMI_",
    "EMULATOR_",
    "MLFLOW_",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "MAKE",
)
ASKED = ("STACK", "SYSTEM", "VERSION", "REASON", "PLAN", "PROFILE", "YES", "OUT", "BASE", "REHEARSE", "MLOPS_RETIRE")
"""Words of the command line that started the rehearsal: they mean that one, and none that runs in it."""
DATA = "MLOPS_DATA_DIR"
LOOK_SECONDS = 0.1
GRACE_SECONDS = 20.0
MOST_WORDS, LONGEST = 3, 400
ERROR, ENDING = re.compile(r"^error: (.*)", re.DOTALL), "an unhandled error occurred"


@dataclass(frozen=True)
class Done:
    """How a verb ended: its exit code, and what it printed."""

    code: int
    printed: str

    @property
    def reason(self) -> str:
        """Why it failed, in its own words: its errors, else the last that it said."""
        lines = [line.strip() for line in self.printed.splitlines() if line.strip()]
        errors = [found[1] for line in lines if (found := ERROR.match(line)) and ENDING not in line]
        said = "; ".join(list(dict.fromkeys(errors))[:MOST_WORDS] or lines[-1:]) or f"it ended with {self.code}"
        return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


class TooLong(SetupError):
    """The time is up."""


@dataclass
class Place:
    """The checkout. `deadline`: monotonic seconds at which whatever runs is ended, `minutes` after the beginning."""

    root: Path
    stack: str
    deadline: float
    minutes: float
    there: set[str] = field(default_factory=set)

    @property
    def emulator(self) -> Path:
        """Where its emulator keeps its state."""
        return self.root / ".emulator"

    def put(self, files: Iterator[tuple[str, Path]], configuration: Mapping[str, object]) -> None:
        """Makes it the checkout with these files: path in it, and where that is now. What git ignores, such as the
        emulator, stays.
        """
        wanted = set[str]()
        for name, source in files:
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # A new time: byte code of the file before must not pass for its own.
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
            wanted.add(name)
        for gone in self.there - wanted:
            (self.root / gone).unlink(missing_ok=True)
        self.there = wanted
        self.root.joinpath("stacks", f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump(dict(configuration)))

    def base(self, commit: str, configuration: Mapping[str, object]) -> None:
        """Makes it the checkout of a commit."""
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as name:
            root = Path(name)
            files = throwaway.unpack(commit, root)
            self.put(((one, root / one) for one in files), configuration)

    def head(self, checkout: Checkout, configuration: Mapping[str, object]) -> None:
        """Makes it another checkout, with what is not committed there."""
        self.put(((one, checkout.root / one) for one in throwaway.files_of(checkout.root)), configuration)

    def verb(self, *words: str, step: Step, **variables: str) -> Done:
        """`make <verb>` without its set-up.

        Raises:
            TooLong: the time was up before it ended.
        """
        return self.run([str(self.root / ".venv/bin/python"), "-m", "tools", *words], step, self.root, variables)

    def run(
        self, command: Sequence[str], step: Step, folder: Path = ROOT, variables: Mapping[str, str] | None = None
    ) -> Done:
        """A command with nothing of another cloud around it; its last line is the detail of the step.

        Raises:
            TooLong: the time was up before it ended.
        """
        environment = {**clean(os.environ), **(variables or {})}
        with tempfile.TemporaryFile() as file:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is this process's to answer
            )
            written, printed = Written(file.fileno()), list[str]()
            try:
                while process.poll() is None:
                    self._in_time(step)
                    for line in written.lines():
                        printed.append(line)
                        step.detail = line.strip()[:100] or step.detail
                    time.sleep(LOOK_SECONDS)
            except BaseException:
                end(process)
                raise
            printed += written.lines(last=True)
        return Done(process.returncode, "\n".join(printed).replace(str(self.root), "."))

    def _in_time(self, step: Step) -> None:
        if time.monotonic() > self.deadline:
            raise TooLong(
                f"not done within {self.minutes:g} minutes ({step.name}). Give it more with MINUTES=60, or rehearse "
                "one system with SYSTEM=name"
            )

    def remove(self) -> None:
        """Ends what runs here, and removes the folder."""
        from emulator.supervisor import Supervisor

        Supervisor(self.emulator).reset()
        shutil.rmtree(self.root, ignore_errors=True)


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables without those of another stack, another cloud, or the command line that asked for the rehearsal."""
    kept = {name: value for name, value in environment.items() if not name.startswith(FOREIGN) and name not in ASKED}
    if kept.get(DATA):
        kept[DATA] = os.path.abspath(kept[DATA])
    return kept


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a verb as a person would: once lets Pulumi end what it has begun, twice ends it; then nobody is asked."""
    for number in (signal.SIGINT, signal.SIGINT):
        with suppress(subprocess.TimeoutExpired, ProcessLookupError):
            process.send_signal(number)
            process.wait(GRACE_SECONDS / 4)
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(GRACE_SECONDS)


@contextmanager
def place(stack: str, minutes: float, folder: Path = FOLDER) -> Iterator[Place]:
    """A place for one rehearsal; gone afterwards, however that ends. What killed ones left is removed before."""
    sweep(folder)
    root = folder / str(os.getpid()) / stack
    root.mkdir(parents=True)
    (root / ".venv").symlink_to(ROOT / ".venv")
    made = Place(root, stack, time.monotonic() + minutes * 60, minutes)
    with told_to_end():
        try:
            yield made
        finally:
            with undisturbed():
                made.remove()
                shutil.rmtree(root.parent, ignore_errors=True)


def sweep(folder: Path = FOLDER) -> None:
    """Removes the places of processes that are gone, with all that runs there."""
    for left in folder.glob("*"):
        if left.name.isdigit() and not psutil.pid_exists(int(left.name)):
            for root in left.iterdir():
                Place(root, root.name, 0.0, 0.0).remove()
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def told_to_end() -> Iterator[None]:
    """SIGTERM and SIGHUP end this process as Ctrl-C does: what it has begun is taken back."""

    def stop(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Nothing stops the tidying: a second Ctrl-C would leave an emulator behind."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
