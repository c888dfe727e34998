"""Azure's curated environments: names that Azure keeps in a registry of its own, resolved to pinned packages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from emulator.machine_learning.identifiers import version_id
from emulator.store import Document

LISTS = Path(__file__).with_name("curated_environments.yaml")
REGISTRY = re.compile(
    r"azureml://registries/azureml/environments/(?P<name>[^/]+)/(?:labels/(?P<label>[^/]+)|versions/(?P<version>[^/]+))",
    re.IGNORECASE,
)
PREFIX = "AzureML-"
NAMED = re.compile(rf"(?:azureml:)?{PREFIX}(?P<name>[^@:/]+)(?:@(?P<label>.+)|:(?P<version>.+))?", re.IGNORECASE)
IN_WORKSPACE = re.compile(
    rf".+/environments/{PREFIX}(?P<name>[^/]+)/(?:labels/(?P<label>.+)|versions/(?P<version>.+))", re.I
)
LATEST = "latest"


class UnknownCurated(ValueError):
    """A curated environment that the emulator does not have; the message lists those it has."""


def curated(workspace: str, reference: str) -> Document | None:
    """The curated environment that a reference names, None when it names another kind of environment.

    Raises:
        UnknownCurated: it is not among those that can be had here.
    """
    found = next(filter(None, (form.fullmatch(reference) for form in (REGISTRY, NAMED, IN_WORKSPACE))), None)
    if found is None:
        return None
    name, label = found["name"], found["label"]
    known = {one.lower(): one for one in lists()["environments"]}
    if label not in (None, LATEST) or name.lower() not in known:
        raise UnknownCurated(refusal(reference, name))
    own = known[name.lower()]
    properties = {
        "environmentType": "Curated",
        "image": f"mcr.microsoft.com/azureml/curated/{own}",
        "condaFile": conda_file(own),
        "isArchived": False,
    }
    document = version_id(workspace, "environments", PREFIX + own, found["version"] or LATEST)
    return Document(document, {"properties": properties})


def conda_file(name: str) -> str:
    """What the environment holds, in the form of any other environment's packages."""
    content = lists()
    packages = sorted([*content["common"], *content["environments"][name]])
    return yaml.safe_dump({"dependencies": [f"python={content['python']}", {"pip": packages}]})


def refusal(reference: str, name: str) -> str:
    """Why a curated environment cannot be had, and which can."""
    content = lists()
    reasons = (why for begin, why in content["refused"].items() if name.lower().startswith(begin.lower()))
    reason = next(reasons, "the emulator does not have it")
    known = ", ".join(content["environments"])
    return (
        f"'{reference}' is a curated environment that cannot be had here: {reason}. There are {known} (label 'latest' "
        "or any version); an environment of your own with a conda file works too"
    )


@cache
def lists() -> dict[str, Any]:
    """The file with the pinned packages."""
    content: dict[str, Any] = yaml.safe_load(LISTS.read_text())
    return content
