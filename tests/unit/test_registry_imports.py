"""Imports as runs."""

from __future__ import annotations

from pathlib import Path

from emulator.container_registry.imports import IMPORT, ImportRecords, queued
from emulator.store import Document, Store

OWNER = f"/subscriptions/s/resourceGroups/g/providers/{IMPORT.rpartition('/')[0]}/images/importImages"


def test_an_import_of_an_emulator_that_wrote_no_status_is_not_done_again_on_its_own(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    for name, body in (
        ("old", {"properties": {}}),
        ("waits", queued()),
        ("done", {"properties": {"status": "Failed"}}),
    ):
        store.put(Document(f"{OWNER}/{name}", body))
    assert [run.name for run in ImportRecords(store).open()] == ["waits"]
    store.close()
