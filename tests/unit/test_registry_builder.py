"""Building without a registry: what a context becomes in layers, and what of it is in the digest."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.container_registry import context as context_module
from emulator.container_registry import images as images_module
from emulator.container_registry import layers
from emulator.container_registry.builder import Builder
from emulator.container_registry.context import unpack
from emulator.container_registry.dockerfile import DockerfileError
from emulator.container_registry.files import RegistryFiles
from emulator.container_registry.image_document import encode
from emulator.container_registry.images import Images, apply
from emulator.container_registry.layer_cache import LayerCache

Build = Callable[..., Builder]


@pytest.fixture(name="context")
def fixture_context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for name, text in {"a.txt": "a", "b.txt": "b", "app/main.py": "print()", "app/run.sh": "#!/bin/sh"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    (folder / "app/run.sh").chmod(0o755)
    (folder / "app/link").symlink_to("main.py")
    return folder


@pytest.fixture(name="build")
def fixture_build(context: Path, tmp_path: Path) -> Build:
    def build(*lines: str, **arguments: str) -> Builder:
        (context / "Dockerfile").write_text("\n".join(["FROM scratch", *lines]) + "\n")
        work = tmp_path / f"work-{time.monotonic_ns()}"
        work.mkdir()
        builder = Builder(context, work, RegistryFiles(tmp_path), "registry.test", lambda line: None)
        builder.run("Dockerfile", arguments)
        return builder

    return build


def members(builder: Builder, layer: int = 0) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(builder.image.new[layer].file) as archive:
        return {member.name: member for member in archive}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("COPY a.txt /x", ["x"]),
        ("COPY a.txt /x/", ["x/a.txt"]),
        ("COPY *.txt /x/", ["x/a.txt", "x/b.txt"]),
        ('COPY ["a.txt", "b.txt", "/x/"]', ["x/a.txt", "x/b.txt"]),
        ("COPY app /x", ["x", "x/link", "x/main.py", "x/run.sh"]),
        ("COPY app/ /", ["link", "main.py", "run.sh"]),
        ("WORKDIR /w\nCOPY a.txt .", ["w/a.txt"]),
        ("WORKDIR /w\nCOPY app ./deep/", ["w/deep", "w/deep/link", "w/deep/main.py", "w/deep/run.sh"]),
        ("ARG where=/d\nCOPY a.txt ${where}/", ["d/a.txt"]),
    ],
)
def test_copy_puts_files_where_docker_puts_them(build: Build, line: str, names: list[str]) -> None:
    assert list(members(build(line))) == names


def test_owner_mode_and_links_are_kept_and_times_are_not(build: Build) -> None:
    found = members(build("COPY --chown=10001:7 app /x"))
    assert {(one.uid, one.gid) for one in found.values()} == {(10001, 7)}
    assert {one.mtime for one in found.values()} == {315532800}
    assert (found["x/run.sh"].mode, found["x/main.py"].mode, found["x"].mode) == (0o755, 0o644, 0o755)
    assert found["x/link"].linkname == "main.py"


def test_equal_content_gives_an_equal_image_whatever_its_dates(build: Build, context: Path) -> None:
    lines = ("ENV b=2 a=1", "LABEL x=y", "COPY app /x", "COPY a.txt /", "USER 1")
    first = build(*lines)
    for path in context.rglob("*"):
        os.utime(path, (0, 1), follow_symlinks=False)
    again = build(*lines)
    assert encode(again.image.document()) == encode(first.image.document())
    assert [layer.digest for layer in again.image.new] == [layer.digest for layer in first.image.new]
    (context / "a.txt").write_text("other")
    other = build(*lines)
    changed = [old.digest != new.digest for old, new in zip(first.image.new, other.image.new, strict=True)]
    assert changed == [False, True]


def test_the_configuration_says_what_the_dockerfile_says(build: Build) -> None:
    builder = build(
        "ARG version",
        "ARG other=default",
        "ENV VERSION=$version OTHER=${other}",
        "ENV PATH=/opt:$PATH",
        "LABEL version=$VERSION",
        "WORKDIR /app",
        "WORKDIR data",
        "USER 10001:10001",
        "EXPOSE 80 5001/tcp 53/udp",
        'CMD ["first"]',
        'ENTRYPOINT ["python3"]',
        'CMD ["-V"]',
        "STOPSIGNAL SIGINT",
        "VOLUME /data",
        "HEALTHCHECK CMD true",
        version="7",
    )
    assert builder.image.configuration == {
        "Env": ["VERSION=7", "OTHER=default", "PATH=/opt:"],
        "Labels": {"version": "7"},
        "WorkingDir": "/app/data",
        "User": "10001:10001",
        "ExposedPorts": {"80/tcp": {}, "5001/tcp": {}, "53/udp": {}},
        "Entrypoint": ["python3"],
        "Cmd": ["-V"],
        "StopSignal": "SIGINT",
        "Volumes": {"/data": {}},
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("COPY missing.txt /x", "line 2: COPY of 'missing.txt': there is no such file"),
        ("COPY ../secret /x", "line 2: COPY of '../secret' leads out"),
        ("COPY out/passwd /x", "line 2: COPY of 'out/passwd' leads out"),
        ("COPY a.txt b.txt /x", "line 2: COPY of several files needs a target that ends with '/'"),
        ("COPY a.txt", "line 2: COPY needs a source and a target"),
        ("COPY --from=builder /a /b", "line 2: COPY --from is not built"),
        ("COPY --chown=app:app a.txt /x", "line 2: COPY --chown=app:app: the emulator needs numbers"),
    ],
)
def test_a_wrong_copy_is_named(build: Build, context: Path, line: str, says: str) -> None:
    (context / "out").symlink_to("/etc")
    with pytest.raises(DockerfileError, match=says):
        build(line)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("python:3.11", "which is not in this registry, and the emulator has no internet"),
        ("registry.test/base/python:3.11", "which is not in the registry"),
        ("Registry/UPPER", "is not understood"),
        ("--platform=linux/arm64 registry.test/a", "the emulator builds linux/amd64"),
    ],
)
def test_a_base_image_that_cannot_be_had_is_named(context: Path, tmp_path: Path, image: str, says: str) -> None:
    (context / "Dockerfile").write_text(f"FROM {image}\n")
    builder = Builder(context, tmp_path, RegistryFiles(tmp_path), "registry.test", lambda line: None)
    with pytest.raises(DockerfileError, match=f"line 1: FROM .*{says}"):
        builder.run("Dockerfile", {})


def test_a_missing_dockerfile_is_named(context: Path, tmp_path: Path) -> None:
    builder = Builder(context, tmp_path, RegistryFiles(tmp_path), "registry.test", lambda line: None)
    for name in ("Dockerfile", "../Dockerfile"):
        with pytest.raises(DockerfileError, match=f"there is no '{name}'"):
            builder.run(name, {})


def archive(*entries: tuple[str, bytes | str | Path | None]) -> io.BytesIO:
    """A tar file; text is the target of a symbolic link, a path that of a hard link, nothing is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, content in entries:
            header = tarfile.TarInfo(name)
            if content is None:
                header.type, header.mode = tarfile.DIRTYPE, 0o777
                made.addfile(header)
            elif not isinstance(content, bytes):
                header.type = tarfile.SYMTYPE if isinstance(content, str) else tarfile.LNKTYPE
                header.linkname = str(content)
                made.addfile(header)
            else:
                header.size = len(content)
                made.addfile(header, io.BytesIO(content))
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize("name", ["../evil", "/etc/evil/../../../evil"])
def test_a_context_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inside" / "context"
    folder.mkdir(parents=True)
    with pytest.raises(DockerfileError, match="cannot be unpacked"):
        unpack(archive((name, b"x")), folder)
    assert [path.name for path in tmp_path.rglob("evil")] == []


def test_an_archive_that_is_none_and_an_ignore_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="cannot be unpacked"):
        unpack(io.BytesIO(b"no archive"), tmp_path / "a")
    with pytest.raises(DockerfileError, match=r"\.dockerignore is not followed"):
        unpack(archive((".dockerignore", b"*")), tmp_path / "b")


def unpacked(root: Path, *layers: io.BytesIO) -> list[str]:
    for layer in layers:
        layer.seek(0)
        with tarfile.open(fileobj=layer, mode="r|*") as content:
            apply(content, root)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_later_layers_replace_and_delete(tmp_path: Path) -> None:
    first = archive(("d/a", b"1"), ("d/b", b"2"), ("e/c", b"3"), ("f", b"4"))
    second = archive(("d/.wh.a", b""), ("e/.wh..wh..opq", b""), ("e/n", b"5"), ("f", "d/b"))
    assert unpacked(tmp_path, first, second) == ["d", "d/b", "e", "e/n", "f"]
    assert (tmp_path / "f").read_bytes() == b"2"


def test_a_layer_hides_what_is_below_and_nothing_of_its_own_in_whatever_order(tmp_path: Path) -> None:
    first = archive(("d/a", b"1"), ("d/sub/a", b"1"), ("e/a", b"1"), ("e/b", b"1"), ("f/a", b"1"))
    own = (("d/n", b"2"), ("d/sub/n", b"2"), ("e/a", b"2"), ("f/n", b"2"))
    whiteouts = (("d/.wh..wh..opq", b""), ("e/.wh.a", b""), ("e/.wh.b", b""), (".wh.f", b""))
    assert unpacked(tmp_path / "late", first, archive(*own, *whiteouts)) == unpacked(
        tmp_path / "early", first, archive(*whiteouts, *own)
    )
    assert sorted(one.name for one in (tmp_path / "late").rglob("*") if one.is_file()) == ["a", "n", "n", "n"]
    assert (tmp_path / "late/e/a").read_bytes() == b"2"


def test_what_unpacks_to_too_much_is_refused_before_it_fills_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_module, "MOST_CONTEXT_BYTES", 2_000_000)
    monkeypatch.setattr(images_module, "MOST_LAYER_BYTES", 2_000_000)
    bombs = [archive(("a", b"small"), ("b", b"0" * 3_000_000)), archive(*((f"{one}", b"") for one in range(500)))]
    for number, bomb in enumerate(bombs):
        with pytest.raises(DockerfileError, match=r"cannot be unpacked: it unpacks to more than 0\.002 GB"):
            unpack(bomb, tmp_path / f"context{number}")
        bomb.seek(0)
        with pytest.raises(OSError, match=r"the layer unpacks to more than 0\.002 GB.*leave out"):
            unpacked(tmp_path / f"layer{number}", bomb)
        assert sum(one.stat().st_size for one in tmp_path.rglob("*") if one.is_file()) < 100


def test_no_layer_writes_outside_its_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("s")
    evil = archive(("../outside/a", b"x"), ("link", str(outside)), ("link/b", b"x"), ("/abs", b"x"))
    hard = archive(("hard", Path("../outside/secret")), ("abs2", Path("/abs")))
    names = unpacked(root, evil, hard)
    assert [name for name in names if not (root / name).is_dir()] == ["abs", "abs2", str(outside / "b").lstrip("/")]
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_links_of_an_image_lead_to_its_own_files(tmp_path: Path) -> None:
    layer = archive(("run/", None), ("var/run", "/run"), ("var/run/lock", b"1"), ("same", Path("/var/run/lock")))
    assert unpacked(tmp_path, layer) == ["run", "run/lock", "same", "var", "var/run"]
    assert (tmp_path / "same").samefile(tmp_path / "run/lock")


def test_a_folder_takes_the_place_of_a_link(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir(mode=0o700)
    assert unpacked(root, archive(("x", str(outside)), ("x/", None))) == ["x"]
    assert not (root / "x").is_symlink()
    assert outside.stat().st_mode & 0o777 == 0o700


def test_a_working_directory_is_made_in_the_image(tmp_path: Path) -> None:
    layers, outside = tmp_path / "layers", tmp_path / "outside"
    layers.mkdir()
    outside.mkdir()
    (layers / "link").symlink_to(outside)
    images = Images(tmp_path / "images", lambda _: None)
    for digest, directory in (("sha256:1", "/link/work"), ("sha256:2", f"/../../{outside.name}/work")):
        images._finish(digest, layers, directory)
    assert list(outside.iterdir()) == []
    assert (tmp_path / "images/1" / f"{outside}/work".lstrip("/")).is_dir()
    assert (tmp_path / "images/2/outside/work").is_dir()


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ([(".wh.", b"")], ValueError),
        ([(".wh..", b"")], ValueError),
        ([(".wh...", b"")], ValueError),
        ([("a", "b"), ("b", "a"), ("a/x", b"")], OSError),
        ([("a", b""), ("a/x", b"")], OSError),
    ],
)
def test_a_layer_that_cannot_be_unpacked_changes_nothing_beside_it(
    tmp_path: Path, entries: list[tuple[str, bytes | str]], error: type[Exception]
) -> None:
    root = tmp_path / "layers" / "new"
    root.mkdir(parents=True)
    (tmp_path / "layers/other").touch()
    with pytest.raises(error):
        unpacked(root, archive(*entries))
    assert (tmp_path / "layers/other").exists()


def test_a_large_layer_is_compressed_once_for_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "SMALLEST", 100)
    cache = LayerCache(tmp_path / "cache")
    (tmp_path / "large").write_bytes(b"x" * 100)
    (tmp_path / "small").write_bytes(b"x" * 99)
    large = [layers.Entry("file", tmp_path / "large")]
    first = layers.write_layer(large, tmp_path / "first", cache)
    layers.write_layer([layers.Entry("file", tmp_path / "small")], tmp_path / "other", cache)
    (kept,) = (tmp_path / "cache").iterdir()
    monkeypatch.setattr(layers, "compress", None)
    again = layers.write_layer(large, tmp_path / "again", cache)
    assert (again.digest, again.difference, again.size) == (first.digest, first.difference, first.size)
    assert again.file.read_bytes() == first.file.read_bytes() == kept.read_bytes()


def test_layers_that_nobody_asked_for_in_a_fortnight_go(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache")
    (tmp_path / "layer").write_bytes(b"layer")
    cache.keep("sha256:a", "sha256:b", tmp_path / "layer")
    os.utime(tmp_path / "cache" / "a-b", (0, 0))
    cache.keep("sha256:c", "sha256:d", tmp_path / "layer")
    assert cache.find("sha256:a", tmp_path / "found") is None
    assert cache.find("sha256:c", tmp_path / "found") == "sha256:d"
