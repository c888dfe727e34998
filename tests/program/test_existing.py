"""What was there before the stack: imported when the stack does not have it, kept when it goes, and never replaced."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.existing import NAMED
from infra.existing_settings import KINDS, ExistingSettings
from infra.naming import Kind
from tests.program.azure.stacks import AZURE, ID, main
from tests.program.recorder import Recording, run

ALL = {
    "resourceGroup": "rg-team",
    "workspace": "mlw-team",
    "storageAccount": "stteam",
    "keyVault": "kv-team",
    "containerRegistry": "crteam",
    "applicationInsights": "appi-team",
    "logAnalytics": "log-team",
}
GROUP = f"/subscriptions/{ID}/resourceGroups/rg-team"
IDS = {GROUP} | {
    f"{GROUP}/providers/{kind}/{name}"
    for kind, name in {
        "Microsoft.MachineLearningServices/workspaces": "mlw-team",
        "Microsoft.Storage/storageAccounts": "stteam",
        "Microsoft.KeyVault/vaults": "kv-team",
        "Microsoft.ContainerRegistry/registries": "crteam",
        "Microsoft.Insights/components": "appi-team",
        "Microsoft.OperationalInsights/workspaces": "log-team",
    }.items()
}


def build(existing: dict[str, str], state: dict[str, Any] | None = None) -> Recording:
    return run(main, AZURE | {"systems": [], "existing": existing}, stack="dev", state=state or {})


def imported(*kinds: Kind, **workspace: str) -> dict[str, Any]:
    """What the stack has after the first `up`, of some kinds."""
    by_kind = {kind: ALL[str(ExistingSettings.model_fields[field].alias)] for field, (kind, _) in KINDS.items()}
    outputs: dict[Kind, dict[str, str]] = {kind: {"name": by_kind[kind].upper()} for kind in kinds}
    outputs.get(Kind.ML_WORKSPACE, {}).update(workspace)
    return {str(kind): {"type": NAMED[kind].type, "outputs": outputs[kind]} for kind in kinds}


def test_all_that_is_named_is_imported_as_it_is_and_the_rest_goes_into_that_group() -> None:
    recording = build(ALL)
    taken = [one for one in recording.resources if one.import_id]
    assert {one.import_id for one in taken} == IDS
    assert len(taken) == len(IDS)
    for one in recording.azure:
        assert (one in taken, one.retained, one.ignore_changes == {"*"}) in ((True,) * 3, (False,) * 3)
        assert one.inputs.get("resourceGroupName", "rg-team") == "rg-team"
    assert recording.exports["platform"]["storageAccount"] == "stteam"


def test_what_the_stack_has_is_imported_no_more_and_still_kept() -> None:
    on = {"storageAccount": f"{GROUP}/storageAccounts/stTeam", "keyVault": f"{GROUP}/vaults/kv-team"}
    found = {one.type: one for one in build(ALL, imported(*NAMED, **on)).azure if one.retained}
    assert len(found) == len(IDS)
    assert {(one.import_id, "*" in one.ignore_changes) for one in found.values()} == {("", False)}
    assert "isHnsEnabled" in found["azure-native:storage:StorageAccount"].ignore_changes
    some = build(ALL, imported(Kind.RESOURCE_GROUP, Kind.KEY_VAULT))
    assert {one.import_id for one in some.resources} - {""} == IDS - {GROUP, next(i for i in IDS if "vaults" in i)}


def test_a_stack_that_names_nothing_takes_nothing_over() -> None:
    assert not any(one.import_id or one.retained for one in build({}).resources)


def test_a_workspace_that_stands_on_another_account_is_not_replaced() -> None:
    on = {"storageAccount": f"{GROUP}/storageAccounts/stother", "keyVault": f"{GROUP}/vaults/kv-team"}
    with pytest.raises(
        pulumi.RunError, match=r"stands on stother.*config set --path mlops:existing\.storageAccount st"
    ):
        build(ALL, imported(Kind.ML_WORKSPACE, **on))


@pytest.mark.parametrize(
    ("existing", "said"),
    [
        ({"workspace": "mlw-team"}, "existing: resourceGroup is missing, which the others lie in"),
        ({"resourceGroup": "rg-team", "workspace": "m"}, "workspace without existing.storageAccount: Azure lets no"),
        (
            {"resourceGroup": "rg-team", "workspace": "m", "storageAccount": "s"},
            "without existing.keyVault: Azure lets",
        ),
        ({"resourceGroup": "/subscriptions/x/resourceGroups/rg"}, "existing.resourceGroup"),
    ],
)
def test_what_cannot_be_taken_over_is_an_error_of_the_configuration(existing: dict[str, str], said: str) -> None:
    with pytest.raises(pulumi.RunError, match=said):
        build(existing)
