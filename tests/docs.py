"""The command blocks of README and docs, as the tests run them. The fence says where a block can be run:

bash                 on a stack that serves, as it stands
bash story=<name>    in one of the ordered stories, which take it by that name
bash azure           only with a subscription: tests see that it is well written, and that another test tries each verb
bash machine         on a fresh machine, as a clean checkout's build does: the same
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools.versions import ROOT

FENCE = re.compile(r"^```(\S*) ?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
INDENTED = re.compile(r"(?:^|\n)\n((?: {4}.*\n)+)")
COMMAND = re.compile(r"^(?:make|pulumi|eval|git|python3?|\.venv/\S+|[A-Z_]+=\S+ make)\b", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block: `where` is what the fence says after the language."""

    file: str
    line: int
    language: str
    where: str
    text: str

    @property
    def runs_as_it_stands(self) -> bool:
        return self.language == "bash" and not self.where

    @property
    def story(self) -> str:
        """The name by which a story takes it; "" for all others."""
        return self.where.removeprefix("story=") if self.where.startswith("story=") else ""

    @property
    def commands(self) -> list[str]:
        """Its lines, without comments."""
        lines = (re.sub(r"\s+# .*", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def pages(root: Path = ROOT) -> list[Path]:
    """Every page a person reads."""
    folders = ("docs", "infra", "ml", "emulator", "stacks", "benchmarks")
    return [root / "README.md", *sorted(page for name in folders for page in (root / name).rglob("*.md"))]


def blocks_of(page: Path, root: Path = ROOT) -> list[Block]:
    """All fenced blocks of a page."""
    text, name = page.read_text(), str(page.relative_to(root))
    return [Block(name, text.count("\n", 0, hit.start()) + 1, *hit.groups()) for hit in FENCE.finditer(text)]


def blocks() -> list[Block]:
    """All of every page."""
    return [block for page in pages() for block in blocks_of(page)]


def story(name: str) -> list[str]:
    """The commands of the one block with this name."""
    (found,) = (block for block in blocks() if block.story == name)
    return found.commands


def unfenced(page: Path) -> list[str]:
    """Commands that no fence is around, which no test would see."""
    text = FENCE.sub("", page.read_text())
    found = [*INDENTED.findall(text), *(b.text for b in blocks_of(page, page.parent) if b.language == "")]
    return [
        line for block in found for line in re.sub("^ {4}", "", block, flags=re.M).splitlines() if COMMAND.match(line)
    ]
