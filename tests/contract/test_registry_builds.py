"""Builds in the registry: what Azure's tasks answer, what a build leaves, and what runs containers gets of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.images import Images
from emulator.errors import ServiceError
from ml.clients.arm import arm
from ml.clients.errors import CloudError
from ml.clients.registry import ContainerRegistry
from ml.clients.registry_builds import API_VERSION, RegistryBuilds
from tests.conftest import RunningEmulator
from tests.contract.azureml_workspace import until
from tests.contract.image_builder import BASE, DOCKERFILE, build_server_image, make_registry


@pytest.fixture(scope="module", name="registry")
def fixture_registry(emulator: RunningEmulator) -> ContainerRegistry:
    return make_registry()


@pytest.fixture(name="builds")
def fixture_builds(registry: ContainerRegistry) -> RegistryBuilds:
    return RegistryBuilds(registry)


@pytest.fixture(name="files")
def fixture_files(registry: ContainerRegistry, emulator: RunningEmulator) -> RegistryFiles:
    state = emulator.settings.state / "container-registry"
    return RegistryFiles(state / registry.id.rpartition("/")[2] / "storage")


@pytest.fixture(name="images")
def fixture_images(registry: ContainerRegistry, files: RegistryFiles, tmp_path: Path) -> Images:
    return Images(tmp_path, lambda server: files if server == registry.login_server else None)


def base(registry: ContainerRegistry) -> str:
    return registry.reference(*BASE.split(":"))


def context(folder: Path, dockerfile: str, **files: str) -> Path:
    """A build context; a file's name has `__` for its dot."""
    folder.mkdir(exist_ok=True)
    for name, text in {"Dockerfile": dockerfile, **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


# -- what a build gives


def test_the_same_inputs_give_the_same_digest_and_others_another(registry: ContainerRegistry) -> None:
    first = build_server_image(registry, tag="first")
    again = build_server_image(registry, tag="second")
    other = build_server_image(registry, tag="third", greeting="other")
    assert again == first
    assert other != first
    tags = registry.tags("greeter")
    assert tags["first"] == tags["second"] != tags["third"]


def test_a_run_is_azures(registry: ContainerRegistry, builds: RegistryBuilds, tmp_path: Path) -> None:
    source = builds.upload(context(tmp_path, f"FROM {base(registry)}\nCOPY a__txt /\n".replace("__", "."), a__txt="a"))
    run = builds.schedule(source, "shape:1", 60)
    assert run.status in ("Queued", "Running")
    until(lambda: builds.run(run.id).ended)
    document = arm().get(f"{registry.id}/runs/{run.id}", API_VERSION)
    assert document is not None
    properties = document["properties"]
    assert document["type"] == "Microsoft.ContainerRegistry/registries/runs"
    assert (properties["runId"], properties["runType"], properties["status"]) == (run.id, "QuickBuild", "Succeeded")
    assert properties["outputImages"] == [
        {
            "registry": registry.login_server,
            "repository": "shape",
            "tag": "1",
            "digest": registry.digest("shape", "1"),
        }
    ]
    assert properties["createTime"] <= properties["startTime"] <= properties["finishTime"]
    listed = arm().list(f"{registry.id}/runs", API_VERSION)
    assert listed[0]["name"] == run.id, "newest first"
    log = builds.log(run.id)
    assert "Step 2/2 : COPY a.txt /" in log
    assert f"Run ID: {run.id} was successful" in log


def test_layers_of_the_base_are_shared(registry: ContainerRegistry, builds: RegistryBuilds, tmp_path: Path) -> None:
    builds.build(context(tmp_path, f"FROM {base(registry)}\nCOPY a /\n", a="a"), "shared:1")
    builds.build(context(tmp_path, f"FROM {registry.reference('shared', '1')}\nCOPY b /\n", b="b"), "above:1")
    layers = [manifest_of(registry, repository)["layers"] for repository in ("shared", "above")]
    assert [len(one) for one in layers] == [2, 3]
    assert layers[1][:2] == layers[0]


def manifest_of(registry: ContainerRegistry, repository: str) -> dict[str, Any]:
    with registry._client() as client:
        return dict(client.get_manifest(repository, "1").manifest or {})


def test_the_log_of_a_running_build_is_told(
    registry: ContainerRegistry, builds: RegistryBuilds, tmp_path: Path
) -> None:
    told: list[str] = []
    folder = context(tmp_path, f"FROM {base(registry)}\nCOPY a /\n", a="a")
    digest = builds.build(folder, "told:1", progress=told.append)
    assert digest == registry.digest("told", "1")
    assert told[0] == "uploading the build context"
    assert told[1].startswith("build ca")
    assert told[1].endswith("lines of log")


# -- what cannot be built


@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        ("FROM {base}\nRUN pip install x\n", "line 2: RUN is not built by the emulator"),
        ("FROM {base}\nFROM {base}\n", "line 2: FROM begins a second stage"),
        ("FROM python:3.11\n", "line 1: FROM names python:3.11, which is not in this registry"),
        ("FROM {base}x\n", "which is not in the registry"),
        ("FROM {base}\nCOPY none /x\n", "line 2: COPY of 'none'"),
    ],
)
def test_a_failed_build_says_why_and_leaves_no_tag(
    registry: ContainerRegistry, builds: RegistryBuilds, tmp_path: Path, dockerfile: str, says: str
) -> None:
    folder = context(tmp_path, dockerfile.format(base=base(registry)))
    with pytest.raises(CloudError, match=says) as failed:
        builds.build(folder, "failed:1")
    assert "Downloading source code" in str(failed.value), "the log's tail"
    assert registry.digest("failed", "1") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "FileTaskRunRequest"}, "FileTaskRunRequest"),
        ({"platform": {"os": "Windows"}}, "windows/amd64"),
        ({"sourceLocation": "source/none.tar.gz"}, "is not there: upload it first"),
        ({"sourceLocation": None}, "lacks sourceLocation"),
        ({"target": "stage"}, "target 'stage'"),
    ],
)
def test_a_wrong_request_is_refused(
    registry: ContainerRegistry, builds: RegistryBuilds, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    source = builds.upload(context(tmp_path, "FROM scratch\n"))
    body = {
        "type": "DockerBuildRequest",
        "imageNames": ["x:1"],
        "dockerFilePath": "Dockerfile",
        "sourceLocation": source,
    }
    with pytest.raises(CloudError, match=says):
        arm().post(f"{registry.id}/scheduleRun", API_VERSION, {**body, **change})


def test_a_locked_tag_is_not_built_over(registry: ContainerRegistry) -> None:
    image = build_server_image(registry, tag="kept")
    registry.lock("greeter", "kept")
    with pytest.raises(CloudError, match="disallowed"):
        build_server_image(registry, tag="kept", greeting="other")
    assert registry.reference("greeter", registry.digest("greeter", "kept") or "") == image


def test_a_run_ends_when_it_is_cancelled_or_takes_too_long(
    registry: ContainerRegistry, builds: RegistryBuilds, tmp_path: Path
) -> None:
    steps = "".join(f"LABEL n{number}=x\n" for number in range(2000))
    source = builds.upload(context(tmp_path, f"FROM {base(registry)}\n{steps}"))
    run = builds.schedule(source, "cancelled:1", 600)
    until(lambda: builds.run(run.id).status == "Running")
    builds.cancel(run.id)
    until(lambda: builds.run(run.id).ended)
    assert (builds.run(run.id).status, registry.digest("cancelled", "1")) == ("Canceled", None)
    late = builds.schedule(source, "late:1", 1)
    until(lambda: builds.run(late.id).ended)
    assert (builds.run(late.id).status, registry.digest("late", "1")) == ("Timeout", None)


# -- unpacked


def test_an_unpacked_image_runs_as_its_configuration_says(
    registry: ContainerRegistry, images: Images, tmp_path: Path
) -> None:
    reference = build_server_image(registry, tag="run", greeting="unpacked")
    assert images.resolve(registry.reference("greeter", "run")) == reference
    configuration = images.configuration(reference)
    assert configuration.entrypoint == ("python3", "/app/server.py")
    assert configuration.environment["GREETING"] == "unpacked"
    assert (configuration.user, configuration.working_directory) == ("10001", "/app")
    assert configuration.exposed_ports == ("5001/tcp",)
    root = images.unpack(reference)
    assert images.unpack(reference) == root
    python = root / "usr/local/bin/python3"
    code = "import ssl, sqlite3, ctypes, sys; print(sys.prefix)"
    said = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(root / "usr/local"), "its own standard library"
    assert (root / "app/server.py").read_text().startswith('"""Answers every GET')


def test_images_share_files_on_disk(registry: ContainerRegistry, images: Images) -> None:
    first = images.unpack(build_server_image(registry, tag="a", greeting="a"))
    second = images.unpack(build_server_image(registry, tag="b", files={"server.py": "a layer of its own"}))
    assert first != second
    assert images.unpack(build_server_image(registry, tag="c", greeting="c")) == first, "it has the same layers"
    assert os.path.samefile(first / "usr/local/bin/python3.11", second / "usr/local/bin/python3.11")


def test_what_no_registry_has_any_more_is_removed(
    registry: ContainerRegistry, images: Images, files: RegistryFiles, tmp_path: Path
) -> None:
    kept = build_server_image(registry, tag="kept-image")
    assert images.unpack(kept).parent == tmp_path / "layers", "it has all that it needs"
    shared = set((tmp_path / "layers").iterdir())
    elsewhere = DOCKERFILE.replace("/app\n", "/work\n").format(base=registry.reference(*BASE.split(":")), greeting="x")
    changed = {"server.py": "another layer", "Dockerfile": elsewhere}
    gone = build_server_image(registry, tag="gone-image", files=changed)
    own = images.unpack(gone)
    layers = set((tmp_path / "layers").iterdir())
    assert len(layers) == len(shared) + 1
    assert (own.parent, [*(own / "work").iterdir()]) == (tmp_path, []), "a working directory that no layer has"
    for folder in (tmp_path, tmp_path / "layers"):
        (folder / ".killed.new" / "usr").mkdir(parents=True)
    images.tidy([files])
    assert set(tmp_path.iterdir()) == {own, tmp_path / "layers"}
    assert set((tmp_path / "layers").iterdir()) == layers
    with registry._client() as client:
        client.delete_manifest("greeter", gone.rpartition("@")[2])
    images.tidy([files])
    assert set(tmp_path.iterdir()) == {tmp_path / "layers"}
    assert images.unpack(kept) in shared
    assert set((tmp_path / "layers").iterdir()) == shared
    images.tidy([])
    assert list(tmp_path.rglob("*")) == [tmp_path / "layers"]


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("greeter:none", "repository 'greeter' has no tag 'none'"),
        ("greeter@sha256:" + "0" * 64, "repository 'greeter' has no digest"),
        ("nothing:1", "has no repository 'nothing'"),
    ],
)
def test_a_missing_image_names_what_is_missing(
    registry: ContainerRegistry, images: Images, reference: str, says: str
) -> None:
    for ask in (images.resolve, images.configuration, images.unpack):
        with pytest.raises(ServiceError, match=says) as missing:
            ask(f"{registry.login_server}/{reference}")
        assert missing.value.status == 404


def test_a_missing_registry_is_named(images: Images) -> None:
    with pytest.raises(ServiceError, match=r"there is no registry 'other\.azurecr\.localhost:1'"):
        images.resolve("other.azurecr.localhost:1/greeter:1")
