"""The page that `make diagram` draws: everything is on it, and it can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.program.azure.exports import plan_of
from tests.program.azure.stacks import CONFIGURATIONS, FULL, declared
from tools.diagram.boxes import boxes_of, title_of
from tools.diagram.items import ROLE_ASSIGNMENT, Item, Items
from tools.diagram.page import page
from tools.diagram.picture import Picture, picture
from tools.diagram.places import ELSEWHERE, NETWORK, PLACES, QUIET, title_of_unknown
from tools.diagram.sheet import sheet
from tools.diagram.texts import width

SVG = "{http://www.w3.org/2000/svg}"
SMALLEST = 11.0
Area = tuple[float, float, float, float]


@cache
def items_of(name: str) -> Items:
    return Items.of(plan_of(declared(name)), declared(name).subscription)


@cache
def drawn(name: str) -> Picture:
    return picture(name, CONFIGURATIONS[name], items_of(name))


@cache
def parsed(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(sheet(drawn(name)))


def texts(name: str) -> list[tuple[str, Area]]:
    """Every text with what it covers."""
    found = []
    for one in parsed(name).iter(f"{SVG}text"):
        size, said = float(one.get("font-size", "11")), one.text or ""
        wide = width(said, size, bold="head" in one.get("class", ""))
        left = float(one.get("x", "")) - {"middle": wide / 2, "end": wide}.get(one.get("text-anchor", ""), 0.0)
        base = float(one.get("y", ""))
        found.append((said, (left, base - 0.75 * size, left + wide, base + 0.2 * size)))
    return found


def rectangles(name: str, look: str) -> list[Area]:
    found = []
    for one in parsed(name).iter(f"{SVG}rect"):
        if one.get("class") == look:
            left, top, wide, high = (float(one.get(key, "")) for key in ("x", "y", "width", "height"))
            found.append((left, top, left + wide, top + high))
    return found


def overlap(one: Area, other: Area, slack: float = 0.0) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > slack and down > slack


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_resource_has_a_place_that_somebody_chose(name: str) -> None:
    for item in items_of(name).azure:
        known = item.type in PLACES or item.type in (*NETWORK, *ELSEWHERE, *QUIET)
        title = title_of(item, items_of(name))
        assert known or title in {box.title for box in drawn(name).boxes}, f"{item.type}: a line in places.py"
        assert known or title != title_of_unknown(item.type), f"{item.type}: a line in tools/diagram/places.py"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_role_assignment_is_in_the_table_and_has_a_name(name: str) -> None:
    rights, given = drawn(name).rights, items_of(name).of_type(ROLE_ASSIGNMENT)
    assert sum(len(cell) for cell in rights.cells.values()) == len(given) > 0
    assert {who for who, _ in rights.cells} == {who.name for who in rights.who}
    assert "others" not in {who.name for who in rights.who}
    assert "own role" not in {role.word for role in rights.roles}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_text_runs_into_another_or_off_the_page(name: str) -> None:
    found = texts(name)
    assert len(found) > 60
    page_wide = float(parsed(name).get("width", ""))
    assert page_wide == 1200
    assert [said for said, area in found if area[0] < 0 or area[2] > page_wide] == []
    assert [(one, other) for (one, at), (other, there) in combinations(found, 2) if overlap(at, there, 0.5)] == []
    sizes = {float(one.get("font-size", "11")) for one in parsed(name).iter(f"{SVG}text")}
    assert min(sizes) >= SMALLEST


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_boxes_keep_apart_and_no_arrow_runs_through_one(name: str) -> None:
    boxes = rectangles(name, "box edge")
    assert [pair for pair in combinations(boxes, 2) if overlap(*pair)] == []
    for one in parsed(name).iter(f"{SVG}path"):
        if "wire w-" in one.get("class", ""):
            corners = [tuple(map(float, step.split())) for step in re.split("[ML]", one.get("d", "")) if step]
            for (x, y), (u, v) in pairwise(corners):
                line = (min(x, u), min(y, v), max(x, u) + 0.01, max(y, v) + 0.01)
                inner = [(left + 1, top + 1, right - 1, bottom - 1) for left, top, right, bottom in boxes]
                crossed = [box for box in inner if overlap(line, box)]
                assert crossed == [], one.get("d")


def test_a_right_on_an_identity_is_not_that_identitys_own() -> None:
    cells = drawn("dev-open").rights.cells
    assert [role.word for role in cells["kubernetes", "identity kubelet"]] == ["assign"]
    assert [role.word for role in cells["endpoint", "ML storage"]] == ["read"]


def test_who_works_on_what_is_drawn() -> None:
    wires = set(drawn("prod-private").wires)
    assert {
        ("Job clusters", "Data lake"),
        ("Online endpoints", "Container registry"),
        ("IoT Hub", "Data lake"),
    } <= wires
    assert not any("Identities" in wire for wire in wires)


def test_boxes_say_what_is_in_them_and_how_they_are_reached() -> None:
    prod = {box.title: box for box in drawn("prod-private").boxes}
    assert "curated, raw" in prod["Data lake"].lines
    assert (prod["ML storage"].reach, prod["ML storage"].endpoints) == ("private", 4)
    assert "4 alerts" in prod["Alerts and budget"].lines
    assert "15 services log here" in prod["Log Analytics"].lines
    assert sum(box.endpoints for box in prod.values()) == len(declared("prod-private").of("network:PrivateEndpoint"))
    reach = {box.title: box.reach for box in drawn("dev-hybrid").boxes}
    assert (reach["Key Vault"], reach["SQL"], reach["Azure ML workspace"]) == ("some addresses",) * 2 + ("public",)
    local = {box.title: box for box in drawn("local").boxes}
    assert local["Container groups"].names == ["ticket duration"]


def test_the_network_is_that_of_the_profile() -> None:
    private, public = drawn("prod-private").network, drawn("dev-open").network
    assert [subnet.name for subnet in private.subnets][:2] == ["endpoints", "containers"]
    assert private.subnets[0].word == "17 private endpoints"
    assert (private.way_out, public.way_out, public.subnets) == ("NAT gateway", "", ())


def test_a_service_that_nobody_has_placed_yet_is_on_the_page() -> None:
    """And what is in it is counted there."""
    topic = "/subscriptions/s/resourcegroups/g/providers/microsoft.eventgrid/topics/t"
    kinds = {
        topic: "Microsoft.EventGrid/topics",
        f"{topic}/eventsubscriptions/s": "Microsoft.EventGrid/topics/subscriptions",
    }
    found = tuple(Item(path, path, path, kind, {}, frozenset()) for path, kind in kinds.items())
    (box,) = boxes_of(Items(found, {}, 2))
    assert (box.title, box.lines) == ("EventGrid topics", ["1 subscription"])


def test_no_id_is_on_the_page_and_another_subscription_gives_the_same_bytes() -> None:
    other: dict[str, Any] = dict(FULL) | {"subscriptionId": "99999999-2222-3333-4444-555555555555"}
    plan = [replace(one, inputs=_moved(one.inputs)) for one in plan_of(declared("dev-open"))]
    first = page("dev", FULL, plan_of(declared("dev-open")))
    assert page("dev", other, plan[::-1]) == first
    assert "11111111" not in first


def _moved(value: Any) -> Any:
    if isinstance(value, dict):
        return {_moved(key): _moved(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner) for inner in value]
    return value.replace("11111111-", "99999999-") if isinstance(value, str) else value
