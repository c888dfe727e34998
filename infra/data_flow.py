"""What a Data Factory makes of files of the lake, every day: a mapping data flow, its pipeline and its trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import datafactory as adf

from infra.datasets import FILE, FOLDER
from infra.naming import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.placement import Placement

MAKE, CHECK, REFUSE = "make", "check", "refuse"
"""Activities of the pipeline."""
DAY = "day"
"""The pipeline's parameter: the day that a run is for, which names the folder it writes to."""


@dataclass(frozen=True, kw_only=True)
class FlowScript:
    """A script of Azure's mapping-data-flow language, and what it names. `sources`: the raw file of each. `refused`:
    the sink whose rows mean that the run has failed.
    """

    lines: Sequence[str]
    sources: Mapping[str, str]
    transformations: Sequence[str]
    sinks: Sequence[str]
    refused: str


@dataclass(frozen=True, kw_only=True)
class DataFlowArgs:
    """`system`: what it is for, and its folder in both containers. `hour`: of the day, in UTC. `after`: the factory,
    its runtime and its datasets.
    """

    placement: Placement
    system: str
    script: FlowScript
    hour: int
    factory_name: str
    runtime_name: str
    raw: str
    curated: str
    after: Sequence[pulumi.Resource]


class DataFlow(pulumi.ComponentResource):
    """Files in `raw/<system>` become a folder for each sink in `curated/<system>/<day>`. Rows that the script refuses
    are kept there too, and the run fails with their number: nobody takes the rest for the whole.

    Azure makes a trigger that is stopped, and starts none by a property: nothing runs, and nothing is paid, before
    `az datafactory trigger start`. A started one has to be stopped before it is changed.
    """

    def __init__(self, name: str, args: DataFlowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:datafactory:DataFlow", name, None, opts)
        self._name, self._args = name, args
        self._place: dict[str, Any] = {
            "factory_name": args.factory_name,
            "resource_group_name": args.placement.resource_group_name,
        }
        flow = self._flow()
        self._trigger(self._pipeline(flow))
        self.register_outputs({})

    def _inside(self, *more: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[*self._args.after, *more])

    def _kind(self, kind: Kind, name: str) -> str:
        return self._args.placement.naming.name(kind, name)

    def _flow(self) -> adf.DataFlow:
        script = self._args.script
        return adf.DataFlow(
            self._name,
            **self._place,
            data_flow_name=self._kind(Kind.DATA_FACTORY_FLOW, self._args.system),
            properties=adf.MappingDataFlowArgs(
                type="MappingDataFlow",
                sources=[adf.DataFlowSourceArgs(name=name, dataset=_dataset(FILE)) for name in script.sources],
                transformations=[adf.TransformationArgs(name=name) for name in script.transformations],
                sinks=[adf.DataFlowSinkArgs(name=name, dataset=_dataset(FOLDER)) for name in script.sinks],
                script_lines=list(script.lines),
            ),
            opts=self._inside(),
        )

    def _pipeline(self, flow: pulumi.Resource) -> adf.Pipeline:
        return adf.Pipeline(
            f"{self._name}-pipeline",
            **self._place,
            pipeline_name=self._kind(Kind.DATA_FACTORY_PIPELINE, self._args.system),
            # Two runs for one day would write into one folder.
            concurrency=1,
            parameters={DAY: adf.ParameterSpecificationArgs(type="String")},
            activities=[self._make(), self._check()],
            opts=self._inside(flow),
        )

    def _make(self) -> adf.ExecuteDataFlowActivityArgs:
        args = self._args
        files = {
            source: {"container": args.raw, "folder": args.system, "file": file}
            for source, file in args.script.sources.items()
        }
        folders = {
            sink: {
                "container": args.curated,
                "folder": _expression(f"@concat('{args.system}/', pipeline().parameters.{DAY}, '/{sink}')"),
            }
            for sink in args.script.sinks
        }
        return adf.ExecuteDataFlowActivityArgs(
            name=MAKE,
            type="ExecuteDataFlow",
            data_flow=adf.DataFlowReferenceArgs(
                reference_name=args.system, type="DataFlowReference", dataset_parameters={**files, **folders}
            ),
            integration_runtime=adf.IntegrationRuntimeReferenceArgs(
                reference_name=args.runtime_name, type="IntegrationRuntimeReference"
            ),
            # With less, Azure counts no rows.
            trace_level="Fine",
            policy=adf.ActivityPolicyArgs(timeout="0.02:00:00", retry=1, retry_interval_in_seconds=60),
        )

    def _check(self) -> adf.IfConditionActivityArgs:
        rows = f"activity('{MAKE}').output.runStatus.metrics.{self._args.script.refused}.rowsWritten"
        message = (
            f"@concat(string({rows}), ' rows are refused; the file in the folder {self._args.script.refused} says why')"
        )
        return adf.IfConditionActivityArgs(
            name=CHECK,
            type="IfCondition",
            depends_on=[adf.ActivityDependencyArgs(activity=MAKE, dependency_conditions=["Succeeded"])],
            expression=adf.ExpressionArgs(type="Expression", value=f"@greater({rows}, 0)"),
            if_true_activities=[
                adf.FailActivityArgs(name=REFUSE, type="Fail", error_code="RowsRefused", message=_expression(message))
            ],
        )

    def _trigger(self, pipeline: pulumi.Resource) -> adf.Trigger:
        """Once a day, for the day that it is due: a run that comes late is still one for its own day."""
        system = self._args.system
        return adf.Trigger(
            f"{self._name}-daily",
            **self._place,
            trigger_name=self._kind(Kind.DATA_FACTORY_TRIGGER, f"{system}_daily"),
            properties=adf.ScheduleTriggerArgs(
                type="ScheduleTrigger",
                recurrence=adf.ScheduleTriggerRecurrenceArgs(
                    frequency="Day",
                    interval=1,
                    start_time=f"2026-01-01T{self._args.hour:02}:00:00Z",
                    time_zone="UTC",
                ),
                pipelines=[
                    adf.TriggerPipelineReferenceArgs(
                        pipeline_reference=adf.PipelineReferenceArgs(reference_name=system, type="PipelineReference"),
                        parameters={DAY: "@formatDateTime(trigger().scheduledTime, 'yyyy-MM-dd')"},
                    )
                ],
            ),
            opts=self._inside(pipeline),
        )


def _dataset(name: str) -> adf.DatasetReferenceArgs:
    return adf.DatasetReferenceArgs(reference_name=name, type="DatasetReference")


def _expression(text: str) -> dict[str, str]:
    """A value that the factory computes when it runs."""
    return {"value": text, "type": "Expression"}
