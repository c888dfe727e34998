"""The files of a new system. They say what was found in the columns, and are the user's from then on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.new.columns import Column, Table

TASKS = {"binary": {"auc": 0.6}, "multiclass": {"accuracy": 0.4}, "regression": {"r2": 0.1}}
"""The kinds of task that a table can be for, with floors that a model above chance reaches."""


@dataclass(frozen=True)
class New:
    """What is to be written."""

    system: str
    kind: str
    table: Table

    @property
    def title(self) -> str:
        return self.system.replace("_", " ").capitalize()

    @property
    def label(self) -> dict[str, Any]:
        """The label as `features.yaml` states it."""
        column = self.table.label
        found: dict[str, Any] = {"name": column.name, "description": described(column), "column": column.name}
        if self.kind == "binary":
            return {**found, "positive": self.table.positive}
        if self.kind == "multiclass":
            return {**found, "classes": column.distinct}
        return {**found, "range": column.range}

    @property
    def label_column(self) -> dict[str, Any]:
        """The label as `data.yaml` states its column."""
        column = self.table.label
        if self.kind == "regression":
            return {"name": column.name, "type": "number", "range": column.range}
        return {"name": column.name, "type": "category", "categories": column.distinct}


def described(column: Column) -> str:
    return f"the column {column.name}"


def flow(value: Any) -> str:
    """A value in one line; JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)


def feature(column: Column) -> dict[str, Any]:
    """One feature as `features.yaml` states it."""
    head = {"name": column.name, "description": described(column)}
    if column.kind == "text":
        return {**head, "type": "category", "categories": column.distinct, "unknown": "zeros"}
    return {**head, "type": column.kind, "range": column.range, "unknown": "reject"}


def features_yaml(new: New) -> str:
    lines = "\n".join(f"  - {flow(feature(column))}" for column in new.table.features)
    left = "".join(f"# Not here: {name}, {why}.\n" for name, why in new.table.left_out.items())
    return f"""\
# What the model knows of a row, and what a caller sends: a change here is a new model.
# Ranges say what can be; descriptions, units and ranges are yours to make better.
{left}system: {new.system}
description: {flow(new.title)}
key: {flow(new.table.key.name)}
label: {flow(new.label)}
holdout: {{salt: {new.system.replace("_", "-")}-1, share: 0.2}} # never change the salt
features:
{lines}
"""


def data_yaml(new: New) -> str:
    return f"""\
# What the file must hold; checked before anything is uploaded.
files:
  - name: {flow(new.table.path.name)}
    key: {flow(new.table.key.name)}
    features: all
    columns:
      - {flow(new.label_column)}
"""


def system_py(new: New) -> str:
    floors = ", ".join(f'"{name}": {floor:g}' for name, floor in TASKS[new.kind].items())
    return f'''\
"""{new.title}: {new.kind} on {new.table.path.name}."""

from ml.system import SystemSpec, {", ".join(sorted((new.kind, "files", "lightgbm", "online_endpoint")))}

SYSTEM = SystemSpec(
    task={new.kind}(floors={{{floors}}}),
    trainer=lightgbm(rounds=100, learning_rate=0.05, num_leaves=15, min_data_in_leaf=10),
    data=files(rows={new.table.rows}),
    target=online_endpoint(),
)
'''


def prepare_py(new: New) -> str:
    return f'''\
"""From the file to features and labels: one table with the label in a column of its own."""

from ml.jobkit import one_table

FILE = {json.dumps(new.table.path.name, ensure_ascii=False)}
prepare = one_table.of(FILE)
'''


def request_json(new: New) -> str:
    """A request that is valid, and nobody's row: the middle of each number, the most frequent text."""
    row = {column.name: example(column) for column in new.table.features}
    fields = ",\n".join(f"    {flow(name)}: {flow(value)}" for name, value in row.items())
    return f'{{"data": [\n  {{\n{fields}\n  }}\n]}}\n'


def example(column: Column) -> Any:
    values = sorted(column.values, key=float if column.kind != "text" else None)
    if column.kind == "text":
        return max(column.distinct, key=list(column.values).count)
    middle = float(values[len(values) // 2])
    return int(middle) if column.kind == "integer" else middle


def readme(new: New) -> str:
    table = new.table
    yes = f", yes is `{table.positive}`" if new.kind == "binary" else ""
    name = new.system
    return f"""\
# {new.title}

A {new.kind} model of `{table.label.name}`{yes}, from {len(table.features)} columns of `{table.path.name}`
({table.rows:,} rows, identified by `{table.key.name}`).

| file | what |
|---|---|
| `features.yaml` | the fields of a request, their ranges and categories |
| `data.yaml` | what the file must hold |
| `prepare.py` | from the file to features and labels |
| `system.py` | task, floors, trainer, target |
| `request.json` | a request, sent by every `make up` |

`make train SYSTEM={name}` tries something out, `make up SYSTEM={name}` trains, judges and serves.
"""


FILES: Mapping[str, Callable[[New], str]] = {
    "features.yaml": features_yaml,
    "data.yaml": data_yaml,
    "system.py": system_py,
    "prepare.py": prepare_py,
    "request.json": request_json,
    "README.md": readme,
}


def is_name(text: str) -> bool:
    """Whether a system may be called so."""
    return re.fullmatch(r"[a-z][a-z0-9_]{1,30}", text) is not None
