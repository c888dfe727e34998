"""Each line of the role table is there for a call: without it Azure refuses the call, with it the call succeeds.

All lines are given; each test takes one away, makes its call with that identity's own token, by the unmodified SDK
where that is practical, and gives the line back. What the emulator has no service for is held to the definitions of
Azure's roles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from emulator.access import ROLE_ASSIGNMENT, SUBSCRIPTION
from emulator.entra.directory import DEPLOYERS as DEPLOYERS_GROUP
from emulator.roles import BUILT_IN, CONTRIBUTOR, OWNER
from infra.permissions import TABLE, Permission
from infra.role_assignments import Role
from tests.conftest import RunningEmulator, grant_deployers
from tests.contract.role_calls import gives
from tests.contract.role_needs import NEEDS, Need, need_of
from tests.contract.role_world import IDS, World, make, named
from tests.contract.test_arm import Arm

CALLED = [line for line in TABLE if (need := need_of(line)) and need.call]
BY_DEFINITION = [line for line in TABLE if (need := need_of(line)) and not need.call]
ANSWERS = (200, 201, 202, 501)
"""A service that the emulator has not says 501 to whoever is let through."""


@pytest.fixture(name="world", scope="module")
def fixture_world(emulator: RunningEmulator) -> Iterator[World]:
    arm = Arm(emulator)
    given = arm.send("GET", f"{SUBSCRIPTION}/providers/{ROLE_ASSIGNMENT}").json()["value"]
    shared = [one for one in given if one["properties"]["principalId"] == DEPLOYERS_GROUP]
    for one in shared:  # the session's own, which would hide that a line is missing
        assert arm.send("DELETE", one["id"]).status_code == 200
    made = make(emulator, CALLED)
    yield made
    grant_deployers()
    made.close()
    arm.client.close()


def why(line: Permission) -> Need:
    """The reason of a line that has one."""
    need = need_of(line)
    assert need
    return need


def grants(line: Permission, action: str, *, data: bool) -> bool:
    """Whether the role of a line has an action."""
    return any(permission.grants(action, data=data) for permission in BUILT_IN[line.role.value].permissions)


def covers(outer: str, inner: str) -> bool:
    """Whether a scope is the other one or above it."""
    return inner == outer or inner.startswith(outer + "/")


@pytest.mark.parametrize("line", TABLE, ids=named)
def test_every_line_has_its_call(line: Permission) -> None:
    assert need_of(line), f"{named(line)}: add the call that needs it to tests/contract/role_needs.py, or delete it"


def test_no_call_is_told_twice_or_of_a_line_that_is_gone() -> None:
    lines = Counter((line.who, line.role, line.where) for line in TABLE)
    assert Counter(need.line for need in NEEDS) == lines
    assert set(lines.values()) == {1}


@pytest.mark.parametrize("line", CALLED, ids=named)
def test_called(world: World, line: Permission) -> None:
    held_by_definition(line)
    need = why(line)
    assert need.call
    world.take(line)
    try:
        assert need.call(world, line.who, line.where) == need.refused
    finally:
        world.give(line)
    assert need.call(world, line.who, line.where)[0] in ANSWERS


@pytest.mark.parametrize("line", BY_DEFINITION, ids=named)
def test_by_definition(line: Permission) -> None:
    held_by_definition(line)


@pytest.mark.parametrize("role", [OWNER, CONTRIBUTOR, Role.RBAC_ADMINISTRATOR.value])
def test_a_pipeline_gives_no_role_that_the_table_has_not(world: World, role: str) -> None:
    in_table = role in {line.role.value for line in TABLE if not line.table_only}
    answer = gives(role)(world, "pipelines", "group")
    assert answer == ((200, "") if in_table else (403, "AuthorizationFailed"))


def held_by_definition(line: Permission) -> None:
    """The actions are the role's, either as actions or as data actions; the first one is nobody else's there."""
    actions = why(line).actions
    data = grants(line, actions[0], data=True)
    assert all(grants(line, action, data=data) for action in actions)
    others = [one for one in TABLE if one.who == line.who and one != line and covers(IDS[one.where], IDS[line.where])]
    assert [named(one) for one in others if grants(one, actions[0], data=data)] == []
