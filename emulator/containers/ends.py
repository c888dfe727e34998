"""Containers that ended for good, kept on disk: what has run once must not run again because the emulator did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from emulator.containers.container import Container, ContainerState
from emulator.containers.specification import ContainerSpecification, Probe

FILE = "end.json"


def write_end(folder: Path, container: Container) -> None:
    """Notes how a container ended, all of it or nothing: half a note would let it run again."""
    end = {"specification": fingerprint(container.specification), "state": asdict(container.current)}
    new = folder / f"{FILE}.new"
    new.write_text(json.dumps({**end, "restarts": container.restarts}))
    new.replace(folder / FILE)


def forget_end(folder: Path) -> None:
    """Removes the note."""
    (folder / FILE).unlink(missing_ok=True)


def take_up_end(folder: Path, container: Container) -> bool:
    """Brings a container into the state it ended in; False when there is no note of one with its specification."""
    try:
        end = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return False
    if end["specification"] != fingerprint(container.specification):
        return False
    container.enter(ContainerState(**end["state"]))
    container.restarts = end["restarts"]
    return True


def fingerprint(specification: ContainerSpecification) -> str:
    """A digest of a specification; its environment is not to be read from it."""
    text = json.dumps(vars(specification), default=_plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Probe):
        return vars(value)
    return dict(value) if isinstance(value, Mapping) else str(value)
