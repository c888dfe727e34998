"""What everybody knows of a binary classification."""

from __future__ import annotations

from ml.jobkit.tasks.contract import Contract, Figure

CONTRACT = Contract(
    kind="binary",
    figures={
        "auc": Figure("higher", "area under the ROC curve"),
        "accuracy": Figure("higher", "share of right answers, above 0.5 meaning yes"),
        "precision": Figure("higher", "share of yes among those answered with yes"),
        "recall": Figure("higher", "share of yes that was found"),
        "average_precision": Figure("higher", "area under precision over recall"),
        "log_loss": Figure("lower", "mean negative log-likelihood, in nats"),
        "brier": Figure("lower", "mean squared error of the probability"),
        "calibration_error": Figure("lower", "mean gap between predicted and observed share"),
        "base_rate": Figure(None, "share of yes"),
    },
    metric="auc",
    shown=("auc", "accuracy", "log_loss"),
    answer={
        "probability": {"type": "number", "minimum": 0, "maximum": 1, "description": "of yes"},
        "label": {"type": "integer", "enum": [0, 1], "description": "1 where the probability is above 0.5"},
    },
    golden=("probability",),
    absolute=1e-5,
)
