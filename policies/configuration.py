"""What a stack says of itself, as rules ask for it: the file `stacks/Pulumi.<stack>.yaml`, keys without namespace."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROJECT = "mlops"
PRODUCTION = "prod"
NOT_PRODUCTION = "dev"


@dataclass(frozen=True)
class Configuration:
    """A stack's configuration, and the day on which it is judged."""

    values: Mapping[str, Any] = field(default_factory=dict)
    today: dt.date = field(default_factory=lambda: dt.datetime.now(dt.UTC).date())

    @classmethod
    def from_engine(cls, raw: Mapping[str, str]) -> Configuration:
        """As the engine hands it over: keys with their namespaces, objects and lists as JSON in a text."""
        prefix = f"{PROJECT}:"
        return cls({key.removeprefix(prefix): _parsed(value) for key, value in raw.items() if key.startswith(prefix)})

    @classmethod
    def from_stack(cls, config: Mapping[str, Any]) -> Configuration:
        """From the part `config` of a stack's file."""
        prefix = f"{PROJECT}:"
        return cls({key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a path such as `operations.monthlyBudget`."""
        found: Any = self.values
        for step in path.split("."):
            if not isinstance(found, Mapping) or step not in found:
                return default
            found = found[step]
        return found

    @property
    def environment(self) -> str:
        """`local`, `dev`, `test` or `prod`."""
        return str(self.get("environment", NOT_PRODUCTION))

    @property
    def is_production(self) -> bool:
        """Whether losing the stack's data would matter."""
        return self.environment == PRODUCTION

    @property
    def profile(self) -> str:
        """Whose levels hold: `prod` for production, `dev` for every other environment."""
        return PRODUCTION if self.is_production else NOT_PRODUCTION

    @property
    def network_profile(self) -> str:
        """`open`, `hybrid` or `private`."""
        return str(self.get("networkProfile", "open"))


def _parsed(value: Any) -> Any:
    """The engine hands everything over as text."""
    if not isinstance(value, str):
        return value
    if value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return {"true": True, "false": False}.get(value, value)
