"""`make bench`: when the emulator is ready, the first `up`, an `up` without changes beside a plain program, the image
once more from the same inputs, previews and first `up` of the whole platform, the scoring server beside Azure's.

Everything runs in a copy of this checkout, so no stack of yours is touched. Figures are of this machine as it is now;
the ratio comes from runs in turn.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import scoring
from benchmarks.figures import say, timed
from benchmarks.platform import platform_figures
from benchmarks.unchanged import unchanged_figures
from tests.local.checkout import Checkout

GENERATED_ROWS = 4_000  # a model of fewer is below the floors


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
    well += unchanged_figures(checkout, "local")
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
            well += platform_figures(checkout)
        finally:  # when a step failed, nothing of it goes on
            emulator(checkout, "reset")
    well.append(scoring.main() == 0)
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
