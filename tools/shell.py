"""The environment that `pulumi` and our own commands need for one stack.

An emulator stack is wholly contained in the checkout: state, Pulumi's home with the stand-in plugin, the emulator's
endpoints. For a stack on Azure only the engine is put on PATH: login, backend and passphrase are the person's own.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from tools.cache import cache_folder
from tools.engine.find import find
from tools.progress import SetupError
from tools.stacks import Stack
from tools.versions import ROOT, pinned

HOME = ROOT / ".pulumi-home"
STATE = ROOT / ".pulumi-state"
STAND_IN = ROOT / "emulator" / "provider" / "bin" / "pulumi-resource-azure-native"
STACK_VARIABLE = "AZURE_MLOPS_STACK"
CONTAINED = (
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
    "PULUMI_HOME",
)
EMULATOR = (
    "ARM_METADATA_HOSTNAME",
    "ARM_DISABLE_INSTANCE_DISCOVERY",
    "ARM_SUBSCRIPTION_ID",
    "ARM_TENANT_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
PARALLEL = "64"


def engine_folder() -> Path:
    """Where the engine lies.

    Raises:
        SetupError: set-up has not run.
    """
    engine = find()
    if engine is None:
        raise SetupError("the Pulumi engine is missing: run `python3 tools/bootstrap.py`")
    return Path(engine.folder)


def search_path(folder: Path, current: str) -> str:
    """`current` with the engine's folder in front and nothing that an earlier `make env` put there."""
    kept = [entry for entry in current.split(os.pathsep) if entry and entry != str(folder) and not _is_ours(entry)]
    return os.pathsep.join([str(folder), *kept])


def _is_ours(entry: str) -> bool:
    return Path(entry).parent == cache_folder() and Path(entry).name.startswith("pulumi-")


def install_stand_in(home: Path = HOME) -> None:
    """Makes the emulator's plugin the azure-native plugin of this Pulumi home, and of no other."""
    folder = home / "plugins" / f"resource-azure-native-v{pinned('pulumi-azure-native')}"
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / STAND_IN.name
    text = f'#!/bin/sh\nexec {shlex.quote(str(STAND_IN))} "$@"\n'
    if not launcher.exists() or launcher.read_text() != text:
        launcher.write_text(text)
        launcher.chmod(0o755)


def common(current: Mapping[str, str]) -> dict[str, str]:
    """What every stack needs."""
    return {
        "PATH": search_path(engine_folder(), current.get("PATH", os.defpath)),
        "AZURE_MLOPS_CHECKOUT": str(ROOT),
        "ORT_DISABLE_TELEMETRY": "1",
        # Without byte code every start compiles pulumi-azure-native anew: 25 s instead of 7 s.
        "PYTHONDONTWRITEBYTECODE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_CONTINUE_ON_ERROR": "true",
        "PULUMI_PARALLEL": PARALLEL,
    }


def contained(state: Path = STATE, home: Path = HOME) -> dict[str, str]:
    """A backend and a Pulumi home of our own: for emulator stacks, and for previews that need no account."""
    state.mkdir(parents=True, exist_ok=True)
    install_stand_in(home)
    values = (f"file://{state}", "", "true", str(home))
    return dict(zip(CONTAINED, values, strict=True))


def variables(stack: Stack, current: Mapping[str, str]) -> dict[str, str | None]:
    """What a shell needs for this stack on top of `current`; None stands for a variable that has to go."""
    values: dict[str, str | None] = {
        **common(current),
        STACK_VARIABLE: stack.name,
        "PULUMI_STACK": stack.name,  # so that "run `pulumi refresh`" can be typed as it stands
    }
    if stack.emulated:
        from emulator.settings import default_state
        from emulator.supervisor import EmulatorError, Supervisor

        try:
            return {**values, **contained(), **Supervisor(default_state()).environment()}
        except EmulatorError as error:
            raise SetupError(str(error)) from None
    was_contained = current.get("PULUMI_HOME") == str(HOME)
    return {**values, **{name: None for name in (*CONTAINED, *EMULATOR) if was_contained and name in current}}


def environment(stack: Stack, current: Mapping[str, str] | None = None) -> dict[str, str]:
    """A whole environment for a child process that works on this stack."""
    merged: dict[str, str | None] = {**(current or os.environ)}
    merged.update(variables(stack, current or os.environ))
    return {name: value for name, value in merged.items() if value is not None}


def enter(stack: Stack) -> dict[str, str]:
    """Makes this process one that works on the stack, with nothing left of the stack its shell was made for; gives its
    environment.
    """
    values = environment(stack)
    for name in set(os.environ) - set(values):
        del os.environ[name]
    os.environ.update(values)
    return values


def export_lines(values: Mapping[str, str | None]) -> list[str]:
    """Lines for a shell to `eval`."""
    return [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}" for name, value in values.items()
    ]
