"""Set-up: versions, the cache, progress, which engine is taken."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tools import announcement, bootstrap, localhost_names
from tools.cache import cache_folder, make_once
from tools.engine import build, find
from tools.machine.locks import file_lock
from tools.progress import Progress, SetupError, duration, run
from tools.versions import ROOT, at_least, parse, pinned


@pytest.mark.parametrize(
    ("have", "want", "enough"),
    [
        ("3.259.0", "3.259.0", True),
        ("v3.260.1", "3.259.0", True),
        ("3.99.0", "3.259.0", False),
        ("v3.259.0-dev.1", "3.259.0", True),
        ("go1.26.8", "1.25.11", True),
        ("go1.25", "1.25.11", False),
        ("uv 0.13.9 (x86_64)", "0.13.9", True),
    ],
)
def test_versions_compare_by_number(have: str, want: str, enough: bool) -> None:
    assert at_least(have, want) is enough


def test_text_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="'devel' holds no version"):
        parse("devel")


def test_engine_and_sdk_are_the_same_version() -> None:
    assert f"pkg/v3 v{pinned('pulumi')}" in (ROOT / "tools" / "engine" / "go.mod").read_text()


def test_cache_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "azure-mlops"


def test_a_failed_build_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    target = tmp_path / "tool-1.0"

    def broken(folder: Path) -> None:
        (folder / "half").write_text("")
        raise SetupError("no network")

    with pytest.raises(SetupError):
        make_once(target, broken)
    assert not target.exists()
    assert make_once(target, lambda folder: folder.joinpath("whole").touch())
    assert [file.name for file in target.iterdir()] == ["whole"]
    assert not make_once(target, broken)


def test_a_second_build_waits_and_finds_the_first_one_s_work(tmp_path: Path) -> None:
    target, waiting, made = tmp_path / "tool-1.0", threading.Event(), []
    with file_lock(tmp_path / "tool-1.0.lock"):
        second = threading.Thread(target=lambda: made.append(make_once(target, lambda folder: None, waiting.set)))
        second.start()
        assert waiting.wait(10)
        target.mkdir()
    second.join(10)
    assert made == [False]


def test_progress_prints_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(stream, every=0.01)
    with progress.step("engine") as step:
        step.detail = "compiled 3 of 9 packages"
        while "compiled 3 of 9" not in stream.getvalue():
            threading.Event().wait(0.005)
    assert stream.getvalue().splitlines()[-1].startswith("engine: done in ")


def test_a_failing_command_shows_its_last_lines() -> None:
    step_stream = Progress(io.StringIO())
    code = "import sys; print('disk is full'); sys.exit(3)"
    with pytest.raises(SetupError, match=r"ended with 3\n.*disk is full"), step_stream.step("packages") as step:
        run([sys.executable, "-c", code], step)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (12.2, "12 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def _fake_engine(folder: Path, version: str, plugin: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "pulumi").write_text(f"#!/bin/sh\necho v{version}\n")
    (folder / "pulumi").chmod(0o755)
    if plugin:
        (folder / find.LANGUAGE_PLUGIN).write_text("#!/bin/sh\n")
        (folder / find.LANGUAGE_PLUGIN).chmod(0o755)
    return folder / "pulumi"


def test_the_first_complete_and_new_engine_on_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _fake_engine(tmp_path / "old", "3.1.0")
    _fake_engine(tmp_path / "bare", "3.300.0", plugin=False)
    _fake_engine(tmp_path / "good", "3.300.0")
    monkeypatch.setenv("PATH", os.pathsep.join(str(tmp_path / name) for name in ("old", "bare", "good")))
    monkeypatch.setattr(find, "RECORD", tmp_path / "home" / "engine.json")
    found = find.find()
    assert found is not None
    assert (found.folder, found.version) == (str(tmp_path / "good"), "3.300.0")
    assert find.recorded() == found
    _fake_engine(tmp_path / "other", "3.2.0").rename(tmp_path / "good" / "pulumi")
    assert find.recorded() is None, "the file changed, so it is looked at again"


def test_the_engine_in_the_cache_comes_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setattr(find, "RECORD", tmp_path / "home" / "engine.json")
    assert find.find() is None
    _fake_engine(find.cached_folder(find.wanted_version()), find.wanted_version())
    found = find.find()
    assert found is not None
    assert found.folder == str(find.cached_folder(find.wanted_version()))


def test_old_or_missing_go_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"Go 1\.25\.11 or newer is needed to build .*go\.dev/dl"):
        build.check_go()
    (tmp_path / "go").write_text("#!/bin/sh\necho go1.22.0\necho local\n")
    (tmp_path / "go").chmod(0o755)
    with pytest.raises(SetupError, match=r"this is go1\.22\.0"):
        build.check_go()


def test_an_old_python_is_told_so() -> None:
    """The file has to compile for an old Python, too, to get that far."""
    source = Path(bootstrap.__file__).read_text()
    compile(source, "bootstrap.py", "exec", flags=0, dont_inherit=True)
    head = (
        source.partition("sys.path[0]")[0]
        .replace("sys.version_info <", "(3, 9, 1) <")
        .replace("sys.version_info[:2]", "(3, 9)")
    )
    done = subprocess.run([sys.executable, "-c", head], capture_output=True, text=True, env={"PATH": ""}, check=False)
    assert "Python 3.11 or newer is needed, this is 3.9" in done.stderr
    assert done.returncode == 1


def test_set_up_with_nothing_to_do_is_quiet() -> None:
    done = subprocess.run([sys.executable, "tools/bootstrap.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "11 to 17 minutes on this processor"),
        (2, "6 to 9 minutes on these 2 processors"),
        (16, "2 minutes on these 16 processors"),
    ],
)
def test_the_time_of_a_build_follows_the_machine(count: int, said: str) -> None:
    assert announcement.expected(announcement.ENGINE_MINUTES, count) == said


def test_set_up_says_why_it_builds_and_how_to_avoid_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    said = "\n".join(announcement.lines(False, True, []))
    assert "why: there is no `pulumi` on PATH" in said
    assert "there is no Go to build it" in said
    assert f"to avoid it: put a `pulumi` of at least {find.wanted_version()} with its Python plugin on PATH" in said
    old, bare = _fake_engine(tmp_path / "old", "3.1.0"), _fake_engine(tmp_path / "bare", "3.300.0", plugin=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/old:{tmp_path}/bare")
    said = "\n".join(announcement.lines(False, True, []))
    assert f"why: {old} is 3.1.0, older than {find.wanted_version()}" in said
    assert f"why: {bare} has no {find.LANGUAGE_PLUGIN} beside it" in said


def test_only_localhost_names_resolve_to_loopback(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    localhost_names.install(tmp_path)
    code = (
        "import _socket; asked = []; _socket.getaddrinfo = lambda host, *rest: asked.append(host) or []\n"
        "import _localhost_names, socket, json\n"
        "for name in ('a.blob.core.localhost', 'A.LOCALHOST.', 'localhost', 'example.com', 'notlocalhost', None):\n"
        "    socket.getaddrinfo(name, 443)\n"
        "socket.getaddrinfo('a.localhost', 443, socket.AF_INET6)\n"
        "print(json.dumps(asked))"
    )
    said = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(said) == ["127.0.0.1", "127.0.0.1", "localhost", "example.com", "notlocalhost", None, "::1"]
    assert (packages / "localhost_names.pth").read_text() == "import _localhost_names\n"
