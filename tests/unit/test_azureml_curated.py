"""Curated environments: every way to name one, and the packages that stand behind it."""

from __future__ import annotations

import re

import pytest

from emulator.machine_learning.assets.curated import UnknownCurated, curated, lists
from emulator.machine_learning.assets.packages import read_packages

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.mark.parametrize(
    "reference",
    [
        "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
        "azureml://registries/azureml/environments/sklearn-1.5/versions/24",
        "azureml:AzureML-sklearn-1.5@latest",
        "AzureML-sklearn-1.5@latest",
        "azureml:AzureML-sklearn-1.5:24",
        "azureml:azureml-SKLearn-1.5",
        f"{WORKSPACE}/environments/AzureML-sklearn-1.5/versions/24",
        f"{WORKSPACE}/environments/AzureML-sklearn-1.5/labels/latest",
    ],
)
def test_every_spelling_leads_to_the_same_packages(reference: str) -> None:
    found = curated(WORKSPACE, reference)
    assert found is not None
    assert found.resource.names[-2] == "AzureML-sklearn-1.5"
    packages = read_packages(found.properties["condaFile"])
    assert packages.python == "3.11"
    assert "scikit-learn==1.5.2" in packages.requirements


@pytest.mark.parametrize(
    "reference",
    [
        "azureml:plain:1",
        "azureml:my-AzureML-copy:1",
        f"{WORKSPACE}/environments/plain/versions/1",
        "azureml://registries/own/environments/sklearn-1.5/versions/1",
    ],
)
def test_other_environments_are_left_alone(reference: str) -> None:
    assert curated(WORKSPACE, reference) is None


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("azureml:AzureML-sklearn-0.24@latest", "the emulator does not have it"),
        ("azureml:AzureML-acpt-pytorch-2.8-cuda12.6@latest", "PyTorch is published with CUDA only"),
        ("azureml:AzureML-sklearn-1.5@prod", "label 'latest' or any version"),
    ],
)
def test_what_cannot_be_had_is_refused_with_reason_and_list(reference: str, says: str) -> None:
    with pytest.raises(UnknownCurated, match=says) as refused:
        curated(WORKSPACE, reference)
    assert all(name in str(refused.value) for name in lists()["environments"])


@pytest.mark.parametrize("name", lists()["environments"])
def test_every_package_is_pinned_once(name: str) -> None:
    lines = [*lists()["common"], *lists()["environments"][name]]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line) for line in lines)
    names = [line.partition("==")[0] for line in lines]
    assert len(set(names)) == len(names)
