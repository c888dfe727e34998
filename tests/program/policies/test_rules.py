"""Each rule finds one change of the program's own stacks, and nothing else finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from policies.catalogue import rules
from policies.resource import Resource
from tests.program.policies.cases import CASES, FURTHER, Case
from tests.program.policies.pack import Pack, Said, running
from tests.program.policies.stacks import SIGNED_IN, Plan, plan

ELSEWHERE = ("cost", "exemptions")
"""Subjects with tests of their own."""
Judge = Callable[[str, Sequence[Resource]], list[Said]]


class Held:
    """A pack that has seen a whole stack: what changes is analysed again, the rest is as it was."""

    def __init__(self, pack: Pack, found: Plan) -> None:
        self.pack, self.plan = pack, found
        self.single = {one.urn: pack.analyze(one) for one in found.resources}

    def said(self, resources: Sequence[Resource]) -> list[Said]:
        """All that the pack says of a changed stack; afterwards it knows the unchanged one again."""
        before = {id(one) for one in self.plan.resources}
        changed = [one for one in resources if id(one) not in before]
        fresh = {one.urn: self.pack.analyze(one) for one in changed}
        single = [said for one in resources for said in fresh.get(one.urn, self.single.get(one.urn, []))]
        whole = self.pack.analyze_stack(resources)
        for one in self.plan.resources:
            if one.urn in fresh:
                self.pack.analyze(one)
        return [*single, *whole]


@pytest.fixture(scope="module")
def held() -> Iterator[Callable[[str], Held]]:
    with ExitStack() as stack:

        @cache
        def of(name: str) -> Held:
            found = plan(name)
            return Held(stack.enter_context(running(found.config, name)), found)

        yield of


def known(said: Sequence[Said]) -> list[Said]:
    """What is decided; of the stacks as they are nothing else is left."""
    return [one for one in said if not one.deferred]


@pytest.mark.parametrize("name", ["prod-private", SIGNED_IN, "dev-open", "dev-hybrid", "dev-private"])
def test_the_stacks_as_they_are_break_no_rule(held: Callable[[str], Held], name: str) -> None:
    one = held(name)
    assert known(one.said(one.plan.resources)) == []


@pytest.mark.parametrize("case", [*CASES, *FURTHER], ids=lambda case: case.rule)
def test_a_change_is_found_by_its_rule_alone(held: Callable[[str], Held], case: Case) -> None:
    one = held(case.plan)
    found = known(one.said(case.change(one.plan)))
    assert {said.rule for said in found} == {case.rule, *case.also}, found
    assert {said.resource for said in found if said.rule == case.rule} == {case.resource or "stack"}
    assert all(said.message.endswith(by_name()[said.rule].fix) for said in found)


@pytest.mark.parametrize("case", [case for case in CASES if case.unknown], ids=lambda case: case.rule)
def test_what_is_not_known_yet_is_never_passed(held: Callable[[str], Held], case: Case) -> None:
    one = held(case.plan)
    assert case.unknown is not None
    said = [entry for entry in one.said(case.unknown(one.plan)) if entry.rule == case.rule]
    assert said, "the rule passed what it could not read"
    assert all(entry.deferred and entry.level == "advisory" for entry in said), said


def by_name() -> dict[str, Any]:
    return {rule.name: rule for rule in rules()}


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    wanted = {rule.name for rule in rules() if rule.subject not in ELSEWHERE}
    assert {case.rule for case in CASES} == wanted
    assert len(CASES) == len(wanted)


def test_there_are_enough_rules() -> None:
    assert len(rules()) >= 80
