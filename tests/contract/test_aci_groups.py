"""Container groups by the project's own client: they run images, and say why when they do not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import jwt
import pytest

from ml.clients.arm import arm
from ml.clients.container_groups import API_VERSION
from tests.conftest import RunningEmulator
from tests.contract.container_groups import PORT, GroupFailure, Place, container, make_identity, make_place

CRASH = "import sys; print('no model.onnx here'); sys.exit(3)"
SERVE = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = {answer}
        self.send_response({status}); self.end_headers(); self.wfile.write(answer)
    def log_message(self, *_): pass
print("listening")
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
ASK_FOR_TOKEN = (
    "__import__('urllib.request').request.urlopen(__import__('urllib.request').request.Request("
    "os.environ['IDENTITY_ENDPOINT'] + '?api-version=2019-08-01&resource=https://monitor.azure.com' + "
    "'&client_id=' + os.environ.get('AZURE_CLIENT_ID', ''), "
    "headers={'X-IDENTITY-HEADER': os.environ['IDENTITY_HEADER']})).read()"
)


@pytest.fixture(scope="module")
def place(emulator: RunningEmulator) -> Place:
    return make_place()


@pytest.fixture
def name(place: Place, request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for groups of this test; they are deleted when it ends."""
    short = request.node.name.removeprefix("test_").replace("_", "-")[:30].strip("-")
    yield short
    for one in place.groups.names():
        if one.startswith(short):
            place.groups.delete(one)


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"


def test_group_runs_its_image(place: Place, name: str, emulator: RunningEmulator) -> None:
    group = place.group(name, environment={"GREETING": "good morning"}, dns_label="greeter-one", tags={"a": "b"})
    state = place.groups.create(group)
    document = place.document(group.name)
    host_name = document["properties"]["ipAddress"]["fqdn"]
    assert (state.provisioning, state.state) == ("Succeeded", "Running")
    assert container(document)["instanceView"]["restartCount"] == 0
    assert httpx.get(f"http://{state.address}/x").json() == {"greeting": "good morning", "path": "/x"}
    assert f"serving on ('{state.address.split(':')[0]}', {PORT})" in place.groups.logs(group.name)
    assert host_name == "greeter-one.westeurope.azurecontainer.localhost"
    assert f"{state.address.split(':')[0]} {host_name}\n" in emulator.settings.hosts.read_text()
    assert document["tags"] == {"a": "b"}
    assert place.groups.create(group) == state
    view = container(place.document(group.name))["instanceView"]
    assert [event["name"] for event in view["events"] if event["type"] == "Normal"] == ["Pulling", "Pulled", "Started"]


def test_missing_image_is_named(place: Place, name: str) -> None:
    absent = place.registry.reference("greeter", "no-such-tag")
    group = place.group(name, image=absent)
    with pytest.raises(GroupFailure, match=f"(?s)InaccessibleImage.*{re.escape(absent)}.*is not accessible"):
        place.groups.create(group, timeout=20)
    found = place.groups.get(group.name)
    assert found is not None
    assert found.provisioning == "Failed"
    assert absent in found.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"registry": "", "identity_id": ""}, "'imageRegistryCredentials' has no entry"),
        ({"identity_id": "stranger"}, "has no role such as AcrPull"),
    ],
)
def test_registry_is_read_with_an_identity_that_may(
    place: Place, name: str, changes: dict[str, str], reason: str
) -> None:
    if changes["identity_id"]:
        changes = {"identity_id": make_identity("stranger")["id"]}
    with pytest.raises(GroupFailure, match=reason) as failure:
        place.groups.create(place.group("refused", **changes), timeout=20)
    assert "InaccessibleImage" in str(failure.value)


def test_crash_at_start_says_how_often_and_why(place: Place, name: str) -> None:
    group = place.python(name, CRASH)
    with pytest.raises(GroupFailure, match="exit code 3") as failure:
        place.groups.create(group, timeout=30)
    for text in ("CrashLoopBackOff", "no model.onnx here", "BackOff x"):
        assert text in str(failure.value)
    view = container(place.document(group.name))["instanceView"]
    assert view["restartCount"] >= 1
    assert view["previousState"]["exitCode"] == 3
    assert view["previousState"]["startTime"] <= view["previousState"]["finishTime"]


def test_program_that_is_not_in_the_image_is_named(place: Place, name: str) -> None:
    with pytest.raises(GroupFailure, match="/no/such/program"):
        place.groups.create(place.group(name, command=("/no/such/program",)), timeout=4)


def test_readiness_that_never_comes(place: Place, name: str) -> None:
    group = place.python(name, SERVE.format(status=503, answer=b"loading"))
    with pytest.raises(GroupFailure, match="is not ready in time") as failure:
        place.groups.create(group, timeout=4)
    assert "Readiness probe failed" in str(failure.value)
    assert "statuscode: 503" in str(failure.value)
    assert "listening" in str(failure.value)


def test_hanging_program_is_restarted_by_its_liveness_probe(place: Place, name: str) -> None:
    body = place.python(name, SERVE.format(status=500, answer=b"stuck"), readiness_path="").body()
    probe = {"httpGet": {"path": "/", "port": PORT, "scheme": "http"}, "periodSeconds": 1, "failureThreshold": 2}
    body["properties"]["containers"][0]["properties"]["livenessProbe"] = probe
    path = place.groups.path(f"{name}-live")
    arm().put(path, API_VERSION, body)
    until(lambda: container(place.document(f"{name}-live")).get("instanceView", {}).get("restartCount", 0) >= 1, 60)
    events = container(place.document(f"{name}-live"))["instanceView"]["events"]
    messages = [event["message"] for event in events]
    assert any("Liveness probe failed: HTTP probe failed with statuscode: 500" in one for one in messages)
    assert any("failed its liveness probe and is restarted" in one for one in messages)


def test_memory_above_the_limit_ends_the_program(place: Place, name: str) -> None:
    greedy = "import time; hold = b'x' * 300_000_000; time.sleep(600)"
    group = place.python(name, greedy, memory_gb=0.2, restart_policy="Never", readiness_path="/")
    with pytest.raises(GroupFailure, match="exit code 137") as failure:
        place.groups.create(group, timeout=30)
    assert "OOMKilled" in str(failure.value)


def test_secrets_reach_the_program_and_nobody_else(place: Place, name: str, emulator: RunningEmulator) -> None:
    secret = "canary-5f1d0e9c"
    answer = "os.environ['KEY'][:6].encode()"
    group = place.python(name, SERVE.format(status=200, answer=answer), secrets={"KEY": secret})
    state = place.groups.create(group)
    assert httpx.get(f"http://{state.address}/").text == "canary"
    assert secret not in json.dumps(place.document(group.name))
    assert {"name": "KEY"} in container(place.document(group.name))["environmentVariables"]
    arm().send("PATCH", place.groups.path(group.name), API_VERSION, body={"tags": {"a": "b"}})
    until(lambda: place.document(group.name)["properties"]["provisioningState"] == "Succeeded")
    assert httpx.get(f"http://{state.address}/").text == "canary"
    assert secret not in "".join(text_files(emulator.settings.state))


def text_files(folder: Path) -> Iterator[str]:
    """All that the emulator keeps, but for unpacked images."""
    for path in folder.rglob("*"):
        if path.is_file() and "images" not in path.parts and "registry" not in path.parts:
            yield path.read_bytes().decode("latin-1")


def test_container_has_the_token_of_its_own_identity(place: Place, name: str) -> None:
    group = place.python(name, SERVE.format(status=200, answer=ASK_FOR_TOKEN))
    state = place.groups.create(group)
    token = jwt.decode(
        httpx.get(f"http://{state.address}/").json()["access_token"], options={"verify_signature": False}
    )
    identity = make_identity("puller")["properties"]
    assert (token["oid"], token["appid"]) == (identity["principalId"], identity["clientId"])
    assert token["aud"] == "https://monitor.azure.com"


def test_container_gets_no_token_of_another_identity(place: Place, name: str) -> None:
    other = make_identity("other")["properties"]["clientId"]
    serve = SERVE.format(status=200, answer=ASK_FOR_TOKEN)
    group = place.python(name, serve, environment={"AZURE_CLIENT_ID": other})
    with pytest.raises(GroupFailure, match="is not ready in time") as failure:
        place.groups.create(group, timeout=3)
    assert "HTTP Error 400" in str(failure.value)


def test_delete_ends_the_program_and_frees_the_address(place: Place, name: str, emulator: RunningEmulator) -> None:
    group = place.group(name)
    state = place.groups.create(group)
    place.groups.delete(group.name)
    place.groups.delete(group.name)
    assert place.groups.get(group.name) is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{state.address}/")
    addresses = json.loads((emulator.settings.state / "containers/addresses.json").read_text())
    assert not [one for one in addresses if group.name in one]
    assert place.groups.logs(group.name) == ""


def test_stop_start_and_restart(place: Place, name: str) -> None:
    group = place.group(name)
    state = place.groups.create(group)
    path = place.groups.path(group.name)
    arm().post(f"{path}/stop", API_VERSION)
    stopped = place.document(group.name)
    assert stopped["properties"]["instanceView"]["state"] == "Stopped"
    assert container(stopped)["instanceView"]["currentState"]["state"] == "Terminated"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{state.address}/")
    arm().post(f"{path}/start", API_VERSION)
    started = place.groups.create(group)
    assert started.address == state.address
    first = container(place.document(group.name))["instanceView"]["currentState"]["startTime"]
    assert arm().send("POST", f"{path}/restart", API_VERSION).status_code == 204

    def started_anew() -> bool:
        view = container(place.document(group.name)).get("instanceView", {})
        return bool(view.get("currentState", {}).get("startTime", first) > first)

    until(started_anew)
    place.groups.create(group)


def test_update_of_tags_leaves_the_program_alone_and_one_of_variables_starts_it_anew(place: Place, name: str) -> None:
    group = place.group(name, environment={"GREETING": "one"})
    state = place.groups.create(group)
    first = container(place.document(group.name))["instanceView"]["currentState"]["startTime"]
    arm().send("PATCH", place.groups.path(group.name), API_VERSION, body={"tags": {"a": "b"}})
    until(lambda: place.document(group.name)["properties"]["provisioningState"] == "Succeeded")
    patched = place.document(group.name)
    assert patched["tags"] == {"a": "b"}
    assert container(patched)["instanceView"]["currentState"]["startTime"] == first
    changed = place.groups.create(replace(group, environment={"GREETING": "two"}))
    assert changed.address == state.address
    assert httpx.get(f"http://{state.address}/").json()["greeting"] == "two"
