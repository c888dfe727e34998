"""Made-up employees, for machines without the real file.

`python -m ml.systems.attrition.generator --rows N --seed S --output FOLDER` writes `ibm-employee-attrition.csv` with
the columns of the real file, and `generated.json`, which marks the folder as generated. Every employee is invented.

What is planted: somebody leaves with the probability that `leaving_probability` gives. A model that knew this function
would reach `PLANTED_AUC`; none can do better but by luck. Income, age and years count by their logarithm: the first
years with a company matter more than the twentieth.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ml.jobkit import generating
from ml.systems.attrition.prepare import FILE

PLANTED_AUC = 0.884
"""Of the true probabilities, over very many rows."""

COLUMNS = (
    *("Age", "Attrition", "BusinessTravel", "DailyRate", "Department", "DistanceFromHome", "Education"),
    *("EducationField", "EmployeeCount", "EmployeeNumber", "EnvironmentSatisfaction", "Gender", "HourlyRate"),
    *("JobInvolvement", "JobLevel", "JobRole", "JobSatisfaction", "MaritalStatus", "MonthlyIncome", "MonthlyRate"),
    *("NumCompaniesWorked", "Over18", "OverTime", "PercentSalaryHike", "PerformanceRating"),
    *("RelationshipSatisfaction", "StandardHours", "StockOptionLevel", "TotalWorkingYears"),
    *("TrainingTimesLastYear", "WorkLifeBalance", "YearsAtCompany", "YearsInCurrentRole"),
    *("YearsSinceLastPromotion", "YearsWithCurrManager"),
)
CONSTANTS = {"EmployeeCount": 1, "Over18": 1, "StandardHours": 80}
ROLES: dict[str, dict[str, float]] = {
    "Research & Development": {
        "Research Scientist": 30,
        "Laboratory Technician": 27,
        "Manufacturing Director": 15,
        "Healthcare Representative": 13,
        "Research Director": 9,
        "Manager": 6,
    },
    "Sales": {"Sales Executive": 72, "Sales Representative": 19, "Manager": 9},
    "Human Resources": {"Human Resources": 82, "Manager": 18},
}
FREQUENCIES: dict[str, dict[str, float]] = {
    "BusinessTravel": {"Travel_Rarely": 71, "Travel_Frequently": 19, "Non-Travel": 10},
    "Department": {"Research & Development": 65, "Sales": 31, "Human Resources": 4},
    "EducationField": {
        "Life Sciences": 41,
        "Medical": 32,
        "Marketing": 10,
        "Technical Degree": 9,
        "Other": 6,
        "Human Resources": 2,
    },
    "Gender": {"Male": 60, "Female": 40},
    "MaritalStatus": {"Married": 46, "Single": 32, "Divorced": 22},
}
LEVELS: dict[str, float] = {"1": 37, "2": 36, "3": 15, "4": 7, "5": 5}
SENIOR = {"Manager": 4, "Research Director": 4, "Sales Representative": 1}
"""The least level of some positions; of a sales representative the only one."""
EFFECTS: dict[str, dict[str, float]] = {
    "BusinessTravel": {"Travel_Frequently": 0.8, "Non-Travel": -0.9},
    "MaritalStatus": {"Single": 0.8, "Divorced": -0.3},
    "JobRole": {"Sales Representative": 0.8, "Laboratory Technician": 0.7, "Research Director": -0.8},
    "Department": {"Sales": 0.4},
    "EducationField": {"Technical Degree": 0.5},
}
"""Change of the log-odds by a category; 0 where none is given."""
SLOPES = {
    "EnvironmentSatisfaction": -0.45,
    "JobSatisfaction": -0.4,
    "JobInvolvement": -0.55,
    "RelationshipSatisfaction": -0.25,
    "WorkLifeBalance": -0.3,
    "StockOptionLevel": -0.3,
    "DistanceFromHome": 0.04,
    "NumCompaniesWorked": 0.2,
    "OverTime": 1.9,
    "TrainingTimesLastYear": -0.15,
    "YearsSinceLastPromotion": 0.12,
}
LOGARITHMS = {"Age": -1.2, "MonthlyIncome": -0.5, "YearsAtCompany": -0.6, "YearsWithCurrManager": -0.5}
BASE = 10.5


def leaving_probability(employee: Mapping[str, Any]) -> float:
    """The planted probability that an employee leaves."""
    log_odds = BASE + sum(effects.get(employee[column], 0.0) for column, effects in EFFECTS.items())
    log_odds += sum(slope * employee[column] for column, slope in SLOPES.items())
    log_odds += sum(slope * math.log(1 + employee[column]) for column, slope in LOGARITHMS.items())
    return 1 / (1 + math.exp(-log_odds))


def employees(rows: int, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of the file."""
    draw = generating.draws(seed)
    for number in range(1, rows + 1):
        employee = _employee(draw) | {"EmployeeNumber": number} | CONSTANTS
        yield employee | {"Attrition": int(draw.random() < leaving_probability(employee))}


def _employee(draw: random.Random) -> dict[str, Any]:
    person: dict[str, Any] = {name: generating.pick(draw, values) for name, values in FREQUENCIES.items()}
    role = generating.pick(draw, ROLES[person["Department"]])
    level = max(int(generating.pick(draw, LEVELS)), SENIOR.get(role, 1))
    level = 1 if role == "Sales Representative" else level
    years = min(42, int(level * (1 + 8 * draw.random())))
    here = int((years + 1) * draw.random() ** 1.3)
    return person | {
        "JobRole": role,
        "JobLevel": level,
        "Age": min(64, 18 + years + int(14 * draw.random())),
        "TotalWorkingYears": years,
        "YearsAtCompany": here,
        "YearsInCurrentRole": int((here + 1) * draw.random()),
        "YearsSinceLastPromotion": int((here + 1) * draw.random() ** 2.5),
        "YearsWithCurrManager": int((here + 1) * draw.random()),
        "NumCompaniesWorked": int(10 * draw.random() ** 2),
        "MonthlyIncome": int(level * 2200 * (0.7 + 0.8 * draw.random())) + 900,
        "DailyRate": generating.whole(draw, 100, 1500),
        "HourlyRate": generating.whole(draw, 30, 100),
        "MonthlyRate": generating.whole(draw, 2000, 27000),
        "DistanceFromHome": 1 + int(29 * draw.random() ** 2),
        "Education": generating.whole(draw, 1, 5),
        "EnvironmentSatisfaction": generating.whole(draw, 1, 4),
        "JobInvolvement": generating.whole(draw, 1, 4),
        "JobSatisfaction": generating.whole(draw, 1, 4),
        "RelationshipSatisfaction": generating.whole(draw, 1, 4),
        "WorkLifeBalance": generating.whole(draw, 1, 4),
        "OverTime": int(draw.random() < 0.28),
        "PercentSalaryHike": generating.whole(draw, 11, 25),
        "PerformanceRating": 3 + int(draw.random() < 0.15),
        "StockOptionLevel": int(4 * draw.random() ** 2),
        "TrainingTimesLastYear": generating.whole(draw, 0, 6),
    }


if __name__ == "__main__":
    generating.main("attrition", FILE, COLUMNS, employees, 1_500, {"planted_auc": PLANTED_AUC})
