"""A rule: what it asks, why, whose word it is, and how to put right what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from policies.configuration import Configuration
from policies.view import View

DEFINITIONS = "https://www.azadvertizer.net/azpolicyadvertizer"
"""Where each built-in definition of Azure Policy has a page."""


class Level(StrEnum):
    """What becomes of a finding; the words are the engine's."""

    DISABLED = "disabled"
    ADVISORY = "advisory"
    MANDATORY = "mandatory"
    REMEDIATE = "remediate"


class Severity(StrEnum):
    """How bad it would be, apart from whether it stops an update."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The level in production, and in every other environment."""

    dev: Level
    prod: Level

    def of(self, profile: str) -> Level:
        """`profile`: dev or prod."""
        return self.prod if profile == "prod" else self.dev


OFF, ADVISE, BLOCK, MEND = Level.DISABLED, Level.ADVISORY, Level.MANDATORY, Level.REMEDIATE
ALWAYS = Levels(dev=BLOCK, prod=BLOCK)
STRICTER = Levels(dev=ADVISE, prod=BLOCK)
MENDED = Levels(dev=MEND, prod=BLOCK)
ADVICE = Levels(dev=ADVISE, prod=ADVISE)
PRODUCTION = Levels(dev=OFF, prod=BLOCK)
PRODUCTION_ADVICE = Levels(dev=OFF, prod=ADVISE)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Who else asks for it, in their own ids."""

    azure_policy: tuple[str, ...] = ()
    """Names (GUIDs) of built-in definitions of Azure Policy."""
    benchmark: tuple[str, ...] = ()
    """Controls of the Microsoft cloud security benchmark, version 2: `IM-1`."""
    checkov: tuple[str, ...] = ()
    psrule: tuple[str, ...] = ()
    """Of PSRule for Azure: `AZR-000005`."""
    page: str = ""
    """What explains it, where it is no definition of Azure Policy."""

    @property
    def link(self) -> str:
        """A page that explains it; "" when nobody but us asks for it."""
        return self.page or (f"{DEFINITIONS}/{self.azure_policy[0]}.html" if self.azure_policy else "")


@dataclass(frozen=True)
class Violation:
    """What a rule on a whole stack found, and on which resource; "" for the stack itself."""

    urn: str
    message: str


@dataclass(frozen=True)
class Stack:
    """All resources of a plan, for rules that look at more than one."""

    resources: Sequence[View]
    config: Configuration

    def of(self, *types: str) -> Iterator[View]:
        """The resources of these types (`storage:StorageAccount`)."""
        return (one for one in self.resources if one.short_type in types)


Check = Callable[[View], Iterable[str]]
StackCheck = Callable[[Stack], Iterable[Violation]]
Remedy = Callable[[View], Mapping[str, Any]]
"""What has to be added to a resource's inputs; it is merged into them."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the catalogue. It has a check of one resource, or one of the whole stack.

    A check yields a message for each thing that is wrong, and reads inputs through a `View`: a value that is not known
    yet makes it "checked at update".
    """

    id: str
    """`R-08`; never used again for another rule."""
    name: str
    """`storage-no-shared-key`, as exemptions, overrides and the engine call it."""
    title: str
    """What is to hold, as one sentence without a full stop."""
    severity: Severity
    levels: Levels
    fix: str
    """What to write where, naming the key of the stack file or the file of the program."""
    sources: Sources = Sources()
    types: tuple[str, ...] = ()
    """Patterns of short types: `storage:StorageAccount`, `ml:*`. Of a stack rule: only for the catalogue."""
    check: Check | None = None
    stack_check: StackCheck | None = None
    remedy: Remedy | None = None
    subject: str = ""
    """The file below `policies/rules/` that it stands in; the catalogue fills it in."""

    def __post_init__(self) -> None:
        if (self.check is None) == (self.stack_check is None):
            raise ValueError(f"rule {self.id}: give it either a check or a stack_check")
        if self.check is not None and not self.types:
            raise ValueError(f"rule {self.id}: say which types it is about")

    def applies_to(self, short_type: str) -> bool:
        """Whether a resource of this type is looked at."""
        return any(fnmatchcase(short_type, pattern) for pattern in self.types)


def must_be(path: str, *wanted: Any, default: Any = None, because: str = "") -> Check:
    """A check that a value is one of those wanted; `default` is what Azure takes where nothing is written."""

    def check(one: View) -> Iterator[str]:
        if (found := one.get(path, default)) not in wanted:
            yield f"{path} is {shown(found)}, not {' or '.join(shown(value) for value in wanted)}{because}"

    return check


def must_have(path: str) -> Check:
    """A check that something is written at a path, known or not."""

    def check(one: View) -> Iterator[str]:
        if not one.has(path):
            yield f"{path} is not set"

    return check


def all_of(*checks: Check) -> Check:
    """What any of these finds."""

    def check(one: View) -> Iterator[str]:
        for part in checks:
            yield from part(one)

    return check


def unless_open(check: Check) -> Check:
    """The check, but where a stack outside production says `networkProfile: open` nothing is to be closed."""

    def closed(one: View) -> Iterable[str]:
        relaxed = one.config.network_profile == "open" and not one.config.is_production
        return () if relaxed else check(one)

    return closed


def shown(value: Any) -> str:
    """A value in a message: words as they are, truth values as in YAML. Never a secret: rules name those only."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    found = list(words)
    return f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else "".join(found)
