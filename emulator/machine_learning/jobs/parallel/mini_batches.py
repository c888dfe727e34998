"""Mini-batches of a parallel step: rows of a table, or names of files, those too of a table that does not say how they
are read. Runs in the job's own Python, which has pandas where tables are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Frame = Any
"""A pandas DataFrame; pandas is the job's, not the emulator's."""


@dataclass
class MiniBatch:
    """What one call of `run` gets; `keys` are the values of the partition keys that all its rows share."""

    index: int
    content: Any
    items: int
    keys: dict[str, Any] = field(default_factory=dict)


def mini_batches(settings: dict[str, Any]) -> list[MiniBatch]:
    """All of a step's mini-batches, in order."""
    size, source, table = int(settings["mini_batch_size"]), Path(settings["source"]), settings["table"]
    if table is None or not table["transformations"]:
        names = files_below(source) if table is None else files_of(source, table)
        return [MiniBatch(at, part, len(part)) for at, part in enumerate(of_files(names, size))]
    frames = read_frames(source, table)
    if settings["partition_keys"]:
        return list(of_groups([frame for frame, _ in frames], settings["partition_keys"]))
    rows = [part for frame, length in frames for part in of_rows(frame, length, size)]
    return [MiniBatch(at, part, len(part)) for at, part in enumerate(rows)]


def files_below(source: Path) -> list[Path]:
    """A single file, or all in a folder."""
    return [source] if source.is_file() else sorted(file for file in source.rglob("*") if file.is_file())


def of_files(files: list[Path], size: int) -> Iterator[list[str]]:
    """The names of `size` files at a time."""
    for start in range(0, len(files), size):
        yield [str(file) for file in files[start : start + size]]


def of_rows(frame: Frame, length: int, size: int) -> Iterator[Frame]:
    """Rows that take about `size` bytes of the file they come from."""
    count = max(1, round(len(frame) * size / max(1, length)))
    for start in range(0, len(frame), count):
        yield frame.iloc[start : start + count].reset_index(drop=True)


def of_groups(frames: list[Frame], keys: list[str]) -> Iterator[MiniBatch]:
    """A batch for each combination of the keys' values."""
    import pandas

    for at, (values, rows) in enumerate(pandas.concat(frames).groupby(keys, sort=True)):
        values = values if isinstance(values, tuple) else (values,)
        yield MiniBatch(at, rows.reset_index(drop=True), len(rows), dict(zip(keys, values)))  # noqa: B905 - Python 3.8


def read_frames(folder: Path, table: dict[str, Any]) -> list[tuple[Frame, int]]:
    """The rows of the table's files, each with the file's length in bytes."""
    steps = table["transformations"]
    return [(read_frame(folder, file, steps), file.stat().st_size) for file in files_of(folder, table)]


def files_of(folder: Path, table: dict[str, Any]) -> list[Path]:
    """The files that a table names."""
    found: dict[Path, None] = {}
    for path in table["paths"]:
        place = folder / path
        matches = place.rglob("*") if place.is_dir() else folder.glob(path[2:] if path.startswith("./") else path)
        found.update((file, None) for file in sorted(matches) if file.is_file() and file.name != "MLTable")
    return list(found)


def read_frame(folder: Path, file: Path, steps: list[list[Any]]) -> Frame:
    """One file, transformed."""
    name, frame = file.relative_to(folder).as_posix(), None
    for kind, given in steps:
        frame = TRANSFORMATIONS[kind](frame, file, name, given)
    return frame


def read_delimited(_: Frame, file: Path, name: str, given: dict[str, Any]) -> Frame:
    """`header: no_header` names the columns Column1, Column2 …"""
    import pandas

    bare = given.get("header") == "no_header"
    encoding = {"utf8": "utf-8", "utf8bom": "utf-8-sig"}.get(given.get("encoding", "utf8"), given.get("encoding"))
    options = {"sep": given.get("delimiter", ","), "encoding": encoding, "header": None if bare else 0}
    frame = pandas.read_csv(file, keep_default_na=not given.get("empty_as_string"), **options)
    if bare:
        frame.columns = [f"Column{at + 1}" for at in range(len(frame.columns))]
    if given.get("include_path_column"):
        frame.insert(0, "Path", f"/{name}")
    return frame


def read_parquet(_: Frame, file: Path, name: str, given: dict[str, Any]) -> Frame:
    """A Parquet file."""
    import pandas

    return pandas.read_parquet(file)


def read_json_lines(_: Frame, file: Path, name: str, given: dict[str, Any]) -> Frame:
    """A JSON object a line."""
    import pandas

    return pandas.read_json(file, lines=True)


def partition_columns(frame: Frame, _: Path, name: str, given: dict[str, Any]) -> Frame:
    """Columns from the folders' names: `{Store}/{Brand}/{file_name}.{extension}`."""
    form = given["partition_format"].lstrip("/")
    parts = re.split(r"\{(\w+)[^}]*\}", form)
    pattern = "".join(f"(?P<{part}>[^/]+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    found = re.fullmatch(pattern, name)
    if found is None:
        raise ValueError(f"the path '{name}' does not have the form '{form}'")
    return frame.assign(**found.groupdict())


def columns(given: Any) -> list[str]:
    """One column or several."""
    return [given] if isinstance(given, str) else list(given)


TRANSFORMATIONS: dict[str, Callable[[Frame, Path, str, Any], Frame]] = {
    "read_delimited": read_delimited,
    "read_parquet": read_parquet,
    "read_json_lines": read_json_lines,
    "extract_columns_from_partition_format": partition_columns,
    "drop_columns": lambda frame, _, __, given: frame.drop(columns=columns(given), errors="ignore"),
    "keep_columns": lambda frame, _, __, given: frame[columns(given)],
}
