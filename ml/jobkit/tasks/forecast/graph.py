"""The forecast as a graph: what `matrix.py` does to a request, the model, and the ends of the intervals.

Inputs: the start in hours since 1970, shape (rows, 1), and the history, shape (rows, `windows.HISTORY`), where a
missing hour is not a number; both 32-bit floats. Outputs: forecast, lower and upper, shape (rows, horizon).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from ml.jobkit import onnx_export
from ml.jobkit.tasks.forecast import calendar
from ml.jobkit.tasks.forecast.contract import FORECAST, LOWER, UPPER
from ml.jobkit.tasks.forecast.matrix import borrowing, columns
from ml.jobkit.tasks.forecast.windows import DAY, HISTORY, LEVEL, QUOTIENTS, WEEK, Window, windows

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.jobkit.features import Feature

DAY_OF_YEAR, RAW = "day_of_year", "raw"
"""What the second half needs of the first, and of the model."""


@dataclass
class Builder:
    """Nodes and constants, as they come."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, operation: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """One more node; the name of its output."""
        name = name or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], name=f"make_{name}", **attributes))
        return name

    def constant(self, value: npt.ArrayLike, kind: type[np.generic] = np.int64) -> str:
        """One more constant; its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def exact(self, value: str) -> str:
        """In 64 bits."""
        return self.node("Cast", value, to=TensorProto.DOUBLE)

    def graph(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        built = helper.make_graph(self.nodes, name, inputs, outputs, initializer=self.constants)
        return helper.make_model(built, opset_imports=onnx_export.opsets(), ir_version=10)


def before(start: Feature, series: Feature, horizon: int, days: npt.NDArray[np.int64]) -> onnx.ModelProto:
    """From a request to the matrix, with the level and the day of the year of each hour."""
    build = Builder()
    hours, rows = _hours(build, start.name, horizon)
    sums = _running_sums(build, _without_gaps(build, series.name))
    level = build.node("Identity", _mean(build, sums, LEVEL), name=LEVEL.name)
    means = {window.name: _mean(build, sums, window) for window in windows(horizon)}
    parts = [
        *_calendar(build, hours, rows, horizon, days),
        *(build.node("Div", found, level) for found in means.values()),
        *(build.node("Div", means[dividend], means[divisor]) for _, dividend, divisor in QUOTIENTS),
        level,
    ]
    shape = build.node("Shape", hours)
    deep = build.constant([2])
    wide = [
        build.node("Unsqueeze", build.node("Cast", build.node("Expand", part, shape), to=TensorProto.FLOAT), deep)
        for part in parts
    ]
    width = len(columns(horizon))
    joined = build.node("Concat", *wide, axis=2)
    build.node("Reshape", joined, build.constant([-1, width]), name=onnx_export.MATRIX)
    return build.graph(
        "request",
        [onnx_export.input_of(start), onnx_export.input_of(series)],
        [
            helper.make_tensor_value_info(onnx_export.MATRIX, TensorProto.FLOAT, ["hours", width]),
            helper.make_tensor_value_info(LEVEL.name, TensorProto.DOUBLE, ["rows", 1]),
            helper.make_tensor_value_info(DAY_OF_YEAR, TensorProto.INT64, ["rows", horizon]),
        ],
    )


def after(horizon: int, lower: npt.NDArray[np.float64], upper: npt.NDArray[np.float64]) -> onnx.ModelProto:
    """From what the model says to the members of a result. `lower` and `upper` are shares by season and step."""
    build = Builder()
    shares = build.node("Reshape", build.exact(RAW), build.constant([-1, horizon]))
    exact = build.node("Mul", shares, LEVEL.name)
    days = build.node("Sub", DAY_OF_YEAR, build.constant(1))
    season = build.node(
        "Div", build.node("Mul", days, build.constant(calendar.SEASONS)), build.constant(calendar.LONGEST_YEAR)
    )
    place = build.node("Add", build.node("Mul", season, build.constant(horizon)), build.constant(np.arange(horizon)))
    build.node("Cast", exact, name=FORECAST, to=TensorProto.FLOAT)
    for member, factors in ((LOWER, 1 + lower), (UPPER, 1 + upper)):
        factor = build.node("Gather", build.constant(factors.reshape(-1), np.float64), place)
        build.node("Cast", build.node("Mul", exact, factor), name=member, to=TensorProto.FLOAT)
    return build.graph(
        "answer",
        [
            helper.make_tensor_value_info(RAW, TensorProto.FLOAT, ["hours", 1]),
            helper.make_tensor_value_info(LEVEL.name, TensorProto.DOUBLE, ["rows", 1]),
            helper.make_tensor_value_info(DAY_OF_YEAR, TensorProto.INT64, ["rows", horizon]),
        ],
        [
            helper.make_tensor_value_info(member, TensorProto.FLOAT, ["rows", horizon])
            for member in (FORECAST, LOWER, UPPER)
        ],
    )


def joined(first: onnx.ModelProto, core: onnx.ModelProto, last: onnx.ModelProto) -> onnx.ModelProto:
    """One graph of the three."""
    first, core, last = (
        compose.add_prefix(part, prefix, rename_inputs=inside, rename_outputs=outside)
        for part, prefix, inside, outside in (
            (first, "request_", False, True),
            (core, "model_", True, True),
            (last, "answer_", True, False),
        )
    )
    given = [(f"request_{onnx_export.MATRIX}", f"model_{onnx_export.MATRIX}")]
    kept = [f"request_{LEVEL.name}", f"request_{DAY_OF_YEAR}"]
    raw = core.graph.output[-1].name
    both = compose.merge_models(first, core, io_map=given, outputs=[*kept, raw])
    needed = [(raw, f"answer_{RAW}"), *((name, name.replace("request_", "answer_")) for name in kept)]
    return compose.merge_models(both, last, io_map=needed, outputs=[FORECAST, LOWER, UPPER])


def _hours(build: Builder, start: str, horizon: int) -> tuple[str, str]:
    """Each hour that is forecast, counted from 1970, and its row in the calendar's table; shape (rows, horizon)."""
    first = build.node("Cast", start, to=TensorProto.INT64)
    hours = build.node("Add", first, build.constant(np.arange(horizon)))
    days = build.node("Div", hours, build.constant(DAY))
    return hours, build.node("Sub", days, build.constant(calendar.START))


def _calendar(build: Builder, hours: str, rows: str, horizon: int, days: npt.NDArray[np.int64]) -> list[str]:
    def said(column: int, shift: int = 0, name: str = "") -> str:
        row = build.node("Add", rows, build.constant(shift)) if shift else rows
        return build.node("Gather", tables[column], row, name=name)

    tables = [build.constant(days[:, column]) for column in range(days.shape[1])]
    return [
        build.constant(np.arange(horizon)),
        build.node("Mod", hours, build.constant(DAY)),
        said(calendar.WEEKDAY),
        said(calendar.DAY_OF_YEAR, name=DAY_OF_YEAR),
        *(said(calendar.CLASS, shift) for shift in (0, *calendar.shifts(horizon))),
    ]


def _without_gaps(build: Builder, series: str) -> str:
    length = build.constant([WEEK] * (HISTORY // WEEK))
    weeks = [f"week_{week}" for week in range(HISTORY // WEEK)]
    build.nodes.append(helper.make_node("Split", [series, length], list(weeks), name="make_weeks", axis=1))
    for week, beside in borrowing(len(weeks)):
        missing = build.node("IsNaN", weeks[week])
        weeks[week] = build.node("Where", missing, weeks[beside], weeks[week])
    found = build.node("Concat", *weeks, axis=1)
    missing = build.node("IsNaN", found)
    along = build.constant([1])
    known = build.node("Where", missing, build.constant(0, np.float32), found)
    total = build.node("ReduceSum", build.exact(known), along, keepdims=1)
    count = build.node("ReduceSum", build.exact(build.node("Not", missing)), along, keepdims=1)
    mean = build.node("Cast", build.node("Div", total, count), to=TensorProto.FLOAT)
    return build.node("Where", missing, mean, found)


def _running_sums(build: Builder, filled: str) -> str:
    sums = build.node("CumSum", build.exact(filled), build.constant(1))
    return build.node("Pad", sums, build.constant([0, 1, 0, 0]))


def _mean(build: Builder, sums: str, window: Window) -> str:
    last = build.node("Gather", sums, build.constant(window.ends + 1), axis=1)
    first = build.node("Gather", sums, build.constant(window.ends + 1 - window.length), axis=1)
    total = build.node("ReduceSum", build.node("Sub", last, first), build.constant([2]), keepdims=0)
    return build.node("Div", total, build.constant(window.hours, np.float64))
