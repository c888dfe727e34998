"""How the plugin follows long-running operations, retries and reports failures, against recorded answers of ARM."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from pulumi.runtime.proto import provider_pb2, status_pb2

from emulator.provider import values
from emulator.provider.arm import ArmClient
from emulator.provider.configuration import Configuration
from emulator.provider.connection import Connection
from emulator.provider.errors import ArmError, PartlyDoneError, ProviderError
from emulator.provider.lifecycle import Lifecycle
from emulator.provider.servicer import Provider
from emulator.resource_types import ResourceTable
from tests.contract.provider_client import urn
from tests.unit.resource_type_examples import INPUTS, SUBSCRIPTION

ARM = "https://arm.example.org"
NAME = "machinelearningservices:Compute"
ENTRY = ResourceTable.load().entry_for_token(f"azure-native:{NAME}")
OPERATION = f"{ARM}/operations/1"
FAILED = {"status": "Failed", "error": {"code": "QuotaExceeded", "message": "no cores left in westeurope"}}
Answers = list[httpx.Response]


class Recorded(Connection):
    """Answers in the order given; the last one again and again."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("")
        self.asked: list[str] = []
        self.answers = answers
        self.http = httpx.Client(transport=httpx.MockTransport(self.answer))

    base_url = ARM

    def token(self) -> str:
        return "token"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path.rsplit('/', 1)[-1]}")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def reply(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


def create(answers: Answers) -> tuple[Recorded, Callable[[], Any]]:
    connection = Recorded(answers)
    lifecycle = Lifecycle(ArmClient(connection), Configuration(SUBSCRIPTION))
    return connection, lambda: lifecycle.create(ENTRY, INPUTS[NAME], 5)


def test_an_operation_is_followed_to_its_end_and_the_resource_read() -> None:
    done = {"id": "/id", "properties": {"provisioningState": "Succeeded"}}
    connection, run = create(
        [
            reply(404),
            reply(201, {}, azure_asyncoperation=OPERATION, retry_after="0"),
            reply(200, {"status": "InProgress"}),
            reply(200, {"status": "Succeeded"}),
            reply(200, done),
        ]
    )
    assert run().id == "/id"
    assert connection.asked == ["GET cpu", "PUT cpu", "GET 1", "GET 1", "GET cpu"]


def test_a_failed_operation_keeps_what_is_there() -> None:
    there = {"id": "/id", "name": "cpu", "properties": {"provisioningState": "Failed"}}
    _, run = create([reply(404), reply(201, {}, azure_asyncoperation=OPERATION), reply(200, FAILED), reply(200, there)])
    with pytest.raises(PartlyDoneError, match="QuotaExceeded: no cores left in westeurope") as caught:
        run()
    assert caught.value.id == "/id"
    assert caught.value.outputs["name"] == "cpu"


def test_a_failed_operation_that_left_nothing_is_a_plain_error() -> None:
    _, run = create([reply(404), reply(201, {}, azure_asyncoperation=OPERATION), reply(200, FAILED), reply(404)])
    with pytest.raises(ArmError, match="QuotaExceeded"):
        run()


def test_a_resource_that_ends_in_a_failed_state_is_an_error() -> None:
    there = {"id": "/id", "properties": {"provisioningState": "Failed"}}
    _, run = create([reply(404), reply(200, there)])
    with pytest.raises(PartlyDoneError, match="provisioning ended in state Failed"):
        run()


def test_a_busy_service_is_asked_again() -> None:
    busy = reply(429, {"error": {"code": "TooManyRequests", "message": "wait"}}, retry_after="0")
    connection, run = create([busy, reply(404), busy, reply(200, {"id": "/id"})])
    assert run().id == "/id"
    assert connection.asked == ["GET cpu", "GET cpu", "PUT cpu", "PUT cpu", "GET cpu"]


def test_a_delete_follows_the_location_until_it_is_done() -> None:
    connection = Recorded([reply(202, location=OPERATION, retry_after="0"), reply(202), reply(204)])
    ArmClient(connection).delete("/x/cpu", {}, 5)
    assert connection.asked == ["DELETE cpu", "GET 1", "GET 1"]


def test_waiting_ends_with_the_time_given() -> None:
    connection = Recorded([reply(202, {"status": "InProgress"}, azure_asyncoperation=OPERATION)])
    with pytest.raises(ProviderError, match="is not ready after 0 s"):
        ArmClient(connection).delete("/x/cpu", {}, 0.05)


def test_waiting_ends_when_the_engine_cancels() -> None:
    client = ArmClient(Recorded([reply(202, {"status": "InProgress"}, azure_asyncoperation=OPERATION)]))
    threading.Timer(0.05, client.cancelled.set).start()
    with pytest.raises(ProviderError, match="cancelled while /x/cpu was under way"):
        client.delete("/x/cpu", {}, 60)


def test_an_error_is_told_with_code_details_and_place() -> None:
    details = [{"code": "UnknownProperty", "target": "properties.vmSizes", "message": "unknown property"}]
    body = {"error": {"code": "InvalidRequestContent", "message": "not as it should be", "details": details}}
    _, run = create([reply(404), reply(400, body)])
    with pytest.raises(ArmError) as caught:
        run()
    code, detail, resource = str(caught.value).splitlines()
    assert code == "InvalidRequestContent: not as it should be"
    assert detail.strip() == "properties.vmSizes: unknown property"
    assert resource.endswith("/workspaces/mlw/computes/cpu")


class Call:
    """A gRPC call that fails: keeps what the plugin says of it."""

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = dict(metadata)

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        self.code, self.text = code, text


def test_the_engine_is_told_of_a_resource_that_is_there_but_not_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"id": "/id", "name": "cpu", "properties": {"provisioningState": "Failed"}}
    connection, _ = create([reply(404), reply(200, there)])
    provider, call = Provider(), Call()
    provider.lifecycle = Lifecycle(ArmClient(connection), Configuration(SUBSCRIPTION))
    monkeypatch.setattr("emulator.provider.servicer.refuse", lambda *_: None)
    provider.Create(provider_pb2.CreateRequest(urn=urn(NAME), properties=values.write(INPUTS[NAME])), call)
    detail = status_pb2.Status.FromString(call.metadata["grpc-status-details-bin"]).details[0]
    failed = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(failed)
    assert (failed.id, failed.properties["name"]) == ("/id", "cpu")
    assert values.read(failed.inputs) == INPUTS[NAME]
    assert list(failed.reasons) == [call.text]
    assert "provisioning ended in state Failed" in call.text
