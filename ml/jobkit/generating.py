"""What all generators of made-up data share: drawing, writing, and the command line.

Only `random()` of the standard library is drawn from, whose sequence Python guarantees: the same rows and seed give the
same file on every machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.jobkit.provenance import GENERATED

Row = Mapping[str, Any]


def draws(seed: int) -> random.Random:
    """The sequence of a seed."""
    return random.Random(seed)  # noqa: S311 - no secret


def pick(draw: random.Random, frequencies: Mapping[str, float]) -> str:
    """One of the values, each as often as its frequency says among all."""
    position = draw.random() * sum(frequencies.values())
    for value, frequency in frequencies.items():
        position -= frequency
        if position < 0:
            return value
    return list(frequencies)[-1]


def whole(draw: random.Random, lowest: int, highest: int) -> int:
    """A whole number, both ends included."""
    return lowest + int(draw.random() * (highest - lowest + 1))


def main(
    system: str,
    file: str,
    columns: Sequence[str],
    rows: Callable[[int, int], Iterable[Row]],
    usual: int,
    planted: Mapping[str, Any],
) -> None:
    """The command line of a generator of one CSV file.

    Args:
        rows: the rows, from how many and the seed.
        usual: rows where none are asked for.
        planted: what is known of the data because it was made up; it goes into the mark beside the file.
    """

    def generate(count: int, seed: int, folder: Path) -> None:
        write(folder, file, columns, rows(count, seed))
        mark(folder, system, count, seed, planted)

    command(system, file, generate, usual)


def command(system: str, file: str, generate: Callable[[int, int, Path], None], usual: int) -> None:
    """The command line of a generator: `--rows N --seed S --output FOLDER`.

    Args:
        file: one of its files: where it lies without a mark, the folder holds real data.
        generate: writes files and mark, from how many rows, the seed and the folder.
        usual: rows where none are asked for.
    """
    parser = argparse.ArgumentParser(description=f"Write made-up data of the system {system}.")
    parser.add_argument("--rows", type=int, default=usual)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    given = parser.parse_args()
    if given.rows < 1:
        parser.error(f"--rows is {given.rows}; it must be at least 1")
    if (given.output / file).exists() and not (given.output / GENERATED).exists():
        sys.exit(f"error: {given.output} holds data that was not generated; name another folder with --output")
    generate(given.rows, given.seed, given.output)


def mark(folder: Path, system: str, rows: int, seed: int, planted: Mapping[str, Any]) -> None:
    """Says of a folder that its data is made up."""
    content = {"generator": system, "rows": rows, "seed": seed, **planted}
    (folder / GENERATED).write_text(json.dumps(content) + "\n")


def write(folder: Path, file: str, columns: Sequence[str], rows: Iterable[Row], encoding: str = "utf-8") -> None:
    """Write a CSV file into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / file).open("w", encoding=encoding, newline="") as text:
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
