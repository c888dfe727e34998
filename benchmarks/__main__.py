"""`make bench`: when the emulator is ready, the first `up`, an `up` without changes beside a plain program, the image
once more from the same inputs, and the scoring server beside Azure's.

Everything runs in a copy of this checkout, so no stack of yours is touched. Figures are of this machine as it is now;
the ratio comes from runs in turn.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import scoring
from benchmarks.plain import write_plain_program
from emulator.settings import SUBSCRIPTION_ID
from tests.local.checkout import Checkout

ROUNDS = 5
GENERATED_ROWS = 4_000  # a model of fewer is below the floors
UNCHANGED = "up --yes --skip-preview --expect-no-changes -s local"


def timed(run: Callable[..., object], *given: object) -> float:
    """Seconds of a call."""
    begin = time.monotonic()
    run(*given)
    return time.monotonic() - begin


def say(name: str, value: float, unit: str, limit: float | None = None) -> bool:
    """Prints a figure; False when it is over its limit."""
    well = limit is None or value <= limit
    wanted = "" if limit is None else f"  (wanted: at most {limit:g} {unit}{'' if well else ' - NOT MET'})"
    print(f"{name:<52} {value:8.2f} {unit}{wanted}", flush=True)
    return well


def plain_project(checkout: Checkout) -> Path:
    """A flat program with as many resources, the platform's own among them, in the same stack's shell.

    Two more than it declares are Pulumi's: the stack and the provider.
    """
    folder = checkout.folder.parent / "plain"
    count, state = resources(checkout), json.loads(checkout.pulumi("stack export -s local"))
    azure = sum(str(one["type"]).startswith("azure-native:") for one in state["deployment"]["resources"])
    write_plain_program(folder, state, checkout.folder / ".venv", SUBSCRIPTION_ID, count - 2 - azure)
    return folder


def resources(checkout: Checkout) -> int:
    """Resources in the stack, as Pulumi counts them."""
    found = re.search(r"(\d+) unchanged", checkout.pulumi(UNCHANGED))
    assert found, "Pulumi printed no count"
    return int(found.group(1))


def image_again(checkout: Checkout) -> float:
    """Seconds for an image that Pulumi has forgotten and the registry has, as Pulumi's row says."""
    state = json.loads(checkout.pulumi("stack export -s local"))
    urn = next(one["urn"] for one in state["deployment"]["resources"] if one["type"].endswith(":ContainerImage"))
    shown = checkout.pulumi(f"up --yes --skip-preview -s local --replace {shlex.quote(urn)}")
    found = re.search(r"image created replacement \(([\d.]+)s\) adopting", shown)
    assert found, f"the image was built again:\n{shown}"
    return float(found.group(1))


def emulator(checkout: Checkout, *words: str) -> str:
    """What a command of the emulator prints."""
    command = [".venv/bin/python", "-m", "emulator", *words]
    return subprocess.run(
        command, cwd=checkout.folder, env=checkout.environment, check=True, capture_output=True, text=True
    ).stdout


def emulator_figures(checkout: Checkout) -> list[bool]:
    """Start and memory of an emulator that has done nothing yet."""
    ready = timed(emulator, checkout, "start")
    resident = re.search(r"([\d.]+) MB resident", emulator(checkout, "status"))
    assert resident, "the emulator's status has no memory figure"
    return [
        say("emulator ready, first start", ready, "s", 10),
        say("emulator idle, resident with all it runs", float(resident.group(1)), "MB", 400),
    ]


def up_figures(checkout: Checkout, source: str) -> list[bool]:
    """The first `up`, and what an `up` costs when nothing is to be done."""
    well = [say(f"first up ({source})", timed(checkout.tool, "up", "local"), "s", 180)]
    plain = plain_project(checkout)
    setup = "stack init local; pulumi up --yes --skip-preview -s local"
    checkout.pulumi(f"-C {plain} {setup.replace('pulumi up', f'pulumi -C {plain} up')}")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(timed(checkout.pulumi, UNCHANGED))
        theirs.append(timed(checkout.pulumi, f"-C {plain} {UNCHANGED}"))
    say("up without changes, median", statistics.median(ours), "s")
    say("the same of a plain program, median", statistics.median(theirs), "s")
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    well.append(say("ratio, pair by pair, median", ratio, "x", 1.3))
    well.append(say("image again from the same inputs", image_again(checkout), "s", 1))
    return well


def main() -> int:
    """All figures; exit code 1 when one is over its limit."""
    data = os.environ.get("MLOPS_DATA_DIR")
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout(Path(folder), Path(data) if data else None, GENERATED_ROWS)
        try:
            well = emulator_figures(checkout)
            well += up_figures(checkout, "real files" if data else f"{GENERATED_ROWS} generated rows")
            checkout.tool("down", "local")
        finally:  # when a step failed, nothing of it goes on
            emulator(checkout, "reset")
    well.append(scoring.main() == 0)
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
