"""Every verb of the Makefile calls a command that there is, and is in the table of docs/everyday-work.md."""

from __future__ import annotations

import re

import pytest

from tools.__main__ import application
from tools.versions import ROOT

MAKEFILE = ROOT.joinpath("Makefile").read_text()
RECIPES = dict(re.findall(r"^([a-z-]+): ##.*\n\t\$\(RUN\) ([a-z-]+)", MAKEFILE, re.MULTILINE))
VERBS = re.findall(r"^([a-z-]+): ##", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_documented_and_never_taken_for_a_file(verb: str) -> None:
    table = [line for line in ROOT.joinpath("docs/everyday-work.md").read_text().splitlines() if line.startswith("| `")]
    assert any(re.search(rf"`make {verb}\b", line.partition(" | ")[0]) for line in table)
    assert f" {verb}" in MAKEFILE.partition(".PHONY:")[2].partition("\n")[0].replace("\\", "")


@pytest.mark.parametrize(("verb", "command"), RECIPES.items())
def test_a_verb_calls_a_command_of_its_name(verb: str, command: str) -> None:
    names = {one.name or (one.callback.__name__ if one.callback else "") for one in application.registered_commands}
    assert verb == command
    assert command in names
