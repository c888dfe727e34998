"""The models client against the emulator: numbers, champion, rejections, files, and writers at the same time."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import arm
from ml.clients.datastore import Folder, container, folder_uri
from ml.clients.errors import CloudError
from ml.clients.models import ModelRecord, Models
from ml.clients.workspace import API_VERSION, Workspace
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.azureml_workspace import fixture_workspace

__all__ = ["fixture_workspace"]


@pytest.fixture(name="models")
def fixture_models(workspace: Made) -> Iterator[Models]:
    """A model nobody has registered yet."""
    made = Models(Workspace(SUBSCRIPTION_ID, workspace.name, workspace.name), f"model-{uuid.uuid4().hex[:8]}")
    yield made
    made.purge()


def upload(models: Models, content: bytes) -> tuple[str, str]:
    """Puts a `model.onnx` with a file beside it into the workspace: its folder's URI and its digest."""
    folder = f"systems/test/{uuid.uuid4().hex}/model"
    with container(models.workspace) as client:
        client.upload_blob(f"{folder}/model.onnx", content)
        client.upload_blob(f"{folder}/plots/roc.txt", b"a curve")
    return folder_uri(folder), hashlib.sha256(content).hexdigest()


def register(models: Models, content: bytes, **tags: str) -> ModelRecord:
    """Uploads and registers."""
    uri, sha256 = upload(models, content)
    return models.register(uri, properties={"sha256": sha256, "source": uri}, tags=tags)


def test_versions_are_numbered_and_found_by_their_file(models: Models) -> None:
    assert models.list() == []
    assert models.champion() is None
    assert models.find_by_sha256("0" * 64) is None
    first, second = register(models, b"one", claim="a"), register(models, b"two")
    assert (first.version, second.version) == (1, 2)
    assert first.tags == {"claim": "a"}
    assert [one.version for one in models.list()] == [1, 2]
    found = models.find_by_sha256(hashlib.sha256(b"two").hexdigest())
    assert found == second
    assert models.get(3) is None


def test_the_same_file_is_one_version(models: Models) -> None:
    first = register(models, b"one")
    again = register(models, b"one")
    assert again == first
    assert register(models, b"two").version > first.version


def test_files_are_what_was_registered(models: Models, tmp_path: Path) -> None:
    made = register(models, b"weights")
    folder = models.files(made.version, tmp_path / "files")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*")) == [
        "model.onnx",
        "plots/roc.txt",
    ]
    assert (folder / "model.onnx").read_bytes() == b"weights"
    assert models.sha256_of(made.version) == made.sha256
    stored = Folder(models.workspace, made.uri)
    assert stored.names() == ["model.onnx", "plots/roc.txt"]
    assert stored.read("nothing.json") is None
    assert Folder(models.workspace, folder_uri("systems/test/empty")).sha256("model.onnx") is None
    with pytest.raises(CloudError, match="nothing at"):
        Folder(models.workspace, folder_uri("systems/test/empty")).download(tmp_path / "empty")
    with pytest.raises(CloudError, match="no folder of a datastore"):
        Folder(models.workspace, "https://example.invalid/model").names()


def test_the_champion_is_a_tag_beside_other_tags(models: Models) -> None:
    register(models, b"one")
    register(models, b"two")
    models.set_champion(1)
    models.set_champion(2)
    assert models.champion() == 2
    assert register(models, b"three").version == 3
    assert models.champion() == 2
    with pytest.raises(CloudError, match="no version 9"):
        models.set_champion(9)


def test_rejections_are_remembered_by_image_and_cleared(models: Models) -> None:
    version = register(models, b"one", claim="mine").version
    assert models.rejection(version) == {}
    models.reject(version, "sha256:a", "wrong\nanswer")
    models.reject(version, "sha256:b", "crashed")
    assert models.rejection(version) == {"sha256:a": "wrong answer", "sha256:b": "crashed"}
    models.clear_rejection(version)
    assert models.required(version).tags == {"claim": "mine"}


def test_an_archived_version_is_still_found(models: Models) -> None:
    made = register(models, b"one", claim="mine")
    assert models.archive(made.version).archived
    found = models.find_by_sha256(made.sha256)
    assert found is not None
    assert found.archived
    assert models.tag(made.version, {"claim": "yours"}).archived
    assert not models.tag(made.version, {}, archived=False).archived
    assert models.required(made.version).tags == {"claim": "yours"}
    assert models.required(made.version).properties == made.properties


def test_writers_at_the_same_time_share_no_number(models: Models) -> None:
    uploaded = [upload(models, f"weights {index}".encode()) for index in range(6)]
    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(lambda one: models.register(one[0], properties={"sha256": one[1]}, tags={}), uploaded, timeout=60)
        )
    assert sorted(one.version for one in made) == [1, 2, 3, 4, 5, 6]
    assert {one.version: one.sha256 for one in models.list()} == {one.version: one.sha256 for one in made}
    assert [one.sha256 for one in made] == [sha256 for _, sha256 in uploaded]


def test_writers_of_one_file_get_one_version(models: Models) -> None:
    uploaded = [upload(models, b"the same") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(lambda one: models.register(one[0], properties={"sha256": one[1]}, tags={}), uploaded, timeout=60)
        )
    assert len(models.list()) == 1
    assert {one.version for one in made} == {models.list()[0].version}


def test_a_number_in_whose_way_was_a_duplicate_is_free_again(models: Models) -> None:
    """Another writer deletes its duplicate between our refusal and our look at what is there."""
    other, get = register(models, b"a duplicate"), models.get
    with pytest.MonkeyPatch.context() as patch:

        def taken_back(version: int) -> ModelRecord | None:
            patch.undo()
            arm().delete(f"{models.path}/versions/{version}", API_VERSION)
            return get(version)

        patch.setattr(models, "_next_version", lambda: other.version)
        patch.setattr(models, "get", taken_back)
        made = register(models, b"ours")
    assert [one.sha256 for one in models.list()] == [made.sha256]


def test_purge_leaves_nothing(models: Models) -> None:
    register(models, b"one")
    models.archive(register(models, b"two").version)
    models.set_champion(1)
    models.purge()
    assert models.list() == []
    assert models.champion() is None
    assert register(models, b"three").version == 1
