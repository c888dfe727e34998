"""Jobs among the emulator's runs: Azure's words for their states."""

from __future__ import annotations

from emulator.machine_learning.identifiers import JOB
from emulator.runs.records import RunRecords, States
from emulator.store import Store

FINAL = frozenset({"Completed", "Failed", "Canceled"})
STATES = States(FINAL, queued="Queued", starting="Starting", canceling="CancelRequested")
RUNNING_JOBS = 2
"""How many run at once on this machine, whatever their computes."""


class JobRecords(RunRecords):
    """Jobs in the store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, JOB, STATES)
