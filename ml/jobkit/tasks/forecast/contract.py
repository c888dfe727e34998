"""What everybody knows of a forecast."""

from __future__ import annotations

from ml.jobkit.tasks.contract import Contract, Figure

FORECAST, LOWER, UPPER = "forecast", "lower", "upper"
"""Members of a result: a number for each hour asked for."""

CONTRACT = Contract(
    kind="forecast",
    figures={
        "mape": Figure("lower", "mean absolute error in percent of the true value, averaged by origin"),
        "improvement": Figure("higher", "share by which mape lies below that of the better naive forecast"),
        "mae": Figure("lower", "mean absolute error, in the unit of the series"),
        "rmse": Figure("lower", "root of the mean squared error, in the unit of the series"),
        "bias": Figure(None, "mean of forecast minus true value, in percent of the true value"),
        "worst_origin": Figure("lower", "mape of the worst origin"),
        "coverage": Figure(None, "share of true values within their interval"),
        "coverage_error": Figure("lower", "distance of the coverage from what the interval states"),
        "interval_width": Figure("lower", "mean width of the interval in percent of the forecast"),
        "naive_day_mape": Figure(None, "mape of the last known value of the same hour, whole days before"),
        "naive_week_mape": Figure(None, "mape of the value a week before"),
    },
    metric="mape",
    shown=("mape", "improvement", "coverage"),
    answer={
        FORECAST: {"type": "array", "items": {"type": "number"}, "description": "one value an hour, from `start` on"},
        LOWER: {"type": "array", "items": {"type": "number"}, "description": "lower end of the interval of each hour"},
        UPPER: {"type": "array", "items": {"type": "number"}, "description": "upper end of the interval of each hour"},
    },
    golden=(FORECAST, LOWER, UPPER),
    absolute=1e-3,
    relative=1e-5,
)
