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
TRIED = {
    "diagram": ("tests/local/test_engine_preview.py", 'run("diagram"'),
    "doctor": ("tests/contract/test_doctor.py", "subscription.findings("),
    "env": ("tests/local/checkout.py", "shell("),
    "export": ("tests/local/test_engine_preview.py", 'run("export"'),
    "preview": ("tests/local/test_engine_preview.py", 'run("preview"'),
    "up": ("tests/local/test_platform_life.py", 'tool("up"'),
}
"""Verbs of blocks that need a subscription, and where each is run without one: offline, or on the emulator."""
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


def test_what_needs_a_subscription_is_tried_without_one() -> None:
    commands = [command for block in BASH if block.where == "azure" for command in block.commands]
    verbs = {verb for command in commands for verb in re.findall(r"\bmake (?:-s )?([a-z-]+)", command)}
    assert verbs == TRIED.keys()
    for verb, (file, words) in TRIED.items():
        assert words in ROOT.joinpath(file).read_text(), f"{file} does not try {verb}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_between_pages_leads_to_something(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        if heading and file.suffix == ".md":
            assert heading in {anchor(line) for line in file.read_text().splitlines() if line.startswith("#")}, target


def anchor(heading: str) -> str:
    """What GitHub makes of a heading: https://docs.github.com/get-started/writing-on-github."""
    words = heading.lstrip("#").strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_verb_that_a_sentence_names_is_one(page: Path) -> None:
    named = set(re.findall(r"`make (?:-s )?([a-z-]+)", page.read_text()))
    assert named <= VERBS


def test_a_command_without_a_fence_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("So:\n\n    make up\n    a table\n\n```\npulumi up\n```\n\n```bash azure\nmake down\n```\n")
    assert unfenced(page) == ["make up", "pulumi up"]
