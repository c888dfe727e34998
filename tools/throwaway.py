"""A state that nobody has: what a commit would have made of a stack, without anything being made.

The program of the commit runs for real; the plugin and our own resources only echo (`emulator/provider/echo.py`,
`tools/echo_host.py`). What it leaves is kept in the cache by commit and stack, for previews to be held against.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from review.plan import messages
from tools import shell
from tools.cache import cache_folder, make_once
from tools.engine_events import parse
from tools.preflight import ZEROS
from tools.preview import OWN_KEYS, document_of, from_nothing
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import PROJECT, Stack, load_stack
from tools.state_file import StateFile, backend_folder
from tools.versions import ROOT, pinned

VARIABLE, MARK = "AZURE_MLOPS_ECHO", "throwaway"  # as emulator/provider/echo.py reads them
DATA_VARIABLES = ("MLOPS_DATA_DIR", "MLOPS_DATA", "MLOPS_RETIRE")
LAUNCHER = "tools/bin/pulumi-resource-pulumi-python"
ECHOES = ("emulator/provider/echo.py", "emulator/provider/preview.py", "tools/echo_host.py", "tools/throwaway.py")
SOMEBODY = "0a0a0a0a-0000-4000-8000-000000000000"
"""In the place of an id that is still all zeros, which Azure would refuse."""


@dataclass(frozen=True)
class Checkout:
    """A folder with a program in it; `commit` is "" for what is not committed."""

    root: Path
    commit: str = ""

    def stack(self, name: str) -> Stack | None:
        """The stack of this name, as this checkout configures it."""
        folder = self.root / "stacks"
        return load_stack(name, folder) if (folder / f"Pulumi.{name}.yaml").is_file() else None


def commit_of(ref: str, root: Path = ROOT) -> str:
    """The commit that a ref names.

    Raises:
        SetupError: there is none.
    """
    done = git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", root=root)
    if done.returncode:
        raise SetupError(f"BASE={ref}: git knows no such commit here. Name a branch, tag or commit that was fetched.")
    return done.stdout.strip()


def git(*words: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """What git answers."""
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)


@contextmanager
def checked_out(commit: str) -> Iterator[Checkout]:
    """A copy of a commit in a temporary folder, with this checkout's packages."""
    with tempfile.TemporaryDirectory(prefix="review-") as name:
        root = Path(name)
        unpack(commit, root)
        (root / ".venv").symlink_to(ROOT / ".venv")
        shutil.copy(ROOT / LAUNCHER, root / LAUNCHER)  # an older commit's knows no echo
        yield Checkout(root, commit)


def unpack(commit: str, root: Path) -> list[str]:
    """Writes the files of a commit into a folder; their paths below it."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(root, filter="data")
        return [one.name for one in archive.getmembers() if not one.isdir()]


def files_of(root: Path) -> list[str]:
    """What is in a checkout: the paths that git knows or would add, as far as they are there.

    Raises:
        SetupError: the folder is no checkout of git.
    """
    done = git("ls-files", "-co", "--exclude-standard", root=root)
    if done.returncode:
        raise SetupError(f"{root} is no checkout of git: {done.stderr.strip()}")
    return [name for name in done.stdout.splitlines() if (root / name).is_file()]


def configuration(stack: Stack) -> dict[str, Any]:
    """A stack's configuration without what only its owner knows: a secret is a word that changes with its ciphertext,
    still below `secure`; an id of zeros is somebody's.
    """

    def replace(value: Any) -> Any:
        if isinstance(value, Mapping):
            if _is_secret(value):
                return {"secure": f"secret-{hashlib.sha256(str(value['secure']).encode()).hexdigest()[:12]}"}
            return {key: replace(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [replace(inner) for inner in value]
        return SOMEBODY if value == ZEROS else value

    whole = {key: replace(value) for key, value in stack.configuration().items() if key not in OWN_KEYS}
    return from_nothing({**whole, "config": dict(whole.get("config") or {})})


def _is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}


@contextmanager
def backend(checkout: Checkout, stack: Stack, state: Path | None = None) -> Iterator[tuple[Pulumi, list[str]]]:
    """A CLI on a backend of its own, and the arguments that name the configuration; on this state when one is given."""
    with tempfile.TemporaryDirectory(prefix="review-state-") as name:
        folder = Path(name)
        (folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        file = folder / f"Pulumi.{stack.name}.yaml"
        whole = configuration(stack)
        secrets = {key: value["secure"] for key, value in whole["config"].items() if _is_secret(value)}
        plain = {key: value for key, value in whole["config"].items() if key not in secrets}
        file.write_text(yaml.safe_dump({**whole, "config": plain}))
        place = folder / "state"
        environment = {**shell.environment(stack), **shell.contained(place), VARIABLE: str(place)}
        for variable in (*shell.EMULATOR, *DATA_VARIABLES):
            environment.pop(variable, None)
        (place / MARK).touch()
        if state is None:
            Pulumi(stack, environment, folder).create()
        else:
            target = StateFile(place, PROJECT, stack.name).file
            target.parent.mkdir(parents=True)
            shutil.copy(state, target)
        pulumi, words = Pulumi(stack, environment, checkout.root), ["--config-file", str(file)]
        for key, word in secrets.items():  # the program refuses a secret in plain text
            pulumi.read("config", "set", "--secret", key, word, *words)
        yield pulumi, words


def state_of(commit: str, name: str) -> Path:
    """The state that a commit would have made of a stack; made once. An empty file where it had no such stack.

    Raises:
        SetupError: the program of the commit fails; the message carries what it said.
    """
    key = hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in ECHOES)).hexdigest()[:8]
    folder = cache_folder() / "review" / f"{commit[:12]}-{name}-{key}-{pinned('pulumi-azure-native')}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_once(folder, lambda target: _apply(commit, name, target / "state.json"))
    return folder / "state.json"


def _apply(commit: str, name: str, target: Path) -> None:
    with checked_out(commit) as checkout:
        stack = checkout.stack(name)
        if stack is None:
            target.touch()
            return
        make_state(checkout, stack, target, f"stack {name} of BASE ({commit[:12]})")


def make_state(checkout: Checkout, stack: Stack, target: Path, what: str) -> None:
    """Puts the state that a checkout makes of its stack, with resources that echo, into a file.

    Raises:
        SetupError: its program fails; the message says of `what`, and carries what the program said.
    """
    with backend(checkout, stack) as (pulumi, words):
        run = pulumi.command("up", "--yes", "--skip-preview", "--json", *words)
        done = subprocess.run(
            run, cwd=checkout.root, env=pulumi.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join(errors(done.stdout)) or (done.stderr or done.stdout).strip()[-2000:]
            raise SetupError(f"{what} cannot be made, not even without Azure:\n{said}")
        folder = backend_folder(pulumi.environment["PULUMI_BACKEND_URL"])
        shutil.copy(StateFile(folder or Path(), PROJECT, stack.name).file, target)


def errors(printed: str) -> list[str]:
    """The errors among the events that the engine printed, one a line."""
    events = filter(None, map(parse, printed.splitlines()))
    said = [found for event in events if (found := event.get("diagnosticEvent"))]
    return [one for one in messages({"diagnostics": said}) if one.startswith("error")]


def resources(state: Path) -> list[dict[str, Any]]:
    """The resources of a state; none of an empty one."""
    text = state.read_text()
    return list(json.loads(text)["checkpoint"]["latest"].get("resources") or []) if text else []


def plan(checkout: Checkout, stack: Stack, state: Path | None) -> tuple[dict[str, Any], str]:
    """The engine's document of what `up` would do to a state, from nothing without one; and why it failed, or ""."""
    given = state if state is not None and state.stat().st_size else None
    with backend(checkout, stack, given) as (pulumi, words):
        return run_preview(pulumi, words)


def run_preview(pulumi: Pulumi, words: list[str]) -> tuple[dict[str, Any], str]:
    """`preview --json` with all that stays as it is: the document, and what the CLI said if it failed."""
    return document_of(pulumi, pulumi.command("preview", "--json", "--show-sames", *words))
