"""The model registry as the emulator says it is: written whole, in one transaction, in MLflow's own tables.

MLflow numbers versions itself, 1, 2, 3 …; a workspace's versions keep the numbers they have, also behind a gap. So rows
are written, not API calls made.
"""

from __future__ import annotations

import logging
from typing import Any

from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlModelVersionTag,
    SqlRegisteredModel,
    SqlRegisteredModelAlias,
    SqlRegisteredModelTag,
)
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

MODEL_TAG = "mlflow.azureml.modelId"
"""Marks a registered model that stands for one of a workspace; others are those of people and left alone."""
logger = logging.getLogger(__name__)


def write_models(registry: SqlAlchemyStore, models: list[dict[str, Any]]) -> None:
    """Makes the marked registered models exactly these.

    Each model has `name`, `description`, `tags` with `MODEL_TAG`, `aliases` (alias to version), `created` and
    `modified` in milliseconds, and `versions`, each with `version`, `source`, `run`, `description`, `tags`, `stage`,
    `created` and `modified`.
    """
    with registry.ManagedSessionMaker(read_only=False) as session:
        for row in session.query(SqlRegisteredModel).all():
            if any(tag.key == MODEL_TAG for tag in row.registered_model_tags):
                session.delete(row)
        session.flush()
        taken = {name for (name,) in session.query(SqlRegisteredModel.name)}
        for model in models:
            if model["name"] in taken:
                logger.warning("%s is not shown: a model of that name was registered here by hand", model["name"])
                continue
            session.add(model_row(model))


def model_row(model: dict[str, Any]) -> SqlRegisteredModel:
    """A registered model with all that belongs to it."""
    name = model["name"]
    row = SqlRegisteredModel(
        name=name,
        description=model["description"],
        creation_time=model["created"],
        last_updated_time=model["modified"],
    )
    row.registered_model_tags = [
        SqlRegisteredModelTag(name=name, key=key, value=value) for key, value in model["tags"].items()
    ]
    row.registered_model_aliases = [
        SqlRegisteredModelAlias(name=name, alias=alias, version=version) for alias, version in model["aliases"].items()
    ]
    row.model_versions = [version_row(name, version) for version in model["versions"]]
    return row


def version_row(name: str, version: dict[str, Any]) -> SqlModelVersion:
    """One version of a registered model."""
    number = version["version"]
    row = SqlModelVersion(
        name=name,
        version=number,
        description=version["description"],
        source=version["source"],
        run_id=version["run"],
        current_stage=version["stage"],
        creation_time=version["created"],
        last_updated_time=version["modified"],
    )
    row.model_version_tags = [
        SqlModelVersionTag(name=name, version=number, key=key, value=value) for key, value in version["tags"].items()
    ]
    return row
