"""Where a review goes: the pull request that this job is about, else the job's own summary."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from review.publish import stale, sticky
from review.publish.azure_devops import AzureDevOps
from review.publish.github import GitHub
from review.publish.http import PublishError

PULL = re.compile(r"^refs/pull/(\d+)/")
NOT_ALLOWED = (401, 403)


def publish(comment: str, page: Path, environment: Mapping[str, str]) -> str:
    """Writes the comment and says where, in a sentence. Without a token, or with one that may not write, as a pull
    request of a fork has, it goes into the job's summary, which everybody can read too.

    Raises:
        PublishError: the service refused for another reason.
    """
    found = place(environment)
    if found is None:
        return summarize(comment, page, environment)
    comments, name, run = found
    try:
        done = sticky.put(comments, comment, run)
    except PublishError as error:
        if error.status not in NOT_ALLOWED:
            raise
        return f"{summarize(comment, page, environment)} No comment was written: {error}"
    return f"The comment on {name}: {done}."


def place(environment: Mapping[str, str]) -> tuple[sticky.Comments, str, int] | None:
    """The pull request's comments, its name, and the number of the run; None where there is none to write to."""
    found = repository(environment)
    if found is None or not found.number:
        return None
    if isinstance(found, GitHub):
        return found, f"{found.repository}#{found.number}", int(environment.get("GITHUB_RUN_ID", "0"))
    return found, f"pull request {found.number}", int(environment.get("BUILD_BUILDID", "0"))


def repository(environment: Mapping[str, str]) -> GitHub | AzureDevOps | None:
    """The repository of a job, and its pull request: number 0 where the job is about none. None without a token."""
    token, system = environment.get("GITHUB_TOKEN", ""), environment.get("SYSTEM_ACCESSTOKEN", "")
    if environment.get("GITHUB_ACTIONS") == "true":
        name = environment.get("GITHUB_REPOSITORY", "")
        api = environment.get("GITHUB_API_URL", "https://api.github.com")
        return GitHub.of(api, token, name, github_number(environment)) if token and name else None
    if not (system and environment.get("SYSTEM_COLLECTIONURI")):
        return None
    collection, project = environment["SYSTEM_COLLECTIONURI"], environment["SYSTEM_TEAMPROJECTID"]
    number = int(environment.get("SYSTEM_PULLREQUEST_PULLREQUESTID") or 0)
    return AzureDevOps.of(collection, project, system, environment["BUILD_REPOSITORY_ID"], number)


def mark_stale(commit: str, branch: str, environment: Mapping[str, str]) -> str:
    """Marks every review of an open pull request into `branch` that was not held against `commit`, and says how many
    there are.

    Raises:
        PublishError: the service refused.
    """
    found = repository(environment)
    if found is None:
        return "Nothing is marked: there is no repository whose pull requests could be looked at, or no token for it."
    pulls: Iterator[tuple[str, sticky.Comments]] = ((f"#{one.number}", one) for one in found.open(branch))
    done = stale.mark(pulls, commit, branch)
    names = f": {', '.join(done.stale)}" if done.stale else ""
    said = f"Open pull requests into {branch}: {done.pulls}, with {done.reviews} reviews; stale{names or ': none'}."
    if done.problems:
        raise PublishError("\n".join([said, *done.problems]))
    return said


def github_number(environment: Mapping[str, str]) -> int:
    """The pull request that an event is about; 0 for any other event."""
    if found := PULL.match(environment.get("GITHUB_REF", "")):
        return int(found[1])
    event = Path(environment.get("GITHUB_EVENT_PATH", ""))
    if not event.is_file():
        return 0
    return int((json.loads(event.read_text()).get("pull_request") or {}).get("number") or 0)


def summarize(comment: str, page: Path, environment: Mapping[str, str]) -> str:
    """The comment in the summary of the job; where there is no such thing it is only printed."""
    if file := environment.get("GITHUB_STEP_SUMMARY", ""):
        with Path(file).open("a") as summary:
            summary.write(comment)
        return "The review is in the summary of the job."
    if environment.get("TF_BUILD", "").lower() == "true":
        return f"##vso[task.uploadsummary]{page.absolute()}\nThe review is in the summary of the run."
    return "The review is printed above: there is no pull request to write it to."
