"""A job's own Python: links to the interpreter stay links, programs are copied, whatever they are called."""

from __future__ import annotations

from pathlib import Path

from emulator.machine_learning.jobs.runner.own_environment import make_own_environment


def test_programs_whose_name_begins_with_python_are_copied(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "bin").mkdir(parents=True)
    (shared / "pyvenv.cfg").touch()
    (shared / "bin" / "python").symlink_to("/usr/bin/python3")
    (shared / "bin" / "python3").symlink_to("python")
    program = shared / "bin" / "python-argcomplete-check"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    programs = make_own_environment(shared, tmp_path / "own") / "bin"
    assert (programs / "python").readlink() == Path("/usr/bin/python3")
    assert (programs / "python3").readlink() == Path("python")
    assert not (programs / program.name).is_symlink()
    assert (programs / program.name).read_text() == "#!/bin/sh\n"
