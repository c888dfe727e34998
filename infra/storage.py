"""Storage accounts: the one behind the Azure ML workspace and the data lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import storage

from infra.naming import Kind
from infra.role_assignments import Scope

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.stack_settings import StorageSettings

BLOB_SERVICE = "default"


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """`role` goes into the account's name. A `hierarchical` account is a data lake (ADLS Gen2): folders are real, and
    Azure offers no blob versions there.
    """

    placement: Placement
    settings: StorageSettings
    role: str
    hierarchical: bool
    containers: tuple[str, ...] = ()


class Storage(pulumi.ComponentResource):
    """One account with its containers: Entra tokens only (no account key, no SAS signed by one), TLS 1.2, nothing
    public, deleted data can be brought back, and in production no `up` deletes account or container.
    """

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:storage:Storage", name, None, opts)
        self.placement = args.placement
        self.role = args.role
        self.account_name = args.placement.naming.name(Kind.STORAGE_ACCOUNT, args.role)
        self.account_id = args.placement.resource_id(Kind.STORAGE_ACCOUNT, self.account_name)
        self.account = self._account(name, args)
        self.blob_service = self._blob_service(f"{name}-blobs", args)
        if not args.hierarchical:
            self._version_expiry(f"{name}-lifecycle", args)
        self.containers = {container: self._container(name, container, args) for container in args.containers}
        self.register_outputs({"accountName": self.account_name, "accountId": self.account_id})

    @property
    def blob_uri(self) -> pulumi.Output[str]:
        """The address of its blobs, which only the cloud knows."""
        uri: pulumi.Output[str] = self.account.primary_endpoints.apply(lambda found: found.blob if found else "")
        return uri

    @property
    def queue_uri(self) -> pulumi.Output[str]:
        """The address of its queues, without the slash at the end."""
        uri: pulumi.Output[str] = self.account.primary_endpoints.apply(
            lambda found: (found.queue or "").rstrip("/") if found else ""
        )
        return uri

    @property
    def scope(self) -> Scope:
        """The whole account, for role assignments."""
        return Scope(self.role, self.account_id, self.account)

    @property
    def blobs_scope(self) -> Scope:
        """The account's blob service, for its diagnostic setting."""
        return Scope(f"{self.role}-blobs", f"{self.account_id}/blobServices/{BLOB_SERVICE}", self.blob_service)

    def container_scope(self, container: str) -> Scope:
        """One container, for role assignments."""
        container_id = self.placement.resource_id(Kind.CONTAINER, self.account_name, BLOB_SERVICE, container)
        return Scope(f"{self.role}-{container}", container_id, self.containers[container])

    def _account(self, name: str, args: StorageArgs) -> storage.StorageAccount:
        network = args.placement.network
        return storage.StorageAccount(
            name,
            account_name=self.account_name,
            resource_group_name=args.placement.resource_group_name,
            location=args.placement.location,
            tags=args.placement.tags,
            kind="StorageV2",
            sku=storage.SkuArgs(name=args.settings.redundancy),
            is_hns_enabled=args.hierarchical,
            allow_shared_key_access=False,
            default_to_o_auth_authentication=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            is_local_user_enabled=False,
            minimum_tls_version="TLS1_2",
            enable_https_traffic_only=True,
            public_network_access=network.public_access,
            network_rule_set=storage.NetworkRuleSetArgs(
                default_action=network.default_action,
                bypass="AzureServices",
                ip_rules=[
                    storage.IPRuleArgs(action="Allow", i_p_address_or_range=address)
                    for address in network.allowed_addresses
                ],
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[args.placement.group], protect=args.placement.is_production
            ),
        )

    def _blob_service(self, name: str, args: StorageArgs) -> storage.BlobServiceProperties:
        kept = storage.DeleteRetentionPolicyArgs(enabled=True, days=args.settings.soft_delete_days)
        return storage.BlobServiceProperties(
            name,
            blob_services_name=BLOB_SERVICE,
            account_name=self.account_name,
            resource_group_name=args.placement.resource_group_name,
            delete_retention_policy=kept,
            container_delete_retention_policy=kept,
            is_versioning_enabled=not args.hierarchical,
            # Azure ML writes the rules its studio needs into the account of its workspace.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.account], ignore_changes=["cors"]),
        )

    def _version_expiry(self, name: str, args: StorageArgs) -> storage.ManagementPolicy:
        """Without it every overwritten blob would be paid for for ever."""
        expiry = storage.DateAfterCreationArgs(days_after_creation_greater_than=args.settings.soft_delete_days)
        rule = storage.ManagementPolicyRuleArgs(
            name="expire-old-versions",
            type="Lifecycle",
            enabled=True,
            definition=storage.ManagementPolicyDefinitionArgs(
                filters=storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"]),
                actions=storage.ManagementPolicyActionArgs(version=storage.ManagementPolicyVersionArgs(delete=expiry)),
            ),
        )
        return storage.ManagementPolicy(
            name,
            management_policy_name="default",
            account_name=self.account_name,
            resource_group_name=args.placement.resource_group_name,
            policy=storage.ManagementPolicySchemaArgs(rules=[rule]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.blob_service]),
        )

    def _container(self, name: str, container: str, args: StorageArgs) -> storage.BlobContainer:
        return storage.BlobContainer(
            f"{name}-{container}",
            container_name=args.placement.naming.name(Kind.CONTAINER, container),
            account_name=self.account_name,
            resource_group_name=args.placement.resource_group_name,
            public_access="None",
            # A container made before soft delete is on could be lost for good.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self.blob_service], protect=args.placement.is_production
            ),
        )
