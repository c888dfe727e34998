"""`ContainerImage` against the emulator: what it builds, adopts and refuses."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.images import Images
from emulator.settings import SUBSCRIPTION_ID
from ml.clients.datastore import container, folder_uri
from ml.clients.models import ModelRecord, Models
from ml.clients.registry import ContainerRegistry
from ml.clients.workspace import Workspace
from ml.resources.container_image import ContainerImageProvider
from ml.resources.host import Failure
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.azureml_workspace import fixture_workspace
from tests.contract.image_builder import make_registry
from tests.unit.scoring.models import people, write_model

__all__ = ["fixture_workspace"]
FEATURES = "ml/systems/bike_buyer/features.yaml"
ENTRY = [sys.executable, "-m", "ml.scoring"]


@pytest.fixture(scope="module", name="registry")
def fixture_registry(emulator: RunningEmulator) -> ContainerRegistry:
    return make_registry()


@pytest.fixture(name="models")
def fixture_models(workspace: Made) -> Iterator[Models]:
    made = Models(Workspace(SUBSCRIPTION_ID, workspace.name, workspace.name), f"image-{uuid.uuid4().hex[:8]}")
    yield made
    made.purge()


@pytest.fixture(scope="module", name="folder")
def fixture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model's folder."""
    folder = tmp_path_factory.mktemp("model")
    write_model(folder, people(tmp_path_factory.mktemp("people")))
    (folder / "provenance.json").write_text("{}")
    return folder


def register(models: Models, folder: Path) -> ModelRecord:
    """Uploads a model's folder and registers it."""
    path = f"systems/test/{uuid.uuid4().hex}/model"
    with container(models.workspace) as client:
        for name in ("model.onnx", "golden.json", "provenance.json"):
            client.upload_blob(f"{path}/{name}", (folder / name).read_bytes())
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    known = {"sha256": sha256, "job": "job-1", "data": "d1", "commit": "c1"}
    return models.register(folder_uri(path), properties=known, tags={})


def inputs(models: Models, registry: ContainerRegistry, record: ModelRecord, **others: Any) -> dict[str, Any]:
    """What the engine hands to `create`, after `check`."""
    given = {
        "system": "bike_buyer",
        "model": models.name,
        "version": float(record.version),
        "sha256": record.sha256,
        "workspace": {
            "subscriptionId": SUBSCRIPTION_ID,
            "resourceGroupName": models.workspace.resource_group,
            "workspaceName": models.workspace.name,
        },
        "registry": {
            "id": registry.id,
            "loginServer": registry.login_server,
            "name": registry.login_server.partition(".")[0],
        },
        "features": FEATURES,
        "environment": "scoring",
        "timeoutMinutes": 10,
        **others,
    }
    result = ContainerImageProvider().check({}, given)
    assert not result.failures, [(one.property, one.reason) for one in result.failures]
    return dict(result.inputs)


def unpacked(emulator: RunningEmulator, registry: ContainerRegistry, image: str, folder: Path) -> tuple[Any, Path]:
    """The image's configuration and root."""
    name = registry.login_server.partition(".")[0]
    files = RegistryFiles(emulator.settings.state / "container-registry" / name / "storage")
    images = Images(folder, lambda server: files if server == registry.login_server else None)
    return images.configuration(image), images.unpack(image)


def test_the_image_serves_the_registered_model(
    emulator: RunningEmulator, registry: ContainerRegistry, models: Models, folder: Path, tmp_path: Path
) -> None:
    record = register(models, folder)
    given = inputs(models, registry, record)
    made = ContainerImageProvider().create(given)
    assert made.id == given["tag"]
    assert made.outs is not None
    assert made.outs["image"] == registry.reference("bike-buyer", made.outs["digest"])
    configuration, root = unpacked(emulator, registry, made.outs["image"], tmp_path / "images")
    assert (configuration.entrypoint, configuration.user) == (("python3", "-m", "ml.scoring"), "10001")
    assert configuration.environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert configuration.labels["ml.sha256"] == record.sha256
    inside = root / "app" / "model" / "model.onnx"
    assert hashlib.sha256(inside.read_bytes()).hexdigest() == record.sha256
    assert json.loads((root / "app" / "model" / "model.json").read_text())["job"] == "job-1"
    answer = served(root)
    assert answer["sha256"] == record.sha256
    again = ContainerImageProvider().create(given)
    assert again.outs == made.outs, "adopted"


def served(root: Path) -> Any:
    """What `/version` says of the server in an unpacked image, run on this machine."""
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    variables = {
        "PYTHONPATH": f"{root}/app:{root}/opt/env",
        "MODEL_DIR": f"{root}/app/model",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "ORT_DISABLE_TELEMETRY": "1",
        "PATH": os.environ["PATH"],
    }
    import httpx

    with subprocess.Popen(
        [str(base), "-m", "ml.scoring"], cwd=root / "app", env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                print(line)
                if "port" in line:
                    said = json.loads(line)
                    return httpx.get(f"http://127.0.0.1:{said['port']}/version").json()
        finally:
            process.terminate()
