"""SVG as text: shapes with classes, whose colours follow the reader's light or dark scheme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from tools.diagram.places import Zone

LIGHT = {
    "paper": "#ffffff",
    "ink": "#17212b",
    "soft": "#465564",
    "line": "#a9b5c1",
    "frame": "#f3f6f9",
    "box": "#ffffff",
    "wire": "#6b7c8d",
    "row": "#eaeff4",
    "reads": "#d7e8fa",
    "writes": "#fde9c4",
    "manages": "#fbd5d0",
    "public": "#f9dcec",
    "some": "#e8e0fa",
    "private": "#d5f0dc",
    "who": "#e6ebf1",
}
DARK = {
    "paper": "#10161d",
    "ink": "#e8eef4",
    "soft": "#b3c0cc",
    "line": "#4a5968",
    "frame": "#172029",
    "box": "#1f2a35",
    "wire": "#8fa1b3",
    "row": "#1c2731",
    "reads": "#1d4266",
    "writes": "#5d4514",
    "manages": "#672a24",
    "public": "#5e2744",
    "some": "#3f3166",
    "private": "#1d4d2c",
    "who": "#33424f",
}
ZONES: Mapping[Zone, tuple[str, str]] = {
    Zone.INGEST: ("#0b7a70", "#5cc9bd"),
    Zone.DATA: ("#1c67b0", "#7db7f0"),
    Zone.LEARNING: ("#6a45c0", "#b79df2"),
    Zone.SERVING: ("#b04a06", "#f0a365"),
    Zone.OPERATIONS: ("#4b5a69", "#a9b8c6"),
}
FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
FILLS = ("paper", "frame", "box", "row", "reads", "writes", "manages", "public", "some", "private", "who")


def slug(zone: Zone) -> str:
    """A class for a column: `machine`."""
    return zone.value.split()[0].lower()


def _rules(colours: Mapping[str, str], which: int) -> str:
    rules = [f".{name}{{fill:{colours[name]}}}" for name in FILLS]
    rules += [f"text{{fill:{colours['ink']}}}.soft{{fill:{colours['soft']}}}"]
    rules += [f".edge{{stroke:{colours['line']}}}.wire{{stroke:{colours['wire']}}}.tip{{fill:{colours['wire']}}}"]
    for zone, both in ZONES.items():
        rules.append(f".z-{slug(zone)}{{fill:{both[which]}}}.w-{slug(zone)}{{stroke:{both[which]}}}")
    return "".join(rules)


STYLE = (
    f"svg{{font-family:{FONT};font-size:11px}}.head{{font-weight:600}}.wire{{fill:none;stroke-width:1.3}}"
    f"{_rules(LIGHT, 0)}@media (prefers-color-scheme:dark){{{_rules(DARK, 1)}}}"
)


def number(value: float) -> str:
    """As short as can be: `12`, `12.5`."""
    return f"{round(value, 1):g}"


@dataclass
class Canvas:
    """Collects shapes."""

    parts: list[str] = field(default_factory=list)

    def rect(self, left: float, top: float, wide: float, high: float, look: str, radius: float = 6) -> None:
        """A rectangle with rounded corners."""
        place = f'x="{number(left)}" y="{number(top)}" width="{number(wide)}" height="{number(high)}"'
        self.parts.append(f'<rect class="{look}" {place} rx="{number(radius)}"/>')

    def text(self, left: float, base: float, said: str, look: str = "", *, size: float = 0, anchor: str = "") -> None:
        """One line of text; `base` is where the letters stand, `anchor` is `middle` or `end`."""
        words = [f'x="{number(left)}" y="{number(base)}"']
        words += [f'class="{look}"'] if look else []
        words += [f'font-size="{number(size)}"'] if size else []
        words += [f'text-anchor="{anchor}"'] if anchor else []
        self.parts.append(f"<text {' '.join(words)}>{escape(said, quote=False)}</text>")

    def path(self, steps: str, look: str, *, tip: bool = False) -> None:
        """A line; with a tip at its end."""
        end = ' marker-end="url(#tip)"' if tip else ""
        self.parts.append(f'<path class="{look}" d="{steps}"{end}/>')

    def page(self, wide: float, high: float, title: str, described: str) -> str:
        """The whole file."""
        size = f'viewBox="0 0 {number(wide)} {number(high)}" width="{number(wide)}" height="{number(high)}"'
        tip = (
            '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path class="tip" d="M0 0L8 4L0 8z"/></marker>'
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
                f"<title>{escape(title, quote=False)}</title>",
                f"<desc>{escape(described, quote=False)}</desc>",
                f"<style>{STYLE}</style>",
                f"<defs>{tip}</defs>",
                *self.parts,
                "</svg>\n",
            ]
        )
