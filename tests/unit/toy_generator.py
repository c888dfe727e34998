"""A generator as systems have them, small."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.rows < 1:
        sys.exit("rows must be positive")
    draw = random.Random(options.seed)
    for name in ("a.csv", "b.csv"):
        options.output.joinpath(name).write_text("id\n" + "".join(f"{draw.random()}\n" for _ in range(options.rows)))
