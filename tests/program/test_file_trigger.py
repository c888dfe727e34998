"""The part `file_trigger`: which files start the endpoint, in whose name, and what becomes of a message that fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra import file_workflow
from infra.parts import Part
from infra.platform import Platform
from infra.settings import Settings
from ml.recipes.soft_delete import guard
from tests.program.azure.access import texts
from tests.program.parts import AZURE, HYBRID, PRIVATE, PRODUCTION, build, one, refused, roles
from tests.program.recorder import PRINCIPAL, Recording, run

PARTS = ("batch", "file_trigger")
SUBSCRIPTION, WORKFLOW, TOPIC = "eventgrid:SystemTopicEventSubscription", "logic:Workflow", "eventgrid:SystemTopic"
PROFILES: dict[str, dict[str, Any]] = {"open": {}, "hybrid": HYBRID, "prod": PRODUCTION}
CHANGED: dict[str, Any] = {
    "fileTrigger": {"folder": "videos/incoming", "suffix": ".mp4", "intervalMinutes": 7, "maxAttempts": 2},
    "networkProfile": "hybrid",
}
IN_RAW = "/blobServices/default/containers/raw/blobs/"


def subscription(**changed: Any) -> dict[str, Any]:
    return one(build(*PARTS, **changed), SUBSCRIPTION).inputs


def workflow(**changed: Any) -> dict[str, Any]:
    return one(build(*PARTS, **changed), WORKFLOW).inputs


def actions(**changed: Any) -> dict[str, dict[str, Any]]:
    """By name, those inside of others too."""
    return dict(_actions(workflow(**changed)["definition"]))


def _actions(within: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, action in within.get("actions", {}).items():
        yield name, action
        yield from _actions(action)
        yield from _actions(action.get("else", {}))


@pytest.mark.parametrize(("changed", "begin", "end"), [({}, "inbox/", ""), (CHANGED, "videos/incoming/", ".mp4")])
def test_the_folder_is_a_setting_and_nothing_beside_it_is_heard_of(
    changed: dict[str, Any], begin: str, end: str
) -> None:
    """The slash at its end keeps `inbox2` out. The workshop's trigger had its folder written into it in base64."""
    found = subscription(**changed)["filter"]
    assert (found["subjectBeginsWith"], found["subjectEndsWith"]) == (IN_RAW + begin, end)
    assert found["isSubjectCaseSensitive"] is True


def test_a_file_that_is_still_being_written_starts_nothing() -> None:
    found = subscription()["filter"]
    assert found["includedEventTypes"] == ["Microsoft.Storage.BlobCreated"]
    (api,) = found["advancedFilters"]
    assert (api["operatorType"], api["key"]) == ("StringIn", "data.api")
    assert {"FlushWithClose", "PutBlob", "PutBlockList"} == set(api["values"])


def test_events_reach_the_queue_or_the_dead_letters_in_the_name_of_the_topic() -> None:
    stack = build(*PARTS)
    lake = one(stack, TOPIC).inputs["source"]
    found = subscription()
    delivery, dead = found["deliveryWithResourceIdentity"], found["deadLetterWithResourceIdentity"]
    assert (
        delivery["identity"] == dead["identity"] == one(stack, TOPIC).inputs["identity"] == {"type": "SystemAssigned"}
    )
    assert (delivery["destination"]["resourceId"], delivery["destination"]["queueName"]) == (lake, "new-files")
    assert delivery["destination"]["queueMessageTimeToLiveInSeconds"] == -1
    assert dead["deadLetterDestination"]["blobContainerName"] == "dead-letters"
    assert found["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
    assert found.keys().isdisjoint({"destination", "deadLetterDestination"})


def test_each_identity_may_do_what_it_does_and_no_more() -> None:
    stack = build(*PARTS)
    assert roles(stack, "file-events-identity") == {
        ("STORAGE_QUEUE_DATA_MESSAGE_SENDER", "queues"),
        ("STORAGE_BLOB_DATA_CONTRIBUTOR", "containers"),
    }
    found = {
        scope: roles(stack, f"file-trigger-identity-on-{scope}")
        for scope in ("new-files", "new-files-poison", "workspace", "lake-raw")
    }
    assert found == {
        "new-files": {("STORAGE_QUEUE_DATA_MESSAGE_PROCESSOR", "queues")},
        "new-files-poison": {("STORAGE_QUEUE_DATA_MESSAGE_SENDER", "queues")},
        "workspace": {("AZUREML_DATA_SCIENTIST", "workspaces")},
        "lake-raw": {("STORAGE_BLOB_DATA_READER", "containers")},
    }


def assigned(stack: Recording, component: str) -> set[Any]:
    """Whom the role assignments of a component are for."""
    kind = "azure-native:authorization:RoleAssignment"
    return {made.inputs["principalId"] for made in stack.of_type(kind) if made.parent.endswith(f"::{component}")}


def test_roles_are_for_the_identities_that_azure_gives() -> None:
    """And the topic has them before anything is delivered."""
    config = AZURE | {"platform": [*PARTS], "systems": []}
    stack = run(lambda: Platform("platform", Settings.load(), guard), config, stack="dev", preview=False)
    assert assigned(stack, "file-events-identity") == {PRINCIPAL}
    assert assigned(stack, "file-trigger-identity-on-workspace") == {PRINCIPAL}
    before = stack.before(one(stack, SUBSCRIPTION))
    kind = "::file-events-identity-"
    assert len([urn for urn in before if kind in urn]) == 2


@pytest.mark.parametrize("profile", PROFILES)
def test_every_request_is_signed_in_with_the_identity_and_nothing_else_opens_a_door(profile: str) -> None:
    """The workshop's had a token in it, which ends within the hour."""
    requests = {name: action for name, action in actions(**PROFILES[profile]).items() if action["type"] == "Http"}
    assert set(requests) == {"Get_messages", "Put_aside", "Start_job", "Delete_message"}
    for name, action in requests.items():
        audience = "https://ml.azure.com" if name == "Start_job" else "@parameters('queues')"
        assert action["inputs"]["authentication"] == {"type": "ManagedServiceIdentity", "audience": audience}
        assert "Authorization" not in action["inputs"].get("headers", {})
    assert workflow(**PROFILES[profile])["identity"] == {"type": "SystemAssigned"}
    assert "$connections" not in workflow(**PROFILES[profile])["parameters"]


def test_a_message_is_deleted_once_its_job_runs_or_it_is_put_aside() -> None:
    found = actions()
    assert found["Delete_message"]["runAfter"] == {"If_it_failed_too_often": ["Succeeded"]}
    choice = found["If_it_failed_too_often"]
    assert (set(choice["actions"]), set(choice["else"]["actions"])) == ({"Put_aside"}, {"Start_job"})
    assert choice["expression"]["and"] == [
        {"greater": ["@outputs('Message')['attempt']", "@parameters('maxAttempts')"]}
    ]
    assert found["Start_job"]["inputs"]["retryPolicy"] == {"type": "none"}
    assert "parameters('poisonQueue')" in found["Put_aside"]["inputs"]["uri"]
    assert "messagettl=-1" in found["Put_aside"]["inputs"]["uri"]


def test_a_message_that_nobody_understands_is_put_aside_too() -> None:
    """So nothing but the start of its job may look into it."""
    readers = {name for name, action in actions().items() if "base64ToString" in str(action.get("inputs"))}
    assert readers == {"Start_job"}


def test_the_job_gets_the_file_by_its_datastore() -> None:
    (given,) = actions()["Start_job"]["inputs"]["body"]["properties"]["InputData"].values()
    assert given["JobInputType"] == "UriFile"
    assert given["Uri"].startswith("@{parameters('datastore')}/@{substring(")
    values = {name: parameter["value"] for name, parameter in workflow()["parameters"].items()}
    assert values["datastore"] == "azureml://datastores/lake_raw/paths"
    assert values["subject"] == IN_RAW
    assert subscription()["filter"]["subjectBeginsWith"].startswith(values["subject"])


def test_settings_are_what_the_workflow_goes_by() -> None:
    found = workflow(**CHANGED)
    (trigger,) = found["definition"]["triggers"].values()
    assert (trigger["type"], trigger["recurrence"]) == ("Recurrence", {"frequency": "Minute", "interval": 7})
    assert found["parameters"]["maxAttempts"]["value"] == 2
    assert found["parameters"].keys() == found["definition"]["parameters"].keys()


def test_every_expression_closes_what_it_opens_and_uses_parameters_that_there_are() -> None:
    expressions = [text for text in texts(file_workflow.definition(1)) if "@" in text]
    assert len(expressions) > 10
    for text in expressions:
        for opening, closing in ("()", "[]", "{}"):
            assert text.count(opening) == text.count(closing), text
        named = {part.split("'")[1] for part in text.split("parameters(")[1:]}
        assert named <= set(file_workflow.PARAMETERS), text


@pytest.mark.parametrize(
    ("changed", "ranges"),
    [
        ({}, None),
        (HYBRID, ["8.8.8.0/24", "1.2.3.4/32"]),
        (CHANGED, ["0.0.0.0-0.0.0.0"]),
    ],
)
def test_runs_are_looked_into_from_listed_addresses_where_the_profile_has_any(
    changed: dict[str, Any], ranges: list[str] | None
) -> None:
    found = workflow(**changed).get("accessControl")
    shown = found and [one["addressRange"] for one in found["contents"]["allowedCallerIpAddresses"]]
    assert shown == ranges


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"platform": [*PARTS], **PRIVATE}, "Take file_trigger out, or use networkProfile hybrid"),
        ({"platform": ["file_trigger"]}, "add `batch`"),
        ({"fileTrigger": {"folder": "/inbox"}}, "mlops:fileTrigger.folder"),
        ({"fileTrigger": {"folder": "in/../raw"}}, "mlops:fileTrigger.folder"),
        ({"fileTrigger": {"folder": "inbox/"}}, "mlops:fileTrigger.folder"),
        ({"fileTrigger": {"suffix": "*.mp4"}}, "mlops:fileTrigger.suffix"),
        ({"fileTrigger": {"intervalMinutes": 0}}, "mlops:fileTrigger.intervalMinutes = 0"),
    ],
)
def test_wrong_settings_are_named_with_the_fix(changed: dict[str, Any], expected: str) -> None:
    assert expected in refused(**changed)


@pytest.mark.parametrize(("profile", "there"), [({}, True), (HYBRID, True), (PRIVATE, False)])
def test_full_is_all_that_the_profile_can_have(profile: dict[str, Any], there: bool) -> None:
    found: list[Settings] = []
    run(lambda: found.append(Settings.load()), AZURE | {"platform": "full"} | profile, stack="dev")
    assert set(Part) - set(found[0].platform) == (set() if there else {Part.FILE_TRIGGER})
