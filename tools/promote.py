"""Lifts the rejection of a model version and makes it what the next `up` rolls out."""

from __future__ import annotations

from rich.console import Console

from ml.clients.lease import kept, rollout_lock
from ml.clients.models import Models
from ml.resources.rollout_writer import whoami
from tools.deployed_system import DeployedSystem
from tools.progress import SetupError
from tools.summary import of_stack


def run(system: DeployedSystem, version: int, console: Console) -> None:
    """Does it and says what to run next. What serves stays until then.

    Raises:
        SetupError: there is no such version, or a rollout is under way.
    """
    models = Models(system.workspace, system.model)
    record = models.get(version)
    if record is None:
        known = ", ".join(str(one.version) for one in models.list()) or "none"
        raise SetupError(f"VERSION={version}: {system.model} has no such version. Its versions: {known}.")
    with rollout_lock(system.workspace, system.name) as lock:
        lease = lock.try_acquire({"doing": f"promoting version {version}", **whoami()})
        if lease is None:
            who = lock.holder().about.get("who", "somebody")
            raise SetupError(f"a rollout of {system.name} is under way ({who}): wait for it, or `make rollback` first")
        with kept(lease):
            before = models.champion_tag()
            models.clear_rejection(version)
            if before != str(version):
                models.set_champion(version)
    for digest, reason in record.rejections.items():
        text = f"Lifted: {system.model} version {version} in image {digest[:19]}… was rejected ({reason})"
        console.print(text, markup=False)
    if before == str(version):
        console.print(f"{system.model} version {version} is the champion already.")
        return
    console.print(
        f"{system.model} version {version} is the champion; version {before or 'none'} serves until it took over."
    )
    told = "".join(f" {word}" for word in of_stack(system.stack))
    console.print(f"Next: make refresh{told} && make up{told}", markup=False)
