"""Builds the Pulumi engine from Go modules, for machines that cannot reach Pulumi's own downloads.

`go.mod` and `go.sum` beside this file pin every module. The Go language host is a module that proxies do not serve: the
launcher in `bin/` starts `tools/language_host.py` in its place.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.cache import cache_folder
from tools.engine.find import version_of
from tools.machine.locks import file_lock
from tools.progress import Progress, SetupError, Step, run
from tools.versions import at_least

HERE = Path(__file__).resolve().parent
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
OTHERWISE = "or install Pulumi itself (https://www.pulumi.com/docs/install/) and run this again"


def needed_go() -> str:
    """The oldest Go that builds the pinned modules."""
    found = re.search(r"^go (\S+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise SetupError(f"{HERE / 'go.mod'} names no Go version: restore the file")
    return found.group(1)


def check_go() -> None:
    """Sees to it that Go is there and new enough.

    Raises:
        SetupError: it is missing or too old.
    """
    needed = needed_go()
    if not shutil.which("go"):
        raise SetupError(f"Go {needed} or newer is needed to build the engine: see https://go.dev/dl, {OTHERWISE}")
    said = subprocess.run(
        ["go", "env", "GOVERSION", "GOTOOLCHAIN"], capture_output=True, text=True, cwd="/", check=False
    )
    have, _, toolchain = said.stdout.strip().partition("\n")
    fetches_newer = toolchain != "local" and at_least(have or "0", "1.21")
    if not at_least(have or "0", needed) and not fetches_newer:
        raise SetupError(
            f"Go {needed} or newer is needed, this is {have or 'broken'}: see https://go.dev/dl, {OTHERWISE}"
        )


def go_environment(work: Path) -> dict[str, str]:
    """Keeps what Go downloads and compiles inside our cache folder, unless the caller chose other places."""
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly -modcacherw"}
    environment.setdefault("GOMODCACHE", str(work / "modules"))
    environment.setdefault("GOCACHE", str(work / "objects"))
    return environment


class _Counter:
    """Turns the lines of `go list` and `go build -v` into a count."""

    def __init__(self, verb: str, total: int = 0) -> None:
        self.verb, self.total, self.count = verb, total, 0

    def __call__(self, line: str) -> str | None:
        if (self.total and " " in line) or (not self.total and not line.startswith("go: downloading")):
            return None
        self.count += 1
        return f"{self.verb} {self.count}" + (f" of {self.total} packages" if self.total else " modules")


def _query(environment: dict[str, str], *words: str) -> str:
    said = subprocess.run(["go", *words], cwd=HERE, env=environment, capture_output=True, text=True, check=True)
    return said.stdout.strip()


def _compile(version: str, folder: Path, step: Step, environment: dict[str, str]) -> None:
    nice = ["nice"] if shutil.which("nice") else []
    listing = ["go", "list", "-deps", "-f", "{{.ImportPath}}", PACKAGE]
    run([*nice, *listing], step, _Counter("downloaded"), cwd=HERE, env=environment)
    total = len(_query(environment, *listing[1:]).splitlines())
    flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{version}"
    command = [*nice, "go", "build", "-v", "-ldflags", flags, "-o", str(folder / "pulumi"), PACKAGE]
    run(command, step, _Counter("compiled", total), cwd=HERE, env=environment)


def build(version: str, folder: Path, step: Step, progress: Progress) -> None:
    """Puts a freshly built engine, its two scripts and our launcher into `folder`.

    Raises:
        SetupError: Go is missing or too old, modules cannot be fetched, or the build failed.
    """
    check_go()
    work = cache_folder() / "go"
    environment = go_environment(work)
    with file_lock(cache_folder() / "go.lock", lambda: progress.say("another Go build is running; waiting for it")):
        _compile(version, folder, step, environment)
        sdk = Path(_query(environment, "list", "-m", "-f", "{{.Dir}}", SDK))
        for source in (*(sdk / script for script in SCRIPTS), *(HERE / "bin").iterdir()):
            shutil.copyfile(source, folder / source.name)
            (folder / source.name).chmod(0o755)
        if version_of(folder / "pulumi") != version:
            raise SetupError(
                f"the engine that was built does not say it is {version}; remove {work} and run this again"
            )
        step.detail = "tidying up"
        shutil.rmtree(work, ignore_errors=True)
