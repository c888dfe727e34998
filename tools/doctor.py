"""Looks at what usually goes wrong and says what to do, in words."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import yaml

from tools import preflight, shell, subscription, virtualenv
from tools.cache import cache_folder
from tools.engine import build, find
from tools.finding import Finding
from tools.locks import find_locks
from tools.progress import SetupError
from tools.stacks import PROJECT, load_stack, stack_names
from tools.state_file import StateFile, backend_folder
from tools.versions import ROOT

FREE_GIGABYTES = 6
HOSTS = ("language_host.py", "ml.resources.host", "pulumi-resource-azure-native", "emulator.provider")


def python() -> Iterator[Finding]:
    """The interpreter and the packages in `.venv`."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("Python", f"{version} at {sys.executable}")
    fix = "" if virtualenv.is_current() else "run `python3 tools/bootstrap.py`"
    yield Finding(".venv", "as uv.lock says" if not fix else "not what uv.lock says", fix)


def engine() -> Iterator[Finding]:
    """The Pulumi engine, and Go where it has to be built."""
    wanted, found = find.wanted_version(), find.find()
    if found:
        yield Finding("Pulumi engine", f"{found.version} in {found.folder} (the SDK is {wanted})")
        return
    yield Finding("Pulumi engine", f"missing (the SDK is {wanted})", "run `python3 tools/bootstrap.py`")
    try:
        build.check_go()
        yield Finding("Go", "new enough to build the engine")
    except SetupError as error:
        yield Finding("Go", "not usable", str(error))


def disk() -> Iterator[Finding]:
    """Room in the checkout and in the cache folder."""
    for name, folder in (("disk, checkout", ROOT), ("disk, cache", cache_folder())):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free / 1e9
        fix = "" if free >= FREE_GIGABYTES else f"make room ({FREE_GIGABYTES} GB are needed) or set XDG_CACHE_HOME"
        yield Finding(name, f"{free:.0f} GB free at {folder}", fix)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def emulator() -> Iterator[Finding]:
    """The emulator and the ports it was given."""
    from emulator.settings import default_state
    from emulator.supervisor import BEGIN_ANEW, EmulatorError, Supervisor

    state = default_state()
    if not (state / "settings.json").exists():
        yield Finding("emulator", "never started here; `make up` starts it")
        return
    supervisor = Supervisor(state)
    try:
        status, settings = supervisor.status(), supervisor.settings()
    except EmulatorError as error:
        yield Finding("emulator", "its settings cannot be read", str(error))
        return
    if status:
        yield Finding("emulator", f"runs as process {status.handle.pid} on {status.settings.base_url}")
        return
    if before := supervisor.moved_from():
        yield Finding("emulator", f"runs in {before}, where this checkout was before", "`make up` starts it here")
        return
    taken = [port for port in (settings.https_port, settings.http_port) if _listens(port)]
    fix = f"another program listens on port {taken[0]}: end it. {BEGIN_ANEW}" if taken else ""
    yield Finding("emulator", "does not run; `make up` starts it", fix)


def certificates() -> Iterator[Finding]:
    """Whether the certificate bundles that the environment names can be read."""
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        file = os.environ.get(variable)
        if not file:
            continue
        try:
            ssl.create_default_context(cafile=file)
            yield Finding(variable, file)
        except (OSError, ssl.SSLError) as error:
            again = '`unset` it, or prepare this shell again: eval "$(make -s env STACK=local)"'
            yield Finding(variable, f"{file} cannot be used ({error})", again)


def data() -> Iterator[Finding]:
    """The folder of real data, and what is in it of each system's."""
    given = os.environ.get("MLOPS_DATA_DIR")
    if not given:
        yield Finding(
            "data",
            "MLOPS_DATA_DIR is not set: a stack goes on with the data it has; the folder named there is used instead",
        )
        return
    said = f"MLOPS_DATA_DIR={given}"
    fix = "set MLOPS_DATA_DIR to the folder that holds the files, or unset it"
    if not Path(given).is_dir():
        yield Finding("data", f"{said} is no folder", fix)
        return
    if not any(Path(given).iterdir()):
        yield Finding("data", f"{said} is empty", fix)
        return
    missing = {name: files for name in systems() if (files := missing_files(name, Path(given)))}
    for name, files in missing.items():
        yield Finding("data", f"{said} lacks {', '.join(files)}, which {name} needs", fix)
    if not missing:
        yield Finding("data", said)


def systems() -> list[str]:
    """Every system that a stack names."""
    stacks = (load_stack(name).configuration().get("config", {}) for name in stack_names())
    return sorted({str(name) for given in stacks for name in given.get(f"{PROJECT}:systems") or ()})


def missing_files(system: str, folder: Path) -> list[str]:
    """Files of a system's real data, as its `data.lock` has them, that are not in a folder."""
    record = ROOT / "ml" / "systems" / system / "data.lock"
    if not record.is_file():
        return []
    return [name for name in yaml.safe_load(record.read_text())["files"] if not folder.joinpath(name).is_file()]


def azure(named: str = "") -> Iterator[Finding]:
    """Every stack on Azure, or the one that was named: what `up` would ask for, and what it would find in the
    subscription. One that was not named may wait until somebody sets it up.
    """
    for name in [named] if named else stack_names():
        stack = load_stack(name)
        if stack.emulated:
            continue
        if len(preflight.empty_ids(stack)) == len(preflight.IDS):
            finding = preflight.ids(stack)
            yield Finding(f"stack {name}", f"not set up: {finding.said}", f"to use it, {finding.fix}", later=not named)
            continue
        try:
            environment = shell.environment(stack)
        except SetupError as error:
            yield Finding(f"stack {name}", "cannot be looked at", str(error))
            continue
        found = list(preflight.findings(stack, environment))
        yield from found
        if all(finding.well for finding in found):
            yield from subscription.findings(stack, environment)


def locks() -> Iterator[Finding]:
    """Locks, unreadable states and cut-off operations in file backends: this checkout's, and a person's own."""
    for name in stack_names():
        backend = shell.STATE if load_stack(name).emulated else own_backend()
        if backend is None:
            continue
        found = find_locks(backend, PROJECT, name)
        for lock in found:
            fix = f"`make recover STACK={name}` removes it" if lock.stale else ""
            yield Finding(f"lock on {name}", f"{lock.holder}, which is {'gone' if lock.stale else 'at work'}", fix)
        try:
            pending = StateFile(backend, PROJECT, name).checkpoint().get("pending_operations")
        except SetupError as error:
            yield Finding(f"state of {name}", "cannot be read", str(error))
            continue
        if pending and not found:
            fix = f"`make recover STACK={name}` (or `make up`) puts it right"
            yield Finding(f"state of {name}", "was cut off in the middle of something", fix)


def own_backend() -> Path | None:
    """The folder a person keeps the state of stacks on Azure in; None when it is elsewhere, or this is a shell of the
    emulator's.
    """
    folder = backend_folder(os.environ.get("PULUMI_BACKEND_URL", ""))
    return None if folder == shell.STATE else folder


def orphans() -> Iterator[Finding]:
    """Hosts and plugins of this checkout whose CLI is gone."""
    for process in psutil.process_iter(["pid", "cmdline", "ppid"]):
        words = " ".join(process.info["cmdline"] or [])
        ours = str(ROOT) in words and any(host in words for host in HOSTS)
        if ours and not _below_pulumi(process):
            yield Finding("left over", f"process {process.pid}: {words[:80]}", f"kill {process.pid}")


def _below_pulumi(process: psutil.Process) -> bool:
    try:
        return any(parent.name().startswith("pulumi") for parent in process.parents())
    except psutil.Error:
        return True


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    python,
    engine,
    disk,
    emulator,
    certificates,
    data,
    azure,
    locks,
    orphans,
)


def findings(stack: str = "") -> list[Finding]:
    """Everything looked at; of the stacks on Azure only the one that is named, if one is.

    Raises:
        SetupError: there is no such stack.
    """
    return [finding for check in CHECKS for finding in (azure(stack) if check is azure else check())]
