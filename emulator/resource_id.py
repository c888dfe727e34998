"""ARM resource ids: case-insensitive paths of types and names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResourceId:
    """A parsed ARM path.

    `scope` is what comes before the last `/providers/`; `types` and `names` alternate below the provider. A resource
    group and a
    subscription have no provider of their own: their `provider` is `Microsoft.Resources`.
    """

    scope: str
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    text: str

    @classmethod
    def parse(cls, path: str) -> ResourceId:
        """Parses a resource's path (a collection's path has one more type than names).

        Raises:
            ValueError: the path is no ARM path.
        """
        parts = [part for part in path.split("/") if part]
        lower = [part.lower() for part in parts]
        if not parts or lower[0] not in ("subscriptions", "providers"):
            raise ValueError(f"'{path}' is no ARM path")
        if "providers" in lower:
            at = len(lower) - 1 - lower[::-1].index("providers")
            rest = parts[at + 2 :]
            if len(parts) < at + 3:
                raise ValueError(f"'{path}' names no resource type")
            scope, provider = "".join(f"/{part}" for part in parts[:at]), parts[at + 1]
            return cls(scope, provider, tuple(rest[::2]), tuple(rest[1::2]), "/" + "/".join(parts))
        if len(parts) > 2 and lower[2] == "resourcegroups":
            names = (parts[3],) if len(parts) > 3 else ()
            if len(parts) > 4:
                raise ValueError(f"'{path}' is no ARM path")
            return cls(
                f"/subscriptions/{parts[1]}", "Microsoft.Resources", ("resourceGroups",), names, "/" + "/".join(parts)
            )
        if len(parts) <= 2:
            return cls("", "Microsoft.Resources", ("subscriptions",), tuple(parts[1:2]), "/" + "/".join(parts))
        raise ValueError(f"'{path}' is no ARM path")

    @property
    def key(self) -> str:
        """The id in lower case: what two spellings of one resource share."""
        return self.text.lower()

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1] if self.names else ""

    @property
    def type(self) -> str:
        """`Microsoft.Storage/storageAccounts/blobServices`."""
        return "/".join((self.provider, *self.types))

    @property
    def is_collection(self) -> bool:
        """Whether the path ends in a type, so that it lists resources."""
        return len(self.types) > len(self.names)

    @property
    def parent(self) -> str | None:
        """Id of the resource this one lives in: the parent resource, else the resource group or scope; None for a
        subscription.
        """
        if self.types == ("subscriptions",):
            return None
        if len(self.names) > 1:
            return self.text.rsplit("/", 2)[0]
        return self.scope or None

    @property
    def subscription(self) -> str | None:
        """The subscription's id, lower case."""
        parts = self.key.split("/")
        return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else None

    @property
    def resource_group(self) -> str | None:
        """The resource group's id, lower case, where the resource is in one."""
        parts = self.key.split("/")
        return "/".join(parts[:5]) if len(parts) > 4 and parts[3] == "resourcegroups" else None

    def child(self, kind: str, name: str) -> str:
        """Id of a child resource."""
        return f"{self.text}/{kind}/{name}"
