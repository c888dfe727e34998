"""Verdicts in words, and where the verb finds definitions."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from policies.azure.report import lines, sentence
from policies.azure.verdict import Change, Outcome, Verdict
from policies.resource import UNKNOWN, Resource
from tests.unit.resource_type_examples import INPUTS, SUBSCRIPTION
from tools.__main__ import application
from tools.azure_verdict import StackVerdict, definitions_folder, read, subjects
from tools.progress import SetupError

KIND = "Microsoft.Storage/storageAccounts"


def verdict(outcome: Outcome, name: str = "lake", **more: object) -> Verdict:
    said = {"definition": "d1", "title": "Storage is safe", "effect": outcome.value, **more}
    return Verdict(outcome, resource_type=KIND, resource_id=f"/x/{name}", urn=f"urn::{name}", **said)  # type: ignore[arg-type]


DENIED = [
    verdict(Outcome.DENY, name, found=("properties.a is missing",), remedies=("write a: 1",))
    for name in ("lake", "raw")
]
MORE = [
    verdict(Outcome.MODIFY, changes=(Change("properties.b", None, False), Change("tags['o']", "x", UNKNOWN))),
    verdict(Outcome.DENY, "b", definition="d2", title="Other", enforced=False, assignment="Pilot"),
    verdict(Outcome.UNDECIDED, definition="d3", reason="parameter p has no value"),
    verdict(Outcome.UNDECIDED, definition="d4", reason="parameter p has no value"),
]


def test_the_worst_is_said_first() -> None:
    assert sentence([*DENIED, *MORE], 9) == (
        "2 of 9 requests would be refused, 1 changed, none listed as not compliant; "
        "of 1 more a refusal is not enforced, or exempt"
    )
    assert sentence([], 1) == "None of 1 request would be refused, none changed, none listed as not compliant"


def test_resources_with_the_same_finding_are_said_together() -> None:
    assert lines(DENIED) == [
        "",
        "Azure would refuse: 2 resources by 1 definition",
        "  Storage is safe",
        "    d1, effect deny",
        f"    lake, raw ({KIND})",
        "      properties.a is missing",
        "      > write a: 1",
    ]


def test_changes_assignments_and_reasons_are_said() -> None:
    said = lines(MORE)
    assert "      properties.b: nothing -> false" in said
    assert "      tags['o']: x -> not known yet" in said
    assert "  Other (not enforced)" in said
    assert "    d2, effect deny, assigned by Pilot" in said
    assert said[-2:] == ["Not decided: 1 resource by 2 definitions", "    2 definitions: parameter p has no value"]
    assert "      parameter p has no value" in lines(MORE, everything=True)


def test_an_input_is_named_as_the_program_writes_it() -> None:
    inputs = INPUTS["storage:StorageAccount"]
    (account,) = subjects([Resource("urn::a", "azure-native:storage:StorageAccount", inputs)], SUBSCRIPTION)
    assert account.type == KIND
    assert account.spell("properties.minimumTlsVersion") == "minimumTlsVersion"
    assert account.spell("properties.networkAcls.ipRules[*].value") == (
        "networkRuleSet (properties.networkAcls.ipRules[*].value)"
    )
    assert account.taggable
    container = Resource("urn::c", "azure-native:storage:BlobContainer", INPUTS["storage:BlobContainer"])
    assert not subjects([container], SUBSCRIPTION)[0].taggable


def test_the_definitions_are_found_by_name_variable_or_beside_the_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.joinpath("azure-policy").mkdir(parents=True)
    given = {"MLOPS_AZURE_POLICY_DIR": "/b", "MLOPS_DATA_DIR": "/c"}
    assert definitions_folder("/a", given) == Path("/a")
    assert definitions_folder("", given) == Path("/b")
    assert definitions_folder("", {"MLOPS_DATA_DIR": str(data)}) == data / "azure-policy"
    assert definitions_folder("", {}, str(data)) == data / "azure-policy"
    for nothing in ({}, {"MLOPS_DATA_DIR": str(tmp_path)}):
        with pytest.raises(SetupError, match="DEFINITIONS=folder, or MLOPS_AZURE_POLICY_DIR, names"):
            definitions_folder("", nothing)


def test_a_folder_without_definitions_and_a_broken_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"a folder of definitions has aliases\.csv and policyDefinitions"):
        read(tmp_path)
    tmp_path.joinpath("policyDefinitions").mkdir()
    tmp_path.joinpath("aliases.csv").write_text("alias,resource_type,arm_path,server_populated\n")
    broken = tmp_path / "policyDefinitions" / "a.json"
    broken.write_text("{")
    with pytest.raises(SetupError, match=r"a\.json: Expecting property name"):
        read(tmp_path)
    broken.write_text('{"id": "a", "properties": {}}')
    with pytest.raises(SetupError, match=r"a\.json: there is no properties\.policyRule in it"):
        read(tmp_path)


@pytest.mark.parametrize(("found", "code"), [(DENIED, 1), (MORE, 0)])
def test_only_what_azure_would_refuse_fails_the_verb(
    found: list[Verdict], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.commands.policies.of_stack", lambda *_: StackVerdict(("All in all.",), found))
    done = CliRunner().invoke(application("verdict"), ["verdict", "dev"])
    assert done.stdout.startswith("All in all.\n\nAzure would")
    assert done.exit_code == code
