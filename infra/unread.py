"""What is not read back from a resource."""

from __future__ import annotations

from typing import Any

import pulumi


class UnreadIdentity:
    """Before a resource's own class among its bases: its identity comes back as it is, whatever it looks like.

    An `up` of one system leaves the resources of the others out. Pulumi then gives their inputs back for outputs, where
    user-assigned identities are a list and not the mapping that Azure answers with: the SDK's typed property fails the
    whole program for it.
    """

    @property
    @pulumi.getter
    def identity(self) -> pulumi.Output[Any]:
        """What Azure or the program said of it."""
        found: pulumi.Output[Any] = pulumi.get(self, "identity")
        return found
