"""What the factory does with files of the lake: datasets, a mapping data flow, a pipeline and its trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import datafactory as adf

from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.data_factory_settings import DataFactorySettings
    from infra.placement import Placement

FILES, TABLE = "files", "table"
CURATE = "curate"
DAILY = "daily"
SCRIPT = (
    "parameters{",
    "     as_of as string",
    "}",
    "source(allowSchemaDrift: true,",
    "     validateSchema: false,",
    "     ignoreNoFilesFound: false) ~> arrived",
    "arrived derive(AsOf = toDate($as_of, 'yyyy-MM-dd')) ~> dated",
    "dated sink(allowSchemaDrift: true,",
    "     validateSchema: false,",
    "     skipDuplicateMapInputs: true,",
    "     skipDuplicateMapOutputs: true) ~> curated",
)
"""Every column as it arrived, none lost and none recoded, and the date at which the rows hold. That date is given and
never today's: the same files give the same rows whenever the flow runs. What a model makes of a row is said once, in
the system's `features.yaml`, and not here.
"""


@dataclass(frozen=True, kw_only=True)
class DataFlowArgs:
    """`links`: the factory's linked services by name, `lake` among them."""

    placement: Placement
    settings: DataFactorySettings
    factory_name: str
    runtime_name: str
    links: Mapping[str, pulumi.Resource]
    after: Sequence[pulumi.Resource]


class DataFlow(pulumi.ComponentResource):
    """Files of a folder of `raw` go to `curated/<folder>/<as-of date>`, each row with that date. Azure makes a trigger
    that is stopped: nothing runs, and nothing is paid, before it is started.
    """

    def __init__(self, name: str, args: DataFlowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:datafactory:DataFlow", name, None, opts)
        self._name, self._args = name, args
        self._place: dict[str, Any] = {
            "factory_name": args.factory_name,
            "resource_group_name": args.placement.resource_group_name,
        }
        files = self._files()
        if "sql" in args.links:
            self._table()
        flow = self._flow(files)
        self._trigger(self._pipeline(flow, files))
        self.register_outputs({})

    def _inside(self, *more: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*self._args.after, *more])

    def _kind(self, kind: Kind, name: str) -> str:
        return self._args.placement.naming.name(kind, name)

    def _files(self) -> adf.Dataset:
        """Delimited text anywhere in the lake: container and folder are parameters."""
        return adf.Dataset(
            f"{self._name}-files",
            **self._place,
            dataset_name=self._kind(Kind.DATA_FACTORY_DATASET, FILES),
            properties=adf.DelimitedTextDatasetArgs(
                type="DelimitedText",
                linked_service_name=_link("lake"),
                parameters={name: adf.ParameterSpecificationArgs(type="String") for name in ("container", "folder")},
                location=adf.AzureBlobFSLocationArgs(
                    type="AzureBlobFSLocation",
                    file_system=_expression("@dataset().container"),
                    folder_path=_expression("@dataset().folder"),
                ),
                column_delimiter=",",
                quote_char='"',
                escape_char='"',
                first_row_as_header=True,
                schema=[],
            ),
            opts=self._inside(self._args.links["lake"]),
        )

    def _table(self) -> adf.Dataset:
        """Any table of the database."""
        return adf.Dataset(
            f"{self._name}-table",
            **self._place,
            dataset_name=self._kind(Kind.DATA_FACTORY_DATASET, TABLE),
            properties=adf.AzureSqlTableDatasetArgs(
                type="AzureSqlTable",
                linked_service_name=_link("sql"),
                parameters={"table": adf.ParameterSpecificationArgs(type="String")},
                schema="dbo",
                table=_expression("@dataset().table"),
            ),
            opts=self._inside(self._args.links["sql"]),
        )

    def _flow(self, files: pulumi.Resource) -> adf.DataFlow:
        dataset = adf.DatasetReferenceArgs(reference_name=FILES, type="DatasetReference")
        return adf.DataFlow(
            f"{self._name}-curate",
            **self._place,
            data_flow_name=self._kind(Kind.DATA_FACTORY_FLOW, CURATE),
            properties=adf.MappingDataFlowArgs(
                type="MappingDataFlow",
                sources=[adf.DataFlowSourceArgs(name="arrived", dataset=dataset)],
                transformations=[adf.TransformationArgs(name="dated")],
                sinks=[adf.DataFlowSinkArgs(name="curated", dataset=dataset)],
                script_lines=list(SCRIPT),
            ),
            opts=self._inside(files),
        )

    def _pipeline(self, flow: pulumi.Resource, files: pulumi.Resource) -> adf.Pipeline:
        folder, date = "@pipeline().parameters.sourceFolder", "@pipeline().parameters.asOf"
        target = "@concat(pipeline().parameters.sourceFolder, '/', pipeline().parameters.asOf)"
        activity = adf.ExecuteDataFlowActivityArgs(
            name=CURATE,
            type="ExecuteDataFlow",
            data_flow=adf.DataFlowReferenceArgs(
                reference_name=CURATE,
                type="DataFlowReference",
                parameters={"as_of": {"value": f"'@{{{date.removeprefix('@')}}}'", "type": "Expression"}},
                dataset_parameters={
                    "arrived": {"container": "raw", "folder": _expression(folder)},
                    "curated": {"container": "curated", "folder": _expression(target)},
                },
            ),
            integration_runtime=adf.IntegrationRuntimeReferenceArgs(
                reference_name=self._args.runtime_name, type="IntegrationRuntimeReference"
            ),
            trace_level="Fine",
            policy=adf.ActivityPolicyArgs(timeout="0.02:00:00", retry=1, retry_interval_in_seconds=60),
        )
        return adf.Pipeline(
            f"{self._name}-pipeline",
            **self._place,
            pipeline_name=self._kind(Kind.DATA_FACTORY_PIPELINE, CURATE),
            # Two runs for one date would write into one folder.
            concurrency=1,
            parameters={name: adf.ParameterSpecificationArgs(type="String") for name in ("sourceFolder", "asOf")},
            activities=[activity],
            opts=self._inside(flow, files),
        )

    def _trigger(self, pipeline: pulumi.Resource) -> adf.Trigger:
        """Once a day, for the day that it is due: a run that comes late is still one for its own day."""
        settings = self._args.settings
        return adf.Trigger(
            f"{self._name}-daily",
            **self._place,
            trigger_name=self._kind(Kind.DATA_FACTORY_TRIGGER, DAILY),
            properties=adf.ScheduleTriggerArgs(
                type="ScheduleTrigger",
                recurrence=adf.ScheduleTriggerRecurrenceArgs(
                    frequency="Day",
                    interval=1,
                    start_time=f"2026-01-01T{settings.hour:02}:00:00Z",
                    time_zone="UTC",
                ),
                pipelines=[
                    adf.TriggerPipelineReferenceArgs(
                        pipeline_reference=adf.PipelineReferenceArgs(reference_name=CURATE, type="PipelineReference"),
                        parameters={
                            "sourceFolder": settings.source_folder,
                            "asOf": "@formatDateTime(trigger().scheduledTime, 'yyyy-MM-dd')",
                        },
                    )
                ],
            ),
            opts=self._inside(pipeline),
        )


def _link(name: str) -> adf.LinkedServiceReferenceArgs:
    return adf.LinkedServiceReferenceArgs(reference_name=name, type="LinkedServiceReference")


def _expression(text: str) -> dict[str, str]:
    """A value that the factory computes when it runs."""
    return {"value": text, "type": "Expression"}
