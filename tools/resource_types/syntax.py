"""Reading Python source without running it."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@cache
def parse_file(file: Path) -> ast.Module:
    """The syntax tree of a file, kept for the next caller."""
    return ast.parse(file.read_text())


def text_of(node: ast.AST | None) -> str | None:
    """The value of a string literal, else `None`."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """A call's keyword argument, if it has it."""
    return next((word.value for word in call.keywords if word.arg == name), None)


def camel_case(name: str) -> str:
    """`key_vault` -> `keyVault`."""
    head, *rest = name.strip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def letters(name: str) -> str:
    """A name without case and punctuation, to compare the spellings of two packages."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
