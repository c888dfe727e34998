"""A registered model on this machine, laid out as Azure lays it out below `AZUREML_MODEL_DIR`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import workspace_id
from emulator.machine_learning.jobs.inputs import JobFailure
from emulator.machine_learning.jobs.runner import files
from emulator.machine_learning.locations import UnresolvedReference
from emulator.store import Document

if TYPE_CHECKING:
    from emulator.machine_learning.service import MachineLearningService


@dataclass(frozen=True)
class ModelFiles:
    """`folder` holds the model's file, or its folder under the folder's own name."""

    name: str
    version: str
    folder: Path

    @classmethod
    def fetch(cls, service: MachineLearningService, model: Document, folder: Path, log: Path) -> ModelFiles:
        """Copies a model from blob storage.

        Raises:
            ServiceError: it cannot be read, with Azure's code.
        """
        name, version = model.resource.names[-2:]
        uri, began = model.properties["modelUri"], time.monotonic()
        folder.mkdir(parents=True)
        try:
            location = service.references.location(workspace_id(model.id), uri)
            single = service.storage.is_blob(location)
            inside = folder if single else folder / Path(location.path).name
            service.preparation.inputs.copy(location, inside, single=single)
        except (UnresolvedReference, JobFailure, FileNotFoundError) as error:
            message = f"Unable to download user model '{name}:{version}' from {uri}: {error}."
            files.append(log, message)
            raise ServiceError(400, "BadArgument", message) from None
        count = sum(1 for file in folder.rglob("*") if file.is_file())
        files.append(log, f"Downloaded model {name}:{version}, {count} files, in {time.monotonic() - began:.2f} s")
        return cls(name, version, folder)
