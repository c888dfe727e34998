"""`ContainerImage` against the emulator: what it builds, adopts and refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.images import Images
from emulator.settings import SUBSCRIPTION_ID
from ml.clients.datastore import container, folder_uri
from ml.clients.errors import CloudError
from ml.clients.models import ModelRecord, Models
from ml.clients.registry import ContainerRegistry
from ml.clients.workspace import Workspace
from ml.images.context import MODEL_FILES
from ml.progress import Failure
from ml.resources.container_image import ContainerImageProvider
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.azureml_workspace import fixture_workspace, until
from tests.contract.rollout_place import shared_place
from tests.unit.scoring.models import people, write_model

__all__ = ["fixture_workspace"]


@pytest.fixture(scope="module", name="registry")
def fixture_registry(workspace: Made, tmp_path_factory: pytest.TempPathFactory) -> ContainerRegistry:
    """That of the rollouts, so that the packages of a scoring server go into an image once."""
    return shared_place(workspace, tmp_path_factory.mktemp("place")).registry


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


def register(models: Models, folder: Path, sha256: str = "") -> ModelRecord:
    """Uploads a model's folder and registers it, by default under the digest it has."""
    path = f"systems/test/{uuid.uuid4().hex}/model"
    with container(models.workspace) as client:
        for name in MODEL_FILES:
            client.upload_blob(f"{path}/{name}", (folder / name).read_bytes())
    found = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    known = {"sha256": sha256 or found, "job": "job-1", "data": "d1", "commit": "c1"}
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
    assert configuration.exposed_ports == ("5001/tcp",)
    assert configuration.environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert configuration.labels["ml.sha256"] == record.sha256
    inside = root / "app/model/model.onnx"
    assert hashlib.sha256(inside.read_bytes()).hexdigest() == record.sha256
    identity = json.loads((root / "app/model/model.json").read_text())
    assert (identity["system"], identity["version"]) == ("bike_buyer", record.version)
    assert (identity["job"], identity["data"], identity["commit"]) == ("job-1", "d1", "c1")
    served = version_served(root, tmp_path / "server.log")
    assert (served["sha256"], served["version"]) == (record.sha256, record.version)
    assert ContainerImageProvider().create(given).outs == made.outs, "the second time it is adopted"


def version_served(root: Path, log: Path) -> dict[str, Any]:
    """What `/version` says of the server in an unpacked image, run by this machine's Python without any package."""
    variables = {
        "PYTHONPATH": f"{root}/app:{root}/opt/env",
        "MODEL_DIR": f"{root}/app/model",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "ORT_DISABLE_TELEMETRY": "1",
    }
    python = Path(sys.base_prefix, "bin", "python3.11")
    with log.open("w") as output:
        command = [str(python), "-s", "-m", "ml.scoring"]
        process = subprocess.Popen(command, cwd=root / "app", env=variables, stdout=output, stderr=output)
    try:
        said = until(lambda: [json.loads(line) for line in log.read_text().splitlines() if '"listening"' in line])
        address = f"http://127.0.0.1:{said[0]['port']}"
        until(lambda: httpx.get(f"{address}/ready").status_code == 200)
        answer: dict[str, Any] = httpx.get(f"{address}/version").json()
        return answer
    finally:
        process.terminate()
        process.wait(30)


def test_a_new_model_shares_all_layers_but_one(
    registry: ContainerRegistry, models: Models, folder: Path, tmp_path: Path
) -> None:
    first = register(models, folder)
    other = tmp_path / "other"
    write_model(other, people(tmp_path / "people"), turns=1)
    (other / "provenance.json").write_text("{}")
    second = register(models, other)
    assert second.version != first.version
    digests = [
        (ContainerImageProvider().create(inputs(models, registry, record)).outs or {})["digest"]
        for record in (first, second)
    ]
    with registry._client() as client:
        manifests = [dict(client.get_manifest("bike-buyer", digest).manifest or {}) for digest in digests]
    one, two = ([layer["digest"] for layer in manifest["layers"]] for manifest in manifests)
    assert one[:-1] == two[:-1]
    assert one[-1] != two[-1]
    assert manifests[1]["layers"][-1]["size"] < 1_000_000


def test_a_tampered_model_is_refused_with_both_digests(
    registry: ContainerRegistry, models: Models, folder: Path
) -> None:
    evaluated = "0" * 64
    record = register(models, folder, evaluated)
    found = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    given = inputs(models, registry, record)
    with pytest.raises(Failure, match=f"sha256 {found}, evaluated was {evaluated}: no image is built"):
        ContainerImageProvider().create(given)
    assert registry.digest("bike-buyer", given["tag"]) is None


def test_a_model_without_golden_requests_and_a_missing_version_are_refused(
    registry: ContainerRegistry, models: Models, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "bare")
    record = register(models, tmp_path / "bare")
    with container(models.workspace) as client:
        path = record.uri.partition("/paths/")[2].rstrip("/")
        client.delete_blob(f"{path}/golden.json")
    with pytest.raises(Failure, match=r"has no golden\.json at azureml"):
        ContainerImageProvider().create(inputs(models, registry, record))
    given = inputs(models, registry, record, version=77.0)
    with pytest.raises(Failure, match=r"there is no image-.*:77 .* run `pulumi refresh`"):
        ContainerImageProvider().create(given)


def test_an_image_is_gone_when_it_is_deleted_and_stays_when_its_resource_goes(
    registry: ContainerRegistry, models: Models, folder: Path
) -> None:
    provider = ContainerImageProvider()
    made = provider.create(inputs(models, registry, register(models, folder)))
    assert made.outs is not None
    provider.delete(made.id, made.outs)
    assert provider.read(made.id, made.outs).outs == made.outs
    registry.purge("bike-buyer")
    assert provider.read(made.id, made.outs).id == ""
    again = provider.create(inputs(models, registry, register(models, folder)))
    assert (again.outs or {})["digest"] == made.outs["digest"], "the same inputs, the same bytes"
    registry.purge("bike-buyer")
    assert registry.tags("bike-buyer") == {}


def tamper(registry: ContainerRegistry, digest: str, tag: str) -> None:
    """Puts another image under a tag."""
    with registry._client() as client:
        manifest = dict(client.get_manifest("bike-buyer", digest).manifest or {})
        client.set_manifest("bike-buyer", {**manifest, "annotations": {"tampered": "yes"}}, tag=tag)


def test_its_tag_cannot_be_moved(registry: ContainerRegistry, models: Models, folder: Path) -> None:
    made = ContainerImageProvider().create(inputs(models, registry, register(models, folder)))
    assert made.outs is not None
    with pytest.raises(CloudError, match=r"405.*DENIED: The operation is disallowed"):
        tamper(registry, made.outs["digest"], made.outs["tag"])
    assert registry.digest("bike-buyer", made.outs["tag"]) == made.outs["digest"]
