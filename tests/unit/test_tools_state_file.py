"""A state file that cannot be read: what is said of it, and which copy takes its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.progress import SetupError
from tools.state_file import StateFile, backend_folder


def checkpoint(serial: int) -> str:
    return json.dumps({"version": 3, "checkpoint": {"stack": "local", "latest": {"resources": [], "serial": serial}}})


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    made = StateFile(tmp_path, "mlops", "local")
    made.file.parent.mkdir(parents=True)
    made.file.write_text(checkpoint(3))
    made.file.with_name("local.json.bak").write_text(checkpoint(2))
    backups = tmp_path / ".pulumi" / "backups" / "mlops" / "local"
    backups.mkdir(parents=True)
    for serial in (0, 1):
        backups.joinpath(f"local.{serial}.json").write_text(checkpoint(serial))
    return made


def serial(state: StateFile) -> int:
    return int(state.checkpoint()["serial"])


def cut(file: Path) -> None:
    file.write_text(file.read_text()[:40])


DAMAGES = [("", "is empty"), ("\0" * 64, "is empty"), ('{"version": 3, "check', "is cut off"), ("{}", "holds no state")]


@pytest.mark.parametrize(("text", "said"), DAMAGES)
def test_a_damaged_file_says_what_it_is_and_that_a_copy_can_be_put_back(state: StateFile, text: str, said: str) -> None:
    state.file.write_text(text)
    with pytest.raises(
        SetupError, match=rf"local\.json {said}.*`make recover STACK=local` puts back the copy of \d{{4}}-"
    ):
        state.checkpoint()
    assert said in state.restore()
    assert serial(state) == 2
    assert state.file.with_name("local.json.damaged").read_text() == text


def test_other_stacks_are_those_with_a_state_and_copies_are_none(state: StateFile) -> None:
    assert state.others() == []
    state.file.with_name("dev-emulator.json").write_text(checkpoint(1))
    assert state.others() == ["dev-emulator"]


def test_without_a_whole_copy_beside_it_the_newest_backup_is_taken(state: StateFile) -> None:
    cut(state.file)
    cut(state.file.with_name("local.json.bak"))
    assert "put back the copy of" in state.restore()
    assert serial(state) == 1


def test_without_any_whole_copy_the_way_out_is_to_build_anew(state: StateFile) -> None:
    for file in (*state.backend.rglob("*.json"), state.file.with_name("local.json.bak")):
        cut(file)
    for act in (state.checkpoint, state.restore):
        with pytest.raises(SetupError, match=r"no copy of it is whole.*`make down STACK=local FORCE=1`"):
            act()
    state.remove()
    assert list(state.file.parent.iterdir()) == []


def test_only_attributes_that_were_cut_off_go(state: StateFile) -> None:
    history = state.backend / ".pulumi" / "history" / "mlops" / "local"
    history.mkdir(parents=True)
    sound = state.file.with_name("local.json.bak.attrs")
    sound.write_text('{"user.content_type": "application/json"}')
    cut_off = [state.file.with_name("local.json.attrs"), history / "local-1.checkpoint.json.attrs"]
    for file in cut_off:
        file.touch()
    other = state.file.with_name("dev.json.attrs")
    other.touch()
    assert state.drop_unreadable_attributes() == 2
    assert [file.exists() for file in (*cut_off, sound, other)] == [False, False, True, True]
    assert serial(state) == 3


def test_a_sound_file_and_none_at_all_are_left_alone(state: StateFile) -> None:
    assert state.restore() == ""
    assert serial(state) == 3
    state.file.unlink()
    assert state.restore() == state.damage() == ""
    assert state.checkpoint() == {}


def test_only_a_file_backend_has_a_folder() -> None:
    assert backend_folder("file:///a/b") == Path("/a/b")
    assert backend_folder("azblob://state") is None
    assert backend_folder("") is None
