"""Jobs among the emulator's runs: Azure's words for their states."""

from __future__ import annotations

from emulator.machine_learning.identifiers import JOB
from emulator.runs.records import RunRecords, States
from emulator.store import Document, Store

TRACKED = "tracked"
"""Marks, among a job's private values, that it is a run of MLflow's: nothing of it is started or ended here."""
FINAL = frozenset({"Completed", "Failed", "Canceled"})
STATES = States(FINAL, queued="Queued", starting="Starting", canceling="CancelRequested")
RUNNING_JOBS = 2
"""How many run at once on this machine, whatever their computes."""


class JobRecords(RunRecords):
    """Jobs in the store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, JOB, STATES)

    def open(self) -> list[Document]:
        """Submitted jobs that have not ended, oldest first."""
        return [job for job in super().open() if not job.private.get(TRACKED)]
