"""The features of a system, as its `features.yaml` states them.

The file is the single source for the training frame, the preprocessing inside the ONNX graph and the request a caller
sends. It is read inside jobs, by the Pulumi program and in images, so this module needs nothing but PyYAML.

What a kind of feature has beyond the common keys is in its module, `ml/jobkit/kinds/<type>.py`, which is loaded by its
name: a job's identity holds the kinds that its system uses, so that a new kind changes no other system.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from ml.jobkit.document import Section
from ml.jobkit.errors import JobError

FILE = "features.yaml"
"""Its name beside a system's code, and beside every model trained with it."""
KINDS = Path(__file__).parent / "kinds"
UnknownRule = Literal["zeros", "reject"]
UNKNOWN_RULES: tuple[UnknownRule, ...] = ("zeros", "reject")


@dataclass(frozen=True)
class Feature:
    """One field of a request. Each kind is a subclass of its own."""

    name: str
    description: str
    type: str
    unit: str
    """Empty for categories, counts and flags."""
    column: str
    """The column of the raw data it is read from, or derived from."""
    derive: str | None = None
    """How the training value comes out of `column`; None: it is taken as it is. A request carries the derived value."""
    categories: tuple[str, ...] = ()
    """Every category of the training data; the order is the order of the encoding."""
    range: tuple[float, float] | None = None
    """Lowest and highest value allowed, both included; in `unit`."""
    unknown: UnknownRule = "reject"
    """A value outside `categories` or `range` in a request: `zeros` (all-zero encoding and a warning) or `reject`."""

    plain: ClassVar[bool] = True
    """A request carries exactly what the graph takes: one text or one number."""
    is_text: ClassVar[bool] = False
    """The graph takes it as a text; else as a 32-bit float."""
    stored: ClassVar[str] = "double"
    """MLflow's type of the column."""

    @property
    def raw(self) -> str:
        """How its raw column is written: one of the types of `ml/data/contract.py`."""
        return self.type

    @property
    def optional(self) -> bool:
        """Whether the raw data may have an empty text in its place."""
        return False

    @property
    def length(self) -> int:
        """How many numbers a field of a request holds; 0: one value, and no list."""
        return 0

    @property
    def columns(self) -> tuple[str | None, ...]:
        """The columns of the encoded matrix: a name for each of several, None for the only one."""
        return (None,)

    def number(self, value: Any) -> float:
        """What the graph takes for a value that is no text in it."""
        return float(value)

    def text(self, value: Any) -> str:
        """A value as it counts for the holdout set; a number with at most nine significant digits, so that 60000,
        60000.0 and "60000.00" are the same.
        """
        return f"{float(value):.9g}"


Reader = Callable[[Section, dict[str, Any]], Feature]
"""Takes a kind's own keys from a section; the common ones are in the mapping."""


@dataclass(frozen=True)
class Label:
    """What the model predicts: `description` says what, of a yes or no when it is 1."""

    name: str
    description: str
    column: str = ""
    """The column of the raw data that holds it, where one does."""
    positive: str = ""
    """The text in the column that stands for 1; empty: the column holds 0 and 1, or a number."""
    unit: str = ""
    classes: tuple[str, ...] = ()
    """Every class, where there are more than yes and no; the order is the order of the probabilities."""
    range: tuple[float, float] | None = None
    """Lowest and highest value a label may have, both included; in `unit`."""


@dataclass(frozen=True)
class Holdout:
    """Which rows are never trained on: those whose salted hash falls below `share` (0 to 1) of its range."""

    salt: str
    share: float
    group: str = ""
    """The feature that is hashed instead of the whole row: all rows that have the same value fall on one side."""


@dataclass(frozen=True)
class Specification:
    """A whole `features.yaml`."""

    system: str
    description: str
    key: str
    """The column that identifies a row of the raw data; never a feature."""
    as_of: datetime.date | None
    """The day at which derived values hold; None where nothing depends on a day."""
    label: Label
    holdout: Holdout | None
    """None where the task splits by time."""
    features: tuple[Feature, ...]
    digest: str
    """sha256 of what the file says; comments and formatting do not count."""

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    @property
    def day(self) -> datetime.date:
        """`as_of`, where something depends on it.

        Raises:
            JobError: `features.yaml` does not say it.
        """
        if self.as_of is None:
            raise JobError(f"{FILE} of {self.system}: as_of is missing; add the day at which derived values hold")
        return self.as_of

    @property
    def kinds(self) -> list[str]:
        """The kinds of feature in use, each once."""
        return sorted({feature.type for feature in self.features})

    def feature(self, name: str) -> Feature:
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)

    @property
    def encoded_columns(self) -> list[tuple[str, str | None]]:
        """(feature, category) of each column of the encoded matrix; the category is None for a number."""
        return [(feature.name, column) for feature in self.features for column in feature.columns]


def load(path: Path) -> Specification:
    """Read and check a `features.yaml`.

    Raises:
        JobError: a key is missing, unknown or has a bad value; the message names file, key and value.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JobError(f"{path} does not exist; every system has a features.yaml") from None
    except yaml.YAMLError as error:
        raise JobError(f"{path} is not YAML: {error}") from None
    top = Section(path.name, document)
    specification = Specification(
        system=top.text("system"),
        description=top.text("description"),
        key=top.text("key"),
        as_of=top.date("as_of") if top.has("as_of") else None,
        label=_label(top.section("label")),
        holdout=_holdout(top.section("holdout")) if top.has("holdout") else None,
        features=tuple(_feature(section) for section in top.sections("features")),
        digest=hashlib.sha256(json.dumps(document, default=str).encode()).hexdigest(),
    )
    top.finish()
    _check(path.name, specification)
    return specification


def kinds() -> tuple[str, ...]:
    """Every kind of feature there is a module for."""
    return tuple(sorted(path.stem for path in KINDS.glob("*.py") if path.stem != "__init__"))


def _label(section: Section) -> Label:
    label = Label(
        name=section.text("name"),
        description=section.text("description"),
        column=section.text("column", default=""),
        positive=section.text("positive", default=""),
        unit=section.text("unit", default=""),
        classes=section.texts("classes") if section.has("classes") else (),
        range=section.bounds("range") if section.has("range") else None,
    )
    section.finish()
    return label


def _holdout(section: Section) -> Holdout:
    holdout = Holdout(salt=section.text("salt"), share=section.number("share"), group=section.text("group", default=""))
    if not 0 < holdout.share < 1:
        section.fail("share", holdout.share, "write a number between 0 and 1, such as 0.2")
    section.finish()
    return holdout


def _feature(section: Section) -> Feature:
    kind = section.choice("type", kinds())
    name = section.text("name")
    common = {
        "name": name,
        "description": section.text("description"),
        "type": kind,
        "unit": section.text("unit", default=""),
        "column": section.text("column", default=name),
        "unknown": section.choice("unknown", UNKNOWN_RULES),
    }
    read: Reader = importlib.import_module(f"ml.jobkit.kinds.{kind}").read
    feature = read(section, common)
    section.finish()
    return feature


def _check(file: str, specification: Specification) -> None:
    names = specification.names
    for name in names:
        if names.count(name) > 1:
            raise JobError(f"{file}: features: the name {name!r} appears {names.count(name)} times; keep one")
    if specification.as_of is None and (dated := [one.name for one in specification.features if one.derive]):
        raise JobError(f"{file}: as_of is missing; add the day at which {', '.join(dated)} holds")
    group = specification.holdout.group if specification.holdout else ""
    if group and group not in names:
        raise JobError(f"{file}: holdout: group is {group!r}; write one of {', '.join(names)}")
