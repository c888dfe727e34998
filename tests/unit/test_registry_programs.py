"""Where the registry server and crane come from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.images import build, find
from tools.progress import SetupError


@pytest.fixture(autouse=True, name="folder")
def fixture_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache and an empty PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)
    return path


def test_versions_are_those_of_go_mod() -> None:
    assert [one.version for one in find.PROGRAMS] == ["3.0.0", "0.20.6"]


def test_nothing_there_is_said_with_the_fix() -> None:
    assert find.missing() == list(find.PROGRAMS)
    with pytest.raises(FileNotFoundError, match=r"'crane' is missing: `python3 tools/bootstrap\.py`"):
        find.require(find.CRANE)


def test_an_installed_program_will_do_when_it_is_new_enough(folder: Path) -> None:
    old = program(folder / "bin" / "docker-registry", "docker-registry github.com/docker/distribution 2.7.1+ds2")
    assert find.find(find.REGISTRY) is None
    program(old, "docker-registry github.com/docker/distribution 2.8.2+ds1")
    assert find.find(find.REGISTRY) == old
    program(folder / "bin" / "crane", "(devel)")
    assert find.missing() == [find.CRANE]


def test_what_set_up_built_comes_first(folder: Path) -> None:
    program(folder / "bin" / "crane", "0.20.6")
    built = program(find.CRANE.folder / "crane", "v0.20.6")
    assert find.find(find.CRANE) == built
    assert folder / "cache" in built.parents


def test_without_go_it_says_what_to_install(folder: Path) -> None:
    with pytest.raises(SetupError, match=r"Go 1\.24\.0 or newer is needed .*docker-registry.*crane"):
        build.check_go()
    program(folder / "bin" / "go", "go1.20.1")
    os.environ["PATH"] += ":/bin"
    with pytest.raises(SetupError, match=r"this is go1\.20\.1"):
        build.check_go()
