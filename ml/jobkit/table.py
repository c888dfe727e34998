"""Reading the tables a job is given."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pandas as pd

from ml.jobkit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a UTF-8 CSV file, as texts exactly as written. A byte-order mark is ignored.

    Other columns are never loaded: personal data that is no feature does not enter the process's memory as a table.

    Raises:
        JobError: the file or a column is missing, or it is not such a CSV file.
    """
    try:
        header = _header(path)
        missing = [column for column in columns if column not in header]
        if missing:
            raise JobError(f"{path.name} lacks the column {', '.join(missing)}; it has {', '.join(header)}")
        return pd.read_csv(path, usecols=list(columns), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise JobError(f"{path.parent} holds no {path.name}; name the folder that holds it with --data") from None
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        raise JobError(f"{path.name} is not a CSV file in UTF-8: {error}") from None


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])
