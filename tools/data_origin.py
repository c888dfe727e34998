"""Where the systems' data comes from: what `up` and `preview` say of it, and what printed commands need."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.choice import GENERATED, WORD, Remembered, generated_wanted
from ml.data.source import VARIABLE, DataSourceError
from tools.progress import SetupError
from tools.pulumi_cli import Pulumi
from tools.stacks import PROJECT, Stack
from tools.versions import ROOT

DATA_VERSION = ":DataVersion"


@dataclass(frozen=True)
class DataOrigin:
    """What a person said of the data, and what the stack remembers of it."""

    stack: Stack
    environment: Mapping[str, str]
    remembered: tuple[Remembered, ...] = ()

    @property
    def given(self) -> str:
        """The folder of the variable."""
        return self.environment.get(VARIABLE, "")

    @property
    def configured(self) -> str:
        """The folder of the stack's configuration."""
        return str((self._setting("data") or {}).get("directory") or "")

    def configured_of(self, system: str) -> str:
        """The folder of a system's own configuration, else of the stack's."""
        systems = self._setting("systems")
        own = (systems.get(system) or {}) if isinstance(systems, dict) else {}
        return str((own.get("data") or {}).get("directory") or self.configured)

    def _setting(self, key: str) -> Any:
        return self.stack.configuration().get("config", {}).get(f"{PROJECT}:{key}")

    @property
    def line(self) -> str:
        """Where the data comes from, in one line.

        Raises:
            SetupError: the named folder does not exist, or another word than `generated` is said of the data.
        """
        try:
            generated = generated_wanted(self.environment)
        except DataSourceError as error:
            raise SetupError(str(error)) from None
        named = self.given or self.configured
        if self.given or (named and not generated):
            return f"Data: the files in {self.existing(named)}"
        fix = f"{VARIABLE}=<folder> make up STACK={self.stack.name} trains on"
        if generated:
            return f"Data: {GENERATED} (seeded), as {WORD}={GENERATED} says. {fix} real files."
        folders = {str(one.folder.resolve()) for one in self.remembered if one.folder}
        if folders:
            return f"Data: the files in {', '.join(sorted(folders))}, as at the last up. {fix} others."
        if not self._setting("allowGeneratedData"):
            return f"Data: what each data.lock records, from what the workspace has of it. {fix} other files."
        real = [one for one in self.remembered if one.real]
        if real:
            versions = ", ".join(f"{one.asset} {one.digest}" for one in real)
            gone = ", ".join(sorted({one.directory for one in real if one.directory}))
            return (
                f"Data: as at the last up ({versions}), from the workspace: not in {gone} any more. {fix} other files."
            )
        return f"Data: generated (seeded). {fix} real files."

    def existing(self, named: str) -> Path:
        """A folder that was named.

        Raises:
            SetupError: there is none.
        """
        folder = ROOT / named
        if not folder.is_dir():
            key = VARIABLE if self.given else f"{PROJECT}:data.directory"
            raise SetupError(
                f"{key} = {named}: there is no such folder. Name the data's folder, or remove the setting."
            )
        return folder.resolve()

    @property
    def words(self) -> list[str]:
        """What has to stand before a later `make up` or `pulumi up` of the stack for the same data: nothing where the
        stack remembers it.
        """
        if self.given:
            known = [one.directory for one in self.remembered]
            same = bool(known) and all(one and (ROOT / one).resolve() == (ROOT / self.given).resolve() for one in known)
            return [] if same and not self.configured else [f"{VARIABLE}={shlex.quote(os.path.abspath(self.given))}"]
        needed = bool(self.configured) or any(one.real for one in self.remembered)
        return [f"{WORD}={GENERATED}"] if needed and self.environment.get(WORD) == GENERATED else []


def data_origin(pulumi: Pulumi) -> DataOrigin:
    """Of a stack as it is now; a stack that is not there remembers nothing."""
    state = pulumi.state_file()
    if state is not None:
        found = state.checkpoint().get("resources") or []
    else:
        found = pulumi.resources() if pulumi.exists() else []
    return DataOrigin(pulumi.stack, pulumi.environment, remembered(found))


def remembered(found: Sequence[Mapping[str, Any]]) -> tuple[Remembered, ...]:
    """What the data versions among a stack's resources say."""
    inputs = [one.get("inputs") or {} for one in found if one["type"].endswith(DATA_VERSION) and not one.get("delete")]
    return tuple(known for known in map(Remembered.of, inputs) if known is not None)
