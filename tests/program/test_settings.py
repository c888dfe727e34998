"""A stack's configuration: what is accepted, and what a person is told when it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pydantic import BaseModel, Field

from infra.parts import NOT_IN_PRIVATE, Part
from infra.settings import Settings
from infra.sizes import Section, SystemSettings
from tests.program.recorder import Recording, run, stack_config
from tools.stacks import stack_names

ID = "11111111-2222-3333-4444-555555555555"
CANARY = "canary-7f3a-do-not-show"
GOOD: dict[str, Any] = stack_config("dev") | {"subscriptionId": ID, "tenantId": ID, "deployersGroupId": ID}


class WithSecret(Settings):
    """Settings of a program that needs a password."""

    sql_password: pulumi.Output[str] = Field(description="password of the SQL administrator")


def load(config: dict[str, Any], *, model: type[Settings] = Settings, **options: Any) -> Settings:
    loaded: list[Settings] = []
    run(lambda: loaded.append(model.load()), config, stack="dev", **options)
    return loaded[0]


def message(config: dict[str, Any], **options: Any) -> str:
    with pytest.raises(pulumi.RunError) as error:
        load(config, **options)
    return str(error.value)


ELSEWHERE = (
    "/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/rg-hub/providers/Microsoft.Network/"
    "virtualNetworks/vnet-hub"
)


@pytest.mark.parametrize("stack", [name for name in stack_names() if name != "bootstrap"])
def test_committed_stacks_are_valid(stack: str) -> None:
    settings = load(stack_config(stack))
    assert settings.environment == stack.removesuffix("-emulator")
    private = settings.network_profile == "private"
    everything = [part for part in Part if not private or part not in NOT_IN_PRIVATE]
    assert list(settings.platform) == ([] if stack == "local" else everything)


@pytest.mark.parametrize(("stack", "more"), [("dev", set()), ("prod", {"modelSource"})])
def test_a_stack_on_the_emulator_is_configured_like_its_own_but_for_ids_and_systems(stack: str, more: set[str]) -> None:
    own = {"cloud", "subscriptionId", "tenantId", "deployersGroupId", "notebooks", "systems"}
    azure, emulator = stack_config(stack), stack_config(f"{stack}-emulator")
    for config in (azure, emulator):
        config.pop("policy", None)  # an exemption of a system would be one that nothing needs there
    assert azure.keys() == emulator.keys()
    assert {key for key in azure if azure[key] != emulator[key]} == own | more
    ids = ("subscriptionId", "tenantId", "deployersGroupId")
    assert [emulator[key] for key in ids] == [stack_config("local")[key] for key in ids]
    assert emulator["systems"] == []


def test_values_are_typed_and_defaults_filled() -> None:
    settings = load(GOOD | {"compute": {"maxNodes": 7}, "allowGeneratedData": True, "costCenter": "4711"})
    assert (settings.compute.max_nodes, settings.compute.idle_minutes) == (7, 5)
    assert settings.allow_generated_data is True
    assert settings.cost_center == "4711"
    assert settings.gate.wait_minutes == 5


LISTED = {"systems": ["bike_buyer"]}
FORECAST: dict[str, Any] = {
    "compute": {"vmSize": "Standard_DS4_v2", "jobMinutes": 30},
    "serving": {"memoryGb": 4, "instanceType": "Standard_DS3_v2"},
    "rollout": {"requests": 50, "concurrency": 2, "loadSeconds": 120},
}


def test_a_system_may_have_data_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_DATA_DIR", raising=False)
    own = {"churn": {"data": {"directory": "own"}}, "bike_buyer": {}}
    settings = load(GOOD | {"data": {"directory": "all"}, "systems": own})
    assert [str(settings.system(name).data.directory) for name in own] == ["own", "all"]


def test_systems_may_be_a_list_or_a_mapping() -> None:
    listed, mapped = load(GOOD | LISTED), load(GOOD | {"systems": {"bike_buyer": None, "energy_forecast": FORECAST}})
    assert (list(listed.systems), list(mapped.systems)) == (["bike_buyer"], ["bike_buyer", "energy_forecast"])
    assert listed.system("bike_buyer") == mapped.system("bike_buyer")
    assert listed.system("bike_buyer").compute == listed.compute


def test_a_system_has_its_own_sizes_else_the_stacks_else_those_of_its_task() -> None:
    task = {"serving": {"memoryGb": 2, "instances": 3, "cpu": 2}, "rollout": {"answerSeconds": 30, "stageSeconds": 60}}
    stack = {"serving": {"instances": 2, "instanceType": "Standard_F4s_v2"}, "rollout": {"stageSeconds": 15}}
    settings = load(GOOD | stack | {"systems": {"bike_buyer": {}, "energy_forecast": FORECAST}})
    sizes, others = settings.system("energy_forecast", task), settings.system("bike_buyer")
    assert (sizes.serving.memory_gb, sizes.serving.instances, sizes.serving.cpu) == (4, 2, 2)
    assert (sizes.serving.instance_type, sizes.compute.vm_size) == ("Standard_DS3_v2", "Standard_DS4_v2")
    assert (sizes.rollout.answer_seconds, sizes.rollout.stage_seconds, sizes.rollout.requests) == (30, 15, 50)
    assert (sizes.compute.job_minutes, others.compute.job_minutes) == (30, 60)
    assert (others.serving.memory_gb, others.serving.instances, others.rollout.requests) == (1.5, 2, None)
    assert others.serving.instance_type == "Standard_F4s_v2"
    assert not sizes.compute.same_cluster(settings.compute)
    assert others.compute.same_cluster(settings.compute)


def test_defaults_of_a_task_are_held_against_the_same_words() -> None:
    with pytest.raises(ValueError, match="memory_gb"):
        load(GOOD | LISTED).system("bike_buyer", {"serving": {"memory_gb": 2}})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(GOOD).location = "northeurope"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"locaton": "westeurope"},
            ["mlops:locaton", "no such setting", "Did you mean mlops:location?", "config rm mlops:locaton"],
        ),
        (
            {"location": "West Europe"},
            ["mlops:location", '"West Europe"', "pulumi config set mlops:location westeurope"],
        ),
        ({"networkProfile": "closed"}, ["mlops:networkProfile", '"closed"', "'open', 'hybrid' or 'private'"]),
        ({"network": {"addressSpace": "10.40.0.0/24"}}, ["mlops:network.addressSpace", "/16 to /21", "10.40.0.0/20"]),
        ({"network": {"addressSpace": "8.8.0.0/20"}}, ["mlops:network.addressSpace", "private range"]),
        ({"network": {"addressSpace": "10.40.0.1/20"}}, ["mlops:network.addressSpace", "host bits set"]),
        ({"network": {"dnsZonesGroupId": "rg-dns"}}, ["mlops:network.dnsZonesGroupId", "/subscriptions/1111"]),
        (
            {
                "network": {
                    "dnsZonesGroupId": "/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/rg-dns"
                }
            },
            ["network.dnsZonesGroupId is in another subscription", "network.dnsServers"],
        ),
        (
            {"network": {"hubNetworkId": ELSEWHERE}},
            ["network.hubNetworkId is in another subscription", "remove the key"],
        ),
        (
            {"network": {"hubNetworkId": ELSEWHERE.replace("99999999-", "11111111-")}},
            ["network.hubNetworkId without network.dnsZonesGroupId", "name the resource group"],
        ),
        ({"network": {"hubNetworkId": "vnet-hub"}}, ["mlops:network.hubNetworkId", "vnet-hub"]),
        ({"network": {"dnsServers": ["resolver"]}}, ["mlops:network.dnsServers.0", "no IPv4 address"]),
        ({"network": {"approvedHosts": ["https://pypi.org"]}}, ["mlops:network.approvedHosts.0", "without https://"]),
        ({"cloud": "aws"}, ["mlops:cloud", '"aws"', "'emulator' or 'azure'"]),
        (
            {"subscriptionId": "my-subscription"},
            ["mlops:subscriptionId", '"my-subscription"', "pulumi config set mlops:subscriptionId"],
        ),
        ({"owner": ""}, ["mlops:owner", "pulumi config set mlops:owner ml-platform@example.com"]),
        (
            {"gate": {"waitMinutes": -1}},
            ["mlops:gate.waitMinutes", "-1", "pulumi config set --path 'mlops:gate.waitMinutes' 20"],
        ),
        ({"gate": {"waitminutes": 3}}, ["mlops:gate.waitminutes", "no such setting"]),
        ({"compute": "big"}, ["mlops:compute", '"big"']),
        (
            {"rollout": '{"stages": ["ten"]}'},
            ["mlops:rollout.stages.0", '"ten"', "Write: `stages: [10, 50]` below `mlops:rollout:`", "stacks/Pulumi."],
        ),
        (
            {"rollout": {"retryRejected": []}},
            ["mlops:rollout.retryRejected: there is no such setting any more", "make promote", "rm --path 'mlops:roll"],
        ),
        (
            {"systems": {"bike_buyer": {"rollout": {"retryRejected": ["sha256:0"]}}}},
            [
                "rm --path 'mlops:systems.bike_buyer.rollout.retryRejected'",
                "`make promote SYSTEM=name VERSION=n` lifts",
            ],
        ),
        ({"platform": ["sql", "kubernets"]}, ["mlops:platform.1", "'mlops:platform[1]'", "'kubernetes'"]),
        ({"systems": "bike_buyer"}, ["mlops:systems", "pulumi config set --path 'mlops:systems[0]' bike_buyer"]),
        ({"systems": ["Bike Buyer"]}, ["mlops:systems =", '"Bike Buyer"']),
        ({"systems": [{"bike_buyer": {}}]}, ["mlops:systems", "is no name", "`name: {...}`"]),
        (
            {"systems": {"bike_buyer": {"computer": {}}}},
            ["mlops:systems.bike_buyer.computer", "no such setting", "Did you mean compute?", "config rm --path"],
        ),
        (
            {"systems": {"bike_buyer": {"compute": {"vmsize": "big"}}}},
            ["mlops:systems.bike_buyer.compute.vmsize", "no such setting", "Did you mean vmSize?", "config rm --path"],
        ),
        (
            {"systems": {"bike_buyer": {"serving": {"memoryGb": 64}}}},
            ["mlops:systems.bike_buyer.serving.memoryGb = 64", "gigabytes of memory", "memoryGb' 4"],
        ),
        ({"systems": {"bike_buyer": "large"}}, ["mlops:systems = ", "'large'", "write `bike_buyer: {}`"]),
        ({"systems": ["reviews", "reviews"]}, ["reviews", "more than once"]),
        ({"retire": ["bike_buyer"]}, ["bike_buyer", "in systems and in retire"]),
        ({"allowedAddresses": ["8.8.8.8"]}, ["allowedAddresses", "hybrid"]),
        ({"networkProfile": "private", "allowedAddresses": ["8.8.8.8"]}, ["allowedAddresses", "private", "hybrid"]),
        ({"networkProfile": "hybrid", "allowedAddresses": ["10.0.0.0/8"]}, ["10.0.0.0/8", "public"]),
        ({"networkProfile": "hybrid", "allowedAddresses": ["8.8.8.8/31"]}, ["8.8.8.8/31"]),
        ({"networkProfile": "hybrid", "allowedAddresses": ["everywhere"]}, ["'everywhere'", "no IPv4 address"]),
        ({"nameSalt": "Not-This"}, ["mlops:nameSalt", '"Not-This"']),
    ],
)
def test_bad_value_names_key_value_and_fix(change: dict[str, Any], words: list[str]) -> None:
    text = message(GOOD | change)
    assert "stack 'dev'" in text
    for word in words:
        assert word in text


def test_missing_key_says_what_to_write() -> None:
    text = message({key: value for key, value in GOOD.items() if key != "tenantId"})
    assert "mlops:tenantId is missing" in text
    assert "pulumi config set mlops:tenantId" in text


def test_all_problems_come_at_once() -> None:
    text = message(GOOD | {"cloud": "aws", "location": "West Europe", "color": "red"})
    assert all(key in text for key in ("mlops:cloud", "mlops:location", "mlops:color"))


def test_bad_configuration_declares_nothing() -> None:
    recordings: list[Recording] = []

    def program() -> None:
        Settings.load()
        pulumi.ComponentResource("test:index:Component", "declared")

    with pytest.raises(pulumi.RunError):
        recordings.append(run(program, GOOD | {"cloud": "aws"}))
    assert recordings == []
    assert [resource.name for resource in run(program, GOOD).resources] == ["declared"]


def test_placeholders_pass_a_preview_but_not_an_update() -> None:
    config = stack_config("dev")
    assert load(config, preview=True).subscription_id.int == 0
    text = message(config, preview=False)
    for key in ("subscriptionId", "tenantId", "deployersGroupId"):
        assert f"pulumi config set mlops:{key}" in text
    assert "pulumi config set --path 'mlops:notebooks.userObjectId'" in text, "an id inside a section too"


def test_secret_is_read_into_an_output_and_shown_nowhere() -> None:
    read: list[Any] = []

    def program() -> None:
        settings = WithSecret.load()
        read.append(settings)
        pulumi.export("password", settings.sql_password)

    recording = run(program, GOOD | {"sqlPassword": CANARY}, secrets=["sqlPassword"])
    assert isinstance(read[0].sql_password, pulumi.Output)
    assert CANARY not in repr(read[0])
    assert recording.secret_exports == {"password"}


def test_preview_takes_a_stand_in_for_a_secret() -> None:
    settings = load(GOOD | {"sqlPassword": "not-known"}, model=WithSecret, preview=True)
    assert isinstance(settings.sql_password, pulumi.Output)  # type: ignore[attr-defined]


def test_missing_secret_says_how_to_set_it() -> None:
    text = message(GOOD, model=WithSecret)
    assert "mlops:sqlPassword is missing" in text
    assert "pulumi config set --secret mlops:sqlPassword" in text


@pytest.mark.parametrize(
    ("config", "secrets", "model"),
    [
        ({"sqlPassword": CANARY}, [], WithSecret),
        ({"owner": CANARY}, ["owner"], Settings),
        ({"data": {"password": CANARY}}, ["data"], Settings),
        ({"password": CANARY}, ["password"], Settings),
    ],
    ids=["plain text", "not a secret", "inside an object", "unknown key"],
)
def test_misplaced_secret_is_refused_without_showing_it(
    config: dict[str, Any], secrets: list[str], model: type[Settings]
) -> None:
    text = message(GOOD | config, secrets=secrets, model=model, preview=False)
    assert f"mlops:{next(iter(config))}" in text
    assert CANARY not in text


def test_data_folder_comes_from_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLOPS_DATA_DIR", raising=False)
    assert load(GOOD | {"data": {"directory": "../data"}}).data.directory == Path("../data")
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path))
    assert load(GOOD | {"data": {"directory": "../data"}}).data.directory == tmp_path
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "nowhere"))
    assert "there is no such folder" in message(GOOD)


def test_a_stack_has_the_systems_it_names_and_no_others() -> None:
    settings = load(GOOD | {"systems": ["bike_buyer"]})
    settings.check_systems({"bike_buyer", "reviews"}, ())
    with pytest.raises(pulumi.RunError, match=r"there is no ml/systems/bike_buyer/system\.py\. There are: reviews"):
        settings.check_systems({"reviews"}, ())


def test_retire_may_name_a_system_whose_folder_is_gone() -> None:
    settings = load(GOOD | {"systems": ["bike_buyer"], "retire": ["reviews"]})
    settings.check_systems({"bike_buyer"}, {"bike_buyer", "reviews"})


def test_a_deployed_system_is_kept_or_retired_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = load(GOOD | {"systems": ["bike_buyer"]})
    with pytest.raises(
        pulumi.RunError, match=r"take the branch that has ml/systems/ticket_duration; .*RETIRE=ticket_d"
    ):
        lost.check_systems({"bike_buyer"}, {"bike_buyer", "ticket_duration"})
    with pytest.raises(pulumi.RunError, match=r"To keep it, add 'reviews' to `systems`; .*RETIRE=reviews"):
        lost.check_systems({"bike_buyer", "reviews"}, {"reviews"})
    monkeypatch.setenv("MLOPS_RETIRE", "reviews, ticket-duration")
    meant = load(GOOD | {"systems": ["bike_buyer"], "retire": ["reviews"]})
    assert meant.retire == ("reviews", "ticket_duration")
    meant.check_systems({"bike_buyer"}, {"bike_buyer", "ticket_duration"})
    monkeypatch.setenv("MLOPS_RETIRE", "bike_buyer")
    assert "bike_buyer: in systems and in retire" in message(GOOD | {"systems": ["bike_buyer"]})


def _fields(model: type[BaseModel]) -> list[tuple[str, Any]]:
    inner = [field.annotation for field in model.model_fields.values()]
    sections = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, Section)]
    own = [(f"{model.__name__}.{name}", field) for name, field in model.model_fields.items()]
    return own + [entry for section in sections for entry in _fields(section)]


@pytest.mark.parametrize(
    ("name", "field"),
    _fields(Settings) + _fields(SystemSettings),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_field_is_described_and_has_an_example(name: str, field: Any) -> None:
    assert field.description
    is_section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    assert field.examples or is_section, f"{name} has no example to put into an error message"


EXEMPTION = {
    "rule": "no-owner",
    "resource": "deployers-*",
    "reason": "until the group is split",
    "expires": "2027-01-31",
}


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"overides": {}}, "mlops:policy.overides: there is no such setting. Did you mean overrides?"),
        ({"overrides": {"no-owner": "off"}}, 'mlops:policy.overrides.no-owner = "off"'),
        ({"exemptions": [EXEMPTION | {"expires": "next year"}]}, 'write it in quotes, such as "2027-01-31"'),
        ({"exemptions": [EXEMPTION | {"reason": ""}]}, "mlops:policy.exemptions.0.reason"),
        ({"exemptions": [EXEMPTION | {"until": "2027-01-31"}]}, "mlops:policy.exemptions.0.until"),
    ],
)
def test_exemptions_and_levels_are_checked_before_anything_is_declared(policy: dict[str, Any], said: str) -> None:
    assert said in message(GOOD | {"policy": policy})


def test_an_exemption_needs_rule_resource_reason_and_end() -> None:
    assert load(GOOD | {"policy": {"exemptions": [EXEMPTION]}}).policy.exemptions[0].expires == "2027-01-31"
    for key in EXEMPTION:
        left = {name: value for name, value in EXEMPTION.items() if name != key}
        assert f"mlops:policy.exemptions.0.{key} is missing" in message(GOOD | {"policy": {"exemptions": [left]}})
