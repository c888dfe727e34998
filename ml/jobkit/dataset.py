"""Which data a run has read, as MLflow shows it: name, digest, where it lies, real or generated, rows and columns."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.jobkit.provenance import data_source, sha256

if TYPE_CHECKING:
    from ml.jobkit.features import Specification

DIGITS = 12


@dataclass(frozen=True)
class Dataset:
    """One version of a data asset, or a folder on this machine."""

    name: str
    digest: str
    """The version: it follows from the content alone."""
    uri: str
    source: str
    """`real` or `generated`."""
    rows: int
    columns: Mapping[str, str]
    """MLflow's type of each column that was read."""

    @property
    def tags(self) -> dict[str, str]:
        """What runs are found by."""
        return {"data_source": self.source, "data_version": self.digest}

    @property
    def schema(self) -> str:
        """The columns in MLflow's form."""
        columns = [{"type": kind, "name": name, "required": True} for name, kind in self.columns.items()]
        return json.dumps({"mlflow_colspec": columns})

    @property
    def profile(self) -> str:
        """Size and origin in MLflow's form."""
        return json.dumps(
            {"num_rows": self.rows, "num_elements": self.rows * len(self.columns), "data_source": self.source}
        )


def read(specification: Specification, folder: Path, files: Iterable[str], rows: int, label_type: str) -> Dataset:
    """The data in a folder: by the asset that `MLOPS_DATA_REFERENCE` names, else by the files themselves."""
    reference = os.environ.get("MLOPS_DATA_REFERENCE", "")
    name, _, version = reference.removeprefix("azureml:").partition(":")
    return Dataset(
        name=name or specification.system,
        digest=version or content_digest(folder, files),
        uri=reference or folder.resolve().as_uri(),
        source=data_source(folder),
        rows=rows,
        columns={one.name: one.stored for one in specification.features} | {specification.label.name: label_type},
    )


def stored(values: Any) -> str:
    """MLflow's type of an array or a column."""
    return {"i": "long", "u": "long", "f": "double"}.get(values.dtype.kind, "string")


def content_digest(folder: Path, files: Iterable[str]) -> str:
    """The version that these files have as a data asset; `ml.resources` computes the same from what it records."""
    text = json.dumps([{name: sha256(folder / name) for name in files}], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
