"""Who may do what: the role assignments of a stack as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.diagram.boxes import Box, title_of
from tools.diagram.items import IDENTITY, ROLE_ASSIGNMENT, Item, Items
from tools.diagram.places import NAMED
from tools.role_words import RoleWords, words_of

PEOPLE = ("deployers", "pipelines", "reviews")
"""Who come first: they work on the platform from outside."""
GROUP = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True)
class Who:
    """A row: whose rights, and what works as it."""

    name: str
    works: str


@dataclass(frozen=True)
class Rights:
    """The table; `cells` by row and column."""

    who: tuple[Who, ...]
    where: tuple[str, ...]
    cells: dict[tuple[str, str], tuple[RoleWords, ...]]

    @property
    def roles(self) -> list[RoleWords]:
        """Every role that is given, by its word."""
        return sorted({role for cell in self.cells.values() for role in cell}, key=lambda role: role.word)


def rights_of(items: Items, boxes: Sequence[Box]) -> Rights:
    """What a stack's role assignments come to."""
    cells: dict[tuple[str, str], list[RoleWords]] = {}
    columns: dict[str, tuple[int, str]] = {}
    order = {box.title: number for number, box in enumerate(boxes)}
    for item in items.of_type(ROLE_ASSIGNMENT):
        label, place = _where(item, items, boxes, order)
        columns[label] = (place, label)
        role = words_of(str(item.properties["roleDefinitionId"]).rpartition("/")[2])
        cell = cells.setdefault((items.principal(item), label), [])
        if role not in cell:
            cell.append(role)
    who = {name for name, _ in cells}
    return Rights(
        tuple(Who(name, ", ".join(_works(name, boxes))) for name in sorted(who, key=lambda name: _rank(name, boxes))),
        tuple(sorted(columns, key=lambda label: columns[label])),
        {key: tuple(sorted(roles, key=lambda role: role.word)) for key, roles in cells.items()},
    )


def _where(assignment: Item, items: Items, boxes: Sequence[Box], order: dict[str, int]) -> tuple[str, int]:
    """What a column is called, and where it stands."""
    on = items.nearest(assignment)
    if on is None or on.type == GROUP:
        return "resource group", -1
    if on.type == IDENTITY:
        return f"identity {items.identities[on.id]}", len(order)
    if on.type in NAMED:
        words = on.own_name.replace("-", " ")  # where the head of a narrow column can break
        return f"{_short(title_of(on, items), boxes)} {words}", order[title_of(on, items)]
    title = title_of(on, items)
    return (_short(title, boxes), order[title]) if title in order else (f"subnet {on.own_name}", len(order))


def _short(title: str, boxes: Sequence[Box]) -> str:
    return next((box.short for box in boxes if box.title == title), title)


def _works(who: str, boxes: Sequence[Box]) -> Iterator[str]:
    if who == "deployers":
        yield "Entra group"
    yield from (box.short for box in boxes if who in box.runs_as)


def _rank(who: str, boxes: Sequence[Box]) -> tuple[int, int, str]:
    if who in PEOPLE:
        return 0, PEOPLE.index(who), who
    return 1, next((number for number, box in enumerate(boxes) if who in box.runs_as), len(boxes)), who
