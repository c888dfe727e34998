"""What changed from one training run to another: files, settings, data, packages."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

from ml.clients.errors import CloudError
from ml.clients.jobs import Job, Jobs
from ml.clients.workspace import Workspace
from ml.identity.code import CodeError, digest
from ml.jobkit.plan import FILE as PLAN
from tools.runs.collect import TrainingRun

AT_ONCE = 8
CONTEXT = 2
SUFFIXES = (".py", ".yaml", ".yml", ".json")
"""Of the files that a job's identity is made of."""
REPORTS = "reports"
"""Pictures are shipped with a job and make it no other one."""


class Codes:
    """The code of jobs, downloaded once."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.jobs = Jobs(workspace)
        self.folder = folder
        self._places: dict[str, Path | None] = {}

    def fetch(self, jobs: list[Job]) -> None:
        """Downloads the code of many jobs at once; the code of some is not there any more."""
        wanted = {job.code: job for job in jobs if job.code and job.code not in self._places}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = {code: pool.submit(copy_context().run, self._download, job) for code, job in wanted.items()}
        self._places |= {code: place.result() for code, place in found.items()}

    def files(self, job: Job) -> dict[str, Path] | None:
        """The files a job ran, by their path; None when they are gone."""
        self.fetch([job])
        place = self._places.get(job.code)
        if place is None:
            return None
        found = (path for path in sorted(place.rglob("*")) if path.is_file() and path.suffix in SUFFIXES)
        found = (path for path in found if path.parent.name != REPORTS)
        return {path.relative_to(place).as_posix(): path for path in found}

    def _download(self, job: Job) -> Path | None:
        try:
            return self.jobs.code(job, Path(tempfile.mkdtemp(dir=self.folder)))
        except CloudError:
            return None


def changed(codes: Codes, now: TrainingRun, before: TrainingRun) -> list[str]:
    """What made a run another one than the one before it, in a few words each."""
    named = changed_files(codes, now.job, before.job)
    files = ["code (that of one of them is gone)"] if named is None else [Path(name).name for name in named]
    values = changed_values(before.parameters, now.parameters)
    said = [*(name for name in files if name != PLAN or not values), *values]
    if now.data.digest != before.data.digest:
        said.append(f"data {before.data.source} {before.data.digest} -> {now.data.source} {now.data.digest}")
    if now.job.environment != before.job.environment:
        said.append("packages")
    if now.job.command != before.job.command:
        said.append("arguments")
    return said or [same(now, before)]


def same(now: TrainingRun, before: TrainingRun) -> str:
    """Why there is a run although nothing changed."""
    again = now.job.tags.get("digest") == before.job.tags.get("digest")
    return "nothing: another attempt" if again else "nothing: trained again on purpose"


def changed_values(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """`rounds 200 -> 60`; nothing when one of the two runs told no parameters."""
    if not before or not now:
        return []
    names = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    return [f"{name} {before.get(name, '(none)')} -> {now.get(name, '(none)')}" for name in names]


def changed_files(codes: Codes, now: Job, before: Job) -> list[str] | None:
    """Files whose meaning changed, those of the system first; None when one of the two is gone."""
    if now.code == before.code:
        return []
    new, old = codes.files(now), codes.files(before)
    if new is None or old is None:
        return None
    names = [name for name in {**new, **old} if meaning(new.get(name)) != meaning(old.get(name))]
    return sorted(names, key=lambda name: ("/systems/" not in name, name))


def meaning(path: Path | None) -> str:
    """A file's digest as a job's identity has it, where comments and formatting do not count."""
    if path is None:
        return ""
    try:
        return digest(path)
    except (CodeError, ValueError, SyntaxError):
        return path.read_text(errors="replace")


def difference(name: str, before: Path | None, now: Path | None) -> Iterator[str]:
    """The lines of a file that changed, with a little of what is around them."""
    old, new = (path.read_text(errors="replace").splitlines() if path else [] for path in (before, now))
    yield name
    yield from list(difflib.unified_diff(old, new, lineterm="", n=CONTEXT))[2:]
