"""The guards before vaults and workspaces, as the platform asks for them."""

from __future__ import annotations

import pulumi

from infra.soft_delete import Guard, Guarded
from ml.resources.soft_delete_guard import SoftDeleteGuard


def guard(name: str, guarded: Guarded, opts: pulumi.ResourceOptions) -> Guard:
    """Declares a guard."""
    own = pulumi.ResourceOptions(depends_on=[guarded.group])
    resource = SoftDeleteGuard(
        name,
        resource_id=guarded.resource_id,
        location=guarded.location,
        if_held=guarded.if_held,
        on_destroy=guarded.on_destroy,
        opts=pulumi.ResourceOptions.merge(opts, own),
    )
    return Guard(resource, resource.createMode.apply(lambda mode: mode or None))
