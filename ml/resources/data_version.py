"""`DataVersion`: a set of files uploaded once under the digest of their content."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pulumi import dynamic

from ml.clients.codes import forget_lost_code
from ml.clients.data import DataAsset, DataAssets
from ml.clients.workspace import Workspace
from ml.data.check import missing_columns, problems
from ml.data.choice import SAY_SO, Choice, choose, generated_wanted, located
from ml.data.contract import load as load_contract
from ml.data.source import VARIABLE, DataSourceError, Source, read_record
from ml.identity.digest import digest
from ml.identity.values import Properties, plain
from ml.jobkit.errors import JobError
from ml.progress import Failure, note, status
from ml.resources.base import InputError, Provider, Resource, new_claim

# What the state says of each asset. For a replacement the engine checks a second time, without the state: the version
# must not be another one then.
TOLD: dict[str, Properties] = {}
# What is wrong with the files is wrong with no value that Pulumi could show.
NO_INPUT = ""


class DataVersionProvider(Provider):
    """Identity: workspace, asset and content. The folder the files lie in is not part of it: it differs between
    machines. The state remembers it all the same, so that an `up` that names no data goes on with the same.
    """

    identity: ClassVar[tuple[str, ...]] = ("workspace", "asset", "digest")
    ignored: ClassVar[tuple[str, ...]] = ("directory", "allowGenerated", "generator", "folder", "checked")

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """Digest, source, rows and columns of the files, which hold what the system's `data.yaml` says."""
        old = TOLD[inputs["asset"]] = old or TOLD.get(inputs["asset"], {})
        try:
            chosen = choose(inputs, old)
        except DataSourceError as error:
            raise InputError(NO_INPUT, str(error)) from None
        if chosen.said:
            note(chosen.said)
        return {
            **inputs,
            "digest": chosen.digest,
            "source": chosen.kind,
            "rows": dict(chosen.rows),
            "columns": dict(chosen.columns),
            "directory": chosen.directory,
            "reference": f"azureml:{inputs['asset']}:{chosen.digest}",
            "checked": checked(inputs["folder"], chosen, old.get("checked")),
        }

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> dynamic.DiffResult:
        """A version whose bytes a refresh did not find is a change too: they are uploaded again."""
        found = super().diff(_id, _olds, _news)
        if found.changes or plain(_olds).get("uri"):
            return found
        note(f"{_id} is not in the workspace any more: it is uploaded again")
        return dynamic.DiffResult(changes=True)

    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Adopts the version with this content, or uploads it."""
        assets = DataAssets(Workspace.from_inputs(inputs["workspace"]))
        name, version, claim = inputs["asset"], inputs["digest"], new_claim()
        warn_when_not_recorded(inputs)
        refuse_over_real(assets, inputs)
        there = assets.find(name, version)
        if there is None or not assets.holds(there, inputs["files"]):
            there = self.upload(assets, inputs, claim)
        else:
            status(f"adopting {name}:{version}")
            assets.tag(name, version, {"claim": claim}, archived=False)
        return f"{name}:{version}", {"uri": there.uri, "claim": claim}

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """Uploads again what a refresh did not find. What takes data away often takes the jobs' code too."""
        if old.get("uri"):
            return {}
        for code in forget_lost_code(Workspace.from_inputs(inputs["workspace"])):
            status(f"{code} has lost its files: the next job with this code uploads it again")
        return self.ensure(inputs)[1]

    def upload(self, assets: DataAssets, inputs: Properties, claim: str) -> DataAsset:
        """Uploads exactly the files of the version."""
        name, version = inputs["asset"], inputs["digest"]
        found = found_again(inputs)
        rows = ", ".join(f"{file}: {count} rows" for file, count in found.rows.items())
        status(f"uploading {rows}")
        tags = {"claim": claim, "source": found.kind, "system": inputs["system"]}
        with tempfile.TemporaryDirectory() as folder:
            staged = Path(folder, name)
            staged.mkdir()
            found.copy_to(staged)
            return assets.upload(name, version, staged, f"{found.kind} data; {rows}", tags)

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Without `uri` when the version, or one of its files, is not there any more: the next `up` puts it back. It
        stays in the state, which alone remembers what data the stack has.
        """
        assets = DataAssets(Workspace.from_inputs(properties["workspace"]))
        there = assets.find(properties["asset"], properties["digest"])
        whole = there is not None and not there.archived and assets.holds(there, properties["files"])
        return {"uri": there.uri if there is not None and whole else ""}

    def release(self, identifier: str, properties: Properties) -> None:
        """Archives the version: jobs of the past point at it. `Retention` deletes it with the system."""
        assets = DataAssets(Workspace.from_inputs(properties["workspace"]))
        there = assets.find(properties["asset"], properties["digest"])
        if there is not None and there.tags.get("claim") == properties["claim"]:
            assets.tag(properties["asset"], properties["digest"], {}, archived=True)


def checked(folder: str, chosen: Choice, before: str | None) -> str:
    """Holds the files against the system's contract, and gives a mark of both: what was checked once is good.

    Raises:
        InputError: everything that is wrong with them.
    """
    try:
        contract = load_contract(Path(folder))
    except JobError as error:
        raise InputError(NO_INPUT, f"{folder}: {error}") from None
    mark = digest(chosen.digest, repr(contract))
    if mark == before:
        return mark
    if chosen.folder is None:  # elsewhere: only the headers are known
        wrong = [line for file in contract.files for line in missing_columns(file, chosen.columns.get(file.name, []))]
    else:
        wrong = problems(contract, chosen.folder)
    if wrong:
        listed = "\n".join(f"  - {line}" for line in wrong)
        place = f" in {chosen.folder}" if chosen.folder and chosen.directory else ""
        raise InputError(NO_INPUT, f"the {chosen.kind} data{place} cannot be used; nothing was uploaded:\n{listed}")
    return mark


def refuse_over_real(assets: DataAssets, inputs: Properties) -> None:
    """The workspace remembers real data too, where the state has lost it.

    Raises:
        Failure: generated data would take its place, and nobody said so.
    """
    if inputs["source"] == "real" or generated_wanted():
        return
    real = next((one for one in assets.versions(inputs["asset"]) if one.real and not one.archived), None)
    if real is not None:
        raise Failure(
            f"{real.name} has real data in the workspace (version {real.version}): name the folder of the real files "
            f"with {VARIABLE}, or give the real data up on purpose with {SAY_SO}"
        )


def found_again(inputs: Properties) -> Source:
    """The files of the version, which are to be uploaded.

    Raises:
        Failure: they are not on this machine, or others by now.
    """
    name = f"{inputs['asset']}:{inputs['digest']}"
    found = located(inputs)
    if found is None:
        place = f", nor in {inputs['directory']}" if inputs.get("directory") else ""
        raise Failure(
            f"{name} is not in the workspace{place}: name the folder of its files with {VARIABLE}, or give the real "
            f"data up on purpose with {SAY_SO}"
        )
    if found.digest != inputs["digest"]:
        raise Failure(f"{name}: the files in {found.folder} changed in the meantime: run `pulumi up` again")
    return found


def warn_when_not_recorded(inputs: Mapping[str, Any]) -> None:
    """Says when real data differs from what `data.lock` records."""
    record = Path(inputs["record"])
    if inputs["source"] == "real" and record.exists():
        recorded = Source("real", read_record(record), None)
        if recorded.digest != inputs["digest"]:
            note(f"{inputs['asset']}: the data differs from {record}; `make lock-data` records it")


class DataVersion(Resource, module="ml", name="DataVersion"):
    """One version of a system's data. `folder` is the system's own, whose `data.yaml` says what the files hold.

    `digest` and `reference` are known in a preview, so that what trains on the data has its identity there too.
    """

    outputs: ClassVar[tuple[str, ...]] = ("digest", "source", "rows", "columns", "reference", "checked", "uri", "claim")

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
        folder: str,
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
            "folder": folder,
            "directory": directory,
            "record": record,
            "generator": generator,
            "allowGenerated": allow_generated,
        }
        super().__init__(DataVersionProvider(), name, inputs, opts)
