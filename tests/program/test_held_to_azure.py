"""Every stack and network profile against Azure's published models and rules."""

from __future__ import annotations

import pytest

from tests.program.azure.checks import CHECKS
from tests.program.azure.stacks import CONFIGURATIONS, declared


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("check", CHECKS)
def test_stack_is_as_azure_wants_it(check: str, name: str) -> None:
    assert list(CHECKS[check](declared(name))) == []


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_there_is_something_to_check(name: str) -> None:
    """A check over nothing finds nothing: ids and names that mean other resources have to be seen."""
    stack = declared(name)
    uses = {(one.name, other.name) for one in stack.resources for other in stack.mentioned(one) if one is not other}
    assert len(stack.resources) >= 38
    assert len(uses) >= 80
