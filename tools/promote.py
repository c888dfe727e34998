"""Lifts the rejection of a model version and makes it what the next `up` rolls out."""

from __future__ import annotations

from rich.console import Console

from ml.clients.events import Event, Events
from ml.clients.lease import kept, rollout_lock
from ml.clients.models import ModelRecord, Models
from ml.gate.verdict import GENERATED
from ml.jobs.trained_model import data_source
from ml.rollout.core.record import generated_serves
from ml.rollout.core.writer import whoami
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
    report(system, record, before, console)
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


def report(system: DeployedSystem, record: ModelRecord, before: str | None, console: Console) -> None:
    """Writes it into the system's history, and warns when the version was trained on generated data."""
    if record.rejections or before != str(record.version):
        lifted = "; ".join(dict.fromkeys(reason or "no reason given" for reason in record.rejections.values()))
        event = Event(
            kind="lifted",
            version=record.version,
            reason=f"was rejected: {lifted}" if lifted else "made the champion by hand",
            before=int(before) if before and before.isdecimal() else None,
        )
        if problem := Events(system.workspace, system.name).append(event):
            console.print(f"{system.name}: {problem}", markup=False)
    if data_source(system.workspace, record) == GENERATED:
        console.print(generated_serves(record.version), markup=False)
