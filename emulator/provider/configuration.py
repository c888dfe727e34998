"""What the engine configures the plugin with; the environment fills in what configuration leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.provider.errors import ProviderError

PREFIX = "azure-native:config:"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The plugin's configuration; what is not set is the empty text."""

    subscription: str = ""
    location: str = ""
    metadata_host: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str], environment: Mapping[str, str]) -> Configuration:
        """Configuration of the stack or an explicit provider before variables of the environment."""

        def value(name: str, variable: str) -> str:
            return variables.get(PREFIX + name) or environment.get(variable, "")

        return cls(
            subscription=value("subscriptionId", "ARM_SUBSCRIPTION_ID"),
            location=value("location", "ARM_LOCATION"),
            metadata_host=value("metadataHost", "ARM_METADATA_HOSTNAME"),
        )

    def required_subscription(self) -> str:
        """The subscription; without one a `ProviderError` says how to set it."""
        if not self.subscription:
            raise ProviderError("no subscription: set azure-native:subscriptionId in the stack's configuration")
        return self.subscription
