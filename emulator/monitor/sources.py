"""What a query may see: the tables of some components, under the names of their scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.monitor.components import Component
from emulator.monitor.kql.pipeline import Source
from emulator.monitor.kql.types import Type
from emulator.monitor.tables import STORED, TABLES, Column, Table
from emulator.monitor.timespan import TimeRange


@dataclass(frozen=True)
class Scope:
    """Components and the time that a query is about. In a workspace only the tables named `App…` exist; where a
    component is queried both names work.
    """

    components: Sequence[Component]
    range: TimeRange
    workspace_only: bool = False

    def find(self, name: str) -> Source | None:
        """A table by its name."""
        for table in TABLES:
            if name == table.workspace:
                return self._source(table, workspace=True)
            if name == table.name and not self.workspace_only:
                return self._source(table, workspace=False)
        return None

    def _source(self, table: Table, *, workspace: bool) -> Source:
        columns = [column for column in table.columns if column.workspace or not workspace]
        selected = ", ".join(f"{sql(column, workspace)} as c{at}" for at, column in enumerate(columns))
        marks = ", ".join(f":component{at}" for at in range(len(self.components)))
        parameters = {f"component{at}": component.key for at, component in enumerate(self.components)}
        bounds = [f"t.timestamp {sign} {int(end)}" for sign, end in self._bounds() if end is not None]
        where = " and ".join([f"k.resource in ({marks})", *bounds])
        text = f'select {selected} from "{table.name}" t join components k on k.id = t.component where {where}'  # noqa: S608
        names = tuple((column.workspace if workspace else column.name, kind(column, workspace)) for column in columns)
        return Source(text, names, parameters)

    def _bounds(self) -> tuple[tuple[str, int | None], tuple[str, int | None]]:
        return (">=", self.range.start), ("<=", self.range.end)


def sql(column: Column, workspace: bool) -> str:
    """What reads a column; its names are ours, not a query's."""
    template = (column.workspace_sql if workspace else "") or column.sql or STORED
    return template.format(name=column.name)


def kind(column: Column, workspace: bool) -> Type:
    """The type that a column has in a component or a workspace."""
    return (column.workspace_type if workspace else None) or column.type
