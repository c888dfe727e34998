"""Event Grid's half of the part `file_trigger`: what happens in the lake, and the queue in which it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_azure_native import eventgrid, storage

from infra.naming import Kind
from infra.role_assignments import Principal, Scope

if TYPE_CHECKING:
    from infra.placement import Placement
    from infra.storage import Storage

QUEUE = "new-files"
POISON = f"{QUEUE}-poison"
"""The queue of messages that failed too often."""
DEAD_LETTERS = "dead-letters"
"""The container of events that could not be put into the queue."""
QUEUES = "default"
"""The one name of an account's queue service."""


@dataclass(frozen=True, kw_only=True)
class FileEventsArgs:
    """`lake`: whose events there are; queues and dead letters are in the same account."""

    placement: Placement
    lake: Storage


class FileEvents(pulumi.ComponentResource):
    """The lake's system topic, the queues, and a container for dead letters. What is done with the events is up to
    subscriptions. Azure allows an account one system topic.

    The topic delivers in its own name. Its identity is system-assigned: where the lake has a firewall, Storage lets
    Event Grid in with that one only ("Deliver events securely using managed identities").

    Costs cents a month: the first 100,000 events are free, the next million costs 60 cents.
    """

    def __init__(self, name: str, args: FileEventsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlops:events:FileEvents", name, None, opts)
        self._name, self._args = name, args
        here = args.placement
        self.topic_name = here.naming.name(Kind.SYSTEM_TOPIC)
        self.topic_id = here.resource_id(Kind.SYSTEM_TOPIC, self.topic_name)
        self.queues = {queue: self._queue(queue) for queue in (QUEUE, POISON)}
        self.dead_letters = self._dead_letters()
        self.topic = self._topic()
        self.register_outputs({"topicName": self.topic_name, "queues": list(self.queues)})

    @property
    def principal(self) -> Principal:
        """Whose name the topic delivers in."""
        principal_id = self.topic.identity.apply(lambda found: found.principal_id if found else None)
        return Principal.resource(self.topic_id, principal_id)

    @property
    def scopes(self) -> list[Scope]:
        """The queues and the container, for role assignments; the topic, for its logs."""
        here, account = self._args.placement, self._args.lake.account_name
        dead_letters = here.resource_id(Kind.CONTAINER, account, "default", DEAD_LETTERS)
        return [
            *(
                Scope(one, here.resource_id(Kind.QUEUE, account, QUEUES, one), made)
                for one, made in self.queues.items()
            ),
            Scope(DEAD_LETTERS, dead_letters, self.dead_letters),
            Scope("lake-events", self.topic_id, self.topic),
        ]

    def _queue(self, queue: str) -> storage.Queue:
        here, lake = self._args.placement, self._args.lake
        return storage.Queue(
            f"{self._name}-{queue}",
            queue_name=here.naming.name(Kind.QUEUE, queue),
            account_name=lake.account_name,
            resource_group_name=here.resource_group_name,
            metadata={"part": "file_trigger"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[here.group, lake.account]),
        )

    def _dead_letters(self) -> storage.BlobContainer:
        here, lake = self._args.placement, self._args.lake
        return storage.BlobContainer(
            f"{self._name}-{DEAD_LETTERS}",
            container_name=here.naming.name(Kind.CONTAINER, DEAD_LETTERS),
            account_name=lake.account_name,
            resource_group_name=here.resource_group_name,
            public_access="None",
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[here.group, lake.account, lake.blob_service], protect=here.is_production
            ),
        )

    def _topic(self) -> eventgrid.SystemTopic:
        here, lake = self._args.placement, self._args.lake
        return eventgrid.SystemTopic(
            self._name,
            system_topic_name=self.topic_name,
            resource_group_name=here.resource_group_name,
            location=here.location,
            tags=here.tags,
            identity=eventgrid.IdentityInfoArgs(type="SystemAssigned"),
            source=lake.account_id,
            topic_type="Microsoft.Storage.StorageAccounts",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[here.group, lake.account]),
        )
