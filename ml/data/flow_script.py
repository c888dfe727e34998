"""The words of Azure's mapping-data-flow script: names, literals, transformations.

Grammar: Azure Data Factory, "Data flow script (DFS)"; functions: "Data transformation expressions in mapping data
flow".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

INDENT = "     "


def column(name: str) -> str:
    """A column in an expression; one that is no plain word stands in braces."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"{{{name}}}"


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def texts(values: Iterable[str]) -> str:
    """An array of text literals."""
    return f"[{', '.join(map(text, values))}]"


def number(value: float) -> str:
    """A number literal, whole where it is whole."""
    return str(int(value)) if value == int(value) else repr(value)


def assignments(given: Mapping[str, str]) -> list[str]:
    """`Age = …` for each column of a derive."""
    return [f"{column(name)} = {expression}" for name, expression in given.items()]


def mapped(names: Sequence[str]) -> str:
    """What a select keeps, in this order."""
    return "mapColumn(\n" + ",\n".join(f"{INDENT * 2}{column(name)}" for name in names) + f"\n{INDENT})"


KEEP_ALL = ("skipDuplicateMapInputs: true", "skipDuplicateMapOutputs: true")


@dataclass
class Script:
    """A script as it is written, one transformation after the other."""

    lines: list[str] = field(default_factory=list)
    transformations: list[str] = field(default_factory=list)
    """Names of what is neither a source nor a sink, in order."""

    def source(self, stream: str) -> str:
        """Every column of a file, as text and by its name: their order in the file does not count."""
        self._write(
            f"source(allowSchemaDrift: true,\n{INDENT}validateSchema: false,\n{INDENT}ignoreNoFilesFound: false)"
        )
        return self._named(stream)

    def then(self, streams: str, kind: str, parts: Sequence[str], name: str) -> str:
        """A transformation of one stream, or of two with a comma between; returns the name of what comes out."""
        self._write(f"{streams} {kind}({f',{chr(10)}{INDENT}'.join(parts)})")
        self.transformations.append(name)
        return self._named(name)

    def split(self, stream: str, condition: str, name: str, outputs: tuple[str, str]) -> tuple[str, str]:
        """Rows for which a condition holds, and the others."""
        self._write(f"{stream} split({condition},\n{INDENT}disjoint: false)")
        self.transformations.append(name)
        self._named(f"{name}@({', '.join(outputs)})")
        return f"{name}@{outputs[0]}", f"{name}@{outputs[1]}"

    def sink(self, stream: str, file: str, name: str) -> str:
        """One file in an emptied folder: a run that is repeated takes the place of the first one."""
        parts = [
            "allowSchemaDrift: true",
            "validateSchema: false",
            f"partitionFileNames:[{text(file)}]",
            "truncate: true",
            *KEEP_ALL,
            "partitionBy('hash', 1)",
        ]
        self._write(f"{stream} sink({f',{chr(10)}{INDENT}'.join(parts)})")
        return self._named(name)

    def _write(self, transformation: str) -> None:
        self.lines += transformation.split("\n")

    def _named(self, name: str) -> str:
        self.lines[-1] += f" ~> {name}"
        return name
