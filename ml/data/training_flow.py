"""A system's training table as a mapping data flow of Azure Data Factory, made from `features.yaml` and `data.yaml`.

The flow does what the system's `prepare.py` does, and no more: the raw files become one row for each key, with the
features as a request carries them and the label. Nothing is coded: that is done once, inside the model's graph, so no
category can be lost or mean something else on the way. Ages hold at the fixed day of `features.yaml`, never at the day
of the run. Rows that training would refuse go to a file of their own, each with the columns that are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml.data import contract
from ml.data.contract import DataContract
from ml.data.flow_script import KEEP_ALL, Script, assignments, column, mapped, number, text, texts
from ml.jobkit import features
from ml.jobkit.errors import JobError
from ml.jobkit.features import Feature, Specification

TEXTS, NUMBERS = ("category", "ordinal"), ("integer", "number")
KINDS = (*TEXTS, *NUMBERS)
"""Kinds of features of which a row has one value, known from that row."""
TABLE, REFUSED = "trainingTable", "refusedRows"
"""The sinks: the training table, and the rows that cannot be in it."""
WHY = "refused"
"""The column of refused rows that names what is wrong in them."""
DATE = "'yyyy-MM-dd'"
OWNER, AMOUNT, ABOVE, BAD, COPIES = "label_key", "label_amount", "label_above_zero", "label_unreadable", "copies"
"""Columns of the flow's own, which it drops again."""


@dataclass(frozen=True)
class TrainingFlow:
    """A script and what it names, as Azure wants it beside the script."""

    sources: dict[str, str]
    """The raw file of each source."""
    sinks: tuple[str, ...]
    """`TABLE` and `REFUSED`, each a file of its own."""
    transformations: tuple[str, ...]
    lines: tuple[str, ...]


def load(folder: Path) -> TrainingFlow:
    """The flow of the system in a folder.

    Raises:
        JobError: `features.yaml` or `data.yaml` cannot be read, or the system's table is not one that a flow can make.
    """
    return make(features.load(folder / features.FILE), contract.load(folder))


def make(specification: Specification, data: DataContract) -> TrainingFlow:
    """The flow of a system.

    Raises:
        JobError: a feature or the label is not known from a row of the files alone.
    """
    _check(specification, data)
    return _Maker(specification, data).flow()


def _check(specification: Specification, data: DataContract) -> None:
    where = f"{features.FILE} of {specification.system}"
    for feature in specification.features:
        if feature.type not in KINDS:
            raise JobError(
                f"{where}: {feature.name} is of the kind {feature.type}; a data flow makes {', '.join(KINDS)}. Leave "
                f"{specification.system} out of mlops:dataFactory.flows"
            )
    if data.label is None and not specification.label.column:
        raise JobError(f"{where}: label has no column, and {contract.FILE} no label; a data flow needs one of the two")
    if not data.files[0].key:
        raise JobError(f"{contract.FILE} of {specification.system}: {data.files[0].name} has no key; name its column")


class _Maker:
    """Writes one script."""

    def __init__(self, specification: Specification, data: DataContract) -> None:
        self.specification, self.data = specification, data
        self.key, self.label = data.files[0].key, specification.label
        self.names = [self.key, *specification.names]
        self.own = [] if data.label else [self.label.name]
        self.script = Script()

    def flow(self) -> TrainingFlow:
        sources = {"rows": self.data.files[0].name}
        self.script.source("rows")
        if self.data.label:
            sources["labels"] = self.data.label.file
            self.script.source("labels")
        labelled = self._labelled(self._typed())
        checked = self.script.then(labelled, "assert", self._assertions(), "checked")
        wrong, right = self.script.split(checked, "isError()", "sorted", ("wrong", "right"))
        self._table(right)
        self._refused(wrong)
        return TrainingFlow(sources, (TABLE, REFUSED), tuple(self.script.transformations), tuple(self.script.lines))

    def _typed(self) -> str:
        """Each row of the first file once, with the features' own values."""
        columns = {self.key: self.key} | {one.name: one.column for one in self.specification.features}
        columns |= dict.fromkeys(self.own, self.label.column)
        read = {name: f"toString(byName({text(raw)}))" for name, raw in columns.items()}
        stream = self.script.then("rows", "derive", assignments(read), "named")
        stream = self.script.then(stream, "select", [mapped(list(columns)), *KEEP_ALL], "chosen")
        grouped = f"groupBy({', '.join(map(column, columns))})"
        stream = self.script.then(stream, "aggregate", [grouped, f"{COPIES} = count()"], "distinct")
        born = [one for one in self.specification.features if one.derive]
        if born:
            dates = {one.name: f"toDate({column(one.name)}, {DATE})" for one in born}
            stream = self.script.then(stream, "derive", assignments(dates), "dated")
        values = {one.name: self._value(one) for one in self.specification.features if one.type in NUMBERS}
        return self.script.then(stream, "derive", assignments(values), "typed") if values else stream

    def _value(self, feature: Feature) -> str:
        """Completed years are counted by birthdays: there is no year of 365 days, and no today."""
        name = column(feature.name)
        if not feature.derive:
            return f"toDouble({name})"
        day = self.specification.day
        to_come = f"month({name}) * 100 + dayOfMonth({name}) > {day.month * 100 + day.day}"
        return f"{day.year} - year({name}) - iif({to_come}, 1, 0)"

    def _labelled(self, stream: str) -> str:
        if self.data.label is None:
            return self.script.then(stream, "derive", assignments({self.label.name: self._own_label()}), "labelled")
        amount = f"toDouble(byName({text(self.data.label.column)}))"
        named = {OWNER: f"toString(byName({text(self.key)}))", AMOUNT: amount}
        read = self.script.then("labels", "derive", assignments(named), "amounts")
        counts = [f"groupBy({OWNER})", f"{BAD} = countIf(isNull({AMOUNT}))", f"{ABOVE} = countIf({AMOUNT} > 0)"]
        counted = self.script.then(read, "aggregate", counts, "counted")
        options = ["joinType:'left'", "matchType:'exact'", "ignoreSpaces: false", "broadcast: 'auto'"]
        on = f"{column(self.key)} == {OWNER}"
        joined = self.script.then(f"{stream}, {counted}", "join", [on, *options], "joined")
        label = f"iif(isNull({ABOVE}) || {ABOVE} == 0, 0, 1)"
        return self.script.then(joined, "derive", assignments({self.label.name: label}), "labelled")

    def _own_label(self) -> str:
        name = column(self.label.name)
        if self.label.positive:
            return f"iif({name} == {text(self.label.positive)}, 1, 0)"
        return name if self.label.classes else f"toDouble({name})"

    def _assertions(self) -> list[str]:
        """By the name of the column: what training would refuse."""
        rules = {one.name: f"!isNull({column(one.name)}) && {_rule(one)}" for one in self.specification.features}
        label = column(self.label.name)
        if self.data.label:
            rules[self.label.name] = f"isNull({BAD}) || {BAD} == 0"
        elif self.label.classes:
            rules[self.label.name] = f"!isNull({label}) && in({texts(self.label.classes)}, {label})"
        else:
            rules[self.label.name] = f"!isNull({label})"
        said = [f"expectTrue({rule}, false, {text(name)}, null, {text(name)})" for name, rule in rules.items()]
        return [*said, f"expectUnique({column(self.key)}, false, {text(self.key)}, null, {text(self.key)})"]

    def _table(self, stream: str) -> None:
        whole = [one.name for one in self.specification.features if one.type == "integer"]
        if whole:
            cast = assignments({name: f"toInteger({column(name)})" for name in whole})
            stream = self.script.then(stream, "derive", cast, "whole")
        kept = self.script.then(stream, "select", [mapped([*self.names, self.label.name]), *KEEP_ALL], "kept")
        self.script.sink(kept, "table.csv", TABLE)

    def _refused(self, stream: str) -> None:
        names: Sequence[str] = [*self.names, self.label.name]
        said = ", ".join(f"iif(hasError({text(name)}), {text(name + ' ')}, '')" for name in names)
        why = self.script.then(stream, "derive", assignments({WHY: f"trim(concat({said}))"}), "explained")
        kept = self.script.then(why, "select", [mapped([*names, WHY]), *KEEP_ALL], "shown")
        self.script.sink(kept, "refused.csv", REFUSED)


def _rule(feature: Feature) -> str:
    name = column(feature.name)
    if feature.type in TEXTS:
        return f"in({texts(feature.categories)}, {name})"
    lowest, highest = feature.range or (0.0, 0.0)  # a number always has one
    rule = f"{name} >= {number(lowest)} && {name} <= {number(highest)}"
    return rule if feature.type != "integer" or feature.derive else f"{rule} && {name} == floor({name})"
