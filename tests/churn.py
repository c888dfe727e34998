"""A made-up table of customers, as somebody has one who makes a system of it: a signal, and columns of no use."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

COLUMNS = ("CustomerID", "Plan", "Monthly Charges", "Tenure", "Calls", "Note", "Region", "Churn")


def write(path: Path, rows: int = 600, seed: int = 1) -> Path:
    """Writes it; customers with many calls who have not been ones for long leave."""
    draw = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            plan, tenure, calls = draw.choice(("Basic", "Plus", "Pro")), draw.randrange(72), draw.randrange(12)
            leaves = 1 / (1 + math.exp(0.5 + 0.06 * tenure - 0.35 * calls - (plan == "Basic")))
            charges = round(draw.uniform(10, 90), 2)
            said = "Yes" if draw.random() < leaves else "No"
            writer.writerow([f"C{number:05d}", plan, charges, tenure, calls, f"note {number}", "EU", said])
    return path
