"""The table's notation and the layouts of nested types: what is written is what is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.resource_types.layout import Arranger, Layout
from emulator.resource_types.notation import read_property, read_type, write_property, write_type
from emulator.resource_types.schema import (
    SCALARS,
    AnyOf,
    ArmType,
    ArrayOf,
    Constant,
    Enumeration,
    Limits,
    MapOf,
    ModelReference,
    Property,
    Scalar,
)

ENUMERATIONS = {"Kind": ["A", "B"]}
LEAVES: st.SearchStrategy[ArmType] = st.one_of(
    st.sampled_from(sorted(SCALARS)).map(Scalar),
    st.just(Enumeration("Kind", ("A", "B"))),
    st.just(ModelReference("Sku")),
    st.one_of(st.text(), st.integers(), st.booleans()).map(Constant),
)
TYPES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(ArrayOf),
        inner.map(MapOf),
        st.lists(inner, min_size=1, max_size=3).map(lambda all_: AnyOf(tuple(all_))),
    ),
    max_leaves=6,
)


@given(TYPES)
def test_types(type_: ArmType) -> None:
    assert read_type(write_type(type_), ENUMERATIONS) == type_


@given(TYPES, st.booleans(), st.booleans(), st.none() | st.integers(0, 99))
def test_properties(type_: ArmType, required: bool, create_only: bool, most: int | None) -> None:
    property_ = Property(type_, required=required, create_only=create_only, limits=Limits(max_length=most))
    assert read_property(write_property(property_), ENUMERATIONS) == property_


@pytest.mark.parametrize("text", ["strin", "[string", "string]", "@Kind|"])
def test_what_is_no_type_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        read_type(text, ENUMERATIONS)


RULES = Arranger(
    {
        "Fqdn": Layout.read({"where": {"type": "FQDN"}, "moves": {"host": "properties/destination"}}),
        "Tag": Layout.read({"where": {"type": "ServiceTag"}, "moves": {"tag": "properties/destination/serviceTag"}}),
        "Group": Layout.read({"moves": {"rules": "properties/rules as={Fqdn|Tag}", "ids": "ids as=keys"}}),
    }
)
GROUP = {
    "name": "outbound",
    "ids": ["one", "two"],
    "rules": {"a": {"type": "FQDN", "host": "example.org"}, "b": {"type": "ServiceTag", "tag": "Storage"}},
}


def test_nested_types_move_by_their_discriminator_and_come_back() -> None:
    there = RULES.to_arm(GROUP, "Group")
    assert there == {
        "name": "outbound",
        "ids": {"one": {}, "two": {}},
        "properties": {
            "rules": {
                "a": {"type": "FQDN", "properties": {"destination": "example.org"}},
                "b": {"type": "ServiceTag", "properties": {"destination": {"serviceTag": "Storage"}}},
            }
        },
    }
    assert RULES.from_arm(there, "Group") == GROUP


def test_what_has_no_layout_stays_as_it_is() -> None:
    value = {"type": "Private", "host": "x"}
    assert RULES.to_arm(value, "Fqdn|Tag") is value
    assert RULES.to_arm("text", "[Group]") == "text"
