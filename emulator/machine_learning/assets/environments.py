"""Environments: an image, packages, or a build context."""

from __future__ import annotations

from emulator.errors import ServiceError
from emulator.interpreters import find_interpreter
from emulator.machine_learning.assets.asset import AssetVersion
from emulator.machine_learning.assets.packages import InvalidPackages, read_packages
from emulator.store import Document


class EnvironmentVersion(AssetVersion):
    """A version of an environment. The packages of its conda file are installed when the first job needs them."""

    kind = "environments"
    defaults = {"environmentType": "UserCreated", "osType": "Linux", "autoRebuild": "Disabled"}  # noqa: RUF012

    def complete(self, document: Document) -> None:
        properties = document.properties
        if not properties.get("image") and not properties.get("build"):
            raise ServiceError(
                400, "UserError", "An environment needs an 'image' or a 'build' context.", target="image"
            )
        if properties.get("condaFile"):
            try:
                python = read_packages(properties["condaFile"]).python
                if python:
                    find_interpreter(python)
            except (InvalidPackages, LookupError) as error:
                message = f"The conda file cannot be used here: {error}."
                raise ServiceError(400, "UserError", message, target="condaFile") from None
