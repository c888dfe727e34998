"""Runs the jobs of workflows and pipelines in a checkout, beside a bare repository that is everybody's origin.

What stands in the files is typed as it stands there. What only a service can do is named in `SERVICE`: where this
repository has a server that behaves like it (comments of pull requests), the commands talk to that one; `gh` and `az`
are asked, and what they were asked is written down. Signing in to Azure gives the emulator: the files of stacks on
Azure become those of stacks on this machine, in that job alone.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.local.checkout import Checkout
from tests.local.pipeline_reader import DEVOPS, Job, Step
from tests.unit.review_services import TOKEN, AzureDevOpsServer, GitHubServer

SERVICE = {
    "actions/checkout": "the commit that the job is about, from the bare repository",
    "checkout": "the same",
    "actions/cache": "nothing: what it keeps are downloads",
    "Cache": "nothing: what it keeps are downloads",
    "azure/login": "the emulator instead of Azure",
    "AzureCLI": "the emulator instead of Azure; its script is run",
    "gh auth setup-git": "asked, and written down",
    "gh pr create": "asked, and written down",
    "az account get-access-token": "asked, and written down",
    "az repos pr create": "asked, and written down",
}
"""What only a service does, and what is done here instead. Set-up (`tools/bootstrap.py`) is left out of every verb:
what it makes is there already, and newer packages are never installed over those of these tests.
"""
CHECKS_OUT, SIGNS_IN = ("actions/checkout", "checkout"), ("azure/login", "AzureCLI")
ISSUES = ("steps.same.outcome == 'failure'", "eq(variables['Agent.JobStatus'], 'SucceededWithIssues')")
"""Conditions that hold once a step has failed which may."""
FOREIGN = ("GITHUB_", "SYSTEM_", "BUILD_", "AGENT_", "TF_BUILD", "GIT_", "ARGS", "MAKE")
PULL, PROJECT, REPOSITORY = "7", "p", "r"
BACKEND = "azblob://state?storage_account=not-there"
SOMEBODY = "0a0a0a0a-0000-4000-8000-000000000000"
GIVEN = {
    "github.base_ref": "main",
    "github.token": TOKEN,
    "!github.event.repository.private": "false",
    "vars.AZURE_CLIENT_ID": SOMEBODY,
    "vars.AZURE_TENANT_ID": SOMEBODY,
    "vars.AZURE_SUBSCRIPTION_ID": SOMEBODY,
    "vars.PULUMI_BACKEND_URL": BACKEND,
    "System.PullRequest.TargetBranchName": "main",
    "System.AccessToken": TOKEN,
    "azureSubscriptionId": SOMEBODY,
    "pulumiBackendUrl": BACKEND,
}
"""What the services know by these names."""
SIGNED_IN = {"servicePrincipalId": SOMEBODY, "tenantId": SOMEBODY, "idToken": "an-id-token"}
"""What the task AzureCLI gives its script."""
STEP_SECONDS = 400
DATE = "2026-12-01T00:00:00Z"
"""Of every commit, so that the same files are the same commit, and its review's base is kept from run to run."""


@dataclass
class Done:
    """What became of a job: what each script printed, in order, and the script that ended it; "" when it ended well."""

    said: list[str] = field(default_factory=list)
    failed: str = ""

    @property
    def text(self) -> str:
        """All that was printed."""
        return "\n".join(self.said)


class Runner:
    """The machines of both services. `ran`: every command line that was run, as it is written in its file."""

    def __init__(self, checkout: Checkout, github: GitHubServer, devops: AzureDevOpsServer) -> None:
        self.checkout, self.github, self.devops = checkout, github, devops
        self.ran: set[str] = set()
        self.used: set[str] = set()
        self.runs = 0
        self.sign_in: Callable[[], None] = lambda: None
        self.after: Callable[[Step], None] = lambda step: None
        """Called after each script."""
        home = checkout.folder.parent
        self.remote, self.asked = home / "remote.git", home / "asked.txt"
        programs = home / "services"
        programs.mkdir()
        self.asked.touch()
        for name in ("gh", "az"):
            file = programs / name
            file.write_text(f'#!/bin/sh\necho "{name} $*" >> {shlex.quote(str(self.asked))}\n')
            file.chmod(0o755)
        kept = {name: value for name, value in checkout.environment.items() if not name.startswith(FOREIGN)}
        dates = {"GIT_AUTHOR_DATE": DATE, "GIT_COMMITTER_DATE": DATE, "MAKEFLAGS": "PYTHON=true"}
        self.environment = {**kept, **dates, "PATH": f"{programs}{os.pathsep}{kept['PATH']}"}

    # -- git

    def git(self, *words: str) -> str:
        """What git answers in the checkout."""
        identity = (
            "-c",
            "user.name=Ada Lovelace",
            "-c",
            "user.email=ada@example.com",
            "-c",
            "advice.detachedHead=false",
        )
        done = subprocess.run(
            ["git", *identity, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    @property
    def folder(self) -> Path:
        return self.checkout.folder

    def publish(self) -> None:
        """Makes the checkout the branch `main` of the bare repository."""
        subprocess.run(["git", "init", "-q", "--bare", self.remote], check=True)
        self.git("init", "-q", "-b", "main")
        self.folder.joinpath(".git/info/exclude").write_text(".venv\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "A team's project")
        self.git("remote", "add", "origin", str(self.remote))
        self.git("push", "-q", "origin", "main")

    def branch(self, name: str, edits: Iterable[tuple[str, str, str]]) -> None:
        """A branch of main with one commit more, pushed."""
        self.git("switch", "-q", "--discard-changes", "-C", name, "origin/main")
        for file, before, after in edits:
            self.checkout.edit(file, before, after)
        self.git("commit", "-qam", name)
        self.git("push", "-q", "origin", name)

    def merge(self, name: str) -> None:
        """What the button of a pull request does."""
        self.git("push", "-q", "origin", f"{name}:main")

    def check_out(self, name: str) -> None:
        """The commit of a branch, as it is in the bare repository, and nothing else that git knows."""
        self.git("fetch", "-q", "origin")
        self.git("reset", "-q", "--hard")
        self.git("switch", "-q", "--detach", f"origin/{name}")

    # -- jobs

    def run(self, job: Job, branch: str, *, pull: bool = False, again: bool = True, **variables: str) -> Done:
        """One job about a branch.

        Args:
            pull: whether it is about the branch's pull request.
            again: whether verbs are run that another service's twin of this job has run already in this state.
            variables: more than the service gives.
        """
        done, issues = Done(), False
        environment = {**self.environment, **self._service(job, pull=pull), **variables}
        self.runs += 1
        for step in job.steps:
            if step.uses:
                self.used.add(step.uses)
            if step.uses in CHECKS_OUT:
                self.check_out(branch)
            elif step.uses in SIGNS_IN:
                self.sign_in()
            if not step.script or not self._holds(step, issues):
                continue
            code, said = self._script(step, environment, again=again)
            done.said.append(said)
            self.ran.update(step.lines)
            self.after(step)
            issues |= code != 0
            if code and not step.goes_on:
                done.failed = step.script
                break
        return done

    @staticmethod
    def _holds(step: Step, issues: bool) -> bool:
        assert step.condition in ("", *ISSUES), f"{step.file.name}: say here when `{step.condition}` holds"
        return issues or not step.condition

    def _service(self, job: Job, *, pull: bool) -> dict[str, str]:
        """What a service tells its jobs."""
        if job.file.parent == DEVOPS:
            told = {"TF_BUILD": "True", "SYSTEM_COLLECTIONURI": self.devops.base, "SYSTEM_TEAMPROJECTID": PROJECT}
            told |= {"BUILD_REPOSITORY_ID": REPOSITORY, "BUILD_BUILDID": str(self.runs)}
            return told | ({"SYSTEM_PULLREQUEST_PULLREQUESTID": PULL} if pull else {})
        told = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": self.github.base, "GITHUB_REPOSITORY": "o/r"}
        return told | {
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_REF": f"refs/pull/{PULL}/merge" if pull else "refs/heads/main",
        }

    def _script(self, step: Step, environment: dict[str, str], *, again: bool) -> tuple[int, str]:
        """Runs the script of a step as its service does: GitHub's shell ends at the first error, that of Azure DevOps
        does not by itself.
        """
        known = step.known(GIVEN)
        if not again:
            lines = [line for line in known.script.splitlines() if line.strip() not in self.ran or not _is_verb(line)]
            known = replace(known, script="\n".join(lines))
        options = [] if step.file.parent == DEVOPS else ["-e"]
        given = SIGNED_IN if step.uses == "AzureCLI" else {}
        result = subprocess.run(
            ["bash", *options, "-c", known.script],
            cwd=self.folder,
            env={**environment, **known.environment, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        return result.returncode, result.stdout

    def service_commands(self) -> list[str]:
        """What `gh` and `az` were asked."""
        return self.asked.read_text().splitlines()


def _is_verb(line: str) -> bool:
    return re.match(r"\s*make ", line) is not None
