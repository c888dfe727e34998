# ruff: noqa: N802 - the protocol names the methods
"""The plugin's side of Pulumi's resource provider protocol.

Names of methods and messages are those of `pulumi/provider.proto`; see also
https://github.com/pulumi/pulumi/blob/master/docs/architecture/providers/README.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2

from emulator.provider import diff, preview, values
from emulator.provider.arm import ArmClient
from emulator.provider.check import Naming, check
from emulator.provider.configuration import Configuration
from emulator.provider.connection import Connection
from emulator.provider.echo import Echo, echoing
from emulator.provider.errors import PartlyDoneError, ProviderError
from emulator.provider.functions import Functions
from emulator.provider.guard import refuse
from emulator.provider.lifecycle import Lifecycle
from emulator.provider.paths import text_of
from emulator.provider.plugin_schema import plugin_schema
from emulator.provider.protocol import messages, plugin_messages, services, status_messages
from emulator.resource_types import ResourceEntry, ResourceTable, UnknownResourceTypeError

Method = Callable[[Any, Any, Any], Any]
KINDS = {"add": "ADD", "delete": "DELETE", "update": "UPDATE"}


def told(method: Method) -> Method:
    """Ends a call with the error's own words; what nobody foresaw keeps its type, but no traceback."""

    @wraps(method)
    def answered(self: Any, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except PartlyDoneError as error:
            _add_partial_state(context, error)
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except (ProviderError, UnknownResourceTypeError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Exception as error:
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")

    return answered


class Provider(services.ResourceProviderServicer):  # type: ignore[misc]
    """Answers the engine. Threads share one HTTP client; nothing is contacted before a request needs it."""

    def __init__(self) -> None:
        self.table = ResourceTable.load()
        self._configure(Configuration.read({}, os.environ))

    def _configure(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.arm = ArmClient(Connection(configuration.metadata_host))
        echoes = echoing(os.environ)
        self.lifecycle = Echo(configuration) if echoes else Lifecycle(self.arm, configuration)
        self.functions = Functions(self.arm, configuration, self.table)

    # -- the plugin

    def Handshake(self, request: Any, context: Any) -> Any:
        return messages.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_messages.PluginInfo(version=self.table.plugin_version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return messages.GetSchemaResponse(schema=json.dumps(plugin_schema(self.table)))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return messages.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return messages.DiffResponse()

    def Configure(self, request: Any, context: Any) -> Any:
        self._configure(Configuration.read(dict(request.variables), os.environ))
        return messages.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self.arm.cancelled.set()
        return empty_pb2.Empty()

    # -- resources

    @told
    def Check(self, request: Any, context: Any) -> Any:
        # The engine checks in previews too, and a check contacts nothing.
        entry = self._entry(request.urn, preview=True)
        naming = Naming(
            request.urn.split("::")[-1],
            request.randomSeed,
            request.autonaming.proposed_name,
            forbidden=request.autonaming.mode == messages.CheckRequest.AutonamingOptions.DISABLE,
        )
        checked = check(
            entry, values.read(request.news), values.read(request.olds), naming, self.configuration.location
        )
        failures = [messages.CheckFailure(property=one.property, reason=one.reason) for one in checked.failures]
        return messages.CheckResponse(inputs=values.write(checked.inputs), failures=failures)

    @told
    def Diff(self, request: Any, context: Any) -> Any:
        entry = self._entry(request.urn, preview=True)
        found = diff.difference(entry, values.read(request.old_inputs), values.read(request.news))
        return _diff_response(found)

    @told
    def Create(self, request: Any, context: Any) -> Any:
        entry = self._entry(request.urn, preview=request.preview)
        inputs = values.read(request.properties)
        if request.preview:
            return messages.CreateResponse(properties=values.write(preview.created(entry, inputs)))
        made = self.lifecycle.create(entry, inputs, request.timeout)
        return messages.CreateResponse(id=made.id, properties=values.write(made.outputs))

    @told
    def Read(self, request: Any, context: Any) -> Any:
        entry = self._entry(request.urn, preview=False)
        state = values.read(request.properties)
        found = self.lifecycle.read(entry, request.id, values.read(request.inputs), state)
        if found is None:
            return messages.ReadResponse()
        inputs, outputs = values.write(found.inputs), values.write(found.outputs)
        return messages.ReadResponse(id=found.id, properties=outputs, inputs=inputs)

    @told
    def Update(self, request: Any, context: Any) -> Any:
        entry = self._entry(request.urn, preview=request.preview)
        inputs = values.read(request.news)
        if request.preview:
            old_inputs, old_outputs = values.read(request.old_inputs), values.read(request.olds)
            known = preview.updated(entry, old_inputs, inputs, old_outputs)
            return messages.UpdateResponse(properties=values.write(known))
        made = self.lifecycle.update(entry, request.id, inputs, request.timeout)
        return messages.UpdateResponse(properties=values.write(made.outputs))

    @told
    def Delete(self, request: Any, context: Any) -> Any:
        entry = self._entry(request.urn, preview=False)
        self.lifecycle.delete(entry, request.id, request.timeout)
        return empty_pb2.Empty()

    @told
    def Invoke(self, request: Any, context: Any) -> Any:
        found = self.functions.invoke(request.tok, values.read(request.args))
        return messages.InvokeResponse(**{"return": values.write(found)})

    def _entry(self, urn: str, *, preview: bool) -> ResourceEntry:
        """The entry of a URN's type, if this plugin may serve the URN's stack at all."""
        if reason := refuse(urn, os.environ, preview):
            raise ProviderError(reason)
        return self.table.entry_for_token(urn.split("::")[2].split("$")[-1])


def _diff_response(found: diff.Difference) -> Any:
    response = messages.DiffResponse(hasDetailedDiff=True)
    response.changes = messages.DiffResponse.DIFF_SOME if found.changes else messages.DiffResponse.DIFF_NONE
    for change in found.changes:
        kind = KINDS[change.kind] + ("_REPLACE" if change.replaces else "")
        name, path = str(change.path[0]), text_of(change.path)
        response.detailedDiff[path].CopyFrom(messages.PropertyDiff(kind=kind, inputDiff=True))
        if name not in response.diffs:
            response.diffs.append(name)
        if change.replaces and name not in response.replaces:
            response.replaces.append(name)
    response.deleteBeforeReplace = bool(response.replaces) and found.same_path
    return response


def _add_partial_state(context: Any, error: PartlyDoneError) -> None:
    """Tells the engine what there is, in the way gRPC carries details of an error."""
    detail = messages.ErrorResourceInitFailed(
        id=error.id, properties=values.write(error.outputs), inputs=values.write(error.inputs), reasons=[error.reason]
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_messages.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=error.reason, details=[packed])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
