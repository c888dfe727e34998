"""MLTable folders as data frames: the part of the format that tables on disk need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

TYPES = {"string": "string", "int": "Int64", "float": "float64", "boolean": "boolean"}


def read_table(folder: Path) -> pd.DataFrame:
    """The rows of an MLTable, or of the files of a folder without one.

    Raises:
        ValueError: a transformation is not known here; the message names it.
    """
    file = folder / "MLTable" if folder.is_dir() else folder
    if file.name != "MLTable":
        return read_files([file], {}) if file.is_file() else read_files(sorted(folder.rglob("*.*")), {})
    given: dict[str, Any] = yaml.safe_load(file.read_text()) if file.exists() else {}
    named = [one if isinstance(one, dict) else {one: {}} for one in given.get("transformations") or []]
    reading = next((one["read_delimited"] or {} for one in named if "read_delimited" in one), {})
    found = read_files([path for entry in given.get("paths", []) for path in paths_of(folder, entry)], reading)
    for step in named:
        for name, options in step.items():
            found = transformed(found, name, options)
    return found


def paths_of(folder: Path, entry: dict[str, Any]) -> list[Path]:
    """The files of one entry of `paths`."""
    if "file" in entry:
        return [folder / entry["file"]]
    if "pattern" in entry:
        return sorted(folder.glob(str(entry["pattern"]).removeprefix("./")))
    if "folder" in entry:
        return sorted(one for one in (folder / entry["folder"]).rglob("*") if one.is_file())
    raise ValueError(f"MLTable: the path {entry} is not known here; use file, pattern or folder")


def read_files(files: list[Path], reading: dict[str, Any]) -> pd.DataFrame:
    """Rows of delimited or Parquet files, one after another."""
    if not files:
        raise ValueError("MLTable: it names no file")
    options = {"sep": reading.get("delimiter", ","), "encoding": reading.get("encoding", "utf-8")}
    tables = [pd.read_parquet(one) if one.suffix == ".parquet" else pd.read_csv(one, **options) for one in files]
    return pd.concat(tables, ignore_index=True)


def without_gaps(table: pd.DataFrame, time: str) -> pd.DataFrame:
    """A series by its time with the rows that are missing between others, which repeat the last one, as Azure fills
    them. One whose times follow no step stays as it is.
    """
    times = pd.DatetimeIndex(table[time])
    if len(times) < 3 or times.has_duplicates or times.inferred_freq is not None:
        return table
    whole = pd.date_range(times[0], times[-1], freq=pd.Series(times).diff().mode()[0], name=time)
    if len(whole) > 2 * len(times) or not times.isin(whole).all():
        return table
    return table.set_index(time).reindex(whole).ffill().reset_index()


def transformed(table: pd.DataFrame, name: str, options: Any) -> pd.DataFrame:
    """A table after one transformation."""
    if name in ("read_delimited", "read_parquet"):
        return table
    if name == "take":
        return table.head(int(options))
    if name == "drop_columns":
        return table.drop(columns=[options] if isinstance(options, str) else options)
    if name == "keep_columns":
        return table[[options] if isinstance(options, str) else options]
    if name == "convert_column_types":
        for one in options:
            for column in [one["columns"]] if isinstance(one["columns"], str) else one["columns"]:
                table[column] = converted(table[column], one["column_type"])
        return table
    raise ValueError(f"MLTable: the transformation '{name}' is not known here")


def converted(column: pd.Series, kind: Any) -> pd.Series:
    """A column of another type; a time is `{"datetime": {"formats": […]}}` or `datetime`."""
    if isinstance(kind, dict) or kind == "datetime":
        return pd.to_datetime(column)
    return column.astype(TYPES.get(kind, kind))
