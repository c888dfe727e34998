"""Draws a page: heading, network, boxes with their arrows, steps of the systems, rights, and what the words mean."""

from __future__ import annotations

from tools.diagram.boxes import ADDRESSES, PRIVATE, PUBLIC
from tools.diagram.canvas import Canvas, slug
from tools.diagram.layout import (
    HEAD,
    LINE,
    LOOKS,
    MARGIN,
    MARK,
    PADDING,
    PAGE,
    TEXT,
    TITLE,
    Spot,
    columns,
    pill_width,
    spots,
)
from tools.diagram.network import Network
from tools.diagram.picture import Picture
from tools.diagram.rights import Rights
from tools.diagram.texts import beside, width, wrapped
from tools.diagram.wires import channel_height, wires

INNER = PAGE - 2 * MARGIN
ROOM = INNER - 2 * PADDING
ROW_HEAD = 196.0
"""The width of the table's first column."""


def sheet(page: Picture) -> str:
    """The page as SVG."""
    canvas = Canvas()
    frame = Canvas()
    down = _heading(canvas, page)
    top = down
    down = _network(frame, page.network, down + PADDING) + PADDING
    down = _services(frame, page, down)
    down = _steps(frame, page, down)
    canvas.rect(MARGIN, top, INNER, down - top, "frame edge", 8)
    canvas.parts += frame.parts
    down = _rights(canvas, page.rights, down + 22)
    down = _words(canvas, page.rights, down + 16)
    down = _marks(canvas, page, down + 8)
    paper = Canvas()
    paper.rect(0, 0, PAGE, down + MARGIN, "paper", 0)
    canvas.parts = paper.parts + canvas.parts
    return canvas.page(PAGE, down + MARGIN, f"The platform of the stack {page.stack}", page.subtitle)


def _heading(canvas: Canvas, page: Picture) -> float:
    canvas.text(MARGIN, 34, f"Stack {page.stack}", "head", size=20)
    left = MARGIN + width(f"Stack {page.stack}", 20, bold=True) + 12
    canvas.text(left, 34, page.subtitle, "soft", size=13)
    canvas.text(PAGE - MARGIN, 38, "one resource group", "soft", anchor="end")
    return 48


def _network(canvas: Canvas, network: Network, top: float) -> float:
    """The band of the network; the height where it ends."""
    left = MARGIN + PADDING
    if not network.subnets:
        canvas.text(left, top + 10, network.title, "head", size=HEAD)
        words = ". ".join(network.words)
        canvas.text(left + width(network.title, HEAD, bold=True) + 14, top + 10, words, "soft")
        return top + 16
    wide = ROOM - 190 if network.way_out else ROOM
    canvas.rect(left, top, wide, 86, "paper edge", 8)
    canvas.text(left + 10, top + 18, network.title, "head", size=HEAD)
    said = left + 10 + width(network.title, HEAD, bold=True) + 14
    canvas.text(said, top + 18, ", ".join(network.words), "soft")
    _subnets(canvas, network, left + 10, top + 28, wide - 20)
    if network.way_out:
        _way_out(canvas, network, left + wide, top)
    return top + 86


def _subnets(canvas: Canvas, network: Network, left: float, top: float, room: float) -> None:
    wide = (room - 8 * (len(network.subnets) - 1)) / len(network.subnets)
    for number, subnet in enumerate(network.subnets):
        at = left + number * (wide + 8)
        canvas.rect(at, top, wide, 48, "box edge")
        canvas.text(at + 8, top + 15, subnet.name, "head")
        canvas.text(at + 8, top + 15 + LINE, subnet.addresses, "soft")
        canvas.text(at + 8, top + 15 + 2 * LINE, subnet.word, "soft")


def _way_out(canvas: Canvas, network: Network, left: float, top: float) -> None:
    canvas.path(f"M{left:g} {top + 43:g}h30", "wire", tip=True)
    canvas.rect(left + 32, top + 24, 92, 38, "box edge")
    canvas.text(left + 78, top + 40, network.way_out, "head", anchor="middle")
    canvas.text(left + 78, top + 54, "one address", "soft", anchor="middle")
    canvas.path(f"M{left + 124:g} {top + 43:g}h16", "wire", tip=True)
    canvas.text(left + 166, top + 47, "internet", "soft", anchor="middle")


def _services(canvas: Canvas, page: Picture, top: float) -> float:
    """Columns of boxes; the height where the longest ends."""
    zones, left = columns(page.boxes), MARGIN + PADDING
    title = top + 18
    first = spots(page.boxes, left, 0, ROOM)
    channel = channel_height(page.wires, first)
    placed = spots(page.boxes, left, title + 8 + channel, ROOM)
    for number, zone in enumerate(zones):
        at = next(spot.left for spot in placed if spot.column == number)
        canvas.text(at, title, zone.value, f"head z-{slug(zone)}", size=13)
    for wire in wires(page.wires, placed, title + channel):
        steps = "L".join(f"{x:g} {y:g}" for x, y in wire.corners)
        canvas.path(f"M{steps}", f"wire w-{slug(wire.spot.box.zone)}", tip=True)
    for spot in placed:
        _box(canvas, spot)
    return max(spot.bottom for spot in placed) + PADDING


def _box(canvas: Canvas, spot: Spot) -> None:
    canvas.rect(spot.left, spot.top, spot.wide, spot.high, "box edge")
    canvas.rect(spot.left, spot.top, 4, spot.high, f"z-{slug(spot.box.zone)}", 2)
    canvas.text(spot.left + PADDING, spot.top + TITLE, spot.box.title, "head", size=HEAD)
    for number, line in enumerate(spot.lines):
        canvas.text(spot.left + PADDING, spot.top + TITLE + LINE * (number + 1), line, "soft")
    rows = max((mark.row + 1 for mark in spot.marks), default=0)
    for mark in spot.marks:
        _pill(canvas, spot.left + PADDING + mark.left, spot.bottom - 5 - MARK * (rows - mark.row), mark.text, mark.look)


def _pill(canvas: Canvas, left: float, top: float, text: str, look: str) -> float:
    """The width of what was drawn."""
    canvas.rect(left, top, pill_width(text), 15, look, 7)
    canvas.text(left + 6, top + 11.5, text)
    return pill_width(text)


def _steps(canvas: Canvas, page: Picture, top: float) -> float:
    """The life of a model, the same for every system."""
    if not page.steps:
        return top
    left, base = MARGIN + PADDING, top + 14
    many = "system" if len(page.systems) == 1 else "systems"
    named = f"{len(page.systems)} {many}: {', '.join(page.systems)}"
    canvas.text(left, base, "In every system", "head", size=HEAD)
    at = left + width("In every system", HEAD, bold=True) + 14
    for number, step in enumerate(page.steps):
        wide = width(step, TEXT) + 16
        canvas.rect(at, base - 13, wide, 19, "box edge", 9)
        canvas.text(at + 8, base, step)
        at += wide
        if number < len(page.steps) - 1:
            canvas.path(f"M{at:g} {base - 3.5:g}h18", "wire", tip=True)
            at += 19
    canvas.text(at + 12, base, named, "soft")
    return top + 30


def _rights(canvas: Canvas, rights: Rights, top: float) -> float:
    """The table of who may do what; the height where it ends."""
    if not rights.where:
        return top
    canvas.text(MARGIN, top, "Who may do what", "head", size=13)
    wide = min((INNER - ROW_HEAD) / len(rights.where), 110)
    heads = [wrapped(label, wide - 6, TEXT) for label in rights.where]
    down = top + 8 + LINE * max(len(lines) for lines in heads)
    for number, lines in enumerate(heads):
        for row, line in enumerate(lines):
            base = down - LINE * (len(lines) - 1 - row) - 4
            canvas.text(MARGIN + ROW_HEAD + wide * (number + 0.5), base, line, "soft", anchor="middle")
    for odd, who in enumerate(rights.who):
        cells = [rights.cells.get((who.name, where), ()) for where in rights.where]
        high = max(20.0, 4 + 17.0 * max(len(cell) for cell in cells))
        canvas.rect(MARGIN, down, ROW_HEAD + wide * len(cells), high, "row" if odd % 2 == 0 else "paper", 3)
        canvas.text(MARGIN + 8, down + 14, who.name, "head")
        canvas.text(MARGIN + 16 + width(who.name, TEXT, bold=True), down + 14, who.works, "soft")
        for number, cell in enumerate(cells):
            for row, role in enumerate(cell):
                left = MARGIN + ROW_HEAD + wide * number + 2
                canvas.rect(left, down + 2.5 + 17 * row, wide - 4, 15, role.strength, 4)
                canvas.text(left + wide / 2 - 2, down + 14 + 17 * row, role.word, anchor="middle")
        down += high
    return down


def _words(canvas: Canvas, rights: Rights, top: float) -> float:
    """What the words of the table stand for, and what the marks of a box mean."""
    said = [(role.strength, role.word, role.name) for role in rights.roles]
    widths = [width(word, TEXT) + 12 + 6 + width(name, TEXT) for _, word, name in said]
    down = top - 19
    for (look, word, name), (row, left) in zip(said, beside(widths, INNER, 18), strict=True):
        down = top + row * 19
        canvas.rect(MARGIN + left, down, width(word, TEXT) + 12, 15, look, 4)
        canvas.text(MARGIN + left + 6, down + 11.5, word)
        canvas.text(MARGIN + left + width(word, TEXT) + 18, down + 11.5, name, "soft")
    return down + 19


MARKS = {
    PUBLIC: "answers from anywhere, and asks who it is",
    ADDRESSES: "answers the addresses that are let in",
    PRIVATE: "not reached from outside; ×2: by two private endpoints",
}


def _marks(canvas: Canvas, page: Picture, top: float) -> float:
    """What pills and arrows of the boxes mean; the height where it ends."""
    said = [(LOOKS[reach], reach, words) for reach, words in MARKS.items() if any(b.reach == reach for b in page.boxes)]
    said.append(("who", "as …", "the identity it works as"))
    left = MARGIN
    for look, word, words in said:
        left += _pill(canvas, left, top, word, look) + 6
        canvas.text(left, top + 11.5, words, "soft")
        left += width(words, TEXT) + 18
    canvas.path(f"M{left:g} {top + 7.5:g}h22", "wire", tip=True)
    canvas.text(left + 28, top + 11.5, "works on it, by its roles", "soft")
    return top + 18
