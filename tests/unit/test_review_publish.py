"""One comment for each project and stack, on both services, whatever else happens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from review.publish import place, sticky
from review.publish.azure_devops import AzureDevOps
from review.publish.github import GitHub
from review.publish.http import PublishError
from review.publish.sticky import Done
from tests.unit.review_services import TOKEN, Answer, AzureDevOpsServer, GitHubServer, Server, serving

MARKER = "<!-- mlops-review project=mlops stack=dev -->"
BODY = f"{MARKER}\nfirst\n"
Waits = list[float]


@pytest.fixture(params=[GitHubServer, AzureDevOpsServer])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(request.param()) as running:
        yield running


@pytest.fixture
def waits() -> Waits:
    return []


def comments(server: Server, token: str = TOKEN, pause: Callable[[float], None] = lambda seconds: None) -> Any:
    """The client of the service that a server behaves like."""
    if isinstance(server, GitHubServer):
        found: Any = GitHub.of(server.base, token, "o/r", 7)
    else:
        found = AzureDevOps.of(server.base, "p", token, "r", 7)
    return replace(found, service=replace(found.service, pause=pause))


def texts(server: Server) -> list[str]:
    return [sticky.without_run(text) for _, text in sorted(server.comments.items())]


def test_the_second_run_edits_what_the_first_made(server: Server) -> None:
    for number in range(5):
        server.add(f"somebody's {number}")
    assert sticky.put(comments(server), BODY, 1) is Done.CREATED
    assert sticky.put(comments(server), BODY.replace("first", "second"), 2) is Done.EDITED
    assert texts(server)[5:] == [f"{MARKER}\nsecond"]


def test_the_same_text_is_not_written_again(server: Server) -> None:
    sticky.put(comments(server), BODY, 1)
    before = len(server.requests)
    assert sticky.put(comments(server), BODY, 2) is Done.UNCHANGED
    assert all(one.startswith("GET") for one in server.requests[before:])


def test_another_stack_has_a_comment_of_its_own(server: Server) -> None:
    sticky.put(comments(server), BODY, 1)
    assert sticky.put(comments(server), BODY.replace("stack=dev", "stack=prod"), 1) is Done.CREATED
    assert len(server.comments) == 2


def test_an_older_run_that_comes_late_leaves_the_later_ones_text(server: Server) -> None:
    sticky.put(comments(server), BODY.replace("first", "of the later run"), 9)
    assert sticky.put(comments(server), BODY, 8) is Done.OLDER
    assert texts(server) == [f"{MARKER}\nof the later run"]


def test_a_marker_that_somebody_pasted_is_not_ours_to_change(server: Server) -> None:
    server.foreign.add(server.add(BODY.replace("first", "pasted")))
    assert sticky.put(comments(server), BODY, 1) is Done.CREATED
    assert texts(server) == [f"{MARKER}\npasted", f"{MARKER}\nfirst"]
    assert sticky.put(comments(server), BODY.replace("first", "second"), 2) is Done.EDITED
    assert texts(server)[1] == f"{MARKER}\nsecond"


def test_a_comment_that_was_deleted_meanwhile_is_made_anew(server: Server) -> None:
    sticky.put(comments(server), BODY, 1)

    def delete(method: str, path: str) -> None:
        if method == "PATCH":
            server.comments.clear()

    server.before = delete
    assert sticky.put(comments(server), BODY.replace("first", "second"), 2) is Done.CREATED
    assert texts(server) == [f"{MARKER}\nsecond"]


@pytest.mark.parametrize("other", [1, 3], ids=["an earlier run", "a later run"])
def test_two_runs_at_once_leave_one_comment_with_the_later_ones_text(server: Server, other: int) -> None:
    def race(method: str, path: str) -> None:
        if method == "POST" and not server.comments:
            server.add(f"{MARKER}\nrun {other}\n<!-- mlops-review-run {other} -->\n")

    server.before = race
    sticky.put(comments(server), BODY.replace("first", "run 2"), 2)
    assert texts(server) == [f"{MARKER}\nrun {max(2, other)}"]


def test_a_conflict_is_looked_at_again(server: Server) -> None:
    sticky.put(comments(server), BODY, 1)
    server.refusals = [Answer(409, {"message": "conflict"})]
    assert sticky.put(comments(server), BODY.replace("first", "second"), 2) is Done.EDITED


@pytest.mark.parametrize(
    ("refusal", "waited"),
    [
        (Answer(429, {"message": "slow down"}, {"retry-after": "7"}), 7.0),
        (Answer(403, {"message": "secondary rate limit"}, {"retry-after": "3"}), 3.0),
        (Answer(429, {"message": "slow down"}, {"retry-after": "86400"}), 60.0),
        (Answer(502, {"message": "bad gateway"}), 1.0),
    ],
)
def test_what_passes_is_waited_for(server: Server, waits: Waits, refusal: Answer, waited: float) -> None:
    server.refusals = [refusal]
    assert sticky.put(comments(server, pause=waits.append), BODY, 1) is Done.CREATED
    assert waits == [waited]
    assert len(server.comments) == 1


def test_a_limit_that_does_not_pass_is_told(server: Server, waits: Waits) -> None:
    server.refusals = [Answer(429, {"message": "slow down"}) for _ in range(9)]
    with pytest.raises(PublishError, match="429 slow down"):
        sticky.put(comments(server, pause=waits.append), BODY, 1)
    assert waits == [1.0, 2.0, 4.0]


def test_a_token_that_is_none_says_which_is_wanted(server: Server) -> None:
    with pytest.raises(PublishError, match=r"401.*(GITHUB_TOKEN|SYSTEM_ACCESSTOKEN)"):
        sticky.put(comments(server, token="another"), BODY, 1)


def test_a_missing_permission_says_which(server: Server) -> None:
    server.refusals = [Answer(403, {"message": "no"})]
    with pytest.raises(PublishError, match=r"pull-requests: write|Contribute to pull requests"):
        sticky.put(comments(server), BODY, 1)


def test_a_text_that_is_too_long_is_told_without_trying_again() -> None:
    with serving(GitHubServer()) as server, pytest.raises(PublishError, match=r"422 Validation Failed.*65,536"):
        sticky.put(comments(server), BODY + "x" * 70_000, 1)
    assert sum(one.startswith("POST") for one in server.requests) == 1


def test_no_token_goes_to_another_host() -> None:
    with serving(GitHubServer()) as server:
        server.page = 0  # a Link to itself, for ever
        found = comments(server)
        with pytest.raises(PublishError, match="no token is sent there"):
            found.service.send("GET", "https://example.invalid/next")


def environment(server: Server, folder: Path, **more: str) -> dict[str, str]:
    """What a job of the service knows."""
    if isinstance(server, GitHubServer):
        known = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "o/r", "GITHUB_REF": "refs/pull/7/merge"}
        known |= {"GITHUB_API_URL": server.base, "GITHUB_TOKEN": TOKEN, "GITHUB_RUN_ID": "5"}
        return known | {"GITHUB_STEP_SUMMARY": str(folder / "summary.md")} | more
    known = {"TF_BUILD": "True", "SYSTEM_ACCESSTOKEN": TOKEN, "SYSTEM_COLLECTIONURI": f"{server.base}/"}
    known |= {"SYSTEM_TEAMPROJECTID": "p", "BUILD_REPOSITORY_ID": "r", "SYSTEM_PULLREQUEST_PULLREQUESTID": "7"}
    return known | {"BUILD_BUILDID": "5"} | more


def test_a_job_writes_to_its_own_pull_request(server: Server, tmp_path: Path) -> None:
    said = place.publish(BODY, tmp_path / "page.md", environment(server, tmp_path))
    assert said.endswith("created.")
    assert sticky.run_of(next(iter(server.comments.values()))) == 5


@pytest.mark.parametrize("how", ["no token", "a token that may only read"])
def test_a_pull_request_of_a_fork_has_its_review_in_the_summary(server: Server, tmp_path: Path, how: str) -> None:
    known = environment(server, tmp_path)
    if how == "no token":
        known = {name: value for name, value in known.items() if value != TOKEN}
    else:
        server.refusals = [Answer(403, {"message": "Resource not accessible by integration"})]
    said = place.publish(BODY, tmp_path / "page.md", known)
    assert "in the summary of the" in said
    assert not server.comments
    if isinstance(server, GitHubServer):
        assert tmp_path.joinpath("summary.md").read_text() == BODY
    else:
        assert f"##vso[task.uploadsummary]{tmp_path}/page.md" in said


def test_outside_of_a_pipeline_nothing_is_written(tmp_path: Path) -> None:
    assert "no pull request" in place.publish(BODY, tmp_path / "page.md", {})


def test_the_number_is_also_found_in_the_event(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 12}}')
    assert place.github_number({"GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_PATH": str(event)}) == 12
