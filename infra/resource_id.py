"""ARM resource ids as plain text: known in a preview, before anything exists."""

from __future__ import annotations


def subscription_scope(subscription_id: str) -> str:
    """The subscription's own id."""
    return f"/subscriptions/{subscription_id}"


def group_id(subscription_id: str, resource_group_name: str) -> str:
    """Id of a resource group."""
    return f"{subscription_scope(subscription_id)}/resourceGroups/{resource_group_name}"


def resource_id(scope: str, kind: str, *names: str) -> str:
    """Id of a resource in a group, or of a child when there are more names.

    `kind` is the full ARM type: `resource_id(group, "Microsoft.Storage/storageAccounts/blobServices", "account",
    "default")`.

    Raises:
        ValueError: there are not as many names as types.
    """
    provider, *types = kind.split("/")
    if len(types) != len(names):
        raise ValueError(f"{kind} takes {len(types)} names, not {len(names)}")
    pairs = (f"{part}/{name}" for part, name in zip(types, names, strict=True))
    return "/".join((scope, "providers", provider, *pairs))


def type_of(resource: str) -> str:
    """The ARM type in an id: `Microsoft.Storage/storageAccounts/blobServices`; that of a group or subscription is
    `Microsoft.Resources/…`.
    """
    _, found, rest = resource.rpartition("/providers/")
    if not found:
        return "Microsoft.Resources/" + ("resourceGroups" if "/resourceGroups/" in rest else "subscriptions")
    provider, *pairs = rest.split("/")
    return "/".join((provider, *pairs[::2]))
