"""`mlops:federation`: which pipelines sign in to Azure as the stack's identity, without a secret."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.sizes import Section

PART = r"[A-Za-z0-9_.-]+"


class GitHubSettings(Section):
    """Workflows of one repository."""

    repository: str | None = Field(
        None,
        pattern=rf"^{PART}/{PART}$",
        description="owner and name of the repository; none = no workflow signs in",
        examples=["example/mlops"],
    )
    environments: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")], ...] = Field(
        ("dev",),
        max_length=15,
        description="environments of the repository whose jobs may deploy; who approves them is set in GitHub",
        examples=[["dev"]],
    )
    pull_requests: bool = Field(
        False,
        description="whether pull requests may look at what is there; they can change nothing",
        examples=["true"],
    )


class AzureDevOpsSettings(Section):
    """A service connection with workload identity federation. Its page in Azure DevOps shows both values."""

    issuer: str | None = Field(
        None,
        pattern=r"^https://(vstoken\.dev\.azure\.com|login\.microsoftonline\.com)/[\w-]+(/v2\.0)?$",
        description="issuer of the service connection; none = no pipeline of Azure DevOps signs in",
        examples=["https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"],
    )
    subject: str = Field(
        "",
        max_length=600,
        description="subject identifier of the service connection",
        examples=["sc://example/mlops/azure-dev"],
    )


class KubernetesFederationSettings(Section):
    """The pods of the AKS cluster that score: they are the identity `endpoint`."""

    namespace: str = Field(
        "scoring", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="their namespace", examples=["scoring"]
    )
    service_account: str = Field(
        "scoring",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="their service account",
        examples=["scoring"],
    )


class FederationSettings(Section):
    """Who signs in without a secret."""

    git_hub: GitHubSettings = Field(
        default_factory=GitHubSettings, alias="github", description="workflows of a repository on GitHub"
    )
    azure_dev_ops: AzureDevOpsSettings = Field(
        default_factory=AzureDevOpsSettings, alias="azureDevOps", description="a service connection of Azure DevOps"
    )
    kubernetes: KubernetesFederationSettings = Field(
        default_factory=KubernetesFederationSettings, description="scoring pods, where the stack has a cluster"
    )
