"""`python -m tests.mutants [words]`: puts each defect (those with a word in their name) into a copy of the checkout and
runs its test, which must fail. Whatever survives is a hole in the tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.copies import copy_checkout
from tests.mutants.defects import Defect, load
from tools.progress import SetupError, duration

WORKERS = 2
SECONDS = 180
# What pytest ends with: https://docs.pytest.org/en/stable/reference/exit-codes.html
PASSED, FAILED, STUCK = 0, 1, -1


@dataclass(frozen=True)
class Outcome:
    """What became of one defect."""

    defect: Defect
    code: int
    seconds: float
    said: str

    @property
    def killed(self) -> bool:
        """Whether the test failed; one that could not even be collected says nothing."""
        return self.code == FAILED

    def __str__(self) -> str:
        if self.killed:
            return f"killed    {self.defect.name} ({duration(self.seconds)})"
        how = "its test passes" if self.code == PASSED else f"its test did not run:\n{self.said}"
        return f"SURVIVED  {self.defect.name}: {self.defect.test}: {how}"


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Runs tests in a copy of the checkout; nothing of a run stays there for the next one."""
    words = ["-m", "pytest", "-q", "-x", "--durations=0", "-p", "no:cacheprovider", "-p", "pytest_timeout", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [str(folder / ".venv/bin/python"), *words]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # what a stuck test has started ends with it
    ) as running:
        try:
            printed, _ = running.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            return STUCK, f"it had not ended after {duration(SECONDS)}"
    return running.returncode, "\n".join(printed.splitlines()[-12:])


def attempt(defect: Defect, folder: Path) -> Outcome:
    """Puts a defect in, runs its test, and takes it out again."""
    path, began = folder / defect.file, time.monotonic()
    sound, times = path.read_text(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_text(defect.applied(folder))
    try:
        code, said = run_tests(folder, [defect.test])
    finally:
        path.write_text(sound)
        os.utime(path, ns=times)
    return Outcome(defect, code, time.monotonic() - began, said)


def judge(defects: Sequence[Defect], folders: Sequence[Path]) -> list[Outcome]:
    """What becomes of each of them, a copy of the checkout for each worker."""
    free: SimpleQueue[Path] = SimpleQueue()
    for folder in folders:
        free.put(folder)

    def in_turn(defect: Defect) -> Outcome:
        folder = free.get()
        try:
            outcome = attempt(defect, folder)
        finally:
            free.put(folder)
        print(outcome, flush=True)
        return outcome

    with ThreadPoolExecutor(len(folders)) as pool:
        return list(pool.map(in_turn, defects))


def main(words: Sequence[str]) -> int:
    """0 when every defect was killed by its test, which passes without it."""
    defects = [one for one in load() if not words or any(word in one.name for word in words)]
    if not defects:
        raise SetupError(f"no defect has {' or '.join(words)} in its name; tests/mutants/defects.yaml lists them")
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        folders = [copy_checkout(Path(temporary) / str(number)) for number in range(WORKERS)]
        code, said = run_tests(folders[0], sorted({one.test for one in defects}))
        if code != PASSED:
            raise SetupError(f"these tests fail without any defect:\n{said}")
        outcomes = judge(defects, folders)
    survivors = sum(not one.killed for one in outcomes)
    print(f"{len(outcomes) - survivors} of {len(outcomes)} defects killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(f"error: {error}")
