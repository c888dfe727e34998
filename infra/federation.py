"""Workload identity federation: pipelines and pods sign in with their own issuer's tokens; nobody keeps a secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import managedidentity

from infra.naming import Kind
from infra.resource_id import group_id
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.identities import Identity
    from infra.placement import Placement
    from infra.platform import Platform

PIPELINES, REVIEWS, SCORING = "pipelines", "reviews", "endpoint"
"""Identities: of the pipelines that deploy, of pull requests, which only look, and of scoring servers."""
GITHUB = "https://token.actions.githubusercontent.com"
AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True)
class Trust:
    """Whoever shows a token of `issuer` about `subject` is the identity."""

    name: str
    identity: Identity
    issuer: pulumi.Input[str]
    subject: str
    after: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FederationArgs:
    """Whom to trust."""

    placement: Placement
    trusts: Sequence[Trust]


class Federation(pulumi.ComponentResource):
    """Federated credentials: one for each environment, service connection or service account. They cost nothing, and a
    stolen one is of no use to another repository, environment or namespace.
    """

    def __init__(self, name: str, args: FederationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:identity:Federation", name, None, opts)
        here = args.placement
        before: dict[str, pulumi.Resource] = {}
        for trust in args.trusts:
            # An identity takes one new credential at a time.
            waits = [before[trust.identity.name]] if trust.identity.name in before else []
            before[trust.identity.name] = managedidentity.FederatedIdentityCredential(
                f"{name}-{trust.name}",
                federated_identity_credential_resource_name=here.naming.name(Kind.FEDERATED_CREDENTIAL, trust.name),
                resource_name_=trust.identity.name,
                resource_group_name=here.resource_group_name,
                issuer=trust.issuer,
                subject=trust.subject,
                audiences=[AUDIENCE],
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=[here.group, trust.identity.resource, *trust.after, *waits]
                ),
            )
        self.register_outputs({"trusted": [trust.name for trust in args.trusts]})


def declare(platform: Platform) -> None:
    """Declares whom the stack trusts, and what they may do."""
    here = platform.placement
    trusts = list(_trusts(platform))
    if trusts:
        Federation("federation", FederationArgs(placement=here, trusts=trusts), platform.child)
    group = group_id(here.subscription_id, here.resource_group_name)
    platform.access.add(Scope("group", group, here.group))


def _trusts(platform: Platform) -> Iterator[Trust]:
    settings, identities = platform.settings.federation, platform.identities
    github, devops, pods = settings.git_hub, settings.azure_dev_ops, settings.kubernetes
    if github.repository:
        for environment in github.environments:
            subject = f"repo:{github.repository}:environment:{environment}"
            yield Trust(f"github-{environment}", identities.get(PIPELINES), GITHUB, subject)
        if github.pull_requests:
            yield Trust("github-reviews", identities.get(REVIEWS), GITHUB, f"repo:{github.repository}:pull_request")
    if devops.issuer:
        yield Trust("azure-devops", identities.get(PIPELINES), devops.issuer, devops.subject)
    if platform.kubernetes:
        cluster = platform.kubernetes
        subject = f"system:serviceaccount:{pods.namespace}:{pods.service_account}"
        yield Trust("scoring-pods", identities.get(SCORING), cluster.issuer_url, subject, (cluster.cluster,))
