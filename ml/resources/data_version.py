"""`DataVersion`: a set of files uploaded once under the digest of their content."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pulumi

from ml.clients.data import DataAsset, DataAssets
from ml.clients.workspace import Workspace
from ml.resources.base import InputError, Properties, Provider, Resource, new_claim
from ml.resources.data_source import DataSourceError, Generator, Source, find_source, read_record
from ml.resources.host import Failure, note, status


class DataVersionProvider(Provider):
    """Identity: workspace, asset and content. The folder the files lie in is not part of it: it differs between
    machines.
    """

    identity: ClassVar[tuple[str, ...]] = ("workspace", "asset", "digest")
    ignored: ClassVar[tuple[str, ...]] = ("directory", "allowGenerated", "generator")

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """Digest, source, rows and columns of the files."""
        found = source(inputs)
        if old.get("source") == "real" and found.kind == "generated" and not inputs["allowGenerated"]:
            message = (
                "this stack has seen real data and would go back to generated data; set MLOPS_DATA_DIR to the real "
                "files, or `mlops:allowGeneratedData: true` in the stack's configuration"
            )
            raise InputError("source", message)
        return {
            **inputs,
            "digest": found.digest,
            "source": found.kind,
            "rows": found.rows,
            "columns": {name: list(record.columns) for name, record in found.files.items()},
            "reference": f"azureml:{inputs['asset']}:{found.digest}",
        }

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Adopts the version with this content, or uploads it."""
        assets = DataAssets(Workspace.from_inputs(inputs["workspace"]))
        name, version, claim = inputs["asset"], inputs["digest"], new_claim()
        warn_when_not_recorded(inputs)
        there = assets.find(name, version)
        if there is None:
            there = self.upload(assets, inputs, claim)
        else:
            status(f"adopting {name}:{version}")
            assets.tag(name, version, {"claim": claim}, archived=False)
        return f"{name}:{version}", {"uri": there.uri, "claim": claim}

    def upload(self, assets: DataAssets, inputs: Properties, claim: str) -> DataAsset:
        """Uploads exactly the files of the version."""
        found = source(inputs)
        rows = ", ".join(f"{name}: {count} rows" for name, count in found.rows.items())
        status(f"uploading {rows}")
        tags = {"claim": claim, "source": found.kind, "system": inputs["system"]}
        with tempfile.TemporaryDirectory() as folder:
            staged = Path(folder, inputs["asset"])
            staged.mkdir()
            try:
                found.copy_to(staged)
            except DataSourceError as error:
                raise Failure(f"{inputs['asset']}:{inputs['digest']} is not in the workspace, and {error}") from None
            return assets.upload(inputs["asset"], inputs["digest"], staged, f"{found.kind} data; {rows}", tags)

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Gone when the version is deleted or somebody archived it."""
        there = DataAssets(Workspace.from_inputs(properties["workspace"])).find(
            properties["asset"], properties["digest"]
        )
        return None if there is None or there.archived else {"uri": there.uri}

    def release(self, identifier: str, properties: Properties) -> None:
        """Archives the version: jobs of the past point at it. `Retention` deletes it with the system."""
        assets = DataAssets(Workspace.from_inputs(properties["workspace"]))
        there = assets.find(properties["asset"], properties["digest"])
        if there is not None and there.tags.get("claim") == properties["claim"]:
            assets.tag(properties["asset"], properties["digest"], {}, archived=True)


def source(inputs: Mapping[str, Any]) -> Source:
    """The source of a version's content."""
    generator = Generator.from_inputs(inputs["generator"])
    try:
        return find_source(
            inputs["files"],
            inputs.get("directory"),
            Path(inputs["record"]),
            generator,
            allow_generated=bool(inputs["allowGenerated"]),
        )
    except DataSourceError as error:
        raise InputError("files", str(error)) from None


def warn_when_not_recorded(inputs: Mapping[str, Any]) -> None:
    """Says when real data differs from what `data.lock` records."""
    record = Path(inputs["record"])
    if inputs["source"] == "real" and record.exists():
        recorded = Source("real", read_record(record), None)
        if recorded.digest != inputs["digest"]:
            note(f"{inputs['asset']}: the data differs from {record}; `make lock-data` records it")


class DataVersion(Resource, module="ml", name="DataVersion"):
    """One version of a system's data.

    `digest` and `reference` are known in a preview, so that what trains on the data has its identity there too.
    """

    outputs: ClassVar[tuple[str, ...]] = ("digest", "source", "rows", "columns", "reference", "uri", "claim")

    digest: pulumi.Output[str]
    source: pulumi.Output[str]
    rows: pulumi.Output[dict[str, int]]
    reference: pulumi.Output[str]
    uri: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        system: str,
        workspace: Mapping[str, pulumi.Input[str]],
        asset: str,
        files: Sequence[str],
        directory: str | None,
        record: str,
        generator: Mapping[str, Any],
        allow_generated: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "system": system,
            "workspace": workspace,
            "asset": asset,
            "files": list(files),
            "directory": directory,
            "record": record,
            "generator": generator,
            "allowGenerated": allow_generated,
        }
        super().__init__(DataVersionProvider(), name, inputs, opts)
