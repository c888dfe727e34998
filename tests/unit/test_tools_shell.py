"""The environment of a stack, and the guard that keeps the stand-in plugin with its own stack."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from unittest.mock import patch

import pytest

from emulator.provider.guard import refuse, stack_of
from emulator.settings import SUBSCRIPTION_ID
from tools import shell
from tools.progress import SetupError
from tools.stacks import Stack, load_stack, stack_names

AZURE = Stack("dev", "azure", Path("unused"))
LOCAL = Stack("local", "emulator", Path("unused"))
OURS = {
    "AZURE_MLOPS_STACK": "local",
    "ARM_METADATA_HOSTNAME": "localhost:18443",
    "ARM_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
}


def urn(stack: str) -> str:
    return f"urn:pulumi:{stack}::mlops::azure-native:storage:StorageAccount::lake"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(shell, "engine_folder", lambda: tmp_path / "engine")
    monkeypatch.setattr(shell, "HOME", tmp_path / "home")
    monkeypatch.setattr(shell, "STATE", tmp_path / "state")
    return tmp_path / "engine"


def test_lines_survive_the_shell() -> None:
    values = {"A": "it's $HOME", "B": "", "PATH": "/a b:/c", "GONE": None}
    script = "\n".join([*shell.export_lines(values), 'printf "%s|%s|%s|%s" "$A" "$B" "$PATH" "${GONE-unset}"'])
    said = subprocess.run(
        ["/bin/sh", "-c", script], env={"GONE": "x"}, capture_output=True, text=True, check=True
    ).stdout
    assert said == "it's $HOME||/a b:/c|unset"


def test_an_emulator_stack_is_contained_in_the_checkout(tmp_path: Path) -> None:
    values = {**shell.common({"PATH": "/usr/bin"}), **shell.contained(tmp_path / "state", tmp_path / "home")}
    assert values["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state"
    assert values["PULUMI_CONFIG_PASSPHRASE"] == ""
    launcher = tmp_path / "home" / "plugins" / "resource-azure-native-v3.29.0" / "pulumi-resource-azure-native"
    assert os.access(launcher, os.X_OK)


def test_a_stack_on_azure_keeps_the_person_s_own_backend() -> None:
    own = {
        "PULUMI_BACKEND_URL": "azblob://state",
        "PULUMI_CONFIG_PASSPHRASE": "secret",
        "PULUMI_HOME": "/home/me/.pulumi",
    }
    values = shell.variables(AZURE, {**own, "PATH": "/usr/bin", "ARM_SUBSCRIPTION_ID": "mine"})
    assert not set(values) & {*shell.CONTAINED, *shell.EMULATOR}


def test_leaving_an_emulator_shell_takes_its_variables_away() -> None:
    inside = {**OURS, "PULUMI_HOME": str(shell.HOME), "PULUMI_BACKEND_URL": "file:///x", "PATH": "/usr/bin"}
    values = shell.variables(AZURE, inside)
    assert values["ARM_METADATA_HOSTNAME"] is None
    assert values["PULUMI_BACKEND_URL"] is None
    assert values["AZURE_MLOPS_STACK"] == "dev"


def test_a_verb_for_azure_typed_in_an_emulator_shell_asks_azure() -> None:
    inside = {**OURS, "IDENTITY_ENDPOINT": "https://localhost", "SSL_CERT_FILE": "/gone/ca.pem"}
    with patch.dict(os.environ, {**inside, "PULUMI_HOME": str(shell.HOME)}):
        values = shell.enter(AZURE)
        assert not set(shell.EMULATOR) & set(os.environ)
        assert os.environ["AZURE_MLOPS_STACK"] == "dev"
        assert dict(os.environ) == values


def test_path_names_the_engine_once(engine: Path) -> None:
    once = shell.search_path(engine, "/usr/bin:/bin")
    assert shell.search_path(engine, once) == once == f"{engine}:/usr/bin:/bin"


def test_an_unknown_stack_and_a_missing_cloud_are_named(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.odd.yaml").write_text("config: {'mlops:cloud': moon}")
    with pytest.raises(SetupError, match=r"STACK=nope: there is no Pulumi\.nope\.yaml .* Stacks here: odd"):
        load_stack("nope", tmp_path)
    with pytest.raises(SetupError, match="'mlops:cloud' is 'moon'; write one of: emulator, azure"):
        load_stack("odd", tmp_path)


def test_every_committed_stack_says_its_cloud() -> None:
    clouds = {name: load_stack(name).cloud for name in stack_names()}
    assert clouds.pop("local") == "emulator"
    for name, cloud in clouds.items():
        assert cloud == ("emulator" if name.endswith("-emulator") else "azure")


def test_the_guard_serves_its_own_stack_and_every_preview() -> None:
    assert refuse(urn("local"), OURS, preview=False) is None
    assert refuse(urn("prod"), {}, preview=True) is None


@pytest.mark.parametrize(
    ("name", "changed", "reason"),
    [
        ("prod", {}, "stack 'prod' is not what this shell was prepared for"),
        ("local", {"AZURE_MLOPS_STACK": ""}, "prepared for \\('no stack'\\)"),
        ("local", {"ARM_METADATA_HOSTNAME": "management.azure.com:443"}, "would talk to 'management.azure.com:443'"),
        ("local", {"ARM_METADATA_HOSTNAME": ""}, "would talk to 'public Azure'"),
        ("local", {"ARM_METADATA_HOSTNAME": "localhost.example.com:443"}, "would talk to"),
        ("local", {"ARM_SUBSCRIPTION_ID": "11111111-2222-3333-4444-555555555555"}, "would use subscription '11111111"),
    ],
)
def test_the_guard_refuses_every_other_stack_endpoint_and_subscription(
    name: str, changed: dict[str, str], reason: str
) -> None:
    said = refuse(urn(name), {**OURS, **changed}, preview=False)
    assert said is not None
    assert "nothing was changed" in said
    with pytest.raises(ValueError, match=reason):
        raise ValueError(said)


def test_a_text_that_is_no_urn_belongs_to_no_stack() -> None:
    assert stack_of("local") == ""
    assert refuse("", OURS, preview=False)
