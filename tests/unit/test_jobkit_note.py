"""A run's description: what a person reads first."""

from __future__ import annotations

from ml.jobkit import note
from ml.jobkit.dataset import Dataset
from ml.jobkit.tasks.binary.contract import CONTRACT

DATA = Dataset("customers", "0123456789ab", "azureml:customers:0123456789ab", "generated", 1000, {})


def test_a_training_names_its_data_and_its_figures() -> None:
    said = note.training(
        DATA, {"training": 1800, "holdout": 200}, {"brier": 0.1, "auc": 0.81236, "accuracy": 0.75}, CONTRACT
    )
    assert said == (
        "Trained on 1,800 rows of **generated** data, customers `0123456789ab`. "
        "On the 200 rows held out: auc 0.8124, accuracy 0.7500."
    )


def test_an_evaluation_has_both_models_beside_each_other() -> None:
    figures = {"challenger": {"auc": 0.8, "brier": 0.15}, "champion": {"auc": 0.79, "brier": 0.16}}
    first, table = note.evaluation(DATA, 200, figures, CONTRACT).split("\n\n")
    assert first.endswith(": challenger: auc 0.8000; champion: auc 0.7900.")
    assert table.splitlines() == [
        "| figure | challenger | champion |",
        "| --- | ---: | ---: |",
        "| auc | 0.8000 | 0.7900 |",
        "| brier | 0.1500 | 0.1600 |",
    ]


def test_a_first_challenger_stands_alone() -> None:
    assert "champion" not in note.evaluation(DATA, 200, {"challenger": {"auc": 0.8}}, CONTRACT)
