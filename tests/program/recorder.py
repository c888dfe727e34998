"""Runs a Pulumi program without an engine and records what it would register.

Pulumi keeps all its state in context variables, so each run gets a context of its own and any number fit into one
process.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import resource as registration
from pulumi.runtime import rpc, set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, MockSettings
from pulumi.runtime.proto import provider_pb2, resource_pb2, source_pb2
from pulumi.runtime.settings import configure
from pulumi.runtime.stack import run_in_stack

from infra.alias_urns import leave_out_alias_urns

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

# As in the program itself. Where in it a resource was declared nobody asks here, and it takes a fifth of the time.
leave_out_alias_urns()
registration._get_stack_trace = lambda: source_pb2.StackTrace()
PROJECT = "mlops"
ROOT = Path(__file__).parents[2]
SYSTEMS = (
    *(f"{path.parent.name}-" for path in ROOT.glob("ml/systems/*/system.py")),
    "key-makers",
    "pipelines-key-makers",
)
"""How the names of resources begin that are there for systems, and not with the platform."""

COMPUTED: dict[str, dict[str, str]] = {
    "azure-native:managedidentity:UserAssignedIdentity": {
        "principalId": "aaaaaaaa-0000-4000-8000-{number:012x}",
        "clientId": "bbbbbbbb-0000-4000-8000-{number:012x}",
    },
    "azure-native:containerregistry:Registry": {"loginServer": "registry.example"},
    "pulumi-python:dynamic/ml:TrainingJob": {"job": "job-{number}"},
    "pulumi-python:dynamic/ml:QualityGate": {"sha256": "{number:064x}"},
    "pulumi-python:dynamic/ml:Rollout": {"scoringUri": "https://endpoint.example/score"},
}
"""What only the cloud knows, by type; unknown in a preview, as with an engine."""
BATCH_ENDPOINT = "azure-native:machinelearningservices:BatchEndpoint"
PRINCIPAL = "cccccccc-0000-4000-8000-000000000001"
"""Of identities that the cloud gives resources themselves."""


@dataclass(frozen=True)
class Registered:
    """One registration, as the engine would get it. An input that is not known yet is an `Unknown`."""

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    provider: str
    inputs: dict[str, Any]
    depends_on: frozenset[str]
    delete_before_replace: bool
    replace_on_changes: tuple[str, ...]
    ignore_changes: frozenset[str]
    secret_outputs: frozenset[str]
    secret_inputs: frozenset[str]
    protect: bool
    aliases: tuple[str, ...] = ()
    """URNs that it had before."""
    import_id: str = ""
    retained: bool = False
    """Whether the stack lets go of it, and leaves it where it is."""

    def texts(self) -> Iterator[str]:
        """Every text in the inputs, however deep."""
        yield from _texts(self.inputs)


@dataclass
class Recording:
    """What one run of a program registered and exported."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    secret_exports: set[str] = field(default_factory=set)
    exit_code: int = 0

    def of_type(self, kind: str) -> list[Registered]:
        """The resources of a type such as `azure-native:storage:StorageAccount`."""
        return [resource for resource in self.resources if resource.type == kind]

    @property
    def azure(self) -> list[Registered]:
        """The resources that the Azure plugin makes."""
        return [resource for resource in self.resources if resource.type.startswith("azure-native:")]

    @cached_property
    def _by_urn(self) -> dict[str, Registered]:
        return {entry.urn: entry for entry in self.resources}

    def before(self, resource: Registered) -> set[str]:
        """URNs of all that is done before a resource: its dependencies, and theirs."""
        by_urn = self._by_urn
        seen: set[str] = set()
        waiting = list(resource.depends_on)
        while waiting:
            urn = waiting.pop()
            if urn not in seen:
                seen.add(urn)
                waiting.extend(by_urn[urn].depends_on)
        return seen

    @property
    def exports(self) -> dict[str, Any]:
        """The stack's outputs."""
        return next((out for urn, out in self.outputs.items() if "::pulumi:pulumi:Stack::" in urn), {})


class _NoInvokes(Mocks):
    def call(self, args: MockCallArgs) -> NoReturn:
        raise AssertionError(f"the program calls {args.token}: a preview would need a credential")

    def new_resource(self, args: MockResourceArgs) -> NoReturn:
        raise AssertionError(f"the program reads {args.typ} {args.name}: a preview would need a credential")


class _Recorder(MockMonitor):
    """Answers as an engine does that echoes inputs. Works on protocol messages alone: the stock mock converts them on
    worker threads with event loops that nobody closes.
    """

    def __init__(
        self,
        *,
        preview: bool,
        failing: Container[str],
        deployed: Sequence[str],
        isolation: str,
        only: str,
        state: Mapping[str, Any],
        source: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(_NoInvokes())
        self.only = only
        self.preview = preview
        self.failing = failing
        self.deployed = deployed
        self.isolation = isolation
        self.state = state
        self.source = source
        self.recording = Recording()

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - the name in Pulumi's protocol
        if request.tok == "pulumi:pulumi:readStackOutputs":
            return self._source(rpc.deserialize_properties(request.args)["name"])
        if request.tok != "pulumi:pulumi:readStackResourceOutputs":
            return super().Invoke(request)  # type: ignore[no-untyped-call]
        kept = {"type": "pulumi-python:dynamic/ml:Retention"}
        answer = struct_pb2.Struct()
        found = {name: {**kept, "outputs": {"system": name}} for name in self.deployed}
        if self.isolation:
            outputs = {"managedNetwork": {"isolationMode": self.isolation}}
            found["workspace"] = {"type": "azure-native:machinelearningservices:Workspace", "outputs": outputs}
        answer.update({"outputs": {**found, **self.state}})
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})

    def _source(self, name: str) -> Any:
        """The outputs of another stack, as the engine answers and refuses."""
        if self.source is None:
            failure = provider_pb2.CheckFailure(reason=f"unknown stack {name!r}")
            return resource_pb2.ResourceInvokeResponse(failures=[failure])
        answer = struct_pb2.Struct()
        answer.update({"name": name, "outputs": self.source, "secretOutputNames": []})
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name in Pulumi's protocol
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        self.recording.resources.append(
            Registered(
                urn=urn,
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                provider=request.provider,
                inputs={key: _plain(rpc.unwrap_rpc_secret(value)) for key, value in inputs.items()},
                depends_on=frozenset(request.dependencies),
                delete_before_replace=request.deleteBeforeReplace,
                replace_on_changes=tuple(request.replaceOnChanges),
                ignore_changes=frozenset(request.ignoreChanges),
                secret_outputs=frozenset(request.additionalSecretOutputs),
                secret_inputs=frozenset(key for key, value in inputs.items() if rpc.is_rpc_secret(value)),
                protect=request.protect,
                aliases=tuple(one.urn for one in request.aliases),
                import_id=request.importId,
                retained=request.retainOnDelete,
            )
        )
        if request.custom and request.name in self.failing:
            return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        known = "" if self.preview or not request.custom else f"{request.name}-id"
        return resource_pb2.RegisterResourceResponse(urn=urn, id=known, object=self._state(request))

    def _state(self, request: Any) -> struct_pb2.Struct:
        state = struct_pb2.Struct()
        state.CopyFrom(request.object)
        if request.name.startswith(SYSTEMS) and self.only and not request.name.startswith(f"{self.only}-"):
            return state  # of what an `up` leaves out the engine says what the program said
        if "identity" in state and "userAssignedIdentities" in state["identity"]:
            # Inputs list the identities, the cloud answers with an object by id.
            listed = list(state["identity"]["userAssignedIdentities"])
            state["identity"]["userAssignedIdentities"] = {key: {} for key in listed}
        if "identity" in state and "SystemAssigned" in state["identity"]["type"]:
            state["identity"]["principalId"] = rpc.UNKNOWN if self.preview else PRINCIPAL
        if request.type == BATCH_ENDPOINT:
            state["properties"]["scoringUri"] = rpc.UNKNOWN if self.preview else "https://batch.example/jobs"
        if not self.preview:
            number = sum(request.name.encode())
            state.update({key: text.format(number=number) for key, text in COMPUTED.get(request.type, {}).items()})
        return state

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the name in Pulumi's protocol
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.recording.secret_exports = {key for key, value in request.outputs.items() if _is_secret(value)}
        self.recording.outputs[request.urn] = rpc.deserialize_properties(request.outputs, keep_unknowns=True)
        return empty_pb2.Empty()


def run(
    program: Callable[[], object],
    config: Mapping[str, Any],
    *,
    stack: str = "test",
    secrets: Sequence[str] = (),
    preview: bool = True,
    failing: Container[str] = (),
    deployed: Sequence[str] = (),
    isolation: str = "",
    only: str = "",
    state: Mapping[str, Any] = MappingProxyType({}),
    source: Mapping[str, Any] | None = None,
) -> Recording:
    """Runs `program` with a stack's configuration (keys without namespace, values as in the stack's file).

    The resources named in `failing` fail as under `--continue-on-error`; the stack has the systems `deployed` already,
    and with `isolation` a workspace whose managed network is of that mode.
    With `only` it is an `up` of that system: the others are left out. `state`: what the stack has besides, by URN.
    `source`: the outputs of every other stack; None where there is none, as in a preview without an account.
    """

    def inside() -> Recording:
        recorder = _Recorder(
            preview=preview,
            failing=failing,
            deployed=deployed,
            isolation=isolation,
            only=only,
            state=state,
            source=source,
        )
        set_all_config(as_text(config), [f"{PROJECT}:{key}" for key in secrets])
        settings = MockSettings(  # type: ignore[no-untyped-call]
            monitor=recorder,
            engine=None,
            project=PROJECT,
            stack=stack,
            dry_run=preview,
            root_directory=str(ROOT),
        )
        configure(settings)
        # As the SDK's own executor does: what a failed resource leaves unread is no news.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)

        def start() -> None:
            program()

        try:
            asyncio.run(run_in_stack(start))
        except SystemExit as leaving:
            recorder.recording.exit_code = int(leaving.code or 0)
        return recorder.recording

    # A run makes tens of thousands of short-lived tasks: collecting garbage in between doubles its time.
    gc.disable()
    try:
        return contextvars.Context().run(inside)
    finally:
        gc.enable()


def as_text(config: Mapping[str, Any]) -> dict[str, str]:
    """Configuration as the engine hands it over: everything is text, objects and lists are JSON."""
    return {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for key, value in config.items()
    }


def stack_config(stack: str) -> dict[str, Any]:
    """The committed configuration of a stack, keys without namespace."""
    document = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    return {key.removeprefix(f"{PROJECT}:"): value for key, value in document["config"].items()}


def _plain(value: Any) -> Any:
    """Whole numbers as such: a protocol message has none, and a plugin writes `30` all the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _is_secret(value: Any) -> bool:
    return (
        isinstance(value, struct_pb2.Struct)
        and rpc._special_sig_key in value
        and (value[rpc._special_sig_key] == rpc._special_secret_sig)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
