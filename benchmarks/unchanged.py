"""An `up` without changes beside a plain program with as many resources, in the same stack's shell."""

from __future__ import annotations

import json
import re
import statistics
from functools import partial
from pathlib import Path

from benchmarks.figures import say, timed
from benchmarks.plain import write_plain_program
from emulator.settings import SUBSCRIPTION_ID
from tests.local.checkout import Checkout

ROUNDS = 5
RATIO = 1.3


def unchanged_figures(checkout: Checkout, stack: str) -> list[bool]:
    """Both programs in turn; the ratio is that of the pairs, of which each met the machine as it was then."""
    again = f"up --yes --skip-preview --expect-no-changes -s {stack}"
    pulumi = partial(checkout.pulumi, stack=stack)
    found = re.search(r"(\d+) unchanged", pulumi(again))
    assert found, "Pulumi printed no count"
    count = int(found.group(1))
    plain = plain_project(checkout, stack, count)
    pulumi(f"-C {plain} stack init {stack}")
    pulumi(f"-C {plain} up --yes --skip-preview -s {stack}")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(timed(pulumi, again))
        theirs.append(timed(pulumi, f"-C {plain} {again}"))
    say(f"{stack}: up without changes, {count} resources, median", statistics.median(ours), "s")
    say("  the same of a plain program, median", statistics.median(theirs), "s")
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return [say("  ratio, pair by pair, median", ratio, "x", RATIO)]


def plain_project(checkout: Checkout, stack: str, count: int) -> Path:
    """A flat program with as many resources, the stack's own among them. Two that Pulumi counts are declared by
    nobody: the stack and the provider."""
    folder = checkout.folder.parent / f"plain-{stack}"
    state = json.loads(checkout.pulumi(f"stack export -s {stack}", stack=stack))
    azure = sum(str(one["type"]).startswith("azure-native:") for one in state["deployment"]["resources"])
    write_plain_program(folder, state, checkout.folder / ".venv", SUBSCRIPTION_ID, count - 2 - azure)
    return folder
