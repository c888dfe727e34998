"""Work of Pulumi's SDK that nobody needs: the URN of each alias of each resource.

azure-native gives a resource an alias for each API version of its type, fifteen on average, and every engine since 3.50
takes them as they are. The SDK works out their URNs all the same: more than half of what the program costs (2.4 s of
processor time for the 286 resources of the private stack, 1.0 s without).
"""

from __future__ import annotations

from typing import Any

from pulumi import resource
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.resource import collapse_alias_to_urn as _work_out
from pulumi.runtime.settings import monitor_supports_feature


def leave_out_alias_urns() -> None:
    """From here on an alias's URN is worked out only for an engine that asks for it; the aliases stay what they are."""
    vars(resource)["collapse_alias_to_urn"] = _urn_where_needed


def _urn_where_needed(alias: Any, name: str, kind: str, parent: resource.Resource | None) -> Any:
    if monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS):
        return ""
    return _work_out(alias, name, kind, parent)
