"""Names that resources had before: the table, and how it reaches the engine."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.former_names import FORMER, Component, Former, keep_renamed
from tests.program.azure.stacks import CONFIGURATIONS, main
from tests.program.recorder import Recording, Registered, run

GROUPS = "mlops:containerinstance:ServingGroups"
EVERYTHING = {**CONFIGURATIONS["dev-open"], "systems": ["ticket_duration"]}
"""All parts, and a system in container groups."""


@pytest.fixture(scope="module")
def everything() -> Recording:
    return run(main, EVERYTHING, stack="local")


class Shelf(pulumi.ComponentResource):
    """A component with something in it."""

    def __init__(self, name: str) -> None:
        super().__init__("mlops:test:Shelf", name)
        inside = pulumi.ComponentResource("mlops:test:Book", f"{name}-book", None, pulumi.ResourceOptions(parent=self))
        inside.register_outputs({})
        self.register_outputs({})


def declared(former: dict[Component, Any], *systems: str) -> dict[str, Registered]:
    """What a program with one shelf registers, by name."""

    def program() -> None:
        keep_renamed(systems, former)
        Shelf("shelf")

    return {one.name: one for one in run(program, {}).resources}


def test_name_type_and_parent_that_a_resource_had_become_its_aliases() -> None:
    former = (Former(name="rack"), Former(type="mlops:test:Rack"), Former(parent=Component("mlops:test:Room", "room")))
    found = declared({Component("mlops:test:Shelf", "shelf"): former})
    room = "urn:pulumi:test::mlops::mlops:test:Room::room"
    assert found["shelf"].aliases == (("rack", "", ""), ("", "mlops:test:Rack", ""), ("", "", room))
    assert found["shelf-book"].aliases == ()  # which the engine derives from those of its parent


def test_what_was_one_thing_a_system_has_an_alias_for_each_system() -> None:
    former = {Component("mlops:test:Shelf", "shelf"): (Former(name="{system}-shelf"), Former(name="rack"))}
    assert [alias[0] for alias in declared(former, "a", "b")["shelf"].aliases] == ["a-shelf", "b-shelf", "rack"]
    assert [alias[0] for alias in declared(former)["shelf"].aliases] == ["rack"]


def test_another_name_or_another_type_has_no_alias() -> None:
    rack = (Former(name="rack"),)
    former = {Component("mlops:test:Shelf", "shelve"): rack, Component("mlops:test:Rack", "shelf"): rack}
    assert declared(former)["shelf"].aliases == ()


def test_the_right_to_make_keys_is_still_what_was_a_child_of_the_first_groups(everything: Recording) -> None:
    (makers,) = [one for one in everything.resources if one.name == "key-makers"]
    parent = f"urn:pulumi:local::mlops::{GROUPS}::ticket_duration-groups"
    assert makers.aliases == (("ticket_duration-groups-key-makers", "", parent),)


def test_every_line_of_the_table_is_about_something_that_is_declared(everything: Recording) -> None:
    assert FORMER.keys() <= {(one.type, one.name) for one in everything.resources}
