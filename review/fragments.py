"""Small pieces of Markdown that hold whatever they are given: no value breaks out of its cell, fence or fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MARKER = "mlops-review"


def marker(project: str, stack: str) -> str:
    """The hidden line by which a comment is found again."""
    return f"<!-- {MARKER} project={project} stack={stack} -->"


def cell(text: str) -> str:
    """A text for a cell of a table, with long unbroken words made breakable."""
    return plain(text).replace("|", "\\|")


def plain(text: str) -> str:
    """A text on one line in which nothing is taken for a tag."""
    return " ".join(text.split()).replace("<", "&lt;").replace("-->", "--&gt;")


def bullet(text: str) -> str:
    """One entry of a list."""
    return f"- {plain(text)}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [f"| {' | '.join(headings)} |", f"|{'|'.join('---' for _ in headings)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(cell(value) for value in row)} |" for row in rows)])


def fold(title: str, body: str) -> str:
    """A part that is closed at first."""
    return f"<details><summary>{plain(title)}</summary>\n\n{body}\n\n</details>"


def fence(lines: Iterable[str], language: str = "diff") -> str:
    """A block of code that its content cannot end."""
    body = "\n".join(line.replace("```", "'''") for line in lines)
    return f"```{language}\n{body}\n```"
