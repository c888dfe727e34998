"""A model that serves in another stack: its files and its image arrive as they were proved there, or not at all."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.datastore import Folder, folder_uri
from ml.clients.models import FILE, ModelRecord, Models
from ml.clients.registry import ContainerRegistry
from ml.clients.workspace import Workspace
from ml.identity.values import Properties
from ml.progress import Failure
from ml.resources.imported_image import ImportedImageProvider
from ml.resources.model_version import ModelVersionProvider
from ml.resources.promoted_model import PromotedModelProvider
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.azureml_workspace import fixture_workspace
from tests.contract.image_builder import BASE, PYTHON, make_registry

__all__ = ["fixture_workspace"]
IMAGE = f"sha256:{'b' * 64}"
ONE, OTHER = b"one model", b"another one"


class Proved:
    """Version 7 of a model that nobody has promoted yet, and the resources that promote it, in one workspace: source
    and target differ by the name of the model.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.system = f"s{uuid.uuid4().hex[:8]}"
        self.workspace = Workspace(SUBSCRIPTION_ID, name, name)
        self.uri = folder_uri(f"systems/{self.system}/jobs/trained/model")
        self.models = Models(self.workspace, self.system)
        self.folder = folder
        self.store(ONE)
        self.record = self.register(7)

    def store(self, content: bytes) -> None:
        """Puts a model where the training job left it."""
        self.folder.joinpath(FILE).write_bytes(content)
        recorded = {"commit": "c0ffee", "data": {"source": "real"}, "artefacts": {FILE: sha256(ONE)}}
        self.folder.joinpath("provenance.json").write_text(json.dumps(recorded))
        self.folder.joinpath("golden.json").write_text("[]")
        Folder(self.workspace, self.uri).upload(self.folder)

    def register(self, version: int) -> ModelRecord:
        """As the gate of the other stack has let it through."""
        properties = {
            "sha256": sha256(ONE),
            "source": self.uri,
            "metrics": '{"auc":0.8}',
            "data": "d1",
            "job": "trained",
        }
        given = {**properties, "commit": "c0ffee", "dataSource": "real"}
        return self.models.register_as(version, self.uri, properties=given, tags={})

    def source(self, **changes: Any) -> Properties:
        """What the other stack says."""
        names = {"subscriptionId": SUBSCRIPTION_ID, "resourceGroupName": self.workspace.name}
        said = {"stack": "dev", "version": 7, "sha256": sha256(ONE), "image": f"cr.azurecr.io/x@{IMAGE}"}
        place = {"registryId": "/subscriptions/x", "workspace": {**names, "workspaceName": self.workspace.name}}
        return {**said, **place, **changes}

    def inputs(self, **changes: Any) -> Properties:
        """Of a promotion."""
        source = self.source(**changes)
        return {"system": self.system, "model": self.system, "workspace": source["workspace"], "source": source}

    def promote(self, **changes: Any) -> Properties:
        """The outputs of a promotion."""
        return PromotedModelProvider().ensure(self.inputs(**changes))[1]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(name="registries", scope="module")
def fixture_registries(emulator: RunningEmulator) -> tuple[ContainerRegistry, ContainerRegistry]:
    """That of the other stack, and that of this one."""
    return make_registry(), make_registry()


@pytest.fixture(name="proved")
def fixture_proved(workspace: Made, tmp_path: Path) -> Iterator[Proved]:
    made = Proved(workspace.name, tmp_path)
    yield made
    made.models.purge()


def test_the_files_are_copied_once_and_say_where_they_are_from(proved: Proved) -> None:
    found = proved.promote()
    copied = Folder(proved.workspace, found["artefact"])
    assert copied.names() == ["golden.json", FILE, "provenance.json"]
    assert copied.sha256(FILE) == sha256(ONE)
    expected = {"data": "d1", "job": "trained", "commit": "c0ffee", "dataSource": "real", "promotedFrom": "dev:7"}
    assert found["provenance"] == {**expected, "sha256": sha256(ONE)}
    proved.store(OTHER)
    assert proved.promote() == found, "what is there is adopted, whatever became of the source"


def test_a_copy_that_somebody_changed_is_gone_for_a_refresh_and_copied_again(proved: Proved) -> None:
    found, provider = proved.promote(), PromotedModelProvider()
    state = {**proved.inputs(), **found}
    assert provider.observe("dev:7", state) == {}
    other = proved.folder / "other"
    other.mkdir()
    other.joinpath(FILE).write_bytes(OTHER)
    Folder(proved.workspace, found["artefact"]).upload(other)
    assert provider.observe("dev:7", state) is None
    assert Folder(proved.workspace, proved.promote()["artefact"]).sha256(FILE) == sha256(ONE)


def test_a_model_that_was_tampered_with_is_refused(proved: Proved) -> None:
    proved.store(OTHER)
    with pytest.raises(
        Failure, match=rf"recorded {sha256(ONE)}, now it is {sha256(OTHER)}\): nothing of .*:7 of stack"
    ):
        proved.promote()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": sha256(OTHER)}, f"is registered there with sha256 {sha256(ONE)}, the stack says that"),
        ({"version": 8}, "8 of stack dev is not in its workspace"),
        ({"problem": "stack dev has not been deployed yet"}, "is not promoted: stack dev has not been deployed yet"),
    ],
)
def test_what_the_other_stack_says_must_be_true(proved: Proved, changes: Properties, says: str) -> None:
    with pytest.raises(Failure, match=says):
        proved.promote(**changes)


def test_an_image_that_was_rejected_there_is_not_promoted_and_another_one_of_the_version_is(proved: Proved) -> None:
    proved.models.reject(7, IMAGE, "wrong scores")
    with pytest.raises(Failure, match=r"was rejected there \(wrong scores\).*make refresh STACK=dev"):
        proved.promote()
    assert proved.promote(image=f"cr.azurecr.io/x@sha256:{'c' * 64}")["job"] == "trained"


def test_a_promoted_version_keeps_its_number_or_is_refused(proved: Proved) -> None:
    found = proved.promote()
    here = {**proved.inputs(), "model": f"{proved.system}-here", "sha256": sha256(ONE), "metrics": {"auc": 0.7}}
    given = {**here, "source": {"uri": found["artefact"], "job": "trained"}, "provenance": found["provenance"]}
    there = Models(proved.workspace, here["model"])
    made = ModelVersionProvider().ensure(given)[1]
    assert made["version"] == 7
    record = there.required(7)
    assert (record.properties["promotedFrom"], record.properties["job"]) == ("dev:7", "trained")
    assert record.figures == {"auc": 0.7}, "those of this stack's gate"
    again = ModelVersionProvider().ensure(given)[1]
    assert (again["version"], again["uri"]) == (made["version"], made["uri"])
    with pytest.raises(
        Failure, match=r":7 of workspace .* is another model, trained by trained, and the image of dev:7"
    ):
        ModelVersionProvider().ensure({**given, "sha256": sha256(OTHER)})
    there.purge()


def test_the_image_arrives_by_its_digest_and_another_one_under_its_tag_is_refused(
    registries: tuple[ContainerRegistry, ContainerRegistry], proved: Proved
) -> None:
    there, here = registries
    digest = there.digest(*BASE.split(":"))
    assert digest is not None
    source = proved.source(image=there.reference(BASE.partition(":")[0], digest), registryId=there.id)
    registry = {"id": here.id, "loginServer": here.login_server}
    inputs = {**proved.inputs(), "registry": registry, "version": 7, "sha256": sha256(ONE), "source": source}
    provider = ImportedImageProvider()
    given = provider.derive(inputs, {})
    assert given["tag"] == digest
    found = provider.ensure(given)[1]
    assert found == {"image": here.reference(proved.system, digest), "digest": digest}
    assert provider.observe(digest, {**given, **found}) == {}
    other = f"other{proved.system}"
    here.import_image("docker.io/library/python:3.11", f"{other}:dev-{digest[7:19]}")
    with pytest.raises(Failure, match=rf"is sha256:\w+, but stack dev serves {digest}.*nothing is rolled out"):
        provider.ensure({**given, "system": other})


def test_of_a_champion_that_stays_the_image_is_the_one_it_serves_in(
    registries: tuple[ContainerRegistry, ContainerRegistry], proved: Proved
) -> None:
    here = registries[1]
    here.import_image(PYTHON, f"{proved.system}:mine")
    image = here.reference(proved.system, str(here.digest(proved.system, "mine")))
    provider, registry = ImportedImageProvider(), {"id": here.id, "loginServer": here.login_server}
    inputs = {**proved.inputs(), "registry": registry, "version": 7, "sha256": sha256(ONE)}
    inputs["source"] = proved.source(version=8, sha256=sha256(OTHER))
    given = provider.derive(inputs, {})
    with pytest.raises(Failure, match=r"7 stays, but the image that it served in \(not noted\) is not in"):
        provider.ensure(given)
    proved.models.tag(7, {"image": image})
    assert provider.ensure(given)[1]["image"] == image
    before = {"tag": "sha256:before", "version": 7, "sha256": sha256(ONE)}
    assert provider.derive(inputs, before)["tag"] == "sha256:before", "nothing follows a champion that stays"
