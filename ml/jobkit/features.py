"""The features of a system, as its `features.yaml` states them.

The file is the single source for the training frame, the preprocessing inside the ONNX graph and the request a caller
sends. It is read inside jobs and by the Pulumi program, so this module needs nothing but PyYAML.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from ml.jobkit.document import Section
from ml.jobkit.errors import JobError

FILE = "features.yaml"
"""Its name beside a system's code, and beside every model trained with it."""
FeatureType = Literal["category", "integer", "number"]
UnknownRule = Literal["zeros", "reject"]
DeriveRule = Literal["whole_years"]

TYPES: tuple[FeatureType, ...] = ("category", "integer", "number")
UNKNOWN_RULES: tuple[UnknownRule, ...] = ("zeros", "reject")
DERIVE_RULES: tuple[DeriveRule, ...] = ("whole_years",)


@dataclass(frozen=True)
class Feature:
    """One field of a request and one column of the training frame."""

    name: str
    description: str
    type: FeatureType
    unit: str
    """Empty for categories, counts and flags."""
    column: str
    """The column of the raw data it is read from, or derived from."""
    derive: DeriveRule | None = None
    """How the training value comes out of `column`; None: it is taken as it is. A request carries the derived value."""
    categories: tuple[str, ...] = ()
    """Every category of the training data; the order is the order of the encoding."""
    range: tuple[float, float] | None = None
    """Lowest and highest value allowed, both included; in `unit`."""
    unknown: UnknownRule = "reject"
    """A value outside `categories` or `range` in a request: `zeros` (all-zero encoding and a warning) or `reject`."""


@dataclass(frozen=True)
class Label:
    """What the model predicts: 1 when `description` holds, else 0."""

    name: str
    description: str


@dataclass(frozen=True)
class Holdout:
    """Which rows are never trained on: those whose salted hash falls below `share` (0 to 1) of its range."""

    salt: str
    share: float


@dataclass(frozen=True)
class Specification:
    """A whole `features.yaml`."""

    system: str
    description: str
    key: str
    """The column that identifies a row of the raw data; never a feature."""
    as_of: datetime.date
    """The day at which derived values hold."""
    label: Label
    holdout: Holdout
    features: tuple[Feature, ...]
    digest: str
    """sha256 of what the file says; comments and formatting do not count."""

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    def feature(self, name: str) -> Feature:
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)

    @property
    def encoded_columns(self) -> list[tuple[str, str | None]]:
        """(feature, category) of each column of the encoded matrix; the category is None for a number."""
        return [
            (feature.name, category)
            for feature in self.features
            for category in (feature.categories if feature.type == "category" else (None,))
        ]


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
        as_of=top.date("as_of"),
        label=_label(top.section("label")),
        holdout=_holdout(top.section("holdout")),
        features=tuple(_feature(section) for section in top.sections("features")),
        digest=hashlib.sha256(json.dumps(document, default=str).encode()).hexdigest(),
    )
    top.finish()
    _check_unique(path.name, specification.names)
    return specification


def _label(section: Section) -> Label:
    label = Label(name=section.text("name"), description=section.text("description"))
    section.finish()
    return label


def _holdout(section: Section) -> Holdout:
    holdout = Holdout(salt=section.text("salt"), share=section.number("share"))
    if not 0 < holdout.share < 1:
        section.fail("share", holdout.share, "write a number between 0 and 1, such as 0.2")
    section.finish()
    return holdout


def _feature(section: Section) -> Feature:
    name = section.text("name")
    feature = Feature(
        name=name,
        description=section.text("description"),
        type=section.choice("type", TYPES),
        unit=section.text("unit", default=""),
        column=section.text("column", default=name),
        derive=section.choice("derive", DERIVE_RULES) if section.has("derive") else None,
        categories=section.texts("categories") if section.has("categories") else (),
        range=section.bounds("range") if section.has("range") else None,
        unknown=section.choice("unknown", UNKNOWN_RULES),
    )
    if (feature.type == "category") != bool(feature.categories):
        section.fail("categories", list(feature.categories), "a category needs them, a number must not have them")
    if (feature.type == "category") == (feature.range is not None):
        section.fail("range", feature.range, "a number needs [lowest, highest], a category must not have it")
    if feature.type != "category" and feature.unknown == "zeros":
        section.fail("unknown", feature.unknown, "only a category has an all-zero encoding; write reject")
    section.finish()
    return feature


def _check_unique(file: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise JobError(f"{file}: features: the name {name!r} appears {names.count(name)} times; keep one")
