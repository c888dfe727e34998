"""The part `file_trigger`: a new file in a folder of the lake starts the batch endpoint.

A file -> the lake's Event Grid topic -> a subscription that knows the folder -> the queue `new-files` -> a Logic App
that looks into it -> a job of the batch endpoint with the file as its input. What cannot be delivered goes to the
container `dead-letters`; a message for which no job could be started goes to the queue `new-files-poison`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_azure_native import eventgrid, logic

from infra import file_workflow
from infra.file_events import DEAD_LETTERS, POISON, QUEUE, FileEvents, FileEventsArgs
from infra.naming import Kind
from infra.role_assignments import Principal, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.batch_endpoint import BatchEndpoint
    from infra.file_trigger_settings import FileTriggerSettings
    from infra.placement import Placement
    from infra.platform import Platform
    from infra.storage import Storage

EVENTS, TRIGGER = "file-events", "file-trigger"
"""Who they are in the role table: the topic, and the Logic App."""
CONTAINER = "raw"
"""The container of the lake that the folder is in: sources as they arrived."""
COMPLETE = ("FlushWithClose", "PutBlob", "PutBlockList")
"""The calls after which a file is whole ("Azure Blob Storage as an Event Grid source"): the data lake's, and those of
clients that speak to the same files as blobs. `CreateFile` is an empty file that is yet to be written, and `CopyBlob`
tells of a copy that has only begun.
"""
FOR_EVER = -1.0
SYSTEM_ASSIGNED = "SystemAssigned"


@dataclass(frozen=True, kw_only=True)
class FileTriggerArgs:
    """`datastore`: the one of Azure ML on the container. `after`: the role assignments of the topic's identity."""

    placement: Placement
    settings: FileTriggerSettings
    events: FileEvents
    lake: Storage
    datastore: str
    endpoint: BatchEndpoint
    after: Sequence[pulumi.Resource]


class FileTrigger(pulumi.ComponentResource):
    """The subscription and the Logic App. Neither has a key, a connection or a token in it: Event Grid and Logic Apps
    sign in with their own identities, and jobs read the file with those of the Logic App and of their cluster.

    The Logic App's identity is system-assigned for the reason that the topic's is: Storage's firewall knows no other.
    In `hybrid` only the listed addresses see what its runs took in and gave out.

    It is of the kind Consumption, paid by the action: some 3 dollars a month for a look a minute. That kind reaches
    no private network, so the profile `private` has no such part.
    """

    def __init__(self, name: str, args: FileTriggerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:events:FileTrigger", name, None, opts)
        self._name, self._args = name, args
        self.workflow_name = args.placement.naming.name(Kind.LOGIC_APP)
        self.workflow_id = args.placement.resource_id(Kind.LOGIC_APP, self.workflow_name)
        self.subscription = self._subscription()
        self.workflow = self._workflow()
        self.register_outputs({"workflowName": self.workflow_name})

    @property
    def principal(self) -> Principal:
        """Whose name the Logic App acts in."""
        principal_id = self.workflow.identity.apply(lambda found: found.principal_id if found else None)
        return Principal.resource(self.workflow_id, principal_id)

    @property
    def scope(self) -> Scope:
        """The Logic App, for its logs."""
        return Scope(TRIGGER, self.workflow_id, self.workflow)

    def _subscription(self) -> eventgrid.SystemTopicEventSubscription:
        here, events, lake = self._args.placement, self._args.events, self._args.lake
        itself = eventgrid.EventSubscriptionIdentityArgs(type=SYSTEM_ASSIGNED)
        return eventgrid.SystemTopicEventSubscription(
            f"{self._name}-{QUEUE}",
            event_subscription_name=here.naming.name(Kind.EVENT_SUBSCRIPTION, QUEUE),
            system_topic_name=events.topic_name,
            resource_group_name=here.resource_group_name,
            event_delivery_schema="CloudEventSchemaV1_0",
            filter=self._filter(),
            delivery_with_resource_identity=eventgrid.DeliveryWithResourceIdentityArgs(
                identity=itself,
                destination=eventgrid.StorageQueueEventSubscriptionDestinationArgs(
                    endpoint_type="StorageQueue",
                    resource_id=lake.account_id,
                    queue_name=QUEUE,
                    queue_message_time_to_live_in_seconds=FOR_EVER,
                ),
            ),
            dead_letter_with_resource_identity=eventgrid.DeadLetterWithResourceIdentityArgs(
                identity=itself,
                dead_letter_destination=eventgrid.StorageBlobDeadLetterDestinationArgs(
                    endpoint_type="StorageBlob", resource_id=lake.account_id, blob_container_name=DEAD_LETTERS
                ),
            ),
            # Azure's most: a day.
            retry_policy=eventgrid.RetryPolicyArgs(max_delivery_attempts=30, event_time_to_live_in_minutes=1440),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[
                    here.group,
                    lake.account,
                    events.topic,
                    events.queues[QUEUE],
                    events.dead_letters,
                    *self._args.after,
                ],
            ),
        )

    def _filter(self) -> eventgrid.EventSubscriptionFilterArgs:
        settings = self._args.settings
        return eventgrid.EventSubscriptionFilterArgs(
            included_event_types=["Microsoft.Storage.BlobCreated"],
            subject_begins_with=f"{_subject()}{settings.folder}/",
            subject_ends_with=settings.suffix,
            is_subject_case_sensitive=True,
            advanced_filters=[
                eventgrid.StringInAdvancedFilterArgs(operator_type="StringIn", key="data.api", values=list(COMPLETE))
            ],
        )

    def _workflow(self) -> logic.Workflow:
        args, here = self._args, self._args.placement
        values: dict[str, Any] = {
            "queues": args.lake.queue_uri,
            "queue": QUEUE,
            "poisonQueue": POISON,
            "maxAttempts": args.settings.max_attempts,
            "subject": _subject(),
            "datastore": f"azureml://datastores/{args.datastore}/paths",
            "endpoint": args.endpoint.scoring_uri,
        }
        return logic.Workflow(
            self._name,
            workflow_name=self.workflow_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            state="Enabled",
            identity=logic.ManagedServiceIdentityArgs(type=SYSTEM_ASSIGNED),
            access_control=self._access_control(),
            definition=file_workflow.definition(args.settings.interval_minutes),
            parameters={name: logic.WorkflowParameterArgs(value=value) for name, value in values.items()},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[here.group, args.lake.account, *args.events.queues.values(), args.endpoint.endpoint],
            ),
        )

    def _access_control(self) -> logic.FlowAccessControlConfigurationArgs | None:
        """Nobody but listed addresses looks into runs; without one nobody does, which Azure writes as a range too."""
        network = self._args.placement.network
        if network.is_open:
            return None
        ranges = [f"{one}/32" if "/" not in one else one for one in network.allowed_addresses] or ["0.0.0.0-0.0.0.0"]
        return logic.FlowAccessControlConfigurationArgs(
            contents=logic.FlowAccessControlConfigurationPolicyArgs(
                allowed_caller_ip_addresses=[logic.IpAddressRangeArgs(address_range=one) for one in ranges]
            )
        )


def _subject() -> str:
    """What the subject of every event of the container begins with."""
    return file_workflow.SUBJECT.format(container=CONTAINER)


def declare(platform: Platform) -> None:
    """Declares topic, subscription and Logic App, and what their identities may do."""
    if platform.batch_endpoint is None:
        raise AssertionError("the settings let no file trigger through without the endpoint that it starts")
    here, access = platform.placement, platform.access
    events = FileEvents(EVENTS, FileEventsArgs(placement=here, lake=platform.lake), platform.child)
    access.add(*events.scopes)
    access.add_resource(EVENTS, events.principal)
    args = FileTriggerArgs(
        placement=here,
        settings=platform.settings.file_trigger,
        events=events,
        lake=platform.lake,
        datastore=platform.datastores.names[CONTAINER],
        endpoint=platform.batch_endpoint,
        after=access.grant("file-events-identity", EVENTS, platform.child),
    )
    trigger = FileTrigger(TRIGGER, args, platform.child)
    access.add(trigger.scope)
    access.add_resource(TRIGGER, trigger.principal)
