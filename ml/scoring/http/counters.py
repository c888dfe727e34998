"""What one process has done since it started, as Prometheus text."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.scoring.telemetry.sender import Telemetry

TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Counters:
    """Counts of answers by status, and of rows."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.rows = 0

    def text(self, connections: int, waiting: int, telemetry: Telemetry | None) -> bytes:
        """All counters; those of telemetry only where there is one. Each process of a server counts for itself."""
        worker = f'process="{os.getpid()}"'
        values = [
            ("scoring_requests_total", "counter", f'{worker},status="{status}"', count)
            for status, count in sorted(self.answers.items())
        ]
        values.append(("scoring_rows_total", "counter", worker, self.rows))
        values.append(("scoring_connections", "gauge", worker, connections))
        values.append(("scoring_requests_waiting", "gauge", worker, waiting))
        if telemetry is not None:
            values.append(("scoring_telemetry_sent_total", "counter", worker, telemetry.sent))
            values.append(("scoring_telemetry_dropped_total", "counter", worker, telemetry.dropped))
        lines: list[str] = []
        for name, kind, labels, value in values:
            if f"# TYPE {name} {kind}" not in lines:
                lines.append(f"# TYPE {name} {kind}")
            lines.append(f"{name}{{{labels}}} {value}")
        return ("\n".join(lines) + "\n").encode()
