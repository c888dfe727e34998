"""What gate, image, staging, server and tables know of a task: its figures with their direction, the shape of an answer
and how exactly an answer is repeated. A training job leaves it beside its model as `contract.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ml.jobkit.errors import JobError

FILE = "contract.json"
Direction = Literal["higher", "lower"]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One figure of an evaluation: which way is better (None: it describes the data), and what it means."""

    better: Direction | None
    text: str


@dataclass(frozen=True)
class Contract:
    """The contract of one kind of task."""

    kind: str
    figures: Mapping[str, Figure]
    metric: str
    """What challenger and champion are compared by unless the system says otherwise."""
    shown: tuple[str, ...]
    """The figures a person asks for first."""
    answer: Mapping[str, Schema]
    """JSON schema of each member of one result, by its name: the outputs of the graph."""
    golden: tuple[str, ...]
    """The members that golden requests state: those that do not flip where a number changes in its last digit."""
    absolute: float
    relative: float = 0.0
    """An answer is the expected one when it differs by at most `absolute` plus `relative` times the expected number."""

    @property
    def directions(self) -> dict[str, Direction]:
        """Which way is better, by figure; figures that only describe the data are left out."""
        return {name: figure.better for name, figure in self.figures.items() if figure.better is not None}

    def write(self, folder: Path) -> None:
        """Leave it beside a model."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")


def read(folder: Path, legacy: Contract) -> Contract:
    """The contract beside a model; `legacy` where the model is older than the file.

    Raises:
        JobError: the file is not what a training job writes.
    """
    path = folder / FILE
    if not path.is_file():
        return legacy
    try:
        document = json.loads(path.read_text())
        figures = {name: Figure(**one) for name, one in document.pop("figures").items()}
        shown, golden = tuple(document.pop("shown")), tuple(document.pop("golden"))
        return Contract(**document, figures=figures, shown=shown, golden=golden)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise JobError(f"{path} does not state what its model answers ({error!r}); train it again") from None
