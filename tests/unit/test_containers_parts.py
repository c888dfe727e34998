"""Parts of the container host that need no container: back-off, events, logs, addresses, paths of an image."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from emulator.containers.addresses import HOSTS, Addresses, taken_ports
from emulator.containers.back_off import BackOff
from emulator.containers.choice import choose
from emulator.containers.event import MOST_EVENTS, Event, recorded
from emulator.containers.image_paths import CannotRun, ImagePaths, command_line, local_python
from emulator.containers.log_file import LogFile
from emulator.containers.sandbox_engine import prepare, user_id
from emulator.containers.specification import ContainerSpecification


def test_back_off_is_that_of_kubernetes() -> None:
    back_off = BackOff(10)
    assert [back_off.next(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert back_off.next(600) == 0
    assert back_off.next(1) == 10


def test_equal_events_are_counted_and_old_ones_go() -> None:
    events: list[Event] = []
    for number in range(MOST_EVENTS + 5):
        events = recorded(events, "Pulled", f"image {number}")
    again = recorded(recorded(events, "BackOff", "waiting", warning=True), "BackOff", "waiting", warning=True)
    assert len(again) == MOST_EVENTS
    assert (again[-1].count, again[-1].type, again[0].message) == (2, "Warning", "image 6")


def test_log_stays_below_its_cap_while_a_program_writes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", cap=1000)
    with log.file.open("ab", buffering=0) as writer:
        for number in range(500):
            writer.write(f"line {number}\n".encode())
            log.trim()
            assert log.file.stat().st_size <= 1000
    assert log.read(2) == "line 498\nline 499\n"
    assert log.read().startswith("line ")
    assert log.read(0) == ""


def test_addresses_are_kept_and_freed(tmp_path: Path) -> None:
    file = tmp_path / "containers" / "addresses.json"
    first = Addresses(file, 21574, lambda _: False)
    one, two = first.get("one"), first.get("two")
    assert one.startswith("127.84.70.")
    assert one != two
    assert Addresses(file, 21574, lambda _: False).get("one") == one
    first.release("one")
    assert list(Addresses(file, 21574, lambda _: False)._numbers) == ["two"]


def test_two_emulators_never_share_an_address(tmp_path: Path) -> None:
    blocks = {Addresses(tmp_path / "a", port, lambda _: False).get("x").rpartition(".")[0] for port in (20000, 20002)}
    assert len(blocks) == 2
    assert "127.0.0" not in blocks


def test_when_all_addresses_are_taken_the_oldest_unused_one_is_given_again(tmp_path: Path) -> None:
    busy: set[str] = set()
    addresses = Addresses(tmp_path / "file", 20000, busy.__contains__)
    given = [addresses.get(str(number)) for number in range(HOSTS)]
    assert len(set(given)) == HOSTS
    busy |= set(given) - {given[7]}
    assert addresses.get("one more") == given[7]
    busy.add(given[7])
    with pytest.raises(RuntimeError, match="delete some"):
        addresses.get("too many")


def test_port_that_somebody_listens_on_is_taken_also_when_it_is_on_every_address() -> None:
    for host in ("127.9.9.9", "0.0.0.0"):
        with socket.socket() as taken:
            taken.bind((host, 0))
            taken.listen()
            port = taken.getsockname()[1]
            assert taken_ports("127.9.9.9", (port,)) == [port]
    assert taken_ports("127.9.9.9", (port,)) == []


@pytest.fixture
def paths(tmp_path: Path) -> ImagePaths:
    """An image with a program, a script, a link out of itself and a mounted folder."""
    root = tmp_path / "root"
    for folder in ("usr/bin", "usr/local/bin", "app/model", "opt/env"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr/bin/tool").write_bytes(b"\x7fELF")
    (root / f"usr/local/bin/python3.{sys.version_info.minor}").touch()
    (root / "usr/local/bin/python3").symlink_to(f"python3.{sys.version_info.minor}")
    (root / "usr/local/bin/python2.99").touch()
    (root / "app/start").write_text("#!/usr/bin/env python3\n")
    (root / "escape").symlink_to("/etc")
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "file").touch()
    return ImagePaths(root, {"/mnt/data": mounted})


def test_paths_of_the_image_are_rewritten_and_others_are_not(paths: ImagePaths, tmp_path: Path) -> None:
    root = paths.root
    assert paths.rewrite("/opt/env:/no/such:/app") == f"{root}/opt/env:/no/such:{root}/app"
    assert paths.rewrite("/mnt/data/file") == f"{tmp_path}/mounted/file"
    assert paths.find("/bin/tool") == root / "usr/bin/tool"
    for text in ("/", "http://x/app", "app", "//app", "/mnt/data/none", "/app/../../etc/passwd"):
        assert paths.rewrite(text) == text
    assert not (paths.find("/escape/passwd") or root).is_relative_to("/etc")
    (root / "var").symlink_to("/mnt")
    (root / "round").symlink_to("round")
    assert paths.find("/var/data/file") == tmp_path / "mounted/file"
    assert paths.find("/round/x") is None


def test_programs_scripts_and_python_run_each_in_their_way(paths: ImagePaths) -> None:
    python = local_python(f"3.{sys.version_info.minor}")
    path = {"PATH": "/usr/local/bin:/usr/bin"}
    assert command_line(paths, ("python3", "-m", "x", "/app/model"), path) == [
        python,
        "-m",
        "x",
        f"{paths.root}/app/model",
    ]
    assert command_line(paths, ("/app/start", "a"), path) == [python, f"{paths.root}/app/start", "a"]
    assert command_line(paths, ("tool",), path) == [f"{paths.root}/usr/bin/tool"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ((), "no entrypoint"),
        (("nothing",), "no such program in the image"),
        (("/usr/bin/python3.99",), "needs Python 3.99"),
    ],
)
def test_what_cannot_run_says_why(paths: ImagePaths, command: tuple[str, ...], says: str) -> None:
    with pytest.raises(CannotRun, match=says):
        command_line(paths, command, {"PATH": "/usr/bin"})


def test_user_of_an_image_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:\napp:x:10001:10001::/app:\n")
    assert [user_id(tmp_path, user) for user in ("", "app", "app:app", "7:8")] == ["0", "10001", "10001", "7"]
    with pytest.raises(CannotRun, match="no user 'stranger'"):
        user_id(tmp_path, "stranger")


def test_mounts_stay_in_the_image_whose_links_lead_out(tmp_path: Path) -> None:
    image, outside, file = tmp_path / "image", tmp_path / "outside", tmp_path / "file"
    image.mkdir()
    outside.mkdir()
    file.touch()
    for name in ("etc", "sys"):
        (image / name).symlink_to(outside)
    own, targets = prepare(image, {"/etc/hosts": file, "/mnt/data": tmp_path})
    assert own == ["/dev", "/proc", str(outside), "/tmp"]
    assert targets == [f"{outside}/hosts", "/mnt/data"]
    assert (image / f"{outside}/hosts".lstrip("/")).is_file()
    with pytest.raises(CannotRun, match=r"'/\.\./escaped/x' cannot be mounted on"):
        prepare(image, {"/../escaped/x": tmp_path})
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "image", "outside"]


def test_specification_shows_no_variables() -> None:
    specification = ContainerSpecification("a", None, "127.1.1.1", (80,), {"KEY": "canary"})
    assert "canary" not in repr(specification)


def test_engine_that_is_asked_for_must_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert choose("process", tmp_path)[0].name == "process"
    engine, why = choose("auto", tmp_path)
    assert engine.name == "process"
    assert "podman is not installed; docker is not installed; unshare is not installed" in why
    with pytest.raises(RuntimeError, match=r"container_runtime is 'podman' .*podman is not installed"):
        choose("podman", tmp_path)
    with pytest.raises(RuntimeError, match="must be one of auto, podman"):
        choose("rocket", tmp_path)
