"""Fetches the official Pulumi release where the network allows it."""

from __future__ import annotations

import platform
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from tools.engine.find import LANGUAGE_PLUGIN, version_of
from tools.progress import SetupError, Step

RELEASES = "https://get.pulumi.com/releases/sdk"
ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}
CONNECT_SECONDS = 5.0


def release_url(version: str) -> str:
    """The address of the release for this machine (the one Pulumi's installer uses)."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    return f"{RELEASES}/pulumi-v{version}-{platform.system().lower()}-{architecture}.tar.gz"


def _unpack(stream: IO[bytes], folder: Path, step: Step) -> None:
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:
        for member in archive:
            source = archive.extractfile(member) if member.isfile() else None
            if source is None:
                continue
            target = folder / Path(member.name).name
            step.detail = target.name
            with target.open("wb") as file:
                shutil.copyfileobj(source, file)
            target.chmod(0o755)


def download(version: str, folder: Path, step: Step) -> bool:
    """Puts the official release into `folder`; False when it cannot be reached from here.

    Raises:
        SetupError: what arrived is not the release asked for.
    """
    try:
        with urllib.request.urlopen(release_url(version), timeout=CONNECT_SECONDS) as answer:  # noqa: S310  https above
            _unpack(answer, folder, step)
    except (OSError, tarfile.TarError, urllib.error.URLError, EOFError):
        for file in folder.iterdir():
            file.unlink()
        return False
    if version_of(folder / "pulumi") != version or not (folder / LANGUAGE_PLUGIN).exists():
        raise SetupError(
            f"{release_url(version)} is not Pulumi {version} with its Python plugin; nothing was installed"
        )
    return True
