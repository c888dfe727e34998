"""Makes what this checkout needs and is not there yet: uv, `.venv`, the Pulumi engine, the container registry.

Needs nothing but Python's standard library: `python3 tools/bootstrap.py`. Every verb of the Makefile calls it first;
it is done in a fraction of a second when there is nothing to make. Writes only to the checkout and to one cache
folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import time

if sys.version_info < (3, 11):  # noqa: UP036  this file has to say so to an old Python itself
    for _name in ("python3.12", "python3.11"):
        if shutil.which(_name):
            os.execvp(_name, [_name, *sys.argv])  # noqa: S606
    sys.exit("Python 3.11 or newer is needed, this is {}.{}: put python3.11 on PATH.".format(*sys.version_info[:2]))

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from tools import announcement, virtualenv  # noqa: E402
from tools.cache import cache_folder, make_once  # noqa: E402
from tools.engine import find  # noqa: E402
from tools.images import find as images  # noqa: E402
from tools.progress import Progress, SetupError, duration  # noqa: E402

FREE_GIGABYTES = 6


def make_engine(progress: Progress) -> find.Engine:
    """Downloads the engine or builds it, into the cache folder.

    Raises:
        SetupError: neither works here; the message says what to install.
    """
    from tools.engine import build, download  # a run with nothing to make does without them

    version = find.wanted_version()
    folder = find.cached_folder(version)

    def waiting() -> None:
        progress.say("another set-up makes the engine; waiting for it")

    with progress.step(f"Pulumi engine {version}") as step:

        def make(new: os.PathLike[str]) -> None:
            path = type(folder)(new)
            if not download.download(version, path, step):
                step.detail = ""
                progress.say(f"{download.RELEASES} cannot be reached from here: the engine is built instead")
                build.build(version, path, step, progress)

        make_once(folder, make, waiting)
    engine = find.find()
    if engine is None:
        raise SetupError(f"the engine in {folder} does not run; remove that folder and run this again")
    return engine


def make_images(programs: list[images.Program], progress: Progress) -> None:
    """Builds the registry server and its client into the cache folder."""
    from tools.images import build

    build.build(programs, progress)


def announce(progress: Progress, packages: bool, engine: bool, programs: list[images.Program]) -> None:
    """Says what will be made and why, how long it takes here and how much disk it needs."""
    for line in announcement.lines(packages, engine, programs):
        progress.say(line)
    progress.say(f"Writes only to this checkout and to {cache_folder()}")
    cache_folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache_folder()).free / 1e9
    if free < FREE_GIGABYTES:
        raise SetupError(
            f"only {free:.1f} GB are free there, {FREE_GIGABYTES} are needed: make room or set XDG_CACHE_HOME"
        )


def main() -> int:
    """Brings the checkout up to date; 0 when all is there."""
    progress, started = Progress(), time.monotonic()
    try:
        packages, engine, programs = not virtualenv.is_current(), find.find() is None, images.missing()
        if not packages and not engine and not programs:
            return 0
        announce(progress, packages, engine, programs)
        if packages:
            virtualenv.sync(progress)
        if engine:
            make_engine(progress)
        if programs:
            make_images(programs, progress)
    except SetupError as error:
        progress.say(f"\nSet-up stopped: {error}")
        return 1
    except KeyboardInterrupt:
        progress.say("\nSet-up interrupted; the next run goes on from here.")
        return 130
    progress.say(f"Set-up complete in {duration(time.monotonic() - started)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
