"""A Python base image made of this machine's own Python: what the emulator gives for Docker Hub's `python`.

It holds the interpreter with its standard library, the shared libraries both need, the C++ library, a shell and the
certificates, and nothing that needs a network or root to get. It stands where Docker Hub's image stands (`/usr/local`)
and says in its labels what it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import certifi

from emulator.container_registry.image_document import ImageDocument
from emulator.container_registry.layers import Entry, Layer, folder_entries, write_layer
from emulator.container_registry.shared_libraries import Libraries, closure
from emulator.interpreters import Interpreter, find_interpreter

LAYOUT = 1
"""Raised when base images are made in another way, so that an old one is not taken for a new one."""
TAG = re.compile(r"(?P<series>3\.\d+)(\.\d+)?(-.+)?")
# Parts of the standard library that only people at a keyboard, or builders of extensions, use.
LEFT_OUT = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "dist-packages", "test"}
LEFT_OUT |= {"tests", "tkinter", "turtledemo"}
MODULES_LEFT_OUT = ("_tkinter.", "readline.", "_curses", "_test", "_ctypes_test.", "_xxtestfuzz.", "xxlimited", "nis.")
USERS = """\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
app:x:10001:10001:app:/app:/bin/sh
"""
GROUPS = "root:x:0:\nnogroup:x:65534:\napp:x:10001:\n"
SYSTEM = """\
ID=azure-emulator
NAME="Azure emulator"
PRETTY_NAME="Python of the machine the emulator runs on"
"""
FILES = {
    "etc/passwd": USERS,
    "etc/group": GROUPS,
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/os-release": SYSTEM,
}
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}
FOLDERS = {"tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755, "root": 0o700, "usr/sbin": 0o755, "etc": 0o755}
BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def python_image(tag: str, work: Path) -> ImageDocument:
    """The base image for a tag of `python`, such as `3.11-slim-bookworm`; its layer is written once for a machine.

    Args:
        work: a folder that keeps layers for the next time.

    Raises:
        LookupError: the tag names no Python 3, or this machine cannot make the image; the message says why.
    """
    match = TAG.fullmatch(tag)
    if match is None:
        raise LookupError(f"the tag '{tag}' names no version of Python 3, such as 3.11-slim-bookworm")
    interpreter = find_interpreter(match["series"])
    image = ImageDocument(configuration(interpreter, tag))
    image.add(base_layer(interpreter, work), f"Python {interpreter.version} of this machine")
    image.note('CMD ["python3"]')
    return image


def configuration(interpreter: Interpreter, tag: str) -> dict[str, object]:
    """Docker Hub's configuration of the image, with labels that say where this one comes from."""
    made = f"the emulator, from this machine's own Python {interpreter.version}"
    return {
        "Env": [
            "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            f"PYTHON_VERSION={interpreter.version}",
            f"SSL_CERT_FILE=/{BUNDLE}",
        ],
        "Cmd": ["python3"],
        "Labels": {
            "org.opencontainers.image.title": f"python {interpreter.version}",
            "org.opencontainers.image.vendor": made,
            "org.opencontainers.image.description": f"made by {made}, in place of docker.io/library/python:{tag}",
        },
    }


@cache
def base_layer(interpreter: Interpreter, work: Path) -> Layer:
    """The layer, from the cache folder while no file it is made of has changed; looked at once for each process."""
    shell = Path("/bin/sh").resolve()
    modules = [path for path in (interpreter.library / "lib-dynload").glob("*.so") if wanted_module(path.name)]
    libraries = closure([interpreter.executable, shell, *modules])
    sources = [*library_files(interpreter.library), interpreter.executable, shell, *libraries.files.values()]
    folder = work / fingerprint([*sources, libraries.loader, Path(certifi.where())])
    if not folder.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work) as temporary:
            root, made = Path(temporary, "root"), Path(temporary, "made")
            made.mkdir()
            fill(root, interpreter, libraries, shell)
            layer = write_layer(entries(root), made / "layer")
            facts = {"digest": layer.digest, "difference": layer.difference, "size": layer.size}
            (made / "layer.json").write_text(json.dumps(facts))
            if not folder.is_dir():
                made.rename(folder)
    return Layer(folder / "layer", **json.loads((folder / "layer.json").read_text()))


def fingerprint(sources: Iterable[Path]) -> str:
    """12 hexadecimal digits of names, sizes and times of the files the layer is made of."""
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(sources)]
    return hashlib.sha256(json.dumps([LAYOUT, FILES, facts]).encode()).hexdigest()[:12]


def library_files(library: Path) -> Iterator[Path]:
    """The files of the standard library that go into the image."""
    for path in sorted(library.rglob("*")):
        parts = path.relative_to(library).parts
        if LEFT_OUT.intersection(parts) or parts[0].startswith("config-") or not path.is_file():
            continue
        if parts[0] != "lib-dynload" or wanted_module(path.name):
            yield path


def wanted_module(name: str) -> bool:
    """Whether an extension module goes into the image."""
    return not name.startswith(MODULES_LEFT_OUT)


def fill(root: Path, interpreter: Interpreter, libraries: Libraries, shell: Path) -> None:
    """Puts everything where it belongs below `root`."""
    name = f"python{interpreter.series}"
    for path in library_files(interpreter.library):
        copy(path, root / "usr/local/lib" / name / path.relative_to(interpreter.library))
    copy(interpreter.executable, root / "usr/local/bin" / name)
    copy(shell, root / "usr/bin/sh")
    copy(libraries.loader, root / merged(libraries.loader))
    for library, path in libraries.files.items():
        copy(path, root / merged(libraries.folder) / library)
    copy(Path(certifi.where()), root / BUNDLE)
    for file, text in FILES.items():
        (root / file).write_text(text)
    compile_library(root, interpreter, root / "usr/local/lib" / name)


def compile_library(root: Path, interpreter: Interpreter, library: Path) -> None:
    """Compiles the standard library, so that a container whose files cannot be written starts as fast as others.

    One file after the other: byte code also depends on what the compiling process has seen before.
    """
    words = [
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        str(root),
        "-p",
        "/",
        str(library),
    ]
    subprocess.run([interpreter.executable, "-I", *words], capture_output=True, check=True)


def entries(root: Path) -> Iterator[Entry]:
    """The layer's entries: every file readable, nothing writable but /tmp and the user's own folder."""
    for entry in folder_entries(root, ""):
        program = entry.source is None or bool(entry.mode & 0o100)
        yield Entry(entry.name, entry.source, entry.target, 0o755 if program else 0o644)
    for name, target in {**LINKS, **interpreter_links(root)}.items():
        yield Entry(name, target=target, mode=0o777)
    for name, mode in FOLDERS.items():
        yield Entry(name, mode=mode)
    yield Entry("app", mode=0o755, user=10001, group=10001)


def interpreter_links(root: Path) -> dict[str, str]:
    """`python3` and `python` beside `python3.11`."""
    program = next((root / "usr/local/bin").iterdir()).name
    return {"usr/local/bin/python3": program, "usr/local/bin/python": program}


def merged(path: Path) -> str:
    """A path below `/usr`, where `/lib` and `/lib64` point today."""
    parts = path.parts[1:]
    return "/".join(parts if parts[0] == "usr" else ("usr", *parts))


def copy(source: Path, target: Path) -> None:
    """Copies a file with its mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o777)
