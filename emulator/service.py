"""What a service of the emulator is: routes, resource types, and a way back after a restart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.access import Access
from emulator.http import Handler, Request, Response
from emulator.resource_id import ResourceId
from emulator.runtime import Runtime
from emulator.settings import Settings
from emulator.store import Document, Store

if TYPE_CHECKING:
    from emulator.entra.tokens import Tokens

AnyService = TypeVar("AnyService", bound="Service")
Action = Callable[[Document, Request], Response]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def nothing_to_close() -> None:
    """For an application that holds nothing."""


@dataclass(frozen=True)
class Mount:
    """An ASGI application that answers every request to the hosts below a suffix, on the event loop itself.

    For traffic that must not wait for a thread and that passes bodies on: it reads the body and writes the answer as it
    likes, and must never block. `close` runs on the loop after the last request.
    """

    suffix: str
    application: Callable[[Scope, Receive, Send], Awaitable[None]]
    close: Callable[[], Awaitable[None]] = nothing_to_close
    listener: str = "https"

    def match(self, listener: str, host: str) -> bool:
        """Whether it answers for a host (lower case, without a port)."""
        return listener == self.listener and host.endswith("." + self.suffix)


@dataclass(frozen=True)
class Route:
    """Where a handler answers.

    `host` is a host name, or `*.suffix`: then the handler finds the first label in `request.parameters["host"]`.
    `path` is a regular expression that must match the whole path; its named groups become `request.parameters`.
    `listener` is `https` or `http` (the loopback port for dashboards). `bearer` asks for a valid bearer token before
    the handler runs.
    """

    host: str
    path: str
    handler: Handler
    methods: tuple[str, ...] = ()
    listener: str = "https"
    bearer: bool = True
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(self.path, re.IGNORECASE))

    def match(self, listener: str, host: str, path: str) -> dict[str, str] | None:
        """The parameters when listener, host and path fit, else None (the method is looked at afterwards)."""
        if listener != self.listener:
            return None
        parameters: dict[str, str] = {}
        if self.host.startswith("*."):
            if not host.endswith(self.host[1:]):
                return None
            parameters["host"] = host[: -len(self.host) + 1]
        elif self.host not in ("*", host):
            return None
        found = self.pattern.fullmatch(path)
        return (
            None if found is None else {**parameters, **{k: v for k, v in found.groupdict().items() if v is not None}}
        )


class ResourceType:
    """What the emulator does for one ARM resource type beyond keeping its document.

    The base class keeps the document and nothing else. A `PUT` calls `prepare` inside the transaction that stores the
    document, then `apply`; with `long_running` the client polls an operation while `apply` runs, and a restart runs
    `apply` again, so it must be safe to repeat. A `DELETE` calls `remove` before the document goes; with
    `long_running_delete` the client polls.
    """

    type: str = ""
    long_running: bool = False
    long_running_delete: bool = False
    soft_delete: bool = False
    created_status: int = 201
    """What a PUT answers that made something at once: clients of some types know no 201. With 202 they ask for what was
    made at the `Location` of the answer, which is empty.
    """
    creatable: bool = True
    makes_parent: bool = False
    """A PUT may come before its parent, which `prepare` then makes; without the parent its list is empty."""
    patchable: frozenset[str] | None = None
    """What a PATCH may say at the top level; None for everything."""

    def prepare(self, document: Document, old: Document | None) -> None:
        """Fills in what Azure fills in, in place; raises `ServiceError` for what Azure refuses."""

    def apply(self, document: Document) -> None:
        """Makes real what the document says."""

    def remove(self, document: Document) -> None:
        """Undoes `apply`."""

    def purge(self, document: Document) -> None:
        """Called when a soft-deleted document goes for good."""

    def implicit(self, resource: ResourceId) -> Document | None:
        """A document that exists though nobody PUT it, such as an account's `blobServices/default`."""
        return None

    def implicit_children(self, collection: ResourceId) -> Sequence[Document]:
        """Documents of a collection that exist though nobody PUT them (those of the store need not be named again)."""
        return ()

    def refuse_deletion(self, document: Document) -> None:
        """Raises `ServiceError` when Azure refuses a DELETE of this document (not asked when its owner goes)."""

    def attributes(self, request: Request, there: Document | None) -> Mapping[str, str]:
        """What the conditions of role assignments may ask about a request, and about the document that a DELETE takes
        away, by the names that `emulator.conditions.Question` has for it.
        """
        return {}

    def select(self, documents: list[Document], request: Request) -> list[Document]:
        """What a list shows of a collection, by its query; newest first."""
        return documents

    def present(self, document: Document) -> dict[str, Any]:
        """The body a GET shows."""
        return document.body

    def actions(self) -> Mapping[str, Action]:
        """POST actions by lower-case name, such as `listkeys`."""
        return {}


class Services:
    """The services of an emulator in the order in which they were made, each found by its class."""

    def __init__(self) -> None:
        self._by_kind: dict[type[Service], Service] = {}

    def __iter__(self) -> Iterator[Service]:
        return iter(self._by_kind.values())

    def __reversed__(self) -> Iterator[Service]:
        return reversed(self._by_kind.values())

    def add(self, service: Service) -> None:
        """Takes in a service."""
        self._by_kind[type(service)] = service

    def get(self, kind: type[AnyService]) -> AnyService:
        """The service of a class.

        Raises:
            LookupError: it was not made, or not yet.
        """
        found = self._by_kind.get(kind)
        if not isinstance(found, kind):
            raise LookupError(f"this emulator has no {kind.__name__}")
        return found


@dataclass
class Emulator:
    """What every service is given."""

    settings: Settings
    store: Store
    runtime: Runtime
    tokens: Tokens
    background: ThreadPoolExecutor
    access: Access = field(init=False)
    services: Services = field(default_factory=Services)
    types: dict[str, ResourceType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.access = Access(self.store, self.settings.role_delay())

    def add(self, service: Service) -> None:
        """Takes in a service and its resource types."""
        self.services.add(service)
        self.types.update({kind.type.lower(): kind for kind in service.resource_types()})

    def type(self, resource_type: str) -> ResourceType | None:
        """The behaviour of a resource type."""
        return self.types.get(resource_type.lower())

    def behaviour(self, resource_type: str) -> ResourceType:
        """The behaviour of a type that one of the services declares."""
        return self.types[resource_type.lower()]


class Service:
    """One Azure service. Subclasses take the emulator in their constructor and add what they answer."""

    name: str = ""
    hosts: tuple[str, ...] = ()
    """Host names of its own that it answers for, as certificates write them: a `*` stands for one label."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def routes(self) -> Sequence[Route]:
        """Routes of the service's own endpoints; ARM's are answered by `emulator.arm` through the resource types."""
        return ()

    def mounts(self) -> Sequence[Mount]:
        """Applications that answer for whole hosts."""
        return ()

    def resource_types(self) -> Sequence[ResourceType]:
        """The ARM types it stands for."""
        return ()

    def reconcile(self) -> None:
        """Brings the world in line with the store; runs at every start and is the only way back after a crash."""

    def stop(self) -> None:
        """Ends what must not outlive the emulator."""

    def remark(self) -> str:
        """What a person should know of how this service works on this machine; empty when there is nothing to say."""
        return ""
