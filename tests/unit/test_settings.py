"""Where the emulator keeps its state, and who can look into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.settings import load_settings


@pytest.mark.parametrize("before", [None, 0o755], ids=["new", "there"])
def test_only_its_owner_can_look_into_the_state_folder(tmp_path: Path, before: int | None) -> None:
    state = tmp_path / "state"
    if before is not None:
        load_settings(state)
        state.chmod(before)
    settings = load_settings(state)
    assert state.stat().st_mode & 0o777 == 0o700
    assert load_settings(state) == settings
