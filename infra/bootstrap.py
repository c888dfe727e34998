"""The stack `bootstrap`: what has to be there before any other stack, and is shared by all of them."""

from __future__ import annotations

import pulumi
from pydantic import Field

from infra.access import Access
from infra.address_plan import Purpose
from infra.identities import Identities, IdentitiesArgs
from infra.key_vault import KeyVault, KeyVaultArgs
from infra.network import NetworkProfile
from infra.placement import Placement, place, provider_of
from infra.private_endpoints import DOORS, PrivateEndpoints, PrivateEndpointsArgs
from infra.resource_id import group_id
from infra.role_assignments import Scope
from infra.runner import Runner, RunnerArgs, RunnerSettings
from infra.secrets_key import SecretsKey, SecretsKeyArgs
from infra.soft_delete import Guards, SoftDelete
from infra.stack_settings import StackSettings
from infra.storage import Storage, StorageArgs
from infra.virtual_network import VirtualNetwork, VirtualNetworkArgs

NAME = "bootstrap"
STATE = "pulumi"
"""The container with the state of every stack."""


class BootstrapSettings(StackSettings):
    """The configuration of the stack `bootstrap`. Its `network.addressSpace` must not overlap with that of a stack."""

    runner: RunnerSettings | None = Field(
        None, description="machines in the network that run pipelines; none = there are some already"
    )


def is_bootstrap() -> bool:
    """Whether the running stack is one: `bootstrap`, or `bootstrap-prod` beside it."""
    return pulumi.get_stack().split("-")[0] == NAME


class Bootstrap(pulumi.ComponentResource):
    """A network with a subnet for runners, every private DNS zone that a stack can need, the storage account with the
    state (versions kept, deleted blobs brought back), and the vault with the key of its secrets.

    State and vault answer `allowedAddresses` and private endpoints; without addresses only the latter. Both are
    protected: a state that is lost is all stacks lost. Some 60 dollars a month: the runners' way out, the zones, and
    two endpoints.
    """

    def __init__(
        self, name: str, settings: BootstrapSettings, guards: Guards, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """
        Args:
            guards: declares what stands before the vault.
        """
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[provider_of(settings)]))
        super().__init__("mlops:platform:Bootstrap", name, None, opts)
        self._settings, self._child = settings, pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=True)
        self.placement = self._place()
        self.network = self._network()
        self.state = self._state()
        soft_delete = SoftDelete(guards, settings.soft_delete, self.placement.is_production)
        self.vault = KeyVault("keys", KeyVaultArgs(placement=self.placement, soft_delete=soft_delete), self._kept)
        self.key = SecretsKey("secrets-key", SecretsKeyArgs(placement=self.placement, vault=self.vault), self._kept)
        self._give_access()
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, pulumi.Input[str]]:
        """What the files of the other stacks and `pulumi login` need."""
        return {
            "backend": f"azblob://{STATE}?storage_account={self.state.account_name}",
            "secretsProvider": self.key.url,
            "hubNetworkId": self.network.network_id,
            "dnsZonesGroupId": group_id(self.placement.subscription_id, self.placement.resource_group_name),
            "resourceGroup": self.placement.resource_group_name,
            "runnerIdentity": self.identities.get("runner").resource_id,
        }

    def _place(self) -> Placement:
        allowed = self._settings.allowed_addresses
        network = NetworkProfile(is_open=False, is_private=not allowed, allowed_addresses=allowed)
        # Production whatever it says: every other stack stands on this one.
        return place(self._settings, network, self._child, is_production=True)

    def _network(self) -> VirtualNetwork:
        purposes = (Purpose.ENDPOINTS, Purpose.RUNNER)
        args = VirtualNetworkArgs(placement=self.placement, settings=self._settings.network, purposes=purposes)
        return VirtualNetwork("network", args, self._child)

    def _state(self) -> Storage:
        args = StorageArgs(
            placement=self.placement,
            settings=self._settings.storage,
            role="state",
            hierarchical=False,
            containers=(STATE,),
        )
        return Storage("state", args, self._kept)

    def _give_access(self) -> None:
        """Roles, private endpoints and the runner, which needs both."""
        here = self.placement
        self.identities = Identities("identities", IdentitiesArgs(placement=here, roles=("runner",)), self._child)
        access = Access(here, str(self._settings.deployers_group_id), self.identities)
        access.add(self.state.scope, Scope("keys", self.vault.vault_id, self.vault.vault))
        access.grant_rest(self._child)
        endpoints = PrivateEndpointsArgs(
            placement=here,
            settings=self._settings.network,
            network=self.network,
            subnet=self.network.subnets[Purpose.ENDPOINTS],
            scopes=tuple(access.scopes.values()),
            parts=(),
            zones=sorted({zone for doors in DOORS.values() for door in doors for zone in door.zones}),
        )
        PrivateEndpoints("private-endpoints", endpoints, self._child)
        if self._settings.runner:
            runner = RunnerArgs(
                placement=here,
                settings=self._settings.runner,
                subnet=self.network.subnets[Purpose.RUNNER],
                identity=self.identities.get("runner"),
            )
            self.runner = Runner("runner", runner, self._child)
