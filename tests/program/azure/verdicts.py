"""What Azure's own definitions say of every stack in every profile, as a file that a review sees change: how many
resources of which type each decidable definition hits.

    .venv/bin/python -m tests.program.azure.verdicts

writes it anew. Definitions stand by their GUIDs: their texts are Azure's.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from policies.azure.verdict import Verdict
from tests.program.azure.exports import plan_of
from tests.program.azure.stacks import CONFIGURATIONS, declared
from tests.program.recorder import ROOT
from tools.azure_verdict import read, verdicts

SNAPSHOT = ROOT / "tests" / "program" / "azure-verdicts.txt"
COMMAND = ".venv/bin/python -m tests.program.azure.verdicts"


def index(folder: Path) -> dict[str, dict[str, str]]:
    """What is known of each definition, by GUID."""
    return {row["guid"]: row for row in csv.DictReader((folder / "index.csv").read_text().splitlines())}


@cache
def by_stack(folder: Path) -> Mapping[str, list[Verdict]]:
    """The verdicts of decidable definitions on each stack."""
    policies = read(folder)
    decidable = {guid for guid, row in index(folder).items() if row["decidable"] == "yes"}
    return {
        name: [one for one in verdicts(plan_of(stack), stack.subscription, policies) if one.definition in decidable]
        for name in CONFIGURATIONS
        if (stack := declared(name))
    }


def snapshot(folder: Path) -> str:
    """A line for each outcome, definition and type, a column for each stack."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for name, found in by_stack(folder).items():
        for one in found:
            counts.setdefault((one.outcome.value, one.definition, one.resource_type), Counter())[name] += 1
    lines = [f"{'':<50}{''.join(f'{name:>13}' for name in CONFIGURATIONS)}"]
    for (outcome, guid, kind), count in sorted(counts.items()):
        cells = "".join(f"{count[name] or '':>13}" for name in CONFIGURATIONS)
        lines.append(f"{outcome:<13}{guid:<37}{cells}  {kind}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


if __name__ == "__main__":
    data = Path(os.environ.get("MLOPS_DATA_DIR", ROOT.parent / "shared" / "data"))
    SNAPSHOT.write_text(snapshot(data / "azure-policy"))
