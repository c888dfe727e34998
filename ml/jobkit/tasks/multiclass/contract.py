"""What everybody knows of a classification with several classes."""

from __future__ import annotations

from ml.jobkit.tasks.contract import Contract, Figure

CONTRACT = Contract(
    kind="multiclass",
    figures={
        "accuracy": Figure("higher", "share of right answers"),
        "balanced_accuracy": Figure("higher", "share of right answers of each class, mean over the classes"),
        "macro_f1": Figure("higher", "harmonic mean of precision and recall, mean over the classes"),
        "auc": Figure("higher", "area under the ROC curve of each class against the rest, mean over the classes"),
        "log_loss": Figure("lower", "mean negative log-likelihood, in nats"),
        "majority": Figure(None, "share of the most frequent class"),
    },
    metric="log_loss",
    shown=("accuracy", "macro_f1", "log_loss"),
    answer={
        "label": {"type": "string", "description": "the most probable class"},
        "probabilities": {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}},
    },
    golden=("probabilities",),
    absolute=1e-5,
)
"""A task states its classes in `answer`."""
