"""What README and docs tell people to type can be typed; tests/local/test_docs.py and the stories type it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs import Block, blocks, pages, story, unfenced
from tools.versions import ROOT

MAKEFILE = ROOT.joinpath("Makefile").read_text()
VERBS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
# What the Makefile takes, and what the commands take from the environment.
VARIABLES = {*re.findall(r"^([A-Z]+) \?=", MAKEFILE, re.MULTILINE), *re.findall(r"\(([A-Z]+)\)", MAKEFILE)} | {
    name
    for file in ROOT.joinpath("tools/commands").glob("*.py")
    for name in re.findall(r'envvar="([A-Z]+)"', file.read_text())
}
BASH = [block for block in blocks() if block.language == "bash"]
STORIES = "".join(file.read_text() for file in ROOT.joinpath("tests/local").glob("test_*.py"))


def test_the_blocks_of_the_pages_are_found() -> None:
    assert {"README.md", "docs/everyday-work.md", "ml/systems/bike_buyer/README.md"} <= {block.file for block in BASH}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_in_a_fence_that_says_bash(page: Path) -> None:
    assert unfenced(page) == []


@pytest.mark.parametrize("block", BASH, ids=str)
def test_a_block_is_bash_with_verbs_and_variables_that_there_are(block: Block) -> None:
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    for command in block.commands:
        if call := re.search(r"\bmake (?:-s )?([a-z-]+)(.*)", command):
            verb, rest = call.groups()
            assert verb in VERBS, command
            assert set(re.findall(r"\b([A-Z]+)=", rest)) <= VARIABLES, command


@pytest.mark.parametrize("block", BASH, ids=str)
def test_a_block_says_where_it_is_run(block: Block) -> None:
    assert block.where in ("", "azure", "machine") or block.story, f"{block}: {block.where}"
    if block.story:
        assert story(block.story) == block.commands
        assert f'story("{block.story}")' in STORIES, f"{block}: no test of tests/local takes the story {block.story}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_verb_that_a_sentence_names_is_one(page: Path) -> None:
    named = set(re.findall(r"`make (?:-s )?([a-z-]+)", page.read_text()))
    assert named <= VERBS


def test_a_command_without_a_fence_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("So:\n\n    make up\n    a table\n\n```\npulumi up\n```\n\n```bash azure\nmake down\n```\n")
    assert unfenced(page) == ["make up", "pulumi up"]
