"""Runs of a platform with some of its parts, for the tests of those parts."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pulumi
import pytest

from infra.platform import Platform
from infra.role_assignments import Role
from infra.settings import Settings
from ml.recipes.soft_delete import guard
from tests.program.recorder import Recording, Registered, run, stack_config

ID = "11111111-2222-3333-4444-555555555555"
IDS = {"subscriptionId": ID, "tenantId": ID, "deployersGroupId": ID}
NOTEBOOKS = {"userObjectId": "99999999-2222-3333-4444-555555555555"}
AZURE: dict[str, Any] = stack_config("dev") | IDS | {"notebooks": NOTEBOOKS, "dataFactory": {}}
HYBRID = {"networkProfile": "hybrid", "allowedAddresses": ["8.8.8.0/24", "1.2.3.4"]}
PRIVATE = {"networkProfile": "private"}
PRODUCTION = {"environment": "prod"}


def build(*parts: str, **changed: Any) -> Recording:
    """A platform with these parts. Runs of the same configuration happen once."""
    return _build(json.dumps({"platform": parts, **changed}, sort_keys=True))


@cache
def _build(changed: str) -> Recording:
    return run(lambda: Platform("platform", Settings.load(), guard), AZURE | json.loads(changed), stack="dev")


def refused(**changed: Any) -> str:
    """What a person is told of a wrong setting."""
    with pytest.raises(pulumi.RunError) as error:
        run(Settings.load, AZURE | changed, stack="dev")
    return str(error.value)


def one(recording: Recording, kind: str) -> Registered:
    """The only resource of a type."""
    (found,) = recording.of_type(f"azure-native:{kind}")
    return found


def roles(recording: Recording, component: str) -> set[tuple[str, str]]:
    """(role, kind of the scope) of the assignments that a component made."""
    return {
        (Role(a.inputs["roleDefinitionId"].rsplit("/", 1)[1]).name, a.inputs["scope"].rsplit("/", 2)[1])
        for a in recording.of_type("azure-native:authorization:RoleAssignment")
        if a.parent.endswith(f"::{component}")
    }
