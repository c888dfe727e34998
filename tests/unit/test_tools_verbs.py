"""Every verb of the Makefile calls a command that there is, and is in the table of docs/everyday-work.md."""

from __future__ import annotations

import re

import pytest
from typer.main import get_group

from tools.__main__ import application, verbs
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
    assert verb == command
    assert command in verbs()


def test_the_verbs_that_are_read_are_those_that_there_are() -> None:
    """One at a time too: only its own module is imported."""
    assert set(get_group(application()).commands) == set(verbs())
    for verb in verbs():
        assert verb in get_group(application(verb)).commands
