"""Names that resources had before: the table, and how it reaches the engine."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from infra.former_names import FORMER, Component, Former, keep_renamed
from tests.program.azure.stacks import CONFIGURATIONS, main
from tests.program.recorder import Recording, run

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


def declared(former: dict[Component, Any], *systems: str) -> dict[str, list[str]]:
    """The aliases in a program with one shelf, by name, without stack and project."""

    def program() -> None:
        keep_renamed(systems, former)
        Shelf("shelf")

    start = "urn:pulumi:test::mlops::"
    return {one.name: [urn.removeprefix(start) for urn in one.aliases] for one in run(program, {}).resources}


@pytest.mark.parametrize(
    ("former", "shelf", "book"),
    [
        (Former(name="rack"), "mlops:test:Shelf::rack", "mlops:test:Shelf$mlops:test:Book::rack-book"),
        (Former(type="mlops:test:Rack"), "mlops:test:Rack::shelf", "mlops:test:Rack$mlops:test:Book::shelf-book"),
        (
            Former(parent=Component("mlops:test:Room", "room")),
            "mlops:test:Room$mlops:test:Shelf::shelf",
            "mlops:test:Room$mlops:test:Shelf$mlops:test:Book::shelf-book",
        ),
        (
            Former("rack", "mlops:test:Rack", Component("mlops:test:Room", "shelf")),
            "mlops:test:Room$mlops:test:Rack::rack",
            "mlops:test:Room$mlops:test:Rack$mlops:test:Book::rack-book",
        ),
    ],
)
def test_what_a_component_was_is_an_alias_of_it_and_of_what_is_in_it(former: Former, shelf: str, book: str) -> None:
    found = declared({Component("mlops:test:Shelf", "shelf"): (former,)})
    assert shelf in found["shelf"]
    assert book in found["shelf-book"]


def test_what_is_in_a_renamed_component_may_have_had_a_name_of_its_own_too() -> None:
    former = {
        Component("mlops:test:Shelf", "shelf"): (Former(name="rack"),),
        Component("mlops:test:Book", "shelf-book"): (Former(name="novel"),),
    }
    inside = "mlops:test:Shelf$mlops:test:Book::"
    assert sorted(declared(former)["shelf-book"]) == [f"{inside}novel", f"{inside}rack-book"]


def test_what_was_one_thing_a_system_has_an_alias_for_each_system() -> None:
    former = {Component("mlops:test:Shelf", "shelf"): (Former(name="{system}-shelf"), Former(name="rack"))}
    named = [urn.rpartition("::")[2] for urn in declared(former, "a", "b")["shelf"]]
    assert named == ["a-shelf", "b-shelf", "rack"]
    assert declared(former)["shelf"] == ["mlops:test:Shelf::rack"]


def test_another_name_or_another_type_has_no_alias() -> None:
    rack = (Former(name="rack"),)
    former = {Component("mlops:test:Shelf", "shelve"): rack, Component("mlops:test:Rack", "shelf"): rack}
    assert declared(former) == {"shelf": [], "shelf-book": []}


def test_the_right_to_make_keys_is_still_what_was_a_child_of_the_first_groups(everything: Recording) -> None:
    (makers,) = [one for one in everything.resources if one.name == "key-makers"]
    was = f"urn:pulumi:local::mlops::{GROUPS}$mlops:authorization:RoleAssignments::ticket_duration-groups-key-makers"
    assert was in makers.aliases


def test_every_line_of_the_table_is_about_something_that_is_declared(everything: Recording) -> None:
    assert FORMER.keys() <= {(one.type, one.name) for one in everything.resources}
