"""Online endpoints as documents: names, keys, traffic; through plain requests and the project's own client."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from ml.clients.errors import CloudError
from tests.contract.azureml_workspace import IGNORED, Workspace, fixture_sockets, fixture_workspace
from tests.contract.online_endpoint import Serving, make_serving

__all__ = ["fixture_sockets", "fixture_workspace"]
pytestmark = IGNORED


@pytest.fixture(name="serving", scope="module")
def fixture_serving(workspace: Workspace) -> Iterator[Serving]:
    """An image to deploy."""
    made = make_serving(workspace)
    yield made
    made.http.close()


def refused(serving: Serving, path: str, body: dict[str, Any], method: str = "PUT") -> tuple[int, str, str]:
    """Status, code and message of a refusal."""
    answer = serving.workspace.request(method, path, json=body)
    error = answer.json().get("error", {})
    return answer.status_code, error.get("code", ""), error.get("message", "")


def test_endpoint_has_an_address_and_keys(serving: Serving) -> None:
    endpoint = serving.endpoint("plain", tags={"owner": "sales"})
    found = endpoint.get()
    port = serving.workspace.emulator.settings.https_port
    assert found.scoring_uri == f"https://{endpoint.name}.westeurope.inference.ml.localhost:{port}/score"
    assert found.open_api_uri == found.scoring_uri.replace("/score", "/swagger.json")
    assert (found.state, found.auth_mode, found.tags, found.traffic) == ("Succeeded", "Key", {"owner": "sales"}, {})
    answer = serving.post(endpoint)
    assert (answer.status_code, "positive weight" in answer.text) == (404, True)
    document = serving.workspace.request("GET", endpoint.path).json()
    assert "keys" not in document["properties"]
    assert endpoint.key() not in str(document)
    assert document["identity"]["userAssignedIdentities"][serving.identity]["clientId"]


@pytest.mark.parametrize("name", ["ab", "1bike", "bike--buyer", "bike-", "bike_buyer", "b" * 33])
def test_names_azure_does_not_take_are_refused(serving: Serving, name: str) -> None:
    status, code, message = refused(serving, serving.client(name).path, serving.body())
    assert (status, code) == (400, "BadArgument")
    assert f"'{name}' is invalid" in message


def test_name_is_taken_in_the_whole_region(serving: Serving) -> None:
    endpoint = serving.endpoint("taken")
    other = Workspace(serving.workspace.emulator, "azuremlother").create()
    path = endpoint.path.replace(serving.workspace.id, other.id)
    status, code, message = refused(serving, path, serving.body())
    assert (status, code, "already taken in 'westeurope'" in message) == (409, "Conflict", True)
    elsewhere = other.put(path, {**serving.body(), "location": "northeurope"})
    assert f"{endpoint.name}.northeurope.inference" in elsewhere["properties"]["scoringUri"]
    # Its certificate is good for every location.
    answer = serving.http.post(elsewhere["properties"]["scoringUri"], headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer.text) == (401, "key_auth_access_denied")
    other.delete(other.group)
    other.close()


def test_traffic_must_name_deployments_and_sum_to_100(serving: Serving) -> None:
    endpoint = serving.endpoint("traffic")
    endpoint.deploy(serving.deployment("blue"))
    endpoint.set_traffic({"blue": 100})
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"blue": 90}, "sums to 90"),
        ({"blue": 100, "green": 0}, "'green', which does not exist"),
        ({"blue": 100.5}, "whole number"),
        ({"blue": -1}, "whole number"),
    ]
    for traffic, said in wrong:
        status, code, message = refused(serving, endpoint.path, serving.body(traffic=traffic))
        assert (status, code) == (400, "BadArgument"), traffic
        assert said in message
    assert endpoint.get().traffic == {"blue": 100}
    with pytest.raises(CloudError, match="blue=90"):
        endpoint.set_traffic({"blue": 90})
    with pytest.raises(CloudError, match=r"has 100 % of the traffic"):
        endpoint.remove("blue")


def test_traffic_cannot_go_to_a_deployment_that_is_being_deleted(serving: Serving) -> None:
    endpoint = serving.endpoint("leaving")
    endpoint.deploy(serving.deployment("blue", {"DELAY": "2"}, concurrency=1))
    endpoint.deploy(serving.deployment("green"))
    blue = {"azureml-model-deployment": "blue"}
    with ThreadPoolExecutor(3) as pool:
        # It takes two of them, refuses one at once, and stays until it has answered the two.
        last = [pool.submit(serving.post, endpoint, headers=blue) for _ in range(3)]
        assert next(as_completed(last)).result().status_code == 429
        deletion = serving.workspace.request("DELETE", f"{endpoint.path}/deployments/blue")
        said = "'blue', which does not exist or is being deleted. Deployments: green."
        for traffic in ({"blue": 100}, {"blue": 0, "green": 100}):
            status, code, message = refused(serving, endpoint.path, serving.body(traffic=traffic))
            assert (status, code, said in message) == (400, "BadArgument", True), message
        mirror = serving.body(traffic={"green": 100}, mirrorTraffic={"blue": 10})
        assert said in refused(serving, endpoint.path, mirror)[2]
        endpoint.set_traffic({"green": 100})
        serving.workspace.finish(deletion)
        assert sorted(one.result().status_code for one in last) == [200, 200, 429]
    assert endpoint.get().traffic == {"green": 100}


def test_put_without_traffic_wipes_it_and_keeps_the_keys(serving: Serving) -> None:
    endpoint = serving.endpoint("wipe")
    endpoint.deploy(serving.deployment("blue"))
    endpoint.set_traffic({"blue": 100})
    key = endpoint.key()
    serving.workspace.put(endpoint.path, serving.body())
    assert (endpoint.get().traffic, endpoint.key()) == ({}, key)
    assert serving.post(endpoint).status_code == 404


def test_only_traffic_changes_when_traffic_is_set(serving: Serving) -> None:
    endpoint = serving.endpoint("keep", tags={"owner": "sales"})
    before = serving.workspace.request("GET", endpoint.path).json()
    endpoint.deploy(serving.deployment("blue"))
    endpoint.set_traffic({"blue": 100, "green": 0})
    after = serving.workspace.request("GET", endpoint.path).json()
    assert after["properties"].pop("traffic") == {"blue": 100}
    before["properties"].pop("traffic")
    for document in (before, after):
        document.pop("systemData")
    assert after == before


def test_patch_changes_tags_and_nothing_else(serving: Serving) -> None:
    endpoint = serving.endpoint("patch")
    endpoint.deploy(serving.deployment("blue"))
    endpoint.set_traffic({"blue": 100})
    status, _, message = refused(serving, endpoint.path, {"properties": {"traffic": {}}}, "PATCH")
    assert (status, "cannot change properties" in message) == (400, True)
    serving.workspace.finish(serving.workspace.request("PATCH", endpoint.path, json={"tags": {"a": "b"}}))
    assert (endpoint.get().tags, endpoint.get().traffic) == ({"a": "b"}, {"blue": 100})


def test_regenerated_key_replaces_one(serving: Serving) -> None:
    endpoint = serving.endpoint("keys")
    post = serving.workspace.request
    before = post("POST", f"{endpoint.path}/listKeys").json()
    answer = post("POST", f"{endpoint.path}/regenerateKeys", json={"keyType": "Secondary"})
    assert answer.status_code == 200, answer.text
    after = post("POST", f"{endpoint.path}/listKeys").json()
    assert after["primaryKey"] == before["primaryKey"]
    assert after["secondaryKey"] != before["secondaryKey"]
    for key, status in ((before["secondaryKey"], 401), (after["secondaryKey"], 404)):
        assert serving.post(endpoint, headers={"authorization": f"Bearer {key}"}).status_code == status
    assert refused(serving, f"{endpoint.path}/regenerateKeys", {"keyType": "Third"}, "POST")[0] == 400


def test_endpoint_with_tokens_takes_its_own_only(serving: Serving) -> None:
    one, two = (serving.endpoint("token", properties={"authMode": "AMLToken"}) for _ in range(2))
    tokens = [serving.workspace.request("POST", f"{each.path}/token").json()["accessToken"] for each in (one, two)]
    uri = one.get().scoring_uri
    statuses = [serving.http.post(uri, headers={"authorization": f"Bearer {each}"}).status_code for each in tokens]
    assert statuses == [404, 401]
    assert refused(serving, f"{one.path}/listKeys", {}, "POST")[0] == 400


def test_deleting_an_endpoint_deletes_its_deployments(serving: Serving) -> None:
    endpoint = serving.endpoint("gone")
    endpoint.deploy(serving.deployment("blue"))
    endpoint.set_traffic({"blue": 100})
    uri, key = endpoint.get().scoring_uri, endpoint.key()
    serving.workspace.delete(endpoint.path)
    assert endpoint.find() is None
    assert endpoint.deployment("blue") is None
    answer = serving.http.post(uri, headers={"authorization": f"Bearer {key}"})
    assert (answer.status_code, "no online endpoint" in answer.text) == (404, True)
