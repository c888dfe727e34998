"""What is wrong with a query, in the shape in which Azure says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Position:
    """Where in the query: line from 1, column from 0, as Azure counts."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"[{self.line},{self.column}]"


class QueryError(Exception):
    """A query that is refused: `kind` is `SyntaxError` or `SemanticError`, `code` Kusto's number of the error."""

    def __init__(self, kind: str, code: str, message: str, position: Position, token: str = "") -> None:
        super().__init__(message)
        self.kind, self.code, self.message, self.position, self.token = kind, code, message, position, token

    def body(self) -> dict[str, Any]:
        """The `innererror` of the answer."""
        said = "A recognition error occurred" if self.kind == "SyntaxError" else "A semantic error occurred"
        inner: dict[str, Any] = {"code": self.code, "message": self.message}
        inner.update(line=self.position.line, pos=self.position.column, token=self.token)
        return {"code": self.kind, "message": f"{said}.", "innererror": inner}


def syntax_error(found: str, position: Position, expected: str = "") -> QueryError:
    """The text cannot be read."""
    message = f"Query could not be parsed at '{found}' on line {position}"
    return QueryError("SyntaxError", "SYN0002", message + (f": {expected}" if expected else ""), position, found)


def unresolved(what: str, name: str, position: Position) -> QueryError:
    """A name that means nothing here."""
    message = f"Failed to resolve {what} named '{name}' on line {position}"
    return QueryError("SemanticError", "SEM0100", message, position, name)


def semantic_error(message: str, position: Position, token: str = "") -> QueryError:
    """The text can be read and makes no sense."""
    return QueryError("SemanticError", "SEM0001", f"{message} on line {position}", position, token)


def unsupported(what: str, token: str, position: Position) -> QueryError:
    """Kusto has it and this emulator has not."""
    message = f"{what} '{token}' on line {position} is not supported by the emulator"
    return QueryError("SemanticError", "SEM0001", message, position, token)
