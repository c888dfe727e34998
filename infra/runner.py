"""Machines inside the network that run the program: no other machine reaches the data services of a private stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import compute
from pydantic import Field

from infra.naming import Kind
from infra.sizes import Section

if TYPE_CHECKING:
    from infra.identities import Identity
    from infra.placement import Placement
    from infra.virtual_network import Subnet

ADMIN = "runner"


class RunnerSettings(Section):
    """Machines for pipelines. An Azure DevOps pool of the kind "scale set" starts and stops them by itself."""

    ssh_public_key: str = Field(
        pattern=r"^ssh-(rsa|ed25519) [A-Za-z0-9+/=]{60,}( .*)?$",
        description="public key of whoever may log in to a runner from inside the network; passwords are off",
        examples=["ssh-ed25519 AAAA…"],
    )
    vm_size: str = Field("Standard_D2s_v5", description="virtual machine size", examples=["Standard_D2s_v5"])
    count: int = Field(
        0, ge=0, le=10, description="machines at first; afterwards whoever runs the pool decides", examples=[0]
    )


@dataclass(frozen=True, kw_only=True)
class RunnerArgs:
    """`identity`: whom a runner signs in as."""

    placement: Placement
    settings: RunnerSettings
    subnet: Subnet
    identity: Identity


class Runner(pulumi.ComponentResource):
    """A scale set without a public address, of no machine until a pool asks for one: nothing is paid for before. A
    machine of the default size costs some ten cents an hour.
    """

    def __init__(self, name: str, args: RunnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:compute:Runner", name, None, opts)
        placement = args.placement
        self.scale_set_name = placement.naming.name(Kind.SCALE_SET, "runner")
        self.scale_set = compute.VirtualMachineScaleSet(
            name,
            vm_scale_set_name=self.scale_set_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            sku=compute.SkuArgs(name=args.settings.vm_size, tier="Standard", capacity=args.settings.count),
            orchestration_mode="Uniform",
            overprovision=False,
            single_placement_group=False,
            platform_fault_domain_count=1,
            upgrade_policy=compute.UpgradePolicyArgs(mode="Manual"),
            identity=compute.VirtualMachineScaleSetIdentityArgs(
                type="UserAssigned", user_assigned_identities=[args.identity.resource_id]
            ),
            virtual_machine_profile=_machine(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[placement.group, args.subnet.resource, args.identity.resource],
                ignore_changes=["sku.capacity"],
            ),
        )
        self.register_outputs({"scaleSetName": self.scale_set_name})


def _machine(args: RunnerArgs) -> compute.VirtualMachineScaleSetVMProfileArgs:
    key = compute.SshPublicKeyArgs(key_data=args.settings.ssh_public_key, path=f"/home/{ADMIN}/.ssh/authorized_keys")
    return compute.VirtualMachineScaleSetVMProfileArgs(
        os_profile=compute.VirtualMachineScaleSetOSProfileArgs(
            computer_name_prefix=ADMIN,
            admin_username=ADMIN,
            linux_configuration=compute.LinuxConfigurationArgs(
                disable_password_authentication=True,
                provision_vm_agent=True,
                ssh=compute.SshConfigurationArgs(public_keys=[key]),
            ),
        ),
        storage_profile=compute.VirtualMachineScaleSetStorageProfileArgs(
            image_reference=compute.ImageReferenceArgs(
                publisher="Canonical", offer="ubuntu-24_04-lts", sku="server", version="latest"
            ),
            os_disk=compute.VirtualMachineScaleSetOSDiskArgs(
                create_option="FromImage",
                caching="ReadWrite",
                disk_size_gb=64,
                managed_disk=compute.VirtualMachineScaleSetManagedDiskParametersArgs(
                    storage_account_type="StandardSSD_LRS"
                ),
            ),
        ),
        network_profile=compute.VirtualMachineScaleSetNetworkProfileArgs(
            network_interface_configurations=[
                compute.VirtualMachineScaleSetNetworkConfigurationArgs(
                    name="main",
                    primary=True,
                    ip_configurations=[
                        compute.VirtualMachineScaleSetIPConfigurationArgs(
                            name="main", subnet=compute.ApiEntityReferenceArgs(id=args.subnet.resource_id)
                        )
                    ],
                )
            ]
        ),
        security_profile=compute.SecurityProfileArgs(
            security_type="TrustedLaunch",
            uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
        ),
        diagnostics_profile=compute.DiagnosticsProfileArgs(boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True)),
    )
