"""Drives the plugin's executable over gRPC, as the engine does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from emulator.provider import values

EXECUTABLE = Path(__file__).parents[2] / "emulator" / "provider" / "bin" / "pulumi-resource-azure-native"
STACK = "local"
SEED = b"seed"
SECONDS = 60


def urn(name: str, logical_name: str = "it", stack: str = STACK) -> str:
    return f"urn:pulumi:{stack}::mlops::azure-native:{name}::{logical_name}"


class Plugin:
    """One running plugin; every method is one call of the protocol, with plain Python values."""

    def __init__(self, channel: grpc.Channel, pid: int) -> None:
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)
        self.pid = pid

    def configure(self, **variables: str) -> None:
        named = {f"azure-native:config:{name}": value for name, value in variables.items()}
        self.stub.Configure(provider_pb2.ConfigureRequest(variables=named), timeout=SECONDS)

    def check(self, name: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None, **more: Any) -> Any:
        request = provider_pb2.CheckRequest(
            urn=urn(name), news=values.write(news), olds=values.write(olds or {}), randomSeed=SEED, **more
        )
        return self.stub.Check(request, timeout=SECONDS)

    def checked(self, name: str, news: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The inputs as checked; fails when the plugin finds fault with them."""
        response = self.check(name, news, **more)
        assert [(one.property, one.reason) for one in response.failures] == []
        return values.read(response.inputs)

    def failures(self, name: str, news: Mapping[str, Any]) -> dict[str, str]:
        return {one.property: one.reason for one in self.check(name, news).failures}

    def diff(self, name: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Any:
        old, new = values.write(olds), values.write(news)
        request = provider_pb2.DiffRequest(urn=urn(name), id="x", olds=old, old_inputs=old, news=new)
        return self.stub.Diff(request, timeout=SECONDS)

    def create(self, name: str, inputs: Mapping[str, Any], *, preview: bool = False, stack: str = STACK) -> Any:
        request = provider_pb2.CreateRequest(
            urn=urn(name, stack=stack), properties=values.write(inputs), preview=preview
        )
        return self.stub.Create(request, timeout=SECONDS)

    def read(self, name: str, id_: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        request = provider_pb2.ReadRequest(
            urn=urn(name), id=id_, properties=values.write(state), inputs=values.write(inputs)
        )
        return self.stub.Read(request, timeout=SECONDS)

    def update(
        self,
        name: str,
        id_: str,
        state: Mapping[str, Any],
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        preview: bool = False,
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            urn=urn(name),
            id=id_,
            olds=values.write(state),
            old_inputs=values.write(olds),
            news=values.write(news),
            preview=preview,
        )
        return values.read(self.stub.Update(request, timeout=SECONDS).properties)

    def delete(self, name: str, id_: str, *, stack: str = STACK) -> None:
        self.stub.Delete(provider_pb2.DeleteRequest(urn=urn(name, stack=stack), id=id_), timeout=SECONDS)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        response = self.stub.Invoke(
            provider_pb2.InvokeRequest(tok=token, args=values.write(arguments)), timeout=SECONDS
        )
        return values.read(getattr(response, "return"))


@contextmanager
def plugin(environment: Mapping[str, str], folder: Path) -> Iterator[Plugin]:
    """A plugin that was started in another folder; it has ended when the block has."""
    process = subprocess.Popen([EXECUTABLE, "127.0.0.1:1"], env=dict(environment), cwd=folder, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Plugin(channel, process.pid)
    finally:
        process.terminate()
        process.wait(SECONDS)
        process.stdout.close()
