"""IoT Hub and Device Provisioning Service: where devices sign in, send what they see, and learn what to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import deviceprovisioningservices as dps
from pulumi_azure_native import iothub

from infra.naming import Kind
from infra.role_assignments import Scope
from infra.unread import UnreadIdentity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.edge_settings import EdgeSettings
    from infra.identities import Identity
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.storage import Storage

HUB, PROVISIONING = "edge", "provisioning"
"""Roles of the two identities: the hub writes to the lake, the provisioning service registers devices."""
BUILT_IN = "events"
"""The hub's own Event Hub endpoint; Azure fixes the name."""
LAKE, CONTAINER = "lake", "raw"
"""The route's endpoint, and the container of the lake behind it: sources as they arrived."""
READERS = "mlops"
"""The consumer group of this system's readers: the default one belongs to whoever looks in by hand."""
FILES = "devices/{iothub}/{YYYY}/{MM}/{DD}/{HH}/{mm}-{partition}.json"
"""Where messages lie in the container of the lake. Azure wants every one of these words in it."""


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """`after`: the role assignments of the hub's identity, without which Azure refuses the route to the lake."""

    placement: Placement
    settings: EdgeSettings
    identity: Identity
    provisioning: Identity
    lake: Storage
    after: Sequence[pulumi.Resource]


class _Hub(UnreadIdentity, iothub.IotHubResource):  # type: ignore[misc]
    pass


class _Provisioning(UnreadIdentity, dps.IotDpsResource):  # type: ignore[misc]
    pass


class Edge(pulumi.ComponentResource):
    """A hub without keys: services sign in with Entra, devices with certificates (X.509), over TLS 1.2. What devices
    send goes to the lake, in the hub's own name, and to the built-in endpoint for who wants it at once. Files are not
    uploaded through the hub.

    Modules alone keep shared access signatures, made on the device from a key that never leaves it: the agent and the
    hub of IoT Edge know no other way. Devices are aimed at by the tags of their twins (`tags.environment='prod'`).

    The provisioning service is made without a linked hub. The API that azure-native speaks links one by a connection
    string only, which is a key, and the hub refuses keys; `docs/edge.md` has the one command that links it by identity.

    Costs some 25 USD a month for a unit of S1, and a fraction of a cent for each provisioned device. Protected in
    production: it knows the devices.
    """

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:edge:Hub", name, None, opts)
        self._name, self._args = name, args
        here = args.placement
        self.hub_name = here.naming.name(Kind.IOT_HUB)
        self.hub_id = here.resource_id(Kind.IOT_HUB, self.hub_name)
        self.provisioning_name = here.naming.name(Kind.DEVICE_PROVISIONING)
        self.provisioning_id = here.resource_id(Kind.DEVICE_PROVISIONING, self.provisioning_name)
        self.hub = self._hub()
        self.readers = iothub.IotHubResourceEventHubConsumerGroup(
            f"{name}-readers",
            name=here.naming.name(Kind.IOT_CONSUMER_GROUP, READERS),
            resource_name_=self.hub_name,
            resource_group_name=here.resource_group_name,
            event_hub_endpoint_name=BUILT_IN,
            properties=iothub.EventHubConsumerGroupNameArgs(name=READERS),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[here.group, self.hub]),
        )
        self.provisioning = self._provisioning()
        self.register_outputs({"hubName": self.hub_name, "provisioningName": self.provisioning_name})

    @property
    def hub_scope(self) -> Scope:
        """The hub, for role assignments."""
        return Scope("iot-hub", self.hub_id, self.hub)

    @property
    def provisioning_scope(self) -> Scope:
        """The provisioning service, for role assignments."""
        return Scope("device-provisioning", self.provisioning_id, self.provisioning)

    def _hub(self) -> _Hub:
        args, here, settings = self._args, self._args.placement, self._args.settings
        return _Hub(
            self._name,
            resource_name_=self.hub_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            sku=iothub.IotHubSkuInfoArgs(name=settings.sku, capacity=settings.units),
            identity=iothub.ArmIdentityArgs(
                type=iothub.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[args.identity.resource_id]
            ),
            properties=iothub.IotHubPropertiesArgs(
                disable_local_auth=True,
                disable_device_sas=True,
                disable_module_sas=False,
                min_tls_version="1.2",
                public_network_access=here.network.public_access,
                network_rule_sets=self._firewall(),
                enable_file_upload_notifications=False,
                event_hub_endpoints={
                    BUILT_IN: iothub.EventHubPropertiesArgs(
                        retention_time_in_days=settings.retention_days, partition_count=settings.partitions
                    )
                },
                routing=self._routing(),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[here.group, args.identity.resource, args.lake.containers[CONTAINER], *args.after],
                protect=here.is_production,
            ),
        )

    def _firewall(self) -> iothub.NetworkRuleSetPropertiesArgs | None:
        """In `hybrid` the devices' addresses are among the allowed ones, or devices do not get in."""
        network = self._args.placement.network
        if network.is_open or network.is_private:
            return None
        return iothub.NetworkRuleSetPropertiesArgs(
            default_action="Deny",
            apply_to_built_in_event_hub_endpoint=True,
            ip_rules=[
                iothub.NetworkRuleSetIpRuleArgs(filter_name=f"allowed-{number}", ip_mask=address, action="Allow")
                for number, address in enumerate(network.allowed_addresses, 1)
            ],
        )

    def _routing(self) -> iothub.RoutingPropertiesArgs:
        """A message that a route took goes to the built-in endpoint by a route of its own, or not at all."""
        args, here = self._args, self._args.placement
        lake = iothub.RoutingStorageContainerPropertiesArgs(
            name=LAKE,
            authentication_type="identityBased",
            identity=iothub.ManagedIdentityArgs(user_assigned_identity=args.identity.resource_id),
            endpoint_uri=args.lake.blob_uri,
            container_name=CONTAINER,
            subscription_id=here.subscription_id,
            resource_group=here.resource_group_name,
            encoding="JSON",
            file_name_format=FILES,
            batch_frequency_in_seconds=args.settings.batch_seconds,
        )
        routes = [
            iothub.RoutePropertiesArgs(
                name=name, source="DeviceMessages", condition="true", endpoint_names=[endpoint], is_enabled=True
            )
            for name, endpoint in (("to-lake", LAKE), ("to-readers", BUILT_IN))
        ]
        return iothub.RoutingPropertiesArgs(
            endpoints=iothub.RoutingEndpointsArgs(storage_containers=[lake]),
            routes=routes,
            fallback_route=iothub.FallbackRoutePropertiesArgs(
                name="$fallback", source="DeviceMessages", condition="true", endpoint_names=[BUILT_IN], is_enabled=True
            ),
        )

    def _provisioning(self) -> _Provisioning:
        args, here = self._args, self._args.placement
        return _Provisioning(
            f"{self._name}-provisioning",
            provisioning_service_name=self.provisioning_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            sku=dps.IotDpsSkuInfoArgs(name="S1", capacity=1),
            identity=dps.ManagedServiceIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.provisioning.resource_id]
            ),
            properties=dps.IotDpsPropertiesDescriptionArgs(
                allocation_policy="Hashed",
                public_network_access=here.network.public_access,
                ip_filter_rules=self._filter(),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[here.group, args.provisioning.resource],
                # Linked by hand, by identity.
                ignore_changes=["properties.iotHubs"],
                protect=here.is_production,
            ),
        )

    def _filter(self) -> list[dps.IpFilterRuleArgs] | None:
        network = self._args.placement.network
        if network.is_open or network.is_private:
            return None
        allowed = [(f"allowed-{number}", one, "Accept") for number, one in enumerate(network.allowed_addresses, 1)]
        return [
            dps.IpFilterRuleArgs(filter_name=name, ip_mask=mask, action=dps.IpFilterActionType(action), target="all")
            for name, mask, action in (*allowed, ("everybody-else", "0.0.0.0/0", "Reject"))
        ]


def declare(platform: Platform) -> None:
    """Declares hub and provisioning service, their identities and who may use them."""
    identity, provisioning = platform.identities.get(HUB), platform.identities.get(PROVISIONING)
    args = EdgeArgs(
        placement=platform.placement,
        settings=platform.settings.edge,
        identity=identity,
        provisioning=provisioning,
        lake=platform.lake,
        after=platform.access.grant("edge-identity", HUB, platform.child),
    )
    edge = Edge("edge", args, platform.child)
    platform.access.add(edge.hub_scope, edge.provisioning_scope)
