"""What the program's own stacks cost: every type has a line, and the figures are plausible."""

from __future__ import annotations

import re
from functools import cache

import pytest

from policies.prices.estimate import Basis, Estimate
from policies.prices.kinds import COMPONENTS, PRICERS
from policies.view import short_type
from tests.program.azure.cost_page import estimate_of
from tests.program.azure.snapshots import PREVIEWS
from tests.program.azure.stacks import CONFIGURATIONS, declared
from tests.program.recorder import stack_config
from tests.program.test_bootstrap import CONFIGURATIONS as BOOTSTRAPS
from tests.program.test_bootstrap import stack as bootstrap


@cache
def cost(name: str) -> Estimate:
    return estimate_of(bootstrap(name) if name in BOOTSTRAPS else declared(name))


def test_every_type_that_any_stack_declares_is_priced_free_or_unknown_on_purpose() -> None:
    types = {line.split()[0] for line in PREVIEWS.read_text().splitlines() if re.match(r"\S+:\S+:\S+", line)}
    types |= {one.type for name in BOOTSTRAPS for one in bootstrap(name).recording.resources}

    assert sorted(kind for kind in types if not kind.startswith(COMPONENTS) and short_type(kind) not in PRICERS) == []


def test_nobody_prices_a_type_that_no_stack_declares() -> None:
    declared_types = {short_type(one.type) for name in CONFIGURATIONS for one in declared(name).recording.resources}
    declared_types |= {short_type(one.type) for one in bootstrap("runner").recording.resources}

    to_come = {kind for kind in PRICERS if kind.startswith("authorization:Policy")} | {"ml:EdgeDeployment"}
    assert PRICERS.keys() - to_come <= declared_types


@pytest.mark.parametrize("name", [*CONFIGURATIONS, *BOOTSTRAPS])
def test_a_stack_has_nothing_unknown_and_nothing_that_is_0_for_no_reason(name: str) -> None:
    found = cost(name)

    assert [f"{line.name}: {line.what}: {line.reason}" for line in found.unknown] == []
    assert [line.name for line in found.free if not line.reason] == []
    for line in found.lines:
        assert 0 <= line.amount.low <= line.amount.expected <= line.amount.max, line
        assert line.basis is Basis.FREE or line.amount.max > 0 or line.quantity.max == 0, line


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_resource_of_a_stack_has_a_line(name: str) -> None:
    wanted = {one.urn for one in declared(name).recording.resources if not one.type.startswith(COMPONENTS)}
    assert set(cost(name).resources) == wanted


def test_what_closes_the_network_costs_more_and_production_more_than_development() -> None:
    for environment in ("dev", "prod"):
        open_, hybrid, private = (cost(f"{environment}-{profile}").total for profile in ("open", "hybrid", "private"))
        assert open_.expected < hybrid.expected < private.expected
    assert cost("small").total.expected < cost("dev-open").total.expected < cost("prod-open").total.expected


def test_the_private_network_of_production_stands_or_falls_with_firewall_and_build_machine() -> None:
    found = cost("prod-private")
    monthly = {urn.rsplit("::", 1)[-1]: found.cost(urn).monthly.expected for urn in found.resources}

    assert monthly["workspace"] == pytest.approx(912.5 + 8 * 7.3, rel=0.01)
    assert monthly["build-agents"] == pytest.approx(525.6, rel=0.01)
    assert sum(1 for line in found.lines if line.what.endswith("private endpoint")) == 21
    assert found.total.max < 6000


@pytest.mark.parametrize("name", ["dev-open", "prod-private"])
def test_the_committed_stacks_are_expected_to_keep_to_their_budget(name: str) -> None:
    budget = stack_config(name.partition("-")[0])["operations"]["monthlyBudget"]
    assert cost(name).total.expected <= budget
