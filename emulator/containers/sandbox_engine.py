"""Containers in Linux namespaces, made by util-linux' `unshare`: no root and no container software needed.

A program sees the image as its root, read-only, with a private `/tmp`, and runs under the image's user id without any
capability. What differs from a container: it shares this machine's network and process table, and `/dev` and `/proc`
are this machine's.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from emulator.containers.engine import Start
from emulator.containers.image_paths import CannotRun, ImagePaths, find_program, inside
from emulator.containers.program import Program, start_program

TOOLS = ("unshare", "mount", "sh")
PROBE_SECONDS = 10.0
NOT_FOUND = 127
FROM_MACHINE = ("dev", "proc", "sys")
FILES_FROM_MACHINE = ("etc/hosts", "etc/resolv.conf")
# $1 mount, $2 the image, $3 where the container's root is to be, $4 to $7 where in it /dev, /proc, /sys and /tmp are,
# $8 the number of mounts, then source and target of each, then the command to go on with. Everything mounted is gone
# with the last process of the container.
SCRIPT = """
set -e
mount=$1 image=$2 root=$3
shift 3
"$mount" --bind "$image" "$root"
"$mount" -o remount,bind,ro "$root"
for folder in dev proc sys; do
  "$mount" --rbind "/$folder" "$root$1"
  shift
done
"$mount" -t tmpfs -o mode=1777 tmpfs "$root$1"
count=$2
shift 2
while [ "$count" -gt 0 ]; do
  "$mount" --bind "$1" "$root$2"
  "$mount" -o remount,bind,ro "$root$2"
  shift 2
  count=$((count - 1))
done
exec "$@"
"""


class SandboxEngine:
    """Runs an image's command with the unpacked image as its root."""

    name = "sandbox"

    def __init__(self) -> None:
        self._tools = {tool: found for tool in TOOLS if (found := shutil.which(tool))}

    def trouble(self) -> str:
        """Why it does not work here, empty when it does: everything is tried but the last step, the program."""
        missing = [tool for tool in TOOLS if tool not in self._tools]
        if missing:
            return f"{missing[0]} is not installed"
        with tempfile.TemporaryDirectory() as temporary:
            image, root = Path(temporary, "image"), Path(temporary, "root")
            root.mkdir()
            arguments = self._arguments(image, root, {}, "10001", "/", ("/no-such-program",))
            try:
                tried = subprocess.run(arguments, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
            except (OSError, subprocess.SubprocessError) as error:
                return str(error)
        return "" if tried.returncode == NOT_FOUND else tried.stderr.strip() or f"exit code {tried.returncode}"

    async def start(self, start: Start) -> Program:
        """Starts the program in namespaces of its own."""
        if start.image is None:
            raise CannotRun("a sandbox needs an image")
        specification, configuration = start.specification, start.image.configuration
        paths = ImagePaths(start.image.root, specification.mounts)
        if not start.command:
            raise CannotRun("the image has no entrypoint and no command; give the container a command")
        if find_program(paths, start.command[0], start.environment["PATH"]) is None:
            raise CannotRun(f"exec: '{start.command[0]}': no such program in the image")
        mounts = {str(path): where for path, where in specification.mounts.items()}
        mounts |= {f"/{name}": Path("/", name) for name in FILES_FROM_MACHINE if Path("/", name).exists()}
        arguments = self._arguments(
            start.image.root,
            start.scratch("root"),
            mounts,
            user_id(start.image.root, configuration.user),
            configuration.working_directory or "/",
            start.command,
        )
        return await start_program(arguments, {"HOME": "/tmp", **start.environment}, start.folder, start.log)  # noqa: S108

    def clean(self) -> None:
        """Nothing: mounts go with their namespace, and the host ends processes by their mark."""

    def _arguments(
        self, image: Path, root: Path, mounts: dict[str, Path], user: str, directory: str, command: Sequence[str]
    ) -> list[str]:
        """Two user namespaces: the outer one may mount, the inner one may nothing and has the image's user id.

        Makes the places to mount on, which the program can no longer do.
        """
        own, targets = prepare(image, mounts)
        pairs = [str(path) for pair in zip(mounts.values(), targets, strict=True) for path in pair]
        unshare = self._tools["unshare"]
        inner = [unshare, "--user", f"--map-user={user}", f"--map-group={user}", f"--root={root}", f"--wd={directory}"]
        outer = [unshare, "--user", "--map-root-user", "--mount", "--propagation=private"]
        script = [self._tools["sh"], "-c", SCRIPT, "sh", self._tools["mount"], str(image), str(root)]
        return [*outer, "--", *script, *own, str(len(mounts)), *pairs, *inner, "--", *command]


def prepare(image: Path, mounts: Mapping[str, Path]) -> tuple[list[str], list[str]]:
    """Makes the places to mount on; an image's folder is shared by its containers and holds nothing of theirs.

    Returns:
        The places of `/dev`, `/proc`, `/sys` and `/tmp`, and those of the mounts: the image's links are followed in
        them, since the kernel would follow them out of the image.

    Raises:
        CannotRun: a mount's target has `..` in it.
    """
    own = [inside(image, name) for name in (*FROM_MACHINE, "tmp")]
    for place in own:
        place.mkdir(parents=True, exist_ok=True)
    targets = [mount_place(image, target, source) for target, source in mounts.items()]
    return below(image, own), below(image, targets)


def mount_place(image: Path, target: str, source: Path) -> Path:
    """The folder or file of the image that a mount hides, made when it is not there."""
    if ".." in PurePosixPath(target).parts:
        raise CannotRun(f"'{target}' cannot be mounted on: give the path without '..'")
    place = inside(image, target)
    if source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return place


def below(image: Path, places: Sequence[Path]) -> list[str]:
    """Absolute paths in the container."""
    return [f"/{place.relative_to(image)}" for place in places]


def user_id(image: Path, user: str) -> str:
    """The number of an image's user; `10001:10001`, `app` and nothing (root) are all allowed.

    Raises:
        CannotRun: the image has no user of that name.
    """
    name = user.partition(":")[0] or "0"
    if name.isdecimal():
        return name
    file = inside(image, "etc/passwd")
    for line in file.read_text().splitlines() if file.exists() else []:
        fields = line.split(":")
        if fields[0] == name:
            return fields[2]
    raise CannotRun(f"the image has no user '{name}'")
