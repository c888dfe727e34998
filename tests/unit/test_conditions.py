"""What a condition of a role assignment lets through."""

from __future__ import annotations

import pytest

from emulator.conditions import Question, read_condition
from emulator.errors import ServiceError
from infra.permissions import TABLE, table_condition
from infra.role_assignments import Role

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
GIVEN = f"@Request[{ASSIGNMENTS}:RoleDefinitionId]"


def question(action: str, source: str = "request", **attributes: str) -> Question:
    """With attributes of a role assignment."""
    return Question(action, {f"{source}:{ASSIGNMENTS}:{name}".lower(): value for name, value in attributes.items()})


@pytest.mark.parametrize("verb", ["write", "delete"])
def test_a_pipeline_gives_and_takes_the_roles_of_the_table_and_no_other(verb: str) -> None:
    condition, action = read_condition(table_condition()), f"{ASSIGNMENTS}/{verb}"
    source, other = ("request", "resource") if verb == "write" else ("resource", "request")
    for role in {line.role for line in TABLE if not line.table_only}:
        asked = {"RoleDefinitionId": role.value.upper(), "PrincipalType": "ServicePrincipal"}
        assert condition(question(action, source, **asked))
        assert not condition(question(action, other, **asked))
        assert not condition(question(action, source, **{**asked, "PrincipalType": "User"}))
        assert not condition(question(action, source, RoleDefinitionId=role.value))
    for role_id in (OWNER, Role.RBAC_ADMINISTRATOR.value):
        assert not condition(question(action, source, RoleDefinitionId=role_id, PrincipalType="Group"))
    assert condition(question(f"{ASSIGNMENTS}/read"))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ActionMatches{'microsoft.authorization/*'}", True),
        ("NOT ActionMatches{'*/read'}", True),
        ("!(ActionMatches{'*/write'}) || ActionMatches{'*/write'}", True),
        ("ActionMatches{'*/read'} OR ActionMatches{'*/write'} AND ActionMatches{'*/read'}", False),
        ("(ActionMatches{'*/read'} OR ActionMatches{'*/write'}) && ActionMatches{'*/write'}", True),
        (f"{GIVEN} ForAnyOfAnyValues:GuidEquals {{a, {OWNER}}}", True),
        (f"{GIVEN} ForAnyOfAnyValues:GuidEquals {{a, b}}", False),
        (f"{GIVEN} ForAnyOfAllValues:GuidNotEquals {{a, b}}", True),
        (f"{GIVEN} ForAnyOfAllValues:GuidNotEquals {{a, {OWNER}}}", False),
        (f"@Resource[{ASSIGNMENTS}:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {{a, b}}", False),
    ],
)
def test_a_condition_is_read_as_azure_reads_it(text: str, holds: bool) -> None:
    assert read_condition(text)(question(f"{ASSIGNMENTS}/write", RoleDefinitionId=OWNER)) is holds


@pytest.mark.parametrize(
    "text",
    [
        "SubOperationMatches{'Blob.List'}",
        "(ActionMatches{'a'}",
        "ActionMatches{'a'})",
        "ActionMatches{'a'} AND",
        f"{GIVEN} StringStartsWith {{'a'}}",
        "",
    ],
)
def test_what_is_not_understood_is_refused_by_name(text: str) -> None:
    with pytest.raises(ServiceError, match="condition of a role assignment") as refused:
        read_condition(text)
    assert refused.value.status == 501
