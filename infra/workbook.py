"""The workbook: requests, errors, times and jobs on one page of the Azure portal."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import applicationinsights

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.role_assignments import Scope

DEFINITION = Path(__file__).with_name("workbook.json")
"""The page as the portal has it ("Advanced editor", "Gallery template"), but for what it looks at."""


@dataclass(frozen=True, kw_only=True)
class WorkbookArgs:
    """`insights`: the component whose telemetry it shows."""

    placement: Placement
    insights: Scope


class Workbook(pulumi.ComponentResource):
    """A page over the telemetry of all systems. It costs nothing; its queries read what is there."""

    def __init__(self, name: str, args: WorkbookArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:operations:Workbook", name, None, opts)
        placement = args.placement
        workbook_name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{args.insights.resource_id.lower()}#systems"))
        applicationinsights.Workbook(
            name,
            # Azure wants a GUID for a name: the same one at each run.
            resource_name_=workbook_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            kind="shared",
            category="workbook",
            display_name=f"Machine learning systems ({placement.naming.stack})",
            source_id=args.insights.resource_id,
            serialized_data=json.dumps(definition(args.insights.resource_id), separators=(",", ":"), sort_keys=True),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[placement.group, args.insights.resource]),
        )
        self.register_outputs({"workbookName": workbook_name})


def definition(insights_id: str) -> dict[str, Any]:
    """The page, looking at one component."""
    page: dict[str, Any] = json.loads(DEFINITION.read_text())
    return {**page, "fallbackResourceIds": [insights_id]}
