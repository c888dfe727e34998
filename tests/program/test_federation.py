"""The part `federation`: whom the stack trusts, and how little that gives them."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from infra.permissions import TABLE, table_condition
from infra.role_assignments import Role
from tests.program.parts import ID, build, one, refused, roles
from tests.program.recorder import Recording

GITHUB = {"repository": "example/mlops", "environments": ["dev", "dev-nightly"]}
DEVOPS = {"issuer": f"https://vstoken.dev.azure.com/{ID}", "subject": "sc://example/mlops/azure-dev"}
EVERYBODY = {"github": {**GITHUB, "pullRequests": True}, "azureDevOps": DEVOPS}


def federated(*parts: str, **federation: Any) -> Recording:
    return build("federation", *parts, federation=federation)


def trusted(recording: Recording) -> dict[str, tuple[str, str]]:
    """(identity, subject) by the credential's name."""
    found = recording.of_type("azure-native:managedidentity:FederatedIdentityCredential")
    return {
        one.inputs["federatedIdentityCredentialResourceName"]: (
            one.inputs["resourceName"].split("-")[3],
            one.inputs["subject"],
        )
        for one in found
    }


def test_pipelines_deploy_from_their_environment_and_pull_requests_only_look() -> None:
    assert trusted(federated(**EVERYBODY)) == {
        "github-dev": ("pipelines", "repo:example/mlops:environment:dev"),
        "github-dev-nightly": ("pipelines", "repo:example/mlops:environment:dev-nightly"),
        "github-reviews": ("reviews", "repo:example/mlops:pull_request"),
        "azure-devops": ("pipelines", "sc://example/mlops/azure-dev"),
    }
    assert roles(federated(**EVERYBODY), "reviews-identity-on-group") == {("READER", "resourceGroups")}


def test_no_credential_is_a_secret_and_one_identity_takes_one_at_a_time() -> None:
    stack = federated(**EVERYBODY)
    found = stack.of_type("azure-native:managedidentity:FederatedIdentityCredential")
    assert {tuple(one.inputs["audiences"]) for one in found} == {("api://AzureADTokenExchange",)}
    pipelines = [one for one in found if "-pipelines-" in one.inputs["resourceName"]]
    for earlier, later in itertools.pairwise(pipelines):
        assert earlier.urn in stack.before(later)


def test_scoring_pods_are_the_endpoints_identity() -> None:
    stack = federated("kubernetes", kubernetes={"namespace": "shop", "serviceAccount": "server"})
    assert trusted(stack) == {"scoring-pods": ("endpoint", "system:serviceaccount:shop:server")}
    credential = one(stack, "managedidentity:FederatedIdentityCredential")
    assert one(stack, "containerservice:ManagedCluster").urn in stack.before(credential)
    assert "scoring-pods" not in trusted(federated(**EVERYBODY))


def test_a_pipeline_gives_the_roles_of_the_table_and_never_the_right_to_give() -> None:
    stack = federated(**EVERYBODY)
    assert roles(stack, "pipelines-identity-on-group") == {
        ("CONTRIBUTOR", "resourceGroups"),
        ("RBAC_ADMINISTRATOR", "resourceGroups"),
    }
    conditions = {
        a.inputs["condition"]: a.inputs["roleDefinitionId"].rsplit("/", 1)[1]
        for a in stack.of_type("azure-native:authorization:RoleAssignment")
        if "condition" in a.inputs
    }
    assert conditions == {table_condition(): Role.RBAC_ADMINISTRATOR.value}
    write, delete = re.findall(r"GuidEquals \{([^}]*)\}", table_condition())
    assert write == delete
    assert set(write.split(", ")) == {line.role.value for line in TABLE} - {Role.RBAC_ADMINISTRATOR.value}
    assert table_condition().count("{'ServicePrincipal', 'Group'}") == 2


@pytest.mark.parametrize(
    ("federation", "expected"),
    [
        ({}, "nobody to trust"),
        ({"github": {"repository": "mlops"}}, "mlops:federation.github.repository"),
        ({"github": {**GITHUB, "environments": ["dev:*"]}}, "mlops:federation.github.environments"),
        ({"azureDevOps": {"issuer": DEVOPS["issuer"]}}, "needs both issuer and subject"),
        ({"azureDevOps": {**DEVOPS, "issuer": "https://example.com/x"}}, "mlops:federation.azureDevOps.issuer"),
    ],
)
def test_wrong_settings_are_named_with_the_fix(federation: dict[str, Any], expected: str) -> None:
    assert expected in refused(platform=["federation"], federation=federation)
