"""The boxes of the page: one for each service, with what is in it and how it is reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tools.diagram.items import Item, Items
from tools.diagram.places import ELSEWHERE, NAMED, NETWORK, PLACES, QUIET, Place, Zone, noun, plural, title_of_unknown

PRIVATE_ENDPOINT = "Microsoft.Network/privateEndpoints"
DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
SQL = "Microsoft.Sql/servers"
"""Lets nobody in of whom no firewall rule speaks."""
PUBLIC, ADDRESSES, PRIVATE = "public", "some addresses", "private"
"""How a service is reached: from anywhere with a token, from the addresses that are let in, by private endpoints."""


@dataclass
class Box:
    """One service, or several resources of one kind."""

    zone: Zone
    title: str
    short: str
    said: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    inside: Counter[str] = field(default_factory=Counter)
    runs_as: list[str] = field(default_factory=list)
    reach: str = ""
    endpoints: int = 0
    logging: int = 0

    @property
    def lines(self) -> list[str]:
        """What is said of it; what is there several times is counted."""
        counts = Counter(part for said in self.said for part in said.split("; ") if part)
        lines = [line if count == 1 else f"{count} {plural(line)}" for line, count in counts.items()]
        parts = [noun(arm_type, count) for arm_type, count in self.inside.items()]
        lines += [f"{self.logging} services log here"] if self.logging else []
        return [*lines, *filter(None, (", ".join(self.names), ", ".join(parts)))]


def boxes_of(items: Items) -> list[Box]:
    """All of them, by column; within a column as the table of places has them."""
    boxes: dict[str, Box] = {}
    order = {arm_type: number for number, arm_type in enumerate(PLACES)}
    titles = {item.id: title_of(item, items) for item in items.azure}
    for item in sorted(items.azure, key=lambda one: (order.get(one.type, len(order)), titles[one.id], one.id)):
        title = titles[item.id]
        if title and item.type in (*NAMED,):
            boxes[title].names.append(item.own_name)
        elif title and _is_inside(item, items):
            boxes[title].inside[item.type] += 1
        elif title:
            _put(boxes, title, item)
            boxes[title].runs_as += [role for role in items.runs_as(item) if role not in boxes[title].runs_as]
    _mark(boxes, items)
    boxes |= {box.title: box for box in _container_groups(items)}
    zones = list(Zone)
    return sorted(boxes.values(), key=lambda box: zones.index(box.zone))


def title_of(item: Item, items: Items) -> str:
    """The box that a resource is in; "" for what has none. A type that the table does not know is counted in the box
    of what it is in, or has one of its own.
    """
    if item.type in (*NETWORK, *ELSEWHERE, *QUIET):
        return ""
    if place := PLACES.get(item.type):
        return place.title_of(item)
    owner = _owner(item, items)
    return title_of(owner, items) if owner else title_of_unknown(item.type)


def _owner(item: Item, items: Items) -> Item | None:
    """The resource with a box that one is in."""
    above = (items.by_id[one] for one in item.above if one in items.by_id)
    return next((one for one in above if one.type not in (*NETWORK, *ELSEWHERE, *QUIET)), None)


def _is_inside(item: Item, items: Items) -> bool:
    return item.type not in PLACES and _owner(item, items) is not None


def _put(boxes: dict[str, Box], title: str, item: Item) -> None:
    place = PLACES.get(item.type) or Place(Zone.OPERATIONS, title)
    box = boxes.setdefault(title, Box(place.zone, title, place.short or title))
    box.said.append(place.says(item))
    box.reach = box.reach or reach_of(item)


def reach_of(item: Item) -> str:
    """Who can reach a service, "" where its body does not say."""
    access = item.properties.get("publicNetworkAccess")
    if access is None:
        return ""
    rules = [item.properties.get(key) or {} for key in ("networkAcls", "networkRuleSet", "networkRuleSets")]
    listed = item.properties.get("ipFilterRules") or (item.properties.get("apiServerAccessProfile") or {}).get(
        "authorizedIPRanges"
    )
    shut = any(rule.get("defaultAction") == "Deny" for rule in rules) or listed or item.type == SQL
    return PRIVATE if access == "Disabled" else ADDRESSES if shut else PUBLIC


def _mark(boxes: Mapping[str, Box], items: Items) -> None:
    """Private endpoints, which stand elsewhere and name what they lead to, and whose logs are kept."""
    for item in items.of_type(PRIVATE_ENDPOINT):
        for link in item.properties["privateLinkServiceConnections"]:
            target = items.by_id.get(str(link["properties"]["privateLinkServiceId"]).lower())
            if target and (box := boxes.get(title_of(target, items))):
                box.endpoints += 1
    for item in items.of_type(DIAGNOSTICS):
        workspace = items.by_id.get(str(item.properties.get("workspaceId")).lower())
        if workspace and (box := boxes.get(title_of(workspace, items))):
            box.logging += 1


def _container_groups(items: Items) -> Iterator[Box]:
    """Those that a rollout makes, for the systems that serve in them."""
    serving = [inputs for inputs in items.steps.get("Rollout", ()) if inputs.get("target") == "container_group"]
    if serving:
        identities = {str(inputs["staging"]["identityId"]).lower() for inputs in serving}
        roles = sorted(items.identities[identity] for identity in identities & items.identities.keys())
        names = sorted(str(inputs["system"]).replace("_", " ") for inputs in serving)
        said = ["a gateway before a group for each version"]
        yield Box(Zone.SERVING, "Container groups", "container groups", said, names, runs_as=roles, reach=PUBLIC)
