"""`make open`: where a person looks, on this machine and on Azure, and when a browser is opened."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ml.clients.tracking import Tracking
from ml.clients.workspace import Workspace
from tools import links, live
from tools.deployed_system import DeployedSystem
from tools.live import LiveSystem
from tools.stacks import load_stack

WORKSPACE = Workspace("s", "g", "w")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://127.0.0.1:1/mlflow/", "http://127.0.0.1:1/mlflow/#/experiments/7"),
        (
            "azureml://westeurope.api.azureml.ms/mlflow/v1.0/x",
            f"https://ml.azure.com/experiments/id/7?wsid={WORKSPACE.path}&tid=t",
        ),
    ],
)
def test_a_tracking_server_without_pages_is_looked_at_in_the_studio(
    uri: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.joinpath("Pulumi.dev.yaml").write_text("config: {'mlops:cloud': azure, 'mlops:tenantId': t}")
    stack = load_stack("dev", tmp_path)
    system = DeployedSystem(stack, "bike_buyer", WORKSPACE, "bike-buyer", "oep")
    monkeypatch.setattr(Workspace, "properties", lambda self: {"mlFlowTrackingUri": uri})
    monkeypatch.setattr(Tracking, "experiment", lambda self, name: "7")
    monkeypatch.setattr(live, "read", lambda one: LiveSystem("bike_buyer", open_api_uri="https://oep/swagger.json"))
    printed, opened = StringIO(), list[str]()
    monkeypatch.setattr(links, "has_display", lambda environment: True)
    links.show(stack, [system, system], Console(file=printed, width=200), opened.append)
    assert printed.getvalue().splitlines()[:3] == [
        f"studio    https://ml.azure.com/?wsid={WORKSPACE.path}&tid=t",
        f"MLflow    {said}",
        "swagger   https://oep/swagger.json   (with the key that `make key` prints)",
    ]
    assert opened == [f"https://ml.azure.com/?wsid={WORKSPACE.path}&tid=t"]


def test_a_browser_is_opened_only_where_somebody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert links.has_display({"DISPLAY": ":0"})
    assert not links.has_display({"TERM": "xterm"})
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert not links.has_display({"DISPLAY": ":0"})
