"""Every command line of `.github/workflows/` and `azure-pipelines/`, read from the files and run in order: pull
requests that are blocked and one that is fine, newer packages, the merge, the night, what has expired.

One checkout with a bare repository beside it, one emulator. Reviews are held against the stack prod on Azure, as a pull
request's are, without an account; what is deployed are stacks of the same names on this machine. The two services'
pipelines have the same verbs (`tests/unit/test_pipelines.py`), so each verb is run by one of them, and what only one of
them has is run by that one: GitHub checks two pull requests, merges and chooses packages; Azure DevOps refuses a pull
request and has the night.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.local.checkout import Checkout
from tests.local.pipeline_reader import DEVOPS, GITHUB, Job, Step, files, jobs_of
from tests.local.pipeline_runner import SERVICE, Done, Runner
from tests.local.platform_stack import PlatformStack
from tests.local.review_changes import PERMISSIONS, PUBLIC, SYSTEM, TAG, Edit
from tests.unit.review_services import AzureDevOpsServer, GitHubServer, serving
from tools.standing import stack_outputs

LOCAL, DEV, PROD = (f"stacks/Pulumi.{name}.yaml" for name in ("local", "dev", "prod"))
TRAIN, MAIN = "ml/jobkit/train.py", "    planned, folder, output, settings = arguments()\n"
OLD_PACKAGES = "ml/environments/scoring.lock.txt"
NARROW = "tests/unit/test_imports.py"
"""By ARGS, which `make` takes from the environment too: the lines `make lint` and `make test` are typed as they stand,
and do not run this suite within itself.
"""


@dataclass(frozen=True)
class Blocked:
    """A change that a rule blocks: how the comment names the rule, and words of the way out that it offers."""

    edits: tuple[Edit, ...]
    rule: str
    fix: str


OWNER = (
    "infra/role_assignments.py",
    "    READER = ",
    '    OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"\n    READER = ',
)
JOBS = "    # Jobs.\n"
GRANT = (PERMISSIONS, JOBS, f'{JOBS}    Permission("compute", Role.OWNER, "ml", "jobs do what they want"),\n')
GPU = (PROD, "vmSize: Standard_DS3_v2", "vmSize: Standard_NC4as_T4_v3")
INSTANCES = (PROD, "instances: 2", "instances: 5")
OLDER_API = ("infra/api-versions.txt", "keyvault:Vault 2024-11-01", "keyvault:Vault 2023-07-01")
"""As an older azure-native sends it: the list is made from the packages, and shows it in a pull request."""
FLOOR = (SYSTEM, '"auc": 0.5', '"auc": 0.3')
WORSE = {
    "cost center removed": Blocked((TAG,), "T-01 required-tags", "mlops:costCenter"),
    "storage for the world": Blocked((PUBLIC,), "N-18 storage-not-for-the-world", "allow_blob_public_access=False"),
    "budget broken": Blocked((INSTANCES,), "C-01 monthly-budget", "mlops:operations.monthlyBudget"),
    "gpu added": Blocked((GPU,), "C-05 gpu-needs-approval", "mlops:policy.exemptions"),
    "owner granted": Blocked((OWNER, GRANT), "R-01 no-owner", "infra/permissions.py"),
    "retiring API": Blocked((OLDER_API,), "L-03 api-ends", "infra/api-lifecycles.yaml"),
    "floor lowered": Blocked((FLOOR,), "M-14 gate-floor-kept", "policies/floors.yaml"),
}
"""They leave each other alone, so that one review tells all of them."""


def emulated(checkout: Checkout, name: str, **settings: str) -> str:
    """The file of a stack of this name on this machine, as small as `local` is here."""
    content: dict[str, Any] = yaml.safe_load(checkout.folder.joinpath(LOCAL).read_text())
    config = content["config"]
    del config["mlops:allowGeneratedData"]
    config |= {"mlops:environment": name, "mlops:rollout": {"stages": [50], "stageSeconds": 5}}
    return yaml.safe_dump({**content, "config": config | {f"mlops:{key}": value for key, value in settings.items()}})


def prod_on_azure(checkout: Checkout) -> str:
    """The stack prod as it is committed, with one part instead of all: a review of it takes half the time."""
    content: dict[str, Any] = yaml.safe_load(checkout.folder.joinpath(PROD).read_text())
    config = content["config"]
    for key in ("dataFactory", "notebooks", "modelSource"):  # it trains: a review says what trains again
        config.pop(f"mlops:{key}", None)
    exemptions = [one for one in config["mlops:policy"]["exemptions"] if one["rule"] != "gpu-needs-approval"]
    config |= {"mlops:platform": ["operations"], "mlops:policy": {"exemptions": exemptions}}
    config["mlops:operations"]["monthlyBudget"] = 2000
    return yaml.safe_dump(content, sort_keys=False)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """A team's project in its repository, and the two services beside it."""
    folder = tmp_path_factory.mktemp("pipelines")
    checkout = Checkout(folder)
    checkout.edit(SYSTEM, "rounds=200", "rounds=12")
    # 500 rows leave about a hundred to judge by.
    for file, old, new in (
        (SYSTEM, '{"auc": 0.80, "accuracy": 0.75}', '{"auc": 0.5, "accuracy": 0.4}'),
        ("policies/floors.yaml", "auc: {at_least: 0.8}", "auc: {at_least: 0.5}"),
        ("policies/floors.yaml", "accuracy: {at_least: 0.75}", "accuracy: {at_least: 0.4}"),
        (TRAIN, MAIN, f"    while not Path({str(folder / 'go')!r}).exists():\n        time.sleep(0.05)\n{MAIN}"),
    ):
        checkout.edit(file, old, new)
    models = {key: value for key, value in configuration(checkout, PROD).items() if key == "modelSource"}
    checkout.folder.joinpath(DEV).write_text(emulated(checkout, "dev"))
    checkout.folder.joinpath(PROD).write_text(prod_on_azure(checkout))
    checkout.folder.joinpath("stacks/Pulumi.bootstrap.yaml").unlink()
    with checkout.folder.joinpath(OLD_PACKAGES).open("a") as file_of_packages:
        file_of_packages.write("# written by an older uv\n")
    try:
        with serving(GitHubServer()) as github, serving(AzureDevOpsServer()) as devops:
            assert isinstance(github, GitHubServer)
            assert isinstance(devops, AzureDevOpsServer)
            made = Runner(checkout, github, devops)
            made.sign_in = lambda: write_prod(checkout, models)
            made.publish()
            yield made
    finally:
        command = [".venv/bin/python", "-m", "emulator", "reset"]
        subprocess.run(command, cwd=checkout.folder, env=checkout.environment, check=False)


def configuration(checkout: Checkout, file: str) -> dict[str, Any]:
    """What a stack's file says, keys without their namespace."""
    content: dict[str, Any] = yaml.safe_load(checkout.folder.joinpath(file).read_text())
    return {key.removeprefix("mlops:"): value for key, value in content["config"].items()}


def write_prod(checkout: Checkout, models: dict[str, str]) -> None:
    """Prod on this machine, which takes its models from where the committed one takes them."""
    checkout.folder.joinpath(PROD).write_text(emulated(checkout, "prod", **models))


def job(folder: Path, file: str, name: str) -> Job:
    """A job by its name."""
    (found,) = [one for one in jobs_of(folder / file) if one.name == name]
    return found


def reviewed(runner: Runner, service: Path, branch: str) -> tuple[Done, str]:
    """What became of a pull request's job `review`, and the comment that it left."""
    done = runner.run(job(service, "pull-request.yml", "review"), branch, pull=True)
    server = runner.github if service == GITHUB else runner.devops
    assert server.comments, done.text
    return done, server.comments[max(server.comments)]


def told(one: Blocked, comment: str) -> bool:
    """Whether a line of a comment names the rule and the way out."""
    return any(f"**{one.rule}**" in line and one.fix in line.partition("**Fix:**")[2] for line in comment.splitlines())


def test_a_fine_pull_request_is_linted_tested_and_reviewed(runner: Runner) -> None:
    runner.branch("fine", [(SYSTEM, "rounds=12", "rounds=14")])
    lint, test, review = jobs_of(GITHUB / "pull-request.yml")
    assert [lint.name, test.name, review.name] == ["lint", "test", "review"]
    for one, said in ((lint, "lint: all clean"), (test, " passed in ")):
        done = runner.run(one, "fine", pull=True, ARGS=NARROW)
        assert not done.failed, done.text
        assert said in done.text
    done, comment = reviewed(runner, GITHUB, "fine")
    assert not done.failed, done.text
    assert "bike_buyer trains again (rounds 12 -> 14)" in comment
    assert "locked" not in comment


def test_a_pull_request_that_breaks_seven_rules_is_blocked_and_each_says_how_to_fix_it(runner: Runner) -> None:
    """One that makes a model worse too: its floor is lowered, so that a model with one tree gets through."""
    edits = [edit for one in WORSE.values() for edit in one.edits]
    runner.branch("worse", [(SYSTEM, "rounds=12", "rounds=1"), *edits])
    done, comment = reviewed(runner, GITHUB, "worse")
    assert done.failed
    assert "Error 5" in done.text
    unfolded = comment.partition("<details>")[0]
    assert [name for name, one in WORSE.items() if not told(one, unfolded)] == [], unfolded
    assert "a gate's floor is lowered (bike_buyer: auc 0.5 → 0.3)" in unfolded


@pytest.mark.long
@pytest.mark.parametrize("name", WORSE)
def test_each_of_them_blocks_by_itself(runner: Runner, name: str) -> None:
    branch = name.replace(" ", "-")
    runner.branch(branch, WORSE[name].edits)
    done, comment = reviewed(runner, GITHUB, branch)
    assert "Error 5" in done.text
    assert told(WORSE[name], comment.partition("<details>")[0]), comment


def test_a_pull_request_that_opens_the_network_is_refused_by_its_key(runner: Runner) -> None:
    runner.branch("open", [(PROD, "mlops:networkProfile: private", "mlops:networkProfile: open")])
    done, thread = reviewed(runner, DEVOPS, "open")
    assert done.failed
    assert 'mlops:networkProfile = "open", but the stack was made as private' in thread
    assert "pulumi config set mlops:networkProfile private --stack prod" in thread


def test_newer_packages_come_as_a_branch_with_their_review(runner: Runner) -> None:
    (lock,) = jobs_of(GITHUB / "dependencies.yml")
    done = runner.run(lock, "main")
    assert not done.failed, done.text
    assert f"{OLD_PACKAGES}: changed" in done.text
    assert "older uv" not in runner.git("show", f"origin/dependencies:{OLD_PACKAGES}")
    assert runner.git("diff", "--name-only", "origin/main", "origin/dependencies").splitlines()
    assert any(line.startswith("gh pr create --head dependencies ") for line in runner.service_commands())
    runner.git("push", "-q", "origin", ":dependencies")
    # The twin on Azure DevOps begins where `make lock` has just been: what it left is put there, not chosen again.
    newer = runner.git("rev-parse", "dependencies")
    runner.git("switch", "-q", "--detach", "origin/main")
    runner.git("branch", "-q", "-D", "dependencies")

    def after(step: Step) -> None:
        if "make lock" in step.script:
            runner.git("restore", f"--source={newer}", "--worktree", ".")

    (lock,) = jobs_of(DEVOPS / "dependencies.yml")
    runner.after = after
    done = runner.run(lock, "main", again=False)
    runner.after = lambda step: None
    assert not done.failed, done.text
    assert runner.git("rev-parse", "origin/dependencies^{tree}") == runner.git("rev-parse", f"{newer}^{{tree}}")
    assert any(line.startswith("az repos pr create --source-branch depend") for line in runner.service_commands())


def test_the_merge_deploys_to_dev_and_waits_for_what_trains_without_the_lock(runner: Runner) -> None:
    runner.merge("fine")
    go = runner.folder.parent / "go"
    locks = runner.folder / ".pulumi-state/.pulumi/locks/organization/mlops/dev"

    def after(step: Step) -> None:
        if step.script.endswith("RUNNING=ok"):
            assert all(one.status != "Completed" for one in runner.checkout.jobs())
            assert not list(locks.glob("*.json"))
            go.touch()

    runner.after = after
    done = runner.run(job(GITHUB, "deploy.yml", "dev"), "main")
    runner.after = lambda step: None
    assert not done.failed, done.text[-6000:]
    assert "Not finished: bike_buyer-gate." in done.text
    (trained,) = runner.checkout.jobs()
    assert f"{trained.name} completed." in done.text
    assert re.search(r'"model":\s*"bike-buyer",\s*"version":\s*1\b', done.text), done.text[-3000:]
    assert re.search(r"serves +version 1 +100 %", done.text), done.text[-3000:]


def test_prod_follows_with_what_dev_proved(runner: Runner) -> None:
    done = runner.run(job(GITHUB, "deploy.yml", "prod"), "main")
    assert not done.failed, done.text[-6000:]
    assert re.search(r"serves +version 1 +100 %", done.text), done.text[-3000:]
    assert len(runner.checkout.jobs()) == 1  # dev's: prod trains nothing
    there, here = (stack_outputs(PlatformStack(runner.checkout, name).resources) for name in ("dev", "prod"))
    (image,) = {one["bike_buyer"]["model"]["image"].rpartition("@")[2] for one in (there, here)}
    assert image.startswith("sha256:")


def test_the_night_learns_what_another_hand_did_and_puts_it_right(runner: Runner) -> None:
    stack = PlatformStack(runner.checkout, "dev")
    before = stack.look()
    (lake,) = [urn for urn, one in stack.azure.items() if urn.endswith("StorageAccount::lake")]
    stack.by_hand("disturb", change=[lake], delete=[])
    assert stack.look()[lake] != before[lake]
    done = runner.run(job(DEVOPS, "night.yml", "dev"), "main")
    assert not done.failed, done.text[-6000:]
    assert "~ lake has changed" in done.text
    assert "No job of stack dev runs." in done.text
    assert "All of dev.plan.json has been carried out: nothing of it is left." in done.text
    assert stack.look() == before


def test_whatever_else_there_is_ends_well(runner: Runner) -> None:
    """What has expired, and each job that nobody has thought of here."""
    for file in files():
        for one in jobs_of(file):
            if not {line for step in one.steps for line in step.lines} <= runner.ran:
                done = runner.run(one, "main")
                assert not done.failed, done.text
    assert "make expired DESTROY=1" in runner.ran


def test_every_line_was_run_and_what_only_a_service_does_is_listed(runner: Runner) -> None:
    steps = [step for file in files() for one in jobs_of(file) for step in one.steps]
    assert {line for step in steps for line in step.lines} - runner.ran == set()
    assert {step.uses for step in steps if step.uses} <= SERVICE.keys()
    asked = [re.sub(r"(?<= )(-.*|dependencies.*)", "", line).strip() for line in runner.service_commands()]
    assert set(asked) <= SERVICE.keys()
