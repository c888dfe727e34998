"""What everybody knows of a regression."""

from __future__ import annotations

from ml.jobkit.tasks.contract import Contract, Figure

CONTRACT = Contract(
    kind="regression",
    figures={
        "nrmse": Figure("lower", "root mean squared error, divided by the range of the true numbers"),
        "r2": Figure("higher", "share of the variance that is explained; 0 is the mean, 1 is perfect"),
        "rmse": Figure("lower", "root mean squared error, in the label's unit"),
        "mae": Figure("lower", "mean absolute error, in the label's unit"),
        "median_error": Figure("lower", "median absolute error, in the label's unit"),
        "bias": Figure(None, "mean of answer minus truth, in the label's unit"),
        "label_mean": Figure(None, "mean of the true numbers"),
    },
    metric="nrmse",
    shown=("nrmse", "r2", "mae"),
    answer={"prediction": {"type": "number", "description": "the number that is expected"}},
    golden=("prediction",),
    absolute=1e-5,
    relative=1e-5,
)
"""Of labels of about the size of 1; a task widens `absolute` by the range that its labels have."""
