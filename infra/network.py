"""Network profiles: one choice that sets public access and firewalls of every service alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from infra.settings import Settings


@dataclass(frozen=True)
class NetworkProfile:
    """`open`: public endpoints, identity decides. `hybrid`: data services refuse addresses that are not listed; trusted
    Azure services pass, and jobs run in the network that Azure ML manages for the workspace. `private`: nothing answers
    from outside; the stack has a network of its own, in which every service has a private endpoint.
    """

    is_open: bool
    is_private: bool = False
    allowed_addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> NetworkProfile:
        """The profile a stack asks for."""
        profile = settings.network_profile
        return cls(profile == "open", profile == "private", settings.allowed_addresses)

    @property
    def public_access(self) -> Literal["Enabled", "Disabled"]:
        """Whether a service has an address that the internet reaches."""
        return "Disabled" if self.is_private else "Enabled"

    @property
    def default_action(self) -> Literal["Allow", "Deny"]:
        """What a data service's firewall does with an address that no rule names."""
        return "Allow" if self.is_open else "Deny"

    @property
    def registry_sku(self) -> Literal["Standard", "Premium"]:
        """Only Premium registries have a firewall and private endpoints."""
        return "Standard" if self.is_open else "Premium"
