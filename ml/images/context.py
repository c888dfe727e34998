"""What a scoring image is made of: its identity, and the folders from which its two images are built.

The first image holds the packages of an environment and changes with its lock file alone; the second adds the scoring
code and the model, so that a new model is built in seconds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.identity.code import closure, load_yaml
from ml.identity.code import digest as code_digest
from ml.identity.digest import digest
from ml.identity.environment import PYTHON, requirements
from ml.identity.values import Properties
from ml.images.packages import PLATFORM, compile_bytecode

LAYOUT = 2
"""Raised when images are put together in another way."""
ENTRY, GATEWAY = "ml.scoring.__main__", "ml.scoring.gateway.__main__"
SOURCE = f"docker.io/library/python:{PYTHON}-slim-bookworm"
"""What becomes the base image: it is imported once, and builds name it by digest."""
BASE = f"base/python:{PYTHON}-slim-bookworm"
ENVIRONMENT_REPOSITORY = "scoring-environment"
MODEL_FILES = ("model.onnx", "features.yaml", "golden.json", "provenance.json")
LATER_FILES = ("contract.json",)
"""Files that models of earlier jobs do not have."""
MODEL_INPUTS = ("model", "version", "sha256")
"""What names the model that goes into an image; not known before it is registered."""
USER = 10001
PORT = 5001
ENVIRONMENT_DOCKERFILE = """\
FROM {base}
LABEL org.opencontainers.image.title="{repository}" ml.environment="{environment}"
ENV PYTHONPATH=/opt/env PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1 LANG=C.UTF-8
COPY env/ /opt/env/
"""
DOCKERFILE = """\
FROM {environment}
LABEL org.opencontainers.image.title="{model}" ml.system="{system}" ml.model="{model}:{version}" \\
      ml.sha256="{sha256}" ml.context="{tag}"
ENV PYTHONPATH=/app:/opt/env MODEL_DIR=/app/model HOST=0.0.0.0 PORT={port}
WORKDIR /app
COPY app/ /app/
USER {user}
EXPOSE {port}
ENTRYPOINT ["python3", "-m", "ml.scoring"]
"""


def repository(system: str) -> str:
    """The repository of a system's images."""
    return system.replace("_", "-")


def environment_tag(name: str) -> str:
    """Identity of the image with an environment's packages."""
    return digest(LAYOUT, ENVIRONMENT_DOCKERFILE, SOURCE, PLATFORM, requirements(name))


def scoring_code(root: Path, features: Path, *, gateway: bool = False) -> dict[str, str]:
    """The files of the server by path, with a digest of what each means.

    Args:
        features: a `features.yaml`; the kinds of feature in it are found by their names when the server starts.
        gateway: whether the image is run as a gateway too.

    Raises:
        CodeError: a file is missing or cannot be parsed.
    """
    entries = (ENTRY, GATEWAY) if gateway else (ENTRY,)
    modules = (
        *entries,
        *(f"ml.{part}.{kind}" for kind in kinds(features) for part in ("jobkit.kinds", "scoring.fields")),
    )
    found = sorted(closure(root, *modules))
    return {path.relative_to(root).as_posix(): code_digest(path) for path in found}


def kinds(features: Path) -> list[str]:
    """The kinds of feature that a `features.yaml` names; none where there is no such file."""
    if not features.is_file():
        return []
    document = load_yaml(features.read_text(encoding="utf-8"))
    return sorted({one["type"] for one in document.get("features", ())})


def context_tag(inputs: Properties, code: Mapping[str, str], environment: str) -> str:
    """Identity of a scoring image."""
    model = (inputs[name] for name in MODEL_INPUTS)
    return digest(LAYOUT, DOCKERFILE, inputs["system"], code, environment, *model)


def fill_environment(folder: Path, packages: Path, base: str, environment: str) -> None:
    """Puts the context of the environment image into a folder."""
    text = ENVIRONMENT_DOCKERFILE.format(base=base, repository=ENVIRONMENT_REPOSITORY, environment=environment)
    (folder / "Dockerfile").write_text(text)
    (folder / "env").symlink_to(packages)


def fill(folder: Path, root: Path, inputs: Properties, model: Path, provenance: Mapping[str, str], base: str) -> None:
    """Puts the context of the scoring image into a folder.

    Args:
        model: the folder of the registered version. Its `features.yaml` is the one it was trained with, whatever the
            checkout's says by now.
        provenance: job, data and commit of the model.
        base: the environment image, by digest.
    """
    app = folder / "app"
    # A champion may have been trained with kinds of feature that the checkout's system has no more.
    for name in {*inputs["code"], *scoring_code(root, model / "features.yaml")}:
        copy(root / name, app / name)
    compile_bytecode(app, "/app")
    for name in (*MODEL_FILES, *(name for name in LATER_FILES if (model / name).is_file())):
        copy(model / name, app / "model" / name)
    (app / "model" / "model.json").write_text(json.dumps(identity(inputs, provenance), indent=1) + "\n")
    known = {key: inputs[key] for key in ("system", "model", "version", "sha256", "tag")}
    (folder / "Dockerfile").write_text(DOCKERFILE.format(environment=base, user=USER, port=PORT, **known))


def identity(inputs: Properties, provenance: Mapping[str, str]) -> dict[str, Any]:
    """`model.json`: which model the image serves and where it comes from."""
    model = {"name": inputs["model"], "version": inputs["version"], "sha256": inputs["sha256"]}
    return {**model, "system": inputs["system"], **{key: provenance.get(key) for key in ("data", "job", "commit")}}


def copy(source: Path, target: Path) -> None:
    """Copies a file, readable by everybody."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)
