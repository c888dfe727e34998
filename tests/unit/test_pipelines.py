"""Workflows and pipelines: valid, with verbs alone, without a secret, and the same on GitHub and Azure DevOps."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.federation_settings import GitHubSettings
from tools.cache import cache_folder, make_once
from tools.engine.build import go_environment
from tools.stacks import load_stack, stack_names
from tools.versions import ROOT

GITHUB = sorted(ROOT.joinpath(".github/workflows").glob("*.yml"))
DEVOPS = sorted(ROOT.joinpath("azure-pipelines").glob("*.yml"))
TEMPLATES = sorted(ROOT.joinpath("azure-pipelines/templates").glob("*.yml"))
ALL = [*GITHUB, *DEVOPS, *TEMPLATES]
MAKEFILE = ROOT.joinpath("Makefile").read_text()
VERBS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
OTHERS = {"az", "git", "gh", "set", "export"}
"""What else a line may begin with: signing in, the branch of the weekly pull request, and the shell's own."""
PINNED = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
FLAVOURS = {
    "github": ("vendor.github-workflows", GITHUB),
    "azure": ("vendor.azure-pipelines", [*DEVOPS, *TEMPLATES]),
}
CHANGES = {"up", "refresh", "down", "expired"}
"""Verbs that need a cloud."""


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def loaded(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text()))


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping of a document, outer ones first."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(one)


def lines(file: Path) -> list[str]:
    """Every command line of a file, in order."""
    texts = [
        one[key] for one in mappings(loaded(file)) for key in ("run", "script", "inlineScript", "verbs") if key in one
    ]
    return [line.strip() for text in texts if isinstance(text, str) for line in text.splitlines() if line.strip()]


def verbs(file: Path) -> list[str]:
    """The lines that call `make`, without the set-up before a sign-in, which Azure DevOps has in a template."""
    return [line for line in lines(file) if line.startswith("make ") and not line.startswith("make env ")]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_service_takes_the_files(flavour: str) -> None:
    schema, files = FLAVOURS[flavour]
    words = ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"] if flavour == "azure" else []
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", schema, *words, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """Built from the Go module that `actionlint/go.mod` pins, once for all clones."""
    modules = Path(__file__).parent / "actionlint"
    found = re.search(r"actionlint v(\S+)", modules.joinpath("go.mod").read_text())
    assert found is not None
    folder = cache_folder() / f"actionlint-{found[1]}"
    if not folder.is_dir() and not shutil.which("go"):
        pytest.skip("no Go to build actionlint with")

    def make(place: Path) -> None:
        command = ["go", "build", "-o", str(place / "actionlint"), "github.com/rhysd/actionlint/cmd/actionlint"]
        subprocess.run(command, cwd=modules, env=go_environment(cache_folder() / "go"), check=True)

    make_once(folder, make)
    return folder / "actionlint"


def test_actionlint_finds_nothing(actionlint: Path) -> None:
    done = subprocess.run([actionlint, "-no-color", *GITHUB], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_actionlint_would_find_a_job_that_there_is_not(actionlint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "deploy.yml"
    broken.write_text(ROOT.joinpath(".github/workflows/deploy.yml").read_text().replace("needs: dev", "needs: test"))
    assert subprocess.run([actionlint, broken], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("file", ALL, ids=named)
def test_what_waits_for_something_waits_for_what_there_is(file: Path) -> None:
    document = loaded(file)
    there = {one[key] for one in mappings(document) for key in ("stage", "job", "deployment") if key in one}
    there |= set(document["jobs"]) if isinstance(document.get("jobs"), dict) else set()
    for one in mappings(document):
        waits = one.get("needs", one.get("dependsOn", []))
        assert ({waits} if isinstance(waits, str) else set(waits)) <= there


@pytest.mark.parametrize("file", DEVOPS, ids=named)
def test_templates_that_are_used_are_there(file: Path) -> None:
    used = [one["template"] for one in mappings(loaded(file)) if "template" in one]
    assert used
    assert all(file.parent.joinpath(name).is_file() for name in used)


@pytest.mark.parametrize("file", ALL, ids=named)
def test_a_command_is_a_verb_of_the_makefile(file: Path) -> None:
    for line in lines(file):
        words = shlex.split(line)
        if "parameters.verbs" in line:
            continue
        assert words[0] in {"make", *OTHERS}, line
        if words[0] == "make":
            assert words[1] in VERBS, line


@pytest.mark.parametrize("file", ALL, ids=named)
def test_stacks_and_files_that_are_named_are_there(file: Path) -> None:
    for line in verbs(file):
        given = dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)
        assert given.get("STACK", "all") in {"all", *stack_names()}, line
        assert ROOT.joinpath(given.get("FILE", ".")).exists(), line


@pytest.mark.parametrize("file", GITHUB, ids=named)
def test_github_and_azure_devops_run_the_same_verbs_in_the_same_order(file: Path) -> None:
    assert verbs(file) == verbs(ROOT / "azure-pipelines" / file.name)


def test_every_workflow_has_its_pipeline() -> None:
    assert [file.name for file in GITHUB] == [file.name for file in DEVOPS]


@pytest.mark.parametrize("file", GITHUB, ids=named)
def test_actions_are_pinned_and_rights_are_given_by_job(file: Path) -> None:
    uses = [line for line in file.read_text().splitlines() if "uses:" in line]
    assert uses
    assert all(PINNED.search(line) for line in uses)
    document = loaded(file)
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"]
        # Azure is for a job of an environment alone, whose name is the subject that the identity trusts.
        assert ("environment" in job) == (job["permissions"].get("id-token") == "write")


@pytest.mark.parametrize("file", ALL, ids=named)
def test_no_secret_is_stored(file: Path) -> None:
    text = file.read_text()
    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert not re.search(r"client.?secret|servicePrincipalKey|password", text, re.IGNORECASE)


@pytest.mark.parametrize("file", ALL, ids=named)
def test_a_checkout_leaves_no_token_behind(file: Path) -> None:
    """Whatever runs after it, newer packages above all, would find it in the settings of git."""
    for step in mappings(loaded(file)):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        if "checkout" in step:
            assert step["persistCredentials"] == "false"


@pytest.mark.parametrize("file", [file for file in ALL if file.stem == "dependencies"], ids=named)
def test_newer_packages_never_run_beside_a_token_that_may_write(file: Path) -> None:
    """From the step on that chooses them, `make` is what runs them; a token is for the last step, which runs none."""
    steps = [step for step in mappings(loaded(file)) if {"run", "script"} & step.keys()]
    *others, last = [(str(step.get("run", step.get("script"))), step.get("env", {})) for step in steps]
    assert "make lock UPGRADE=1" in [text for text, _ in others]
    assert all(not environment for _, environment in others)
    assert any("oken" in value for value in last[1].values())
    assert "make " not in last[0]
    assert ".venv" not in last[0]


@pytest.mark.parametrize("file", [file for file in ALL if file.stem == "pull-request"], ids=named)
def test_the_code_of_a_fork_gets_nothing_to_sign_in_with(file: Path) -> None:
    text = file.read_text()
    assert "id-token" not in text
    assert "azure/login" not in text
    assert "templates/azure.yml" not in text
    assert not {line.split()[1] for line in verbs(file)} & CHANGES


@pytest.mark.parametrize("file", GITHUB, ids=named)
def test_whatever_changes_a_stack_is_alone_on_it_and_is_never_cancelled(file: Path) -> None:
    for job in loaded(file)["jobs"].values():
        commands = [str(step.get("run", "")) for step in job["steps"]]
        stacks = {found for text in commands for found in re.findall(r"make (?:up|refresh) STACK=(\w+)", text)}
        for stack in stacks:
            assert job["concurrency"] == {"group": f"stack-{stack}", "cancel-in-progress": False}
            assert job["environment"] == stack


@pytest.mark.parametrize("file", DEVOPS, ids=named)
def test_a_stage_of_azure_devops_waits_for_its_turn(file: Path) -> None:
    for stage in loaded(file).get("stages", []):
        assert stage["lockBehavior"] == "sequential"
        assert [job["environment"] for job in stage["jobs"]] == [stage["stage"]]


@pytest.mark.parametrize("name", ["deploy", "night"])
def test_what_trains_is_waited_for_without_the_lock_and_then_the_plan_is_carried_out(name: str) -> None:
    commands = [line for line in verbs(ROOT / f".github/workflows/{name}.yml") if " STACK=dev" in line]
    first = commands.index("make up STACK=dev PLAN=dev.plan.json RUNNING=ok")
    assert commands[first + 1 : first + 3] == ["make wait STACK=dev", "make up STACK=dev PLAN=dev.plan.json"]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_system_of_a_stack_is_asked_after_it_was_brought_up(stack: str) -> None:
    systems = load_stack(stack).configuration()["config"]["mlops:systems"]
    commands = verbs(ROOT / ".github/workflows/deploy.yml")
    asked = [line for line in commands if line.startswith(f"make score STACK={stack} ")]
    assert [dict(word.split("=") for word in line.split()[2:])["SYSTEM"] for line in asked] == list(systems)
    assert all(commands.index(line) > commands.index(f"make up STACK={stack} PLAN={stack}.plan.json") for line in asked)


def test_environments_have_names_that_the_federation_takes() -> None:
    jobs = [job for file in GITHUB for job in loaded(file)["jobs"].values()]
    environments = tuple({job["environment"] for job in jobs if "environment" in job})
    assert GitHubSettings(repository="example/mlops", environments=environments).environments == environments
