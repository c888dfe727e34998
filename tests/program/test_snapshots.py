"""The reviewed snapshots: what each stack declares, and which API versions it uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.program.azure import snapshots


@pytest.mark.parametrize("file", snapshots.FILES, ids=lambda file: file.name)
def test_snapshot_is_what_the_stacks_declare(file: Path) -> None:
    found = snapshots.FILES[file]()
    assert found == file.read_text(), f"{file.name} is not current. Look at what changes, then: {snapshots.COMMAND}"


def test_a_small_teams_stack_is_small() -> None:
    assert snapshots.engine_count("small") < 75
