"""`python driver.py settings.json arguments…`: hands mini-batches to processes that run the entry script.

Runs in the job's own Python, 3.7 or later. The script's `init()` runs once in each process, `run(mini_batch)` or
`run(mini_batch, context)` for each mini-batch, `shutdown()` at the end. What `run` returns is one row each of the file
that `append_row_to` names. A mini-batch that fails or takes too long is tried again; the step fails once more items or
mini-batches failed than the thresholds allow.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import multiprocessing
import os
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from types import ModuleType, SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))
from emulator.machine_learning.jobs.parallel.mini_batches import MiniBatch, mini_batches

# The script's own modules may have the names of the emulator's.
sys.path.pop(0)

INIT_SECONDS = 600


def work(pipe: Connection, script: str, arguments: list[str]) -> None:
    """A process: loads the script, says so, and answers each mini-batch with what came of it."""
    try:
        module = load(script, arguments)
        if hasattr(module, "init"):
            module.init()
    except BaseException:  # what a script raises is the user's to read, SystemExit included
        pipe.send(("failed", traceback.format_exc()))
        return
    pipe.send(("ready", ""))
    for batch in iter(pipe.recv, None):
        try:
            pipe.send(("done", rows_of(call(module, batch))))
        except BaseException:
            pipe.send(("failed", traceback.format_exc()))
    if hasattr(module, "shutdown"):
        module.shutdown()


def load(script: str, arguments: list[str]) -> ModuleType:
    """The entry script as a module, with its arguments where it looks for them."""
    sys.argv = [script, *arguments]
    sys.path[0:1] = [str(Path(script).resolve().parent)]
    specification = importlib.util.spec_from_file_location(Path(script).stem, script)
    if specification is None or specification.loader is None:
        raise ImportError(f"{script} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def call(module: ModuleType, batch: MiniBatch) -> Any:
    """Calls `run`, with the context when it takes one."""
    if len(inspect.signature(module.run).parameters) < 2:
        return module.run(batch.content)
    return module.run(
        batch.content, SimpleNamespace(minibatch_index=str(batch.index), partition_key_value=batch.keys, dataset=None)
    )


def rows_of(returned: Any) -> list[str]:
    """What `run` returned, a line each; a DataFrame's values with blanks between them."""
    if hasattr(returned, "to_csv"):
        text: str = returned.to_csv(sep=" ", header=False, index=False)
        return text.splitlines()
    if isinstance(returned, (str, bytes)) or not hasattr(returned, "__iter__"):
        raise TypeError(f"run() must return a list or a DataFrame, not {type(returned).__name__}")
    return [str(row) for row in returned]


def say(text: str) -> None:
    """A line in the job's log, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Driver:
    """Hands out the mini-batches of a step."""

    def __init__(self, settings: dict[str, Any], arguments: list[str]) -> None:
        self.settings = settings
        self.script = os.path.abspath(settings["entry_script"])
        self.arguments = arguments
        self.context = multiprocessing.get_context("spawn")
        self.waiting: Queue[MiniBatch] = Queue()
        self.rows: dict[int, list[str]] = {}
        self.failed_batches = self.failed_items = 0
        self.fatal = ""
        self.lock = threading.Lock()

    def run(self) -> int:
        """Runs them all; gives the exit code."""
        batches = mini_batches(self.settings)
        count = min(self.settings["workers"], max(1, len(batches)), os.cpu_count() or 1)
        say(f"{len(batches)} mini-batches for {count} processes")
        for batch in batches:
            self.waiting.put(batch)
        threads = [threading.Thread(target=self.serve) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.append()
        done = len(self.rows)
        say(f"{done} mini-batches done, {self.failed_batches} failed ({self.failed_items} items)")
        if self.fatal:
            say(self.fatal)
        return 1 if self.fatal else 0

    def serve(self) -> None:
        """A thread: one process after another works until nothing is left."""
        worker = None
        while not self.fatal:
            try:
                batch = self.waiting.get_nowait()
            except Empty:
                break
            for attempt in range(self.settings["retry"]["max_retries"] + 1):
                worker = worker or self.start()
                if worker is None:
                    return
                state, said = self.ask(worker, batch)
                if state == "done":
                    self.take(batch, said)
                    break
                say(f"mini-batch {batch.index}, attempt {attempt + 1}: {said}")
                if state == "lost":
                    worker = None
            else:
                self.count(batch.items, batches=1)
        if worker:
            worker[1].send(None)
            worker[0].join()

    def start(self) -> Any:
        """A process that has called `init`, with its pipe; None when that failed."""
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=work, args=(theirs, self.script, self.arguments))
        process.start()
        theirs.close()
        state, said = self.hear(process, ours, INIT_SECONDS)
        if state == "ready":
            return process, ours
        self.fatal = f"{self.settings['entry_script']}: init() failed.\n{said}"
        return None

    def ask(self, worker: Any, batch: MiniBatch) -> tuple[str, Any]:
        """What came of a mini-batch: `done`, `failed`, or `lost` with its process."""
        process, pipe = worker
        pipe.send(batch)
        return self.hear(process, pipe, self.settings["retry"]["timeout"])

    def hear(self, process: Any, pipe: Any, seconds: float) -> tuple[str, Any]:
        """A process's answer; one that gives none in time is ended."""
        try:
            if pipe.poll(seconds):
                state, said = pipe.recv()
                return state, said
            said = f"took longer than {seconds:.0f} s"
        except (EOFError, OSError):
            said = "its process ended"
        process.kill()
        process.join()
        return "lost", said

    def take(self, batch: MiniBatch, rows: list[str]) -> None:
        """Keeps a mini-batch's rows; those missing are items that failed."""
        with self.lock:
            self.rows[batch.index] = rows
        self.count(max(0, batch.items - len(rows)))

    def count(self, items: int, batches: int = 0) -> None:
        """Counts what failed, and stops everything past a threshold (-1: there is none)."""
        with self.lock:
            self.failed_items += items
            self.failed_batches += batches
            limits = (("error_threshold", self.failed_items), ("mini_batch_error_threshold", self.failed_batches))
            for name, failed in limits:
                if 0 <= self.settings[name] < failed:
                    self.fatal = self.fatal or f"{failed} failed, more than the {name} of {self.settings[name]}."

    def append(self) -> None:
        """Writes the rows of all mini-batches, in their order."""
        if not self.settings["append_row_to"]:
            return
        with open(self.settings["append_row_to"], "a") as file:
            file.writelines(f"{row}\n" for index in sorted(self.rows) for row in self.rows[index])


if __name__ == "__main__":
    with open(sys.argv[1]) as told:
        sys.exit(Driver(json.load(told), sys.argv[2:]).run())
