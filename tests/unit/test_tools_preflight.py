"""What an Azure stack lacks is said before anything is made, all at once, and by `make doctor` for every stack."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tools import doctor, preflight
from tools.preflight import check, findings
from tools.progress import SetupError
from tools.stacks import Stack, load_stack

ID = "11111111-2222-3333-4444-555555555555"
PRINCIPAL = {
    f"{prefix}_{name}": "x" for prefix in ("ARM", "AZURE") for name in ("CLIENT_ID", "TENANT_ID", "CLIENT_SECRET")
}
PLACE = {"PULUMI_BACKEND_URL": "azblob://state", "PULUMI_CONFIG_PASSPHRASE": ""}


def stack(folder: Path, cloud: str = "azure", **ids: str) -> Stack:
    lines = [f"  mlops:{name}: {ids.get(name, ID)}" for name in preflight.IDS]
    folder.joinpath("Pulumi.dev.yaml").write_text("\n".join(["config:", f"  mlops:cloud: {cloud}", *lines]))
    return load_stack("dev", folder)


def az(folder: Path, text: str, code: int = 0) -> dict[str, str]:
    """An environment with an az CLI that answers so."""
    program = folder / "az"
    stream = "2" if code else "1"
    program.write_text(f"#!/bin/sh\necho '{text}' >&{stream}\nexit {code}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(folder)}


def said(found: Stack, environment: dict[str, str]) -> dict[str, str]:
    return {one.name.partition(", ")[2]: one.said for one in findings(found, environment)}


def test_a_stack_of_the_emulator_needs_nothing(tmp_path: Path) -> None:
    assert list(findings(stack(tmp_path, "emulator"), {})) == []


def test_everything_that_is_missing_is_one_message(tmp_path: Path) -> None:
    zeros = stack(tmp_path, tenantId=preflight.ZEROS, subscriptionId=preflight.ZEROS)
    with pytest.raises(SetupError) as refused:
        check(zeros, {"PATH": "", "HOME": str(tmp_path)})
    lines = str(refused.value).splitlines()
    assert lines[0] == "stack dev is on Azure and cannot be worked on yet; nothing was made:"
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "  - subscriptionId, tenantId are still all zeros",
        "  - nobody is signed in to Azure, and there is no az CLI",
        "  - Pulumi has no place for the stack's state",
    ]
    assert "stacks/Pulumi.dev.yaml" in lines[1]


def test_a_service_principal_needs_the_variables_of_both(tmp_path: Path) -> None:
    check(stack(tmp_path), PRINCIPAL | PLACE)
    half = {name: value for name, value in PRINCIPAL.items() if name.startswith("ARM")} | PLACE
    with pytest.raises(
        SetupError, match=r"variables AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_SECRET are missing"
    ):
        check(stack(tmp_path), half | {"PATH": ""})
    user = az(tmp_path, json.dumps({"user": {"name": "pipeline"}}))
    check(stack(tmp_path), half | user)
    check(stack(tmp_path), {"ARM_USE_MSI": "true"} | PLACE)


def test_the_az_cli_says_who_is_signed_in(tmp_path: Path) -> None:
    found = stack(tmp_path)
    user = json.dumps({"user": {"name": "ana@example.com"}})
    assert said(found, az(tmp_path, user))["login"] == "ana@example.com (az CLI)"
    assert (
        said(found, az(tmp_path, "Please run az login to setup account.", 1))["login"] == "nobody is signed in to Azure"
    )
    unknown = said(found, az(tmp_path, "The subscription of this id does not exist.", 1))["login"]
    assert unknown == f"whoever is signed in to the az CLI does not see subscription {ID}"
    assert said(found, az(tmp_path, "no JSON"))["login"] == "the az CLI does not say who is signed in"


def test_state_needs_a_place_and_secrets_a_key(tmp_path: Path) -> None:
    found, nobody = stack(tmp_path), {"HOME": str(tmp_path), "PATH": ""}
    assert "secrets" not in said(found, nobody)
    folder = tmp_path / ".pulumi"
    folder.mkdir()
    folder.joinpath("credentials.json").write_text('{"current": "https://api.pulumi.com"}')
    assert said(found, nobody)["state"] == "https://api.pulumi.com"
    assert "secrets" not in said(found, nobody)
    blob = nobody | {"PULUMI_BACKEND_URL": "azblob://state"}
    assert said(found, blob)["secrets"] == "nothing encrypts the stack's secrets"
    assert said(found, blob | PLACE)["secrets"] == "encrypted by a passphrase"
    found.file.write_text(f"{found.file.read_text()}\nsecretsprovider: azurekeyvault://x")
    assert "secrets" not in said(found, blob)


def test_a_data_folder_that_lacks_a_systems_files_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(doctor, "systems", lambda: ["bike_buyer"])
    assert [one.said for one in doctor.data()] == [f"MLOPS_DATA_DIR={tmp_path} is empty"]
    tmp_path.joinpath("potential-bike-buyers.csv").write_text("x")
    (finding,) = doctor.data()
    assert finding.said == f"MLOPS_DATA_DIR={tmp_path} lacks adworks-bike-purchases.csv, which bike_buyer needs"
    tmp_path.joinpath("adworks-bike-purchases.csv").write_text("x")
    assert [one.well for one in doctor.data()] == [True]


def test_a_stack_that_was_never_set_up_is_no_reason_to_fail() -> None:
    (finding,) = (one for one in doctor.azure() if one.name == "stack dev")
    assert (finding.later, finding.well) == (True, True)
    assert "stacks/Pulumi.dev.yaml" in finding.fix


def test_a_stack_that_was_asked_for_by_name_is_something_to_do() -> None:
    (finding,) = doctor.azure("dev")
    assert (finding.later, finding.well) == (False, False)
    assert list(doctor.azure("local")) == []
