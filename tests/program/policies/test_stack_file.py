"""What a stack file says below `mlops:policy`, held to the running pack: levels, exemptions, tags that are added."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from policies.catalogue import rules
from tests.program.policies.pack import LEVELS, Pack, Said, running
from tests.program.policies.stacks import Plan, plan, put

TODAY = dt.datetime.now(dt.UTC).date()


def exemption(rule: str, resource: str, days: int) -> dict[str, str]:
    """One that ends in so many days."""
    expires = (TODAY + dt.timedelta(days=days)).isoformat()
    return {"rule": rule, "resource": resource, "reason": "moved to another account", "expires": expires}


POLICY: Mapping[str, Any] = {
    "overrides": {"storage-tls-https": "disabled", "D-05": "advisory", "no-such-rule": "advisory"},
    "exemptions": [
        exemption("storage-no-shared-key", "lake", 60),
        exemption("storage-stays-in-tenant", "lake", -1),
        exemption("storage-portal-by-identity", "la*", 14),
        exemption("registry-no-admin", "registry", 60),
        exemption("gpu-needs-approval", "gpu-compute-gpu", 60),
    ],
}
WRONG = {
    "allowSharedKeyAccess": True,
    "allowCrossTenantReplication": True,
    "defaultToOAuthAuthentication": False,
    "enableHttpsTrafficOnly": False,
    "isLocalUserEnabled": True,
}


def said_of(pack: Pack, found: Plan) -> list[Said]:
    """What is said of the whole stack whose lake is wrong in five ways."""
    lake = found.named("lake")
    wrong = lake
    for path, value in WRONG.items():
        wrong = put(wrong, path, value)
    resources = [wrong if one is lake else one for one in found.resources]
    single = [said for one in resources for said in pack.analyze(one)]
    return [said for said in [*single, *pack.analyze_stack(resources)] if not said.deferred]


@pytest.fixture(scope="module")
def said() -> Iterator[Sequence[Said]]:
    dev = plan("dev-open")
    with running({**dev.config, "policy": POLICY}, "dev") as pack:
        yield said_of(pack, dev)


def about(said: Sequence[Said], rule: str) -> list[tuple[str, str]]:
    """Resource and level of what a rule said."""
    return [(one.resource, one.level) for one in said if one.rule == rule]


def test_levels_are_those_of_the_stack_file(said: Sequence[Said]) -> None:
    assert about(said, "storage-tls-https") == []
    assert about(said, "storage-no-local-users") == [("lake", "advisory")]


def test_an_exemption_lets_through_and_one_that_has_ended_does_not(said: Sequence[Said]) -> None:
    assert about(said, "storage-no-shared-key") == []
    assert about(said, "storage-portal-by-identity") == []
    assert about(said, "storage-stays-in-tenant") == [("lake", "mandatory")]


def test_exemptions_are_looked_at_themselves(said: Sequence[Said]) -> None:
    assert about(said, "exemption-ended") == [("stack", "mandatory")]
    assert about(said, "exemption-ends-soon") == [("stack", "advisory")]
    assert about(said, "exemption-unused") == [("stack", "advisory")]
    unused = next(one.message for one in said if one.rule == "exemption-unused")
    assert unused.startswith("nothing needs the exemption from registry-no-admin for registry until ")
    assert about(said, "policy-names-rules") == [("stack", "mandatory")]


def test_nothing_else_is_found(said: Sequence[Said]) -> None:
    assert len(said) == 6, said


def test_missing_tags_that_the_stack_knows_are_added_in_dev_and_refused_in_prod() -> None:
    dev, prod = plan("dev-open"), plan("prod-private")
    for found, name, mends in ((dev, "dev", True), (prod, "prod", False)):
        bare = put(found.named("lake"), "tags", {"team": "lakes"})
        with running(found.config, name) as pack:
            mended = pack.remediate(bare)
            assert ("required-tags" in mended) is mends
            if not mends:
                assert ("required-tags", "mandatory") in [(one.rule, one.level) for one in pack.analyze(bare)]
                continue
            tags = dict(mended["required-tags"]["tags"])
            assert tags["team"] == "lakes"
            assert (tags["owner"], tags["cost-center"]) == ("ml-platform@example.com", "data-science")
            assert mended["required-tags"]["accountName"] == bare.inputs["accountName"]
            whole = put(bare, "tags", tags)
            assert pack.analyze(whole) == []
            assert pack.remediate(whole) == {}


def test_the_pack_tells_the_engine_what_each_rule_is() -> None:
    prod = plan("prod-private")
    with running(prod.config) as pack:
        told = {one.name: one for one in pack.info().policies}
    assert set(told) == {rule.name for rule in rules()}
    numbers = {level: number for number, level in LEVELS.items()}
    for rule in rules():
        one = told[rule.name]
        assert one.enforcementLevel == numbers[rule.levels.dev], rule.name
        assert (one.displayName, one.remediation_steps, one.url) == (rule.title, rule.fix, rule.sources.link)


def test_a_secret_never_gets_into_a_message() -> None:
    """The engine hands secrets over in plain text."""
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2"}
    prod = plan("prod-private")
    with running(prod.config) as pack:
        for path in ("kind", "minimumTlsVersion", "accountName", "location", "sku/name", "tags/owner"):
            for one in pack.analyze(put(prod.named("lake"), path, secret)):
                assert "hunter2" not in one.message, one


def test_the_command_line_comes_before_the_stack_file() -> None:
    """`--policy-pack-config`; what the engine adds to it by itself changes nothing."""
    prod = plan("prod-private")
    opened = put(prod.named("registry"), "publicNetworkAccess", "Enabled")
    with running(prod.config) as pack:
        pack.configure({one.name: LEVELS[one.enforcementLevel] for one in pack.info().policies})
        assert [(one.rule, one.level) for one in pack.analyze(opened)] == [("registry-closed", "mandatory")]
        pack.configure({"registry-closed": "advisory"})
        assert [(one.rule, one.level) for one in pack.analyze(opened)] == [("registry-closed", "advisory")]
