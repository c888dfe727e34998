"""What is known of a deployment under way: rows of work, messages and counts, from the engine's events.

`pulumi up --json` writes one event a line, the live texts of `ml.resources.host` among them. Nothing here prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.progress import duration

OPERATIONS = {
    "create": ("+", "creating", "created"),
    "update": ("~", "updating", "updated"),
    "delete": ("-", "deleting", "deleted"),
    "create-replacement": ("±", "replacing", "replaced"),
    "delete-replaced": ("-", "retiring", "retired"),
    "import": ("=", "importing", "imported"),
    "refresh": (">", "reading", "read"),
    "found-update": ("~", "reading", "has changed"),
    "found-delete": ("-", "reading", "is gone"),
}
"""Symbol and words of the operations that are shown; an unchanged resource is only counted. `found-` is what reading a
resource came to.
"""
COUNTED = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
    "refresh": "read",
    "same": "unchanged",
}
"""The engine's words for its counts, in the order in which a person asks for them."""
FOUND = {"update": "changed", "delete": "gone", "same": "as the stack knew"}
"""The same counts where the stack only read what is."""
SAID_ANYWAY = ("update failed", "preview failed", "destroy failed")


@dataclass
class Row:
    """One operation on one resource; `limit` is the longest it may take, where its inputs say so."""

    name: str
    kind: str
    operation: str
    started: float
    limit: float | None = None
    text: str = ""
    took: float | None = None
    failed: bool = False

    @property
    def symbol(self) -> str:
        """`+`, `~`, `±`, `-`; `x` once it has failed."""
        return "x" if self.failed else OPERATIONS[self.operation][0]

    @property
    def word(self) -> str:
        """What is done, or was."""
        if self.failed:
            return "failed"
        return OPERATIONS[self.operation][1 if self.took is None else 2]

    def line(self) -> str:
        """How it ended: `+ bike_buyer-gate created in 41 s`; what took no time, or was only read, is said without."""
        long = self.took and self.took >= 1 and not self.operation.startswith("found-")
        took = f" in {duration(self.took or 0)}" if long else ""
        return f"{self.symbol} {self.name} {self.word}{took}"


@dataclass(frozen=True)
class Message:
    """What the program, a provider or the engine said of a resource; `error`, `warning` or `info`."""

    name: str
    severity: str
    text: str


@dataclass
class Board:
    """Takes events in the order in which they come; `now` is any clock in seconds."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    counts: Mapping[str, int] | None = None
    seconds: float = 0.0
    fetching: str = ""
    """What the engine is fetching, such as a plugin, and how far that is."""

    def running(self) -> list[Row]:
        """Rows under way, the one that began first first."""
        return [row for row in self.rows.values() if row.took is None]

    def done(self) -> int:
        """How many rows have ended."""
        return len(self.rows) - len(self.running())

    def failed(self) -> int:
        """How many rows have failed."""
        return sum(row.failed for row in self.rows.values())

    def take(self, event: Mapping[str, Any], now: float) -> Row | str | None:
        """Notes an event; gives the row that has just ended, or a line to be shown at once."""
        if begun := event.get("resourcePreEvent"):
            self._begin(begun["metadata"], now)
        elif ended := event.get("resOutputsEvent"):
            return self._end(ended["metadata"], now, failed=False)
        elif broken := event.get("resOpFailedEvent"):
            return self._end(broken["metadata"], now, failed=True)
        elif said := event.get("diagnosticEvent"):
            self._hear(said)
        elif policy := event.get("policyEvent"):
            self._violation(policy)
        elif fetched := event.get("progressEvent"):
            self.fetching = "" if fetched.get("done") else fetch(fetched)
        elif summary := event.get("summaryEvent"):
            self.counts, self.seconds = summary.get("resourceChanges") or {}, float(summary["durationSeconds"])
        elif printed := event.get("stdoutEvent"):
            return str(printed["message"]).rstrip()
        return None

    def _begin(self, step: Mapping[str, Any], now: float) -> None:
        described = step.get("new") or step.get("old") or {}
        if step["op"] in OPERATIONS and described.get("custom") and not is_provider(step["urn"]):
            kind = str(step["type"]).rsplit(":", 1)[-1]
            row = Row(short(step["urn"]), kind, step["op"], now, limit=limit(described.get("inputs") or {}))
            self.rows[step["urn"], step["op"]] = row

    def _end(self, step: Mapping[str, Any], now: float, *, failed: bool) -> Row | None:
        read = self.rows.get((step["urn"], "refresh"))
        row = read or self.rows.get((step["urn"], step["op"]))
        if row is None or row.took is not None:
            return None
        row.took, row.failed = now - row.started, failed
        if read and not failed:
            row.operation = f"found-{step['op']}" if step["op"] in ("update", "delete") else "refresh"
        return None if row.operation == "refresh" and not failed else row

    def _hear(self, said: Mapping[str, Any]) -> None:
        urn, text = said.get("urn") or "", str(said["message"])
        if said.get("ephemeral"):
            for row in (row for (of, _), row in self.rows.items() if of == urn and row.took is None):
                row.text = text.strip()
        elif said["severity"] != "debug":
            severity = "warning" if text.startswith("warning: ") else said["severity"].partition("#")[0]
            self._note(Message(short(urn), severity, text.rstrip()), said.get("streamId"))

    def _violation(self, policy: Mapping[str, Any]) -> None:
        severity = "error" if policy.get("enforcementLevel") == "mandatory" else "warning"
        text = f"{policy.get('policyName', '')}: {policy.get('message', '')}".rstrip()
        self._note(Message(short(policy.get("resourceUrn") or ""), severity, text))

    def _note(self, message: Message, stream: object = None) -> None:
        """Keeps a message once; what comes in pieces is put together again."""
        last = self.messages[-1] if self.messages else None
        if stream and last and (last.name, last.severity) == (message.name, message.severity):
            self.messages[-1] = Message(last.name, last.severity, f"{last.text}\n{message.text}")
        elif message.text and message.text not in SAID_ANYWAY and message not in self.messages:
            self.messages.append(message)


def fetch(progress: Mapping[str, Any]) -> str:
    """`Downloading plugin azure-native: 40 %`."""
    total, received = progress.get("total") or 0, progress.get("received") or 0
    share = f": {100 * received / total:.0f} %" if total > 0 else ""
    return f"{str(progress.get('message') or progress.get('id') or '').rstrip(' :')}{share}"


def short(urn: str) -> str:
    """The resource's own name."""
    return urn.rpartition("::")[2]


def is_provider(urn: str) -> bool:
    """Whether a URN is that of a provider, which is no work."""
    return "pulumi:providers:" in urn


def limit(inputs: Mapping[str, Any]) -> float | None:
    """How many seconds an operation waits at most, as its inputs say."""
    minutes = inputs.get("waitMinutes")
    return float(minutes) * 60 if isinstance(minutes, int | float) else None


def counted(board: Board) -> str:
    """`3 created, 1 updated, 62 unchanged, 1 failed`, as the engine counts."""
    counts = board.counts or {}
    known = FOUND if any(operation == "refresh" for _, operation in board.rows) else COUNTED
    words = [f"{counts[operation]} {word}" for operation, word in known.items() if counts.get(operation)]
    words += [f"{count} {operation}" for operation, count in counts.items() if count and operation not in known]
    return ", ".join([*words, *([f"{board.failed()} failed"] if board.failed() else [])]) or "nothing to do"


def told(messages: list[Message]) -> Iterator[tuple[str, str]]:
    """Every message as severity and text, errors last: they stand next to what follows."""
    order = {"info": 0, "warning": 1, "error": 2}
    for message in sorted(messages, key=lambda one: order.get(one.severity, 0)):
        severity = "" if message.severity == "info" else f"{message.severity}: "
        text = message.text.removeprefix(severity)
        yield message.severity, f"{severity}{text if names(text, message.name) else f'{message.name}: {text}'}"


def names(text: str, name: str) -> bool:
    """Whether a text says itself what it is about: it begins with the resource's name, or with its system's; or it is
    about none.
    """
    return not name or name.startswith(text.partition(" ")[0].rstrip(":"))
