"""Every rule there is: what the modules below `policies/rules/` define."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from policies import rules as folder
from policies.rule import Rule


def subjects() -> list[str]:
    """The names of the modules with rules, sorted."""
    return sorted(found.name for found in pkgutil.iter_modules(folder.__path__))


def _of(subject: str) -> Iterator[Rule]:
    module = importlib.import_module(f"{folder.__name__}.{subject}")
    for value in vars(module).values():
        if isinstance(value, Rule):
            yield replace(value, subject=subject)


@cache
def rules() -> tuple[Rule, ...]:
    """All of them, by subject, in the order in which they are written.

    Raises:
        ValueError: two have the same id or name.
    """
    found = tuple(rule for subject in subjects() for rule in _of(subject))
    for words in ([rule.id for rule in found], [rule.name for rule in found]):
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"more than one rule is called {', '.join(twice)}")
    return found


def by_name() -> dict[str, Rule]:
    """The rules by name."""
    return {rule.name: rule for rule in rules()}


def built_in_ids() -> tuple[str, ...]:
    """Names of all built-in definitions of Azure Policy that some rule stands for, sorted."""
    return tuple(sorted({one for rule in rules() for one in rule.sources.azure_policy}))
